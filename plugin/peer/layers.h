/* layers.h
 * One layer for all messages of a packet: Wireshark adds a layer with each call of a dissector, allows a few hundred, and
 * counts them for filters such as field#2. A packet may hold thousands of messages, each dissected by a call of its own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LAYERS_H
#define LAYERS_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

/* Around a call of the protocol's dissector, where its layer is there from an earlier call: the call gets the same
 * number, and adds nothing. What the first returns, the number of layers, the second is to be given. */
unsigned layers_begin_repeat(packet_info *pinfo, int proto);
void     layers_end_repeat(packet_info *pinfo, int proto, unsigned before);

/* In a heuristic that only hands on to another dissector: takes away the layer that was added for the protocol. */
void layers_remove(packet_info *pinfo, int proto);

#endif
