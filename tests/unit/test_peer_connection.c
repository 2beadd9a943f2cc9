/* test_peer_connection.c
 * What a connection knows besides the ledger: what came after a DontHave, which connections need a ledger, and how much
 * memory all of it takes. What it makes of holes: tests/stories/holes.story.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "story.h"

/* From sanitizer/allocator_interface.h, which not every compiler installs. */
size_t __sanitizer_get_current_allocated_bytes(void);

static void
begin_with_fast(struct story_player *player)
{
    story_begin(player, "", false);
    story_tell(player, "1 X Handshake fast");
    story_tell(player, "2 Y Handshake fast");
    story_tell(player, "3 X Extensions {11:lt_donthavei3e}");
}

/* closed_after: RST or FIN of the receiver, or a uTP close, within 10 packets of a DontHave. */
static void
closed_after(void)
{
    static const struct {
        unsigned packets;       /* after the DontHave, the one that closes among them */
        char     closed_by;
        bool     told;
    } cases[] = {
        { 0, 'X', false },              /* the DontHave became readable with it */
        { 1, 'X', true }, { 9, 'X', true }, { 10, 'X', true }, { 11, 'X', false }, { 1, 'Y', false }, { 10, 'Y', false }
    };
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        struct story_player player;
        bool                swapped = i % 2 == 1;
        enum peer_side      closed_by = (cases[i / 2].closed_by == 'Y') != swapped ? PEER_B : PEER_A;

        story_begin(&player, "", swapped);
        story_tell(&player, "3 X Extensions {11:lt_donthavei3e}");
        story_tell(&player, "10 Y DontHave 5");
        peer_connection_packet(player.connection, PEER_A, 10, INT64_C(10000000000), false);    /* that of the DontHave */
        g_assert_true(peer_connection_watches(player.connection));
        for (unsigned n = 1; n < cases[i / 2].packets; n++)
            peer_connection_packet(player.connection, n % 2 ? PEER_A : PEER_B, 10 + n, INT64_C(11000000000), false);
        peer_connection_packet(player.connection, closed_by, 10 + cases[i / 2].packets, INT64_C(12000000000), true);
        g_assert_false(peer_connection_watches(player.connection));
        peer_connection_packet(player.connection, closed_by, 30, INT64_C(12000000000), true);
        const struct finding *finding = story_first_finding(player.connection, 10);
        g_test_message("%u packets by %c", cases[i / 2].packets, cases[i / 2].closed_by);
        g_assert_cmpint(finding != NULL && finding->kind == &donthave_findings.closed_after && finding->next == NULL, ==,
                        cases[i / 2].told);
        story_end(&player);
    }
}

/* The packets are counted from the last DontHave on. */
static void
closed_after_the_last(void)
{
    struct story_player player;

    begin_with_fast(&player);
    story_tell(&player, "10 Y DontHave 5");
    for (uint32_t frame = 11; frame < 17; frame++)
        peer_connection_packet(player.connection, PEER_A, frame, INT64_C(11000000000), false);
    story_tell(&player, "17 Y DontHave 6");
    for (uint32_t frame = 18; frame < 26; frame++)
        peer_connection_packet(player.connection, PEER_A, frame, INT64_C(11000000000), false);
    peer_connection_packet(player.connection, PEER_A, 26, INT64_C(12000000000), true);
    const struct finding *finding = story_first_finding(player.connection, 17);
    while (finding != NULL && finding->kind != &donthave_findings.closed_after)
        finding = finding->next;
    g_assert_nonnull(finding);
    g_assert_nonnull(strstr(finding->text, "frame 26, 9 packets after"));
    story_end(&player);
}

/* What may be missing was said after the message that was taken last. */
static void
heard_since(void)
{
    struct story_player player;

    begin_with_fast(&player);
    story_tell(&player, "10 Y DontHave 5");
    g_assert_true(peer_connection_heard_since(player.connection, PEER_B, 10));
    peer_connection_gap(player.connection, PEER_B);
    g_assert_false(peer_connection_heard_since(player.connection, PEER_B, 10));
    g_assert_true(peer_connection_heard_since(player.connection, PEER_B, 11));
    g_assert_true(peer_connection_heard_since(player.connection, PEER_A, 10));
    story_end(&player);
}

