/* transport_tcp.c
 * BitTorrent peers over TCP: a wrapper around the built-in BitTorrent dissector.
 *
 * The wrapper decides where messages end. It asks TCP for the rest of a message that goes on after the segment, and
 * hands the complete ones to the built-in dissector for display and to peer_feed.c for what they mean:
 *
 *     tvb:    |<- first ->|<------ complete ------>|<- rest ->|
 *             +-----------+-------+-------+--------+----------+
 *             | not ours  | msg   | msg   | msg    | part     |
 *             +-----------+-------+-------+--------+----------+
 *
 * first is 0 but after a hole in the capture or a repeated segment. Where TCP cannot reassemble (its preference, or
 * that of the built-in dissector, is off, or the packets are cut) the built-in dissector gets what it gets without us,
 * and message_stream.c puts the messages together that matter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/transport_tcp.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/exceptions.h>
#include <epan/prefs.h>
#include <epan/prefs-int.h>

#include "core/peer_feed.h"
#include "peer/mse_keys.h"
#include "peer/packet-bt-mse.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"
#include "peer/packet_watch.h"
#include "peer/peer_ports.h"
#include "peer/recent_conversations.h"
#include "transport/tcp_early.h"
#include "transport/tcp_search.h"

#define BT_PEER_TCP_HEURISTIC   "bt_peer_tcp"

/* How a call of the dissector was treated on the first pass, where that is not "complete messages from byte 0 on". */
struct segment_layout {
    bool     framed;        /* it is known where messages start: at first */
    bool     may_ask;       /* not framed: the built-in dissector may ask TCP for more */
    uint32_t first;         /* framed: offset of the first message that begins in it */
};

/* Bits of tcp.completeness: the conversation had such a segment. */
#define COMPLETENESS_FIN    0x10
#define COMPLETENESS_RST    0x20

/* A TCP conversation. */
struct tcp_peers {
    struct peer_feed feed;
    uint64_t    highest_seq[2]; /* by sender: the highest sequence number, 64 bits wide; 0: none. First pass only */
    bool        watched;        /* see packet_watch.h; first pass only */
    uint8_t     completeness;   /* watched: as of its last packet */
    struct mse_feed *mse;       /* NULL: the connection is not encrypted */
    bool        search_over;    /* mse is final; first pass only */
    wmem_map_t *layouts;        /* frame and sequence number -> struct segment_layout; NULL: none */
};

static bool bittorrent_desegment = true;    /* the preference of the built-in dissector; read for each capture */
static bool reassembles_out_of_order;       /* a preference of TCP; likewise */
static bool searches;                       /* connections of nobody are searched for MSE; likewise */

static dissector_handle_t bittorrent_handle;
static dissector_handle_t bt_peer_tcp_handle;

/* The connection is over. First pass only. */
static void
end_peers(struct tcp_peers *peers)
{
    if (peers->watched)
        packet_watch_remove();
    peers->watched = false;
    peer_feed_end(&peers->feed);
}

/* A conversation before this one on the same ports is over, though no FIN or RST of it was captured. */
static void
end_former(const conversation_t *conversation, const packet_info *pinfo)
{
    const conversation_t *former = NULL;
    struct tcp_peers     *peers = NULL;

    if (conversation->setup_frame > 1)
        former = find_conversation(conversation->setup_frame - 1, &pinfo->src, &pinfo->dst, CONVERSATION_TCP,
                                   pinfo->srcport, pinfo->destport, 0);
    if (former != NULL && former != conversation)
        peers = (struct tcp_peers *)conversation_get_proto_data(former, proto_bt_peer);
    if (peers != NULL)
        end_peers(peers);
}

static struct tcp_peers *
get_peers(conversation_t *conversation, const packet_info *pinfo)
{
    struct tcp_peers *peers = (struct tcp_peers *)conversation_get_proto_data(conversation, proto_bt_peer);

    if (peers == NULL) {
        if (!PINFO_FD_VISITED(pinfo))
            end_former(conversation, pinfo);
        peers = wmem_new0(wmem_file_scope(), struct tcp_peers);
        peer_feed_init(&peers->feed, wmem_file_scope(), bt_peer_setup());
        conversation_add_proto_data(conversation, proto_bt_peer, peers);
    }
    return peers;
}

