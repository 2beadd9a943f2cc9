/* utp_hole.c
 * What comes after a hole in RC4 over uTP, see utp_hole.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_hole.h"

#include <string.h>

struct utp_hole *
utp_hole_new(wmem_allocator_t *scope, mse_key_stream *key_stream, void *source, uint64_t next_seq,
             uint64_t next_offset, uint32_t longest)
{
    struct utp_hole *hole = wmem_new0(scope, struct utp_hole);

    hole->scope = scope;
    hole->realign = mse_realign_new(scope, key_stream, source);
    hole->next_seq = next_seq;
    hole->next_offset = next_offset;
    hole->longest = longest;
    hole->credit = UTP_HOLE_CREDIT_MIN;
    return hole;
}

/* Takes the first packet out of those that are kept. */
static struct utp_kept *
unlink_first(struct utp_hole *hole)
{
    struct utp_kept *first = hole->kept;

    hole->kept = first->next;
    if (hole->kept == NULL)
        hole->last = NULL;
    if (hole->run == first)
        hole->run = hole->kept;
    hole->count--;
    hole->bytes -= first->chunk.bytes.reported;
    return first;
}

void
utp_hole_free(struct utp_hole *hole)
{
    while (hole->kept != NULL)
        wmem_free(hole->scope, unlink_first(hole));
    mse_realign_free(hole->realign);
    wmem_free(hole->scope, hole);
}

void
utp_hole_set_boundary(struct utp_hole *hole, uint64_t boundary)
{
    hole->has_boundary = true;
    hole->boundary = boundary;
}

/* --- the search --- */

/* Finds out where the last run begins, and what came before it. */
static void
find_run(struct utp_hole *hole)
{
    hole->run = hole->kept;
    hole->present = hole->dropped;
    hole->present_bytes = hole->dropped_bytes;
    if (hole->kept == NULL)
        return;

    uint64_t present = hole->present, bytes = hole->present_bytes;
    for (struct utp_kept *one = hole->kept; one->next != NULL; one = one->next) {
        present++;
        bytes += one->chunk.bytes.reported;
        if (one->next->seq != one->seq + 1) {
            hole->run = one->next;
            hole->present = present;
            hole->present_bytes = bytes;
        }
    }
}

/* Packets that are missing before the last run. */
static uint64_t
missing_before_run(const struct utp_hole *hole)
{
    uint64_t before = hole->run->seq - hole->next_seq;

    return before > hole->present ? before - hole->present : 0;
}

/* It is known where the last run stands: what is kept before it is dropped, and it is read next. */
static void
resume(struct utp_hole *hole, uint64_t offset)
{
    if (missing_before_run(hole) > 0)
        hole->former[hole->former_next++ % UTP_HOLE_FORMER_MAX] = (struct utp_former_hole){
            .first_seq = hole->next_seq,
            .last_seq = hole->run->seq,
            .first_offset = hole->next_offset,
            .last_offset = offset
        };
    hole->missing += missing_before_run(hole);
    hole->unreadable += hole->present;
    while (hole->kept != hole->run)
        wmem_free(hole->scope, unlink_first(hole));
    hole->next_seq = hole->run->seq;
    hole->next_offset = offset;
    hole->present = hole->present_bytes = hole->dropped = hole->dropped_bytes = 0;
    hole->has_boundary = false;
}

/* Reads further in the last run, from one of its packets on. */
static void
search(struct utp_hole *hole, const struct utp_kept *from)
{
    uint64_t offset;

    for (; hole->searching && from != NULL; from = from->next) {
        switch (mse_realign_add(hole->realign, from->chunk.bytes.data, from->chunk.bytes.captured,
                                from->chunk.bytes.reported, &offset, &hole->message)) {
        case MSE_YES:
            hole->searching = false;
            hole->has_message = true;
            resume(hole, offset);
            return;
        case MSE_NO:
            hole->searching = false;
            hole->given_up = true;
            return;
        case MSE_MORE:
            break;
        }
    }
}

/* The last run is another one than before: it is searched from its start. */
static void
begin_search(struct utp_hole *hole)
{
    uint64_t                 missing = missing_before_run(hole), cost;
    struct mse_realign_range range = {
        .lowest = hole->next_offset + hole->present_bytes + missing,
        .likely = hole->next_offset + hole->present_bytes + missing * hole->longest,
        .has_boundary = hole->has_boundary,
        .boundary = hole->boundary,
    };

    if (missing == 0) {
        resume(hole, range.lowest);
        return;
    }
    hole->searching = false;
    if (missing > UTP_HOLE_MISSING_MAX) {
        hole->given_up = true;
        return;
    }
    range.highest = MAX(range.likely,
                        range.lowest + MIN(missing * (UTP_HOLE_PACKET_SIZE - 1), MSE_REALIGN_RANGE_MAX));
    cost = MIN(range.highest - range.lowest, MSE_REALIGN_RANGE_MAX) + hole->bytes;
    if (cost > hole->credit)
        return;
    hole->credit -= cost;
    hole->searching = true;
    mse_realign_begin(hole->realign, &range);
    search(hole, hole->run);
}

