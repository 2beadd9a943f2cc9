/* ledger.c
 * The ledger of one connection, see ledger.h. One function for each message of BEP 3 and BEP 6 that changes it, and
 * one for the DontHave of BEP 54.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "ledger.h"

#include <stdlib.h>
#include <string.h>

/* From this reannouncement of one piece on it is worth a Note. */
#define REANNOUNCED_OFTEN   4

void
ledger_init(struct ledger *ledger, wmem_allocator_t *scope, struct notes *notes)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->scope = scope;
    ledger->notes = notes;
    for (int side = PEER_A; side <= PEER_B; side++) {
        request_table_init(&ledger->peers[side].requests, scope);
        piece_set_init(&ledger->peers[side].have, scope);
        piece_set_init(&ledger->peers[side].advised, scope);
        disowned_pieces_init(&ledger->peers[side].disowned, scope);
    }
}

void
ledger_free(struct ledger *ledger)
{
    for (int side = PEER_A; side <= PEER_B; side++) {
        struct ledger_peer *peer = &ledger->peers[side];
        request_table_free(&peer->requests);
        piece_set_free(&peer->have);
        piece_set_free(&peer->advised);
        disowned_pieces_free(&peer->disowned);
        wmem_free(ledger->scope, peer->donthave_times);
    }
    wmem_free(ledger->scope, ledger);
}

void
ledger_gap(struct ledger *ledger, enum peer_side from, uint32_t frame)
{
    ledger->peers[from].from_start = false;
    ledger->peers[from].knows_all = false;
    ledger->peers[from].missed_before = frame;
}

/* Whether all is known that the peer said since that frame. If not, a DontHave may have been taken back since, and a
 * Request answered. */
static bool
heard_since(const struct ledger_peer *peer, uint32_t frame)
{
    return frame >= peer->missed_before;
}

static double
seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* The piece is disowned from now on. */
static void
disown(struct ledger *ledger, struct ledger_peer *owner, uint32_t piece, struct message_note *note,
       const struct message_context *context)
{
    bool full;
    struct disowned_piece *state = disowned_pieces_add(&owner->disowned, piece, &full);

    if (full)
        notes_tell_limit(ledger->notes, note->from, context, "disowned pieces", DISOWNED_PIECES_MAX);
    if (state == NULL) {
        state = disowned_pieces_find(&owner->disowned, piece);
        if (state != NULL)
            state->last_in = context->frame;
        return;
    }
    state->last_in = context->frame;
    state->donthave_in = context->frame;
    state->time = context->time;
    state->mark = context->mark;
}

/* The owner of a disowned piece announces it again. */
static void
reannounce(struct ledger *ledger, struct ledger_peer *owner, struct disowned_piece *state, struct message_note *note)
{
    struct reannounced_note *item = wmem_new0(ledger->scope, struct reannounced_note);

    item->piece = state->piece;
    item->disowned_in = state->donthave_in;
    *(note->reannounced != NULL ? &note->last_reannounced->next : &note->reannounced) = item;
    note->last_reannounced = item;

    state->reannouncements++;
    disowned_pieces_take_back(&owner->disowned, state);
    notes_add_finding(ledger->notes, note,
                      state->reannouncements >= REANNOUNCED_OFTEN ? FINDING_REANNOUNCED_OFTEN : FINDING_REANNOUNCED,
                      "Piece %u, disowned in frame %u, is announced again (time %u)", state->piece,
                      state->donthave_in, state->reannouncements);
}

/* Have: its sender has the piece (BEP 3). */
static void
have(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
     const struct message_context *context)
{
    struct ledger_peer    *owner = &ledger->peers[from];
    struct disowned_piece *state = disowned_pieces_find(&owner->disowned, message->index);

    owner->announced = true;
    if (!piece_set_put(&owner->have, message->index, true))
        notes_tell_limit(ledger->notes, from, context, "pages of pieces", PIECE_SET_PAGES_MAX);
    if (state != NULL)
        reannounce(ledger, owner, state, notes_get(ledger->notes, from, context));
}

