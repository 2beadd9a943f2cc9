/* transport_tcp.h
 * BitTorrent peers over TCP.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRANSPORT_TCP_H
#define TRANSPORT_TCP_H

/* Registers the wrapper around the built-in BitTorrent dissector, and its heuristic. */
void proto_reg_handoff_bt_peer_tcp(void);

#endif
