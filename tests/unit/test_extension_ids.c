/* test_extension_ids.c
 * extension_ids.c: which ids the handshakes of a peer add up to, what an id in a message means, and what lt_donthave
 * makes of both.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/donthave/donthave.h"
#include "core/donthave/donthave_note.h"
#include "core/extension_ids.h"
#include "core/peer_connection.h"

#define DONTHAVE_7 "11:lt_donthavei7e"
#define DIGITS_40  "1234567890123456789012345678901234567890"

/* Adds a handshake of that frame; end_ack is ten times the frame. captured: bytes of it in the capture. */
static bool
add_captured(struct extension_ids *ids, wmem_allocator_t *scope, const char *bencoded, size_t captured, size_t size, uint32_t frame)
{
    uint8_t                   *copy = bytes_copy((const uint8_t *)bencoded, (uint32_t)captured);
    struct extension_handshake handshake;
    struct message_context     context = { .frame = frame, .end_ack = 10 * frame };

    extension_handshake_read(&handshake, copy, (uint32_t)captured, (uint32_t)size, scope);
    bool kept = extension_ids_add(ids, &handshake, &context);
    extension_handshake_free(&handshake);
    g_free(copy);
    return kept;
}

static bool
add(struct extension_ids *ids, wmem_allocator_t *scope, const char *bencoded, uint32_t frame)
{
    return add_captured(ids, scope, bencoded, strlen(bencoded), strlen(bencoded), frame);
}

/* The names that have an id: " lt_donthave=7 ut_pex=1". */
static void
describe_ids(GString *out, const struct extension_ids *ids)
{
    for (uint32_t i = 0; ids->list != NULL && i < ids->list->count; i++) {
        if (ids->list->ids[i].id != 0)
            g_string_append_printf(out, " %s=%u", ids->list->ids[i].name, ids->list->ids[i].id);
    }
}

/* --- handshakes of one peer, through a connection --- */

/* The handshakes of one peer, one after the other: what each says of lt_donthave, and the ids after it. lt_donthave,
 * which somebody listens for, stands first. */
struct peer_case {
    const char *name;
    struct {
        const char *bencoded, *expected;
    } handshakes[3];
};

