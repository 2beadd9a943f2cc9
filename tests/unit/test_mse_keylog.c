/* test_mse_keylog.c
 * mse_keylog.c and mse_hash.c: lines, good and bad, cut anywhere; look-ups; many keys; the cap.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdio.h>

#include "core/mse_keylog.h"
#include "mse_peers.h"

/* The bar for a key that is kept, of 116 bytes. */
#define BYTES_PER_KEY_MAX   140U

#define S_16    "000102030405060708090a0b0c0d0e0f"
#define S_96    S_16 S_16 S_16 S_16 S_16 S_16
#define SKEY    "a1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9c0"
#define SKEY_2  "a1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9c1"

/* --- hashes, computed by another implementation (Python's hashlib) --- */

static void
hashes(void)
{
    struct mse_key key;
    uint8_t        hash[20];
    GByteArray    *bytes;

    for (unsigned i = 0; i < 96; i++)
        key.secret[i] = (uint8_t)(i % 16);
    bytes = bytes_from_hex(SKEY);
    memcpy(key.info_hash, bytes->data, 20);
    g_byte_array_unref(bytes);

#define ASSERT_HASH(hex)                            \
    bytes = bytes_from_hex(hex);                    \
    g_assert_cmpmem(hash, 20, bytes->data, 20);     \
    g_byte_array_unref(bytes)

    mse_hash_req1(&key, hash);
    ASSERT_HASH("e88f914ed7a39866ccf786434903d4f00e45d91d");
    mse_hash_req2(&key, hash);
    ASSERT_HASH("1aeac24ee3987b83a2cede397ecbacf3e0bc14b3");
    mse_hash_rc4_key(&key, 'A', hash);
    ASSERT_HASH("3251ca61d012702aa890a0d41d2c43063c23f1de");
    mse_hash_rc4_key(&key, 'B', hash);
    ASSERT_HASH("0fdc94d133d78700923756816ecb99242bd05aa2");
}

/* --- lines --- */

struct line {
    const char *name;
    const char *text;
    unsigned    keys;
    unsigned    bad_lines;
};

static const struct line lines[] = {
    { "nothing", "", 0, 0 },
    { "key", "MSE " S_96 " " SKEY "\n", 1, 0 },
    { "no newline yet", "MSE " S_96 " " SKEY, 0, 0 },
    { "carriage return", "MSE " S_96 " " SKEY "\r\n", 1, 0 },
    { "blanks", "MSE \t " S_96 "\t\t" SKEY " \t\n", 1, 0 },
    { "comment after it", "MSE " S_96 " " SKEY " # seed\nMSE " S_96 " " SKEY "# seed\n", 1, 0 },
    { "twice", "MSE " S_96 " " SKEY "\nMSE " S_96 " " SKEY "\n", 1, 0 },

    /* Not ours. */
    { "comments", "# MSE " S_96 " " SKEY "\n#\n\n", 0, 0 },
    { "another log", "CLIENT_RANDOM 00 11\nMSEX " S_96 " " SKEY "\nMS\nM\nmse " S_96 " " SKEY "\n", 0, 0 },
    { "indented", " MSE " S_96 " " SKEY "\n", 0, 0 },

    /* Bad. */
    { "word alone", "MSE\nMSE \nMSE\r\n", 0, 3 },
    { "no info hash", "MSE " S_96 "\nMSE " S_96 " \n", 0, 2 },
    { "secret one digit short", "MSE 0" S_16 S_16 S_16 S_16 S_16 "0102030405060708090a0b0c0d0e0f " SKEY "\n", 0, 1 },
    { "secret one digit long", "MSE 0" S_96 " " SKEY "\n", 0, 1 },
    { "secret too long, no blank", "MSE " S_96 SKEY "\n", 0, 1 },
    { "info hash too short", "MSE " S_96 " a1a2\n", 0, 1 },
    { "info hash too long", "MSE " S_96 " " SKEY "0\n", 0, 1 },
    { "no digit", "MSE " S_96 " x1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9c0\n", 0, 1 },
    { "blank in the secret", "MSE " S_16 " " S_96 " " SKEY "\n", 0, 1 },
    { "comment instead", "MSE # none\nMSE " S_96 " # none\n", 0, 2 },
    { "text after it", "MSE " S_96 " " SKEY " seed\n", 0, 1 },
    { "then a good one", "MSE 00\nMSE " S_96 " " SKEY "\nMSE x\n", 1, 2 },
    { "carriage returns", "# log\r\n\r\nMSE " S_96 " " SKEY " # seed\r\nMSE " S_96 " " SKEY_2 "\r\n", 2, 0 },

    /* As an editor may save it. */
    { "byte order mark", "\xef\xbb\xbfMSE " S_96 " " SKEY "\r\n", 1, 0 },
    { "byte order mark, comment", "\xef\xbb\xbf# log\r\nMSE " S_96 " " SKEY "\r\n", 1, 0 },
    { "half a byte order mark", "\xef\xbbMSE " S_96 " " SKEY "\nMSE " S_96 " " SKEY_2 "\n", 1, 0 },
    { "nothing but a byte order mark", "\xef\xbb\xbf", 0, 0 },
    { "the mark in the first line only", "\n\xef\xbb\xbfMSE " S_96 " " SKEY "\n", 0, 0 },
    { "two marks", "\xef\xbb\xbf\xef\xbb\xbfMSE " S_96 " " SKEY "\n", 0, 0 },
    { "a word is cut after the mark", "\xef\xbb\xbfMSE\n", 0, 1 },
    { "a mark is no word", "\xef\xbb\xbf\n\xef\xbb\xbf\n", 0, 0 },

    { "another info hash", "MSE " S_96 " " SKEY "\nMSE " S_96 " " SKEY_2 "\nMSE " S_96 " " SKEY "\n", 2, 0 },
};

