/* transport_utp.c
 * BitTorrent peers over uTP: a wrapper around the built-in uTP dissector.
 *
 * The built-in dissector shows each packet by itself. The wrapper calls it for that, and hands the packet to
 * utp_connection.c, which puts the stream in order. What the messages have to show is shown in the frame in which they
 * are complete, those that began in another packet in a data source of their own.
 *
 * A pair of UDP ports becomes ours
 *   - by a packet whose payload is the handshake of BitTorrent,
 *   - where the user switched on bt_utp_udp, the built-in heuristic, whose place in the list stays what it is,
 *   - where the user leads a port to bt-utp (Decode As, or the preference).
 * DHT and trackers share the ports: what is no uTP is left to others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport_utp.h"

#include "packet-bt-peer.h"

#include <epan/conversation.h>
#include <epan/exceptions.h>

#include "after_donthave.h"
#include "packet-lt_donthave.h"
#include "utp_connection.h"

#define BT_UTP_HEURISTIC    "bt_utp_udp"

static int hf_bt_donthave_reassembled = -1;
static int hf_bt_donthave_reassembled_from = -1;

static int ett_bt_donthave_reassembled = -1;

static dissector_handle_t bt_utp_handle;
static dissector_handle_t bt_peer_utp_handle;
static heur_dissector_t   bt_utp_heuristic;     /* the built-in one */

/* --- the first pass --- */

/* Feeds the connection of the packet, and returns it; NULL where there is none. */
static const struct utp_connection *
track(conversation_t *conversation, enum peer_side from, const struct utp_header *header, tvbuff_t *tvb,
      packet_info *pinfo)
{
    struct utp_flow       *flow = (struct utp_flow *)conversation_get_proto_data(conversation, proto_bt_peer);
    struct utp_connection *connection;
    struct utp_packet      packet = {
        .header = *header,
        .captured = tvb_captured_length(tvb) - header->size,
        .reported = tvb_reported_length(tvb) - header->size,
        .frame = pinfo->num,
    };

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    if (flow == NULL) {
        flow = utp_flow_new(wmem_file_scope(), lt_donthave_fallback_id());
        flow->claimed_in = pinfo->num;
        conversation_add_proto_data(conversation, proto_bt_peer, flow);
    }
    connection = utp_flow_get(flow, from, header, pinfo->num);
    if (connection == NULL)
        return NULL;
    packet.payload = tvb_get_ptr(tvb, 0, (int)(header->size + packet.captured)) + header->size;
    utp_connection_packet(connection, from, &packet, bt_peer_time(pinfo));
    if (connection->peers->had_donthave)
        after_donthave_begin();
    return connection;
}

/* --- every pass --- */

/* An extended message that nobody has a name for. */
static bool
is_unknown(const struct message_note *note)
{
    return note->extended != NULL && note->extended->name == NULL && note->extended->donthave == NULL;
}

/* The frames that a message was put together from, and its bytes as a source of their own. */
static void
show_assembled(const struct utp_assembled *assembled, tvbuff_t *message, const tvbuff_t *payload, packet_info *pinfo,
               proto_tree *tree)
{
    if (message != payload)
        add_new_data_source(pinfo, message, "Reassembled BitTorrent message");

    proto_item *item = proto_tree_add_none_format(tree, hf_bt_donthave_reassembled, message, 0, -1,
                                                  "Reassembled BitTorrent message (%u bytes) from %u uTP packet%s",
                                                  assembled->size, assembled->frame_count,
                                                  assembled->frame_count == 1 ? "" : "s");
    proto_tree *frames_tree = proto_item_add_subtree(item, ett_bt_donthave_reassembled);

    proto_item_set_generated(item);
    for (uint32_t i = 0; i < assembled->frame_count; i++)
        proto_item_set_generated(proto_tree_add_uint(frames_tree, hf_bt_donthave_reassembled_from, message, 0, 0,
                                                     assembled->frames[i]));
}

/* The bytes of an assembled message, or the payload of the packet where they were not kept. */
static tvbuff_t *
assembled_tvb(const struct utp_assembled *assembled, const struct message_note *note, tvbuff_t *payload)
{
    const uint8_t *bytes = note->bytes != NULL ? note->bytes : assembled->bytes;
    uint32_t       size = note->bytes != NULL ? note->bytes_size : assembled->bytes_size;

    return bytes == NULL ? payload : tvb_new_child_real_data(payload, bytes, size, (int)note->size);
}

