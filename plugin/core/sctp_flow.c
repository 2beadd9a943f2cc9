/* sctp_flow.c
 * SCTP associations, see sctp_flow.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/sctp_flow.h"

#include <string.h>

struct sctp_flow *
sctp_flow_new(wmem_allocator_t *scope, const struct peer_setup *setup, uint32_t since)
{
    struct sctp_flow *flow = wmem_new0(scope, struct sctp_flow);

    flow->scope = scope;
    flow->setup = setup;
    flow->since = since;
    return flow;
}

/* --- messages --- */

static void
forget_claimed(struct sctp_association *association, const struct data_channel *channel)
{
    for (struct data_channel **at = &association->claimed; *at != NULL; at = &(*at)->next_claimed) {
        if (*at == channel) {
            *at = channel->next_claimed;
            return;
        }
    }
}

/* Whether the payload of a message can be BitTorrent. */
static bool
may_be_bittorrent(const struct sctp_message *message)
{
    return message->ppid == PPID_BINARY || message->ppid == PPID_BINARY_PARTIAL || message->ppid == 0;
}

/* The channel of a message; NULL where nothing that can be BitTorrent is known of it. */
static struct data_channel *
get_channel(struct sctp_association *association, enum peer_side from, const struct sctp_message *message)
{
    void                *key = GUINT_TO_POINTER(message->stream);
    struct data_channel *channel;

    if (association->channels == NULL)
        association->channels = wmem_map_new(association->flow->scope, g_direct_hash, g_direct_equal);
    channel = (struct data_channel *)wmem_map_lookup(association->channels, key);
    if (!may_be_bittorrent(message) && message->ppid != PPID_DCEP)
        return channel;
    if (channel != NULL && data_channel_begins_anew(channel, from, message)) {
        forget_claimed(association, channel);
        data_channel_end(channel);
        channel = NULL;
    }
    if (channel == NULL) {
        channel = data_channel_new(association->flow->scope, association->flow->setup, message->stream);
        wmem_map_insert(association->channels, key, channel);
    }
    return channel;
}

/* Takes what is in order of one side, while packet is read; NULL: at the end. */
static void
take_messages(struct sctp_association *association, enum peer_side from, const struct sctp_flow_packet *packet)
{
    struct sctp_direction     *direction = &association->directions[from];
    struct channel_packet      reading = { .from = from, .parts = &association->flow->parts };
    const struct sctp_message *message;

    while ((message = sctp_direction_next(direction)) != NULL) {
        struct data_channel *channel;

        reading.place = packet != NULL ? packet->place : message->last->place;
        reading.number = packet != NULL ? packet->number : 0;
        if (association->probe[from] == 0) {
            association->probe[from] = message->last->seq;
            association->probe_time[from] = reading.place.time;
        }
        channel = get_channel(association, from, message);
        if (channel == NULL)
            continue;
        data_channel_begin_message(channel, from, message);
        if (may_be_bittorrent(message) && data_channel_message(channel, &reading, message)) {
            channel->next_claimed = association->claimed;
            association->claimed = channel;
            channel->feed.connection->round_trip = association->answer_time[PEER_A] != 0
                                                           && association->answer_time[PEER_B] != 0
                                                       ? association->answer_time[PEER_A]
                                                             + association->answer_time[PEER_B]
                                                       : 0;
        }
    }
}

/* What waits for chunks that never came is read. */
static void
flush(struct sctp_association *association)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        sctp_direction_flush(&association->directions[side]);
        take_messages(association, (enum peer_side)side, NULL);
    }
}

/* --- associations --- */

static void
end_channel(void *key _U_, void *value, void *data _U_)
{
    data_channel_end((struct data_channel *)value);
}

static void
stop_following(struct sctp_association *association)
{
    struct sctp_flow *flow = association->flow;

    flush(association);
    if (association->newer != NULL)
        association->newer->older = association->older;
    else
        flow->newest = association->older;
    if (association->older != NULL)
        association->older->newer = association->newer;
    else
        flow->oldest = association->newer;
    flow->count--;
    if (association->channels != NULL)
        wmem_map_foreach(association->channels, end_channel, NULL);
    for (int side = PEER_A; side <= PEER_B; side++)
        sctp_direction_free(&association->directions[side]);
    wmem_free(flow->scope, association);
}

