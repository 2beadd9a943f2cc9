/* sctp_packet.h
 * An SCTP packet (RFC 9260, 3), as it lies in DTLS for the data channels of WebRTC (RFC 8261):
 *
 *     0               16                              32
 *     +---------------+-------------------------------+
 *     | source port   | destination port              |
 *     +---------------+-------------------------------+
 *     | verification tag: of the association, for this direction; 0 with INIT only
 *     +-----------------------------------------------+
 *     | checksum: CRC32c; 0 where it was agreed to leave it out (RFC 9653)
 *     +-------+-------+-------------------------------+
 *     | type  | flags | length, header included       |  a chunk, and more until the packet ends
 *     +-------+-------+-------------------------------+
 *     | value, and up to 3 bytes of padding that length does not count
 *
 * User data is in DATA, or in I-DATA (RFC 8260): one message, or a fragment of one.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SCTP_PACKET_H
#define SCTP_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define SCTP_HEADER_SIZE       12U
#define SCTP_CHUNK_HEADER_SIZE 4U

enum sctp_chunk_type {
    SCTP_DATA = 0,
    SCTP_INIT = 1,
    SCTP_INIT_ACK = 2,
    SCTP_SACK = 3,
    SCTP_ABORT = 6,
    SCTP_SHUTDOWN = 7,
    SCTP_NR_SACK = 16,
    SCTP_I_DATA = 64,        /* RFC 8260 */
    SCTP_RE_CONFIG = 130,    /* RFC 6525 */
    SCTP_FORWARD_TSN = 192,  /* RFC 3758 */
    SCTP_I_FORWARD_TSN = 194 /* RFC 8260 */
};

struct sctp_header {
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t tag;
};

struct sctp_chunk {
    uint8_t        type; /* enum sctp_chunk_type, or another one */
    uint8_t        flags;
    const uint8_t *value;
    uint32_t       size;   /* bytes at value: at least as many as the type needs */
    uint32_t       offset; /* of value in the packet */
};

/* What DATA and I-DATA say. */
struct sctp_data {
    uint32_t       tsn;
    uint16_t       stream;
    bool           is_i_data;
    bool           first; /* fragment of its message */
    bool           last;
    bool           unordered;
    uint32_t       order; /* number of the message in its stream: 16 bits (DATA) or 32 */
    uint32_t       fsn;   /* I-DATA: number of the fragment, 0 for the first */
    uint32_t       ppid;  /* payload protocol; I-DATA: of the first fragment only, else 0 */
    const uint8_t *payload;
    uint32_t       size;   /* bytes at payload, not 0 */
    uint32_t       offset; /* of payload in the packet */
};

/* What INIT and INIT ACK say. */
struct sctp_init {
    uint32_t tag; /* for the packets that its sender will receive */
    uint32_t tsn; /* of the first data that it will send */
};

enum sctp_check {
    SCTP_IS_NOT,
    SCTP_IS,
    SCTP_MAY_BE /* all but the checksum is right, which is 0 */
};

/* Whether data, which is long enough for a header and that of a chunk, can begin an SCTP packet: the type of its first
 * chunk is known, as that of one in eleven by chance. */
bool sctp_packet_may_begin(const uint8_t *data);

/* Whether data is an SCTP packet as a whole: ports, tag, a chain of known chunks that ends where it does, each as long
 * as it must be, and the checksum. */
enum sctp_check sctp_packet_check(const uint8_t *data, uint32_t size);

/* The header of a packet that passed the check, as must those below. */
struct sctp_header sctp_packet_header(const uint8_t *data);

/* The next chunk; false when there is none. *at is 0 before the first one. */
bool sctp_packet_next(const uint8_t *data, uint32_t size, uint32_t *at, struct sctp_chunk *chunk);

/* Reads DATA or I-DATA; false for any other chunk. */
bool sctp_data_read(const struct sctp_chunk *chunk, struct sctp_data *data);

/* Reads INIT or INIT ACK; false for any other chunk. */
bool sctp_init_read(const struct sctp_chunk *chunk, struct sctp_init *init);

/* The cumulative TSN that SACK, NR-SACK or SHUTDOWN acknowledges; false for any other chunk. */
bool sctp_ack_read(const struct sctp_chunk *chunk, uint32_t *tsn);

/* The TSN up to which FORWARD TSN or I-FORWARD TSN abandon what its sender sent; false for any other chunk. */
bool sctp_forward_read(const struct sctp_chunk *chunk, uint32_t *tsn);

/* Whether the chunk ends a stream of its sender: ABORT and SHUTDOWN all of them, RE-CONFIG those that it resets. */
bool sctp_chunk_closes(const struct sctp_chunk *chunk, uint16_t stream);

#endif
