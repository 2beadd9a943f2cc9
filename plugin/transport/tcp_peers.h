/* tcp_peers.h
 * A TCP conversation of BitTorrent peers: what is kept of it, and how its segments are read on the first pass.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_PEERS_H
#define TCP_PEERS_H

#include "peer/ws_compat.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/packet.h>

#include "core/mse_feed.h"
#include "core/peer_feed.h"
#include "peer/packet-bt-peer.h"
#include "transport/tcp_bytes.h"

/* How a call of the dissector was treated on the first pass, where that is not "complete messages from byte 0 on". */
struct segment_layout {
    bool     framed;  /* it is known where messages start: at first */
    bool     may_ask; /* TCP may be asked for more */
    bool     waits;   /* not framed: it may begin a message, and TCP is asked for one more segment to tell */
    bool     whole;   /* framed: it has complete messages only, from its first byte to its last, and no unusual ones.
                         First pass only; false: nobody knows */
    uint32_t first;   /* framed: offset of the first message that begins in it */
};

/* A TCP conversation. */
struct tcp_peers {
    struct peer_feed feed;
    uint64_t highest_seq[2]; /* by sender: the highest sequence number, 64 bits wide; 0: none. First pass only */
    const struct tcp_analysis *analysis;     /* watched: TCP's own, of the conversation */
    struct mse_feed           *mse;          /* NULL: the connection is not encrypted */
    wmem_map_t                *layouts;      /* frame and sequence number -> struct segment_layout; NULL: none */
    bool                       watched;      /* see packet_watch.h; first pass only */
    uint8_t                    completeness; /* watched: as of its last packet */
    bool                       search_over;  /* mse is final; first pass only */
};

/* What is kept of a conversation; NULL: nothing yet. */
static inline struct tcp_peers *
tcp_peers_of(const conversation_t *conversation)
{
    return (struct tcp_peers *)conversation_get_proto_data(conversation, proto_bt_peer);
}

/* Begins to keep it. */
struct tcp_peers *tcp_peers_new(conversation_t *conversation, const packet_info *pinfo);

/* The connection is over. First pass only. */
void tcp_peers_end(struct tcp_peers *peers);

/* Feeds the connection. comes_again: a message that goes on after the bytes is asked for as a whole. Returns the layout's
 * whole. First pass only. */
bool tcp_peers_read(struct tcp_peers *peers, conversation_t *conversation, const struct tcp_bytes *bytes,
                    packet_info *pinfo, const struct tcpinfo *tcpinfo, bool comes_again);

/* How such a call was treated. Any pass, after it. */
struct segment_layout tcp_peers_layout(const struct tcp_peers *peers, enum peer_side from, uint32_t frame,
                                       uint32_t seq);

/* For an init routine. out_of_order: TCP puts segments in order (its preference tcp.reassemble_out_of_order). */
void tcp_peers_begin_capture(bool out_of_order);

/* At start-up. */
void proto_reg_handoff_tcp_peers(void);

#endif
