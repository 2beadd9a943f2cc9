/* test_peer_wire.c
 * peer_wire.c: where a message ends, what is in it, and what a stream of messages looks like.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/peer_wire.h"

/* BEP 3: <length: 4> <id: 1> <payload> */
#define KEEP_ALIVE  "00000000"
#define CHOKE       "0000000100"
#define HAVE        "00000005" "04" "00000007"
#define REQUEST     "0000000d" "06" "00000001" "00004000" "00004000"
#define DONTHAVE    "00000006" "14" "07" "0000002a"
#define BASE_18     "00000005" "12" "00000007"
#define MAGIC       "13" "426974546f7272656e742070726f746f636f6c"
#define ZEROS_8     "0000000000000000"
#define ZEROS_40    ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8
/* A block of 16 KiB: prefix, id, index, begin. */
#define BLOCK       "00004009" "07" "00000001" "00004000"

/* --- peer_wire_size() --- */

struct size_case {
    const char *bytes;
    uint32_t    size;
};

static const struct size_case sizes[] = {
    /* The prefix is not complete. */
    { "", PEER_SIZE_UNKNOWN },
    { "00", PEER_SIZE_UNKNOWN },
    { "000000", PEER_SIZE_UNKNOWN },
    { "ffffff", PEER_SIZE_UNKNOWN },

    { KEEP_ALIVE, 4 },
    { "00000001", 5 },
    { CHOKE, 5 },
    { HAVE KEEP_ALIVE, 9 },

    /* The cap, one less and one more; the largest number. */
    { "00fffffb", PEER_MESSAGE_SIZE_MAX - 1 },
    { "00fffffc", PEER_MESSAGE_SIZE_MAX },
    { "00fffffd", PEER_SIZE_BAD },
    { "01000000", PEER_SIZE_BAD },
    { "ffffffff", PEER_SIZE_BAD },
    { "ffffffff14", PEER_SIZE_BAD },

    /* A handshake is told from a length of 0x13426974 by all of its first 20 bytes. */
    { "13426974", PEER_SIZE_UNKNOWN },
    { "13426974546f7272656e742070726f746f636f", PEER_SIZE_UNKNOWN },
    { MAGIC, PEER_HANDSHAKE_SIZE },
    { MAGIC ZEROS_8, PEER_HANDSHAKE_SIZE },
    { "13426975", PEER_SIZE_BAD },
    { "13426974546f7272656e742070726f746f636f6d", PEER_SIZE_BAD },
    { "13426974" "546f72" "00", PEER_SIZE_BAD },
};

static void
size(const void *data)
{
    const struct size_case *wanted = (const struct size_case *)data;
    GByteArray             *bytes = bytes_from_hex(wanted->bytes);
    uint8_t                *copy = bytes_copy(bytes->data, bytes->len);

    g_assert_cmphex(peer_wire_size(copy, bytes->len), ==, wanted->size);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
}

/* --- peer_wire_complete() --- */

struct complete_case {
    const char *bytes;
    uint32_t    missing;        /* bytes on the wire after those that were captured */
    uint32_t    complete;
    uint32_t    next_size;
};

static const struct complete_case complete_cases[] = {
    { "", 0, 0, PEER_SIZE_UNKNOWN },
    { CHOKE, 0, 5, PEER_SIZE_UNKNOWN },
    { CHOKE HAVE KEEP_ALIVE, 0, 18, PEER_SIZE_UNKNOWN },
    { CHOKE "000000", 0, 5, PEER_SIZE_UNKNOWN },
    { CHOKE "00000005", 0, 5, 9 },
    { CHOKE "00000005" "04000000", 0, 5, 9 },
    { MAGIC ZEROS_40 ZEROS_8, 0, 68, PEER_SIZE_UNKNOWN },
    { MAGIC ZEROS_40 "00000000000000", 0, 0, 68 },
    { MAGIC ZEROS_40 "00000000000000", 1, 68, PEER_SIZE_UNKNOWN },
    { CHOKE "ffffffff" CHOKE, 0, 5, PEER_SIZE_BAD },
    /* A block of 16,397 bytes, of which the capture has 13: complete, and the prefix after it was not captured. */
    { CHOKE BLOCK, 16384, 5 + 16397, PEER_SIZE_UNKNOWN },
    { CHOKE BLOCK, 16383, 5, 16397 },
    { CHOKE BLOCK, 16390, 5 + 16397, PEER_SIZE_UNKNOWN },
};

