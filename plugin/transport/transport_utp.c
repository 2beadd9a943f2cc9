/* transport_utp.c
 * BitTorrent peers over uTP: a wrapper around the built-in uTP dissector.
 *
 * The built-in dissector shows each packet by itself. The wrapper calls it for that, and hands the packet to utp_flow.c,
 * which puts the stream in order. What the messages have to show is shown in the frame in which they are complete, those
 * that began in another packet in a data source of their own.
 *
 * A pair of UDP ports becomes ours
 *   - by a packet whose payload is the handshake of BitTorrent,
 *   - where the user switched on bt_utp_udp, the built-in heuristic, whose place in the list stays what it is,
 *   - or where a port table leads to the built-in dissector.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/transport_utp.h"

#include <epan/conversation.h>
#include <epan/exceptions.h>

#include "core/utp_flow.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"
#include "peer/packet_watch.h"
#include "peer/peer_ports.h"

#define BT_PEER_UTP_HEURISTIC   "bt_peer_utp"
#define BT_UTP_HEURISTIC        "bt_utp_udp"

static dissector_handle_t bittorrent_handle;
static dissector_handle_t bt_utp_handle;
static dissector_handle_t bt_peer_utp_handle;
static heur_dissector_t   bt_utp_heuristic;     /* the built-in one */
static GPtrArray         *flows;                /* struct utp_flow: all of the capture; first pass only */

static bool
enabled(void)
{
    return bt_peer_enabled(bt_utp_handle, BT_PEER_UTP_HEURISTIC) && bittorrent_handle != NULL
           && proto_is_protocol_enabled(find_protocol_by_id(dissector_handle_get_protocol_index(bittorrent_handle)));
}

/* --- the first pass --- */

static struct utp_flow *
flow_of(const conversation_t *conversation)
{
    return conversation != NULL ? (struct utp_flow *)conversation_get_proto_data(conversation, proto_bt_peer) : NULL;
}

/* claimed_in of a pair of ports of which nobody knows what they are for. */
#define NOT_CLAIMED UINT32_MAX

static struct utp_flow *
get_flow(conversation_t *conversation)
{
    struct utp_flow *flow = flow_of(conversation);

    if (flow == NULL) {
        flow = utp_flow_new(wmem_file_scope(), bt_peer_setup());
        flow->claimed_in = NOT_CLAIMED;
        conversation_add_proto_data(conversation, proto_bt_peer, flow);
        g_ptr_array_add(flows, flow);
    }
    return flow;
}

static struct utp_packet
packet_of(const struct utp_header *header, tvbuff_t *tvb, const packet_info *pinfo)
{
    struct utp_packet packet = {
        .header = *header,
        .captured = tvb_captured_length(tvb) - header->size,
        .reported = tvb_reported_length(tvb) - header->size,
        .frame = pinfo->num,
        .time = packet_time(pinfo),
    };

    packet.payload = tvb_get_ptr(tvb, 0, (int)(header->size + packet.captured)) + header->size;
    return packet;
}

/* Feeds the connection of the packet. */
static void
read_packet(conversation_t *conversation, enum peer_side from, const struct utp_header *header, tvbuff_t *tvb,
            packet_info *pinfo)
{
    struct utp_flow       *flow = get_flow(conversation);
    struct utp_packet      packet = packet_of(header, tvb, pinfo);
    const uint32_t         number = packet_number(pinfo);
    struct utp_connection *connection;

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    flow->claimed_in = MIN(flow->claimed_in, pinfo->num);
    utp_flow_read_early(flow, &packet, number, false);
    connection = utp_flow_get(flow, from, header, pinfo->num, packet.time);
    if (connection == NULL) {
        if (flow->turned_away)
            utp_flow_tell_full(flow, from, pinfo->num, number);
        return;
    }
    utp_connection_packet(connection, from, &packet, number);
    utp_flow_read_early(flow, &packet, number, true);
    if (peer_connection_watches(connection->feed.connection))
        packet_watch_begin();
}

/* A packet that looks like uTP, of ports that nobody has claimed: the handshake may come after it. */
static void
keep_early(const struct utp_header *header, tvbuff_t *tvb, packet_info *pinfo)
{
    bool             opens = (header->type == UTP_SYN || header->type == UTP_STATE)
                             && header->size == tvb_reported_length(tvb);
    conversation_t  *conversation = opens ? find_or_create_conversation(pinfo) : find_conversation_pinfo(pinfo, 0);
    struct utp_flow *flow = opens ? get_flow(conversation) : flow_of(conversation);

    if (flow == NULL || flow->claimed_in != NOT_CLAIMED || (flow->early == NULL && !opens))
        return;
    struct utp_packet packet = packet_of(header, tvb, pinfo);
    utp_flow_keep_early(flow, packet_sender(pinfo), &packet);
}

