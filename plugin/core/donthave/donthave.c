/* donthave.c
 * What BEP 54 makes of a connection, see donthave.h. One function for each thing that happens to requests and pieces.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave.h"

#include <string.h>

#include "core/donthave/donthave_state.h"

/* From this reannouncement of one piece on it is worth a Note. */
#define REANNOUNCED_OFTEN 4

G_STATIC_ASSERT(sizeof(struct donthave_note) <= NOTE_DETAIL_ROOM);
G_STATIC_ASSERT(sizeof(struct donthave_invalidated) <= NOTE_DETAIL_ROOM);
G_STATIC_ASSERT(sizeof(struct donthave_block) <= NOTE_DETAIL_ROOM);

const struct note_kind donthave_kinds[DONTHAVE_KIND_COUNT] = {
    { LT_DONTHAVE_NAME, DONTHAVE_MESSAGE },     { LT_DONTHAVE_NAME, DONTHAVE_NEGOTIATED },
    { LT_DONTHAVE_NAME, DONTHAVE_INVALIDATED }, { LT_DONTHAVE_NAME, DONTHAVE_LATE_REQUEST },
    { LT_DONTHAVE_NAME, DONTHAVE_LATE_BLOCK },  { LT_DONTHAVE_NAME, DONTHAVE_REJECT },
    { LT_DONTHAVE_NAME, DONTHAVE_REANNOUNCED }, { LT_DONTHAVE_NAME, DONTHAVE_WAIT_OVER },
};

static double
seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* A request is tagged with the last thing that was said of it: that it came late, or that a DontHave invalidated it. */
static void *
tag_of(const struct request *request, enum donthave_kind kind)
{
    struct note_detail *detail = request != NULL ? (struct note_detail *)request->tag : NULL;

    return detail != NULL && detail->kind == &donthave_kinds[kind] ? detail : NULL;
}

static struct donthave_invalidated *
invalidated_of(const struct request *request)
{
    return (struct donthave_invalidated *)tag_of(request, DONTHAVE_INVALIDATED);
}

/* --- a connection begins and ends --- */

static void *
begin(struct peer_connection *connection)
{
    struct donthave_state *state = wmem_new0(connection->scope, struct donthave_state);

    state->connection = connection;
    for (int side = PEER_A; side <= PEER_B; side++)
        disowned_pieces_init(&state->owners[side].disowned, connection->scope);
    return state;
}

/* Where the connection ended within a round trip of a DontHave, no answer was due. */
static void
excuse_waits(struct donthave_state *state, int64_t end)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        struct request_table *requests = &peer_connection_transfers(state->connection)->peers[side].requests;
        if (state->owners[other_side((enum peer_side)side)].waits == 0)
            continue;
        for (struct request *request = request_table_newest(requests); request != NULL;
             request = request_table_older(requests, request)) {
            struct donthave_invalidated *waiting = invalidated_of(request);
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

    excuse_waits(state, time);
    for (int side = PEER_A; side <= PEER_B; side++) {
        disowned_pieces_free(&state->owners[side].disowned);
        wmem_free(state->connection->scope, state->owners[side].times);
    }
    wmem_free(state->connection->scope, state);
}

/* --- DontHave --- */

/* The piece is disowned from now on. */
static void
disown(struct donthave_state *state, uint32_t piece, struct message_context *context)
{
    struct disowned_pieces *pieces = &state->owners[context->from].disowned;
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
    notes_add_finding(notes, note, &invalidated->detail, &donthave_findings.invalidated,
                      "The DontHave in frame %u invalidated this Request after %.6f s", context->frame,
                      seconds(invalidated->age));
    request->tag = invalidated;
    if (donthave->fast) {
        invalidated->unanswered = true;
        donthave->unrejected++;
        state->owners[context->from].waits++;
        request_table_hide(&transfers->peers[asker].requests, request);
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
    struct request_table         *requests = &transfers->peers[other_side(context->from)].requests;
    struct notes                 *notes = &state->connection->notes;
    struct request               *request;
    struct donthave_invalidated **link = &donthave->invalidated;

    while ((request = request_table_of_piece(requests, donthave->piece)) != NULL) {
        *link = invalidate(state, request, donthave, context);
        link = &(*link)->next;
        donthave->requests++;
    }
    if (donthave->requests > 0)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.invalidated,
                          "Piece %u: %u request%s (%" PRIu64 " bytes) %s", donthave->piece, donthave->requests,
                          donthave->requests == 1 ? "" : "s", donthave_bytes(donthave),
                          donthave->fast ? "invalidated; BEP 54: each is to be rejected"
                                         : "dropped silently (BEP 54)");
    transfers_lose_piece(transfers, context->from, donthave->piece);
    disown(state, donthave->piece, context);
}

