/* mse_stream_parts.h
 * What the four files of mse_stream.h share, and nobody else needs.
 *
 *     mse_reader.c      hands out payload
 *     mse_held.c        holds the first bytes
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

/* Takes what is new in the chunk into held, or keeps it until it fits. turn, answer: see struct mse_mark. */
void mse_held_add(struct mse_stream *stream, struct mse_direction *direction, const struct mse_chunk *chunk,
                  bool turn, bool answer);

/* Nothing is held any more, and nothing is ahead. */
void mse_held_release(struct mse_stream *stream, struct mse_direction *direction);

/* Keeps what is held, and what is ahead, as ahead by so much more. False where it is too much. */
bool mse_held_move_ahead(struct mse_stream *stream, const struct mse_direction *direction, uint64_t by,
                         struct mse_ahead **ahead);

/* The mark of the byte at offset, which is held. */
const struct mse_mark *mse_held_mark_at(const struct mse_direction *direction, uint64_t offset);

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
