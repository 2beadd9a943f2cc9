/* test_bencode.c
 * bencode.c on values and on what is none, cut at every byte.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/bencode.h"

/* BEP 3: "Strings are length-prefixed base ten followed by a colon and the string. Integers are represented by an 'i'
 * followed by the number in base 10 followed by an 'e'. Lists are encoded as an 'l' followed by their elements followed
 * by an 'e'. Dictionaries are encoded as a 'd' followed by a list of alternating keys and their corresponding values
 * followed by an 'e'."
 *
 * tokens: ( [ open a dictionary and a list, ) closes, integers and 'strings' as they are; ! is an error, ~ is cut. */
struct value_case {
    const char *name, *bencoded, *tokens;
};

#define DIGITS_40 "1234567890123456789012345678901234567890"

static const struct value_case values[] = {
    { "integer",                "i42e", "42" },
    { "zero",                   "i0e", "0" },
    { "negative",               "i-42e", "-42" },
    { "greatest",               "i9223372036854775807e", "9223372036854775807" },
    { "greatest plus one",      "i9223372036854775808e", "9223372036854775807" },
    { "least",                  "i-9223372036854775808e", "-9223372036854775808" },
    { "least minus one",        "i-9223372036854775809e", "-9223372036854775808" },
    { "40 digits",              "i" DIGITS_40 "e", "9223372036854775807" },
    { "40 digits, negative",    "i-" DIGITS_40 "e", "-9223372036854775808" },
    { "40 zeros",               "i0000000000000000000000000000000000000007e", "7" },
    { "no digits",              "ie", "!" },
    { "minus alone",            "i-e", "!" },
    { "two minuses",            "i--1e", "!" },
    { "plus",                   "i+1e", "!" },
    { "blank",                  "i 1e", "!" },
    { "fraction",               "i1.5e", "!" },
    { "hexadecimal",            "i0x10e", "!" },

    { "string",                 "4:spam", "'spam'" },
    { "empty string",           "0:", "''" },
    { "string with a colon",    "3:a:b", "'a:b'" },
    { "leading zeros",          "004:spam", "'spam'" },
    { "two strings",            "1:a1:b", "'a' 'b'" },
    { "string too long",        "5:spam", "~" },
    { "string of 4 GiB",        "4294967295:spam", "~" },
    { "string of 2^32",         "4294967296:spam", "~" },
    { "string of 40 digits",    DIGITS_40 ":spam", "~" },
    { "string without colon",   "4spam", "!" },
    { "negative length",        "-1:a", "!" },

    { "list",                   "l4:spami7ee", "[ 'spam' 7 )" },
    { "empty list",             "le", "[ )" },
    { "dictionary",             "d3:cow3:moo4:spami7ee", "( 'cow' 'moo' 'spam' 7 )" },
    { "empty dictionary",       "de", "( )" },
    { "nested",                 "d1:ad1:bl1:cleeee", "( 'a' ( 'b' [ 'c' [ ) ) ) )" },
    { "bytes after",           "i1ex", "1 !" },
    { "e alone",                "e", "!" },
    { "one e too many",         "lee", "[ ) !" },
    { "another letter",         "x", "!" },
    { "capital letters",        "D1:aI1EE", "!" },
    { "nothing",                "", "~" },
};

static void
describe(GString *out, const struct bencode_reader *reader, enum bencode_token token)
{
    if (out->len > 0)
        g_string_append_c(out, ' ');
    switch (token) {
    case BENCODE_ERROR:
        g_string_append_c(out, '!');
        break;
    case BENCODE_CUT:
        g_string_append_c(out, '~');
        break;
    case BENCODE_DICT:
        g_string_append_c(out, '(');
        break;
    case BENCODE_LIST:
        g_string_append_c(out, '[');
        break;
    case BENCODE_CLOSE:
        g_string_append_c(out, ')');
        break;
    case BENCODE_INTEGER:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, reader->integer);
        break;
    case BENCODE_STRING:
        g_string_append_printf(out, "'%.*s'", (int)reader->string_size, (const char *)reader->string);
        break;
    }
}

/* All tokens of size bytes, for g_free(). */
static char *
read_all(const char *bencoded, uint32_t size)
{
    uint8_t              *copy = bytes_copy((const uint8_t *)bencoded, size);
    GString              *out = g_string_new(NULL);
    struct bencode_reader reader;
    enum bencode_token    token;

    bencode_init(&reader, copy, size);
    do {
        uint32_t before = reader.offset;
        token = bencode_next(&reader);
        describe(out, &reader, token);
        if (token == BENCODE_ERROR || token == BENCODE_CUT) {
            g_assert_cmpuint(reader.offset, ==, before);
            g_assert_cmpint(bencode_next(&reader), ==, token);
            break;
        }
        g_assert_cmpuint(reader.offset, >, before);
        g_assert_cmpuint(reader.offset, <=, size);
    } while (reader.offset < size);
    g_free(copy);
    return g_string_free(out, FALSE);
}

