/* summary_words.h
 * What a peer's DontHaves did on one connection, counted and in words.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SUMMARY_WORDS_H
#define SUMMARY_WORDS_H

#include "peer/ws_compat.h"

#include "core/donthave/donthave_note.h"

/* All zero: nothing happened. Of the peer that sends the DontHaves, and of the other one's Requests to it. */
struct summary {
    uint32_t    donthaves;
    uint32_t    without_effect; /* DontHaves that are not four bytes */
    uint32_t    requests;       /* that they invalidated */
    uint64_t    bytes;          /* sum of the lengths of those */
    uint32_t    dropped;        /* of requests: without Fast no answer is due, and none came */
    uint32_t    rejected;       /* of requests */
    uint32_t    never_rejected; /* of requests: Fast, and nothing answered them */
    uint32_t    late_requests;  /* for pieces that it disowned */
    uint32_t    crossed;        /* of late_requests: on their way already */
    uint32_t    late_blocks;
    uint32_t    announced_again; /* pieces, each time */
    GHashTable *late_by_piece;   /* piece -> how many late requests; NULL: none */
    uint32_t    worst_piece;     /* of those: the one with the most, the first such */
    uint32_t    worst_count;
    GPtrArray  *kinds;  /* const struct finding_kind *, in the order of first sight; NULL: none */
    GArray     *counts; /* uint32_t, of the same */
};

void summary_free(struct summary *summary);

void summary_add_donthave(struct summary *summary, const struct donthave_note *donthave);
void summary_add_late_request(struct summary *summary, const struct donthave_block *block);

/* Whether a kind of finding is told, and not in other words already; whose row it belongs to. */
bool summary_wants(const struct finding_kind *kind);
bool summary_is_by_asker(const struct finding_kind *kind);
void summary_add_finding(struct summary *summary, const struct finding_kind *kind);

/* The worse, the higher: Errors come before Warns before the rest, and many before few. */
uint64_t summary_rank(const struct summary *summary);

/* "130 requests invalidated, all rejected; 152 requests for 6 pieces after they were disowned, piece 2: 51". For
 * g_free(). */
char *summary_in_words(const struct summary *summary);

#endif
