/* transfers.h
 * What BEP 3 and BEP 6 say of the requests and pieces of one connection: requested, served, rejected, cancelled,
 * choked, announced.
 *
 *     X ---- Request (index, begin, length) ---> Y        outstanding
 *     X <--- Piece / Reject (Fast) ------------- Y        answered: no longer outstanding
 *     X ---- Cancel ---------------------------> Y        taken back
 *     X <--- Choke ----------------------------- Y        without Fast, all are gone
 *
 * Messages count in the order in which they complete in the capture, but for a Request that stands after its own answer,
 * which acknowledges it: the answer counts. Each is told to a listener, with the request that it
 * is about: what ends a request before it does, what begins or announces afterwards. What an extension knows of a request
 * hangs on the request as its tag.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRANSFERS_H
#define TRANSFERS_H

#include "core/notes.h"
#include "core/peer_observer.h"
#include "core/peer_wire.h"
#include "core/piece_set.h"
#include "core/request_table.h"

/* Answers of the other side, and Cancels, that are remembered because no request matches them. */
#define TRANSFER_UNMATCHED_MAX 16U

/* A Piece, Reject or Cancel that matches no request: the Request may stand after it in the capture. */
struct transfer_unmatched {
    uint32_t index;
    uint32_t begin;
    bool     cancel;
    uint64_t covers; /* the Request was sent before it if this covers it, see end_ack */
};

/* What is known of one peer. First pass only. */
struct transfer_peer {
    struct request_table      *requests;  /* that it made; NULL: none yet */
    struct transfer_unmatched *unmatched; /* the last TRANSFER_UNMATCHED_MAX, in a ring; NULL: there was none */
    struct piece_set          *advised;   /* Suggest Piece and Allowed Fast (BEP 6); NULL: none yet */
    uint64_t         choked_covers;       /* without Fast: what had been sent when the other side choked it last */
    struct piece_set have;
    uint32_t         unmatched_count; /* ever */
    bool             from_start;      /* its stream was followed from its handshake, without a hole */
    bool             announced;       /* it sent a Bitfield, Have, Have All or Have None */
    bool             knows_all;       /* have is complete: nothing that it announced was missed */
};

/* Requests and pieces of which nothing was said yet where all is zero. */
struct transfers {
    struct transfer_peer peers[2];    /* by enum peer_side */
    bool                 fast;        /* the Fast extension is in force: both handshakes have its bit (BEP 6), or a
                                         message of it came where the handshakes are not known */
    bool                 fast_known;  /* the handshakes tell */
    uint32_t             piece_bound; /* pieces of the torrent at most, from a Bitfield; 0: unknown */
};

/* Who is told, and where memory comes from: the same each time. */
struct transfer_listener {
    wmem_allocator_t *scope;
    void (*hear)(void *data, const struct transfer *transfer);
    void *data;
};

/* A cap that a message reached. */
enum transfer_limit {
    TRANSFER_NO_LIMIT,
    TRANSFER_REQUESTS, /* REQUESTS_MAX: the oldest request was forgotten */
    TRANSFER_PIECES    /* PIECE_SET_PAGES_MAX: a piece that was announced was not kept */
};

void transfers_free(struct transfers *transfers, wmem_allocator_t *scope);

/* Takes one complete message other than a handshake or an extended message, and tells the listener. First pass only. */
enum transfer_limit transfers_message(struct transfers *transfers, const struct transfer_listener *listener,
                                      const struct peer_message *message, struct message_context *context);

/* A request that an observer says is gone without an answer: it stays to be found by its block. */
void transfers_drop(struct transfers *transfers, enum peer_side asker, struct request *request);

/* The sender has the piece no more, says an observer. */
void transfers_lose_piece(struct transfers *transfers, wmem_allocator_t *scope, enum peer_side owner, uint32_t piece);

/* Bytes of the stream of that peer are missing. */
void transfers_gap(struct transfers *transfers, enum peer_side from);

/* The packet of that frame was rejected by a read filter: its requests have no place to show anything. */
void transfers_unseen(struct transfers *transfers, uint32_t frame);

#endif
