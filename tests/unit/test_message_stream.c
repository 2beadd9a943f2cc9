/* test_message_stream.c
 * message_stream.c on scripts of chunks, and on one stream cut, repeated and holed in every way.
 *
 * A script has a line for each chunk: where it stands, its bytes as hexadecimal digits, and what comes of it:
 *
 *     new | repeated | unsynced      what message_stream_open() says; "gap" where messages may be missing
 *     ID@POSITION+SIZE               a message; a keep-alive has ID -, a handshake H
 *     (N)                            only its first N bytes were captured or kept
 *     *                              it was put together from several chunks
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "message_stream.h"
#include "peer_wire.h"

struct line {
    uint64_t    position;
    const char *hex;
    uint32_t    missing;        /* bytes that the chunk has on the wire behind those that were captured */
    bool        reassembles;
    const char *expected;
};

#define SCRIPT_END { 0, NULL, 0, false, NULL }

/* BEP 3: <length: 4> <id: 1> <payload> */
#define KEEP_ALIVE  "00000000"
#define CHOKE       "0000000100"
#define HAVE        "00000005" "04" "00000007"
#define REQUEST     "0000000d" "06" "00000001" "00004000" "00004000"
#define PIECE_24    "00000018" "07" "00000001" "00004000"          /* 28 bytes, of which these are 13 */
#define BLOCK_15    "a1a2a3a4a5a6a7a8a9aaabacadaeaf"
#define DONTHAVE    "00000006" "14" "07" "0000002a"
#define HANDSHAKE_20 "13" "426974546f7272656e742070726f746f636f6c"
#define ZEROS_8     "0000000000000000"
#define REST_48     ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8

