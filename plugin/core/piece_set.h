/* piece_set.h
 * A set of piece indices of any size, of which only the parts that were touched take memory.
 *
 * Every call costs no more than what was put in since the set was last filled, or than the Bitfield that is handed in:
 * peers that announce everything again and again, in a few bytes, are cheap.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PIECE_SET_H
#define PIECE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* Most memory of one set: pages of 512 bytes, 4096 pieces each. Of a page only the beginning that was touched is there. */
#define PIECE_SET_PAGES_MAX 4096U

struct piece_page;

/* One of which all is zero is empty. */
struct piece_set {
    wmem_map_t        *by_number; /* page number -> page; NULL while the set never had two pages */
    struct piece_page *pages;     /* all of them */
    struct piece_page *spare;     /* those that were forgotten, to be used again */
    uint32_t           count;     /* of pages */
    bool               all;       /* pages that are not there hold every piece, not none */
};

/* Forgets everything: the set holds no piece, or (all) every piece. */
void piece_set_fill(struct piece_set *set, bool all);

/* Gives the pages' memory back and leaves the set empty. Memory comes from scope, the same each time. */
void piece_set_free(struct piece_set *set, wmem_allocator_t *scope);

/* Puts a piece in, or takes it out. False where the set has no room for the page of that piece. */
bool piece_set_put(struct piece_set *set, wmem_allocator_t *scope, uint32_t piece, bool in);

/* Makes the set what a Bitfield of size bytes says (BEP 3: the high bit of the first byte is piece 0). False where
 * it is too large; then the pieces that fit are in. */
bool piece_set_from_bitfield(struct piece_set *set, wmem_allocator_t *scope, const uint8_t *bits, uint32_t size);

bool piece_set_has(const struct piece_set *set, uint32_t piece);

/* The next piece that is in the set and in a Bitfield of size bytes, from that piece on: in *piece. False where there
 * is none. Costs as many steps as bytes are passed over, fewer where the set has no page. */
bool piece_set_next_common(const struct piece_set *set, const uint8_t *bits, uint32_t size, uint32_t *piece);

#endif
