/* packet-lt_donthave.h
 * The protocol bt.donthave: BitTorrent's lt_donthave extension (BEP 54).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_LT_DONTHAVE_H
#define PACKET_LT_DONTHAVE_H

#include "ws_compat.h"

#include <epan/packet.h>

#include "peer_connection.h"

extern int proto_bt_donthave;

void proto_register_lt_donthave(void);
void proto_reg_handoff_lt_donthave(void);

/* The user's preference fallback_id: the id to assume for lt_donthave, 0 for none. */
uint8_t lt_donthave_fallback_id(void);

/* Shows what a DontHave did to a message that is none: a Request, Piece, Reject, Cancel, Have, Bitfield, or extension
 * handshake. tvb holds the message, or as much of it as there is. */
void lt_donthave_show(const struct peer_connection *connection, const struct message_note *note, tvbuff_t *tvb,
                      packet_info *pinfo, proto_tree *tree);

#endif