/* The oldest association that has ended, or never had BitTorrent, ends for good. False where all are alive. */
static bool
make_room(struct sctp_flow *flow)
{
    struct sctp_association *association = flow->oldest;

    while (association != NULL && !association->closed && association->claimed != NULL)
        association = association->newer;
    if (association == NULL)
        return false;
    stop_following(association);
    return true;
}

static void
tell_limit(struct sctp_flow *flow, const struct sctp_flow_packet *packet, const char *what, uint32_t limit)
{
    struct message_context context = { .from = packet->from, .frame = packet->place.frame, .size = packet->size };
    struct channel_part   *part;

    if (flow->overflow == NULL)
        flow->overflow = peer_connection_new(flow->scope, flow->setup);
    if (flow->overflow->limit_told)
        return;
    peer_connection_begin_packet(flow->overflow, packet->place.frame, packet->number);
    peer_connection_limit(flow->overflow, &context, what, limit);
    part = wmem_new0(flow->scope, struct channel_part);
    channel_parts_append(&flow->parts, part);
    part->connection = flow->overflow;
    part->from = packet->from;
    part->frame = packet->place.frame;
    part->packet = packet->place.packet;
    part->size = packet->size;
}

static struct sctp_association *
add_association(struct sctp_flow *flow, const struct sctp_flow_packet *packet, const struct sctp_header *header)
{
    struct sctp_association *association;

    if (flow->count == SCTP_ASSOCIATIONS_MAX && !make_room(flow)) {
        tell_limit(flow, packet, "SCTP associations on a pair of ports", SCTP_ASSOCIATIONS_MAX);
        return NULL;
    }
    association = wmem_new0(flow->scope, struct sctp_association);
    association->flow = flow;
    association->ports[packet->from] = header->source_port;
    association->ports[other_side(packet->from)] = header->destination_port;
    association->older = flow->newest;
    if (flow->newest != NULL)
        flow->newest->newer = association;
    else
        flow->oldest = association;
    flow->newest = association;
    flow->count++;
    for (int side = PEER_A; side <= PEER_B; side++)
        sctp_direction_init(&association->directions[side], flow->scope);
    return association;
}

static bool
has_ports(const struct sctp_association *association, enum peer_side from, const struct sctp_header *header)
{
    return association->ports[from] == header->source_port
           && association->ports[other_side(from)] == header->destination_port;
}

/* The association in which a side writes that tag. */
static struct sctp_association *
find(const struct sctp_flow *flow, enum peer_side from, uint32_t tag, const struct sctp_header *header,
     enum peer_side header_from)
{
    for (struct sctp_association *association = flow->newest; association != NULL; association = association->older) {
        if (association->has_tag[from] && association->tag[from] == tag
            && has_ports(association, header_from, header))
            return association;
    }
    return NULL;
}

/* The newest association of which that side's tag is not known yet. */
static struct sctp_association *
find_half(const struct sctp_flow *flow, enum peer_side from, const struct sctp_header *header,
          enum peer_side header_from)
{
    for (struct sctp_association *association = flow->newest; association != NULL; association = association->older) {
        if (!association->has_tag[from] && has_ports(association, header_from, header))
            return association;
    }
    return NULL;
}

static void
learn(struct sctp_association *association, enum peer_side from, uint32_t tag)
{
    association->has_tag[from] = true;
    association->tag[from] = tag;
}

/* The association of a packet, which INIT begins; NULL where it is not followed. */
static struct sctp_association *
get_association(struct sctp_flow *flow, const struct sctp_flow_packet *packet, const struct sctp_header *header,
                const struct sctp_init *init)
{
    enum peer_side           from = packet->from, other = other_side(from);
    struct sctp_association *association;

    if (header->tag == 0) { /* INIT */
        association = find(flow, other, init->tag, header, from);
        if (association == NULL) /* both sides began */
            association = find_half(flow, other, header, from);
    } else {
        association = find(flow, from, header->tag, header, from);
        if (association == NULL)
            association = find_half(flow, from, header, from);
    }
    if (association == NULL)
        association = add_association(flow, packet, header);
    if (association == NULL)
        return NULL;
    if (header->tag != 0)
        learn(association, from, header->tag);
    if (init != NULL) {
        if (!association->directions[other].has_data)
            learn(association, other, init->tag);
        sctp_direction_start(&association->directions[from], init->tsn);
    }
    return association;
}

/* --- packets --- */

