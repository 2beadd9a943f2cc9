/* tcp_search.h
 * TCP connections that may be encrypted (MSE), until it is known whether they are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_SEARCH_H
#define TCP_SEARCH_H

#include "peer/ws_compat.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/packet.h>

#include "core/mse_feed.h"
#include "transport/tcp_bytes.h"

/* Positions of TCP: the sequence number, 64 bits wide. That of the first segment seen is: */
static inline uint64_t
tcp_first_position(uint32_t seq)
{
    return (UINT64_C(1) << 32) + seq;
}

/* Takes a segment. Returns the connection where it turns out to be MSE, else NULL. *is_over is set where the search has
 * ended: the caller keeps that, as the next segment would begin another one. First pass only. */
struct mse_feed *tcp_search(conversation_t *conversation, const struct tcp_bytes *bytes, const packet_info *pinfo,
                            const struct tcpinfo *tcpinfo, bool *is_over);

/* The connection, if it is searched and all that was seen of it is random; else NULL. First pass only. */
struct mse_feed *tcp_search_looks_encrypted(conversation_t *conversation);

/* The search of a connection that is nobody's has ended: no segment begins another one. First pass only. */
void tcp_search_never_again(conversation_t *conversation);

/* Messages were found in plain: it is something else, unless the search has seen public keys before them. False then. First
 * pass only. */
bool tcp_search_give_up(conversation_t *conversation);

/* A segment as mse_feed.h takes it. First pass only. */
struct feed_chunk tcp_search_chunk(struct mse_feed *mse, const struct tcp_bytes *bytes, const packet_info *pinfo,
                                   const struct tcpinfo *tcpinfo);

#endif