static bool
extended(void *data, const struct extension_resolution *resolution, const struct peer_message *message,
         struct message_context *context)
{
    struct donthave_state *state = (struct donthave_state *)data;
    struct donthave_note  *donthave = donthave_read(state, resolution, message, context);
    struct donthave_owner *owner = &state->owners[context->from];

    if (donthave == NULL)
        return false;
    if (donthave->takes_effect) {
        donthave_judge_sender(state, donthave, context);
        take_donthave(state, donthave, context);
    }
    owner->watched = context->note;
    owner->packets_after = 0;
    return true;
}

/* --- what is said afterwards --- */

static struct donthave_block *
add_block(struct notes *notes, enum donthave_kind kind, const struct peer_message *message,
          struct message_context *context)
{
    struct donthave_block *block = (struct donthave_block *)notes_add_detail(notes, notes_get(notes, context),
                                                                             &donthave_kinds[kind], sizeof *block);

    block->piece = message->index;
    block->begin = message->begin;
    block->length = message->length;
    return block;
}

/* The wait for an answer to an invalidated request is over. */
static void
end_wait(struct donthave_state *state, enum peer_side owner, struct donthave_invalidated *waiting,
         uint32_t rejected_in)
{
    waiting->rejected_in = rejected_in;
    if (!waiting->unanswered)
        return;
    waiting->unanswered = false;
    waiting->by->unrejected--;
    state->owners[owner].waits--;
}

/* A Request for a piece that its owner has disowned (BEP 54, what a receiver does): rule 6. */
static void
take_late_request(struct donthave_state *state, const struct transfer *transfer, struct disowned_piece *disowned)
{
    struct notes           *notes = &state->connection->notes;
    struct message_context *context = transfer->context;
    struct donthave_block  *block = add_block(notes, DONTHAVE_LATE_REQUEST, transfer->message, context);
    double                  age = seconds(context->time - disowned->time);

    block->donthave_in = disowned->donthave_in;
    block->crossed = !context->has_ack || context->ack < disowned->end_ack;
    transfer->request->tag = block;
    disowned->late_requests++;
    if (!peer_connection_heard_since(state->connection, other_side(context->from), disowned->last_in))
        return; /* it may have been announced again */
    if (block->crossed)
        notes_add_finding(notes, context->note, &block->detail, &donthave_findings.late_request_crossed,
                          "Request for piece %u crossed the DontHave of frame %u (%.6f s ago): "
                          "it was not acknowledged yet",
                          block->piece, block->donthave_in, age);
    else
        notes_add_finding(notes, context->note, &block->detail, &donthave_findings.late_request,
                          "Request %u for piece %u, which the peer disowned in frame %u (%.6f s ago); "
                          "BEP 54: treat it as unavailable",
                          disowned->late_requests, block->piece, block->donthave_in, age);
}

static void
on_request(struct donthave_state *state, const struct transfer *transfer)
{
    struct notes           *notes = &state->connection->notes;
    struct message_context *context = transfer->context;
    enum peer_side          owner = other_side(context->from);
    struct disowned_piece  *disowned = disowned_pieces_find(&state->owners[owner].disowned, transfer->message->index);
    struct donthave_invalidated *former = invalidated_of(transfer->former);

    if (disowned != NULL)
        take_late_request(state, transfer, disowned);
    if (former == NULL || !former->unanswered)
        return;
    end_wait(state, owner, former, 0);
    add_block(notes, DONTHAVE_WAIT_OVER, transfer->message, context)->answers = former;
    if (peer_connection_heard_since(state->connection, owner, transfer->former->frame))
        notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.rerequest,
                          "Block %u+%u requested again before the Reject of the Request in frame %u; "
                          "BEP 6: each request gets exactly one response",
                          transfer->message->index, transfer->message->begin, transfer->former->frame);
}

/* A block of a disowned piece: rule 7. */
static void
take_late_block(struct donthave_state *state, const struct transfer *transfer, const struct disowned_piece *disowned)
{
    struct notes           *notes = &state->connection->notes;
    struct message_context *context = transfer->context;
    const struct request   *request = transfer->request;
    struct donthave_block  *block = add_block(notes, DONTHAVE_LATE_BLOCK, transfer->message, context);
    bool                    known = request != NULL && request->state != REQUEST_ANSWER_DUE;

    block->donthave_in = disowned->donthave_in;
    if (!peer_connection_heard_since(state->connection, context->from, disowned->last_in))
        return; /* it may have been announced again */
    if (known && request->frame > disowned->donthave_in)
        notes_add_finding(notes, context->note, &block->detail, &donthave_findings.late_block_newer,
                          "Block of piece %u, which its sender disowned in frame %u, for the Request in frame "
                          "%u; BEP 54: the sender does not have the piece",
                          block->piece, block->donthave_in, request->frame);
    else
        notes_add_finding(notes, context->note, &block->detail, &donthave_findings.late_block,
                          "Block of piece %u, which its sender disowned in frame %u%s", block->piece,
                          block->donthave_in, known ? "; it was requested before that" : "");
}

