/* test_mse_realign.c
 * mse_realign.c: where bytes stand is found from the bytes alone, and nothing is found in random ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_realign.h"

#include <string.h>

#include "core/big_endian.h"
#include "core/peer_wire.h"

#define STREAM_SIZE     (1024U * 1024)

/* A stream of random bytes as key stream, and what its sender says after a hole. */
struct fixture {
    wmem_allocator_t   *scope;
    GRand              *random;
    uint8_t            *key;        /* STREAM_SIZE bytes */
    uint64_t            asked;      /* bytes of it that were asked for */
    uint64_t            refused;    /* from this offset on */
    GByteArray         *plain;
    struct mse_realign *realign;
};

static bool
give_key(void *source, uint64_t offset, uint32_t size, uint8_t *out)
{
    struct fixture *fixture = (struct fixture *)source;

    fixture->asked += size;
    if (offset + size > MIN(fixture->refused, STREAM_SIZE))
        return false;
    memcpy(out, fixture->key + offset, size);
    return true;
}

static void
set_up(struct fixture *fixture, uint32_t seed)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    fixture->random = g_rand_new_with_seed(seed);
    fixture->key = (uint8_t *)g_malloc(STREAM_SIZE);
    for (uint32_t i = 0; i < STREAM_SIZE; i += 4)
        set_be32(fixture->key + i, g_rand_int(fixture->random));
    fixture->refused = STREAM_SIZE;
    fixture->plain = g_byte_array_new();
    fixture->realign = mse_realign_new(fixture->scope, give_key, fixture);
}

static void
tear_down(struct fixture *fixture)
{
    mse_realign_free(fixture->realign);
    wmem_destroy_allocator(fixture->scope);
    g_rand_free(fixture->random);
    g_free(fixture->key);
    g_byte_array_free(fixture->plain, TRUE);
}

/* --- what a peer says --- */

static void
say_block_bytes(struct fixture *fixture, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)g_rand_int(fixture->random);
        g_byte_array_append(fixture->plain, &byte, 1);
    }
}

static void
say(struct fixture *fixture, uint8_t id, unsigned count, const uint32_t *numbers)
{
    uint8_t message[PEER_REQUEST_SIZE];

    set_be32(message, 1 + 4 * count);
    message[PEER_PREFIX_SIZE] = id;
    for (unsigned i = 0; i < count; i++)
        set_be32(message + PEER_PREFIX_SIZE + 1 + 4 * i, numbers[i]);
    g_byte_array_append(fixture->plain, message, PEER_PREFIX_SIZE + 1 + 4 * count);
}

static void
say_have(struct fixture *fixture, uint32_t index)
{
    say(fixture, PEER_HAVE, 1, &index);
}

static void
say_request(struct fixture *fixture, uint32_t index, uint32_t begin)
{
    const uint32_t numbers[] = { index, begin, 16384 };

    say(fixture, PEER_REQUEST, 3, numbers);
}

static void
say_piece(struct fixture *fixture, uint32_t index, uint32_t begin, uint32_t size, uint32_t there)
{
    uint8_t header[PEER_PIECE_HEADER_SIZE];

    set_be32(header, 9 + size);
    header[PEER_PREFIX_SIZE] = PEER_PIECE;
    set_be32(header + PEER_PREFIX_SIZE + 1, index);
    set_be32(header + PEER_PREFIX_SIZE + 5, begin);
    g_byte_array_append(fixture->plain, header, sizeof header);
    say_block_bytes(fixture, there);
}

/* An extended message whose payload is a piece index (BEP 54). */
static void
say_dont_have(struct fixture *fixture, uint32_t index)
{
    uint8_t message[] = { 0, 0, 0, 6, PEER_EXTENDED, 7, 0, 0, 0, 0 };

    set_be32(message + 6, index);
    g_byte_array_append(fixture->plain, message, sizeof message);
}

/* --- the search --- */

static const struct mse_realign_range usual = { .lowest = 5001, .highest = 6472, .likely = 6472 };