/* --- what is kept --- */

/* Nothing in the last run told where it stands, and it has become too long: what follows it is the next run. */
static void
drop_all(struct utp_hole *hole)
{
    hole->full = true;
    while (hole->kept != NULL) {
        struct utp_kept *first = unlink_first(hole);

        hole->present++;
        hole->present_bytes += first->chunk.bytes.reported;
        wmem_free(hole->scope, first);
    }
    hole->run = NULL;
    hole->dropped = hole->present;
    hole->dropped_bytes = hole->present_bytes;
}

static struct utp_kept *
copy_of(const struct utp_hole *hole, uint64_t seq, const struct feed_chunk *chunk)
{
    uint32_t         captured = chunk->bytes.captured;
    struct utp_kept *kept = (struct utp_kept *)wmem_alloc(hole->scope, sizeof *kept + captured);

    kept->next = NULL;
    kept->seq = seq;
    kept->chunk = *chunk;
    kept->chunk.bytes.data = (const uint8_t *)(kept + 1);
    kept->chunk.lacking = NULL;
    if (captured > 0)
        memcpy(kept + 1, chunk->bytes.data, captured);
    return kept;
}

void
utp_hole_add(struct utp_hole *hole, uint64_t seq, int64_t time, const struct feed_chunk *chunk)
{
    struct utp_kept **link = &hole->kept, *kept;

    if (hole->given_up || seq < hole->next_seq)
        return;
    if (hole->count == UTP_HOLE_PACKETS_MAX || hole->bytes + chunk->bytes.reported > MSE_REALIGN_RUN_MAX) {
        /* The sizes of those before the run are counted in present already, those of the run are not. */
        while (hole->kept != hole->run)
            wmem_free(hole->scope, unlink_first(hole));
        drop_all(hole);
    }
    if (hole->last != NULL && seq > hole->last->seq) {
        link = &hole->last->next;
    } else {
        while (*link != NULL && (*link)->seq < seq)
            link = &(*link)->next;
    }
    if (*link != NULL && (*link)->seq == seq)
        return;
    kept = copy_of(hole, seq, chunk);
    kept->time = time;
    kept->next = *link;
    *link = kept;

    bool                   at_end = kept->next == NULL;
    bool                   goes_on = at_end && hole->last != NULL && hole->last->seq + 1 == seq;
    const struct utp_kept *run = hole->run;

    if (at_end)
        hole->last = kept;
    hole->count++;
    hole->bytes += chunk->bytes.reported;
    hole->longest = MAX(hole->longest, chunk->bytes.reported);
    hole->credit += (uint64_t)UTP_HOLE_CREDIT * chunk->bytes.reported;
    if (!goes_on)
        find_run(hole);
    if (hole->kept->seq == hole->next_seq)
        return;
    /* One before the run only narrows the range, unless nothing is missing any more. */
    if (goes_on)
        search(hole, kept);
    else if (hole->run != run || missing_before_run(hole) == 0)
        begin_search(hole);
}

struct utp_kept *
utp_hole_next(struct utp_hole *hole)
{
    if (hole->kept == NULL || hole->kept->seq != hole->next_seq)
        return NULL;
    return unlink_first(hole);
}

void
utp_hole_pass(struct utp_hole *hole, uint32_t reported)
{
    hole->next_seq++;
    hole->next_offset += reported;
    hole->longest = MAX(hole->longest, reported);
    hole->missing = hole->unreadable = 0;
    hole->has_message = hole->has_message && hole->message >= hole->next_offset;
    mse_realign_forget(hole->realign, hole->next_offset);
    if (hole->kept != NULL && hole->kept->seq != hole->next_seq) {
        find_run(hole);
        begin_search(hole);
    }
}

bool
utp_hole_place_late(struct utp_hole *hole, uint64_t seq, uint32_t reported, uint64_t *offset)
{
    for (unsigned i = 0; i < UTP_HOLE_FORMER_MAX; i++) {
        struct utp_former_hole *former = &hole->former[i];
        uint64_t                size = former->last_offset - former->first_offset;
        bool                    only = former->last_seq - former->first_seq == 1;

        if (seq < former->first_seq || seq >= former->last_seq)
            continue;
        if (reported > size || (only && reported != size))
            return false;
        if (seq == former->first_seq) {
            *offset = former->first_offset;
            former->first_seq++;
            former->first_offset += reported;
            return true;
        }
        if (seq + 1 == former->last_seq) {
            former->last_seq--;
            former->last_offset -= reported;
            *offset = former->last_offset;
            return true;
        }
        return false;
    }
    return false;
}

struct utp_kept *
utp_hole_give_up(struct utp_hole *hole)
{
    hole->given_up = true;
    return hole->kept != NULL ? unlink_first(hole) : NULL;
}
