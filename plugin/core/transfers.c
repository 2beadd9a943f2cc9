/* transfers.c
 * Requests and pieces of one connection, see transfers.h. One function for each message of BEP 3 and BEP 6.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/transfers.h"

#include <string.h>

void
transfers_free(struct transfers *transfers, wmem_allocator_t *scope)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        struct transfer_peer *peer = &transfers->peers[side];
        request_table_free(peer->requests);
        piece_set_free(&peer->have, scope);
        if (peer->advised != NULL)
            piece_set_free(peer->advised, scope);
        wmem_free(scope, peer->advised);
        wmem_free(scope, peer->unmatched);
        peer->requests = NULL;
        peer->advised = NULL;
        peer->unmatched = NULL;
        peer->unmatched_count = 0;
    }
}

static void
tell(const struct transfer_listener *listener, enum transfer_kind kind, const struct peer_message *message,
     struct message_context *context, struct request *request, const struct request *former)
{
    struct transfer transfer = { kind, message, context, request, former };

    listener->hear(listener->data, &transfer);
}

/* A request got its answer. Fast: each Request gets exactly one (BEP 6), also those that a newer one replaced. */
static void
answer(struct request_table *requests, struct request *request)
{
    if (request->state == REQUEST_ANSWER_DUE)
        request->answers_due--;
    request->state = REQUEST_ANSWER_DUE;
    request->tag = NULL;
    request_table_hide(requests, request);
    if (request->answers_due == 0)
        request_table_remove(requests, request);
}

/* A request is taken back. With Fast it is answered all the same (BEP 6). */
static void
cancel(const struct transfers *transfers, struct request_table *requests, struct request *request)
{
    if (!transfers->fast || request->state == REQUEST_DROPPED) {
        request_table_remove(requests, request);
        return;
    }
    request->state = REQUEST_ANSWER_DUE;
    request->answers_due = MIN(request->answers_due + 1U, UINT16_MAX);
    request_table_hide(requests, request);
}

/* Remembers what matches no request of the asker. */
static void
remember_unmatched(const struct transfer_listener *listener, struct transfer_peer *asker,
                   const struct peer_message *message, uint64_t covers)
{
    struct transfer_unmatched *unmatched;

    if (asker->unmatched == NULL)
        asker->unmatched = wmem_alloc_array(listener->scope, struct transfer_unmatched, TRANSFER_UNMATCHED_MAX);
    unmatched = &asker->unmatched[asker->unmatched_count++ % TRANSFER_UNMATCHED_MAX];
    unmatched->index = message->index;
    unmatched->begin = message->begin;
    unmatched->cancel = message->id == PEER_CANCEL;
    unmatched->covers = covers;
}

/* A new Request may stand in the capture after what its receiver said when it had it already. */
static void
answer_late(const struct transfers *transfers, struct transfer_peer *asker, struct request *request, uint64_t end_ack)
{
    struct request_table *requests = asker->requests;
    uint32_t              piece = request->piece, begin = request->begin;
    uint32_t              count = MIN(asker->unmatched_count, TRANSFER_UNMATCHED_MAX);

    if (end_ack == 0)
        return;
    if (!transfers->fast && asker->choked_covers >= end_ack) {
        request_table_remove(requests, request);
        return;
    }
    for (uint32_t i = 0; i < count && request != NULL; i++) {
        struct transfer_unmatched
            *unmatched = &asker->unmatched[(asker->unmatched_count - count + i) % TRANSFER_UNMATCHED_MAX];
        if (unmatched->index != piece || unmatched->begin != begin || unmatched->covers < end_ack)
            continue;
        unmatched->covers = 0; /* it matched */
        if (unmatched->cancel)
            cancel(transfers, requests, request);
        else
            answer(requests, request);
        request = request_table_find(requests, piece, begin);
    }
}

/* Request: outstanding from now on (BEP 3). The same block again replaces the older request; with Fast each Request
 * still gets its own answer (BEP 6). */
