/* peer_feed.c
 * Feeds a connection, see peer_feed.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/peer_feed.h"

#include <string.h>

#include "core/late_chunks.h"
#include "core/peer_wire.h"

/* How far a hole of unknown length moves the positions after it: more than any message is long. */
#define HOLE_SIZE ((uint64_t)1 << 32)

void
peer_feed_init(struct peer_feed *feed, wmem_allocator_t *scope, const struct peer_setup *setup)
{
    memset(feed, 0, sizeof *feed);
    feed->connection = peer_connection_new(scope, setup);
}

static struct feed_holes *
get_holes(struct peer_feed *feed, enum peer_side from)
{
    if (feed->holes[from] == NULL)
        feed->holes[from] = wmem_new0(peer_connection_scope(feed->connection), struct feed_holes);
    return feed->holes[from];
}

/* What is kept since a hole; NULL: nothing. */
static struct late_chunks *
late_of(const struct peer_feed *feed, enum peer_side from)
{
    return feed->holes[from] != NULL ? feed->holes[from]->late : NULL;
}

static void
forget_late(struct feed_holes *holes)
{
    late_chunks_free(holes->late);
    holes->late = NULL;
    holes->told.open = false;
}

void
peer_feed_end(struct peer_feed *feed)
{
    wmem_allocator_t *scope = peer_connection_scope(feed->connection);

    for (int side = PEER_A; side <= PEER_B; side++) {
        if (feed->holes[side] != NULL)
            forget_late(feed->holes[side]);
        wmem_free(scope, feed->holes[side]);
        feed->holes[side] = NULL;
        message_stream_free(&feed->streams[side], scope);
        wmem_free(scope, feed->parts[side]);
        feed->parts[side] = NULL;
    }
    wmem_free(scope, feed->shown);
    feed->shown = NULL;
    peer_connection_end(feed->connection);
}

void
peer_feed_filled(struct peer_feed *feed, enum peer_side from, const char *lacking)
{
    if (feed->holes[from] == NULL || !feed->holes[from]->told.open)
        return;
    feed->holes[from]->told.open = lacking != NULL;
    peer_connection_lacks_less(feed->connection, from, lacking);
}

void
peer_feed_begin(struct peer_feed *feed, enum peer_side from, uint64_t position)
{
    message_stream_begin(&feed->streams[from], position);
}

/* --- messages --- */

/* One reading of a stream: as its chunks come, or again from a hole on. */
struct reading {
    struct peer_feed         *feed;
    const struct feed_packet *packet; /* that is being read */
    struct message_stream    *stream;
    struct feed_parts       **parts;
    const struct feed_chunk  *late; /* again: the chunk that filled a hole; NULL: nothing is taken */
    bool                      again;
    bool                      taken;     /* again: something came out for the first time, */
    bool                      overtaken; /* and what came out before may have taken back what it says */
};

static G_GNUC_NO_INLINE struct feed_parts *
grow_parts(const struct reading *reading)
{
    struct feed_parts *parts = *reading->parts;
    uint32_t           count = parts != NULL ? parts->count : 0, room = MAX(4, 2 * count);

    parts = (struct feed_parts *)wmem_realloc(peer_connection_scope(reading->feed->connection), parts,
                                              sizeof *parts + room * sizeof *parts->frames);
    parts->count = count;
    parts->room = room;
    *reading->parts = parts;
    return parts;
}

static void
add_part(const struct reading *reading, uint32_t frame)
{
    struct feed_parts *parts = *reading->parts;

    if (parts != NULL && parts->count > 0 && parts->frames[parts->count - 1] == frame)
        return;
    if (parts == NULL || parts->count == parts->room)
        parts = grow_parts(reading);
    parts->frames[parts->count++] = frame;
}

static void
forget_parts(const struct reading *reading)
{
    if (*reading->parts != NULL)
        (*reading->parts)->count = 0;
}

