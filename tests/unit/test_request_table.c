/* test_request_table.c
 * request_table.c against a plain array, with random operations; its memory; its cap.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/request_table.h"

/* The bar of the project for a request that is outstanding, and for one that is not any more. */
#define BYTES_PER_REQUEST_MAX 96U

struct fixture {
    wmem_allocator_t     *scope;
    struct request_table *table;
};

static void
set_up(struct fixture *fixture)
{
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    fixture->table = request_table_new(fixture->scope);
}

static void
tear_down(struct fixture *fixture)
{
    request_table_free(fixture->table);
    wmem_destroy_allocator(fixture->scope);
}

/* What a table with no more than four requests may take besides itself, in bytes. */
#define BYTES_OF_FEW_MAX 250U

/* Number 0 is in the table itself, and the others are given in slabs, of which each doubles it, up to 32 requests. */
static const struct request *
request_at(const struct request_table *table, uint32_t number)
{
    uint32_t first = 1, size = 1, slab = 0;

    if (number == 0)
        return &table->first;
    for (; number >= first + size; slab++) {
        first += size;
        size = MIN(first, 32);
    }
    return &table->slabs[slab][number - first];
}

/* The bytes that a table has allocated besides itself, from its fields: slabs of requests, the array of slabs, which is as long
 * as the next power of two, and two hash tables of numbers. */
static size_t
memory(const struct request_table *table)
{
    size_t room = 0, requests = 0;

    while (room < table->slab_count)
        room = room == 0 ? 1 : 2 * room;
    for (uint32_t i = 0; i < table->slab_count; i++)
        requests += MIN(requests + 1, 32);
    return requests * sizeof(struct request) + room * sizeof *table->slabs
           + 2 * table->buckets * sizeof *table->by_block;
}

static struct request *
add(struct fixture *fixture, uint32_t piece, uint32_t begin)
{
    bool            evicted;
    struct request *request = request_table_add(fixture->table, piece, begin, &evicted);

    g_assert_false(evicted);
    g_assert_cmpuint(request->piece, ==, piece);
    g_assert_cmpuint(request->begin, ==, begin);
    g_assert_cmpuint(request->state, ==, REQUEST_OUTSTANDING);
    g_assert_null(request->tag);
    g_assert_true(request_table_newest(fixture->table) == request);
    return request;
}

static void
empty(void)
{
    struct fixture fixture;

    set_up(&fixture);
    g_assert_null(request_table_find(fixture.table, 0, 0));
    g_assert_null(request_table_of_piece(fixture.table, 0));
    g_assert_null(request_table_newest(fixture.table));
    request_table_clear(fixture.table);
    g_assert_cmpuint(memory(fixture.table), ==, 0);
    tear_down(&fixture);
}

/* --- the model --- */

struct known_request {
    uint32_t piece, begin, tag;
    bool     hidden;
};

static int
find_known(const GArray *known, uint32_t piece, uint32_t begin)
{
    for (unsigned i = 0; i < known->len; i++) {
        const struct known_request *request = &g_array_index(known, struct known_request, i);
        if (request->piece == piece && request->begin == begin)
            return (int)i;
    }
    return -1;
}

/* The oldest request of the model for a piece that is not hidden, after the first few; -1: there is none. */
static int
find_known_of_piece(const GArray *known, uint32_t piece, unsigned first)
{
    for (unsigned i = first; i < known->len; i++) {
        const struct known_request *request = &g_array_index(known, struct known_request, i);
        if (request->piece == piece && !request->hidden)
            return (int)i;
    }
    return -1;
}

static uint32_t
known_tag(const GArray *known, unsigned i)
{
    return g_array_index(known, struct known_request, i).tag;
}

/* The requests for a piece that are not hidden, the oldest first, are those of the model. With hash tables they are a ring. */
static void
compare_piece(struct request_table *table, const GArray *known, uint32_t piece)
{
    struct request *oldest = request_table_of_piece(table, piece);
    int             wanted = find_known_of_piece(known, piece, 0);

    g_assert_cmpint(oldest != NULL, ==, wanted >= 0);
    for (const struct request *request = oldest; request != NULL; ) {
        g_assert_cmpint(wanted, >=, 0);
        g_assert_cmpuint(request->piece, ==, piece);
        g_assert_true(request->by_piece);
        g_assert_cmpuint(request->frame, ==, known_tag(known, (unsigned)wanted));
        wanted = find_known_of_piece(known, piece, (unsigned)wanted + 1);
        if (table->buckets == 0)
            return;
        request = request_at(table, request->piece_next);
        if (request == oldest)
            break;
    }
    g_assert_cmpint(wanted, ==, -1);
}

/* Every request of the model is found by block and, if it is not hidden, by piece; no other is; and they are in order
 * of age, from either end. */
