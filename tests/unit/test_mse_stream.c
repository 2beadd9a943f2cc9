/* test_mse_stream.c
 * mse_reader.c and mse_handshake.c with a key: the handshake of any length, cut anywhere; what can be wrong with it;
 * what is missing of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"

static const struct choices usual = { .pad_a = 40, .pad_b = 45, .pad_c = 30, .pad_d = 79, .provide = 3, .select = 2,
                                      .ia = IA_HANDSHAKE, .block = 3000 };

/* A connection and its reader, which knows its key. */
struct fixture {
    GRand         *random;
    struct choices choices;
    struct wire   *wire;
    struct reader  reader;
    uint32_t       sent[2];
};

static void
set_up(struct fixture *fixture, const struct choices *choices)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->random = g_rand_new_with_seed(1);
    fixture->choices = *choices;
    fixture->wire = wire_new(fixture->random, choices);
    reader_begin(&fixture->reader, fixture->wire->line);
}

static void
tear_down(struct fixture *fixture)
{
    reader_end(&fixture->reader);
    wire_free(fixture->wire);
    g_rand_free(fixture->random);
}

/* The next bytes of a side up to before end, in one packet. */
static void
flight(struct fixture *fixture, unsigned side, uint32_t end)
{
    reader_flight(&fixture->reader, fixture->wire, fixture->sent, side, end, 5000);
}

static void
all(struct fixture *fixture)
{
    reader_wire(&fixture->reader, fixture->wire, &fixture->choices, 1460);
}

static unsigned
faults(const struct reader *reader)
{
    const struct mse_handshake *handshake = reader->stream->handshake;
    unsigned                    count = 0;

    for (unsigned i = 0; i < MSE_FAULT_COUNT; i++)
        count += handshake->fault_frames[i] != 0;
    return count;
}

/* All of the payload was read, IA included, and the handshake says what the peers chose. */
static void
assert_opened(const struct reader *reader, const struct wire *wire, const struct choices *choices)
{
    const struct mse_handshake *handshake = reader->stream->handshake;
    enum mse_state              method = choices->select == 2 ? MSE_RC4 : MSE_PLAINTEXT;
    uint8_t                     req1[20];

    assert_states(reader, method, method);
    assert_read(reader, wire, A, wire->payload[A]);
    assert_read(reader, wire, B, wire->payload[B]);
    g_assert_true(handshake != NULL && handshake->opened && handshake->has_provide && handshake->has_ia);
    g_assert_true(handshake->has_select);
    reference_hash("req1", wire->secret, NULL, req1);
    g_assert_cmpmem(handshake->req1, 20, req1, 20);
    g_assert_cmpmem(handshake->key.info_hash, 20, wire->info_hash, 20);
    g_assert_cmpuint(handshake->initiator, ==, A);
    g_assert_cmpuint(handshake->crypto_provide, ==, choices->provide);
    g_assert_cmpuint(handshake->crypto_select, ==, choices->select);
    g_assert_cmpuint(handshake->pad_length[A], ==, choices->pad_a);
    g_assert_cmpuint(handshake->pad_length[B], ==, choices->pad_b);
    g_assert_cmpuint(handshake->pad_c_length, ==, choices->pad_c);
    g_assert_cmpuint(handshake->pad_d_length, ==, choices->pad_d);
    g_assert_cmpuint(handshake->ia_length, ==, ia_length(choices));
    for (unsigned side = A; side <= B; side++) {
        g_assert_cmpuint(handshake->vc_offset[side], ==, wire->vc[side]);
        g_assert_cmpuint(reader->stream->directions[side].readable_to, ==, UINT64_MAX);
        g_assert_null(reader->stream->directions[side].held);
        g_assert_cmpuint(wire->payload[side], <, MSE_HELD_MAX);
        g_assert_cmpuint(reader->stream->directions[side].payload_frame, ==,
                         reader->frames[side][wire->payload[side]]);
    }
    g_assert_true(mse_stream_is_settled(reader->stream));
    if (method == MSE_PLAINTEXT)    /* no cipher is kept for a side that does not need it any more */
        g_assert_null(handshake->rc4[B]->runners);
}

