/* packet-lt_donthave.c
 * The protocol bt.donthave: BitTorrent's lt_donthave extension (BEP 54).
 *
 *     <length: 4> <20> <extended id: 1> <piece index: 4>      "I do not have this piece any more"
 *
 * Nothing is decided here: what a message means was found out on the first pass (peer_connection.c) and stands in
 * its note. This file shows notes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "packet-lt_donthave.h"

#include <epan/expert.h>
#include <epan/prefs.h>
#include <epan/tap.h>
#include <epan/tfs.h>
#include <epan/unit_strings.h>

#include "after_donthave.h"
#include "packet-bt-peer.h"
#include "tap_donthave.h"

#define BT_DONTHAVE_SHORT_NAME  "BT-DontHave"
#define DONTHAVE_HEURISTIC      "lt_donthave_bittorrent"

int proto_bt_donthave = -1;

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
static int hf_bt_donthave_late_request_crossed = -1;
static int hf_bt_donthave_late_block = -1;
static int hf_bt_donthave_reject = -1;
static int hf_bt_donthave_reannounced = -1;
static int hf_bt_donthave_disowned_in = -1;
static int hf_bt_donthave_negotiated = -1;

static int ett_bt_donthave = -1;
static int ett_bt_donthave_item = -1;

/* By enum finding_id. */
static expert_field ei_bt_donthave[FINDING_COUNT];

static int donthave_tap = -1;
static heur_dtbl_entry_t *donthave_heuristic;

static unsigned fallback_id;

uint8_t
lt_donthave_fallback_id(void)
{
    return fallback_id <= UINT8_MAX ? (uint8_t)fallback_id : 0;
}

/* Rows of expert items, by enum finding_id. A name that stands in two rows has two severities; the first row is the
 * usual one, and is registered last: it is the one that the user's own severities find by name. */
