/* transport_webrtc.c
 * BitTorrent peers over WebRTC: from DTLS to SCTP, and from there to the messages in its data channels.
 *
 * Wireshark decrypts DTLS where it has the keys (tls.keylog_file), but leads from there to SCTP only by Decode As, and
 * not at all in 4.0. Our heuristic of "dtls" recognises SCTP packets and hands them to the built-in dissector, which
 * shows them. What is in them is read by sctp_flow.c, as the built-in dissector tells nobody about streams, TSNs and SACKs
 * and has no order. The messages of BitTorrent are shown after it, in the frame in which they are complete:
 *
 *     DTLS -> heuristic of "dtls" -> SCTP -> heuristic of "sctp": this payload is shown below, as BitTorrent
 *                                 -> messages of BitTorrent, by the built-in dissector, and what we have to say
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/transport_webrtc.h"

#include <epan/conversation.h>
#include <epan/exceptions.h>
#include <epan/proto_data.h>

#include "core/sctp_flow.h"
#include "peer/layers.h"
#include "peer/packet-bt-peer.h"
#include "peer/packet_facts.h"
#include "peer/packet_watch.h"
#include "peer/peer_ports.h"

#define BT_PEER_WEBRTC_HEURISTIC "bt_peer_webrtc"
#define BT_PEER_SCTP_HEURISTIC   "bt_peer_sctp"

/* Key of what a frame has for the protocol bt.peer: how many records of DTLS came to us. */
#define RECORD_COUNT_KEY 1

static dissector_handle_t bittorrent_handle;
static dissector_handle_t sctp_handle;
static dissector_handle_t bt_peer_webrtc_handle;
static wmem_map_t        *flows;  /* conversation of UDP -> struct sctp_flow */
static wmem_map_t        *frames; /* frame -> struct channel_parts: what is to be shown in it */

/* The SCTP packet that its dissector is showing. */
struct shown_packet {
    tvbuff_t                  *tvb;
    uint32_t                   number; /* of those of the frame */
    const struct channel_part *parts;  /* of the frame; NULL: none */
};

static const struct shown_packet *showing; /* NULL: none */

static bool
enabled(void)
{
    return bt_peer_enabled(bittorrent_handle, BT_PEER_WEBRTC_HEURISTIC) && sctp_handle != NULL
           && proto_is_protocol_enabled(find_protocol_by_id(dissector_handle_get_protocol_index(sctp_handle)));
}

/* --- the first pass --- */

static struct sctp_flow *
get_flow(const conversation_t *conversation, uint32_t frame)
{
    struct sctp_flow *flow = (struct sctp_flow *)wmem_map_lookup(flows, conversation);

    if (flow == NULL) {
        flow = sctp_flow_new(wmem_file_scope(), bt_peer_setup(), frame);
        wmem_map_insert(flows, conversation, flow);
    }
    return flow;
}

/* Keeps what is to be shown, by frame. */
static void
keep_parts(struct sctp_flow *flow)
{
    struct channel_part *part = flow->parts.first;

    while (part != NULL) {
        struct channel_part  *next = part->next;
        struct channel_parts *of_frame = (struct channel_parts *)wmem_map_lookup(frames,
                                                                                 GUINT_TO_POINTER(part->frame));
        if (of_frame == NULL) {
            of_frame = wmem_new0(wmem_file_scope(), struct channel_parts);
            wmem_map_insert(frames, GUINT_TO_POINTER(part->frame), of_frame);
        }
        channel_parts_append(of_frame, part);
        part = next;
    }
}

/* Feeds the connections of the packet. */
static void
read_packet(struct sctp_flow *flow, tvbuff_t *tvb, uint32_t number, packet_info *pinfo)
{
    const struct sctp_flow_packet packet = {
        .data = tvb_get_ptr(tvb, 0, (int)tvb_captured_length(tvb)),
        .size = tvb_captured_length(tvb),
        .from = packet_sender(pinfo),
        .place = { .frame = pinfo->num, .packet = number, .time = packet_time(pinfo) },
        .number = packet_number(pinfo),
    };

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    if (number == 0) /* of a frame of the same number, which a read filter rejected */
        wmem_map_remove(frames, GUINT_TO_POINTER(pinfo->num));
    if (sctp_flow_packet(flow, &packet))
        packet_watch_begin();
    keep_parts(flow);
}