static GByteArray *
from_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();

    for (; hex[0] != '\0'; hex += 2) {
        uint8_t byte = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
        g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

/* --- scripts --- */

static void
describe(GString *out, const struct stream_message *message)
{
    if (peer_wire_is_handshake(message->data, message->captured))
        g_string_append(out, " H");
    else if (message->captured > PEER_PREFIX_SIZE)
        g_string_append_printf(out, " %u", message->data[PEER_PREFIX_SIZE]);
    else
        g_string_append(out, " -");
    g_string_append_printf(out, "@%u+%u", (unsigned)message->position, message->size);
    if (message->captured < message->size)
        g_string_append_printf(out, "(%u)", message->captured);
    if (message->assembled)
        g_string_append(out, "*");
}

static void
play(const void *data)
{
    static const char *const states[] = { "new", "repeated", "unsynced" };
    const struct line    *script = (const struct line *)data;
    wmem_allocator_t     *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct message_stream stream;

    message_stream_init(&stream, scope);
    for (unsigned i = 0; script[i].hex != NULL; i++) {
        GByteArray           *bytes = from_hex(script[i].hex);
        GString              *out = g_string_new(NULL);
        struct stream_message message;
        bool                  gap;
        struct stream_chunk   chunk = {
            .position = script[i].position, .data = bytes->data, .captured = bytes->len,
            .reported = bytes->len + script[i].missing, .reassembles = script[i].reassembles
        };

        g_string_append(out, states[message_stream_open(&stream, &chunk, &gap)]);
        if (gap)
            g_string_append(out, " gap");
        while (message_stream_next(&stream, &chunk, &message))
            describe(out, &message);
        if (strcmp(out->str, script[i].expected) != 0)
            g_test_message("line %u", i + 1);
        g_assert_cmpstr(out->str, ==, script[i].expected);
        g_string_free(out, TRUE);
        g_byte_array_free(bytes, TRUE);
    }
    wmem_destroy_allocator(scope);
}

static const struct line whole[] = {
    { 0,    HANDSHAKE_20 REST_48,           0, false, "new H@0+68" },
    { 68,   CHOKE HAVE KEEP_ALIVE DONTHAVE, 0, false, "new 0@68+5 4@73+9 -@82+4 20@86+10" },
    { 96,   "",                             0, false, "repeated" },
    SCRIPT_END
};

/* A prefix, an id, a payload and a handshake that go on in the next chunk. */
static const struct line cut[] = {
    { 0,    HANDSHAKE_20,                   0, false, "new" },
    { 20,   REST_48 CHOKE "0000",           0, false, "new H@0+68* 0@68+5" },
    { 75,   "0005",                         0, false, "new" },
    { 77,   "04",                           0, false, "new" },
    { 78,   "00000007" HAVE "000000",       0, false, "new 4@73+9* 4@82+9" },
    { 94,   "00" CHOKE,                     0, false, "new -@91+4* 0@95+5" },
    SCRIPT_END
};

/* Of a block its header is kept: length prefix, id, index, begin. */
static const struct line block[] = {
    { 0,    CHOKE PIECE_24 BLOCK_15 CHOKE,  0, false, "new 0@0+5 7@5+28 0@33+5" },
    { 38,   PIECE_24 "a1a2",                0, false, "new" },
    { 53,   "a3a4a5a6a7a8a9aaabacadaeaf" CHOKE, 0, false, "new 7@38+28(13)* 0@66+5" },
    { 71,   "00000018" "07" "00000001" "00", 0, false, "new" },
    { 81,   "004000" BLOCK_15 CHOKE,        0, false, "new 7@71+28(13)* 0@99+5" },
    SCRIPT_END
};

/* TCP hands over what goes on behind the chunk again, as a whole. */
static const struct line reassembled[] = {
    { 0,    CHOKE "00000005" "04",          0, true, "new 0@0+5" },
    { 5,    HAVE CHOKE,                     0, true, "new 4@5+9 0@14+5" },
    { 19,   "000000",                       0, true, "new" },
    { 19,   HAVE,                           0, true, "new 4@19+9" },
    SCRIPT_END
};

/* Sent again: as it was, cut in another way, and with new bytes behind it. */
static const struct line repeats[] = {
    { 0,    CHOKE HAVE,                     0, false, "new 0@0+5 4@5+9" },
    { 0,    CHOKE HAVE,                     0, false, "repeated" },
    { 5,    HAVE,                           0, false, "repeated" },
    { 5,    HAVE CHOKE,                     0, false, "new 0@14+5" },
    { 7,    "000504" "00000007" CHOKE "00000005" "04", 0, false, "new" },
    { 19,   HAVE,                           0, false, "new 4@19+9*" },
    { 21,   "000504" "00000007",            0, false, "repeated" },
    SCRIPT_END
};

/* A capture that begins in the middle: only a plausible chain of messages counts. */
static const struct line middle[] = {
    { 1000, BLOCK_15 CHOKE,                 0, false, "unsynced gap" },
    { 1020, ZEROS_8 ZEROS_8,                0, false, "unsynced gap" },
    { 1036, KEEP_ALIVE,                     0, false, "unsynced gap" },
    { 1040, HAVE CHOKE,                     0, false, "new 4@1040+9 0@1049+5" },
    SCRIPT_END
};

/* The same with a Piece that goes on behind the chunk. */
static const struct line middle_piece[] = {
    { 1000, BLOCK_15,                       0, false, "unsynced gap" },
    { 1015, PIECE_24 "a1a2",                0, false, "new" },
    { 1030, "a3a4a5a6a7a8a9aaabacadaeaf" HAVE, 0, false, "new 7@1015+28(13)* 4@1043+9" },
    SCRIPT_END
};

/* A hole between two messages costs sync: nobody knows that it was there. */
static const struct line hole_between[] = {
    { 0,    CHOKE,                          0, false, "new 0@0+5" },
    { 14,   CHOKE HAVE,                     0, false, "new gap 0@14+5 4@19+9" },
    { 40,   BLOCK_15,                       0, false, "unsynced gap" },
    { 55,   HAVE,                           0, false, "new 4@55+9" },
    SCRIPT_END
};

/* A hole inside a message whose length is known costs that message alone. It comes out with the bytes before the hole. */
static const struct line hole_inside[] = {
    { 0,    PIECE_24 "a1a2",                0, false, "new" },
    { 20,   "a8a9aaabacadaeaf" HAVE,        0, false, "new 7@0+28(13)* 4@28+9" },
    { 37,   "0000000d" "06" "000000",       0, false, "new" },
    { 50,   "00004000" CHOKE,               0, false, "new 6@37+17(8)* 0@54+5" },
    SCRIPT_END
};

/* A hole that ends exactly where the message does, and one byte behind. */
static const struct line hole_to_the_end[] = {
    { 0,    PIECE_24,                       0, false, "new" },
    { 28,   HAVE,                           0, false, "new 7@0+28(13)* 4@28+9" },
    { 37,   PIECE_24,                       0, false, "new" },
    { 66,   BLOCK_15,                       0, false, "unsynced gap" },
    SCRIPT_END
};

/* A hole in a length prefix costs sync. */
static const struct line hole_in_prefix[] = {
    { 0,    CHOKE "000000",                 0, false, "new 0@0+5" },
    { 9,    "04" "00000007" CHOKE,          0, false, "unsynced gap" },
    { 19,   CHOKE,                          0, false, "new 0@19+5" },
    SCRIPT_END
};

/* Further than any message is long: how uTP says that the length of a hole is not known. */
static const struct line hole_unknown[] = {
    { 0,            PIECE_24 "a1a2",        0, false, "new" },
    { 4294967311,   BLOCK_15,               0, false, "unsynced gap" },
    { 4294967326,   HAVE CHOKE,             0, false, "new 4@30+9 0@39+5" },
    SCRIPT_END
};

/* Packets cut by the capture: what was not captured has still its length. */
static const struct line snaplen[] = {
    { 0,    CHOKE PIECE_24,                 15, false, "new 0@0+5 7@5+28(13)" },
    { 33,   PIECE_24,                       20, false, "new 7@33+28(13)" },     /* and 5 bytes of the next one */
    { 66,   "aabbcc",                       0, false, "unsynced gap" },
    { 69,   HAVE,                           0, false, "new 4@69+9" },
    SCRIPT_END
};

/* The cut is in the prefix of the message behind: sync is lost, and found again. */
static const struct line snaplen_in_prefix[] = {
    { 0,    CHOKE "0000",                   7, false, "new 0@0+5" },
    { 14,   CHOKE HAVE,                     0, false, "new 0@14+5 4@19+9" },
    SCRIPT_END
};

/* Greatest length that is followed, and one more. */
static const struct line length_limit[] = {
    { 0,        CHOKE,                      0, false, "new 0@0+5" },
    { 5,        "00fffffc" "63",            0, false, "new" },
    { 10,       "00",                       16777210, false, "new 99@5+16777216(6)*" },
    { 16777221, HAVE,                       0, false, "new 4@16777221+9" },
    { 16777230, CHOKE "00fffffd" "63",      0, false, "new 0@16777230+5" },
    { 16777240, BLOCK_15,                   0, false, "unsynced gap" },
    { 16777255, HAVE,                       0, false, "new 4@16777255+9" },
    SCRIPT_END
};

static const struct line bad_length_in_parts[] = {
    { 0,    CHOKE "ff",                     0, false, "new 0@0+5" },
    { 6,    "ffffff" HAVE,                  0, false, "new" },
    { 18,   HAVE,                           0, false, "new 4@18+9" },
    SCRIPT_END
};

/* 0x13 may begin a handshake or a length: the next bytes tell. */
static const struct line like_a_handshake[] = {
    { 0,    CHOKE "1342",                   0, false, "new 0@0+5" },
    { 7,    "6974" BLOCK_15,                0, false, "new" },
    { 24,   HAVE,                           0, false, "new 4@24+9" },
    SCRIPT_END
};

/* --- one stream, cut in every way --- */

struct known_message {
    uint64_t position;
    uint32_t size;
};

/* A stream and where its messages are; a player of chunks of it. */
struct fixture {
    wmem_allocator_t     *scope;
    GByteArray           *bytes;
    GArray               *known;        /* struct known_message */
    struct message_stream stream;
    GArray               *found;        /* positions, uint64_t */
};

static const char *const pieces_of_stream[] = {
    HANDSHAKE_20 REST_48, "0000000a" "05" "fffffffffffffffff0", DONTHAVE, HAVE, KEEP_ALIVE, REQUEST REQUEST,
    PIECE_24 BLOCK_15, DONTHAVE DONTHAVE, "00000003" "09" "1ae1", CHOKE, "00000006" "14" "09" "deadbeef", HAVE
};

static void
set_up(struct fixture *fixture)
{
    GString *hex = g_string_new(NULL);

    memset(fixture, 0, sizeof *fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(pieces_of_stream); i++)
        g_string_append(hex, pieces_of_stream[i]);
    fixture->bytes = from_hex(hex->str);
    g_string_free(hex, TRUE);

    fixture->known = g_array_new(FALSE, FALSE, sizeof(struct known_message));
    for (uint32_t at = 0; at < fixture->bytes->len;) {
        const uint8_t *p = fixture->bytes->data + at;
        struct known_message message = { at, at == 0 ? PEER_HANDSHAKE_SIZE : PEER_PREFIX_SIZE + p[3] };
        g_array_append_val(fixture->known, message);
        at += message.size;
    }
    fixture->found = g_array_new(FALSE, FALSE, sizeof(uint64_t));
}

static void
start(struct fixture *fixture)
{
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    message_stream_init(&fixture->stream, fixture->scope);
    g_array_set_size(fixture->found, 0);
}

static void
stop(struct fixture *fixture)
{
    wmem_destroy_allocator(fixture->scope);
}

static void
tear_down(struct fixture *fixture)
{
    g_byte_array_free(fixture->bytes, TRUE);
    g_array_free(fixture->known, TRUE);
    g_array_free(fixture->found, TRUE);
}

static const struct known_message *
known_at(const struct fixture *fixture, uint64_t position)
{
    for (unsigned i = 0; i < fixture->known->len; i++) {
        const struct known_message *message = &g_array_index(fixture->known, struct known_message, i);
        if (message->position == position)
            return message;
    }
    return NULL;
}

/* Feeds bytes from begin to end, of which only the first captured were captured. Each message must be one of the
 * stream, with its bytes. */
static void
feed(struct fixture *fixture, uint32_t begin, uint32_t end, uint32_t captured)
{
    uint8_t              *copy = (uint8_t *)g_memdup2(fixture->bytes->data + begin, captured);
    struct stream_chunk   chunk = { .position = begin, .data = copy, .captured = captured, .reported = end - begin };
    struct stream_message message;
    bool                  gap;

    message_stream_open(&fixture->stream, &chunk, &gap);
    while (message_stream_next(&fixture->stream, &chunk, &message)) {
        const struct known_message *known = known_at(fixture, message.position);
        g_assert_nonnull(known);
        g_assert_cmpuint(message.size, ==, known->size);
        g_assert_cmpuint(message.captured, <=, message.size);
        g_assert_cmpmem(message.data, message.captured, fixture->bytes->data + message.position, message.captured);
        g_array_append_val(fixture->found, message.position);
    }
    g_free(copy);
}

static void
feed_all(struct fixture *fixture, uint32_t begin, uint32_t end)
{
    if (end > begin)
        feed(fixture, begin, end, end - begin);
}

/* Each message once, in order. */
static void
assert_all_found(const struct fixture *fixture)
{
    g_assert_cmpuint(fixture->found->len, ==, fixture->known->len);
    for (unsigned i = 0; i < fixture->known->len; i++)
        g_assert_cmpuint(g_array_index(fixture->found, uint64_t, i), ==,
                         g_array_index(fixture->known, struct known_message, i).position);
}

static bool
is_found(const struct fixture *fixture, uint64_t position)
{
    for (unsigned i = 0; i < fixture->found->len; i++) {
        if (g_array_index(fixture->found, uint64_t, i) == position)
            return true;
    }
    return false;
}

/* Two and three chunks, cut anywhere. A chunk of less than 20 bytes at the start does not show the handshake. */
static void
all_splits(void)
{
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t first = PEER_HANDSHAKE_MAGIC_SIZE; first <= fixture.bytes->len; first++) {
        for (uint32_t second = first; second <= fixture.bytes->len; second++) {
            start(&fixture);
            feed_all(&fixture, 0, first);
            feed_all(&fixture, first, second);
            feed_all(&fixture, second, fixture.bytes->len);
            assert_all_found(&fixture);
            stop(&fixture);
        }
    }
    tear_down(&fixture);
}

