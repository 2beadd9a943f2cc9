/* mse_peers.h
 * For tests of encrypted connections (MSE): both peers of a connection, made from numbers, and a reader that looks at
 * them as Wireshark does. SHA-1 here is GLib's and RC4 is written out, so that nothing is tested with itself.
 *
 * The secret S need not come from a Diffie-Hellman exchange: nobody who only listens can tell.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_PEERS_H
#define MSE_PEERS_H

#include <gcrypt.h>

#include "bytes.h"
#include "core/mse_stream.h"

#define A 0U    /* the initiator */
#define B 1U

/* --- RC4 and SHA-1 --- */

struct reference_rc4 {
    uint8_t  s[256];
    uint8_t  i, j;
};

static inline uint8_t
reference_rc4_next(struct reference_rc4 *rc4)
{
    uint8_t t = rc4->s[++rc4->i];

    rc4->j = (uint8_t)(rc4->j + t);
    rc4->s[rc4->i] = rc4->s[rc4->j];
    rc4->s[rc4->j] = t;
    return rc4->s[(uint8_t)(rc4->s[rc4->i] + t)];
}

/* After the 1024 bytes that MSE throws away. */
static inline void
reference_rc4_init(struct reference_rc4 *rc4, const uint8_t key[20])
{
    uint8_t j = 0;

    for (unsigned i = 0; i < 256; i++)
        rc4->s[i] = (uint8_t)i;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t t = rc4->s[i];
        j = (uint8_t)(j + t + key[i % 20]);
        rc4->s[i] = rc4->s[j];
        rc4->s[j] = t;
    }
    rc4->i = rc4->j = 0;
    for (unsigned i = 0; i < 1024; i++)
        reference_rc4_next(rc4);
}

/* word, then the secret if it is not NULL, then the info hash likewise */
static inline void
reference_hash(const char *word, const uint8_t *secret, const uint8_t *info_hash, uint8_t hash[20])
{
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA1);
    gsize      size = 20;

    g_checksum_update(checksum, (const uint8_t *)word, 4);
    if (secret != NULL)
        g_checksum_update(checksum, secret, 96);
    if (info_hash != NULL)
        g_checksum_update(checksum, info_hash, 20);
    g_checksum_get_digest(checksum, hash, &size);
    g_checksum_free(checksum);
}

static inline void
random_bytes(GRand *random, uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(g_rand_int(random) >> 11);
}

static inline void
bytes_add_random(GByteArray *bytes, GRand *random, uint32_t count)
{
    unsigned at = bytes->len;

    g_byte_array_set_size(bytes, at + count);
    random_bytes(random, bytes->data + at, count);
}

/* --- a connection --- */

enum ia {
    IA_NONE,
    IA_HANDSHAKE,               /* 68 bytes */
    IA_HANDSHAKE_AND_MORE       /* with the extension handshake after it */
};

/* What the peers choose. */
struct choices {
    uint32_t    pad_a, pad_b, pad_c, pad_d;     /* bytes */
    uint32_t    provide, select;
    enum ia     ia;
    const char *first;          /* hex digits: the initiator's first messages; NULL: an extension handshake */
    uint32_t    block;          /* bytes that each side sends at the end, in a Piece */
    uint32_t    more;           /* how often it does so once more, with Have, a Request and an extended message each time */
};

/* What is on the wire, and what it means. */
struct wire {
    GByteArray *bytes[2];       /* by side: A, B */
    GByteArray *plain[2];       /* the payload, IA included */
    uint32_t    payload[2];     /* offset of the first byte of it */
    uint32_t    after_ia;       /* offset in A's bytes */
    uint32_t    vc[2];          /* offset of VC */
    uint8_t     secret[96];
    uint8_t     info_hash[20];
    char        line[256];      /* of the key log, with a newline */
};

static const char extension_handshake_hex[] =
    "0000001a" "14" "00" "64313a6d6431313a6c745f646f6e74686176656937656565";    /* d1:md11:lt_donthavei7eee */

