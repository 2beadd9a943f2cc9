/* test_piece_set.c
 * piece_set.c against the simplest set that there is, with random operations.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/piece_set.h"

/* From sanitizer/allocator_interface.h, which not every compiler installs. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define PIECES_PER_PAGE 4096U
#define MODEL_PIECES    20000U  /* five pages, the last of them in part */

/* Pages of the set; the map has the same, if there is one. */
static uint32_t
pages(const struct piece_set *set)
{
    if (set->by_number != NULL)
        g_assert_cmpuint(wmem_map_size(set->by_number), ==, set->count);
    else
        g_assert_cmpuint(set->count, <=, 1);
    g_assert_cmpint(set->pages != NULL, ==, set->count > 0);
    return set->count;
}

/* BEP 3: "The first byte of the bitfield corresponds to indices 0 - 7 from high bit to low bit". */
static void
bit_order(void)
{
    static const uint8_t bits[] = { 0x80, 0x01, 0x00, 0xa0 };
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set     set = { 0 };

    g_assert_true(piece_set_from_bitfield(&set, scope, bits, sizeof bits));
    for (uint32_t piece = 0; piece < 100; piece++)
        g_assert_cmpint(piece_set_has(&set, piece), ==, piece == 0 || piece == 15 || piece == 24 || piece == 26);
    wmem_destroy_allocator(scope);
}

/* What is touched takes memory, and nothing else; the highest index is as good as the lowest. */
static void
sparse(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set = { 0 };

    g_assert_false(piece_set_has(&set, 0));
    g_assert_false(piece_set_has(&set, UINT32_MAX));
    g_assert_null(set.by_number);
    g_assert_cmpuint(pages(&set), ==, 0);
    g_assert_true(piece_set_put(&set, scope, UINT32_MAX, true));
    g_assert_true(piece_set_has(&set, UINT32_MAX));
    g_assert_false(piece_set_has(&set, UINT32_MAX - 1));
    g_assert_false(piece_set_has(&set, PIECES_PER_PAGE - 1));
    g_assert_cmpuint(pages(&set), ==, 1);

    piece_set_fill(&set, true);
    g_assert_true(piece_set_has(&set, 12345678));
    g_assert_true(piece_set_put(&set, scope, 5, false));
    g_assert_false(piece_set_has(&set, 5));
    g_assert_true(piece_set_has(&set, 4));
    g_assert_true(piece_set_has(&set, UINT32_MAX));
    g_assert_cmpuint(pages(&set), ==, 1);       /* the page of UINT32_MAX went with the first fill */

    piece_set_free(&set, scope);
    g_assert_false(piece_set_has(&set, 4));
    g_assert_cmpuint(pages(&set), ==, 0);
    wmem_destroy_allocator(scope);
}