/* What the messages have to show that are complete with this packet. */
static void
show(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header, tvbuff_t *tvb,
     packet_info *pinfo, proto_tree *tree)
{
    const struct message_note *note;
    uint64_t                   position = 0;

    note = connection != NULL ? notes_of_frame(&connection->peers->notes, pinfo->num) : NULL;
    if (note == NULL)
        return;

    tvbuff_t *payload = tvb_new_subset_remaining(tvb, (int)header->size);
    uint32_t  captured = tvb_captured_length(payload);
    bool      has_position = utp_connection_position(connection, pinfo->num, &position);

    for (; note != NULL; note = note->next) {
        const struct utp_assembled *assembled = utp_connection_assembled(connection, pinfo->num, from, note->position);
        tvbuff_t *message = NULL;

        if (note->from != from)
            continue;
        if (assembled != NULL) {
            message = assembled_tvb(assembled, note, payload);
            if (!is_unknown(note))
                show_assembled(assembled, message, payload, pinfo, tree);
        } else if (has_position && note->position >= position && note->position - position < captured) {
            message = tvb_new_subset_length(payload, (int)(note->position - position), (int)note->size);
        }
        if (message != NULL)
            bt_peer_show_message(connection->peers, note, message, pinfo, tree);
        else if (note->extended == NULL)        /* it has no bytes in this packet */
            lt_donthave_show(connection->peers, note, payload, pinfo, tree);
    }
}

/* The connection that a packet belongs to, NULL where none is followed. */
static const struct utp_connection *
find_connection(conversation_t *conversation, enum peer_side from, const struct utp_header *header, uint32_t frame)
{
    const struct utp_flow *flow = (const struct utp_flow *)conversation_get_proto_data(conversation, proto_bt_peer);

    return flow != NULL ? utp_flow_find(flow, from, header, frame) : NULL;
}

/* How a packet came to us. */
enum entry {
    ENTRY_PORTS,        /* the ports are ours */
    ENTRY_HANDSHAKE,    /* by our heuristic: it holds the handshake of BitTorrent */
    ENTRY_FLOW,         /* by our heuristic: the ports were ours before */
    ENTRY_BUILT_IN      /* by the built-in heuristic */
};

/* The built-in dissector shows the packet, and decides whether it is uTP: 0 if not. */
static int
show_builtin(enum entry entry, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (entry != ENTRY_BUILT_IN)
        return call_dissector_only(bt_utp_handle, tvb, pinfo, tree, data);
    return bt_utp_heuristic(tvb, pinfo, tree, data) ? (int)tvb_captured_length(tvb) : 0;
}

/* One packet of the conversation; header is NULL for one that is shown, but not followed. What the built-in dissector
 * finds unusual (libtorrent's selective acknowledgements, shorter than the four bytes of BEP 29, or a large window) is
 * uTP all the same on a connection that we know. Returns 0 for what is left to other dissectors. */
