/* test_ledger_anomalies.c
 * What the ledger finds wrong, or worth a word, and where it must not. How to read a story: story.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "story.h"

#define UNKNOWN "Unknown is not wrong. A capture that starts late, has a gap, or shows one direction raises none of these " \
                "without positive evidence."

static const struct story senders[] = {
    STORY("out_of_range", "out_of_range: index at or beyond 8 x Bitfield length.", WITHOUT_FAST,
        "10 Y DontHave 31               => requests 0",
        "11 Y DontHave 32               => requests 0 warn:out_of_range",
        "12 Y DontHave 4294967295       => requests 0 warn:out_of_range"),

    STORY("out_of_range_from_either_bitfield", "Both peers have the same torrent.", LINES("1 X Handshake",
        "2 Y Handshake", "3 X Extensions {11:lt_donthavei3e} => negotiated 3", "4 X Bitfield ffff", "5 Y Have 3"),
        "10 Y DontHave 15               => requests 0 note:redundant",
        "11 Y DontHave 16               => requests 0 warn:out_of_range",
        "12 Y DontHave 3                => requests 0"),

    STORY("redundant_disowned_already", "redundant: the sender had disowned the piece already.", WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 Y DontHave 5                => requests 0 note:redundant",
        "12 Y DontHave 6                => requests 0"),

    STORY("redundant_not_advertised", "redundant: the sender had not advertised the piece.", WITHOUT_FAST,
        "10 X DontHave 15               => requests 0 note:redundant",
        "11 X DontHave 16               => requests 0",
        "12 X Have 15                   => reannounced 15 disowned_in 10 chat:reannounced",
        "13 X DontHave 15               => requests 0"),

    STORY("redundant_after_have_none", "redundant", WITH_FAST,
        "10 Y HaveNone", "11 Y DontHave 5 => requests 0 note:redundant",
        "12 Y HaveAll                   => reannounced 5 disowned_in 11 chat:reannounced",
        "13 Y DontHave 5                => requests 0"),

    STORY("redundant_after_a_second_bitfield", "A second Bitfield replaces the first.", WITHOUT_FAST,
        "10 Y Bitfield fbffffff", "11 Y DontHave 5 => requests 0 note:redundant", "12 Y DontHave 4 => requests 0"),

    STORY("before_availability", "before_availability: sent before any Bitfield, Have, Have All or Have None of its "
        "sender.", LINES("1 X Handshake", "2 Y Handshake", "3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 X Have 1",
        "11 Y DontHave 5                => requests 0 note:before_availability",
        "12 Y DontHave 5                => requests 0 note:redundant",
        "13 Y Have 6", "14 Y DontHave 6 => requests 0"),

    STORY("before_availability_ends", "before_availability", LINES("1 X Handshake fast", "2 Y Handshake fast",
        "3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 Y HaveNone", "11 Y DontHave 5 => requests 0 note:redundant"),

    STORY("contradicts_advice", "contradicts_advice: DontHave for a piece that its sender had just suggested or put in "
        "the Allowed Fast set.", WITH_FAST,
        "10 Y SuggestPiece 5", "11 Y AllowedFast 6", "12 X AllowedFast 7",
        "13 Y DontHave 5                => requests 0 note:contradicts_advice",
        "14 Y DontHave 6                => requests 0 note:contradicts_advice",
        "15 Y DontHave 7                => requests 0",
        "16 Y DontHave 5                => requests 0 note:redundant"),

    /* What was announced is not known. */
    STORY("from_the_middle", UNKNOWN, LINES("3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 Y DontHave 5                => requests 0", "11 Y Have 6", "12 Y DontHave 7 => requests 0"),

    STORY("from_the_middle_with_bitfield", UNKNOWN, LINES("3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 Y Bitfield fb", "11 Y DontHave 5 => requests 0 note:redundant", "12 Y DontHave 4 => requests 0"),

    STORY("announced_in_a_hole", UNKNOWN, WITHOUT_FAST,
        "10 X (hole)", "11 X DontHave 5 => requests 0", "12 Y (hole)", "13 X DontHave 5 => requests 0 note:redundant"),

    STORY("hole_of_the_other_side", UNKNOWN, WITHOUT_FAST,
        "10 Y (hole)", "11 X DontHave 5 => requests 0 note:redundant"),

    STORY("hole_before_everything", UNKNOWN, LINES("1 X Handshake", "2 Y Handshake",
        "3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 Y (hole)", "11 Y DontHave 5 => requests 0"),

    STORY("bitfield_cut_by_the_capture", UNKNOWN, LINES("1 X Handshake", "2 Y Handshake",
        "3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 Y Bitfield fffffffffffffffb cut 9",     /* the first four bytes of eight */
        "11 Y DontHave 5                => requests 0", "12 Y DontHave 40 => requests 0",
        "13 Y DontHave 61               => requests 0", "14 Y DontHave 64 => requests 0 warn:out_of_range"),

    STORY("have_cut_by_the_capture", UNKNOWN, WITHOUT_FAST,
        "10 X Have 5 cut 7", "11 X DontHave 5 => requests 0"),
};

static const struct story answers[] = {
    STORY("reject_without_fast", "reject_without_fast: a Reject Request answers an invalidated request though Fast was "
        "not negotiated.", WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 Y Reject 5 0 16384          => error:reject_without_fast"),

    STORY("fast_unknown", UNKNOWN " A Reject is evidence of Fast.", LINES(
        "3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 Y Reject 5 0 16384          => reject request_in 10",
        "13 X Request 6 0 16384         => invalidated_in 14 after 1s unanswered note:invalidated",
        "14 Y DontHave 6                => requests 1 bytes 16384 request_in 13 unrejected 1 note:invalidated"),

    STORY("unrejected", "bt.donthave.unrejected: how many of them were never rejected.", WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 13 after 3s rejected_in 14 note:invalidated",
        "11 X Request 5 1 16384         => invalidated_in 13 after 2s unanswered note:invalidated",
        "12 X Request 5 2 16384         => invalidated_in 13 after 1s unanswered note:invalidated",
        "13 Y DontHave 5                => requests 3 bytes 49152 request_in 10,11,12 unrejected 2 note:invalidated",
        "14 Y Reject 5 0 16384          => reject request_in 10"),

    STORY("double_reject", "double_reject: a second Reject for one request, of a disowned piece.", WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 Y Reject 5 0 16384          => reject request_in 10",
        "13 Y Reject 5 0 16384          => warn:double_reject"),

    STORY("double_reject_nobody_asked", "double_reject: a Reject for a block that nobody asked for, of a disowned piece.",
        WITH_FAST,
        "10 Y Reject 5 0 16384", "11 Y DontHave 5 => requests 0", "12 Y Reject 5 0 16384 => warn:double_reject"),

    STORY("two_requests_two_rejects", "BEP 6: each Request gets exactly one response.", WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 X acks 9 Request 5 0 16384  => late_request disowned_in 11 crossed chat:late_request warn:rerequest",
        "13 Y Reject 5 0 16384", "14 Y Reject 5 0 16384", "15 Y Reject 5 0 16384 => warn:double_reject"),

    STORY("cancelled_request_is_answered", "BEP 6: a cancelled request is answered by Piece or Reject.", WITH_FAST,
        "10 X Request 5 0 16384", "11 X Cancel 5 0 16384", "12 Y DontHave 5 => requests 0",
        "13 Y Reject 5 0 16384",
        "14 Y Reject 5 0 16384          => warn:double_reject"),

    STORY("cancelled_request_is_delivered", "BEP 6", WITH_FAST,
        "10 X Request 5 0 16384", "11 X Cancel 5 0 16384", "12 Y Piece 5 0 16384", "13 Y DontHave 5 => requests 0",
        "14 Y Reject 5 0 16384          => warn:double_reject"),

    STORY("request_before_the_capture", UNKNOWN, LINES("3 X Extensions {11:lt_donthavei3e} => negotiated 3"),
        "10 Y DontHave 5                => requests 0", "11 Y Reject 5 0 16384"),

    STORY("request_in_a_hole", UNKNOWN, WITH_FAST,
        "10 X (hole)", "11 Y DontHave 5 => requests 0", "12 Y Reject 5 0 16384"),

    STORY("rerequest", "rerequest: with Fast, the same block asked for again before its Reject came.", WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced",
        "13 X Request 5 0 16384         => warn:rerequest"),

    STORY("rerequest_after_its_reject", "rerequest", WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 Y Reject 5 0 16384          => reject request_in 10",
        "13 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced", "14 X Request 5 0 16384"),

    STORY("rerequest_without_fast", "rerequest: with Fast only.", WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced", "13 X Request 5 0 16384"),

    STORY("cancel_after", "cancel_after: without Fast, Cancel for a request that the DontHave already invalidated.",
        WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 X Cancel 5 0 16384          => note:cancel_after",
        "13 X Cancel 5 0 16384", "14 X Cancel 5 16384 16384"),
};

static const struct story reannouncements[] = {
    STORY("often", "reannounced: Note from the fourth time for one piece.", WITHOUT_FAST,
        "10 Y DontHave 5 => requests 0", "11 Y Have 5 => reannounced 5 disowned_in 10 chat:reannounced",
        "12 Y DontHave 5 => requests 0", "13 Y Have 5 => reannounced 5 disowned_in 12 chat:reannounced",
        "14 Y DontHave 6 => requests 0", "15 Y Have 6 => reannounced 6 disowned_in 14 chat:reannounced",
        "16 Y DontHave 5 => requests 0", "17 Y Have 5 => reannounced 5 disowned_in 16 chat:reannounced",
        "18 Y DontHave 5 => requests 0", "19 Y Have 5 => reannounced 5 disowned_in 18 note:reannounced",
        "20 Y DontHave 6 => requests 0", "21 Y Have 6 => reannounced 6 disowned_in 20 chat:reannounced",
        "22 Y DontHave 5 => requests 0", "23 Y Have 5 => reannounced 5 disowned_in 22 note:reannounced"),
};

/* --- what takes many messages --- */

/* A story of which lines are made by a program. */
struct long_story {
    struct story story;
    GPtrArray   *lines;
};

static void G_GNUC_PRINTF(2, 3)
tell(struct long_story *told, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_ptr_array_add(told->lines, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static void
begin(struct long_story *told, const char *rule, const char *const *before)
{
    memset(told, 0, sizeof *told);
    told->lines = g_ptr_array_new_with_free_func(g_free);
    told->story.rule = rule;
    told->story.before = before;
}

static void
play(struct long_story *told)
{
    g_ptr_array_add(told->lines, NULL);
    told->story.lines = (const char *const *)told->lines->pdata;
    story_play(&told->story);
    g_ptr_array_free(told->lines, TRUE);
}

/* storm: once per connection and direction: more than 64 DontHaves within a second. */
static void
storm(void)
{
    static const struct {
        double   apart;         /* seconds between two DontHaves */
        unsigned told_at;       /* which one is the storm; 0: none */
    } cases[] = { { 0, 65 }, { 0.015, 65 }, { 1.0 / 64, 65 }, { 0.0157, 0 }, { 0.1, 0 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct long_story told;
        begin(&told, "storm", WITHOUT_FAST);
        for (unsigned n = 1; n <= 200; n++) {
            tell(&told, "%u Y @%.9f DontHave %u => requests 0%s%s", 9 + n, 10 + n * cases[i].apart, n % 32,
                 n > 32 ? " note:redundant" : "", n == cases[i].told_at ? " note:storm" : "");
        }
        play(&told);
    }
}

/* 64 are none, and each direction has its own count. */
static void
no_storm(void)
{
    struct long_story told;

    begin(&told, "storm", WITHOUT_FAST);
    for (unsigned n = 0; n < 64; n++) {
        tell(&told, "10 Y DontHave %u => requests 0%s", n % 32, n >= 32 ? " note:redundant" : "");
        tell(&told, "10 X DontHave %u => requests 0%s", 16 + n % 16, n >= 16 ? " note:redundant" : "");
    }
    tell(&told, "12 Y DontHave 1 => requests 0 note:redundant");
    play(&told);
}

/* Every message of a frame has a note of its own. */
static void
forty_in_a_frame(void)
{
    struct long_story told;

    begin(&told, "Forty messages in a frame keep forty notes.", WITHOUT_FAST);
    for (unsigned n = 0; n < 20; n++)
        tell(&told, "10 X Request %u 0 %u => invalidated_in 11 after 1s note:invalidated", n, n + 1);
    for (unsigned n = 20; n-- > 0; )
        tell(&told, "11 Y DontHave %u => requests 1 bytes %u request_in 10 note:invalidated", n, n + 1);
    for (unsigned n = 0; n < 20; n++)
        tell(&told, "11 Y Have %u => reannounced %u disowned_in 11 chat:reannounced", n, n);
    play(&told);
}

/* --- limits --- */

static unsigned
count_findings(const struct message_note *note, enum finding_id id)
{
    unsigned count = 0;

    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next)
        count += finding->id == id;
    return count;
}

/* limit: a cap was reached: once per connection, with the number. The oldest request makes room. */
static void
limit_of_requests(void)
{
    const struct story told = STORY("", "limit", WITHOUT_FAST, "10 X Request 0 0 16384", "11 X Request 1 0 16384");
    struct story_player player;
    unsigned            limits = 0;
    char                line[64];

    story_begin(&player, &told, false);
    for (uint32_t n = 2; n < REQUESTS_MAX + 10; n++) {
        g_snprintf(line, sizeof line, "%u X Request %u 0 16384", 10 + n, n);
        story_play_line(&player, line);
        const struct message_note *note = notes_of_frame(&player.connection->notes, 10 + n);
        if (note == NULL)
            continue;
        g_assert_cmpuint(n, ==, REQUESTS_MAX);
        limits += count_findings(note, FINDING_LIMIT);
        g_assert_nonnull(strstr(note->findings->text, "262144"));
    }
    g_assert_cmpuint(limits, ==, 1);
    story_play_line(&player, "999999 Y DontHave 1");
    g_assert_cmpuint(notes_of_frame(&player.connection->notes, 999999)->extended->donthave->requests, ==, 0);
    story_end(&player);
}

/* limit, of the pieces that are disowned: the one disowned first makes room. */
static void
limit_of_disowned_pieces(void)
{
    const struct story from_the_middle = STORY("", "limit", NULL, "3 X Extensions {11:lt_donthavei3e}",
                                               "4 Y DontHave 0");
    struct story_player    player;
    struct ledger         *ledger;
    struct message_note   *note;
    struct message_context context = { .frame = 5 };

    story_begin(&player, &from_the_middle, false);
    ledger = player.connection->ledger;
    note = notes_get(&player.connection->notes, PEER_B, &context);
    note->extended = wmem_new0(player.scope, struct extended_note);
    note->extended->donthave = wmem_new0(player.scope, struct donthave_note);
    for (uint32_t n = 1; n < DISOWNED_PIECES_MAX + 10; n++) {
        note->extended->donthave->piece = n;
        context.time = n * INT64_C(1000000000);
        ledger_donthave(ledger, PEER_B, note, &context);
        g_assert_cmpuint(count_findings(note, FINDING_LIMIT), ==, n >= DISOWNED_PIECES_MAX);
    }
    g_assert_null(note->findings->next);
    story_play_line(&player, "11 X Request 0 0 1");
    g_assert_null(notes_of_frame(&player.connection->notes, 11));
    story_play_line(&player, "12 X Request 10 0 1");
    g_assert_nonnull(notes_of_frame(&player.connection->notes, 12)->late_request);
    story_end(&player);
}

/* limit, of the names in a handshake: once, also where there is no ledger. */
static void
limit_of_names(void)
{
    struct long_story told;
    GString          *names = g_string_new("{");

    for (unsigned n = 0; n <= EXTENSION_NAMES_MAX; n++)
        g_string_append_printf(names, "5:x%04ui1e", n);
    g_string_append(names, "}");
    begin(&told, "limit: once per connection", NULL);
    tell(&told, "1 X Handshake");
    tell(&told, "2 Y Handshake");
    tell(&told, "3 X Extensions %s => note:limit", names->str);
    tell(&told, "4 Y Extensions %s", names->str);
    tell(&told, "5 X Extensions %s", names->str);
    play(&told);
    g_string_free(names, TRUE);
}

/* Have All takes a hundred thousand DontHaves back: in linear time. */
static void
many_taken_back(void)
{
    enum { PIECES = 100000 };
    const struct story from_the_middle = STORY("", "", NULL, "3 X Extensions {11:lt_donthavei3e}");
    struct story_player player;
    unsigned            count = 0;
    char                line[64];
    double              took;

    story_begin(&player, &from_the_middle, false);
    for (unsigned n = 0; n < PIECES; n++) {
        g_snprintf(line, sizeof line, "%u Y DontHave %u", 10 + n, n);
        story_play_line(&player, line);
    }
    g_test_timer_start();
    story_play_line(&player, "200000 Y HaveAll");
    took = g_test_timer_elapsed();
    for (const struct reannounced_note *item = notes_of_frame(&player.connection->notes, 200000)->reannounced;
         item != NULL; item = item->next)
        g_assert_cmpuint(item->piece, ==, count++);
    g_assert_cmpuint(count, ==, PIECES);
    g_test_message("%d pieces announced again in %.2f s", PIECES, took);
    g_assert_cmpfloat(took, <, 5);
    story_end(&player);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    story_add_tests("/anomalies/senders", senders, G_N_ELEMENTS(senders));
    story_add_tests("/anomalies/answers", answers, G_N_ELEMENTS(answers));
    story_add_tests("/anomalies/reannouncements", reannouncements, G_N_ELEMENTS(reannouncements));
    g_test_add_func("/anomalies/storm", storm);
    g_test_add_func("/anomalies/no_storm", no_storm);
    g_test_add_func("/anomalies/forty_in_a_frame", forty_in_a_frame);
    g_test_add_func("/anomalies/limit_of_requests", limit_of_requests);
    g_test_add_func("/anomalies/limit_of_disowned_pieces", limit_of_disowned_pieces);
    g_test_add_func("/anomalies/limit_of_names", limit_of_names);
    g_test_add_func("/anomalies/many_taken_back", many_taken_back);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