/* Where the bytes of the chunk from offset on stand. */
static struct message_context
context_at(const struct feed_packet *packet, const struct feed_chunk *chunk, uint32_t offset, uint32_t size)
{
    struct message_context context = {
        .from = packet->from,
        .frame = packet->frame,
        .time = packet->time,
        .place = chunk->place + offset,
        .size = size,
        .has_ack = chunk->has_ack,
        .ack = chunk->ack,
    };

    return context;
}

/* Whether the bytes of a chunk are in the packet that is being read. */
static bool
is_in_packet(const struct reading *reading, const struct feed_chunk *chunk)
{
    return chunk->frame == reading->packet->frame && !chunk->waited
           && (!reading->again || chunk->place - reading->late->place < reading->late->bytes.reported);
}

static void
take_message(const struct reading *reading, const struct feed_chunk *chunk, const struct stream_message *message)
{
    struct message_context context = context_at(reading->packet, chunk,
                                                (uint32_t)(message->position - chunk->bytes.position), message->size);

    context.end_ack = chunk->acks_packets ? chunk->end_ack : message->position + message->size;
    if (message->assembled || !is_in_packet(reading, chunk)) {
        if (message->assembled || chunk->frame != reading->packet->frame)
            add_part(reading, chunk->frame);
        context.bytes = message->data;
        context.bytes_size = message->captured;
        if (*reading->parts != NULL) {
            context.frames = (*reading->parts)->frames;
            context.frame_count = (*reading->parts)->count;
        }
        context.elsewhere = reading->again;
        context.shown_at = reading->again ? reading->late->place : 0;
    }
    peer_connection_message(reading->feed->connection, message->data, message->captured, message->size, &context);
}

/* Again: whether a message is the handshake, which came out before, cut by a hole that is filled now. Nothing can have
 * taken back what it says. */
static bool
is_handshake_again(const struct reading *reading, const struct stream_message *message)
{
    return message->assembled && reading->feed->connection->handshakes[reading->packet->from].seen
           && peer_wire_is_handshake(message->data, message->captured);
}

/* A message came out, which ends where the chunk was read to. One that was cut by a hole counts as not seen: it may come
 * out whole. */
static void
on_message(struct reading *reading, const struct feed_chunk *chunk, const struct stream_message *message)
{
    struct late_chunks *late = late_of(reading->feed, reading->packet->from);
    uint64_t            last = late_chunk_order(chunk) + chunk->bytes.offset - 1;
    bool                first_time;

    if (reading->again && (reading->late == NULL || message->stepped_over))
        return;
    first_time = late == NULL || message->stepped_over || late_chunks_take_end(late, last);
    if (!reading->again) {
        take_message(reading, chunk, message);
    } else if (first_time) {
        reading->taken |= !is_handshake_again(reading, message);
        take_message(reading, chunk, message);
    } else if (reading->taken && peer_wire_announces(message->data, message->captured, message->size)) {
        reading->overtaken = true;
    }
}

/* Takes the messages that end in the chunk. *first, where it is not NULL, is set to the first byte that begins a message
 * where the chunk begins in one. */
static void
take_messages(struct reading *reading, struct feed_chunk *chunk, enum chunk_state state, bool in_message,
              uint32_t *first)
{
    struct message_stream *stream = reading->stream;
    wmem_allocator_t      *scope = peer_connection_scope(reading->feed->connection);
    struct stream_message  message;

    while (message_stream_next(stream, scope, &chunk->bytes, &message)) {
        on_message(reading, chunk, &message);
        chunk->has_unusual |= peer_wire_is_unusual(message.data, message.captured, message.size);
        forget_parts(reading);
        if (in_message && first != NULL)
            *first = chunk->bytes.offset;
        in_message = false;
    }
    if (state == CHUNK_REPEATED)
        return;
    if (stream->sync == STREAM_OK && stream->end + stream->comes_again > stream->start)
        add_part(reading, chunk->frame);
    else
        forget_parts(reading);
}

/* --- again --- */