static inline void
add_handshake(GByteArray *bytes, GRand *random, const uint8_t info_hash[20])
{
    bytes_add(bytes, "\x13" "BitTorrent protocol" "\0\0\0\0\0\x10\0\x05", 28);
    bytes_add(bytes, info_hash, 20);
    bytes_add_random(bytes, random, 20);
}

static inline void
encrypt(struct reference_rc4 *rc4, GByteArray *bytes, uint32_t from)
{
    for (uint32_t i = from; i < bytes->len; i++)
        bytes->data[i] ^= reference_rc4_next(rc4);
}

static inline void
bytes_add_be16(GByteArray *bytes, uint32_t value)
{
    bytes_add_u8(bytes, value >> 8 & 0xff);
    bytes_add_u8(bytes, value & 0xff);
}

static inline void
make_payload(struct wire *wire, GRand *random, const struct choices *choices)
{
    for (unsigned side = A; side <= B; side++) {
        GByteArray *plain = wire->plain[side] = g_byte_array_new();

        add_handshake(plain, random, wire->info_hash);
        if (side == A && choices->ia == IA_HANDSHAKE_AND_MORE)
            bytes_add_hex(plain, extension_handshake_hex);
        bytes_add_hex(plain, side == A && choices->first != NULL ? choices->first : extension_handshake_hex);
        bytes_add_hex(plain, "0000000103" "0000000504" "00000007");
        if (choices->block > 0) {
            bytes_add_be32(plain, 9 + choices->block);
            bytes_add_hex(plain, "07" "00000001" "00004000");
            bytes_add_random(plain, random, choices->block);
            bytes_add_hex(plain, "0000000102");
        }
        for (uint32_t number = 0; number < choices->more; number++) {
            bytes_add_hex(plain, "0000000504" "00000008" "0000000d06" "00000001" "00008000" "00004000");
            bytes_add_be32(plain, 9 + choices->block);
            bytes_add_hex(plain, "07" "00000001" "00008000");
            bytes_add_random(plain, random, choices->block);
            bytes_add_hex(plain, "0000000614" "07" "00000009");
        }
    }
}

static inline uint32_t
ia_length(const struct choices *choices)
{
    static const uint32_t more = (sizeof extension_handshake_hex - 1) / 2;

    return choices->ia == IA_NONE ? 0 : choices->ia == IA_HANDSHAKE ? 68 : 68 + more;
}

static inline struct wire *
wire_new(GRand *random, const struct choices *choices)
{
    struct wire         *wire = g_new0(struct wire, 1);
    GByteArray          *a = wire->bytes[A] = g_byte_array_new(), *b = wire->bytes[B] = g_byte_array_new();
    bool                 is_rc4 = choices->select == 2;
    uint8_t              hash[20], other[20];
    struct reference_rc4 rc4;
    uint32_t             ia = ia_length(choices);

    random_bytes(random, wire->secret, sizeof wire->secret);
    random_bytes(random, wire->info_hash, sizeof wire->info_hash);
    char *at = wire->line + sprintf(wire->line, "MSE ");
    for (unsigned i = 0; i < 96; i++)
        at += sprintf(at, "%02x", wire->secret[i]);
    *at++ = ' ';
    for (unsigned i = 0; i < 20; i++)
        at += sprintf(at, "%02x", wire->info_hash[i]);
    sprintf(at, "\n");
    make_payload(wire, random, choices);

    bytes_add_random(a, random, 96 + choices->pad_a);
    reference_hash("req1", wire->secret, NULL, hash);
    bytes_add(a, hash, 20);
    reference_hash("req2", NULL, wire->info_hash, hash);
    reference_hash("req3", wire->secret, NULL, other);
    for (unsigned i = 0; i < 20; i++)
        bytes_add_u8(a, hash[i] ^ other[i]);
    wire->vc[A] = a->len;
    bytes_add_zeros(a, 8);
    bytes_add_be32(a, choices->provide);
    bytes_add_be16(a, choices->pad_c);
    bytes_add_zeros(a, choices->pad_c);
    bytes_add_be16(a, ia);
    wire->payload[A] = a->len;
    wire->after_ia = a->len + ia;
    bytes_add(a, wire->plain[A]->data, is_rc4 ? wire->plain[A]->len : ia);
    reference_hash("keyA", wire->secret, wire->info_hash, hash);
    reference_rc4_init(&rc4, hash);
    encrypt(&rc4, a, wire->vc[A]);
    if (!is_rc4)
        bytes_add(a, wire->plain[A]->data + ia, wire->plain[A]->len - ia);

    bytes_add_random(b, random, 96 + choices->pad_b);
    wire->vc[B] = b->len;
    bytes_add_zeros(b, 8);
    bytes_add_be32(b, choices->select);
    bytes_add_be16(b, choices->pad_d);
    bytes_add_zeros(b, choices->pad_d);
    wire->payload[B] = b->len;
    if (is_rc4)
        bytes_add(b, wire->plain[B]->data, wire->plain[B]->len);
    reference_hash("keyB", wire->secret, wire->info_hash, hash);
    reference_rc4_init(&rc4, hash);
    encrypt(&rc4, b, wire->vc[B]);
    if (!is_rc4)
        bytes_add(b, wire->plain[B]->data, wire->plain[B]->len);
    return wire;
}

