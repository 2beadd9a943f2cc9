/* transport_utp.h
 * BitTorrent peers over uTP.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRANSPORT_UTP_H
#define TRANSPORT_UTP_H

/* Registers the fields that tell which packets a message was put together from. */
void proto_register_bt_peer_utp(void);

/* Registers the wrapper around the built-in uTP dissector, and its heuristic. */
void proto_reg_handoff_bt_peer_utp(void);

#endif
