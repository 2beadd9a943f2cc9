/* fuzz_mse_stream.c
 * Fuzzes the reader of encrypted connections (MSE). No fuzzer encrypts, so the input says what two peers choose, and
 * how their bytes are cut, lost, repeated, changed:
 *
 *     <options: 1> <PadA> <PadB> <PadC> <PadD: 1, see pad_length()>, then chunks:
 *     <what: 1> <argument: 1> <size: 1> <bytes: size, with RAW or FLIP only>
 *
 * As long as no byte was changed, what is read must be what the peers meant (reader_check()), and what is read in one
 * piece later must be the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"

/* options */
enum {
    KEY = 1,
    TOLD = 2,           /* who opened the connection */
    RC4 = 4,            /* selected, else plaintext */
    BOTH = 8,           /* provided, else only what is selected */
    IA_68 = 16,
    IA_MORE = 32,       /* with IA_68 or not */
    LATE = 64,          /* the key comes after the third chunk */
    OTHER = 128         /* with another info hash */
};

/* what */
enum {
    FROM_B = 1,         /* the sender */
    HOLE = 2,           /* as many bytes as argument says are missing before the chunk */
    AGAIN = 4,          /* as many bytes before it come again */
    CUT = 8,            /* as many bytes after it were not captured */
    RAW = 16,           /* the bytes of the input, not the peer's */
    FLIP = 32,          /* the peer's, exclusive or those of the input */
    LONG = 64,          /* 16 times the size, where the input has no bytes */
    WAITS = 128         /* from now on, what is missing before a chunk may still come */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
pad_length(uint8_t byte)
{
    return byte < 250 ? 2U * byte : 263U + byte;    /* 0 to 498, 513 to 518 */
}

/* What a later pass reads is what the first one read. */
static void
check_later(const struct reader *reader, unsigned side)
{
    const struct mse_direction *direction = &reader->stream->directions[side];
    const struct wire          *wire = reader->truth;
    uint64_t                    from = direction->payload;

    if (!direction->has_payload || from >= wire->bytes[side]->len)
        return;
    uint32_t size = wire->bytes[side]->len - (uint32_t)from;
    uint8_t *clear = (uint8_t *)g_malloc(size);
    size = mse_stream_decrypt(reader->stream, side, from, wire->bytes[side]->data + from, size, clear);
    reader_check(reader, side, from, clear, size);
    g_free(clear);
}

/* One chunk of the input; returns how many bytes of it that took. */
static size_t
play_chunk(struct reader *reader, const struct wire *wire, uint64_t positions[2], const uint8_t *data, size_t left)
{
    uint8_t  what = data[0], argument = data[1];
    unsigned side = what & FROM_B ? B : A;
    bool     has_bytes = (what & (RAW | FLIP)) != 0;
    size_t   size = has_bytes ? MIN(data[2], left - 3) : data[2] * (what & LONG ? 16U : 1U);
    uint64_t position = positions[side];

    position += what & HOLE ? argument : 0;
    position -= what & AGAIN ? MIN(argument, position) : 0;
    if ((what & RAW) == 0)      /* no bytes beyond what the peer sends */
        size = position < wire->bytes[side]->len ? MIN(size, wire->bytes[side]->len - position) : 0;

    uint8_t *bytes = (uint8_t *)g_malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((what & RAW ? 0 : wire->bytes[side]->data[position + i])
                             ^ (has_bytes ? data[3 + i] : 0));
    if (has_bytes && size > 0)
        reader->truth = NULL;
    reader->any_order = reader->any_order || (what & WAITS);
    reader_cut_chunk(reader, side, position, bytes, (uint32_t)size, (uint32_t)size + (what & CUT ? argument : 0));
    positions[side] = MAX(positions[side], position + size + (what & CUT ? argument : 0));
    g_free(bytes);
    return 3 + (has_bytes ? size : 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t positions[2] = { 0, 0 };
    unsigned chunks = 0;

    if (size < 5)
        return 0;

    uint8_t        options = data[0];
    struct choices choices = {
        .pad_a = pad_length(data[1]), .pad_b = pad_length(data[2]), .pad_c = pad_length(data[3]),
        .pad_d = pad_length(data[4]), .select = options & RC4 ? 2 : 1, .block = 600,
        .ia = options & IA_MORE ? IA_HANDSHAKE_AND_MORE : options & IA_68 ? IA_HANDSHAKE : IA_NONE
    };
    choices.provide = options & BOTH ? 3 : choices.select;

    GRand        *random = g_rand_new_with_seed(options);
    struct wire  *wire = wire_new(random, &choices);
    struct reader reader;

    if (options & OTHER)
        wire->line[strlen(wire->line) - 2] ^= 1;
    reader_begin(&reader, options & KEY ? options & LATE ? "" : wire->line : NULL);
    reader.truth = wire;
    if (options & TOLD)
        mse_stream_set_initiator(reader.stream, A);
    for (size_t at = 5; at + 3 <= size; chunks++) {
        if (chunks == 3 && options & KEY && options & LATE)
            mse_keylog_feed(reader.keylog, wire->line, strlen(wire->line));
        at += play_chunk(&reader, wire, positions, data + at, size - at);
    }
    for (unsigned side = A; side <= B && reader.truth != NULL; side++)
        check_later(&reader, side);
    reader_end(&reader);
    wire_free(wire);
    g_rand_free(random);
    return 0;
}
