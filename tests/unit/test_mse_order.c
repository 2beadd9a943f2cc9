/* test_mse_order.c
 * mse_reader.c where packets of a handshake come in another order: what comes too early is kept until it fits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"

static const struct choices usual = { .pad_a = 40, .pad_b = 45, .pad_c = 30, .pad_d = 79, .provide = 3, .select = 2,
                                      .ia = IA_HANDSHAKE, .block = 300 };

/* One packet of a connection. */
struct packet {
    unsigned side;
    uint32_t start, end;
};

#define PACKETS_MAX 2100U

/* All packets of a connection, in order, of at most size bytes. */
static unsigned
packets_of(const struct wire *wire, const struct choices *choices, uint32_t size, struct packet packets[PACKETS_MAX])
{
    struct flight flights[FLIGHTS_MAX];
    unsigned      flight_count = wire_flights(wire, choices, flights), count = 0;
    uint32_t      sent[2] = { 0, 0 };

    for (unsigned i = 0; i < flight_count; i++) {
        unsigned side = flights[i].side;
        uint32_t end = MIN(flights[i].end, wire->bytes[side]->len);

        while (sent[side] < end) {
            g_assert_cmpuint(count, <, PACKETS_MAX);
            packets[count] = (struct packet){ side, sent[side], MIN(sent[side] + size, end) };
            sent[side] = packets[count++].end;
        }
    }
    return count;
}

/* What the transport knows of the sides: the first byte seen and the end of what came. */
struct seen {
    uint32_t base[2];
    uint32_t end[2];    /* 0: nothing came */
};

/* Feeds it. Where acks, each side has all that the other one has sent. */
static void
feed(struct reader *reader, const struct wire *wire, const struct packet *packet, struct seen *seen, bool acks)
{
    unsigned side = packet->side;
    uint32_t size;

    if (seen->end[side] == 0)
        seen->base[side] = packet->start;
    if (packet->start < seen->base[side]) {
        size = seen->base[side] - packet->start;
        g_assert_true(mse_stream_begins_earlier(reader->stream, side, size));
        memmove(reader->frames[side] + size, reader->frames[side], (FRAMES_MAX - size) * sizeof reader->frames[side][0]);
        memset(reader->frames[side], 0, size * sizeof reader->frames[side][0]);
        seen->base[side] = packet->start;
    }
    reader->acked[side] = acks ? seen->end[!side] - seen->base[!side] : 0;
    reader_chunk(reader, side, packet->start - seen->base[side], wire->bytes[side]->data + packet->start,
                 packet->end - packet->start);
    seen->end[side] = MAX(seen->end[side], packet->end);
}

/* Plays a connection with the packets from at on, count of them, backwards. */
static void
play(struct reader *reader, const struct wire *wire, const char *keys, const struct packet *packets, unsigned count,
     unsigned at, unsigned backwards, bool acks)
{
    struct seen seen = { { 0, 0 }, { 0, 0 } };

    reader_begin(reader, keys);
    reader->truth = wire;
    reader->any_order = true;
    for (unsigned i = 0; i < count; i++) {
        unsigned number = i < at || i >= at + backwards ? i : 2 * at + backwards - 1 - i;

        feed(reader, wire, &packets[number], &seen, acks);
    }
}

