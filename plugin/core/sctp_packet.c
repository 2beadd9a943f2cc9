/* sctp_packet.c
 * SCTP packets, see sctp_packet.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/sctp_packet.h"

#include <wireshark.h>
#include <wsutil/crc32.h>

#include "core/big_endian.h"

#define CHECKSUM_OFFSET 8U

/* Flags of DATA and I-DATA. */
#define FLAG_LAST      0x01
#define FLAG_FIRST     0x02
#define FLAG_UNORDERED 0x04

/* RE-CONFIG: the parameter that resets streams of its sender, and where the list of their numbers begins in it (RFC
 * 6525, 4.1). No list: all of them. */
#define PARAMETER_HEADER_SIZE  4U
#define OUTGOING_RESET         13
#define OUTGOING_RESET_STREAMS 16U

/* The least length of a chunk, its header included; 0: no such type. From the registry of chunk types. */
static const uint8_t least_length[256] = {
    [SCTP_DATA] = 17, /* data without a byte of payload is an error (RFC 9260, 6.2) */
    [SCTP_INIT] = 20,
    [SCTP_INIT_ACK] = 20,
    [SCTP_SACK] = 16,
    [4] = 8, /* HEARTBEAT */
    [5] = 8, /* HEARTBEAT ACK */
    [SCTP_ABORT] = 4,
    [SCTP_SHUTDOWN] = 8,
    [8] = 4,  /* SHUTDOWN ACK */
    [9] = 4,  /* ERROR */
    [10] = 4, /* COOKIE ECHO */
    [11] = 4, /* COOKIE ACK */
    [12] = 8, /* ECNE */
    [13] = 8, /* CWR */
    [14] = 4, /* SHUTDOWN COMPLETE */
    [15] = 8, /* AUTH */
    [SCTP_NR_SACK] = 20,
    [SCTP_I_DATA] = 21,
    [128] = 8, /* ASCONF-ACK */
    [SCTP_RE_CONFIG] = 8,
    [132] = 4, /* PAD */
    [SCTP_FORWARD_TSN] = 8,
    [193] = 8, /* ASCONF */
    [SCTP_I_FORWARD_TSN] = 8,
};

static bool
has_checksum(const uint8_t *data, uint32_t size)
{
    static const uint8_t in_its_place[4];
    uint32_t             crc = crc32c_calculate_no_swap(data, CHECKSUM_OFFSET, CRC32C_PRELOAD);

    crc = crc32c_calculate_no_swap(in_its_place, sizeof in_its_place, crc);
    crc = ~crc32c_calculate_no_swap(data + SCTP_HEADER_SIZE, (int)(size - SCTP_HEADER_SIZE), crc);
    /* The only number of SCTP that is little endian (RFC 9260, appendix A). */
    return data[CHECKSUM_OFFSET] == (uint8_t)crc && data[CHECKSUM_OFFSET + 1] == (uint8_t)(crc >> 8)
           && data[CHECKSUM_OFFSET + 2] == (uint8_t)(crc >> 16) && data[CHECKSUM_OFFSET + 3] == (uint8_t)(crc >> 24);
}

bool
sctp_packet_may_begin(const uint8_t *data)
{
    return least_length[data[SCTP_HEADER_SIZE]] > 0;
}

enum sctp_check
sctp_packet_check(const uint8_t *data, uint32_t size)
{
    uint32_t at = SCTP_HEADER_SIZE;

    if (size < SCTP_HEADER_SIZE + SCTP_CHUNK_HEADER_SIZE || size > UINT16_MAX)
        return SCTP_IS_NOT;

    struct sctp_header header = sctp_packet_header(data);
    bool               is_init = data[SCTP_HEADER_SIZE] == SCTP_INIT;
    if (header.source_port == 0 || header.destination_port == 0 || (header.tag == 0) != is_init)
        return SCTP_IS_NOT;

    while (at < size) {
        if (size - at < SCTP_CHUNK_HEADER_SIZE)
            return SCTP_IS_NOT;
        uint32_t least = least_length[data[at]];
        uint32_t length = get_be16(data + at + 2);
        if (least == 0 || length < least || length > size - at)
            return SCTP_IS_NOT;
        at += (length + 3) & ~3U; /* the padding of the last chunk may be missing: then it is beyond size */
        if (is_init && at < size) /* INIT is alone in its packet */
            return SCTP_IS_NOT;
    }

    if (has_checksum(data, size))
        return SCTP_IS;
    return get_be32(data + CHECKSUM_OFFSET) == 0 ? SCTP_MAY_BE : SCTP_IS_NOT;
}

