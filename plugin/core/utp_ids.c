/* utp_ids.c
 * Connection ids of uTP, see utp_ids.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_ids.h"

#include "core/hash_number.h"

/* So many ids, those of two connections, are found by walking through all of them: most pairs of ports have one. */
#define FEW 4U

static bool
is_of(const struct utp_alias *alias, enum peer_side from, uint16_t id)
{
    return alias->side == from && alias->id == id;
}

static uint32_t
chain_number(const struct utp_ids *ids, enum peer_side from, uint16_t id)
{
    return hash_number((uint32_t)from << 16 | id) & (ids->chain_count - 1);
}

/* The link that leads to the last alias of an id, or the one at the end of its chain. */
static struct utp_alias **
link_to(struct utp_ids *ids, enum peer_side from, uint16_t id)
{
    struct utp_alias **link = ids->chains != NULL ? &ids->chains[chain_number(ids, from, id)] : &ids->few;

    while (*link != NULL && !is_of(*link, from, id))
        link = &(*link)->chained;
    return link;
}

/* The aliases of a chain go to those that there are now. */
static void
move_chain(struct utp_ids *ids, struct utp_alias *alias)
{
    while (alias != NULL) {
        struct utp_alias *chained = alias->chained;
        alias->chained = NULL;
        *link_to(ids, (enum peer_side)alias->side, alias->id) = alias;
        alias = chained;
    }
}

/* As many chains as ids, at least, unless those are few. */
static void
make_chains(struct utp_ids *ids, wmem_allocator_t *scope)
{
    struct utp_alias **former = ids->chains;
    uint32_t           former_count = ids->chain_count;

    if (ids->count < MAX(FEW, former_count))
        return;
    ids->chain_count = MAX(2 * FEW, 2 * former_count);
    ids->chains = wmem_alloc0_array(scope, struct utp_alias *, ids->chain_count);
    move_chain(ids, ids->few);
    ids->few = NULL;
    for (uint32_t i = 0; i < former_count; i++)
        move_chain(ids, former[i]);
    wmem_free(scope, former);
}

struct utp_alias *
utp_ids_find(const struct utp_ids *ids, enum peer_side from, uint16_t id, uint32_t frame)
{
    struct utp_alias *alias = ids->chains != NULL ? ids->chains[chain_number(ids, from, id)] : ids->few;

    while (alias != NULL && !is_of(alias, from, id))
        alias = alias->chained;
    while (alias != NULL && alias->since > frame)
        alias = alias->older;
    return alias;
}

void
utp_ids_learn(struct utp_ids *ids, wmem_allocator_t *scope, struct utp_alias *alias, enum peer_side from, uint16_t id,
              uint32_t frame)
{
    struct utp_alias **link;

    alias->since = frame;
    alias->id = id;
    alias->side = from;
    make_chains(ids, scope);
    link = link_to(ids, from, id);
    alias->older = *link;
    if (alias->older != NULL)
        alias->chained = alias->older->chained;
    else
        ids->count++;
    *link = alias;
}

void
utp_ids_forget(struct utp_ids *ids, struct utp_alias *alias)
{
    struct utp_alias **link = link_to(ids, (enum peer_side)alias->side, alias->id);
    struct utp_alias  *newer = *link;

    if (newer == alias && alias->older != NULL) {
        alias->older->chained = alias->chained;
        *link = alias->older;
    } else if (newer == alias) {
        *link = alias->chained;
        ids->count--;
    } else {
        while (newer->older != alias)
            newer = newer->older;
        newer->older = alias->older;
    }
}
