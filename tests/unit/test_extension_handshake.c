/* test_extension_handshake.c
 * extension_handshake.c: what handshakes say, one and several of a peer, good and bad.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "extension_handshake.h"

static const char *const faults[] = { "ok", "no dictionary", "cut", "broken", "trailing" };

/* What a handshake says, as text: its fault, its lt_donthave, its look-alike, and the table behind it. */
static char *
describe(const struct extension_handshake *handshake, const struct extension_table *table)
{
    GString *out = g_string_new(faults[handshake->fault]);

    if (handshake->donthave == DONTHAVE_KEY_ID)
        g_string_append_printf(out, ", donthave %u", handshake->donthave_id);
    else if (handshake->donthave == DONTHAVE_KEY_BAD)
        g_string_append(out, ", donthave bad");
    if (handshake->look_alike != NULL)
        g_string_append_printf(out, ", look-alike %s", handshake->look_alike);
    if (handshake->too_many)
        g_string_append(out, ", too many");
    if (table->count > 0)
        g_string_append_c(out, ':');
    for (unsigned i = 0; i < table->count; i++)
        g_string_append_printf(out, " %s=%u", table->extensions[i].name, table->extensions[i].id);
    return g_string_free(out, FALSE);
}

static void
read_bytes(const void *bencoded, uint32_t size, wmem_allocator_t *scope, struct extension_table *table,
           struct extension_handshake *handshake)
{
    uint8_t *copy = bytes_copy((const uint8_t *)bencoded, size);

    memset(handshake, 0xa5, sizeof *handshake);
    extension_handshake_read(copy, size, scope, table, handshake);
    g_assert_cmpuint(handshake->fault_offset, <=, size);
    g_free(copy);
}

/* The handshakes of one peer, one after the other, and what each says. */
struct peer_case {
    const char *name;
    struct {
        const char *bencoded, *expected;
    } handshakes[3];
};

#define DONTHAVE_7 "11:lt_donthavei7e"
#define DIGITS_40  "1234567890123456789012345678901234567890"