/* The set of a small torrent takes little. */
static void
small(void)
{
    static const uint8_t bits[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set     set = { 0 };
    size_t               before;

    for (int round = 0; round < 2; round++) {   /* the scope's own list grows in the first */
        before = __sanitizer_get_current_allocated_bytes();
        g_assert_true(piece_set_from_bitfield(&set, scope, bits, sizeof bits));
        g_assert_true(piece_set_put(&set, scope, 63, false));
        if (round == 0)
            piece_set_free(&set, scope);
    }
    g_assert_cmpuint(__sanitizer_get_current_allocated_bytes(), <=, before + 24);
    wmem_destroy_allocator(scope);
}

/* What is so already needs no page: out of a set without the page, into a set that holds everything. */
static void
no_page_needed(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set = { 0 };

    for (int all = 0; all <= 1; all++) {
        piece_set_fill(&set, all);
        for (uint32_t page = 0; page <= 2 * PIECE_SET_PAGES_MAX; page++)
            g_assert_true(piece_set_put(&set, scope, page * PIECES_PER_PAGE, all));
        g_assert_true(piece_set_put(&set, scope, UINT32_MAX, all));
        g_assert_cmpuint(pages(&set), ==, 0);
        g_assert_null(set.by_number);
        g_assert_cmpint(piece_set_has(&set, 4096), ==, all);
    }
    /* Where the page is there, the piece goes out of it. */
    piece_set_fill(&set, false);
    g_assert_true(piece_set_put(&set, scope, 6, true));
    g_assert_true(piece_set_put(&set, scope, 7, true));
    g_assert_true(piece_set_put(&set, scope, 7, false));
    g_assert_true(piece_set_has(&set, 6));
    g_assert_false(piece_set_has(&set, 7));
    g_assert_cmpuint(pages(&set), ==, 1);

    /* Also at the cap. */
    for (uint32_t page = 1; page < PIECE_SET_PAGES_MAX; page++)
        g_assert_true(piece_set_put(&set, scope, page * PIECES_PER_PAGE, true));
    g_assert_true(piece_set_put(&set, scope, PIECE_SET_PAGES_MAX * PIECES_PER_PAGE, false));
    g_assert_false(piece_set_put(&set, scope, PIECE_SET_PAGES_MAX * PIECES_PER_PAGE, true));
    wmem_destroy_allocator(scope);
}

/* Filling gives the pages to what comes next: no memory is taken for them again, and none is left over. */
static void
fill_is_cheap(void)
{
    enum { PAGES = 64, FILLS = 200000 };
    uint8_t          *bits = (uint8_t *)g_malloc(PAGES * PIECES_PER_PAGE / 8);
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set = { 0 };

    memset(bits, 0x55, PAGES * PIECES_PER_PAGE / 8);
    g_assert_true(piece_set_from_bitfield(&set, scope, bits, PAGES * PIECES_PER_PAGE / 8));
    g_assert_cmpuint(pages(&set), ==, PAGES);
    g_assert_null(set.spare);

    /* A page that was forgotten is the next that is taken, and it is clean. */
    piece_set_fill(&set, false);
    g_assert_cmpuint(pages(&set), ==, 0);
    struct piece_page *spare = set.spare;
    g_assert_nonnull(spare);
    size_t before = __sanitizer_get_current_allocated_bytes();
    g_assert_true(piece_set_put(&set, scope, 3 * PIECES_PER_PAGE, true));
    g_assert_true(set.pages == spare);
    g_assert_true(set.spare != spare);
    for (uint32_t piece = 0; piece < PAGES * PIECES_PER_PAGE; piece++)
        g_assert_cmpint(piece_set_has(&set, piece), ==, piece == 3 * PIECES_PER_PAGE);
    piece_set_fill(&set, false);
    g_assert_true(set.spare == spare);
    g_assert_cmpuint(__sanitizer_get_current_allocated_bytes(), <=, before);

    /* Announcing everything again and again takes nothing; each fill has one page to forget, whatever was there. */
    piece_set_fill(&set, true);
    for (uint32_t i = 0; i < FILLS; i++) {
        g_assert_true(piece_set_put(&set, scope, i * PIECES_PER_PAGE, i % 2 != 0));
        g_assert_cmpuint(set.count, ==, 1);
        g_assert_true(set.pages == spare);
        piece_set_fill(&set, i % 2 != 0);
        g_assert_cmpuint(set.count, ==, 0);
        g_assert_true(set.spare == spare);
        g_assert_cmpint(piece_set_has(&set, i * PIECES_PER_PAGE), ==, i % 2 != 0);
    }
    for (uint32_t i = 0; i < 2000; i++) {
        g_assert_true(piece_set_from_bitfield(&set, scope, bits, PAGES * PIECES_PER_PAGE / 8));
        g_assert_cmpuint(set.count, ==, PAGES);
        piece_set_fill(&set, true);
    }
    g_assert_cmpuint(__sanitizer_get_current_allocated_bytes(), <=, before);
    piece_set_free(&set, scope);
    g_assert_null(set.spare);
    g_assert_cmpuint(__sanitizer_get_current_allocated_bytes(), <=, before - PAGES * PIECES_PER_PAGE / 8);
    g_free(bits);
    wmem_destroy_allocator(scope);
}

/* At the cap the pages that are there go on to work, and the others say no. */
static void
cap(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set = { 0 };

    for (uint32_t page = 0; page < PIECE_SET_PAGES_MAX; page++)
        g_assert_true(piece_set_put(&set, scope, page * 2 * PIECES_PER_PAGE, true));
    g_assert_false(piece_set_put(&set, scope, PIECES_PER_PAGE, true));
    g_assert_false(piece_set_has(&set, PIECES_PER_PAGE));
    g_assert_true(piece_set_put(&set, scope, 1, true));
    g_assert_true(piece_set_has(&set, 1));
    g_assert_cmpuint(pages(&set), ==, PIECE_SET_PAGES_MAX);

    /* The greatest Bitfield that fits takes the place of what was there. One byte more: what fits is in. */
    uint32_t size = PIECE_SET_PAGES_MAX * PIECES_PER_PAGE / 8;
    uint8_t *bits = (uint8_t *)g_malloc(size + 1);
    memset(bits, 0xff, size + 1);
    g_assert_true(piece_set_from_bitfield(&set, scope, bits, size));
    g_assert_true(piece_set_has(&set, 3));
    g_assert_true(piece_set_has(&set, size * 8 - 1));
    g_assert_false(piece_set_has(&set, size * 8));
    g_assert_false(piece_set_from_bitfield(&set, scope, bits, size + 1));
    g_assert_true(piece_set_has(&set, 3));
    g_assert_true(piece_set_has(&set, size * 8 - 1));
    g_assert_false(piece_set_has(&set, size * 8));
    g_assert_cmpuint(pages(&set), ==, PIECE_SET_PAGES_MAX);

    /* The greatest Bitfield that the message table allows fits into an empty set. */
    piece_set_free(&set, scope);
    g_assert_true(piece_set_from_bitfield(&set, scope, bits, size));
    g_assert_true(piece_set_has(&set, size * 8 - 1));
    g_assert_false(piece_set_has(&set, size * 8));
    g_free(bits);
    wmem_destroy_allocator(scope);
}

/* --- piece_set_next_common() --- */

/* From every piece of a list on, the next one is what a plain search finds. */
static void
compare_next(const struct piece_set *set, const uint8_t *bits, uint32_t size, const uint32_t *from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t wanted = from[i];
        uint32_t piece = from[i];
        while (wanted < (uint64_t)size * 8
                && ((bits[wanted / 8] & 0x80 >> wanted % 8) == 0 || !piece_set_has(set, (uint32_t)wanted)))
            wanted++;
        bool found = piece_set_next_common(set, bits, size, &piece);
        g_assert_cmpint(found, ==, wanted < (uint64_t)size * 8);
        if (found)
            g_assert_cmpuint(piece, ==, wanted);
    }
}

