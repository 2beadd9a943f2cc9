/* packet-lt_donthave.c
 * The protocol bt.donthave: BitTorrent's lt_donthave extension (BEP 54).
 *
 *     <length: 4> <20> <extended id: 1> <piece index: 4>      "I do not have this piece any more"
 *
 * Nothing is decided here: what a message means was found out on the first pass (core/donthave) and hangs on its note.
 * This file shows it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/packet-lt_donthave.h"

#include "peer/ws_compat.h"

#include <epan/packet.h>
#include <epan/prefs.h>
#include <epan/tfs.h>

#include "core/donthave/donthave.h"
#include "core/donthave/donthave_findings.h"
#include "core/donthave/donthave_note.h"
#include "extensions/info_marks.h"
#include "extensions/tap_donthave.h"
#include "extensions/unanswered.h"
#include "peer/expert_rows.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"

#define BT_DONTHAVE_SHORT_NAME "BT-DontHave"
#define DONTHAVE_HEURISTIC     "lt_donthave_bittorrent"

/* Items that one of ours takes at most, with its expert item. */
#define DONTHAVE_ITEMS 20U

static int proto_bt_donthave = -1;

static int hf_bt_donthave_piece_index = -1;
static int hf_bt_donthave_id = -1;
static int hf_bt_donthave_id_assigned_in = -1;
static int hf_bt_donthave_id_assumed = -1;
static int hf_bt_donthave_fast = -1;
static int hf_bt_donthave_requests = -1;
static int hf_bt_donthave_bytes = -1;
static int hf_bt_donthave_request_in = -1;
static int hf_bt_donthave_unrejected = -1;
static int hf_bt_donthave_request = -1;
static int hf_bt_donthave_request_piece_index = -1;
static int hf_bt_donthave_request_begin = -1;
static int hf_bt_donthave_request_length = -1;
static int hf_bt_donthave_request_invalidated_in = -1;
static int hf_bt_donthave_request_time = -1;
static int hf_bt_donthave_request_rejected_in = -1;
static int hf_bt_donthave_late_request = -1;
static int hf_bt_donthave_late_request_piece_index = -1;
static int hf_bt_donthave_late_request_begin = -1;
static int hf_bt_donthave_late_request_length = -1;
static int hf_bt_donthave_late_request_crossed = -1;
static int hf_bt_donthave_late_block = -1;
static int hf_bt_donthave_late_block_piece_index = -1;
static int hf_bt_donthave_late_block_begin = -1;
static int hf_bt_donthave_late_block_length = -1;
static int hf_bt_donthave_reject = -1;
static int hf_bt_donthave_reject_piece_index = -1;
static int hf_bt_donthave_reject_begin = -1;
static int hf_bt_donthave_reject_length = -1;
static int hf_bt_donthave_reject_request_in = -1;
static int hf_bt_donthave_reannounced = -1;
static int hf_bt_donthave_reannounced_piece_index = -1;
static int hf_bt_donthave_disowned_in = -1;
static int hf_bt_donthave_negotiated = -1;

static int ett_bt_donthave = -1;
static int ett_bt_donthave_item = -1;

static struct expert_rows *rows;
static heur_dtbl_entry_t  *donthave_heuristic;
static range_t            *fallback_ids;

/* Where items go. */
struct place {
    tvbuff_t    *tvb; /* the message */
    packet_info *pinfo;
    proto_tree  *tree;
};

static void
add_generated_uint(proto_tree *tree, int hf, tvbuff_t *tvb, uint32_t value)
{
    proto_item_set_generated(proto_tree_add_uint(tree, hf, tvb, 0, 0, value));
}

static void
add_generated_boolean(proto_tree *tree, int hf, tvbuff_t *tvb, bool value)
{
    proto_item_set_generated(proto_tree_add_boolean(tree, hf, tvb, 0, 0, value));
}

/* --- a DontHave --- */

