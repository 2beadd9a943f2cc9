/* utp_connection.c
 * uTP connections, see utp_connection.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "utp_connection.h"

#include "peer_wire.h"

/* Longest message whose bytes are kept here because a DontHave to come may still say something about it: a Request. */
#define KEEP_SIZE_MAX   32U

/* An id of one side leads to a connection, from a frame on. */
struct utp_alias {
    uint32_t               since;   /* frame */
    struct utp_connection *connection;
    struct utp_alias      *older;   /* the same id, before */
};

/* --- connection ids --- */

struct utp_flow *
utp_flow_new(wmem_allocator_t *scope, uint8_t fallback_id)
{
    struct utp_flow *flow = wmem_new0(scope, struct utp_flow);

    flow->scope = scope;
    flow->fallback_id = fallback_id;
    flow->by_id = wmem_map_new(scope, g_direct_hash, g_direct_equal);
    return flow;
}

static void *
key_of(enum peer_side from, uint16_t id)
{
    return GUINT_TO_POINTER((unsigned)from << 16 | id);
}

static struct utp_connection *
find(const struct utp_flow *flow, enum peer_side from, uint16_t id, uint32_t frame)
{
    const struct utp_alias *alias = (const struct utp_alias *)wmem_map_lookup(flow->by_id, key_of(from, id));

    while (alias != NULL && alias->since > frame)
        alias = alias->older;
    return alias != NULL ? alias->connection : NULL;
}

