/* utp_stream.h
 * uTP (BEP 29), the transport of BitTorrent over UDP: the header of a packet, and one direction of a connection as a
 * stream of bytes in order.
 *
 *     0       4       8               16                              32
 *     +-------+-------+---------------+-------------------------------+
 *     | type  | ver 1 | extension     | connection_id                 |
 *     +-------+-------+---------------+-------------------------------+
 *     | timestamp_microseconds                                        |
 *     +---------------------------------------------------------------+
 *     | timestamp_difference_microseconds                             |
 *     +---------------------------------------------------------------+
 *     | wnd_size                                                      |
 *     +-------------------------------+-------------------------------+
 *     | seq_nr                        | ack_nr                        |
 *     +-------------------------------+-------------------------------+
 *     then, while extension is not 0:  <next extension: 1> <length: 1> <length bytes>
 *
 * uTP numbers packets, not bytes, so the length of a packet that never came stays unknown. After such a hole the
 * positions of the bytes go on UTP_GAP_SIZE further: more than any message is long.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_STREAM_H
#define UTP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#define UTP_HEADER_SIZE 20U

/* How far the unknown bytes of a hole move the positions after it. */
#define UTP_GAP_SIZE ((uint64_t)1 << 32)

/* Packets that wait for one that is missing, counted from that one; a power of two. The windows of the clients are
 * 1 MiB at most, about 750 packets. */
#define UTP_WINDOW_PACKETS 1024U
/* The same where the capture has nothing of the other side, which could tell that the packet is lost for good. */
#define UTP_WINDOW_BLIND 64U
/* Captured bytes of them. */
#define UTP_WINDOW_BYTES (4U * 1024 * 1024)
/* So many packets of a connection may come before one that the receiver has acknowledged: a capture mixes packets up
 * within a batch of 64 (NAPI_POLL_WEIGHT of Linux). What is not there then was not captured. */
#define UTP_PATIENCE 64U
/* After this many consecutive packets with implausible numbers, the stream is assumed to have jumped there. */
#define UTP_STRAYS_MAX 16U

enum utp_type { UTP_DATA, UTP_FIN, UTP_STATE, UTP_RESET, UTP_SYN, UTP_TYPE_COUNT };

struct utp_header {
    enum utp_type type;
    uint16_t      connection_id;
    uint32_t      timestamp; /* microseconds, modulo 2^32 */
    uint16_t      seq_nr;
    uint16_t      ack_nr;
    uint8_t       extension; /* type of the first one, 0: there is none */
    uint32_t      size;      /* bytes of header and extensions: where the payload starts */
};

/* One packet, as it goes into the stream of its sender. */
struct utp_packet {
    struct utp_header header;
    const uint8_t    *payload;
    uint32_t          captured; /* bytes at payload */
    uint32_t          reported; /* bytes on the wire, at least captured */
    uint32_t          frame;
    int64_t           time;    /* of the frame, ns */
    bool              begins;  /* the payload is what every stream starts with: nothing came before it */
    bool              has_ack; /* ack is valid */
    uint64_t          ack;     /* what utp_stream_acknowledge() made of ack_nr */
    uint64_t          seq;     /* set by utp_stream_add(), for the stream: seq_nr, widened */
};

/* Why bytes are missing before a chunk. */
enum utp_gap {
    UTP_GAP_NONE,
    UTP_GAP_FIRST, /* the first packets, which may still come: there is nothing before them, so nobody is told */
    UTP_GAP_LOST,  /* the receiver has them, the capture has not */
    UTP_GAP_LIMIT  /* too much was waiting for them */
};

/* The payload of one packet, in its place in the stream. */
struct utp_chunk {
    uint64_t       position; /* of the first byte */
    const uint8_t *data;     /* valid until the next call for the stream */
    uint32_t       captured; /* bytes at data */
    uint32_t       reported; /* bytes on the wire, not 0 */
    enum utp_gap   gap;      /* before it */
    uint64_t       missing;  /* packets of the gap */
    bool           waited;   /* it is of an earlier packet than the one that was just added */
    bool           late;     /* it was stepped over: a part of the gap before an earlier chunk. It has no position */
    uint64_t       seq;      /* the number of the packet, widened: never wraps */
    uint32_t       frame;    /* of the packet */
    int64_t        time;     /* of the frame, ns */
    bool           has_ack;  /* as in the packet */
    uint64_t       ack;
};

/* Whether packets are missing after others that were there. */
static inline bool
utp_chunk_has_gap(const struct utp_chunk *chunk)
{
    return chunk->gap > UTP_GAP_FIRST;
}