/* What most tests choose; select: 1 for plaintext, 2 for RC4. */
#define USUAL_CHOICES(method) { .pad_a = 9, .pad_b = 5, .pad_c = 3, .pad_d = 7, .provide = 3, .select = (method), \
                                .ia = IA_HANDSHAKE, .block = 300 }

/* The same wire for the same seed. For wire_free(). */
static inline struct wire *
wire_with_seed(uint32_t seed, const struct choices *choices)
{
    GRand       *random = g_rand_new_with_seed(seed);
    struct wire *wire = wire_new(random, choices);

    g_rand_free(random);
    return wire;
}

static inline void
wire_free(struct wire *wire)
{
    for (unsigned side = A; side <= B; side++) {
        g_byte_array_unref(wire->bytes[side]);
        g_byte_array_unref(wire->plain[side]);
    }
    g_free(wire);
}

/* --- a reader --- */

#define FRAMES_MAX  (MSE_HELD_MAX + MSE_AHEAD_MAX)

/* Feeds a stream as a dissector does, and puts together what it can read. */
struct reader {
    wmem_allocator_t  *scope;
    struct mse_keylog *keylog;      /* NULL: none */
    struct mse_stream *stream;
    GByteArray        *out[2];      /* by side: all payload, in order */
    uint64_t           start[2];    /* offset of the first byte of it */
    uint64_t           next[2];     /* and after the last one */
    unsigned           jumps[2];    /* holes in it */
    unsigned           earlier;     /* pieces of earlier chunks */
    uint32_t           frame;       /* of the last chunk */
    uint32_t           frames[2][FRAMES_MAX];   /* by side and offset: where a byte came first; 0: it did not */
    uint32_t           last_frames[2][FRAMES_MAX];  /* and where it came last */
    bool               was_ahead[2];    /* something came before what is missing before it */
    bool               any_order;   /* what is missing before a packet may still come */
    uint64_t           acked[2];    /* by side: see struct mse_chunk */
    const struct wire *truth;       /* what is read must agree with it, see reader_check(); NULL: whatever is read */
};

/* Where it is known where messages begin, nothing but payload is read, and it is right. Where that is not known, what
 * comes before the end of IA may be anything. */
static inline void
reader_check(const struct reader *reader, unsigned side, uint64_t offset, const uint8_t *data, uint32_t size)
{
    const struct wire *wire = reader->truth;
    bool               aligned = reader->stream->directions[side].aligned;
    uint32_t           sure = aligned ? wire->payload[side] : side == A ? wire->after_ia : wire->payload[B];

    if (aligned)
        g_assert_cmpuint(offset, >=, wire->payload[side]);
    g_assert_cmpuint(offset + size, <=, wire->bytes[side]->len);
    for (uint32_t i = 0; i < size; i++) {
        if (offset + i >= sure)
            g_assert_cmphex(data[i], ==, wire->plain[side]->data[offset + i - wire->payload[side]]);
    }
}

