/* test_note_costs.c
 * What notes cost: nothing where nothing shows; else so many bytes for each message that shows something, and its
 * findings; and a total for each connection. Memory is counted as Wireshark's allocator for a file hands it out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>

#include "story.h"

/* For each message that shows something. */
#define NOTE_COST_MAX   128

/* Messages of each kind. */
#define MANY            1000U

/* AddressSanitizer's <sanitizer/allocator_interface.h>, which not every compiler brings. */
extern int    __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                                        void (*on_free)(const volatile void *));
extern size_t __sanitizer_get_allocated_size(const volatile void *pointer);

static int64_t counted;

/* What wmem_block gives for an allocation: a head of 16 bytes before it, and all in multiples of 16. */
static int64_t
cost_of(size_t size)
{
    return 16 + (int64_t)((size + 15) / 16 * 16);
}

static void
on_malloc(const volatile void *pointer, size_t size)
{
    if (pointer != NULL)
        counted += cost_of(size);
}

static void
on_free(const volatile void *pointer)
{
    if (pointer != NULL)
        counted -= cost_of(__sanitizer_get_allocated_size(pointer));
}

/* What is shown of the messages of a connection, as items, and what their findings cost. */
static int64_t
cost_of_findings(const struct notes *notes, uint32_t *items)
{
    int64_t cost = 0;

    *items = 0;
    for (uint32_t i = 0; i < notes->lists->count; i++) {
        for (const struct note_detail *detail = notes->lists->ordered[i]->details; detail != NULL; detail = detail->next)
            ++*items;
        for (const struct finding *finding = notes->lists->ordered[i]->findings; finding != NULL; finding = finding->next)
            cost += cost_of(sizeof *finding + strlen(finding->text) + 1);
    }
    return cost;
}

/* A message without a line of a story, so that the story costs nothing. */
static void
send_bytes(struct story_player *player, uint32_t frame, enum peer_side from, const uint8_t *bytes, uint32_t size)
{
    struct message_context context = { .from = from, .frame = frame, .time = frame * NS_PER_S, .place = frame * size,
                                       .size = size, .end_ack = (uint64_t)frame * size };

    peer_connection_begin_packet(player->connection, frame, frame);
    peer_connection_message(player->connection, bytes, size, size, &context);
}

static uint32_t
send_extended(struct story_player *player, uint32_t frame, enum peer_side from, uint8_t id, uint32_t number)
{
    const uint8_t bytes[] = { 0, 0, 0, 6, PEER_EXTENDED, id, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8), (uint8_t)number };

    send_bytes(player, frame, from, bytes, sizeof bytes);
    return frame + 1;
}

static uint32_t
send_request(struct story_player *player, uint32_t frame, uint8_t piece, uint32_t block)
{
    const uint8_t bytes[PEER_REQUEST_SIZE] = { 0, 0, 0, 13, PEER_REQUEST, 0, 0, 0, piece, 0, (uint8_t)(block >> 8),
                                               (uint8_t)block, 0, 0, 0, 0x40, 0 };

    send_bytes(player, frame, PEER_A, bytes, sizeof bytes);
    return frame + 1;
}

/* After its end a connection costs nothing but its notes. A Request that came late, and that another DontHave invalidated
 * then, shows two items. */
static void
compare_cost(struct story_player *player, int64_t before, uint32_t wanted_items)
{
    struct message_note *const *end;
    uint32_t                    items;

    peer_connection_end(player->connection);
    peer_connection_begin_packet(player->connection, UINT32_MAX, UINT32_MAX);
    notes_of_frame(&player->connection->notes, 1, true, &end);      /* the late ones are put in order */
    int64_t cost = counted - before - cost_of_findings(&player->connection->notes, &items);
    g_test_message("%u items: %" G_GINT64_FORMAT " bytes beside their findings", items, cost);
    g_assert_cmpuint(items, ==, wanted_items);
    g_assert_cmpint(cost, <=, (int64_t)items * NOTE_COST_MAX);
}

/* The allocator of the unit tests keeps a list of what it gave away. It grows here, and not where memory is counted. */
static void
forget_bookkeeping(wmem_allocator_t *scope)
{
    enum { ALLOCATIONS = 50 * MANY };
    void **all = g_new(void *, ALLOCATIONS);

    for (unsigned i = 0; i < ALLOCATIONS; i++)
        all[i] = wmem_alloc(scope, 1);
    for (unsigned i = ALLOCATIONS; i > 0; i--)
        wmem_free(scope, all[i - 1]);
    g_free(all);
}

/* A connection with the extensions that X offers; Y knows none. */
static void
begin(struct story_player *player, const char *offered)
{
    story_begin(player, "", false);
    forget_bookkeeping(player->scope);
    if (offered != NULL)
        story_tell(player, offered);
    peer_connection_begin_packet(player->connection, 10, 10);
}