static void
complete(const void *data)
{
    const struct complete_case *wanted = (const struct complete_case *)data;
    GByteArray                 *bytes = bytes_from_hex(wanted->bytes);
    uint8_t                    *copy = bytes_copy(bytes->data, bytes->len);
    uint32_t                    next_size;

    g_assert_cmpuint(peer_wire_complete(copy, bytes->len, bytes->len + wanted->missing, &next_size), ==,
                     wanted->complete);
    g_assert_cmphex(next_size, ==, wanted->next_size);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
}

/* --- peer_wire_until_unusual() --- */

#define UNKNOWN_163  "00000002" "a301"
#define HASH_REJECT  "00000031" "17" ZEROS_40 ZEROS_8

struct unusual_case {
    const char *name, *bytes;
    uint32_t    more; /* zeros after them */
    uint32_t    end;  /* of the first unusual one */
};

static const struct unusual_case unusual_cases[] = {
    { "nothing",                 "", 0, 0 },
    { "BEP 3 and 6",             CHOKE HAVE KEEP_ALIVE REQUEST "00000005" "11" "00000007", 0, 5 + 9 + 4 + 17 + 9 },
    { "handshake, extended",     MAGIC ZEROS_40 ZEROS_8 DONTHAVE, 0, 68 + 10 },
    { "an unknown id",           HAVE UNKNOWN_163 HAVE, 0, 9 + 6 },
    { "the second is known",     UNKNOWN_163 HAVE HAVE, 0, 6 },
    { "an id of BEP 52",         HASH_REJECT HAVE, 0, 53 },
    { "an id that nobody uses",  "00000001" "0a" HAVE, 0, 5 },
    { "the base DontHave",       BASE_18 HAVE, 0, 9 },
    { "an id of 32",             "00000001" "20" HAVE, 0, 5 },
    { "id 31",                   "00000001" "1f" HAVE, 0, 5 },
    { "a block of 16 KiB",       BLOCK, 16384 + 5, 16397 + 5 },
    { "a byte more than that",   "0000400a" "07" "00000001" "00004000", 16385 + 5, 16398 },
    { "an unknown id at the end", HAVE UNKNOWN_163, 0, 9 + 6 },
};

static void
unusual(const void *data)
{
    const struct unusual_case *wanted = (const struct unusual_case *)data;
    GByteArray                *bytes = bytes_from_hex(wanted->bytes);

    for (uint32_t i = 0; i < wanted->more; i++)
        g_byte_array_append(bytes, (const uint8_t *)"", 1);
    uint8_t *copy = bytes_copy(bytes->data, bytes->len);

    g_assert_cmpuint(peer_wire_until_unusual(copy, bytes->len), ==, wanted->end);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
}

/* --- peer_wire_plausible() --- */

struct plausible_case {
    const char *name, *bytes;
    uint32_t    missing;
    bool        plausible;
};

static const struct plausible_case plausible_cases[] = {
    { "nothing",                        "", 0, false },
    { "part of a prefix",               "000000", 0, false },
    { "one message",                    CHOKE, 0, true },
    { "DontHave",                       DONTHAVE, 0, true },
    { "chain",                          HAVE REQUEST CHOKE DONTHAVE, 0, true },
    { "chain, then part of a prefix",   HAVE "0000", 0, true },
    { "chain, then a prefix",           HAVE "0000000d", 0, true },
    { "chain, then part of a message",  HAVE "0000000d" "06" "0000", 0, true },
    { "chain, then an unknown id",      HAVE "00000001" "63", 0, false },
    { "chain, then a wrong length",     HAVE "00000002" "0000", 0, false },
    { "chain, then a huge length",      HAVE "ffffffff" "07", 0, false },
    { "handshake",                      MAGIC ZEROS_40 ZEROS_8, 0, true },
    { "handshake, cut",                 MAGIC, 0, true },
    { "handshake magic, cut",           "13426974546f7272656e", 0, false },
    { "base message 18 of five bytes",  BASE_18 HAVE, 0, true },
    { "base message 18 of six bytes",   "00000006" "12" "0000000700", 0, false },
    { "BEP 52: hash request",           "00000031" "15" ZEROS_40 ZEROS_8 CHOKE, 0, true },

    /* What the middle of a block looks like. */
    { "keep-alive alone",               KEEP_ALIVE, 0, false },
    { "keep-alive in front",            KEEP_ALIVE HAVE, 0, true },
    { "keep-alive after",              HAVE KEEP_ALIVE, 0, true },
    { "zeros",                          ZEROS_40, 0, false },
    { "chain, then zeros",              HAVE ZEROS_8, 0, false },
    { "0x01 repeated",                  "01010101010101010101010101010101", 0, false },
    { "0x04 repeated",                  "04040404040404040404040404040404", 0, false },
    { "0xff repeated",                  "ffffffffffffffffffffffffffffffff", 0, false },
    { "text",                           "4c6f72656d20697073756d20646f6c6f72", 0, false },

    /* Alone, a message that goes on after the data must be a block: its header tells. */
    { "block header alone",             BLOCK "a1a2", 0, true },
    { "block header, nothing else",     BLOCK, 0, true },
    { "block header cut",               "00004009" "07" "00000001" "004000", 0, false },
    { "block at an odd offset",         "00004009" "07" "00000001" "00004001", 0, false },
    { "block too long",                 "0010000a" "07" "00000001" "00004000", 0, false },
    { "extended alone, not complete",   "00000006" "14" "07" "0000", 0, false },
    { "Bitfield alone, not complete",   "00000100" "05" "ffff", 0, false },
    { "prefix and id, nothing else",    "00000006" "14", 0, true },
    { "prefix and id of more",           "00000006" "14", 4, false },
    { "prefix and unknown id",          "00000006" "63", 0, false },

    /* Cut by the capture: the bytes are on the wire. */
    { "block cut by the capture",       BLOCK, 16384, true },
    { "block cut, chain before it",     HAVE BLOCK, 16384, true },
    { "chain, cut in the prefix",       HAVE "0000", 11, true },
};

