/* test_mse_rc4.c
 * mse_rc4.c: the right bytes in any order, and what that costs: bytes of key stream, and of memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_rc4.h"
#include "mse_peers.h"

/* A cipher handle of libgcrypt 1.10, and what a stream may take: 1 % of the bytes decrypted, and a constant. */
#define RUNNER_SIZE     3000U
#define CONSTANT_SIZE   (MSE_RC4_STEP_MAX + 8U * 1024)

struct fixture {
    wmem_allocator_t *scope;
    struct mse_rc4   *rc4;
    uint8_t           key[20];
    uint8_t          *stream;   /* the key stream, by position */
    uint32_t          size;
};

static void
set_up(struct fixture *fixture, uint32_t size)
{
    struct reference_rc4 reference;

    for (unsigned i = 0; i < 20; i++)
        fixture->key[i] = (uint8_t)(7 * i + 1);
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    fixture->rc4 = mse_rc4_new(fixture->scope, fixture->key);
    fixture->size = size;
    fixture->stream = (uint8_t *)g_malloc(size);
    reference_rc4_init(&reference, fixture->key);
    for (uint32_t i = 0; i < size; i++)
        fixture->stream[i] = reference_rc4_next(&reference);
}

static void
tear_down(struct fixture *fixture)
{
    mse_rc4_free(fixture->rc4);
    wmem_destroy_allocator(fixture->scope);
    g_free(fixture->stream);
}

static size_t
memory(const struct mse_rc4 *rc4)
{
    return sizeof *rc4 + rc4->recent_room + rc4->runner_count * RUNNER_SIZE
           + (rc4->runners != NULL ? MSE_RC4_RUNNERS_MAX * (size_t)16 : 0);
}

/* Decrypts size bytes at position, of a text that says where it is, and looks at the result. */
static void
decrypt(struct fixture *fixture, uint64_t position, uint32_t size)
{
    uint8_t *text = (uint8_t *)g_malloc(MAX(size, 1));

    for (uint32_t i = 0; i < size; i++)
        text[i] = (uint8_t)(fixture->stream[position + i] ^ (position + i));
    g_assert_true(mse_rc4_decrypt(fixture->rc4, position, text, size, text));
    for (uint32_t i = 0; i < size; i++)
        g_assert_cmphex(text[i], ==, (uint8_t)(position + i));
    g_free(text);
}

static void
pass(struct fixture *fixture, uint32_t size)
{
    for (uint32_t at = 0; at < fixture->size; at += size)
        decrypt(fixture, at, MIN(size, fixture->size - at));
}

/* The key stream against another implementation, in Python. The key is SHA1("keyA" and 116 zeros). */
static void
known_bytes(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_key    key = { { 0 }, { 0 } };
    uint8_t           hash[20], zeros[16] = { 0 }, out[16];
    GByteArray       *expected = bytes_from_hex("e176a30d928ef5db442eb306d1931955");

    mse_hash_rc4_key(&key, 'A', hash);
    struct mse_rc4 *rc4 = mse_rc4_new(scope, hash);
    g_assert_true(mse_rc4_decrypt(rc4, 0, zeros, 16, out));
    g_assert_cmpmem(out, 16, expected->data, 16);
    g_byte_array_unref(expected);
    mse_rc4_free(rc4);
    wmem_destroy_allocator(scope);
}

/* A pass costs the stream and the discarded bytes, whatever the size of the packets; so does each further one. */
static void
passes(void)
{
    static const uint32_t sizes[] = { 7, 1460, 65536, 2500000 };
    struct fixture        fixture;

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        set_up(&fixture, 2500000);
        for (unsigned number = 1; number <= 4; number++) {
            pass(&fixture, sizes[i]);
            g_assert_cmpuint(fixture.rc4->generated, ==, number * (fixture.size + MSE_RC4_DISCARDED));
        }
        g_assert_cmpuint(memory(fixture.rc4), <=, fixture.size / 100 + CONSTANT_SIZE);
        tear_down(&fixture);
    }
}

/* A runner that another pass left at the end is the first that goes back to the start. */
static void
runners_of_passes(void)
{
    struct fixture fixture;

    set_up(&fixture, 9000000);
    for (unsigned number = 0; number < 4; number++)
        pass(&fixture, 65536);
    g_assert_cmpuint(fixture.rc4->runner_count, ==, 2);
    tear_down(&fixture);
}

