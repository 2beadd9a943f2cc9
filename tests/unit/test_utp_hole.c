/* test_utp_hole.c
 * utp_hole.c: what comes after a missing packet is read in its order, at its offset, once that is known.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_hole.h"

#include <string.h>

#include "core/big_endian.h"
#include "core/peer_wire.h"

#define STREAM_SIZE     (4U * 1024 * 1024)
#define PACKET          1000U       /* bytes of a packet, unless a test says otherwise */
#define FIRST_SEQ       70000U

/* A sender of blocks of 16 KiB, one after the other, in packets of PACKET bytes; what was read of it. */
struct fixture {
    wmem_allocator_t *scope;
    const uint8_t    *key;          /* STREAM_SIZE bytes */
    uint8_t          *plain;        /* as many */
    uint64_t          asked;        /* bytes of key stream that were asked for */
    struct utp_hole  *hole;
    uint64_t          read;         /* packets */
    uint64_t          missing;      /* as was said of them */
    uint64_t          unreadable;
};

static bool
give_key(void *source, uint64_t offset, uint32_t size, uint8_t *out)
{
    struct fixture *fixture = (struct fixture *)source;

    fixture->asked += size;
    if (offset + size > STREAM_SIZE)
        return false;
    memcpy(out, fixture->key + offset, size);
    return true;
}

static void
set_up(struct fixture *fixture, bool blocks)
{
    static uint8_t *random_bytes;

    if (random_bytes == NULL) {
        GRand *random = g_rand_new_with_seed(20);

        random_bytes = (uint8_t *)g_malloc(2 * STREAM_SIZE);
        for (uint32_t i = 0; i < 2 * STREAM_SIZE; i += 4)
            set_be32(random_bytes + i, g_rand_int(random));
        g_rand_free(random);
    }
    memset(fixture, 0, sizeof *fixture);
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    fixture->key = random_bytes;
    fixture->plain = (uint8_t *)g_memdup2(random_bytes + STREAM_SIZE, STREAM_SIZE);
    for (uint32_t at = 300, index = 0; blocks && at + PEER_PIECE_HEADER_SIZE <= STREAM_SIZE;
            at += PEER_PIECE_HEADER_SIZE + 16384, index++) {
        set_be32(fixture->plain + at, 9 + 16384);
        fixture->plain[at + PEER_PREFIX_SIZE] = PEER_PIECE;
        set_be32(fixture->plain + at + PEER_PREFIX_SIZE + 1, index);
        set_be32(fixture->plain + at + PEER_PREFIX_SIZE + 5, 0);
    }
    fixture->hole = utp_hole_new(fixture->scope, give_key, fixture, FIRST_SEQ, 0, 0);
}

static void
tear_down(struct fixture *fixture)
{
    utp_hole_free(fixture->hole);
    wmem_destroy_allocator(fixture->scope);
    g_free(fixture->plain);
}

/* Packet number comes, counted from 0: all that can be read with it is read, and it is what was sent. */
static void
come(struct fixture *fixture, uint32_t number)
{
    uint8_t          *bytes = (uint8_t *)g_malloc(PACKET);
    struct feed_chunk chunk = { .bytes = { .data = bytes, .captured = PACKET, .reported = PACKET }, .frame = number + 1,
                                .acks_packets = true };
    struct utp_kept  *kept;

    for (uint32_t i = 0; i < PACKET; i++)
        bytes[i] = fixture->plain[number * PACKET + i] ^ fixture->key[number * PACKET + i];
    if (FIRST_SEQ + number < fixture->hole->next_seq) {
        uint64_t offset;

        g_assert_true(utp_hole_place_late(fixture->hole, FIRST_SEQ + number, PACKET, &offset));
        g_assert_cmpuint(offset, ==, (uint64_t)number * PACKET);
        fixture->read++;
        g_free(bytes);
        return;
    }
    utp_hole_add(fixture->hole, FIRST_SEQ + number, number, &chunk);
    while ((kept = utp_hole_next(fixture->hole)) != NULL) {
        g_assert_cmpuint(kept->seq, ==, fixture->hole->next_seq);
        g_assert_cmpuint(kept->seq, ==, FIRST_SEQ + kept->chunk.frame - 1);
        g_assert_cmpuint(kept->time, ==, kept->chunk.frame - 1);
        g_assert_cmpuint(fixture->hole->next_offset, ==, (kept->seq - FIRST_SEQ) * PACKET);
        g_assert_cmpuint(kept->chunk.bytes.data[7], ==, fixture->plain[fixture->hole->next_offset + 7]
                                                        ^ fixture->key[fixture->hole->next_offset + 7]);
        if (fixture->hole->has_message)
            g_assert_cmpuint((fixture->hole->message - 300) % (PEER_PIECE_HEADER_SIZE + 16384), ==, 0);
        fixture->missing += fixture->hole->missing;
        fixture->unreadable += fixture->hole->unreadable;
        fixture->read++;
        utp_hole_pass(fixture->hole, kept->chunk.bytes.reported);
        wmem_free(fixture->scope, kept);
    }
    g_free(bytes);
}