static void
compare(struct request_table *table, const GArray *known, uint32_t pieces, uint32_t blocks)
{
    g_assert_cmpuint(table->count, ==, known->len);
    for (uint32_t piece = 0; piece < pieces; piece++) {
        for (uint32_t block = 0; block < blocks; block++) {
            struct request *request = request_table_find(table, piece * 1000, block * 16384);
            int             i = find_known(known, piece * 1000, block * 16384);
            g_assert_cmpint(request != NULL, ==, i >= 0);
            if (request == NULL)
                continue;
            g_assert_cmpuint(request->frame, ==, known_tag(known, (unsigned)i));
            g_assert_cmpint(request->by_piece, ==, !g_array_index(known, struct known_request, i).hidden);
            g_assert_true(request->tag == GUINT_TO_POINTER(request->frame));
        }
        compare_piece(table, known, piece * 1000);
    }

    uint32_t number = table->oldest;
    for (unsigned i = 0; i < known->len; i++) {
        const struct request *request = request_at(table, number);
        g_assert_cmpuint(request->frame, ==, known_tag(known, i));
        number = request->newer;
    }
    const struct request *request = request_table_newest(table);
    for (unsigned i = known->len; i-- > 0; request = request_table_older(table, request)) {
        g_assert_nonnull(request);
        g_assert_cmpuint(request->frame, ==, known_tag(known, i));
    }
    g_assert_null(request);
}

/* Few pieces, so that chains are long; few blocks, so that they are found again. */
static void
model(void)
{
    enum { PIECES = 12, BLOCKS = 16, STEPS = 3000 };

    for (int run = 0; run < 10; run++) {
        struct fixture fixture;
        GArray        *known = g_array_new(FALSE, FALSE, sizeof(struct known_request));

        set_up(&fixture);
        for (uint32_t step = 1; step <= STEPS; step++) {
            struct known_request request = {
                1000 * (uint32_t)g_test_rand_int_range(0, PIECES),
                16384 * (uint32_t)g_test_rand_int_range(0, BLOCKS), step, false
            };
            int     i = find_known(known, request.piece, request.begin);
            int32_t dice = g_test_rand_int_range(0, 1000);
            if (dice == 0) {
                request_table_clear(fixture.table);
                g_array_set_size(known, 0);
            } else if (dice == 1 || (run % 2 == 1 && known->len == 6)) {    /* few, without hash tables, again */
                request_table_free(fixture.table);
                fixture.table = request_table_new(fixture.scope);
                g_array_set_size(known, 0);
            } else if (i < 0 && dice < 700) {
                struct request *added = add(&fixture, request.piece, request.begin);
                added->frame = step;
                added->tag = GUINT_TO_POINTER(step);
                g_array_append_val(known, request);
            } else if (i >= 0 && dice < 500) {          /* hidden, also for the second time */
                request_table_hide(fixture.table,
                                   request_table_find(fixture.table, request.piece, request.begin));
                g_array_index(known, struct known_request, i).hidden = true;
            } else if (i < 0 && dice < 720) {           /* all of a piece, the oldest first, as a DontHave does it */
                struct request *oldest;
                while ((oldest = request_table_of_piece(fixture.table, request.piece)) != NULL) {
                    i = find_known_of_piece(known, request.piece, 0);
                    g_assert_cmpint(i, >=, 0);
                    g_assert_cmpuint(oldest->frame, ==, known_tag(known, (unsigned)i));
                    request_table_hide(fixture.table, oldest);
                    g_array_index(known, struct known_request, i).hidden = true;
                }
                g_assert_cmpint(find_known_of_piece(known, request.piece, 0), ==, -1);
            } else if (i >= 0) {
                request_table_remove(fixture.table,
                                     request_table_find(fixture.table, request.piece, request.begin));
                g_array_remove_index(known, (unsigned)i);
            }
            if (step % 16 == 0)
                compare(fixture.table, known, PIECES, BLOCKS);
        }
        g_array_free(known, TRUE);
        tear_down(&fixture);
    }
}

/* --- memory --- */

static void
size_of_request(void)
{
    g_assert_cmpuint(sizeof(struct request), ==, 72);
}

/* Most connections have few requests at a time, many only one. */
static void
bytes_of_few_requests(void)
{
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t i = 0; i < 4; i++) {
        add(&fixture, 1, i * 16384);
        g_assert_cmpuint(memory(fixture.table), <=, i == 0 ? 0 : BYTES_OF_FEW_MAX);
    }
    tear_down(&fixture);
}

