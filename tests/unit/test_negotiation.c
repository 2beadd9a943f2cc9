/* test_negotiation.c
 * Which extended message is a DontHave, and what is wrong with its id or its payload. How to read a story: story.h.
 * X gave lt_donthave the id 3, and Y 7: Y writes 3, and X writes 7.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "story.h"

#define RULE_8 "The id that Y writes is the one in X's last extension handshake: m.lt_donthave, 1 to 255. Handshakes add " \
               "up: a key that is missing keeps its id, 0 switches it off (BEP 10). Each direction has its own id; one " \
               "side may have advertised nothing (BEP 54 allows it)."
#define RULE_9 "A DontHave is an extended message whose id resolves to lt_donthave, whatever its length: a payload that " \
               "is not four bytes is shown and flagged, and changes no state."

/* Only the handshakes of BEP 3, and who has what. */
#define SHAKEN LINES("1 X Handshake", "2 Y Handshake", "5 Y Bitfield ffffffff", "6 X Bitfield 0000ffff")

#define STORY_IDS(the_name, the_rule, the_before, ...) \
    { .name = the_name, .rule = the_rule, .before = the_before, .lines = LINES(__VA_ARGS__), .ids = true }
#define STORY_FALLBACK(the_name, the_rule, the_before, ...) \
    { .name = the_name, .rule = the_rule, .before = the_before, .lines = LINES(__VA_ARGS__), .ids = true, \
      .fallback_id = 9 }

static const struct story ids[] = {
    STORY_IDS("each_direction_has_its_own", RULE_8, WITHOUT_FAST,
        "10 Y Extended 3 00000005       => id 3 assigned_in 3 DontHave 5",
        "11 X Extended 7 00000010       => id 7 assigned_in 4 DontHave 16"),

    STORY_IDS("fast", "bt.donthave.fast: Fast extension (BEP 6) negotiated by both.", WITH_FAST,
        "10 Y Extended 3 00000005       => id 3 assigned_in 3 fast DontHave 5"),

    STORY_IDS("one_side_advertised_nothing", RULE_8, SHAKEN,
        "10 X Extensions {11:lt_donthavei3e} => negotiated 3", "11 Y Extensions de",
        "12 Y Extended 3 00000005       => id 3 assigned_in 10 DontHave 5"),

    STORY_IDS("handshakes_add_up", RULE_8, SHAKEN,
        "10 X Extensions {11:lt_donthavei3e6:ut_pexi1e} => negotiated 3",
        "11 X Extensions {11:ut_metadatai2e}", "12 X Extensions de",
        "13 Y Extended 3 00000005       => id 3 assigned_in 10 DontHave 5",
        "14 Y Extended 1 00000005       => extended ut_pex",
        "15 Y Extended 2 00000005       => extended ut_metadata"),

    STORY_IDS("renumbered", RULE_8, WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei9e} => negotiated 9 note:renumbered",
        "11 Y Extended 9 00000005       => id 9 assigned_in 10 DontHave 5",
        "12 Y Extended 3 00000006       => extended unknown"),

    STORY_IDS("renumbered_to_the_same", RULE_8, WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei3e} => negotiated 3",
        "11 Y Extended 3 00000005       => id 3 assigned_in 10 DontHave 5"),

    STORY_IDS("renumbering_crosses", "The old id counts while the new one is not acknowledged.", WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei9e} => negotiated 9 note:renumbered",
        "11 Y acks 9 Extended 3 00000005 => id 3 assigned_in 3 DontHave 5",
        "12 Y acks 10-1 Extended 3 00000006 => id 3 assigned_in 3 DontHave 6",
        "13 Y acks 10 Extended 3 00000007 => extended unknown"),

    STORY_IDS("id_255", RULE_8, SHAKEN,
        "10 X Extensions {11:lt_donthavei255e} => negotiated 255",
        "11 Y Extended 255 00000005     => id 255 assigned_in 10 DontHave 5"),

    STORY_IDS("before_its_handshake", "An id used before its handshake: nobody knows what it means.", SHAKEN,
        "10 Y Extended 3 00000005       => extended unknown",
        "11 X Extensions {11:lt_donthavei3e} => negotiated 3",
        "12 Y Extended 3 00000005       => id 3 assigned_in 11 DontHave 5"),

    STORY_IDS("other_names_are_never_taken", "The same number means different things on the two sides.", SHAKEN,
        "10 X Extensions {11:lt_donthavei3e11:upload_onlyi7e} => negotiated 3",
        "11 Y Extensions {11:lt_donthavei7e11:upload_onlyi3e} => negotiated 7",
        "12 Y Extended 7 00000005       => extended upload_only",
        "13 X Extended 3 00000010       => extended upload_only",
        "14 Y Extended 3 00000005       => id 3 assigned_in 10 DontHave 5"),

    STORY_IDS("a_second_connection_on_the_same_ports", "A second handshake from the same peer begins anew.", WITH_FAST,
        "10 X Request 5 0 16384",
        "20 X Handshake", "21 Y Handshake",
        "22 X Extensions {11:lt_donthavei9e} => negotiated 9",
        "23 Y Bitfield ff",
        "24 Y Extended 9 00000005       => id 9 assigned_in 22 DontHave 5"),
};