static ei_register_info *
expert_rows(void)
{
    static ei_register_info rows[FINDING_COUNT] = {
#define X(id, finding_name, finding_severity, finding_group, finding_summary)                               \
        [FINDING_COUNT - 1 - FINDING_##id] = {                                                              \
            &ei_bt_donthave[FINDING_##id],                                                                  \
            { .name = "bt.donthave.expert." finding_name, .group = PI_##finding_group,                      \
              .severity = PI_##finding_severity, .summary = finding_summary, EXPFILL }                      \
        },
        FINDINGS(X)
#undef X
    };

    return rows;
}

/* The expert field of a finding. Where the user gave the name a severity of his own, that holds for both its rows. */
static expert_field *
finding_field(enum finding_id id)
{
    const ei_register_info *rows = expert_rows();
    const ei_register_info *row = &rows[FINDING_COUNT - 1 - id];

    if (id > 0) {
        const ei_register_info *usual = &rows[FINDING_COUNT - id];
        if (strcmp(usual->eiinfo.name, row->eiinfo.name) == 0
                && usual->eiinfo.severity != usual->eiinfo.orig_severity)
            return &ei_bt_donthave[id - 1];
    }
    return &ei_bt_donthave[id];
}

/* Hangs the findings on an item or, where the message has none of ours, each on one of its own. */
static void
show_findings(const struct message_note *note, proto_item *item, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next) {
        if (finding->id == FINDING_CLOSED_AFTER && !PINFO_FD_VISITED(pinfo))
            continue;
        if (item != NULL)
            expert_add_info_format(pinfo, item, finding_field(finding->id), "%s", finding->text);
        else
            proto_tree_add_expert_format(tree, pinfo, finding_field(finding->id), tvb, 0, -1, "%s", finding->text);
    }
}

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

/* The requests that a DontHave invalidated. */
static void
show_requests(const struct donthave_note *donthave, tvbuff_t *tvb, packet_info *pinfo, proto_item *item,
              proto_tree *tree)
{
    add_generated_uint(tree, hf_bt_donthave_requests, tvb, donthave->requests);
    proto_item_set_generated(proto_tree_add_uint64(tree, hf_bt_donthave_bytes, tvb, 0, 0, donthave->bytes));
    for (uint32_t i = 0; i < donthave->request_frame_count; i++)
        add_generated_uint(tree, hf_bt_donthave_request_in, tvb, donthave->request_frames[i]);

    if (donthave->requests > 0)
        proto_item_append_text(item, ", %u request%s (%" PRIu64 " bytes) %s", donthave->requests,
                               donthave->requests == 1 ? "" : "s", donthave->bytes,
                               donthave->fast ? "awaiting Reject" : "dropped");
    if (donthave->fast && PINFO_FD_VISITED(pinfo)) {
        add_generated_uint(tree, hf_bt_donthave_unrejected, tvb, donthave->unrejected);
        if (donthave->unrejected > 0)
            proto_item_append_text(item, ", %u never rejected", donthave->unrejected);
    }
}

/* What a peer was to answer at some time, the first of it requested in a frame, and never did: known from the second
 * pass on. */
static void
show_unrejected(const struct peer_connection *connection, enum peer_side answering, uint32_t request_in,
                int64_t disowned, proto_item *item, packet_info *pinfo, uint32_t count)
{
    if (count > 0 && PINFO_FD_VISITED(pinfo)
            && peer_connection_answer_was_due(connection, answering, request_in, disowned,
                                              after_donthave_capture_end()))
        expert_add_info_format(pinfo, item, &ei_bt_donthave[FINDING_UNREJECTED],
                               "%u invalidated request%s never answered, neither by Reject nor by Piece; BEP 6: "
                               "exactly one response to each", count, count == 1 ? " was" : "s were");
}

static void
show_info(const struct donthave_note *donthave, column_info *columns)
{
    if (!donthave->has_index)
        col_append_str(columns, COL_INFO, "DontHave  ");
    else if (!donthave->counts)
        col_append_fstr(columns, COL_INFO, "DontHave Piece=%u  ", donthave->piece);
    else
        col_append_fstr(columns, COL_INFO, "DontHave Piece=%u (%u request%s)  ", donthave->piece,
                        donthave->requests, donthave->requests == 1 ? "" : "s");
    col_set_fence(columns, COL_INFO);
}

/* One DontHave, as offered by packet-bt-peer.c: tvb is its payload. */
static ws_bool
dissect_lt_donthave_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct bt_peer_extended *extended = (const struct bt_peer_extended *)data;

    if (extended == NULL || extended->note->extended->donthave == NULL)
        return FALSE;

    const struct donthave_note *donthave = extended->note->extended->donthave;
    proto_item *item = proto_tree_add_item(tree, proto_bt_donthave, tvb, 0, -1, ENC_NA);
    proto_tree *donthave_tree = proto_item_add_subtree(item, ett_bt_donthave);

    if (donthave->has_index) {
        proto_item_append_text(item, ", Piece %u", donthave->piece);
        proto_tree_add_item(donthave_tree, hf_bt_donthave_piece_index, tvb, 0, 4, ENC_BIG_ENDIAN);
    }
    add_generated_uint(donthave_tree, hf_bt_donthave_id, tvb, extended->id);
    if (donthave->id_assigned_in != 0)
        add_generated_uint(donthave_tree, hf_bt_donthave_id_assigned_in, tvb, donthave->id_assigned_in);
    add_generated_boolean(donthave_tree, hf_bt_donthave_id_assumed, tvb, donthave->id_assumed);
    add_generated_boolean(donthave_tree, hf_bt_donthave_fast, tvb, donthave->fast);
    if (donthave->counts)
        show_requests(donthave, tvb, pinfo, item, donthave_tree);
    show_findings(extended->note, item, tvb, pinfo, tree);
    if (donthave->unrejected > 0)
        show_unrejected(extended->connection, extended->sender, donthave->request_frames[0], extended->note->time,
                        item, pinfo, donthave->unrejected);
    show_info(donthave, pinfo->cinfo);
    tap_queue_packet(donthave_tap, pinfo, extended->note);
    return TRUE;
}