static void
value(const void *data)
{
    const struct value_case *wanted = (const struct value_case *)data;
    char                    *whole = read_all(wanted->bencoded, (uint32_t)strlen(wanted->bencoded));

    g_assert_cmpstr(whole, ==, wanted->tokens);

    /* Cut at every byte: what comes out is the beginning of the whole, and then the cut. */
    for (uint32_t size = 0; size < strlen(wanted->bencoded); size++) {
        char *cut = read_all(wanted->bencoded, size);
        if (g_str_has_suffix(cut, "~"))
            cut[strlen(cut) - 1] = '\0';
        g_assert_true(g_str_has_prefix(whole, cut) || g_str_has_suffix(whole, "~"));
        g_free(cut);
    }
    g_free(whole);
}

/* Nesting is followed to a depth of 32, and not beyond. */
static void
depth(void)
{
    static const struct {
        unsigned           lists;
        enum bencode_token skipped;
    } cases[] = {
        { 1, BENCODE_LIST }, { BENCODE_DEPTH_MAX, BENCODE_LIST }, { BENCODE_DEPTH_MAX + 1, BENCODE_ERROR },
        { 10000, BENCODE_ERROR }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct bencode_reader reader;
        GString              *nested = g_string_new(NULL);
        for (unsigned n = 0; n < cases[i].lists; n++)
            g_string_append_c(nested, 'l');
        for (unsigned n = 0; n < cases[i].lists; n++)
            g_string_append_c(nested, 'e');
        uint8_t *copy = bytes_copy((const uint8_t *)nested->str, (uint32_t)nested->len);
        bencode_init(&reader, copy, (uint32_t)nested->len);
        g_assert_cmpint(bencode_skip(&reader, bencode_next(&reader)), ==, cases[i].skipped);
        if (cases[i].skipped == BENCODE_LIST)
            g_assert_cmpuint(reader.offset, ==, nested->len);
        else
            g_assert_cmpuint(reader.offset, ==, BENCODE_DEPTH_MAX);
        g_free(copy);
        g_string_free(nested, TRUE);
    }
}

/* Stepping over a value ends after it, whatever is in it. */
static void
skip(void)
{
    static const struct {
        const char        *bencoded;
        uint32_t           end;
        enum bencode_token result;
    } cases[] = {
        { "i1ei2e", 3, BENCODE_INTEGER },
        { "1:a1:b", 3, BENCODE_STRING },
        { "lei2e", 2, BENCODE_LIST },
        { "d1:ad1:bl1:ci-1eeeei2e", 19, BENCODE_DICT },
        { "lli1eel", 6, BENCODE_CUT },
        { "ll5:a", 2, BENCODE_CUT },
        { "lli1exe", 5, BENCODE_ERROR },
        { "", 0, BENCODE_CUT },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint32_t              size = (uint32_t)strlen(cases[i].bencoded);
        uint8_t              *copy = bytes_copy((const uint8_t *)cases[i].bencoded, size);
        struct bencode_reader reader;
        g_test_message("%s", cases[i].bencoded);
        bencode_init(&reader, copy, size);
        g_assert_cmpint(bencode_skip(&reader, bencode_next(&reader)), ==, cases[i].result);
        if (cases[i].result != BENCODE_CUT)
            g_assert_cmpuint(reader.offset, ==, cases[i].end);
        g_free(copy);
    }
}

/* Any bytes: every read ends, within the data. */
static void
any_bytes(void)
{
    static const char alphabet[] = "dlei-0123456789::ab";

    for (int run = 0; run < 20000; run++) {
        char     bytes[40];
        uint32_t size = (uint32_t)g_test_rand_int_range(0, sizeof bytes);
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = alphabet[g_test_rand_int_range(0, sizeof alphabet - 1)];
        g_free(read_all(bytes, size));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        char *path = g_strdup_printf("/bencode/value/%s", values[i].name);
        g_test_add_data_func(path, &values[i], value);
        g_free(path);
    }
    g_test_add_func("/bencode/depth", depth);
    g_test_add_func("/bencode/skip", skip);
    g_test_add_func("/bencode/any_bytes", any_bytes);
    return g_test_run();
}