/* Encrypts what was said as it is at offset, and hands it over in packets of packet bytes. */
static enum mse_verdict
search(struct fixture *fixture, const struct mse_realign_range *range, uint64_t offset, uint32_t packet, uint64_t *found,
       uint64_t *boundary)
{
    enum mse_verdict verdict = MSE_MORE;

    mse_realign_begin(fixture->realign, range);
    for (uint32_t at = 0; at < fixture->plain->len && verdict == MSE_MORE; at += packet) {
        uint32_t size = MIN(packet, fixture->plain->len - at);
        uint8_t *bytes = (uint8_t *)g_malloc(size);

        for (uint32_t i = 0; i < size; i++)
            bytes[i] = fixture->plain->data[at + i] ^ fixture->key[offset + at + i];
        verdict = mse_realign_add(fixture->realign, bytes, size, size, found, boundary);
        g_free(bytes);
    }
    return verdict;
}

/* It is found where it is, with the message that begins after `first` bytes. */
static void
assert_found(struct fixture *fixture, const struct mse_realign_range *range, uint64_t offset, uint32_t packet, uint32_t first)
{
    uint64_t found = 0, boundary = 0;

    g_assert_cmpint(search(fixture, range, offset, packet, &found, &boundary), ==, MSE_YES);
    g_assert_cmpuint(found, ==, offset);
    g_assert_cmpuint(boundary, ==, offset + first);
}

static void
assert_not_found(struct fixture *fixture, const struct mse_realign_range *range, uint64_t offset, uint32_t packet)
{
    uint64_t found, boundary;

    g_assert_cmpint(search(fixture, range, offset, packet, &found, &boundary), ==, MSE_MORE);
}

/* A block ends somewhere, and another one begins: its header alone is enough, wherever it is, at each offset, for blocks of
 * each size. */
static void
header_of_a_block(void)
{
    static const uint32_t sizes[] = { 1024, 4096, 16384, 32768 };

    for (unsigned i = 0; i < 40; i++) {
        struct fixture fixture;
        uint32_t       rest, offset;

        set_up(&fixture, i);
        rest = (uint32_t)g_rand_int_range(fixture.random, 0, 16384);
        offset = (uint32_t)g_rand_int_range(fixture.random, (gint32)usual.lowest, (gint32)usual.highest + 1);
        say_block_bytes(&fixture, rest);
        say_piece(&fixture, 1 + i % 32, 0, sizes[i % 4], 10);
        assert_found(&fixture, &usual, offset, 1400, rest);
        tear_down(&fixture);
    }
}

/* The first and the last offset of the range, and one byte beyond each. */
static void
ends_of_the_range(void)
{
    for (int beyond = 0; beyond < 2; beyond++) {
        for (int last = 0; last < 2; last++) {
            struct fixture fixture;
            uint64_t       offset = last ? usual.highest + (unsigned)beyond : usual.lowest - (unsigned)beyond;

            set_up(&fixture, 7);
            say_block_bytes(&fixture, 900);
            say_piece(&fixture, 77, 0, 16384, 1000);
            if (beyond)
                assert_not_found(&fixture, &usual, offset, 500);
            else
                assert_found(&fixture, &usual, offset, 500, 900);
            tear_down(&fixture);
        }
    }
}

/* Small messages that say enough together, cut into packets of any size. */
static void
small_messages(void)
{
    for (uint32_t packet = 1; packet < 60; packet++) {
        struct fixture fixture;

        set_up(&fixture, packet);
        say_block_bytes(&fixture, 40);
        say_request(&fixture, 3, 16384);
        say_have(&fixture, 4);
        say_dont_have(&fixture, 5);
        assert_found(&fixture, &usual, 5555, packet, 40);
        tear_down(&fixture);
    }
}

/* One small message that is all of the packet after the hole: DontHave, Request, Have. An Unchoke is not enough, nor is a
 * keep-alive; with what follows them they are. */
