/* test_peer_feed.c
 * peer_feed.c: which packets hold a message, and what the user is told of holes. Stories of holes: tests/stories.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>

#include "core/donthave/donthave.h"
#include "core/donthave/donthave_note.h"
#include "core/late_chunks.h"
#include "core/peer_feed.h"

static const struct peer_setup setup = {
    .observers = { &donthave_observer }, .observer_count = 1, .fallbacks = { { LT_DONTHAVE_NAME, { 1U << 3 } } },
    .fallback_count = 1
};

static const uint8_t donthave[] = { 0, 0, 0, 6, 20, 3, 0, 0, 0, 5 };
static const uint8_t zeros[16];

struct fixture {
    wmem_allocator_t *scope;
    struct peer_feed  feed;
};

static void
begin(struct fixture *fixture)
{
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    peer_feed_init(&fixture->feed, fixture->scope, &setup);
    peer_feed_begin(&fixture->feed, PEER_A, 0);
}

static void
end(struct fixture *fixture)
{
    peer_feed_end(&fixture->feed);
    wmem_destroy_allocator(fixture->scope);
}

static void
describe_missing(uint64_t missing, char *text, size_t size)
{
    g_snprintf(text, (gulong)size, "%" PRIu64 " bytes", missing);
}

/* Bytes that A sends, in a frame of their own. */
static void
put(struct fixture *fixture, uint32_t frame, uint64_t position, const uint8_t *data, uint32_t size)
{
    struct feed_packet packet = { .from = PEER_A, .frame = frame, .time = (int64_t)frame * NS_PER_S };
    struct feed_chunk  chunk = {
        .bytes = { .position = position, .data = data, .captured = size, .reported = size },
        .place = (uint32_t)position, .frame = frame, .describe_missing = describe_missing
    };
    uint32_t           first;

    if (position > fixture->feed.streams[PEER_A].end)
        chunk.lacking = "some bytes";
    peer_connection_begin_packet(fixture->feed.connection, frame, frame);
    peer_feed_chunk(&fixture->feed, &packet, &chunk, &first);
}

/* A packet that brings bytes again which were there holds nothing of the message. */
static void
parts(void)
{
    struct fixture              fixture;
    struct message_note *const *last;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, 5);
    put(&fixture, 2, 0, donthave, 4);
    put(&fixture, 3, 5, donthave + 5, 3);
    put(&fixture, 4, 8, donthave + 8, 2);
    const struct message_note *note = *notes_of_frame(&fixture.feed.connection->notes, 4, false, &last);
    g_assert_nonnull(note->bytes);
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, donthave, sizeof donthave);
    g_assert_cmpuint(note->bytes->frame_count, ==, 3);
    g_assert_cmpuint(note->bytes->frames[0], ==, 1);
    g_assert_cmpuint(note->bytes->frames[1], ==, 3);
    g_assert_cmpuint(note->bytes->frames[2], ==, 4);
    end(&fixture);
}

/* A hole that is filled was none; one of which a part comes is smaller. */
static void
hole_is_filled(void)
{
    struct fixture fixture;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    put(&fixture, 2, 22, zeros, 4);
    g_assert_true(fixture.feed.told[PEER_A].open);
    put(&fixture, 3, 14, zeros, 4);
    g_assert_true(fixture.feed.told[PEER_A].open && fixture.feed.connection->gaps[PEER_A] != NULL);
    put(&fixture, 4, 10, zeros, 4);
    put(&fixture, 5, 18, zeros, 4);
    g_assert_null(fixture.feed.connection->gaps[PEER_A]);
    g_assert_null(fixture.feed.late[PEER_A]);
    end(&fixture);
}

/* What is told is about the bytes before the first hole's end, whatever is missing after it. */
static void
hole_is_smaller(void)
{
    struct fixture         fixture;
    const struct peer_gap *gap;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    put(&fixture, 2, 22, zeros, 4);
    put(&fixture, 3, 100, zeros, 4);
    put(&fixture, 4, 14, zeros, 4);
    gap = fixture.feed.connection->gaps[PEER_A];
    g_assert_nonnull(gap);
    g_assert_cmpstr(gap->pending ? gap->text : gap->finding->text, ==, "8 bytes");
    end(&fixture);
}

