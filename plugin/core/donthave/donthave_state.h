/* donthave_state.h
 * What BEP 54 remembers of one connection. For the files of this folder.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DONTHAVE_STATE_H
#define DONTHAVE_STATE_H

#include "core/donthave/disowned_pieces.h"
#include "core/donthave/donthave_findings.h"
#include "core/donthave/donthave_note.h"
#include "core/peer_connection.h"

/* DontHaves of one peer within a second that are still no storm. */
#define STORM_DONTHAVES 64U

/* A close within so many packets is put down to the DontHave before them. */
#define CLOSED_AFTER_PACKETS 10U

/* Of one peer that sent a DontHave: what it disowned. First pass only. */
struct donthave_owner {
    struct disowned_pieces disowned;
    int64_t               *times;      /* of its DontHaves, ns; a ring once it has the last STORM_DONTHAVES */
    uint32_t               times_room; /* it doubles, up to STORM_DONTHAVES */
    uint32_t               donthaves;  /* that it sent */
    bool                   storm_told;
    uint32_t               waits;         /* Fast: invalidated requests that it has not answered */
    struct message_note   *watched;       /* its last DontHave, while the other may close because of it; NULL: none */
    unsigned               packets_after; /* watched: how many came since */
};

/* Of a connection with a DontHave. First pass only. */
struct donthave_state {
    struct peer_connection *connection;
    struct donthave_owner  *owners[2]; /* by enum peer_side; NULL: it sent no DontHave */
};

/* The piece if that peer has disowned it, else NULL. */
static inline struct disowned_piece *
donthave_disowned(const struct donthave_state *state, enum peer_side owner, uint32_t piece)
{
    return state->owners[owner] != NULL ? disowned_pieces_find(&state->owners[owner]->disowned, piece) : NULL;
}

/* donthave_handshake.c: what is wrong with an extension handshake, as far as lt_donthave is concerned. */
void donthave_judge_handshake(struct peer_connection *connection, const struct extension_handshake *handshake,
                              const struct extension_id *before, struct message_context *context);

/* donthave_message.c: whether an extended message is a DontHave, and its note if it is. */
struct donthave_note *donthave_read(struct peer_connection *connection, const struct extension_resolution *resolution,
                                    const struct peer_message *message, struct message_context *context);

/* donthave_message.c: what the sender of a DontHave should not have said. */
void donthave_judge_sender(struct donthave_state *state, const struct donthave_note *donthave,
                           struct message_context *context);

/* donthave_transfers.c: what happened to a request or a piece. */
void donthave_judge_transfer(struct donthave_state *state, const struct transfer *transfer);

/* donthave_transfers.c: how a DontHave invalidated a request; NULL: it did not, or something else was said of it since. */
struct donthave_invalidated *donthave_invalidated_of(const struct request *request);

#endif