/* From now on, packets of that side with that id belong to the connection. */
static void
learn(struct utp_flow *flow, struct utp_connection *connection, enum peer_side from, uint16_t id, uint32_t frame)
{
    struct utp_alias *alias = wmem_new(flow->scope, struct utp_alias);

    connection->has_id[from] = true;
    connection->id[from] = id;
    alias->since = frame;
    alias->connection = connection;
    alias->older = (struct utp_alias *)wmem_map_lookup(flow->by_id, key_of(from, id));
    wmem_map_insert(flow->by_id, key_of(from, id), alias);
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

static struct utp_connection *
add_connection(struct utp_flow *flow)
{
    struct utp_connection *connection;

    if (flow->count == UTP_CONNECTIONS_MAX)
        return NULL;
    flow->count++;
    connection = wmem_new0(flow->scope, struct utp_connection);
    connection->scope = flow->scope;
    connection->peers = peer_connection_new(flow->scope, flow->fallback_id);
    for (int side = PEER_A; side <= PEER_B; side++) {
        utp_stream_init(&connection->directions[side].packets, flow->scope);
        message_stream_init(&connection->directions[side].messages, flow->scope);
    }
    return connection;
}

/* Whether an ST_SYN with the ids of a known connection begins another one. It is sent again until it is answered, and
 * the network may deliver it once more at any time, with its old timestamp. libutp gives each the seq_nr 1. */
static bool
begins_another(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header)
{
    const struct utp_direction *direction = &connection->directions[from];
    int32_t                     age = (int32_t)(direction->timestamp - header->timestamp);

    if (connection->closed)
        return age <= 0;
    if (direction->packets.handed)
        return (uint16_t)direction->packets.first != (uint16_t)(header->seq_nr + 1) || age < 0;
    return connection->has_syn ? connection->syn_seq_nr != header->seq_nr
           : connection->directions[other_side(from)].packets.handed;
}

static struct utp_connection *
get_by_syn(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    uint16_t               id = header->connection_id;
    struct utp_connection *connection = find(flow, from, (uint16_t)(id + 1), frame);

    if (connection == NULL || connection != find(flow, other_side(from), id, frame)
            || begins_another(connection, from, header)) {
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
        if (half != NULL && !half->has_id[from])
            return half;
    }
    return NULL;
}

struct utp_connection *
utp_flow_get(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    struct utp_connection *connection;

    if (header->type == UTP_SYN)
        return get_by_syn(flow, from, header, frame);
    connection = utp_flow_find(flow, from, header, frame);
    if (connection != NULL)
        return connection;
    connection = find_half(flow, from, header->connection_id, frame);
    if (connection == NULL && header->type == UTP_DATA)
        connection = add_connection(flow);
    if (connection != NULL)
        learn(flow, connection, from, header->connection_id, frame);
    return connection;
}

/* --- messages --- */

static void
remember_place(struct utp_connection *connection, uint32_t frame, uint64_t position)
{
    if (connection->place_count == connection->place_room) {
        connection->place_room = MAX(8, 2 * connection->place_room);
        connection->places = (struct utp_place *)wmem_realloc(connection->scope, connection->places,
                                                              connection->place_room * sizeof *connection->places);
    }
    connection->places[connection->place_count].frame = frame;
    connection->places[connection->place_count].position = position;
    connection->place_count++;
}

static void
remember_assembled(struct utp_connection *connection, enum peer_side from, const struct stream_message *message,
                   uint32_t frame)
{
    const struct utp_part *parts;
    struct utp_assembled  *assembled = wmem_new0(connection->scope, struct utp_assembled);

    if (connection->assembled == NULL)
        connection->assembled = wmem_map_new(connection->scope, g_direct_hash, g_direct_equal);
    assembled->from = from;
    assembled->position = message->position;
    assembled->size = message->size;
    if (message->size <= KEEP_SIZE_MAX) {
        assembled->bytes = (const uint8_t *)wmem_memdup(connection->scope, message->data, message->captured);
        assembled->bytes_size = message->captured;
    }
    parts = utp_stream_parts(&connection->directions[from].packets, message->position, &assembled->frame_count);
    assembled->frames = wmem_alloc_array(connection->scope, uint32_t, assembled->frame_count);
    for (uint32_t i = 0; i < assembled->frame_count; i++)
        assembled->frames[i] = parts[i].frame;
    assembled->next = (struct utp_assembled *)wmem_map_lookup(connection->assembled, GUINT_TO_POINTER(frame));
    wmem_map_insert(connection->assembled, GUINT_TO_POINTER(frame), assembled);
}

static bool
has_note(const struct utp_connection *connection, const struct message_context *context, enum peer_side from)
{
    const struct message_note *note = notes_of_frame(&connection->peers->notes, context->frame);

    while (note != NULL && (note->position != context->position || note->from != from))
        note = note->next;
    return note != NULL;
}

/* Hands a message over. True where its frame may have something to show for it, now or once later packets were seen. */
static bool
take_message(struct utp_connection *connection, enum peer_side from, struct stream_message *message,
             struct message_context *context)
{
    bool piece = message->captured > PEER_PREFIX_SIZE && message->data[PEER_PREFIX_SIZE] == PEER_PIECE;

    peer_connection_message(connection->peers, from, message, context);
    if ((piece || connection->peers->ledger == NULL) && !has_note(connection, context, from))
        return false;
    if (message->assembled)
        remember_assembled(connection, from, message, context->frame);
    return true;
}

/* Takes what is next in order, while the packet of frame context->frame is read. */
static void
take_chunk(struct utp_connection *connection, enum peer_side from, const struct utp_chunk *chunk,
           struct message_context *context)
{
    struct utp_direction *direction = &connection->directions[from];
    bool                  in_place = chunk->frame == context->frame;
    bool                  shows = false;
    bool                  gap;
    struct stream_message message;
    struct stream_chunk   bytes = {
        .position = chunk->position, .data = chunk->data, .captured = chunk->captured, .reported = chunk->reported
    };

    /* A packet is the unit of acknowledgement, so the mark of a message is that of the packet in which it ends. */
    context->mark = chunk->seq;
    context->has_ack = chunk->has_ack;
    context->ack = chunk->ack;

    enum chunk_state state = message_stream_open(&direction->messages, &bytes, &gap);
    if (gap)
        peer_connection_gap(connection->peers, from);
    while (message_stream_next(&direction->messages, &bytes, &message)) {
        if (!in_place)
            message.assembled = true;
        shows = take_message(connection, from, &message, context) || shows;
    }

    context->position = chunk->position;
    context->size = chunk->reported;
    context->bytes = NULL;
    if (chunk->gap == UTP_GAP_LIMIT) {
        peer_connection_limit(connection->peers, from, context, "uTP packets out of order",
                              utp_stream_window(&direction->packets));
        shows = true;
    }
    if (state == CHUNK_NEW && direction->messages.sync == STREAM_LOST)
        peer_connection_gap(connection->peers, from);
    if (state == CHUNK_NEW && direction->messages.sync == STREAM_LOST && direction->messages.too_long) {
        peer_connection_limit(connection->peers, from, context, "bytes of one message", PEER_MESSAGE_SIZE_MAX);
        shows = true;
    }
    if (in_place && shows)
        remember_place(connection, context->frame, chunk->position);
    utp_stream_forget(&direction->packets, direction->messages.sync == STREAM_OK ? direction->messages.start
                                           : chunk->position + chunk->reported);
}

/* The time from where the capture was made to one side and back, once for each side: together a round trip. */
static void
measure_answer(struct utp_connection *connection, enum peer_side answering, uint64_t ack, int64_t time)
{
    struct utp_direction *asked = &connection->directions[other_side(answering)];

    if (asked->answer_time != 0 || asked->probe == 0 || ack < asked->probe)
        return;
    asked->answer_time = MAX(1, time - asked->probe_time);
    if (connection->directions[answering].answer_time != 0)
        connection->peers->round_trip = connection->directions[PEER_A].answer_time
                                        + connection->directions[PEER_B].answer_time;
}

void
utp_connection_packet(struct utp_connection *connection, enum peer_side from, struct utp_packet *packet, int64_t time)
{
    struct utp_direction *direction = &connection->directions[from];
    struct utp_stream    *stream = &direction->packets;
    enum utp_type         type = packet->header.type;
    struct utp_chunk      chunk;

    if (!direction->begun || (int32_t)(packet->header.timestamp - direction->timestamp) > 0)
        direction->timestamp = packet->header.timestamp;
    direction->begun = true;

    /* The ack_nr of ST_SYN means nothing yet, that of ST_RESET may be anything. */
    packet->has_ack = type != UTP_SYN && type != UTP_RESET
                      && utp_stream_acknowledge(&connection->directions[other_side(from)].packets,
                                                packet->header.ack_nr, &packet->ack);
    if (packet->has_ack)
        measure_answer(connection, from, packet->ack, time);
    packet->begins = peer_wire_is_handshake(packet->payload, packet->captured);
    utp_stream_add(stream, packet);
    while (utp_stream_next(stream, &chunk)) {
        struct message_context context = { .frame = packet->frame, .time = time };
        take_chunk(connection, from, &chunk, &context);
        if (direction->probe == 0) {
            direction->probe = chunk.seq;
            direction->probe_time = time;
        }
    }
    connection->closed = connection->closed || type == UTP_FIN || type == UTP_RESET;
    peer_connection_packet(connection->peers, from, packet->frame, time, type == UTP_FIN || type == UTP_RESET);
}

/* --- what is read on later passes --- */

bool
utp_connection_position(const struct utp_connection *connection, uint32_t frame, uint64_t *position)
{
    uint32_t first = 0, count = connection->place_count;

    while (count > 0) {
        uint32_t half = count / 2;
        const struct utp_place *place = &connection->places[first + half];
        if (place->frame == frame) {
            *position = place->position;
            return true;
        }
        if (place->frame < frame) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return false;
}

const struct utp_assembled *
utp_connection_assembled(const struct utp_connection *connection, uint32_t frame, enum peer_side from,
                         uint64_t position)
{
    const struct utp_assembled *assembled = NULL;

    if (connection->assembled != NULL)
        assembled = (const struct utp_assembled *)wmem_map_lookup(connection->assembled, GUINT_TO_POINTER(frame));
    while (assembled != NULL && (assembled->from != from || assembled->position != position))
        assembled = assembled->next;
    return assembled;
}