static void
come_all(struct fixture *fixture, uint32_t from, uint32_t to)
{
    for (uint32_t number = from; number < to; number++)
        come(fixture, number);
}

static void
assert_read(const struct fixture *fixture, uint64_t read, uint64_t missing, uint64_t unreadable)
{
    g_assert_cmpuint(fixture->read, ==, read);
    g_assert_cmpuint(fixture->missing, ==, missing);
    g_assert_cmpuint(fixture->unreadable, ==, unreadable);
}

/* One packet, or several, are missing: all the others are read, with the packet that has the next header of a block. */
static void
one_hole(void)
{
    for (uint32_t missing = 1; missing < 800; missing *= 3) {
        struct fixture fixture;

        set_up(&fixture, true);
        come_all(&fixture, 0, 4);
        assert_read(&fixture, 4, 0, 0);
        come_all(&fixture, 4 + missing, 40 + missing);
        assert_read(&fixture, 40, missing, 0);
        g_assert_cmpuint(fixture.hole->count, ==, 0);
        g_assert_false(fixture.hole->given_up);
        tear_down(&fixture);
    }
}

/* The missing packet comes before anything is proved: nothing is missing. Also two that come in any order. */
static void
comes_in_time(void)
{
    struct fixture fixture;

    set_up(&fixture, true);
    come_all(&fixture, 0, 1);
    come_all(&fixture, 2, 5);
    assert_read(&fixture, 1, 0, 0);
    come(&fixture, 1);
    assert_read(&fixture, 5, 0, 0);
    come(&fixture, 7);
    come(&fixture, 6);
    assert_read(&fixture, 5, 0, 0);
    come(&fixture, 5);
    assert_read(&fixture, 8, 0, 0);
    come(&fixture, 9);
    come(&fixture, 11);
    come(&fixture, 10);
    come(&fixture, 8);
    assert_read(&fixture, 12, 0, 0);
    tear_down(&fixture);
}

/* It comes later: it has the bytes that were missing, if it has as many. Of two, each, from either end. */
static void
comes_late(void)
{
    struct fixture fixture;
    uint64_t       offset;

    set_up(&fixture, true);
    come_all(&fixture, 0, 1);
    come_all(&fixture, 2, 20);
    assert_read(&fixture, 19, 1, 0);
    g_assert_false(utp_hole_place_late(fixture.hole, FIRST_SEQ + 2, PACKET, &offset));
    g_assert_false(utp_hole_place_late(fixture.hole, FIRST_SEQ + 1, PACKET - 1, &offset));
    g_assert_true(utp_hole_place_late(fixture.hole, FIRST_SEQ + 1, PACKET, &offset));
    g_assert_cmpuint(offset, ==, PACKET);
    g_assert_false(utp_hole_place_late(fixture.hole, FIRST_SEQ + 1, PACKET, &offset));

    come_all(&fixture, 24, 45);
    assert_read(&fixture, 19 + 21, 5, 0);
    g_assert_false(utp_hole_place_late(fixture.hole, FIRST_SEQ + 21, PACKET, &offset));
    g_assert_true(utp_hole_place_late(fixture.hole, FIRST_SEQ + 23, PACKET, &offset));
    g_assert_cmpuint(offset, ==, 23 * PACKET);
    g_assert_true(utp_hole_place_late(fixture.hole, FIRST_SEQ + 20, PACKET, &offset));
    g_assert_cmpuint(offset, ==, 20 * PACKET);
    g_assert_true(utp_hole_place_late(fixture.hole, FIRST_SEQ + 21, PACKET, &offset));
    g_assert_cmpuint(offset, ==, 21 * PACKET);
    g_assert_true(utp_hole_place_late(fixture.hole, FIRST_SEQ + 22, PACKET, &offset));
    g_assert_cmpuint(offset, ==, 22 * PACKET);
    tear_down(&fixture);
}

/* Another packet is missing before the first hole is closed: what is between the two cannot be read, and is said to be so. */
static void
between_two_holes(void)
{
    struct fixture fixture;

    set_up(&fixture, true);
    come_all(&fixture, 0, 2);
    come_all(&fixture, 3, 6);
    come_all(&fixture, 8, 30);
    assert_read(&fixture, 2 + 22, 3, 3);
    g_assert_cmpuint(fixture.hole->count, ==, 0);
    tear_down(&fixture);
}

/* The first hole is filled, the second not: what is between them is read. */
static void
first_of_two_is_filled(void)
{
    struct fixture fixture;

    set_up(&fixture, true);
    come_all(&fixture, 0, 2);
    come_all(&fixture, 3, 6);
    come_all(&fixture, 8, 10);
    come(&fixture, 2);
    assert_read(&fixture, 6, 0, 0);
    come_all(&fixture, 10, 30);
    assert_read(&fixture, 28, 2, 0);
    tear_down(&fixture);
}

