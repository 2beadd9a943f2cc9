/* message_stream.c
 * One direction of a connection as a stream of messages, see message_stream.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/message_stream.h"

#include <string.h>

#include "core/peer_wire.h"

void
message_stream_free(struct message_stream *stream, wmem_allocator_t *scope)
{
    wmem_free(scope, stream->held);
    memset(stream, 0, sizeof *stream);
}

/* A new message begins at position. */
static void
begin_message(struct message_stream *stream, uint64_t position)
{
    stream->start = position;
    stream->size = PEER_SIZE_UNKNOWN;
    if (stream->held != NULL)
        stream->held->size = 0;
    stream->comes_again = 0;
    stream->holed = false;
    stream->stepped_over = false;
    stream->begun = 0;
}

void
message_stream_begin(struct message_stream *stream, uint64_t position)
{
    stream->sync = STREAM_OK;
    stream->has_end = true;
    stream->first = stream->end = position;
    begin_message(stream, position);
}

static void
lose_sync(struct message_stream *stream, bool too_long)
{
    stream->sync = STREAM_LOST;
    stream->too_long = too_long;
    begin_message(stream, stream->start);
}

/* Bytes between stream->end and position are missing. Sync survives where the message that they belong to is known
 * to reach that far. */
static void
step_over_hole(struct message_stream *stream, uint64_t position)
{
    if (stream->size != PEER_SIZE_UNKNOWN && stream->start + stream->size >= position)
        stream->holed = stream->stepped_over = true;
    else
        lose_sync(stream, false);
    stream->end = position;
}

/* Packets of unknown length are missing before a chunk: how far at least the message goes on that was open before them. */
static void
stay_inside(struct message_stream *stream, const struct stream_chunk *chunk)
{
    uint64_t lost = (uint64_t)chunk->missing * stream->largest, left = 0;

    if (stream->sync != STREAM_OK)
        left = stream->inside_until > stream->end ? stream->inside_until - stream->end : 0;
    else if (stream->size != PEER_SIZE_UNKNOWN && stream->size <= STREAM_INSIDE_MAX)
        left = stream->start + stream->size - stream->end;
    stream->inside_until = left > lost ? chunk->position + left - lost : 0;
}

/* A message begins at a byte of the chunk. */
static void
sync_at(struct message_stream *stream, struct stream_chunk *chunk, uint32_t at)
{
    stream->sync = STREAM_OK;
    stream->end = chunk->position + at;
    begin_message(stream, stream->end);
    chunk->offset = at;
}

/* Whether all bytes of the stream are the first ones of a handshake, and the chunk has the last of those that tell it. */
static bool
completes_magic(struct message_stream *stream, struct stream_chunk *chunk)
{
    uint32_t begun = stream->begun, size = MIN(chunk->captured, PEER_HANDSHAKE_MAGIC_SIZE - begun);
    bool     goes_on = !stream->has_end || (begun > 0 && chunk->position == stream->end);

    stream->begun = 0;
    if (!goes_on || size == 0 || memcmp(chunk->data, peer_handshake_magic + begun, size) != 0)
        return false;
    if (begun + size < PEER_HANDSHAKE_MAGIC_SIZE) {
        if (size == chunk->reported)
            stream->begun = begun + size;
        return false;
    }
    sync_at(stream, chunk, 0);
    stream->start -= begun;
    stream->begun = begun;
    return true;
}

/* Looks for a message boundary where one is known, at the start of the chunk, or of what was not read yet of it, or, where
 * TCP put several segments together, at the start of the last of them. With a message that TCP is then to put together it
 * might put all of them together again, and what is shown of them now, a later pass would not show: nothing is where one
 * message holds all of them but the last. */
static bool
find_sync(struct message_stream *stream, struct stream_chunk *chunk)
{
    uint32_t candidates[2] = { 0, 0 };

    if (chunk->has_boundary && chunk->boundary < chunk->reported) {
        sync_at(stream, chunk, chunk->boundary);
        return true;
    }
    if (completes_magic(stream, chunk))
        return true;

    if (stream->start > chunk->position)
        candidates[0] = (uint32_t)MIN(stream->start - chunk->position, chunk->captured);
    if (stream->has_end && stream->end > chunk->position && stream->end < chunk->position + chunk->captured)
        candidates[1] = (uint32_t)(stream->end - chunk->position);

    for (unsigned i = chunk->begins_read ? 1 : 0; i < 2; i++) {
        uint32_t at = candidates[i];
        if (chunk->position + at >= MAX(stream->inside_until, stream->start)
            && peer_wire_plausible(chunk->data + at, chunk->captured - at, chunk->reported - at)) {
            uint32_t size = peer_wire_size(chunk->data + at, chunk->captured - at);
            if (candidates[1] > 0 && (at > 0 || size <= candidates[1]))
                chunk->reassembles = false;
            sync_at(stream, chunk, at);
            return true;
        }
    }
    return false;
}