/* keys: the text of a key log, or NULL. */
static inline void
reader_begin(struct reader *reader, const char *keys)
{
    memset(reader, 0, sizeof *reader);
    reader->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    if (keys != NULL) {
        reader->keylog = mse_keylog_new(reader->scope, MSE_KEYLOG_KEYS_MAX);
        mse_keylog_feed(reader->keylog, keys, strlen(keys));
    }
    reader->stream = mse_stream_new(reader->scope, reader->keylog);
    for (unsigned side = A; side <= B; side++)
        reader->out[side] = g_byte_array_new();
}

static inline void
reader_end(struct reader *reader)
{
    mse_stream_free(reader->stream);
    if (reader->keylog != NULL)
        mse_keylog_free(reader->keylog);
    wmem_destroy_allocator(reader->scope);
    for (unsigned side = A; side <= B; side++)
        g_byte_array_unref(reader->out[side]);
}

static inline void
reader_take(struct reader *reader, unsigned side, uint64_t offset, const uint8_t *data, uint32_t size)
{
    uint32_t repeated = 0;

    if (reader->truth != NULL)
        reader_check(reader, side, offset, data, size);
    if (reader->out[side]->len == 0)
        reader->start[side] = reader->next[side] = offset;
    if (offset > reader->next[side])
        reader->jumps[side]++;
    else
        repeated = (uint32_t)MIN(size, reader->next[side] - offset);
    bytes_add(reader->out[side], data + repeated, size - repeated);
    reader->next[side] = MAX(reader->next[side], offset + size);
}

/* One packet, of which only the first captured bytes were captured. */
static inline void
reader_cut_chunk(struct reader *reader, unsigned side, uint64_t offset, const uint8_t *data, uint32_t captured,
                 uint32_t reported)
{
    const struct mse_direction *direction = &reader->stream->directions[side];
    uint8_t         *copy = bytes_copy(data, captured), *clear = (uint8_t *)g_malloc(MAX(captured, 1));
    struct mse_chunk chunk = { .side = side, .offset = offset, .data = copy, .captured = captured,
                               .reported = reported, .frame = ++reader->frame, .in_order = !reader->any_order,
                               .acked = reader->acked[side] };
    struct mse_piece piece;

    for (uint64_t at = offset; at < offset + captured && at < FRAMES_MAX; at++) {
        reader->frames[side][at] = reader->frames[side][at] != 0 ? reader->frames[side][at] : chunk.frame;
        reader->last_frames[side][at] = chunk.frame;
    }
    mse_stream_feed(reader->stream, &chunk);
    for (unsigned one = A; one <= B; one++)
        reader->was_ahead[one] = reader->was_ahead[one] || reader->stream->directions[one].ahead != NULL;
    while (mse_stream_earlier(reader->stream, &piece)) {
        g_assert_cmpuint(piece.frame, <, chunk.frame + reader->any_order);
        for (uint32_t i = 0; i < piece.size && piece.offset + i < FRAMES_MAX; i++) {
            uint32_t first = reader->frames[piece.side][piece.offset + i];

            /* Of what came too early, and more than once, any packet that has it may count. */
            g_assert_cmpuint(first, <=, piece.frame);
            g_assert_cmpuint(piece.frame, <=, reader->was_ahead[piece.side]
                             ? reader->last_frames[piece.side][piece.offset + i] : first);
        }
        reader->earlier++;
        reader_take(reader, piece.side, piece.offset, piece.data, piece.size);
    }
    if (captured > 0 && direction->has_payload && offset + captured > direction->payload) {
        uint32_t skipped = direction->payload > offset ? (uint32_t)(direction->payload - offset) : 0;
        uint32_t size = mse_stream_decrypt(reader->stream, side, offset + skipped, copy + skipped,
                                           captured - skipped, clear);
        if (size > 0)
            reader_take(reader, side, offset + skipped, clear, size);
    }
    g_free(copy);
    g_free(clear);
}