/* Each text whole, cut in two at every byte, and byte by byte. */
static void
line(const void *data)
{
    const struct line *test = (const struct line *)data;
    size_t             size = strlen(test->text);

    for (size_t cut = 0; cut <= size + 1; cut++) {
        wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct mse_keylog *keylog = mse_keylog_new(scope, MSE_KEYLOG_KEYS_MAX);

        if (cut <= size) {
            mse_keylog_feed(keylog, test->text, cut);
            mse_keylog_feed(keylog, test->text + cut, size - cut);
        } else {
            for (size_t i = 0; i < size; i++)
                mse_keylog_feed(keylog, test->text + i, 1);
        }
        g_assert_cmpuint(keylog->count, ==, test->keys);
        g_assert_cmpuint(keylog->bad_lines, ==, test->bad_lines);
        mse_keylog_free(keylog);
        wmem_destroy_allocator(scope);
    }
}

/* Upper case digits are the same key. */
static void
digits(void)
{
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_keylog *keylog = mse_keylog_new(scope, MSE_KEYLOG_KEYS_MAX);
    char              *upper = g_ascii_strup("MSE " S_96 " " SKEY "\n", -1);
    uint8_t            req1[20], secret[96];

    mse_keylog_feed(keylog, upper, strlen(upper));
    for (unsigned i = 0; i < 96; i++)
        secret[i] = (uint8_t)(i % 16);
    reference_hash("req1", secret, NULL, req1);
    g_assert_cmpmem(mse_keylog_find(keylog, req1, NULL)->secret, 96, secret, 96);
    g_assert_cmphex(mse_keylog_find(keylog, req1, NULL)->info_hash[19], ==, 0xc0);
    req1[19] ^= 1;
    g_assert_null(mse_keylog_find(keylog, req1, NULL));
    g_free(upper);
    mse_keylog_free(keylog);
    wmem_destroy_allocator(scope);
}