static void
flush_flow(void *conversation _U_, void *value, void *data _U_)
{
    struct sctp_flow *flow = (struct sctp_flow *)value;

    sctp_flow_flush(flow);
    keep_parts(flow);
}

/* What waits for chunks that never came is read when there is nothing more to come. */
static void
end_of_capture(void)
{
    wmem_map_foreach(flows, flush_flow, NULL);
}

/* --- every pass --- */

/* Shows messages as the built-in dissector does. */
static void
show_builtin(tvbuff_t *part, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    call_dissector(bittorrent_handle, part, pinfo, tree);
}

/* Shows a part. again: not the first one of its packet. */
static void
show_part(const struct channel_part *part, tvbuff_t *packet, bool again, packet_info *pinfo, proto_tree *tree)
{
    unsigned            layers = 0;
    int                 proto = dissector_handle_get_protocol_index(bittorrent_handle);
    struct bt_peer_view view = { .connection = part->connection,
                                 .from = part->from,
                                 .place = part->place,
                                 .show_builtin = show_builtin,
                                 .builtin = bittorrent_handle };

    if (part->data != NULL)
        view.tvb = tvb_new_child_real_data(packet, part->data, part->size, (int)part->size);
    else
        view.tvb = tvb_new_subset_length(packet, (int)part->offset, (int)part->size);
    if (!part->is_messages) {
        bt_peer_show_notes(&view, pinfo, tree);
        return;
    }

    if (part->data != NULL) {
        add_new_data_source(pinfo, view.tvb, "Reassembled BitTorrent message");
        bt_peer_show_reassembled(view.tvb, part->size, part->frames, part->frame_count, pinfo, tree);
    }
    if (again) {
        bt_peer_separate_info(pinfo);
        col_set_fence(pinfo->cinfo, COL_INFO); /* the built-in dissector clears what is after it */
        layers = layers_begin_repeat(pinfo, proto);
    }
    bt_peer_show_messages(&view, 0, part->size, pinfo, tree);
    if (again)
        layers_end_repeat(pinfo, proto, layers);
}

/* Shows the messages that are complete with the packet. */
static void
show_parts(const struct shown_packet *shown, packet_info *pinfo, proto_tree *tree)
{
    bool again = false;

    for (const struct channel_part *part = shown->parts; part != NULL; part = part->next) {
        if (part->packet != shown->number)
            continue;
        show_part(part, shown->tvb, again, pinfo, tree);
        again = again || part->is_messages;
    }
    if (again) { /* another record may follow in the frame */
        bt_peer_separate_info(pinfo);
        col_set_fence(pinfo->cinfo, COL_INFO);
    }
}

/* Hands the packet to the dissector of SCTP, and shows what is in it. */
static int
show_packet(const struct shown_packet *shown, packet_info *pinfo, proto_tree *tree)
{
    const struct shown_packet *outer = showing;
    const uint32_t             srcport = pinfo->srcport, destport = pinfo->destport;
    const port_type            ptype = pinfo->ptype;
    volatile int               length = 0;

    layers_remove(pinfo, proto_bt_peer); /* of the heuristic */
    showing = shown;
    TRY
    {
        length = call_dissector_only(sctp_handle, shown->tvb, pinfo, tree, NULL);
    }
    FINALLY
    {
        /* SCTP puts its own ports there. DTLS needs UDP's for the next record of the datagram. */
        pinfo->srcport = srcport;
        pinfo->destport = destport;
        pinfo->ptype = ptype;
        showing = outer;
        show_parts(shown, pinfo, tree);
    }
    ENDTRY;
    return length;
}

/* The number of this record among those of the frame that came to us, on this pass. */
static uint32_t
count_record(packet_info *pinfo)
{
    uint32_t *count = (uint32_t *)p_get_proto_data(pinfo->pool, pinfo, proto_bt_peer, RECORD_COUNT_KEY);

    if (count == NULL) {
        count = wmem_new0(pinfo->pool, uint32_t);
        p_add_proto_data(pinfo->pool, pinfo, proto_bt_peer, RECORD_COUNT_KEY, count);
    }
    return (*count)++;
}

/* A first look, which is not inlined into what comes after it: nearly all other records end here. */
static bool
may_be_sctp(tvbuff_t *tvb)
{
    uint32_t size = tvb_captured_length(tvb);

    return size >= SCTP_HEADER_SIZE + SCTP_CHUNK_HEADER_SIZE && sctp_packet_may_begin(tvb_get_ptr(tvb, 0, (int)size));
}