/* The requests that a DontHave invalidated. */
static void
show_requests(const struct donthave_note *donthave, const struct place *place, proto_item *item, proto_tree *tree)
{
    const struct donthave_invalidated *request = donthave->invalidated;
    uint64_t                           bytes = donthave_bytes(donthave);

    add_generated_uint(tree, hf_bt_donthave_requests, place->tvb, donthave->requests);
    proto_item_set_generated(proto_tree_add_uint64(tree, hf_bt_donthave_bytes, place->tvb, 0, 0, bytes));
    for (; request != NULL && bt_peer_may_add(place->pinfo, 1); request = request->next)
        add_generated_uint(tree, hf_bt_donthave_request_in, place->tvb, request->request_in);

    if (donthave->requests > 0)
        proto_item_append_text(item, ", %u request%s (%" PRIu64 " bytes) %s", donthave->requests,
                               donthave->requests == 1 ? "" : "s", bytes,
                               donthave->fast ? "awaiting Reject" : "dropped");
    if (donthave->fast && PINFO_FD_VISITED(place->pinfo)) {
        add_generated_uint(tree, hf_bt_donthave_unrejected, place->tvb, donthave->unrejected);
        if (donthave->unrejected > 0)
            proto_item_append_text(item, ", %u never rejected", donthave->unrejected);
    }
}

/* In the place of what the built-in dissector says of the message. */
static void
show_info(const struct donthave_note *donthave, packet_info *pinfo)
{
    bool room = bt_peer_separate_info(pinfo);

    if (room && !donthave->has_index)
        col_append_str(pinfo->cinfo, COL_INFO, "DontHave");
    else if (room && !donthave->takes_effect)
        col_append_fstr(pinfo->cinfo, COL_INFO, "DontHave Piece=%u", donthave->piece);
    else if (room)
        col_append_fstr(pinfo->cinfo, COL_INFO, "DontHave Piece=%u (%u request%s)", donthave->piece,
                        donthave->requests, donthave->requests == 1 ? "" : "s");
    col_set_fence(pinfo->cinfo, COL_INFO);
}

static const struct donthave_note *
donthave_of(const struct message_note *note)
{
    for (const struct note_detail *detail = note->details; detail != NULL; detail = detail->next) {
        if (detail->kind == &donthave_kinds[DONTHAVE_MESSAGE])
            return (const struct donthave_note *)detail;
    }
    return NULL;
}

static void
show_donthave(const struct bt_peer_extended *extended, const struct donthave_note *donthave,
              const struct place *place)
{
    proto_item *item = proto_tree_add_item(place->tree, proto_bt_donthave, place->tvb, 0, -1, ENC_NA);
    proto_tree *tree = proto_item_add_subtree(item, ett_bt_donthave);

    if (donthave->has_index) {
        proto_item_append_text(item, ", Piece %u", donthave->piece);
        proto_tree_add_uint(tree, hf_bt_donthave_piece_index, place->tvb, 0, 4, donthave->piece);
    }
    add_generated_uint(tree, hf_bt_donthave_id, place->tvb, extended->id);
    if (donthave->id_assigned_in != 0)
        add_generated_uint(tree, hf_bt_donthave_id_assigned_in, place->tvb, donthave->id_assigned_in);
    add_generated_boolean(tree, hf_bt_donthave_id_assumed, place->tvb, donthave->id_assumed);
    add_generated_boolean(tree, hf_bt_donthave_fast, place->tvb, donthave->fast);
    if (donthave->takes_effect)
        show_requests(donthave, place, item, tree);
    expert_rows_show_about(rows, extended->note->findings, &donthave->detail, item, place->pinfo, true);
    if (donthave->unrejected > 0 && PINFO_FD_VISITED(place->pinfo)
        && donthave_is_unanswered(extended->connection, donthave, extended->sender, donthave->invalidated->request_in,
                                  packet_time(place->pinfo)))
        donthave_show_unanswered(rows, item, place->pinfo, donthave->unrejected);
    show_info(donthave, place->pinfo);
}

/* One DontHave, as offered by packet-bt-peer.c: tvb is its payload. */
static ws_bool
dissect_lt_donthave_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct bt_peer_extended *extended = (const struct bt_peer_extended *)data;
    const struct donthave_note    *donthave = extended != NULL ? donthave_of(extended->note) : NULL;
    const struct place             place = { tvb, pinfo, tree };

    if (donthave == NULL)
        return FALSE;
    donthave_tap_tell(pinfo, extended->connection, extended->note, &donthave->detail);
    if (bt_peer_may_add(pinfo, DONTHAVE_ITEMS))
        show_donthave(extended, donthave, &place);
    return TRUE;
}