/* An item for what happened to a block, with a subtree for its fields. */
static proto_tree *
add_block_item(proto_tree *tree, int hf, tvbuff_t *tvb, const struct block_note *block, const char *what,
               proto_item **item)
{
    *item = proto_tree_add_none_format(tree, hf, tvb, 0, -1, "BitTorrent DontHave: %s (piece %u, begin %u, length %u)",
                                       what, block->piece, block->begin, block->length);
    proto_item_set_generated(*item);

    proto_tree *block_tree = proto_item_add_subtree(*item, ett_bt_donthave_item);
    add_generated_uint(block_tree, hf_bt_donthave_request_piece_index, tvb, block->piece);
    add_generated_uint(block_tree, hf_bt_donthave_request_begin, tvb, block->begin);
    add_generated_uint(block_tree, hf_bt_donthave_request_length, tvb, block->length);
    return block_tree;
}

static proto_item *
show_invalidated(const struct block_note *block, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item *item;
    proto_tree *block_tree = add_block_item(tree, hf_bt_donthave_request, tvb, block, "Request invalidated", &item);
    nstime_t    time = { (time_t)(block->time / NS_PER_S), (int)(block->time % NS_PER_S) };

    add_generated_uint(block_tree, hf_bt_donthave_request_invalidated_in, tvb, block->donthave_in);
    proto_item_set_generated(proto_tree_add_time(block_tree, hf_bt_donthave_request_time, tvb, 0, 0, &time));
    if (block->rejected_in != 0)
        add_generated_uint(block_tree, hf_bt_donthave_request_rejected_in, tvb, block->rejected_in);
    return item;
}

static proto_item *
show_late_request(const struct block_note *block, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item *item;
    proto_tree *block_tree = add_block_item(tree, hf_bt_donthave_late_request, tvb, block,
                                            "Request for a disowned piece", &item);

    add_generated_boolean(block_tree, hf_bt_donthave_late_request_crossed, tvb, block->crossed);
    add_generated_uint(block_tree, hf_bt_donthave_disowned_in, tvb, block->donthave_in);
    return item;
}

static proto_item *
show_late_block(const struct block_note *block, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item *item;
    proto_tree *block_tree = add_block_item(tree, hf_bt_donthave_late_block, tvb, block, "Block of a disowned piece",
                                            &item);

    add_generated_uint(block_tree, hf_bt_donthave_disowned_in, tvb, block->donthave_in);
    return item;
}

static proto_item *
show_reject(const struct message_note *note, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item *item;
    proto_tree *block_tree = add_block_item(tree, hf_bt_donthave_reject, tvb, note->reject,
                                            "Reject of an invalidated request", &item);

    add_generated_uint(block_tree, hf_bt_donthave_request_in, tvb, note->request_in);
    return item;
}

static proto_item *
show_reannounced(const struct reannounced_note *reannounced, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item *item = proto_tree_add_none_format(tree, hf_bt_donthave_reannounced, tvb, 0, -1,
                                                  "BitTorrent DontHave: piece %u announced again",
                                                  reannounced->piece);

    proto_tree *item_tree = proto_item_add_subtree(item, ett_bt_donthave_item);

    proto_item_set_generated(item);
    add_generated_uint(item_tree, hf_bt_donthave_request_piece_index, tvb, reannounced->piece);
    add_generated_uint(item_tree, hf_bt_donthave_disowned_in, tvb, reannounced->disowned_in);
    return item;
}

static proto_item *
show_negotiated(const struct message_note *note, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item *item = proto_tree_add_uint(tree, hf_bt_donthave_negotiated, tvb, 0, 0, (uint32_t)note->negotiated);

    proto_item_set_generated(item);
    if (note->negotiated == 0)
        proto_item_append_text(item, " (switched off)");
    return item;
}