/* Two or three packets of a side of the handshake changed places: all is read that is read else. */
static void
changed_places(void)
{
    static const uint32_t sizes[] = { 37, 100, 250 };
    GRand                *random = g_rand_new_with_seed(11);
    unsigned              tried = 0;

    for (unsigned i = 0; i < 48; i++) {
        struct choices choices = usual;
        bool           has_key = i & 1, acks = i >> 1 & 1;
        uint32_t       size = sizes[i / 16];
        struct packet  packets[PACKETS_MAX];

        choices.select = 1 + (i >> 2 & 1);
        choices.ia = i >> 3 & 1 ? IA_HANDSHAKE : IA_NONE;
        if (!has_key && choices.select == 2)
            continue;
        struct wire *wire = wire_new(random, &choices);
        unsigned     count = packets_of(wire, &choices, size, packets);

        for (unsigned backwards = 2; backwards <= 3; backwards++) {
            for (unsigned at = 0; at + backwards <= count; at++) {
                unsigned      side = packets[at].side;
                struct reader reader;

                if (packets[at].start > wire->payload[side] + 200 || packets[at + backwards - 1].side != side
                        || packets[at + 1].side != side)
                    continue;
                play(&reader, wire, has_key ? wire->line : NULL, packets, count, at, backwards, acks);
                for (unsigned each = A; each <= B; each++) {
                    const struct mse_direction *direction = &reader.stream->directions[each];

                    g_assert_cmpint(direction->state, ==, choices.select == 2 ? MSE_RC4 : MSE_PLAINTEXT);
                    g_assert_true(direction->aligned);
                    g_assert_cmpuint(direction->payload, ==, has_key || each == B || choices.ia == IA_NONE
                                     ? wire->payload[each] : wire->after_ia);
                    g_assert_cmpuint(reader.next[each], ==, wire->bytes[each]->len);
                    if (each != side || packets[at].start < wire->vc[side])   /* before the payload is known */
                        assert_read(&reader, wire, each, (uint32_t)direction->payload);
                    g_assert_null(direction->held);
                    g_assert_null(direction->ahead);
                }
                tried++;
                reader_end(&reader);
            }
        }
        wire_free(wire);
    }
    g_test_message("%u connections", tried);
    g_assert_cmpuint(tried, >, 300);
    g_rand_free(random);
}

/* What is missing does not come: the other side acknowledges it, or too much follows. What follows is read then, from its
 * first byte on. Here crypto_select is missing; that both handshakes follow in plaintext, or what follows IA, shows what was
 * selected. */
static void
nothing_fills_it(void)
{
    GRand *random = g_rand_new_with_seed(12);

    for (unsigned i = 0; i < 4; i++) {
        struct choices choices = usual;
        bool           acks = i & 1, is_rc4 = i >> 1;
        struct reader  reader;
        struct seen    seen = { { 0, 0 }, { 0, 0 } };
        struct packet  packets[PACKETS_MAX];

        choices.select = is_rc4 ? 2 : 1;
        choices.ia = is_rc4 ? IA_HANDSHAKE : IA_NONE;
        choices.block = acks ? 300 : 9000;
        struct wire *wire = wire_new(random, &choices);
        uint32_t     missing = wire->vc[B] + MSE_VC_SIZE + 2, next = 0;
        unsigned     count = packets_of(wire, &choices, 10, packets);

        reader_begin(&reader, is_rc4 ? wire->line : NULL);
        reader.truth = wire;
        reader.any_order = true;
        for (unsigned at = 0; at < count; at++) {
            if (packets[at].side == B && packets[at].start <= missing && packets[at].end > missing)
                next = packets[at].end;
            else
                feed(&reader, wire, &packets[at], &seen, acks);
        }
        g_assert_cmpuint(next, <, wire->payload[B]);
        assert_states(&reader, is_rc4 ? MSE_RC4 : MSE_PLAINTEXT, is_rc4 ? MSE_RC4 : MSE_PLAINTEXT);
        assert_read(&reader, wire, A, wire->payload[A]);
        g_assert_cmpuint(reader.start[B], ==, next);
        g_assert_cmpuint(reader.next[B], ==, wire->bytes[B]->len);
        g_assert_cmpuint(reader.jumps[B], ==, 0);
        g_assert_true(mse_stream_is_settled(reader.stream));
        g_assert_null(reader.stream->directions[B].ahead);
        wire_free(wire);
        reader_end(&reader);
    }
    g_rand_free(random);
}