/* The borders of bytes and of pages, the ends of the Bitfield, sets of nothing and of everything. */
static void
next_common_borders(void)
{
    static const uint32_t borders[] = { 0, 1, 7, 8, 9, 4095, 4096, 4097, 8191, 8192, 12287, 12288, 12289, 16383 };
    static const uint32_t from[] = { 0, 1, 6, 7, 8, 9, 4088, 4094, 4095, 4096, 4097, 8190, 8191, 8192, 12287, 12288,
                                     12290, 16382, 16383, 16384, 16385, 100000, 0x7fffffff, UINT32_MAX };
    uint8_t          *bits = (uint8_t *)g_malloc(2048);
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set;

    for (int all = 0; all <= 1; all++) {
        for (unsigned b = 0; b < G_N_ELEMENTS(borders); b++) {
            for (unsigned ones = 0; ones <= 1; ones++) {
                uint8_t *cut;
                uint32_t size = borders[b] / 8 + 1;
                memset(&set, 0, sizeof set);
                piece_set_fill(&set, all);
                piece_set_put(&set, scope, borders[b], !all);
                memset(bits, ones ? 0xff : 0, 2048);
                bits[borders[b] / 8] |= (uint8_t)(0x80 >> borders[b] % 8);
                compare_next(&set, bits, 2048, from, G_N_ELEMENTS(from));
                compare_next(&set, bits, 2048, borders, G_N_ELEMENTS(borders));

                /* The last byte of the Bitfield: nothing after it is read. */
                cut = bytes_copy(bits, size);
                compare_next(&set, cut, size, from, G_N_ELEMENTS(from));
                compare_next(&set, cut, size - 1, from, G_N_ELEMENTS(from));
                g_free(cut);
                piece_set_free(&set, scope);
            }
        }
    }
    /* No byte at all. */
    uint32_t piece = 0;
    memset(&set, 0, sizeof set);
    piece_set_fill(&set, true);
    g_assert_false(piece_set_next_common(&set, bits, 0, &piece));
    g_free(bits);
    wmem_destroy_allocator(scope);
}