/* Packets that came before their turn. */
struct utp_window {
    struct utp_waiting *waiting[UTP_WINDOW_PACKETS]; /* from next on, by number */
    struct utp_waiting *lent;                        /* the last chunk points into it, to be freed */
    uint32_t            count;                       /* that wait */
    uint32_t            bytes;                       /* of their payloads */
};

/* What there is besides once a packet came before its turn, or did not come in it. */
struct utp_disorder {
    struct utp_window *window;  /* NULL before the first packet that had to wait */
    uint64_t           last;    /* handed: widened seq_nr of the last packet with bytes that was handed over */
    uint64_t           release; /* what is missing before this packet is not waited for: too much waits */
    uint64_t           missing; /* packets stepped over since the last chunk */
    enum utp_gap       gap;     /* before the next chunk */

    uint64_t stepped_over[UTP_WINDOW_PACKETS / 64]; /* a bit for each number before next: still missing */
};

/* One direction of a connection. One of which all is zero is empty. All members are for the first pass only. */
struct utp_stream {
    struct utp_disorder *disorder;     /* NULL: every packet came in its turn */
    uint64_t             next;         /* widened seq_nr of the packet to be handed over next */
    uint64_t             lost;         /* what is missing before this packet never comes: the receiver has it */
    uint64_t             position;     /* of the next byte */
    uint32_t             waited_for;   /* patient: packets of both sides since the receiver was known to have it */
    uint16_t             first_seq_nr; /* handed: of the first packet */
    unsigned             strays : 8;   /* packets out of all reason since the last good one */
    unsigned             started : 1;  /* next is valid */
    unsigned             handed : 1;   /* next has moved: a packet was handed over */
    unsigned             ack_seen : 1; /* the other side acknowledged something */
    unsigned patient : 1;      /* set by the caller: what is missing is waited for although the receiver has it, as it
                                  is worth more than what comes after it in time; but no longer than UTP_PATIENCE */
    unsigned from_state : 1;   /* nothing but an ST_STATE tells that next is the first packet, */
    unsigned state_counts : 1; /* and the other side acknowledged that ST_STATE like a packet (BEP 29 to the letter):
                                  there is none with that number */
};

/* Reads the header of version 1 and steps over its extensions, known or not. False where data is no such packet, or
 * was cut before the payload. */
bool utp_header_read(const uint8_t *data, uint32_t captured, struct utp_header *header);

/* Gives back what waits, and leaves the stream empty. Memory comes from scope, the same each time. */
void utp_stream_free(struct utp_stream *stream, wmem_allocator_t *scope);

/* Nothing will come any more: what waits for missing packets does not wait any longer. Afterwards utp_stream_next() must
 * be called until it returns false. */
void utp_stream_flush(struct utp_stream *stream);

/* Takes note of an ack_nr that the other side sent for this stream. False where nobody knows yet what it counts from;
 * else *ack is the widened number: packets up to this one are acknowledged. */
bool utp_stream_acknowledge(struct utp_stream *stream, uint16_t ack_nr, uint64_t *ack);

/* How many packets wait for one that is missing, counted from that one. */
uint32_t utp_stream_window(const struct utp_stream *stream);

/* Adds a packet of any type. Returns it where its bytes are wanted, and NULL where they are not, or were there before.
 * Afterwards utp_stream_next() must be called with what was returned until it returns false; the packet must be there until
 * then. */
const struct utp_packet *utp_stream_add(struct utp_stream *stream, wmem_allocator_t *scope,
                                        struct utp_packet *packet);

/* The next chunk that is in order, or late; false when there is none. *current: the packet just added, NULL where there is
 * none; set to NULL as soon as it is taken. */
bool utp_stream_next(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet **current,
                     struct utp_chunk *chunk);

/* Those that came before their turn; NULL: there was none. */
static inline struct utp_window *
utp_stream_waits(const struct utp_stream *stream)
{
    return stream->disorder != NULL ? stream->disorder->window : NULL;
}

/* How many packets wait. */
static inline uint32_t
utp_stream_waiting(const struct utp_stream *stream)
{
    const struct utp_window *window = utp_stream_waits(stream);

    return window != NULL ? window->count : 0;
}

/* The bytes of their payloads. */
static inline uint32_t
utp_stream_waiting_bytes(const struct utp_stream *stream)
{
    const struct utp_window *window = utp_stream_waits(stream);

    return window != NULL ? window->bytes : 0;
}

#endif
