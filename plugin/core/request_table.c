/* request_table.c
 * The requests of one peer, see request_table.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/request_table.h"

#include <string.h>

/* Requests in a slab at most, and the first slab that has so many. */
#define SLAB_MAX   32U
#define FIRST_FULL 5U
/* So many requests are found by walking through all of them. */
#define FEW  4U
#define NONE UINT32_MAX

/* The slab that a number is in, which is not 0: each has as many as there are before it, up to SLAB_MAX. */
static uint32_t
slab_of(uint32_t number)
{
    if (number >= SLAB_MAX)
        return FIRST_FULL - 1 + number / SLAB_MAX;
    return (uint32_t)g_bit_storage(number) - 1;
}

/* The first number of a slab. */
static uint32_t
first_in_slab(uint32_t slab)
{
    if (slab >= FIRST_FULL)
        return (slab - FIRST_FULL + 1) * SLAB_MAX;
    return 1U << slab;
}

static struct request *
request_at(struct request_table *table, uint32_t number)
{
    if (number == 0)
        return &table->first;

    uint32_t slab = slab_of(number);

    return &table->slabs[slab][number - first_in_slab(slab)];
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

struct request_table *
request_table_new(wmem_allocator_t *scope)
{
    struct request_table *table = wmem_new0(scope, struct request_table);

    table->scope = scope;
    table->free = 0;
    table->oldest = table->newest = table->first.newer = NONE;
    return table;
}

void
request_table_free(struct request_table *table)
{
    if (table == NULL)
        return;
    for (uint32_t i = 0; i < table->slab_count; i++)
        wmem_free(table->scope, table->slabs[i]);
    wmem_free(table->scope, table->slabs);
    wmem_free(table->scope, table->by_block);
    wmem_free(table->scope, table);
}

/* The number of a request in the table. */
static uint32_t
number_of(struct request_table *table, const struct request *request)
{
    if (request->newer != NONE)
        return request_at(table, request->newer)->older;
    return table->newest;
}

/* The link that leads to the first request of a piece, or the one at the end of the chain. */
static uint32_t *
head_link(struct request_table *table, uint32_t piece)
{
    uint32_t *link = &table->by_block[table->buckets + piece_bucket(table, piece)];

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
    if (table->buckets == 0)
        return;

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

static void
unlink_block(struct request_table *table, const struct request *request)
{
    uint32_t *link = &table->by_block[block_bucket(table, request->piece, request->begin)];

    while (request_at(table, *link) != request)
        link = &request_at(table, *link)->block_next;
    *link = request->block_next;
}

/* Doubles the hash tables. */
static void
grow_hashes(struct request_table *table)
{
    table->buckets = table->buckets == 0 ? 2 * FEW : 2 * table->buckets;

    size_t size = 2 * table->buckets * sizeof *table->by_block;
    table->by_block = (uint32_t *)wmem_realloc(table->scope, table->by_block, size);
    memset(table->by_block, 0xff, size); /* NONE */
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
    uint32_t slab = table->slab_count++;
    uint32_t first = first_in_slab(slab), count = first_in_slab(slab + 1) - first;

    if ((slab & (slab - 1)) == 0) /* room doubles at each power of two */
        table->slabs = (struct request **)wmem_realloc(table->scope, table->slabs,
                                                       MAX(1, 2 * (size_t)slab) * sizeof *table->slabs);
    table->slabs[slab] = wmem_alloc_array(table->scope, struct request, count);
    for (uint32_t i = count; i-- > 0;) {
        table->slabs[slab][i].newer = table->free;
        table->free = first + i;
    }
}

/* The oldest request for a piece that is not hidden, without hash tables. */
static struct request *
walk_to_piece(struct request_table *table, uint32_t piece)
{
    for (uint32_t number = table->oldest; number != NONE; number = request_at(table, number)->newer) {
        struct request *request = request_at(table, number);
        if (request->piece == piece && request->by_piece)
            return request;
    }
    return NULL;
}

/* The number of the request for a block. */
static uint32_t
number_for(struct request_table *table, uint32_t piece, uint32_t begin)
{
    bool     hashed = table->buckets > 0;
    uint32_t number = hashed ? table->by_block[block_bucket(table, piece, begin)] : table->oldest;

    while (number != NONE) {
        const struct request *request = request_at(table, number);
        if (request->piece == piece && request->begin == begin)
            break;
        number = hashed ? request->block_next : request->newer;
    }
    return number;
}

struct request *
request_table_find(struct request_table *table, uint32_t piece, uint32_t begin)
{
    uint32_t number = table != NULL && table->count > 0 ? number_for(table, piece, begin) : NONE;

    return number != NONE ? request_at(table, number) : NULL;
}

struct request *
request_table_add(struct request_table *table, uint32_t piece, uint32_t begin, bool *evicted)
{
    *evicted = table->count >= REQUESTS_MAX;
    if (*evicted)
        request_table_remove(table, request_at(table, table->oldest));
    if (table->free == NONE)
        grow_slabs(table);
    if (table->count >= MAX(FEW, table->buckets))
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
    request->by_piece = true;
    if (table->buckets > 0) {
        link_block(table, number);
        link_piece(table, number);
    }
    return request;
}

void
request_table_remove(struct request_table *table, struct request *request)
{
    uint32_t number = number_of(table, request);

    request_table_hide(table, request);
    if (table->buckets > 0)
        unlink_block(table, request);

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
    if (table == NULL || table->count == 0)
        return NULL;
    if (table->buckets == 0)
        return walk_to_piece(table, piece);

    uint32_t number = *head_link(table, piece);
    return number == NONE ? NULL : request_at(table, number);
}

struct request *
request_table_newest(struct request_table *table)
{
    return table == NULL || table->newest == NONE ? NULL : request_at(table, table->newest);
}

struct request *
request_table_older(struct request_table *table, const struct request *request)
{
    return request->older == NONE ? NULL : request_at(table, request->older);
}

void
request_table_clear(struct request_table *table)
{
    while (table != NULL && table->oldest != NONE)
        request_table_remove(table, request_at(table, table->oldest));
}
