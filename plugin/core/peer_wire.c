/* peer_wire.c
 * The BitTorrent peer wire protocol, see peer_wire.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/peer_wire.h"

#include <string.h>

#include <glib.h>

#include "core/big_endian.h"

const uint8_t peer_handshake_magic[] = "\x13"
                                       "BitTorrent protocol"; /* the terminating 0 is not part of it */

/* Longest message but a Bitfield that is held while it arrives in parts. */
#define HOLD_MAX (64U * 1024)

/* The bits of the reserved bytes of a handshake, counted from the first of the eight. */
#define RESERVED_OFFSET         20
#define RESERVED_EXTENSION_BYTE 5 /* BEP 10: bit 20 from the right */
#define RESERVED_EXTENSION_BIT  0x10
#define RESERVED_FAST_BYTE      7 /* BEP 6: bit 2 from the right */
#define RESERVED_FAST_BIT       0x04

/* The lengths that a message may have, by id; greatest 0: no message has that id. */
static const struct {
    uint32_t least;
    uint32_t greatest;
} legal_lengths[] = {
#define X(id, name, least, greatest) [id] = { least, greatest },
    PEER_MESSAGES(X)
#undef X
};

/* Whether length is legal for id; *known tells whether the id is one of the table. */
static inline bool
legal_length(unsigned id, uint32_t length, bool *known)
{
    *known = id < G_N_ELEMENTS(legal_lengths) && legal_lengths[id].greatest > 0;
    return *known && length >= legal_lengths[id].least && length <= legal_lengths[id].greatest;
}

/* Whether the captured bytes, at least one, could be the start of a handshake. */
static bool
may_be_handshake(const uint8_t *data, uint32_t captured)
{
    uint32_t n = captured < PEER_HANDSHAKE_MAGIC_SIZE ? captured : PEER_HANDSHAKE_MAGIC_SIZE;

    return memcmp(data, peer_handshake_magic, n) == 0;
}

bool
peer_wire_is_handshake(const uint8_t *data, uint32_t captured)
{
    return captured >= PEER_HANDSHAKE_MAGIC_SIZE && may_be_handshake(data, captured);
}

uint32_t
peer_wire_size(const uint8_t *data, uint32_t captured)
{
    if (captured < PEER_PREFIX_SIZE)
        return PEER_SIZE_UNKNOWN;
    if (data[0] == peer_handshake_magic[0] && may_be_handshake(data, captured))
        return captured < PEER_HANDSHAKE_MAGIC_SIZE ? PEER_SIZE_UNKNOWN : PEER_HANDSHAKE_SIZE;

    uint32_t length = get_be32(data);
    return length > PEER_MESSAGE_SIZE_MAX - PEER_PREFIX_SIZE ? PEER_SIZE_BAD : PEER_PREFIX_SIZE + length;
}

uint32_t
peer_wire_complete(const uint8_t *data, uint32_t captured, uint32_t reported, uint32_t *next_size)
{
    uint32_t offset = 0;

    *next_size = PEER_SIZE_UNKNOWN;
    while (offset < captured) {
        uint32_t size = peer_wire_size(data + offset, captured - offset);
        if (size == PEER_SIZE_UNKNOWN || size == PEER_SIZE_BAD || size > reported - offset) {
            *next_size = size;
            break;
        }
        offset += size;
    }
    return offset;
}

uint32_t
peer_wire_until_unusual(const uint8_t *data, uint32_t size)
{
    uint32_t end = 0;

    while (end < size) {
        const uint8_t *message = data + end;
        uint32_t       message_size = peer_wire_size(message, size - end);

        if (message_size == PEER_SIZE_UNKNOWN || message_size >= size - end)
            return size;
        end += message_size;
        if (peer_wire_is_unusual(message, message_size, message_size))
            break;
    }
    return end;
}

/* Whether messages with that id are so long, as far as anybody sends them. */
static bool
plausible_length(uint8_t id, uint32_t length)
{
    bool known;

    return legal_length(id, length, &known)
           || (!known && id == PEER_BASE_DONTHAVE_ID && length == PEER_BASE_DONTHAVE_LENGTH);
}

bool
peer_wire_plausible(const uint8_t *data, uint32_t captured, uint32_t reported)
{
    uint32_t offset = 0;
    bool     evidence = false;
    bool     keep_alive = false;

    if (peer_wire_is_handshake(data, captured))
        return true;

    while (offset + PEER_PREFIX_SIZE <= captured) {
        uint32_t length = get_be32(data + offset);

        if (length == 0) {
            if (keep_alive) /* one in two minutes is usual; two in a row are zeros of a block */
                return false;
            keep_alive = true;
            offset += PEER_PREFIX_SIZE;
            continue;
        }
        if (offset + PEER_PREFIX_SIZE == captured)
            break;
        uint8_t id = data[offset + PEER_PREFIX_SIZE];
        if (!plausible_length(id, length))
            return false;
        if (PEER_PREFIX_SIZE + length > reported - offset) {
            /* The last message goes on after the data. Alone it must be a block, whose header is long enough to tell, or
             * all that there is: WebTorrent writes prefix and id of an extended message by themselves. */
            return evidence || reported == PEER_PREFIX_SIZE + 1
                   || (id == PEER_PIECE && captured - offset >= PEER_PIECE_HEADER_SIZE
                       && get_be32(data + offset + 9) % 1024 == 0);
        }
        evidence = true;
        keep_alive = false;
        offset += PEER_PREFIX_SIZE + length;
    }
    return evidence;
}

