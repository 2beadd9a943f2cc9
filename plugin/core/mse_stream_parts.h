/* mse_stream_parts.h
 * What the three files of mse_stream.h share, and nobody else needs.
 *
 *      mse_reader.c      holds the first bytes, hands out payload
 *     mse_search.c      without a key: looks for plaintext
 *     mse_handshake.c   with a key: reads the handshake
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_STREAM_PARTS_H
#define MSE_STREAM_PARTS_H

#include "core/mse_stream.h"

static inline unsigned
mse_other(unsigned side)
{
    return 1 - side;
}

/* Whether held is as long as it will ever be. */
static inline bool
mse_is_closed(const struct mse_direction *direction)
{
    return direction->holed || direction->held_size >= MSE_HELD_MAX;
}

/* The mark of the byte at offset, which is held. */
const struct mse_mark *mse_stream_mark_at(const struct mse_direction *direction, uint64_t offset);

/* The payload is known to begin at offset with the handshake or a message, and can be read up to readable_to. */
void mse_stream_set_payload(struct mse_direction *direction, uint64_t offset, uint64_t readable_to);

/* The payload can be read, but it is not known where it begins: it is taken to go on with the next bytes to come, or
 * with those of the last chunk. */
void mse_stream_set_unaligned(struct mse_stream *stream, unsigned side);

/* Ends the search where nothing is known of a direction yet. */
void mse_stream_give_up(struct mse_stream *stream, enum mse_state state);

/* Looks further for plaintext, in both directions. */
void mse_search_follow(struct mse_stream *stream);

/* Looks further for a key that fits, in both directions; sets stream->handshake. */
void mse_handshake_find(struct mse_stream *stream);

/* Reads further in the handshake, whose key is known. */
void mse_handshake_follow(struct mse_stream *stream);

#endif