/* A last line without a newline counts when the text ends, once, and may go on. */
static void
flush(void)
{
    static const char  text[] = "MSE " S_96 " " SKEY;
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_keylog *keylog = mse_keylog_new(scope, MSE_KEYLOG_KEYS_MAX);

    mse_keylog_feed(keylog, text, sizeof text - 2);     /* one digit is missing */
    mse_keylog_flush(keylog);
    g_assert_cmpuint(keylog->count, ==, 0);
    mse_keylog_feed(keylog, text + sizeof text - 2, 1);
    mse_keylog_flush(keylog);
    mse_keylog_flush(keylog);
    g_assert_cmpuint(keylog->count, ==, 1);
    mse_keylog_feed(keylog, " # comment", 10);
    mse_keylog_flush(keylog);
    mse_keylog_feed(keylog, "\nMSE 0123", 9);
    g_assert_cmpuint(keylog->bad_lines, ==, 0);

    /* The file was replaced: the rest of the old line is not waited for. */
    mse_keylog_restart(keylog);
    mse_keylog_feed(keylog, text, sizeof text - 1);
    mse_keylog_feed(keylog, "\n", 1);
    g_assert_cmpuint(keylog->count, ==, 1);
    g_assert_cmpuint(keylog->bad_lines, ==, 0);

    /* A line that is bad at the end of the text, one info hash too many, is counted once, too. */
    for (unsigned n = 1; n <= MSE_KEYLOG_SAME_MAX; n++) {
        mse_keylog_feed(keylog, text, sizeof text - 2);
        mse_keylog_feed(keylog, &"0123456789"[n], 1);
        mse_keylog_flush(keylog);
        mse_keylog_feed(keylog, "\n", 1);
    }
    g_assert_cmpuint(keylog->count, ==, MSE_KEYLOG_SAME_MAX);
    g_assert_cmpuint(keylog->bad_lines, ==, 1);
    mse_keylog_free(keylog);
    wmem_destroy_allocator(scope);
}

/* --- many keys --- */

/* Line number n: S is n and zeros. Returns its length. */
static size_t
make_line(char text[256], uint32_t n)
{
    memset(text, '0', 255);
    memcpy(text, "MSE ", 4);
    text[4 + 192] = ' ';
    text[237] = '\n';
    for (unsigned i = 0; i < 8; i++)
        text[4 + i] = "0123456789abcdef"[n >> (28 - 4 * i) & 15];
    return 238;
}

static void
make_req1(uint32_t n, uint8_t req1[20])
{
    uint8_t secret[96] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

    reference_hash("req1", secret, NULL, req1);
}

/* The bytes that a key log has allocated, from its fields. */
static size_t
memory(const struct mse_keylog *keylog)
{
    size_t slabs = (keylog->count + 127) / 128, room = 1;

    while (room < slabs)
        room *= 2;
    return slabs * 128 * sizeof(struct mse_key) + room * sizeof *keylog->slabs + keylog->slot_count * (size_t)8;
}

/* Each is found, no other is; lines that come again take no memory; a key takes little. */
static void
many(void)
{
    enum { COUNT = 100000 };
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_keylog *keylog = mse_keylog_new(scope, MSE_KEYLOG_KEYS_MAX);
    char               text[256];
    uint8_t            req1[20];
    size_t             taken = 0;

    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t n = 0; n < COUNT; n++)
            mse_keylog_feed(keylog, text, make_line(text, n));
        g_assert_cmpuint(keylog->count, ==, COUNT);
        if (round == 0)
            taken = memory(keylog);
        g_assert_cmpuint(memory(keylog), ==, taken);
    }
    g_assert_cmpuint(keylog->bad_lines + keylog->left_out, ==, 0);
    g_test_message("%.1f bytes a key", (double)memory(keylog) / COUNT);
    g_assert_cmpuint(memory(keylog), <=, (size_t)COUNT * BYTES_PER_KEY_MAX);
    for (uint32_t n = 0; n < COUNT; n += 7) {
        make_req1(n, req1);
        const struct mse_key *key = mse_keylog_find(keylog, req1, NULL);
        g_assert_nonnull(key);
        g_assert_cmpuint(key->secret[2] << 8 | key->secret[3], ==, n & 0xffff);
        make_req1(COUNT + n, req1);
        g_assert_null(mse_keylog_find(keylog, req1, NULL));
    }
    mse_keylog_free(keylog);
    wmem_destroy_allocator(scope);
}