/* What waits for packets that never came is read when there is nothing more to come. */
static void
end_of_capture(void)
{
    for (unsigned i = 0; i < flows->len; i++)
        utp_flow_flush((struct utp_flow *)g_ptr_array_index(flows, i));
}

/* --- every pass --- */

/* The connection that a packet belongs to, NULL where none is followed. */
static const struct utp_connection *
find_connection(const conversation_t *conversation, enum peer_side from, const struct utp_header *header,
                uint32_t frame)
{
    const struct utp_flow *flow = flow_of(conversation);

    return flow != NULL ? utp_flow_find(flow, from, header, frame) : NULL;
}

/* What we have to say of the messages that are complete with this packet. */
static void
show_ours(const conversation_t *conversation, enum peer_side from, const struct utp_header *header, tvbuff_t *tvb,
          packet_info *pinfo, proto_tree *tree)
{
    const struct utp_flow       *flow = flow_of(conversation);
    const struct utp_connection *connection = find_connection(conversation, from, header, pinfo->num);
    struct bt_peer_view          view = {
        .connection = connection != NULL ? connection->feed.connection : flow != NULL ? flow->overflow : NULL,
        .from = from, .place = utp_place(header->seq_nr), .whole_frame = true
    };

    if (view.connection == NULL || notes_are_empty(&view.connection->notes))
        return;
    view.tvb = tvb_new_subset_remaining(tvb, (int)header->size);
    bt_peer_show_notes(&view, pinfo, tree);
    if (flow->claimed_in == pinfo->num) {       /* packets of the other side may have come before it */
        view.from = other_side(from);
        bt_peer_show_notes(&view, pinfo, tree);
    }
}

/* How a packet came to us. */
enum claim_path {
    CLAIMED_BY_PORTS,       /* the ports are ours */
    CLAIMED_BY_HANDSHAKE,   /* by our heuristic: it holds the handshake of BitTorrent */
    CLAIMED_BY_FLOW,        /* by our heuristic: the ports were ours before */
    CLAIMED_BY_BUILT_IN     /* by the built-in heuristic */
};

/* The built-in dissector shows the packet, and decides whether it is uTP: 0 if not. */
static int
show_builtin(enum claim_path path, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (path != CLAIMED_BY_BUILT_IN)
        return call_dissector_only(bt_utp_handle, tvb, pinfo, tree, data);
    return bt_utp_heuristic(tvb, pinfo, tree, data) ? (int)tvb_captured_length(tvb) : 0;
}

/* One packet; header is NULL for one that is shown, but not followed. What the built-in dissector finds unusual
 * (libtorrent's selective acknowledgements, shorter than the four bytes of BEP 29, or a large window) is uTP all the same
 * on a connection that we know. Returns 0 for what is left to other dissectors. */
static int
dissect_packet(enum claim_path path, const struct utp_header *header, tvbuff_t *tvb, packet_info *pinfo,
               proto_tree *tree, void *data)
{
    const enum peer_side from = packet_sender(pinfo);
    /* A packet cut short ends the built-in dissector with an exception, but only one that it has accepted. */
    volatile int         length = (int)tvb_captured_length(tvb);

    TRY {
        length = show_builtin(path, tvb, pinfo, tree, data);
        if (length == 0 && header != NULL
                && (path == CLAIMED_BY_HANDSHAKE
                    || find_connection(find_conversation_pinfo(pinfo, 0), from, header, pinfo->num) != NULL))
            length = call_data_dissector(tvb, pinfo, tree);
    }
    FINALLY {
        if (length > 0 && header != NULL) {
            conversation_t *conversation = find_or_create_conversation(pinfo);
            /* The built-in heuristic leads the conversation to its own dissector, on each pass. */
            if (path == CLAIMED_BY_BUILT_IN || (path != CLAIMED_BY_PORTS && !PINFO_FD_VISITED(pinfo)))
                conversation_set_dissector_from_frame_number(conversation, pinfo->num, bt_peer_utp_handle);
            if (!PINFO_FD_VISITED(pinfo))
                read_packet(conversation, from, header, tvb, pinfo);
            show_ours(conversation, from, header, tvb, pinfo, tree);
        }
    }
    ENDTRY;
    return length;
}