/* double_reject: only where all was read that the Reject answers. What came late does not make it less. */
static void
read_all_before(void)
{
    static const uint8_t   interested[] = { 0, 0, 0, 1, 2 };
    struct story_player    player;
    struct message_context context = { .from = PEER_A, .frame = 11, .size = sizeof interested, .end_ack = 100 };
    struct message_context reject = { .from = PEER_B, .has_ack = true, .ack = 100 };

    begin_with_fast(&player);
    peer_connection_message(player.connection, interested, sizeof interested, sizeof interested, &context);
    g_assert_true(peer_connection_read_all_before(player.connection, &reject));
    context.end_ack = 50;
    peer_connection_message(player.connection, interested, sizeof interested, sizeof interested, &context);
    g_assert_true(peer_connection_read_all_before(player.connection, &reject));
    reject.ack = 101;
    g_assert_false(peer_connection_read_all_before(player.connection, &reject));
    story_end(&player);
}

/* A Reject that its sender wrote when it had requests that were not seen yet may answer one of them. */
static void
reject_of_what_is_to_come(void)
{
    for (unsigned more = 0; more <= 1; more++) {
        static const uint8_t reject[] = { 0, 0, 0, 13, PEER_REJECT_REQUEST, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 64, 0 };
        struct story_player  player;

        begin_with_fast(&player);
        story_tell(&player, "10 Y DontHave 5");

        struct message_context context = { .from = PEER_B, .frame = 11, .size = sizeof reject, .has_ack = true };
        context.ack = player.connection->read_to[PEER_A] + more;
        peer_connection_message(player.connection, reject, sizeof reject, sizeof reject, &context);
        const struct finding *finding = story_first_finding(player.connection, 11);
        g_assert_cmpint(finding != NULL && finding->kind == &donthave_findings.double_reject, ==, more == 0);
        story_end(&player);
    }
}

/* unrejected: not when the connection or the capture ended within a round trip; a second, where none was measured. */
static void
answer_was_due(void)
{
    static const int64_t ms = 1000000;
    static const struct {
        int64_t round_trip, end;        /* ms; the DontHave comes at 1000 */
        bool    due;
    } cases[] = {
        { 0, 2000, false }, { 0, 2001, true }, { 300, 1300, false }, { 300, 1301, true },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct story_player player;

        begin_with_fast(&player);
        player.connection->round_trip = cases[i].round_trip * ms;
        g_assert_cmpint(peer_connection_answer_was_due(player.connection, 1000 * ms, cases[i].end * ms), ==,
                        cases[i].due);
        story_end(&player);
    }
}

static void
dont_have_at(struct story_player *player, uint32_t frame, int64_t time)
{
    static const uint8_t   donthave[] = { 0, 0, 0, 6, 20, STORY_Y_ID, 0, 0, 0, 5 };
    struct message_context context = { .from = PEER_B, .frame = frame, .time = time, .size = sizeof donthave };

    peer_connection_message(player->connection, donthave, sizeof donthave, sizeof donthave, &context);
}

static bool
has_storm(struct story_player *player, uint32_t frame)
{
    for (const struct finding *finding = story_first_finding(player->connection, frame); finding != NULL;
            finding = finding->next) {
        if (finding->kind == &donthave_findings.storm)
            return true;
    }
    return false;
}

/* storm: the last of 65 DontHaves within a second. A clock that steps back makes none. */
static void
storm(void)
{
    for (unsigned back = 0; back <= 1; back++) {
        struct story_player player;

        begin_with_fast(&player);
        for (uint32_t frame = 10; frame < 74; frame++)
            dont_have_at(&player, frame, 100 * NS_PER_S);
        g_assert_false(has_storm(&player, 73));
        dont_have_at(&player, 74, back ? 50 * NS_PER_S : 101 * NS_PER_S);
        g_assert_cmpint(has_storm(&player, 74), ==, !back);
        story_end(&player);
    }
}

/* Late Requests for a piece are counted from the DontHave on that disowned it last. */
static void
late_requests_are_counted(void)
{
    struct story_player player;

    begin_with_fast(&player);
    story_tell(&player, "10 Y DontHave 5");
    story_tell(&player, "11 X Request 5 0 16384");
    story_tell(&player, "12 X Request 5 16384 16384");
    story_tell(&player, "13 Y Have 5");
    story_tell(&player, "14 Y DontHave 5");
    story_tell(&player, "15 X Request 5 32768 16384");
    g_assert_true(g_str_has_prefix(story_first_finding(player.connection, 11)->text, "Request 1 for piece 5"));
    g_assert_true(g_str_has_prefix(story_first_finding(player.connection, 12)->text, "Request 2 for piece 5"));
    g_assert_true(g_str_has_prefix(story_first_finding(player.connection, 15)->text, "Request 1 for piece 5"));
    story_end(&player);
}