static const struct story strays[] = {
    STORY_IDS("own_id", "own_id: the sender used the id that it advertised itself, and the receiver's differs.",
        WITHOUT_FAST,
        "9 X Request 5 0 16384          => invalidated_in 10 after 1s note:invalidated",
        "10 Y Extended 7 00000005       => id 7 assigned_in 0 DontHave 5 bytes 16384 request_in 9 warn:own_id "
                                          "note:invalidated"),

    STORY_IDS("own_id_means_something_else", "Only where the receiver gave that id to nothing else.", SHAKEN,
        "10 X Extensions {11:lt_donthavei3e6:ut_pexi7e} => negotiated 3",
        "11 Y Extensions {11:lt_donthavei7e} => negotiated 7",
        "12 Y Extended 7 00000005       => extended ut_pex"),

    STORY_IDS("own_id_of_another_length", "Only with a payload of four bytes.", WITHOUT_FAST,
        "10 Y Extended 7 0000000500     => extended unknown"),

    STORY_IDS("own_id_receiver_unknown", "Unknown is not wrong: the receiver's handshake was not seen.", SHAKEN,
        "10 Y Extensions {11:lt_donthavei7e} => negotiated 7",
        "11 Y Extended 7 00000005       => extended unknown"),

    STORY_IDS("not_advertised", "not_advertised: its receiver's handshake was seen and does not offer lt_donthave; the "
        "id is the one that its sender itself advertised.", SHAKEN,
        "10 X Extensions {6:ut_pexi1e}",
        "11 Y Extensions {11:lt_donthavei7e} => negotiated 7",
        "12 Y Extended 7 00000005       => id 7 assigned_in 0 DontHave 5 warn:not_advertised",
        "13 Y Extended 8 00000005       => extended unknown",
        "14 Y Extended 1 00000005       => extended ut_pex",
        "15 Y Extended 7 000005         => extended unknown"),

    STORY_IDS("disabled", "disabled: sent after the receiver switched the extension off with id 0.", WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei0e} => negotiated 0",
        "11 Y Extended 3 00000005       => id 3 assigned_in 3 DontHave 5 warn:disabled"),

    STORY_IDS("disabled_crossing", "disabled: Note while the switch-off is not acknowledged.", WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei0e} => negotiated 0",
        "11 Y acks 9 Extended 3 00000005 => id 3 assigned_in 3 DontHave 5 note:disabled",
        "12 Y acks 10-1 Extended 3 00000006 => id 3 assigned_in 3 DontHave 6 note:disabled",
        "13 Y acks 10 Extended 3 00000007 => id 3 assigned_in 3 DontHave 7 warn:disabled"),

    STORY_IDS("disabled_and_given_to_another", RULE_8, WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei0e6:ut_pexi3e} => negotiated 0",
        "11 Y Extended 3 00000005       => extended ut_pex"),

    STORY_IDS("switched_on_again", RULE_8, WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei0e} => negotiated 0",
        "11 X Extensions {11:lt_donthavei3e} => negotiated 3",
        "12 Y Extended 3 00000005       => id 3 assigned_in 11 DontHave 5"),

    STORY_IDS("disabled_one_way_only", RULE_8, WITHOUT_FAST,
        "10 X Extensions {11:lt_donthavei0e} => negotiated 0",
        "11 X Extended 7 00000010       => id 7 assigned_in 4 DontHave 16"),

    STORY_FALLBACK("fallback", "fallback_id: id to assume where no extension handshake was captured.", NULL,
        "10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated",
        "11 Y Extended 9 00000005       => id 9 assigned_in 0 assumed DontHave 5 bytes 16384 request_in 10 "
                                          "note:id_assumed note:invalidated",
        "12 Y Extended 8 00000005       => extended unknown"),

    STORY_FALLBACK("fallback_handshake_wins", "fallback_id", SHAKEN,
        "10 X Extensions {11:lt_donthavei3e} => negotiated 3",
        "11 Y Extended 9 00000005       => extended unknown",
        "12 Y Extended 3 00000005       => id 3 assigned_in 10 DontHave 5"),

    STORY_FALLBACK("fallback_any_length", RULE_9, NULL,
        "11 Y Extended 9 0005           => id 9 assigned_in 0 assumed DontHave note:id_assumed error:length"),

    STORY_FALLBACK("fallback_not_advertised", "not_advertised: the id is the preference's.", SHAKEN,
        "10 X Extensions {6:ut_pexi1e}",
        "11 Y Extended 9 00000005       => id 9 assigned_in 0 assumed DontHave 5 warn:not_advertised "
                                          "note:id_assumed",
        "12 Y Extended 9 0005           => extended unknown"),

    STORY_FALLBACK("fallback_means_something_else", "fallback_id", SHAKEN,
        "10 X Extensions {6:ut_pexi9e}", "11 Y Extended 9 00000005 => extended ut_pex"),

    STORY("base_message", "base_message: a five-byte base message of id 18 with a piece index, where lt_donthave was "
        "negotiated.", WITHOUT_FAST,
        "10 X Request 5 0 16384",
        "11 Y Base 18 00000005          => warn:base_message",
        "12 Y Base 18 0000000500", "13 Y Base 18", "14 Y Base 19 00000005"),

    STORY("base_message_not_negotiated", "base_message", SHAKEN,
        "10 X Extensions {6:ut_pexi1e}", "11 Y Base 18 00000005"),
};

