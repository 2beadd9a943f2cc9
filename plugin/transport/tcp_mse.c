/* tcp_mse.c
 * Encrypted connections over TCP, see tcp_mse.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_mse.h"

#include "core/peer_wire.h"
#include "peer/mse_keys.h"
#include "peer/packet-bt-mse.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"
#include "peer/recent_conversations.h"
#include "transport/tcp_early.h"
#include "transport/tcp_search.h"
#include "transport/tcp_show.h"
#include "transport/tcp_withheld.h"

static bool               searches;    /* connections of nobody are searched; for this capture */
static dissector_handle_t asked_first; /* our heuristic, as the dissector of a conversation */

/* --- finding them --- */

/* The connection is MSE: what its bytes were taken for before is forgotten. First pass only. */
static void
set_mse(struct tcp_peers *peers, struct mse_feed *mse)
{
    tcp_peers_end(peers);
    peer_feed_init(&peers->feed, wmem_file_scope(), bt_peer_setup());
    peers->mse = mse;
    peers->search_over = true;
    for (int side = PEER_A; side <= PEER_B; side++) {
        if (mse->sides[side].has_base)
            peers->highest_seq[side] = MAX(peers->highest_seq[side], mse->sides[side].base);
    }
}

void
tcp_mse_look(struct tcp_peers *peers, conversation_t *conversation, const struct tcp_bytes *bytes, packet_info *pinfo,
             const struct tcpinfo *tcpinfo)
{
    struct mse_feed *mse;

    if (peers->search_over)
        return;
    if ((peers->feed.synced_in[PEER_A] != 0 || peers->feed.synced_in[PEER_B] != 0)
        && tcp_search_give_up(conversation)) {
        peers->search_over = true;
        return;
    }
    mse = tcp_search(conversation, bytes, pinfo, tcpinfo, &peers->search_over);
    if (mse != NULL)
        set_mse(peers, mse);
}

/* TCP may withhold the other side for somebody who took random bytes for a message: we are asked before him from now on. */
static void
ask_for_withheld(conversation_t *conversation, packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    const dissector_handle_t asked = conversation_get_dissector(conversation, pinfo->num);
    struct mse_feed         *mse = tcp_search_looks_encrypted(conversation);

    if (mse == NULL || (asked != NULL && asked != asked_first) || !tcp_withheld_release(conversation, pinfo, tcpinfo))
        return;
    mse->sides[other_side(packet_sender(pinfo))].released = true;
    conversation_set_dissector(conversation, asked_first);
}

void
tcp_mse_claimed(conversation_t *conversation, packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    const struct tcp_peers *peers = tcp_peers_of(conversation);

    if (tcp_withheld_release(conversation, pinfo, tcpinfo) && peers != NULL && peers->mse != NULL)
        peers->mse->sides[other_side(packet_sender(pinfo))].released = true;
}

bool
tcp_mse_becomes(const struct tcp_bytes *bytes, packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    conversation_t   *conversation;
    struct mse_feed  *mse;
    struct tcp_peers *peers;
    bool              is_over;

    if (PINFO_FD_VISITED(pinfo) || !searches || !mse_connections()->enabled || tcpinfo == NULL
        || pinfo->flags.in_error_pkt || !tcp_early_take(bytes, pinfo, tcpinfo))
        return false;
    conversation = recent_or_new_conversation(pinfo);
    peers = tcp_peers_of(conversation);
    if (peers != NULL && peers->search_over && peers->mse == NULL)
        return false;
    mse = tcp_search(conversation, bytes, pinfo, tcpinfo, &is_over);
    if (mse == NULL) {
        if (is_over)
            tcp_search_never_again(conversation);
        else
            ask_for_withheld(conversation, pinfo, tcpinfo);
        return false;
    }
    set_mse(peers != NULL ? peers : tcp_peers_new(conversation, pinfo), mse);
    return true;
}

/* --- showing them --- */

/* What a dissector of ours does to the packet's counters of layers, a call of it undone. */
static bool
show_handshake(struct bt_mse_bytes *bytes, packet_info *pinfo, proto_tree *tree)
{
    uint16_t can_desegment = pinfo->can_desegment, saved_can_desegment = pinfo->saved_can_desegment;
    bool     shown = bt_mse_show_handshake(bytes, pinfo, tree);

    pinfo->can_desegment = can_desegment;
    pinfo->saved_can_desegment = saved_can_desegment;
    return shown;
}

