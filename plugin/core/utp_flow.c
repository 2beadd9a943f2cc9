/* utp_flow.c
 * uTP connections, see utp_flow.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_flow.h"

#include <stddef.h>
#include <string.h>

#include "core/peer_wire.h"

/* An ST_SYN that comes so long after the last packet of its side begins another connection: clients send theirs again for
 * some seconds. ns. */
#define SYN_IS_NEW_AFTER (300 * NS_PER_S)

/* --- connection ids --- */

struct utp_flow *
utp_flow_new(const struct utp_flow_setup *setup)
{
    struct utp_flow *flow = wmem_new0(setup->scope, struct utp_flow);

    flow->setup = setup;
    return flow;
}

static struct utp_connection *
find(const struct utp_flow *flow, enum peer_side from, uint16_t id, uint32_t frame)
{
    struct utp_alias *alias = utp_ids_find(&flow->ids, from, id, frame);

    /* It is the one of its side. */
    return alias != NULL ? (struct utp_connection *)(void *)((char *)(alias - alias->side)
                                                             - offsetof(struct utp_connection, aliases))
                         : NULL;
}

/* Whether the id of the packets of that side, but ST_SYN, is known. */
static bool
has_id(const struct utp_connection *connection, enum peer_side side)
{
    return connection->aliases[side].since != 0;
}

/* From now on, packets of that side with that id belong to the connection. */
static void
learn(struct utp_flow *flow, struct utp_connection *connection, enum peer_side from, uint16_t id, uint32_t frame)
{
    utp_ids_learn(&flow->ids, flow->setup->scope, &connection->aliases[from], from, id, frame);
}

/* Nothing leads to the connection any more. */
static void
unlearn(struct utp_flow *flow, struct utp_connection *connection)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        if (has_id(connection, (enum peer_side)side))
            utp_ids_forget(&flow->ids, &connection->aliases[side]);
    }
}

struct utp_connection *
utp_flow_find(const struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    uint16_t               id = header->connection_id;
    struct utp_connection *connection;

    if (header->type == UTP_SYN)
        return find(flow, from, (uint16_t)(id + 1), frame);
    connection = find(flow, from, id, frame);
    /* libutp answers a packet that it does not expect with an ST_RESET of the id that it received. */
    if (connection == NULL && header->type == UTP_RESET)
        connection = find(flow, other_side(from), id, frame);
    return connection;
}

/* --- connections --- */

static void
unlink_followed(struct utp_connection *connection)
{
    struct utp_flow *flow = connection->flow;

    if (connection->newer != NULL)
        connection->newer->older = connection->older;
    else
        flow->newest = connection->older;
    if (connection->older != NULL)
        connection->older->newer = connection->newer;
    else
        flow->oldest = connection->newer;
    connection->followed = false;
    flow->count--;
}

static void take_all(struct utp_connection *connection, enum peer_side from, const struct utp_packet *current,
                     const struct utp_packet *packet);

/* What waits for packets that never came is read. */
static void
flush(struct utp_connection *connection)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        utp_stream_flush(&connection->directions[side].packets);
        take_all(connection, (enum peer_side)side, NULL, NULL);
    }
    utp_mse_flush(&connection->encryption, &connection->feed);
}

/* A connection is over. Where it has something to show it stays, for later passes. */
static void
stop_following(struct utp_connection *connection)
{
    struct utp_flow *flow = connection->flow;

    flush(connection);
    unlink_followed(connection);
    for (int side = PEER_A; side <= PEER_B; side++)
        utp_stream_free(&connection->directions[side].packets, flow->setup->scope);
    wmem_free(flow->setup->scope, connection->probes);
    connection->probes = NULL;
    peer_feed_end(&connection->feed);
    utp_mse_end(&connection->encryption);
    if (!utp_mse_is_found(&connection->encryption) && notes_are_empty(&connection->feed.connection->notes)) {
        unlearn(flow, connection);
        wmem_free(flow->setup->scope, connection->feed.connection);
        wmem_free(flow->setup->scope, connection);
    }
}

/* Another one begins with the same ids: this one is over, though its end was not captured. Packets from before find it. */
static void
end_former(struct utp_connection *connection)
{
    flush(connection);
    peer_feed_end(&connection->feed);
    connection->closed = true;
}

/* The oldest connection that has ended, or was not answered, ends for good. False where all are alive. */
static bool
make_room(struct utp_flow *flow)
{
    for (struct utp_connection *connection = flow->oldest; connection != NULL; connection = connection->newer) {
        const struct utp_direction *directions = connection->directions;
        bool                        answered = directions[PEER_A].has_timestamp && directions[PEER_B].has_timestamp;
        if (connection->closed || (!answered && !connection->had_data)) {
            stop_following(connection);
            return true;
        }
    }
    return false;
}