static void
on_piece(struct donthave_state *state, const struct transfer *transfer)
{
    enum peer_side         owner = transfer->context->from;
    struct disowned_piece *disowned = disowned_pieces_find(&state->owners[owner].disowned, transfer->message->index);

    if (disowned != NULL)
        take_late_block(state, transfer, disowned);
    struct donthave_invalidated *waiting = invalidated_of(transfer->request);
    if (waiting == NULL)
        return;
    if (waiting->unanswered)
        add_block(&state->connection->notes, DONTHAVE_WAIT_OVER, transfer->message, transfer->context)
            ->answers = waiting;
    end_wait(state, owner, waiting, 0);
}

/* Without Fast a DontHave has dropped the request: there is nothing left to cancel. */
static void
on_cancel(struct donthave_state *state, const struct transfer *transfer)
{
    struct notes                      *notes = &state->connection->notes;
    const struct request              *request = transfer->request;
    const struct donthave_invalidated *dropped = invalidated_of(request);

    if (request == NULL || request->state != REQUEST_DROPPED || dropped == NULL
        || !peer_connection_heard_since(state->connection, other_side(transfer->context->from), request->frame))
        return;
    notes_add_finding(notes, notes_get(notes, transfer->context), NULL, &donthave_findings.cancel_after,
                      "Cancel for the Request in frame %u, which the DontHave in frame %u dropped before; "
                      "BEP 54: silently cancelled",
                      request->frame, dropped->by->frame);
}

/* A Reject that answers an invalidated request. */
static void
link_reject(struct donthave_state *state, const struct transfer *transfer, struct donthave_invalidated *waiting)
{
    struct donthave_block *block = add_block(&state->connection->notes, DONTHAVE_REJECT, transfer->message,
                                             transfer->context);

    block->answers = waiting;
    end_wait(state, transfer->context->from, waiting, transfer->context->frame);
}

static void
on_reject(struct donthave_state *state, const struct transfer *transfer)
{
    struct notes                *notes = &state->connection->notes;
    struct message_context      *context = transfer->context;
    const struct transfers      *transfers = peer_connection_transfers(state->connection);
    const struct request        *request = transfer->request;
    struct donthave_invalidated *invalidated = invalidated_of(request);
    struct donthave_block       *late = (struct donthave_block *)tag_of(request, DONTHAVE_LATE_REQUEST);
    const struct disowned_piece *disowned = disowned_pieces_find(&state->owners[context->from].disowned,
                                                                 transfer->message->index);

    if (request == NULL) {
        /* Only where all requests are known. */
        if (disowned != NULL && transfers->peers[other_side(context->from)].from_start
            && peer_connection_read_all_before(state->connection, context))
            notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.double_reject,
                              "Reject for a block of piece %u, disowned in frame %u, that answers no outstanding "
                              "request; BEP 6: exactly one response to a request",
                              transfer->message->index, disowned->donthave_in);
    } else if (invalidated == NULL) {
        if (late != NULL && transfers->fast)
            late->rejected_in = context->frame;
    } else if (request->state != REQUEST_DROPPED || !transfers->fast_known) {
        /* Dropped, but the handshakes are not known: this Reject proves that it was to be rejected by name. */
        link_reject(state, transfer, invalidated);
    } else {
        notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.reject_without_fast,
                          "Reject of the Request in frame %u, which the DontHave in frame %u dropped, but the Fast "
                          "extension was not negotiated; BEP 6: the receiver must close the connection",
                          request->frame, invalidated->by->frame);
    }
}

/* The owner of a disowned piece announces it again: rule 5. */
static void
reannounce(struct donthave_state *state, struct disowned_piece *disowned, struct message_context *context)
{
    struct notes                *notes = &state->connection->notes;
    struct message_note         *note = notes_get(notes, context);
    struct donthave_reannounced *item = (struct donthave_reannounced *)notes_add_detail(
        notes, note, &donthave_kinds[DONTHAVE_REANNOUNCED], sizeof *item);
    bool often = ++disowned->reannouncements >= REANNOUNCED_OFTEN;

    item->piece = disowned->piece;
    item->disowned_in = disowned->donthave_in;
    notes_add_finding(notes, note, &item->detail,
                      often ? &donthave_findings.reannounced_often : &donthave_findings.reannounced,
                      "Piece %u, disowned in frame %u, is announced again (time %u)", disowned->piece,
                      disowned->donthave_in, disowned->reannouncements);
    disowned_pieces_take_back(&state->owners[context->from].disowned, disowned);
}