static void
bytes_per_request(void)
{
    struct fixture fixture;
    size_t         worst = 0;

    set_up(&fixture);
    for (uint32_t count = 1; count <= REQUESTS_MAX; count++) {
        add(&fixture, count / 64, count % 64 * 16384);
        if (count >= 1000)
            worst = MAX(worst, memory(fixture.table) * 1000 / count);
    }
    g_test_message("at most %.1f bytes for a request, from 1,000 requests to %u", (double)worst / 1000, REQUESTS_MAX);
    g_assert_cmpuint(worst, <=, BYTES_PER_REQUEST_MAX * 1000);
    tear_down(&fixture);
}

/* A million requests that come and go leave nothing behind. */
static void
bytes_per_finished_request(void)
{
    struct fixture fixture;
    size_t         before = 0;

    set_up(&fixture);
    for (uint32_t i = 0; i < 1000000; i++) {
        add(&fixture, i / 16, i % 16 * 16384);
        if (i >= 100)
            request_table_remove(fixture.table,
                                 request_table_find(fixture.table, (i - 100) / 16, (i - 100) % 16 * 16384));
        if (i == 1000)
            before = memory(fixture.table);
    }
    g_assert_cmpuint(fixture.table->count, ==, 100);
    g_assert_cmpuint(memory(fixture.table), ==, before);
    g_assert_cmpuint(before, <=, 16384);
    tear_down(&fixture);
}

/* --- time --- */

/* The longest chain of a hash table. By piece, a chain has the first request of each piece. */
static unsigned
longest_chain(const struct request_table *table, bool by_piece)
{
    unsigned longest = 0;

    for (uint32_t bucket = 0; bucket < table->buckets; bucket++) {
        unsigned length = 0;
        uint32_t number = table->by_block[by_piece ? table->buckets + bucket : bucket];
        while (number != UINT32_MAX) {
            const struct request *request = request_at(table, number);
            number = by_piece ? request->heads_next : request->block_next;
            length++;
        }
        longest = MAX(longest, length);
    }
    return longest;
}

/* "Time per message is O(1), whatever the number of outstanding requests for other pieces": chains stay short, also
 * where the pieces are far apart by a power of two, and the blocks at the same place of each. */
static void
short_chains(void)
{
    enum { PIECES = 4000 };

    for (unsigned shift = 0; shift <= 20; shift++) {
        for (uint32_t begin = 0; begin <= 0x40000; begin += 0x20000) {
            struct fixture fixture;
            set_up(&fixture);
            for (uint32_t i = 0; i < PIECES; i++)
                add(&fixture, i << shift, begin);
            g_test_message("pieces 2^%u apart: %u of a piece, %u of a block", shift,
                           longest_chain(fixture.table, true), longest_chain(fixture.table, false));
            g_assert_cmpuint(longest_chain(fixture.table, true), <=, 12);
            g_assert_cmpuint(longest_chain(fixture.table, false), <=, 12);
            tear_down(&fixture);
        }
    }
}

/* A hundred thousand requests for one piece are one link of a chain: the oldest is found, hidden and removed without a
 * walk past the others. */
static void
one_piece(void)
{
    enum { BLOCKS = 100000 };
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t i = 0; i < BLOCKS; i++)
        add(&fixture, 7, i)->frame = i;
    g_assert_cmpuint(longest_chain(fixture.table, true), ==, 1);
    g_assert_cmpuint(longest_chain(fixture.table, false), <=, 12);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        struct request *oldest = request_table_of_piece(fixture.table, 7);
        g_assert_cmpuint(oldest->frame, ==, i);
        if (i % 2 == 0)
            request_table_hide(fixture.table, oldest);
        else
            request_table_remove(fixture.table, oldest);
    }
    g_assert_null(request_table_of_piece(fixture.table, 7));
    g_assert_cmpuint(longest_chain(fixture.table, true), ==, 0);
    g_assert_cmpuint(fixture.table->count, ==, BLOCKS / 2);
    tear_down(&fixture);
}

/* Hidden: found by block and age; not by piece, also when the hash tables grow and when it is removed. */
static void
hide(void)
{
    struct fixture  fixture;
    struct request *requests[3];

    for (unsigned hidden = 0; hidden < 3; hidden++) {       /* the oldest, one in the middle, the newest */
        set_up(&fixture);
        for (uint32_t i = 0; i < 3; i++)
            requests[i] = add(&fixture, 5, i * 16384);
        request_table_hide(fixture.table, requests[hidden]);
        for (uint32_t i = 0; i < 1000; i++)
            add(&fixture, 6 + i, 0);
        g_assert_true(request_table_find(fixture.table, 5, hidden * 16384) == requests[hidden]);
        g_assert_true(request_table_of_piece(fixture.table, 5) == requests[hidden == 0 ? 1 : 0]);
        request_table_remove(fixture.table, requests[hidden]);
        g_assert_null(request_table_find(fixture.table, 5, hidden * 16384));
        g_assert_true(request_table_of_piece(fixture.table, 5) == requests[hidden == 0 ? 1 : 0]);

        /* The same block again is found by its piece, as the newest of them. */
        requests[hidden] = add(&fixture, 5, hidden * 16384);
        for (unsigned left = 3, i = hidden == 0 ? 1 : 0; left > 0; left--) {
            g_assert_true(request_table_of_piece(fixture.table, 5) == requests[i]);
            request_table_hide(fixture.table, requests[i]);
            i = left == 2 ? hidden : i + 1 == hidden ? i + 2 : i + 1;
        }
        g_assert_null(request_table_of_piece(fixture.table, 5));
        tear_down(&fixture);
    }
}

