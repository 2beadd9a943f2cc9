/* transport_utp.c
 * BitTorrent peers over uTP: a wrapper around the built-in uTP dissector.
 *
 * The built-in dissector shows each packet by itself. The wrapper calls it for that, and hands the packet to utp_flow.c,
 * which puts the stream in order. What the messages have to show is shown (utp_show.c) in the frame in which they are
 * complete, those that began in another packet in a data source of their own.
 *
 * A pair of UDP ports becomes ours
 *   - by a packet whose payload is the handshake of BitTorrent,
 *   - by a connection that turns out to be encrypted (MSE),
 *   - where the user switched on bt_utp_udp, the built-in heuristic, whose place in the list stays what it is,
 *   - or where a port table leads to the built-in dissector.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/transport_utp.h"

#include <epan/conversation.h>
#include <epan/exceptions.h>

#include "core/utp_flow.h"
#include "peer/mse_keys.h"
#include "peer/packet-bt-mse.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"
#include "peer/packet_watch.h"
#include "peer/peer_ports.h"
#include "peer/recent_conversations.h"
#include "transport/utp_show.h"

#define BT_PEER_UTP_HEURISTIC "bt_peer_utp"
#define BT_UTP_HEURISTIC      "bt_utp_udp"

static dissector_handle_t    bittorrent_handle;
static dissector_handle_t    bt_utp_handle;
static dissector_handle_t    bt_peer_utp_handle;
static dissector_handle_t    bt_peer_utp_stay_handle; /* of conversations, see transport_tcp.c */
static heur_dtbl_entry_t    *bt_utp_entry;            /* of the built-in heuristic, NULL: there is none, */
static heur_dissector_t      bt_utp_heuristic;        /* and what stood there */
static GPtrArray            *flows;                   /* struct utp_flow: all of the capture; first pass only */
static struct utp_flow_setup flow_setup;              /* of them */

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

static struct utp_flow *
get_flow(conversation_t *conversation)
{
    struct utp_flow *flow = flow_of(conversation);

    if (flow == NULL) {
        flow_setup = (struct utp_flow_setup){ .scope = wmem_file_scope(),
                                              .peers = bt_peer_setup(),
                                              .mse_feeds = mse_connections()->enabled ? mse_connections() : NULL };
        flow = utp_flow_new(&flow_setup);
        conversation_add_proto_data(conversation, proto_bt_peer, flow);
        g_ptr_array_add(flows, flow);
    }
    return flow;
}

/* A packet that we can follow. Not: packets quoted by ICMP, nor the first part of a datagram that IP did not put
 * together. */
static bool
packet_of(tvbuff_t *tvb, const packet_info *pinfo, struct utp_packet *packet)
{
    uint32_t       captured = tvb_captured_length(tvb);
    const uint8_t *data;

    if (captured < UTP_HEADER_SIZE || pinfo->flags.in_error_pkt || pinfo->fragmented)
        return false;
    data = tvb_get_ptr(tvb, 0, (int)captured);
    if (!utp_header_read(data, captured, &packet->header))
        return false;
    packet->payload = data + packet->header.size;
    packet->captured = captured - packet->header.size;
    packet->reported = tvb_reported_length(tvb) - packet->header.size;
    packet->frame = pinfo->num;
    packet->time = packet_time(pinfo);
    return true;
}

/* Feeds the connection of the packet, and returns it; NULL where it is not followed. known: that it was found to be; NULL:
 * it is looked for, and may begin. */
static struct utp_connection *
read_packet(struct utp_flow *flow, struct utp_connection *known, enum peer_side from, struct utp_packet *packet,
            packet_info *pinfo)
{
    const uint32_t         number = packet_number(pinfo);
    const bool             had_early = flow->claimed_in != 0 && flow->early != NULL;
    struct utp_connection *connection = had_early ? NULL : known;

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    if (had_early)
        utp_flow_read_early(flow, packet, number, false);
    if (connection == NULL)
        connection = utp_flow_get(flow, from, &packet->header, pinfo->num, packet->time);
    if (connection == NULL) {
        if (flow->turned_away)
            utp_flow_tell_full(flow, from, pinfo->num, number);
        return NULL;
    }
    utp_connection_packet(connection, from, packet, number);
    if (had_early) {
        utp_flow_read_early(flow, packet, number, true);
        connection = utp_flow_find(flow, from, &packet->header, pinfo->num); /* ST_SYN may have ended it */
    }
    if (connection != NULL && peer_connection_watches(connection->feed.connection))
        packet_watch_begin();
    return connection;
}

