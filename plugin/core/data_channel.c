/* data_channel.c
 * Data channels that may be BitTorrent connections, see data_channel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/data_channel.h"

#include <string.h>

#include "core/peer_wire.h"

#define DCEP_OPEN   3

/* The message that is being taken. */
struct taking {
    struct data_channel         *channel;
    struct channel_direction    *direction;
    const struct channel_packet *packet;
    const struct sctp_message   *message;
    const char                  *lacking;   /* told with its first bytes; NULL: nothing is missing before them */
};

struct data_channel *
data_channel_new(wmem_allocator_t *scope, const struct peer_setup *setup, uint16_t stream)
{
    struct data_channel *channel = wmem_new0(scope, struct data_channel);

    channel->scope = scope;
    channel->setup = setup;
    channel->stream = stream;
    return channel;
}

void
channel_parts_append(struct channel_parts *parts, struct channel_part *part)
{
    part->next = NULL;
    if (parts->end == NULL)
        parts->end = &parts->first;
    *parts->end = part;
    parts->end = &part->next;
}

/* --- what is held --- */

static void
hold(struct data_channel *channel, struct channel_direction *direction, const uint8_t *data, uint32_t size,
     uint32_t frame)
{
    if (direction->held_size + size > direction->held_room) {
        direction->held_room = MAX(2 * direction->held_room, direction->held_size + size);
        direction->held = (uint8_t *)wmem_realloc(channel->scope, direction->held, direction->held_room);
    }
    memcpy(direction->held + direction->held_size, data, size);
    direction->held_size += size;

    if (direction->frame_count > 0 && direction->frames[direction->frame_count - 1] == frame)
        return;
    if (direction->frame_count == direction->frame_room) {
        direction->frame_room = MAX(4, 2 * direction->frame_room);
        direction->frames = (uint32_t *)wmem_realloc(channel->scope, direction->frames,
                                                     direction->frame_room * sizeof *direction->frames);
    }
    direction->frames[direction->frame_count++] = frame;
}

static void
hold_nothing(struct channel_direction *direction)
{
    direction->held_size = 0;
    direction->frame_count = 0;
}

/* --- to be fed, and shown --- */

/* Bytes of the stream, the next ones, go to the connection. first: see peer_feed_chunk(). */
static enum chunk_state
feed(struct taking *taking, const uint8_t *data, uint32_t size, bool reassembles, uint32_t *first)
{
    const struct channel_packet *packet = taking->packet;
    const struct sctp_fragment  *last = taking->message->last;
    const struct feed_packet     reading = {
        .from = packet->from, .frame = packet->place.frame, .time = packet->place.time
    };
    struct feed_chunk            chunk = {
        .bytes = { .position = taking->direction->position, .data = data, .captured = size, .reported = size,
                   .reassembles = reassembles },
        .place = (uint32_t)taking->direction->position, .frame = packet->place.frame,
        /* Not every packet acknowledges: what its sender said last still holds. */
        .has_ack = true, .ack = last->place.ack, .acks_packets = true, .end_ack = last->seq,
        .lacking = taking->lacking
    };
    enum chunk_state             state = peer_feed_chunk(&taking->channel->feed, &reading, &chunk, first);

    if (taking->lacking != NULL && taking->message->limit)
        peer_feed_limit(&taking->channel->feed, &reading, &chunk, "SCTP chunks out of order", SCTP_WINDOW_CHUNKS);
    return state;
}

/* A part of so many bytes from the position of the direction on. */
static struct channel_part *
add_part(const struct taking *taking, uint32_t size)
{
    const struct channel_packet *packet = taking->packet;
    const struct sctp_fragment  *last = taking->message->last;
    struct channel_part         *part = wmem_new0(taking->channel->scope, struct channel_part);

    channel_parts_append(packet->parts, part);
    part->connection = taking->channel->feed.connection;
    part->from = packet->from;
    part->frame = packet->place.frame;
    part->packet = packet->place.packet;
    part->place = (uint32_t)taking->direction->position;
    part->size = size;
    part->is_messages = true;
    part->message_size = taking->message->size;
    if (taking->message->fragments == last && last->data.first && last->data.last)
        part->message_offset = last->data.offset;
    return part;
}

/* The message that is held is complete. */
static void
take_held(struct taking *taking)
{
    struct channel_direction *direction = taking->direction;
    struct channel_part      *part = add_part(taking, direction->held_size);
    wmem_allocator_t         *scope = taking->channel->scope;
    uint32_t                  first;

    feed(taking, direction->held, direction->held_size, false, &first);
    part->data = (uint8_t *)wmem_memdup(scope, direction->held, direction->held_size);
    part->frame_count = direction->frame_count;
    part->frames = (uint32_t *)wmem_memdup(scope, direction->frames, direction->frame_count * sizeof *part->frames);
    direction->position += direction->held_size;
    hold_nothing(direction);
}

