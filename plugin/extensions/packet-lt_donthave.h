/* packet-lt_donthave.h
 * The protocol bt.donthave: BitTorrent's lt_donthave extension (BEP 54).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_LT_DONTHAVE_H
#define PACKET_LT_DONTHAVE_H

void proto_register_lt_donthave(void);
void proto_reg_handoff_lt_donthave(void);

#endif