static const struct peer_case peers[] = {
    { "good", { { "d1:md" DONTHAVE_7 "6:ut_pexi1ee1:v4:teste", "donthave 7: lt_donthave=7 ut_pex=1" } } },

    /* Keys in any order, in and around m; other keys of any type. BEP 3 wants them sorted, clients do not care. */
    { "m last", { { "d1:pi6881e4:reqqi500e1:v4:test1:md6:ut_pexi1e" DONTHAVE_7 "ee",
                    "donthave 7: lt_donthave=7 ut_pex=1" } } },
    { "m in the middle", { { "d1:v4:test1:md" DONTHAVE_7 "e1:ad1:ml1:mi1eeee", "donthave 7: lt_donthave=7" } } },
    { "nested values before m", { { "d1:ad1:bd1:mdeee1:clli1eee1:md" DONTHAVE_7 "ee",
                                  "donthave 7: lt_donthave=7" } } },
    { "lt_donthave outside m", { { "d" DONTHAVE_7 "1:mdee", ":" } } },
    { "m inside another m", { { "d1:ad1:md" DONTHAVE_7 "ee1:md6:ut_pexi1eee", ": ut_pex=1" } } },
    { "dictionary as an id", { { "d1:md1:ad" DONTHAVE_7 "e6:ut_pexi1eee", ": ut_pex=1" } } },

    { "without m", { { "d1:v4:teste", ":" } } },
    { "empty", { { "de", ":" } } },
    { "empty m", { { "d1:mdee", ":" } } },
    { "m is no dictionary", { { "d1:mi7ee", ":" } } },
    { "m is a list", { { "d1:ml" DONTHAVE_7 "ee", ":" } } },
    { "two m", { { "d1:md6:ut_pexi1ee1:md" DONTHAVE_7 "ee", "donthave 7: lt_donthave=7 ut_pex=1" } } },

    /* Ids. */
    { "id 1", { { "d1:md11:lt_donthavei1eee", "donthave 1: lt_donthave=1" } } },
    { "id 255", { { "d1:md11:lt_donthavei255eee", "donthave 255: lt_donthave=255" } } },
    { "id 0", { { "d1:md11:lt_donthavei0eee", "donthave 0:" } } },
    { "id 256", { { "d1:md11:lt_donthavei256eee", "bad_id:" } } },
    { "id 263 is not 7", { { "d1:md11:lt_donthavei263eee", "bad_id:" } } },
    { "negative id", { { "d1:md11:lt_donthavei-1eee", "bad_id:" } } },
    { "id of 40 digits", { { "d1:md11:lt_donthavei" DIGITS_40 "eee", "bad_id:" } } },
    { "string id", { { "d1:md11:lt_donthave1:7ee", "bad_id:" } } },
    { "list id", { { "d1:md11:lt_donthaveli7eeee", "bad_id:" } } },
    { "bad ids of others", { { "d1:md1:ai-1e1:bi256e1:c1:7" DONTHAVE_7 "ee", "donthave 7: lt_donthave=7" } } },
    { "duplicate key", { { "d1:md11:lt_donthavei3e" DONTHAVE_7 "ee", "donthave 7: lt_donthave=7" } } },
    { "duplicate key, then bad", { { "d1:md" DONTHAVE_7 "11:lt_donthavei-3eee",
                                     "bad_id: lt_donthave=7" } } },
    { "shared id", { { "d1:md" DONTHAVE_7 "6:ut_pexi7eee", "donthave 7, shared_id: lt_donthave=7 ut_pex=7" } } },

    { "shared id, told by a later handshake", { { "d1:md6:ut_pexi7eee", ": ut_pex=7" },
                                                { "d1:md" DONTHAVE_7 "ee",
                                                  "donthave 7, shared_id: lt_donthave=7 ut_pex=7" },
                                                { "d1:md6:ut_pexi8e" DONTHAVE_7 "ee",
                                                  "donthave 7: lt_donthave=7 ut_pex=8" } } },
    { "both switched off share nothing", { { "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "donthave 7: lt_donthave=7 ut_pex=1" },
                                           { "d1:md11:lt_donthavei0e6:ut_pexi0eee", "donthave 0:" } } },

    /* Names. BEP 10: they are case sensitive. */
    { "look-alike by case", { { "d1:md11:LT_DontHavei7eee",
                                "look_alike LT_DontHave: LT_DontHave=7" } } },
    { "look-alike by -", { { "d1:md11:lt-donthavei7eee", "look_alike lt-donthave: lt-donthave=7" } } },
    { "look-alike without _", { { "d1:md10:ltdonthavei7eee", "look_alike ltdonthave: ltdonthave=7" } } },
    { "look-alike with one more _", { { "d1:md12:lt_dont_havei7eee",
                                        "look_alike lt_dont_have: lt_dont_have=7" } } },
    { "look-alike beside it", { { "d1:md11:LT_DONTHAVEi8e" DONTHAVE_7 "ee",
                                  "donthave 7, look_alike LT_DONTHAVE: lt_donthave=7 LT_DONTHAVE=8" } } },
    { "nothing like it", { { "d1:md10:lt_dontavei7e12:lt_donthavesi8e7:lt_donti9e0:i10eee",
                             ": lt_dontave=7 lt_donthaves=8 lt_dont=9" } } },
    { "name of 64 bytes", { { "d1:md64:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1eee",
                              ": aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1" } } },
    { "name of 65 bytes", { { "d1:md65:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1e"
                              DONTHAVE_7 "ee", "donthave 7: lt_donthave=7" } } },

    /* Several handshakes. BEP 10: they add up, a key that is missing keeps its id, 0 switches off. */
    { "again without it", { { "d1:md" DONTHAVE_7 "ee", "donthave 7: lt_donthave=7" },
                            { "d1:md6:ut_pexi1eee", ": lt_donthave=7 ut_pex=1" },
                            { "de", ": lt_donthave=7 ut_pex=1" } } },
    { "renumbered", { { "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "donthave 7: lt_donthave=7 ut_pex=1" },
                      { "d1:md11:lt_donthavei9eee", "donthave 9, renumbered: lt_donthave=9 ut_pex=1" } } },
    { "switched off and on", { { "d1:md" DONTHAVE_7 "6:ut_pexi1eee", "donthave 7: lt_donthave=7 ut_pex=1" },
                               { "d1:md11:lt_donthavei0eee", "donthave 0: ut_pex=1" },
                               { "d1:md11:lt_donthavei3eee", "donthave 3: lt_donthave=3 ut_pex=1" } } },
    { "bad id keeps the old one", { { "d1:md" DONTHAVE_7 "ee", "donthave 7: lt_donthave=7" },
                                    { "d1:md11:lt_donthavei-1eee", "bad_id: lt_donthave=7" } } },
    { "switched off before on", { { "d1:md6:ut_pexi0eee", ":" } } },

    /* No dictionary. What was read before a fault counts. */
    { "nothing", { { "", "bad_handshake:" } } },
    { "a list", { { "l1:md" DONTHAVE_7 "ee", "bad_handshake:" } } },
    { "a string", { { "4:spam", "bad_handshake:" } } },
    { "text", { { "hello", "bad_handshake:" } } },
    { "trailing bytes", { { "d1:md" DONTHAVE_7 "eex", "donthave 7, bad_handshake: lt_donthave=7" } } },
    { "trailing dictionary", { { "d1:md" DONTHAVE_7 "eede", "donthave 7, bad_handshake: lt_donthave=7" } } },
    { "integer as a key", { { "d1:md" DONTHAVE_7 "i1ei2eee", "donthave 7, bad_handshake: lt_donthave=7" } } },
    { "integer as an outer key", { { "di1e1:md" DONTHAVE_7 "ee", "bad_handshake:" } } },
    { "key without a value", { { "d1:md11:lt_donthaveee", "bad_handshake:" } } },
    { "outer key without a value", { { "d1:md" DONTHAVE_7 "e1:ve", "donthave 7, bad_handshake: lt_donthave=7" } } },
    { "broken after it", { { "d1:md" DONTHAVE_7 "1:axee", "donthave 7, bad_handshake: lt_donthave=7" } } },
    { "broken before it", { { "d1:md1:ax" DONTHAVE_7 "ee", "bad_handshake:" } } },
    { "broken, then good", { { "d1:mdx", "bad_handshake:" },
                             { "d1:md" DONTHAVE_7 "ee", "donthave 7: lt_donthave=7" } } },
};

static const struct peer_setup donthave_only = { .observers = { &donthave_observer }, .observer_count = 1 };

/* The note of a handshake: the id of lt_donthave, what was found, the part of a finding's text in double quotes. */
static void
describe_note(GString *out, const struct message_note *note)
{
    const char *separator = "";

    for (const struct note_detail *detail = note != NULL ? note->details : NULL; detail != NULL;
            detail = detail->next) {
        g_assert_true(detail->kind == &donthave_kinds[DONTHAVE_NEGOTIATED]);
        g_string_append_printf(out, "%sdonthave %u", separator, ((const struct donthave_negotiated *)detail)->id);
        separator = ", ";
    }
    for (const struct finding *finding = note != NULL ? note->findings : NULL; finding != NULL;
            finding = finding->next) {
        char **quoted = g_strsplit(finding->text, "\"", 3);
        g_string_append_printf(out, "%s%s%s%s", separator, strrchr(finding->kind->name, '.') + 1,
                               quoted[1] != NULL ? " " : "", quoted[1] != NULL ? quoted[1] : "");
        separator = ", ";
        g_strfreev(quoted);
    }
}

/* Sends an extension handshake of peer A; describes its note and the ids after it. For g_free(). */
static char *
shake(struct peer_connection *connection, const char *bencoded, size_t size, uint32_t frame)
{
    GByteArray *bytes = g_byte_array_new();
    GString    *out = g_string_new(NULL);

    bytes_add_be32(bytes, (uint32_t)size + 2);
    bytes_add_u8(bytes, PEER_EXTENDED);
    bytes_add_u8(bytes, 0);
    bytes_add(bytes, bencoded, size);
    struct message_context context = { .from = PEER_A, .frame = frame, .time = frame, .size = bytes->len,
                                       .end_ack = 10 * frame };
    uint8_t *copy = bytes_copy(bytes->data, bytes->len);
    peer_connection_begin_packet(connection, frame, frame);
    peer_connection_message(connection, copy, bytes->len, bytes->len, &context);
    describe_note(out, context.note);
    g_string_append_c(out, ':');
    describe_ids(out, &connection->ids[PEER_A]);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
    return g_string_free(out, FALSE);
}

static void
peer(const void *data)
{
    const struct peer_case *wanted = (const struct peer_case *)data;
    wmem_allocator_t       *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct peer_connection *connection = peer_connection_new(scope, &donthave_only);

    for (unsigned i = 0; i < G_N_ELEMENTS(wanted->handshakes) && wanted->handshakes[i].bencoded != NULL; i++) {
        const char *bencoded = wanted->handshakes[i].bencoded;
        char       *said = shake(connection, bencoded, strlen(bencoded), i + 1);
        g_assert_cmpstr(said, ==, wanted->handshakes[i].expected);
        g_free(said);
    }
    peer_connection_end(connection);
    wmem_destroy_allocator(scope);
}

/* --- names --- */

/* 200 extensions, and as many as are kept; one more is told once, and lt_donthave is found all the same. */
static void
many(void)
{
    static const unsigned counts[] = { 200, EXTENSION_NAMES_MAX, EXTENSION_NAMES_MAX + 1, 2000 };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        wmem_allocator_t           *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct peer_connection     *connection = peer_connection_new(scope, &donthave_only);
        const struct extension_ids *ids = &connection->ids[PEER_A];
        GString                    *bencoded = g_string_new("d1:md");
        for (unsigned n = 0; n < counts[i] - 1; n++)
            g_string_append_printf(bencoded, "6:xx%04ui%ue", n, 1 + n % 254);
        g_string_append(bencoded, "11:lt_donthavei255eee");
        for (unsigned again = 0; again <= 1; again++) {         /* the same again: no name is new */
            char *said = shake(connection, bencoded->str, bencoded->len, 1 + again);
            char *wanted = g_strdup_printf("donthave 255%s: lt_donthave=255 xx0000=1 ",
                                           counts[i] > EXTENSION_NAMES_MAX && !again ? ", limit" : "");
            g_assert_true(g_str_has_prefix(said, wanted));
            g_assert_cmpuint(ids->list->count, ==, MIN(counts[i], EXTENSION_NAMES_MAX));
            g_assert_cmpuint(extension_ids_find(ids, LT_DONTHAVE_NAME)->id, ==, 255);
            g_assert_cmpuint(extension_ids_find(ids, "xx0002")->id, ==, 3);
            g_free(wanted);
            g_free(said);
        }
        peer_connection_end(connection);
        g_string_free(bencoded, TRUE);
        wmem_destroy_allocator(scope);
    }
}

/* A name that is reserved has room after any number of others, also of a second handshake. */
static void
reserved(void)
{
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_ids ids = { NULL, 0, false };

    g_assert_null(extension_ids_find(&ids, "one"));
    extension_ids_reserve(&ids, scope, "one");
    extension_ids_reserve(&ids, scope, "two");
    g_assert_cmpuint(extension_ids_find(&ids, "one")->id, ==, 0);
    g_assert_false(extension_ids_tell(&ids, "one"));
    for (unsigned n = 0; n < EXTENSION_NAMES_MAX; n++) {
        char *bencoded = g_strdup_printf("d1:md6:xx%04ui1eee", n);
        g_assert_cmpint(add(&ids, scope, bencoded, 1 + n), ==, n < EXTENSION_NAMES_MAX - 2);
        g_free(bencoded);
    }
    g_assert_cmpuint(ids.list->count, ==, EXTENSION_NAMES_MAX);
    g_assert_true(add(&ids, scope, "d1:md3:twoi2e3:onei1eee", 1000));
    g_assert_cmpuint(extension_ids_find(&ids, "one")->id, ==, 1);
    g_assert_cmpuint(extension_ids_find(&ids, "two")->id, ==, 2);
    g_assert_cmpuint(extension_ids_find(&ids, "two")->assigned_in, ==, 1000);
    g_assert_null(extension_ids_find(&ids, "xx0255"));

    /* One that is kept is changed; one that is not, and is switched off, wants no room. */
    g_assert_true(add(&ids, scope, "d1:md6:xx0000i9e6:xx0255i0eee", 1001));
    g_assert_cmpuint(extension_ids_find(&ids, "xx0000")->id, ==, 9);
    g_assert_false(add(&ids, scope, "d1:md6:xx0255i9e3:twoi3eee", 1002));
    g_assert_cmpuint(extension_ids_find(&ids, "two")->id, ==, 3);
    extension_ids_free(&ids, scope);
    g_assert_null(ids.list);
    g_assert_null(extension_ids_find(&ids, "one"));
    wmem_destroy_allocator(scope);
}

/* Names that are not kept take no room of others: with a NUL, of no byte, of more than 64. */
static void
strange_names(void)
{
    static const char longest[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const char with_nul[] = "d1:md11:lt_dont\0avei1e7:ut_pex\0i2e12:lt_donthave\0i3e1:\0i4e6:ut_pexi5eee";
    static const char with_bytes[] = "d1:md4:\xff\xfe\n\"i6eee";
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_ids ids = { NULL, 0, false };
    GString             *out = g_string_new(NULL);

    extension_ids_reserve(&ids, scope, LT_DONTHAVE_NAME);
    g_assert_true(add_captured(&ids, scope, with_nul, sizeof with_nul - 1, sizeof with_nul - 1, 1));
    describe_ids(out, &ids);
    g_assert_cmpstr(out->str, ==, " ut_pex=5");
    g_assert_cmpuint(extension_ids_find(&ids, LT_DONTHAVE_NAME)->id, ==, 0);

    char *bencoded = g_strdup_printf("d1:md0:i1e65:a%si2e64:%si3eee", longest, longest);
    g_assert_true(add(&ids, scope, bencoded, 2));
    g_free(bencoded);
    g_assert_null(extension_ids_find(&ids, ""));
    g_assert_cmpuint(extension_ids_find(&ids, longest)->id, ==, 3);
    g_assert_cmpuint(ids.list->count, ==, 3);

    /* Any other bytes are a name. */
    g_assert_true(add(&ids, scope, with_bytes, 3));
    g_assert_cmpuint(extension_ids_find(&ids, "\xff\xfe\n\"")->id, ==, 6);

    /* However many. */
    GString *many_strange = g_string_new("d1:md");
    for (unsigned n = 0; n < 2 * EXTENSION_NAMES_MAX; n++)
        g_string_append_printf(many_strange, "65:%065ui1e", n);
    g_string_append(many_strange, "6:ut_hlti7eee");
    g_assert_true(add(&ids, scope, many_strange->str, 4));
    g_assert_cmpuint(extension_ids_find(&ids, "ut_hlt")->id, ==, 7);
    g_string_free(many_strange, TRUE);
    extension_ids_free(&ids, scope);
    g_string_free(out, TRUE);
    wmem_destroy_allocator(scope);
}

/* The name of another extension with the same id. */
static void
shared(void)
{
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_ids ids = { NULL, 0, false };

    extension_ids_reserve(&ids, scope, LT_DONTHAVE_NAME);
    g_assert_true(add(&ids, scope, "d1:md" DONTHAVE_7 "6:ut_pexi1eee", 1));
    g_assert_null(extension_ids_shared(&ids, extension_ids_find(&ids, LT_DONTHAVE_NAME)));
    g_assert_null(extension_ids_shared(&ids, extension_ids_find(&ids, "ut_pex")));
    g_assert_true(add(&ids, scope, "d1:md7:ut_misci7eee", 2));
    g_assert_cmpstr(extension_ids_shared(&ids, extension_ids_find(&ids, LT_DONTHAVE_NAME)), ==, "ut_misc");
    g_assert_cmpstr(extension_ids_shared(&ids, extension_ids_find(&ids, "ut_misc")), ==, LT_DONTHAVE_NAME);
    g_assert_null(extension_ids_shared(&ids, extension_ids_find(&ids, "ut_pex")));

    /* A former id is shared with nobody. */
    g_assert_true(add(&ids, scope, "d1:md7:ut_misci8eee", 3));
    g_assert_null(extension_ids_shared(&ids, extension_ids_find(&ids, LT_DONTHAVE_NAME)));
    extension_ids_free(&ids, scope);
    wmem_destroy_allocator(scope);
}

/* What each handshake leaves of the one before. */
static void
former_ids(void)
{
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_ids       ids = { NULL, 0, false };
    const struct extension_id *donthave;
    static const struct {
        const char *bencoded;
        unsigned    id, former_id;
        uint32_t    assigned_in, former_assigned_in, changed_in;
    } steps[] = {
        { "d1:md11:lt_donthavei7eee", 7, 0, 1, 0, 0 },
        { "d1:md11:lt_donthavei7eee", 7, 0, 2, 0, 0 },      /* the same again */
        { "de",                       7, 0, 2, 0, 0 },
        { "d1:md11:lt_donthavei9eee", 9, 7, 4, 2, 4 },
        { "d1:md11:lt_donthave1:7ee", 9, 7, 4, 2, 4 },      /* bad: keeps it */
        { "d1:md11:lt_donthavei5eee", 5, 9, 6, 4, 6 },
        { "d1:md11:lt_donthavei0eee", 0, 5, 7, 6, 7 },
        { "d1:md11:lt_donthavei0eee", 0, 5, 8, 6, 7 },      /* off already */
        { "d1:md11:lt_donthavei3eee", 3, 5, 9, 6, 7 },
    };

    extension_ids_reserve(&ids, scope, LT_DONTHAVE_NAME);
    donthave = extension_ids_find(&ids, LT_DONTHAVE_NAME);
    for (uint32_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_assert_true(add(&ids, scope, steps[i].bencoded, i + 1));
        g_test_message("step %u", i + 1);
        g_assert_cmpuint(donthave->id, ==, steps[i].id);
        g_assert_cmpuint(donthave->former_id, ==, steps[i].former_id);
        g_assert_cmpuint(donthave->assigned_in, ==, steps[i].assigned_in);
        g_assert_cmpuint(donthave->former_assigned_in, ==, steps[i].former_assigned_in);
        g_assert_cmpuint(donthave->changed_in, ==, steps[i].changed_in);
        g_assert_cmpuint(donthave->changed_end_ack, ==, 10 * steps[i].changed_in);
    }
    extension_ids_free(&ids, scope);
    wmem_destroy_allocator(scope);
}

/* --- lists that peers share --- */

/* Peers that said the same in their only handshake have one list, but each its own frame; with its next handshake a peer has
 * a list of its own. The last one that leaves a list gives it back. */
static void
lists(void)
{
    static const char    same[] = "d1:md" DONTHAVE_7 "6:ut_pexi1eee";
    static const char   *others[] = { "d1:md" DONTHAVE_7 "6:ut_pexi2eee", "d1:md" DONTHAVE_7 "6:ut_peyi1eee",
                                      "d1:md6:ut_pexi1e11:lt_donthavei7eee", "d1:md" DONTHAVE_7 "ee", "de" };
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    wmem_map_t          *all = extension_lists_new(scope);
    struct extension_ids ids[4] = { { NULL, 0, false } };

    for (unsigned i = 0; i < 4; i++) {
        g_assert_true(add(&ids[i], scope, same, 10 + i));
        extension_ids_share(&ids[i], scope, all, 10 + i);
        g_assert_true(ids[i].list == ids[0].list && ids[i].list->users == i + 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        const struct extension_id *pex = extension_ids_find(&ids[i], "ut_pex");
        g_assert_cmpuint(pex->id, ==, 1);
        g_assert_cmpuint(extension_ids_assigned_in(&ids[i], pex), ==, 10 + i);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        struct extension_ids other = { NULL, 0, false };
        g_assert_true(add(&other, scope, others[i], 20));
        extension_ids_share(&other, scope, all, 20);
        g_assert_true(other.list != ids[0].list && other.list->users == 1);
        extension_ids_free(&other, scope);
    }
    g_assert_cmpuint(wmem_map_size(all), ==, 1);

    g_assert_true(add(&ids[3], scope, "d1:md6:ut_pexi9eee", 30));
    g_assert_cmpuint(ids[3].list->users, ==, 0);
    g_assert_cmpuint(ids[0].list->users, ==, 3);
    g_assert_cmpuint(extension_ids_find(&ids[0], "ut_pex")->id, ==, 1);
    g_assert_cmpuint(extension_ids_find(&ids[3], "ut_pex")->id, ==, 9);
    g_assert_cmpuint(extension_ids_find(&ids[3], "ut_pex")->assigned_in, ==, 30);
    g_assert_cmpuint(extension_ids_find(&ids[3], "ut_pex")->former_assigned_in, ==, 13);
    g_assert_cmpuint(extension_ids_find(&ids[3], LT_DONTHAVE_NAME)->assigned_in, ==, 13);
    for (unsigned i = 0; i < 4; i++)
        extension_ids_free(&ids[i], scope);
    g_assert_cmpuint(wmem_map_size(all), ==, 0);
    wmem_destroy_allocator(scope);
}

/* What a peer gave to a name is known once it named it, or once a whole handshake did not. */
static void
tell(void)
{
    static const struct {
        const char *bencoded;
        size_t      missing;            /* bytes that were not captured */
        bool        whole, pex, misc;   /* is it known of ut_pex, of ut_misc */
    } cases[] = {
        { "d1:md6:ut_pexi1eee", 0, true, true, true },
        { "d1:md6:ut_pexi1eeex", 0, true, true, true },         /* trailing */
        { "d1:md6:ut_pexi1eee", 1, false, true, false },
        { "d1:md6:ut_pexi1eee", 14, false, false, false },
        { "d1:md6:ut_pexi1ee", 0, false, true, false },         /* ends inside */
        { "d1:md6:ut_pexi1e1:axee", 0, false, true, false },    /* broken */
        { "de", 0, true, true, true },
        { "le", 0, false, false, false },
        { "", 0, false, false, false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct extension_ids ids = { NULL, 0, false };
        size_t               size = strlen(cases[i].bencoded);

        g_test_message("case %u", i + 1);
        extension_ids_reserve(&ids, scope, "ut_misc");
        g_assert_false(extension_ids_tell(&ids, "ut_pex"));
        g_assert_true(add_captured(&ids, scope, cases[i].bencoded, size - cases[i].missing, size, 1));
        g_assert_cmpint(ids.handshake_seen, ==, cases[i].whole);
        g_assert_cmpint(extension_ids_tell(&ids, "ut_pex"), ==, cases[i].pex);
        g_assert_cmpint(extension_ids_tell(&ids, "ut_misc"), ==, cases[i].misc);

        /* A handshake that is not whole takes nothing back. */
        add_captured(&ids, scope, "de", 1, 2, 2);
        g_assert_cmpint(ids.handshake_seen, ==, cases[i].whole);
        extension_ids_free(&ids, scope);
        wmem_destroy_allocator(scope);
    }
}

/* --- what an id means --- */

/* The handshakes of the receiver are in frames 10, 20, 30, and acknowledged from 100, 200, 300 on; those of the sender
 * in 11, 21, 31. Both listen for lt_donthave. The user says that fallback is lt_donthave's. */
struct resolve_case {
    const char *name;
    const char *receiver[3], *sender[3];
    unsigned    fallback, id;
    int         ack;            /* of the message; -1: it has none */
    const char *expected;       /* how, the name, the frame that gave the id, what the receiver gives to the name now */
};

static const struct resolve_case resolve_cases[] = {
    /* BEP 10: the id is the receiver's. */
    { "known", { "{" DONTHAVE_7 "}" }, { NULL }, 0, 7, 100, "known lt_donthave in 10, now 7" },
    { "known, another", { "{" DONTHAVE_7 "6:ut_pexi1e}" }, { NULL }, 0, 1, 100, "known ut_pex in 10, now 1" },
    { "known, before its acknowledgement", { "{" DONTHAVE_7 "}" }, { NULL }, 0, 7, 0,
      "known lt_donthave in 10, now 7" },
    { "known, without acknowledgements", { "{" DONTHAVE_7 "}" }, { NULL }, 0, 7, -1,
      "known lt_donthave in 10, now 7" },
    { "known, said again", { "{" DONTHAVE_7 "}", "{" DONTHAVE_7 "}" }, { NULL }, 0, 7, 200,
      "known lt_donthave in 20, now 7" },
    { "known, a later handshake without it", { "{" DONTHAVE_7 "}", "{6:ut_pexi1e}" }, { NULL }, 0, 7, 200,
      "known lt_donthave in 10, now 7" },
    { "known, though the sender gave it to another", { "{" DONTHAVE_7 "}" }, { "{6:ut_pexi7e}" }, 0, 7, 100,
      "known lt_donthave in 10, now 7" },
    { "id 255", { "{11:lt_donthavei255e}" }, { NULL }, 0, 255, 100, "known lt_donthave in 10, now 255" },
    { "shared: the one that is listened for", { "{6:ut_pexi7e" DONTHAVE_7 "}" }, { NULL }, 0, 7, 100,
      "known lt_donthave in 10, now 7" },
    { "shared: the first one", { "{6:ut_pexi1e6:ut_hlti1e}" }, { NULL }, 0, 1, 100, "known ut_pex in 10, now 1" },
    { "cut handshake", { "d1:md" DONTHAVE_7 }, { NULL }, 0, 7, 100, "known lt_donthave in 10, now 7" },

    /* A renumbering: the former id counts until the sender has acknowledged the change. */
    { "renumbered: the new one", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}" }, { NULL }, 0, 9, 200,
      "known lt_donthave in 20, now 9" },
    { "renumbered: the new one, early", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}" }, { NULL }, 0, 9, 100,
      "known lt_donthave in 20, now 9" },
    { "crossing", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}" }, { NULL }, 0, 7, 199,
      "crossing lt_donthave in 10, now 9" },
    { "not crossing: acknowledged", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}" }, { NULL }, 0, 7, 200, "unknown" },
    { "not crossing: nobody can tell", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}" }, { NULL }, 0, 7, -1,
      "unknown" },
    { "crossing, another", { "{6:ut_pexi1e}", "{6:ut_pexi2e}" }, { NULL }, 0, 1, 199, "crossing ut_pex in 10, now 2" },
    { "crossing: the last former one", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}", "{11:lt_donthavei5e}" },
      { NULL }, 0, 9, 299, "crossing lt_donthave in 20, now 5" },
    { "the one before the former one", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}", "{11:lt_donthavei5e}" },
      { NULL }, 0, 7, 299, "unknown" },
    { "there and back", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e}", "{" DONTHAVE_7 "}" }, { NULL }, 0, 7, 0,
      "known lt_donthave in 30, now 7" },
    { "crossing, now another's", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e6:ut_pexi7e}" }, { NULL }, 0, 7, 199,
      "crossing lt_donthave in 10, now 9" },
    { "acknowledged, now another's", { "{" DONTHAVE_7 "}", "{11:lt_donthavei9e6:ut_pexi7e}" }, { NULL }, 0, 7, 200,
      "known ut_pex in 20, now 7" },
    { "off and on, crossing", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}", "{11:lt_donthavei9e}" }, { NULL }, 0, 7,
      199, "crossing lt_donthave in 10, now 9" },
    { "off and on, acknowledged", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}", "{11:lt_donthavei9e}" }, { NULL }, 0,
      7, 200, "unknown" },

    /* Switched off. */
    { "off, acknowledged", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}" }, { NULL }, 0, 7, 200,
      "switched off lt_donthave in 10, now 0, acknowledged" },
    { "off, not acknowledged", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}" }, { NULL }, 0, 7, 199,
      "switched off lt_donthave in 10, now 0" },
    { "off, nobody can tell", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}" }, { NULL }, 0, 7, -1,
      "switched off lt_donthave in 10, now 0, acknowledged" },
    { "off twice", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}", "{11:lt_donthavei0e}" }, { NULL }, 0, 7, 200,
      "switched off lt_donthave in 10, now 0, acknowledged" },
    { "off, another", { "{6:ut_pexi1e}", "{6:ut_pexi0e}" }, { NULL }, 0, 1, 200,
      "switched off ut_pex in 10, now 0, acknowledged" },
    { "off, and now another's", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e6:ut_pexi7e}" }, { NULL }, 0, 7, 200,
      "known ut_pex in 20, now 7" },
    { "off: the one that the sender gave", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}" }, { "{11:lt_donthavei3e}" },
      0, 3, 200, "own lt_donthave in 0, now 0" },
    { "off from the beginning", { "{11:lt_donthavei0e}" }, { NULL }, 0, 7, 100, "unknown" },

    /* The sender's own. */
    { "own", { "{" DONTHAVE_7 "}" }, { "{11:lt_donthavei3e}" }, 0, 3, 100, "own lt_donthave in 0, now 7" },
    { "own, not offered by the receiver", { "{6:ut_pexi1e}" }, { "{11:lt_donthavei3e}" }, 0, 3, 100,
      "own lt_donthave in 0, now 0" },
    { "own, another", { "{" DONTHAVE_7 "}" }, { "{6:ut_pexi3e}" }, 0, 3, 100, "own ut_pex in 0, now -" },
    { "own, the receiver's handshake not seen", { NULL }, { "{11:lt_donthavei3e}" }, 0, 3, 100, "unknown" },
    { "own, the receiver's handshake cut", { "d1:md6:ut_pexi1e" }, { "{11:lt_donthavei3e}" }, 0, 3, 100, "unknown" },
    { "own, the receiver's handshake cut after it", { "d1:md" DONTHAVE_7 }, { "{11:lt_donthavei3e}" }, 0, 3, 100,
      "own lt_donthave in 0, now 7" },
    { "own, the former one", { "{" DONTHAVE_7 "}" }, { "{11:lt_donthavei3e}", "{11:lt_donthavei4e}" }, 0, 3, 100,
      "unknown" },
    { "own, but the receiver's another", { "{" DONTHAVE_7 "6:ut_pexi3e}" }, { "{11:lt_donthavei3e}" }, 0, 3, 100,
      "known ut_pex in 10, now 3" },

    /* The user's word. */
    { "fallback, no handshake", { NULL }, { NULL }, 7, 7, -1, "fallback lt_donthave in 0, now 0" },
    { "fallback, not offered", { "{6:ut_pexi1e}" }, { NULL }, 7, 7, 100, "fallback lt_donthave in 0, now 0" },
    { "fallback, offered with another", { "{11:lt_donthavei9e}" }, { NULL }, 7, 7, 100, "unknown" },
    { "fallback, another's", { "{6:ut_pexi7e}" }, { NULL }, 7, 7, 100, "known ut_pex in 10, now 7" },
    { "fallback, another's, switched off", { "{6:ut_pexi7e}", "{6:ut_pexi0e}" }, { NULL }, 7, 7, 200,
      "switched off ut_pex in 10, now 0, acknowledged" },
    { "fallback, offered the same", { "{" DONTHAVE_7 "}" }, { NULL }, 7, 7, 100, "known lt_donthave in 10, now 7" },
    { "fallback, own", { "{6:ut_pexi1e}" }, { "{" DONTHAVE_7 "}" }, 7, 7, 100, "own lt_donthave in 0, now 0" },
    { "fallback, own, the receiver's handshake not seen", { NULL }, { "{" DONTHAVE_7 "}" }, 7, 7, 100,
      "fallback lt_donthave in 0, now 0" },
    { "fallback, another id", { NULL }, { NULL }, 7, 8, -1, "unknown" },

    /* Unknown. 0 is the handshake's and nobody's, also where extensions are switched off. */
    { "nothing", { NULL }, { NULL }, 0, 7, -1, "unknown" },
    { "unknown", { "{" DONTHAVE_7 "6:ut_pexi1e}" }, { "{11:lt_donthavei3e}" }, 0, 2, 100, "unknown" },
    { "0", { "{11:lt_donthavei0e}" }, { "{11:lt_donthavei0e}" }, 0, 0, 100, "unknown" },
    { "0, off", { "{" DONTHAVE_7 "}", "{11:lt_donthavei0e}" }, { NULL }, 0, 0, 100, "unknown" },
    { "bad id", { "{11:lt_donthavei263e}" }, { NULL }, 0, 7, 100, "unknown" },
};