/* Reads a chunk that was kept, after what has the order before it. */
static void
read_kept(struct reading *reading, uint64_t before, const struct late_chunk *kept)
{
    struct feed_chunk chunk = kept->chunk;
    bool              gap;

    /* The length of a packet that is missing is not known. */
    if (chunk.acks_packets && !chunk.placed) {
        chunk.bytes.position = reading->stream->end + (kept->order != before ? HOLE_SIZE : 0);
        chunk.bytes.missing = late_chunk_packets(before, kept->order);
    }
    take_messages(reading, &chunk, message_stream_open(reading->stream, &chunk.bytes, &gap), false, NULL);
}

/* The first hole is filled, or given up: what follows it is read, up to the next one. */
static void
go_on_to_next_hole(struct reading *reading, struct late_chunks *late)
{
    reading->stream = &late->stream;
    reading->parts = &late->parts;
    do {
        read_kept(reading, late->next, late->first);
        late_chunks_drop_first(late);
    } while (late->first != NULL && late->first->order == late->next);
}

/* What is kept has grown too much: holes are given up, the first one first. */
static void
give_up_holes(struct peer_feed *feed, const struct feed_packet *packet)
{
    struct feed_holes  *holes = feed->holes[packet->from];
    struct late_chunks *late = holes->late;
    struct reading      reading = { .feed = feed, .packet = packet, .again = true };

    while (late_chunks_full(late))
        go_on_to_next_hole(&reading, late);
    if (holes->told.order < late->next)
        holes->told.open = false;
    if (late->first == NULL)
        forget_late(holes);
}

/* What the user was told is missing is less now. */
static void
correct_told(struct peer_feed *feed, const struct feed_packet *packet, bool packets)
{
    struct feed_holes *holes = feed->holes[packet->from];
    struct feed_told  *told = &holes->told;
    char               text[192];

    if (!told->open)
        return;

    uint64_t missing = late_chunks_missing(holes->late, told->order, packets);
    if (missing == 0)
        told->open = false;
    if (missing == 0 || told->describe_missing != NULL) {
        if (missing > 0)
            told->describe_missing(missing, text, sizeof text);
        peer_connection_lacks_less(feed->connection, packet->from, missing > 0 ? text : NULL);
    }
}

/* A chunk has filled a hole, or a part of one. */
static void
read_again(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk)
{
    enum peer_side         from = packet->from;
    struct feed_holes     *holes = feed->holes[from];
    struct late_chunks    *late = holes->late;
    struct message_stream *live = &feed->streams[from];
    struct feed_parts    **parts = &feed->parts[from];
    wmem_allocator_t      *scope = peer_connection_scope(feed->connection);
    struct reading         reading = { .feed = feed, .packet = packet, .late = chunk, .again = true };
    uint64_t               acked = live->acked, end = live->end + live->comes_again, before;

    late->stream.acked = INT64_MAX; /* what is kept is no stray */
    if (late->first->order == late->next)
        go_on_to_next_hole(&reading, late);
    message_stream_free(live, scope);
    wmem_free(scope, *parts);
    late_chunks_copy_stream(scope, &late->stream, late->parts, live, parts);
    reading.stream = live;
    reading.parts = parts;
    before = late->next;
    for (const struct late_chunk *kept = late->first; kept != NULL; kept = kept->next) {
        read_kept(&reading, before, kept);
        before = kept->after;
    }
    live->acked = acked;
    if (chunk->acks_packets && !chunk->placed)
        holes->moved += live->end - end;
    if (live->sync == STREAM_OK && feed->synced_in[from] == 0)
        feed->synced_in[from] = packet->frame;
    if (reading.overtaken)
        peer_connection_gap(feed->connection, from);
    correct_told(feed, packet, chunk->acks_packets);
    if (late->first == NULL)
        forget_late(holes);
}

