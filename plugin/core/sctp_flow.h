/* sctp_flow.h
 * The SCTP associations on one pair of UDP ports (RFC 9260, RFC 8261), and the BitTorrent connections in their data
 * channels.
 *
 * Each side chooses a tag for the packets that it will receive. INIT, whose own tag is 0, carries that of its sender, INIT
 * ACK has both:
 *
 *     A                                    B
 *         ---- INIT,     tag 0, a -------->
 *         <--- INIT ACK, tag a, b ---------
 *         ---- DATA ..., tag b ----------->
 *         <--- DATA ..., tag a ------------
 *
 * Both may send INIT at the same time, as browsers do: it is one association all the same (RFC 9260, 5.2.1).
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SCTP_FLOW_H
#define SCTP_FLOW_H

#include "core/data_channel.h"
#include "core/sctp_messages.h"

/* Associations on one pair of UDP ports that are followed at the same time. */
#define SCTP_ASSOCIATIONS_MAX 64U

struct sctp_flow;

/* All members are for the first pass only. */
struct sctp_association {
    struct sctp_flow        *flow;
    struct sctp_association *newer; /* of those that are followed, in the order in which they began */
    struct sctp_association *older;
    uint16_t                 ports[2]; /* by enum peer_side: SCTP's */
    bool                     has_tag[2];
    uint32_t                 tag[2];        /* of the packets of that side */
    struct sctp_direction    directions[2]; /* what that side sends */
    uint64_t                 acked[2]; /* of what the other side sends, that side has acknowledged; 0: nothing yet */
    uint64_t                 probe[2]; /* a chunk of that side whose acknowledgement is timed; 0: none yet */
    int64_t                  probe_time[2];  /* of its frame, ns */
    int64_t                  answer_time[2]; /* from there to the acknowledgement, ns; 0: not measured yet */
    wmem_map_t              *channels;       /* by stream: struct data_channel */
    struct data_channel     *claimed;        /* those that are BitTorrent */
    bool                     closed;         /* by ABORT or SHUTDOWN of either side */
};

/* A pair of UDP ports. All members are for the first pass only, but since. */
struct sctp_flow {
    wmem_allocator_t        *scope;
    const struct peer_setup *setup;
    uint32_t                 since; /* frame of the first packet that is SCTP for sure */
    struct sctp_association *newest;
    struct sctp_association *oldest;
    uint32_t                 count;
    struct peer_connection  *overflow; /* holds what is told of packets that are not followed; NULL: none yet */
    struct channel_parts     parts;    /* what the last call found to be shown; the caller takes them */
};

/* A packet that passed sctp_packet_check(). */
struct sctp_flow_packet {
    const uint8_t    *data;
    uint32_t          size;
    enum peer_side    from;
    struct sctp_place place;  /* but ack */
    uint32_t          number; /* see notes_begin_packet() */
};

/* An empty flow, whose memory comes from scope; setup must outlive it. */
struct sctp_flow *sctp_flow_new(wmem_allocator_t *scope, const struct peer_setup *setup, uint32_t since);

/* Takes a packet: what is complete in it goes to the connections. True while one of them watches the capture's end.
 * First pass only. */
bool sctp_flow_packet(struct sctp_flow *flow, const struct sctp_flow_packet *packet);

/* The capture is over: what waits for chunks that never came is read. First pass only, at its end. */
void sctp_flow_flush(struct sctp_flow *flow);

#endif
