/* test_extension_handshake.c
 * extension_handshake.c: the keys of m in a handshake, and what is wrong with it. What handshakes add up to:
 * test_extension_ids.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/extension_handshake.h"

static const char *const faults[] = { "ok", "no dictionary", "cut", "broken", "trailing" };

/* What a handshake says, as text: its fault, and the keys of m in their order. For g_free(). */
static char *
describe(const struct extension_handshake *handshake)
{
    GString *out = g_string_new(faults[handshake->fault]);

    if (handshake->key_count > 0)
        g_string_append_c(out, ':');
    for (uint32_t i = 0; i < handshake->key_count; i++) {
        const struct extension_key *key = &handshake->keys[i];
        g_string_append_printf(out, " %.*s=", (int)key->name_size, (const char *)key->name);
        if (key->has_id)
            g_string_append_printf(out, "%u", key->id);
        else
            g_string_append(out, "bad");
        g_assert_true(key->has_id || key->id == 0);
    }
    return g_string_free(out, FALSE);
}

/* Reads a handshake of which captured bytes are there. For g_free(), after extension_handshake_free(): names point into
 * it. */
static uint8_t *
read_bytes(const void *bencoded, uint32_t captured, uint32_t size, wmem_allocator_t *scope,
           struct extension_handshake *handshake)
{
    uint8_t *copy = bytes_copy((const uint8_t *)bencoded, captured);

    memset(handshake, 0xa5, sizeof *handshake);
    extension_handshake_read(handshake, copy, captured, size, scope);
    g_assert_cmpuint(handshake->fault_offset, <=, captured);
    g_assert_cmpint(handshake->cut, ==, captured < size);
    g_assert_cmpint(extension_handshake_is_whole(handshake), ==,
                    captured == size && (handshake->fault == HANDSHAKE_OK || handshake->fault == HANDSHAKE_TRAILING));
    return copy;
}

/* Gives back all that was read. */
static void
forget(struct extension_handshake *handshake, uint8_t *copy)
{
    extension_handshake_free(handshake);
    g_assert_cmpuint(handshake->key_count, ==, 0);
    g_assert_null(handshake->keys);
    extension_handshake_free(handshake);        /* again: nothing is left */
    g_free(copy);
}

struct handshake_case {
    const char *name, *bencoded, *expected;
};

#define DONTHAVE_7 "11:lt_donthavei7e"
#define DIGITS_40  "1234567890123456789012345678901234567890"

/* BEP 3 wants keys sorted, clients do not care. A name that comes twice comes twice. What was read before a fault
 * counts. */