static const struct story payloads[] = {
    STORY_IDS("lengths", RULE_9 " length: payload of a DontHave is not 4 bytes.", WITHOUT_FAST,
        "10 X Request 5 0 16384",
        "11 Y Extended 3                => id 3 assigned_in 3 DontHave error:length",
        "12 Y Extended 3 00             => id 3 assigned_in 3 DontHave error:length",
        "13 Y Extended 3 000005         => id 3 assigned_in 3 DontHave error:length",
        "14 Y Extended 3 0000000500     => id 3 assigned_in 3 DontHave 5 error:length",
        "15 Y Extended 3 0000000500000006 => id 3 assigned_in 3 DontHave 5 error:length",
        "16 X Request 5 16384 16384"),

    STORY_IDS("bencoded", "bencoded: the payload looks bencoded (d...).", WITHOUT_FAST,
        "10 X Request 5 0 16384",
        "11 Y Extended 3 64353a7069656365693565 => id 3 assigned_in 3 DontHave warn:bencoded",
        "12 Y Extended 3 6465           => id 3 assigned_in 3 DontHave warn:bencoded",
        "13 X Request 5 16384 16384"),

    STORY_IDS("four_bytes_are_an_index", RULE_9, WITH_FAST,
        "9 Y HaveAll",
        "10 Y Extended 3 64313a61       => id 3 assigned_in 3 fast DontHave 1680947809 warn:out_of_range"),

    STORY_IDS("cut_by_the_capture", "Unknown is not wrong.", WITHOUT_FAST,
        "10 X Request 5 0 16384",
        "11 Y Extended 3 00000005 cut 8 => id 3 assigned_in 3 DontHave",
        "12 Y Extended 3 00000005 cut 6 => id 3 assigned_in 3 DontHave",
        "13 Y Extended 3 00000005 cut 5", "14 Y Extended 3 00000005 cut 3"),
};