static int
dissect_packet(enum entry entry, conversation_t *conversation, const struct utp_header *header, tvbuff_t *tvb,
               packet_info *pinfo, proto_tree *tree, void *data)
{
    const enum peer_side from = bt_peer_sender(pinfo);
    /* A packet cut short ends the built-in dissector with an exception, but only one that it has accepted. */
    volatile int         length = (int)tvb_captured_length(tvb);

    TRY {
        length = show_builtin(entry, tvb, pinfo, tree, data);
        if (length == 0 && header != NULL
                && (entry == ENTRY_HANDSHAKE || find_connection(conversation, from, header, pinfo->num) != NULL))
            length = call_data_dissector(tvb, pinfo, tree);
    }
    FINALLY {
        if (length > 0 && entry != ENTRY_PORTS)
            conversation_set_dissector_from_frame_number(conversation, pinfo->num, bt_peer_utp_handle);
        if (length > 0 && header != NULL) {
            const struct utp_connection *connection =
                PINFO_FD_VISITED(pinfo) ? find_connection(conversation, from, header, pinfo->num)
                : track(conversation, from, header, tvb, pinfo);
            show(connection, from, header, tvb, pinfo, tree);
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

    return !pinfo->flags.in_error_pkt && !pinfo->fragmented && captured > 0
           && utp_header_read(tvb_get_ptr(tvb, 0, (int)captured), captured, header);
}

static int
dissect_bt_peer_utp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_header header;
    bool              follow = read_header(tvb, pinfo, &header);

    return dissect_packet(ENTRY_PORTS, find_or_create_conversation(pinfo), follow ? &header : NULL, tvb, pinfo, tree,
                          data);
}

/* --- claims --- */

static bool
is_handshake(const struct utp_header *header, tvbuff_t *tvb)
{
    uint32_t captured = tvb_captured_length(tvb);

    return header->type == UTP_DATA
           && peer_wire_is_handshake(tvb_get_ptr(tvb, 0, (int)captured) + header->size, captured - header->size);
}

/* A pair of ports is claimed by the handshake of BitTorrent in a uTP packet. Afterwards the dissector of the DHT may
 * have claimed them for itself: it lets packets of uTP pass, which we know by their connection. */
static ws_bool
dissect_bt_peer_utp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    enum entry        entry = ENTRY_HANDSHAKE;
    struct utp_header header;

    if (!read_header(tvb, pinfo, &header))
        return FALSE;

    conversation_t *conversation = find_or_create_conversation(pinfo);
    if (!is_handshake(&header, tvb)) {
        const struct utp_flow *flow =
            (const struct utp_flow *)conversation_get_proto_data(conversation, proto_bt_peer);
        bool ours = flow != NULL && flow->claimed_in <= pinfo->num
                    && (header.type == UTP_SYN
                        || utp_flow_find(flow, bt_peer_sender(pinfo), &header, pinfo->num) != NULL);
        if (!ours)
            return FALSE;
        entry = ENTRY_FLOW;
    }
    if (!bt_peer_enabled(bt_utp_handle, BT_PEER_UTP_HEURISTIC))
        return FALSE;
    return dissect_packet(entry, conversation, &header, tvb, pinfo, tree, data) > 0;
}

/* Stands in the place of the built-in heuristic. */
static ws_bool
dissect_bt_utp_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct utp_header header;
    bool              follow = read_header(tvb, pinfo, &header);

    if (!bt_peer_enabled(bt_utp_handle, BT_PEER_UTP_HEURISTIC))
        return bt_utp_heuristic(tvb, pinfo, tree, data);
    return dissect_packet(ENTRY_BUILT_IN, find_or_create_conversation(pinfo), follow ? &header : NULL, tvb, pinfo, tree,
                          data) > 0;
}

static void
adopt_ports(void)
{
    bt_peer_adopt_ports("udp.port", bt_utp_handle, bt_peer_utp_handle, BT_PEER_UTP_HEURISTIC);
}

/* --- registration --- */

void
proto_register_bt_peer_utp(void)
{
    static hf_register_info hf[] = {
        { &hf_bt_donthave_reassembled,
          { "Reassembled BitTorrent message", "bt.donthave.reassembled", FT_NONE, BASE_NONE, NULL, 0x0,
            "A message that was put together from several uTP packets", HFILL } },
        { &hf_bt_donthave_reassembled_from,
          { "uTP packet", "bt.donthave.reassembled_from", FT_FRAMENUM, BASE_NONE, NULL, 0x0,
            "A uTP packet with bytes of the message", HFILL } }
    };
    static int *ett[] = { &ett_bt_donthave_reassembled };

    proto_register_field_array(proto_bt_donthave, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
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

    bt_utp_handle = find_dissector("bt-utp");
    if (bt_utp_handle == NULL)      /* 4.0 gives it no name */
        dissector_table_foreach_handle("udp.port", find_bt_utp, NULL);
    bt_peer_utp_handle = create_dissector_handle(dissect_bt_peer_utp, proto_bt_peer);
    heur_dissector_add("udp", dissect_bt_peer_utp_heur, "BitTorrent peers over uTP", BT_PEER_UTP_HEURISTIC,
                       proto_bt_donthave, HEURISTIC_ENABLE);
    if (built_in != NULL) {
        bt_utp_heuristic = built_in->dissector;
        built_in->dissector = dissect_bt_utp_heur;
    }
    register_init_routine(adopt_ports);
}
