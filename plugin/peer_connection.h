/* peer_connection.h
 * One connection of two BitTorrent peers, seen from the wire: takes their messages and writes notes.
 *
 * It puts the parts together: the handshakes (BEP 3), the negotiation of ids (BEP 10) and the ledger (BEP 54).
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_CONNECTION_H
#define PEER_CONNECTION_H

#include "ledger.h"
#include "message_stream.h"
#include "negotiation.h"
#include "notes.h"

/* What the handshake of BEP 3 says. */
struct peer_handshake {
    bool seen;
    bool fast;          /* reserved bit of BEP 6 */
    bool extension;     /* reserved bit of BEP 10 */
};

struct peer_connection {
    wmem_allocator_t     *scope;
    struct notes          notes;            /* the only member that is read after the first pass */
    struct peer_handshake handshakes[2];
    struct negotiation    negotiation;
    struct ledger        *ledger;           /* NULL while it is not needed */

    /* What the capture has not. */
    uint32_t              newest;           /* frame of the message that was taken last; first pass only */
    uint32_t              missed_before[2]; /* by sender: as in struct ledger_peer; final after pass 1 */

    /* What came behind a DontHave. */
    bool                  had_donthave;
    struct message_note  *watched[2];       /* by sender: its last DontHave while the other may close because of it */
    uint32_t              packets_behind[2];    /* how many packets came since */
    int64_t               closed_at;        /* time of the packet that closed it, ns; 0: none; final after pass 1 */
    int64_t               round_trip;       /* ns, 0: unknown; final after pass 1 */
};

/* A close within so many packets is put down to the DontHave before them. */
#define CLOSED_AFTER_PACKETS    10

/* Round trip to assume where none was measured, ns: the first retransmission timeout of TCP (RFC 6298). */
#define ROUND_TRIP_ASSUMED      NS_PER_S

/* A connection of which nothing is known. fallback_id: the id to assume for lt_donthave where the receiver's extension
 * handshake was not seen, 0 for none. Memory comes from scope. */
struct peer_connection *peer_connection_new(wmem_allocator_t *scope, uint8_t fallback_id);

/* Takes the next message of a peer. context tells where it stands; its position, size and bytes are filled in here.
 * First pass only. Any bytes are good: what is not understood changes nothing. */
void peer_connection_message(struct peer_connection *connection, enum peer_side from,
                             const struct stream_message *wire, struct message_context *context);

/* Whether the next packets, also those without a message, matter: there was a DontHave just now. First pass only. */
bool peer_connection_watches(const struct peer_connection *connection);

/* A packet of that peer, with a message or without; closed: the connection is closed (TCP's FIN or RST, uTP's ST_FIN or
 * ST_RESET) by it, or was before. First pass only. */
void peer_connection_packet(struct peer_connection *connection, enum peer_side from, uint32_t frame, int64_t time,
                            bool closed);

/* Whether an answer by that peer to a Request of that frame, due since it was disowned at that time, would be in the
 * capture: nothing of the peer's stream is missing since, and the connection, and the capture, whose last packet has
 * the time capture_end, went on for longer than a round trip. Times in ns. After the first pass. */
bool peer_connection_answer_was_due(const struct peer_connection *connection, enum peer_side answering,
                                    uint32_t request_in, int64_t disowned, int64_t capture_end);

/* Bytes of that peer's stream are missing, behind the message that was taken last. First pass only. */
void peer_connection_gap(struct peer_connection *connection, enum peer_side from);

/* A limit was reached at a place in the capture: a finding there, once per connection. First pass only. */
void peer_connection_limit(struct peer_connection *connection, enum peer_side from,
                           const struct message_context *context, const char *what, uint32_t limit);

#endif
