/* piece_set.c
 * A set of piece indices, see piece_set.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "piece_set.h"

#include <string.h>

#define PAGE_BYTES  512U
#define PAGE_PIECES (PAGE_BYTES * 8)

/* A page is a slice of a bitfield, in the bit order of BEP 3. */
static uint8_t *
page_of(struct piece_set *set, uint32_t piece)
{
    uint32_t number = piece / PAGE_PIECES;

    if (set->pages == NULL)
        set->pages = wmem_map_new(set->scope, g_direct_hash, g_direct_equal);
    uint8_t *page = (uint8_t *)wmem_map_lookup(set->pages, GUINT_TO_POINTER(number));
    if (page == NULL && wmem_map_size(set->pages) < PIECE_SET_PAGES_MAX) {
        page = (uint8_t *)wmem_alloc(set->scope, PAGE_BYTES);
        memset(page, set->all ? 0xff : 0, PAGE_BYTES);
        wmem_map_insert(set->pages, GUINT_TO_POINTER(number), page);
    }
    return page;
}

void
piece_set_init(struct piece_set *set, wmem_allocator_t *scope)
{
    memset(set, 0, sizeof *set);
    set->scope = scope;
}

static void
fill_page(void *key _U_, void *page, void *all)
{
    memset(page, *(const bool *)all ? 0xff : 0, PAGE_BYTES);
}

void
piece_set_fill(struct piece_set *set, bool all)
{
    set->all = all;
    if (set->pages != NULL)
        wmem_map_foreach(set->pages, fill_page, &all);
}

static void
free_page(void *key _U_, void *page, void *scope)
{
    wmem_free((wmem_allocator_t *)scope, page);
}

void
piece_set_free(struct piece_set *set)
{
    if (set->pages != NULL)
        wmem_map_foreach(set->pages, free_page, set->scope);
    piece_set_init(set, set->scope);
}

bool
piece_set_put(struct piece_set *set, uint32_t piece, bool in)
{
    uint8_t *page = page_of(set, piece);
    uint8_t  bit = (uint8_t)(0x80 >> piece % 8);

    if (page == NULL)
        return false;
    uint8_t *byte = &page[piece % PAGE_PIECES / 8];
    *byte = in ? *byte | bit : *byte & (uint8_t)~bit;
    return true;
}

bool
piece_set_from_bitfield(struct piece_set *set, const uint8_t *bits, uint32_t size)
{
    piece_set_fill(set, false);
    for (uint32_t at = 0; at < size; at += PAGE_BYTES) {
        uint8_t *page = page_of(set, at * 8);
        if (page == NULL)
            return false;
        memcpy(page, bits + at, MIN(PAGE_BYTES, size - at));
    }
    return true;
}

bool
piece_set_has(const struct piece_set *set, uint32_t piece)
{
    const uint8_t *page = NULL;

    if (set->pages != NULL)
        page = (const uint8_t *)wmem_map_lookup(set->pages, GUINT_TO_POINTER(piece / PAGE_PIECES));
    if (page == NULL)
        return set->all;
    return (page[piece % PAGE_PIECES / 8] & (0x80 >> piece % 8)) != 0;
}
