/* table_summary.c
 * -z bt.donthave,summary: a row for each direction of a connection with a DontHave, or with something wrong around it;
 * the worst first.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/stat_tables.h"

#include <string.h>

#include "extensions/summary_words.h"

enum column {
    COLUMN_SENDER,
    COLUMN_RECEIVER,
    COLUMN_DONTHAVES,
    COLUMN_REQUESTS,
    COLUMN_BYTES,
    COLUMN_REJECTED,
    COLUMN_NEVER_REJECTED,
    COLUMN_LATE_REQUESTS,
    COLUMN_CROSSED,
    COLUMN_LATE_BLOCKS,
    COLUMN_ANNOUNCED_AGAIN,
    COLUMN_WORDS,
    COLUMN_COUNT
};

static stat_tap_table_item columns[] = {
    [COLUMN_SENDER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Sender", "%s" },
    [COLUMN_RECEIVER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Receiver", "%s" },
    [COLUMN_DONTHAVES] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "DontHaves", "%u" },
    [COLUMN_REQUESTS] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Requests", "%u" },
    [COLUMN_BYTES] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Bytes", "%s" },
    [COLUMN_REJECTED] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Rejected", "%u" },
    [COLUMN_NEVER_REJECTED] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Never rejected", "%u" },
    [COLUMN_LATE_REQUESTS] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Late requests", "%u" },
    [COLUMN_CROSSED] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Late, crossed", "%u" },
    [COLUMN_LATE_BLOCKS] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Late blocks", "%u" },
    [COLUMN_ANNOUNCED_AGAIN] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Announced again", "%u" },
    [COLUMN_WORDS] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "In words", "%s" },
};

/* What is behind a row. */
struct summary_row {
    struct summary summary;
    bool           changed; /* since its cells were written */
};

/* struct stat_rows.more: */
struct summaries {
    GPtrArray *rows;    /* struct summary_row *, by row */
    GArray    *changed; /* numbers of rows */
};

static void
free_summary(void *data)
{
    struct summary_row *row = (struct summary_row *)data;

    summary_free(&row->summary);
    g_free(row);
}

static void
free_summaries(void *more)
{
    struct summaries *summaries = (struct summaries *)more;

    if (summaries == NULL)
        return;
    g_ptr_array_free(summaries->rows, TRUE);
    g_array_free(summaries->changed, TRUE);
    g_free(summaries);
}

/* The row of a connection and of the peer that sends DontHaves there, made where there is none. */
static struct summary *
summary_of(struct stat_rows *rows, const struct donthave_fact *fact, enum peer_side owner)
{
    struct summaries *summaries = (struct summaries *)rows->more;
    struct row_key    key = { fact->connection, owner, 0, 0 };
    unsigned          number;

    if (summaries == NULL) {
        rows->more = summaries = g_new0(struct summaries, 1);
        summaries->rows = g_ptr_array_new_with_free_func(free_summary);
        summaries->changed = g_array_new(FALSE, FALSE, sizeof(unsigned));
    }
    if (!stat_rows_find(rows, &key, &number)) {
        number = stat_rows_add(rows, &donthave_summary_table, true);
        stat_rows_remember(rows, &key, number);
        g_ptr_array_add(summaries->rows, g_new0(struct summary_row, 1));
        cell_text(rows, number, COLUMN_SENDER, fact->from == owner ? fact->sender : fact->receiver);
        cell_text(rows, number, COLUMN_RECEIVER, fact->from == owner ? fact->receiver : fact->sender);
    }

    struct summary_row *row = (struct summary_row *)g_ptr_array_index(summaries->rows, number);
    if (!row->changed)
        g_array_append_val(summaries->changed, number);
    row->changed = true;
    return &row->summary;
}

static void
fold_donthave(struct stat_rows *rows, const struct donthave_fact *fact)
{
    summary_add_donthave(summary_of(rows, fact, fact->from), (const struct donthave_note *)fact->detail);
}

static void
fold_late_request(struct stat_rows *rows, const struct donthave_fact *fact)
{
    summary_add_late_request(summary_of(rows, fact, other_side(fact->from)),
                             (const struct donthave_block *)fact->detail);
}

static void
fold_late_block(struct stat_rows *rows, const struct donthave_fact *fact)
{
    summary_of(rows, fact, fact->from)->late_blocks++;
}

static void
fold_reannounced(struct stat_rows *rows, const struct donthave_fact *fact)
{
    summary_of(rows, fact, fact->from)->announced_again++;
}

/* What is wrong with a message belongs to the row of its sender, or where a Request is wrong, of the other. */
static void
fold_findings(struct stat_rows *rows, const struct donthave_fact *fact)
{
    for (const struct finding *finding = *fact->findings; finding != NULL; finding = finding->next) {
        if (summary_wants(finding->kind))
            summary_add_finding(
                summary_of(rows, fact, summary_is_by_asker(finding->kind) ? other_side(fact->from) : fact->from),
                finding->kind);
    }
}

static void
write_row(struct stat_rows *rows, unsigned row, const struct summary *summary)
{
    char *words = summary_in_words(summary);

    cell_count(rows, row, COLUMN_DONTHAVES, summary->donthaves);
    cell_count(rows, row, COLUMN_REQUESTS, summary->requests);
    cell_optional(rows, row, COLUMN_BYTES, true, summary->bytes);
    cell_count(rows, row, COLUMN_REJECTED, summary->rejected);
    cell_count(rows, row, COLUMN_NEVER_REJECTED, summary->never_rejected);
    cell_count(rows, row, COLUMN_LATE_REQUESTS, summary->late_requests);
    cell_count(rows, row, COLUMN_CROSSED, summary->crossed);
    cell_count(rows, row, COLUMN_LATE_BLOCKS, summary->late_blocks);
    cell_count(rows, row, COLUMN_ANNOUNCED_AGAIN, summary->announced_again);
    cell_text(rows, row, COLUMN_WORDS, words);
    g_array_index(rows->meta, struct row_meta, row).rank = summary_rank(summary);
    g_free(words);
}

static void
settle(struct stat_rows *rows)
{
    struct summaries *summaries = (struct summaries *)rows->more;

    if (summaries == NULL)
        return;
    for (unsigned i = 0; i < summaries->changed->len; i++) {
        unsigned            number = g_array_index(summaries->changed, unsigned, i);
        struct summary_row *row = (struct summary_row *)g_ptr_array_index(summaries->rows, number);
        write_row(rows, number, &row->summary);
        row->changed = false;
    }
    g_array_set_size(summaries->changed, 0);
}

const struct donthave_table donthave_summary_table = {
    .name = "summary",
    .title = "BitTorrent DontHave summary",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .only_chosen = true,
    .fold = {
        [DONTHAVE_TAP_DONTHAVE] = fold_donthave,
        [DONTHAVE_TAP_LATE_REQUEST] = fold_late_request,
        [DONTHAVE_TAP_LATE_BLOCK] = fold_late_block,
        [DONTHAVE_TAP_REANNOUNCED] = fold_reannounced,
        [DONTHAVE_TAP_FINDINGS] = fold_findings,
    },
    .settle = settle,
    .free = free_summaries,
};