/* A look-up and a line take constant time: hardly more slots are tried among many keys than among few. */
static void
short_chains(void)
{
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_keylog *keylog = mse_keylog_new(scope, MSE_KEYLOG_KEYS_MAX);
    char               text[256];
    uint32_t           longest = 0, run = 0;

    /* The fullest that the table gets: three slots of four. */
    for (uint32_t n = 0; n < 3 * 65536; n++)
        mse_keylog_feed(keylog, text, make_line(text, n));
    g_assert_cmpuint(keylog->slot_count, ==, 4 * 65536);
    for (uint32_t i = 0; i < keylog->slot_count; i++) {
        /* struct mse_keylog_slot: the second of its two numbers is 0 where it is empty. */
        run = ((const uint32_t *)keylog->slots)[2 * i + 1] == 0 ? 0 : run + 1;
        longest = MAX(longest, run);
    }
    g_test_message("longest chain: %u", longest);
    g_assert_cmpuint(longest, <, 400);
    mse_keylog_free(keylog);
    wmem_destroy_allocator(scope);
}

/* All info hashes of a secret are found, up to the limit, and none for another one. */
static void
several_info_hashes(void)
{
    wmem_allocator_t     *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_keylog    *keylog = mse_keylog_new(scope, MSE_KEYLOG_KEYS_MAX);
    const struct mse_key *key = NULL;
    char                  text[256];
    uint8_t               req1[20];
    unsigned              found = 0;

    for (uint32_t n = 0; n < 100; n++)      /* the table grows meanwhile */
        mse_keylog_feed(keylog, text, make_line(text, n));
    for (unsigned n = 0; n < MSE_KEYLOG_SAME_MAX + 2; n++) {
        size_t size = make_line(text, 7);
        text[size - 2] = "0123456789abcdef"[n];     /* one of them is the one that is there */
        mse_keylog_feed(keylog, text, size);
    }
    make_req1(7, req1);
    while ((key = mse_keylog_find(keylog, req1, key)) != NULL)
        found++;
    g_assert_cmpuint(found, ==, MSE_KEYLOG_SAME_MAX);
    g_assert_cmpuint(keylog->count, ==, 99 + MSE_KEYLOG_SAME_MAX);
    g_assert_cmpuint(keylog->bad_lines, >=, 1);
    make_req1(8, req1);
    key = mse_keylog_find(keylog, req1, NULL);
    g_assert_nonnull(key);
    g_assert_null(mse_keylog_find(keylog, req1, key));
    mse_keylog_free(keylog);
    wmem_destroy_allocator(scope);
}

static void
cap(void)
{
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_keylog *keylog = mse_keylog_new(scope, 200);
    char               text[256];
    uint8_t            req1[20];

    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t n = 0; n < 250; n++)
            mse_keylog_feed(keylog, text, make_line(text, n));
    }
    g_assert_cmpuint(keylog->count, ==, 200);
    g_assert_cmpuint(keylog->left_out, ==, 100);
    make_req1(199, req1);
    g_assert_nonnull(mse_keylog_find(keylog, req1, NULL));
    make_req1(200, req1);
    g_assert_null(mse_keylog_find(keylog, req1, NULL));
    mse_keylog_free(keylog);
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_keylog/hashes", hashes);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        char *path = g_strdup_printf("/mse_keylog/line/%s", lines[i].name);
        g_test_add_data_func(path, &lines[i], line);
        g_free(path);
    }
    g_test_add_func("/mse_keylog/digits", digits);
    g_test_add_func("/mse_keylog/flush", flush);
    g_test_add_func("/mse_keylog/many", many);
    g_test_add_func("/mse_keylog/short_chains", short_chains);
    g_test_add_func("/mse_keylog/several_info_hashes", several_info_hashes);
    g_test_add_func("/mse_keylog/cap", cap);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
