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
#include "core/utp_hole.h"
#include "core/utp_places.h"
#include "core/utp_stream.h"

/* What one side sends. First pass only, but for places. */
struct utp_mse_side {
    struct utp_places  places;
    bool               has_payload; /* payload_seq is valid */
    uint64_t           payload_seq; /* the first packet with payload, see struct utp_chunk */
    struct mse_stream *stream;      /* with hole: key_stream() */
    unsigned           side;
    bool               has_next; /* the next two are valid */
    uint64_t           next_seq; /* number of the packet after the last one that was taken, */
    uint64_t           next;     /* and position of its first byte; both without hole */
    uint32_t           longest;  /* bytes of a packet, without hole */
    struct utp_hole   *hole;     /* since RC4 lacked a packet for the first time; NULL: it never did */
};

/* What is known of one connection. All zeros at its beginning. */
struct utp_mse {
    struct mse_feed     *mse;   /* NULL: not searched */
    struct utp_mse_side *sides; /* by enum peer_side; NULL: not searched */
    bool                 over;  /* the search has ended: mse is NULL, or was found. First pass only */
};

/* Whether the connection is MSE. */
static inline bool
utp_mse_is_found(const struct utp_mse *utp_mse)
{
    return utp_mse->mse != NULL && utp_mse->mse->state == MSE_FEED_FOUND;
}

/* Whether a packet of ports that are nobody's can begin a connection that is MSE. Few packets of other protocols can. */
bool utp_mse_may_begin(const struct utp_packet *packet);

/* Whether a packet that is missing in a direction is to be waited for although the receiver has it: a capture may have packets
 * in another order, and the handshake of MSE is read in order only. What is RC4 waits in struct utp_hole. First pass only. */
bool utp_mse_waits(const struct utp_mse *utp_mse, enum peer_side from);

/* Takes what is next in order, or late. True where the connection is MSE: then the feed has got what is payload in the chunk,
 * and there is nothing more to do with it; false for payload that is late and plain, which is to go to the feed as it is.
 * at_end: the connection or the capture is over, and each packet is read in its own frame. First pass only. */
bool utp_mse_take(struct utp_mse *utp_mse, struct mse_feeds *feeds, struct peer_feed *feed,
                  const struct peer_setup *setup, const struct feed_packet *packet, const struct utp_chunk *next,
                  const struct feed_chunk *chunk, bool at_end);

/* Nothing more will come: what could not be read is told. First pass only. */
void utp_mse_flush(struct utp_mse *utp_mse, struct peer_feed *feed);

/* The connection is over. First pass only. */
void utp_mse_end(struct utp_mse *utp_mse);

#endif
