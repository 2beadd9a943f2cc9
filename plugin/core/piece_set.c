/* piece_set.c
 * A set of piece indices, see piece_set.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/piece_set.h"

#include <string.h>

#define PAGE_BYTES     512U
#define PAGE_BYTES_MIN 8U
#define PAGE_PIECES    (PAGE_BYTES * 8)

/* A slice of a bitfield, in the bit order of BEP 3. */
struct piece_page {
    struct piece_page *next;
    uint32_t           number;
    uint32_t           room; /* bytes at bits; those after them are like pages that are not there */
    uint8_t            bits[];
};

static struct piece_page *
find_page(const struct piece_set *set, uint32_t number)
{
    if (set->count == 0)
        return NULL;
    if (set->by_number == NULL)
        return set->pages->number == number ? set->pages : NULL;
    return (struct piece_page *)wmem_map_lookup(set->by_number, GUINT_TO_POINTER(number));
}

/* What is not there. */
static uint8_t
usual_bits(const struct piece_set *set)
{
    return set->all ? 0xff : 0;
}

/* The first size bytes of a page are there from now on, PAGE_BYTES at most. Returns the page, which may be elsewhere. */
static struct piece_page *
reserve(struct piece_set *set, wmem_allocator_t *scope, struct piece_page *page, uint32_t size)
{
    struct piece_page **link = &set->pages;
    uint32_t            former = page->room, room = MAX(former, PAGE_BYTES_MIN);

    if (size <= former)
        return page;
    while (room < size)
        room *= 2;
    while (*link != page)
        link = &(*link)->next;
    page = (struct piece_page *)wmem_realloc(scope, page, sizeof *page + room);
    memset(page->bits + former, usual_bits(set), room - former);
    page->room = room;
    *link = page;
    if (set->by_number != NULL)
        wmem_map_insert(set->by_number, GUINT_TO_POINTER(page->number), page);
    return page;
}

/* The page of that number, with size bytes at least, made where there is none. NULL: there is no room. */
static struct piece_page *
get_page(struct piece_set *set, wmem_allocator_t *scope, uint32_t number, uint32_t size)
{
    struct piece_page *page = find_page(set, number);

    if (page != NULL)
        return reserve(set, scope, page, size);
    if (set->count == PIECE_SET_PAGES_MAX)
        return NULL;
    if (set->count == 1 && set->by_number == NULL) {
        set->by_number = wmem_map_new(scope, g_direct_hash, g_direct_equal);
        wmem_map_insert(set->by_number, GUINT_TO_POINTER(set->pages->number), set->pages);
    }
    if (set->spare != NULL) {
        page = set->spare;
        set->spare = page->next;
        memset(page->bits, usual_bits(set), page->room);
    } else {
        page = wmem_new0(scope, struct piece_page);
    }
    page->number = number;
    page->next = set->pages;
    set->pages = page;
    set->count++;
    if (set->by_number != NULL)
        wmem_map_insert(set->by_number, GUINT_TO_POINTER(number), page);
    return reserve(set, scope, page, size);
}

void
piece_set_fill(struct piece_set *set, bool all)
{
    set->all = all;
    while (set->pages != NULL) {
        struct piece_page *page = set->pages;
        set->pages = page->next;
        if (set->by_number != NULL)
            wmem_map_remove(set->by_number, GUINT_TO_POINTER(page->number));
        page->next = set->spare;
        set->spare = page;
    }
    set->count = 0;
}

void
piece_set_free(struct piece_set *set, wmem_allocator_t *scope)
{
    piece_set_fill(set, false);
    while (set->spare != NULL) {
        struct piece_page *page = set->spare;
        set->spare = page->next;
        wmem_free(scope, page);
    }
}

static uint8_t
bit_of(uint32_t piece)
{
    return (uint8_t)(0x80 >> piece % 8);
}

bool
piece_set_put(struct piece_set *set, wmem_allocator_t *scope, uint32_t piece, bool in)
{
    struct piece_page *page = find_page(set, piece / PAGE_PIECES);
    uint32_t           at = piece % PAGE_PIECES / 8;

    if ((page == NULL || at >= page->room) && in == set->all)
        return true; /* it is so already */
    page = get_page(set, scope, piece / PAGE_PIECES, at + 1);
    if (page == NULL)
        return false;
    uint8_t *byte = &page->bits[at];
    *byte = in ? *byte | bit_of(piece) : *byte & (uint8_t)~bit_of(piece);
    return true;
}

bool
piece_set_from_bitfield(struct piece_set *set, wmem_allocator_t *scope, const uint8_t *bits, uint32_t size)
{
    piece_set_fill(set, false);
    for (uint32_t at = 0; at < size; at += PAGE_BYTES) {
        uint32_t           bytes = MIN(PAGE_BYTES, size - at);
        struct piece_page *page = get_page(set, scope, at / PAGE_BYTES, bytes);
        if (page == NULL)
            return false;
        memcpy(page->bits, bits + at, bytes);
    }
    return true;
}

bool
piece_set_has(const struct piece_set *set, uint32_t piece)
{
    const struct piece_page *page = find_page(set, piece / PAGE_PIECES);

    if (page == NULL || piece % PAGE_PIECES / 8 >= page->room)
        return set->all;
    return (page->bits[piece % PAGE_PIECES / 8] & bit_of(piece)) != 0;
}

bool
piece_set_next_common(const struct piece_set *set, const uint8_t *bits, uint32_t size, uint32_t *piece)
{
    uint8_t from = (uint8_t)(0xff >> *piece % 8); /* of the first byte, pieces before *piece do not count */

    for (uint32_t at = *piece / 8; at < size;) {
        const struct piece_page *page = find_page(set, at / PAGE_BYTES);
        uint32_t                 end = MIN(size, at - at % PAGE_BYTES + PAGE_BYTES);
        uint32_t                 room = page != NULL ? page->room : 0;

        if (at % PAGE_BYTES >= room && !set->all) {
            at = end;
            from = 0xff;
            continue;
        }
        for (; at < end; at++, from = 0xff) {
            uint8_t common = bits[at] & (at % PAGE_BYTES < room ? page->bits[at % PAGE_BYTES] : usual_bits(set))
                             & from;
            if (common == 0)
                continue;
            *piece = at * 8;
            while ((common & bit_of(*piece)) == 0)
                ++*piece;
            return true;
        }
    }
    return false;
}
