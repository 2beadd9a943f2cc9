/* tcp_withheld.h
 * Segments that TCP withholds because another dissector took random bytes for the beginning of a long message.
 *
 * Before a connection is known to be MSE, Wireshark asks its heuristics for each segment, and some of them believe random
 * bytes: LBMSRS takes one segment of 64 from or to 127.0.0.1, and waits for megabytes. TCP would call nobody for that side
 * until then.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_WITHHELD_H
#define TCP_WITHHELD_H

#include "peer/ws_compat.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/packet.h>

/* What TCP withholds of the side that does not send this packet is handed over with that side's next segment. Who wants
 * more of it can ask for it again then. Returns whether there is anything. First pass only. */
bool tcp_withheld_release(conversation_t *conversation, packet_info *pinfo, const struct tcpinfo *tcpinfo);

#endif
