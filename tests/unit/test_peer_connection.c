/* test_peer_connection.c
 * What a connection knows besides the ledger: what the capture has not, what came behind a DontHave, and how much
 * memory all of it takes. How to read a story: story.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "story.h"

/* From sanitizer/allocator_interface.h, which not every compiler installs. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define UNKNOWN "Unknown is not wrong. A capture that starts late, has a gap, or shows one direction raises none of these " \
                "without positive evidence."

/* What is missing may hold a Have, a Reject or an extension handshake. */
static const struct story holes[] = {
    STORY("late_request", UNKNOWN, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y Choke", "12 Y (hole)",
        "13 X Request 5 0 16384         => late_request disowned_in 10",
        "14 Y DontHave 6                => requests 0",
        "15 X Request 6 0 16384         => late_request disowned_in 14 warn:late_request"),

    STORY("late_request_hole_of_the_other_side", "X saw the DontHave, and nothing of Y is missing.", WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 X Choke", "12 X (hole)",
        "13 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request"),

    STORY("late_block", UNKNOWN, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y Choke", "12 Y (hole)",
        "13 Y Piece 5 0 16384           => late_block disowned_in 10"),

    STORY("redundant", UNKNOWN, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y Choke", "12 Y (hole)", "13 Y DontHave 5 => requests 0",
        "14 Y DontHave 5                => requests 0 note:redundant"),

    STORY("rerequest", UNKNOWN, WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced",
        "13 Y (hole)", "14 X Request 5 0 16384"),

    STORY("double_reject", UNKNOWN, WITH_FAST,
        "10 Y DontHave 5                => requests 0", "11 X (hole)", "12 Y Reject 5 0 16384"),

    STORY("cut_have_is_a_hole", UNKNOWN, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y Have 5 cut 6",
        "12 X Request 5 0 16384         => late_request disowned_in 10"),

    STORY("cut_block_is_none", "A block cut short by the snaplen costs nothing.", WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y Piece 6 0 16384 cut 13",
        "12 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request"),

    STORY("not_advertised", UNKNOWN, LINES("1 X Handshake", "2 Y Handshake", "3 X Extensions de",
        "4 Y Extensions {11:lt_donthavei7e} => negotiated 7", "5 Y Bitfield ffffffff"),
        "10 Y DontHave 5 => extended unknown", "11 Y Extended 7 00000005 => requests 0 warn:not_advertised",
        "12 X (hole)", "13 Y Extended 7 00000006 => requests 0"),

    STORY("disabled", UNKNOWN, WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei0e} => negotiated 0",
        "11 Y DontHave 5                => requests 0 warn:disabled", "12 X (hole)", "13 Y DontHave 6 => requests 0"),
};

/* closed_after: RST or FIN of the receiver, or a uTP close, within 10 packets of a DontHave. */
static void
closed_after(void)
{
    static const struct {
        unsigned packets;       /* behind the DontHave, the one that closes among them */
        char     closed_by;
        bool     told;
    } cases[] = {
        { 1, 'X', true }, { 9, 'X', true }, { 10, 'X', true }, { 11, 'X', false }, { 1, 'Y', false }, { 10, 'Y', false }
    };
    const struct story told = STORY("", "closed_after", WITHOUT_FAST, "10 Y DontHave 5");

    for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        struct story_player player;
        bool                swapped = i % 2 == 1;
        enum peer_side      closed_by = (cases[i / 2].closed_by == 'Y') != swapped ? PEER_B : PEER_A;

        story_begin(&player, &told, swapped);
        peer_connection_packet(player.connection, PEER_A, 10, INT64_C(10000000000), false);    /* that of the DontHave */
        g_assert_true(peer_connection_watches(player.connection));
        for (unsigned n = 1; n < cases[i / 2].packets; n++)
            peer_connection_packet(player.connection, n % 2 ? PEER_A : PEER_B, 10 + n, INT64_C(11000000000), false);
        peer_connection_packet(player.connection, closed_by, 10 + cases[i / 2].packets, INT64_C(12000000000), true);
        g_assert_false(peer_connection_watches(player.connection));
        peer_connection_packet(player.connection, closed_by, 30, INT64_C(12000000000), true);
        const struct finding *finding = notes_of_frame(&player.connection->notes, 10)->findings;
        g_test_message("%u packets by %c", cases[i / 2].packets, cases[i / 2].closed_by);
        g_assert_cmpint(finding != NULL && finding->id == FINDING_CLOSED_AFTER && finding->next == NULL, ==,
                        cases[i / 2].told);
        story_end(&player);
    }
}

/* unrejected: not when the connection or the capture ended within a round trip, or the answer may be in a hole. */
static void
answer_was_due(void)
{
    static const int64_t ms = 1000000;
    static const struct {
        int64_t round_trip, closed_at, capture_end;     /* ms; the DontHave comes at 1000 */
        bool    hole, due;
    } cases[] = {
        { 0,   0,    2000, false, false }, { 0,   0,    2001, false, true },     /* a second, where nothing is known */
        { 300, 0,    1300, false, false }, { 300, 0,    1301, false, true },
        { 300, 1300, 9000, false, false }, { 300, 1301, 9000, false, true },
        { 300, 0,    9000, true,  false },
    };
    const struct story told = STORY("", "unrejected", WITH_FAST, "10 X Request 5 0 16384", "11 Y DontHave 5");

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct story_player player;

        story_begin(&player, &told, false);
        player.connection->round_trip = cases[i].round_trip * ms;
        if (cases[i].hole)
            peer_connection_gap(player.connection, PEER_B);
        peer_connection_gap(player.connection, PEER_A);         /* of the asker: it answers nothing */
        if (cases[i].closed_at != 0)
            peer_connection_packet(player.connection, PEER_A, 12, cases[i].closed_at * ms, true);
        g_assert_cmpint(peer_connection_answer_was_due(player.connection, PEER_B, 10, 1000 * ms,
                                                       cases[i].capture_end * ms), ==, cases[i].due);
        story_end(&player);
    }
}

/* --- memory, all of it, as AddressSanitizer counts it --- */

static void
send_block(struct story_player *player, enum peer_side from, unsigned id, uint32_t number)
{
    uint8_t               bytes[17] = { 0, 0, 0, 13, (uint8_t)id };
    struct message_context context = { .frame = 100 + number, .time = number, .mark = 17 * number };
    struct stream_message wire = { .position = 17 * number, .size = sizeof bytes, .captured = sizeof bytes,
                                   .data = bytes };
    uint32_t              piece = GUINT32_TO_BE(number / 64), begin = GUINT32_TO_BE(number % 64 * 16384);

    memcpy(bytes + 5, &piece, 4);
    memcpy(bytes + 9, &begin, 4);
    peer_connection_message(player->connection, from, &wire, &context);
}

/* "Memory per outstanding request; per finished one: at most 96 bytes; 0." */
static void
memory(void)
{
    static const unsigned finishes[] = { PEER_PIECE, PEER_REJECT_REQUEST };
    const struct story    told = STORY("", "", WITH_FAST, "10 X Unchoke");
    enum { OUTSTANDING = 100000, FINISHED = 200000 };

    for (size_t i = 0; i < G_N_ELEMENTS(finishes); i++) {
        struct story_player player;
        story_begin(&player, &told, false);

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
    story_add_tests("/peer_connection/holes", holes, G_N_ELEMENTS(holes));
    g_test_add_func("/peer_connection/closed_after", closed_after);
    g_test_add_func("/peer_connection/answer_was_due", answer_was_due);
    g_test_add_func("/peer_connection/memory", memory);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
