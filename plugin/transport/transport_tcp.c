/* transport_tcp.c
 * BitTorrent peers over TCP: a wrapper around the built-in BitTorrent dissector.
 *
 *     transport_tcp.c   a segment comes
 *     tcp_mse.c         is it encrypted? What it has is found (tcp_search.c, tcp_early.c, tcp_withheld.c) and decrypted
 *     tcp_peers.c       first pass: its bytes go to peer_feed.c, for what they mean
 *     tcp_show.c        every pass: its messages go to the built-in dissector, for display
 *
 * Where TCP cannot reassemble, message_stream.c puts the messages together that matter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/transport_tcp.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/prefs.h>
#include <epan/prefs-int.h>

#include "core/peer_wire.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"
#include "peer/peer_ports.h"
#include "peer/recent_conversations.h"
#include "transport/tcp_mse.h"
#include "transport/tcp_peers.h"
#include "transport/tcp_show.h"

#define BT_PEER_TCP_HEURISTIC "bt_peer_tcp"

static dissector_handle_t bittorrent_handle;
static dissector_handle_t bt_peer_tcp_handle;
/* Of conversations: of no protocol, so that Wireshark need not ask for every packet whether it is enabled, and has a layer. */
static dissector_handle_t bt_peer_tcp_stay_handle;

static int               proto_tcp;
static dissector_table_t tcp_ports;
static bool ports_come_first; /* a preference of TCP, the other way round: before heuristics; read for each capture */

/* Whether a port leads to another dissector, which TCP asks as well, and perhaps first. */
static bool
is_of_another(uint32_t port)
{
    dissector_handle_t handle = dissector_get_uint_handle(tcp_ports, port);

    return handle != NULL && handle != bt_peer_tcp_handle;
}

/* A port has led TCP here, and would for every packet of a connection that begins with the handshake of BitTorrent. TCP asks
 * a conversation's dissector first: with it no port is looked up any more. Not where TCP itself did not call us but, say,
 * SOCKS, nor where somebody else is to be asked for each packet. */
static void
stay_here(conversation_t *conversation, const struct tcp_bytes *bytes, const packet_info *pinfo)
{
    const wmem_list_frame_t *last = wmem_list_tail(pinfo->layers);

    if (ports_come_first && peer_wire_is_handshake(bytes->data, bytes->captured) && last != NULL
        && GPOINTER_TO_INT(wmem_list_frame_data(last)) == proto_tcp && !is_of_another(pinfo->srcport)
        && !is_of_another(pinfo->destport))
        conversation_set_dissector_from_frame_number(conversation, pinfo->num, bt_peer_tcp_stay_handle);
}

/* A segment of a connection of peers, on any pass. */
static void
take_segment(const struct tcp_bytes *bytes, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct tcpinfo *tcpinfo = (const struct tcpinfo *)data;
    conversation_t       *conversation = recent_or_new_conversation(pinfo);
    struct tcp_peers     *peers = tcp_peers_of(conversation);

    if (peers == NULL) {
        peers = tcp_peers_new(conversation, pinfo);
        stay_here(conversation, bytes, pinfo);
    }
    if (!PINFO_FD_VISITED(pinfo))
        tcp_mse_look(peers, conversation, bytes, pinfo, tcpinfo);
    if (peers->mse != NULL) {
        tcp_mse_dissect(peers, conversation, bytes, pinfo, tree, data);
        return;
    }

    struct segment_layout layout;
    bool                  whole = false;

    if (!PINFO_FD_VISITED(pinfo))
        whole = tcp_peers_read(peers, conversation, bytes, pinfo, tcpinfo, tcp_show_reassembles(pinfo));
    layout = tcp_peers_layout(peers, bytes->from, pinfo->num, bytes->seq);
    layout.whole = whole;
    tcp_show(peers, bytes, layout, pinfo, tree, data);
}

/* What can be no segment of a connection is left to the built-in dissector. */
static void
dissect_bytes(const struct tcp_bytes *bytes, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (data == NULL || pinfo->flags.in_error_pkt || bytes->captured == 0)
        tcp_show_builtin(bytes->tvb, pinfo, tree, data);
    else
        take_segment(bytes, pinfo, tree, data);
}

static int
dissect_bt_peer_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct tcp_bytes bytes = tcp_bytes_of_segment(tvb, pinfo, (const struct tcpinfo *)data);

    dissect_bytes(&bytes, pinfo, tree, data);
    return (int)bytes.reported;
}

/* A conversation is claimed by its handshake, as strong a test as that of the built-in dissector, or because it is MSE. */
static ws_bool
dissect_bt_peer_tcp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct tcpinfo *tcpinfo = (const struct tcpinfo *)data;
    struct tcp_bytes      bytes = tcp_bytes_of_segment(tvb, pinfo, tcpinfo);

    if (!tcp_mse_becomes(&bytes, pinfo, tcpinfo)
        && (!peer_wire_is_handshake(bytes.data, bytes.captured)
            || !bt_peer_enabled(bittorrent_handle, BT_PEER_TCP_HEURISTIC)))
        return FALSE;

    if (!PINFO_FD_VISITED(pinfo)) {
        conversation_t *conversation = recent_or_new_conversation(pinfo);

        conversation_set_dissector(conversation, bt_peer_tcp_stay_handle);
        if (tcpinfo != NULL)
            tcp_mse_claimed(conversation, pinfo, tcpinfo);
    }
    dissect_bytes(&bytes, pinfo, tree, data);
    return TRUE;
}

/* The same, for conversations in which it is to be asked before all others. */
static int
dissect_bt_peer_tcp_first(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    return dissect_bt_peer_tcp_heur(tvb, pinfo, tree, data) ? (int)tvb_reported_length(tvb) : 0;
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
    bool enabled = bt_peer_enabled(bittorrent_handle, BT_PEER_TCP_HEURISTIC);

    ports_come_first = !read_preference("tcp", "try_heuristic_first", false);
    tcp_show_begin_capture(read_preference("bittorrent", "desegment", true));
    tcp_peers_begin_capture(read_preference("tcp", "reassemble_out_of_order", false));
    tcp_mse_begin_capture(enabled);
    peer_ports_adopt("tcp.port", bittorrent_handle, bt_peer_tcp_handle, enabled);
}

void
proto_reg_handoff_bt_peer_tcp(void)
{
    bittorrent_handle = find_dissector("bittorrent.tcp");
    proto_tcp = proto_get_id_by_filter_name("tcp");
    tcp_ports = find_dissector_table("tcp.port");
    bt_peer_tcp_handle = create_dissector_handle(dissect_bt_peer_tcp, proto_bt_peer_in_name_only);
    bt_peer_tcp_stay_handle = create_dissector_handle(dissect_bt_peer_tcp, -1);
    heur_dissector_add("tcp", dissect_bt_peer_tcp_heur, "BitTorrent peers over TCP", BT_PEER_TCP_HEURISTIC,
                       proto_bt_peer, HEURISTIC_ENABLE);
    proto_reg_handoff_tcp_show(bittorrent_handle);
    proto_reg_handoff_tcp_peers();
    proto_reg_handoff_tcp_mse(create_dissector_handle(dissect_bt_peer_tcp_first, -1));
    register_init_routine(begin_capture);
}
