/* mse_ahead.c
 * Chunks that came before what is missing before them, see mse_ahead.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_ahead.h"

#include <string.h>

bool
mse_ahead_add(struct mse_ahead **first, wmem_allocator_t *scope, const struct mse_ahead *chunk, const uint8_t *data)
{
    struct mse_ahead **place = first;
    struct mse_ahead  *kept;
    uint64_t           sum = chunk->size;

    for (const struct mse_ahead *other = *first; other != NULL; other = other->next) {
        if (chunk->offset >= other->offset && chunk->offset + chunk->size <= other->offset + other->size)
            return true;
        /* What the chunk itself takes in memory counts, too: there may be many small ones. */
        sum += sizeof *other + other->size;
    }
    if (chunk->size == 0)
        return true;
    if (sum > MSE_AHEAD_MAX)
        return false;
    while (*place != NULL && (*place)->offset <= chunk->offset)
        place = &(*place)->next;
    kept = (struct mse_ahead *)wmem_alloc(scope, sizeof *kept + chunk->size);
    memcpy(kept, chunk, sizeof *kept);
    memcpy(kept->data, data, chunk->size);
    kept->next = *place;
    *place = kept;
    return true;
}

void
mse_ahead_drop_first(struct mse_ahead **first, wmem_allocator_t *scope)
{
    struct mse_ahead *dropped = *first;

    *first = dropped->next;
    wmem_free(scope, dropped);
}