/* Random sets and Bitfields, thin and dense: walked from one to the next, all that both have come, in order. */
static void
next_common_model(void)
{
    static const unsigned one_of[] = { 1, 2, 50, 3000 };

    for (int run = 0; run < 200; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        uint32_t          size = (uint32_t)g_test_rand_int_range(0, MODEL_PIECES / 8 + 1);
        uint8_t          *bits = (uint8_t *)g_malloc0(MAX(1, size));
        bool             *both = g_new0(bool, MAX(1, size * 8));
        int32_t           dense = (int32_t)one_of[g_test_rand_int_range(0, G_N_ELEMENTS(one_of))];
        int32_t           dense_bits = (int32_t)one_of[g_test_rand_int_range(0, G_N_ELEMENTS(one_of))];
        bool              all = g_test_rand_int_range(0, 2) != 0;
        struct piece_set  set = { 0 };

        piece_set_fill(&set, all);
        for (uint32_t piece = 0; piece < MODEL_PIECES; piece++) {
            /* Some pages stay away. */
            if (piece / PIECES_PER_PAGE % 2 == (unsigned)run % 2 && g_test_rand_int_range(0, dense) == 0)
                piece_set_put(&set, scope, piece, !all);
        }
        for (uint32_t piece = 0; piece < size * 8; piece++) {
            if (g_test_rand_int_range(0, dense_bits) == 0)
                bits[piece / 8] |= (uint8_t)(0x80 >> piece % 8);
            both[piece] = (bits[piece / 8] & 0x80 >> piece % 8) != 0 && piece_set_has(&set, piece);
        }
        uint32_t piece = 0, next = 0;
        while (piece_set_next_common(&set, bits, size, &next)) {
            for (; piece < next; piece++)
                g_assert_false(both[piece]);
            g_assert_true(both[next]);
            piece = ++next;
        }
        for (; piece < size * 8; piece++)
            g_assert_false(both[piece]);
        g_free(both);
        g_free(bits);
        wmem_destroy_allocator(scope);
    }
}

/* Any operations in any order give what an array of bools gives. */
static void
model(void)
{
    static bool wanted[MODEL_PIECES];

    for (int run = 0; run < 30; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct piece_set  set = { 0 };

        memset(wanted, 0, sizeof wanted);
        for (int step = 0; step < 40; step++) {
            int32_t  dice = g_test_rand_int_range(0, 100);
            uint32_t size = (uint32_t)g_test_rand_int_range(0, MODEL_PIECES / 8 + 1);
            if (dice < 80) {
                for (int i = 0; i < 50; i++) {
                    uint32_t piece = (uint32_t)g_test_rand_int_range(0, MODEL_PIECES);
                    wanted[piece] = dice < 40;
                    g_assert_true(piece_set_put(&set, scope, piece, dice < 40));
                }
            } else if (dice < 90) {
                uint8_t *bits = (uint8_t *)g_malloc(MAX(1, size));
                for (uint32_t i = 0; i < size; i++)
                    bits[i] = (uint8_t)g_test_rand_int();
                for (uint32_t piece = 0; piece < MODEL_PIECES; piece++)
                    wanted[piece] = piece / 8 < size && (bits[piece / 8] & 0x80 >> piece % 8) != 0;
                g_assert_true(piece_set_from_bitfield(&set, scope, bits, size));
                g_free(bits);
            } else if (dice < 98) {
                memset(wanted, dice < 94, sizeof wanted);
                piece_set_fill(&set, dice < 94);
            } else {
                memset(wanted, 0, sizeof wanted);
                piece_set_free(&set, scope);
            }
            for (uint32_t piece = 0; piece < MODEL_PIECES; piece++)
                g_assert_cmpint(piece_set_has(&set, piece), ==, wanted[piece]);
        }
        wmem_destroy_allocator(scope);
    }
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    g_test_add_func("/piece_set/bit_order", bit_order);
    g_test_add_func("/piece_set/sparse", sparse);
    g_test_add_func("/piece_set/small", small);
    g_test_add_func("/piece_set/cap", cap);
    g_test_add_func("/piece_set/no_page_needed", no_page_needed);
    g_test_add_func("/piece_set/fill_is_cheap", fill_is_cheap);
    g_test_add_func("/piece_set/next_common_borders", next_common_borders);
    g_test_add_func("/piece_set/next_common_model", next_common_model);
    g_test_add_func("/piece_set/model", model);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
