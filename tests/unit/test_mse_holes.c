/* test_mse_holes.c
 * mse_reader.c where a capture lacks something: a hole, a packet that was cut, the first packets, one direction. What
 * is read is right all the same, or nothing is read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"

static const struct choices usual = { .pad_a = 40, .pad_b = 45, .pad_c = 30, .pad_d = 79, .provide = 3, .select = 2,
                                      .ia = IA_HANDSHAKE, .block = 3000 };

/* A connection, of which the bytes from `from` to before `to` of a side are missing. */
struct lossy {
    const struct choices *choices;
    const struct wire    *wire;
    bool                  has_key;
    bool                  cuts;         /* the packet with the first of them was cut; else there is no such packet */
    unsigned              side;
    uint32_t              from, to;
    uint32_t              packet;       /* bytes of a packet */
};

static void
lossy_packet(struct reader *reader, const struct lossy *lossy, unsigned side, uint32_t start, uint32_t end)
{
    const uint8_t *bytes = lossy->wire->bytes[side]->data;

    if (side != lossy->side || end <= lossy->from || start >= lossy->to) {
        reader_chunk(reader, side, start, bytes + start, end - start);
        return;
    }
    if (start < lossy->from && lossy->cuts)
        reader_cut_chunk(reader, side, start, bytes + start, lossy->from - start, end - start);
    else if (start < lossy->from)
        reader_chunk(reader, side, start, bytes + start, lossy->from - start);
    if (end > lossy->to)
        reader_chunk(reader, side, lossy->to, bytes + lossy->to, end - lossy->to);
}

static void
lossy_play(struct reader *reader, const struct lossy *lossy)
{
    struct flight flights[FLIGHTS_MAX];
    unsigned      count = wire_flights(lossy->wire, lossy->choices, flights);
    uint32_t      sent[2] = { 0, 0 };

    reader_begin(reader, lossy->has_key ? lossy->wire->line : NULL);
    reader->truth = lossy->wire;
    for (unsigned i = 0; i < count; i++) {
        unsigned side = flights[i].side;
        uint32_t end = MIN(flights[i].end, lossy->wire->bytes[side]->len);

        while (sent[side] < end) {
            uint32_t packet_end = MIN(sent[side] + lossy->packet, end);
            lossy_packet(reader, lossy, side, sent[side], packet_end);
            sent[side] = packet_end;
        }
    }
}

static bool
is_read(const struct reader *reader, const struct wire *wire, unsigned side)
{
    const struct mse_direction *direction = &reader->stream->directions[side];

    return direction->aligned && reader->next[side] == wire->bytes[side]->len
           && (direction->payload == wire->payload[side] || (side == A && direction->payload == wire->after_ia));
}

/* A hole anywhere in a handshake, of any size, in either direction, with a key and without. */
static void
holes_in_the_handshake(void)
{
    static const uint32_t sizes[] = { 1, 7, 60, 400 };
    GRand                *random = g_rand_new_with_seed(1);
    unsigned              read[2][2] = { { 0, 0 }, { 0, 0 } };    /* without a key and with one, by side */

    for (unsigned i = 0; i < 64; i++) {
        struct choices choices = usual;
        struct lossy   lossy = { .choices = &choices, .has_key = i & 1, .side = i >> 1 & 1, .cuts = i >> 2 & 1,
                                 .packet = i >> 3 & 1 ? 1460 : 100 };

        choices.select = 1 + (i >> 4 & 1);
        choices.ia = i >> 5 & 1 ? IA_HANDSHAKE : IA_NONE;
        choices.block = 200;
        struct wire *wire = wire_new(random, &choices);
        lossy.wire = wire;
        for (unsigned size = 0; size < G_N_ELEMENTS(sizes); size++) {
            uint32_t end = lossy.side == A ? wire->after_ia + 90 : wire->payload[B] + 90;

            for (lossy.from = 0; lossy.from < end; lossy.from += 3) {
                struct reader reader;

                lossy.to = MIN(lossy.from + sizes[size], wire->bytes[lossy.side]->len);
                lossy_play(&reader, &lossy);
                if (!lossy.has_key && choices.select == 2)
                    g_assert_cmpuint(reader.out[A]->len + reader.out[B]->len, ==, 0);
                for (unsigned side = A; side <= B; side++)
                    read[lossy.has_key][side] += is_read(&reader, wire, side);
                /* Plaintext of the responder needs nothing of the initiator, and no key. */
                if (choices.select == 1 && lossy.side == A)
                    g_assert_true(is_read(&reader, wire, B));
                reader_end(&reader);
            }
        }
        wire_free(wire);
    }
    g_test_message("read without a key %u, %u, with one %u, %u", read[0][A], read[0][B], read[1][A], read[1][B]);
    g_assert_cmpuint(MIN(MIN(read[0][A], read[0][B]), MIN(read[1][A], read[1][B])), >, 500);
    g_rand_free(random);
}