/* The time from where the capture was made to one side and back, once for each side: together a round trip. */
static void
measure_answer(struct sctp_association *association, enum peer_side answering, int64_t time)
{
    enum peer_side asking = other_side(answering);

    if (association->answer_time[asking] != 0 || association->probe[asking] == 0
        || association->acked[answering] < association->probe[asking])
        return;
    association->answer_time[asking] = MAX(1, time - association->probe_time[asking]);
    if (association->answer_time[answering] == 0)
        return;
    for (struct data_channel *channel = association->claimed; channel != NULL; channel = channel->next_claimed)
        channel->feed.connection->round_trip = association->answer_time[PEER_A] + association->answer_time[PEER_B];
}

/* What the packet says besides data. It counts for the data in it. */
static void
read_control(struct sctp_association *association, const struct sctp_flow_packet *packet)
{
    enum peer_side    from = packet->from, other = other_side(from);
    uint32_t          at = 0, tsn;
    struct sctp_chunk chunk;

    while (sctp_packet_next(packet->data, packet->size, &at, &chunk)) {
        if (sctp_ack_read(&chunk, &tsn)) {
            uint64_t ack = sctp_direction_acknowledge(&association->directions[other], tsn);
            association->acked[from] = MAX(association->acked[from], ack);
            measure_answer(association, from, packet->place.time);
        }
        if (sctp_forward_read(&chunk, &tsn))
            sctp_direction_acknowledge(&association->directions[from], tsn);
        association->closed = association->closed || chunk.type == SCTP_ABORT || chunk.type == SCTP_SHUTDOWN;
    }
}

static bool
closes(const struct sctp_flow_packet *packet, uint16_t stream)
{
    uint32_t          at = 0;
    struct sctp_chunk chunk;

    while (sctp_packet_next(packet->data, packet->size, &at, &chunk)) {
        if (sctp_chunk_closes(&chunk, stream))
            return true;
    }
    return false;
}

/* What the sender of data had acknowledged it had read: that counts before what it says. Not at the acknowledgement by
 * itself, as a chunk that the capture has after it is often the next packet of its sender. */
static void
read_acknowledged(struct sctp_association *association, const struct sctp_flow_packet *packet)
{
    enum peer_side other = other_side(packet->from);

    if (association->directions[other].seen_count == 0)
        return;
    sctp_direction_settle(&association->directions[other]);
    take_messages(association, other, packet);
}

static void
read_data(struct sctp_association *association, const struct sctp_flow_packet *packet)
{
    struct sctp_direction *direction = &association->directions[packet->from];
    struct sctp_place      place = packet->place;
    uint32_t               at = 0;
    struct sctp_chunk      chunk;
    struct sctp_data       data;

    place.ack = association->acked[packet->from];
    while (sctp_packet_next(packet->data, packet->size, &at, &chunk)) {
        if (!sctp_data_read(&chunk, &data))
            continue;
        read_acknowledged(association, packet);
        sctp_direction_add(direction, &data, &place);
        if (direction->turned_away)
            tell_limit(association->flow, packet, "streams of an SCTP association", SCTP_STREAMS_MAX);
        take_messages(association, packet->from, packet);
    }
    sctp_direction_settle(direction);
    take_messages(association, packet->from, packet);
}

bool
sctp_flow_packet(struct sctp_flow *flow, const struct sctp_flow_packet *packet)
{
    struct sctp_header       header = sctp_packet_header(packet->data);
    struct sctp_association *association;
    struct sctp_chunk        chunk;
    struct sctp_init         init;
    uint32_t                 at = 0;
    bool                     has_init, watches = false;

    flow->parts.first = NULL;
    flow->parts.end = NULL;
    has_init = sctp_packet_next(packet->data, packet->size, &at, &chunk) && sctp_init_read(&chunk, &init);
    association = get_association(flow, packet, &header, has_init ? &init : NULL);
    if (association == NULL)
        return false;

    read_control(association, packet);
    read_data(association, packet);
    for (struct data_channel *channel = association->claimed; channel != NULL; channel = channel->next_claimed) {
        struct peer_connection *connection = channel->feed.connection;
        peer_connection_packet(connection, packet->from, packet->place.frame, packet->place.time,
                               closes(packet, channel->stream));
        watches = watches || peer_connection_watches(connection);
    }
    return watches;
}

void
sctp_flow_flush(struct sctp_flow *flow)
{
    flow->parts.first = NULL;
    flow->parts.end = NULL;
    for (struct sctp_association *association = flow->oldest; association != NULL; association = association->newer)
        flush(association);
}