/* Whether a chunk in which no message was found has only the beginning of one, too little to tell. At first the built-in
 * dissector asks TCP for what it lacks of a message, and TCP puts that together also where segments have changed places; not
 * so of a handshake. */
static bool
may_begin(const struct message_stream *stream, const struct stream_chunk *chunk)
{
    return chunk->captured == chunk->reported && (!stream->has_end || chunk->position + chunk->reported > stream->end)
           && chunk->position >= stream->start && peer_wire_may_begin(chunk->data, chunk->captured)
           && (stream->sync == STREAM_LOST || chunk->data[0] == peer_handshake_magic[0]);
}

/* A handshake before the end of the stream, and not the one that the stream began with, begins another connection on the
 * same ports (or this one, where its first packet was overtaken). */
static void
begin_again(struct message_stream *stream, const struct stream_chunk *chunk)
{
    if (!stream->has_end || chunk->position >= stream->end || chunk->position == stream->first
        || !peer_wire_is_handshake(chunk->data, chunk->captured))
        return;
    lose_sync(stream, false);
    stream->first = stream->start = stream->end = chunk->position;
}

/* Whether a chunk is so far ahead of the stream that it is none of it. Two in a row are the stream, at another place. */
static bool
is_stray(struct message_stream *stream, const struct stream_chunk *chunk)
{
    uint64_t end = stream->end + stream->comes_again;
    bool     far_ahead = stream->has_end && chunk->position > end + STREAM_STRAY_DISTANCE
                     && stream->acked + STREAM_STRAY_DISTANCE < chunk->position;
    bool goes_on = stream->has_stray && chunk->position - stream->stray_end < STREAM_STRAY_DISTANCE;

    stream->has_stray = far_ahead && !goes_on;
    stream->stray_end = chunk->position + chunk->reported;
    return stream->has_stray;
}

/* The bytes that were to come again with the whole message: where the chunk does not begin with them, it goes on after
 * them, and what is held of them is all there is. */
static void
settle_coming_again(struct message_stream *stream, const struct stream_chunk *chunk)
{
    if (stream->comes_again == 0)
        return;
    if (chunk->position <= stream->start) {
        if (chunk->position + chunk->reported >= stream->end + stream->comes_again)
            begin_message(stream, stream->start);
        return;
    }
    stream->end += stream->comes_again;
    stream->comes_again = 0;
}

enum chunk_state
message_stream_open(struct message_stream *stream, struct stream_chunk *chunk, bool *gap)
{
    uint64_t chunk_end = chunk->position + chunk->reported;
    bool     waits = chunk->waits;

    *gap = chunk->waits = false;
    chunk->offset = chunk->reported;
    if (is_stray(stream, chunk))
        return CHUNK_REPEATED;
    begin_again(stream, chunk);
    if (!stream->has_end)
        stream->first = chunk->position;
    if (stream->sync == STREAM_OK)
        settle_coming_again(stream, chunk);

    bool hole = stream->has_end && chunk->position > stream->end;
    *gap = hole;
    stream->largest = MAX(stream->largest, chunk->reported);
    if (hole && chunk->missing > 0)
        stay_inside(stream, chunk);
    if (stream->sync == STREAM_OK) {
        if (chunk_end <= stream->end + stream->comes_again)
            return CHUNK_REPEATED;
        if (hole)
            step_over_hole(stream, chunk->position);
        *gap = stream->sync != STREAM_OK;
    }
    if (stream->sync != STREAM_OK && chunk_end <= (chunk->begins_read ? stream->end : stream->start))
        return CHUNK_REPEATED;
    if (stream->sync != STREAM_OK && !find_sync(stream, chunk)) {
        chunk->waits = waits && may_begin(stream, chunk);
        if (!stream->has_end || chunk_end > stream->end)
            stream->end = chunk_end;
        stream->has_end = true;
        *gap = true;
        return CHUNK_UNSYNCED;
    }
    stream->has_end = true;
    chunk->offset = (uint32_t)(stream->end - chunk->position);
    return CHUNK_NEW;
}

/* How many bytes of the message at start are worth holding. */
static uint32_t
worth_holding(const struct message_stream *stream)
{
    const struct stream_held *held = stream->held;

    if (stream->size == PEER_SIZE_UNKNOWN)
        return PEER_HANDSHAKE_MAGIC_SIZE;
    return peer_wire_worth_holding(held != NULL ? held->bytes : NULL, message_stream_held(stream), stream->size);
}