/* A chunk with bytes before the end of the stream: those that fill a hole are read. */
static void
take_late(struct peer_feed *feed, const struct feed_packet *packet, struct feed_chunk *chunk)
{
    const struct message_stream *stream = &feed->streams[packet->from];
    struct feed_holes           *holes = feed->holes[packet->from];
    struct feed_chunk            part = *chunk;

    if (!chunk->acks_packets) {
        uint64_t seen = stream->end + stream->comes_again - chunk->bytes.position;
        part.bytes.reported = (uint32_t)MIN(chunk->bytes.reported, seen);
        part.bytes.captured = MIN(chunk->bytes.captured, part.bytes.reported);
    }
    if (part.bytes.reported > LATE_BYTES_MAX) {
        forget_late(holes);
    } else if (late_chunks_add(holes->late, &part)) {
        chunk->bytes.begins_read = true;
        read_again(feed, packet, &part);
    }
    if (holes->late != NULL)
        give_up_holes(feed, packet);
}

/* --- chunks --- */

/* Whether a chunk has bytes that the stream went past. */
static bool
is_late(const struct peer_feed *feed, enum peer_side from, const struct feed_chunk *chunk)
{
    const struct message_stream *stream = &feed->streams[from];

    if (chunk->acks_packets)
        return chunk->late;
    return stream->has_end && chunk->bytes.position < stream->end + stream->comes_again;
}

/* Where the stream is about to step over a hole, it is kept as it is. */
static struct late_chunks *
keep_before_hole(const struct peer_feed *feed, enum peer_side from, const struct feed_chunk *chunk)
{
    const struct message_stream *stream = &feed->streams[from];
    uint64_t                     end = stream->end + stream->comes_again;
    bool                         hole = stream->has_end ? chunk->bytes.position > end : chunk->before_first > 0;

    if (late_of(feed, from) != NULL || chunk->reads_again || !hole)
        return NULL;
    if (!stream->has_end)
        end = late_after_packet(chunk->end_ack - chunk->before_first - 1);
    else if (chunk->acks_packets)
        end = late_after_packet(feed->connection->read_to[from]);
    return late_chunks_new(peer_connection_scope(feed->connection), stream, feed->parts[from], end);
}

/* The chunk is the next one of a stream with holes, of which kept is the first; NULL: the first is known already. */
static void
keep_after_hole(struct peer_feed *feed, enum peer_side from, const struct feed_chunk *chunk, enum chunk_state state,
                struct late_chunks *kept)
{
    if (state == CHUNK_REPEATED) { /* nothing of it counts: no hole before it either */
        late_chunks_free(kept);
        return;
    }
    if (kept != NULL)
        get_holes(feed, from)->late = kept;
    if (late_of(feed, from) == NULL)
        return;
    if (chunk->bytes.reported > LATE_BYTES_MAX)
        forget_late(feed->holes[from]);
    else
        late_chunks_add(feed->holes[from]->late, chunk);
}

/* Bytes before the chunk are missing. True where that is news. */
static bool
tell_missing(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk)
{
    struct message_context context = context_at(packet, chunk, 0, chunk->bytes.reported);
    struct feed_holes     *holes;

    if (!peer_connection_lacks(feed->connection, &context, chunk->lacking))
        return false;
    holes = get_holes(feed, packet->from);
    holes->told.open = holes->late != NULL || chunk->reads_again;
    holes->told.order = late_chunk_order(chunk);
    holes->told.describe_missing = chunk->describe_missing;
    return true;
}

/* The last chunk that later passes see. */
static void
remember_shown(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk)
{
    if (feed->shown == NULL)
        feed->shown = wmem_alloc0_array(peer_connection_scope(feed->connection), struct feed_shown, 2);
    feed->shown[packet->from] = (struct feed_shown){ .frame = packet->frame,
                                                     .place = chunk->place,
                                                     .size = chunk->bytes.reported };
}

/* What is missing is shown with that one. */
static void
show_missing_before(struct peer_feed *feed, const struct feed_packet *packet)
{
    const struct feed_shown *shown = feed->shown != NULL ? &feed->shown[packet->from] : NULL;
    struct message_context   before = { .from = packet->from };

    if (shown == NULL || shown->size == 0 || shown->frame >= packet->frame)
        return;
    before.frame = shown->frame;
    before.place = shown->place;
    before.size = shown->size;
    peer_connection_lacks_hidden(feed->connection, &before);
}

