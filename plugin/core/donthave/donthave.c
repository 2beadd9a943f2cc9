/* donthave.c
 * What BEP 54 makes of a connection, see donthave.h: of DontHaves, and of what is neither request nor piece.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave.h"

#include <string.h>

#include "core/donthave/donthave_state.h"

G_STATIC_ASSERT(sizeof(struct donthave_note) <= NOTE_DETAIL_ROOM);
G_STATIC_ASSERT(sizeof(struct donthave_invalidated) <= NOTE_DETAIL_ROOM);
G_STATIC_ASSERT(sizeof(struct donthave_block) <= NOTE_DETAIL_ROOM);

const struct note_kind donthave_kinds[DONTHAVE_KIND_COUNT] = {
    { LT_DONTHAVE_NAME, DONTHAVE_MESSAGE },     { LT_DONTHAVE_NAME, DONTHAVE_NEGOTIATED },
    { LT_DONTHAVE_NAME, DONTHAVE_INVALIDATED }, { LT_DONTHAVE_NAME, DONTHAVE_LATE_REQUEST },
    { LT_DONTHAVE_NAME, DONTHAVE_LATE_BLOCK },  { LT_DONTHAVE_NAME, DONTHAVE_REJECT },
    { LT_DONTHAVE_NAME, DONTHAVE_REANNOUNCED }, { LT_DONTHAVE_NAME, DONTHAVE_WAIT_OVER },
};

/* --- what is remembered --- */

/* What is known of a connection with a DontHave. */
static struct donthave_state *
get_state(struct peer_connection *connection, void **slot)
{
    struct donthave_state *state = (struct donthave_state *)*slot;

    if (state == NULL) {
        state = wmem_new0(peer_connection_scope(connection), struct donthave_state);
        state->connection = connection;
        *slot = state;
    }
    return state;
}

/* What is known of a peer that sends a DontHave. */
static struct donthave_owner *
get_owner(struct donthave_state *state, enum peer_side side)
{
    wmem_allocator_t *scope = peer_connection_scope(state->connection);

    if (state->owners[side] == NULL) {
        state->owners[side] = wmem_new0(scope, struct donthave_owner);
        disowned_pieces_init(&state->owners[side]->disowned, scope);
    }
    return state->owners[side];
}

/* Where the connection ended within a round trip of a DontHave, no answer was due. */
static void
excuse_waits(struct donthave_state *state, int64_t end)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        const struct donthave_owner *owner = state->owners[other_side((enum peer_side)side)];
        if (owner == NULL || owner->waits == 0)
            continue;
        struct request_table *requests = peer_connection_transfers(state->connection)->peers[side].requests;
        for (struct request *request = request_table_newest(requests); request != NULL;
             request = request_table_older(requests, request)) {
            struct donthave_invalidated *waiting = donthave_invalidated_of(request);
            if (waiting != NULL
                && !peer_connection_answer_was_due(state->connection, request->time + waiting->age, end))
                waiting->by->excused = true;
        }
    }
}

static void
end(void *data, int64_t time)
{
    struct donthave_state *state = (struct donthave_state *)data;
    wmem_allocator_t      *scope = peer_connection_scope(state->connection);

    excuse_waits(state, time);
    for (int side = PEER_A; side <= PEER_B; side++) {
        struct donthave_owner *owner = state->owners[side];
        if (owner == NULL)
            continue;
        disowned_pieces_free(&owner->disowned);
        wmem_free(scope, owner->times);
        wmem_free(scope, owner);
    }
    wmem_free(scope, state);
}

/* --- DontHave --- */

/* The piece is disowned from now on. */
static void
disown(struct donthave_state *state, uint32_t piece, struct message_context *context)
{
    struct disowned_pieces *pieces = &state->owners[context->from]->disowned;
    bool                    full;
    struct disowned_piece  *disowned = disowned_pieces_add(pieces, piece, &full);

    if (full)
        peer_connection_limit(state->connection, context, "disowned pieces", DISOWNED_PIECES_MAX);
    if (disowned == NULL) {
        disowned = disowned_pieces_find(pieces, piece);
        if (disowned != NULL)
            disowned->last_in = context->frame;
        return;
    }
    disowned->last_in = context->frame;
    disowned->donthave_in = context->frame;
    disowned->time = context->time;
    disowned->end_ack = context->end_ack;
}

/* The note of a Request of an earlier frame. A split one is known by what is in it. */
static struct message_note *
note_of_request(struct notes *notes, enum peer_side asker, const struct request *request)
{
    struct message_note *note = notes_add_late(notes, asker, request->frame, request->place, PEER_REQUEST_SIZE,
                                               !request->unseen);
    uint32_t             frames[2] = { request->first_frame, request->frame };
    uint8_t              bytes[PEER_REQUEST_SIZE];

    if (request->assembled) {
        peer_wire_encode_request(request->piece, request->begin, request->length, bytes);
        notes_keep_bytes(notes, note, bytes, sizeof bytes, frames, frames[0] != frames[1] ? 2 : 1);
    }
    return note;
}

/* One outstanding request for the piece of a DontHave. */
static struct donthave_invalidated *
invalidate(struct donthave_state *state, struct request *request, struct donthave_note *donthave,
           struct message_context *context)
{
    struct transfers            *transfers = peer_connection_transfers(state->connection);
    struct notes                *notes = &state->connection->notes;
    enum peer_side               asker = other_side(context->from);
    struct message_note         *note = note_of_request(notes, asker, request);
    struct donthave_invalidated *invalidated = (struct donthave_invalidated *)notes_add_detail(
        notes, note, &donthave_kinds[DONTHAVE_INVALIDATED], sizeof *invalidated);

