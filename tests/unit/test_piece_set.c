/* test_piece_set.c
 * piece_set.c against the simplest set that there is, with random operations.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "piece_set.h"

#define PIECES_PER_PAGE 4096U
#define MODEL_PIECES    20000U  /* five pages, the last of them in part */

/* BEP 3: "The first byte of the bitfield corresponds to indices 0 - 7 from high bit to low bit". */
static void
bit_order(void)
{
    static const uint8_t bits[] = { 0x80, 0x01, 0x00, 0xa0 };
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set     set;

    piece_set_init(&set, scope);
    g_assert_true(piece_set_from_bitfield(&set, bits, sizeof bits));
    for (uint32_t piece = 0; piece < 100; piece++)
        g_assert_cmpint(piece_set_has(&set, piece), ==, piece == 0 || piece == 15 || piece == 24 || piece == 26);
    wmem_destroy_allocator(scope);
}

/* What is touched takes memory, and nothing else; the highest index is as good as the lowest. */
static void
sparse(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set;

    piece_set_init(&set, scope);
    g_assert_false(piece_set_has(&set, 0));
    g_assert_false(piece_set_has(&set, UINT32_MAX));
    g_assert_null(set.pages);
    g_assert_true(piece_set_put(&set, UINT32_MAX, true));
    g_assert_true(piece_set_has(&set, UINT32_MAX));
    g_assert_false(piece_set_has(&set, UINT32_MAX - 1));
    g_assert_false(piece_set_has(&set, PIECES_PER_PAGE - 1));
    g_assert_cmpuint(wmem_map_size(set.pages), ==, 1);

    piece_set_fill(&set, true);
    g_assert_true(piece_set_has(&set, 12345678));
    g_assert_true(piece_set_put(&set, 5, false));
    g_assert_false(piece_set_has(&set, 5));
    g_assert_true(piece_set_has(&set, 4));
    g_assert_true(piece_set_has(&set, UINT32_MAX));
    g_assert_cmpuint(wmem_map_size(set.pages), ==, 2);

    piece_set_free(&set);
    g_assert_false(piece_set_has(&set, 4));
    wmem_destroy_allocator(scope);
}

/* At the cap the pages that are there go on to work, and the others say no. */
static void
cap(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct piece_set  set;

    piece_set_init(&set, scope);
    for (uint32_t page = 0; page < PIECE_SET_PAGES_MAX; page++)
        g_assert_true(piece_set_put(&set, page * 2 * PIECES_PER_PAGE, true));
    g_assert_false(piece_set_put(&set, PIECES_PER_PAGE, true));
    g_assert_false(piece_set_has(&set, PIECES_PER_PAGE));
    g_assert_true(piece_set_put(&set, 1, true));
    g_assert_true(piece_set_has(&set, 1));
    g_assert_cmpuint(wmem_map_size(set.pages), ==, PIECE_SET_PAGES_MAX);

    /* A Bitfield of whose pages half have room. */
    uint32_t size = PIECE_SET_PAGES_MAX * PIECES_PER_PAGE / 8;
    uint8_t *bits = (uint8_t *)g_malloc(size);
    memset(bits, 0xff, size);
    g_assert_false(piece_set_from_bitfield(&set, bits, size));
    g_assert_true(piece_set_has(&set, 3));

    /* The greatest Bitfield that the message table allows fits into an empty set. */
    piece_set_free(&set);
    g_assert_true(piece_set_from_bitfield(&set, bits, size));
    g_assert_true(piece_set_has(&set, size * 8 - 1));
    g_assert_false(piece_set_has(&set, size * 8));
    g_free(bits);
    wmem_destroy_allocator(scope);
}

/* Any operations in any order give what an array of bools gives. */
static void
model(void)
{
    static bool wanted[MODEL_PIECES];

    for (int run = 0; run < 30; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct piece_set  set;

        piece_set_init(&set, scope);
        memset(wanted, 0, sizeof wanted);
        for (int step = 0; step < 40; step++) {
            int32_t  dice = g_test_rand_int_range(0, 100);
            uint32_t size = (uint32_t)g_test_rand_int_range(0, MODEL_PIECES / 8 + 1);
            if (dice < 80) {
                for (int i = 0; i < 50; i++) {
                    uint32_t piece = (uint32_t)g_test_rand_int_range(0, MODEL_PIECES);
                    wanted[piece] = dice < 40;
                    g_assert_true(piece_set_put(&set, piece, dice < 40));
                }
            } else if (dice < 90) {
                uint8_t *bits = (uint8_t *)g_malloc(MAX(1, size));
                for (uint32_t i = 0; i < size; i++)
                    bits[i] = (uint8_t)g_test_rand_int();
                for (uint32_t piece = 0; piece < MODEL_PIECES; piece++)
                    wanted[piece] = piece / 8 < size && (bits[piece / 8] & 0x80 >> piece % 8) != 0;
                g_assert_true(piece_set_from_bitfield(&set, bits, size));
                g_free(bits);
            } else if (dice < 98) {
                memset(wanted, dice < 94, sizeof wanted);
                piece_set_fill(&set, dice < 94);
            } else {
                memset(wanted, 0, sizeof wanted);
                piece_set_free(&set);
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
    g_test_add_func("/piece_set/cap", cap);
    g_test_add_func("/piece_set/model", model);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
