/* peer_connection.h
 * One connection of two BitTorrent peers, seen from the wire: takes their messages and tells its observers.
 *
 * It puts the parts together: the handshakes (BEP 3), the ids of extensions (BEP 10), and requests and pieces (BEP 3,
 * BEP 6). What an extension makes of them is its observer's (peer_observer.h).
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_CONNECTION_H
#define PEER_CONNECTION_H

#include "core/extension_ids.h"
#include "core/notes.h"
#include "core/peer_gap.h"
#include "core/peer_observer.h"
#include "core/transfers.h"

/* Observers of one connection. */
#define PEER_OBSERVERS_MAX 8U

/* Who listens to connections, and what the user says of ids: the same for all connections of a capture. */
struct peer_setup {
    const struct peer_observer *observers[PEER_OBSERVERS_MAX];
    unsigned                    observer_count;
    struct extension_fallback   fallbacks[PEER_OBSERVERS_MAX];
    unsigned                    fallback_count; /* each with an id at least */
    wmem_map_t *lists; /* of extensions, which connections share; from their scope. NULL: they share none */
};

/* The user says that this id may be the extension's where no handshake tells; 0 is none. The name outlives setup. */
void peer_setup_assume(struct peer_setup *setup, const char *name, uint8_t id);

/* What the handshake of BEP 3 says. */
struct peer_handshake {
    bool seen;
    bool fast;      /* reserved bit of BEP 6 */
    bool extension; /* reserved bit of BEP 10 */
};

struct peer_connection {
    const struct peer_setup *setup; /* not owned */
    struct notes notes; /* the only member that is read after the first pass, but for closed_at and round_trip */
    struct peer_handshake handshakes[2];
    struct extension_ids  ids[2];    /* by enum peer_side: what that side wants to be sent */
    struct transfers     *transfers; /* NULL while it is not needed */
    bool                  over;      /* a cap was reached: nothing is followed any more */
    bool                  limit_told;
    uint16_t              watchers; /* reasons of observers to see all packets; first pass only */

    /* What the capture lacks. */
    uint32_t         newest;           /* frame of the message that was taken last */
    uint32_t         missed_before[2]; /* by sender, frame: what it said after any earlier one may be missing;
                                          0: nothing is. Final after pass 1 */
    uint64_t         read_to[2];       /* by sender: what an acknowledgement must reach to cover all that was read of
                                          it, see end_ack; the feed adds parts of messages. First pass only */
    struct peer_gap *gaps;             /* see peer_connection_gap_of(); NULL: no byte is missing */

    int64_t last_time;  /* of the last packet, ns */
    int64_t closed_at;  /* time of the packet that closed it, ns; 0: none; final after pass 1 */
    int64_t round_trip; /* ns, 0: unknown; final after pass 1 */
    void   *states[];   /* of the observers of setup; NULL: none yet */
};

/* Round trip to assume where none was measured, ns: the first retransmission timeout of TCP (RFC 6298). */
#define ROUND_TRIP_ASSUMED NS_PER_S

/* Where all of its memory comes from. */
static inline wmem_allocator_t *
peer_connection_scope(const struct peer_connection *connection)
{
    return connection->notes.scope;
}

/* A connection of which nothing is known. Memory comes from scope; setup must outlive it. */
struct peer_connection *peer_connection_new(wmem_allocator_t *scope, const struct peer_setup *setup);

/* Nothing more will come of the connection: what is for the first pass only is given back. */
void peer_connection_end(struct peer_connection *connection);

/* A packet of that frame is going to be read, see notes_begin_packet(). First pass only. */
static inline void
peer_connection_begin_packet(struct peer_connection *connection, uint32_t frame, uint32_t packet)
{
    if (notes_begin_packet(&connection->notes, frame, packet) && connection->transfers != NULL)
        transfers_unseen(connection->transfers, frame);
}

/* Takes the next message of a peer: size bytes on the wire, of which the first captured ones are at data. context tells
 * where it stands. First pass only. Any bytes are good: what is not understood changes nothing. */
void peer_connection_message(struct peer_connection *connection, const uint8_t *data, uint32_t captured,
                             uint32_t size, struct message_context *context);

/* Whether an observer wants to see all packets, also those without a message. First pass only. */
static inline bool
peer_connection_watches(const struct peer_connection *connection)
{
    return connection->watchers > 0;
}

/* A packet of that peer, with a message or without; closes: it closes the connection (TCP's FIN or RST, uTP's ST_FIN or
 * ST_RESET). First pass only. */
void peer_connection_packet(struct peer_connection *connection, enum peer_side from, uint32_t frame, int64_t time,
                            bool closes);

/* Messages of that peer may be missing, after the message that was taken last. First pass only. */
void peer_connection_gap(struct peer_connection *connection, enum peer_side from);

/* Bytes of that peer's stream are missing before a place in the capture: a finding there, once for each direction, where
 * an extension is offered that an observer listens for. text says how many, and what may help. False: the direction has one.
 * First pass only. */
bool peer_connection_lacks(struct peer_connection *connection, struct message_context *context, const char *text);

/* What peer_connection_lacks() told of that peer; NULL: nothing. First pass only. */
struct peer_gap *peer_connection_gap_of(const struct peer_connection *connection, enum peer_side from);

/* What peer_connection_lacks() told of is shown here on later passes: they do not see the packet where it was told. First pass
 * only. */
void peer_connection_lacks_shown(struct peer_connection *connection, const struct message_context *context);

/* The same while there is no such packet, and perhaps will be none: it is shown with what came before it. First pass only. */
void peer_connection_lacks_hidden(struct peer_connection *connection, const struct message_context *before);

/* Some of the bytes that peer_connection_lacks() told of came late. text says how many are missing all the same, and is not
 * longer than the first one; NULL: none are. First pass only. */
void peer_connection_lacks_less(struct peer_connection *connection, enum peer_side from, const char *text);

/* A cap was reached at a place in the capture: told once. what: limit of them are kept. First pass only. */
void peer_connection_limit(struct peer_connection *connection, struct message_context *context, const char *what,
                           uint32_t limit);

/* --- for observers --- */

/* A reason to see all packets begins, and ends: as often as it began. First pass only. */
static inline void
peer_connection_watch(struct peer_connection *connection)
{
    connection->watchers++;
}

static inline void
peer_connection_unwatch(struct peer_connection *connection)
{
    connection->watchers--;
}

/* Requests and pieces, kept from now on where they were not. First pass only. */
struct transfers *peer_connection_transfers(struct peer_connection *connection);

/* Whether one of the peers offers, or has offered, the extension, or the user says that it is there. */
bool peer_connection_offers(const struct peer_connection *connection, const char *name);

/* Whether all is known that the peer said since that frame. If not, it may have taken back what it said there. */
bool peer_connection_heard_since(const struct peer_connection *connection, enum peer_side peer, uint32_t frame);

/* Whether all was read that the sender of a packet knew of the other side when it sent it. First pass only. */
bool peer_connection_read_all_before(const struct peer_connection *connection, const struct message_context *context);

/* Whether an answer that was due since asked would have come before end_time, which is more than a round trip later. Times in
 * ns since the epoch. */
bool peer_connection_answer_was_due(const struct peer_connection *connection, int64_t asked, int64_t end_time);

#endif