static inline void
reader_chunk(struct reader *reader, unsigned side, uint64_t offset, const uint8_t *data, uint32_t size)
{
    reader_cut_chunk(reader, side, offset, data, size, size);
}

/* The next bytes of a side of the wire up to before end, in packets of at most size bytes; counts them in sent. */
static inline void
reader_flight(struct reader *reader, const struct wire *wire, uint32_t sent[2], unsigned side, uint32_t end,
              uint32_t size)
{
    end = MIN(end, wire->bytes[side]->len);
    while (sent[side] < end) {
        uint32_t n = MIN(size, end - sent[side]);
        reader_chunk(reader, side, sent[side], wire->bytes[side]->data + sent[side], n);
        sent[side] += n;
    }
}

/* A flight of packets: what a side sends before it waits for the other one. */
struct flight {
    unsigned side;
    uint32_t end;       /* offset */
};

#define FLIGHTS_MAX 8U

/* The flights of a connection, as the clients send them. Without IA A's handshake comes before B's. */
static inline unsigned
wire_flights(const struct wire *wire, const struct choices *choices, struct flight flights[FLIGHTS_MAX])
{
    unsigned count = 0;

    flights[count++] = (struct flight){ A, 96 + choices->pad_a };
    flights[count++] = (struct flight){ B, 96 + choices->pad_b };
    flights[count++] = (struct flight){ A, wire->after_ia };
    if (choices->ia == IA_NONE) {
        flights[count++] = (struct flight){ B, wire->payload[B] };
        flights[count++] = (struct flight){ A, wire->payload[A] + 68 };
    }
    flights[count++] = (struct flight){ B, wire->payload[B] + 68 };
    flights[count++] = (struct flight){ A, UINT32_MAX };
    flights[count++] = (struct flight){ B, UINT32_MAX };
    return count;
}

/* All of it, in packets of at most size bytes. */
static inline void
reader_wire(struct reader *reader, const struct wire *wire, const struct choices *choices, uint32_t size)
{
    struct flight flights[FLIGHTS_MAX];
    unsigned      count = wire_flights(wire, choices, flights);
    uint32_t      sent[2] = { 0, 0 };

    for (unsigned i = 0; i < count; i++)
        reader_flight(reader, wire, sent, flights[i].side, flights[i].end, size);
}

/* Whether a side's payload was read from the offset from on, all of it. */
static inline void
assert_read(const struct reader *reader, const struct wire *wire, unsigned side, uint32_t from)
{
    const struct mse_direction *direction = &reader->stream->directions[side];
    uint32_t                    skipped = from - wire->payload[side];

    g_assert_true(direction->has_payload && direction->aligned);
    g_assert_cmpuint(direction->payload, ==, from);
    g_assert_cmpuint(reader->jumps[side], ==, 0);
    g_assert_cmpuint(reader->start[side], ==, from);
    g_assert_cmpmem(reader->out[side]->data, reader->out[side]->len, wire->plain[side]->data + skipped,
                    wire->plain[side]->len - skipped);
}

static inline void
assert_states(const struct reader *reader, enum mse_state a, enum mse_state b)
{
    g_assert_cmpint(reader->stream->directions[A].state, ==, a);
    g_assert_cmpint(reader->stream->directions[B].state, ==, b);
}

/* Nothing was read, and nothing is held any more. */
static inline void
assert_nothing(const struct reader *reader, enum mse_state state)
{
    assert_states(reader, state, state);
    for (unsigned side = A; side <= B; side++) {
        g_assert_cmpuint(reader->out[side]->len, ==, 0);
        g_assert_null(reader->stream->directions[side].held);
        g_assert_null(reader->stream->directions[side].marks);
    }
    g_assert_true(mse_stream_is_settled(reader->stream));
}

static inline void
mse_tests_init(void)
{
    wmem_init();
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

#endif
