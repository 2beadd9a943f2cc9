/* peer_connection.c
 * One connection of two BitTorrent peers, see peer_connection.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/peer_connection.h"

#include <string.h>

/* --- beginning and end --- */

/* Nothing is known of the connection, and its observers begin. */
static void
begin(struct peer_connection *connection)
{
    const struct peer_setup *setup = connection->setup;

    memset(connection->handshakes, 0, sizeof connection->handshakes);
    for (unsigned i = 0; i < setup->observer_count; i++)
        connection->states[i] = setup->observers[i]->begin != NULL ? setup->observers[i]->begin(connection) : NULL;
}

static void
drop_transfers(struct peer_connection *connection)
{
    if (connection->transfers == NULL)
        return;
    transfers_free(connection->transfers, peer_connection_scope(connection));
    wmem_free(peer_connection_scope(connection), connection->transfers);
    connection->transfers = NULL;
}

/* The connection is over: what was kept for the rules is given back. Notes stay. */
static void
end(struct peer_connection *connection)
{
    const struct peer_setup *setup = connection->setup;

    for (unsigned i = 0; i < setup->observer_count; i++) {
        if (setup->observers[i]->free != NULL && connection->states[i] != NULL)
            setup->observers[i]->free(connection->states[i], connection->last_time);
        connection->states[i] = NULL;
    }
    connection->watchers = 0;
    drop_transfers(connection);
    for (int side = PEER_A; side <= PEER_B; side++)
        extension_ids_free(&connection->ids[side], peer_connection_scope(connection));
}

void
peer_setup_assume(struct peer_setup *setup, const char *name, uint8_t id)
{
    unsigned i = 0;

    if (id == 0)
        return;
    while (i < setup->fallback_count && strcmp(setup->fallbacks[i].name, name) != 0)
        i++;
    if (i == setup->fallback_count) {
        g_assert(i < PEER_OBSERVERS_MAX);
        setup->fallbacks[i] = (struct extension_fallback){ .name = name };
        setup->fallback_count++;
    }
    setup->fallbacks[i].ids[id / 32] |= UINT32_C(1) << id % 32;
}

struct peer_connection *
peer_connection_new(wmem_allocator_t *scope, const struct peer_setup *setup)
{
    struct peer_connection *connection = (struct peer_connection *)wmem_alloc0(
        scope, sizeof *connection + setup->observer_count * sizeof *connection->states);

    connection->setup = setup;
    notes_init(&connection->notes, scope);
    begin(connection);
    return connection;
}

void
peer_connection_end(struct peer_connection *connection)
{
    if (!connection->over)
        end(connection);
    connection->over = true;
}

/* --- requests and pieces --- */

/* Fast counts where both have it (BEP 6). One without it is enough to know that it does not. */
static void
settle_fast(struct peer_connection *connection)
{
    const struct peer_handshake *a = &connection->handshakes[PEER_A];
    const struct peer_handshake *b = &connection->handshakes[PEER_B];

    if ((a->seen && !a->fast) || (b->seen && !b->fast) || (a->seen && b->seen)) {
        connection->transfers->fast_known = true;
        connection->transfers->fast = a->fast && b->fast;
    }
}

/* What happened to a request or a piece, for the observers. */
static void
tell_transfer(void *data, const struct transfer *transfer)
{
    struct peer_connection  *connection = (struct peer_connection *)data;
    const struct peer_setup *setup = connection->setup;

    for (unsigned i = 0; i < setup->observer_count; i++) {
        if (setup->observers[i]->transfer != NULL)
            setup->observers[i]->transfer(connection, &connection->states[i], transfer);
    }
}

struct transfers *
peer_connection_transfers(struct peer_connection *connection)
{
    if (connection->transfers == NULL) {
        connection->transfers = wmem_new0(peer_connection_scope(connection), struct transfers);
        settle_fast(connection);
    }
    return connection->transfers;
}

