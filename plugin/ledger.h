/* ledger.h
 * The ledger of one connection: which requests are outstanding, which pieces their owner has disowned, and what a
 * DontHave does to both. BEP 54, with BEP 3 and BEP 6.
 *
 *     X ---- Request (index, begin, length) ---> Y        outstanding
 *     X <--- Piece / Reject (Fast) ------------- Y        answered
 *     X ---- Cancel ---------------------------> Y        taken back
 *     X <--- DontHave (index) ------------------ Y        every outstanding request for the piece is invalidated:
 *                                                         dropped without Fast, to be rejected by name with Fast
 *
 * Messages count in the order in which they complete in the capture. Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LEDGER_H
#define LEDGER_H

#include "disowned_pieces.h"
#include "notes.h"
#include "peer_wire.h"
#include "piece_set.h"
#include "request_table.h"

/* DontHaves of one peer within a second that are still no storm. */
#define STORM_DONTHAVES     64

/* What is known of one peer. */
struct ledger_peer {
    struct request_table requests;      /* that it made */

    /* What it says that it has. */
    bool             from_start;        /* its stream was followed from its handshake, without a hole */
    uint32_t         missed_before;     /* frame: what it said after any earlier one may be missing; 0: nothing is */
    bool             announced;         /* it sent a Bitfield, Have, Have All or Have None */
    bool             knows_all;         /* have is complete: nothing that it announced was missed */
    struct piece_set have;
    struct piece_set advised;           /* Suggest Piece and Allowed Fast (BEP 6) */
    struct disowned_pieces disowned;    /* and what it says that it has no more (BEP 54) */

    int64_t         *donthave_times;    /* ring of the last STORM_DONTHAVES; NULL while it sent none */
    uint32_t         donthaves;         /* that it sent */
    bool             storm_told;
};

struct ledger {
    wmem_allocator_t  *scope;
    struct notes      *notes;
    struct ledger_peer peers[2];
    bool               fast;            /* both handshakes have the bit of the Fast extension, or a message of it came
                                           where the handshakes are not known */
    bool               fast_known;      /* the handshakes tell */
    uint32_t           piece_bound;     /* pieces of the torrent at most, from a Bitfield; 0: unknown */
};

/* An empty ledger, that writes to notes; its memory comes from scope. */
void ledger_init(struct ledger *ledger, wmem_allocator_t *scope, struct notes *notes);

/* Gives the memory of a ledger back. Notes stay. */
void ledger_free(struct ledger *ledger);

/* Takes one message other than a handshake or an extended message. First pass only. */
void ledger_message(struct ledger *ledger, enum peer_side from, const struct peer_message *message,
                    const struct message_context *context);

/* Takes a DontHave whose payload is four bytes. note is its note: its donthave is filled in. First pass only. */
void ledger_donthave(struct ledger *ledger, enum peer_side from, struct message_note *note,
                     const struct message_context *context);

/* Bytes of the stream of that peer are missing, somewhere before that frame: what it said in them is not known. */
void ledger_gap(struct ledger *ledger, enum peer_side from, uint32_t frame);

#endif
