/* packet-bt-peer.c
 * Connections of BitTorrent peers, see packet-bt-peer.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "packet-bt-peer.h"

#include <epan/addr_resolv.h>
#include <epan/prefs.h>

#include "packet-lt_donthave.h"
#include "transport_tcp.h"
#include "transport_utp.h"

int proto_bt_peer = -1;

static heur_dissector_list_t extended_list;

bool
bt_peer_enabled(dissector_handle_t wrapped, const char *heuristic)
{
    const heur_dtbl_entry_t *entry = find_heur_dissector_by_unique_short_name(heuristic);

    return proto_is_protocol_enabled(find_protocol_by_id(proto_bt_peer))
           && wrapped != NULL
           && proto_is_protocol_enabled(find_protocol_by_id(dissector_handle_get_protocol_index(wrapped)))
           && entry != NULL && entry->enabled;
}

/* Which handle to look for in a port table, and the ports that were found. */
struct port_search {
    dissector_handle_t handle;
    GArray            *ports;   /* uint32_t */
};

static void
find_port(const char *table _U_, ftenum_t type _U_, void *port, void *entry, void *data)
{
    struct port_search *search = (struct port_search *)data;

    if (dtbl_entry_get_handle((dtbl_entry_t *)entry) == search->handle) {
        uint32_t number = GPOINTER_TO_UINT(port);
        g_array_append_val(search->ports, number);
    }
}

void
bt_peer_adopt_ports(const char *table, dissector_handle_t wrapped, dissector_handle_t ours, const char *heuristic)
{
    bool               enabled = bt_peer_enabled(wrapped, heuristic);
    dissector_handle_t to = enabled ? ours : wrapped;
    struct port_search search = { enabled ? wrapped : ours, g_array_new(FALSE, FALSE, sizeof(uint32_t)) };

    dissector_table_foreach(table, find_port, &search);
    for (unsigned i = 0; i < search.ports->len; i++)
        dissector_change_uint(table, g_array_index(search.ports, uint32_t, i), to);
    g_array_free(search.ports, TRUE);
}

struct peer_connection *
bt_peer_connection_new(void)
{
    return peer_connection_new(wmem_file_scope(), lt_donthave_fallback_id());
}

enum peer_side
bt_peer_sender(const packet_info *pinfo)
{
    int order = cmp_address(&pinfo->src, &pinfo->dst);

    if (order == 0)
        order = pinfo->srcport < pinfo->destport ? -1 : 1;
    return order < 0 ? PEER_A : PEER_B;
}

int64_t
bt_peer_time(const packet_info *pinfo)
{
    return pinfo->abs_ts.secs * NS_PER_S + pinfo->abs_ts.nsecs;
}

/* The bytes of a message: those of the packet, or those that the notes hold, as a source of their own. */
static tvbuff_t *
message_tvb(const struct message_note *note, int offset, tvbuff_t *tvb, packet_info *pinfo)
{
    if (note->bytes == NULL)
        return tvb_new_subset_length(tvb, offset, (int)note->size);

    tvbuff_t *message = tvb_new_child_real_data(tvb, note->bytes, note->bytes_size, (int)note->size);
    add_new_data_source(pinfo, message, "Reassembled BitTorrent message");
    return message;
}

/* One layer for all messages of a frame: Wireshark allows a few hundred layers, a frame may hold thousands of
 * messages. */
static void
drop_repeated_layer(packet_info *pinfo)
{
    wmem_list_frame_t *last = wmem_list_tail(pinfo->layers);
    wmem_list_frame_t *before = last != NULL ? wmem_list_frame_prev(last) : NULL;

    if (before != NULL && wmem_list_frame_data(last) == wmem_list_frame_data(before)) {
        wmem_list_remove_frame(pinfo->layers, last);
        pinfo->curr_layer_num--;
    }
}

static void
show_extended(const struct peer_connection *connection, const struct message_note *note, tvbuff_t *message,
              packet_info *pinfo, proto_tree *tree)
{
    struct bt_peer_extended extended = {
        .id = note->extended->id,
        .name = note->extended->name,
        .sender = note->from,
        .connection = connection,
        .note = note,
    };
    heur_dtbl_entry_t *entry = NULL;

    dissector_try_heuristic(extended_list, tvb_new_subset_remaining(message, PEER_EXTENDED_HEADER_SIZE), pinfo, tree,
                            &entry, &extended);
    drop_repeated_layer(pinfo);
}

void
bt_peer_show_message(const struct peer_connection *connection, const struct message_note *note, tvbuff_t *message,
                     packet_info *pinfo, proto_tree *tree)
{
    if (note->extended != NULL)
        show_extended(connection, note, message, pinfo, tree);
    /* A limit may be reached in a message of any extension. */
    if (note->extended == NULL || (note->extended->donthave == NULL && note->findings != NULL))
        lt_donthave_show(connection, note, message, pinfo, tree);
}

void
bt_peer_show(const struct peer_connection *connection, enum peer_side from, uint32_t position, tvbuff_t *tvb,
             packet_info *pinfo, proto_tree *tree)
{
    uint32_t reported = tvb_reported_length(tvb);
    const struct message_note *note;

    for (note = notes_of_frame(&connection->notes, pinfo->num); note != NULL; note = note->next) {
        uint32_t offset = (uint32_t)note->position - position;
        uint32_t end = offset + note->size;

        if (note->from != from || end == 0 || end > reported)
            continue;
        if (offset > end && note->bytes == NULL)
            continue;                   /* it began before, and nothing of it was worth keeping */

        bt_peer_show_message(connection, note, message_tvb(note, (int)offset, tvb, pinfo), pinfo, tree);
    }
}

void
proto_register_bt_peer(void)
{
    proto_bt_peer = proto_register_protocol_in_name_only("BitTorrent Peer Connection", "BT Peer", "bt.peer",
                                                         proto_bt_donthave, FT_PROTOCOL);
    extended_list = register_heur_dissector_list(BT_PEER_EXTENDED_LIST, proto_bt_peer);
    proto_register_bt_peer_utp();
}

void
proto_reg_handoff_bt_peer(void)
{
    proto_reg_handoff_bt_peer_tcp();
    proto_reg_handoff_bt_peer_utp();
}