/* Chunks of one size, from 1 byte on behind the handshake. */
static void
all_sizes(void)
{
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t size = 1; size <= fixture.bytes->len; size++) {
        start(&fixture);
        feed_all(&fixture, 0, PEER_HANDSHAKE_SIZE);
        for (uint32_t at = PEER_HANDSHAKE_SIZE; at < fixture.bytes->len; at += size)
            feed_all(&fixture, at, MIN(at + size, fixture.bytes->len));
        assert_all_found(&fixture);
        stop(&fixture);
    }
    tear_down(&fixture);
}

/* Every range of bytes sent again, at every time. */
static void
all_repeats(void)
{
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t cut_at = PEER_HANDSHAKE_SIZE; cut_at <= fixture.bytes->len; cut_at += 3) {
        for (uint32_t begin = 0; begin < cut_at; begin += 5) {
            start(&fixture);
            feed_all(&fixture, 0, cut_at);
            feed_all(&fixture, begin, MIN(begin + 40, fixture.bytes->len));
            feed_all(&fixture, cut_at, fixture.bytes->len);
            assert_all_found(&fixture);
            stop(&fixture);
        }
    }
    tear_down(&fixture);
}

/* Every hole. What is found is right (see feed()), and nothing that stands before the hole is missing; nor is what
 * stands behind it, where the hole ends with a message. */