    invalidated->begin = request->begin;
    invalidated->length = request->length;
    invalidated->age = context->time - request->time;
    invalidated->by = donthave;
    invalidated->request_in = request->frame;
    notes_add_described(notes, note, &invalidated->detail, &donthave_findings.invalidated);
    request->tag = invalidated;
    if (donthave->fast) {
        invalidated->unanswered = true;
        donthave->unrejected++;
        if (state->owners[context->from]->waits++ == 0)
            peer_connection_watch(state->connection);
        request_table_hide(transfers->peers[asker].requests, request);
    } else {
        transfers_drop(transfers, asker, request);
    }
    return invalidated;
}

/* A DontHave of four bytes: rule 4 of the ledger. */
static void
take_donthave(struct donthave_state *state, struct donthave_note *donthave, struct message_context *context)
{
    struct transfers             *transfers = peer_connection_transfers(state->connection);
    struct request_table         *requests = transfers->peers[other_side(context->from)].requests;
    struct notes                 *notes = &state->connection->notes;
    struct request               *request;
    struct donthave_invalidated **link = &donthave->invalidated;

    while ((request = request_table_of_piece(requests, donthave->piece)) != NULL) {
        *link = invalidate(state, request, donthave, context);
        link = &(*link)->next;
        donthave->requests++;
    }
    if (donthave->requests > 0)
        notes_add_described(notes, context->note, &donthave->detail, &donthave_findings.invalidated);
    transfers_lose_piece(transfers, peer_connection_scope(state->connection), context->from, donthave->piece);
    disown(state, donthave->piece, context);
}

/* note: the owner's last DontHave, because of which the other may close; NULL: that is not waited for any more. */
static void
watch_close(struct donthave_state *state, struct donthave_owner *owner, struct message_note *note)
{
    if (owner->watched == NULL && note != NULL)
        peer_connection_watch(state->connection);
    else if (owner->watched != NULL && note == NULL)
        peer_connection_unwatch(state->connection);
    owner->watched = note;
}

static bool
extended(struct peer_connection *connection, void **slot, const struct extension_resolution *resolution,
         const struct peer_message *message, struct message_context *context)
{
    struct donthave_note *donthave = donthave_read(connection, resolution, message, context);

    if (donthave == NULL)
        return false;
    struct donthave_state *state = get_state(connection, slot);
    struct donthave_owner *owner = get_owner(state, context->from);
    if (donthave->takes_effect) {
        donthave_judge_sender(state, donthave, context);
        take_donthave(state, donthave, context);
    }
    watch_close(state, owner, context->note);
    owner->packets_after = 0;
    return true;
}

/* --- other messages and packets --- */

static void
on_transfer(struct peer_connection *connection G_GNUC_UNUSED, void **slot, const struct transfer *transfer)
{
    if (*slot != NULL)
        donthave_judge_transfer((struct donthave_state *)*slot, transfer);
}

static void
on_handshake(struct peer_connection *connection, void **slot G_GNUC_UNUSED,
             const struct extension_handshake *handshake, const struct extension_id *before,
             struct message_context *context)
{
    donthave_judge_handshake(connection, handshake, before, context);
}

/* A base message of id 18 with a piece index, where a DontHave was possible: a client forgot the extended id. */
static void
on_unknown(struct peer_connection *connection, void **slot G_GNUC_UNUSED, const struct peer_message *message,
           struct message_context *context)
{
    struct notes *notes = &connection->notes;

    if (message->id == PEER_BASE_DONTHAVE_ID && message->payload_size + 1 == PEER_BASE_DONTHAVE_LENGTH
        && peer_connection_offers(connection, LT_DONTHAVE_NAME))
        notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.base_message,
                          "A base message of id %d with a piece index; BEP 54: DontHave is an extended message "
                          "(id %d)",
                          PEER_BASE_DONTHAVE_ID, PEER_EXTENDED);
}

static void
on_limit(struct peer_connection *connection, void **slot G_GNUC_UNUSED, const char *what, uint32_t limit,
         struct message_context *context)
{
    struct notes *notes = &connection->notes;

    notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.limit,
                      "Limit reached: %u %s; what follows may be incomplete", limit, what);
}

/* The receiver may close because of a DontHave. Where its sender closes, that is not why. */
static void
on_packet(struct peer_connection *connection, void **slot, enum peer_side from, uint32_t frame, bool closes)
{
    struct donthave_state *state = (struct donthave_state *)*slot;

    for (int side = PEER_A; side <= PEER_B && state != NULL; side++) {
        struct donthave_owner *owner = state->owners[side];
        struct message_note   *note = owner != NULL ? owner->watched : NULL;
        if (note == NULL)
            continue;
        if (note->frame != frame)
            owner->packets_after++;
        if (closes && (int)from != side && note->frame != frame)
            notes_add_finding(&connection->notes, note, note->details, &donthave_findings.closed_after,
                              "The receiver closed the connection in frame %u, %u packet%s after the DontHave", frame,
                              owner->packets_after, owner->packets_after == 1 ? "" : "s");
        if (closes || owner->packets_after == CLOSED_AFTER_PACKETS)
            watch_close(state, owner, NULL);
    }
}

const struct peer_observer donthave_observer = {
    .name = LT_DONTHAVE_NAME,
    .handshake = on_handshake,
    .extended = extended,
    .unknown = on_unknown,
    .transfer = on_transfer,
    .limit = on_limit,
    .packet = on_packet,
    .free = end,
};
