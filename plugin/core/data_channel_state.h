/* data_channel_state.h
 * How far the stream of one side of a data channel was read, and the beginning of a message that was not read yet. Where a
 * hole may still be filled, a copy is kept of what was before it.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DATA_CHANNEL_STATE_H
#define DATA_CHANNEL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* All zero: nothing was read. */
struct channel_state {
    bool      has_content; /* something of the channel came */
    bool      is_other;    /* not claimed: it does not begin with a handshake */
    bool      framed;      /* claimed: held begins with a message of BitTorrent, or is empty and the next byte does */
    uint8_t  *held;        /* the beginning of a message */
    uint32_t  held_size;
    uint32_t  held_room;
    uint32_t *frames; /* that hold it */
    uint32_t  frame_count;
    uint32_t  frame_room;
};

/* Holds more bytes, of a frame. */
void channel_state_hold(wmem_allocator_t *scope, struct channel_state *state, const uint8_t *data, uint32_t size,
                        uint32_t frame);

/* Nothing is held any more. */
void channel_state_clear(struct channel_state *state);

/* Gives its memory back; it is as new. */
void channel_state_free(wmem_allocator_t *scope, struct channel_state *state);

/* Another state becomes the same as state. */
void channel_state_copy(wmem_allocator_t *scope, const struct channel_state *state, struct channel_state *other);

#endif