/* Bitfield, Have All, Have None: what their sender has (BEP 3, BEP 6). A second one replaces the first. */
static void
announce(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
         const struct message_context *context)
{
    struct ledger_peer *owner = &ledger->peers[from];

    owner->announced = true;
    owner->knows_all = true;
    if (message->id == PEER_BITFIELD) {
        owner->knows_all = message->payload_captured == message->payload_size;
        owner->from_start = owner->from_start && owner->knows_all;
        ledger->piece_bound = message->payload_size * 8;
        if (!piece_set_from_bitfield(&owner->have, message->payload, message->payload_captured))
            notes_tell_limit(ledger->notes, from, context, "pages of pieces", PIECE_SET_PAGES_MAX);
    } else {
        piece_set_fill(&owner->have, message->id == PEER_HAVE_ALL);
    }

    struct disowned_piece *next;
    for (struct disowned_piece *state = owner->disowned.first; state != NULL; state = next) {
        next = state->next;
        if (piece_set_has(&owner->have, state->piece))
            reannounce(ledger, owner, state, notes_get(ledger->notes, from, context));
    }
}

/* The wait of a request that a DontHave invalidated is over, with Fast. */
static void
end_wait(const struct request *entry, uint32_t rejected_in)
{
    entry->invalidated->rejected_in = rejected_in;
    entry->invalidated->unanswered = false;
    entry->donthave->extended->donthave->unrejected--;
}

static struct block_note *
new_block_note(struct ledger *ledger, const struct peer_message *message, uint32_t donthave_in)
{
    struct block_note *block = wmem_new0(ledger->scope, struct block_note);

    block->piece = message->index;
    block->begin = message->begin;
    block->length = message->length;
    block->donthave_in = donthave_in;
    return block;
}

/* A Request for a piece that its owner has disowned (BEP 54, what a receiver does). */
static void
late_request(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
             const struct message_context *context, struct disowned_piece *state)
{
    struct message_note *note = notes_get(ledger->notes, from, context);
    double               age = seconds(context->time - state->time);

    note->late_request = new_block_note(ledger, message, state->donthave_in);
    note->late_request->crossed = !context->has_ack || context->ack < state->mark;
    state->late_requests++;
    if (!heard_since(&ledger->peers[other_side(from)], state->last_in))
        return;
    if (note->late_request->crossed)
        notes_add_finding(ledger->notes, note, FINDING_LATE_REQUEST_CROSSED,
                          "Request for piece %u crossed the DontHave of frame %u (%.3f s ago): "
                          "it was not acknowledged yet", message->index, state->donthave_in, age);
    else
        notes_add_finding(ledger->notes, note, FINDING_LATE_REQUEST,
                          "Request %u for piece %u, which the peer disowned in frame %u (%.3f s ago); "
                          "BEP 54: treat it as unavailable", state->late_requests, message->index,
                          state->donthave_in, age);
}

/* Request: outstanding from now on (BEP 3). */
static void
request(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
        const struct message_context *context)
{
    struct ledger_peer    *asker = &ledger->peers[from];
    struct disowned_piece *state = disowned_pieces_find(&ledger->peers[other_side(from)].disowned, message->index);
    struct request        *entry = request_table_find(&asker->requests, message->index, message->begin);
    bool                   evicted = false;
    unsigned               owed = 0;

    if (state != NULL)
        late_request(ledger, from, message, context, state);
    if (entry != NULL && entry->state == REQUEST_AWAITS_REJECT) {
        end_wait(entry, 0);
        if (heard_since(&ledger->peers[other_side(from)], entry->frame))
            notes_add_finding(ledger->notes, notes_get(ledger->notes, from, context), FINDING_REREQUEST,
                              "Block %u+%u requested again before the Reject of the Request in frame %u; "
                              "BEP 6: each request gets exactly one response", message->index, message->begin,
                              entry->frame);
    }
    if (entry != NULL) {
        if (ledger->fast)
            owed = entry->owed + (entry->state != REQUEST_ANSWER_OWED);
        request_table_remove(&asker->requests, entry);
    }
    entry = request_table_add(&asker->requests, message->index, message->begin, &evicted);
    if (evicted) {
        notes_tell_limit(ledger->notes, from, context, "outstanding requests", REQUESTS_MAX);
        asker->from_start = false;      /* not all that it said is known any more */
    }
    entry->length = message->length;
    entry->frame = context->frame;
    entry->position = context->position;
    entry->time = context->time;
    entry->state = REQUEST_OUTSTANDING;
    entry->owed = (uint16_t)MIN(owed, UINT16_MAX);
}