/* A peer whose handshake has not the bit of BEP 10 cannot be told anything by an extension. */
static bool
can_have_extensions(const struct peer_connection *connection)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        if (connection->handshakes[side].seen && !connection->handshakes[side].extension)
            return false;
    }
    return true;
}

/* --- messages --- */

/* The handshake of BEP 3. A second one from the same peer begins another connection on the same ports, unless it is the
 * first one, which a hole had cut that is filled now. */
static void
take_handshake(struct peer_connection *connection, const struct peer_message *message,
               const struct message_context *context)
{
    struct peer_handshake *handshake = &connection->handshakes[context->from];
    bool                   was_cut = handshake->seen && context->elsewhere;

    if (handshake->seen && !was_cut) {
        end(connection);
        connection->limit_told = false;
        begin(connection);
    }
    handshake->seen = true;
    handshake->fast = message->fast;
    handshake->extension = !message->complete || message->extension; /* cut: unknown */
    if (can_have_extensions(connection)) {
        if (!was_cut) /* else there may be other holes since */
            peer_connection_transfers(connection)->peers[context->from].from_start = true;
        if (connection->transfers != NULL)
            settle_fast(connection);
    } else {
        drop_transfers(connection);
    }
}

/* Tells what waited for an extension that would be the worse for it. */
static void
tell_pending_gaps(struct peer_connection *connection)
{
    for (struct peer_gap *gap = connection->gaps; gap != NULL; gap = gap->next)
        peer_gap_tell(gap, &connection->notes);
}

/* Whether an extension is offered that an observer listens for. */
static bool
offers_any(const struct peer_connection *connection)
{
    for (unsigned i = 0; i < connection->setup->observer_count; i++) {
        const char *name = connection->setup->observers[i]->name;
        if (name != NULL && peer_connection_offers(connection, name))
            return true;
    }
    return false;
}

static void
take_extension_handshake(struct peer_connection *connection, const struct peer_message *message,
                         struct message_context *context)
{
    const struct peer_setup   *setup = connection->setup;
    struct extension_ids      *ids = &connection->ids[context->from];
    struct extension_handshake handshake;
    struct extension_id        before[PEER_OBSERVERS_MAX] = { { 0 } };
    bool                       is_first = ids->list == NULL;

    for (unsigned i = 0; i < setup->observer_count; i++) {
        if (setup->observers[i]->name == NULL)
            continue;
        if (is_first)
            extension_ids_reserve(ids, peer_connection_scope(connection), setup->observers[i]->name);
        before[i] = *extension_ids_find(ids, setup->observers[i]->name);
        before[i].assigned_in = extension_ids_assigned_in(ids, &before[i]);
    }
    extension_handshake_read(&handshake, message->payload, message->payload_captured, message->payload_size,
                             peer_connection_scope(connection));
    bool kept = extension_ids_add(ids, &handshake, context);
    for (unsigned i = 0; i < setup->observer_count; i++) {
        if (setup->observers[i]->handshake != NULL)
            setup->observers[i]->handshake(connection, &connection->states[i], &handshake, &before[i], context);
    }
    extension_handshake_free(&handshake);
    if (is_first && setup->lists != NULL)
        extension_ids_share(ids, peer_connection_scope(connection), setup->lists, context->frame);

    if (!kept)
        peer_connection_limit(connection, context, "names of extensions", EXTENSION_NAMES_MAX);
    if (context->bytes != NULL && context->bytes_size < context->size
        && context->bytes_size == peer_wire_worth_holding(context->bytes, context->bytes_size, context->size))
        peer_connection_limit(connection, context, "bytes of an extension handshake", message->payload_captured);
    if (offers_any(connection))
        tell_pending_gaps(connection);
}