/* The end of the message that the hole is in is known: the range of places is small then. */
static void
with_a_boundary(void)
{
    struct fixture fixture;

    set_up(&fixture, true);
    come_all(&fixture, 0, 2);
    utp_hole_set_boundary(fixture.hole, 300 + PEER_PIECE_HEADER_SIZE + 16384);
    come_all(&fixture, 3, 17);
    assert_read(&fixture, 16, 1, 0);
    tear_down(&fixture);
}

/* Nothing tells: what is kept is bounded by bytes and by packets, and too many missing packets end it. */
static void
caps(void)
{
    const struct feed_chunk packet = { .bytes = { .data = (const uint8_t *)"?", .captured = 1, .reported = 1 }, .frame = 1 };
    struct fixture          fixture;
    struct utp_kept        *kept;
    uint32_t                given_up = 0;

    set_up(&fixture, false);
    come(&fixture, 0);
    for (uint32_t number = 2; number < 2 + MSE_REALIGN_RUN_MAX / PACKET; number++)
        come(&fixture, number);
    g_assert_false(fixture.hole->full);
    for (uint32_t number = 2 + MSE_REALIGN_RUN_MAX / PACKET; number < 2000; number++) {
        come(&fixture, number);
        g_assert_cmpuint(fixture.hole->bytes, <=, MSE_REALIGN_RUN_MAX);
    }
    g_assert_true(fixture.hole->full && !fixture.hole->given_up);
    assert_read(&fixture, 1, 0, 0);
    come(&fixture, 2100);
    g_assert_false(fixture.hole->given_up);
    utp_hole_add(fixture.hole, FIRST_SEQ + 2100 + UTP_HOLE_MISSING_MAX, 0, &packet);
    g_assert_true(fixture.hole->given_up);
    while ((kept = utp_hole_give_up(fixture.hole)) != NULL) {
        wmem_free(fixture.scope, kept);
        given_up++;
    }
    g_assert_cmpuint(given_up, >, 0);
    come_all(&fixture, 3000, 3010);
    g_assert_cmpuint(fixture.hole->count, ==, 0);
    tear_down(&fixture);
}

/* After as much as is kept, the search goes on with what comes then. */
static void
goes_on_after_the_cap(void)
{
    struct fixture fixture;
    uint32_t       blocks = 300 + 20 * (PEER_PIECE_HEADER_SIZE + 16384);

    set_up(&fixture, true);
    memset(fixture.plain + 500, 0xff, blocks - 500);        /* nothing is said for 320 KiB */
    come(&fixture, 0);
    come_all(&fixture, 2, 400);
    g_assert_true(fixture.hole->full && !fixture.hole->given_up);
    g_assert_cmpuint(fixture.missing, ==, 1);
    g_assert_cmpuint(fixture.read + fixture.unreadable, ==, 399);
    g_assert_cmpuint(fixture.unreadable, <, 328);
    tear_down(&fixture);
}

/* Every tenth packet is missing, or every second one, or 100 come in the opposite order: the work is in proportion to the
 * packets. Read is what has the header of a block, and what follows it up to the next hole; or all of it. */
static void
work(void)
{
    static const uint32_t shares[] = { 10, 2 };
    static const uint32_t least[] = { 3, 40, 1 };

    for (unsigned which = 0; which < 3; which++) {
        uint64_t asked[2];

        for (unsigned size = 0; size < 2; size++) {
            struct fixture fixture;
            uint32_t       packets = size == 0 ? 1000 : 4000;

            set_up(&fixture, true);
            for (uint32_t number = 0; number < packets; number++) {
                if (which == 2)
                    come(&fixture, number % 100 == 0 ? number : number - number % 100 + 100 - number % 100);
                else if (number % shares[which] != 1)
                    come(&fixture, number);
            }
            asked[size] = fixture.asked;
            g_test_message("%u: %u packets, %" G_GUINT64_FORMAT " bytes of key stream, %" G_GUINT64_FORMAT " packets read",
                           which, packets, fixture.asked, fixture.read);
            g_assert_cmpuint(fixture.read, >=, packets / least[which]);
            tear_down(&fixture);
        }
        g_assert_cmpuint(asked[1], <, 5 * asked[0]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/utp_hole/one_hole", one_hole);
    g_test_add_func("/utp_hole/comes_in_time", comes_in_time);
    g_test_add_func("/utp_hole/comes_late", comes_late);
    g_test_add_func("/utp_hole/between_two_holes", between_two_holes);
    g_test_add_func("/utp_hole/first_of_two_is_filled", first_of_two_is_filled);
    g_test_add_func("/utp_hole/with_a_boundary", with_a_boundary);
    g_test_add_func("/utp_hole/caps", caps);
    g_test_add_func("/utp_hole/goes_on_after_the_cap", goes_on_after_the_cap);
    g_test_add_func("/utp_hole/work", work);
    return g_test_run();
}
