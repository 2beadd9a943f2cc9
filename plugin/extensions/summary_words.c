/* summary_words.c
 * A connection in words, see summary_words.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/summary_words.h"

#include "core/donthave/donthave_findings.h"

void
summary_free(struct summary *summary)
{
    if (summary->late_by_piece != NULL)
        g_hash_table_destroy(summary->late_by_piece);
    if (summary->kinds != NULL) {
        g_ptr_array_free(summary->kinds, TRUE);
        g_array_free(summary->counts, TRUE);
    }
}

/* --- counting --- */

void
summary_add_donthave(struct summary *summary, const struct donthave_note *donthave)
{
    uint32_t rejected = donthave_rejected(donthave);

    summary->donthaves++;
    summary->without_effect += !donthave->takes_effect;
    summary->requests += donthave->requests;
    summary->bytes += donthave_bytes(donthave);
    summary->never_rejected += donthave->unrejected;
    summary->rejected += rejected;
    if (!donthave->fast)
        summary->dropped += donthave->requests - rejected;
}

void
summary_add_late_request(struct summary *summary, const struct donthave_block *block)
{
    if (summary->late_by_piece == NULL)
        summary->late_by_piece = g_hash_table_new(NULL, NULL);

    void    *piece = GUINT_TO_POINTER(block->piece);
    uint32_t count = GPOINTER_TO_UINT(g_hash_table_lookup(summary->late_by_piece, piece)) + 1;
    g_hash_table_insert(summary->late_by_piece, piece, GUINT_TO_POINTER(count));
    summary->late_requests++;
    summary->crossed += block->crossed;
    if (count > summary->worst_count) {
        summary->worst_piece = block->piece;
        summary->worst_count = count;
    }
}

bool
summary_wants(const struct finding_kind *kind)
{
    const struct donthave_findings  *all = &donthave_findings;
    const struct finding_kind *const told[] = {
        &all->invalidated, &all->unrejected,        &all->late_request, &all->late_request_crossed,
        &all->reannounced, &all->reannounced_often, &all->late_block,
    };

    if (kind < (const struct finding_kind *)all || kind >= (const struct finding_kind *)(all + 1))
        return false; /* bt.peer's */
    for (unsigned i = 0; i < G_N_ELEMENTS(told); i++) {
        if (kind == told[i])
            return false;
    }
    return true;
}

bool
summary_is_by_asker(const struct finding_kind *kind)
{
    return kind == &donthave_findings.rerequest || kind == &donthave_findings.cancel_after;
}

void
summary_add_finding(struct summary *summary, const struct finding_kind *kind)
{
    uint32_t none = 0;
    unsigned i = 0;

    if (summary->kinds == NULL) {
        summary->kinds = g_ptr_array_new();
        summary->counts = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    }
    while (i < summary->kinds->len && g_ptr_array_index(summary->kinds, i) != kind)
        i++;
    if (i == summary->kinds->len) {
        g_ptr_array_add(summary->kinds, (void *)(uintptr_t)kind);
        g_array_append_val(summary->counts, none);
    }
    g_array_index(summary->counts, uint32_t, i)++;
}

uint64_t
summary_rank(const struct summary *summary)
{
    uint64_t by_severity[FINDING_ERROR + 1] = { 0 };

    by_severity[FINDING_WARN] = summary->never_rejected + summary->late_requests - summary->crossed;
    by_severity[FINDING_NOTE] = summary->requests + summary->late_blocks;
    for (unsigned i = 0; summary->kinds != NULL && i < summary->kinds->len; i++) {
        const struct finding_kind *kind = (const struct finding_kind *)g_ptr_array_index(summary->kinds, i);
        by_severity[kind->severity] += g_array_index(summary->counts, uint32_t, i);
    }
    return MIN(by_severity[FINDING_ERROR], 0xFFFF) << 48 | MIN(by_severity[FINDING_WARN], 0xFFFFFF) << 24
           | MIN(by_severity[FINDING_NOTE], 0xFFFFFF);
}

/* --- words --- */

static const char *
plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static void
begin_phrase(GString *words)
{
    if (words->len > 0)
        g_string_append(words, "; ");
}

static void
tell_requests(GString *words, const struct summary *summary)
{
    uint32_t due = summary->requests - summary->dropped;
    uint32_t otherwise = due - MIN(due, summary->rejected + summary->never_rejected);

    if (summary->donthaves == 0)
        return;
    if (summary->requests == 0) {
        g_string_append_printf(words, "%u DontHave%s, no request invalidated", summary->donthaves,
                               plural(summary->donthaves));
        return;
    }
    g_string_append_printf(words, "%u request%s invalidated", summary->requests, plural(summary->requests));
    if (summary->dropped > 0)
        g_string_append_printf(
            words, summary->dropped == summary->requests ? ", dropped without Fast" : ", %u dropped without Fast",
            summary->dropped);
    if (due > 0 && summary->rejected == summary->requests) {
        g_string_append(words, summary->requests == 1 ? ", rejected" : ", all rejected");
        return;
    }
    if (summary->rejected > 0)
        g_string_append_printf(words, ", %u rejected", summary->rejected);
    if (summary->never_rejected > 0)
        g_string_append_printf(words, ", %u never rejected", summary->never_rejected);
    if (otherwise > 0)
        g_string_append_printf(words, ", %u asked again or served before their Reject", otherwise);
}

static void
tell_late_requests(GString *words, const struct summary *summary)
{
    if (summary->late_requests == 0)
        return;

    unsigned pieces = g_hash_table_size(summary->late_by_piece);
    begin_phrase(words);
    if (pieces == 1)
        g_string_append_printf(words, "%u request%s for piece %u after it was disowned", summary->late_requests,
                               plural(summary->late_requests), summary->worst_piece);
    else
        g_string_append_printf(words, "%u requests for %u pieces after they were disowned, piece %u: %u",
                               summary->late_requests, pieces, summary->worst_piece, summary->worst_count);
    if (summary->crossed > 0)
        g_string_append_printf(words, " (%u crossed the DontHave)", summary->crossed);
}

static void
tell_findings(GString *words, const struct summary *summary, enum finding_severity severity)
{
    for (unsigned i = 0; summary->kinds != NULL && i < summary->kinds->len; i++) {
        const struct finding_kind *kind = (const struct finding_kind *)g_ptr_array_index(summary->kinds, i);
        if (kind->severity != severity)
            continue;
        begin_phrase(words);
        g_string_append_printf(words, "%s (%u)", kind->summary, g_array_index(summary->counts, uint32_t, i));
    }
}

char *
summary_in_words(const struct summary *summary)
{
    GString *words = g_string_new(NULL);

    tell_requests(words, summary);
    tell_late_requests(words, summary);
    tell_findings(words, summary, FINDING_ERROR);
    tell_findings(words, summary, FINDING_WARN);
    if (summary->late_blocks > 0) {
        begin_phrase(words);
        g_string_append_printf(words, "%u block%s of disowned pieces", summary->late_blocks,
                               plural(summary->late_blocks));
    }
    tell_findings(words, summary, FINDING_NOTE);
    tell_findings(words, summary, FINDING_CHAT);
    if (summary->announced_again > 0) {
        begin_phrase(words);
        g_string_append_printf(words, "%u piece%s announced again", summary->announced_again,
                               plural(summary->announced_again));
    }
    return g_string_free(words, FALSE);
}