static void
add_cases(struct extension_ids *ids, wmem_allocator_t *scope, const char *const *handshakes, uint32_t frame)
{
    for (unsigned i = 0; i < 3 && handshakes[i] != NULL; i++) {
        char **parts = g_strsplit(handshakes[i], "{", 2);
        bool   braces = parts[1] != NULL;
        char  *bencoded = braces ? g_strdup_printf("d1:md%.*see", (int)strlen(parts[1]) - 1, parts[1])
                                 : g_strdup(handshakes[i]);
        g_assert_true(add(ids, scope, bencoded, 10 * (i + 1) + frame));
        g_free(bencoded);
        g_strfreev(parts);
    }
}

static void
resolve(const void *data)
{
    static const char *const hows[] = { "unknown", "known", "crossing", "switched off", "own", "fallback" };
    const struct resolve_case *wanted = (const struct resolve_case *)data;
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct extension_fallback  fallbacks[] = { { "ut_other", { 0 } },
                                                 { LT_DONTHAVE_NAME, { wanted->fallback != 0 ? 1U << wanted->fallback : 0 } } };
    struct message_context     context = { .frame = 100, .has_ack = wanted->ack >= 0,
                                           .ack = (uint64_t)MAX(0, wanted->ack) };
    struct extension_ids       receiver = { NULL, 0, false }, sender = receiver;
    GString                   *out = g_string_new(NULL);

    extension_ids_reserve(&receiver, scope, LT_DONTHAVE_NAME);
    extension_ids_reserve(&sender, scope, LT_DONTHAVE_NAME);
    add_cases(&receiver, scope, wanted->receiver, 0);
    add_cases(&sender, scope, wanted->sender, 1);
    struct extension_resolution resolution = extension_ids_resolve(&receiver, &sender, fallbacks,
                                                                   G_N_ELEMENTS(fallbacks), (uint8_t)wanted->id,
                                                                   &context);
    g_string_append(out, hows[resolution.how]);
    g_assert_cmpint(resolution.name != NULL, ==, resolution.how != EXTENSION_UNKNOWN);
    if (resolution.name != NULL) {
        g_string_append_printf(out, " %s in %u, now ", resolution.name, resolution.assigned_in);
        g_assert_true(resolution.receiver == extension_ids_find(&receiver, resolution.name));
        if (resolution.receiver != NULL)
            g_string_append_printf(out, "%u", resolution.receiver->id);
        else
            g_string_append_c(out, '-');
    }
    g_string_append(out, resolution.acknowledged ? ", acknowledged" : "");
    g_assert_cmpstr(out->str, ==, wanted->expected);
    g_string_free(out, TRUE);
    extension_ids_free(&receiver, scope);
    extension_ids_free(&sender, scope);
    wmem_destroy_allocator(scope);
}