#define GOOD "11:lt_donthavei3e"

static const struct story handshakes[] = {
    STORY("bad_id", "bad_id: m.lt_donthave is no integer, negative, or above 255.", SHAKEN,
        "10 X Extensions {11:lt_donthavei-1e} => warn:bad_id",
        "11 X Extensions {11:lt_donthavei256e} => warn:bad_id",
        "12 X Extensions {11:lt_donthave1:3} => warn:bad_id",
        "13 X Extensions {11:lt_donthavei1234567890123456789012345678901234567890e} => warn:bad_id",
        "14 Y Extended 1 00000005       => extended unknown"),

    STORY("bad_handshake", "bad_handshake: the extension handshake is not a bencoded dictionary.", SHAKEN,
        "10 X Extensions hello          => error:bad_handshake",
        "11 X Extensions le             => error:bad_handshake",
        "12 X Extensions d1:md          => error:bad_handshake",
        "13 X Extensions {" GOOD "}x    => negotiated 3 error:bad_handshake",
        "14 Y Extended 3 00000005       => requests 0"),

    STORY("cut_by_the_capture", "Unknown is not wrong: the rest of it was on the wire.", SHAKEN,
        "10 X Extensions {" GOOD "6:ut_pexi1e} cut 30 => negotiated 3",
        "11 Y Extensions {" GOOD "6:ut_pexi1e} cut 13",
        "12 Y Extended 3 00000005       => requests 0"),

    STORY("shared_id", "shared_id: a handshake gives lt_donthave the id of another extension.", SHAKEN,
        "10 X Extensions {6:ut_pexi3e" GOOD "} => negotiated 3 warn:shared_id",
        "11 Y Extended 3 00000005       => requests 0"),

    STORY("look_alike", "look_alike: m has a key that is lt_donthave but for case, _ or -.", SHAKEN,
        "10 X Extensions {11:LT-DontHavei3e} => note:look_alike",
        "11 Y Extended 3 00000005       => extended LT-DontHave"),

    STORY("nothing_to_say", "A clean capture raises none.", SHAKEN,
        "10 X Extensions de", "11 Y Extensions d1:v4:teste", "12 X Extensions {6:ut_pexi1e}"),
};

/* "A connection whose peers never advertised lt_donthave keeps no ledger." */
static void
no_ledger(void)
{
    const struct {
        struct story story;
        bool         ledger;
    } cases[] = {
        { STORY("", "", SHAKEN, "10 X Request 5 0 1"), true },          /* may still come */
        { STORY("", "", WITHOUT_FAST, "10 X Request 5 0 1"), true },
        { STORY("", "", NULL, "10 X Request 5 0 1"), true },
        { STORY("", "", SHAKEN, "10 X Extensions de", "11 X Request 5 0 1"), true },
        { STORY("", "", SHAKEN, "10 X Extensions de", "11 Y Extensions de", "12 X Request 5 0 1"), false },
        { STORY("", "", SHAKEN, "10 X Request 5 0 1", "11 X Extensions de", "12 Y Extensions de"), false },
        { STORY("", "", NULL, "1 X Handshake plain", "10 Y Request 5 0 1"), false },
        { STORY("", "", NULL, "1 X Handshake", "2 Y Handshake plain", "10 X Request 5 0 1"), false },
        { STORY("", "", SHAKEN, "10 X Extensions de", "11 Y Extensions {" GOOD "} => negotiated 3",
                "12 X Request 5 0 1"), true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct story_player player;
        story_begin(&player, &cases[i].story, i % 2 == 0);
        g_test_message("case %u", (unsigned)i + 1);
        g_assert_cmpint(player.connection->ledger != NULL, ==, cases[i].ledger);
        story_end(&player);
    }
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    story_add_tests("/negotiation/ids", ids, G_N_ELEMENTS(ids));
    story_add_tests("/negotiation/strays", strays, G_N_ELEMENTS(strays));
    story_add_tests("/negotiation/payloads", payloads, G_N_ELEMENTS(payloads));
    story_add_tests("/negotiation/handshakes", handshakes, G_N_ELEMENTS(handshakes));
    g_test_add_func("/negotiation/no_ledger", no_ledger);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