static void
all_holes(void)
{
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t begin = PEER_HANDSHAKE_SIZE; begin < fixture.bytes->len; begin++) {
        for (uint32_t end = begin + 1; end < fixture.bytes->len; end++) {
            start(&fixture);
            feed_all(&fixture, 0, begin);
            feed_all(&fixture, end, fixture.bytes->len);
            /* Zeros, and a keep-alive alone, are no evidence of messages: nor is what ends in the middle of one. */
            bool ends_with_message = known_at(&fixture, end) != NULL;
            for (unsigned i = 0; i < fixture.known->len; i++) {
                const struct known_message *known = &g_array_index(fixture.known, struct known_message, i);
                if (known->position + known->size <= begin || (known->position >= end && ends_with_message))
                    g_assert_true(is_found(&fixture, known->position));
            }
            stop(&fixture);
        }
    }
    tear_down(&fixture);
}

/* Every place at which the capture cut a packet of every length: what is found is right, and the packet behind it is
 * read where it begins with a message. */
static void
all_cuts(void)
{
    struct fixture fixture;

    set_up(&fixture);
    for (uint32_t end = PEER_HANDSHAKE_SIZE + 1; end < fixture.bytes->len; end++) {
        for (uint32_t captured = 1; captured < end - PEER_HANDSHAKE_SIZE; captured++) {
            start(&fixture);
            feed_all(&fixture, 0, PEER_HANDSHAKE_SIZE);
            feed(&fixture, PEER_HANDSHAKE_SIZE, end, captured);
            feed_all(&fixture, end, fixture.bytes->len);
            for (unsigned i = 0; i < fixture.known->len; i++) {
                const struct known_message *known = &g_array_index(fixture.known, struct known_message, i);
                if (known->position + known->size <= PEER_HANDSHAKE_SIZE + captured
                        || (known->position >= end && known_at(&fixture, end) != NULL))
                    g_assert_true(is_found(&fixture, known->position));
            }
            stop(&fixture);
        }
    }
    tear_down(&fixture);
}