/* A sequence number of 32 bits as the nearest 64-bit one to those seen before. */
static uint64_t
widen(uint64_t *highest, uint32_t number)
{
    if (*highest == 0)
        *highest = tcp_first_position(number);
    return *highest + (uint64_t)(int64_t)(int32_t)(number - (uint32_t)*highest);
}

/* --- what the first pass found out --- */

static void
remember_layout(struct tcp_peers *peers, uint32_t frame, uint32_t seq, const struct segment_layout *layout)
{
    if (peers->layouts == NULL)
        peers->layouts = wmem_map_new(wmem_file_scope(), g_int64_hash, g_int64_equal);

    uint64_t *key = wmem_new(wmem_file_scope(), uint64_t);
    *key = (uint64_t)frame << 32 | seq;
    wmem_map_insert(peers->layouts, key, wmem_memdup(wmem_file_scope(), layout, sizeof *layout));
}

static struct segment_layout
recall_layout(const struct tcp_peers *peers, enum peer_side from, uint32_t frame, uint32_t seq)
{
    struct segment_layout  usual = { .framed = true };
    uint32_t               synced_in = peers->feed.synced_in[from];
    uint64_t               key = (uint64_t)frame << 32 | seq;
    struct segment_layout *layout = NULL;

    if (synced_in == 0 || frame < synced_in) {
        usual.framed = false;
        usual.may_ask = true;
    }
    if (peers->layouts != NULL)
        layout = (struct segment_layout *)wmem_map_lookup(peers->layouts, &key);
    return layout != NULL ? *layout : usual;
}

/* --- the first pass --- */

/* The sequence number of the first byte of tvb. TCP gives that of the segment, and may have stepped over the rest of
 * a message that it could not reassemble. */
static uint32_t
first_byte(const struct tcpinfo *tcpinfo, const tvbuff_t *tvb)
{
    uint32_t length = tcpinfo->nxtseq - tcpinfo->seq;
    uint32_t reported = tvb_reported_length(tvb);

    return !tcpinfo->is_reassembled && length > reported ? tcpinfo->seq + (length - reported) : tcpinfo->seq;
}

/* What the user is told where bytes before the chunk are missing. */
static void
describe_missing(uint64_t missing, char *text, size_t size)
{
    g_snprintf(text, (gulong)size, "%" PRIu64 " byte%s of this peer's stream %s missing before this segment%s", missing,
               missing == 1 ? "" : "s", missing == 1 ? "is" : "are",
               reassembles_out_of_order ? "" : "; if they come later in the capture, the preference "
               "tcp.reassemble_out_of_order puts them in their place");
}

static void
watch(struct tcp_peers *peers, conversation_t *conversation, packet_info *pinfo)
{
    const struct tcp_analysis *analysis = get_tcp_conversation_data(conversation, pinfo);

    peers->watched = true;
    peers->completeness = analysis->conversation_completeness;
    packet_watch_add(pinfo);
}