/* What a record is, as a whole. */
static enum sctp_check
check_record(tvbuff_t *tvb)
{
    uint32_t size = tvb_captured_length(tvb);

    if (size == 0 || size != tvb_reported_length(tvb))
        return SCTP_IS_NOT;
    return sctp_packet_check(tvb_get_ptr(tvb, 0, (int)size), size);
}

/* A checksum of 0 is good where one was right before: INIT always has one (RFC 9653). */
static bool
had_checksum(const conversation_t *conversation, const packet_info *pinfo)
{
    const struct sctp_flow *flow = (const struct sctp_flow *)wmem_map_lookup(flows, conversation);

    return flow != NULL && flow->since < pinfo->num;
}

/* A record of DTLS, decrypted. Returns 0 for what is left to other dissectors. */
static G_GNUC_NO_INLINE int
dissect_packet(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    enum sctp_check       check = check_record(tvb);
    struct shown_packet   shown = { .tvb = tvb };
    conversation_t       *conversation;
    struct channel_parts *parts;

    if (check == SCTP_IS_NOT || !enabled())
        return 0;
    conversation = find_conversation_pinfo(pinfo, 0);
    if (conversation == NULL || (check == SCTP_MAY_BE && !had_checksum(conversation, pinfo)))
        return 0;
    shown.number = count_record(pinfo);
    if (!PINFO_FD_VISITED(pinfo))
        read_packet(get_flow(conversation, pinfo->num), tvb, shown.number, pinfo);
    parts = (struct channel_parts *)wmem_map_lookup(frames, GUINT_TO_POINTER(pinfo->num));
    shown.parts = parts != NULL ? parts->first : NULL;
    return show_packet(&shown, pinfo, tree);
}

static ws_bool
dissect_bt_peer_webrtc_heur(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    return may_be_sctp(tvb) && dissect_packet(tvb, pinfo, tree) > 0;
}

/* The same where the user led a port of DTLS to SCTP: 4.4 and later can, and ask no heuristic then. */
static int
dissect_bt_peer_webrtc(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    int length = dissect_packet(tvb, pinfo, tree);

    return length > 0 ? length : call_dissector_only(sctp_handle, tvb, pinfo, tree, data);
}

/* Payload of SCTP: ours, if messages of BitTorrent end in it. They are shown after SCTP, as one may need several payloads,
 * and several may be in one. */
static ws_bool
dissect_bt_peer_sctp_heur(tvbuff_t *tvb, packet_info *pinfo _U_, proto_tree *tree _U_, void *data _U_)
{
    uint32_t offset = 0;

    if (showing == NULL)
        return FALSE;
    if (tvb_get_ds_tvb(tvb) == tvb_get_ds_tvb(showing->tvb))
        offset = (uint32_t)(tvb_raw_offset(tvb) - tvb_raw_offset(showing->tvb));
    for (const struct channel_part *part = showing->parts; part != NULL; part = part->next) {
        if (part->packet == showing->number && part->is_messages && part->message_offset == offset
            && part->message_size == tvb_reported_length(tvb))
            return TRUE;
    }
    return FALSE;
}

/* --- registration --- */

static void
begin_capture(void)
{
    if (sctp_handle != NULL)
        peer_ports_adopt("dtls.port", sctp_handle, bt_peer_webrtc_handle, enabled());
}

void
proto_reg_handoff_bt_peer_webrtc(void)
{
    flows = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
    frames = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
    bittorrent_handle = find_dissector("bittorrent.tcp");
    sctp_handle = find_dissector("sctp");
    bt_peer_webrtc_handle = create_dissector_handle(dissect_bt_peer_webrtc, proto_bt_peer_in_name_only);
    heur_dissector_add("dtls", dissect_bt_peer_webrtc_heur, "BitTorrent peers over WebRTC", BT_PEER_WEBRTC_HEURISTIC,
                       proto_bt_peer, HEURISTIC_ENABLE);
    heur_dissector_add("sctp", dissect_bt_peer_sctp_heur, "BitTorrent peers over SCTP in WebRTC",
                       BT_PEER_SCTP_HEURISTIC, proto_bt_peer, HEURISTIC_ENABLE);
    register_init_routine(begin_capture);
    register_postseq_cleanup_routine(end_of_capture);
}