static void
plausible(const void *data)
{
    const struct plausible_case *wanted = (const struct plausible_case *)data;
    GByteArray                  *bytes = bytes_from_hex(wanted->bytes);
    uint8_t                     *copy = bytes_copy(bytes->data, bytes->len);

    g_assert_cmpint(peer_wire_plausible(copy, bytes->len, bytes->len + wanted->missing), ==, wanted->plausible);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
}

/* Random bytes pass for messages about never: of 100,000 strings of 64 bytes, none with this seed's luck and more. */
static void
plausible_noise(void)
{
    unsigned taken = 0;

    for (int run = 0; run < 100000; run++) {
        uint8_t noise[64];
        for (unsigned i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)g_test_rand_int();
        taken += peer_wire_plausible(noise, sizeof noise, sizeof noise);
    }
    g_assert_cmpuint(taken, <=, 1);
}

/* --- peer_wire_may_begin() --- */

struct beginning_case {
    const char *bytes;
    bool        may_begin;
};

static const struct beginning_case beginning_cases[] = {
    { "", false },
    { "00", true },
    { "000000", true },
    { "00000006", true },
    { KEEP_ALIVE, false },
    { "00000006" "1407" "000000", true },
    { "00000006" "0407" "000000", false },
    { "00000005" "12" "000000", true },
    { "00000006" "12" "000000", false },
    { "0000000d" "06" "00000001" "00004000" "000040", true },
    { "00001000" "1400" "64313a6d6431313a6c745f646f", true },          /* 19 bytes */
    { "00001000" "1400" "64313a6d6431313a6c745f646f6e", false },
    { "01", false },
    { "ffffffff", false },
    { "13", true },
    { "1342697454", true },
    { "1342697455", false },
    { "13426974546f7272656e742070726f746f636f", true },
};

static void
may_begin(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(beginning_cases); i++) {
        GByteArray *bytes = bytes_from_hex(beginning_cases[i].bytes);
        uint8_t    *copy = bytes_copy(bytes->data, bytes->len);

        if (peer_wire_may_begin(copy, bytes->len) != beginning_cases[i].may_begin)
            g_error("%s", beginning_cases[i].bytes);
        g_free(copy);
        g_byte_array_free(bytes, TRUE);
    }
}

/* --- peer_wire_worth_holding() --- */

struct holding_case {
    const char *bytes;          /* those that are there */
    uint32_t    size, worth;
};

static const struct holding_case holding_cases[] = {
    { "0000",       4, 4 },
    { "00000005",   9, 9 },
    { HAVE,         9, 9 },
    { MAGIC,        68, 68 },
    { "00004009",   16397, 16397 },             /* the id is not known yet */
    { BLOCK,        16397, 13 },                /* a block: its header */
    { "00000009" "07", 13, 13 },
    { "00000003" "07", 7, 7 },                  /* too short for a Piece */
    { "00010000" "14", 65540, 65536 },          /* 64 KiB of others */
    { "00fffffc" "63", PEER_MESSAGE_SIZE_MAX, 65536 },
    { "00200001" "05", 0x200005, 0x200005 },    /* but all of a Bitfield */
};

