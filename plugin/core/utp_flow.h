/* utp_flow.h
 * The uTP connections on one pair of UDP ports (BEP 29): which packet belongs to which, and their bytes in order.
 *
 * The peer that opens a connection takes an id R at random for the packets that it will receive. Its ST_SYN carries R,
 * all its later packets R + 1, and those of the other side R:
 *
 *     initiator                     acceptor
 *         ---- ST_SYN,   id R ------->
 *         <--- ST_STATE, id R --------
 *         ---- ST_DATA,  id R + 1 --->
 *         <--- ST_DATA,  id R --------
 *
 * Connections that have ended, or were never answered, make room for new ones.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_FLOW_H
#define UTP_FLOW_H

#include "core/peer_feed.h"
#include "core/utp_ids.h"
#include "core/utp_mse.h"
#include "core/utp_stream.h"

/* Connections on one pair of UDP ports that are followed at the same time. */
#define UTP_CONNECTIONS_MAX 1024U

/* Packets, and bytes of their payloads, that are kept of a pair of ports before the handshake of BitTorrent tells that they
 * are of interest: it may have been overtaken by what its sender sent after it. Peers say little before both handshakes
 * are through; encrypted connections soon say more, and are not kept. */
#define UTP_EARLY_PACKETS_MAX 16U
#define UTP_EARLY_BYTES_MAX   (8U * 1024)

/* One of them. */
struct utp_early {
    struct utp_early *next; /* in the order of the capture */
    enum peer_side    from;
    struct utp_packet packet; /* its payload follows this struct */
};

/* What one side sends. First pass only. */
struct utp_direction {
    struct utp_stream packets;
    int64_t           last_time;     /* of the frame of its latest packet, ns */
    uint32_t          timestamp;     /* the latest one, microseconds modulo 2^32 */
    bool              has_timestamp; /* there was a packet */
};

/* A packet of one side whose acknowledgement is timed. */
struct utp_probe {
    uint64_t seq;  /* 0: none yet */
    int64_t  time; /* of its frame, ns; answered: from there to the acknowledgement */
    bool     answered;
};

struct utp_flow;

struct utp_connection {
    struct utp_flow       *flow;
    struct peer_feed       feed;
    struct utp_mse         encryption;
    struct utp_alias       aliases[2]; /* by enum peer_side: the ids of the packets of that side, but ST_SYN */
    uint32_t               first_frame;
    uint16_t               syn_seq_nr;  /* first pass only, as all below */
    unsigned               has_syn : 1; /* the ST_SYN was captured */
    unsigned               followed : 1;
    unsigned               closed : 1; /* by ST_FIN or ST_RESET of either side */
    unsigned               had_data : 1;
    struct utp_direction   directions[2]; /* by enum peer_side: what that side sends */
    struct utp_probe      *probes;        /* by enum peer_side; NULL: none yet, or the round trip is known */
    struct utp_connection *newer;         /* of those that are followed, in the order in which they began */
    struct utp_connection *older;
};

/* What is the same for all pairs of ports of a capture. */
struct utp_flow_setup {
    wmem_allocator_t        *scope;
    const struct peer_setup *peers;
    struct mse_feeds        *mse_feeds; /* where encrypted connections are looked for; NULL: they are not */
};

/* A pair of UDP ports. */
struct utp_flow {
    const struct utp_flow_setup *setup; /* not owned */
    struct utp_ids               ids;
    struct utp_connection       *newest; /* that is followed */
    struct utp_connection       *oldest;
    uint16_t                     count;       /* of them, UTP_CONNECTIONS_MAX at most */
    bool                         turned_away; /* utp_flow_get(): there was no room for the packet's connection */
    uint32_t                claimed_in; /* first frame that is known to be of BitTorrent over uTP; 0: nobody knows yet
                                           whether there is any, so only encrypted connections are looked for */
    struct utp_early       *early;      /* kept until then; NULL: none. First pass only */
    struct peer_connection *overflow;   /* holds what is told of packets whose connection is not followed; NULL: none
                                           yet */
};

/* An empty flow; setup must outlive it. */
struct utp_flow *utp_flow_new(const struct utp_flow_setup *setup);

/* The connection that a packet belongs to, NULL where none is known. */
struct utp_connection *utp_flow_find(const struct utp_flow *flow, enum peer_side from,
                                     const struct utp_header *header, uint32_t frame);

/* The same on the first pass: ST_SYN and data begin a connection, and ids are learned. NULL also where as many as
 * UTP_CONNECTIONS_MAX are open, see utp_flow_tell_full(). time is that of the frame, ns. */
struct utp_connection *utp_flow_get(struct utp_flow *flow, enum peer_side from, const struct utp_header *header,
                                    uint32_t frame, int64_t time);

/* A packet's connection is not followed, because too many are: told once, at the packet. First pass only. */
void utp_flow_tell_full(struct utp_flow *flow, enum peer_side from, uint32_t frame, uint32_t packet);

/* Takes a packet: what is in order goes to the connection. has_ack, ack and begins are filled in here. number tells
 * packets of the same frame number apart, see notes_begin_packet(). First pass only. */
void utp_connection_packet(struct utp_connection *connection, enum peer_side from, struct utp_packet *packet,
                           uint32_t number);

/* The ports are known to be of BitTorrent from a frame on, unless they were before. First pass only. */
static inline void
utp_flow_claim(struct utp_flow *flow, uint32_t frame)
{
    if (flow->claimed_in == 0)
        flow->claimed_in = frame;
}

/* Keeps a packet of ports that may be those of BitTorrent over uTP, from ST_SYN or ST_STATE on. Too many: all are forgotten.
 * First pass only. */
void utp_flow_keep_early(struct utp_flow *flow, enum peer_side from, const struct utp_packet *packet);

/* Forgets them. First pass only. */
void utp_flow_forget_early(struct utp_flow *flow);

/* The connection of a packet was only searched, and turns out to be what it was not searched for: it begins anew, with what
 * was kept. First pass only. */
void utp_flow_begin_anew(struct utp_flow *flow, enum peer_side from, const struct utp_header *header, uint32_t frame);

/* The handshake came, in packet, which was not taken yet: reads what was kept. What is complete with that is shown with
 * packet. Twice: before packet is taken, the packets without bytes, and afterwards (taken) the others. First pass only. */
void utp_flow_read_early(struct utp_flow *flow, const struct utp_packet *packet, uint32_t number, bool taken);

/* The capture is over: what waits for packets that never came is read. First pass only, at its end. */
void utp_flow_flush(struct utp_flow *flow);

/* By which a byte of the payload of a packet is found again, see struct feed_chunk. */
static inline uint32_t
utp_place(uint16_t seq_nr)
{
    return (uint32_t)seq_nr << 16; /* a datagram is shorter than 64 KiB */
}

#endif