static const struct handshake_case handshakes[] = {
    { "good", "d1:md" DONTHAVE_7 "6:ut_pexi1ee1:v4:teste", "ok: lt_donthave=7 ut_pex=1" },
    { "m last", "d1:pi6881e4:reqqi500e1:v4:test1:md6:ut_pexi1e" DONTHAVE_7 "ee", "ok: ut_pex=1 lt_donthave=7" },
    { "m in the middle", "d1:v4:test1:md" DONTHAVE_7 "e1:ad1:ml1:mi1eeee", "ok: lt_donthave=7" },
    { "nested values before m", "d1:ad1:bd1:mdeee1:clli1eee1:md" DONTHAVE_7 "ee", "ok: lt_donthave=7" },
    { "lt_donthave outside m", "d" DONTHAVE_7 "1:mdee", "ok" },
    { "m inside another m", "d1:ad1:md" DONTHAVE_7 "ee1:md6:ut_pexi1eee", "ok: ut_pex=1" },
    { "dictionary as an id", "d1:md1:ad" DONTHAVE_7 "e6:ut_pexi1eee", "ok: a=bad ut_pex=1" },
    { "without m", "d1:v4:teste", "ok" },
    { "empty", "de", "ok" },
    { "empty m", "d1:mdee", "ok" },
    { "m is no dictionary", "d1:mi7ee", "ok" },
    { "m is a list", "d1:ml" DONTHAVE_7 "ee", "ok" },
    { "two m", "d1:md6:ut_pexi1ee1:md" DONTHAVE_7 "ee", "ok: ut_pex=1 lt_donthave=7" },
    { "id 1", "d1:md11:lt_donthavei1eee", "ok: lt_donthave=1" },
    { "id 255", "d1:md11:lt_donthavei255eee", "ok: lt_donthave=255" },
    { "id 0", "d1:md11:lt_donthavei0eee", "ok: lt_donthave=0" },
    { "id 256", "d1:md11:lt_donthavei256eee", "ok: lt_donthave=bad" },
    { "id 263 is not 7", "d1:md11:lt_donthavei263eee", "ok: lt_donthave=bad" },
    { "negative id", "d1:md11:lt_donthavei-1eee", "ok: lt_donthave=bad" },
    { "id of 40 digits", "d1:md11:lt_donthavei" DIGITS_40 "eee", "ok: lt_donthave=bad" },
    { "string id", "d1:md11:lt_donthave1:7ee", "ok: lt_donthave=bad" },
    { "list id", "d1:md11:lt_donthaveli7eeee", "ok: lt_donthave=bad" },
    { "bad ids of others", "d1:md1:ai-1e1:bi256e1:c1:7" DONTHAVE_7 "ee", "ok: a=bad b=bad c=bad lt_donthave=7" },
    { "duplicate key", "d1:md11:lt_donthavei3e" DONTHAVE_7 "ee", "ok: lt_donthave=3 lt_donthave=7" },
    { "duplicate key, then bad", "d1:md" DONTHAVE_7 "11:lt_donthavei-3eee", "ok: lt_donthave=7 lt_donthave=bad" },
    { "shared id", "d1:md" DONTHAVE_7 "6:ut_pexi7eee", "ok: lt_donthave=7 ut_pex=7" },
    { "look-alike by case", "d1:md11:LT_DontHavei7eee", "ok: LT_DontHave=7" },
    { "look-alike by -", "d1:md11:lt-donthavei7eee", "ok: lt-donthave=7" },
    { "look-alike without _", "d1:md10:ltdonthavei7eee", "ok: ltdonthave=7" },
    { "look-alike with one more _", "d1:md12:lt_dont_havei7eee", "ok: lt_dont_have=7" },
    { "look-alike beside it", "d1:md11:LT_DONTHAVEi8e" DONTHAVE_7 "ee", "ok: LT_DONTHAVE=8 lt_donthave=7" },
    { "nothing like it", "d1:md10:lt_dontavei7e12:lt_donthavesi8e7:lt_donti9e0:i10eee",
      "ok: lt_dontave=7 lt_donthaves=8 lt_dont=9 =10" },
    { "name of 64 bytes", "d1:md64:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1eee",
      "ok: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1" },
    { "name of 65 bytes",
      "d1:md65:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1e" DONTHAVE_7 "ee",
      "ok: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1 lt_donthave=7" },
    { "again without it (1)", "d1:md" DONTHAVE_7 "ee", "ok: lt_donthave=7" },
    { "again without it (2)", "d1:md6:ut_pexi1eee", "ok: ut_pex=1" },
    { "again without it (3)", "de", "ok" },
    { "renumbered (1)", "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "ok: lt_donthave=7 ut_pex=1" },
    { "renumbered (2)", "d1:md11:lt_donthavei9eee", "ok: lt_donthave=9" },
    { "switched off and on (1)", "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "ok: lt_donthave=7 ut_pex=1" },
    { "switched off and on (2)", "d1:md11:lt_donthavei0eee", "ok: lt_donthave=0" },
    { "switched off and on (3)", "d1:md11:lt_donthavei3eee", "ok: lt_donthave=3" },
    { "bad id keeps the old one (1)", "d1:md" DONTHAVE_7 "ee", "ok: lt_donthave=7" },
    { "bad id keeps the old one (2)", "d1:md11:lt_donthavei-1eee", "ok: lt_donthave=bad" },
    { "switched off before on", "d1:md6:ut_pexi0eee", "ok: ut_pex=0" },
    { "nothing", "", "no dictionary" },
    { "a list", "l1:md" DONTHAVE_7 "ee", "no dictionary" },
    { "a string", "4:spam", "no dictionary" },
    { "text", "hello", "no dictionary" },
    { "trailing bytes", "d1:md" DONTHAVE_7 "eex", "trailing: lt_donthave=7" },
    { "trailing dictionary", "d1:md" DONTHAVE_7 "eede", "trailing: lt_donthave=7" },
    { "integer as a key", "d1:md" DONTHAVE_7 "i1ei2eee", "broken: lt_donthave=7" },
    { "integer as an outer key", "di1e1:md" DONTHAVE_7 "ee", "broken" },
    { "key without a value", "d1:md11:lt_donthaveee", "broken" },
    { "outer key without a value", "d1:md" DONTHAVE_7 "e1:ve", "broken: lt_donthave=7" },
    { "broken after it", "d1:md" DONTHAVE_7 "1:axee", "broken: lt_donthave=7" },
    { "broken before it", "d1:md1:ax" DONTHAVE_7 "ee", "broken" },
    { "broken, then good (1)", "d1:mdx", "broken" },
    { "broken, then good (2)", "d1:md" DONTHAVE_7 "ee", "ok: lt_donthave=7" },
    { "empty name", "d1:md0:i1eee", "ok: =1" },
    { "trailing, and broken", "d1:md" DONTHAVE_7 "eexx", "trailing: lt_donthave=7" },
};

static void
read_case(const void *data)
{
    const struct handshake_case *wanted = (const struct handshake_case *)data;
    wmem_allocator_t            *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    uint32_t                     size = (uint32_t)strlen(wanted->bencoded);
    struct extension_handshake   handshake;

    /* Also where more of it was on the wire: what is there says the same. */
    for (uint32_t missing = 0; missing <= 1; missing++) {
        uint8_t *copy = read_bytes(wanted->bencoded, size, size + missing, scope, &handshake);
        char    *said = describe(&handshake);
        g_assert_cmpstr(said, ==, wanted->expected);
        g_free(said);
        forget(&handshake, copy);
    }
    wmem_destroy_allocator(scope);
}

/* Cut at every byte, by its sender or by the capture: the fault is named, and the id counts from the byte on that
 * closes it. */
static void
cut(void)
{
    static const char bencoded[] = "d1:ei0e1:md11:lt_donthavei7e6:ut_pexi1ee1:v13:uTorrent 3.5.e";
    uint32_t          size = sizeof bencoded - 1;
    uint32_t          id_ends = (uint32_t)(strstr(bencoded, "6:ut_pex") - bencoded);
    uint32_t          pex_ends = (uint32_t)(strstr(bencoded, "1:v") - bencoded) - 1;

    for (uint32_t captured = 0; captured <= size; captured++) {
        for (int by_capture = 0; by_capture <= 1; by_capture++) {
            wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
            struct extension_handshake handshake;
            uint8_t *copy = read_bytes(bencoded, captured, by_capture ? size : captured, scope, &handshake);
            g_assert_cmpint(handshake.fault, ==, captured == 0      ? HANDSHAKE_NO_DICTIONARY
                                                 : captured == size ? HANDSHAKE_OK
                                                                    : HANDSHAKE_CUT);
            g_assert_cmpuint(handshake.key_count, ==, (captured >= id_ends) + (captured >= pex_ends));
            if (captured >= id_ends) {
                g_assert_true(extension_key_is(&handshake.keys[0], "lt_donthave"));
                g_assert_cmpuint(handshake.keys[0].id, ==, 7);
            }
            forget(&handshake, copy);
            wmem_destroy_allocator(scope);
        }
    }
}

/* Where it goes wrong, or where the dictionary ends and bytes follow. */
static void
fault_offsets(void)
{
    static const struct {
        const char *bencoded;
        uint32_t    offset;
    } cases[] = {
        { "x", 0 }, { "le", 0 }, { "de", 2 }, { "dex", 2 }, { "dx", 1 }, { "d1:ax", 4 }, { "d1:md1:ax", 8 },
        { "d1:md1:ai1ex", 11 }, { "d1:md1:ai1eexx", 12 }, { "d1:md1:ai1eeexx", 13 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct extension_handshake handshake;
        uint32_t                   size = (uint32_t)strlen(cases[i].bencoded);
        uint8_t                   *copy = read_bytes(cases[i].bencoded, size, size, scope, &handshake);
        g_test_message("%s", cases[i].bencoded);
        g_assert_cmpuint(handshake.fault_offset, ==, cases[i].offset);
        forget(&handshake, copy);
        wmem_destroy_allocator(scope);
    }
}

/* Nested 10,000 deep, inside and outside of m: a fault, and what stands before it counts. */
static void
nested(void)
{
    static const struct {
        const char *before, *expected;
    } cases[] = {
        { "d1:a", "broken" },
        { "d1:md1:a", "broken: a=bad" },
        { "d1:md" DONTHAVE_7 "1:a", "broken: lt_donthave=7 a=bad" },
        { "d1:md" DONTHAVE_7 "e1:a", "broken: lt_donthave=7" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned dictionaries = 0; dictionaries < 2; dictionaries++) {
            wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
            struct extension_handshake handshake;
            GString                   *bencoded = g_string_new(cases[i].before);
            for (unsigned n = 0; n < 10000; n++)
                g_string_append(bencoded, dictionaries ? "d1:a" : "l");
            g_string_append(bencoded, "i1e");
            for (unsigned n = 0; n < 10000; n++)
                g_string_append_c(bencoded, 'e');
            uint8_t *copy = read_bytes(bencoded->str, (uint32_t)bencoded->len, (uint32_t)bencoded->len, scope,
                                       &handshake);
            char    *said = describe(&handshake);
            g_assert_cmpstr(said, ==, cases[i].expected);
            g_free(said);
            forget(&handshake, copy);
            g_string_free(bencoded, TRUE);
            wmem_destroy_allocator(scope);
        }
    }
}

/* Any number of keys. How many names are kept: test_extension_ids.c. */
static void
many(void)
{
    static const unsigned counts[] = { 1, 2, 3, 4, 5, 200, 256, 257, 2000, 100000 };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct extension_handshake handshake;
        GString                   *bencoded = g_string_new("d1:md");
        for (unsigned n = 0; n < counts[i] - 1; n++)
            g_string_append_printf(bencoded, "8:xx%06ui%ue", n, 1 + n % 255);
        g_string_append(bencoded, "11:lt_donthavei255eee");
        uint8_t *copy = read_bytes(bencoded->str, (uint32_t)bencoded->len, (uint32_t)bencoded->len, scope,
                                   &handshake);
        g_assert_cmpint(handshake.fault, ==, HANDSHAKE_OK);
        g_assert_cmpuint(handshake.key_count, ==, counts[i]);
        for (unsigned n = 0; n < counts[i] - 1; n++) {
            g_assert_cmpuint(handshake.keys[n].id, ==, 1 + n % 255);
            g_assert_cmpuint(handshake.keys[n].name_size, ==, 8);
        }
        g_assert_true(extension_key_is(&handshake.keys[counts[i] - 1], "lt_donthave"));
        g_assert_cmpuint(handshake.keys[counts[i] - 1].id, ==, 255);
        forget(&handshake, copy);
        g_string_free(bencoded, TRUE);
        wmem_destroy_allocator(scope);
    }
}

/* A name is the same byte by byte: its beginning is not, nor what it begins with, nor one with a NUL. */
static void
key_is(void)
{
    static const char with_nul[] = "d1:md12:lt_donthave\0i7e11:lt_dont\0avei7eee";
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_handshake handshake;
    uint8_t *copy = read_bytes(with_nul, sizeof with_nul - 1, sizeof with_nul - 1, scope, &handshake);

    g_assert_cmpuint(handshake.key_count, ==, 2);
    for (int i = 0; i < 2; i++) {
        g_assert_false(extension_key_is(&handshake.keys[i], "lt_donthave"));
        g_assert_false(extension_key_is(&handshake.keys[i], "lt_dont"));
        g_assert_false(extension_key_is(&handshake.keys[i], ""));
    }
    forget(&handshake, copy);

    copy = read_bytes("d1:md6:ut_pexi1e0:i2eee", 23, 23, scope, &handshake);
    g_assert_true(extension_key_is(&handshake.keys[0], "ut_pex"));
    g_assert_false(extension_key_is(&handshake.keys[0], "ut_pe"));
    g_assert_false(extension_key_is(&handshake.keys[0], "ut_pexx"));
    g_assert_false(extension_key_is(&handshake.keys[0], "UT_PEX"));
    g_assert_true(extension_key_is(&handshake.keys[1], ""));
    g_assert_false(extension_key_is(&handshake.keys[1], "u"));
    forget(&handshake, copy);
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(handshakes); i++) {
        char *path = g_strdup_printf("/extension_handshake/read/%s", handshakes[i].name);
        g_test_add_data_func(path, &handshakes[i], read_case);
        g_free(path);
    }
    g_test_add_func("/extension_handshake/cut", cut);
    g_test_add_func("/extension_handshake/fault_offsets", fault_offsets);
    g_test_add_func("/extension_handshake/nested", nested);
    g_test_add_func("/extension_handshake/many", many);
    g_test_add_func("/extension_handshake/key_is", key_is);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
