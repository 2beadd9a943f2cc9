/* probe.c
 * A plugin that prints, a line each, what Wireshark knows and tshark does not show: for the tests.
 *
 *     probe packet FRAME INDEX WRAPPED FOLLOWED   the packet's conversation, on the first pass: its number, whether it leads
 *                                                 to a dissector of bt.peer, and whether bt.peer has data on it
 *     probe filter FRAME FILTER                   what the conversation filter "BitTorrent connection" makes of the packet
 *     probe changed TABLE PORT PROTOCOL           an entry that Decode As lists as the user's, when the capture is read
 *     probe tap FRAME EVENT PIECE BEGIN LENGTH REQUESTS BYTES FAST FRAME
 *                                                 an item of the tap bt.donthave
 *     probe expert FRAME SEVERITY TEXT            an item of the tap expert, which asks for no tree
 *
 * Without the plugin lt_donthave it prints the number of each conversation all the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/ws_compat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <epan/conversation.h>
#include <epan/expert.h>
#include <epan/packet.h>
#include <epan/conversation_filter.h>   /* 4.0: after packet.h, whose struct it names */
#include <epan/proto.h>
#include <epan/tap.h>

#include "extensions/tap_donthave.h"

WS_DLL_PUBLIC const char plugin_version[];
WS_DLL_PUBLIC const int plugin_want_major;
WS_DLL_PUBLIC const int plugin_want_minor;
WS_DLL_PUBLIC void plugin_register(void);
WS_DLL_PUBLIC uint32_t plugin_describe(void);

const char plugin_version[] = "0";
const int plugin_want_major = WIRESHARK_VERSION_MAJOR;
const int plugin_want_minor = WIRESHARK_VERSION_MINOR;

static int proto_probe = -1;

static void
print_filter(packet_info *pinfo)
{
    for (GList *link = packet_conv_filter_list; link != NULL; link = link->next) {
        conversation_filter_t *filter = (conversation_filter_t *)link->data;
        if (strcmp(filter->display_name, "BitTorrent connection") != 0
                || !filter->is_filter_valid(WS_CONVERSATION_ARGUMENTS(pinfo, filter)))
            continue;
        char *text = filter->build_filter_string(WS_CONVERSATION_ARGUMENTS(pinfo, filter));
        printf("probe filter %u %s\n", pinfo->num, text);
        g_free(text);
    }
}

static int
print_packet(tvbuff_t *tvb _U_, packet_info *pinfo, proto_tree *tree _U_, void *data _U_)
{
    conversation_t *conversation = find_conversation_pinfo(pinfo, 0);
    int             peer = proto_get_id_by_filter_name("bt.peer");

    if (!PINFO_FD_VISITED(pinfo))
        print_filter(pinfo);
    if (conversation == NULL || PINFO_FD_VISITED(pinfo))
        return 0;

    dissector_handle_t handle = conversation_get_dissector(conversation, pinfo->num);
    bool wrapped = handle != NULL && dissector_handle_get_protocol_index(handle)
                   == proto_get_id_by_filter_name("bt.peer.wrapper");
    bool followed = peer >= 0 && conversation_get_proto_data(conversation, peer) != NULL;
    printf("probe packet %u %u %d %d\n", pinfo->num, conversation->conv_index, wrapped, followed);
    return 0;
}

static void
print_item(uint32_t frame, const char *event, const struct donthave_block *block, uint32_t about)
{
    printf("probe tap %u %s %u %u %u 0 0 0 %u\n", frame, event, block->piece, block->begin, block->length, about);
}