/* Payload of earlier packets that does not lead up to that of this one, such as the other side's. */
static void
show_late(const struct bt_mse_bytes *bytes, uint64_t joined_to, struct tcp_peers *peers, packet_info *pinfo,
          proto_tree *tree, void *data)
{
    const struct mse_late *late = bytes->mse->late;

    for (; (late = mse_late_of_frame(late, pinfo->num)) != NULL; late = late->next) {
        tvbuff_t *tvb;
        uint32_t  next_size, complete = 0;

        if (late->side == bytes->side && joined_to != 0 && late->offset < joined_to)
            continue;
        tvb = tvb_new_child_real_data(bytes->tvb, late->data, late->size, (int)late->size);
        add_new_data_source(pinfo, tvb, BT_MSE_DATA_SOURCE);
        if (peer_wire_plausible(late->data, late->size, late->size))
            complete = peer_wire_complete(late->data, late->size, late->size, &next_size);

        struct tcp_bytes    came = tcp_bytes_of(tvb, (enum peer_side)late->side, late->place);
        struct bt_peer_view view = tcp_show_view(peers, &came, data);
        bt_peer_show_messages(&view, 0, complete, pinfo, tree);
        bt_peer_show_notes(&view, pinfo, tree);
        tcp_show_ask_for_nothing(pinfo);
    }
}

/* The wish for more is about the payload: before it, the segment has at bytes that are none, and the payload begins with
 * late_size bytes that the segment has not. */
static void
correct_wish(packet_info *pinfo, uint32_t at, uint32_t late_size)
{
    if (pinfo->desegment_len == 0)
        return;
    if (pinfo->desegment_offset < (int)late_size)
        tcp_show_ask_for_nothing(pinfo);
    else
        pinfo->desegment_offset += (int)at - (int)late_size;
}

void
tcp_mse_dissect(struct tcp_peers *peers, conversation_t *conversation, const struct tcp_bytes *segment,
                packet_info *pinfo, proto_tree *tree, void *data)
{
    const enum peer_side  from = segment->from;
    struct mse_feed      *mse = peers->mse;
    struct bt_mse_bytes   bytes = { .mse = mse, .side = from, .tvb = segment->tvb };
    struct mse_part       part;
    uint32_t              late_size;
    tvbuff_t             *payload;
    bool                  shown;
    const struct tcpinfo *tcpinfo = (const struct tcpinfo *)data;

    if (PINFO_FD_VISITED(pinfo)) {
        bytes.position = mse_feed_position(mse, from, pinfo->num, segment->seq);
    } else {
        struct feed_packet packet = { .from = from, .frame = pinfo->num, .time = packet_time(pinfo) };
        struct feed_chunk  chunk = tcp_search_chunk(mse, segment, pinfo, tcpinfo);

        bytes.position = chunk.bytes.position;
        mse_feed_search(mse, &packet, &chunk, false);
        peer_connection_begin_packet(peers->feed.connection, pinfo->num, packet_number(pinfo));
        mse_feed_earlier(mse, &peers->feed, &packet, &chunk);
        mse_feed_begin(mse, &peers->feed, from);
    }
    mse_feed_part(mse, from, bytes.position, segment->reported, pinfo->num, &part);
    shown = show_handshake(&bytes, pinfo, tree);
    payload = bt_mse_payload(&bytes, &part, mse->late, &late_size, pinfo);
    if (mse->late != NULL)
        show_late(&bytes, late_size > 0 ? part.offset : 0, peers, pinfo, tree, data);
    if (payload == NULL) {
        if (!shown)
            call_data_dissector(segment->tvb, pinfo, tree);
        tcp_show_ask_for_nothing(pinfo);
        return;
    }

    struct tcp_bytes      plain = tcp_bytes_of(payload, from, segment->seq + part.at - late_size);
    struct tcp_bytes      news = plain; /* what did not come too early */
    struct segment_layout layout = { .framed = true, .may_ask = true };

    if (late_size > 0)
        news = tcp_bytes_of(tvb_new_subset_remaining(payload, (int)late_size), from, segment->seq + part.at);
    if (!PINFO_FD_VISITED(pinfo))
        tcp_peers_read(peers, conversation, &news, pinfo, tcpinfo, tcp_show_reassembles(pinfo));
    if (late_size == 0)
        layout = tcp_peers_layout(peers, from, pinfo->num, plain.seq);
    layout.may_ask = layout.may_ask && layout.framed;
    tcp_show(peers, &plain, layout, pinfo, tree, data);
    correct_wish(pinfo, part.at, late_size);
}

/* --- registration --- */

void
tcp_mse_begin_capture(bool wanted)
{
    searches = wanted;
    tcp_early_begin_capture();
}

void
proto_reg_handoff_tcp_mse(dissector_handle_t heuristic)
{
    asked_first = heuristic;
}