/* An extended message that nobody takes costs nothing, whether lt_donthave is offered or not, and whether its own
 * extension is known or not. */
static void
nothing_shows(void)
{
    static const char *const offers[] = {
        NULL, "3 X Extensions {6:ut_pexi1e}", "3 X Extensions {11:lt_donthavei3e}",
        "3 X Extensions {11:lt_donthavei3e6:ut_pexi1e}"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(offers); i++) {
        struct story_player player;
        uint32_t            frame = 10;
        begin(&player, offers[i]);
        frame = send_extended(&player, frame, PEER_B, 1, 5);
        uint32_t before_count = player.connection->notes.lists->count;
        int64_t  before = counted;
        while (frame < 10 + MANY)
            frame = send_extended(&player, frame, PEER_B, 1, 5);
        g_assert_cmpint(counted, ==, before);
        g_assert_cmpuint(player.connection->notes.lists->count, ==, before_count);
        story_end(&player);
    }
}

/* DontHaves, each for a piece of its own. */
static void
dont_haves(void)
{
    struct story_player player;

    begin(&player, "3 X Extensions {11:lt_donthavei3e}");
    int64_t before = counted;
    for (uint32_t frame = 10; frame < 10 + MANY;)
        frame = send_extended(&player, frame, PEER_B, STORY_Y_ID, frame);
    compare_cost(&player, before, 1 + MANY);
    story_end(&player);
}

/* In each round a Request, a DontHave that invalidates it, and the late one of the round before, a Request that comes late,
 * and a Have that takes the DontHave back. */
static void
requests(void)
{
    struct story_player player;
    uint32_t            frame = 10;

    begin(&player, "3 X Extensions {11:lt_donthavei3e}");
    int64_t before = counted;
    for (uint32_t i = 0; i < MANY; i++) {
        const uint8_t have[] = { 0, 0, 0, 5, PEER_HAVE, 0, 0, 0, 5 };
        frame = send_request(&player, frame, 5, i);
        frame = send_extended(&player, frame, PEER_B, STORY_Y_ID, 5);
        frame = send_request(&player, frame, 5, i);
        send_bytes(&player, frame++, PEER_B, have, sizeof have);
    }
    compare_cost(&player, before, 5 * MANY);
    story_end(&player);
}

/* The notes of a frame that a read filter rejects are not seen again, but their memory counts. */
static void
rejected_frames_count(void)
{
    struct story_player player;

    begin(&player, "3 X Extensions {11:lt_donthavei3e}");
    struct notes *notes = &player.connection->notes;
    uint32_t      before = notes->lists->kept;
    for (uint32_t packet = 100; packet < 110; packet++) {
        struct message_context context = { .from = PEER_A, .frame = 50, .place = packet, .size = 10 };
        notes_begin_packet(notes, 50, packet);
        notes_add_finding(notes, notes_get(notes, &context), NULL, &donthave_findings.limit, "x");
    }
    g_assert_cmpuint(notes->lists->kept, ==, before + 10);
    story_end(&player);
}

/* Beyond the total, the connection says so once, and is not followed any more. */
static void
limit_of_notes(void)
{
    struct story_player player;
    uint32_t            frame = 10, last;

    begin(&player, "3 X Extensions {11:lt_donthavei3e}");
    struct notes *notes = &player.connection->notes;
    while (!notes_full(notes))
        frame = send_extended(&player, frame, PEER_B, STORY_Y_ID, 5);
    g_assert_cmpuint(notes->lists->kept, ==, NOTES_MAX - 1);
    last = frame;
    int64_t before = counted;
    for (uint32_t i = 0; i < 10; i++)
        frame = send_extended(&player, frame, PEER_B, STORY_Y_ID, 5);
    const struct finding *told = story_first_finding(player.connection, last);
    g_assert_true(told->kind == &donthave_findings.limit && told->next == NULL);
    g_assert_nonnull(strstr(told->text, "1048576"));
    g_assert_cmpuint(notes->lists->kept, ==, NOTES_MAX);
    g_assert_cmpint(counted, <=, before + NOTE_COST_MAX + cost_of(sizeof *told + strlen(told->text) + 1));
    story_end(&player);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    g_assert_cmpint(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free), !=, 0);
    g_test_add_func("/note_costs/nothing_shows", nothing_shows);
    g_test_add_func("/note_costs/dont_haves", dont_haves);
    g_test_add_func("/note_costs/requests", requests);
    g_test_add_func("/note_costs/rejected_frames_count", rejected_frames_count);
    g_test_add_func("/note_costs/limit_of_notes", limit_of_notes);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