/* From the newest to the oldest, also past one that was removed. */
static void
age(void)
{
    struct fixture  fixture;
    struct request *first, *second, *third;

    set_up(&fixture);
    first = add(&fixture, 1, 0);
    second = add(&fixture, 2, 0);
    third = add(&fixture, 3, 0);
    g_assert_true(request_table_older(fixture.table, third) == second);
    g_assert_true(request_table_older(fixture.table, second) == first);
    g_assert_null(request_table_older(fixture.table, first));
    request_table_remove(fixture.table, second);
    g_assert_true(request_table_older(fixture.table, third) == first);
    request_table_remove(fixture.table, third);
    g_assert_true(request_table_newest(fixture.table) == first);
    request_table_remove(fixture.table, first);
    g_assert_null(request_table_newest(fixture.table));
    tear_down(&fixture);
}

/* --- the cap --- */

static void
cap(void)
{
    struct fixture  fixture;
    struct request *second;
    bool            evicted;

    set_up(&fixture);
    add(&fixture, 0, 0)->frame = 1;
    second = add(&fixture, 1, 0);
    second->frame = 2;
    for (uint32_t i = 2; i < REQUESTS_MAX; i++)
        add(&fixture, i, 0)->frame = i + 1;
    g_assert_cmpuint(fixture.table->count, ==, REQUESTS_MAX);
    size_t before = memory(fixture.table);

    /* The oldest makes room, and nothing else changes. */
    request_table_add(fixture.table, REQUESTS_MAX, 0, &evicted)->frame = REQUESTS_MAX + 1;
    g_assert_true(evicted);
    g_assert_cmpuint(fixture.table->count, ==, REQUESTS_MAX);
    g_assert_null(request_table_find(fixture.table, 0, 0));
    g_assert_true(request_table_find(fixture.table, 1, 0) == second);
    g_assert_cmpuint(request_table_find(fixture.table, REQUESTS_MAX, 0)->frame, ==, REQUESTS_MAX + 1);

    /* Where one goes, the next takes no other's place. */
    request_table_remove(fixture.table, request_table_find(fixture.table, 1000, 0));
    request_table_add(fixture.table, 1000, 0, &evicted);
    g_assert_false(evicted);
    request_table_add(fixture.table, 1001, 16384, &evicted);
    g_assert_true(evicted);
    g_assert_null(request_table_find(fixture.table, 1, 0));
    g_assert_cmpuint(memory(fixture.table), ==, before);
    tear_down(&fixture);
}

/* A request that the caller holds stays where it is while the table grows. */
static void
pointers_stay(void)
{
    struct fixture  fixture;
    struct request *first;

    set_up(&fixture);
    first = add(&fixture, 7, 16384);
    for (uint32_t i = 0; i < 5000; i++)
        add(&fixture, i, 0);
    g_assert_true(request_table_find(fixture.table, 7, 16384) == first);
    request_table_clear(fixture.table);
    g_assert_cmpuint(fixture.table->count, ==, 0);
    g_assert_null(request_table_find(fixture.table, 7, 16384));
    g_assert_null(request_table_of_piece(fixture.table, 7));
    g_assert_null(request_table_newest(fixture.table));
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    g_test_add_func("/request_table/empty", empty);
    g_test_add_func("/request_table/model", model);
    g_test_add_func("/request_table/hide", hide);
    g_test_add_func("/request_table/age", age);
    g_test_add_func("/request_table/size_of_request", size_of_request);
    g_test_add_func("/request_table/bytes_of_few_requests", bytes_of_few_requests);
    g_test_add_func("/request_table/bytes_per_request", bytes_per_request);
    g_test_add_func("/request_table/bytes_per_finished_request", bytes_per_finished_request);
    g_test_add_func("/request_table/short_chains", short_chains);
    g_test_add_func("/request_table/one_piece", one_piece);
    g_test_add_func("/request_table/cap", cap);
    g_test_add_func("/request_table/pointers_stay", pointers_stay);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
