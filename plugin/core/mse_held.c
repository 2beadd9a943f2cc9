/* mse_held.c
 * The first bytes of a direction of a connection that may be encrypted, see mse_stream_parts.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "core/mse_stream_parts.h"

#define HELD_ROOM_MIN 128U
#define MARK_ROOM_MIN 4U

void
mse_held_release(struct mse_stream *stream, struct mse_direction *direction)
{
    wmem_free(stream->scope, direction->held);
    wmem_free(stream->scope, direction->marks);
    direction->held = NULL;
    direction->marks = NULL;
    while (direction->ahead != NULL)
        mse_ahead_drop_first(&direction->ahead, stream->scope);
    direction->held_size = direction->held_room = 0;
    direction->mark_count = direction->mark_room = 0;
}

static void
append(struct mse_stream *stream, struct mse_direction *direction, const uint8_t *data, uint32_t size,
       const struct mse_mark *mark)
{
    const struct mse_mark *last = direction->mark_count > 0 ? &direction->marks[direction->mark_count - 1] : NULL;

    if (last == NULL || last->frame != mark->frame) {
        if (direction->mark_count == direction->mark_room) {
            direction->mark_room = MAX(MARK_ROOM_MIN, 2 * direction->mark_room);
            direction->marks = (struct mse_mark *)wmem_realloc(stream->scope, direction->marks,
                                                               direction->mark_room * sizeof *direction->marks);
        }
        direction->marks[direction->mark_count++] = *mark;
    }
    if (direction->held_size + size > direction->held_room) {
        direction->held_room = MAX(direction->held_size + size, MIN(MSE_HELD_MAX, 2 * direction->held_room));
        direction->held_room = MAX(direction->held_room, HELD_ROOM_MIN);
        direction->held = (uint8_t *)wmem_realloc(stream->scope, direction->held, direction->held_room);
    }
    memcpy(direction->held + direction->held_size, data, size);
    direction->held_size += size;
}

/* Takes the bytes into held that follow it, of size bytes at an offset that is not after its end. */
static void
take(struct mse_stream *stream, struct mse_direction *direction, uint64_t offset, const uint8_t *data, uint32_t size,
     struct mse_mark *mark)
{
    uint32_t known = direction->held_size - (uint32_t)offset;

    mark->start = direction->held_size;
    if (size > known)
        append(stream, direction, data + known, size - known, mark);
}

/* What is ahead follows held now, or some of it. Nobody has read it yet, so all of it is held, beyond MSE_HELD_MAX if
 * need be. */
static void
take_ahead(struct mse_stream *stream, struct mse_direction *direction)
{
    while (direction->ahead != NULL && direction->ahead->offset <= direction->held_size) {
        const struct mse_ahead *ahead = direction->ahead;
        struct mse_mark         mark = { .frame = ahead->frame, .turn = ahead->turn, .answer = ahead->answer };
        uint64_t                end = ahead->offset + ahead->size;

        direction->filled |= end > direction->held_size;
        direction->cut |= ahead->cut && end >= direction->held_size;
        take(stream, direction, ahead->offset, ahead->data, ahead->size, &mark);
        mse_ahead_drop_first(&direction->ahead, stream->scope);
    }
}

void
mse_held_add(struct mse_stream *stream, struct mse_direction *direction, const struct mse_chunk *chunk, bool turn,
             bool answer)
{
    struct mse_ahead ahead = { .offset = chunk->offset,
                               .size = chunk->captured,
                               .frame = chunk->frame,
                               .turn = turn,
                               .answer = answer,
                               .cut = chunk->captured < chunk->reported };
    struct mse_mark  mark = { .frame = chunk->frame, .turn = turn, .answer = answer };
    uint64_t         room = MSE_HELD_MAX - MIN(direction->held_size, MSE_HELD_MAX);

    if (mse_is_closed(direction))
        return;
    if (chunk->offset > direction->held_size) {
        direction->holed = chunk->in_order || direction->cut
                           || !mse_ahead_add(&direction->ahead, stream->scope, &ahead, chunk->data);
        return;
    }
    /* What came too early came in the same turn. */
    for (const struct mse_ahead *later = direction->ahead; later != NULL; later = later->next) {
        mark.turn |= later->turn;
        mark.answer |= later->answer;
    }
    direction->cut |= ahead.cut && chunk->offset + chunk->captured >= direction->held_size;
    take(stream, direction, chunk->offset, chunk->data,
         (uint32_t)MIN(chunk->captured, direction->held_size - chunk->offset + room), &mark);
    take_ahead(stream, direction);
}

bool
mse_held_move_ahead(struct mse_stream *stream, const struct mse_direction *direction, uint64_t by,
                    struct mse_ahead **ahead)
{
    bool fits = true;

    for (uint32_t i = 0; i < direction->mark_count; i++) {
        const struct mse_mark *mark = &direction->marks[i];
        uint32_t               end = i + 1 < direction->mark_count ? mark[1].start : direction->held_size;
        struct mse_ahead       moved = { .offset = mark->start + by,
                                         .size = end - mark->start,
                                         .frame = mark->frame,
                                         .turn = mark->turn,
                                         .answer = mark->answer };

        fits = fits && mse_ahead_add(ahead, stream->scope, &moved, direction->held + mark->start);
    }
    for (const struct mse_ahead *kept = direction->ahead; kept != NULL; kept = kept->next) {
        struct mse_ahead moved = *kept;

        moved.offset += by;
        fits = fits && mse_ahead_add(ahead, stream->scope, &moved, kept->data);
    }
    return fits;
}

const struct mse_mark *
mse_held_mark_at(const struct mse_direction *direction, uint64_t offset)
{
    uint32_t low = 0, high = direction->mark_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (direction->marks[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return &direction->marks[low];
}