static void
one_message(void)
{
    struct fixture fixture;

    for (unsigned i = 0; i < 5; i++) {
        set_up(&fixture, i);
        switch (i) {
        case 0:
            say_dont_have(&fixture, 1000);
            break;
        case 1:
            say_have(&fixture, 1000);
            break;
        case 2:
            say_request(&fixture, 1000, 32768);
            break;
        case 3:
            say(&fixture, PEER_UNCHOKE, 0, NULL);
            break;
        default:
            g_byte_array_append(fixture.plain, (const uint8_t *)"\0\0\0\0", 4);
            break;
        }
        if (i < 3) {
            assert_found(&fixture, &usual, 6000, 1400, 0);
        } else {
            assert_not_found(&fixture, &usual, 6000, 1400);
            say_have(&fixture, 9);
            assert_found(&fixture, &usual, 6000, 1400, 0);
        }
        tear_down(&fixture);
    }
}

/* Where the message that was cut by the hole is known to end, there is little to choose from: a Have in the middle of a packet
 * is enough, and is not without that. */
static void
known_boundary(void)
{
    struct mse_realign_range range = usual;
    struct fixture           fixture;

    set_up(&fixture, 3);
    say_block_bytes(&fixture, 3000);
    say_have(&fixture, 200);
    say_block_bytes(&fixture, 20);      /* what comes then has no legal length: nothing more is learned from it */
    assert_not_found(&fixture, &usual, 5300, 1400);
    range.has_boundary = true;
    range.boundary = 5300 + 3000;
    assert_found(&fixture, &range, 5300, 1400, 3000);
    tear_down(&fixture);
}

/* A message that no client knows ends a chain; the messages after it are a chain of their own. */
static void
unknown_message(void)
{
    struct fixture fixture;

    set_up(&fixture, 4);
    say(&fixture, PEER_UNCHOKE, 0, NULL);
    say(&fixture, 99, 0, NULL);
    say_request(&fixture, 3, 0);
    assert_found(&fixture, &usual, 5100, 1400, 10);
    tear_down(&fixture);
}

/* Zeros in the middle of a block are no keep-alives: of those, two in a row are none. */
static void
zeros_of_a_block(void)
{
    static const uint8_t zeros[200];
    struct fixture       fixture;

    set_up(&fixture, 6);
    say_block_bytes(&fixture, 500);
    g_byte_array_append(fixture.plain, zeros, sizeof zeros);
    say_block_bytes(&fixture, 500);
    assert_not_found(&fixture, &usual, 5100, 1400);
    tear_down(&fixture);
}

/* Bytes that were not captured are no evidence, and do not stand in the way of what follows them. */
static void
cut_packet(void)
{
    struct fixture fixture;
    uint64_t       found, boundary;
    uint8_t        bytes[500];

    set_up(&fixture, 5);
    say_block_bytes(&fixture, 500);
    say_piece(&fixture, 3, 0, 16384, 487);
    mse_realign_begin(fixture.realign, &usual);
    for (unsigned number = 0; number < 2; number++) {
        for (uint32_t i = 0; i < 500; i++)
            bytes[i] = fixture.plain->data[500 * number + i] ^ fixture.key[5700 + 500 * number + i];
        g_assert_cmpint(mse_realign_add(fixture.realign, bytes, number == 0 ? 100 : 500, 500, &found, &boundary), ==,
                        number == 0 ? MSE_MORE : MSE_YES);
    }
    g_assert_cmpuint(found, ==, 5700);
    g_assert_cmpuint(boundary, ==, 6200);
    tear_down(&fixture);
}

/* Random bytes are never taken for messages, however long and however wide the range: and the key stream is made once. */
static void
random_bytes_only(void)
{
    const struct mse_realign_range widest = { .lowest = 10, .highest = 10 + MSE_REALIGN_RANGE_MAX, .likely = 1000 };

    for (unsigned i = 0; i < 8; i++) {
        struct fixture fixture;

        set_up(&fixture, 100 + i);
        say_block_bytes(&fixture, MSE_REALIGN_RUN_MAX);
        assert_not_found(&fixture, i % 2 ? &widest : &usual, 6000, 1400);
        g_assert_cmpuint(fixture.asked, ==, MSE_REALIGN_RUN_MAX + (i % 2 ? MSE_REALIGN_RANGE_MAX : 6472 - 5001));
        tear_down(&fixture);
    }
}