/* Shows whole messages, or what nobody understands, of one fragment. */
static void
show_run(const struct taking *taking, const struct sctp_fragment *fragment, uint32_t at, uint32_t size,
         bool is_messages)
{
    const struct sctp_place *here = &taking->packet->place;
    struct channel_part     *part = add_part(taking, size);

    part->is_messages = is_messages;
    if (fragment->place.frame == here->frame && fragment->place.packet == here->packet) {
        part->offset = fragment->data.offset + at;
        return;
    }
    part->data = (uint8_t *)wmem_memdup(taking->channel->scope, fragment->data.payload + at, size);
    part->frame_count = 1;
    part->frames = (uint32_t *)wmem_memdup(taking->channel->scope, &fragment->place.frame, sizeof *part->frames);
}

/* --- fragments --- */

/* Adds to the message that is held as much as it needs of so many bytes; returns how many. */
static uint32_t
complete_held(struct taking *taking, const uint8_t *data, uint32_t left, uint32_t frame)
{
    struct channel_direction *direction = taking->direction;
    uint32_t                  taken = 0, size, first;

    for (;;) {
        size = peer_wire_size(direction->held, direction->held_size);
        if (size != PEER_SIZE_UNKNOWN || taken == left)
            break;
        hold(taking->channel, direction, data + taken++, 1, frame);
    }
    if (size == PEER_SIZE_UNKNOWN)
        return taken;
    if (size == PEER_SIZE_BAD) {            /* the connection loses sync */
        feed(taking, direction->held, direction->held_size, false, &first);
        direction->position += direction->held_size;
        direction->framed = false;
        hold_nothing(direction);
        return taken;
    }

    uint32_t more = MIN(size - direction->held_size, left - taken);
    if (more > 0)
        hold(taking->channel, direction, data + taken, more, frame);
    if (direction->held_size == size)
        take_held(taking);
    return taken + more;
}

/* A run of bytes of a fragment, which were fed, is to be shown. Returns their number. */
static uint32_t
pass_on(struct taking *taking, const struct sctp_fragment *fragment, uint32_t at, uint32_t size, bool framed)
{
    if (size > 0)
        show_run(taking, fragment, at, size, framed);
    taking->direction->position += size;
    return size;
}

/* It is known where messages begin: the rest of a fragment begins with one. Returns how many bytes were taken: all, or
 * those before the place where sync was lost. */
static uint32_t
take_framed(struct taking *taking, const struct sctp_fragment *fragment, uint32_t at)
{
    struct channel_direction *direction = taking->direction;
    const uint8_t            *data = fragment->data.payload + at;
    uint32_t                  left = fragment->data.size - at;
    uint32_t                  next_size, complete, first;

    if (direction->held_size > 0)
        return complete_held(taking, data, left, fragment->place.frame);
    complete = peer_wire_complete(data, left, left, &next_size);
    if (complete == 0 && next_size != PEER_SIZE_BAD) {
        hold(taking->channel, direction, data, left, fragment->place.frame);
        return left;
    }
    direction->framed = feed(taking, data, complete > 0 ? complete : left, false, &first) == CHUNK_NEW && complete > 0;
    return pass_on(taking, fragment, at, direction->framed ? complete : left, direction->framed);
}

/* It is not known where messages begin: perhaps the rest of a fragment tells. */
static uint32_t
take_unframed(struct taking *taking, const struct sctp_fragment *fragment, uint32_t at)
{
    struct channel_direction *direction = taking->direction;
    const uint8_t            *data = fragment->data.payload + at;
    uint32_t                  left = fragment->data.size - at;
    uint32_t                  first, next_size;

    if (feed(taking, data, left, true, &first) != CHUNK_NEW)
        return pass_on(taking, fragment, at, left, false);
    /* The beginning of the next message: the feed has seen it, and is told that it comes again. */
    direction->framed = true;
    return pass_on(taking, fragment, at, peer_wire_complete(data, left, left, &next_size), true);
}

static void
take_message(struct taking *taking)
{
    for (const struct sctp_fragment *fragment = taking->message->fragments; fragment != NULL;
         fragment = fragment->next) {
        uint32_t at = 0;
        while (at < fragment->data.size)
            at += taking->direction->framed ? take_framed(taking, fragment, at) : take_unframed(taking, fragment, at);
    }
}

