/* peer_feed.c
 * Feeds a connection, see peer_feed.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/peer_feed.h"

#include <string.h>

void
peer_feed_init(struct peer_feed *feed, wmem_allocator_t *scope, const struct peer_setup *setup)
{
    memset(feed, 0, sizeof *feed);
    feed->connection = peer_connection_new(scope, setup);
    for (int side = PEER_A; side <= PEER_B; side++)
        message_stream_init(&feed->streams[side], scope);
}

void
peer_feed_end(struct peer_feed *feed)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        message_stream_free(&feed->streams[side]);
        wmem_free(feed->connection->scope, feed->parts[side].frames);
        memset(&feed->parts[side], 0, sizeof feed->parts[side]);
    }
    peer_connection_end(feed->connection);
}

void
peer_feed_begin(struct peer_feed *feed, enum peer_side from, uint64_t position)
{
    message_stream_begin(&feed->streams[from], position);
}

static void
add_part(struct peer_feed *feed, enum peer_side from, uint32_t frame)
{
    struct feed_parts *parts = &feed->parts[from];

    if (parts->count > 0 && parts->frames[parts->count - 1] == frame)
        return;
    if (parts->count == parts->room) {
        parts->room = MAX(4, 2 * parts->room);
        parts->frames = (uint32_t *)wmem_realloc(feed->connection->scope, parts->frames,
                                                 parts->room * sizeof *parts->frames);
    }
    parts->frames[parts->count++] = frame;
}

/* Where the bytes of the chunk from offset on stand. */
static struct message_context
context_at(const struct feed_packet *packet, const struct feed_chunk *chunk, uint32_t offset, uint32_t size)
{
    struct message_context context = {
        .from = packet->from, .frame = packet->frame, .time = packet->time, .place = chunk->place + offset,
        .size = size, .has_ack = chunk->has_ack, .ack = chunk->ack,
    };

    return context;
}

static void
take_message(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk,
             const struct stream_message *message)
{
    struct message_context context = context_at(packet, chunk, (uint32_t)(message->position - chunk->bytes.position),
                                                message->size);

    context.end_ack = chunk->acks_packets ? chunk->end_ack : message->position + message->size;
    if (message->assembled || chunk->frame != packet->frame) {
        add_part(feed, packet->from, chunk->frame);
        context.bytes = message->data;
        context.bytes_size = message->captured;
        context.frames = feed->parts[packet->from].frames;
        context.frame_count = feed->parts[packet->from].count;
    }
    peer_connection_message(feed->connection, message->data, message->captured, message->size, &context);
    feed->parts[packet->from].count = 0;
}

enum chunk_state
peer_feed_chunk(struct peer_feed *feed, const struct feed_packet *packet, struct feed_chunk *chunk, uint32_t *first)
{
    struct message_stream *stream = &feed->streams[packet->from];
    struct stream_message  message;
    bool                   gap;

    if (chunk->acks_packets)
        stream->acked = INT64_MAX;      /* the transport knows strays by their numbers */
    else if (chunk->has_ack)
        feed->streams[other_side(packet->from)].acked = MAX(feed->streams[other_side(packet->from)].acked, chunk->ack);

    enum chunk_state       state = message_stream_open(stream, &chunk->bytes, &gap);
    uint32_t               begins = chunk->bytes.offset;
    bool                   in_message = state == CHUNK_NEW && stream->end > stream->start;

    *first = in_message ? chunk->bytes.reported : begins;
    if (gap)
        peer_connection_gap(feed->connection, packet->from);
    if (chunk->lacking != NULL && state != CHUNK_REPEATED) {
        struct message_context context = context_at(packet, chunk, 0, chunk->bytes.reported);
        peer_connection_lacks(feed->connection, &context, chunk->lacking);
    }
    if (stream->sync == STREAM_OK && feed->synced_in[packet->from] == 0)
        feed->synced_in[packet->from] = packet->frame;

    while (message_stream_next(stream, &chunk->bytes, &message)) {
        take_message(feed, packet, chunk, &message);
        if (in_message)
            *first = chunk->bytes.offset;
        in_message = false;
    }
    if (state == CHUNK_REPEATED)
        return state;
    if (stream->sync == STREAM_OK && stream->end + stream->comes_again > stream->start)
        add_part(feed, packet->from, chunk->frame);
    else
        feed->parts[packet->from].count = 0;

    if (state == CHUNK_NEW && stream->sync == STREAM_LOST) {
        peer_connection_gap(feed->connection, packet->from);
        if (stream->too_long) {
            struct message_context context = context_at(packet, chunk, begins, chunk->bytes.reported - begins);
            peer_connection_limit(feed->connection, &context, "bytes of one message", PEER_MESSAGE_SIZE_MAX);
        }
    }
    return state;
}

bool
peer_feed_awaits_block(const struct peer_feed *feed, enum peer_side from)
{
    const struct message_stream *stream = &feed->streams[from];

    return stream->sync == STREAM_OK && stream->held_size >= PEER_PIECE_HEADER_SIZE
           && stream->held[PEER_PREFIX_SIZE] == PEER_PIECE;
}

void
peer_feed_limit(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk,
                const char *what, uint32_t limit)
{
    struct message_context context = context_at(packet, chunk, 0, chunk->bytes.reported);

    peer_connection_limit(feed->connection, &context, what, limit);
}