bool
peer_wire_may_begin(const uint8_t *data, uint32_t size)
{
    if (size == 0 || size >= PEER_HANDSHAKE_MAGIC_SIZE)
        return false;
    if (data[0] != 0)
        return may_be_handshake(data, size);
    if (size <= PEER_PREFIX_SIZE)
        return size < PEER_PREFIX_SIZE || get_be32(data) != 0;
    return plausible_length(data[PEER_PREFIX_SIZE], get_be32(data));
}

uint32_t
peer_wire_worth_holding(const uint8_t *data, uint32_t captured, uint32_t size)
{
    if (captured > PEER_PREFIX_SIZE && size != PEER_HANDSHAKE_SIZE) {
        if (data[PEER_PREFIX_SIZE] == PEER_PIECE)
            return size < PEER_PIECE_HEADER_SIZE ? size : PEER_PIECE_HEADER_SIZE;
        if (data[PEER_PREFIX_SIZE] == PEER_BITFIELD)
            return size;
    }
    return size < HOLD_MAX ? size : HOLD_MAX;
}

void
peer_wire_encode_request(uint32_t index, uint32_t begin, uint32_t length, uint8_t *data)
{
    set_be32(data, PEER_REQUEST_SIZE - PEER_PREFIX_SIZE);
    data[PEER_PREFIX_SIZE] = PEER_REQUEST;
    set_be32(data + PEER_PREFIX_SIZE + 1, index);
    set_be32(data + PEER_PREFIX_SIZE + 5, begin);
    set_be32(data + PEER_PREFIX_SIZE + 9, length);
}

/* The members of the messages that name a piece or a block. */
static void
decode_block(struct peer_message *message)
{
    const uint8_t *payload = message->payload;
    uint32_t       needed = message->id == PEER_PIECE ? 8 : message->payload_size;

    if (message->payload_captured < needed) {
        message->complete = false;
        return;
    }
    message->index = get_be32(payload);
    if (needed >= 8)
        message->begin = get_be32(payload + 4);
    if (message->id == PEER_PIECE)
        message->length = message->payload_size - 8;
    else if (needed >= 12)
        message->length = get_be32(payload + 8);
}

static void
decode_handshake(const uint8_t *data, uint32_t captured, struct peer_message *message)
{
    message->id = PEER_HANDSHAKE;
    message->complete = captured >= RESERVED_OFFSET + 8;
    if (message->complete) {
        const uint8_t *reserved = data + RESERVED_OFFSET;
        message->extension = (reserved[RESERVED_EXTENSION_BYTE] & RESERVED_EXTENSION_BIT) != 0;
        message->fast = (reserved[RESERVED_FAST_BYTE] & RESERVED_FAST_BIT) != 0;
    }
}

void
peer_wire_decode(const uint8_t *data, uint32_t captured, uint32_t size, struct peer_message *message)
{
    uint32_t header = PEER_PREFIX_SIZE + 1;
    bool     known;

    memset(message, 0, sizeof *message);
    if (size == PEER_HANDSHAKE_SIZE && peer_wire_is_handshake(data, captured)) {
        decode_handshake(data, captured, message);
        return;
    }
    if (size == PEER_PREFIX_SIZE) {
        message->id = PEER_KEEP_ALIVE;
        message->complete = true;
        return;
    }
    if (captured < header) { /* cut before the id: no message of the table */
        message->id = PEER_KEEP_ALIVE;
        return;
    }

    message->id = data[PEER_PREFIX_SIZE];
    message->complete = legal_length(message->id, size - PEER_PREFIX_SIZE, &known);
    if (message->id == PEER_EXTENDED) {
        header = PEER_EXTENDED_HEADER_SIZE;
        if (captured < header) {
            message->complete = false;
            return;
        }
        message->extended_id = data[PEER_PREFIX_SIZE + 1];
    }
    message->payload = data + header;
    message->payload_size = size - header;
    message->payload_captured = (captured < size ? captured : size) - header;

    if (message->complete && peer_wire_names_piece(message->id))
        decode_block(message);
}

bool
peer_wire_announces(const uint8_t *data, uint32_t captured, uint32_t size)
{
    struct peer_message decoded;

    peer_wire_decode(data, captured, size, &decoded);
    return decoded.id == PEER_HAVE || decoded.id == PEER_BITFIELD || decoded.id == PEER_HAVE_ALL;
}