static void
print_tap_item(uint32_t frame, const struct donthave_tap_item *item)
{
    const struct donthave_note        *donthave = (const struct donthave_note *)item->detail;
    const struct donthave_invalidated *request = (const struct donthave_invalidated *)item->detail;
    const struct donthave_block       *block = (const struct donthave_block *)item->detail;
    const struct donthave_reannounced *reannounced = (const struct donthave_reannounced *)item->detail;

    switch (item->event) {
    case DONTHAVE_TAP_DONTHAVE:
        printf("probe tap %u %s %u 0 0 %u %" PRIu64 " %d 0\n", frame,
               donthave->takes_effect ? "donthave" : "donthave_bad", donthave->piece, donthave->requests,
               donthave_bytes(donthave), donthave->fast);
        break;
    case DONTHAVE_TAP_INVALIDATED:
        printf("probe tap %u invalidated %u %u %u 0 0 0 %u\n", frame, request->by->piece, request->begin, request->length,
               request->by->frame);
        break;
    case DONTHAVE_TAP_LATE_REQUEST:
        print_item(frame, block->crossed ? "crossed_request" : "late_request", block, block->donthave_in);
        break;
    case DONTHAVE_TAP_LATE_BLOCK:
        print_item(frame, "late_block", block, block->donthave_in);
        break;
    case DONTHAVE_TAP_REJECTED:
        print_item(frame, "rejected", block, block->answers->request_in);
        break;
    case DONTHAVE_TAP_WAIT_OVER:
        print_item(frame, "wait_over", block, block->answers->request_in);
        break;
    case DONTHAVE_TAP_REANNOUNCED:
        printf("probe tap %u reannounced %u 0 0 0 0 0 %u\n", frame, reannounced->piece, reannounced->disowned_in);
        break;
    case DONTHAVE_TAP_FINDINGS:
        break;
    }
}

static tap_packet_status
print_tap(void *listener _U_, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    const struct donthave_tap_frame *frame = (const struct donthave_tap_frame *)data;

    for (const struct donthave_tap_item *item = frame->first; item != NULL; item = item->next)
        print_tap_item(pinfo->num, item);
    return TAP_PACKET_DONT_REDRAW;
}

static tap_packet_status
print_expert(void *listener _U_, packet_info *pinfo _U_, epan_dissect_t *edt _U_, const void *data,
             tap_flags_t flags _U_)
{
    const expert_info_t *info = (const expert_info_t *)data;

    printf("probe expert %u %d %s\n", info->packet_num, info->severity, info->summary);
    return TAP_PACKET_DONT_REDRAW;
}

static void
print_changed(const char *table, ftenum_t type, void *port, void *entry, void *data _U_)
{
    dissector_handle_t handle = dtbl_entry_get_handle((dtbl_entry_t *)entry);

    if (type == FT_UINT16)
        printf("probe changed %s %u %s\n", table, GPOINTER_TO_UINT(port), handle == NULL ? "-"
               : proto_get_protocol_filter_name(dissector_handle_get_protocol_index(handle)));
}

/* The tap expert is registered after the dissectors. */
static void
begin_capture(void)
{
    static int listener;
    static bool listens;

    if (listens)
        return;
    listens = true;
    if (register_tap_listener("expert", &listener, NULL, TL_REQUIRES_NOTHING, NULL, print_expert, NULL, NULL) != NULL)
        printf("probe: no tap expert\n");
}

static void
end_of_capture(void)
{
    dissector_all_tables_foreach_changed(print_changed, NULL);
}

static void
register_protocol(void)
{
    proto_probe = proto_register_protocol("Probe of the tests", "Probe", "bt_donthave_probe");
}

static void
register_handoff(void)
{
    static int listener;

    register_postdissector(create_dissector_handle(print_packet, proto_probe));
    register_init_routine(begin_capture);
    register_cleanup_routine(end_of_capture);
    if (proto_get_id_by_filter_name("bt.donthave") >= 0 && register_tap_listener(
            BT_DONTHAVE_TAP, &listener, NULL, TL_REQUIRES_NOTHING, NULL, print_tap, NULL, NULL) != NULL)
        printf("probe: no tap %s\n", BT_DONTHAVE_TAP);
}

void
plugin_register(void)
{
    static proto_plugin plugin;

    plugin.register_protoinfo = register_protocol;
    plugin.register_handoff = register_handoff;
    proto_register_plugin(&plugin);
}

uint32_t
plugin_describe(void)
{
    return WS_PLUGIN_DESC_DISSECTOR;
}
