/* test_mse_search.c
 * mse_reader.c and mse_search.c without a key: plaintext is found wherever it begins, and nowhere else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"

/* MSE offered both, and plaintext was chosen. */
static const struct choices usual = { .pad_a = 90, .pad_b = 454, .pad_c = 168, .pad_d = 138, .provide = 3,
                                      .select = 1, .ia = IA_HANDSHAKE, .block = 3000 };

/* Both sides were found, and each byte of the payload was read from the first on that is plaintext. */
static void
assert_found(const struct reader *reader, const struct wire *wire)
{
    assert_states(reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
    assert_read(reader, wire, A, wire->after_ia);
    assert_read(reader, wire, B, wire->payload[B]);
}

static void
play(const struct choices *choices, GRand *random, bool told, uint32_t size)
{
    struct reader reader;
    struct wire  *wire = wire_new(random, choices);

    reader_begin(&reader, NULL);
    if (told)
        mse_stream_set_initiator(reader.stream, A);
    reader_wire(&reader, wire, choices, size);
    assert_found(&reader, wire);
    g_assert_null(reader.stream->handshake);
    for (unsigned side = A; side <= B; side++)
        g_assert_null(reader.stream->directions[side].held);
    if (choices->ia != IA_NONE) {       /* the side with a hidden handshake is the initiator */
        g_assert_true(reader.stream->has_initiator);
        g_assert_cmpuint(reader.stream->initiator, ==, A);
    }
    wire_free(wire);
    reader_end(&reader);
}

/* All four paddings at their limits, with and without IA, the initiator told or not. */
static void
limits(void)
{
    static const uint32_t pads[] = { 0, 1, 511, 512 };
    GRand                *random = g_rand_new_with_seed(1);

    for (unsigned i = 0; i < 256 * 4; i++) {
        struct choices choices = usual;

        choices.pad_a = pads[i % 4];
        choices.pad_b = pads[i / 4 % 4];
        choices.pad_c = pads[i / 16 % 4];
        choices.pad_d = pads[i / 64 % 4];
        choices.ia = i & 256 ? IA_NONE : IA_HANDSHAKE;
        choices.block = 100;
        play(&choices, random, (i & 512) != 0, 1460);
    }
    g_rand_free(random);
}

/* 3,000 connections with padding of any length, as their clients make them. */
static void
random_padding(void)
{
    /* What the clients begin with: an extension handshake, Have All, Have None, a Bitfield of one piece or of 8,000
     * (not all of which is held), a Bitfield and something else, Interested. */
    static const char *const firsts[] = { NULL, "000000010e", "000000010f", "00000002" "05" "80",
                                          "00000005" "05" "deadbeef", "0000000102" };
    GRand *random = g_rand_new_with_seed(2);

    for (unsigned i = 0; i < 3000; i++) {
        struct choices choices = usual;

        choices.pad_a = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.pad_b = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.pad_c = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.pad_d = (uint32_t)g_rand_int_range(random, 0, 513);
        choices.ia = i % 2 == 0 ? IA_HANDSHAKE : IA_NONE;
        choices.first = firsts[i / 2 % G_N_ELEMENTS(firsts)];
        choices.block = (uint32_t)g_rand_int_range(random, 0, 400);
        play(&choices, random, i % 5 == 0, (uint32_t)g_rand_int_range(random, 20, 1461));
    }
    g_rand_free(random);
}

/* Each flight cut in two at each byte around the first byte of plaintext, and one byte at a time. */
static void
splits(void)
{
    GRand *random = g_rand_new_with_seed(3);

    for (unsigned ia = IA_NONE; ia <= IA_HANDSHAKE; ia++) {
        struct choices choices = usual;

        choices.ia = (enum ia)ia;
        choices.block = 100;
        struct wire *wire = wire_new(random, &choices);
        for (unsigned side = A; side <= B; side++) {
            uint32_t first = side == A ? wire->after_ia : wire->payload[B];

            for (uint32_t cut = first - 5; cut < first + 100; cut++) {
                struct flight flights[FLIGHTS_MAX];
                unsigned      count = wire_flights(wire, &choices, flights);
                struct reader reader;
                uint32_t      sent[2] = { 0, 0 };

                reader_begin(&reader, NULL);
                for (unsigned i = 0; i < count; i++) {
                    if (flights[i].side == side && sent[side] < cut && cut < flights[i].end)
                        reader_flight(&reader, wire, sent, side, cut, 5000);
                    reader_flight(&reader, wire, sent, flights[i].side, flights[i].end, 5000);
                }
                assert_found(&reader, wire);
                reader_end(&reader);
            }
        }
        wire_free(wire);
        play(&choices, random, true, 1);
        play(&choices, random, false, 1);
    }
    g_rand_free(random);
}

/* In one packet: the end of what is encrypted, and the handshake; the initiator's messages after the end of IA too,
 * which no client does: then they begin no turn. payload_frame is the frame of the first byte all the same. */
static void
one_packet(void)
{
    GRand        *random = g_rand_new_with_seed(4);
    struct wire  *wire = wire_new(random, &usual);
    struct reader reader;
    uint32_t      sent[2] = { 0, 0 };

    reader_begin(&reader, NULL);
    reader_flight(&reader, wire, sent, A, 96 + usual.pad_a, 5000);
    reader_flight(&reader, wire, sent, B, 96 + usual.pad_b, 5000);
    reader_flight(&reader, wire, sent, A, UINT32_MAX, 5000);
    assert_states(&reader, MSE_SEARCHING, MSE_SEARCHING);
    reader_flight(&reader, wire, sent, B, UINT32_MAX, 5000);
    assert_states(&reader, MSE_PLAINTEXT, MSE_PLAINTEXT);
    assert_read(&reader, wire, B, wire->payload[B]);
    g_assert_cmpuint(reader.stream->directions[A].payload, ==, wire->after_ia);
    g_assert_cmpuint(reader.stream->directions[A].payload_frame, ==, 3);
    g_assert_cmpuint(reader.stream->directions[B].payload_frame, ==, 4);
    g_assert_cmpuint(reader.stream->directions[A].first_frame, ==, 1);
    /* What was held of A's bytes came as a piece of frame 3. */
    g_assert_cmpuint(reader.earlier, ==, 1);
    g_assert_cmpuint(reader.next[A], ==, MSE_HELD_MAX);
    wire_free(wire);
    reader_end(&reader);
    g_rand_free(random);
}

/* B's handshake was captured in two packets: the first part comes as an earlier piece, and with its frame. */
static void
earlier_pieces(void)
{
    GRand        *random = g_rand_new_with_seed(5);
    struct wire  *wire = wire_new(random, &usual);
    struct reader reader;
    uint32_t      sent[2] = { 0, 0 };

    reader_begin(&reader, NULL);
    reader_flight(&reader, wire, sent, A, 96 + usual.pad_a, 5000);
    reader_flight(&reader, wire, sent, B, 96 + usual.pad_b, 5000);
    reader_flight(&reader, wire, sent, A, wire->after_ia, 5000);
    reader_flight(&reader, wire, sent, B, wire->payload[B] + 19, 5000);
    assert_states(&reader, MSE_SEARCHING, MSE_SEARCHING);
    g_assert_cmpuint(reader.out[B]->len, ==, 0);
    reader_flight(&reader, wire, sent, B, wire->payload[B] + 20, 5000);
    assert_states(&reader, MSE_SEARCHING, MSE_PLAINTEXT);
    g_assert_cmpuint(reader.stream->directions[B].payload_frame, ==, 4);
    g_assert_cmpuint(reader.earlier, ==, 1);
    g_assert_cmpuint(reader.out[B]->len, ==, 20);
    wire_free(wire);
    reader_end(&reader);
    g_rand_free(random);
}

/* Bytes that look like messages where none can begin: a Bitfield's header in the middle of a flight, and at the start
 * of a flight that comes before crypto_select. They are not taken for the payload. */
static void
false_messages(void)
{
    GRand *random = g_rand_new_with_seed(10);

    for (unsigned i = 0; i < 2; i++) {
        struct choices choices = usual;
        struct reader  reader;

        choices.pad_a = 200;
        choices.pad_b = 0;
        struct wire *wire = wire_new(random, &choices);
        /* Without a key nobody can tell that this is no hash. */
        memcpy(wire->bytes[A]->data + 296 + (i == 0 ? 10 : 0), "\0\0\x05\x01\x05\xa1\xb2\xc3\xd4", 9);
        reader_begin(&reader, NULL);
        reader_wire(&reader, wire, &choices, 1460);
        assert_found(&reader, wire);
        wire_free(wire);
        reader_end(&reader);
    }
    g_rand_free(random);
}

/* --- not MSE --- */

/* 3,000 pairs of random streams: nothing. Both end as unknown, and nothing is held any more. */
static void
random_streams(void)
{
    GRand  *random = g_rand_new_with_seed(6);
    uint8_t bytes[3000];

    for (unsigned i = 0; i < 3000; i++) {
        struct reader reader;

        reader_begin(&reader, NULL);
        if (i % 3 == 0)
            mse_stream_set_initiator(reader.stream, i % 2);
        for (unsigned side = 0; side <= 1; side++) {
            random_bytes(random, bytes, sizeof bytes);
            for (uint32_t at = 0; at < sizeof bytes; at += 500)
                reader_chunk(&reader, side, at, bytes + at, 500);
        }
        assert_nothing(&reader, MSE_UNKNOWN);
        reader_end(&reader);
    }
    g_rand_free(random);
}

/* A connection of two streams, given as a start in hex digits or NULL, then random bytes, then the handshake of
 * BitTorrent at an offset or UINT32_MAX, maybe a message, and zeros. */
struct look_alike {
    const char    *name;
    const char    *hex[2];
    uint32_t       handshake[2];
    uint32_t       size[2];         /* of the direction; 0: it is silent */
    bool           message;         /* Interested follows the handshake */
    bool           told;            /* the first side is known to be the initiator */
    enum mse_state state[2];
};

#define NEVER   UINT32_MAX
#define RANDOM_32 "8a1f03c97e55d2b06419fce83a7710bb9245e6cd31087f5ea4d31c6b90f2274e"
#define TEXT    "485454502f312e3120323030204f4b0d0a436f6e74656e742d547970653a20" \
                "6170706c69636174696f6e2f782d626974746f7272656e74"
#define GET     "474554202f20485454502f312e310d0a486f73743a206578616d706c652e636f6d0d0a0d0a"

static const struct look_alike look_alikes[] = {
    /* It is the place of the handshake that counts: byte 110 to 1134, or 1244 where the side may be the initiator. */
    { "byte 0", { NULL, NULL }, { 0, 0 }, { 2000, 2000 }, false, false, { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "byte 96", { NULL, NULL }, { NEVER, 96 }, { 2000, 2000 }, false, false, { MSE_UNKNOWN, MSE_UNKNOWN } },
    { "byte 109", { NULL, NULL }, { NEVER, 109 }, { 2000, 2000 }, false, false, { MSE_UNKNOWN, MSE_UNKNOWN } },
    { "byte 110", { NULL, NULL }, { NEVER, 110 }, { 220, 2000 }, false, false, { MSE_SEARCHING, MSE_PLAINTEXT } },
    { "byte 1134", { NULL, NULL }, { NEVER, 1134 }, { 220, 2000 }, false, true, { MSE_SEARCHING, MSE_PLAINTEXT } },
    { "byte 1135, responder", { NULL, NULL }, { NEVER, 1135 }, { 2000, 2000 }, false, true,
      { MSE_UNKNOWN, MSE_UNKNOWN } },
    { "byte 1135, anybody", { NULL, NULL }, { NEVER, 1135 }, { 220, 2000 }, false, false,
      { MSE_SEARCHING, MSE_PLAINTEXT } },
    { "byte 1244", { NULL, NULL }, { NEVER, 1244 }, { 220, 2000 }, false, false, { MSE_SEARCHING, MSE_PLAINTEXT } },
    { "byte 1245", { NULL, NULL }, { NEVER, 1245 }, { 2000, 2000 }, false, false, { MSE_UNKNOWN, MSE_UNKNOWN } },
    { "byte 151, initiator", { NULL, NULL }, { 151, NEVER }, { 2000, 2000 }, false, true,
      { MSE_UNKNOWN, MSE_UNKNOWN } },
    { "byte 152, initiator", { NULL, NULL }, { 152, NEVER }, { 2000, 110 }, false, true,
      { MSE_PLAINTEXT, MSE_SEARCHING } },

    /* Text, binary numbers, TLS, before it or on the other side. */
    { "HTTP response", { GET, TEXT }, { NEVER, 300 }, { 64, 2000 }, false, false,
      { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "HTTP, random response", { GET, NULL }, { NEVER, 300 }, { 36, 2000 }, false, false,
      { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "random request", { NULL, TEXT }, { NEVER, 300 }, { 300, 2000 }, false, false,
      { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "pcap file", { NULL, "d4c3b2a102000400000000000000000000000400010000005f5f5f5f" }, { NEVER, 300 },
      { 300, 2000 }, false, false, { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "words in it", { NULL, "9a" TEXT TEXT "e1" }, { NEVER, 200 }, { 300, 2000 }, false, false,
      { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "text after 32 random bytes", { RANDOM_32 GET GET, NULL }, { NEVER, 300 }, { 106, 2000 }, false, false,
      { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },
    { "less than a key", { NULL, NULL }, { NEVER, 300 }, { 95, 2000 }, true, false,
      { MSE_SEARCHING, MSE_SEARCHING } },
    { "a key", { NULL, NULL }, { NEVER, 300 }, { 96, 2000 }, true, false, { MSE_SEARCHING, MSE_PLAINTEXT } },
    { "a short request", { "9af1", NULL }, { NEVER, 300 }, { 2, 70000 }, false, false,
      { MSE_IMPOSSIBLE, MSE_IMPOSSIBLE } },

    /* One side only: what comes after the handshake must be a message, and zeros are no evidence. */
    { "one side alone", { NULL, NULL }, { NEVER, 300 }, { 0, 2000 }, false, false, { MSE_SEARCHING, MSE_SEARCHING } },
    { "one side and a message", { NULL, NULL }, { NEVER, 300 }, { 0, 2000 }, true, false,
      { MSE_SEARCHING, MSE_PLAINTEXT } },
    { "one side, long", { NULL, NULL }, { NEVER, 300 }, { 0, 70000 }, false, false, { MSE_UNKNOWN, MSE_UNKNOWN } },
};

static void
look_alike(const void *data)
{
    const struct look_alike *test = (const struct look_alike *)data;
    GRand                   *random = g_rand_new_with_seed(7);
    struct reader            reader;

    reader_begin(&reader, NULL);
    if (test->told)
        mse_stream_set_initiator(reader.stream, 0);
    for (unsigned side = 0; side <= 1; side++) {
        GByteArray *bytes = bytes_from_hex(test->hex[side] != NULL ? test->hex[side] : "");
        uint32_t    size = test->size[side], handshake = test->handshake[side];

        bytes_add_random(bytes, random, MIN(size, handshake) - MIN(bytes->len, MIN(size, handshake)));
        if (handshake < size) {
            bytes_add(bytes, "\x13" "BitTorrent protocol", 20);
            bytes_add_random(bytes, random, 48);
            if (test->message)
                bytes_add_hex(bytes, "0000000102");
            bytes_add_zeros(bytes, size - bytes->len);
        }
        for (uint32_t at = 0; at < size; at += 1460)
            reader_chunk(&reader, side, at, bytes->data + at, MIN(1460, size - at));
        g_byte_array_unref(bytes);
    }
    assert_states(&reader, test->state[0], test->state[1]);
    for (unsigned side = 0; side <= 1; side++) {
        if (test->state[side] == MSE_PLAINTEXT)
            g_assert_cmpuint(reader.start[side], ==, test->handshake[side]);
        else
            g_assert_cmpuint(reader.out[side]->len, ==, 0);
    }
    reader_end(&reader);
    g_rand_free(random);
}

/* A handshake after which no message begins is none, though all before it is random. */
static void
wrong_messages(void)
{
    GRand        *random = g_rand_new_with_seed(8);
    struct wire  *wire = wire_new(random, &usual);
    struct reader reader;

    wire->bytes[B]->data[wire->payload[B] + 68] = 0x47;
    reader_begin(&reader, NULL);
    reader_chunk(&reader, A, 0, wire->bytes[A]->data, wire->after_ia);
    reader_chunk(&reader, B, 0, wire->bytes[B]->data, wire->bytes[B]->len);
    assert_nothing(&reader, MSE_IMPOSSIBLE);
    wire_free(wire);
    reader_end(&reader);
    g_rand_free(random);
}

/* RC4 without its key is unknown, for good, and nothing is read. */
static void
rc4(void)
{
    struct choices choices = usual;
    GRand         *random = g_rand_new_with_seed(9);
    struct reader  reader;

    choices.select = 2;
    struct wire *wire = wire_new(random, &choices);
    reader_begin(&reader, NULL);
    reader_wire(&reader, wire, &choices, 1460);
    assert_nothing(&reader, MSE_UNKNOWN);
    wire_free(wire);
    reader_end(&reader);
    g_rand_free(random);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_search/limits", limits);
    g_test_add_func("/mse_search/random_padding", random_padding);
    g_test_add_func("/mse_search/splits", splits);
    g_test_add_func("/mse_search/one_packet", one_packet);
    g_test_add_func("/mse_search/earlier_pieces", earlier_pieces);
    g_test_add_func("/mse_search/false_messages", false_messages);
    g_test_add_func("/mse_search/random_streams", random_streams);
    for (size_t i = 0; i < G_N_ELEMENTS(look_alikes); i++) {
        char *path = g_strdup_printf("/mse_search/look_alike/%s", look_alikes[i].name);
        g_test_add_data_func(path, &look_alikes[i], look_alike);
        g_free(path);
    }
    g_test_add_func("/mse_search/wrong_messages", wrong_messages);
    g_test_add_func("/mse_search/rc4", rc4);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
