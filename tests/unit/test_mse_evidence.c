/* test_mse_evidence.c
 * mse_evidence.c: what is taken for random bytes, and what for the start of messages.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_evidence.h"
#include "mse_peers.h"

/* --- the first bytes --- */

struct beginning {
    const char *name;
    const char *hex;
    bool        may_begin;
};

#define RANDOM_32   "8a1f03c97e55d2b06419fce83a7710bb9245e6cd31087f5ea4d31c6b90f2274e"
#define ZEROS_6     "000000000000"
#define FFS_6       "ffffffffffff"

static const struct beginning beginnings[] = {
    { "random", RANDOM_32, true },
    { "random, more", RANDOM_32 "00000000000000000000000000000000", true },
    { "too short to tell", "474554202f20485454502f312e310d0a", true },
    { "nothing", "", true },

    /* One byte in 32 above 127, and none. */
    { "text with one byte above 127", "474554202f696e6465782e68746d6c20485454502f312e310d0a486f73743ae4", true },
    { "HTTP", "474554202f696e6465782e68746d6c20485454502f312e310d0a486f73743a20", false },
    { "seven bits, any", "1a1f034e7e5552305419766838771035124565cd" "31087f5e24531c6b10722731", true },
    { "seven bits, all", "1a1f034e7e5552305419766838771035124565" "4d" "31087f5e24531c6b10722731", false },

    /* Six bytes of one value, and seven. */
    { "6 zeros", ZEROS_6 "8a1f03c97e55d2b06419fce83a7710bb9245e6cd31087f5ea4d3", true },
    { "7 zeros", ZEROS_6 "8a1f03c97e55d2b06419fce83a7710bb9245e6cd31087f5ea400", false },
    { "6 bytes 255", FFS_6 "8a1f03c97e55d2b06419fce83a7710bb9245e6cd31087f5ea4d3", true },
    { "7 bytes 255", FFS_6 "8a1f03c97e55d2b06419fce83a7710bb9245e6cd31087f5ea4ff", false },
    { "0 and 255, 6 of each", ZEROS_6 FFS_6 "8a1f03c97e55d2b06419fce83a7710bb9245e6cd", true },
    { "beyond byte 32", RANDOM_32 ZEROS_6 ZEROS_6, true },

    { "BitTorrent", "13" "426974546f7272656e742070726f746f636f6c" "8080808080808080" "9fa1e7c4", false },
    { "pcap", "d4c3b2a1" "02000400" "00000000" "00000000" "00000400" "01000000" "8a1f03c97e55d2b0", false },
};

static void
beginning(const void *data)
{
    const struct beginning *test = (const struct beginning *)data;
    GByteArray             *bytes = bytes_from_hex(test->hex);
    uint8_t                *copy = bytes_copy(bytes->data, bytes->len);

    g_assert_true(mse_may_begin(copy, bytes->len) == test->may_begin);
    g_free(copy);
    g_byte_array_unref(bytes);
}

/* --- random bytes --- */

/* Of random strings none is refused. The rate that the header states cannot be measured; a greater one is seen. */
static void
random_strings(void)
{
    static const uint32_t sizes[] = { 96, 110, 300, 1134 };
    GRand                *random = g_rand_new_with_seed(3);
    uint8_t               bytes[1134];

    for (unsigned i = 0; i < 40000; i++) {
        uint32_t size = sizes[i % G_N_ELEMENTS(sizes)];
        random_bytes(random, bytes, size);
        g_assert_true(mse_may_begin(bytes, size));
        g_assert_true(mse_looks_random(bytes, size));
    }
    g_rand_free(random);
}

/* Exactly as many pairs as allowed, and one more. 110 bytes: 23.4 + 18 + 7.5 * 4.84 = 77.7. */
static void
pairs(void)
{
    uint8_t bytes[110];

    /* 97 bytes of their own, and 13 that are equal: 78 pairs. */
    for (unsigned i = 0; i < 110; i++)
        bytes[i] = (uint8_t)(i < 97 ? i : 97);
    g_assert_false(mse_looks_random(bytes, 110));
    /* 12 that are equal, and 11 pairs: 77. */
    for (unsigned i = 0; i < 110; i++)
        bytes[i] = (uint8_t)(i < 76 ? i : i < 87 ? i - 76 : i < 98 ? 100 + i : 255);
    g_assert_true(mse_looks_random(bytes, 110));
    bytes[50] = bytes[51];
    g_assert_false(mse_looks_random(bytes, 110));
}