/* A wide range after many missing packets. */
static void
wide_range(void)
{
    const struct mse_realign_range widest = { .lowest = 10, .highest = 10 + MSE_REALIGN_RANGE_MAX, .likely = 1000 };
    struct fixture                 fixture;

    set_up(&fixture, 6);
    say_block_bytes(&fixture, 5000);
    say_piece(&fixture, 12, 0, 16384, 400);
    assert_found(&fixture, &widest, 234567, 1400, 5000);
    tear_down(&fixture);
}

/* What ends a search: a run beyond the cap, and no key stream. Afterwards another one can begin. Of a range beyond the cap the
 * end is searched. */
static void
limits(void)
{
    const struct mse_realign_range range = { .lowest = 10, .highest = 110 + MSE_REALIGN_RANGE_MAX };
    struct fixture                 fixture;
    uint64_t                       found, boundary;

    set_up(&fixture, 8);
    g_assert_cmpint(mse_realign_add(fixture.realign, fixture.key, 10, 10, &found, &boundary), ==, MSE_NO);

    say_block_bytes(&fixture, MSE_REALIGN_RUN_MAX + 1);
    g_assert_cmpint(search(&fixture, &usual, 6000, 1400, &found, &boundary), ==, MSE_NO);
    fixture.refused = 7000;
    g_assert_cmpint(search(&fixture, &usual, 6000, 1400, &found, &boundary), ==, MSE_NO);
    fixture.refused = STREAM_SIZE;

    g_byte_array_set_size(fixture.plain, 0);
    say_request(&fixture, 8, 16384);
    assert_found(&fixture, &usual, 6000, 1400, 0);
    assert_not_found(&fixture, &range, 109, 1400);
    assert_found(&fixture, &range, 110, 1400, 0);
    assert_found(&fixture, &range, 110 + MSE_REALIGN_RANGE_MAX, 1400, 0);
    tear_down(&fixture);
}

/* The key stream of the search decrypts what was searched, and some bytes more, until it is given back. */
static void
decrypts(void)
{
    struct fixture fixture;
    uint8_t        in[4000], out[4000];

    set_up(&fixture, 9);
    say_request(&fixture, 8, 16384);
    say_block_bytes(&fixture, 983);
    assert_found(&fixture, &usual, 6000, 1000, 0);
    memcpy(in, fixture.key + 6000, sizeof in);
    g_assert_cmpuint(mse_realign_decrypt(fixture.realign, 6000, in, sizeof in, out), ==, 6472 + 1000 - 6000);
    for (uint32_t i = 0; i < 6472 + 1000 - 6000; i++)
        g_assert_cmpuint(out[i], ==, 0);
    g_assert_cmpuint(mse_realign_decrypt(fixture.realign, 5000, in, 10, out), ==, 0);
    g_assert_cmpuint(mse_realign_decrypt(fixture.realign, 7472, in, 10, out), ==, 0);
    mse_realign_forget(fixture.realign, 7471);
    g_assert_cmpuint(mse_realign_decrypt(fixture.realign, 7470, in, 10, out), ==, 2);
    mse_realign_forget(fixture.realign, 7472);
    g_assert_cmpuint(mse_realign_decrypt(fixture.realign, 7470, in, 10, out), ==, 0);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mse_realign/header_of_a_block", header_of_a_block);
    g_test_add_func("/mse_realign/ends_of_the_range", ends_of_the_range);
    g_test_add_func("/mse_realign/small_messages", small_messages);
    g_test_add_func("/mse_realign/one_message", one_message);
    g_test_add_func("/mse_realign/known_boundary", known_boundary);
    g_test_add_func("/mse_realign/unknown_message", unknown_message);
    g_test_add_func("/mse_realign/zeros_of_a_block", zeros_of_a_block);
    g_test_add_func("/mse_realign/cut_packet", cut_packet);
    g_test_add_func("/mse_realign/random_bytes_only", random_bytes_only);
    g_test_add_func("/mse_realign/wide_range", wide_range);
    g_test_add_func("/mse_realign/limits", limits);
    g_test_add_func("/mse_realign/decrypts", decrypts);
    return g_test_run();
}