static void
worth_holding(const void *data)
{
    const struct holding_case *wanted = (const struct holding_case *)data;
    GByteArray                *bytes = bytes_from_hex(wanted->bytes);
    uint8_t                   *copy = bytes_copy(bytes->data, bytes->len);

    g_assert_cmpuint(peer_wire_worth_holding(copy, bytes->len, wanted->size), ==, wanted->worth);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
}

/* --- peer_wire_decode() --- */

/* A message and its members; cut: how many bytes must have been captured for them. */
struct decode_case {
    const char *name, *bytes;
    unsigned    id;
    uint32_t    index, begin, length;
    unsigned    extended_id;
    uint32_t    payload_size;
    uint32_t    needed;         /* bytes that must be captured for complete; 0: never complete */
};

#define BLOCK_NUMBERS "11223344" "55667788" "99aabbcc"
#define THE_BLOCK 0x11223344, 0x55667788, 0x99aabbcc

static const struct decode_case decode_cases[] = {
    { "keep-alive",     KEEP_ALIVE,             PEER_KEEP_ALIVE, 0, 0, 0, 0, 0, 0 + 4 },
    { "Choke",          "00000001" "00",        PEER_CHOKE, 0, 0, 0, 0, 0, 5 },
    { "Unchoke",        "00000001" "01",        PEER_UNCHOKE, 0, 0, 0, 0, 0, 5 },
    { "Interested",     "00000001" "02",        PEER_INTERESTED, 0, 0, 0, 0, 0, 5 },
    { "Not Interested", "00000001" "03",        PEER_NOT_INTERESTED, 0, 0, 0, 0, 0, 5 },
    { "Have",           "00000005" "04" "fffffffe", PEER_HAVE, 0xfffffffe, 0, 0, 0, 4, 9 },
    { "Bitfield",       "00000003" "05" "fff0", PEER_BITFIELD, 0, 0, 0, 0, 2, 5 },
    { "Request",        "0000000d" "06" BLOCK_NUMBERS, PEER_REQUEST, THE_BLOCK, 0, 12, 17 },
    { "Piece",          "0000000c" "07" "11223344" "55667788" "a1a2a3", PEER_PIECE, 0x11223344, 0x55667788, 3,
                        0, 11, 13 },
    { "empty Piece",    "00000009" "07" "11223344" "55667788", PEER_PIECE, 0x11223344, 0x55667788, 0, 0, 8, 13 },
    { "Cancel",         "0000000d" "08" BLOCK_NUMBERS, PEER_CANCEL, THE_BLOCK, 0, 12, 17 },
    { "Port",           "00000003" "09" "1ae1", PEER_PORT, 0, 0, 0, 0, 2, 5 },
    { "Suggest Piece",  "00000005" "0d" "01020304", PEER_SUGGEST_PIECE, 0x01020304, 0, 0, 0, 4, 9 },
    { "Have All",       "00000001" "0e",        PEER_HAVE_ALL, 0, 0, 0, 0, 0, 5 },
    { "Have None",      "00000001" "0f",        PEER_HAVE_NONE, 0, 0, 0, 0, 0, 5 },
    { "Reject Request", "0000000d" "10" BLOCK_NUMBERS, PEER_REJECT_REQUEST, THE_BLOCK, 0, 12, 17 },
    { "Allowed Fast",   "00000005" "11" "01020304", PEER_ALLOWED_FAST, 0x01020304, 0, 0, 0, 4, 9 },
    { "DontHave",       DONTHAVE,               PEER_EXTENDED, 0, 0, 0, 7, 4, 6 },
    { "empty extended", "00000002" "14" "ff",   PEER_EXTENDED, 0, 0, 0, 255, 0, 6 },
    { "extension handshake", "00000004" "14" "00" "6465", PEER_EXTENDED, 0, 0, 0, 0, 2, 6 },
    { "Hash Request",   "00000031" "15" ZEROS_40 ZEROS_8, PEER_HASH_REQUEST, 0, 0, 0, 0, 48, 5 },
    { "Hashes",         "00000031" "16" ZEROS_40 ZEROS_8, PEER_HASHES, 0, 0, 0, 0, 48, 5 },
    { "Hash Reject",    "00000031" "17" ZEROS_40 ZEROS_8, PEER_HASH_REJECT, 0, 0, 0, 0, 48, 5 },

    /* Lengths that the table does not have, and ids. */
    { "short Have",     "00000004" "04" "000000", PEER_HAVE, 0, 0, 0, 0, 3, 0 },
    { "long Have",      "00000006" "04" "0000000100", PEER_HAVE, 0, 0, 0, 0, 5, 0 },
    { "long Choke",     "00000002" "00" "00",   PEER_CHOKE, 0, 0, 0, 0, 1, 0 },
    { "short Request",  "0000000c" "06" "00000001" "00000002" "000000", PEER_REQUEST, 0, 0, 0, 0, 11, 0 },
    { "short Piece",    "00000008" "07" "00000001" "000000", PEER_PIECE, 0, 0, 0, 0, 7, 0 },
    { "empty Bitfield", "00000001" "05",        PEER_BITFIELD, 0, 0, 0, 0, 0, 0 },
    { "no extended id", "00000001" "14",        PEER_EXTENDED, 0, 0, 0, 0, 0, 0 },
    { "id 18",          BASE_18,                PEER_BASE_DONTHAVE_ID, 0, 0, 0, 0, 4, 0 },
    { "id 255",         "00000003" "ff" "0102", 255, 0, 0, 0, 0, 2, 0 },
};

