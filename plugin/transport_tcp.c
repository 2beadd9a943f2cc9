/* transport_tcp.c
 * BitTorrent peers over TCP: a wrapper around the built-in BitTorrent dissector.
 *
 * The wrapper decides where messages end. It asks TCP for the rest of a message that goes on behind the segment, and
 * hands the complete ones to the built-in dissector for display and to peer_connection.c for what they mean:
 *
 *     tvb:    |<- first ->|<------ complete ------>|<- rest ->|
 *             +-----------+-------+-------+--------+----------+
 *             | not ours  | msg   | msg   | msg    | part     |
 *             +-----------+-------+-------+--------+----------+
 *
 * first is 0 but after a hole in the capture or a repeated segment. Where TCP cannot reassemble (its preference, or
 * that of the built-in dissector, is off, or the packets are cut) the built-in dissector gets all of the segment, as
 * without us, and message_stream.c puts the messages together that matter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport_tcp.h"

#include "packet-bt-peer.h"
#include "after_donthave.h"
#include "packet-lt_donthave.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/exceptions.h>
#include <epan/prefs.h>
#include <epan/prefs-int.h>

/* How a call of the dissector was treated on the first pass, where that is not "complete messages from byte 0 on". */
struct segment_layout {
    bool     framed;        /* it is known where messages start: at first */
    bool     may_ask;       /* not framed: the built-in dissector may ask TCP for more */
    uint32_t first;         /* framed: offset of the first message that counts */
};

/* One direction of a connection. */
struct tcp_direction {
    struct message_stream stream;       /* first pass only */
    uint64_t              widest;       /* the highest sequence number seen, 64 bits wide; first pass only */
    bool                  begun;        /* widest is valid */
    uint32_t              synced_in;    /* first frame in which it was known where messages start; 0: never */
};

/* Bits of tcp.completeness: the conversation had such a segment. */
#define COMPLETENESS_FIN    0x10
#define COMPLETENESS_RST    0x20

/* A TCP conversation. */
struct tcp_peers {
    struct peer_connection *connection;
    struct tcp_direction    directions[2];  /* by enum peer_side: what that side sends */
    bool                    watched;        /* see after_donthave.h; first pass only */
    wmem_map_t             *layouts;        /* frame and sequence number -> struct segment_layout; NULL: none */
};

static bool bittorrent_desegment = true;    /* the preference of the built-in dissector; read for each capture */

static dissector_handle_t bittorrent_handle;
static dissector_handle_t bt_peer_tcp_handle;

static struct tcp_peers *
get_peers(packet_info *pinfo)
{
    conversation_t   *conversation = find_or_create_conversation(pinfo);
    struct tcp_peers *peers = (struct tcp_peers *)conversation_get_proto_data(conversation, proto_bt_peer);

    if (peers == NULL) {
        peers = wmem_new0(wmem_file_scope(), struct tcp_peers);
        peers->connection = bt_peer_connection_new();
        for (int side = PEER_A; side <= PEER_B; side++)
            message_stream_init(&peers->directions[side].stream, wmem_file_scope());
        conversation_add_proto_data(conversation, proto_bt_peer, peers);
    }
    return peers;
}

/* A sequence number of 32 bits as the nearest 64-bit one to those seen before. */
static uint64_t
widen(struct tcp_direction *direction, uint32_t number)
{
    if (!direction->begun) {
        direction->begun = true;
        direction->widest = (UINT64_C(1) << 32) + number;
    }
    return direction->widest + (uint64_t)(int64_t)(int32_t)(number - (uint32_t)direction->widest);
}

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
    const struct tcp_direction *direction = &peers->directions[from];
    uint64_t               key = (uint64_t)frame << 32 | seq;
    struct segment_layout *layout = NULL;

    if (direction->synced_in == 0 || frame < direction->synced_in) {
        usual.framed = false;
        usual.may_ask = true;
    }
    if (peers->layouts != NULL)
        layout = (struct segment_layout *)wmem_map_lookup(peers->layouts, &key);
    return layout != NULL ? *layout : usual;
}

/* The sequence number of the first byte of tvb. TCP gives that of the segment, and may have stepped over the rest of
 * a message that it could not reassemble. */
static uint32_t
first_byte(const struct tcpinfo *tcpinfo, const tvbuff_t *tvb)
{
    uint32_t length = tcpinfo->nxtseq - tcpinfo->seq;
    uint32_t reported = tvb_reported_length(tvb);

    if (length > reported && (tcpinfo->flags & TH_FIN))
        length--;               /* a FIN takes a number of its own */
    return !tcpinfo->is_reassembled && length > reported ? tcpinfo->seq + (length - reported) : tcpinfo->seq;
}

