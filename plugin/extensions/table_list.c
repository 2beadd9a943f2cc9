/* table_list.c
 * -z bt.donthave,list: a row for each DontHave.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/stat_tables.h"

#include <string.h>

#include "core/donthave/donthave_findings.h"

enum column {
    COLUMN_FRAME,
    COLUMN_TIME,
    COLUMN_SENDER,
    COLUMN_RECEIVER,
    COLUMN_PIECE,
    COLUMN_ID,
    COLUMN_FAST,
    COLUMN_REQUESTS,
    COLUMN_BYTES,
    COLUMN_REJECTED,
    COLUMN_NEVER_REJECTED,
    COLUMN_ASKED_AGAIN,
    COLUMN_FINDINGS,
    COLUMN_COUNT
};

static stat_tap_table_item columns[] = {
    [COLUMN_FRAME] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Frame", "%u" },
    [COLUMN_TIME] = { TABLE_ITEM_FLOAT, TAP_ALIGN_RIGHT, "Time", "%.6f" },
    [COLUMN_SENDER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Sender", "%s" },
    [COLUMN_RECEIVER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Receiver", "%s" },
    [COLUMN_PIECE] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Piece", "%s" },
    [COLUMN_ID] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "ID", "%u" },
    [COLUMN_FAST] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Fast", "%s" },
    [COLUMN_REQUESTS] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Requests", "%u" },
    [COLUMN_BYTES] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Bytes", "%s" },
    [COLUMN_REJECTED] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Rejected", "%u" },
    [COLUMN_NEVER_REJECTED] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Never rejected", "%u" },
    [COLUMN_ASKED_AGAIN] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Asked again", "%u" },
    [COLUMN_FINDINGS] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Findings", "%s" },
};

/* The names of what is wrong with the DontHave itself, parted by commas. What it did is in the other columns. */
static char *
findings_of(const struct donthave_fact *fact)
{
    GString *names = g_string_new(NULL);

    for (const struct finding *finding = *fact->findings; finding != NULL; finding = finding->next) {
        const char *name = strrchr(finding->kind->name, '.') + 1;
        if (finding->about == fact->detail && finding->kind != &donthave_findings.invalidated)
            g_string_append_printf(names, "%s%s", names->len > 0 ? "," : "", name);
    }
    return g_string_free(names, FALSE);
}

static void
fold_donthave(struct stat_rows *rows, const struct donthave_fact *fact)
{
    const struct donthave_note *donthave = (const struct donthave_note *)fact->detail;
    unsigned                    row = stat_rows_add(rows, &donthave_list_table, fact->chosen);
    struct row_key              key = { fact->connection, fact->from, donthave->piece, 0 };
    char                       *findings = findings_of(fact);

    cell_count(rows, row, COLUMN_FRAME, fact->frame);
    cell_seconds(rows, row, COLUMN_TIME, fact->time);
    cell_text(rows, row, COLUMN_SENDER, fact->sender);
    cell_text(rows, row, COLUMN_RECEIVER, fact->receiver);
    cell_optional(rows, row, COLUMN_PIECE, donthave->has_index, donthave->piece);
    cell_count(rows, row, COLUMN_ID, fact->extended_id);
    cell_text(rows, row, COLUMN_FAST, donthave->fast ? "yes" : "no");
    cell_count(rows, row, COLUMN_REQUESTS, donthave->requests);
    cell_optional(rows, row, COLUMN_BYTES, true, donthave_bytes(donthave));
    cell_count(rows, row, COLUMN_REJECTED, donthave_rejected(donthave));
    cell_count(rows, row, COLUMN_NEVER_REJECTED, donthave->unrejected);
    cell_text(rows, row, COLUMN_FINDINGS, findings);
    g_free(findings);
    if (donthave->takes_effect)
        stat_rows_remember(rows, &key, row);
}

/* A late Request is put down to the last DontHave for the piece before it. */
static void
fold_late_request(struct stat_rows *rows, const struct donthave_fact *fact)
{
    const struct donthave_block *block = (const struct donthave_block *)fact->detail;
    struct row_key               key = { fact->connection, other_side(fact->from), block->piece, 0 };
    unsigned                     row;

    if (stat_rows_find(rows, &key, &row))
        cell_count(rows, row, COLUMN_ASKED_AGAIN, cell_get_count(rows, row, COLUMN_ASKED_AGAIN) + 1);
}

const struct donthave_table donthave_list_table = {
    .name = "list",
    .title = "BitTorrent DontHave list",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .fold = {
        [DONTHAVE_TAP_DONTHAVE] = fold_donthave,
        [DONTHAVE_TAP_LATE_REQUEST] = fold_late_request,
    },
};
