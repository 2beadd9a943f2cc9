/* peer_connection.c
 * One connection of two BitTorrent peers, see peer_connection.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer_connection.h"

#include <string.h>

#include "big_endian.h"

#define DONTHAVE_PAYLOAD_SIZE   4U      /* BEP 54: the piece index */

struct peer_connection *
peer_connection_new(wmem_allocator_t *scope, uint8_t fallback_id)
{
    struct peer_connection *connection = wmem_new0(scope, struct peer_connection);

    connection->scope = scope;
    notes_init(&connection->notes, scope);
    negotiation_init(&connection->negotiation, scope, &connection->notes, fallback_id);
    return connection;
}

/* Whether a DontHave is still possible: a connection whose peers cannot send one keeps no ledger. */
static bool
needs_ledger(const struct peer_connection *connection)
{
    const struct negotiation_peer *peers = connection->negotiation.peers;

    if (negotiation_offered(&connection->negotiation))
        return true;
    for (int side = PEER_A; side <= PEER_B; side++) {
        const struct peer_handshake *handshake = &connection->handshakes[side];
        if (handshake->seen && !handshake->extension)
            return false;
    }
    return !(peers[PEER_A].handshake_seen && peers[PEER_B].handshake_seen);
}

/* Fast counts where both have it (BEP 6). One without it is enough to know that it does not. */
static void
settle_fast(struct peer_connection *connection)
{
    const struct peer_handshake *a = &connection->handshakes[PEER_A];
    const struct peer_handshake *b = &connection->handshakes[PEER_B];

    if ((a->seen && !a->fast) || (b->seen && !b->fast) || (a->seen && b->seen)) {
        connection->ledger->fast_known = true;
        connection->ledger->fast = a->fast && b->fast;
    }
}

static struct ledger *
get_ledger(struct peer_connection *connection)
{
    if (connection->ledger == NULL) {
        connection->ledger = wmem_new(connection->scope, struct ledger);
        ledger_init(connection->ledger, connection->scope, &connection->notes);
        settle_fast(connection);
    }
    return connection->ledger;
}

static void
drop_ledger(struct peer_connection *connection)
{
    if (connection->ledger != NULL)
        ledger_free(connection->ledger);
    connection->ledger = NULL;
}

/* The handshake of BEP 3. A second one from the same peer begins another connection on the same ports. */
static void
take_handshake(struct peer_connection *connection, enum peer_side from, const struct peer_message *message)
{
    struct peer_handshake *handshake = &connection->handshakes[from];

    if (handshake->seen) {
        memset(connection->handshakes, 0, sizeof connection->handshakes);
        connection->notes.limit_told = false;
        negotiation_init(&connection->negotiation, connection->scope, &connection->notes,
                         connection->negotiation.fallback_id);
        drop_ledger(connection);
    }
    handshake->seen = true;
    handshake->fast = message->fast;
    handshake->extension = !message->complete || message->extension;
    if (needs_ledger(connection)) {
        struct ledger *ledger = get_ledger(connection);
        settle_fast(connection);
        ledger->peers[from].from_start = true;
    } else {
        drop_ledger(connection);
    }
}

static void
take_extension_handshake(struct peer_connection *connection, enum peer_side from,
                         const struct peer_message *message, const struct message_context *context)
{
    if (negotiation_handshake(&connection->negotiation, from, message, context))
        peer_connection_limit(connection, from, context, "names of extensions", EXTENSION_NAMES_MAX);
    if (context->bytes != NULL && context->bytes_size < context->size
            && context->bytes_size == peer_wire_worth_holding(context->bytes, context->bytes_size, context->size))
        peer_connection_limit(connection, from, context, "bytes of an extension handshake",
                              message->payload_captured);
    if (!needs_ledger(connection))
        drop_ledger(connection);
}

/* What the payload of a DontHave is (BEP 54: the index and nothing else). */
static void
read_payload(struct peer_connection *connection, struct message_note *note, const struct peer_message *message)
{
    struct donthave_note *donthave = note->extended->donthave;
    const uint8_t        *payload = message->payload;
    bool bencoded = message->payload_captured > 0 && payload[0] == 'd'
                    && message->payload_size != DONTHAVE_PAYLOAD_SIZE;

    donthave->has_index = message->payload_captured >= DONTHAVE_PAYLOAD_SIZE && !bencoded;
    donthave->counts = donthave->has_index && message->payload_size == DONTHAVE_PAYLOAD_SIZE;
    if (donthave->has_index)
        donthave->piece = get_be32(payload);
    if (bencoded)
        notes_add_finding(&connection->notes, note, FINDING_BENCODED,
                          "The payload of the DontHave looks bencoded; BEP 54: it is a piece index of 4 bytes");
    else if (message->payload_size != DONTHAVE_PAYLOAD_SIZE)
        notes_add_finding(&connection->notes, note, FINDING_LENGTH,
                          "The payload of the DontHave is %u byte%s long; BEP 54: it is a piece index of 4 bytes",
                          message->payload_size, message->payload_size == 1 ? "" : "s");
}

/* Whether the handshakes of the receiver are known that a finding about the id of a DontHave builds on. */
static bool
may_judge(const struct peer_connection *connection, enum peer_side receiver, enum finding_id finding)
{
    const struct negotiation_peer *known = &connection->negotiation.peers[receiver];

    switch (finding) {
    case FINDING_NOT_ADVERTISED:
        return connection->handshakes[receiver].seen && connection->missed_before[receiver] == 0;
    case FINDING_OWN_ID:
    case FINDING_DISABLED:
    case FINDING_DISABLED_CROSSING:
        return known->assigned_in >= connection->missed_before[receiver];
    default:
        return true;
    }
}