static enum transfer_limit
take_request(struct transfers *transfers, const struct transfer_listener *listener,
             const struct peer_message *message, struct message_context *context)
{
    struct transfer_peer *asker = &transfers->peers[context->from];
    struct request       *older = request_table_find(asker->requests, message->index, message->begin);
    struct request        former = { 0 };
    bool                  full = false;
    unsigned              due = 0;

    if (older != NULL) {
        former = *older;
        if (transfers->fast)
            due = older->answers_due + (older->state != REQUEST_ANSWER_DUE);
        request_table_remove(asker->requests, older);
    }
    if (asker->requests == NULL)
        asker->requests = request_table_new(listener->scope);

    struct request *request = request_table_add(asker->requests, message->index, message->begin, &full);
    request->length = message->length;
    request->frame = context->frame;
    request->first_frame = context->frame_count > 0 ? context->frames[0] : context->frame;
    request->place = context->place;
    request->time = context->time;
    request->state = REQUEST_OUTSTANDING;
    request->assembled = context->bytes != NULL;
    request->answers_due = MIN(due, UINT16_MAX);
    tell(listener, TRANSFER_REQUESTED, message, context, request, older != NULL ? &former : NULL);
    answer_late(transfers, asker, request, context->end_ack);
    if (!full)
        return TRANSFER_NO_LIMIT;
    asker->from_start = false; /* a request that it made is not known any more */
    return TRANSFER_REQUESTS;
}

/* Piece: answers a request (BEP 3). */
static void
take_piece(struct transfers *transfers, const struct transfer_listener *listener, const struct peer_message *message,
           struct message_context *context)
{
    struct request_table *requests = transfers->peers[other_side(context->from)].requests;
    struct request       *request = request_table_find(requests, message->index, message->begin);

    tell(listener, TRANSFER_SERVED, message, context, request, NULL);
    if (request != NULL)
        answer(requests, request);
    else if (context->has_ack)
        remember_unmatched(listener, &transfers->peers[other_side(context->from)], message, context->ack);
}

/* Reject Request: answers a request by name (BEP 6). Without Fast it answers nothing. */
static void
take_reject(struct transfers *transfers, const struct transfer_listener *listener, const struct peer_message *message,
            struct message_context *context)
{
    struct request_table *requests = transfers->peers[other_side(context->from)].requests;
    struct request       *request = request_table_find(requests, message->index, message->begin);

    tell(listener, TRANSFER_REJECTED, message, context, request, NULL);
    if (request != NULL && (transfers->fast || request->state != REQUEST_OUTSTANDING))
        answer(requests, request);
    else if (request == NULL && context->has_ack)
        remember_unmatched(listener, &transfers->peers[other_side(context->from)], message, context->ack);
}

/* Cancel: its sender takes a request back (BEP 3). With Fast the request is answered all the same (BEP 6). */
static void
take_cancel(struct transfers *transfers, const struct transfer_listener *listener, const struct peer_message *message,
            struct message_context *context)
{
    struct request_table *requests = transfers->peers[context->from].requests;
    struct request       *request = request_table_find(requests, message->index, message->begin);

    tell(listener, TRANSFER_CANCELLED, message, context, request, NULL);
    if (request == NULL)
        remember_unmatched(listener, &transfers->peers[context->from], message, MAX(context->end_ack, 1) - 1);
    else if (request->state != REQUEST_ANSWER_DUE)
        cancel(transfers, requests, request);
}

/* Choke: without Fast it takes all requests with it (BEP 3); with Fast each is rejected by name (BEP 6). */
static void
take_choke(struct transfers *transfers, const struct transfer_listener *listener, const struct peer_message *message,
           struct message_context *context)
{
    tell(listener, TRANSFER_CHOKED, message, context, NULL, NULL);
    if (transfers->fast)
        return;
    struct transfer_peer *asker = &transfers->peers[other_side(context->from)];
    request_table_clear(asker->requests);
    if (context->has_ack)
        asker->choked_covers = MAX(asker->choked_covers, context->ack);
}

/* Have: its sender has the piece (BEP 3). */
static enum transfer_limit
take_have(struct transfers *transfers, const struct transfer_listener *listener, const struct peer_message *message,
          struct message_context *context)
{
    struct transfer_peer *owner = &transfers->peers[context->from];