static void
play(const struct choices *choices, GRand *random, uint32_t size)
{
    struct wire  *wire = wire_new(random, choices);
    struct reader reader;

    reader_begin(&reader, wire->line);
    reader_wire(&reader, wire, choices, size);
    assert_opened(&reader, wire, choices);
    g_assert_cmpuint(faults(&reader), ==, 0);
    wire_free(wire);
    reader_end(&reader);
}

/* --- good ones --- */

/* All four paddings at their limits, every IA, both methods. */
static void
limits(void)
{
    static const uint32_t pads[] = { 0, 1, 511, 512 };
    GRand                *random = g_rand_new_with_seed(1);

    for (unsigned i = 0; i < 256 * 6; i++) {
        struct choices choices = usual;

        choices.pad_a = pads[i % 4];
        choices.pad_b = pads[i / 4 % 4];
        choices.pad_c = pads[i / 16 % 4];
        choices.pad_d = pads[i / 64 % 4];
        choices.ia = (enum ia)(i / 256 % 3);
        choices.select = 1 + i / 768;
        choices.block = 100;
        play(&choices, random, 1460);
    }
    g_rand_free(random);
}

/* 3,000 connections with padding of any length, in packets of any size. */
static void
random_padding(void)
{
    GRand *random = g_rand_new_with_seed(2);

    for (unsigned i = 0; i < 3000; i++) {
        struct choices choices = usual;

        choices.pad_a = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.pad_b = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.pad_c = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.pad_d = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.ia = (enum ia)(i % 3);
        choices.select = 1 + i / 3 % 2;
        choices.provide = i % 4 == 0 ? choices.select : 3;
        choices.block = (uint32_t)g_rand_int_range(random, 0, 400);
        play(&choices, random, (uint32_t)g_rand_int_range(random, 1, 1461));
    }
    g_rand_free(random);
}

/* Cut in two at every byte of each side, and one byte at a time. */
static void
splits(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct choices choices = usual;
        struct fixture fixture;

        choices.select = 1 + i % 2;
        choices.ia = i / 2 == 0 ? IA_NONE : IA_HANDSHAKE_AND_MORE;
        choices.block = 40;
        set_up(&fixture, &choices);
        struct flight flights[FLIGHTS_MAX];
        unsigned      count = wire_flights(fixture.wire, &choices, flights);
        for (unsigned side = A; side <= B; side++) {
            for (uint32_t cut = 1; cut < fixture.wire->bytes[side]->len; cut++) {
                struct reader reader;
                uint32_t      sent[2] = { 0, 0 };

                reader_begin(&reader, fixture.wire->line);
                for (unsigned n = 0; n < count; n++) {
                    if (flights[n].side == side && sent[side] < cut && cut < flights[n].end)
                        reader_flight(&reader, fixture.wire, sent, side, cut, 5000);
                    reader_flight(&reader, fixture.wire, sent, flights[n].side, flights[n].end, 5000);
                }
                assert_opened(&reader, fixture.wire, &choices);
                reader_end(&reader);
            }
        }
        play(&choices, fixture.random, 1);
        tear_down(&fixture);
    }
}

/* All of B's bytes were captured before A's, or all of A's before B's: payload that was held comes as pieces. Where
 * B's show plaintext without a key, nobody waits for one, but A's handshake is read with it. */