/* An extended message: its extension's, or anybody's in the heuristic list. */
static void
take_extended(struct peer_connection *connection, const struct peer_message *message, struct message_context *context)
{
    const struct peer_setup    *setup = connection->setup;
    enum peer_side              from = context->from;
    struct extension_resolution resolution = extension_ids_resolve(
        &connection->ids[other_side(from)], &connection->ids[from], setup->fallbacks, setup->fallback_count,
        message->extended_id, context);

    for (unsigned i = 0; i < setup->observer_count; i++) {
        const struct peer_observer *observer = setup->observers[i];
        if (observer->extended == NULL || observer->name == NULL || resolution.name == NULL
            || strcmp(observer->name, resolution.name) != 0)
            continue;
        if (!observer->extended(connection, &connection->states[i], &resolution, message, context))
            resolution.name = NULL;
        break;
    }
    if (resolution.how != EXTENSION_KNOWN && resolution.how != EXTENSION_CROSSING && context->note == NULL)
        resolution.name = NULL; /* a guess that nobody took */

    struct message_note *note = notes_get(&connection->notes, context);
    notes_set_extension(&connection->notes, note, message->extended_id, resolution.name);
    note->offer = true;
}

/* A base message of no known id, or of a length that its id cannot have. */
static void
tell_unknown(struct peer_connection *connection, const struct peer_message *message, struct message_context *context)
{
    const struct peer_setup *setup = connection->setup;

    for (unsigned i = 0; i < setup->observer_count; i++) {
        if (setup->observers[i]->unknown != NULL)
            setup->observers[i]->unknown(connection, &connection->states[i], message, context);
    }
}

static void
take_base(struct peer_connection *connection, const struct peer_message *message, struct message_context *context)
{
    if (!message->complete) {
        tell_unknown(connection, message, context);
        return;
    }
    if (connection->transfers == NULL && !can_have_extensions(connection))
        return;

    const struct transfer_listener listener = { peer_connection_scope(connection), tell_transfer, connection };
    switch (transfers_message(peer_connection_transfers(connection), &listener, message, context)) {
    case TRANSFER_NO_LIMIT:
        break;
    case TRANSFER_REQUESTS:
        peer_connection_limit(connection, context, "outstanding requests", REQUESTS_MAX);
        break;
    case TRANSFER_PIECES:
        peer_connection_limit(connection, context, "pages of pieces", PIECE_SET_PAGES_MAX);
        break;
    }
}

static void
keep_bytes(struct peer_connection *connection, const struct message_context *context)
{
    struct message_note *note = context->note;
    bool                 wanted = note->details != NULL || note->findings != NULL;

    if (context->bytes == NULL)
        return;
    /* Of a message that shows nothing but that it was put together, the bytes are not worth their memory. */
    notes_keep_bytes(&connection->notes, note, context->bytes, wanted ? context->bytes_size : 0, context->frames,
                     context->frame_count);
    note->bytes->elsewhere = context->elsewhere;
    note->bytes->shown_at = context->shown_at;
}

void
peer_connection_message(struct peer_connection *connection, const uint8_t *data, uint32_t captured, uint32_t size,
                        struct message_context *context)
{
    struct peer_message message;

    if (connection->over)
        return;
    if (notes_full(&connection->notes)) {
        peer_connection_limit(connection, context, "messages with something to show", NOTES_MAX);
        peer_connection_end(connection);
        return;
    }
    peer_wire_decode(data, captured, size, &message);
    connection->newest = context->frame;
    if (!message.complete && captured < size)
        peer_connection_gap(connection, context->from); /* cut before what it says */

    switch (message.id) {
    case PEER_KEEP_ALIVE:
        break;
    case PEER_HANDSHAKE:
        take_handshake(connection, &message, context);
        break;
    case PEER_EXTENDED:
        if (message.payload == NULL) /* cut before the extended id */
            break;
        if (message.extended_id == 0)
            take_extension_handshake(connection, &message, context);
        else
            take_extended(connection, &message, context);
        break;
    default:
        take_base(connection, &message, context);
        break;
    }
    if (context->note != NULL)
        keep_bytes(connection, context);
    connection->read_to[context->from] = MAX(connection->read_to[context->from], context->end_ack);
    connection->last_time = context->time;
}

/* --- packets --- */

