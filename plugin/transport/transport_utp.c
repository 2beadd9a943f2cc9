/* transport_utp.c
 * BitTorrent peers over uTP: a wrapper around the built-in uTP dissector.
 *
 * The built-in dissector shows each packet by itself. The wrapper calls it for that, and hands the packet to utp_flow.c,
 * which puts the stream in order. What the messages have to show is shown in the frame in which they are complete, those
 * that began in another packet in a data source of their own.
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

#define BT_PEER_UTP_HEURISTIC "bt_peer_utp"
#define BT_UTP_HEURISTIC      "bt_utp_udp"

static dissector_handle_t bittorrent_handle;
static dissector_handle_t bt_utp_handle;
static dissector_handle_t bt_peer_utp_handle;
static dissector_handle_t bt_peer_utp_stay_handle; /* of conversations, see transport_tcp.c */
static heur_dtbl_entry_t *bt_utp_entry;            /* of the built-in heuristic, NULL: there is none, */
static heur_dissector_t   bt_utp_heuristic;        /* and what stood there */
static GPtrArray         *flows;                   /* struct utp_flow: all of the capture; first pass only */

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
        flow = utp_flow_new(wmem_file_scope(), bt_peer_setup());
        if (mse_connections()->enabled)
            flow->mse_feeds = mse_connections();
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

/* Feeds the connection of the packet, and returns it; NULL where it is not followed. */
static struct utp_connection *
read_packet(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, tvbuff_t *tvb,
            packet_info *pinfo)
{
    struct utp_packet      packet = packet_of(header, tvb, pinfo);
    const uint32_t         number = packet_number(pinfo);
    const bool             had_early = flow->claimed_in != 0 && flow->early != NULL;
    struct utp_connection *connection;

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    if (had_early)
        utp_flow_read_early(flow, &packet, number, false);
    connection = utp_flow_get(flow, from, header, pinfo->num, packet.time);
    if (connection == NULL) {
        if (flow->turned_away)
            utp_flow_tell_full(flow, from, pinfo->num, number);
        return NULL;
    }
    utp_connection_packet(connection, from, &packet, number);
    if (had_early)
        utp_flow_read_early(flow, &packet, number, true);
    if (peer_connection_watches(connection->feed.connection))
        packet_watch_begin();
    return connection;
}

