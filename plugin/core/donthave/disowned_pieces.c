/* disowned_pieces.c
 * The pieces that one peer has disowned, see disowned_pieces.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/disowned_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash_number.h"

#define BUCKETS_MIN 2U

void
disowned_pieces_init(struct disowned_pieces *pieces, wmem_allocator_t *scope)
{
    memset(pieces, 0, sizeof *pieces);
    pieces->scope = scope;
}

void
disowned_pieces_free(struct disowned_pieces *pieces)
{
    for (uint32_t i = 0; i < pieces->bucket_count; i++) {
        while (pieces->buckets[i] != NULL) {
            struct disowned_piece *piece = pieces->buckets[i];
            pieces->buckets[i] = piece->chained;
            wmem_free(pieces->scope, piece);
        }
    }
    wmem_free(pieces->scope, pieces->buckets);
    piece_set_free(&pieces->now, pieces->scope);
    disowned_pieces_init(pieces, pieces->scope);
}

/* The link that leads to a piece, or the one at the end of its chain. Indices may be apart by a power of two. */
static struct disowned_piece **
link_to(const struct disowned_pieces *pieces, uint32_t piece)
{
    struct disowned_piece **link = &pieces->buckets[hash_number(piece) & (pieces->bucket_count - 1)];

    while (*link != NULL && (*link)->piece != piece)
        link = &(*link)->chained;
    return link;
}

static struct disowned_piece *
lookup(const struct disowned_pieces *pieces, uint32_t piece)
{
    return pieces->buckets != NULL ? *link_to(pieces, piece) : NULL;
}

/* As many buckets as pieces, at least. */
static void
make_buckets(struct disowned_pieces *pieces)
{
    struct disowned_piece **former = pieces->buckets;
    uint32_t                former_count = pieces->bucket_count;

    if (pieces->known < former_count)
        return;
    pieces->bucket_count = MAX(BUCKETS_MIN, 2 * former_count);
    pieces->buckets = wmem_alloc0_array(pieces->scope, struct disowned_piece *, pieces->bucket_count);
    for (uint32_t i = 0; i < former_count; i++) {
        while (former[i] != NULL) {
            struct disowned_piece *piece = former[i];
            former[i] = piece->chained;
            piece->chained = NULL;
            *link_to(pieces, piece->piece) = piece;
        }
    }
    wmem_free(pieces->scope, former);
}

struct disowned_piece *
disowned_pieces_find(const struct disowned_pieces *pieces, uint32_t piece)
{
    struct disowned_piece *found = lookup(pieces, piece);

    return found != NULL && found->disowned ? found : NULL;
}

void
disowned_pieces_take_back(struct disowned_pieces *pieces, struct disowned_piece *piece)
{
    if (piece->previous != NULL)
        piece->previous->next = piece->next;
    else
        pieces->first = piece->next;
    if (piece->next != NULL)
        piece->next->previous = piece->previous;
    else
        pieces->last = piece->previous;
    piece->next = piece->previous = NULL;
    piece->disowned = false;
    pieces->count--;
    piece_set_put(&pieces->now, pieces->scope, piece->piece, false);
}

/* Makes a piece that was never disowned before. NULL where there is no room, not even in place of an older one. */
static struct disowned_piece *
make(struct disowned_pieces *pieces, uint32_t number, bool *full)
{
    *full = pieces->known >= DISOWNED_PIECES_MAX;
    if (*full) {
        struct disowned_piece *oldest = pieces->first;
        if (oldest == NULL)
            return NULL;
        disowned_pieces_take_back(pieces, oldest);
        *link_to(pieces, oldest->piece) = oldest->chained;
        pieces->known--;
        wmem_free(pieces->scope, oldest);
    }

    struct disowned_piece *piece = wmem_new0(pieces->scope, struct disowned_piece);
    piece->piece = number;
    make_buckets(pieces);
    *link_to(pieces, number) = piece;
    pieces->known++;
    return piece;
}

struct disowned_piece *
disowned_pieces_add(struct disowned_pieces *pieces, uint32_t number, bool *full)
{
    struct disowned_piece *piece = lookup(pieces, number);

    *full = false;
    if (piece == NULL)
        piece = make(pieces, number, full);
    if (piece == NULL || piece->disowned)
        return NULL;
    if (!piece_set_put(&pieces->now, pieces->scope, number, true)) {
        *full = true;
        return NULL;
    }
    piece->disowned = true;
    piece->late_requests = 0;
    piece->order = pieces->next_order++;
    piece->previous = pieces->last;
    if (pieces->last != NULL)
        pieces->last->next = piece;
    else
        pieces->first = piece;
    pieces->last = piece;
    pieces->count++;
    return piece;
}

static int
compare_orders(const void *a, const void *b)
{
    const struct disowned_piece *x = *(struct disowned_piece *const *)a;
    const struct disowned_piece *y = *(struct disowned_piece *const *)b;

    return x->order < y->order ? -1 : x->order > y->order;
}

struct disowned_piece **
disowned_pieces_in(const struct disowned_pieces *pieces, const uint8_t *bits, uint32_t size, uint32_t *count)
{
    struct disowned_piece **found = NULL;
    uint32_t                piece = 0;

    *count = 0;
    if (pieces->count == 0)
        return NULL;
    if (bits == NULL) {
        found = wmem_alloc_array(pieces->scope, struct disowned_piece *, pieces->count);
        for (struct disowned_piece *one = pieces->first; one != NULL; one = one->next)
            found[(*count)++] = one;
        return found;
    }
    for (; piece_set_next_common(&pieces->now, bits, size, &piece); piece++) {
        if ((*count & (*count - 1)) == 0) /* room doubles at each power of two */
            found = (struct disowned_piece **)wmem_realloc(pieces->scope, found, MAX(1, 2 * *count) * sizeof *found);
        found[(*count)++] = lookup(pieces, piece);
    }
    if (*count > 1)
        qsort(found, *count, sizeof *found, compare_orders);
    return found;
}