static void
take_extended(struct peer_connection *connection, enum peer_side from, const struct peer_message *message,
              const struct message_context *context)
{
    struct resolution      resolution = negotiation_resolve(&connection->negotiation, from, message, context);
    struct message_note   *note = notes_get(&connection->notes, from, context);
    struct extended_note  *extended = wmem_new0(connection->scope, struct extended_note);

    note->extended = extended;
    extended->id = message->extended_id;
    extended->name = resolution.name;
    if (!resolution.donthave)
        return;
    if (!may_judge(connection, other_side(from), resolution.finding))
        resolution.finding = FINDING_COUNT;

    extended->donthave = wmem_new0(connection->scope, struct donthave_note);
    extended->donthave->id_assigned_in = resolution.assigned_in;
    extended->donthave->id_assumed = resolution.assumed;
    extended->donthave->fast = get_ledger(connection)->fast;
    negotiation_judge(&connection->negotiation, from, &resolution, note);
    read_payload(connection, note, message);
    if (extended->donthave->counts)
        ledger_donthave(get_ledger(connection), from, note, context);
    connection->had_donthave = true;
    if (connection->closed_at != 0)
        return;
    connection->watched[from] = note;
    connection->packets_behind[from] = 0;
}

/* A base message of id 18 that holds a piece index, where DontHave was possible: a client forgot the extended id. */
static void
take_base_donthave(struct peer_connection *connection, enum peer_side from, const struct peer_message *message,
                   const struct message_context *context)
{
    if (message->payload_size + 1 == PEER_BASE_DONTHAVE_LENGTH && negotiation_offered(&connection->negotiation))
        notes_add_finding(&connection->notes, notes_get(&connection->notes, from, context), FINDING_BASE_MESSAGE,
                          "A base message of id %d with a piece index; BEP 54: DontHave is an extended message "
                          "(id %d)", PEER_BASE_DONTHAVE_ID, PEER_EXTENDED);
}

void
peer_connection_message(struct peer_connection *connection, enum peer_side from, const struct stream_message *wire,
                        struct message_context *context)
{
    struct peer_message message;

    context->position = wire->position;
    context->size = wire->size;
    context->bytes = wire->assembled ? wire->data : NULL;
    context->bytes_size = wire->captured;
    peer_wire_decode(wire->data, wire->captured, wire->size, &message);
    connection->newest = context->frame;
    if (!message.complete && wire->captured < wire->size)
        peer_connection_gap(connection, from);      /* cut before what it says */

    switch (message.id) {
    case PEER_KEEP_ALIVE:
        break;
    case PEER_HANDSHAKE:
        take_handshake(connection, from, &message);
        break;
    case PEER_EXTENDED:
        if (message.payload == NULL)    /* cut before the extended id */
            break;
        if (message.extended_id == 0)
            take_extension_handshake(connection, from, &message, context);
        else
            take_extended(connection, from, &message, context);
        break;
    case PEER_BASE_DONTHAVE_ID:
        take_base_donthave(connection, from, &message, context);
        break;
    default:
        if (connection->ledger != NULL || needs_ledger(connection))
            ledger_message(get_ledger(connection), from, &message, context);
        break;
    }
}

bool
peer_connection_watches(const struct peer_connection *connection)
{
    return connection->watched[PEER_A] != NULL || connection->watched[PEER_B] != NULL;
}

void
peer_connection_packet(struct peer_connection *connection, enum peer_side from, uint32_t frame, int64_t time,
                       bool closed)
{
    for (int sender = PEER_A; sender <= PEER_B; sender++) {
        struct message_note *note = connection->watched[sender];
        if (note == NULL || note->frame == frame)
            continue;
        unsigned packets = ++connection->packets_behind[sender];
        if (closed && (int)from != sender)
            notes_add_finding(&connection->notes, note, FINDING_CLOSED_AFTER,
                              "The receiver closed the connection in frame %u, %u packet%s behind the DontHave", frame,
                              packets, packets == 1 ? "" : "s");
        if (closed || packets == CLOSED_AFTER_PACKETS)
            connection->watched[sender] = NULL;
    }
    if (closed && connection->closed_at == 0)
        connection->closed_at = time;
}

bool
peer_connection_answer_was_due(const struct peer_connection *connection, enum peer_side answering,
                               uint32_t request_in, int64_t disowned, int64_t capture_end)
{
    int64_t end = connection->closed_at != 0 ? connection->closed_at : capture_end;
    int64_t round_trip = connection->round_trip != 0 ? connection->round_trip : ROUND_TRIP_ASSUMED;

    return request_in >= connection->missed_before[answering] && end - disowned > round_trip;
}

void
peer_connection_gap(struct peer_connection *connection, enum peer_side from)
{
    connection->missed_before[from] = connection->newest + 1;
    if (connection->ledger != NULL)
        ledger_gap(connection->ledger, from, connection->newest + 1);
}

void
peer_connection_limit(struct peer_connection *connection, enum peer_side from,
                      const struct message_context *context, const char *what, uint32_t limit)
{
    notes_tell_limit(&connection->notes, from, context, what, limit);
}
