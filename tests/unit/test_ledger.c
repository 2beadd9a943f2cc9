/* test_ledger.c
 * The rules of the ledger, one after the other: X asks, Y owns the pieces. How to read a story: story.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "story.h"

#define RULE_1 "Request (index, begin, length) by X: outstanding. The same (index, begin) again replaces the older one."
#define RULE_2 "Piece (index, begin) by Y, Cancel by X, Reject by Y with Fast: no longer outstanding."
#define RULE_3 "Choke by Y: without Fast all of X's requests are gone; with Fast they stay (each is rejected by name)."
#define RULE_4 "DontHave (n) by Y: every outstanding request of X for piece n is invalidated, once. Without Fast they " \
               "are gone (BEP 54: silently dropped). With Fast each awaits its Reject: the Reject links to it; a Piece " \
               "or a new Request for the block ends the wait. Piece n is now disowned by Y."
#define RULE_5 "Have (n), Have All, or a Bitfield with bit n set, by Y: n is no longer disowned."
#define RULE_6 "Request by X for a disowned piece: late_request, and outstanding like any other. crossed is true while " \
               "the ACK number in X's packet does not cover the whole DontHave, the first since Y last announced the " \
               "piece."
#define RULE_7 "Piece by Y for a disowned piece: late_block."

static const struct story rule_1[] = {
    STORY("one_request", RULE_1, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated",
        "12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated"),

    STORY("requests_of_that_piece_only", RULE_1, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 14 after 4s note:invalidated",
        "11 X Request 4 0 16384",
        "12 X Request 5 16384 100       => invalidated_in 14 after 2s note:invalidated",
        "13 X Request 6 0 16384",
        "14 Y DontHave 5                => requests 2 bytes 16484 request_in 10,12 note:invalidated",
        "15 Y DontHave 7                => requests 0"),

    STORY("again", RULE_1, WITHOUT_FAST,
        "10 X Request 5 0 16384",
        "11 X Request 5 0 8000          => invalidated_in 12 after 1s note:invalidated",
        "12 Y DontHave 5                => requests 1 bytes 8000 request_in 11 note:invalidated"),

    STORY("several_in_a_frame", RULE_1 " bt.donthave.request_in: frames of those requests, each frame once.", WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated",
        "10 X Request 5 16384 16384     => invalidated_in 12 after 2s note:invalidated",
        "10 X Request 6 0 16384",
        "10 X Request 5 32768 16384     => invalidated_in 12 after 2s note:invalidated",
        "11 X Request 5 49152 16384     => invalidated_in 12 after 1s note:invalidated",
        "12 Y DontHave 5                => requests 4 bytes 65536 request_in 10,11 note:invalidated"),

    STORY("any_length", RULE_1, WITHOUT_FAST,
        "10 X Request 5 0 0             => invalidated_in 12 after 2s note:invalidated",
        "11 X Request 5 1 4294967295    => invalidated_in 12 after 1s note:invalidated",
        "11 X Request 5 7 4294967295    => invalidated_in 12 after 1s note:invalidated",
        "12 Y DontHave 5                => requests 3 bytes 8589934590 request_in 10,11 note:invalidated"),

    STORY("before_the_extension_handshakes", "Requests count from the beginning of the connection.", NULL,
        "1 X Handshake", "2 Y Handshake", "3 Y Bitfield ff",
        "4 X Request 5 0 16384          => invalidated_in 6 after 2s note:invalidated",
        "5 X Extensions {11:lt_donthavei3e} => negotiated 3",
        "6 Y DontHave 5                 => requests 1 bytes 16384 request_in 4 note:invalidated"),

    STORY("both_sides", "Both peers ask, and both send DontHave: neither touches the requests of its own side.",
      WITHOUT_FAST,
        "10 X Request 16 0 16384        => invalidated_in 13 after 3s note:invalidated",
        "11 Y Request 16 0 100          => invalidated_in 12 after 1s note:invalidated",
        "12 X DontHave 16               => requests 1 bytes 100 request_in 11 note:invalidated",
        "13 Y DontHave 16               => requests 1 bytes 16384 request_in 10 note:invalidated",
        "13 Y Request 16 0 100          => late_request disowned_in 12 warn:late_request"),
};

static const struct story rule_2[] = {
    STORY("piece", RULE_2, WITHOUT_FAST,
        "10 X Request 5 0 16384", "11 X Request 5 16384 16384 => invalidated_in 13 after 2s note:invalidated",
        "12 Y Piece 5 0 16384",
        "13 Y DontHave 5                => requests 1 bytes 16384 request_in 11 note:invalidated"),

    STORY("piece_of_another_block", RULE_2, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 14 after 4s note:invalidated",
        "11 Y Piece 5 16384 16384", "12 Y Piece 4 0 16384", "13 X Piece 5 0 16384",
        "14 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated"),

    STORY("cancel", RULE_2, WITHOUT_FAST,
        "10 X Request 5 0 16384", "11 X Cancel 5 0 16384", "12 Y DontHave 5 => requests 0"),

    STORY("cancel_by_the_other_side", RULE_2, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated", "11 Y Cancel 5 0 16384",
        "12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated"),

    STORY("cancel_with_fast", RULE_2 " BEP 6: a cancelled request is answered all the same, by Piece or Reject.",
      WITH_FAST,
        "10 X Request 5 0 16384", "11 X Cancel 5 0 16384", "12 Y DontHave 5 => requests 0",
        "13 Y Reject 5 0 16384"),

    STORY("reject_with_fast", RULE_2, WITH_FAST,
        "10 X Request 5 0 16384", "11 Y Reject 5 0 16384", "12 Y DontHave 5 => requests 0"),

    STORY("reject_without_fast", RULE_2, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated", "11 Y Reject 5 0 16384",
        "12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated"),

    STORY("again_after_the_answer", RULE_2, WITHOUT_FAST,
        "10 X Request 5 0 16384", "11 Y Piece 5 0 16384",
        "12 X Request 5 0 16384         => invalidated_in 13 after 1s note:invalidated",
        "13 Y DontHave 5                => requests 1 bytes 16384 request_in 12 note:invalidated"),
};

static const struct story rule_3[] = {
    STORY("without_fast", RULE_3, WITHOUT_FAST,
        "10 X Request 5 0 16384", "11 X Request 6 0 16384", "12 Y Choke",
        "13 Y DontHave 5                => requests 0",
        "14 Y Unchoke", "15 X Request 6 16384 16384     => invalidated_in 16 after 1s note:invalidated",
        "16 Y DontHave 6                => requests 1 bytes 16384 request_in 15 note:invalidated"),

    STORY("by_the_other_side", RULE_3, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated", "11 X Choke",
        "12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated"),

    STORY("with_fast", RULE_3, WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 13 after 3s rejected_in 14 note:invalidated",
        "11 X Request 6 0 16384", "12 Y Choke",
        "13 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "14 Y Reject 5 0 16384          => reject request_in 10", "15 Y Reject 6 0 16384"),

    STORY("fast_on_one_side_is_without", RULE_3 " BEP 6: both must have the bit.",
        LINES("1 X Handshake fast", "2 Y Handshake", STORY_EXTENSIONS),
        "10 X Request 5 0 16384", "11 Y Choke", "12 Y DontHave 5 => requests 0"),
};

static const struct story rule_4[] = {
    STORY("without_fast_they_are_gone", RULE_4, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 Y DontHave 5                => requests 0 note:redundant"),

    STORY("with_fast_each_awaits_its_reject", RULE_4, WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 13 after 3s rejected_in 15 note:invalidated",
        "11 X Request 5 16384 16384     => invalidated_in 13 after 2s unanswered note:invalidated",
        "12 X Request 5 32768 16384     => invalidated_in 13 after 1s rejected_in 14 note:invalidated",
        "13 Y DontHave 5                => requests 3 bytes 49152 request_in 10,11,12 unrejected 1 note:invalidated",
        "14 Y Reject 5 32768 16384      => reject request_in 12",
        "15 Y Reject 5 0 16384          => reject request_in 10"),

    STORY("reject_first", "Not an anomaly: Reject before DontHave (libtorrent when a predicted piece fails its hash).",
      WITH_FAST,
        "10 X Request 5 0 16384", "11 X Request 5 16384 16384",
        "12 Y Reject 5 0 16384", "12 Y Reject 5 16384 16384", "12 Y DontHave 5 => requests 0"),

    STORY("one_donthave_for_each_block", "libtorrent sends one DontHave per failed block, and a Reject behind it.",
      WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 12 after 2s rejected_in 13 note:invalidated",
        "11 X Request 5 16384 16384     => invalidated_in 12 after 1s rejected_in 15 note:invalidated",
        "12 Y DontHave 5                => requests 2 bytes 32768 request_in 10,11 unrejected 0 note:invalidated",
        "13 Y Reject 5 0 16384          => reject request_in 10",
        "14 Y DontHave 5                => requests 0 note:redundant",
        "15 Y Reject 5 16384 16384      => reject request_in 11"),

    STORY("piece_ends_the_wait", RULE_4, WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 Y Piece 5 0 16384           => late_block disowned_in 11 note:late_block"),

    STORY("new_request_ends_the_wait", RULE_4, WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 X Request 5 0 16384         => late_request disowned_in 11 warn:late_request warn:rerequest",
        "13 Y Reject 5 0 16384"),

    STORY("cancel_does_not_end_the_wait", RULE_4 " BEP 6: each request gets exactly one response.", WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 13 note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 X Cancel 5 0 16384",
        "13 Y Reject 5 0 16384          => reject request_in 10"),

    STORY("rejected_after_it_is_announced_again", RULE_4, WITH_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 13 note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated",
        "12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced",
        "13 Y Reject 5 0 16384          => reject request_in 10"),

    STORY("a_second_time", RULE_4, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 X Request 5 0 16384         => late_request disowned_in 11 invalidated_in 13 after 1s warn:late_request "
                                          "note:invalidated",
        "13 Y DontHave 5                => requests 1 bytes 16384 request_in 12 note:redundant note:invalidated"),

    STORY("time_to_the_donthave", "bt.donthave.request.time: from the Request to the DontHave.", WITHOUT_FAST,
        "10 X @10.25 Request 5 0 16384  => invalidated_in 11 after 0.5s note:invalidated",
        "11 Y @10.75 DontHave 5         => requests 1 bytes 16384 request_in 10 note:invalidated"),
};

static const struct story rule_5[] = {
    STORY("have", RULE_5, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 Y Have 4", "12 X Have 5",
        "13 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced",
        "14 X Request 5 0 16384", "15 Y Piece 5 0 16384", "16 Y Have 5"),

    STORY("have_all", RULE_5, WITH_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y DontHave 3 => requests 0",
        "12 Y HaveAll                   => reannounced 5 disowned_in 10 reannounced 3 disowned_in 11 "
                                          "chat:reannounced chat:reannounced",
        "13 X Request 5 0 16384"),

    STORY("bitfield", RULE_5 " A second Bitfield replaces the first.", WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y DontHave 3 => requests 0",
        "12 Y Bitfield 04000000         => reannounced 5 disowned_in 10 chat:reannounced",
        "13 X Request 5 0 16384",
        "14 X Request 3 0 16384         => late_request disowned_in 11 warn:late_request"),

    STORY("have_none_takes_nothing_back", RULE_5, WITH_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y HaveNone",
        "12 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request"),

    STORY("disowned_in_is_the_first_since", "disowned_in: the first DontHave since the piece was last announced.",
      WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 Y DontHave 5                => requests 0 note:redundant",
        "12 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced",
        "13 Y DontHave 5                => requests 0",
        "14 Y DontHave 5                => requests 0 note:redundant",
        "15 X Request 5 0 16384         => late_request disowned_in 13 warn:late_request",
        "16 Y Have 5                    => reannounced 5 disowned_in 13 chat:reannounced"),
};

static const struct story rule_6[] = {
    STORY("after", RULE_6, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request"),

    STORY("crossed", RULE_6, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0", "11 Y Interested",
        "12 X acks 9 Request 5 0 16384  => late_request disowned_in 10 crossed chat:late_request",
        "13 X acks 10-1 Request 5 1 10  => late_request disowned_in 10 crossed chat:late_request",
        "14 X acks 10 Request 5 2 10    => late_request disowned_in 10 warn:late_request",
        "15 X acks 11 Request 5 3 10    => late_request disowned_in 10 warn:late_request"),

    STORY("from_the_ack_and_not_from_time", RULE_6, WITHOUT_FAST,
        "10 Y @10 DontHave 5            => requests 0",
        "99 X @900 acks 9 Request 5 0 1 => late_request disowned_in 10 crossed chat:late_request"),

    STORY("no_ack_number", "Unknown is not wrong.", WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 X acks none Request 5 0 1   => late_request disowned_in 10 crossed chat:late_request"),

    STORY("the_first_donthave_counts", RULE_6, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 Y DontHave 5                => requests 0 note:redundant",
        "12 X acks 10 Request 5 0 16384 => late_request disowned_in 10 warn:late_request"),

    STORY("the_first_since_it_was_announced", RULE_6, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced",
        "12 Y DontHave 5                => requests 0",
        "13 X acks 11 Request 5 0 16384 => late_request disowned_in 12 crossed chat:late_request"),

    STORY("outstanding_like_any_other", RULE_6, WITH_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 X Request 5 0 16384         => late_request disowned_in 10 invalidated_in 12 after 1s rejected_in 13 "
                                          "warn:late_request note:invalidated",
        "12 Y DontHave 5                => requests 1 bytes 16384 request_in 11 unrejected 0 note:redundant "
                                          "note:invalidated",
        "13 Y Reject 5 0 16384          => reject request_in 11"),
};

static const struct story rule_7[] = {
    STORY("older_request", RULE_7 " Note where the request is older than the DontHave.", WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 Y Piece 5 0 16384           => late_block disowned_in 11 note:late_block"),

    STORY("newer_request", RULE_7 " Warn where the request is newer than the DontHave.", WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request",
        "12 Y Piece 5 0 16384           => late_block disowned_in 10 warn:late_block"),

    STORY("newer_request_invalidated", RULE_7 " Warn where the request is newer than the DontHave.", WITH_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 X Request 5 0 16384         => late_request disowned_in 10 invalidated_in 12 after 1s warn:late_request "
                                          "note:invalidated",
        "12 Y DontHave 5                => requests 1 bytes 16384 request_in 11 unrejected 0 note:redundant "
                                          "note:invalidated",
        "13 Y Piece 5 0 16384           => late_block disowned_in 10 warn:late_block"),

    STORY("nobody_asked", RULE_7, WITHOUT_FAST,
        "10 Y DontHave 5                => requests 0",
        "11 Y Piece 5 0 16384           => late_block disowned_in 10 note:late_block"),

    STORY("after_it_was_announced_again", RULE_7, WITHOUT_FAST,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated",
        "12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced",
        "13 Y Piece 5 0 16384"),

    STORY("before_the_donthave", RULE_7, WITHOUT_FAST,
        "10 X Request 5 0 16384", "11 Y Piece 5 0 16384", "12 Y DontHave 5 => requests 0"),
};

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    story_add_tests("/ledger/rule_1", rule_1, G_N_ELEMENTS(rule_1));
    story_add_tests("/ledger/rule_2", rule_2, G_N_ELEMENTS(rule_2));
    story_add_tests("/ledger/rule_3", rule_3, G_N_ELEMENTS(rule_3));
    story_add_tests("/ledger/rule_4", rule_4, G_N_ELEMENTS(rule_4));
    story_add_tests("/ledger/rule_5", rule_5, G_N_ELEMENTS(rule_5));
    story_add_tests("/ledger/rule_6", rule_6, G_N_ELEMENTS(rule_6));
    story_add_tests("/ledger/rule_7", rule_7, G_N_ELEMENTS(rule_7));
    result = g_test_run();
    wmem_cleanup();
    return result;
}
