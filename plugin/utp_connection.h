/* utp_connection.h
 * The uTP connections on one pair of UDP ports (BEP 29): which packet belongs to which, and what their messages are.
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
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_CONNECTION_H
#define UTP_CONNECTION_H

#include "message_stream.h"
#include "peer_connection.h"
#include "utp_stream.h"

/* Connections on one pair of UDP ports that are followed. Each has its ST_SYN or data with an id of its own. */
#define UTP_CONNECTIONS_MAX     1024U

/* What one side sends. First pass only. */
struct utp_direction {
    struct utp_stream     packets;
    struct message_stream messages;
    bool                  begun;        /* timestamp is valid */
    uint32_t              timestamp;    /* the latest one, microseconds modulo 2^32 */
    uint64_t              probe;        /* a packet whose acknowledgement is timed; 0: none yet */
    int64_t               probe_time;   /* of its frame, ns */
    int64_t               answer_time;  /* from there to the acknowledgement, ns; 0: not measured yet */
};

/* Where the payload of a frame stands in the stream of its sender. */
struct utp_place {
    uint32_t frame;
    uint64_t position;
};

/* A message that is not in the payload of the frame in which it ended: it began in another one, or all of it waited
 * for a packet that came late. */
struct utp_assembled {
    struct utp_assembled *next;         /* in the same frame */
    enum peer_side        from;
    uint64_t              position;     /* of its first byte */
    uint32_t              size;         /* bytes on the wire */
    const uint8_t        *bytes;        /* the first of them, where they are few; else NULL */
    uint32_t              bytes_size;
    uint32_t             *frames;       /* of its bytes, in the order of the bytes */
    uint32_t              frame_count;
};

struct utp_connection {
    wmem_allocator_t       *scope;
    struct peer_connection *peers;
    struct utp_direction    directions[2];  /* by enum peer_side: what that side sends; first pass only */
    struct utp_place       *places;         /* by frame, of the frames that may have something to show */
    uint32_t                place_count;
    uint32_t                place_room;
    wmem_map_t             *assembled;      /* frame -> its first struct utp_assembled; NULL while there is none */
    bool                    has_id[2];      /* first pass only, as all below */
    uint16_t                id[2];          /* of the packets of that side, but ST_SYN */
    bool                    has_syn;        /* the ST_SYN was captured */
    uint16_t                syn_seq_nr;
    bool                    closed;         /* by ST_FIN or ST_RESET of either side */
};

/* A pair of UDP ports. */
struct utp_flow {
    wmem_allocator_t *scope;
    uint8_t           fallback_id;      /* see peer_connection_new() */
    wmem_map_t       *by_id;            /* side and connection id -> the last struct utp_alias */
    uint32_t          count;            /* connections so far */
    uint32_t          claimed_in;       /* for the caller: first frame that is known to be of BitTorrent over uTP */
};

/* An empty flow, whose memory comes from scope. */
struct utp_flow *utp_flow_new(wmem_allocator_t *scope, uint8_t fallback_id);

/* The connection that a packet belongs to, NULL where none is known. */
struct utp_connection *utp_flow_find(const struct utp_flow *flow, enum peer_side from,
                                     const struct utp_header *header, uint32_t frame);

/* The same on the first pass: ST_SYN and data begin a connection, and ids are learned. NULL also at
 * UTP_CONNECTIONS_MAX. */
struct utp_connection *utp_flow_get(struct utp_flow *flow, enum peer_side from, const struct utp_header *header,
                                    uint32_t frame);

/* Takes a packet: what is in order goes to connection->peers. has_ack, ack and begins are filled in here. time is that
 * of the frame, ns. First pass only. */
void utp_connection_packet(struct utp_connection *connection, enum peer_side from, struct utp_packet *packet,
                           int64_t time);

/* The position of the first byte of the payload of a frame. False where it does not matter. */
bool utp_connection_position(const struct utp_connection *connection, uint32_t frame, uint64_t *position);

/* The assembled message of that frame at that position, NULL where it is not one. */
const struct utp_assembled *utp_connection_assembled(const struct utp_connection *connection, uint32_t frame,
                                                     enum peer_side from, uint64_t position);

#endif