struct sctp_header
sctp_packet_header(const uint8_t *data)
{
    struct sctp_header header = { .source_port = get_be16(data),
                                  .destination_port = get_be16(data + 2),
                                  .tag = get_be32(data + 4) };

    return header;
}

bool
sctp_packet_next(const uint8_t *data, uint32_t size, uint32_t *at, struct sctp_chunk *chunk)
{
    if (*at == 0)
        *at = SCTP_HEADER_SIZE;
    if (*at >= size)
        return false;

    uint32_t length = get_be16(data + *at + 2);
    chunk->type = data[*at];
    chunk->flags = data[*at + 1];
    chunk->offset = *at + SCTP_CHUNK_HEADER_SIZE;
    chunk->value = data + chunk->offset;
    chunk->size = length - SCTP_CHUNK_HEADER_SIZE;
    *at += (length + 3) & ~3U;
    return true;
}

bool
sctp_data_read(const struct sctp_chunk *chunk, struct sctp_data *data)
{
    const uint8_t *value = chunk->value;
    uint32_t       header;

    if (chunk->type != SCTP_DATA && chunk->type != SCTP_I_DATA)
        return false;
    data->is_i_data = chunk->type == SCTP_I_DATA;
    data->first = (chunk->flags & FLAG_FIRST) != 0;
    data->last = (chunk->flags & FLAG_LAST) != 0;
    data->unordered = (chunk->flags & FLAG_UNORDERED) != 0;
    data->tsn = get_be32(value);
    data->stream = get_be16(value + 4);
    if (data->is_i_data) { /* the number of a fragment stands where the first one has the payload protocol */
        data->order = get_be32(value + 8);
        data->fsn = data->first ? 0 : get_be32(value + 12);
        data->ppid = data->first ? get_be32(value + 12) : 0;
        header = 16;
    } else {
        data->order = get_be16(value + 6);
        data->fsn = 0;
        data->ppid = get_be32(value + 8);
        header = 12;
    }
    data->payload = value + header;
    data->size = chunk->size - header;
    data->offset = chunk->offset + header;
    return true;
}

bool
sctp_init_read(const struct sctp_chunk *chunk, struct sctp_init *init)
{
    if (chunk->type != SCTP_INIT && chunk->type != SCTP_INIT_ACK)
        return false;
    init->tag = get_be32(chunk->value);
    init->tsn = get_be32(chunk->value + 12);
    return true;
}

bool
sctp_ack_read(const struct sctp_chunk *chunk, uint32_t *tsn)
{
    if (chunk->type != SCTP_SACK && chunk->type != SCTP_NR_SACK && chunk->type != SCTP_SHUTDOWN)
        return false;
    *tsn = get_be32(chunk->value);
    return true;
}

bool
sctp_forward_read(const struct sctp_chunk *chunk, uint32_t *tsn)
{
    if (chunk->type != SCTP_FORWARD_TSN && chunk->type != SCTP_I_FORWARD_TSN)
        return false;
    *tsn = get_be32(chunk->value);
    return true;
}

/* Whether a list of streams names one; an empty one names all. */
static bool
names(const uint8_t *list, uint32_t size, uint16_t stream)
{
    for (uint32_t at = 0; at + 2 <= size; at += 2) {
        if (get_be16(list + at) == stream)
            return true;
    }
    return size < 2;
}

bool
sctp_chunk_closes(const struct sctp_chunk *chunk, uint16_t stream)
{
    uint32_t at = 0;

    if (chunk->type == SCTP_ABORT || chunk->type == SCTP_SHUTDOWN)
        return true;
    if (chunk->type != SCTP_RE_CONFIG)
        return false;
    while (at + PARAMETER_HEADER_SIZE <= chunk->size) {
        const uint8_t *parameter = chunk->value + at;
        uint32_t       length = get_be16(parameter + 2);
        if (length < PARAMETER_HEADER_SIZE || length > chunk->size - at)
            return false;
        if (get_be16(parameter) == OUTGOING_RESET && length >= OUTGOING_RESET_STREAMS
            && names(parameter + OUTGOING_RESET_STREAMS, length - OUTGOING_RESET_STREAMS, stream))
            return true;
        at += (length + 3) & ~3U;
    }
    return false;
}