/* Cut at every byte by the capture: no byte after the cut is read, and nothing is claimed of what is missing. */
static void
decode(const void *data)
{
    const struct decode_case *wanted = (const struct decode_case *)data;
    GByteArray               *bytes = bytes_from_hex(wanted->bytes);

    for (uint32_t captured = 0; captured <= bytes->len; captured++) {
        uint8_t            *copy = bytes_copy(bytes->data, captured);
        struct peer_message message;

        memset(&message, 0xa5, sizeof message);
        peer_wire_decode(copy, captured, bytes->len, &message);
        bool whole = wanted->needed != 0 && captured >= wanted->needed;
        g_assert_cmpuint(message.id, ==, captured > PEER_PREFIX_SIZE ? wanted->id : PEER_KEEP_ALIVE);
        if (bytes->len > PEER_PREFIX_SIZE)
            g_assert_cmpint(message.complete, ==, whole);
        g_assert_cmphex(message.index, ==, whole ? wanted->index : 0);
        g_assert_cmphex(message.begin, ==, whole ? wanted->begin : 0);
        g_assert_cmphex(message.length, ==, whole ? wanted->length : 0);
        g_assert_cmpuint(message.extended_id, ==, captured > 5 ? wanted->extended_id : 0);
        if (message.payload != NULL) {
            g_assert_cmpuint(message.payload_size, ==, wanted->payload_size);
            g_assert_cmpuint(message.payload_captured, ==, captured - (bytes->len - wanted->payload_size));
            g_assert_true(message.payload + message.payload_captured == copy + captured);
        } else {
            g_assert_cmpuint(message.payload_size, ==, 0);
            g_assert_cmpuint(message.payload_captured, ==, 0);
        }
        g_free(copy);
    }
    g_byte_array_free(bytes, TRUE);
}

/* A Request that is written is read again as it was, and has the bytes of BEP 3. */
static void
encode_request(void)
{
    static const uint32_t numbers[] = { 0, 1, 0x4000, 0x11223344, 0x80000000, UINT32_MAX };
    GByteArray           *bytes = bytes_from_hex("0000000d" "06" BLOCK_NUMBERS);
    uint8_t              *data = (uint8_t *)g_malloc(PEER_REQUEST_SIZE);
    struct peer_message   message;

    peer_wire_encode_request(THE_BLOCK, data);
    g_assert_cmpmem(data, PEER_REQUEST_SIZE, bytes->data, bytes->len);
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers) * G_N_ELEMENTS(numbers) * G_N_ELEMENTS(numbers); i++) {
        uint32_t index = numbers[i % 6], begin = numbers[i / 6 % 6], length = numbers[i / 36];
        peer_wire_encode_request(index, begin, length, data);
        g_assert_cmpuint(peer_wire_size(data, PEER_REQUEST_SIZE), ==, PEER_REQUEST_SIZE);
        peer_wire_decode(data, PEER_REQUEST_SIZE, PEER_REQUEST_SIZE, &message);
        g_assert_cmpuint(message.id, ==, PEER_REQUEST);
        g_assert_true(message.complete);
        g_assert_cmphex(message.index, ==, index);
        g_assert_cmphex(message.begin, ==, begin);
        g_assert_cmphex(message.length, ==, length);
    }
    g_free(data);
    g_byte_array_free(bytes, TRUE);
}

