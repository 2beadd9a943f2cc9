/* tcp_early.h
 * The first bytes of TCP connections that are nobody's, kept until there is a reason to search them for MSE.
 *
 * Every connection of a protocol that Wireshark does not know may be MSE, and nearly none is. A search of its own
 * (mse_feed.h) costs the look-up of its conversation and seven pieces of memory; keeping the bytes costs a tenth of that.
 * There is no reason to search as long as
 *   - the user has no key log,
 *   - the handshake of BitTorrent is in none of the bytes (without it nothing is ever taken for plaintext, mse_search.c),
 *   - segments come one after the other, complete, and there are few of them,
 *   - no side acknowledges what was not seen here (TCP may withhold it, tcp_withheld.h).
 * With the first segment that is otherwise, the connection is searched as if all of it had been from the beginning.
 *
 * First pass only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_EARLY_H
#define TCP_EARLY_H

#include "peer/ws_compat.h"

#include <epan/conversation.h>
#include <epan/packet.h>

#include "core/mse_feed.h"
#include "transport/tcp_bytes.h"

/* Connections that are kept; beyond that, the oldest one is given up. */
#define EARLY_MAX          4096U
#define EARLY_SEGMENTS_MAX 8U
#define EARLY_BYTES_MAX    1024U /* of each side */

struct early_segment {
    uint32_t frame;
    uint16_t size;
    uint8_t  side; /* enum peer_side */
};

struct early_connection {
    uint64_t             key; /* of addresses and ports; 0: it is not kept any more */
    uint32_t             last_frame;
    uint32_t             count; /* segments */
    struct early_segment segments[EARLY_SEGMENTS_MAX];
    uint32_t             seq[2];  /* by side: of the first byte, even if none is kept */
    uint32_t             size[2]; /* bytes kept, one segment after the other */
    uint8_t              bytes[2][EARLY_BYTES_MAX];
};

/* Takes a segment of a connection that is nobody's: keeps it, or has nothing to do with it, which returns false. True
 * where the connection is to be searched now. */
bool tcp_early_take(const struct tcp_bytes *bytes, const packet_info *pinfo, const struct tcpinfo *tcpinfo);

/* What was kept of the conversation of a packet, which is searched from now on. *early is it, until the next call, or
 * NULL: nothing was. False where the conversation was given up before. */
bool tcp_early_hand_over(const conversation_t *conversation, const packet_info *pinfo,
                         const struct early_connection **early);

/* For an init routine. */
void tcp_early_begin_capture(void);

#endif