/* --- what a DontHave did to other messages --- */

/* The fields of a block, of one kind of item. */
struct block_fields {
    int *item;
    int *piece_index;
    int *begin;
    int *length;
};

static const struct block_fields request_fields = { &hf_bt_donthave_request, &hf_bt_donthave_request_piece_index,
                                                    &hf_bt_donthave_request_begin, &hf_bt_donthave_request_length };
static const struct block_fields late_request_fields = { &hf_bt_donthave_late_request,
                                                         &hf_bt_donthave_late_request_piece_index,
                                                         &hf_bt_donthave_late_request_begin,
                                                         &hf_bt_donthave_late_request_length };
static const struct block_fields late_block_fields = { &hf_bt_donthave_late_block,
                                                       &hf_bt_donthave_late_block_piece_index,
                                                       &hf_bt_donthave_late_block_begin,
                                                       &hf_bt_donthave_late_block_length };
static const struct block_fields reject_fields = { &hf_bt_donthave_reject, &hf_bt_donthave_reject_piece_index,
                                                   &hf_bt_donthave_reject_begin, &hf_bt_donthave_reject_length };

/* An item for what happened to a block, with a subtree for its fields. */
static proto_item *
add_block_item(const struct place *place, const struct block_fields *fields, const char *what, uint32_t piece,
               uint32_t begin, uint32_t length, proto_tree **tree)
{
    proto_item *item = proto_tree_add_none_format(place->tree, *fields->item, place->tvb, 0, -1,
                                                  "BitTorrent DontHave: %s (piece %u, begin %u, length %u)", what,
                                                  piece, begin, length);

    proto_item_set_generated(item);
    *tree = proto_item_add_subtree(item, ett_bt_donthave_item);
    add_generated_uint(*tree, *fields->piece_index, place->tvb, piece);
    add_generated_uint(*tree, *fields->begin, place->tvb, begin);
    add_generated_uint(*tree, *fields->length, place->tvb, length);
    return item;
}

static proto_item *
show_invalidated(const struct peer_connection *connection, const struct message_note *note,
                 const struct donthave_invalidated *invalidated, const struct place *place)
{
    enum peer_side owner = other_side((enum peer_side)note->from);
    nstime_t       age = { (time_t)(invalidated->age / NS_PER_S), (int)(invalidated->age % NS_PER_S) };
    proto_tree    *tree;
    proto_item    *item = add_block_item(place, &request_fields, "Request invalidated", invalidated->by->piece,
                                         invalidated->begin, invalidated->length, &tree);

    add_generated_uint(tree, hf_bt_donthave_request_invalidated_in, place->tvb, invalidated->by->frame);
    proto_item_set_generated(proto_tree_add_time(tree, hf_bt_donthave_request_time, place->tvb, 0, 0, &age));
    if (invalidated->rejected_in != 0)
        add_generated_uint(tree, hf_bt_donthave_request_rejected_in, place->tvb, invalidated->rejected_in);
    if (invalidated->unanswered
        && donthave_is_unanswered(connection, invalidated->by, owner, note->frame,
                                  packet_time(place->pinfo) + invalidated->age))
        donthave_show_unanswered(rows, item, place->pinfo, 1);
    return item;
}

static proto_item *
show_late(const struct donthave_block *block, const struct block_fields *fields, const char *what,
          const struct place *place, proto_tree **tree)
{
    proto_item *item = add_block_item(place, fields, what, block->piece, block->begin, block->length, tree);

    add_generated_uint(*tree, hf_bt_donthave_disowned_in, place->tvb, block->donthave_in);
    return item;
}

static proto_item *
show_reject(const struct donthave_block *block, const struct place *place)
{
    proto_tree *tree;
    proto_item *item = add_block_item(place, &reject_fields, "Reject of an invalidated request", block->piece,
                                      block->begin, block->length, &tree);

    add_generated_uint(tree, hf_bt_donthave_reject_request_in, place->tvb, block->answers->request_in);
    return item;
}

