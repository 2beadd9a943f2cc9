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

/* With nothing to tell what is missing to, until an extension handshake comes. */
static const struct peer_setup nothing_offered = { .observers = { &donthave_observer }, .observer_count = 1 };

static const uint8_t donthave[] = { 0, 0, 0, 6, 20, 3, 0, 0, 0, 5 };
static const uint8_t have[] = { 0, 0, 0, 5, 4, 0, 0, 0, 5 };
static const uint8_t zeros[16];
static const uint8_t handshake[] = "\x13" "BitTorrent protocol" "\0\0\0\0\0\x10\0\x04" "infohashinfohashinfopeeridpeeridpeeridpe";

struct fixture {
    wmem_allocator_t *scope;
    struct peer_feed  feed;
};

static void
begin_with(struct fixture *fixture, const struct peer_setup *wanted)
{
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    peer_feed_init(&fixture->feed, fixture->scope, wanted);
    peer_feed_begin(&fixture->feed, PEER_A, 0);
}

static void
begin(struct fixture *fixture)
{
    begin_with(fixture, &setup);
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

static void
take(struct fixture *fixture, uint32_t frame, struct feed_chunk chunk)
{
    struct feed_packet packet = { .from = PEER_A, .frame = frame, .time = (int64_t)frame * NS_PER_S };
    uint32_t           first;

    chunk.place = (uint32_t)chunk.bytes.position;
    chunk.frame = frame;
    chunk.bytes.reported = chunk.bytes.captured;
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
    g_assert_true(fixture.feed.holes[PEER_A]->told.open);
    put(&fixture, 3, 14, zeros, 4);
    g_assert_true(fixture.feed.holes[PEER_A]->told.open && peer_connection_gap_of(fixture.feed.connection, PEER_A) != NULL);
    put(&fixture, 4, 10, zeros, 4);
    put(&fixture, 5, 18, zeros, 4);
    g_assert_null(peer_connection_gap_of(fixture.feed.connection, PEER_A));
    g_assert_null(fixture.feed.holes[PEER_A]->late);
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
    gap = peer_connection_gap_of(fixture.feed.connection, PEER_A);
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

/* A handshake that a hole had cut came out before: once it is whole it begins no other connection, and takes nothing back of
 * what came after it, nor does it tell that nothing is missing. */
static void
handshake_is_filled(void)
{
    static const uint8_t extensions[] = "\0\0\0\x1a" "\x14\0" "d1:md11:lt_donthavei7eee";

    for (int other_hole = 0; other_hole <= 1; other_hole++) {
        struct fixture          fixture;
        struct peer_connection *connection;

        begin(&fixture);
        connection = fixture.feed.connection;
        put(&fixture, 1, 0, handshake, 30);
        put(&fixture, 2, 68, extensions, 30);
        put(&fixture, 3, 98 + (other_hole ? 9 : 0), have, sizeof have);
        g_assert_true(connection->handshakes[PEER_A].seen && connection->handshakes[PEER_A].extension);
        put(&fixture, 4, 30, handshake + 30, 38);
        g_assert_true(connection->handshakes[PEER_A].seen && connection->handshakes[PEER_A].fast);
        g_assert_cmpuint(extension_ids_find(&connection->ids[PEER_A], LT_DONTHAVE_NAME)->id, ==, 7);
        g_assert_cmpint(connection->transfers->peers[PEER_A].from_start, ==, !other_hole);
        g_assert_cmpint(peer_connection_heard_since(connection, PEER_A, 2), ==, !other_hole);
        end(&fixture);
    }
}

/* One that comes out for the first time tells that what came before it may have been taken back, as anything does. */
static void
handshake_comes_late(void)
{
    struct fixture fixture;

    begin(&fixture);
    put(&fixture, 1, 0, handshake, 30);
    put(&fixture, 2, 70, have, sizeof have);
    g_assert_false(fixture.feed.connection->handshakes[PEER_A].seen);
    put(&fixture, 3, 30, handshake + 30, 38);
    g_assert_true(fixture.feed.connection->handshakes[PEER_A].seen);
    g_assert_false(fixture.feed.connection->transfers->peers[PEER_A].from_start);
    end(&fixture);
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
    for (uint64_t position = 22; fixture.feed.holes[PEER_A]->told.open; position += 4) {
        g_assert_cmpuint(frame, <, 10 + LATE_CHUNKS_MAX);
        put(&fixture, frame++, position, zeros, 4);
    }
    g_assert_nonnull(fixture.feed.holes[PEER_A]->late);
    put(&fixture, frame, 18, zeros, 4);                 /* fills the second one */
    g_assert_null(fixture.feed.holes[PEER_A]->late);
    g_assert_nonnull(peer_connection_gap_of(fixture.feed.connection, PEER_A));
    end(&fixture);
}

/* The same, where the user was told of the second hole: that is still one that can be filled. */
static void
hole_before_the_told_one_is_given_up(void)
{
    struct fixture fixture;
    uint32_t       frame = 4;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    take(&fixture, 2, (struct feed_chunk){ .bytes = { .position = 14, .data = zeros, .captured = 4 } });
    put(&fixture, 3, 22, zeros, 4);
    g_assert_cmpuint(fixture.feed.holes[PEER_A]->late->next, ==, 10);
    for (uint64_t position = 26; fixture.feed.holes[PEER_A]->late->next == 10; position += 4) {
        g_assert_cmpuint(frame, <, 10 + LATE_CHUNKS_MAX);
        put(&fixture, frame++, position, zeros, 4);
    }
    g_assert_nonnull(peer_connection_gap_of(fixture.feed.connection, PEER_A));
    put(&fixture, frame, 18, zeros, 4);
    g_assert_null(peer_connection_gap_of(fixture.feed.connection, PEER_A));
    end(&fixture);
}

/* What is missing before the beginning of a message, which comes again as part of the whole. Later passes show it before that:
 * in a packet of an earlier frame, as that of the same frame tells of itself; then in the packet that has the whole, for good. */
static void
told_where_later_passes_see_it(void)
{
    for (uint32_t before = 1; before <= 2; before++) {
        struct fixture         fixture;
        const struct peer_gap *gap;

        begin_with(&fixture, &nothing_offered);
        take(&fixture, before, (struct feed_chunk){ .bytes = { .position = 0, .data = zeros, .captured = 4 } });
        take(&fixture, 2, (struct feed_chunk){
            .bytes = { .position = 20, .data = donthave, .captured = 5, .reassembles = true }, .lacking = "some bytes"
        });
        gap = peer_connection_gap_of(fixture.feed.connection, PEER_A);
        g_assert_nonnull(gap);
        g_assert_true(gap->pending && fixture.feed.holes[PEER_A]->told.withheld);
        g_assert_cmpuint(gap->told_in, ==, before < 2 ? 2 : 0);
        g_assert_cmpuint(gap->place, ==, before < 2 ? 0 : 20);
        for (uint32_t frame = 3; frame <= 4; frame++) {
            take(&fixture, frame, (struct feed_chunk){
                .bytes = { .position = frame == 3 ? 20 : 30, .data = donthave, .captured = sizeof donthave }
            });
            g_assert_cmpuint(gap->frame, ==, 3);
            g_assert_cmpuint(gap->told_in, ==, 0);
        }
        end(&fixture);
    }
}

/* Where the transport itself reads a stream again, nothing is kept for that, and what it is told can still become less. */
static void
transport_reads_again(void)
{
    struct fixture fixture;

    begin(&fixture);
    put(&fixture, 1, 0, donthave, sizeof donthave);
    take(&fixture, 2, (struct feed_chunk){
        .bytes = { .position = 14, .data = zeros, .captured = 4 }, .lacking = "some bytes", .reads_again = true
    });
    g_assert_null(fixture.feed.holes[PEER_A]->late);
    g_assert_nonnull(peer_connection_gap_of(fixture.feed.connection, PEER_A));
    peer_feed_filled(&fixture.feed, PEER_A, NULL);
    g_assert_null(peer_connection_gap_of(fixture.feed.connection, PEER_A));
    end(&fixture);
}

/* A message in a packet that waited is elsewhere, though the frame has the same number: a frame may hold several packets. */
static void
waited(void)
{
    for (int has_waited = 0; has_waited <= 1; has_waited++) {
        struct fixture              fixture;
        struct message_note *const *last;

        begin(&fixture);
        take(&fixture, 1, (struct feed_chunk){
            .bytes = { .data = donthave, .captured = sizeof donthave }, .waited = has_waited
        });
        const struct message_note *note = *notes_of_frame(&fixture.feed.connection->notes, 1, false, &last);
        g_assert_cmpint(note->bytes != NULL, ==, has_waited);
        end(&fixture);
    }
}

/* Of a message that shows nothing but that it was put together, no bytes are kept. */
static void
bytes_of_a_message_without_details(void)
{
    static const uint8_t other[] = { 0, 0, 0, 5, 20, 9, 0, 0, 0 };
    struct fixture              fixture;
    struct message_note *const *last;

    begin(&fixture);
    put(&fixture, 1, 0, other, 6);
    put(&fixture, 2, 6, other + 6, 3);
    const struct message_note *note = *notes_of_frame(&fixture.feed.connection->notes, 2, false, &last);
    g_assert_nonnull(note->bytes);
    g_assert_cmpuint(note->bytes->frame_count, ==, 2);
    g_assert_null(note->bytes->data);
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
    g_test_add_func("/peer_feed/handshake_is_filled", handshake_is_filled);
    g_test_add_func("/peer_feed/handshake_comes_late", handshake_comes_late);
    g_test_add_func("/peer_feed/ends_in_an_earlier_packet", ends_in_an_earlier_packet);
    g_test_add_func("/peer_feed/hole_is_given_up", hole_is_given_up);
    g_test_add_func("/peer_feed/hole_before_the_told_one_is_given_up", hole_before_the_told_one_is_given_up);
    g_test_add_func("/peer_feed/told_where_later_passes_see_it", told_where_later_passes_see_it);
    g_test_add_func("/peer_feed/transport_reads_again", transport_reads_again);
    g_test_add_func("/peer_feed/waited", waited);
    g_test_add_func("/peer_feed/bytes_of_a_message_without_details", bytes_of_a_message_without_details);
    return g_test_run();
}