/* The header of a packet that we can follow. Not: packets quoted by ICMP, nor the first part of a datagram that IP did
 * not put together. */
static bool
read_header(tvbuff_t *tvb, const packet_info *pinfo, struct utp_header *header)
{
    uint32_t captured = tvb_captured_length(tvb);

    return captured > 0 && utp_header_read(tvb_get_ptr(tvb, 0, (int)captured), captured, header)
           && !pinfo->flags.in_error_pkt && !pinfo->fragmented;
}

static int
dissect_bt_peer_utp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_header header;
    bool              follow = read_header(tvb, pinfo, &header);

    return dissect_packet(CLAIMED_BY_PORTS, follow ? &header : NULL, tvb, pinfo, tree, data);
}

/* --- claims --- */

static bool
is_handshake(const struct utp_header *header, tvbuff_t *tvb)
{
    uint32_t captured = tvb_captured_length(tvb);

    return header->type == UTP_DATA
           && peer_wire_is_handshake(tvb_get_ptr(tvb, 0, (int)captured) + header->size, captured - header->size);
}

/* Whether the packet's ports were ours before. */
static bool
is_followed(const struct utp_header *header, packet_info *pinfo)
{
    const struct utp_flow *flow = flow_of(find_conversation_pinfo(pinfo, 0));

    return flow != NULL && flow->claimed_in <= pinfo->num
           && (header->type == UTP_SYN || utp_flow_find(flow, packet_sender(pinfo), header, pinfo->num) != NULL);
}

/* A pair of ports is claimed by the handshake of BitTorrent in a uTP packet. Afterwards the dissector of the DHT may
 * have claimed them for itself: it lets packets of uTP pass, which we know by their connection. */
static ws_bool
dissect_bt_peer_utp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_header header;
    bool              handshake;

    if (!read_header(tvb, pinfo, &header))
        return FALSE;
    handshake = is_handshake(&header, tvb);
    if (!handshake && !is_followed(&header, pinfo)) {
        if (!PINFO_FD_VISITED(pinfo) && enabled())
            keep_early(&header, tvb, pinfo);
        return FALSE;
    }
    return enabled() && dissect_packet(handshake ? CLAIMED_BY_HANDSHAKE : CLAIMED_BY_FLOW, &header, tvb, pinfo, tree,
                                       data) > 0;
}

/* Stands in the place of the built-in heuristic. */
static ws_bool
dissect_bt_utp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_header header;
    bool              follow;

    if (!enabled())
        return bt_utp_heuristic(tvb, pinfo, tree, data);
    follow = read_header(tvb, pinfo, &header);
    return dissect_packet(CLAIMED_BY_BUILT_IN, follow ? &header : NULL, tvb, pinfo, tree, data) > 0;
}

/* --- registration --- */

static void
begin_capture(void)
{
    g_ptr_array_set_size(flows, 0);
    peer_ports_adopt("udp.port", bt_utp_handle, bt_peer_utp_handle, enabled());
}

static void
find_bt_utp(const char *table _U_, void *handle, void *data _U_)
{
    int protocol = dissector_handle_get_protocol_index((dissector_handle_t)handle);

    if (protocol >= 0 && protocol == proto_get_id_by_filter_name("bt-utp"))
        bt_utp_handle = (dissector_handle_t)handle;
}

void
proto_reg_handoff_bt_peer_utp(void)
{
    heur_dtbl_entry_t *built_in = find_heur_dissector_by_unique_short_name(BT_UTP_HEURISTIC);

    flows = g_ptr_array_new();
    bittorrent_handle = find_dissector("bittorrent.utp");
    bt_utp_handle = find_dissector("bt-utp");
    if (bt_utp_handle == NULL)      /* 4.0 gives it no name */
        dissector_table_foreach_handle("udp.port", find_bt_utp, NULL);
    bt_peer_utp_handle = create_dissector_handle(dissect_bt_peer_utp, proto_bt_peer_in_name_only);
    heur_dissector_add("udp", dissect_bt_peer_utp_heur, "BitTorrent peers over uTP", BT_PEER_UTP_HEURISTIC,
                       proto_bt_peer, HEURISTIC_ENABLE);
    if (built_in != NULL) {
        bt_utp_heuristic = built_in->dissector;
        built_in->dissector = dissect_bt_utp_heur;
    }
    register_init_routine(begin_capture);
    register_postseq_cleanup_routine(end_of_capture);
}
