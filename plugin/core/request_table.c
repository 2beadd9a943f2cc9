/* request_table.c
 * The requests of one peer, see request_table.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/request_table.h"

#include <string.h>

#define GROUP_REQUESTS  4U
#define SLAB_GROUPS_MAX 8U
#define BUCKETS_MIN     4U
#define NONE            UINT32_MAX

static struct request *
request_at(const struct request_table *table, uint32_t number)
{
    return &table->groups[number / GROUP_REQUESTS][number % GROUP_REQUESTS];
}

/* Groups in the slab that begins with that group: as many as there are before it, but no more than SLAB_GROUPS_MAX. */
static uint32_t
groups_in_slab(uint32_t first)
{
    return CLAMP(first, 1, SLAB_GROUPS_MAX);
}

/* Spreads keys that differ in any of their bits: indices may be apart by a power of two. */
static uint32_t
mix(uint64_t key)
{
    key *= UINT64_C(0x9e3779b97f4a7c15);
    key ^= key >> 32;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(key >> 32);
}

static uint32_t
piece_bucket(const struct request_table *table, uint32_t piece)
{
    return mix(piece) & (table->buckets - 1);
}

static uint32_t
block_bucket(const struct request_table *table, uint32_t piece, uint32_t begin)
{
    return mix((uint64_t)piece << 32 | begin) & (table->buckets - 1);
}

void
request_table_init(struct request_table *table, wmem_allocator_t *scope)
{
    memset(table, 0, sizeof *table);
    table->scope = scope;
    table->free = table->oldest = table->newest = NONE;
}

void
request_table_free(struct request_table *table)
{
    for (uint32_t i = 0; i < table->group_count; i += groups_in_slab(i))
        wmem_free(table->scope, table->groups[i]);
    wmem_free(table->scope, table->groups);
    wmem_free(table->scope, table->by_block);
    wmem_free(table->scope, table->by_piece);
    request_table_init(table, table->scope);
}

/* The number of a request in the table. */
static uint32_t
number_of(const struct request_table *table, const struct request *request)
{
    if (request->newer != NONE)
        return request_at(table, request->newer)->older;
    return table->newest;
}

/* The link that leads to the first request of a piece, or the one at the end of the chain. */
static uint32_t *
head_link(const struct request_table *table, uint32_t piece)
{
    uint32_t *link = &table->by_piece[piece_bucket(table, piece)];

    while (*link != NONE && request_at(table, *link)->piece != piece)
        link = &request_at(table, *link)->heads_next;
    return link;
}

/* The requests of a piece are a ring of which the first, the oldest, stands in the hash chain: its piece_previous is the
 * last one. */
static void
link_piece(struct request_table *table, uint32_t number)
{
    struct request *request = request_at(table, number);
    uint32_t       *link = head_link(table, request->piece);

    request->by_piece = true;
    request->heads_next = NONE;
    if (*link == NONE) {
        request->piece_next = request->piece_previous = number;
        *link = number;
        return;
    }
    struct request *head = request_at(table, *link);
    request->piece_next = *link;
    request->piece_previous = head->piece_previous;
    request_at(table, head->piece_previous)->piece_next = number;
    head->piece_previous = number;
}

void
request_table_hide(struct request_table *table, struct request *request)
{
    if (!request->by_piece)
        return;
    request->by_piece = false;

    uint32_t  number = number_of(table, request);
    uint32_t *link = head_link(table, request->piece);
    bool      alone = request->piece_next == number;

    if (*link == number) {
        if (alone) {
            *link = request->heads_next;
        } else {
            *link = request->piece_next;
            request_at(table, *link)->heads_next = request->heads_next;
        }
    }
    if (!alone) {
        request_at(table, request->piece_previous)->piece_next = request->piece_next;
        request_at(table, request->piece_next)->piece_previous = request->piece_previous;
    }
}

static void
link_block(struct request_table *table, uint32_t number)
{
    struct request *request = request_at(table, number);
    uint32_t       *block = &table->by_block[block_bucket(table, request->piece, request->begin)];

    request->block_next = *block;
    *block = number;
}