void
lt_donthave_show(const struct peer_connection *connection, const struct message_note *note, tvbuff_t *tvb,
                 packet_info *pinfo, proto_tree *tree)
{
    const char *host = pinfo->current_proto;
    proto_item *item = NULL;

    if (donthave_heuristic != NULL && !donthave_heuristic->enabled)
        return;
    pinfo->current_proto = BT_DONTHAVE_SHORT_NAME;      /* to whom the expert items belong */
    if (note->negotiated >= 0)
        item = show_negotiated(note, tvb, tree);
    /* Known only since a later packet was read: shown from the second pass on. */
    if (note->invalidated != NULL && PINFO_FD_VISITED(pinfo)) {
        item = show_invalidated(note->invalidated, tvb, tree);
        show_unrejected(connection, other_side(note->from), note->frame, note->time + note->invalidated->time, item,
                        pinfo, note->invalidated->unanswered);
    }
    if (note->late_request != NULL)
        item = show_late_request(note->late_request, tvb, tree);
    if (note->late_block != NULL)
        item = show_late_block(note->late_block, tvb, tree);
    if (note->reject != NULL)
        item = show_reject(note, tvb, tree);
    for (const struct reannounced_note *one = note->reannounced; one != NULL; one = one->next)
        item = show_reannounced(one, tvb, tree);
    show_findings(note, item, tvb, pinfo, tree);
    tap_queue_packet(donthave_tap, pinfo, note);
    pinfo->current_proto = host;
}

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
          { "Length", "bt.donthave.request.length", FT_UINT32, BASE_DEC, NULL, 0x0,
            "Bytes of the block", HFILL } },
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
        { &hf_bt_donthave_late_request_crossed,
          { "Crossed", "bt.donthave.late_request.crossed", FT_BOOLEAN, BASE_NONE, TFS(&tfs_yes_no), 0x0,
            "Its sender had not acknowledged the DontHave yet", HFILL } },
        { &hf_bt_donthave_late_block,
          { "Late block", "bt.donthave.late_block", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Piece that was sent after its sender disowned the piece", HFILL } },
        { &hf_bt_donthave_reject,
          { "Reject", "bt.donthave.reject", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Reject that answers an invalidated request", HFILL } },
        { &hf_bt_donthave_reannounced,
          { "Announced again", "bt.donthave.reannounced", FT_NONE, BASE_NONE, NULL, 0x0,
            "A Have, Bitfield or Have All that takes a DontHave back", HFILL } },
        { &hf_bt_donthave_disowned_in,
          { "Disowned in", "bt.donthave.disowned_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0x0,
            "The DontHave for the piece", HFILL } },
        { &hf_bt_donthave_negotiated,
          { "lt_donthave ID", "bt.donthave.negotiated", FT_UINT8, BASE_DEC, NULL, 0x0,
            "The id that the extension handshake assigns to lt_donthave; 0: switched off", HFILL } },
    };
    static int *ett[] = { &ett_bt_donthave, &ett_bt_donthave_item };

    for (unsigned i = 0; i < FINDING_COUNT; i++)
        ei_bt_donthave[i] = (expert_field)EI_INIT;

    proto_bt_donthave = proto_register_protocol("BitTorrent DontHave (BEP 54)", BT_DONTHAVE_SHORT_NAME,
                                                "bt.donthave");
    proto_register_field_array(proto_bt_donthave, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    expert_register_field_array(expert_register_protocol(proto_bt_donthave), expert_rows(), FINDING_COUNT);
    donthave_tap = register_tap(BT_DONTHAVE_TAP);

    module_t *module = prefs_register_protocol(proto_bt_donthave, NULL);
    prefs_register_uint_preference(module, "fallback_id", "Assumed id of lt_donthave",
                                   "The extended message id to take for lt_donthave where the extension handshake of "
                                   "the receiver was not captured (1 to 255; 0: none). A capture that begins after "
                                   "the handshakes needs Decode As to BitTorrent, or a BitTorrent port, besides.",
                                   10, &fallback_id);
}

void
proto_reg_handoff_lt_donthave(void)
{
    heur_dissector_add(BT_PEER_EXTENDED_LIST, dissect_lt_donthave_heur, "DontHave (BEP 54)", DONTHAVE_HEURISTIC,
                       proto_bt_donthave, HEURISTIC_ENABLE);
    donthave_heuristic = find_heur_dissector_by_unique_short_name(DONTHAVE_HEURISTIC);
}
