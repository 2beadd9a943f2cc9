/* mse_ahead.h
 * Chunks of a direction of which something is missing before them, see mse_stream.h: kept until it comes.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_AHEAD_H
#define MSE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* Bytes of one direction that are kept at most: a few segments. */
#define MSE_AHEAD_MAX (8U * 1024)

/* One chunk. */
struct mse_ahead {
    struct mse_ahead *next; /* in the order of their offsets */
    uint64_t          offset;
    uint32_t          size;
    uint32_t          frame;
    bool              turn, answer; /* see struct mse_mark */
    bool              cut;          /* more of it was on the wire */
    uint8_t           data[];
};

/* Keeps a copy of size bytes at data; chunk has the other members. False, and nothing is kept, where that would be too
 * much. A chunk that is kept already is not kept again. */
bool mse_ahead_add(struct mse_ahead **first, wmem_allocator_t *scope, const struct mse_ahead *chunk,
                   const uint8_t *data);

/* Gives back the first one, and makes the next one the first. */
void mse_ahead_drop_first(struct mse_ahead **first, wmem_allocator_t *scope);

#endif