/* Feeds the connection. First pass only. */
static void
read_segment(struct tcp_peers *peers, conversation_t *conversation, enum peer_side from, uint32_t seq, tvbuff_t *tvb,
             packet_info *pinfo, const struct tcpinfo *tcpinfo, bool comes_again)
{
    const struct message_stream *stream = &peers->feed.streams[from];
    const struct feed_packet packet = { .from = from, .frame = pinfo->num, .time = packet_time(pinfo) };
    struct feed_chunk chunk = {
        .bytes = { .position = widen(&peers->highest_seq[from], seq), .captured = tvb_captured_length(tvb),
                   .reported = tvb_reported_length(tvb), .reassembles = comes_again },
        .place = seq, .frame = pinfo->num, .has_ack = (tcpinfo->flags & TH_ACK) != 0
    };
    struct segment_layout layout = { .framed = true };
    char                  lacking[192];

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    peer_connection_begin_packet(peers->feed.connection, pinfo->num, packet_number(pinfo));
    chunk.bytes.data = tvb_get_ptr(tvb, 0, (int)chunk.bytes.captured);
    peers->highest_seq[from] = MAX(peers->highest_seq[from], chunk.bytes.position);
    if (chunk.has_ack)
        chunk.ack = widen(&peers->highest_seq[other_side(from)], tcpinfo->lastackseq);
    if (stream->has_end && chunk.bytes.position > stream->end + stream->comes_again) {
        describe_missing(chunk.bytes.position - stream->end - stream->comes_again, lacking, sizeof lacking);
        chunk.lacking = lacking;
        chunk.describe_missing = describe_missing;
    }

    switch (peer_feed_chunk(&peers->feed, &packet, &chunk, &layout.first)) {
    case CHUNK_NEW:
        break;
    case CHUNK_REPEATED:
        layout.framed = false;
        layout.may_ask = !chunk.filled;     /* else TCP withholds what is still to fill the hole */
        break;
    case CHUNK_UNSYNCED:
        layout.framed = false;
        layout.may_ask = stream->sync == STREAM_UNKNOWN;
        break;
    }
    if (layout.framed ? layout.first > 0 : peers->feed.synced_in[from] != 0)
        remember_layout(peers, pinfo->num, seq, &layout);
    if (!peers->watched && peer_connection_watches(peers->feed.connection))
        watch(peers, conversation, pinfo);
}

/* Any packet of a TCP conversation, while one of them is watched. */
static void
take_watched_packet(packet_info *pinfo)
{
    conversation_t   *conversation = recent_conversation(pinfo);
    struct tcp_peers *peers = NULL;

    if (conversation != NULL)
        peers = (struct tcp_peers *)conversation_get_proto_data(conversation, proto_bt_peer);
    if (peers == NULL || !peers->watched)
        return;

    const struct tcp_analysis *analysis = get_tcp_conversation_data(conversation, pinfo);
    uint8_t                    before = peers->completeness;

    /* It sums up the conversation: what is new in it is of this packet. */
    peers->completeness = analysis->conversation_completeness;
    peers->feed.connection->round_trip = time_to_ns(&analysis->ts_first_rtt);
    peer_connection_packet(peers->feed.connection, packet_sender(pinfo), pinfo->num, packet_time(pinfo),
                           (peers->completeness & ~before & (COMPLETENESS_FIN | COMPLETENESS_RST)) != 0);
    if (!peer_connection_watches(peers->feed.connection)) {
        peers->watched = false;
        packet_watch_remove();
    }
}

/* --- every pass --- */

/* Whether a message that goes on after the segment may be asked for as a whole. */
static bool
reassembles(const packet_info *pinfo)
{
    return bittorrent_desegment && pinfo->saved_can_desegment > 0;
}

/* Shows a part of the segment as the built-in dissector does, with what TCP allows us to ask for. */
static void
show_builtin(tvbuff_t *part, packet_info *pinfo, proto_tree *tree, void *data)
{
    /* Before it was lowered for the layer that we are. */
    uint16_t can_desegment = pinfo->saved_can_desegment;

    if (tvb_reported_length(part) == 0)
        return;
    pinfo->can_desegment = can_desegment;
    call_dissector_with_data(bittorrent_handle, part, pinfo, tree, data);
    pinfo->saved_can_desegment = can_desegment;
}

/* The wish of the built-in dissector for more is dropped: out of sync, any four bytes look like a length. */
static void
ask_for_nothing(packet_info *pinfo)
{
    pinfo->desegment_offset = 0;
    pinfo->desegment_len = 0;
}

/* Shows the complete messages, and asks TCP for the rest of the next one. */
static void
show_framed(const struct bt_peer_view *view, uint32_t first, packet_info *pinfo, proto_tree *tree)
{
    tvbuff_t *tvb = view->tvb;
    uint32_t  captured = tvb_captured_length(tvb);
    uint32_t  reported = tvb_reported_length(tvb);
    uint32_t  next_size;
    uint32_t  complete;

    first = MIN(first, captured);
    complete = peer_wire_complete(tvb_get_ptr(tvb, (int)first, (int)(captured - first)), captured - first,
                                  reported - first, &next_size);
    if (first > 0)
        show_builtin(tvb_new_subset_length(tvb, 0, (int)first), pinfo, tree, view->data);
    bt_peer_show_messages(view, first, complete, pinfo, tree);

    uint32_t rest = reported - first - complete;
    if (next_size == PEER_SIZE_BAD)
        show_builtin(tvb_new_subset_remaining(tvb, (int)(first + complete)), pinfo, tree, view->data);
    ask_for_nothing(pinfo);
    if (next_size != PEER_SIZE_BAD && rest > 0) {
        pinfo->desegment_offset = (int)(first + complete);
        pinfo->desegment_len = next_size == PEER_SIZE_UNKNOWN ? DESEGMENT_ONE_MORE_SEGMENT : next_size - rest;
    }
}