/* Any bytes at any positions: every call ends, and memory stays within what was sent. */
static void
any_bytes(void)
{
    for (int run = 0; run < 200; run++) {
        wmem_allocator_t     *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct message_stream stream;
        struct stream_message message;
        bool                  gap;
        uint64_t              position = 0, fed = 0;

        message_stream_init(&stream, scope);
        for (int i = 0; i < 300; i++) {
            uint8_t  bytes[64];
            uint32_t captured = (uint32_t)g_test_rand_int_range(0, 64);
            for (uint32_t j = 0; j < captured; j++)
                bytes[j] = (uint8_t)(g_test_rand_bit() ? 0 : g_test_rand_int_range(0, 22));
            struct stream_chunk chunk = { .position = position, .data = bytes, .captured = captured,
                                          .reported = captured + (uint32_t)(i % 7 == 0 ? 9 : 0),
                                          .reassembles = i % 5 == 0 };
            message_stream_open(&stream, &chunk, &gap);
            while (message_stream_next(&stream, &chunk, &message)) {
                g_assert_cmpuint(message.captured, <=, message.size);
                g_assert_cmpuint(message.position + message.size, <=, position + chunk.reported);
            }
            fed += captured;
            g_assert_cmpuint(stream.held_size, <=, fed);
            position += (uint64_t)MAX(0, (int)chunk.reported + g_test_rand_int_range(-8, 3));
        }
        wmem_destroy_allocator(scope);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char        *name;
        const struct line *script;
    } scripts[] = {
#define SCRIPT(name) { "/message_stream/" #name, name }
        SCRIPT(whole), SCRIPT(cut), SCRIPT(block), SCRIPT(reassembled), SCRIPT(repeats), SCRIPT(middle),
        SCRIPT(middle_piece), SCRIPT(hole_between), SCRIPT(hole_inside), SCRIPT(hole_to_the_end),
        SCRIPT(hole_in_prefix), SCRIPT(hole_unknown), SCRIPT(snaplen), SCRIPT(snaplen_in_prefix),
        SCRIPT(length_limit), SCRIPT(bad_length_in_parts), SCRIPT(like_a_handshake)
#undef SCRIPT
    };
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++)
        g_test_add_data_func(scripts[i].name, scripts[i].script, play);
    g_test_add_func("/message_stream/all_splits", all_splits);
    g_test_add_func("/message_stream/all_sizes", all_sizes);
    g_test_add_func("/message_stream/all_repeats", all_repeats);
    g_test_add_func("/message_stream/all_holes", all_holes);
    g_test_add_func("/message_stream/all_cuts", all_cuts);
    g_test_add_func("/message_stream/any_bytes", any_bytes);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