/* What is kept is bounded, and a chunk that comes twice is kept once. */
static void
what_is_kept(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct mse_ahead *first = NULL;
    struct mse_ahead  chunk = { .offset = 100, .size = 50, .frame = 1 };
    uint8_t           data[MSE_AHEAD_MAX] = { 0 };
    unsigned          kept = 0;

    chunk.size = MSE_AHEAD_MAX;
    g_assert_true(mse_ahead_add(&first, scope, &chunk, data));
    mse_ahead_drop_first(&first, scope);
    chunk.size = 50;
    g_assert_true(mse_ahead_add(&first, scope, &chunk, data));
    g_assert_true(mse_ahead_add(&first, scope, &chunk, data));
    chunk.offset = 120;
    chunk.size = 30;
    g_assert_true(mse_ahead_add(&first, scope, &chunk, data));
    g_assert_null(first->next);
    chunk.offset = 10;
    g_assert_true(mse_ahead_add(&first, scope, &chunk, data));
    g_assert_cmpuint(first->offset, ==, 10);
    chunk.size = 40;                    /* what came first counts first */
    g_assert_true(mse_ahead_add(&first, scope, &chunk, data));
    g_assert_cmpuint(first->size, ==, 30);
    g_assert_cmpuint(first->next->size, ==, 40);
    chunk.size = MSE_AHEAD_MAX;
    g_assert_false(mse_ahead_add(&first, scope, &chunk, data));
    chunk.size = 1;
    for (chunk.offset = 1000; mse_ahead_add(&first, scope, &chunk, data); chunk.offset += 2)
        g_assert_cmpuint(++kept, <, MSE_AHEAD_MAX / sizeof chunk);
    g_assert_cmpuint(kept, >, 100);
    while (first != NULL)
        mse_ahead_drop_first(&first, scope);
    wmem_destroy_allocator(scope);
}

/* A connection without a key, and bytes to feed it with. */
struct stream_fixture {
    wmem_allocator_t  *scope;
    struct mse_stream *stream;
    uint8_t            bytes[200];
};

static void
fixture_begin(struct stream_fixture *fixture)
{
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    fixture->stream = mse_stream_new(fixture->scope, NULL);
    for (unsigned i = 0; i < sizeof fixture->bytes; i++)
        fixture->bytes[i] = (uint8_t)(i * 167 + 13);
}

static void
fixture_end(struct stream_fixture *fixture)
{
    mse_stream_free(fixture->stream);
    wmem_destroy_allocator(fixture->scope);
}

/* A packet that was captured in part came too early. What follows it does not fit even when what was missing before it is
 * there: the bytes that were cut never come, and are not waited for. */
static void
cut_too_early(void)
{
    for (int is_cut = 0; is_cut <= 1; is_cut++) {
        struct stream_fixture fixture;
        struct mse_chunk   early = { .data = fixture.bytes + 50, .captured = is_cut ? 40 : 50, .reported = 50, .offset = 50, .frame = 1 };
        struct mse_chunk   first = { .data = fixture.bytes, .captured = 50, .reported = 50, .frame = 2 };
        struct mse_chunk   next = { .data = fixture.bytes + 100, .captured = 50, .reported = 50, .offset = 100, .frame = 3 };

        fixture_begin(&fixture);
        mse_stream_feed(fixture.stream, &early);
        mse_stream_feed(fixture.stream, &first);
        g_assert_false(fixture.stream->directions[0].holed);
        mse_stream_feed(fixture.stream, &next);
        g_assert_cmpint(fixture.stream->directions[0].holed, ==, is_cut);
        g_assert_cmpuint(fixture.stream->directions[0].held_size, ==, is_cut ? 90 : 150);
        fixture_end(&fixture);
    }
}

/* A packet that was captured in part came too early, and another one has all of its bytes: nothing is cut. */
static void
cut_and_whole(void)
{
    struct stream_fixture fixture;
    struct mse_chunk   early = { .data = fixture.bytes + 50, .captured = 30, .reported = 50, .offset = 50, .frame = 1 };
    struct mse_chunk   whole = { .data = fixture.bytes, .captured = 150, .reported = 150, .frame = 2 };

    fixture_begin(&fixture);
    mse_stream_feed(fixture.stream, &early);
    mse_stream_feed(fixture.stream, &whole);
    g_assert_false(fixture.stream->directions[0].cut);
    fixture_end(&fixture);
}

/* What answers the other side too early: what was missing before it came in the same turn. */
static void
turn_of_what_was_missing(void)
{
    for (int is_handshake = 0; is_handshake <= 1; is_handshake++) {
        struct stream_fixture fixture;
        uint32_t           size = MSE_RESPONDER_MIN - !is_handshake;
        struct mse_chunk   chunk = { .data = fixture.bytes, .captured = 50, .reported = 50, .frame = 1 };
        struct mse_chunk   other = { .side = 1, .data = fixture.bytes, .captured = size, .reported = size, .frame = 2 };

        fixture_begin(&fixture);
        mse_stream_feed(fixture.stream, &chunk);
        mse_stream_feed(fixture.stream, &other);
        chunk.frame = 3;
        chunk.offset = 100;
        mse_stream_feed(fixture.stream, &chunk);
        chunk.frame = 4;
        chunk.offset = 50;
        mse_stream_feed(fixture.stream, &chunk);
        const struct mse_direction *direction = &fixture.stream->directions[0];
        g_assert_cmpuint(direction->held_size, ==, 150);
        g_assert_cmpuint(direction->mark_count, ==, 3);
        g_assert_true(direction->marks[1].frame == 4 && direction->marks[1].answer);
        g_assert_cmpint(direction->marks[1].turn, ==, is_handshake);
        fixture_end(&fixture);
    }
}