/* Shows a segment that TCP does not put together with others, as without us. Where the built-in dissector is to put
 * messages together and TCP does not let it, it tells TCP where the next one begins, and TCP steps over the rest of this
 * one. But a message counts in the frame that it ends in, so we need the rest, and step over it ourselves. */
static void
show_alone(const struct bt_peer_view *view, uint32_t first, packet_info *pinfo, proto_tree *tree)
{
    TRY {
        if (!bittorrent_desegment || first == 0)
            show_builtin(view->tvb, pinfo, tree, view->data);
        else if (first < tvb_reported_length(view->tvb))
            show_builtin(tvb_new_subset_remaining(view->tvb, (int)first), pinfo, tree, view->data);
    }
    FINALLY {                           /* a message that is cut ends it with an exception */
        if (!PINFO_FD_VISITED(pinfo))
            pinfo->want_pdu_tracking = 0;
    }
    ENDTRY;
}

static void
show_segment(const struct bt_peer_view *view, struct segment_layout layout, packet_info *pinfo, proto_tree *tree)
{
    if (layout.framed && reassembles(pinfo)) {
        show_framed(view, layout.first, pinfo, tree);
    } else if (layout.framed) {
        show_alone(view, layout.first, pinfo, tree);
    } else {
        show_builtin(view->tvb, pinfo, tree, view->data);
        if (!layout.may_ask)
            ask_for_nothing(pinfo);
    }
}

/* Shows all of it. A packet cut short ends the built-in dissector with an exception; what we know shows all the
 * same. */
static void
show(const struct bt_peer_view *view, struct segment_layout layout, packet_info *pinfo, proto_tree *tree)
{
    if (!bt_peer_has_notes(view, pinfo)) {
        show_segment(view, layout, pinfo, tree);
        return;
    }
    TRY {
        show_segment(view, layout, pinfo, tree);
    }
    FINALLY {
        bt_peer_show_notes(view, pinfo, tree);
    }
    ENDTRY;
}

/* --- encrypted connections --- */

/* The connection is MSE: what its bytes were taken for before is forgotten. First pass only. */
static void
set_mse(struct tcp_peers *peers, struct mse_feed *mse)
{
    end_peers(peers);
    peer_feed_init(&peers->feed, wmem_file_scope(), bt_peer_setup());
    peers->mse = mse;
    peers->search_over = true;
    for (int side = PEER_A; side <= PEER_B; side++) {
        if (mse->sides[side].has_base)
            peers->highest_seq[side] = MAX(peers->highest_seq[side], mse->sides[side].base);
    }
}

/* Whether a connection of which we see all packets turns out to be MSE. First pass only. */
static void
look_for_mse(struct tcp_peers *peers, conversation_t *conversation, enum peer_side from, uint32_t seq, tvbuff_t *tvb,
             packet_info *pinfo)
{
    struct mse_feed *mse;

    if (peers->search_over)
        return;
    if (peers->feed.synced_in[PEER_A] != 0 || peers->feed.synced_in[PEER_B] != 0) {
        tcp_search_give_up(conversation);
        peers->search_over = true;
        return;
    }
    mse = tcp_search(conversation, from, seq, tvb, pinfo, &peers->search_over);
    if (mse != NULL)
        set_mse(peers, mse);
}

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
        struct bt_peer_view view = {
            .connection = peers->feed.connection, .from = (enum peer_side)late->side, .place = late->place,
            .show_builtin = show_builtin, .builtin = bittorrent_handle, .data = data
        };
        uint32_t next_size, complete = 0;

        if (late->side == bytes->side && joined_to != 0 && late->offset < joined_to)
            continue;
        view.tvb = tvb_new_child_real_data(bytes->tvb, late->data, late->size, (int)late->size);
        add_new_data_source(pinfo, view.tvb, BT_MSE_DATA_SOURCE);
        if (peer_wire_plausible(late->data, late->size, late->size))
            complete = peer_wire_complete(late->data, late->size, late->size, &next_size);
        bt_peer_show_messages(&view, 0, complete, pinfo, tree);
        bt_peer_show_notes(&view, pinfo, tree);
        ask_for_nothing(pinfo);
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
        ask_for_nothing(pinfo);
    else
        pinfo->desegment_offset += (int)at - (int)late_size;
}