/* A packet that looks like uTP, of ports that nobody has claimed: the handshake may come after it. */
static void
keep_early(const struct utp_packet *packet, packet_info *pinfo)
{
    enum utp_type    type = packet->header.type;
    bool             opens = (type == UTP_SYN || type == UTP_STATE) && packet->reported == 0;
    conversation_t  *conversation = opens ? recent_or_new_conversation(pinfo) : recent_conversation(pinfo);
    struct utp_flow *flow = opens ? get_flow(conversation) : flow_of(conversation);

    if (flow != NULL && flow->claimed_in == 0 && (flow->early != NULL || opens))
        utp_flow_keep_early(flow, packet_sender(pinfo), packet);
}

/* What waits for packets that never came is read when there is nothing more to come. */
static void
end_of_capture(void)
{
    for (unsigned i = 0; i < flows->len; i++) {
        struct utp_flow *flow = (struct utp_flow *)g_ptr_array_index(flows, i);
        if (flow->claimed_in != 0)
            utp_flow_flush(flow);
    }
}

/* --- every pass --- */

/* Whether the ports were known to be of BitTorrent in a frame. */
static bool
is_claimed(const struct utp_flow *flow, uint32_t frame)
{
    return flow != NULL && flow->claimed_in != 0 && flow->claimed_in <= frame;
}

/* The connection that a packet belongs to, NULL where none is followed. */
static struct utp_connection *
find_connection(const struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    return is_claimed(flow, frame) ? utp_flow_find(flow, from, header, frame) : NULL;
}

/* How a packet came to us. */
enum claim_path {
    CLAIMED_BY_PORTS,      /* the ports are ours */
    CLAIMED_BY_HANDSHAKE,  /* by our heuristic: it holds the handshake of BitTorrent */
    CLAIMED_BY_ENCRYPTION, /* by our heuristic: its connection turned out to be MSE with it, so it was read already */
    CLAIMED_BY_FLOW,       /* by our heuristic: the ports were ours before */
    CLAIMED_BY_BUILT_IN    /* by the built-in heuristic */
};

/* The built-in dissector shows the packet, and decides whether it is uTP: 0 if not. */
static int
show_builtin(enum claim_path path, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (path != CLAIMED_BY_BUILT_IN)
        return call_dissector_only(bt_utp_handle, tvb, pinfo, tree, data);
    return bt_utp_heuristic(tvb, pinfo, tree, data) ? (int)tvb_captured_length(tvb) : 0;
}

/* Whether the packet's connection is, or may be, encrypted. */
static const struct utp_connection *
find_encrypted(enum peer_side from, const struct utp_packet *packet, packet_info *pinfo)
{
    const struct mse_feeds      *feeds = mse_connections();
    const struct utp_connection *connection;
    const struct utp_flow       *flow;

    if (feeds->count == 0 && feeds->found == NULL)
        return NULL;
    flow = flow_of(recent_conversation(pinfo));
    connection = flow != NULL ? utp_flow_find(flow, from, &packet->header, pinfo->num) : NULL;
    return connection != NULL && connection->encryption.mse != NULL ? connection : NULL;
}

/* The packets of a conversation come to us from a frame on. The built-in heuristic leads it to its own dissector, on each
 * pass. */
static void
lead_here(enum claim_path path, conversation_t *conversation, uint32_t frame, const packet_info *pinfo)
{
    if (path == CLAIMED_BY_BUILT_IN || (path != CLAIMED_BY_PORTS && !PINFO_FD_VISITED(pinfo)))
        conversation_set_dissector_from_frame_number(conversation, frame, bt_peer_utp_stay_handle);
}

/* The connection of a packet on ports that are ours; NULL where none is known yet. What it has is read before it is shown,
 * unless it was already: mostly nothing of ours is to be shown then, and nobody needs to catch what ends the built-in
 * dissector. */
