/* tcp_mse.h
 * BitTorrent peers over TCP whose connection is encrypted (MSE): from the first segment that may belong to one, to
 * what its segments show.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_MSE_H
#define TCP_MSE_H

#include "peer/ws_compat.h"

#include <epan/dissectors/packet-tcp.h>
#include <epan/packet.h>

#include "transport/tcp_peers.h"

/* Whether a connection that is nobody's turns out to be MSE with this segment. */
bool tcp_mse_becomes(const struct tcp_bytes *bytes, packet_info *pinfo, const struct tcpinfo *tcpinfo);

/* A connection that was nobody's is ours, with this segment: what TCP withholds of it for somebody else is released. First pass
 * only. */
void tcp_mse_claimed(conversation_t *conversation, packet_info *pinfo, const struct tcpinfo *tcpinfo);

/* Finds out whether a connection of which we see all packets turns out to be MSE: peers->mse is set then. First pass only. */
void tcp_mse_look(struct tcp_peers *peers, conversation_t *conversation, const struct tcp_bytes *bytes,
                  packet_info *pinfo, const struct tcpinfo *tcpinfo);

/* Reads (on the first pass) and shows a segment of a connection that is MSE: handshake, payload, or both. data is the
 * segment's struct tcpinfo. */
void tcp_mse_dissect(struct tcp_peers *peers, conversation_t *conversation, const struct tcp_bytes *segment,
                     packet_info *pinfo, proto_tree *tree, void *data);

/* For an init routine. wanted: connections that are nobody's are searched for MSE. */
void tcp_mse_begin_capture(bool wanted);

/* heuristic: of no protocol, takes what the heuristic takes. */
void proto_reg_handoff_tcp_mse(dissector_handle_t heuristic);

#endif
