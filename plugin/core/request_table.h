/* request_table.h
 * The requests of one peer that still matter: found by block, by piece, and by age, each in constant time.
 *
 * A request takes 72 bytes, and at most 16 in the two hash tables. What is removed gives its room to the next. Most
 * connections have few at a time: room for them grows one by one, and they are found without hash tables.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef REQUEST_TABLE_H
#define REQUEST_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* Requests of one peer that are kept. The oldest makes room for the next. */
#define REQUESTS_MAX 262144U

enum request_state {
    REQUEST_OUTSTANDING,
    REQUEST_DROPPED,   /* an observer said that it is gone without an answer; kept to know what is said of it
                               later */
    REQUEST_ANSWER_DUE /* Fast: it is over, but answers to it or to older ones for the block are still to come */
};

/* One request. Links are numbers of other requests. All of it is for the first pass only. */
struct request {
    uint32_t piece;
    uint32_t begin;            /* offset in the piece, bytes */
    uint32_t length;           /* bytes */
    uint32_t frame;            /* in which it is complete */
    uint32_t first_frame;      /* in which it begins: another one where it is split */
    uint32_t place;            /* of the message, see struct message_context */
    int64_t  time;             /* of the frame, ns */
    void    *tag;              /* of the one observer that keeps tags; NULL for a new request */
    unsigned state : 2;        /* enum request_state */
    unsigned by_piece : 1;     /* request_table_of_piece() finds it */
    unsigned unseen : 1;       /* its packet was rejected by a read filter: it has no frame to show anything in */
    unsigned assembled : 1;    /* it does not lie in its frame as a whole */
    unsigned answers_due : 16; /* Fast: answers to come for requests that this one replaced, or for a cancelled one */
    uint32_t block_next;       /* with hash tables: same hash of piece and begin, */
    uint32_t heads_next;       /* the first one of a piece: the first one of another piece with the same hash, */
    uint32_t piece_next;       /* same piece */
    uint32_t piece_previous;
    uint32_t newer;
    uint32_t older;
};

struct request_table {
    wmem_allocator_t *scope;
    struct request  **slabs; /* of 1, 2, 4, 8, 16, and then 32 requests each, by number: those after first */
    uint32_t          slab_count;
    uint32_t          count; /* requests in the table */
    uint32_t          free;  /* first free number, chained by newer */
    uint32_t          oldest;
    uint32_t          newest;
    uint32_t          buckets;  /* of each hash table, a power of two; 0 while there were few requests */
    uint32_t         *by_block; /* the one hash table; the other one, by piece, follows */
    struct request    first;    /* number 0 */
};

/* An empty table; memory comes from scope. */
struct request_table *request_table_new(wmem_allocator_t *scope);

/* Gives all of it back. NULL is nothing. */
void request_table_free(struct request_table *table);

/* The request for the block that starts at begin, NULL where there is none. table may be NULL: it has none. */
struct request *request_table_find(struct request_table *table, uint32_t piece, uint32_t begin);

/* Adds a request for a block that has none; the caller fills in the rest. At REQUESTS_MAX the oldest is removed first,
 * and *evicted set. Other pointers to requests stay valid. */
struct request *request_table_add(struct request_table *table, uint32_t piece, uint32_t begin, bool *evicted);

void request_table_remove(struct request_table *table, struct request *request);

/* The oldest request for a piece, NULL where there is none. Requests that were hidden are not among them. table may be
 * NULL. */
struct request *request_table_of_piece(struct request_table *table, uint32_t piece);

/* The request is not found by its piece any more, by its block and age only. */
void request_table_hide(struct request_table *table, struct request *request);

/* The request that was added last, and the one before a given one. NULL: there is none. The first table may be NULL. */
struct request *request_table_newest(struct request_table *table);
struct request *request_table_older(struct request_table *table, const struct request *request);

/* Removes all requests (BEP 3: what a Choke does to them). table may be NULL. */
void request_table_clear(struct request_table *table);

#endif
