/* mse_message_bits.c
 * How much a message is evidence, see mse_message_bits.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_message_bits.h"

#include <glib.h>

#include "core/big_endian.h"

/* A message is as likely as the bits say that follow; all together are not likelier than 1, so the code of none is too short.
 * "Ends its packet" is a length as well: the one with which the message ends where the packet ends that it begins in.
 *
 *     Piece                   2: 16 KiB; 6: another power of two, 1 to 32 KiB; 4: ends its packet; 4 + 16: other
 *     fixed length            6 for each of 15
 *     Extended, short         4: ends its packet; 4 + 8: other
 *     Extended, long          5: ends its packet; 5 + 16: other
 *     Bitfield, Hashes        6: ends its packet; 6 + 16: other; for each of the two
 *     keep-alive; id 18       7 for each
 */

/* A number below 2^31 by its length, 5 bits, and what follows its first 1. Returns what that is shorter than 32 bits; -1: the
 * number is greater. */
static int
number_bits(uint32_t number)
{
    unsigned length = 0;

    while (length < 32 && number >> length != 0)
        length++;
    return length == 32 ? -1 : 27 - (int)MAX(length, 1) + 1;
}

/* Where a block begins in its piece: 2 bits for the start, 1 + 10 for another multiple of 16 KiB, 2 + 32 for what else. */
static int
begin_bits(uint32_t begin)
{
    if (begin == 0)
        return 30;
    return begin % 16384 == 0 && begin / 16384 < 1024 ? 21 : -2;
}

static int
length_bits(uint32_t length)
{
    return length == 16384 ? 31 : number_bits(length) - 1;
}

int
mse_header_bits(uint8_t id, uint32_t length, bool ends)
{
    switch (id) {
#define X(value, name, least, greatest)                                                                              \
    case value:                                                                                                      \
        if (length < (least) || length > (greatest))                                                                 \
            return 0;                                                                                                \
        if ((least) == (greatest))                                                                                   \
            return 40 - 6;                                                                                           \
        break;
        PEER_MESSAGES(X)
#undef X
    case PEER_BASE_DONTHAVE_ID:
        return length == PEER_BASE_DONTHAVE_LENGTH ? 40 - 7 : 0;
    default:
        return 0;
    }
    if (id == PEER_PIECE) {
        uint32_t block = length - (PEER_PIECE_HEADER_SIZE - PEER_PREFIX_SIZE);
        if (block == 16384)
            return 40 - 2;
        if (ends)
            return 40 - 4;
        return block >= 1024 && block <= 32768 && (block & (block - 1)) == 0 ? 40 - 6 : 40 - 4 - 16;
    }
    if (id == PEER_EXTENDED && length < 256)
        return ends ? 40 - 4 : 40 - 4 - 8;
    if (id == PEER_EXTENDED)
        return ends ? 40 - 5 : 40 - 5 - 16;
    return ends ? 40 - 6 : 40 - 6 - 16;
}

uint32_t
mse_weighed_size(uint8_t id, uint32_t length)
{
    if (id == PEER_PIECE)
        return PEER_PIECE_HEADER_SIZE;
    if (id == PEER_EXTENDED)
        return length == 6 ? PEER_PREFIX_SIZE + 6 : PEER_EXTENDED_HEADER_SIZE;
    return peer_wire_names_piece(id) ? PEER_PREFIX_SIZE + length : MSE_HEADER_SIZE;
}

bool
mse_add_field_bits(const uint8_t *message, uint8_t id, uint32_t length, int *bits)
{
    const uint8_t *payload = message + MSE_HEADER_SIZE;
    int            index;

    if (id == PEER_EXTENDED) {
        *bits += payload[0] < 32 ? 2 : -1; /* the extended id: below 32, or any */
        if (length == 6)                   /* a number, or anything */
            *bits += MAX(number_bits(get_be32(payload + 1)), 0) - 1;
        return true;
    }
    if (!peer_wire_names_piece(id))
        return true;
    index = number_bits(get_be32(payload));
    *bits += index;
    if (id == PEER_PIECE || length == PEER_REQUEST_SIZE - PEER_PREFIX_SIZE)
        *bits += begin_bits(get_be32(payload + 4));
    if (length == PEER_REQUEST_SIZE - PEER_PREFIX_SIZE && id != PEER_PIECE)
        *bits += length_bits(get_be32(payload + 8));
    return index >= 0;
}