/* What was no stray, as it was acknowledged by then, is none when it is read again. */
static void
far_ahead(void)
{
    struct fixture     fixture;
    const uint64_t     far = 100 + 2 * (uint64_t)STREAM_STRAY_DISTANCE;
    struct feed_packet packet = { .from = PEER_B, .frame = 3 };
    struct feed_chunk  acknowledges = {
        .bytes = { .data = zeros, .captured = 4, .reported = 4 }, .frame = 3, .has_ack = true, .ack = far
    };
    uint32_t           first;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    put(&fixture, 2, 14, zeros, 4);
    peer_feed_chunk(&fixture.feed, &packet, &acknowledges, &first);
    put(&fixture, 4, far, donthave, sizeof donthave);
    g_assert_cmpuint(fixture.feed.streams[PEER_A].end, ==, far + sizeof donthave);
    put(&fixture, 5, 10, zeros, 4);
    g_assert_cmpuint(fixture.feed.streams[PEER_A].end, ==, far + sizeof donthave);
    end(&fixture);
}

/* Strays are strays again once a hole was filled. */
static void
stray_after_a_hole(void)
{
    struct fixture fixture;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    put(&fixture, 2, 14, zeros, 4);
    put(&fixture, 3, 10, zeros, 4);
    put(&fixture, 4, 100 + 2 * (uint64_t)STREAM_STRAY_DISTANCE, donthave, sizeof donthave);
    g_assert_cmpuint(fixture.feed.streams[PEER_A].end, ==, 18);
    end(&fixture);
}

/* A DontHave that came late may have been taken back by what came before it, and stands after it in the stream. */
static void
overtaken(void)
{
    static const uint8_t have[] = { 0, 0, 0, 5, 4, 0, 0, 0, 5 };
    static const uint8_t extended[] = { 0, 0, 0, 5, 20, 9, 0, 0, 0 };

    for (int announced = 0; announced <= 1; announced++) {
        struct fixture fixture;

        begin(&fixture);
        put(&fixture, 1, 0, zeros, 4);
        put(&fixture, 2, 14, announced ? have : extended, sizeof have);
        put(&fixture, 3, 4, donthave, sizeof donthave);
        g_assert_cmpint(peer_connection_heard_since(fixture.feed.connection, PEER_A, 3), ==, !announced);
        end(&fixture);
    }
}

/* A message that ends in an earlier packet is shown where the bytes stand that were missing. */
static void
ends_in_an_earlier_packet(void)
{
    struct fixture              fixture;
    struct message_note *const *last;

    begin(&fixture);
    put(&fixture, 1, 0, zeros, 4);
    put(&fixture, 2, 9, donthave + 5, 5);
    put(&fixture, 3, 4, donthave, 5);
    const struct message_note *note = *notes_of_frame(&fixture.feed.connection->notes, 3, false, &last);
    g_assert_nonnull(note->bytes);
    g_assert_true(note->bytes->elsewhere);
    g_assert_cmpuint(note->bytes->shown_at, ==, 4);
    end(&fixture);
}

/* Once what is kept has grown too much, a hole stays one, though a later one is filled. */
static void
hole_is_given_up(void)
{
    struct fixture fixture;
    uint32_t       frame = 2;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    put(&fixture, frame++, 14, zeros, 4);
    for (uint64_t position = 22; fixture.feed.told[PEER_A].open; position += 4) {
        g_assert_cmpuint(frame, <, 10 + LATE_CHUNKS_MAX);
        put(&fixture, frame++, position, zeros, 4);
    }
    g_assert_nonnull(fixture.feed.late[PEER_A]);
    put(&fixture, frame, 18, zeros, 4);                 /* fills the second one */
    g_assert_null(fixture.feed.late[PEER_A]);
    g_assert_nonnull(fixture.feed.connection->gaps[PEER_A]);
    end(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peer_feed/parts", parts);
    g_test_add_func("/peer_feed/hole_is_filled", hole_is_filled);
    g_test_add_func("/peer_feed/hole_is_smaller", hole_is_smaller);
    g_test_add_func("/peer_feed/far_ahead", far_ahead);
    g_test_add_func("/peer_feed/stray_after_a_hole", stray_after_a_hole);
    g_test_add_func("/peer_feed/overtaken", overtaken);
    g_test_add_func("/peer_feed/ends_in_an_earlier_packet", ends_in_an_earlier_packet);
    g_test_add_func("/peer_feed/hole_is_given_up", hole_is_given_up);
    return g_test_run();
}
