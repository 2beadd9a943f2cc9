/* table_requests.c
 * -z bt.donthave,requests: a row for each Request that a DontHave invalidated, or that came late, for a disowned piece.
 * One that came late and was invalidated by another DontHave is one row.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/stat_tables.h"

enum column {
    COLUMN_ASKER,
    COLUMN_OWNER,
    COLUMN_PIECE,
    COLUMN_BEGIN,
    COLUMN_LENGTH,
    COLUMN_REQUESTED_IN,
    COLUMN_DISOWNED_IN,
    COLUMN_CROSSED,
    COLUMN_INVALIDATED_IN,
    COLUMN_REJECTED_IN,
    COLUMN_ASKED_AGAIN,
    COLUMN_OUTCOME,
    COLUMN_COUNT
};

static stat_tap_table_item columns[] = {
    [COLUMN_ASKER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Asked by", "%s" },
    [COLUMN_OWNER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Disowned by", "%s" },
    [COLUMN_PIECE] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Piece", "%u" },
    [COLUMN_BEGIN] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Begin", "%u" },
    [COLUMN_LENGTH] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Length", "%u" },
    [COLUMN_REQUESTED_IN] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Requested in", "%u" },
    [COLUMN_DISOWNED_IN] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Disowned in", "%s" },
    [COLUMN_CROSSED] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Crossed", "%s" },
    [COLUMN_INVALIDATED_IN] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Invalidated in", "%s" },
    [COLUMN_REJECTED_IN] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Rejected in", "%s" },
    [COLUMN_ASKED_AGAIN] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Asked again in", "%s" },
    [COLUMN_OUTCOME] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Outcome", "%s" },
};

/* requested: the fact is the Request itself, else its DontHave. */
static unsigned
add_row(struct stat_rows *rows, const struct donthave_fact *fact, const struct row_key *key, uint32_t length,
        uint32_t requested_in, bool requested)
{
    unsigned row = stat_rows_add(rows, &donthave_requests_table, fact->chosen);

    cell_text(rows, row, COLUMN_ASKER, requested ? fact->sender : fact->receiver);
    cell_text(rows, row, COLUMN_OWNER, requested ? fact->receiver : fact->sender);
    cell_count(rows, row, COLUMN_PIECE, key->piece);
    cell_count(rows, row, COLUMN_BEGIN, key->begin);
    cell_count(rows, row, COLUMN_LENGTH, length);
    cell_count(rows, row, COLUMN_REQUESTED_IN, requested_in);
    stat_rows_remember(rows, key, row);
    return row;
}

static const char *
outcome_of(const struct donthave_invalidated *request)
{
    if (request->rejected_in != 0)
        return "rejected";
    if (!request->by->fast)
        return "dropped";
    return request->unanswered ? "never rejected" : "asked again or served before its Reject";
}

/* The Requests that a DontHave invalidated. */
static void
fold_donthave(struct stat_rows *rows, const struct donthave_fact *fact)
{
    const struct donthave_note *donthave = (const struct donthave_note *)fact->detail;

    for (const struct donthave_invalidated *request = donthave->invalidated; request != NULL;
         request = request->next) {
        struct row_key key = { fact->connection, other_side(fact->from), donthave->piece, request->begin };
        unsigned       row;
        if (!stat_rows_find(rows, &key, &row)
            || cell_get_count(rows, row, COLUMN_REQUESTED_IN) != request->request_in)
            row = add_row(rows, fact, &key, request->length, request->request_in, false);
        else
            g_array_index(rows->meta, struct row_meta, row).chosen |= fact->chosen;
        cell_optional(rows, row, COLUMN_INVALIDATED_IN, true, fact->frame);
        cell_optional(rows, row, COLUMN_REJECTED_IN, request->rejected_in != 0, request->rejected_in);
        cell_text(rows, row, COLUMN_OUTCOME, outcome_of(request));
    }
}

static void
fold_late_request(struct stat_rows *rows, const struct donthave_fact *fact)
{
    const struct donthave_block *block = (const struct donthave_block *)fact->detail;
    struct row_key               key = { fact->connection, fact->from, block->piece, block->begin };
    unsigned                     before;

    if (stat_rows_find(rows, &key, &before))
        cell_optional(rows, before, COLUMN_ASKED_AGAIN, true, fact->frame);
    unsigned row = add_row(rows, fact, &key, block->length, fact->frame, true);
    cell_optional(rows, row, COLUMN_DISOWNED_IN, true, block->donthave_in);
    cell_text(rows, row, COLUMN_CROSSED, block->crossed ? "yes" : "no");
    cell_optional(rows, row, COLUMN_REJECTED_IN, block->rejected_in != 0, block->rejected_in);
    cell_text(rows, row, COLUMN_OUTCOME, block->rejected_in != 0 ? "rejected" : "");
}

const struct donthave_table donthave_requests_table = {
    .name = "requests",
    .title = "BitTorrent DontHave requests",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .fold = {
        [DONTHAVE_TAP_DONTHAVE] = fold_donthave,
        [DONTHAVE_TAP_LATE_REQUEST] = fold_late_request,
    },
};