/* Nothing of a stream that is not used; little of one that is short. */
static void
short_streams(void)
{
    struct fixture fixture;

    set_up(&fixture, 600);
    g_assert_null(fixture.rc4->runners);
    g_assert_null(fixture.rc4->recent);
    decrypt(&fixture, 0, 0);
    g_assert_null(fixture.rc4->runners);
    pass(&fixture, 200);
    g_assert_cmpuint(memory(fixture.rc4), <=, RUNNER_SIZE + 1600);
    mse_rc4_rest(fixture.rc4);
    g_assert_cmpuint(memory(fixture.rc4), ==, sizeof *fixture.rc4);
    pass(&fixture, 200);
    g_assert_cmpuint(fixture.rc4->generated, ==, 2 * (fixture.size + MSE_RC4_DISCARDED));
    tear_down(&fixture);
}

/* As TCP has it: a segment ends in a message, which comes again as a whole with the next segment. */
static void
small_steps_back(void)
{
    struct fixture fixture;

    set_up(&fixture, 4000000);
    for (uint32_t at = 0; at + 1460 <= fixture.size; at += 1460) {
        uint32_t step = MIN(at, 17 + at % 1300);
        decrypt(&fixture, at - step, step + 1460);
    }
    g_assert_cmpuint(fixture.rc4->generated, <=, fixture.size + MSE_RC4_DISCARDED);

    /* Further than what is kept at first: made room for once. */
    uint64_t before = fixture.rc4->generated;
    for (unsigned round = 0; round < 100; round++)
        decrypt(&fixture, fixture.size - 30000, 30000);
    g_assert_cmpuint(fixture.rc4->generated - before, <=, fixture.size + MSE_RC4_DISCARDED);
    g_assert_cmpuint(memory(fixture.rc4), <=, fixture.size / 100 + CONSTANT_SIZE);
    tear_down(&fixture);
}

/* Holes are stepped over once. */
static void
holes(void)
{
    struct fixture fixture;

    set_up(&fixture, 4000000);
    for (uint32_t at = 0; at < fixture.size; at += 14600)
        decrypt(&fixture, at, 1460);
    g_assert_cmpuint(fixture.rc4->generated, <=, fixture.size + MSE_RC4_DISCARDED);
    tear_down(&fixture);
}

/* Backwards: n * n / (2 * room of recent). */
static void
backwards(void)
{
    struct fixture fixture;

    set_up(&fixture, 2000000);
    pass(&fixture, 1460);
    uint64_t before = fixture.rc4->generated;
    for (uint32_t at = fixture.size; at >= 1000; at -= 1000)
        decrypt(&fixture, at - 1000, 1000);
    uint64_t cost = fixture.rc4->generated - before;
    g_test_message("%.1f times the stream", (double)cost / fixture.size);
    g_assert_cmpuint(cost, <=, (uint64_t)fixture.size * fixture.size / (2 * MSE_RC4_STEP_MAX) * 5 / 4);
    g_assert_cmpuint(memory(fixture.rc4), <=, fixture.size / 100 + CONSTANT_SIZE);
    tear_down(&fixture);
}

/* Random access, after a first pass and in its place: about n / runners each on the average. */
static void
anywhere(const void *first_pass)
{
    enum { TIMES = 400 };
    struct fixture fixture;
    GRand         *random = g_rand_new_with_seed(11);

    set_up(&fixture, 20000000);
    if (first_pass != NULL)
        pass(&fixture, 65536);
    uint64_t before = fixture.rc4->generated, worst = 0;
    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t one = fixture.rc4->generated;
        uint32_t at = (uint32_t)g_rand_int_range(random, 0, (gint32)fixture.size - 1460);
        decrypt(&fixture, at, 1460);
        one = fixture.rc4->generated - one;
        g_assert_cmpuint(one, <=, at + 1460 + fixture.rc4->recent_room + MSE_RC4_DISCARDED);
        worst = MAX(worst, one);
    }
    uint64_t mean = (fixture.rc4->generated - before) / TIMES;
    g_test_message("mean %.3f, worst %.3f of the stream, %u runners", (double)mean / fixture.size,
                   (double)worst / fixture.size, fixture.rc4->runner_count);
    g_assert_cmpuint(mean, <=, 3 * (uint64_t)fixture.size / 2 / fixture.rc4->runner_count);
    g_assert_cmpuint(memory(fixture.rc4), <=, fixture.size / 100 + CONSTANT_SIZE);

    /* The front of the capture was not lost to that. */
    before = fixture.rc4->generated;
    if (first_pass != NULL) {
        decrypt(&fixture, fixture.size - 1, 1);
        g_assert_cmpuint(fixture.rc4->generated - before, <=, fixture.size + MSE_RC4_DISCARDED);
    }
    g_rand_free(random);
    tear_down(&fixture);
}