/* A request got its answer. Fast: each Request gets exactly one (BEP 6), also those that a newer one replaced. */
static void
answered(struct request_table *requests, struct request *entry)
{
    if (entry->state == REQUEST_ANSWER_OWED)
        entry->owed--;
    entry->state = REQUEST_ANSWER_OWED;
    if (entry->owed == 0)
        request_table_remove(requests, entry);
}

/* Piece: answers a request (BEP 3). */
static void
piece(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
      const struct message_context *context)
{
    struct request_table  *requests = &ledger->peers[other_side(from)].requests;
    struct disowned_piece *state = disowned_pieces_find(&ledger->peers[from].disowned, message->index);
    struct request        *entry = request_table_find(requests, message->index, message->begin);

    if (state != NULL) {
        struct message_note *note = notes_get(ledger->notes, from, context);
        bool known = entry != NULL && entry->state != REQUEST_ANSWER_OWED;
        note->late_block = new_block_note(ledger, message, state->donthave_in);
        if (!heard_since(&ledger->peers[from], state->last_in))
            ;                           /* it may have been announced again */
        else if (known && entry->frame > state->donthave_in)
            notes_add_finding(ledger->notes, note, FINDING_LATE_BLOCK_NEWER,
                              "Block of piece %u, which its sender disowned in frame %u, for the Request in frame "
                              "%u; BEP 54: the sender does not have the piece", message->index, state->donthave_in,
                              entry->frame);
        else
            notes_add_finding(ledger->notes, note, FINDING_LATE_BLOCK,
                              "Block of piece %u, which its sender disowned in frame %u%s", message->index,
                              state->donthave_in, known ? "; it was requested before that" : "");
    }
    if (entry == NULL)
        return;
    if (entry->state == REQUEST_AWAITS_REJECT)
        end_wait(entry, 0);
    answered(requests, entry);
}

/* Cancel: its sender takes a request back (BEP 3). With Fast the request is answered all the same (BEP 6). */
static void
cancel(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
       const struct message_context *context)
{
    struct request_table *requests = &ledger->peers[from].requests;
    struct request       *entry = request_table_find(requests, message->index, message->begin);

    if (entry == NULL)
        return;
    switch (entry->state) {
    case REQUEST_OUTSTANDING:
        if (ledger->fast) {
            entry->state = REQUEST_ANSWER_OWED;
            entry->owed++;
            return;
        }
        break;
    case REQUEST_DROPPED:
        if (!heard_since(&ledger->peers[other_side(from)], entry->frame))
            break;
        notes_add_finding(ledger->notes, notes_get(ledger->notes, from, context), FINDING_CANCEL_AFTER,
                          "Cancel for the Request in frame %u, which the DontHave in frame %u had already dropped; "
                          "BEP 54: silently cancelled", entry->frame, entry->donthave->frame);
        break;
    default:                            /* with Fast the wait for the answer goes on */
        return;
    }
    request_table_remove(requests, entry);
}

/* A Reject that answers an invalidated request. */
static void
tell_reject(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
            const struct message_context *context, const struct request *entry)
{
    struct message_note *note = notes_get(ledger->notes, from, context);

    note->reject = new_block_note(ledger, message, entry->donthave->frame);
    note->request_in = entry->frame;
}

