/* peer_observer.h
 * What listens to a connection: an extension with memory, or a check of any request. The connection finds out what
 * BEP 3, 6 and 10 say of each message, and tells its observers; it does not know what they make of it.
 *
 * An observer is a constant. Its state is its own, one for each connection, made by begin(), or as soon as there is
 * something to know: *state is NULL until then. free() gives it back. Every member may be NULL. Functions are called on the
 * first pass only.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_OBSERVER_H
#define PEER_OBSERVER_H

#include "core/extension_ids.h"
#include "core/notes.h"
#include "core/peer_wire.h"
#include "core/request_table.h"

struct peer_connection;

/* What happened to requests and pieces. */
enum transfer_kind {
    TRANSFER_REQUESTED, /* Request; former: the one for the same block that it replaces, or NULL */
    TRANSFER_SERVED,    /* Piece */
    TRANSFER_REJECTED,  /* Reject Request (BEP 6) */
    TRANSFER_CANCELLED, /* Cancel */
    TRANSFER_CHOKED,    /* Choke */
    TRANSFER_ANNOUNCED  /* Have, Bitfield, Have All, Have None: the sender has it now */
};

struct transfer {
    enum transfer_kind         kind;
    const struct peer_message *message;
    struct message_context    *context;
    /* SERVED, REJECTED, CANCELLED: the request that it is about, as it was before; NULL: there is none.
     * REQUESTED: the new one. Only its tag may be changed, and by one observer of a setup only. */
    struct request       *request;
    const struct request *former; /* REQUESTED */
};

struct peer_observer {
    /* The extension of BEP 10 whose messages are its own; NULL: it only listens. */
    const char *name;

    /* A connection begins. Returns the state for it, from the connection's scope. */
    void *(*begin)(struct peer_connection *connection);

    /* An extension handshake was read. before: what its sender had given to name, as it was. */
    void (*handshake)(struct peer_connection *connection, void **state, const struct extension_handshake *handshake,
                      const struct extension_id *before, struct message_context *context);

    /* An extended message that may be of name, by its id. False: it is not, and belongs to nobody. */
    bool (*extended)(struct peer_connection *connection, void **state, const struct extension_resolution *resolution,
                     const struct peer_message *message, struct message_context *context);

    /* A base message of no known id, or of a length that its id cannot have. */
    void (*unknown)(struct peer_connection *connection, void **state, const struct peer_message *message,
                    struct message_context *context);

    /* What BEP 3 and 6 make of a message. */
    void (*transfer)(struct peer_connection *connection, void **state, const struct transfer *transfer);

    /* A cap of the dissector was reached at a message: once in a connection. what: limit of them are kept. */
    void (*limit)(struct peer_connection *connection, void **state, const char *what, uint32_t limit,
                  struct message_context *context);

    /* A packet of that peer, with messages or without, while an observer watches, see peer_connection_watch(). */
    void (*packet)(struct peer_connection *connection, void **state, enum peer_side from, uint32_t frame,
                   bool closes);

    /* The connection is over: gives the state back, where there is one. Notes stay. end: the time of its last packet, ns. */
    void (*free)(void *state, int64_t end);
};

#endif