static const struct peer_case peers[] = {
    { "good", { { "d1:md" DONTHAVE_7 "6:ut_pexi1ee1:v4:teste", "ok, donthave 7: lt_donthave=7 ut_pex=1" } } },

    /* Keys in any order, in and around m; other keys of any type. BEP 3 wants them sorted, clients do not care. */
    { "m last", { { "d1:pi6881e4:reqqi500e1:v4:test1:md6:ut_pexi1e" DONTHAVE_7 "ee",
                    "ok, donthave 7: ut_pex=1 lt_donthave=7" } } },
    { "m in the middle", { { "d1:v4:test1:md" DONTHAVE_7 "e1:ad1:ml1:mi1eeee", "ok, donthave 7: lt_donthave=7" } } },
    { "nested values before m", { { "d1:ad1:bd1:mdeee1:clli1eee1:md" DONTHAVE_7 "ee",
                                  "ok, donthave 7: lt_donthave=7" } } },
    { "lt_donthave outside m", { { "d" DONTHAVE_7 "1:mdee", "ok" } } },
    { "m inside another m", { { "d1:ad1:md" DONTHAVE_7 "ee1:md6:ut_pexi1eee", "ok: ut_pex=1" } } },
    { "dictionary as an id", { { "d1:md1:ad" DONTHAVE_7 "e6:ut_pexi1eee", "ok: ut_pex=1" } } },

    { "without m", { { "d1:v4:teste", "ok" } } },
    { "empty", { { "de", "ok" } } },
    { "empty m", { { "d1:mdee", "ok" } } },
    { "m is no dictionary", { { "d1:mi7ee", "ok" } } },
    { "m is a list", { { "d1:ml" DONTHAVE_7 "ee", "ok" } } },
    { "two m", { { "d1:md6:ut_pexi1ee1:md" DONTHAVE_7 "ee", "ok, donthave 7: ut_pex=1 lt_donthave=7" } } },

    /* Ids. */
    { "id 1", { { "d1:md11:lt_donthavei1eee", "ok, donthave 1: lt_donthave=1" } } },
    { "id 255", { { "d1:md11:lt_donthavei255eee", "ok, donthave 255: lt_donthave=255" } } },
    { "id 0", { { "d1:md11:lt_donthavei0eee", "ok, donthave 0" } } },
    { "id 256", { { "d1:md11:lt_donthavei256eee", "ok, donthave bad" } } },
    { "id 263 is not 7", { { "d1:md11:lt_donthavei263eee", "ok, donthave bad" } } },
    { "negative id", { { "d1:md11:lt_donthavei-1eee", "ok, donthave bad" } } },
    { "id of 40 digits", { { "d1:md11:lt_donthavei" DIGITS_40 "eee", "ok, donthave bad" } } },
    { "string id", { { "d1:md11:lt_donthave1:7ee", "ok, donthave bad" } } },
    { "list id", { { "d1:md11:lt_donthaveli7eeee", "ok, donthave bad" } } },
    { "bad ids of others", { { "d1:md1:ai-1e1:bi256e1:c1:7" DONTHAVE_7 "ee", "ok, donthave 7: lt_donthave=7" } } },
    { "duplicate key", { { "d1:md11:lt_donthavei3e" DONTHAVE_7 "ee", "ok, donthave 7: lt_donthave=7" } } },
    { "duplicate key, then bad", { { "d1:md" DONTHAVE_7 "11:lt_donthavei-3eee",
                                     "ok, donthave bad: lt_donthave=7" } } },
    { "shared id", { { "d1:md" DONTHAVE_7 "6:ut_pexi7eee", "ok, donthave 7: lt_donthave=7 ut_pex=7" } } },

    /* Names. BEP 10: they are case sensitive. */
    { "look-alike by case", { { "d1:md11:LT_DontHavei7eee",
                                "ok, look-alike LT_DontHave: LT_DontHave=7" } } },
    { "look-alike by -", { { "d1:md11:lt-donthavei7eee", "ok, look-alike lt-donthave: lt-donthave=7" } } },
    { "look-alike without _", { { "d1:md10:ltdonthavei7eee", "ok, look-alike ltdonthave: ltdonthave=7" } } },
    { "look-alike with one more _", { { "d1:md12:lt_dont_havei7eee",
                                        "ok, look-alike lt_dont_have: lt_dont_have=7" } } },
    { "look-alike beside it", { { "d1:md11:LT_DONTHAVEi8e" DONTHAVE_7 "ee",
                                  "ok, donthave 7, look-alike LT_DONTHAVE: LT_DONTHAVE=8 lt_donthave=7" } } },
    { "nothing like it", { { "d1:md10:lt_dontavei7e12:lt_donthavesi8e7:lt_donti9e0:i10eee",
                             "ok: lt_dontave=7 lt_donthaves=8 lt_dont=9" } } },
    { "name of 64 bytes", { { "d1:md64:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1eee",
                              "ok: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1" } } },
    { "name of 65 bytes", { { "d1:md65:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1e"
                              DONTHAVE_7 "ee", "ok, donthave 7: lt_donthave=7" } } },

    /* Several handshakes. BEP 10: they add up, a key that is missing keeps its id, 0 switches off. */
    { "again without it", { { "d1:md" DONTHAVE_7 "ee", "ok, donthave 7: lt_donthave=7" },
                            { "d1:md6:ut_pexi1eee", "ok: lt_donthave=7 ut_pex=1" },
                            { "de", "ok: lt_donthave=7 ut_pex=1" } } },
    { "renumbered", { { "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "ok, donthave 7: lt_donthave=7 ut_pex=1" },
                      { "d1:md11:lt_donthavei9eee", "ok, donthave 9: lt_donthave=9 ut_pex=1" } } },
    { "switched off and on", { { "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "ok, donthave 7: lt_donthave=7 ut_pex=1" },
                               { "d1:md11:lt_donthavei0eee", "ok, donthave 0: ut_pex=1" },
                               { "d1:md11:lt_donthavei3eee", "ok, donthave 3: ut_pex=1 lt_donthave=3" } } },
    { "bad id keeps the old one", { { "d1:md" DONTHAVE_7 "ee", "ok, donthave 7: lt_donthave=7" },
                                    { "d1:md11:lt_donthavei-1eee", "ok, donthave bad: lt_donthave=7" } } },
    { "switched off before on", { { "d1:md6:ut_pexi0eee", "ok" } } },

    /* No dictionary. What was read before a fault counts. */
    { "nothing", { { "", "no dictionary" } } },
    { "a list", { { "l1:md" DONTHAVE_7 "ee", "no dictionary" } } },
    { "a string", { { "4:spam", "no dictionary" } } },
    { "text", { { "hello", "no dictionary" } } },
    { "trailing bytes", { { "d1:md" DONTHAVE_7 "eex", "trailing, donthave 7: lt_donthave=7" } } },
    { "trailing dictionary", { { "d1:md" DONTHAVE_7 "eede", "trailing, donthave 7: lt_donthave=7" } } },
    { "integer as a key", { { "d1:md" DONTHAVE_7 "i1ei2eee", "broken, donthave 7: lt_donthave=7" } } },
    { "integer as an outer key", { { "di1e1:md" DONTHAVE_7 "ee", "broken" } } },
    { "key without a value", { { "d1:md11:lt_donthaveee", "broken" } } },
    { "outer key without a value", { { "d1:md" DONTHAVE_7 "e1:ve", "broken, donthave 7: lt_donthave=7" } } },
    { "broken after it", { { "d1:md" DONTHAVE_7 "1:axee", "broken, donthave 7: lt_donthave=7" } } },
    { "broken before it", { { "d1:md1:ax" DONTHAVE_7 "ee", "broken" } } },
    { "broken, then good", { { "d1:mdx", "broken" }, { "d1:md" DONTHAVE_7 "ee", "ok, donthave 7: lt_donthave=7" } } },
};

static void
peer(const void *data)
{
    const struct peer_case    *wanted = (const struct peer_case *)data;
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_table     table = { NULL, 0 };
    struct extension_handshake handshake;

    for (unsigned i = 0; i < G_N_ELEMENTS(wanted->handshakes) && wanted->handshakes[i].bencoded != NULL; i++) {
        const char *bencoded = wanted->handshakes[i].bencoded;
        read_bytes(bencoded, (uint32_t)strlen(bencoded), scope, &table, &handshake);
        char *said = describe(&handshake, &table);
        g_assert_cmpstr(said, ==, wanted->handshakes[i].expected);
        g_free(said);
    }
    wmem_destroy_allocator(scope);
}

/* Cut at every byte: the fault is named, and the id counts from the byte on that closes it. */
static void
cut(void)
{
    static const char bencoded[] = "d1:ei0e1:md11:lt_donthavei7e6:ut_pexi1ee1:v13:uTorrent 3.5.e";
    uint32_t          size = sizeof bencoded - 1;
    uint32_t          id_ends = (uint32_t)(strstr(bencoded, "6:ut_pex") - bencoded);
    uint32_t          pex_ends = (uint32_t)(strstr(bencoded, "1:v") - bencoded) - 1;

    for (uint32_t captured = 0; captured <= size; captured++) {
        wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct extension_table     table = { NULL, 0 };
        struct extension_handshake handshake;
        read_bytes(bencoded, captured, scope, &table, &handshake);
        g_assert_cmpint(handshake.fault, ==, captured == 0      ? HANDSHAKE_NO_DICTIONARY
                                             : captured == size ? HANDSHAKE_OK
                                                                : HANDSHAKE_CUT);
        g_assert_cmpint(handshake.donthave, ==, captured >= id_ends ? DONTHAVE_KEY_ID : DONTHAVE_KEY_MISSING);
        g_assert_cmpuint(table.count, ==, (captured >= id_ends) + (captured >= pex_ends));
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
        { "d1:md1:a", "broken" },
        { "d1:md" DONTHAVE_7 "1:a", "broken, donthave 7: lt_donthave=7" },
        { "d1:md" DONTHAVE_7 "e1:a", "broken, donthave 7: lt_donthave=7" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned dictionaries = 0; dictionaries < 2; dictionaries++) {
            wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
            struct extension_table     table = { NULL, 0 };
            struct extension_handshake handshake;
            GString                   *bencoded = g_string_new(cases[i].before);
            for (unsigned n = 0; n < 10000; n++)
                g_string_append(bencoded, dictionaries ? "d1:a" : "l");
            g_string_append(bencoded, "i1e");
            for (unsigned n = 0; n < 10000; n++)
                g_string_append_c(bencoded, 'e');
            read_bytes(bencoded->str, (uint32_t)bencoded->len, scope, &table, &handshake);
            char *said = describe(&handshake, &table);
            g_assert_cmpstr(said, ==, cases[i].expected);
            g_free(said);
            g_string_free(bencoded, TRUE);
            wmem_destroy_allocator(scope);
        }
    }
}

/* 200 extensions, and as many as are kept; one more is told, and lt_donthave is found all the same. */
static void
many(void)
{
    static const unsigned counts[] = { 200, EXTENSION_NAMES_MAX, EXTENSION_NAMES_MAX + 1, 2000 };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct extension_table     table = { NULL, 0 };
        struct extension_handshake handshake;
        GString                   *bencoded = g_string_new("d1:md");
        for (unsigned n = 0; n < counts[i] - 1; n++)
            g_string_append_printf(bencoded, "6:xx%04ui%ue", n, 1 + n % 255);
        g_string_append(bencoded, "11:lt_donthavei255eee");
        read_bytes(bencoded->str, (uint32_t)bencoded->len, scope, &table, &handshake);
        g_assert_cmpint(handshake.fault, ==, HANDSHAKE_OK);
        g_assert_cmpint(handshake.donthave, ==, DONTHAVE_KEY_ID);
        g_assert_cmpuint(handshake.donthave_id, ==, 255);
        g_assert_cmpuint(table.count, ==, MIN(counts[i], EXTENSION_NAMES_MAX));
        g_assert_cmpint(handshake.too_many, ==, counts[i] > EXTENSION_NAMES_MAX);
        g_assert_cmpstr(extension_table_name(&table, 3, NULL), ==, "xx0002");

        /* The same again: no name is new. */
        read_bytes(bencoded->str, (uint32_t)bencoded->len, scope, &table, &handshake);
        g_assert_cmpuint(table.count, ==, MIN(counts[i], EXTENSION_NAMES_MAX));
        g_string_free(bencoded, TRUE);
        wmem_destroy_allocator(scope);
    }
}

/* The name behind an id, and another one that shares it. */
static void
names(void)
{
    static const char          bencoded[] = "d1:md" DONTHAVE_7 "6:ut_pexi1eee";
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_table     table = { NULL, 0 };
    struct extension_handshake handshake;

    g_assert_null(extension_table_name(&table, 7, NULL));
    read_bytes(bencoded, sizeof bencoded - 1, scope, &table, &handshake);
    g_assert_cmpstr(extension_table_name(&table, 1, NULL), ==, "ut_pex");
    g_assert_cmpstr(extension_table_name(&table, 7, NULL), ==, "lt_donthave");
    g_assert_null(extension_table_name(&table, 7, LT_DONTHAVE_NAME));
    g_assert_null(extension_table_name(&table, 2, NULL));
    g_assert_null(extension_table_name(&table, 0, NULL));

    read_bytes("d1:md7:ut_misci7eee", 19, scope, &table, &handshake);
    g_assert_cmpstr(extension_table_name(&table, 7, LT_DONTHAVE_NAME), ==, "ut_misc");
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(peers); i++) {
        char *path = g_strdup_printf("/extension_handshake/%s", peers[i].name);
        g_test_add_data_func(path, &peers[i], peer);
        g_free(path);
    }
    g_test_add_func("/extension_handshake/cut", cut);
    g_test_add_func("/extension_handshake/nested", nested);
    g_test_add_func("/extension_handshake/many", many);
    g_test_add_func("/extension_handshake/names", names);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
