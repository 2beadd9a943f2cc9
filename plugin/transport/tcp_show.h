/* tcp_show.h
 * What the built-in BitTorrent dissector and we have to show of a TCP segment.
 *
 *     tvb:    |<- first ->|<------ complete ------>|<- rest ->|
 *             +-----------+-------+-------+--------+----------+
 *             | not ours  | msg   | msg   | msg    | part     |
 *             +-----------+-------+-------+--------+----------+
 *
 * first is 0 but after a hole in the capture or a repeated segment. The complete messages go to the built-in dissector
 * for display, and TCP is asked for the rest of the last one. Where TCP cannot reassemble (its preference, or that of the
 * built-in dissector, is off, or the packets are cut) the built-in dissector gets what it gets without us.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_SHOW_H
#define TCP_SHOW_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "peer/packet-bt-peer.h"
#include "transport/tcp_peers.h"

/* Bytes that are to be shown. data: TCP's, for the built-in dissector. */
struct bt_peer_view tcp_show_view(const struct tcp_peers *peers, const struct tcp_bytes *bytes, void *data);

/* Shows all of them. */
void tcp_show(const struct tcp_peers *peers, const struct tcp_bytes *bytes, struct segment_layout layout,
              packet_info *pinfo, proto_tree *tree, void *data);

/* Shows a part of the segment as the built-in dissector does, with what TCP allows us to ask for. */
void tcp_show_builtin(tvbuff_t *part, packet_info *pinfo, proto_tree *tree, void *data);

/* Whether a message that goes on after the segment may be asked for as a whole. */
bool tcp_show_reassembles(const packet_info *pinfo);

/* The wish of the built-in dissector for more is dropped: out of sync, any four bytes look like a length. */
void tcp_show_ask_for_nothing(packet_info *pinfo);

/* For an init routine. desegments: the built-in dissector puts messages together (its preference). */
void tcp_show_begin_capture(bool desegments);

/* At start-up. builtin: the built-in dissector. */
void proto_reg_handoff_tcp_show(dissector_handle_t builtin);

#endif