static void
out_of_order(void)
{
    struct choices choices = usual;
    struct fixture fixture;

    choices.block = 40;
    for (unsigned i = 0; i < 8; i++) {
        unsigned first = i % 2;

        choices.select = 1 + i / 2 % 2;
        choices.ia = i / 4 == 0 ? IA_NONE : IA_HANDSHAKE;
        set_up(&fixture, &choices);
        reader_flight(&fixture.reader, fixture.wire, fixture.sent, first, 5000, 50);
        flight(&fixture, 1 - first, 5000);
        if (first == A || choices.select == 2) {
            assert_opened(&fixture.reader, fixture.wire, &choices);
        } else {
            assert_states(&fixture.reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
            assert_read(&fixture.reader, fixture.wire, A, fixture.wire->payload[A]);
            assert_read(&fixture.reader, fixture.wire, B, fixture.wire->payload[B]);
            g_assert_true(fixture.reader.stream->handshake->has_ia);
        }
        if (first == B && choices.select == 2)
            g_assert_cmpuint(fixture.reader.earlier, >, 1);
        tear_down(&fixture);
    }
}

/* Each packet twice, and each with the 100 bytes before it: as TCP sends them again. */
static void
repeats(void)
{
    struct fixture fixture;

    set_up(&fixture, &usual);
    struct flight flights[FLIGHTS_MAX];
    unsigned      count = wire_flights(fixture.wire, &usual, flights);
    uint32_t      sent[2] = { 0, 0 };

    for (unsigned i = 0; i < count; i++) {
        unsigned       side = flights[i].side;
        const uint8_t *bytes = fixture.wire->bytes[side]->data;
        uint32_t       end = MIN(flights[i].end, fixture.wire->bytes[side]->len);

        while (sent[side] < end) {
            uint32_t n = MIN(200, end - sent[side]), before = MIN(100, sent[side]);
            reader_chunk(&fixture.reader, side, sent[side], bytes + sent[side], n);
            reader_chunk(&fixture.reader, side, sent[side], bytes + sent[side], n);
            reader_chunk(&fixture.reader, side, sent[side] - before, bytes + sent[side] - before, n + before);
            sent[side] += n;
        }
    }
    assert_opened(&fixture.reader, fixture.wire, &usual);
    tear_down(&fixture);
}

/* Two connections and one key log, in which there are other keys, too; and the key of neither. */
static void
two_connections(void)
{
    GRand        *random = g_rand_new_with_seed(3);
    struct choices plaintext = usual;
    struct wire  *one = wire_new(random, &usual), *other, *third;
    struct reader reader;

    plaintext.select = 1;
    other = wire_new(random, &plaintext);
    third = wire_new(random, &usual);
    char *keys = g_strconcat("# two\n", third->line, other->line, "MSE 00\n", one->line, NULL);

    reader_begin(&reader, keys);
    struct mse_keylog *keylog = reader.keylog;
    reader_wire(&reader, one, &usual, 700);
    assert_opened(&reader, one, &usual);

    struct reader second;
    reader_begin(&second, NULL);
    mse_stream_free(second.stream);
    second.stream = mse_stream_new(second.scope, keylog);
    reader_wire(&second, other, &plaintext, 700);
    assert_opened(&second, other, &plaintext);
    reader_end(&second);
    reader_end(&reader);

    reader_begin(&reader, other->line);
    reader_wire(&reader, one, &usual, 700);
    assert_nothing(&reader, MSE_UNKNOWN);
    reader_end(&reader);
    g_free(keys);
    wire_free(one);
    wire_free(other);
    wire_free(third);
    g_rand_free(random);
}

/* The key is logged while the connection is captured, at any time before the search is over; others were before. */
static void
late_key(void)
{
    struct fixture fixture;
    struct choices choices = usual;

    choices.block = 300;
    for (unsigned late = 0; late < 6; late++) {
        set_up(&fixture, &choices);
        mse_keylog_free(fixture.reader.keylog);
        fixture.reader.keylog = mse_keylog_new(fixture.reader.scope, 10);
        mse_stream_free(fixture.reader.stream);
        fixture.reader.stream = mse_stream_new(fixture.reader.scope, fixture.reader.keylog);
        struct wire *other = wire_new(fixture.random, &choices);
        mse_keylog_feed(fixture.reader.keylog, other->line, strlen(other->line));
        wire_free(other);

        struct flight flights[FLIGHTS_MAX];
        unsigned      count = wire_flights(fixture.wire, &choices, flights);
        for (unsigned i = 0; i < count; i++) {
            if (i == late)
                mse_keylog_feed(fixture.reader.keylog, fixture.wire->line, strlen(fixture.wire->line));
            flight(&fixture, flights[i].side, flights[i].end);
        }
        assert_opened(&fixture.reader, fixture.wire, &choices);
        tear_down(&fixture);
    }
}

/* A later pass: any bytes, in any order. */
static void
any_bytes(void)
{
    for (unsigned select = 1; select <= 2; select++) {
        struct choices choices = usual;
        struct fixture fixture;

        choices.select = select;
        choices.block = 60000;
        set_up(&fixture, &choices);
        all(&fixture);
        for (unsigned i = 0; i < 2000; i++) {
            unsigned    side = i % 2;
            GByteArray *bytes = fixture.wire->bytes[side];
            uint32_t    from = fixture.wire->payload[side];
            uint32_t    at = (uint32_t)g_rand_int_range(fixture.random, (gint32)from,
                                                        (gint32)(i % 3 == 0 ? from + 100 : bytes->len));
            uint32_t    size = (uint32_t)g_rand_int_range(fixture.random, 1, 1500);
            uint8_t     out[1500];

            size = MIN(size, bytes->len - at);
            g_assert_cmpuint(mse_stream_decrypt(fixture.reader.stream, side, at, bytes->data + at, size, out),
                             ==, size);
            g_assert_cmpmem(out, size, fixture.wire->plain[side]->data + at - from, size);
        }
        tear_down(&fixture);
    }
}

/* --- what is wrong --- */

struct wrong {
    const char    *name;
    struct choices choices;
    uint32_t       flip;        /* a byte to be changed: offset from the VC of A, or of B with flip_b; NONE: none */
    bool           flip_b;
    uint8_t        with;        /* exclusive or */
    enum mse_fault fault;
    uint32_t       frame;       /* of the fault */
    enum mse_state state[2];
    bool           reads[2];    /* the payload is read all the same */
    bool           reads_ia;
};

#define GOOD(pad_c_, pad_d_, provide_, select_) SIZED(pad_c_, pad_d_, provide_, select_, 600)
#define SIZED(pad_c_, pad_d_, provide_, select_, block_) \
    { .pad_a = 10, .pad_b = 20, .pad_c = (pad_c_), .pad_d = (pad_d_), .provide = (provide_), .select = (select_), \
      .ia = IA_HANDSHAKE, .block = (block_) }
#define NONE    UINT32_MAX

static const struct wrong wrongs[] = {
    { "REQ2_MISMATCH", SIZED(5, 6, 3, 2, 2000), (uint32_t)-1 - 7, false, 0x01, MSE_FAULT_REQ2_MISMATCH, 3,
      { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, false },
    { "INITIATOR_VC", GOOD(5, 6, 3, 2), 7, false, 0x80, MSE_FAULT_INITIATOR_VC, 3,
      { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, false },
    { "RESPONDER_VC", GOOD(5, 6, 3, 2), 0, true, 0x01, MSE_FAULT_RESPONDER_VC, 6,
      { MSE_RC4, MSE_UNREADABLE }, { true, false }, true },
    { "RESPONDER_VC, plaintext", GOOD(5, 6, 3, 1), 7, true, 0x01, MSE_FAULT_RESPONDER_VC, 6,
      { MSE_PLAINTEXT, MSE_PLAINTEXT }, { true, false }, true },
    { "PROVIDE_NONE", GOOD(5, 6, 4, 2), NONE, false, 0, MSE_FAULT_PROVIDE_NONE, 3,
      { MSE_RC4, MSE_RC4 }, { true, true }, true },
    { "SELECT_INVALID, 3", GOOD(5, 6, 3, 2), 11, true, 0x01, MSE_FAULT_SELECT_INVALID, 4,
      { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, true },
    { "SELECT_INVALID, 0", GOOD(5, 6, 3, 2), 11, true, 0x02, MSE_FAULT_SELECT_INVALID, 4,
      { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, true },
    { "SELECT_INVALID, first byte", GOOD(5, 6, 3, 2), 8, true, 0x01, MSE_FAULT_SELECT_INVALID, 4,
      { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, true },
    { "SELECT_NOT_PROVIDED, RC4", GOOD(5, 6, 1, 2), NONE, false, 0, MSE_FAULT_SELECT_NOT_PROVIDED, 4,
      { MSE_RC4, MSE_RC4 }, { true, true }, true },
    { "SELECT_NOT_PROVIDED, plaintext", GOOD(5, 6, 2, 1), NONE, false, 0, MSE_FAULT_SELECT_NOT_PROVIDED, 4,
      { MSE_PLAINTEXT, MSE_PLAINTEXT }, { true, true }, true },
    { "PAD_C_LENGTH", GOOD(513, 6, 3, 2), NONE, false, 0, MSE_FAULT_PAD_C_LENGTH, 3,
      { MSE_RC4, MSE_RC4 }, { true, true }, true },
    { "PAD_D_LENGTH", GOOD(5, 513, 3, 2), NONE, false, 0, MSE_FAULT_PAD_D_LENGTH, 4,
      { MSE_RC4, MSE_RC4 }, { true, true }, true },
    { "PAD_D_LENGTH, 65535", GOOD(5, 65535, 3, 2), NONE, false, 0, MSE_FAULT_PAD_D_LENGTH, 4,
      { MSE_RC4, MSE_RC4 }, { true, true }, true },
    /* The length of IA is out of reach: the method is known, but not where messages begin. */
    { "PAD_C_LENGTH, 60000", GOOD(60000, 6, 3, 2), NONE, false, 0, MSE_FAULT_PAD_C_LENGTH, 3,
      { MSE_RC4, MSE_RC4 }, { false, true }, false },
};

static void
wrong(const void *data)
{
    const struct wrong *test = (const struct wrong *)data;
    struct fixture      fixture;
    struct reader      *reader = &fixture.reader;
    struct wire        *wire;

    set_up(&fixture, &test->choices);
    wire = fixture.wire;
    if (test->flip != NONE)
        wire->bytes[test->flip_b]->data[wire->vc[test->flip_b] + test->flip] ^= test->with;
    /* Six packets and more: the two keys, IA, crypto_select, and the payload of both. */
    reader_flight(reader, wire, fixture.sent, A, 96 + test->choices.pad_a, 70000);
    reader_flight(reader, wire, fixture.sent, B, 96 + test->choices.pad_b, 70000);
    reader_flight(reader, wire, fixture.sent, A, wire->after_ia, 70000);
    reader_flight(reader, wire, fixture.sent, B, wire->payload[B], 70000);
    reader_flight(reader, wire, fixture.sent, A, UINT32_MAX, 70000);
    reader_flight(reader, wire, fixture.sent, B, UINT32_MAX, 70000);

    g_assert_nonnull(reader->stream->handshake);
    g_assert_cmpuint(faults(reader), ==, 1);
    g_assert_cmpuint(reader->stream->handshake->fault_frames[test->fault], ==, test->frame);
    g_assert_nonnull(mse_fault_texts[test->fault]);
    assert_states(reader, test->state[A], test->state[B]);
    for (unsigned side = A; side <= B; side++) {
        if (test->reads[side])
            assert_read(reader, wire, side, wire->payload[side]);
    }
    if (test->reads_ia && !test->reads[A])
        g_assert_cmpmem(reader->out[A]->data, reader->out[A]->len, wire->plain[A]->data, 68);
    tear_down(&fixture);
}

/* The key log has another info hash for the connection, but it chose plaintext: that is found without a key. */
static void
wrong_info_hash(void)
{
    struct choices choices = usual;
    struct fixture fixture;

    choices.select = 1;
    set_up(&fixture, &choices);
    reader_end(&fixture.reader);
    fixture.wire->line[strlen(fixture.wire->line) - 2] ^= 1;
    reader_begin(&fixture.reader, fixture.wire->line);
    all(&fixture);
    assert_states(&fixture.reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
    assert_read(&fixture.reader, fixture.wire, A, fixture.wire->after_ia);
    assert_read(&fixture.reader, fixture.wire, B, fixture.wire->payload[B]);
    g_assert_false(fixture.reader.stream->handshake->opened);
    g_assert_cmpuint(fixture.reader.stream->handshake->fault_frames[MSE_FAULT_REQ2_MISMATCH], ==, 3);
    tear_down(&fixture);
}

/* The log has two info hashes for the secret, the wrong one first: the connection tells which is right, whether the right one
 * is there from the beginning or comes after the connection was found. */
static void
two_info_hashes(void)
{
    for (unsigned later = 0; later <= 1; later++) {
        struct fixture fixture;
        char           wrong_line[sizeof fixture.wire->line];

        set_up(&fixture, &usual);
        reader_end(&fixture.reader);
        g_strlcpy(wrong_line, fixture.wire->line, sizeof wrong_line);
        wrong_line[strlen(wrong_line) - 2] ^= 1;
        reader_begin(&fixture.reader, wrong_line);
        if (!later)
            mse_keylog_feed(fixture.reader.keylog, fixture.wire->line, strlen(fixture.wire->line));

        uint32_t sent[2] = { 0, 0 };
        reader_flight(&fixture.reader, fixture.wire, sent, A, fixture.wire->after_ia, 1460);
        g_assert_true(fixture.reader.stream->handshake->opened == !later);
        g_assert_cmpuint(fixture.reader.stream->handshake->fault_frames[MSE_FAULT_REQ2_MISMATCH], ==, later ? 1 : 0);
        if (later)
            mse_keylog_feed(fixture.reader.keylog, fixture.wire->line, strlen(fixture.wire->line));
        reader_flight(&fixture.reader, fixture.wire, sent, B, UINT32_MAX, 1460);
        reader_flight(&fixture.reader, fixture.wire, sent, A, UINT32_MAX, 1460);
        for (unsigned side = A; side <= B; side++)
            assert_read(&fixture.reader, fixture.wire, side, fixture.wire->payload[side]);
        g_assert_cmpmem(fixture.reader.stream->handshake->key.info_hash, 20, fixture.wire->info_hash, 20);
        g_assert_cmpuint(faults(&fixture.reader), ==, 0);
        tear_down(&fixture);
    }
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_stream/limits", limits);
    g_test_add_func("/mse_stream/random_padding", random_padding);
    g_test_add_func("/mse_stream/splits", splits);
    g_test_add_func("/mse_stream/out_of_order", out_of_order);
    g_test_add_func("/mse_stream/repeats", repeats);
    g_test_add_func("/mse_stream/two_connections", two_connections);
    g_test_add_func("/mse_stream/late_key", late_key);
    g_test_add_func("/mse_stream/any_bytes", any_bytes);
    for (size_t i = 0; i < G_N_ELEMENTS(wrongs); i++) {
        char *path = g_strdup_printf("/mse_stream/wrong/%s", wrongs[i].name);
        g_test_add_data_func(path, &wrongs[i], wrong);
        g_free(path);
    }
    g_test_add_func("/mse_stream/wrong_info_hash", wrong_info_hash);
    g_test_add_func("/mse_stream/two_info_hashes", two_info_hashes);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