/* A capture that goes on while somebody looks at its older packets: the front is where it was. */
static void
live(void)
{
    struct fixture fixture;
    uint64_t       looks = 0;

    set_up(&fixture, 20000000);
    for (uint32_t at = 0; at < fixture.size; at += 20000) {
        uint64_t before = fixture.rc4->generated;
        decrypt(&fixture, at, 20000);
        if (at >= MSE_RC4_RUNNER_SPAN)
            g_assert_cmpuint(fixture.rc4->generated - before, <=, 20000);
        before = fixture.rc4->generated;
        if (at % 1000000 == 0)
            decrypt(&fixture, at / 3, 1460);
        looks += fixture.rc4->generated - before;
    }
    g_test_message("%.2f times the stream for 20 looks", (double)looks / fixture.size);
    tear_down(&fixture);
}

/* Any order and sizes; every byte is right. */
static void
any_order(void)
{
    struct fixture fixture;
    GRand         *random = g_rand_new_with_seed(5);

    set_up(&fixture, 3000000);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t at = (uint32_t)g_rand_int_range(random, 0, (gint32)fixture.size);
        uint32_t limit = i % 3 == 0 ? 100000 : 2000;
        uint32_t size = (uint32_t)g_rand_int_range(random, 0, (gint32)MIN(limit, fixture.size - at));
        decrypt(&fixture, at, size);
        if (i % 4 == 0 && at >= 500)
            decrypt(&fixture, at - 500, 500);
    }
    g_rand_free(random);
    tear_down(&fixture);
}

/* A wild position is refused and costs nothing; what was decrypted extends the reach. */
static void
reach(void)
{
    struct fixture fixture;
    uint8_t        byte = 0;

    set_up(&fixture, 100000);
    g_assert_false(mse_rc4_decrypt(fixture.rc4, MSE_RC4_REACH + 1000 * MSE_RC4_REACH_SHARE, &byte, 1, &byte));
    g_assert_false(mse_rc4_decrypt(fixture.rc4, UINT64_MAX - 1, &byte, 1, &byte));
    g_assert_cmpuint(fixture.rc4->generated, ==, 0);
    pass(&fixture, 1000);
    g_assert_true(mse_rc4_decrypt(fixture.rc4, MSE_RC4_REACH + 1000 * MSE_RC4_REACH_SHARE, &byte, 1, &byte));
    g_assert_false(mse_rc4_decrypt(fixture.rc4, MSE_RC4_REACH + 1000000 * MSE_RC4_REACH_SHARE, &byte, 1, &byte));
    pass(&fixture, 1000);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_rc4/known_bytes", known_bytes);
    g_test_add_func("/mse_rc4/passes", passes);
    g_test_add_func("/mse_rc4/runners_of_passes", runners_of_passes);
    g_test_add_func("/mse_rc4/short_streams", short_streams);
    g_test_add_func("/mse_rc4/small_steps_back", small_steps_back);
    g_test_add_func("/mse_rc4/holes", holes);
    g_test_add_func("/mse_rc4/backwards", backwards);
    g_test_add_data_func("/mse_rc4/anywhere/later", "first pass", anywhere);
    g_test_add_data_func("/mse_rc4/anywhere/at_once", NULL, anywhere);
    g_test_add_func("/mse_rc4/live", live);
    g_test_add_func("/mse_rc4/any_order", any_order);
    g_test_add_func("/mse_rc4/reach", reach);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
