/* mse_keys.h
 * The connections of the capture that may be encrypted (MSE), and the key log that the user names for them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_KEYS_H
#define MSE_KEYS_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/mse_feed.h"

/* All of this capture; empty and switched off where proto_bt_mse is. First pass, and what mse_feed.h allows on later
 * ones. */
struct mse_feeds *mse_connections(void);

/* From now on, those that cannot be read are counted, which costs more than giving them up. tshark has begun the capture
 * already when it starts its statistics. */
void mse_count_unreadable(void);

/* Registers the preference bt.peer.mse_keylog_file, a preference of proto_bt_peer. */
void proto_register_mse_keys(int proto_bt_peer);

/* proto_bt_mse: the protocol that switches all of it off. */
void proto_reg_handoff_mse_keys(int proto_bt_mse);

#endif