/* --- claims --- */

/* The first bytes of what is held and the message, as many as tell a handshake, at most. */
static uint32_t
first_bytes(const struct channel_direction *direction, const struct sctp_message *message, uint8_t *bytes)
{
    uint32_t count = MIN(direction->held_size, PEER_HANDSHAKE_MAGIC_SIZE);

    if (count > 0)
        memcpy(bytes, direction->held, count);
    for (const struct sctp_fragment *fragment = message->fragments;
         fragment != NULL && count < PEER_HANDSHAKE_MAGIC_SIZE; fragment = fragment->next) {
        uint32_t more = MIN(fragment->data.size, PEER_HANDSHAKE_MAGIC_SIZE - count);
        memcpy(bytes + count, fragment->data.payload, more);
        count += more;
    }
    return count;
}

static bool
begins_with_handshake(const struct sctp_message *message)
{
    static const struct channel_direction nothing;
    uint8_t                               bytes[PEER_HANDSHAKE_MAGIC_SIZE];

    return message->begins && peer_wire_is_handshake(bytes, first_bytes(&nothing, message, bytes));
}

/* Whether the message makes the channel BitTorrent. */
static bool
is_claimed_by(struct data_channel *channel, struct channel_direction *direction, const struct sctp_message *message)
{
    uint8_t  bytes[PEER_HANDSHAKE_MAGIC_SIZE];
    uint32_t count = first_bytes(direction, message, bytes);

    if (!direction->is_other && peer_wire_is_handshake(bytes, count))
        return true;
    if (!direction->is_other && message->missing == 0 && count < PEER_HANDSHAKE_MAGIC_SIZE
            && peer_wire_size(bytes, count) == PEER_SIZE_UNKNOWN) {
        for (const struct sctp_fragment *fragment = message->fragments; fragment != NULL; fragment = fragment->next)
            hold(channel, direction, fragment->data.payload, fragment->data.size, fragment->place.frame);
        return false;
    }
    hold_nothing(direction);
    direction->is_other = true;
    return begins_with_handshake(message);
}

static void
claim(struct data_channel *channel)
{
    channel->claimed = true;
    peer_feed_init(&channel->feed, channel->scope, channel->setup);
    for (int side = PEER_A; side <= PEER_B; side++)
        channel->directions[side].framed = !channel->directions[side].is_other;
}

bool
data_channel_message(struct data_channel *channel, const struct channel_packet *packet,
                     const struct sctp_message *message)
{
    struct channel_direction *direction = &channel->directions[packet->from];
    struct taking             taking = {
        .channel = channel, .direction = direction, .packet = packet, .message = message
    };
    bool                      claims = !channel->claimed && is_claimed_by(channel, direction, message);
    char                      lacking[96];

    direction->has_content = true;
    if (claims) {
        claim(channel);
        direction->framed = true;
    }
    if (!channel->claimed)
        return false;

    if (packet->number != 0)
        peer_connection_begin_packet(channel->feed.connection, packet->place.frame, packet->number);
    if (message->missing > 0 && !claims) {
        g_snprintf(lacking, sizeof lacking, "%" PRIu64 " SCTP chunk%s of this peer %s missing before this message",
                   message->missing, message->missing == 1 ? "" : "s", message->missing == 1 ? "is" : "are");
        taking.lacking = lacking;
        direction->position += direction->held_size + CHANNEL_GAP_SIZE;
        hold_nothing(direction);
        direction->framed = false;
    }
    take_message(&taking);
    return claims;
}

bool
data_channel_begins_anew(const struct data_channel *channel, enum peer_side from, const struct sctp_message *message)
{
    const struct channel_direction *direction = &channel->directions[from];

    if (message->ppid == PPID_DCEP)
        return message->begins && message->fragments->data.payload[0] == DCEP_OPEN
               && (channel->directions[PEER_A].has_content || channel->directions[PEER_B].has_content);
    return channel->claimed && direction->has_content && message->order == 0 && begins_with_handshake(message);
}

static void
free_direction(struct data_channel *channel, struct channel_direction *direction)
{
    wmem_free(channel->scope, direction->held);
    wmem_free(channel->scope, direction->frames);
}

void
data_channel_end(struct data_channel *channel)
{
    for (int side = PEER_A; side <= PEER_B; side++)
        free_direction(channel, &channel->directions[side]);
    if (channel->claimed)
        peer_feed_end(&channel->feed);      /* the connection stays: parts point at it */
    wmem_free(channel->scope, channel);
}
