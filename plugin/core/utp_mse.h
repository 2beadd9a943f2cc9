/* utp_mse.h
 * uTP connections that may be encrypted (MSE): between utp_flow.c and the feed.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_MSE_H
#define UTP_MSE_H

#include "core/mse_feed.h"
#include "core/utp_places.h"
#include "core/utp_stream.h"

/* What is known of one connection. All zeros at its beginning. */
struct utp_mse {
    struct mse_feed  *mse;          /* NULL: not searched */
    bool              over;         /* the search has ended: mse is NULL, or was found. First pass only */
    struct utp_places places[2];    /* by enum peer_side; with mse */
    bool              has_payload[2];   /* payload_seq is valid; first pass only, as it is */
    uint64_t          payload_seq[2];   /* by enum peer_side: the first packet with payload, see struct utp_chunk */
};

/* Whether the connection is MSE. */
static inline bool
utp_mse_is_found(const struct utp_mse *utp_mse)
{
    return utp_mse->mse != NULL && utp_mse->mse->state == MSE_FEED_FOUND;
}

/* Whether a packet of ports that are nobody's can begin a connection that is MSE: its header, which was read from the packet,
 * and all of the packet. Few packets of other protocols can. */
bool utp_mse_may_begin(const struct utp_header *header, const uint8_t *packet, uint32_t captured);

/* Whether a packet that is missing in a direction is to be waited for although the receiver has it: a capture may have packets
 * in another order, and without it no place in the stream is known any more, so nothing after it could be decrypted. First
 * pass only. */
bool utp_mse_waits(const struct utp_mse *utp_mse, enum peer_side from);

/* Takes what is next in order, or late. True where the connection is MSE: then the feed has got what is payload in the chunk,
 * and there is nothing more to do with it; false for payload that is late and plain, which is to go to the feed as it is.
 * number tells packets of the same frame number apart. First pass only. */
bool utp_mse_take(struct utp_mse *utp_mse, struct mse_feeds *feeds, struct peer_feed *feed, const struct peer_setup *setup,
                  const struct feed_packet *packet, uint32_t number, const struct utp_chunk *next,
                  const struct feed_chunk *chunk);

/* The connection is over. First pass only. */
void utp_mse_end(struct utp_mse *utp_mse);

#endif
