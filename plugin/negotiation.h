/* negotiation.h
 * Which extended message is a DontHave: the ids that two peers gave to lt_donthave (BEP 10, BEP 54).
 *
 * Each peer says in its extension handshake which id it wants to be sent. So the id in a message is looked up in
 * the handshakes of its receiver. Handshakes add up: a key that is missing keeps its id, an id of 0 switches off.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef NEGOTIATION_H
#define NEGOTIATION_H

#include "extension_handshake.h"
#include "notes.h"
#include "peer_wire.h"

/* What one peer asked to be sent. */
struct negotiation_peer {
    bool                   handshake_seen;
    struct extension_table table;
    uint8_t                id;              /* of lt_donthave; 0: not offered, or switched off */
    uint32_t               assigned_in;     /* frame of the handshake that gave it */
    uint8_t                old_id;          /* that a later handshake replaced or switched off; 0: none */
    uint32_t               old_assigned_in;
    uint32_t               changed_in;      /* frame of that later handshake */
    uint64_t               changed_mark;    /* of its last byte, see struct message_context */
};

struct negotiation {
    wmem_allocator_t       *scope;
    struct notes           *notes;
    uint8_t                 fallback_id;    /* id to assume where no handshake of the receiver was seen; 0: none */
    struct negotiation_peer peers[2];
};

/* How an id resolves. */
struct resolution {
    const char     *name;           /* of the extension; NULL: unknown */
    bool            donthave;       /* it is, or is meant as, lt_donthave */
    uint32_t        assigned_in;    /* frame of the handshake, 0: none */
    bool            assumed;        /* from fallback_id */
    enum finding_id finding;        /* FINDING_COUNT: nothing to say */
};

/* Nothing negotiated yet. */
void negotiation_init(struct negotiation *negotiation, wmem_allocator_t *scope, struct notes *notes,
                      uint8_t fallback_id);

/* Takes an extension handshake, and writes its note where there is something to show. First pass only. Returns
 * whether more than EXTENSION_NAMES_MAX names are in it. */
bool negotiation_handshake(struct negotiation *negotiation, enum peer_side from,
                           const struct peer_message *message, const struct message_context *context);

/* What an extended message from that peer is. */
struct resolution negotiation_resolve(const struct negotiation *negotiation, enum peer_side from,
                                      const struct peer_message *message, const struct message_context *context);

/* Adds the resolution's finding to the note of a DontHave. */
void negotiation_judge(struct negotiation *negotiation, enum peer_side from, const struct resolution *resolution,
                       struct message_note *note);

/* Whether one of the peers offers, or has offered, lt_donthave, or the user says that it is there. */
bool negotiation_offered(const struct negotiation *negotiation);

#endif