    owner->announced = true;
    bool kept = piece_set_put(&owner->have, listener->scope, message->index, true);
    tell(listener, TRANSFER_ANNOUNCED, message, context, NULL, NULL);
    if (kept)
        return TRANSFER_NO_LIMIT;
    transfers_gap(transfers, context->from); /* not all that it announced is known any more */
    return TRANSFER_PIECES;
}

/* Bitfield, Have All, Have None: what their sender has (BEP 3, BEP 6). A second one replaces the first. */
static enum transfer_limit
take_announcement(struct transfers *transfers, const struct transfer_listener *listener,
                  const struct peer_message *message, struct message_context *context)
{
    struct transfer_peer *owner = &transfers->peers[context->from];
    bool                  kept = true;

    owner->announced = true;
    owner->knows_all = true;
    if (message->id == PEER_BITFIELD) {
        owner->knows_all = message->payload_captured == message->payload_size;
        owner->from_start = owner->from_start && owner->knows_all;
        transfers->piece_bound = message->payload_size * 8;
        kept = piece_set_from_bitfield(&owner->have, listener->scope, message->payload, message->payload_captured);
    } else {
        piece_set_fill(&owner->have, message->id == PEER_HAVE_ALL);
    }
    tell(listener, TRANSFER_ANNOUNCED, message, context, NULL, NULL);
    if (kept)
        return TRANSFER_NO_LIMIT;
    transfers_gap(transfers, context->from); /* not all that it announced is known any more */
    return TRANSFER_PIECES;
}

/* Suggest Piece, Allowed Fast: the sender says that the piece is a good one to ask for (BEP 6). */
static void
take_advice(struct transfer_peer *adviser, wmem_allocator_t *scope, uint32_t piece)
{
    if (adviser->advised == NULL)
        adviser->advised = wmem_new0(scope, struct piece_set);
    piece_set_put(adviser->advised, scope, piece, true);
}

enum transfer_limit
transfers_message(struct transfers *transfers, const struct transfer_listener *listener,
                  const struct peer_message *message, struct message_context *context)
{
    if (!transfers->fast_known && message->id >= PEER_SUGGEST_PIECE && message->id <= PEER_ALLOWED_FAST)
        transfers->fast = true;
    switch (message->id) {
    case PEER_CHOKE:
        take_choke(transfers, listener, message, context);
        break;
    case PEER_HAVE:
        return take_have(transfers, listener, message, context);
    case PEER_BITFIELD:
    case PEER_HAVE_ALL:
    case PEER_HAVE_NONE:
        return take_announcement(transfers, listener, message, context);
    case PEER_REQUEST:
        return take_request(transfers, listener, message, context);
    case PEER_PIECE:
        take_piece(transfers, listener, message, context);
        break;
    case PEER_CANCEL:
        take_cancel(transfers, listener, message, context);
        break;
    case PEER_REJECT_REQUEST:
        take_reject(transfers, listener, message, context);
        break;
    case PEER_SUGGEST_PIECE:
    case PEER_ALLOWED_FAST:
        take_advice(&transfers->peers[context->from], listener->scope, message->index);
        break;
    default:
        break;
    }
    return TRANSFER_NO_LIMIT;
}

void
transfers_drop(struct transfers *transfers, enum peer_side asker, struct request *request)
{
    request->state = REQUEST_DROPPED;
    request_table_hide(transfers->peers[asker].requests, request);
}

void
transfers_lose_piece(struct transfers *transfers, wmem_allocator_t *scope, enum peer_side owner, uint32_t piece)
{
    piece_set_put(&transfers->peers[owner].have, scope, piece, false);
    if (transfers->peers[owner].advised != NULL)
        piece_set_put(transfers->peers[owner].advised, scope, piece, false);
}

void
transfers_gap(struct transfers *transfers, enum peer_side from)
{
    transfers->peers[from].from_start = false;
    transfers->peers[from].knows_all = false;
}

void
transfers_unseen(struct transfers *transfers, uint32_t frame)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        struct request_table *requests = transfers->peers[side].requests;
        for (struct request *request = request_table_newest(requests); request != NULL && request->frame == frame;
             request = request_table_older(requests, request))
            request->unseen = true;
    }
}