/* What is missing is waited for until the other side acknowledges a byte of it. */
static void
acknowledged_up_to_what_is_missing(void)
{
    struct stream_fixture fixture;
    struct mse_chunk first = { .data = fixture.bytes, .captured = 50, .reported = 50, .frame = 1 };
    struct mse_chunk early = { .data = fixture.bytes + 100, .captured = 50, .reported = 50, .offset = 100, .frame = 2 };
    struct mse_chunk other = { .side = 1, .data = fixture.bytes, .captured = 10, .reported = 10, .frame = 3, .acked = 50 };

    fixture_begin(&fixture);
    mse_stream_feed(fixture.stream, &first);
    mse_stream_feed(fixture.stream, &early);
    mse_stream_feed(fixture.stream, &other);
    g_assert_false(fixture.stream->directions[0].holed);
    other.offset = 10;
    other.acked = 51;
    mse_stream_feed(fixture.stream, &other);
    g_assert_true(fixture.stream->directions[0].holed);
    fixture_end(&fixture);
}

/* The stream may begin earlier by what can be kept, and not after bytes that were cut. */
static void
begins_earlier(void)
{
    for (int is_cut = 0; is_cut <= 1; is_cut++) {
        struct stream_fixture fixture;
        struct mse_chunk   first = { .data = fixture.bytes, .captured = is_cut ? 40 : 50, .reported = 50, .frame = 1 };

        fixture_begin(&fixture);
        mse_stream_feed(fixture.stream, &first);
        g_assert_false(mse_stream_begins_earlier(fixture.stream, 0, MSE_AHEAD_MAX + 1));
        g_assert_cmpint(mse_stream_begins_earlier(fixture.stream, 0, MSE_AHEAD_MAX), ==, !is_cut);
        fixture_end(&fixture);
    }
}

/* The responder's public key is not there as a whole. Payload begins where it can begin, in the frame that has that byte. */
static void
no_payload_in_the_handshake(void)
{
    struct choices choices = usual;
    struct reader  reader;
    struct seen    seen = { { 0, 0 }, { 0, 0 } };
    struct packet  packets[PACKETS_MAX];

    choices.pad_b = 0;
    choices.select = 1;
    choices.ia = IA_NONE;
    struct wire *wire = wire_with_seed(13, &choices);
    unsigned     count = packets_of(wire, &choices, 10, packets);

    reader_begin(&reader, NULL);
    reader.truth = wire;
    reader.any_order = true;
    for (unsigned at = 0; at < count; at++) {
        if (packets[at].side != B || packets[at].start != 90)
            feed(&reader, wire, &packets[at], &seen, true);
    }
    assert_states(&reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
    g_assert_cmpuint(reader.start[B], ==, MSE_RESPONDER_MIN);
    g_assert_cmpuint(reader.stream->directions[B].payload_frame, ==, reader.frames[B][MSE_RESPONDER_MIN]);
    wire_free(wire);
    reader_end(&reader);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_order/changed_places", changed_places);
    g_test_add_func("/mse_order/nothing_fills_it", nothing_fills_it);
    g_test_add_func("/mse_order/what_is_kept", what_is_kept);
    g_test_add_func("/mse_order/cut_too_early", cut_too_early);
    g_test_add_func("/mse_order/cut_and_whole", cut_and_whole);
    g_test_add_func("/mse_order/turn_of_what_was_missing", turn_of_what_was_missing);
    g_test_add_func("/mse_order/acknowledged_up_to_what_is_missing", acknowledged_up_to_what_is_missing);
    g_test_add_func("/mse_order/begins_earlier", begins_earlier);
    g_test_add_func("/mse_order/no_payload_in_the_handshake", no_payload_in_the_handshake);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