/* Text, and numbers in binary, do not look random. */
static void
structure(void)
{
    static const char text[] = "The initiator sends its public key and padding, waits for that of the responder, and "
                               "then proves that it knows the info hash.";
    uint8_t           numbers[120];

    for (uint32_t i = 0; i < 30; i++) {
        uint32_t number = GUINT32_TO_BE(77 * i);
        memcpy(numbers + 4 * i, &number, 4);
    }
    g_assert_false(mse_looks_random((const uint8_t *)text, 96));
    g_assert_false(mse_looks_random(numbers, sizeof numbers));
    g_assert_true(mse_looks_random(numbers, 0));
    g_assert_true(mse_looks_random(numbers, 1));
}

/* --- the handshake of BitTorrent --- */

static void
find_handshake(void)
{
    GByteArray *bytes = bytes_from_hex("13" "1342" "13" "426974546f7272656e742070726f746f636f6c" "13"
                                       "13" "426974546f7272656e742070726f746f636f6c");
    uint32_t    at = 0;

    g_assert_true(mse_find_handshake(bytes->data, bytes->len, 0, &at));
    g_assert_cmpuint(at, ==, 3);
    g_assert_true(mse_find_handshake(bytes->data, bytes->len, 3, &at));
    g_assert_cmpuint(at, ==, 3);
    g_assert_true(mse_find_handshake(bytes->data, bytes->len, 4, &at));
    g_assert_cmpuint(at, ==, 24);
    g_assert_false(mse_find_handshake(bytes->data, bytes->len - 1, 4, &at));
    g_assert_false(mse_find_handshake(bytes->data, bytes->len, 25, &at));
    g_assert_false(mse_find_handshake(bytes->data, bytes->len, 1000, &at));
    g_assert_false(mse_find_handshake(NULL, 0, 0, &at));
    g_byte_array_unref(bytes);
}

/* At every place, among bytes that are all of the handshake's, too; and not where the last one is not captured. */
static void
find_handshake_anywhere(void)
{
    static const char magic[] = "\x13"
                                "BitTorrent protocol";
    enum { SIZE = 400, MAGIC = sizeof magic - 1 };
    GRand *random = g_rand_new_with_seed(1);

    for (uint32_t place = 0; place + MAGIC <= SIZE; place++) {
        uint8_t *data = (uint8_t *)g_malloc(place + MAGIC);
        uint32_t from = place > 0 ? (uint32_t)g_rand_int_range(random, 0, (gint32)place + 1) : 0, at = 0;

        for (uint32_t i = 0; i < place; i++)
            data[i] = (uint8_t)(place % 2 == 0 ? magic[g_rand_int_range(random, 0, MAGIC)] : g_rand_int_range(random, 0, 256));
        memcpy(data + place, magic, MAGIC);
        g_assert_true(mse_find_handshake(data, place + MAGIC, from, &at));
        g_assert_cmpuint(at, ==, place);
        g_assert_false(mse_find_handshake(data, place + MAGIC - 1, from, &at));
        g_assert_false(mse_find_handshake(data, place + MAGIC, place + 1, &at));
        g_free(data);
    }
    g_rand_free(random);
}

/* --- messages --- */

struct start {
    const char      *hex;
    enum mse_verdict anywhere;
    enum mse_verdict after_turn;
};

#define HAVE_ALL    "000000010e"
#define HAVE_NONE   "000000010f"
#define UNCHOKE     "0000000101"
#define EXTENSION   "0000001a" "14" "00"