static proto_item *
show_reannounced(const struct donthave_reannounced *reannounced, const struct place *place)
{
    proto_item *item = proto_tree_add_none_format(place->tree, hf_bt_donthave_reannounced, place->tvb, 0, -1,
                                                  "BitTorrent DontHave: piece %u announced again",
                                                  reannounced->piece);
    proto_tree *tree = proto_item_add_subtree(item, ett_bt_donthave_item);

    proto_item_set_generated(item);
    add_generated_uint(tree, hf_bt_donthave_reannounced_piece_index, place->tvb, reannounced->piece);
    add_generated_uint(tree, hf_bt_donthave_disowned_in, place->tvb, reannounced->disowned_in);
    return item;
}

static proto_item *
show_negotiated(const struct donthave_negotiated *negotiated, const struct place *place)
{
    proto_item *item = proto_tree_add_uint(place->tree, hf_bt_donthave_negotiated, place->tvb, 0, 0, negotiated->id);

    proto_item_set_generated(item);
    if (negotiated->id == 0)
        proto_item_append_text(item, " (switched off)");
    return item;
}

/* The item of a detail; NULL: it has none. */
static proto_item *
show_detail(const struct peer_connection *connection, const struct message_note *note,
            const struct note_detail *detail, const struct place *place)
{
    proto_tree *tree;
    proto_item *item;

    switch ((enum donthave_kind)detail->kind->number) {
    case DONTHAVE_NEGOTIATED:
        return show_negotiated((const struct donthave_negotiated *)detail, place);
    case DONTHAVE_INVALIDATED:
        return show_invalidated(connection, note, (const struct donthave_invalidated *)detail, place);
    case DONTHAVE_LATE_REQUEST:
        item = show_late((const struct donthave_block *)detail, &late_request_fields, "Request for a disowned piece",
                         place, &tree);
        add_generated_boolean(tree, hf_bt_donthave_late_request_crossed, place->tvb,
                              ((const struct donthave_block *)detail)->crossed);
        return item;
    case DONTHAVE_LATE_BLOCK:
        return show_late((const struct donthave_block *)detail, &late_block_fields, "Block of a disowned piece",
                         place, &tree);
    case DONTHAVE_REJECT:
        return show_reject((const struct donthave_block *)detail, place);
    case DONTHAVE_REANNOUNCED:
        return show_reannounced((const struct donthave_reannounced *)detail, place);
    default:
        return NULL; /* a DontHave itself: it was offered */
    }
}

static void
show_other(const struct peer_connection *connection, const struct message_note *note, tvbuff_t *tvb,
           packet_info *pinfo, proto_tree *tree)
{
    const struct place    place = { tvb, pinfo, tree };
    const char           *host = pinfo->current_proto;
    const struct finding *finding = note->findings;

    if (!donthave_heuristic->enabled || !proto_is_protocol_enabled(find_protocol_by_id(proto_bt_donthave)))
        return;
    pinfo->current_proto = BT_DONTHAVE_SHORT_NAME; /* to whom the expert items belong */
    for (const struct note_detail *detail = note->details; detail != NULL; detail = detail->next) {
        if (!is_donthave_detail(detail) || detail->kind->number == DONTHAVE_MESSAGE)
            continue;
        donthave_tap_tell(pinfo, connection, note, detail);
        donthave_mark_info(pinfo, detail);
        bool        room = bt_peer_may_add(pinfo, DONTHAVE_ITEMS);
        proto_item *item = room ? show_detail(connection, note, detail, &place) : NULL;
        finding = expert_rows_show_about(rows, finding, detail, item, pinfo, room);
    }
    if (note->findings != NULL)
        donthave_tap_tell(pinfo, connection, note, NULL);
    expert_rows_show_message(rows, note, tvb, pinfo, tree);
    pinfo->current_proto = host;
}

static const struct bt_peer_extension donthave_extension = {
    .observer = &donthave_observer,
    .show = show_other,
    .fallback_ids = &fallback_ids,
};

/* --- registration --- */

