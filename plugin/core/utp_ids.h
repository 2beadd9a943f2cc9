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

/* An id of one side leads to a connection, from a frame on. It is a member of that connection. */
struct utp_alias {
    struct utp_alias *older;   /* the same id, before */
    struct utp_alias *chained; /* the last one of another id with the same hash */
    uint32_t          since;   /* frame; 0: the connection has no id of that side */
    uint16_t          id;
    uint16_t          side; /* enum peer_side */
};

struct utp_ids {
    struct utp_alias **chains;      /* a hash of side and id -> the last alias of each; NULL: they are few, */
    struct utp_alias  *few;         /* and all in this chain */
    uint32_t           chain_count; /* a power of two */
    uint32_t           count;       /* ids that lead to a connection */
};

/* What an id of that side leads to in a frame; NULL: nothing. */
struct utp_alias *utp_ids_find(const struct utp_ids *ids, enum peer_side from, uint16_t id, uint32_t frame);

/* From that frame on, the id leads to the connection that the alias, all zeros, is in. Memory comes from scope, which is that
 * of the flow. First pass only. */
void utp_ids_learn(struct utp_ids *ids, wmem_allocator_t *scope, struct utp_alias *alias, enum peer_side from,
                   uint16_t id, uint32_t frame);

/* Nothing leads to the connection by that alias any more, in any frame. First pass only. */
void utp_ids_forget(struct utp_ids *ids, struct utp_alias *alias);

#endif