static const struct start starts[] = {
    { "", MSE_MORE, MSE_MORE },
    { "00", MSE_MORE, MSE_MORE },
    { "13", MSE_NO, MSE_NO },
    { "0021", MSE_NO, MSE_NO },
    { "00000001", MSE_MORE, MSE_MORE },

    /* Have All, Have None: five bytes. */
    { HAVE_ALL, MSE_YES, MSE_YES },
    { HAVE_NONE, MSE_YES, MSE_YES },
    { "000000020e", MSE_NO, MSE_NO },
    { HAVE_ALL UNCHOKE, MSE_YES, MSE_YES },
    { HAVE_ALL "00", MSE_YES, MSE_YES },
    { HAVE_ALL "00000000" UNCHOKE, MSE_YES, MSE_YES },
    /* A second message of an unknown id, or of a wrong length. */
    { HAVE_ALL "0000000563", MSE_YES, MSE_YES },
    { HAVE_ALL "0000000501", MSE_NO, MSE_NO },
    { HAVE_ALL "00000000" "0000000501", MSE_NO, MSE_NO },
    { HAVE_ALL "01", MSE_NO, MSE_NO },

    /* Extension handshake: eight bytes. */
    { "0000001a14", MSE_MORE, MSE_MORE },
    { EXTENSION, MSE_MORE, MSE_MORE },
    { EXTENSION "64", MSE_MORE, MSE_MORE },
    { EXTENSION "6431", MSE_YES, MSE_YES },
    { "00000004" "14" "00" "6465", MSE_YES, MSE_YES },
    { "00000003" "14" "00" "6465", MSE_NO, MSE_NO },
    { EXTENSION "6430", MSE_NO, MSE_NO },
    { EXTENSION "6c", MSE_NO, MSE_NO },
    { "0000001a" "14" "07", MSE_NO, MSE_NO },
    { "0001001a" "14" "00" "6431", MSE_NO, MSE_NO },

    /* Bitfield: five bytes at a turn; else equal bits, or a second message. */
    { "00000005" "05", MSE_MORE, MSE_YES },
    { "00000005" "05" "a1b2c3d4", MSE_MORE, MSE_YES },
    { "00000005" "05" "a1b2c3d4" "0000", MSE_MORE, MSE_YES },
    { "00000005" "05" "a1b2c3d4" UNCHOKE, MSE_YES, MSE_YES },
    { "00000005" "05" "a1b2c3d4" "77", MSE_NO, MSE_NO },
    { "00000009" "05" "00000000", MSE_YES, MSE_YES },
    { "00000009" "05" "ffffffff", MSE_YES, MSE_YES },
    { "00000009" "05" "ffff", MSE_MORE, MSE_YES },
    { "00000003" "05" "0000" "0000", MSE_MORE, MSE_YES },
    { "00000001" "05", MSE_NO, MSE_NO },
    { "00050001" "05" "a1b2c3d4", MSE_MORE, MSE_MORE },
    { "00050001" "05" "00000000", MSE_YES, MSE_YES },
    { "00200002" "05" "00000000", MSE_NO, MSE_NO },

    /* Others begin a stream seldom: only at a turn, and only of fixed length. */
    { UNCHOKE, MSE_NO, MSE_YES },
    { "0000000d" "06", MSE_NO, MSE_YES },
    { "0000000509" "1ae1", MSE_NO, MSE_NO },
    { "0000000309" "1ae1", MSE_NO, MSE_YES },
    { "00004009" "07" "00000001" "00004000", MSE_NO, MSE_NO },
    { "0000000563", MSE_NO, MSE_NO },
    { "00000000", MSE_MORE, MSE_MORE },
    { "00000000" "00000000", MSE_NO, MSE_NO },
};

static void
messages(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
        GByteArray *bytes = bytes_from_hex(starts[i].hex);
        uint8_t    *copy = bytes_copy(bytes->data, bytes->len);

        g_test_message("%s", starts[i].hex);
        g_assert_cmpint(mse_messages_at(copy, bytes->len, false), ==, starts[i].anywhere);
        g_assert_cmpint(mse_messages_at(copy, bytes->len, true), ==, starts[i].after_turn);
        g_free(copy);
        g_byte_array_unref(bytes);
    }
}

/* Random bytes begin no messages: of 10^7 places there is none, and at a turn a Bitfield in 2^24 or so. */
static void
no_messages(void)
{
    GRand   *random = g_rand_new_with_seed(17);
    uint8_t  bytes[10016];
    unsigned found = 0, at_turns = 0;

    for (unsigned i = 0; i < 1000; i++) {
        random_bytes(random, bytes, sizeof bytes);
        for (unsigned at = 0; at < 10000; at++) {
            if (bytes[at] == 0) {
                found += mse_messages_at(bytes + at, 16, false) == MSE_YES;
                at_turns += mse_messages_at(bytes + at, 16, true) == MSE_YES;
            }
        }
    }
    g_test_message("%u, at turns %u", found, at_turns);
    g_assert_cmpuint(found, ==, 0);
    g_assert_cmpuint(at_turns, <=, 5);
    g_rand_free(random);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        char *path = g_strdup_printf("/mse_evidence/beginning/%s", beginnings[i].name);
        g_test_add_data_func(path, &beginnings[i], beginning);
        g_free(path);
    }
    g_test_add_func("/mse_evidence/random_strings", random_strings);
    g_test_add_func("/mse_evidence/pairs", pairs);
    g_test_add_func("/mse_evidence/structure", structure);
    g_test_add_func("/mse_evidence/find_handshake", find_handshake);
    g_test_add_func("/mse_evidence/find_handshake_anywhere", find_handshake_anywhere);
    g_test_add_func("/mse_evidence/messages", messages);
    g_test_add_func("/mse_evidence/no_messages", no_messages);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