/* Reject Request: answers a request by name (BEP 6). */
static void
reject(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
       const struct message_context *context)
{
    struct request_table  *requests = &ledger->peers[other_side(from)].requests;
    struct disowned_piece *state = disowned_pieces_find(&ledger->peers[from].disowned, message->index);
    struct request        *entry = request_table_find(requests, message->index, message->begin);

    if (entry == NULL) {
        if (state != NULL && ledger->peers[other_side(from)].from_start)    /* else nobody knows what was asked for */
            notes_add_finding(ledger->notes, notes_get(ledger->notes, from, context), FINDING_DOUBLE_REJECT,
                              "Reject for a block of piece %u, disowned in frame %u, that nobody waits for; "
                              "BEP 6: exactly one response to a request", message->index, state->donthave_in);
        return;
    }
    switch (entry->state) {
    case REQUEST_AWAITS_REJECT:
        tell_reject(ledger, from, message, context, entry);
        end_wait(entry, context->frame);
        break;
    case REQUEST_DROPPED:
        if (!ledger->fast_known) {      /* this Reject is the proof that it was to be rejected by name */
            tell_reject(ledger, from, message, context, entry);
            entry->invalidated->rejected_in = context->frame;
            break;
        }
        notes_add_finding(ledger->notes, notes_get(ledger->notes, from, context), FINDING_REJECT_WITHOUT_FAST,
                          "Reject of the Request in frame %u, which the DontHave in frame %u dropped, but the Fast "
                          "extension was not negotiated; BEP 6: the receiver must close the connection",
                          entry->frame, entry->donthave->frame);
        break;
    case REQUEST_OUTSTANDING:
        if (!ledger->fast)
            return;                     /* a Reject counts with Fast only */
        break;
    default:
        break;
    }
    answered(requests, entry);
}

/* Choke: without Fast it takes all requests with it (BEP 3); with Fast each is rejected by name (BEP 6). */
static void
choke(struct ledger *ledger, enum peer_side from)
{
    if (!ledger->fast)
        request_table_clear(&ledger->peers[other_side(from)].requests);
}

void
ledger_message(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
               const struct message_context *context)
{
    if (!message->complete)
        return;
    if (!ledger->fast_known && message->id >= PEER_SUGGEST_PIECE && message->id <= PEER_ALLOWED_FAST)
        ledger->fast = true;
    switch (message->id) {
    case PEER_CHOKE:
        choke(ledger, from);
        break;
    case PEER_HAVE:
        have(ledger, from, message, context);
        break;
    case PEER_BITFIELD:
    case PEER_HAVE_ALL:
    case PEER_HAVE_NONE:
        announce(ledger, from, message, context);
        break;
    case PEER_REQUEST:
        request(ledger, from, message, context);
        break;
    case PEER_PIECE:
        piece(ledger, from, message, context);
        break;
    case PEER_CANCEL:
        cancel(ledger, from, message, context);
        break;
    case PEER_REJECT_REQUEST:
        reject(ledger, from, message, context);
        break;
    case PEER_SUGGEST_PIECE:
    case PEER_ALLOWED_FAST:
        piece_set_put(&ledger->peers[from].advised, message->index, true);
        break;
    default:
        break;
    }
}

/* What a sender should not have said (BEP 54, what a sender does; BEP 6). */
static void
judge_sender(struct ledger *ledger, struct ledger_peer *owner, struct message_note *note)
{
    uint32_t               index = note->extended->donthave->piece;
    struct disowned_piece *state = disowned_pieces_find(&owner->disowned, index);

    if (ledger->piece_bound > 0 && index >= ledger->piece_bound)
        notes_add_finding(ledger->notes, note, FINDING_OUT_OF_RANGE,
                          "DontHave for piece %u, but the torrent has at most %u pieces, by the Bitfield (BEP 3)",
                          index, ledger->piece_bound);
    else if (state != NULL && heard_since(owner, state->last_in))
        notes_add_finding(ledger->notes, note, FINDING_REDUNDANT,
                          "DontHave for piece %u, which its sender disowned in frame %u already; BEP 54: it is for "
                          "pieces that were announced", index, state->donthave_in);
    else if (owner->from_start && !owner->announced)
        notes_add_finding(ledger->notes, note, FINDING_BEFORE_AVAILABILITY,
                          "DontHave for piece %u before any Bitfield, Have, Have All or Have None of its sender; "
                          "BEP 54: it is for pieces that were announced", index);
    else if ((owner->from_start || owner->knows_all) && !piece_set_has(&owner->have, index))
        notes_add_finding(ledger->notes, note, FINDING_REDUNDANT,
                          "DontHave for piece %u, which its sender had not advertised; BEP 54: it is for pieces "
                          "that were announced", index);

    if (piece_set_has(&owner->advised, index))
        notes_add_finding(ledger->notes, note, FINDING_CONTRADICTS_ADVICE,
                          "DontHave for piece %u, which its sender had suggested or put in the Allowed Fast set",
                          index);
}

