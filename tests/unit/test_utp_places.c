/* Where packets stand in the stream, see core/utp_places.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_places.h"

static void
add(struct utp_places *places, wmem_allocator_t *scope, uint64_t seq, uint32_t frame, uint64_t position, uint32_t size)
{
    struct utp_place place = { .position = position, .size = size, .first = size / 2 };

    utp_places_add(places, scope, seq, frame, &place);
}

static void
assert_found(const struct utp_places *places, uint16_t seq_nr, uint32_t frame, uint64_t position, uint32_t size)
{
    struct utp_place place;

    g_assert_true(utp_places_find(places, seq_nr, frame, &place));
    g_assert_cmpuint(place.position, ==, position);
    g_assert_cmpuint(place.size, ==, size);
    g_assert_cmpuint(place.first, ==, size / 2);
}

static void
assert_missing(const struct utp_places *places, uint16_t seq_nr, uint32_t frame)
{
    struct utp_place place;

    g_assert_false(utp_places_find(places, seq_nr, frame, &place));
}

/* All zeros is empty: nothing is found, and there is nothing to free. */
static void
empty(void)
{
    struct utp_places places = { 0 };

    assert_missing(&places, 0, 1);
    utp_places_free(&places, NULL);
}

/* What was added is found, by its number and a frame near it: its own, one before it came to its turn, one long after. */
static void
found(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_places places = { 0 };
    uint64_t          position = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        add(&places, scope, 70000 + i, 10 + i, position, 1 + i % 1400);
        position += 1 + i % 1400;
    }
    position = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        for (uint32_t frame = i; frame < 2000; frame += 400)
            assert_found(&places, (uint16_t)(70000 + i), frame, position, 1 + i % 1400);
        position += 1 + i % 1400;
    }
    assert_missing(&places, (uint16_t)69999, 10);
    assert_missing(&places, (uint16_t)71000, 1010);
    utp_places_free(&places, scope);
    assert_missing(&places, (uint16_t)70000, 10);
    wmem_destroy_allocator(scope);
}

/* Numbers wrap after 65536 packets: the frame tells which of those with the same number it is. */
static void
wraps(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_places places = { 0 };
    const uint32_t    count = 3 * 65536;

    for (uint32_t i = 0; i < count; i++)
        add(&places, scope, UINT64_C(0x100000000) + i, 2 * i, 100 * (uint64_t)i, 100);
    for (uint32_t i = 0; i < count; i += 997) {
        assert_found(&places, (uint16_t)i, 2 * i, 100 * (uint64_t)i, 100);
        assert_found(&places, (uint16_t)i, 2 * i + 2000, 100 * (uint64_t)i, 100);
    }
    utp_places_free(&places, scope);
    wmem_destroy_allocator(scope);
}

/* Numbers that never came, a hole in the positions, packets of no bytes and of the longest datagram. */
static void
holes(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_places places = { 0 };
    const uint64_t    hole = UINT64_C(1) << 32;

    add(&places, scope, 100, 1, 0, 65507);
    add(&places, scope, 101, 2, 65507, 0);
    add(&places, scope, 102, 3, 65507, 10);
    add(&places, scope, 105, 7, 65517 + hole, 20);      /* 103 and 104 are missing */
    add(&places, scope, 106, 8, 65537 + 2 * hole, 30);  /* consecutive, but what is between is not known */
    assert_found(&places, 100, 1, 0, 65507);
    assert_found(&places, 101, 2, 65507, 0);
    assert_found(&places, 102, 3, 65507, 10);
    assert_missing(&places, 103, 4);
    assert_missing(&places, 104, 9);
    assert_found(&places, 105, 7, 65517 + hole, 20);
    assert_found(&places, 106, 8, 65537 + 2 * hole, 30);
    assert_missing(&places, 99, 1);
    assert_missing(&places, 107, 8);
    utp_places_free(&places, scope);
    wmem_destroy_allocator(scope);
}

/* "A packet takes 4 bytes, and each 64 of them a head of 24: 0.4 % of a packet of 1,400 bytes." */
static void
memory(void)
{
    g_assert_cmpuint(sizeof(struct utp_run), <=, 24 + 4 * UTP_RUN_PACKETS);

    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_places places = { 0 };
    const uint32_t    count = 64 * 1000;

    for (uint32_t i = 0; i < count; i++)
        add(&places, scope, 1000 + i, i, 1400 * (uint64_t)i, 1400);
    size_t taken = places.count * sizeof(struct utp_run) + places.room * sizeof(struct utp_run *);
    g_assert_cmpuint(1000 * taken, <=, 4 * 1400 * (size_t)count);
    utp_places_free(&places, scope);
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    wmem_init();
    g_test_add_func("/utp_places/empty", empty);
    g_test_add_func("/utp_places/found", found);
    g_test_add_func("/utp_places/wraps", wraps);
    g_test_add_func("/utp_places/holes", holes);
    g_test_add_func("/utp_places/memory", memory);

    int result = g_test_run();
    wmem_cleanup();
    return result;
}