void
proto_register_lt_donthave(void)
{
    static hf_register_info hf[] = {
        { &hf_bt_donthave_piece_index,
          { "Piece index", "bt.donthave.piece_index", FT_UINT32, BASE_DEC, NULL, 0x0,
            "The piece that the sender no longer has (BEP 54)", HFILL } },
        { &hf_bt_donthave_id,
          { "Extended message ID", "bt.donthave.id", FT_UINT8, BASE_DEC, NULL, 0x0,
            "The id with which the DontHave was sent (BEP 10)", HFILL } },
        { &hf_bt_donthave_id_assigned_in,
          { "ID assigned in", "bt.donthave.id_assigned_in", FT_FRAMENUM, BASE_NONE, NULL, 0x0,
            "The extension handshake of the receiver that assigned the id", HFILL } },
        { &hf_bt_donthave_id_assumed,
          { "ID assumed", "bt.donthave.id_assumed", FT_BOOLEAN, BASE_NONE, TFS(&tfs_yes_no), 0x0,
            "The id comes from the preference fallback_id, not from a handshake", HFILL } },
        { &hf_bt_donthave_fast,
          { "Fast extension", "bt.donthave.fast", FT_BOOLEAN, BASE_NONE, TFS(&tfs_yes_no), 0x0,
            "The Fast extension (BEP 6) was negotiated by both peers", HFILL } },
        { &hf_bt_donthave_requests,
          { "Invalidated requests", "bt.donthave.requests", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Outstanding requests that the DontHave invalidated", HFILL } },
        { &hf_bt_donthave_bytes,
          { "Invalidated bytes", "bt.donthave.bytes", FT_UINT64, BASE_DEC, NULL, 0x0,
            "Sum of the lengths of the invalidated requests", HFILL } },
        { &hf_bt_donthave_request_in,
          { "Request in", "bt.donthave.request_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0x0,
            "A frame with a request that was invalidated", HFILL } },
        { &hf_bt_donthave_unrejected,
          { "Never rejected", "bt.donthave.unrejected", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Fast extension: how many of the invalidated requests were never rejected", HFILL } },
        { &hf_bt_donthave_request,
          { "Invalidated request", "bt.donthave.request", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Request that a DontHave invalidated", HFILL } },
        { &hf_bt_donthave_request_piece_index,
          { "Piece index", "bt.donthave.request.piece_index", FT_UINT32, BASE_DEC, NULL, 0x0, NULL, HFILL } },
        { &hf_bt_donthave_request_begin,
          { "Begin", "bt.donthave.request.begin", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Byte offset of the block in the piece", HFILL } },
        { &hf_bt_donthave_request_length,
          { "Length", "bt.donthave.request.length", FT_UINT32, BASE_DEC, NULL, 0x0, "Bytes of the block", HFILL } },
        { &hf_bt_donthave_request_invalidated_in,
          { "Invalidated in", "bt.donthave.request.invalidated_in", FT_FRAMENUM, BASE_NONE,
            FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0x0, "The DontHave that invalidated the request", HFILL } },
        { &hf_bt_donthave_request_time,
          { "Time to DontHave", "bt.donthave.request.time", FT_RELATIVE_TIME, BASE_NONE, NULL, 0x0,
            "From the Request to the DontHave", HFILL } },
        { &hf_bt_donthave_request_rejected_in,
          { "Rejected in", "bt.donthave.request.rejected_in", FT_FRAMENUM, BASE_NONE,
            FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0x0, "The Reject that answers the request (BEP 6)", HFILL } },
        { &hf_bt_donthave_late_request,
          { "Late request", "bt.donthave.late_request", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Request for a piece that the other side has disowned", HFILL } },
        { &hf_bt_donthave_late_request_piece_index,
          { "Piece index", "bt.donthave.late_request.piece_index", FT_UINT32, BASE_DEC, NULL, 0x0, NULL, HFILL } },
        { &hf_bt_donthave_late_request_begin,
          { "Begin", "bt.donthave.late_request.begin", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Byte offset of the block in the piece", HFILL } },
        { &hf_bt_donthave_late_request_length,
          { "Length", "bt.donthave.late_request.length", FT_UINT32, BASE_DEC, NULL, 0x0, "Bytes of the block",
            HFILL } },
        { &hf_bt_donthave_late_request_crossed,
          { "Crossed", "bt.donthave.late_request.crossed", FT_BOOLEAN, BASE_NONE, TFS(&tfs_yes_no), 0x0,
            "Its sender had not acknowledged the DontHave yet", HFILL } },
        { &hf_bt_donthave_late_block,
          { "Late block", "bt.donthave.late_block", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Piece that was sent after its sender disowned the piece", HFILL } },
        { &hf_bt_donthave_late_block_piece_index,
          { "Piece index", "bt.donthave.late_block.piece_index", FT_UINT32, BASE_DEC, NULL, 0x0, NULL, HFILL } },
        { &hf_bt_donthave_late_block_begin,
          { "Begin", "bt.donthave.late_block.begin", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Byte offset of the block in the piece", HFILL } },
        { &hf_bt_donthave_late_block_length,
          { "Length", "bt.donthave.late_block.length", FT_UINT32, BASE_DEC, NULL, 0x0, "Bytes of the block",
            HFILL } },
        { &hf_bt_donthave_reject,
          { "Reject", "bt.donthave.reject", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Reject that answers an invalidated request", HFILL } },
        { &hf_bt_donthave_reject_piece_index,
          { "Piece index", "bt.donthave.reject.piece_index", FT_UINT32, BASE_DEC, NULL, 0x0, NULL, HFILL } },
        { &hf_bt_donthave_reject_begin,
          { "Begin", "bt.donthave.reject.begin", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Byte offset of the block in the piece", HFILL } },
        { &hf_bt_donthave_reject_length,
          { "Length", "bt.donthave.reject.length", FT_UINT32, BASE_DEC, NULL, 0x0, "Bytes of the block", HFILL } },
        { &hf_bt_donthave_reject_request_in,
          { "Request in", "bt.donthave.reject.request_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST),
            0x0, "The Request that the Reject answers", HFILL } },
        { &hf_bt_donthave_reannounced,
          { "Announced again", "bt.donthave.reannounced", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Have, Bitfield or Have All that takes a DontHave back", HFILL } },
        { &hf_bt_donthave_reannounced_piece_index,
          { "Piece index", "bt.donthave.reannounced.piece_index", FT_UINT32, BASE_DEC, NULL, 0x0, NULL, HFILL } },
        { &hf_bt_donthave_disowned_in,
          { "Disowned in", "bt.donthave.disowned_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0x0,
            "The DontHave for the piece", HFILL } },
        { &hf_bt_donthave_negotiated,
          { "lt_donthave ID", "bt.donthave.negotiated", FT_UINT8, BASE_DEC, NULL, 0x0,
            "The id that the extension handshake assigns to lt_donthave; 0: switched off", HFILL } },
    };
    static int *ett[] = { &ett_bt_donthave, &ett_bt_donthave_item };

    proto_bt_donthave = proto_register_protocol("BitTorrent DontHave (BEP 54)", BT_DONTHAVE_SHORT_NAME,
                                                "bt.donthave");
    proto_register_field_array(proto_bt_donthave, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    rows = expert_rows_register(proto_bt_donthave, (const struct finding_kind *)&donthave_findings,
                                sizeof donthave_findings / sizeof(struct finding_kind));
    donthave_tap_register(proto_bt_donthave);

    module_t *module = prefs_register_protocol(proto_bt_donthave, NULL);
    prefs_register_range_preference(
        module, "fallback_id", "Assumed ids of lt_donthave",
        "The extended message ids to take for lt_donthave where the extension handshake of "
        "the receiver was not captured: 7, or 2,7, or 1-9 (empty or 0: none). Each side of "
        "a connection wants an id of its own: libtorrent (qBittorrent, Deluge) 7, "
        "WebTorrent one by the order in which its extensions were registered, 2 or 3. A "
        "capture that begins after the handshakes needs Decode As to BitTorrent, or a "
        "BitTorrent port, besides.",
        &fallback_ids, UINT8_MAX);
    bt_peer_add_extension(&donthave_extension);
}

void
proto_reg_handoff_lt_donthave(void)
{
    heur_dissector_add(BT_PEER_EXTENDED_LIST, dissect_lt_donthave_heur, "DontHave (BEP 54)", DONTHAVE_HEURISTIC,
                       proto_bt_donthave, HEURISTIC_ENABLE);
    donthave_heuristic = find_heur_dissector_by_unique_short_name(DONTHAVE_HEURISTIC);
}