/* Feeds the connection. First pass only. */
static void
track(struct tcp_peers *peers, enum peer_side from, uint32_t seq, tvbuff_t *tvb, packet_info *pinfo,
      const struct tcpinfo *tcpinfo, bool comes_again)
{
    struct tcp_direction  *direction = &peers->directions[from];
    struct stream_chunk    chunk = {
        .position = widen(direction, seq),
        .captured = tvb_captured_length(tvb),
        .reported = tvb_reported_length(tvb),
        .reassembles = comes_again,
    };
    struct message_context context = {
        .frame = pinfo->num,
        .time = bt_peer_time(pinfo),
        .has_ack = (tcpinfo->flags & TH_ACK) != 0,
    };
    struct segment_layout  layout = { .framed = true };
    struct stream_message  message;
    bool                   gap;

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    chunk.data = tvb_get_ptr(tvb, 0, (int)chunk.captured);
    direction->widest = MAX(direction->widest, chunk.position);
    if (context.has_ack)
        context.ack = widen(&peers->directions[other_side(from)], tcpinfo->lastackseq);

    enum chunk_state state = message_stream_open(&direction->stream, &chunk, &gap);
    if (gap)
        peer_connection_gap(peers->connection, from);
    if (direction->stream.sync == STREAM_OK && direction->synced_in == 0)
        direction->synced_in = pinfo->num;

    switch (state) {
    case CHUNK_NEW:
        layout.first = chunk.offset;
        break;
    case CHUNK_REPEATED:
        layout.framed = false;
        layout.may_ask = true;
        break;
    case CHUNK_UNSYNCED:
        layout.framed = false;
        layout.may_ask = direction->stream.sync == STREAM_UNKNOWN;
        break;
    }
    if (layout.first > 0 || (!layout.framed && direction->synced_in != 0))
        remember_layout(peers, pinfo->num, seq, &layout);

    while (message_stream_next(&direction->stream, &chunk, &message)) {
        context.mark = message.position + message.size;
        peer_connection_message(peers->connection, from, &message, &context);
    }
    if (state == CHUNK_NEW && direction->stream.sync == STREAM_LOST)
        peer_connection_gap(peers->connection, from);
    if (state == CHUNK_NEW && direction->stream.sync == STREAM_LOST && direction->stream.too_long) {
        context.position = chunk.position + chunk.offset;
        context.size = chunk.reported - chunk.offset;
        context.bytes = NULL;
        peer_connection_limit(peers->connection, from, &context, "bytes of one message", PEER_MESSAGE_SIZE_MAX);
    }
    if (peer_connection_watches(peers->connection) && !peers->watched) {
        peers->watched = true;
        after_donthave_watch();
    }
}

/* Any packet of a TCP conversation, while one of them is watched. */
static void
take_packet(packet_info *pinfo)
{
    conversation_t   *conversation = find_conversation_pinfo(pinfo, 0);
    struct tcp_peers *peers = NULL;

    if (conversation != NULL)
        peers = (struct tcp_peers *)conversation_get_proto_data(conversation, proto_bt_peer);
    if (peers == NULL || !peers->watched)
        return;

    const struct tcp_analysis *analysis = get_tcp_conversation_data(conversation, pinfo);
    bool closed = (analysis->conversation_completeness & (COMPLETENESS_FIN | COMPLETENESS_RST)) != 0;

    peers->connection->round_trip = analysis->ts_first_rtt.secs * NS_PER_S + analysis->ts_first_rtt.nsecs;
    peer_connection_packet(peers->connection, bt_peer_sender(pinfo), pinfo->num, bt_peer_time(pinfo), closed);
    if (!peer_connection_watches(peers->connection)) {
        peers->watched = false;
        after_donthave_enough();
    }
}

/* Whether a message that goes on behind the segment may be asked for as a whole. */
static bool
reassembles(const packet_info *pinfo)
{
    return bittorrent_desegment && pinfo->saved_can_desegment > 0;
}

/* Shows a part of the segment as the built-in dissector does, with what TCP allows us to ask for. Where it may not ask
 * TCP for more, its wish is dropped: out of sync, any four bytes look like a length. */
static void
show_builtin(tvbuff_t *tvb, uint32_t offset, uint32_t length, bool may_ask, packet_info *pinfo, proto_tree *tree,
             void *data)
{
    /* Before it was lowered for the layer that we are. */
    uint16_t can_desegment = pinfo->saved_can_desegment;

    if (length == 0)
        return;
    if (offset > 0 || length < tvb_reported_length(tvb))
        tvb = tvb_new_subset_length(tvb, (int)offset, (int)length);
    pinfo->can_desegment = can_desegment;
    call_dissector_with_data(bittorrent_handle, tvb, pinfo, tree, data);
    pinfo->saved_can_desegment = can_desegment;
    if (!may_ask) {
        pinfo->desegment_offset = 0;
        pinfo->desegment_len = 0;
    }
}