void
peer_connection_packet(struct peer_connection *connection, enum peer_side from, uint32_t frame, int64_t time,
                       bool closes)
{
    const struct peer_setup *setup = connection->setup;

    for (unsigned i = 0; !connection->over && i < setup->observer_count; i++) {
        if (setup->observers[i]->packet != NULL)
            setup->observers[i]->packet(connection, &connection->states[i], from, frame, closes);
    }
    connection->last_time = time;
    if (closes && connection->closed_at == 0)
        connection->closed_at = time;
}

void
peer_connection_gap(struct peer_connection *connection, enum peer_side from)
{
    connection->missed_before[from] = connection->newest + 1;
    if (connection->transfers != NULL)
        transfers_gap(connection->transfers, from);
}

struct peer_gap *
peer_connection_gap_of(const struct peer_connection *connection, enum peer_side from)
{
    struct peer_gap *gap = connection->gaps;

    while (gap != NULL && gap->from != from)
        gap = gap->next;
    return gap;
}

bool
peer_connection_lacks(struct peer_connection *connection, struct message_context *context, const char *text)
{
    struct peer_gap *gap;

    if (peer_connection_gap_of(connection, context->from) != NULL)
        return false;
    gap = peer_gap_new(&connection->notes, context, text, !offers_any(connection));
    gap->next = connection->gaps;
    connection->gaps = gap;
    return true;
}

void
peer_connection_lacks_shown(struct peer_connection *connection, const struct message_context *context)
{
    struct peer_gap *gap = peer_connection_gap_of(connection, context->from);

    if (gap != NULL)
        peer_gap_shown(gap, &connection->notes, context);
}

void
peer_connection_lacks_hidden(struct peer_connection *connection, const struct message_context *before)
{
    struct peer_gap *gap = peer_connection_gap_of(connection, before->from);

    if (gap != NULL)
        peer_gap_hidden(gap, &connection->notes, before);
}

void
peer_connection_lacks_less(struct peer_connection *connection, enum peer_side from, const char *text)
{
    struct peer_gap **link = &connection->gaps, *gap;

    while (*link != NULL && (*link)->from != from)
        link = &(*link)->next;
    gap = *link;
    if (gap == NULL)
        return;
    if (text != NULL) {
        peer_gap_change(gap, text);
    } else {
        *link = gap->next;
        peer_gap_free(gap, &connection->notes);
    }
}

void
peer_connection_limit(struct peer_connection *connection, struct message_context *context, const char *what,
                      uint32_t limit)
{
    const struct peer_setup *setup = connection->setup;

    if (connection->limit_told || connection->over)
        return;
    connection->limit_told = true;
    for (unsigned i = 0; i < setup->observer_count; i++) {
        if (setup->observers[i]->limit != NULL)
            setup->observers[i]->limit(connection, &connection->states[i], what, limit, context);
    }
}

/* --- for observers --- */

bool
peer_connection_offers(const struct peer_connection *connection, const char *name)
{
    const struct peer_setup *setup = connection->setup;

    for (int side = PEER_A; side <= PEER_B; side++) {
        const struct extension_id *given = extension_ids_find(&connection->ids[side], name);
        if (given != NULL && (given->id != 0 || given->former_id != 0))
            return true;
    }
    for (unsigned i = 0; i < setup->fallback_count; i++) {
        if (strcmp(setup->fallbacks[i].name, name) == 0)
            return true;
    }
    return false;
}

bool
peer_connection_heard_since(const struct peer_connection *connection, enum peer_side peer, uint32_t frame)
{
    return frame >= connection->missed_before[peer];
}

bool
peer_connection_read_all_before(const struct peer_connection *connection, const struct message_context *context)
{
    return !context->has_ack || context->ack <= connection->read_to[other_side(context->from)];
}

bool
peer_connection_answer_was_due(const struct peer_connection *connection, int64_t asked, int64_t end_time)
{
    return end_time - asked > (connection->round_trip != 0 ? connection->round_trip : ROUND_TRIP_ASSUMED);
}