static struct utp_connection *
add_connection(struct utp_flow *flow)
{
    struct utp_connection *connection;

    flow->turned_away = flow->count == UTP_CONNECTIONS_MAX && !make_room(flow);
    if (flow->turned_away)
        return NULL;
    connection = wmem_new0(flow->setup->scope, struct utp_connection);
    connection->flow = flow;
    connection->followed = true;
    connection->older = flow->newest;
    if (flow->newest != NULL)
        flow->newest->newer = connection;
    else
        flow->oldest = connection;
    flow->newest = connection;
    flow->count++;
    peer_feed_init(&connection->feed, flow->setup->scope, flow->setup->peers);
    return connection;
}

/* Whether an ST_SYN with the ids of a known connection begins another one. It is sent again until it is answered, and
 * the network may deliver it once more at any time, with its old timestamp. libutp gives each the seq_nr 1. */
static bool
begins_another(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header,
               int64_t time)
{
    const struct utp_direction *direction = &connection->directions[from];
    int32_t                     age = (int32_t)(direction->timestamp - header->timestamp);

    if (!connection->followed || time - direction->last_time > SYN_IS_NEW_AFTER)
        return true; /* the timestamp wraps within the hour */
    if (connection->closed)
        return age <= 0;
    if (direction->packets.handed)
        return direction->packets.first_seq_nr != (uint16_t)(header->seq_nr + 1) || age < 0;
    return connection->has_syn ? connection->syn_seq_nr != header->seq_nr
                               : connection->directions[other_side(from)].packets.handed;
}

static struct utp_connection *
get_by_syn(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame, int64_t time)
{
    uint16_t               id = header->connection_id;
    struct utp_connection *connection = find(flow, from, (uint16_t)(id + 1), frame);
    struct utp_connection *by_other = find(flow, other_side(from), id, frame);
    bool overtaken; /* by a packet of its own connection, of which the other side has said nothing */

    overtaken = connection != NULL && by_other == NULL && connection->followed
                && !has_id(connection, other_side(from)) && connection->directions[from].packets.handed
                && !begins_another(connection, from, header, time);
    if (overtaken) {
        learn(flow, connection, other_side(from), id, frame);
    } else if (connection == NULL || connection != by_other || begins_another(connection, from, header, time)) {
        if (connection != NULL && connection == by_other && connection->followed)
            end_former(connection);
        connection = add_connection(flow);
        if (connection == NULL)
            return NULL;
        learn(flow, connection, from, (uint16_t)(id + 1), frame);
        learn(flow, connection, other_side(from), id, frame);
    }
    connection->has_syn = true;
    connection->syn_seq_nr = header->seq_nr;
    return connection;
}

/* A connection of which only the other side's id is known, which fits this id: the ids differ by 1. */
static struct utp_connection *
find_half(const struct utp_flow *flow, enum peer_side from, uint16_t id, uint32_t frame)
{
    static const int differences[] = { 1, -1 };

    for (size_t i = 0; i < G_N_ELEMENTS(differences); i++) {
        struct utp_connection *half = find(flow, other_side(from), (uint16_t)(id + differences[i]), frame);
        if (half != NULL && half->followed && !has_id(half, from))
            return half;
    }
    return NULL;
}

/* begins: whether the packet begins a connection where it belongs to none. */
static struct utp_connection *
get(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame, int64_t time,
    bool begins)
{
    struct utp_connection *connection;

    flow->turned_away = false;
    if (header->type == UTP_SYN)
        return get_by_syn(flow, from, header, frame, time);
    connection = utp_flow_find(flow, from, header, frame);
    if (connection != NULL)
        return connection->followed ? connection : NULL;
    connection = find_half(flow, from, header->connection_id, frame);
    if (connection == NULL && begins)
        connection = add_connection(flow);
    if (connection != NULL)
        learn(flow, connection, from, header->connection_id, frame);
    return connection;
}

struct utp_connection *
utp_flow_get(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame,
             int64_t time)
{
    return get(flow, from, header, frame, time, header->type == UTP_DATA);
}

void
utp_flow_tell_full(struct utp_flow *flow, enum peer_side from, uint32_t frame, uint32_t packet)
{
    struct message_context context = { .from = from, .frame = frame };

    if (flow->overflow == NULL)
        flow->overflow = peer_connection_new(flow->setup->scope, flow->setup->peers);
    notes_begin_packet(&flow->overflow->notes, frame, packet);
    peer_connection_limit(flow->overflow, &context, "uTP connections on a pair of ports", UTP_CONNECTIONS_MAX);
}

