/* transport_utp.h
 * BitTorrent peers over uTP (BEP 29).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRANSPORT_UTP_H
#define TRANSPORT_UTP_H

void proto_reg_handoff_bt_peer_utp(void);

#endif
