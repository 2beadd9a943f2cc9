/* fuzz_peer_connection.c
 * Fuzzes what is pure, from the bytes of two streams to the notes. The input is the fallback id and then chunks:
 *
 *     <what: 1> <argument: 1> <size: 1> <bytes: size>      what is made of the bits below
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdlib.h>

#include "peer_connection.h"

enum {
    FROM_B = 1,         /* the sender */
    HOLE = 2,           /* as many bytes as argument says are missing before the chunk */
    AGAIN = 4,          /* as many bytes before it come again */
    CUT = 8,            /* as many bytes behind it were not captured */
    REASSEMBLES = 16,   /* a message that goes on behind it will come again */
    NO_ACK = 32,        /* argument: what the packet acknowledges, less than everything */
    SAME_FRAME = 64,
    SOON = 128          /* a millisecond after the chunk before, not a second */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_notes(const struct notes *notes, uint32_t frames)
{
    for (uint32_t frame = 0; frame <= frames; frame++) {
        for (const struct message_note *note = notes_of_frame(notes, frame); note != NULL; note = note->next) {
            const struct donthave_note *donthave = note->extended != NULL ? note->extended->donthave : NULL;
            if (note->frame != frame || (donthave != NULL && (donthave->unrejected > donthave->requests
                                                              || donthave->request_frame_count > donthave->requests)))
                abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wmem_allocator_t       *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct peer_connection *connection = peer_connection_new(scope, size > 0 ? data[0] : 0);
    struct message_stream   streams[2];
    uint64_t                positions[2] = { 0, 0 };
    struct message_context  context = { .frame = 0 };

    message_stream_init(&streams[PEER_A], scope);
    message_stream_init(&streams[PEER_B], scope);
    for (size_t at = 1; at + 3 <= size;) {
        uint8_t               what = data[at], argument = data[at + 1];
        uint32_t              captured = (uint32_t)MIN(data[at + 2], size - at - 3);
        enum peer_side        from = what & FROM_B ? PEER_B : PEER_A;
        uint64_t             *position = &positions[from];
        struct stream_message message;
        bool                  gap;

        *position += what & HOLE ? argument : 0;
        *position -= what & AGAIN ? MIN(argument, *position) : 0;
        struct stream_chunk chunk = { .position = *position, .data = data + at + 3, .captured = captured,
                                      .reported = captured + (what & CUT ? argument : 0),
                                      .reassembles = (what & REASSEMBLES) != 0 };
        *position += chunk.reported;
        context.frame += what & SAME_FRAME ? 0 : 1;
        context.time += what & SOON ? 1000000 : 1000000000;
        context.has_ack = (what & NO_ACK) == 0 || argument > 0;
        context.ack = positions[other_side(from)] - (what & NO_ACK ? MIN(argument, positions[other_side(from)]) : 0);

        message_stream_open(&streams[from], &chunk, &gap);
        if (gap)
            peer_connection_gap(connection, from);
        while (message_stream_next(&streams[from], &chunk, &message)) {
            context.mark = message.position + message.size;
            peer_connection_message(connection, from, &message, &context);
        }
        at += 3 + captured;
    }
    check_notes(&connection->notes, context.frame);
    wmem_destroy_allocator(scope);
    return 0;
}
