/* data_channel_state.c
 * How far the stream of one side of a data channel was read, see data_channel_state.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/data_channel_state.h"

#include <string.h>

void
channel_state_hold(wmem_allocator_t *scope, struct channel_state *state, const uint8_t *data, uint32_t size,
                   uint32_t frame)
{
    if (state->held_size + size > state->held_room) {
        state->held_room = MAX(2 * state->held_room, state->held_size + size);
        state->held = (uint8_t *)wmem_realloc(scope, state->held, state->held_room);
    }
    memcpy(state->held + state->held_size, data, size);
    state->held_size += size;

    if (state->frame_count > 0 && state->frames[state->frame_count - 1] == frame)
        return;
    if (state->frame_count == state->frame_room) {
        state->frame_room = MAX(4, 2 * state->frame_room);
        state->frames = (uint32_t *)wmem_realloc(scope, state->frames, state->frame_room * sizeof *state->frames);
    }
    state->frames[state->frame_count++] = frame;
}

void
channel_state_clear(struct channel_state *state)
{
    state->held_size = 0;
    state->frame_count = 0;
}

void
channel_state_free(wmem_allocator_t *scope, struct channel_state *state)
{
    wmem_free(scope, state->held);
    wmem_free(scope, state->frames);
    memset(state, 0, sizeof *state);
}

void
channel_state_copy(wmem_allocator_t *scope, const struct channel_state *state, struct channel_state *other)
{
    channel_state_free(scope, other);
    *other = *state;
    other->held_room = state->held_size;
    other->held = state->held_size > 0 ? (uint8_t *)wmem_memdup(scope, state->held, state->held_size) : NULL;
    other->frame_room = state->frame_count;
    other->frames = state->frame_count > 0
                        ? (uint32_t *)wmem_memdup(scope, state->frames, state->frame_count * sizeof *state->frames)
                        : NULL;
}