/* --- packets --- */

static void
describe_missing(uint64_t missing, char *text, size_t size)
{
    g_snprintf(text, (gulong)size, "%" PRIu64 " uTP packet%s of this peer %s missing before this one", missing,
               missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
}

/* Takes what is next in order, or late, while packet is read. at_end: nothing more will come. */
static void
take_chunk(struct utp_connection *connection, const struct feed_packet *packet, const struct utp_chunk *next,
           bool at_end)
{
    struct feed_chunk chunk = { .bytes = { .position = next->position,
                                           .data = next->data,
                                           .captured = next->captured,
                                           .reported = next->reported,
                                           .missing = utp_chunk_has_gap(next) ? (uint32_t)next->missing : 0 },
                                .place = utp_place((uint16_t)next->seq),
                                .before_first = next->gap == UTP_GAP_FIRST ? (uint32_t)next->missing : 0,
                                .frame = next->frame,
                                .has_ack = next->has_ack,
                                .ack = next->ack,
                                .acks_packets = true,
                                .end_ack = next->seq,
                                .waited = next->waited,
                                .late = next->late,
                                .describe_missing = describe_missing };
    char              lacking[96];
    uint32_t          rest;

    if (utp_chunk_has_gap(next)) {
        describe_missing(next->missing, lacking, sizeof lacking);
        chunk.lacking = lacking;
    }
    if (connection->flow->setup->mse_feeds != NULL
        && utp_mse_take(&connection->encryption, connection->flow->setup->mse_feeds, &connection->feed,
                        connection->flow->setup->peers, packet, next, &chunk, at_end))
        return;
    if (connection->flow->claimed_in == 0)
        return;
    peer_feed_chunk(&connection->feed, packet, &chunk, &rest);
    if (next->gap == UTP_GAP_LIMIT)
        peer_feed_limit(&connection->feed, packet, &chunk, "uTP packets out of order",
                        utp_stream_window(&connection->directions[packet->from].packets));
}

/* The first packet of a side is sent. */
static G_GNUC_NO_INLINE void
begin_probe(struct utp_connection *connection, enum peer_side from, uint64_t seq, int64_t time)
{
    if (connection->probes == NULL)
        connection->probes = wmem_alloc0_array(connection->flow->setup->scope, struct utp_probe, 2);
    if (connection->probes[from].seq == 0) {
        connection->probes[from].seq = seq;
        connection->probes[from].time = time;
    }
}

/* The time from where the capture was made to one side and back, once for each side: together a round trip. */
static void
measure_answer(struct utp_connection *connection, enum peer_side answering, uint64_t ack, int64_t time)
{
    struct utp_probe *probes = connection->probes, *asked;

    if (probes == NULL)
        return;
    asked = &probes[other_side(answering)];
    if (asked->answered || asked->seq == 0 || ack < asked->seq)
        return;
    asked->answered = true;
    asked->time = MAX(1, time - asked->time);
    if (probes[answering].answered) {
        connection->feed.connection->round_trip = probes[PEER_A].time + probes[PEER_B].time;
        wmem_free(connection->flow->setup->scope, probes);
        connection->probes = NULL;
    }
}

/* Takes all that is next. current: the packet that was just added; NULL: none. packet: that is read; NULL: the end. */
static void
take_all(struct utp_connection *connection, enum peer_side from, const struct utp_packet *current,
         const struct utp_packet *packet)
{
    struct utp_direction *direction = &connection->directions[from];
    wmem_allocator_t     *scope = connection->flow->setup->scope;
    struct feed_packet    reading = { .from = from };
    struct utp_chunk      chunk;

    while (utp_stream_next(&direction->packets, scope, &current, &chunk)) {
        reading.frame = packet != NULL ? packet->frame : chunk.frame;
        reading.time = packet != NULL ? packet->time : chunk.time;
        chunk.waited = chunk.waited && packet != NULL; /* at the end of the capture each is read in its own frame */
        take_chunk(connection, &reading, &chunk, packet == NULL);
        if (connection->feed.connection->round_trip == 0)
            begin_probe(connection, from, chunk.seq, reading.time);
    }
}

/* Takes a packet, while another is read, which may be the same. */
static void
take_packet(struct utp_connection *connection, enum peer_side from, struct utp_packet *packet,
            const struct utp_packet *reading, uint32_t number)
{
    struct utp_direction *direction = &connection->directions[from];
    struct utp_stream    *other = &connection->directions[other_side(from)].packets;
    enum utp_type         type = packet->header.type;

    if (connection->first_frame == 0)
        connection->first_frame = packet->frame;
    peer_connection_begin_packet(connection->feed.connection, reading->frame, number);
    if (!direction->has_timestamp || (int32_t)(packet->header.timestamp - direction->timestamp) > 0)
        direction->timestamp = packet->header.timestamp;
    direction->has_timestamp = true;
    direction->last_time = packet->time;
    if (type == UTP_DATA)
        connection->had_data = true;

    /* The ack_nr of ST_SYN means nothing yet, that of ST_RESET may be anything. */
    packet->has_ack = type != UTP_SYN && type != UTP_RESET
                      && utp_stream_acknowledge(other, packet->header.ack_nr, &packet->ack);
    if (packet->has_ack)
        measure_answer(connection, from, packet->ack, packet->time);
    packet->begins = peer_wire_is_handshake(packet->payload, packet->captured);
    direction->packets.patient = utp_mse_waits(&connection->encryption, from);
    take_all(connection, from, utp_stream_add(&direction->packets, connection->flow->setup->scope, packet), reading);
}

void
utp_connection_packet(struct utp_connection *connection, enum peer_side from, struct utp_packet *packet,
                      uint32_t number)
{
    bool closes = packet->header.type == UTP_FIN || packet->header.type == UTP_RESET;

    take_packet(connection, from, packet, packet, number);
    if (closes)
        connection->closed = true;
    peer_connection_packet(connection->feed.connection, from, packet->frame, packet->time, closes);
}

void
utp_flow_forget_early(struct utp_flow *flow)
{
    while (flow->early != NULL) {
        struct utp_early *next = flow->early->next;
        wmem_free(flow->setup->scope, flow->early);
        flow->early = next;
    }
}

void
utp_flow_begin_anew(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    struct utp_connection *connection = utp_flow_find(flow, from, header, frame);

    /* Where the search goes on, the handshake may be what follows MSE. */
    if (connection != NULL && connection->followed && connection->encryption.mse == NULL)
        stop_following(connection);
}

void
utp_flow_keep_early(struct utp_flow *flow, enum peer_side from, const struct utp_packet *packet)
{
    struct utp_early **link = &flow->early;
    struct utp_early  *early;
    uint32_t           count = 0, bytes = 0;

    if (packet->header.type == UTP_SYN)
        utp_flow_forget_early(flow); /* another connection */
    else if (flow->early == NULL && packet->header.type != UTP_STATE)
        return;
    for (; *link != NULL; link = &(*link)->next) {
        count++;
        bytes += (*link)->packet.captured;
    }
    if (count == UTP_EARLY_PACKETS_MAX || bytes + packet->captured > UTP_EARLY_BYTES_MAX) {
        utp_flow_forget_early(flow);
        return;
    }
    early = (struct utp_early *)wmem_alloc(flow->setup->scope, sizeof *early + packet->captured);
    early->next = NULL;
    early->from = from;
    early->packet = *packet;
    early->packet.payload = (const uint8_t *)(early + 1);
    if (packet->captured > 0)
        memcpy(early + 1, packet->payload, packet->captured);
    *link = early;
}

/* Whether a packet that was kept begins a connection. Where the ST_SYN is missing, the ST_STATE that answers it does, unless
 * there is one by now, in frame: it tells where the packets of its sender begin. */
static bool
early_begins(const struct utp_flow *flow, const struct utp_early *early, uint32_t frame)
{
    const struct utp_header *header = &early->packet.header;

    return header->type == UTP_DATA
           || (header->type == UTP_STATE && utp_flow_find(flow, early->from, header, frame) == NULL
               && find_half(flow, early->from, header->connection_id, frame) == NULL);
}

void
utp_flow_read_early(struct utp_flow *flow, const struct utp_packet *packet, uint32_t number, bool taken)
{
    for (struct utp_early *early = flow->early; early != NULL; early = early->next) {
        if ((early->packet.reported > 0) != taken)
            continue;
        bool                   begins = early_begins(flow, early, packet->frame);
        struct utp_connection *connection = get(flow, early->from, &early->packet.header, early->packet.frame,
                                                early->packet.time, begins);
        if (connection != NULL)
            take_packet(connection, early->from, &early->packet, packet, number);
    }
    if (taken)
        utp_flow_forget_early(flow);
}

void
utp_flow_flush(struct utp_flow *flow)
{
    for (struct utp_connection *connection = flow->oldest; connection != NULL; connection = connection->newer)
        flush(connection);
}
