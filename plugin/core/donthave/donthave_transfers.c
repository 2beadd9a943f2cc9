/* donthave_transfers.c
 * What BEP 54 makes of requests and pieces: one function for each thing that happens to them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave_state.h"

/* From this reannouncement of one piece on it is worth a Note. */
#define REANNOUNCED_OFTEN 4

/* A request is tagged with the last thing that was said of it: that it came late, or that a DontHave invalidated it. */
static void *
tag_of(const struct request *request, enum donthave_kind kind)
{
    struct note_detail *detail = request != NULL ? (struct note_detail *)request->tag : NULL;

    return detail != NULL && detail->kind == &donthave_kinds[kind] ? detail : NULL;
}

struct donthave_invalidated *
donthave_invalidated_of(const struct request *request)
{
    return (struct donthave_invalidated *)tag_of(request, DONTHAVE_INVALIDATED);
}

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
    if (--state->owners[owner]->waits == 0)
        peer_connection_unwatch(state->connection);
}

/* A Request for a piece that its owner has disowned (BEP 54, what a receiver does): rule 6. */
static void
take_late_request(struct donthave_state *state, const struct transfer *transfer, struct disowned_piece *disowned)
{
    struct notes           *notes = &state->connection->notes;
    struct message_context *context = transfer->context;
    struct donthave_block  *block = add_block(notes, DONTHAVE_LATE_REQUEST, transfer->message, context);
    double                  age = donthave_seconds(context->time - disowned->time);

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
    struct notes                *notes = &state->connection->notes;
    struct message_context      *context = transfer->context;
    enum peer_side               owner = other_side(context->from);
    struct disowned_piece       *disowned = donthave_disowned(state, owner, transfer->message->index);
    struct donthave_invalidated *former = donthave_invalidated_of(transfer->former);

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
    struct disowned_piece *disowned = donthave_disowned(state, owner, transfer->message->index);

    if (disowned != NULL)
        take_late_block(state, transfer, disowned);
    struct donthave_invalidated *waiting = donthave_invalidated_of(transfer->request);
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
    const struct donthave_invalidated *dropped = donthave_invalidated_of(request);

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
    struct donthave_invalidated *invalidated = donthave_invalidated_of(request);
    struct donthave_block       *late = (struct donthave_block *)tag_of(request, DONTHAVE_LATE_REQUEST);
    const struct disowned_piece *disowned = donthave_disowned(state, context->from, transfer->message->index);

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
    disowned_pieces_take_back(&state->owners[context->from]->disowned, disowned);
}

/* The disowned pieces of a Bitfield, or all of them where bits is NULL. */
static void
reannounce_many(struct donthave_state *state, const uint8_t *bits, uint32_t size, struct message_context *context)
{
    uint32_t                count;
    struct disowned_piece **pieces = disowned_pieces_in(&state->owners[context->from]->disowned, bits, size, &count);

    for (uint32_t i = 0; i < count; i++)
        reannounce(state, pieces[i], context);
    wmem_free(peer_connection_scope(state->connection), pieces);
}

static void
on_announcement(struct donthave_state *state, const struct transfer *transfer)
{
    const struct peer_message *message = transfer->message;
    struct disowned_piece     *disowned;

    if (state->owners[transfer->context->from] == NULL)
        return;
    switch (message->id) {
    case PEER_HAVE:
        disowned = donthave_disowned(state, transfer->context->from, message->index);
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

void
donthave_judge_transfer(struct donthave_state *state, const struct transfer *transfer)
{
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