/* A packet that looks like uTP, of ports that nobody has claimed: the handshake may come after it. */
static void
keep_early(const struct utp_header *header, tvbuff_t *tvb, packet_info *pinfo)
{
    bool opens = (header->type == UTP_SYN || header->type == UTP_STATE) && header->size == tvb_reported_length(tvb);
    conversation_t  *conversation = opens ? recent_or_new_conversation(pinfo) : recent_conversation(pinfo);
    struct utp_flow *flow = opens ? get_flow(conversation) : flow_of(conversation);

    if (flow == NULL || flow->claimed_in != 0 || (flow->early == NULL && !opens))
        return;
    struct utp_packet packet = packet_of(header, tvb, pinfo);
    utp_flow_keep_early(flow, packet_sender(pinfo), &packet);
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
static const struct utp_connection *
find_connection(const struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    return is_claimed(flow, frame) ? utp_flow_find(flow, from, header, frame) : NULL;
}

/* What we have to say of the messages that are complete with this packet, whose payload begins at that byte of tvb.
 * connection: NULL where it is not followed. */
static void
show_ours(const struct utp_flow *flow, const struct utp_connection *connection, enum peer_side from, uint32_t place,
          tvbuff_t *tvb, uint32_t at, packet_info *pinfo, proto_tree *tree)
{
    struct bt_peer_view view = { .connection = connection != NULL ? connection->feed.connection
                                               : flow != NULL     ? flow->overflow
                                                                  : NULL,
                                 .from = from,
                                 .place = place,
                                 .whole_frame = true };

    if (view.connection == NULL || !bt_peer_has_notes(&view, pinfo))
        return;
    view.tvb = at > 0 ? tvb_new_subset_remaining(tvb, (int)at) : tvb;
    bt_peer_show_notes(&view, pinfo, tree);
    if ((connection != NULL && utp_mse_is_found(&connection->encryption)) || flow->claimed_in == pinfo->num) {
        /* What could not be read before may be the other side's. */
        view.from = other_side(from);
        bt_peer_show_notes(&view, pinfo, tree);
    }
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

/* The payload of a packet of an encrypted connection, for the built-in dissector of BitTorrent: it begins in the middle of
 * the first message where that is not known to begin in it. Within the layer of uTP, which that dissector looks for. */
static void
show_messages(tvbuff_t *payload, uint32_t first, packet_info *pinfo, proto_tree *tree)
{
    bool fragmented = pinfo->fragmented;

    if (first >= tvb_captured_length(payload))
        return;
    pinfo->fragmented = TRUE; /* as uTP has it: what is cut goes on in another packet */
    pinfo->can_desegment = 0;
    TRY
    {
        call_dissector_with_data(bittorrent_handle, tvb_new_subset_remaining(payload, (int)first), pinfo, tree, NULL);
    }
    FINALLY
    {
        pinfo->fragmented = fragmented;
    }
    ENDTRY;
}

/* A packet of an encrypted connection. */
static int
show_encrypted(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header,
               tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct mse_feed *mse = connection->encryption.mse;
    tvbuff_t        *raw = tvb_new_subset_remaining(tvb, (int)header->size);
    /* Where its place is not known, it comes after the handshake. */
    struct bt_mse_bytes bytes = { .mse = mse, .side = from, .tvb = raw, .position = UINT64_MAX / 2 };
    uint32_t            late_size = 0;
    tvbuff_t           *payload = NULL;
    struct utp_place    place;
    struct mse_part     part;
    int                 length;
    bool                has_place = false;
    bool                shown = false;

    /* The built-in dissector gets the header, and sees how long the packet is. Not its heuristic, which would lead the
     * packets that follow to itself. */
    length = call_dissector_only(
        bt_utp_handle, tvb_new_subset_length_caplen(tvb, 0, (int)header->size, (int)tvb_reported_length(tvb)), pinfo,
        tree, data);
    if (tvb_captured_length(raw) > 0
        && utp_places_find(&connection->encryption.places[from], header->seq_nr, pinfo->num, &place)
        && place.size == tvb_reported_length(raw)) {
        bytes.position = place.position;
        has_place = true;
    }
    if (tvb_captured_length(raw) > 0)
        shown = bt_mse_show_handshake(&bytes, pinfo, tree);
    if (has_place) {
        mse_feed_part(mse, from, place.position, place.size, pinfo->num, &part);
        payload = bt_mse_payload(&bytes, &part, mse->late, &late_size, pinfo);
    }
    if (payload == NULL) {
        if (!shown && tvb_captured_length(raw) > 0)
            call_data_dissector(raw, pinfo, tree);
        show_ours(connection->flow, connection, from, utp_place(header->seq_nr), raw, 0, pinfo, tree);
        return (int)tvb_captured_length(tvb);
    }
    TRY
    {
        if (length > 0)
            show_messages(payload, late_size > 0 ? 0 : place.first, pinfo, tree);
    }
    FINALLY
    {
        show_ours(connection->flow, connection, from, utp_place(header->seq_nr) + part.at - late_size, payload, 0,
                  pinfo, tree);
    }
    ENDTRY;
    return (int)tvb_captured_length(tvb);
}

/* Whether the packet's connection is, or may be, encrypted. */
static const struct utp_connection *
find_encrypted(enum peer_side from, const struct utp_header *header, packet_info *pinfo)
{
    const struct mse_feeds      *feeds = mse_connections();
    const struct utp_connection *connection;
    const struct utp_flow       *flow;

    if (header == NULL || (feeds->count == 0 && feeds->found == NULL))
        return NULL;
    flow = flow_of(recent_conversation(pinfo));
    connection = flow != NULL ? utp_flow_find(flow, from, header, pinfo->num) : NULL;
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

/* One packet; header is NULL for one that is shown, but not followed. What the built-in dissector finds unusual
 * (libtorrent's selective acknowledgements, shorter than the four bytes of BEP 29, or a large window) is uTP all the same
 * on a connection that we know. Returns 0 for what is left to other dissectors. */
static int
dissect_packet(enum claim_path path, const struct utp_header *header, tvbuff_t *tvb, packet_info *pinfo,
               proto_tree *tree, void *data)
{
    const enum peer_side         from = packet_sender(pinfo);
    const struct utp_connection *encrypted = find_encrypted(from, header, pinfo);
    const bool read_first = encrypted != NULL && !PINFO_FD_VISITED(pinfo) && path != CLAIMED_BY_ENCRYPTION;
    /* A packet cut short ends the built-in dissector with an exception, but only one that it has accepted. */
    volatile int length = (int)tvb_captured_length(tvb);

    /* What an encrypted packet is, only its connection tells. */
    if (read_first) {
        utp_flow_claim(encrypted->flow, encrypted->first_frame);
        read_packet(encrypted->flow, from, header, tvb, pinfo);
    }
    if (encrypted != NULL && utp_mse_is_found(&encrypted->encryption)) {
        lead_here(path, recent_or_new_conversation(pinfo), encrypted->first_frame, pinfo);
        return show_encrypted(encrypted, from, header, tvb, pinfo, tree, data);
    }

    TRY
    {
        length = show_builtin(path, tvb, pinfo, tree, data);
        if (length == 0 && header != NULL
            && (path == CLAIMED_BY_HANDSHAKE
                || find_connection(flow_of(recent_conversation(pinfo)), from, header, pinfo->num) != NULL))
            length = call_data_dissector(tvb, pinfo, tree);
    }
    FINALLY
    {
        if (length > 0 && header != NULL) {
            conversation_t  *conversation = recent_or_new_conversation(pinfo);
            struct utp_flow *flow = PINFO_FD_VISITED(pinfo) ? flow_of(conversation) : get_flow(conversation);
            const struct utp_connection *connection = NULL;
            lead_here(path, conversation, pinfo->num, pinfo);
            if (!PINFO_FD_VISITED(pinfo) && !read_first) {
                utp_flow_claim(flow, pinfo->num);
                connection = read_packet(flow, from, header, tvb, pinfo);
            }
            if (connection == NULL)
                connection = find_connection(flow, from, header, pinfo->num);
            show_ours(flow, connection, from, utp_place(header->seq_nr), tvb, header->size, pinfo, tree);
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
is_followed(const struct utp_flow *flow, const struct utp_header *header, packet_info *pinfo)
{
    return is_claimed(flow, pinfo->num)
           && (header->type == UTP_SYN || utp_flow_find(flow, packet_sender(pinfo), header, pinfo->num) != NULL);
}

/* Whether a connection on ports that are nobody's turns out to be MSE with this packet. */
static bool
becomes_mse(conversation_t *conversation, const struct utp_header *header, tvbuff_t *tvb, packet_info *pinfo)
{
    struct utp_flow             *flow = flow_of(conversation);
    const enum peer_side         from = packet_sender(pinfo);
    const uint32_t               captured = tvb_captured_length(tvb);
    const struct utp_connection *connection;

    if (PINFO_FD_VISITED(pinfo) || !mse_connections()->enabled || (flow != NULL && flow->claimed_in != 0))
        return false;
    if (bt_utp_entry != NULL && bt_utp_entry->enabled) /* it claims them, and all that is ours is searched */
        return false;
    if ((flow == NULL || utp_flow_find(flow, from, header, pinfo->num) == NULL)
        && !utp_mse_may_begin(header, tvb_get_ptr(tvb, 0, (int)captured), captured))
        return false;
    if (flow == NULL) {
        if (!enabled())
            return false;
        flow = get_flow(recent_or_new_conversation(pinfo));
    }
    read_packet(flow, from, header, tvb, pinfo);
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
    struct utp_header header;
    conversation_t   *conversation;
    struct utp_flow  *flow;
    enum claim_path   path;

    if (!read_header(tvb, pinfo, &header))
        return FALSE;
    conversation = recent_conversation(pinfo);
    flow = flow_of(conversation);
    if (is_followed(flow, &header, pinfo)) {
        path = CLAIMED_BY_FLOW;
    } else if (is_handshake(&header, tvb)) {
        path = CLAIMED_BY_HANDSHAKE;
        if (!PINFO_FD_VISITED(pinfo) && flow != NULL && flow->claimed_in == 0)
            utp_flow_begin_anew(flow, packet_sender(pinfo), &header, pinfo->num);
    } else if (becomes_mse(conversation, &header, tvb, pinfo)) {
        path = CLAIMED_BY_ENCRYPTION;
    } else {
        if (!PINFO_FD_VISITED(pinfo) && enabled())
            keep_early(&header, tvb, pinfo);
        return FALSE;
    }
    return enabled() && dissect_packet(path, &header, tvb, pinfo, tree, data) > 0;
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
    flows = g_ptr_array_new();
    bittorrent_handle = find_dissector("bittorrent.utp");
    bt_utp_handle = find_dissector("bt-utp");
    if (bt_utp_handle == NULL) /* 4.0 gives it no name */
        dissector_table_foreach_handle("udp.port", find_bt_utp, NULL);
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
