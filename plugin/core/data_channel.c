/* data_channel.c
 * Data channels that may be BitTorrent connections, see data_channel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/data_channel.h"

#include <string.h>

#include "core/peer_wire.h"

#define DCEP_OPEN 3

/* Room for the text that tells how much is missing. */
#define LACKING_SIZE 96

/* The message that is being taken. */
struct taking {
    struct data_channel         *channel;
    struct channel_direction    *direction;
    const struct channel_packet *packet;
    const struct sctp_message   *message;
    const char                  *lacking; /* told with its first bytes; NULL: nothing is missing before them */
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

/* --- to be fed, and shown --- */

/* Bytes of the stream, the next ones, go to the connection. first: see peer_feed_chunk(). */
static enum chunk_state
feed(struct taking *taking, const uint8_t *data, uint32_t size, bool reassembles, uint32_t *first)
{
    const struct channel_packet *packet = taking->packet;
    const struct sctp_fragment  *last = taking->message->last;
    const struct feed_packet     reading = { .from = packet->from,
                                             .frame = packet->place.frame,
                                             .time = packet->place.time };
    struct feed_chunk            chunk = { .bytes = { .position = taking->direction->position,
                                                      .data = data,
                                                      .captured = size,
                                                      .reported = size,
                                                      .reassembles = reassembles },
                                           .place = (uint32_t)taking->direction->position,
                                           .frame = packet->place.frame,
                                           /* Not every packet acknowledges: what its sender said last still holds. */
                                           .has_ack = true,
                                           .ack = last->place.ack,
                                           .acks_packets = true,
                                           .end_ack = last->seq,
                                           .reads_again = true,
                                           .lacking = taking->lacking };
    enum chunk_state             state = peer_feed_chunk(&taking->channel->feed, &reading, &chunk, first);

    if (taking->lacking != NULL && taking->message->limit)
        peer_feed_limit(&taking->channel->feed, &reading, &chunk, "SCTP chunks out of order", SCTP_WINDOW_CHUNKS);
    return state;
}

/* Whether a fragment is of the packet that is being read. */
static bool
is_in_packet(const struct channel_packet *packet, const struct sctp_fragment *fragment)
{
    return fragment->place.frame == packet->place.frame && fragment->place.packet == packet->place.packet;
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
    if (is_in_packet(packet, last) && last->data.first && last->data.last)
        part->message_offset = last->data.offset;
    return part;
}

/* The message that is held is complete. */
static void
take_held(struct taking *taking)
{
    struct channel_direction *direction = taking->direction;
    struct channel_part      *part = add_part(taking, direction->state.held_size);
    wmem_allocator_t         *scope = taking->channel->scope;
    uint32_t                  first;

    feed(taking, direction->state.held, direction->state.held_size, false, &first);
    part->data = (uint8_t *)wmem_memdup(scope, direction->state.held, direction->state.held_size);
    part->frame_count = direction->state.frame_count;
    part->frames = (uint32_t *)wmem_memdup(scope, direction->state.frames,
                                           direction->state.frame_count * sizeof *part->frames);
    direction->position += direction->state.held_size;
    channel_state_clear(&direction->state);
}

/* Shows whole messages, or what nobody understands, of one fragment. */
static void
show_run(const struct taking *taking, const struct sctp_fragment *fragment, uint32_t at, uint32_t size,
         bool is_messages)
{
    struct channel_part *part = add_part(taking, size);

    part->is_messages = is_messages;
    if (is_in_packet(taking->packet, fragment)) {
        part->offset = fragment->data.offset + at;
        return;
    }
    part->data = (uint8_t *)wmem_memdup(taking->channel->scope, fragment->data.payload + at, size);
    part->frame_count = 1;
    part->frames = (uint32_t *)wmem_memdup(taking->channel->scope, &fragment->place.frame, sizeof *part->frames);
}

/* --- what is told again --- */

/* Messages end in these bytes of a fragment that the connection has now. */
static void
set_read(const struct taking *taking, struct sctp_fragment *fragment, uint32_t from, uint32_t to)
{
    bool any = fragment->read_to > 0;

    fragment->read_from = any ? MIN(fragment->read_from, from) : from;
    fragment->read_to = MAX(fragment->read_to, to);
    if (taking->message->again)
        taking->direction->took_late = true;
}

/* Whether the connection has the message that ends before a byte of a fragment. */
static bool
was_read(const struct sctp_fragment *fragment, uint32_t end)
{
    return end > fragment->read_from && end <= fragment->read_to;
}

/* How many bytes from there on are whole messages that the connection has. */
static uint32_t
size_read(const struct sctp_fragment *fragment, uint32_t at)
{
    uint32_t size, next_size;

    if (at < fragment->read_from || at >= fragment->read_to)
        return 0;
    size = fragment->read_to - at;
    return peer_wire_complete(fragment->data.payload + at, size, size, &next_size) == size ? size : 0;
}

/* Whole messages that the connection has: they may take back what came late. */
static void
pass_over(const struct taking *taking, const uint8_t *data, uint32_t size)
{
    for (uint32_t at = 0, one; taking->direction->took_late && at < size; at += one) {
        one = peer_wire_size(data + at, size - at);
        if (peer_wire_announces(data + at, one, one)) {
            peer_connection_gap(taking->channel->feed.connection, taking->packet->from);
            return;
        }
    }
}

/* --- fragments --- */

/* Adds to the message that is held as much as it needs of so many bytes; returns how many. */
static uint32_t
complete_held(struct taking *taking, struct sctp_fragment *fragment, uint32_t at)
{
    struct channel_direction *direction = taking->direction;
    const uint8_t            *data = fragment->data.payload + at;
    const uint32_t            left = fragment->data.size - at, frame = fragment->place.frame;
    uint32_t                  taken = 0, size, first;

    for (;;) {
        size = peer_wire_size(direction->state.held, direction->state.held_size);
        if (size != PEER_SIZE_UNKNOWN || taken == left)
            break;
        channel_state_hold(taking->channel->scope, &direction->state, data + taken++, 1, frame);
    }
    if (size == PEER_SIZE_UNKNOWN)
        return taken;
    if (size == PEER_SIZE_BAD) { /* the connection loses sync */
        feed(taking, direction->state.held, direction->state.held_size, false, &first);
        direction->position += direction->state.held_size;
        direction->state.framed = false;
        channel_state_clear(&direction->state);
        return taken;
    }

    uint32_t more = MIN(size - direction->state.held_size, left - taken);
    if (more > 0)
        channel_state_hold(taking->channel->scope, &direction->state, data + taken, more, frame);
    taken += more;
    if (direction->state.held_size == size && was_read(fragment, at + taken)) {
        pass_over(taking, direction->state.held, size);
        channel_state_clear(&direction->state);
    } else if (direction->state.held_size == size) {
        take_held(taking);
        set_read(taking, fragment, 0, at + taken);
    }
    return taken;
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
take_framed(struct taking *taking, struct sctp_fragment *fragment, uint32_t at)
{
    struct channel_direction *direction = taking->direction;
    const uint8_t            *data = fragment->data.payload + at;
    uint32_t                  left = fragment->data.size - at;
    uint32_t                  next_size, complete, first;

    if (direction->state.held_size > 0)
        return complete_held(taking, fragment, at);
    complete = size_read(fragment, at);
    if (complete > 0) {
        pass_over(taking, data, complete);
        return complete;
    }
    complete = peer_wire_complete(data, left, left, &next_size);
    if (complete == 0 && next_size != PEER_SIZE_BAD) {
        channel_state_hold(taking->channel->scope, &direction->state, data, left, fragment->place.frame);
        return left;
    }
    direction->state.framed = feed(taking, data, complete > 0 ? complete : left, false, &first) == CHUNK_NEW
                              && complete > 0;
    if (direction->state.framed)
        set_read(taking, fragment, at, at + complete);
    return pass_on(taking, fragment, at, direction->state.framed ? complete : left, direction->state.framed);
}

/* It is not known where messages begin: perhaps the rest of a fragment tells. */
static uint32_t
take_unframed(struct taking *taking, struct sctp_fragment *fragment, uint32_t at)
{
    struct channel_direction *direction = taking->direction;
    const uint8_t            *data = fragment->data.payload + at;
    uint32_t                  left = fragment->data.size - at;
    uint32_t                  first, next_size, complete;

    if (fragment->was_read) { /* as peer_feed_chunk() has it */
        direction->state.framed = peer_wire_plausible(data, left, left);
        if (direction->state.framed)
            peer_feed_begin(&taking->channel->feed, taking->packet->from, direction->position);
        return direction->state.framed ? 0 : left;
    }
    if (feed(taking, data, left, true, &first) != CHUNK_NEW)
        return pass_on(taking, fragment, at, left, false);
    complete = peer_wire_complete(data, left, left, &next_size);
    if (complete > 0)
        set_read(taking, fragment, at, at + complete);
    /* The beginning of the next message: the feed has seen it, and is told that it comes again. What is missing before it is
     * told here all the same. */
    direction->state.framed = true;
    if (complete == 0 && taking->lacking != NULL)
        show_run(taking, fragment, at, left, false);
    return pass_on(taking, fragment, at, complete, true);
}

static void
take_message(struct taking *taking)
{
    for (struct sctp_fragment *fragment = taking->message->fragments; fragment != NULL; fragment = fragment->next) {
        uint32_t at = 0;
        while (at < fragment->data.size)
            at += taking->direction->state.framed ? take_framed(taking, fragment, at)
                                                  : take_unframed(taking, fragment, at);
        fragment->was_read = true;
    }
}

/* --- claims --- */

/* The first bytes of what is held and the message, as many as tell a handshake, at most. */
static uint32_t
first_bytes(const struct channel_direction *direction, const struct sctp_message *message, uint8_t *bytes)
{
    uint32_t count = MIN(direction->state.held_size, PEER_HANDSHAKE_MAGIC_SIZE);

    if (count > 0)
        memcpy(bytes, direction->state.held, count);
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

    if (!direction->state.is_other && peer_wire_is_handshake(bytes, count))
        return true;
    if (!direction->state.is_other && direction->missing == 0 && count < PEER_HANDSHAKE_MAGIC_SIZE
        && peer_wire_size(bytes, count) == PEER_SIZE_UNKNOWN) {
        for (const struct sctp_fragment *fragment = message->fragments; fragment != NULL; fragment = fragment->next)
            channel_state_hold(channel->scope, &direction->state, fragment->data.payload, fragment->data.size,
                               fragment->place.frame);
        return false;
    }
    channel_state_clear(&direction->state);
    direction->state.is_other = true;
    return begins_with_handshake(message);
}

static void
begin_framed(struct channel_state *state)
{
    state->framed = !state->is_other;
}

static void
claim(struct data_channel *channel)
{
    channel->claimed = true;
    peer_feed_init(&channel->feed, channel->scope, channel->setup);
    for (int side = PEER_A; side <= PEER_B; side++) {
        begin_framed(&channel->directions[side].state);
        begin_framed(&channel->directions[side].before_hole);
    }
}

/* --- messages --- */

static void
describe_missing(uint64_t missing, char *text, size_t size)
{
    g_snprintf(text, size, "%" PRIu64 " SCTP chunk%s of this peer %s missing before this message", missing,
               missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
}

/* The stream is told again from its hole on. */
static void
rewind_stream(struct data_channel *channel, enum peer_side from, uint64_t missing)
{
    struct channel_direction *direction = &channel->directions[from];
    char                      lacking[LACKING_SIZE];

    channel_state_copy(channel->scope, &direction->before_hole, &direction->state);
    direction->missing = 0;
    direction->took_late = false;
    if (!channel->claimed)
        return;
    if (direction->state.framed)
        peer_feed_begin(&channel->feed, from, direction->position);
    else
        direction->position += CHANNEL_GAP_SIZE;
    describe_missing(missing, lacking, sizeof lacking);
    peer_feed_filled(&channel->feed, from, missing > 0 ? lacking : NULL);
}

void
data_channel_begin_message(struct data_channel *channel, enum peer_side from, const struct sctp_message *message)
{
    struct channel_direction *direction = &channel->directions[from];

    if (message->opens_hole) {
        channel_state_copy(channel->scope, &direction->state, &direction->before_hole);
        if (channel->claimed && channel->feed.holes[from] != NULL)
            channel->feed.holes[from]->told.open = false; /* what was told is missing for good */
    }
    if (message->rewinds)
        rewind_stream(channel, from, message->still_missing);
    direction->missing += message->missing;
}

bool
data_channel_message(struct data_channel *channel, const struct channel_packet *packet,
                     const struct sctp_message *message)
{
    struct channel_direction *direction = &channel->directions[packet->from];
    struct taking taking = { .channel = channel, .direction = direction, .packet = packet, .message = message };
    bool          claims = !channel->claimed && is_claimed_by(channel, direction, message);
    uint64_t      missing = direction->missing;
    char          lacking[LACKING_SIZE];

    direction->state.has_content = true;
    direction->missing = 0;
    if (claims) {
        claim(channel);
        direction->state.framed = true;
    }
    if (!channel->claimed)
        return false;

    if (packet->number != 0)
        peer_connection_begin_packet(channel->feed.connection, packet->place.frame, packet->number);
    if (missing > 0 && !claims) {
        if (!message->again) { /* else that was told */
            describe_missing(missing, lacking, sizeof lacking);
            taking.lacking = lacking;
        }
        direction->position += direction->state.held_size + CHANNEL_GAP_SIZE;
        channel_state_clear(&direction->state);
        direction->state.framed = false;
    }
    take_message(&taking);
    return claims;
}

bool
data_channel_begins_anew(const struct data_channel *channel, enum peer_side from, const struct sctp_message *message)
{
    const struct channel_direction *direction = &channel->directions[from];

    if (message->again)
        return false;
    if (message->ppid == PPID_DCEP)
        return message->begins && message->fragments->data.payload[0] == DCEP_OPEN
               && (direction->state.has_content || channel->directions[other_side(from)].state.has_content);
    return channel->claimed && direction->state.has_content && message->order == 0 && begins_with_handshake(message);
}

void
data_channel_end(struct data_channel *channel)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        channel_state_free(channel->scope, &channel->directions[side].state);
        channel_state_free(channel->scope, &channel->directions[side].before_hole);
    }
    if (channel->claimed)
        peer_feed_end(&channel->feed); /* the connection stays: parts point at it */
    wmem_free(channel->scope, channel);
}