/* A segment of a connection that is MSE: handshake, payload, or both. */
static void
dissect_mse(struct tcp_peers *peers, conversation_t *conversation, enum peer_side from, uint32_t seq, tvbuff_t *tvb,
            packet_info *pinfo, proto_tree *tree, const struct tcpinfo *tcpinfo, void *data)
{
    struct mse_feed    *mse = peers->mse;
    struct bt_mse_bytes bytes = { .mse = mse, .side = from, .tvb = tvb };
    struct mse_part     part;
    uint32_t            late_size;
    tvbuff_t           *payload;
    bool                shown;

    if (PINFO_FD_VISITED(pinfo)) {
        bytes.position = mse_feed_position(mse, from, pinfo->num, seq);
    } else {
        struct feed_packet packet = { .from = from, .frame = pinfo->num, .time = packet_time(pinfo) };
        struct feed_chunk  chunk = tcp_search_chunk(mse, from, seq, tvb, pinfo);

        bytes.position = chunk.bytes.position;
        mse_feed_search(mse, &packet, &chunk, false);
        peer_connection_begin_packet(peers->feed.connection, pinfo->num, packet_number(pinfo));
        mse_feed_earlier(mse, &peers->feed, &packet, &chunk);
        mse_feed_begin(mse, &peers->feed, from);
    }
    mse_feed_part(mse, from, bytes.position, tvb_reported_length(tvb), pinfo->num, &part);
    shown = show_handshake(&bytes, pinfo, tree);
    payload = bt_mse_payload(&bytes, &part, mse->late, &late_size, pinfo);
    if (mse->late != NULL)
        show_late(&bytes, late_size > 0 ? part.offset : 0, peers, pinfo, tree, data);
    if (payload == NULL) {
        if (!shown)
            call_data_dissector(tvb, pinfo, tree);
        ask_for_nothing(pinfo);
        return;
    }

    struct bt_peer_view view = {
        .connection = peers->feed.connection, .from = from, .place = seq + part.at - late_size, .tvb = payload,
        .show_builtin = show_builtin, .builtin = bittorrent_handle, .data = data
    };
    struct segment_layout layout = { .framed = true };

    if (!PINFO_FD_VISITED(pinfo))
        read_segment(peers, conversation, from, seq + part.at,
                     late_size > 0 ? tvb_new_subset_remaining(payload, (int)late_size) : payload, pinfo, tcpinfo,
                     reassembles(pinfo));
    if (late_size == 0)
        layout = recall_layout(peers, from, pinfo->num, view.place);
    layout.may_ask = false;
    show(&view, layout, pinfo, tree);
    correct_wish(pinfo, part.at, late_size);
}

/* --- one segment --- */