/* The table itself: of each message the least and the greatest legal length, and one beyond each. */
static void
legal_lengths(void)
{
    static const struct {
        uint8_t     id;
        const char *name;
        uint32_t    least, greatest;
    } rows[] = {
#define X(id, name, least, greatest) { id, #name, least, greatest },
        PEER_MESSAGES(X)
#undef X
    };
    uint8_t bytes[64] = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const uint32_t lengths[] = { rows[i].least - 1, rows[i].least, rows[i].greatest, rows[i].greatest + 1 };
        for (unsigned n = 0; n < G_N_ELEMENTS(lengths); n++) {
            struct peer_message message;
            if (lengths[n] == 0)
                continue;               /* a keep-alive */
            bytes[0] = (uint8_t)(lengths[n] >> 24);
            bytes[1] = (uint8_t)(lengths[n] >> 16);
            bytes[2] = (uint8_t)(lengths[n] >> 8);
            bytes[3] = (uint8_t)lengths[n];
            bytes[4] = rows[i].id;
            uint32_t captured = MIN((uint32_t)sizeof bytes, PEER_PREFIX_SIZE + lengths[n]);
            g_test_message("%s, length %u", rows[i].name, lengths[n]);
            g_assert_cmpuint(peer_wire_size(bytes, captured), ==, PEER_PREFIX_SIZE + lengths[n]);
            peer_wire_decode(bytes, captured, PEER_PREFIX_SIZE + lengths[n], &message);
            g_assert_cmpint(message.complete, ==, n == 1 || n == 2);
        }
    }
}

/* BEP 6: "the third least significant bit of the last reserved byte". BEP 10: "bit 20 from the right". */
static void
handshake(void)
{
    static const struct {
        const char *reserved;
        bool        extension, fast;
    } cases[] = {
        { "0000000000000000", false, false },
        { "0000000000100000", true,  false },
        { "0000000000000004", false, true },
        { "0000000000100005", true,  true },
        { "ffffffffffefffff", false, true },
        { "fffffffffffffffb", true,  false },
        { "1000000004001000", false, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GByteArray *bytes = bytes_from_hex(MAGIC);
        bytes_add_hex(bytes, cases[i].reserved);
        bytes_add_zeros(bytes, 40);
        for (uint32_t captured = PEER_HANDSHAKE_MAGIC_SIZE; captured <= bytes->len; captured++) {
            uint8_t            *copy = bytes_copy(bytes->data, captured);
            struct peer_message message;
            bool                whole = captured >= 28;
            g_assert_true(peer_wire_is_handshake(copy, captured));
            peer_wire_decode(copy, captured, PEER_HANDSHAKE_SIZE, &message);
            g_assert_cmpuint(message.id, ==, PEER_HANDSHAKE);
            g_assert_cmpint(message.complete, ==, whole);
            g_assert_cmpint(message.extension, ==, whole && cases[i].extension);
            g_assert_cmpint(message.fast, ==, whole && cases[i].fast);
            g_free(copy);
        }
        g_byte_array_free(bytes, TRUE);
    }
    g_assert_false(peer_wire_is_handshake((const uint8_t *)"\x13" "BitTorrent protocol", 19));
    g_assert_false(peer_wire_is_handshake((const uint8_t *)"\x13" "BitTorrent Protocol", 20));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(cases, name, function)                                                                  \
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {                                              \
        char *path = g_strdup_printf("/peer_wire/" #function "/%u %.40s", (unsigned)i, cases[i].name); \
        g_test_add_data_func(path, &cases[i], function);                                            \
        g_free(path);                                                                               \
    }
    ADD(sizes, bytes, size)
    ADD(complete_cases, bytes, complete)
    ADD(unusual_cases, name, unusual)
    ADD(plausible_cases, name, plausible)
    ADD(holding_cases, bytes, worth_holding)
    ADD(decode_cases, name, decode)
#undef ADD
    g_test_add_func("/peer_wire/plausible_noise", plausible_noise);
    g_test_add_func("/peer_wire/may_begin", may_begin);
    g_test_add_func("/peer_wire/encode_request", encode_request);
    g_test_add_func("/peer_wire/legal_lengths", legal_lengths);
    g_test_add_func("/peer_wire/handshake", handshake);
    return g_test_run();
}
