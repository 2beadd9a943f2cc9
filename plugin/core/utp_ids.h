/* utp_ids.h
 * Connection ids of uTP (BEP 29): which id of which side leads to which connection, and since when.
 *
 * An id is used again after its connection has ended, so a packet's frame counts, too.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_IDS_H
#define UTP_IDS_H

#include "core/notes.h"

struct utp_alias;
struct utp_connection;

struct utp_ids {
    struct utp_alias **chains;      /* a hash of side and id -> the last alias of each; NULL: there was none */
    uint32_t           chain_count; /* a power of two */
    uint32_t           count;       /* ids that lead to a connection */
};

/* The connection to which an id of that side leads in a frame; NULL: none. */
struct utp_connection *utp_ids_find(const struct utp_ids *ids, enum peer_side from, uint16_t id, uint32_t frame);

/* From that frame on, the id leads to the connection. Memory comes from scope, which is that of the flow. First pass only. */
void utp_ids_learn(struct utp_ids *ids, wmem_allocator_t *scope, enum peer_side from, uint16_t id, uint32_t frame,
                   struct utp_connection *connection);

/* The id does not lead to the connection any more, in any frame. First pass only. */
void utp_ids_forget(struct utp_ids *ids, wmem_allocator_t *scope, enum peer_side from, uint16_t id,
                    const struct utp_connection *connection);

#endif
