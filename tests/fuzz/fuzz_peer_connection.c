/* fuzz_peer_connection.c
 * Fuzzes what is pure, from the bytes of two streams to the notes. The input is the fallback id and then chunks:
 *
 *     <what: 1> <argument: 1> <size: 1> <bytes: size>      what is made of the bits below
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave.h"
#include "core/peer_feed.h"

#include "fuzz_notes.h"

enum {
    FROM_B = 1,         /* the sender */
    HOLE = 2,           /* as many bytes as argument says are missing before the chunk */
    AGAIN = 4,          /* as many bytes before it come again */
    CUT = 8,            /* as many bytes after it were not captured */
    REASSEMBLES = 16,   /* a message that goes on after it will come again */
    NO_ACK = 32,        /* argument: what the packet acknowledges, less than everything */
    SAME_FRAME = 64,    /* with SOON: another packet with the number of a frame that a read filter rejected */
    SOON = 128          /* a millisecond after the chunk before, not a second */
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_setup  setup = { .observers = { &donthave_observer }, .observer_count = 1 };
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct peer_feed   feed;
    struct feed_packet packet = { .frame = 0 };
    uint64_t           positions[2] = { 0, 0 };
    uint32_t           number = 0, first;

    peer_setup_assume(&setup, LT_DONTHAVE_NAME, size > 0 ? data[0] : 0);
    peer_feed_init(&feed, scope, &setup);
    for (size_t at = 1; at + 3 <= size;) {
        uint8_t   what = data[at], argument = data[at + 1];
        uint32_t  captured = (uint32_t)MIN(data[at + 2], size - at - 3);
        uint64_t *position, answered;

        packet.from = what & FROM_B ? PEER_B : PEER_A;
        position = &positions[packet.from];
        answered = positions[other_side(packet.from)];
        *position += what & HOLE ? argument : 0;
        *position -= what & AGAIN ? MIN(argument, *position) : 0;
        packet.frame += what & SAME_FRAME ? 0 : 1;
        packet.time += what & SOON ? NS_PER_S / 1000 : NS_PER_S;
        number += (what & SAME_FRAME) && !(what & SOON) ? 0 : 1;

        struct feed_chunk chunk = {
            .bytes = { .position = *position, .data = data + at + 3, .captured = captured,
                       .reported = captured + (what & CUT ? argument : 0), .reassembles = (what & REASSEMBLES) != 0 },
            .place = (uint32_t)*position, .frame = packet.frame, .has_ack = (what & NO_ACK) == 0 || argument > 0,
            .ack = answered - (what & NO_ACK ? MIN(argument, answered) : 0),
            .lacking = (what & HOLE) && argument > 0 ? "bytes are missing" : NULL
        };
        *position += chunk.bytes.reported;
        peer_connection_begin_packet(feed.connection, packet.frame, number);
        peer_feed_chunk(&feed, &packet, &chunk, &first);
        check(first <= chunk.bytes.reported);
        peer_connection_packet(feed.connection, packet.from, packet.frame, packet.time, false);
        at += 3 + captured;
    }
    check_notes(&feed.connection->notes, packet.frame, false, true);
    peer_feed_end(&feed);
    check_notes(&feed.connection->notes, packet.frame, true, true);
    wmem_destroy_allocator(scope);
    return 0;
}
