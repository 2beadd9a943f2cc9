/* fuzz_message_stream.c
 * Fuzzes the stream that cuts bytes into messages. The input says how a stream is cut into chunks:
 *
 *     <rest: 2, big-endian: bytes of the input that are the stream>, then chunks:
 *     <what: 1> <argument: 1> <size: 1>
 *
 * As long as no byte was missing and the first chunk tells where messages begin, the messages are those of the stream
 * read in one piece, and sync is lost only by a length that no message has.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/message_stream.h"
#include "core/peer_wire.h"

#include "fuzz.h"

enum {
    HOLE = 1,           /* as many bytes as argument says are missing before the chunk */
    AGAIN = 2,          /* as many bytes before it come again */
    CUT = 4,            /* as many bytes of its end were not captured */
    REASSEMBLES = 8,    /* a message that goes on after it comes again */
    ACKED = 16,         /* the other side has all that was sent */
    LONG = 32           /* 16 times the size */
};

struct played {
    wmem_allocator_t *scope;
    struct message_stream stream;
    const uint8_t        *bytes;
    uint32_t              size;
    uint64_t              expected;     /* position of the next message, if nothing was missing */
    bool                  whole;        /* nothing was missing */
};

static void
check_message(struct played *played, const struct stream_message *message)
{
    check(message->captured <= message->size);
    if (!played->whole)
        return;
    check(message->position == played->expected);
    check(message->position + message->size <= played->size);
    check(message->size == peer_wire_size(played->bytes + message->position, played->size - (uint32_t)message->position));
    check(memcmp(message->data, played->bytes + message->position, message->captured) == 0);
    played->expected += message->size;
}

static void
play_chunk(struct played *played, struct stream_chunk *chunk)
{
    struct stream_message message;
    bool                  gap;

    /* It begins another connection, unless the stream begins with it. */
    if (chunk->position > 0 && peer_wire_is_handshake(chunk->data, chunk->captured))
        played->whole = false;
    if (message_stream_open(&played->stream, chunk, &gap) == CHUNK_UNSYNCED) {
        check(!played->whole || chunk->position == 0);
        played->whole = false;
    }
    check(chunk->offset <= chunk->reported);
    check(!played->whole || !gap);
    uint64_t before = 0;
    bool     first = true;
    while (message_stream_next(&played->stream, played->scope, chunk, &message)) {
        check(first || message.position > before);
        before = message.position;
        first = false;
        check_message(played, &message);
        check(chunk->offset <= chunk->reported);
    }
    if (played->whole && played->stream.sync != STREAM_OK) {
        check(peer_wire_size(played->bytes + played->expected, played->size - (uint32_t)played->expected) == PEER_SIZE_BAD);
        played->whole = false;
    }
    if (played->stream.held != NULL) {
        check(played->stream.held->size <= played->stream.held->room);
        check(played->stream.held->room <= PEER_MESSAGE_SIZE_MAX * 2);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    uint32_t      stream_size = MIN((uint32_t)data[0] << 8 | data[1], (uint32_t)size - 2);
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct played played = { .scope = scope, .bytes = data + size - stream_size, .size = stream_size, .whole = true };
    const uint8_t *script = data + 2, *end = data + size - stream_size;
    uint64_t       position = 0;

    for (; end - script >= 3; script += 3) {
        uint8_t what = script[0], argument = script[1];

        position += what & HOLE ? argument : 0;
        position -= what & AGAIN ? MIN(argument, position) : 0;
        if (position >= played.size)
            break;
        if ((what & HOLE) && argument > 0)
            played.whole = false;
        uint32_t reported = (uint32_t)MIN(script[2] * (what & LONG ? 16U : 1U), played.size - position);
        uint32_t lacking = what & CUT ? MIN(argument, reported) : 0;
        if (lacking > 0)
            played.whole = false;
        if (reported == 0)
            continue;
        /* A copy of exactly its size: what is held must have been copied. */
        uint8_t *copy = (uint8_t *)malloc(reported - lacking);
        check(copy != NULL);
        memcpy(copy, played.bytes + position, reported - lacking);
        struct stream_chunk chunk = {
            .position = position, .data = copy, .captured = reported - lacking, .reported = reported,
            .reassembles = (what & REASSEMBLES) != 0
        };
        if (what & REASSEMBLES)
            played.whole = false;       /* whether it comes again is up to the next chunks */
        if (what & ACKED)
            played.stream.acked = position;
        play_chunk(&played, &chunk);
        position += reported;
        free(copy);
    }
    message_stream_free(&played.stream, scope);
    wmem_destroy_allocator(scope);
    return 0;
}