/* With a key, a hole in PadD, in IA, or in the payload costs what is missing, and no more. */
static void
holes_that_cost_nothing(void)
{
    GRand       *random = g_rand_new_with_seed(2);
    struct wire *wire = wire_new(random, &usual);
    struct lossy lossies[] = {
        { .side = B, .from = wire->payload[B] - 40, .to = wire->payload[B] - 30 },
        { .side = A, .from = wire->payload[A] + 10, .to = wire->payload[A] + 30 },
        { .side = A, .from = wire->after_ia, .to = wire->after_ia + 10 },
        { .side = B, .from = wire->payload[B], .to = wire->payload[B] + 10 },
        { .side = A, .from = wire->payload[A] + 1500, .to = wire->payload[A] + 2000 },
        { .side = B, .from = wire->payload[B] + 1500, .to = wire->payload[B] + 2500 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(lossies); i++) {
        struct lossy *lossy = &lossies[i];
        struct reader reader;

        lossy->choices = &usual;
        lossy->wire = wire;
        lossy->has_key = true;
        lossy->packet = 300;
        lossy_play(&reader, lossy);
        assert_states(&reader, MSE_RC4, MSE_RC4);
        for (unsigned side = A; side <= B; side++) {
            uint32_t hole = lossy->to - MAX(lossy->from, wire->payload[side]);

            g_assert_true(is_read(&reader, wire, side));
            g_assert_cmpuint(reader.stream->directions[side].payload, ==, wire->payload[side]);
            if (side == lossy->side && lossy->to > wire->payload[side])
                g_assert_cmpuint(reader.out[side]->len, ==, wire->plain[side]->len - hole);
            else
                assert_read(&reader, wire, side, wire->payload[side]);
        }
        reader_end(&reader);
    }
    wire_free(wire);
    g_rand_free(random);
}

/* The first packets of one side or both are missing: with RC4 nothing, and no harm. With plaintext the other side's
 * handshake is found, and this side's payload can be read, though not where its messages begin. */
static void
first_packets_missing(void)
{
    GRand *random = g_rand_new_with_seed(3);

    for (unsigned i = 0; i < 12; i++) {
        struct choices choices = usual;
        bool           has_key = i & 1, is_plaintext = i >> 1 & 1;
        unsigned       missing = i / 4;     /* of A, of B, of both */
        struct reader  reader;
        uint32_t       sent[2] = { missing != 1 ? 60 : 0, missing != 0 ? 60 : 0 };

        choices.select = is_plaintext ? 1 : 2;
        struct wire *wire = wire_new(random, &choices);
        reader_begin(&reader, has_key ? wire->line : NULL);
        reader.truth = wire;
        struct flight flights[FLIGHTS_MAX];
        unsigned      count = wire_flights(wire, &choices, flights);
        for (unsigned n = 0; n < count; n++)
            reader_flight(&reader, wire, sent, flights[n].side, flights[n].end, 1460);
        if (missing == 0 && is_plaintext) {
            assert_states(&reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
            assert_read(&reader, wire, B, wire->payload[B]);
            /* A's key was not seen, so B's handshake was not believed before B's first message, the last packet. */
            g_assert_true(reader.stream->directions[A].has_payload);
            g_assert_false(reader.stream->directions[A].aligned);
            g_assert_cmpuint(reader.stream->directions[A].payload, ==, wire->bytes[A]->len);
        } else if (missing == 1 && has_key && is_plaintext) {
            assert_states(&reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
            assert_read(&reader, wire, A, wire->payload[A]);
            g_assert_false(reader.stream->directions[B].aligned);
            g_assert_cmpuint(reader.next[B], ==, wire->bytes[B]->len);
        } else if (missing == 1 && has_key) {
            /* RC4 of B begins at an unknown byte. */
            assert_states(&reader, MSE_RC4, MSE_UNREADABLE);
            assert_read(&reader, wire, A, wire->payload[A]);
            g_assert_cmpuint(reader.out[B]->len, ==, 0);
        } else {
            assert_nothing(&reader, MSE_UNKNOWN);
        }
        wire_free(wire);
        reader_end(&reader);
    }
    g_rand_free(random);
}

/* Every packet was cut: nothing. */
static void
cut_packets(void)
{
    GRand        *random = g_rand_new_with_seed(4);
    struct wire  *wire = wire_new(random, &usual);
    struct reader reader;

    reader_begin(&reader, wire->line);
    for (uint32_t at = 0; at < 3000; at += 1000) {
        for (unsigned side = A; side <= B; side++)
            reader_cut_chunk(&reader, side, at, wire->bytes[side]->data + at, 54, 1000);
    }
    assert_nothing(&reader, MSE_UNKNOWN);
    wire_free(wire);
    reader_end(&reader);
    g_rand_free(random);
}

/* Only one direction was captured. The initiator's is read with a key, whatever was chosen: what follows IA shows it.
 * The responder's is read where it is plaintext. */
static void
one_direction(void)
{
    GRand *random = g_rand_new_with_seed(5);

    for (unsigned i = 0; i < 32; i++) {
        struct choices choices = usual;
        bool           has_key = i & 1;
        unsigned       side = i >> 1 & 1;
        struct reader  reader;
        uint32_t       sent[2] = { 0, 0 };

        choices.select = 1 + (i >> 2 & 1);
        choices.provide = i >> 3 & 1 ? 3 : choices.select;
        choices.ia = i >> 4 & 1 ? IA_NONE : IA_HANDSHAKE;
        choices.block = 70000;
        struct wire *wire = wire_new(random, &choices);
        reader_begin(&reader, has_key ? wire->line : NULL);
        reader.truth = wire;
        reader_flight(&reader, wire, sent, side, UINT32_MAX, 200);

        enum mse_state state = reader.stream->directions[side].state;
        if (side == A && has_key) {
            g_assert_cmpint(state, ==, choices.select == 2 ? MSE_RC4 : MSE_PLAINTEXT);
            assert_read(&reader, wire, A, wire->payload[A]);
        } else if (choices.select == 1 && (side == B || choices.ia == IA_NONE)) {
            g_assert_cmpint(state, ==, MSE_PLAINTEXT);
            assert_read(&reader, wire, side, side == A ? wire->after_ia : wire->payload[B]);
        } else {
            assert_nothing(&reader, MSE_UNKNOWN);
        }
        wire_free(wire);
        reader_end(&reader);
    }
    g_rand_free(random);
}

/* The same, and what follows IA shows nothing (a message of an unknown id): then it counts that only one method was
 * offered. */
static void
one_method(void)
{
    GRand *random = g_rand_new_with_seed(7);

    for (unsigned select = 1; select <= 2; select++) {
        struct choices choices = usual;
        struct reader  reader;
        uint32_t       sent[2] = { 0, 0 };

        choices.select = choices.provide = select;
        choices.first = "00000005" "63" "00000000";
        struct wire *wire = wire_new(random, &choices);
        reader_begin(&reader, wire->line);
        reader_flight(&reader, wire, sent, A, UINT32_MAX, 200);
        g_assert_cmpint(reader.stream->directions[A].state, ==, select == 2 ? MSE_RC4 : MSE_PLAINTEXT);
        assert_read(&reader, wire, A, wire->payload[A]);
        wire_free(wire);
        reader_end(&reader);
    }
    g_rand_free(random);
}

/* The key is known, but the rest of both handshakes is missing: neither side can be read, for good. */
static void
both_handshakes_missing(void)
{
    GRand        *random = g_rand_new_with_seed(8);
    struct wire  *wire = wire_new(random, &usual);
    struct reader reader;
    uint32_t      sent[2] = { 0, 0 };

    reader_begin(&reader, wire->line);
    reader_flight(&reader, wire, sent, A, wire->vc[A], 200);
    reader_flight(&reader, wire, sent, B, 90, 200);
    sent[A] = wire->after_ia;
    sent[B] = wire->payload[B];
    reader_flight(&reader, wire, sent, A, UINT32_MAX, 200);
    reader_flight(&reader, wire, sent, B, UINT32_MAX, 200);
    assert_nothing(&reader, MSE_UNREADABLE);
    wire_free(wire);
    reader_end(&reader);
    g_rand_free(random);
}

/* Positions that no stream has, and packets without bytes: nothing happens. */
static void
wild_positions(void)
{
    static const uint64_t offsets[] = { UINT64_MAX, UINT64_MAX - 5, (uint64_t)1 << 32, (uint64_t)1 << 62 };
    GRand                *random = g_rand_new_with_seed(6);
    struct wire          *wire = wire_new(random, &usual);
    struct reader         reader;
    uint8_t               bytes[64] = { 1, 2, 3 };

    for (unsigned before = 0; before <= 1; before++) {
        reader_begin(&reader, wire->line);
        if (before == 0)
            reader_wire(&reader, wire, &usual, 1460);
        for (unsigned i = 0; i < 2 * G_N_ELEMENTS(offsets); i++) {
            uint32_t size = i % 2 == 0 ? sizeof bytes : 0;
            struct mse_chunk chunk = { .side = i / 2 % 2, .offset = offsets[i / 2], .data = bytes, .captured = size,
                                       .reported = size, .frame = 1000 + i };
            struct mse_piece piece;

            mse_stream_feed(reader.stream, &chunk);
            g_assert_false(mse_stream_earlier(reader.stream, &piece));
            /* RC4 is not run that far. */
            g_assert_cmpuint(mse_stream_decrypt(reader.stream, chunk.side, chunk.offset, bytes, size, bytes), ==, 0);
        }
        reader_end(&reader);
    }
    wire_free(wire);
    g_rand_free(random);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_holes/in_the_handshake", holes_in_the_handshake);
    g_test_add_func("/mse_holes/that_cost_nothing", holes_that_cost_nothing);
    g_test_add_func("/mse_holes/first_packets_missing", first_packets_missing);
    g_test_add_func("/mse_holes/cut_packets", cut_packets);
    g_test_add_func("/mse_holes/one_direction", one_direction);
    g_test_add_func("/mse_holes/one_method", one_method);
    g_test_add_func("/mse_holes/both_handshakes_missing", both_handshakes_missing);
    g_test_add_func("/mse_holes/wild_positions", wild_positions);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