static const struct utp_connection *
read_known(bool was_read, enum peer_side from, struct utp_packet *packet, packet_info *pinfo)
{
    struct utp_flow       *flow = flow_of(recent_conversation(pinfo));
    struct utp_connection *known = NULL;

    if (packet->header.type != UTP_SYN)
        known = find_connection(flow, from, &packet->header, pinfo->num);
    if (known != NULL && known->followed && !was_read && !PINFO_FD_VISITED(pinfo))
        read_packet(flow, known, from, packet, pinfo);
    return known;
}

/* A packet that we can follow, shown by the built-in dissector and then by ours. What the former finds unusual
 * (libtorrent's selective acknowledgements, shorter than the four bytes of BEP 29, or a large window) is uTP all the same
 * on a connection that we know. Returns 0 for what is left to other dissectors. */
static int
dissect_packet(enum claim_path path, struct utp_packet *packet, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree,
               void *data)
{
    const struct utp_header     *header = &packet->header;
    const enum peer_side         from = packet_sender(pinfo);
    const struct utp_connection *encrypted = find_encrypted(from, packet, pinfo);
    const bool read_first = encrypted != NULL && !PINFO_FD_VISITED(pinfo) && path != CLAIMED_BY_ENCRYPTION;
    /* A packet cut short ends the built-in dissector with an exception, but only one that it has accepted. */
    volatile int                 length = (int)tvb_captured_length(tvb);
    const struct utp_connection *known;

    /* What an encrypted packet is, only its connection tells. */
    if (read_first) {
        utp_flow_claim(encrypted->flow, encrypted->first_frame);
        read_packet(encrypted->flow, NULL, from, packet, pinfo);
        encrypted = find_encrypted(from, packet, pinfo); /* ST_SYN may have ended it, for another one with its ids */
    }
    if (encrypted != NULL && utp_mse_is_found(&encrypted->encryption)) {
        lead_here(path, recent_or_new_conversation(pinfo), encrypted->first_frame, pinfo);
        return utp_show_encrypted(encrypted, from, header, tvb, pinfo, tree, data);
    }

    known = path == CLAIMED_BY_PORTS ? read_known(read_first, from, packet, pinfo) : NULL;
    if (known != NULL && !utp_show_has_notes(known, from, header, pinfo)) {
        length = show_builtin(path, tvb, pinfo, tree, data);
        return length > 0 ? length : call_data_dissector(tvb, pinfo, tree);
    }

    TRY
    {
        length = show_builtin(path, tvb, pinfo, tree, data);
        if (length == 0
            && (path == CLAIMED_BY_HANDSHAKE
                || find_connection(flow_of(recent_conversation(pinfo)), from, header, pinfo->num) != NULL))
            length = call_data_dissector(tvb, pinfo, tree);
    }
    FINALLY
    {
        if (length > 0) {
            conversation_t  *conversation = recent_or_new_conversation(pinfo);
            struct utp_flow *flow = PINFO_FD_VISITED(pinfo) ? flow_of(conversation) : get_flow(conversation);
            const struct utp_connection *connection = NULL;
            lead_here(path, conversation, pinfo->num, pinfo);
            if (!PINFO_FD_VISITED(pinfo) && !read_first && known == NULL) {
                utp_flow_claim(flow, pinfo->num);
                connection = read_packet(flow, NULL, from, packet, pinfo);
            }
            if (connection == NULL)
                connection = find_connection(flow, from, header, pinfo->num);
            utp_show_notes(flow, connection, from, utp_place(header->seq_nr), tvb, header->size, pinfo, tree);
        }
    }
    ENDTRY;
    return length;
}

static int
dissect_bt_peer_utp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_packet packet;

    if (!packet_of(tvb, pinfo, &packet))
        return show_builtin(CLAIMED_BY_PORTS, tvb, pinfo, tree, data);
    return dissect_packet(CLAIMED_BY_PORTS, &packet, tvb, pinfo, tree, data);
}

/* --- claims --- */

static bool
is_handshake(const struct utp_packet *packet)
{
    return packet->header.type == UTP_DATA && peer_wire_is_handshake(packet->payload, packet->captured);
}

/* Whether the packet's ports were ours before. */
static bool
is_followed(const struct utp_flow *flow, const struct utp_header *header, packet_info *pinfo)
{
    return is_claimed(flow, pinfo->num)
           && (header->type == UTP_SYN || utp_flow_find(flow, packet_sender(pinfo), header, pinfo->num) != NULL);
}

