/* utp_show.h
 * What the built-in dissectors and we have to show of a uTP packet.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_SHOW_H
#define UTP_SHOW_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/utp_flow.h"

/* Whether we have something to say of a packet of that connection. */
bool utp_show_has_notes(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header,
                        const packet_info *pinfo);

/* What we have to say of the messages that are complete with a packet, whose payload begins at that byte of tvb, and is at
 * that place of the stream. connection: NULL where it is not followed; flow: NULL where nobody knows the ports. */
void utp_show_notes(const struct utp_flow *flow, const struct utp_connection *connection, enum peer_side from,
                    uint32_t place, tvbuff_t *tvb, uint32_t at, packet_info *pinfo, proto_tree *tree);

/* Shows a packet of an encrypted connection: the built-in dissector of uTP its header, that of BitTorrent what was
 * decrypted. Returns the size of the packet. */
int utp_show_encrypted(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header,
                       tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);

/* At start-up: the built-in dissectors. */
void proto_reg_handoff_utp_show(dissector_handle_t utp, dissector_handle_t bittorrent);

#endif