/* A chunk was read. TCP shows one that is the beginning of a message only on the first pass; later ones see it as a part of
 * the whole message. What is missing before it is shown there, then, or where else the stream goes on; and with what came
 * before it as long as nothing of that comes. */
static void
show_missing_later(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk,
                   bool told_here)
{
    const struct message_stream *stream = &feed->streams[packet->from];
    struct feed_holes           *holes = feed->holes[packet->from];
    bool                         comes_again = chunk->bytes.waits
                       || (stream->sync == STREAM_OK && stream->comes_again == chunk->bytes.reported);

    if (told_here) {
        holes->told.withheld = comes_again && !chunk->reads_again;
        if (holes->told.withheld)
            show_missing_before(feed, packet);
    } else if (holes != NULL && holes->told.withheld && !comes_again) {
        struct message_context context = context_at(packet, chunk, 0, chunk->bytes.reported);
        peer_connection_lacks_shown(feed->connection, &context);
        holes->told.withheld = false;
    }
    if (!comes_again && !chunk->acks_packets)
        remember_shown(feed, packet, chunk);
}

void
peer_feed_lacks(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk)
{
    if (chunk->lacking != NULL)
        tell_missing(feed, packet, chunk);
}

enum chunk_state
peer_feed_chunk(struct peer_feed *feed, const struct feed_packet *packet, struct feed_chunk *chunk, uint32_t *first)
{
    const enum peer_side   from = packet->from;
    struct message_stream *stream = &feed->streams[from];
    struct reading reading = { .feed = feed, .packet = packet, .stream = stream, .parts = &feed->parts[from] };
    bool           gap, told_here;

    if (feed->holes[from] != NULL)
        chunk->bytes.position += feed->holes[from]->moved;
    if (chunk->acks_packets)
        stream->acked = INT64_MAX; /* the transport knows strays by their numbers */
    else if (chunk->has_ack)
        feed->streams[other_side(from)].acked = MAX(feed->streams[other_side(from)].acked, chunk->ack);
    if (late_of(feed, from) != NULL && is_late(feed, from, chunk))
        take_late(feed, packet, chunk);
    if (chunk->late) {
        *first = chunk->bytes.reported;
        return CHUNK_REPEATED;
    }

    struct late_chunks *kept = keep_before_hole(feed, from, chunk);
    enum chunk_state    state = message_stream_open(stream, &chunk->bytes, &gap);
    uint32_t            begins = chunk->bytes.offset;
    bool                in_message = state == CHUNK_NEW && stream->end > stream->start;

    *first = in_message ? chunk->bytes.reported : begins;
    if (state != CHUNK_REPEATED)
        feed->connection->read_to[from] = chunk->acks_packets ? chunk->end_ack
                                                              : chunk->bytes.position + chunk->bytes.reported;
    keep_after_hole(feed, from, chunk, state, kept);
    if (gap)
        peer_connection_gap(feed->connection, from);
    told_here = chunk->lacking != NULL && state != CHUNK_REPEATED && tell_missing(feed, packet, chunk);
    if (stream->sync == STREAM_OK && feed->synced_in[from] == 0)
        feed->synced_in[from] = packet->frame;

    take_messages(&reading, chunk, state, in_message, first);
    if (state != CHUNK_REPEATED)
        show_missing_later(feed, packet, chunk, told_here);
    if (late_of(feed, from) != NULL)
        give_up_holes(feed, packet);
    if (state == CHUNK_NEW && stream->sync == STREAM_LOST) {
        peer_connection_gap(feed->connection, from);
        if (stream->too_long) {
            struct message_context context = context_at(packet, chunk, begins, chunk->bytes.reported - begins);
            peer_connection_limit(feed->connection, &context, "bytes of one message", PEER_MESSAGE_SIZE_MAX);
        }
    }
    return state;
}

void
peer_feed_limit(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk,
                const char *what, uint32_t limit)
{
    struct message_context context = context_at(packet, chunk, 0, chunk->bytes.reported);

    peer_connection_limit(feed->connection, &context, what, limit);
}