/* Whether a connection on ports that are nobody's turns out to be MSE with this packet. */
static bool
becomes_mse(conversation_t *conversation, struct utp_packet *packet, packet_info *pinfo)
{
    const struct utp_header     *header = &packet->header;
    struct utp_flow             *flow = flow_of(conversation);
    const enum peer_side         from = packet_sender(pinfo);
    const struct utp_connection *connection;

    if (PINFO_FD_VISITED(pinfo) || !mse_connections()->enabled || (flow != NULL && flow->claimed_in != 0))
        return false;
    if (bt_utp_entry != NULL && bt_utp_entry->enabled) /* it claims them, and all that is ours is searched */
        return false;
    if ((flow == NULL || utp_flow_find(flow, from, header, pinfo->num) == NULL) && !utp_mse_may_begin(packet))
        return false;
    if (flow == NULL) {
        if (!enabled())
            return false;
        flow = get_flow(recent_or_new_conversation(pinfo));
    }
    read_packet(flow, NULL, from, packet, pinfo);
    connection = utp_flow_find(flow, from, header, pinfo->num);
    if (connection == NULL || !utp_mse_is_found(&connection->encryption))
        return false;
    utp_flow_claim(flow, connection->first_frame);
    utp_flow_forget_early(flow);
    return true;
}

/* A pair of ports is claimed by the handshake of BitTorrent in a uTP packet, or a connection that is MSE. Afterwards the
 * dissector of the DHT may have claimed them for itself: it lets packets of uTP pass, which we know by their
 * connection. */
static ws_bool
dissect_bt_peer_utp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_packet packet;
    conversation_t   *conversation;
    struct utp_flow  *flow;
    enum claim_path   path;

    if (!packet_of(tvb, pinfo, &packet))
        return FALSE;
    conversation = recent_conversation(pinfo);
    flow = flow_of(conversation);
    if (is_followed(flow, &packet.header, pinfo)) {
        path = CLAIMED_BY_FLOW;
    } else if (is_handshake(&packet)) {
        path = CLAIMED_BY_HANDSHAKE;
        if (!PINFO_FD_VISITED(pinfo) && flow != NULL && flow->claimed_in == 0)
            utp_flow_begin_anew(flow, packet_sender(pinfo), &packet.header, pinfo->num);
    } else if (becomes_mse(conversation, &packet, pinfo)) {
        path = CLAIMED_BY_ENCRYPTION;
    } else {
        if (!PINFO_FD_VISITED(pinfo) && enabled())
            keep_early(&packet, pinfo);
        return FALSE;
    }
    return enabled() && dissect_packet(path, &packet, tvb, pinfo, tree, data) > 0;
}

/* Stands in the place of the built-in heuristic. */
static ws_bool
dissect_bt_utp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_packet packet;

    if (!enabled() || !packet_of(tvb, pinfo, &packet))
        return bt_utp_heuristic(tvb, pinfo, tree, data);
    return dissect_packet(CLAIMED_BY_BUILT_IN, &packet, tvb, pinfo, tree, data) > 0;
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
    flows = g_ptr_array_new();
    bittorrent_handle = find_dissector("bittorrent.utp");
    bt_utp_handle = find_dissector("bt-utp");
    if (bt_utp_handle == NULL) /* 4.0 gives it no name */
        dissector_table_foreach_handle("udp.port", find_bt_utp, NULL);
    proto_reg_handoff_utp_show(bt_utp_handle, bittorrent_handle);
    bt_peer_utp_handle = create_dissector_handle(dissect_bt_peer_utp, proto_bt_peer_in_name_only);
    bt_peer_utp_stay_handle = create_dissector_handle(dissect_bt_peer_utp, -1);
    heur_dissector_add("udp", dissect_bt_peer_utp_heur, "BitTorrent peers over uTP", BT_PEER_UTP_HEURISTIC,
                       proto_bt_peer, HEURISTIC_ENABLE);
    bt_utp_entry = find_heur_dissector_by_unique_short_name(BT_UTP_HEURISTIC);
    if (bt_utp_entry != NULL) {
        bt_utp_heuristic = bt_utp_entry->dissector;
        bt_utp_entry->dissector = dissect_bt_utp_heur;
    }
    register_init_routine(begin_capture);
    register_postseq_cleanup_routine(end_of_capture);
}
