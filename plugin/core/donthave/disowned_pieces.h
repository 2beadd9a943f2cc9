/* disowned_pieces.h
 * The pieces that one peer has disowned with DontHave (BEP 54), and whether it announced them again since.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DISOWNED_PIECES_H
#define DISOWNED_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/piece_set.h"

/* Pieces of one peer that are remembered. The one that was disowned first makes room for the next. */
#define DISOWNED_PIECES_MAX 262144U

/* A piece that its owner has disowned at least once. */
struct disowned_piece {
    uint32_t               piece;
    bool                   disowned;        /* not announced again since */
    uint32_t               donthave_in;     /* frame of the first DontHave since the piece was last announced */
    uint32_t               last_in;         /* frame of the latest DontHave */
    int64_t                time;            /* of the first one's frame, ns */
    uint64_t               end_ack;         /* of the first one, see struct message_context */
    uint32_t               reannouncements; /* how often it was announced again */
    uint32_t               late_requests;   /* how often it was requested while disowned */
    uint32_t               order;           /* of its DontHave among all of its owner */
    struct disowned_piece *next;            /* disowned: in the order of their DontHaves */
    struct disowned_piece *previous;
    struct disowned_piece *chained; /* in the same bucket */
};

struct disowned_pieces {
    wmem_allocator_t *scope;
    struct disowned_piece             *
        *buckets;      /* all that were disowned once, by piece; NULL while there was none. No wmem_map_t:
                                           Wireshark 4.0 cannot give the memory of one back */
    uint32_t         bucket_count; /* a power of two */
    uint32_t         known;        /* pieces in them */
    struct piece_set now;          /* those that are disowned now */
    struct disowned_piece *first;  /* of the same */
    struct disowned_piece *last;
    uint32_t               count; /* of the same */
    uint32_t               next_order;
};

/* No piece is disowned; memory comes from scope. */
void disowned_pieces_init(struct disowned_pieces *pieces, wmem_allocator_t *scope);

/* Gives the memory back. */
void disowned_pieces_free(struct disowned_pieces *pieces);

/* The piece if it is disowned now, else NULL. */
struct disowned_piece *disowned_pieces_find(const struct disowned_pieces *pieces, uint32_t piece);

/* The piece is disowned from now on. NULL where it was already (the first DontHave counts), else the piece, whose
 * donthave_in, time and end_ack the caller fills in. *full tells that an older piece was forgotten, or this one. */
struct disowned_piece *disowned_pieces_add(struct disowned_pieces *pieces, uint32_t piece, bool *full);

/* The piece was announced again: it is not disowned any more, but what was counted of it stays. */
void disowned_pieces_take_back(struct disowned_pieces *pieces, struct disowned_piece *piece);

/* The disowned pieces that are in a Bitfield of size bytes (BEP 3), or all of them where bits is NULL, in the order of
 * their DontHaves: *count pointers, from the scope, to be freed; NULL where there is none. Costs no more than the Bitfield
 * has bytes, and what it finds. */
struct disowned_piece **disowned_pieces_in(const struct disowned_pieces *pieces, const uint8_t *bits, uint32_t size,
                                           uint32_t *count);

#endif
