/* transport_utp.h
 * BitTorrent peers over uTP (BEP 29).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRANSPORT_UTP_H
#define TRANSPORT_UTP_H

/* Registers the wrapper around the built-in uTP dissector, and its heuristics. */
void proto_reg_handoff_bt_peer_utp(void);

#endif