/* The disowned pieces of a Bitfield, or all of them where bits is NULL. */
static void
reannounce_many(struct donthave_state *state, const uint8_t *bits, uint32_t size, struct message_context *context)
{
    uint32_t                count;
    struct disowned_piece **pieces = disowned_pieces_in(&state->owners[context->from].disowned, bits, size, &count);

    for (uint32_t i = 0; i < count; i++)
        reannounce(state, pieces[i], context);
    wmem_free(state->connection->scope, pieces);
}

static void
on_announcement(struct donthave_state *state, const struct transfer *transfer)
{
    const struct disowned_pieces *pieces = &state->owners[transfer->context->from].disowned;
    const struct peer_message    *message = transfer->message;
    struct disowned_piece        *disowned;

    switch (message->id) {
    case PEER_HAVE:
        disowned = disowned_pieces_find(pieces, message->index);
        if (disowned != NULL)
            reannounce(state, disowned, transfer->context);
        break;
    case PEER_BITFIELD:
        if (message->payload_captured > 0)
            reannounce_many(state, message->payload, message->payload_captured, transfer->context);
        break;
    case PEER_HAVE_ALL:
        reannounce_many(state, NULL, 0, transfer->context);
        break;
    default:
        break;
    }
}

static void
on_transfer(void *data, const struct transfer *transfer)
{
    struct donthave_state *state = (struct donthave_state *)data;

    switch (transfer->kind) {
    case TRANSFER_REQUESTED:
        on_request(state, transfer);
        break;
    case TRANSFER_SERVED:
        on_piece(state, transfer);
        break;
    case TRANSFER_REJECTED:
        on_reject(state, transfer);
        break;
    case TRANSFER_CANCELLED:
        on_cancel(state, transfer);
        break;
    case TRANSFER_CHOKED:
        break; /* without Fast nothing waits for an answer */
    case TRANSFER_ANNOUNCED:
        on_announcement(state, transfer);
        break;
    }
}

/* --- other messages and packets --- */

static void
on_handshake(void *data, const struct extension_handshake *handshake, const struct extension_id *before,
             struct message_context *context)
{
    donthave_judge_handshake((struct donthave_state *)data, handshake, before, context);
}

/* A base message of id 18 with a piece index, where a DontHave was possible: a client forgot the extended id. */
static void
on_unknown(void *data, const struct peer_message *message, struct message_context *context)
{
    struct donthave_state *state = (struct donthave_state *)data;
    struct notes          *notes = &state->connection->notes;

    if (message->id == PEER_BASE_DONTHAVE_ID && message->payload_size + 1 == PEER_BASE_DONTHAVE_LENGTH
        && peer_connection_offers(state->connection, LT_DONTHAVE_NAME))
        notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.base_message,
                          "A base message of id %d with a piece index; BEP 54: DontHave is an extended message "
                          "(id %d)",
                          PEER_BASE_DONTHAVE_ID, PEER_EXTENDED);
}

static void
on_limit(void *data, const char *what, uint32_t limit, struct message_context *context)
{
    struct notes *notes = &((struct donthave_state *)data)->connection->notes;

    notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.limit,
                      "Limit reached: %u %s; what follows may be incomplete", limit, what);
}

static bool
watches(const void *data)
{
    const struct donthave_state *state = (const struct donthave_state *)data;

    for (int side = PEER_A; side <= PEER_B; side++) {
        if (state->owners[side].watched != NULL || state->owners[side].waits > 0)
            return true;
    }
    return false;
}

/* The receiver may close because of a DontHave. Where its sender closes, that is not why. */
static void
on_packet(void *data, enum peer_side from, uint32_t frame, bool closes)
{
    struct donthave_state *state = (struct donthave_state *)data;

    for (int side = PEER_A; side <= PEER_B; side++) {
        struct donthave_owner *owner = &state->owners[side];
        struct message_note   *note = owner->watched;
        if (note == NULL)
            continue;
        if (note->frame != frame)
            owner->packets_after++;
        if (closes && (int)from != side && note->frame != frame)
            notes_add_finding(&state->connection->notes, note, note->details, &donthave_findings.closed_after,
                              "The receiver closed the connection in frame %u, %u packet%s after the DontHave", frame,
                              owner->packets_after, owner->packets_after == 1 ? "" : "s");
        if (closes || owner->packets_after == CLOSED_AFTER_PACKETS)
            owner->watched = NULL;
    }
}

const struct peer_observer donthave_observer = {
    .name = LT_DONTHAVE_NAME,
    .begin = begin,
    .handshake = on_handshake,
    .extended = extended,
    .unknown = on_unknown,
    .transfer = on_transfer,
    .limit = on_limit,
    .packet = on_packet,
    .watches = watches,
    .free = end,
};