/* A connection is watched while an answer is due, however many packets later it closes. */
static void
close_is_seen(void)
{
    struct story_player player;

    begin_with_fast(&player);
    story_tell(&player, "10 X Request 5 0 16384");
    story_tell(&player, "11 Y DontHave 5");
    for (unsigned n = 0; n < 50; n++)
        peer_connection_packet(player.connection, PEER_A, 12 + n, INT64_C(11000000000) + n, false);
    g_assert_true(peer_connection_watches(player.connection));
    peer_connection_packet(player.connection, PEER_B, 70, INT64_C(12000000000), true);
    g_assert_cmpint(player.connection->closed_at, ==, INT64_C(12000000000));
    peer_connection_packet(player.connection, PEER_A, 71, INT64_C(13000000000), true); /* and so does the other */
    g_assert_cmpint(player.connection->closed_at, ==, INT64_C(12000000000));
    story_tell(&player, "72 Y Reject 5 0 16384");
    g_assert_false(peer_connection_watches(player.connection));
    story_end(&player);
}

/* A second handshake on the same ports: what the first connection had not answered within a round trip is excused. */
static void
new_handshake_excuses(void)
{
    static const struct {
        const char *last;           /* the last message of the first connection; the DontHave comes at 11 */
        bool        excused;
    } cases[] = { { "11 Y Choke", true }, { "12 Y Choke", true }, { "13 Y Choke", false } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct story_player  player;
        struct message_note *const *end;

        begin_with_fast(&player);
        story_tell(&player, "10 X Request 5 0 16384");
        story_tell(&player, "11 Y DontHave 5");
        story_tell(&player, cases[i].last);
        g_assert_true(peer_connection_watches(player.connection));
        story_tell(&player, "30 X Handshake fast");
        g_assert_false(peer_connection_watches(player.connection));     /* nothing of the first one is waited for */
        const struct message_note  *note = *notes_of_frame(&player.connection->notes, 11, true, &end);
        const struct donthave_note *donthave = (const struct donthave_note *)note->details;
        g_assert_cmpuint(donthave->unrejected, ==, 1);
        g_assert_cmpint(donthave->excused, ==, cases[i].excused);
        story_end(&player);
    }
}

/* A connection that cannot use BEP 10 at all keeps no requests. A later handshake may offer what the first did not. */
static void
no_transfers(void)
{
#define SHAKEN "1 X Handshake", "2 Y Handshake"
    static const struct {
        const char *lines[6];
        bool        transfers;
    } cases[] = {
        { { SHAKEN, "10 X Request 5 0 1" }, true },             /* may still come */
        { { SHAKEN, "3 X Extensions {11:lt_donthavei3e}", "4 Y Extensions {11:lt_donthavei7e}", "10 X Request 5 0 1" },
          true },
        { { "10 X Request 5 0 1" }, true },
        { { SHAKEN, "10 X Extensions de", "11 X Request 5 0 1" }, true },
        { { SHAKEN, "10 X Extensions de", "11 Y Extensions de", "12 X Request 5 0 1" }, true },
        { { SHAKEN, "10 X Request 5 0 1", "11 X Extensions de", "12 Y Extensions de" }, true },
        { { "1 X Handshake plain", "10 Y Request 5 0 1" }, false },
        { { "1 X Handshake", "2 Y Handshake plain", "10 X Request 5 0 1" }, false },
        { { SHAKEN, "10 X Extensions de", "11 Y Extensions {11:lt_donthavei3e}", "12 X Request 5 0 1" }, true },
    };

    for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        struct story_player player;

        story_begin(&player, "", i % 2 == 1);
        for (const char *const *line = cases[i / 2].lines; *line != NULL; line++)
            story_tell(&player, *line);
        g_test_message("case %u", (unsigned)i / 2 + 1);
        g_assert_cmpint(player.connection->transfers != NULL, ==, cases[i / 2].transfers);
        story_end(&player);
    }
}

