/* packet-bt-peer.h
 * Connections of BitTorrent peers: their protocol, preferences, and the heuristic list "bittorrent.extended", to
 * which each extended message (BEP 10) is offered under the name that was negotiated for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_BT_PEER_H
#define PACKET_BT_PEER_H

#include "ws_compat.h"

#include <epan/packet.h>

#include "peer_connection.h"

/* The heuristic list. Its dissectors get the payload of one extended message, behind the extended id, as tvb, and as
 * data a const struct bt_peer_extended. They test name first, and return whether the message was theirs. */
#define BT_PEER_EXTENDED_LIST   "bittorrent.extended"

struct bt_peer_extended {
    uint8_t                       id;           /* extended message id on the wire */
    const char                   *name;         /* of the extension, as the receiver negotiated; NULL: unknown */
    enum peer_side                sender;
    const struct peer_connection *connection;
    const struct message_note    *note;         /* of this message */
};

/* Which heuristics lead to us, and from which tables ports are taken over. */
#define BT_PEER_TCP_HEURISTIC   "bt_peer_tcp"
#define BT_PEER_UTP_HEURISTIC   "bt_peer_utp"

/* The protocol of our wrappers, bt.peer: in name only, shows nothing, is switched off with bt.donthave. Heuristics
 * cannot belong to such a one; they belong to bt.donthave. */
extern int proto_bt_peer;

void proto_register_bt_peer(void);
void proto_reg_handoff_bt_peer(void);

/* Whether the user wants us, and the dissector that shows what we wrap. */
bool bt_peer_enabled(dissector_handle_t wrapped, const char *heuristic);

/* Gives every port of the table that now leads to the wrapped dissector to ours; where the user has switched us off
 * (see bt_peer_enabled()), gives them back. For an init routine: ports change between captures. */
void bt_peer_adopt_ports(const char *table, dissector_handle_t wrapped, dissector_handle_t ours,
                         const char *heuristic);

/* A connection with the user's preferences, for this capture. First pass only. */
struct peer_connection *bt_peer_connection_new(void);

/* Which end of the connection sent the packet. */
enum peer_side bt_peer_sender(const packet_info *pinfo);

/* The time of the packet, in ns since the epoch. */
int64_t bt_peer_time(const packet_info *pinfo);

/* Shows what one message has to show: message holds it, or as much of it as there is. Offers an extended message to
 * the heuristic list. */
void bt_peer_show_message(const struct peer_connection *connection, const struct message_note *note,
                          tvbuff_t *message, packet_info *pinfo, proto_tree *tree);

/* Shows what the messages have to show that end in this piece of the stream: tvb holds it, from the position on whose
 * lower 32 bits are given. Offers extended messages to the heuristic list. */
void bt_peer_show(const struct peer_connection *connection, enum peer_side from, uint32_t position, tvbuff_t *tvb,
                  packet_info *pinfo, proto_tree *tree);

#endif