/* Doubles the hash tables. */
static void
grow_hashes(struct request_table *table)
{
    table->buckets = table->buckets == 0 ? BUCKETS_MIN : 2 * table->buckets;

    size_t size = table->buckets * sizeof *table->by_block;
    table->by_block = (uint32_t *)wmem_realloc(table->scope, table->by_block, size);
    table->by_piece = (uint32_t *)wmem_realloc(table->scope, table->by_piece, size);
    memset(table->by_block, 0xff, size); /* NONE */
    memset(table->by_piece, 0xff, size);
    for (uint32_t number = table->oldest; number != NONE; number = request_at(table, number)->newer) {
        link_block(table, number);
        if (request_at(table, number)->by_piece)
            link_piece(table, number);
    }
}

/* Puts a new slab's requests on the free list. */
static void
grow_slabs(struct request_table *table)
{
    uint32_t first = table->group_count;
    uint32_t count = groups_in_slab(first);

    /* The array of groups grows by doubling, at each power of two: no slab reaches across one. */
    if ((first & (first - 1)) == 0) {
        size_t room = MAX(1, 2 * (size_t)first);
        table->groups = (struct request **)wmem_realloc(table->scope, table->groups, room * sizeof *table->groups);
    }
    table->groups[first] = wmem_alloc_array(table->scope, struct request, count * GROUP_REQUESTS);
    for (uint32_t i = 1; i < count; i++)
        table->groups[first + i] = table->groups[first] + i * GROUP_REQUESTS;
    table->group_count += count;
    for (uint32_t number = table->group_count * GROUP_REQUESTS; number-- > first * GROUP_REQUESTS;) {
        request_at(table, number)->newer = table->free;
        table->free = number;
    }
}

struct request *
request_table_find(struct request_table *table, uint32_t piece, uint32_t begin)
{
    if (table->count == 0)
        return NULL;

    uint32_t number = table->by_block[block_bucket(table, piece, begin)];
    while (number != NONE) {
        struct request *request = request_at(table, number);
        if (request->piece == piece && request->begin == begin)
            return request;
        number = request->block_next;
    }
    return NULL;
}

struct request *
request_table_add(struct request_table *table, uint32_t piece, uint32_t begin, bool *evicted)
{
    *evicted = table->count >= REQUESTS_MAX;
    if (*evicted)
        request_table_remove(table, request_at(table, table->oldest));
    if (table->free == NONE)
        grow_slabs(table);
    if (table->count >= table->buckets)
        grow_hashes(table);

    uint32_t        number = table->free;
    struct request *request = request_at(table, number);
    table->free = request->newer;
    table->count++;

    memset(request, 0, sizeof *request);
    request->piece = piece;
    request->begin = begin;
    request->newer = NONE;
    request->older = table->newest;
    if (table->newest != NONE)
        request_at(table, table->newest)->newer = number;
    else
        table->oldest = number;
    table->newest = number;
    link_block(table, number);
    link_piece(table, number);
    return request;
}

void
request_table_remove(struct request_table *table, struct request *request)
{
    uint32_t *link = &table->by_block[block_bucket(table, request->piece, request->begin)];
    while (request_at(table, *link) != request)
        link = &request_at(table, *link)->block_next;
    uint32_t number = *link;
    *link = request->block_next;

    request_table_hide(table, request);

    if (request->older != NONE)
        request_at(table, request->older)->newer = request->newer;
    else
        table->oldest = request->newer;
    if (request->newer != NONE)
        request_at(table, request->newer)->older = request->older;
    else
        table->newest = request->older;

    request->newer = table->free;
    table->free = number;
    table->count--;
}

struct request *
request_table_of_piece(struct request_table *table, uint32_t piece)
{
    if (table->count == 0)
        return NULL;

    uint32_t number = *head_link(table, piece);
    return number == NONE ? NULL : request_at(table, number);
}

struct request *
request_table_newest(const struct request_table *table)
{
    return table->newest == NONE ? NULL : request_at(table, table->newest);
}

struct request *
request_table_older(const struct request_table *table, const struct request *request)
{
    return request->older == NONE ? NULL : request_at(table, request->older);
}

void
request_table_clear(struct request_table *table)
{
    while (table->oldest != NONE)
        request_table_remove(table, request_at(table, table->oldest));
}
