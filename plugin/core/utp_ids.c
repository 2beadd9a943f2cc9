/* utp_ids.c
 * Connection ids of uTP, see utp_ids.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_ids.h"

#include "core/hash_number.h"

/* Most pairs of ports have one connection. */
#define CHAINS_MIN 2U

/* An id of one side leads to a connection, from a frame on. */
struct utp_alias {
    uint32_t               since; /* frame */
    uint32_t               key;   /* see key_of() */
    struct utp_connection *connection;
    struct utp_alias      *older;   /* the same id, before */
    struct utp_alias      *chained; /* the last one of another id with the same hash */
};

static uint32_t
key_of(enum peer_side from, uint16_t id)
{
    return (uint32_t)from << 16 | id;
}

/* The link that leads to the last alias of an id, or the one at the end of its chain. */
static struct utp_alias **
link_to(const struct utp_ids *ids, uint32_t key)
{
    struct utp_alias **link = &ids->chains[hash_number(key) & (ids->chain_count - 1)];

    while (*link != NULL && (*link)->key != key)
        link = &(*link)->chained;
    return link;
}

/* As many chains as ids, at least. */
static void
make_chains(struct utp_ids *ids, wmem_allocator_t *scope)
{
    struct utp_alias **former = ids->chains;
    uint32_t           former_count = ids->chain_count;

    if (ids->count < former_count)
        return;
    ids->chain_count = MAX(CHAINS_MIN, 2 * former_count);
    ids->chains = wmem_alloc0_array(scope, struct utp_alias *, ids->chain_count);
    for (uint32_t i = 0; i < former_count; i++) {
        while (former[i] != NULL) {
            struct utp_alias *alias = former[i];
            former[i] = alias->chained;
            alias->chained = NULL;
            *link_to(ids, alias->key) = alias;
        }
    }
    wmem_free(scope, former);
}

struct utp_connection *
utp_ids_find(const struct utp_ids *ids, enum peer_side from, uint16_t id, uint32_t frame)
{
    const struct utp_alias *alias = ids->chains != NULL ? *link_to(ids, key_of(from, id)) : NULL;

    while (alias != NULL && alias->since > frame)
        alias = alias->older;
    return alias != NULL ? alias->connection : NULL;
}

void
utp_ids_learn(struct utp_ids *ids, wmem_allocator_t *scope, enum peer_side from, uint16_t id, uint32_t frame,
              struct utp_connection *connection)
{
    struct utp_alias  *alias = wmem_new0(scope, struct utp_alias);
    struct utp_alias **link;

    alias->since = frame;
    alias->connection = connection;
    alias->key = key_of(from, id);
    make_chains(ids, scope);
    link = link_to(ids, alias->key);
    alias->older = *link;
    if (alias->older != NULL)
        alias->chained = alias->older->chained;
    else
        ids->count++;
    *link = alias;
}

void
utp_ids_forget(struct utp_ids *ids, wmem_allocator_t *scope, enum peer_side from, uint16_t id,
               const struct utp_connection *connection)
{
    struct utp_alias **link = link_to(ids, key_of(from, id));
    struct utp_alias  *alias = *link, *newer = NULL;

    while (alias != NULL && alias->connection != connection) {
        newer = alias;
        alias = alias->older;
    }
    if (alias == NULL)
        return;
    if (newer != NULL) {
        newer->older = alias->older;
    } else if (alias->older != NULL) {
        alias->older->chained = alias->chained;
        *link = alias->older;
    } else {
        *link = alias->chained;
        ids->count--;
    }
    wmem_free(scope, alias);
}