/* Copies bytes of the message at start to held. */
static G_GNUC_NO_INLINE void
append_held(struct message_stream *stream, wmem_allocator_t *scope, const uint8_t *data, uint32_t size)
{
    struct stream_held *held = stream->held;
    uint32_t            former = message_stream_held(stream), room = held != NULL ? held->room : 0;

    if (former + size > room) {
        room = MAX(2 * room, former + size);
        held = (struct stream_held *)wmem_realloc(scope, held, sizeof *held + room);
        held->room = room;
        stream->held = held;
    }
    memcpy(held->bytes + former, data, size);
    held->size = former + size;
}

/* The same, as far as they are worth it. */
static void
hold(struct message_stream *stream, wmem_allocator_t *scope, const uint8_t *data, uint32_t captured)
{
    uint32_t limit = worth_holding(stream), size = message_stream_held(stream);

    if (captured > 0 && !stream->holed && size < limit)
        append_held(stream, scope, data, MIN(captured, limit - size));
}

/* Reads n more bytes of the chunk into the message at start. */
static void
take_bytes(struct message_stream *stream, wmem_allocator_t *scope, struct stream_chunk *chunk, uint32_t n)
{
    uint32_t readable = chunk->offset < chunk->captured ? chunk->captured - chunk->offset : 0;

    if (readable > 0)
        hold(stream, scope, chunk->data + chunk->offset, MIN(n, readable));
    if (n > readable)
        stream->holed = true;
    chunk->offset += n;
    stream->end += n;
}

/* The message at start began in an earlier chunk: takes what this one has of it. */
static bool
go_on(struct message_stream *stream, wmem_allocator_t *scope, struct stream_chunk *chunk,
      struct stream_message *message)
{
    if (stream->begun > 0) {
        append_held(stream, scope, peer_handshake_magic, stream->begun);
        stream->begun = 0;
    }

    /* The prefix (or the first 20 bytes, which tell a handshake) byte by byte, until the size is known. */
    while (stream->size == PEER_SIZE_UNKNOWN) {
        if (chunk->offset == chunk->reported)
            return false;
        take_bytes(stream, scope, chunk, 1);
        if (stream->holed)
            stream->size = PEER_SIZE_BAD;
        else
            stream->size = peer_wire_size(stream->held->bytes, stream->held->size);
    }
    if (stream->size == PEER_SIZE_BAD) {
        lose_sync(stream, !stream->holed);
        stream->end += chunk->reported - chunk->offset;
        return false;
    }

    /* The id, which tells how much is worth holding; then the rest. */
    while (stream->end - stream->start < stream->size) {
        if (chunk->offset == chunk->reported)
            return false;
        uint64_t wanted = stream->size - (stream->end - stream->start);
        if (message_stream_held(stream) <= PEER_PREFIX_SIZE && !stream->holed)
            wanted = MIN(wanted, PEER_PREFIX_SIZE + 1 - message_stream_held(stream));
        take_bytes(stream, scope, chunk, (uint32_t)MIN(wanted, chunk->reported - chunk->offset));
    }

    message->position = stream->start;
    message->size = stream->size;
    message->data = stream->held != NULL ? stream->held->bytes : NULL;
    message->captured = message_stream_held(stream);
    message->assembled = true;
    message->stepped_over = stream->stepped_over;
    begin_message(stream, stream->end);
    return true;
}

bool
message_stream_next(struct message_stream *stream, wmem_allocator_t *scope, struct stream_chunk *chunk,
                    struct stream_message *message)
{
    if (stream->sync != STREAM_OK || chunk->offset >= chunk->reported)
        return false;
    if (stream->end > stream->start)
        return go_on(stream, scope, chunk, message);

    uint32_t       left = chunk->reported - chunk->offset;
    uint32_t       readable = chunk->offset < chunk->captured ? chunk->captured - chunk->offset : 0;
    const uint8_t *data = chunk->data + chunk->offset;
    uint32_t       size = peer_wire_size(data, readable);

    if (size != PEER_SIZE_UNKNOWN && size <= left) {
        message->position = stream->start;
        message->size = size;
        message->data = data;
        message->captured = MIN(size, readable);
        message->assembled = false;
        message->stepped_over = false;
        chunk->offset += size;
        stream->end += size;
        begin_message(stream, stream->end);
        return true;
    }
    if (size == PEER_SIZE_BAD) {
        lose_sync(stream, true);
        stream->end += left;
        return false;
    }
    if (!chunk->reassembles) {
        stream->size = size;
        return go_on(stream, scope, chunk, message);
    }
    /* The whole message comes again. If it does not, the next chunk goes on where this one ends. */
    go_on(stream, scope, chunk, message);
    if (stream->sync == STREAM_OK) {
        stream->comes_again = (uint32_t)(stream->end - stream->start);
        stream->end = stream->start;
    }
    return false;
}