/* Of several names and ids that the user gives, the name with the id; a name that nobody listens for, too. */
static void
fallbacks_of_several(void)
{
    static const struct extension_fallback fallbacks[] = {
        { "one", { 1U << 1 } }, { "two", { 1U << 2 | 1U << 5, [7] = 1U << 31 } }, { "three", { 0 } },
        { "four", { 1U << 1 | 1U << 3 } }
    };
    static const struct {
        uint8_t     id;
        const char *name;
    } wanted[] = { { 0, NULL }, { 1, "one" }, { 2, "two" }, { 3, "four" }, { 4, NULL }, { 5, "two" }, { 254, NULL },
                   { 255, "two" } };
    wmem_allocator_t      *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct message_context context = { .frame = 1 };
    struct extension_ids   receiver = { NULL, 0, false }, sender = receiver;

    extension_ids_reserve(&receiver, scope, "two");
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
        struct extension_resolution resolution = extension_ids_resolve(&receiver, &sender, fallbacks, 4, wanted[i].id,
                                                                       &context);
        g_assert_cmpstr(resolution.name, ==, wanted[i].name);
        g_assert_cmpint(resolution.how, ==, wanted[i].name != NULL ? EXTENSION_FALLBACK : EXTENSION_UNKNOWN);
        g_assert_cmpint(resolution.receiver != NULL, ==, g_strcmp0(wanted[i].name, "two") == 0);
    }
    extension_ids_free(&receiver, scope);
    extension_ids_free(&sender, scope);
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(peers); i++) {
        char *path = g_strdup_printf("/extension_ids/peer/%s", peers[i].name);
        g_test_add_data_func(path, &peers[i], peer);
        g_free(path);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(resolve_cases); i++) {
        char *path = g_strdup_printf("/extension_ids/resolve/%s", resolve_cases[i].name);
        g_test_add_data_func(path, &resolve_cases[i], resolve);
        g_free(path);
    }
    g_test_add_func("/extension_ids/fallbacks_of_several", fallbacks_of_several);
    g_test_add_func("/extension_ids/many", many);
    g_test_add_func("/extension_ids/reserved", reserved);
    g_test_add_func("/extension_ids/strange_names", strange_names);
    g_test_add_func("/extension_ids/shared", shared);
    g_test_add_func("/extension_ids/former_ids", former_ids);
    g_test_add_func("/extension_ids/tell", tell);
    g_test_add_func("/extension_ids/lists", lists);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