/* Shows the complete messages, and asks TCP for the rest of the next one. */
static void
show_framed(tvbuff_t *tvb, uint32_t first, packet_info *pinfo, proto_tree *tree, void *data)
{
    uint32_t captured = tvb_captured_length(tvb);
    uint32_t reported = tvb_reported_length(tvb);
    uint32_t next_size;
    uint32_t complete;

    first = MIN(first, captured);
    complete = peer_wire_complete(tvb_get_ptr(tvb, (int)first, (int)(captured - first)), captured - first,
                                  reported - first, &next_size);
    show_builtin(tvb, 0, first, false, pinfo, tree, data);
    show_builtin(tvb, first, complete, false, pinfo, tree, data);

    uint32_t rest = reported - first - complete;
    if (next_size == PEER_SIZE_BAD) {
        show_builtin(tvb, first + complete, rest, false, pinfo, tree, data);
    } else if (rest > 0) {
        pinfo->desegment_offset = (int)(first + complete);
        pinfo->desegment_len = next_size == PEER_SIZE_UNKNOWN ? DESEGMENT_ONE_MORE_SEGMENT : next_size - rest;
    }
}

/* Shows all of it. A packet cut short ends the built-in dissector with an exception; what we know shows all the
 * same. */
static void
show(const struct tcp_peers *peers, enum peer_side from, uint32_t seq, tvbuff_t *tvb, packet_info *pinfo,
     proto_tree *tree, void *data)
{
    TRY {
        struct segment_layout layout = recall_layout(peers, from, pinfo->num, seq);
        if (layout.framed && reassembles(pinfo))
            show_framed(tvb, layout.first, pinfo, tree, data);
        else
            show_builtin(tvb, 0, tvb_reported_length(tvb), layout.framed || layout.may_ask, pinfo, tree, data);
    }
    FINALLY {
        bt_peer_show(peers->connection, from, seq, tvb, pinfo, tree);
    }
    ENDTRY;
}

static int
dissect_bt_peer_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct tcpinfo *tcpinfo = (const struct tcpinfo *)data;

    if (tcpinfo == NULL || pinfo->flags.in_error_pkt || tvb_captured_length(tvb) == 0) {
        show_builtin(tvb, 0, tvb_reported_length(tvb), true, pinfo, tree, data);
        return (int)tvb_reported_length(tvb);
    }

    struct tcp_peers *peers = get_peers(pinfo);
    enum peer_side    from = bt_peer_sender(pinfo);
    uint32_t          seq = first_byte(tcpinfo, tvb);

    if (!PINFO_FD_VISITED(pinfo))
        track(peers, from, seq, tvb, pinfo, tcpinfo, reassembles(pinfo));
    show(peers, from, seq, tvb, pinfo, tree, data);
    return (int)tvb_reported_length(tvb);
}

/* A conversation is claimed by its handshake, as strong a test as that of the built-in dissector. */
static ws_bool
dissect_bt_peer_tcp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    uint32_t captured = tvb_captured_length(tvb);

    if (captured < PEER_HANDSHAKE_MAGIC_SIZE
            || !peer_wire_is_handshake(tvb_get_ptr(tvb, 0, PEER_HANDSHAKE_MAGIC_SIZE), captured))
        return FALSE;
    if (!bt_peer_enabled(bittorrent_handle, BT_PEER_TCP_HEURISTIC))
        return FALSE;

    conversation_set_dissector(find_or_create_conversation(pinfo), bt_peer_tcp_handle);
    dissect_bt_peer_tcp(tvb, pinfo, tree, data);
    return TRUE;
}

static void
begin_capture(void)
{
    module_t *module = prefs_find_module("bittorrent");
    pref_t   *desegment = module != NULL ? prefs_find_preference(module, "desegment") : NULL;

    bittorrent_desegment = desegment == NULL || prefs_get_bool_value(desegment, pref_current);
    bt_peer_adopt_ports("tcp.port", bittorrent_handle, bt_peer_tcp_handle, BT_PEER_TCP_HEURISTIC);
}

void
proto_reg_handoff_bt_peer_tcp(void)
{
    bittorrent_handle = find_dissector("bittorrent.tcp");
    bt_peer_tcp_handle = create_dissector_handle(dissect_bt_peer_tcp, proto_bt_peer);
    heur_dissector_add("tcp", dissect_bt_peer_tcp_heur, "BitTorrent peers over TCP", BT_PEER_TCP_HEURISTIC,
                       proto_bt_donthave, HEURISTIC_ENABLE);
    register_init_routine(begin_capture);
    proto_reg_handoff_after_donthave(take_packet);
}
