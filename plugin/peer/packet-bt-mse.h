/* packet-bt-mse.h
 * The protocol bt.mse: what the handshake of an encrypted connection (MSE) has to show.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_BT_MSE_H
#define PACKET_BT_MSE_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/mse_feed.h"

/* Keeps the state of connections, and switches MSE off. */
extern int proto_bt_mse;

/* The name of the data source with what was decrypted. */
#define BT_MSE_DATA_SOURCE "Decrypted BitTorrent (MSE)"

/* Bytes of one side of a connection that is MSE. */
struct bt_mse_bytes {
    struct mse_feed *mse;
    unsigned         side;
    uint64_t         position; /* of the first byte of tvb, as mse_feed.h counts */
    tvbuff_t        *tvb;
};

/* Shows the handshake in the bytes, if there is any: up to where the payload begins. Returns whether there is. */
bool bt_mse_show_handshake(struct bt_mse_bytes *bytes, packet_info *pinfo, proto_tree *tree);

/* The payload of a part of the bytes as a tvb, decrypted where it is encrypted; it is a data source of the packet then.
 * late: payload that came before the part and is shown with it, or NULL; *late_size tells how many bytes of it begin the
 * tvb. NULL where nothing can be read. */
tvbuff_t *bt_mse_payload(const struct bt_mse_bytes *bytes, const struct mse_part *part, const struct mse_late *late,
                         uint32_t *late_size, packet_info *pinfo);

void proto_register_bt_mse(void);
void proto_reg_handoff_bt_mse(void);

#endif