/* More DontHaves than a new Bitfield would cost. */
static void
judge_storm(struct ledger *ledger, struct ledger_peer *owner, struct message_note *note,
            const struct message_context *context)
{
    if (owner->donthave_times == NULL)
        owner->donthave_times = wmem_alloc_array(ledger->scope, int64_t, STORM_DONTHAVES);

    int64_t *slot = &owner->donthave_times[owner->donthaves % STORM_DONTHAVES];
    if (owner->donthaves >= STORM_DONTHAVES && context->time - *slot <= NS_PER_S && !owner->storm_told) {
        owner->storm_told = true;
        notes_add_finding(ledger->notes, note, FINDING_STORM,
                          "More than %d DontHaves within a second; a new Bitfield would be shorter",
                          STORM_DONTHAVES);
    }
    *slot = context->time;
    owner->donthaves++;
}

static int
compare_frames(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorts the frames of the requests and keeps each once. */
static void
settle_request_frames(struct donthave_note *donthave)
{
    uint32_t kept = 0;

    if (donthave->requests == 0)
        return;
    qsort(donthave->request_frames, donthave->requests, sizeof *donthave->request_frames, compare_frames);
    for (uint32_t i = 0; i < donthave->requests; i++) {
        if (i == 0 || donthave->request_frames[i] != donthave->request_frames[i - 1])
            donthave->request_frames[kept++] = donthave->request_frames[i];
    }
    donthave->request_frame_count = kept;
}

/* One outstanding request for the piece. */
static void
invalidate(struct ledger *ledger, enum peer_side asker, struct request *entry, struct message_note *note,
           const struct message_context *context)
{
    struct message_note *request_note = notes_get_at(ledger->notes, asker, entry->frame, entry->position,
                                                     PEER_PREFIX_SIZE + 13);
    struct block_note   *block = wmem_new0(ledger->scope, struct block_note);

    block->piece = entry->piece;
    block->begin = entry->begin;
    block->length = entry->length;
    block->donthave_in = context->frame;
    block->time = context->time - entry->time;
    block->unanswered = ledger->fast;
    request_note->time = entry->time;
    request_note->invalidated = block;
    notes_add_finding(ledger->notes, request_note, FINDING_INVALIDATED,
                      "The DontHave in frame %u invalidated this Request after %.3f s", context->frame,
                      seconds(block->time));
    entry->state = ledger->fast ? REQUEST_AWAITS_REJECT : REQUEST_DROPPED;
    entry->invalidated = block;
    entry->donthave = note;
}

void
ledger_donthave(struct ledger *ledger, enum peer_side from, struct message_note *note,
                const struct message_context *context)
{
    struct donthave_note *donthave = note->extended->donthave;
    struct ledger_peer   *owner = &ledger->peers[from];
    struct request_table *requests = &ledger->peers[other_side(from)].requests;
    struct request       *entry = NULL;
    uint32_t              room = 0;

    judge_sender(ledger, owner, note);
    judge_storm(ledger, owner, note, context);

    while ((entry = request_table_next_of_piece(requests, donthave->piece, entry)) != NULL) {
        if (entry->state != REQUEST_OUTSTANDING)
            continue;                   /* invalidated once is enough */
        if (donthave->requests == room) {
            room = MAX(8, 2 * room);
            donthave->request_frames = (uint32_t *)wmem_realloc(ledger->scope, donthave->request_frames,
                                                                room * sizeof *donthave->request_frames);
        }
        donthave->request_frames[donthave->requests++] = entry->frame;
        donthave->bytes += entry->length;
        invalidate(ledger, other_side(from), entry, note, context);
    }
    settle_request_frames(donthave);
    donthave->unrejected = ledger->fast ? donthave->requests : 0;
    if (donthave->requests > 0)
        notes_add_finding(ledger->notes, note, FINDING_INVALIDATED, "Piece %u: %u request%s (%" PRIu64 " bytes) %s",
                          donthave->piece, donthave->requests, donthave->requests == 1 ? "" : "s", donthave->bytes,
                          ledger->fast ? "invalidated; BEP 54: each is to be rejected" : "dropped silently (BEP 54)");

    piece_set_put(&owner->have, donthave->piece, false);
    piece_set_put(&owner->advised, donthave->piece, false);
    disown(ledger, owner, donthave->piece, note, context);
}
