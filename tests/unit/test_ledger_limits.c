/* test_ledger_limits.c
 * What a connection does at its caps, and what takes more messages than a story can tell.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/disowned_pieces.h"
#include "story.h"

/* A connection of which the capture has only this. */
static void
begin(struct story_player *player)
{
    story_begin(player, "", false);
    story_tell(player, "3 X Extensions {11:lt_donthavei3e} => negotiated 3");
}

static void G_GNUC_PRINTF(2, 3)
tell(struct story_player *player, const char *format, ...)
{
    va_list arguments;
    char   *line;

    va_start(arguments, format);
    line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    story_tell(player, line);
    g_free(line);
}

static void
compare_and_end(struct story_player *player)
{
    story_compare(player);
    story_end(player);
}

/* limit: a cap was reached: once per connection, with the number. The oldest request makes room. */
static void
limit_of_requests(void)
{
    struct story_player player;

    begin(&player);
    for (uint32_t n = 0; n < REQUESTS_MAX + 10; n++)
        tell(&player, "%u X Request %u 0 16384%s", 10 + n, n, n == REQUESTS_MAX ? " => note:limit"
             : n == 10 ? " => invalidated_in 300001 after 299981s note:invalidated" : "");
    tell(&player, "300000 Y DontHave 9 => requests 0");
    tell(&player, "300001 Y DontHave 10 => requests 1 bytes 16384 request_in 20 note:invalidated");
    g_assert_nonnull(strstr(story_first_finding(player.connection, 10 + REQUESTS_MAX)->text, "262144"));
    compare_and_end(&player);
}

/* The same, of the pieces that are disowned: the one disowned first makes room. */
static void
limit_of_disowned_pieces(void)
{
    struct story_player player;

    begin(&player);
    for (uint32_t n = 0; n < DISOWNED_PIECES_MAX + 10; n++)
        tell(&player, "%u Y DontHave %u => requests 0%s", 10 + n, n, n == DISOWNED_PIECES_MAX ? " note:limit" : "");
    tell(&player, "300000 X Request 9 0 1");
    tell(&player, "300001 X Request 10 0 1 => late_request disowned_in 20 warn:late_request");
    compare_and_end(&player);
}

/* The same, of the names in a handshake: once, also where there is no ledger. */
static void
limit_of_names(void)
{
    struct story_player player;
    GString            *names = g_string_new("{");

    for (unsigned n = 0; n <= EXTENSION_NAMES_MAX; n++)
        g_string_append_printf(names, "5:x%04ui1e", n);
    g_string_append(names, "}");
    story_begin(&player, "", false);
    tell(&player, "1 X Handshake");
    tell(&player, "2 Y Handshake");
    tell(&player, "3 X Extensions %s => note:limit", names->str);
    tell(&player, "4 Y Extensions %s", names->str);
    tell(&player, "5 X Extensions %s", names->str);
    g_string_free(names, TRUE);
    compare_and_end(&player);
}

/* Have All takes a hundred thousand DontHaves back: in linear time. */
static void
many_taken_back(void)
{
    enum { PIECES = 100000 };
    struct story_player player;
    GString            *last = g_string_new("200000 Y HaveAll =>");
    double              took;

    begin(&player);
    for (unsigned n = 0; n < PIECES; n++) {
        tell(&player, "%u Y DontHave %u => requests 0", 10 + n, n);
        g_string_append_printf(last, " reannounced %u disowned_in %u", n, 10 + n);
    }
    for (unsigned n = 0; n < PIECES; n++)
        g_string_append(last, " chat:reannounced");
    g_test_timer_start();
    story_tell(&player, last->str);
    took = g_test_timer_elapsed();
    g_test_message("%d pieces announced again in %.2f s", PIECES, took);
    g_assert_cmpfloat(took, <, 5);
    g_string_free(last, TRUE);
    compare_and_end(&player);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    g_test_add_func("/limits/requests", limit_of_requests);
    g_test_add_func("/limits/disowned_pieces", limit_of_disowned_pieces);
    g_test_add_func("/limits/names", limit_of_names);
    g_test_add_func("/limits/many_taken_back", many_taken_back);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