static int
dissect_bt_peer_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct tcpinfo *tcpinfo = (const struct tcpinfo *)data;

    if (tcpinfo == NULL || pinfo->flags.in_error_pkt || tvb_captured_length(tvb) == 0) {
        show_builtin(tvb, pinfo, tree, data);
        return (int)tvb_reported_length(tvb);
    }

    conversation_t     *conversation = recent_or_new_conversation(pinfo);
    struct tcp_peers   *peers = get_peers(conversation, pinfo);
    struct bt_peer_view view = {
        .connection = peers->feed.connection, .from = packet_sender(pinfo), .place = first_byte(tcpinfo, tvb),
        .tvb = tvb, .show_builtin = show_builtin, .builtin = bittorrent_handle, .data = data
    };

    if (!PINFO_FD_VISITED(pinfo))
        look_for_mse(peers, conversation, view.from, view.place, tvb, pinfo);
    if (peers->mse != NULL) {
        dissect_mse(peers, conversation, view.from, view.place, tvb, pinfo, tree, tcpinfo, data);
        return (int)tvb_reported_length(tvb);
    }
    if (!PINFO_FD_VISITED(pinfo))
        read_segment(peers, conversation, view.from, view.place, tvb, pinfo, tcpinfo, reassembles(pinfo));
    show(&view, recall_layout(peers, view.from, pinfo->num, view.place), pinfo, tree);
    return (int)tvb_reported_length(tvb);
}

/* Whether a connection that is nobody's turns out to be MSE with this segment. */
static bool
becomes_mse(tvbuff_t *tvb, const uint8_t *data, uint32_t captured, packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    enum peer_side   from;
    uint32_t         seq;
    conversation_t  *conversation;
    struct mse_feed *mse;
    bool             is_over;

    if (PINFO_FD_VISITED(pinfo) || !searches || !mse_connections()->enabled || tcpinfo == NULL
            || pinfo->flags.in_error_pkt)
        return false;
    from = packet_sender(pinfo);
    seq = first_byte(tcpinfo, tvb);
    if (!tcp_early_take(from, seq, data, captured, tvb_reported_length(tvb), pinfo))
        return false;
    conversation = recent_or_new_conversation(pinfo);
    mse = tcp_search(conversation, from, seq, tvb, pinfo, &is_over);
    if (mse == NULL)
        return false;
    set_mse(get_peers(conversation, pinfo), mse);
    return true;
}

/* A conversation is claimed by its handshake, as strong a test as that of the built-in dissector, or because it is MSE. */
static ws_bool
dissect_bt_peer_tcp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const uint32_t captured = tvb_captured_length(tvb);
    const uint8_t *bytes = captured > 0 ? tvb_get_ptr(tvb, 0, (int)captured) : NULL;

    if (!becomes_mse(tvb, bytes, captured, pinfo, (const struct tcpinfo *)data)
            && (!peer_wire_is_handshake(bytes, captured) || !bt_peer_enabled(bittorrent_handle, BT_PEER_TCP_HEURISTIC)))
        return FALSE;

    if (!PINFO_FD_VISITED(pinfo))
        conversation_set_dissector(recent_or_new_conversation(pinfo), bt_peer_tcp_handle);
    dissect_bt_peer_tcp(tvb, pinfo, tree, data);
    return TRUE;
}

/* --- registration --- */

static bool
read_preference(const char *protocol, const char *name, bool otherwise)
{
    module_t *module = prefs_find_module(protocol);
    pref_t   *preference = module != NULL ? prefs_find_preference(module, name) : NULL;

    return preference != NULL ? prefs_get_bool_value(preference, pref_current) : otherwise;
}

static void
begin_capture(void)
{
    bittorrent_desegment = read_preference("bittorrent", "desegment", true);
    reassembles_out_of_order = read_preference("tcp", "reassemble_out_of_order", false);
    searches = bt_peer_enabled(bittorrent_handle, BT_PEER_TCP_HEURISTIC);
    tcp_search_begin_capture();
    peer_ports_adopt("tcp.port", bittorrent_handle, bt_peer_tcp_handle,
                     bt_peer_enabled(bittorrent_handle, BT_PEER_TCP_HEURISTIC));
}

void
proto_reg_handoff_bt_peer_tcp(void)
{
    bittorrent_handle = find_dissector("bittorrent.tcp");
    bt_peer_tcp_handle = create_dissector_handle(dissect_bt_peer_tcp, proto_bt_peer_in_name_only);
    heur_dissector_add("tcp", dissect_bt_peer_tcp_heur, "BitTorrent peers over TCP", BT_PEER_TCP_HEURISTIC,
                       proto_bt_peer, HEURISTIC_ENABLE);
    packet_watch_set_tcp(take_watched_packet);
    register_init_routine(begin_capture);
}
