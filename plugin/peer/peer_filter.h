/* peer_filter.h
 * The conversation filter "BitTorrent connection" of Wireshark's packet list: all packets of the two peers, over TCP or
 * uTP, in both directions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_FILTER_H
#define PEER_FILTER_H

#include "peer/ws_compat.h"

void peer_filter_register(void);

#endif