/* A handshake that the capture cut before its reserved bytes does not say that its sender is without BEP 10. */
static void
cut_handshake(void)
{
    static const uint8_t   handshake[] = "\x13" "BitTorrent protocol";
    struct message_context context = { .from = PEER_A, .frame = 1, .size = PEER_HANDSHAKE_SIZE };
    struct story_player    player;

    story_begin(&player, "", false);
    peer_connection_message(player.connection, handshake, sizeof handshake - 1, PEER_HANDSHAKE_SIZE, &context);
    story_tell(&player, "3 X Extensions {11:lt_donthavei3e} => negotiated 3");
    story_tell(&player, "10 X Request 5 0 16384 => invalidated_in 11 after 1s note:invalidated");
    story_tell(&player, "11 Y DontHave 5 => requests 1 bytes 16384 request_in 10 note:invalidated");
    story_compare(&player);
    story_end(&player);
}

/* limit is told once for a connection: another one on the same ports tells its own. */
static void
limit_of_each_connection(void)
{
    struct story_player player;

    begin_with_fast(&player);
    for (uint32_t frame = 10; frame <= 13; frame++) {
        struct message_context context = { .from = PEER_B, .frame = frame };
        if (frame == 12)
            story_tell(&player, "12 X Handshake fast");
        peer_connection_limit(player.connection, &context, "things", 7);
        g_assert_cmpint(context.note != NULL, ==, frame == 10 || frame == 12);
    }
    story_end(&player);
}

/* --- memory, all of it, as AddressSanitizer counts it --- */

static void
send_block(struct story_player *player, enum peer_side from, unsigned id, uint32_t number)
{
    uint8_t               bytes[PEER_REQUEST_SIZE] = { 0, 0, 0, 13, (uint8_t)id };
    struct message_context context = { .from = from, .frame = 100 + number, .time = number,
                                       .place = PEER_REQUEST_SIZE * number, .size = sizeof bytes,
                                       .end_ack = PEER_REQUEST_SIZE * number };
    uint32_t              piece = GUINT32_TO_BE(number / 64), begin = GUINT32_TO_BE(number % 64 * 16384);

    memcpy(bytes + 5, &piece, 4);
    memcpy(bytes + 9, &begin, 4);
    peer_connection_message(player->connection, bytes, sizeof bytes, sizeof bytes, &context);
}

/* "Memory per outstanding request; per finished one: at most 96 bytes; 0." */
static void
memory(void)
{
    static const unsigned finishes[] = { PEER_PIECE, PEER_REJECT_REQUEST };
    enum { OUTSTANDING = 100000, FINISHED = 200000 };

    for (size_t i = 0; i < G_N_ELEMENTS(finishes); i++) {
        struct story_player player;
        begin_with_fast(&player);
        story_tell(&player, "10 X Unchoke");
        for (uint32_t n = 0; n < 1000; n++) {
            send_block(&player, PEER_A, PEER_REQUEST, n);
            send_block(&player, PEER_B, finishes[i], n);
        }
        size_t before = __sanitizer_get_current_allocated_bytes();
        for (uint32_t n = 1000; n < FINISHED; n++) {
            send_block(&player, PEER_A, PEER_REQUEST, n);
            send_block(&player, PEER_B, finishes[i], n);
        }
        g_assert_cmpuint(__sanitizer_get_current_allocated_bytes(), ==, before);

        for (uint32_t n = 0; n < OUTSTANDING; n++)
            send_block(&player, PEER_A, PEER_REQUEST, n);
        size_t taken = __sanitizer_get_current_allocated_bytes() - before;
        g_test_message("%.1f bytes for an outstanding request", (double)taken / OUTSTANDING);
        g_assert_cmpuint(taken, <=, 96 * OUTSTANDING);
        story_end(&player);
    }
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    g_test_add_func("/peer_connection/closed_after", closed_after);
    g_test_add_func("/peer_connection/closed_after_the_last", closed_after_the_last);
    g_test_add_func("/peer_connection/heard_since", heard_since);
    g_test_add_func("/peer_connection/read_all_before", read_all_before);
    g_test_add_func("/peer_connection/reject_of_what_is_to_come", reject_of_what_is_to_come);
    g_test_add_func("/peer_connection/cut_handshake", cut_handshake);
    g_test_add_func("/peer_connection/limit_of_each_connection", limit_of_each_connection);
    g_test_add_func("/peer_connection/answer_was_due", answer_was_due);
    g_test_add_func("/peer_connection/storm", storm);
    g_test_add_func("/peer_connection/late_requests_are_counted", late_requests_are_counted);
    g_test_add_func("/peer_connection/close_is_seen", close_is_seen);
    g_test_add_func("/peer_connection/new_handshake_excuses", new_handshake_excuses);
    g_test_add_func("/peer_connection/no_transfers", no_transfers);
    g_test_add_func("/peer_connection/memory", memory);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
