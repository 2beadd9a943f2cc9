/* test_message_stream.c
 * message_stream.c on scripts of chunks, and on one stream cut, repeated and holed in every way; and peer_feed.c, which
 * gives it the chunks and its messages to a connection.
 *
 * A script has a line for each chunk: where it stands, its bytes as hexadecimal digits, and what comes of it:
 *
 *     new | repeated | unsynced      what message_stream_open() says; "gap" where messages may be missing
 *     ID@POSITION+SIZE               a message; a keep-alive has ID -, a handshake H
 *     waits                          the chunk is to come again with the next one
 *     (N)                            only its first N bytes were captured or kept
 *     *                              it was put together from several chunks
 *
 * A line with ACKED in place of bytes: the other side acknowledges what stands before that position.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/big_endian.h"
#include "core/donthave/donthave.h"
#include "core/donthave/donthave_findings.h"
#include "core/donthave/donthave_note.h"
#include "core/message_stream.h"
#include "core/peer_feed.h"
#include "core/peer_findings.h"
#include "core/peer_wire.h"

struct line {
    uint64_t    position;
    const char *hex;
    uint32_t    missing;        /* bytes that the chunk has on the wire after those that were captured */
    bool        reassembles;
    const char *expected;
};

#define SCRIPT_END { 0, NULL, 0, false, NULL }
#define ACKED      "acked"

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
    struct message_stream stream = { 0 };

    for (unsigned i = 0; script[i].hex != NULL; i++) {
        if (strcmp(script[i].hex, ACKED) == 0) {
            stream.acked = script[i].position;
            continue;
        }
        GByteArray           *bytes = from_hex(script[i].hex);
        GString              *out = g_string_new(NULL);
        struct stream_message message;
        bool                  gap;
        struct stream_chunk   chunk = {
            .position = script[i].position, .data = bytes->data, .captured = bytes->len,
            .reported = bytes->len + script[i].missing, .reassembles = script[i].reassembles,
            .waits = script[i].reassembles
        };

        g_string_append(out, states[message_stream_open(&stream, &chunk, &gap)]);
        if (gap)
            g_string_append(out, " gap");
        if (chunk.waits)
            g_string_append(out, " waits");
        if (script[i].reassembles && !chunk.reassembles)
            g_string_append(out, " alone");
        while (message_stream_next(&stream, scope, &chunk, &message))
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

/* A stream begins with the handshake. Where that is cut before it can be told, the rest of its first bytes tell. */
static const struct line handshake_in_parts[] = {
    { 0,    "13426974",                     0, false, "unsynced gap" },
    { 4,    "546f7272656e742070726f746f636f", 0, false, "unsynced gap" },
    { 19,   "6c" REST_48 CHOKE,             0, false, "new H@0+68* 0@68+5" },
    SCRIPT_END
};

static const struct line handshake_in_many_parts[] = {
    { 7,    "13",                           0, false, "unsynced gap" },
    { 8,    "426974546f7272656e742070726f746f636f6c", 0, false, "new" },
    { 27,   ZEROS_8,                        0, false, "new" },
    { 35,   ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 HAVE, 0, false, "new H@7+68* 4@75+9" },
    SCRIPT_END
};

/* What goes on in another way, or only after a hole, or was cut by the capture, or did not begin the stream, is none. */
static const struct line no_handshake[] = {
    { 0,    "13426974",                     0, false, "unsynced gap" },
    { 4,    "546f5f",                       0, false, "unsynced gap" },
    { 7,    "7272656e742070726f746f636f6c" REST_48, 0, false, "unsynced gap" },
    { 69,   HAVE,                           0, false, "new 4@69+9" },
    SCRIPT_END
};

static const struct line no_handshake_but_messages[] = {
    { 0,    "13426974",                     0, false, "unsynced gap" },
    { 4,    CHOKE HAVE "000000",            0, false, "new 0@4+5 4@9+9" },
    { 21,   "05" "04" "00000007",           0, false, "new 4@18+9*" },
    SCRIPT_END
};

static const struct line handshake_with_a_hole[] = {
    { 0,    "13426974",                     0, false, "unsynced gap" },
    { 5,    "546f7272656e742070726f746f636f6c" REST_48, 0, false, "unsynced gap" },
    SCRIPT_END
};

static const struct line handshake_that_was_cut[] = {
    { 0,    "13426974",                     1, false, "unsynced gap" },
    { 5,    "546f7272656e742070726f746f636f6c" REST_48, 0, false, "unsynced gap" },
    SCRIPT_END
};

static const struct line handshake_in_the_middle[] = {
    { 0,    "a1",                           0, false, "unsynced gap" },
    { 1,    "13426974",                     0, false, "unsynced gap" },
    { 5,    "546f7272656e742070726f746f636f6c" REST_48, 0, false, "unsynced gap" },
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

/* TCP hands over what goes on after the chunk again, as a whole. */
static const struct line reassembled[] = {
    { 0,    CHOKE "00000005" "04",          0, true, "new 0@0+5" },
    { 5,    HAVE CHOKE,                     0, true, "new 4@5+9 0@14+5" },
    { 19,   "000000",                       0, true, "new" },
    { 19,   HAVE,                           0, true, "new 4@19+9" },
    SCRIPT_END
};

/* Sent again: as it was, cut in another way, and with new bytes after it. */
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

/* The same with a Piece that goes on after the chunk. */
static const struct line middle_piece[] = {
    { 1000, BLOCK_15,                       0, false, "unsynced gap" },
    { 1015, PIECE_24 "a1a2",                0, false, "new" },
    { 1030, "a3a4a5a6a7a8a9aaabacadaeaf" HAVE, 0, false, "new 7@1015+28(13)* 4@1043+9" },
    SCRIPT_END
};

/* TCP has put segments together that nobody knew the messages of. They are not to come again with the Piece. */
static const struct line middle_joined[] = {
    { 1000, BLOCK_15,                       0, true,  "unsynced gap" },
    { 1000, BLOCK_15 HAVE PIECE_24 "a1a2",  0, true,  "new alone 4@1015+9" },
    { 1039, "a3a4a5a6a7a8a9aaabacadaeaf" HAVE, 0, true, "new 7@1024+28(13)* 4@1052+9" },
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

/* A hole that ends exactly where the message does, and one byte after. */
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
    { INT64_MAX,    ACKED,                  0, false, NULL },
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

/* The cut is in the prefix of the message after: sync is lost, and found again. */
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

/* STREAM_STRAY_DISTANCE is 4194304. One chunk further ahead than that is none of the stream. */
static const struct line stray[] = {
    { 0,        CHOKE HAVE,                 0, false, "new 0@0+5 4@5+9" },
    { 4194319,  HAVE,                       0, false, "repeated" },
    { 14,       CHOKE,                      0, false, "new 0@14+5" },
    { 4194323,  BLOCK_15,                   0, false, "unsynced gap" },
    SCRIPT_END
};

/* Nor are several, where none goes on after the one before; a good one between them breaks the row. */
static const struct line strays_apart[] = {
    { 0,        CHOKE,                      0, false, "new 0@0+5" },
    { 50000000, HAVE,                       0, false, "repeated" },
    { 60000000, HAVE,                       0, false, "repeated" },
    { 20000000, HAVE,                       0, false, "repeated" },
    { 5,        CHOKE,                      0, false, "new 0@5+5" },
    { 20000009, HAVE,                       0, false, "repeated" },
    { 10,       CHOKE,                      0, false, "new 0@10+5" },
    SCRIPT_END
};

static const struct line stray_followed[] = {
    { 0,        CHOKE,                      0, false, "new 0@0+5" },
    { 50000000, HAVE,                       0, false, "repeated" },
    { 50000009, HAVE CHOKE,                 0, false, "new gap 4@50000009+9 0@50000018+5" },
    { 50000023, HAVE,                       0, false, "new 4@50000023+9" },
    { 5,        CHOKE,                      0, false, "repeated" },
    SCRIPT_END
};

/* There may be a hole between the two as well. */
static const struct line stray_followed_further[] = {
    { 0,        CHOKE,                      0, false, "new 0@0+5" },
    { 50000000, HAVE,                       0, false, "repeated" },
    { 54194312, HAVE,                       0, false, "new gap 4@54194312+9" },
    SCRIPT_END
};

/* What the other side has acknowledged was sent: a hole, however long. The acknowledgement may be so far
 * after as well. */
static const struct line stray_acknowledged[] = {
    { 0,        CHOKE,                      0, false, "new 0@0+5" },
    { 50000000 - 4194304, ACKED,            0, false, NULL },
    { 50000001, HAVE,                       0, false, "repeated" },
    { 50000000, HAVE,                       0, false, "new gap 4@50000000+9" },
    SCRIPT_END
};

/* The first chunk may stand anywhere; a stray changes nothing of a message that arrives, nor of one that comes
 * again. */
static const struct line stray_between[] = {
    { 50000000, CHOKE "00000005" "04",      0, false, "new 0@50000000+5" },
    { 90000000, HAVE,                       0, false, "repeated" },
    { 50000010, "00000007",                 0, false, "new 4@50000005+9*" },
    { 50000014, CHOKE "00000005" "04",      0, true,  "new 0@50000014+5" },
    { 90000000, HAVE,                       0, false, "repeated" },
    { 50000024, "00000007",                 0, false, "new 4@50000019+9*" },
    SCRIPT_END
};

/* A handshake before the end of the stream begins another one, on the same ports. */
static const struct line begin_again[] = {
    { 1000,     HANDSHAKE_20 REST_48 HAVE,  0, false, "new H@1000+68 4@1068+9" },
    { 1000,     HANDSHAKE_20 REST_48 HAVE,  0, false, "repeated" },
    { 500,      HANDSHAKE_20 REST_48,       0, false, "new H@500+68" },
    { 568,      CHOKE HAVE,                 0, false, "new 0@568+5 4@573+9" },
    { 500,      HANDSHAKE_20 REST_48,       0, false, "repeated" },
    { 1020,     HANDSHAKE_20 REST_48,       0, false, "new gap H@1020+68" },
    { 600,      HANDSHAKE_20 REST_48,       0, false, "new H@600+68" },
    SCRIPT_END
};

/* In the middle of a message, of one that comes again, and where sync is lost. */
static const struct line begin_again_anywhere[] = {
    { 1000,     HAVE "0000000d" "06" "000000", 0, false, "new 4@1000+9" },
    { 900,      HANDSHAKE_20 REST_48,       0, false, "new H@900+68" },
    { 968,      CHOKE "00000005" "04",      0, true,  "new 0@968+5" },
    { 800,      HANDSHAKE_20 REST_48,       0, false, "new H@800+68" },
    { 868,      CHOKE "ffffffff" "04",      0, false, "new 0@868+5" },
    { 700,      HANDSHAKE_20 REST_48,       0, false, "new H@700+68" },
    { 768,      HAVE,                       0, false, "new 4@768+9" },
    SCRIPT_END
};

/* The first packet was overtaken. What came before it is a hole now. */
static const struct line begin_overtaken[] = {
    { 68,       CHOKE,                      0, false, "new 0@68+5" },
    { 0,        HANDSHAKE_20 REST_48,       0, false, "new H@0+68" },
    { 73,       HAVE,                       0, false, "new gap 4@73+9" },
    SCRIPT_END
};

/* No handshake: too short to tell, or not at the beginning of a chunk. */
static const struct line no_beginning[] = {
    { 1000,     HAVE,                       0, false, "new 4@1000+9" },
    { 500,      "13426974546f7272656e742070726f746f636f", 49, false, "repeated" },
    { 500,      CHOKE HANDSHAKE_20 REST_48, 0, false, "repeated" },
    { 1009,     HAVE,                       0, false, "new 4@1009+9" },
    SCRIPT_END
};

/* A message that was to come again as a whole, and goes on in the next chunks. */
static const struct line goes_on[] = {
    { 0,        CHOKE "00000005" "04",      0, true,  "new 0@0+5" },
    { 10,       "00000007" CHOKE,           0, true,  "new 4@5+9* 0@14+5" },
    { 19,       "0000",                     0, true,  "new" },
    { 21,       "0005" "04",                0, true,  "new" },
    { 24,       "0000",                     0, true,  "new" },
    { 26,       "0007" HAVE,                0, true,  "new 4@19+9* 4@28+9" },
    { 37,       PIECE_24 "a1a2",            0, true,  "new" },
    { 52,       "a3a4a5a6a7a8a9aaabacadaeaf" HAVE, 0, false, "new 7@37+28(13)* 4@65+9" },
    SCRIPT_END
};

/* It goes on, and then it comes as a whole after all. */
static const struct line goes_on_and_comes[] = {
    { 0,        CHOKE "00000005" "04",      0, true,  "new 0@0+5" },
    { 10,       "0000",                     0, true,  "new" },
    { 5,        HAVE CHOKE,                 0, false, "new 4@5+9* 0@14+5" },
    SCRIPT_END
};

/* What came before is sent again in between; and what goes on begins a little before. */
static const struct line goes_on_after_repeats[] = {
    { 0,        CHOKE "00000005" "04",      0, true,  "new 0@0+5" },
    { 0,        CHOKE,                      0, false, "repeated" },
    { 7,        "000504",                   0, false, "repeated" },
    { 8,        "0504" "00000007" CHOKE,    0, false, "new 4@5+9* 0@14+5" },
    SCRIPT_END
};

/* All that came is sent again, as it was or cut in another way: the message goes on after it nevertheless. */
static const struct line goes_on_after_repeated_part[] = {
    { 0,        CHOKE "00000005" "04",      0, true,  "new 0@0+5" },
    { 0,        CHOKE "00000005" "04",      0, true,  "new" },
    { 10,       "00000007" CHOKE,           0, false, "new 4@5+9* 0@14+5" },
    SCRIPT_END
};

static const struct line goes_on_after_shorter_repeat[] = {
    { 0,        CHOKE "00000005" "04",      0, true,  "new 0@0+5" },
    { 0,        CHOKE "00",                 0, false, "repeated" },
    { 10,       "00000007" CHOKE,           0, false, "new 4@5+9* 0@14+5" },
    SCRIPT_END
};

/* It goes on after a hole: the message is lost, or sync, as where nothing was to come again. */
static const struct line goes_on_after_hole[] = {
    { 0,        CHOKE "00000005" "04",      0, true,  "new 0@0+5" },
    { 12,       "0007" CHOKE,               0, false, "new 4@5+9(5)* 0@14+5" },
    { 19,       "0000",                     0, true,  "new" },
    { 22,       "00" HAVE,                  0, false, "unsynced gap" },
    { 32,       "00000005" "04",            0, true,  "new" },
    { 50,       HAVE,                       0, false, "new gap 4@50+9" },
    SCRIPT_END
};

/* A part that was cut by the capture; the whole comes again, in two chunks. */
static const struct line cut_comes_again[] = {
    { 0,        CHOKE "00000005" "04",      2, true,  "new 0@0+5" },
    { 5,        "00000005" "04" "0000",     0, false, "new" },
    { 12,       "0007" CHOKE,               0, false, "new 4@5+9* 0@14+5" },
    SCRIPT_END
};

/* Nothing comes again of what is no message. */
static const struct line bad_length_comes_again[] = {
    { 0,        CHOKE,                      0, true,  "new 0@0+5" },
    { 5,        CHOKE "ffffffff" "14",      0, true,  "new 0@5+5" },
    { 15,       BLOCK_15,                   0, true,  "unsynced gap" },
    { 30,       HAVE,                       0, true,  "new 4@30+9" },
    SCRIPT_END
};

/* Sync is lost after a message, which is sent again: as it was, cut in another way, and with new bytes after it. */
static const struct line repeats_without_sync[] = {
    { 100,  CHOKE DONTHAVE,                 0, false, "new 0@100+5 20@105+10" },
    { 200,  BLOCK_15,                       0, false, "unsynced gap" },
    { 100,  CHOKE DONTHAVE,                 0, false, "repeated" },
    { 105,  DONTHAVE,                       0, false, "repeated" },
    { 105,  DONTHAVE BLOCK_15,              0, false, "unsynced gap" },
    { 105,  DONTHAVE HAVE,                  0, false, "new 4@115+9" },
    SCRIPT_END
};

/* The same where the message after it was cut, and is sent again, and where its length was a bad one. */
static const struct line repeats_without_sync_cut[] = {
    { 100,  CHOKE "000000",                 0, false, "new 0@100+5" },
    { 200,  BLOCK_15,                       0, false, "unsynced gap" },
    { 100,  CHOKE "0000",                   0, false, "unsynced gap" },
    { 100,  CHOKE HAVE,                     0, false, "new 4@105+9" },
    { 114,  CHOKE "ffffffff",               0, false, "new 0@114+5" },
    { 114,  CHOKE "ffffffff",               0, false, "unsynced gap" },
    { 114,  CHOKE,                          0, false, "repeated" },
    { 50,   HANDSHAKE_20 REST_48,           0, false, "new H@50+68" },
    SCRIPT_END
};

/* The beginning of a message is too little to tell that it is one: after a hole TCP puts it together with what follows, which is
 * read on where it is no message. */
static const struct line waits[] = {
    { 100,  "00",                           0, true,  "unsynced gap" },         /* the built-in dissector asks */
    { 100,  DONTHAVE PIECE_24,              0, true,  "new 20@100+10" },
    { 200,  "00000005" "04",                0, false, "new gap" },
    { 300,  "00000005" "0400",              0, true,  "unsynced gap waits" },
    { 300,  "00000005" "0400",              0, true,  "unsynced gap" },         /* sent again */
    { 400,  CHOKE,                          0, true,  "new gap 0@400+5" },
    { 480,  "00000006" "14",                1, true,  "unsynced gap" },         /* cut by the capture */
    { 500,  "0000",                         0, true,  "unsynced gap waits" },
    { 500,  "0000" CHOKE HAVE,              0, true,  "new alone 0@502+5 4@507+9" },
    { 600,  KEEP_ALIVE,                     0, true,  "unsynced gap" },
    { 600,  KEEP_ALIVE HAVE "00",           0, true,  "new alone -@600+4 4@604+9" },
    SCRIPT_END
};

/* A handshake in small parts: the whole comes again. */
static const struct line waits_handshake[] = {
    { 100,  "13",                           0, true,  "unsynced gap waits" },
    { 100,  "13" "426974546f7272656e74",    0, true,  "unsynced gap waits" },
    { 100,  HANDSHAKE_20,                   0, true,  "new" },
    { 100,  HANDSHAKE_20 REST_48,           0, true,  "new H@100+68" },
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
    memset(&fixture->stream, 0, sizeof fixture->stream);
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
    while (message_stream_next(&fixture->stream, fixture->scope, &chunk, &message)) {
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

/* Chunks of one size, from 1 byte on after the handshake. */
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
 * stands after it, where the hole ends with a message. */
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

/* Every place at which the capture cut a packet of every length: what is found is right, and the packet after it is
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
        struct message_stream stream = { 0 };
        struct stream_message message;
        bool                  gap;
        uint64_t              position = 0, fed = 0;

        for (int i = 0; i < 300; i++) {
            uint8_t  bytes[64];
            uint32_t captured = (uint32_t)g_test_rand_int_range(0, 64);
            for (uint32_t j = 0; j < captured; j++)
                bytes[j] = (uint8_t)(g_test_rand_bit() ? 0 : g_test_rand_int_range(0, 22));
            /* Now and then far ahead, where it may be acknowledged. */
            uint64_t at = position + (i % 37 == 0 ? UINT64_C(3) * STREAM_STRAY_DISTANCE : 0);
            if (i % 5 == 3)
                stream.acked = at;
            struct stream_chunk chunk = { .position = at, .data = bytes, .captured = captured,
                                          .reported = captured + (uint32_t)(i % 7 == 0 ? 9 : 0),
                                          .reassembles = i % 5 == 0 };
            message_stream_open(&stream, &chunk, &gap);
            while (message_stream_next(&stream, scope, &chunk, &message)) {
                g_assert_cmpuint(message.captured, <=, message.size);
                g_assert_cmpuint(message.position + message.size, <=, at + chunk.reported);
            }
            fed += captured;
            g_assert_cmpuint(message_stream_held(&stream), <=, fed);
            position += (uint64_t)MAX(0, (int)chunk.reported + g_test_rand_int_range(-8, 3));
        }
        wmem_destroy_allocator(scope);
    }
}

/* The memory is given back (without a scope, the leak would be seen); then the stream is as new. */
static void
freed(void)
{
    struct message_stream stream = { 0 };
    struct stream_message message;
    GByteArray           *bytes = from_hex(CHOKE "00000005" "04");
    bool                  gap;

    message_stream_free(&stream, NULL);
    for (int round = 0; round < 2; round++) {
        struct stream_chunk chunk = { .position = 1000, .data = bytes->data, .captured = bytes->len,
                                      .reported = bytes->len, .reassembles = round == 0 };
        g_assert_cmpint(message_stream_open(&stream, &chunk, &gap), ==, CHUNK_NEW);
        g_assert_true(message_stream_next(&stream, NULL, &chunk, &message));
        g_assert_false(message_stream_next(&stream, NULL, &chunk, &message));
        g_assert_cmpuint(message_stream_held(&stream), ==, 5);
        message_stream_free(&stream, NULL);
        g_assert_cmpint(stream.sync, ==, STREAM_UNKNOWN);
        g_assert_false(stream.has_end);
        g_assert_null(stream.held);
    }
    g_byte_array_free(bytes, TRUE);
}

/* --- the feed --- */

/* A feed with one observer, and the id of lt_donthave without a handshake. */
static const struct peer_setup peer_setup = {
    .observers = { &donthave_observer }, .observer_count = 1,
    .fallbacks = { { LT_DONTHAVE_NAME, { 1U << 7 } } }, .fallback_count = 1
};

struct feeder {
    wmem_allocator_t *scope;
    struct peer_feed  feed;
    uint32_t          first;        /* see peer_feed_chunk() */
};

/* A place has nothing to do with a position. */
#define PLACE_0 0xfffffff0U

static void
feeder_init(struct feeder *feeder)
{
    feeder->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    peer_feed_init(&feeder->feed, feeder->scope, &peer_setup);
}

/* Feeds what peer A sent in chunk_frame, while the packet of frame is read. */
static enum chunk_state
feed_hex(struct feeder *feeder, uint32_t frame, uint32_t chunk_frame, uint64_t position, const char *hex,
         bool reassembles, const char *lacking)
{
    GByteArray        *bytes = from_hex(hex);
    struct feed_packet packet = { .from = PEER_A, .frame = frame, .time = frame * NS_PER_S };
    struct feed_chunk  chunk = {
        .bytes = { .position = position, .data = bytes->data, .captured = bytes->len, .reported = bytes->len,
                   .reassembles = reassembles },
        .place = PLACE_0 + (uint32_t)position, .frame = chunk_frame, .lacking = lacking
    };

    peer_connection_begin_packet(feeder->feed.connection, frame, frame);
    enum chunk_state state = peer_feed_chunk(&feeder->feed, &packet, &chunk, &feeder->first);
    g_byte_array_free(bytes, TRUE);
    return state;
}

/* The notes of a frame, count of them, and the one of that index. */
static const struct message_note *
feeder_note(struct feeder *feeder, uint32_t frame, unsigned count, unsigned index)
{
    struct message_note *const *end;
    struct message_note *const *note = notes_of_frame(&feeder->feed.connection->notes, frame, true, &end);

    g_assert_cmpint(end - note, ==, count);
    return count > 0 ? note[index] : NULL;
}

static void
assert_bytes(const struct message_note *note, const char *hex, const uint32_t *frames, uint32_t count)
{
    GByteArray *bytes = from_hex(hex);

    g_assert_nonnull(note->bytes);
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, bytes->data, bytes->len);
    g_assert_cmpmem(note->bytes->frames, note->bytes->frame_count * sizeof *frames, frames, count * sizeof *frames);
    g_byte_array_free(bytes, TRUE);
}

#define OUR_DONTHAVE    "00000006" "14" "07" "0000002a"

/* A message in one frame has its place; one in several has their numbers and its bytes, and its place as well, before
 * the chunk in which it ends. A frame that holds nothing of it is none of them. */
static void
feed_frames(void)
{
    static const uint32_t      first[] = { 1, 2, 4 }, second[] = { 4, 5 };
    const struct message_note *note;
    struct feeder              feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE OUR_DONTHAVE "000000", false, NULL);
    note = feeder_note(&feeder, 1, 1, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 5);
    g_assert_cmpuint(note->size, ==, 10);
    g_assert_cmpint(note->from, ==, PEER_A);
    g_assert_null(note->bytes);

    feed_hex(&feeder, 2, 2, 18, "0614", false, NULL);
    feed_hex(&feeder, 3, 3, 0, CHOKE, false, NULL);                     /* sent again */
    feed_hex(&feeder, 4, 4, 20, "07" "0000002a" "00000006" "14", false, NULL);
    feed_hex(&feeder, 5, 5, 30, "07" "0000002a" OUR_DONTHAVE, false, NULL);
    g_assert_null(feeder_note(&feeder, 2, 0, 0));
    g_assert_null(feeder_note(&feeder, 3, 0, 0));
    note = feeder_note(&feeder, 4, 1, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 15);
    g_assert_cmpuint(note->size, ==, 10);
    assert_bytes(note, OUR_DONTHAVE, first, G_N_ELEMENTS(first));
    note = feeder_note(&feeder, 5, 2, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 25);
    assert_bytes(note, OUR_DONTHAVE, second, G_N_ELEMENTS(second));
    note = feeder_note(&feeder, 5, 2, 1);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 35);
    g_assert_null(note->bytes);
    wmem_destroy_allocator(feeder.scope);
}

/* Several chunks of one frame count once. */
static void
feed_frames_once(void)
{
    static const uint32_t frames[] = { 1, 2 };
    struct feeder         feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE "0000", false, NULL);
    feed_hex(&feeder, 1, 1, 7, "0006", false, NULL);
    feed_hex(&feeder, 2, 2, 9, "1407", false, NULL);
    feed_hex(&feeder, 2, 2, 11, "0000002a", false, NULL);
    assert_bytes(feeder_note(&feeder, 2, 1, 0), OUR_DONTHAVE, frames, G_N_ELEMENTS(frames));
    wmem_destroy_allocator(feeder.scope);
}

/* A chunk of an earlier frame than that of the packet which is read: its messages are not there, their bytes are
 * kept. */
static void
feed_earlier_frame(void)
{
    static const uint32_t      only[] = { 2 }, both[] = { 2, 3 };
    const struct message_note *note;
    struct feeder              feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 4, 4, 0, CHOKE, false, NULL);
    feed_hex(&feeder, 4, 2, 5, OUR_DONTHAVE OUR_DONTHAVE "00000006", false, NULL);
    feed_hex(&feeder, 4, 3, 29, "1407" "0000002a", false, NULL);
    for (unsigned i = 0; i < 3; i++) {
        note = feeder_note(&feeder, 4, 3, i);
        g_assert_cmpuint(note->place, ==, PLACE_0 + 5 + 10 * i);
        assert_bytes(note, OUR_DONTHAVE, i < 2 ? only : both, i < 2 ? 1 : 2);
    }
    wmem_destroy_allocator(feeder.scope);
}

/* Of a message in several frames that nobody knows, the frames are enough. */
static void
feed_unknown(void)
{
    static const uint32_t      frames[] = { 1, 2 };
    const struct message_note *note;
    struct feeder              feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE "00000006" "14" "09", false, NULL);
    feed_hex(&feeder, 2, 2, 11, "0000002a", false, NULL);
    note = feeder_note(&feeder, 2, 1, 0);
    g_assert_true(note->offer);
    assert_bytes(note, "", frames, G_N_ELEMENTS(frames));
    wmem_destroy_allocator(feeder.scope);
}

/* A message that comes again as a whole lies in its frame; one that was to come again and goes on has both frames. */
static void
feed_comes_again(void)
{
    static const uint32_t      frames[] = { 3, 4 };
    const struct message_note *note;
    struct feeder              feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE "00000006" "14", true, NULL);
    feed_hex(&feeder, 2, 2, 5, OUR_DONTHAVE, false, NULL);
    note = feeder_note(&feeder, 2, 1, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 5);
    g_assert_null(note->bytes);
    feed_hex(&feeder, 3, 3, 15, CHOKE "00000006" "14", true, NULL);
    feed_hex(&feeder, 4, 4, 25, "07" "0000002a", false, NULL);
    note = feeder_note(&feeder, 4, 1, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 20);
    assert_bytes(note, OUR_DONTHAVE, frames, G_N_ELEMENTS(frames));
    wmem_destroy_allocator(feeder.scope);
}

/* Where sync is lost, the frames of the message that was lost are forgotten. */
static void
feed_lost(void)
{
    static const uint32_t frames[] = { 4, 5 };
    struct feeder         feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE "00", false, NULL);
    feed_hex(&feeder, 3, 3, 40, BLOCK_15, false, NULL);
    feed_hex(&feeder, 4, 4, 55, CHOKE "00000006" "14", false, NULL);
    feed_hex(&feeder, 5, 5, 65, "07" "0000002a", false, NULL);
    assert_bytes(feeder_note(&feeder, 5, 1, 0), OUR_DONTHAVE, frames, G_N_ELEMENTS(frames));
    g_assert_false(peer_connection_heard_since(feeder.feed.connection, PEER_A, 1));
    g_assert_cmpuint(feeder.feed.synced_in[PEER_A], ==, 1);
    g_assert_cmpuint(feeder.feed.synced_in[PEER_B], ==, 0);
    wmem_destroy_allocator(feeder.scope);
}

/* The first byte that begins a message. */
static void
feed_first(void)
{
    static const struct {
        uint64_t         position;
        const char      *hex;
        bool             reassembles;
        enum chunk_state state;
        uint32_t         first;
    } chunks[] = {
        { 100, BLOCK_15,                    false, CHUNK_UNSYNCED, 15 },
        { 115, CHOKE,                       false, CHUNK_NEW, 0 },
        { 115, CHOKE,                       false, CHUNK_REPEATED, 5 },
        { 115, CHOKE HAVE,                  false, CHUNK_NEW, 5 },
        { 129, CHOKE "0000",                false, CHUNK_NEW, 0 },
        { 136, "0005",                      false, CHUNK_NEW, 2 },
        { 138, "04" "00000007",             false, CHUNK_NEW, 5 },
        { 143, "00000005" "04",             false, CHUNK_NEW, 0 },
        { 148, "00000007" CHOKE,            false, CHUNK_NEW, 4 },
        { 157, "00000005" "04",             true,  CHUNK_NEW, 0 },
        { 157, HAVE CHOKE,                  false, CHUNK_NEW, 0 },
        { 171, "00000005" "04",             true,  CHUNK_NEW, 0 },
        { 176, "00000007" CHOKE,            false, CHUNK_NEW, 4 },
        { 50000000, HAVE,                   false, CHUNK_REPEATED, 9 },
    };
    struct feeder feeder;

    feeder_init(&feeder);
    for (uint32_t i = 0; i < G_N_ELEMENTS(chunks); i++) {
        g_test_message("chunk %u", i);
        g_assert_cmpint(feed_hex(&feeder, i + 1, i + 1, chunks[i].position, chunks[i].hex, chunks[i].reassembles, NULL),
                        ==, chunks[i].state);
        g_assert_cmpuint(feeder.first, ==, chunks[i].first);
    }
    g_assert_cmpuint(feeder.feed.synced_in[PEER_A], ==, 2);
    wmem_destroy_allocator(feeder.scope);
}

/* The frames of a message take no more room than the longest message needed. */
static void
feed_long(void)
{
    struct feeder feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, HAVE "000000", false, NULL);
    for (uint32_t i = 1; i < 20000; i++)
        feed_hex(&feeder, i + 1, i + 1, 3 + 9 * i, "05" "04" "00000007" "000000", false, NULL);
    g_assert_cmpuint(feeder.feed.parts[PEER_A]->room, <=, 4);
    wmem_destroy_allocator(feeder.scope);
}

/* What is missing is told at the chunk after it, once; not at a chunk that is none of the stream. */
static void
feed_lacking(void)
{
    const struct message_note *note;
    struct feeder              feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE, false, NULL);
    g_assert_cmpint(feed_hex(&feeder, 2, 2, 50000000, HAVE, false, "a stray"), ==, CHUNK_REPEATED);
    feed_hex(&feeder, 3, 3, 20, CHOKE, false, "15 bytes");
    feed_hex(&feeder, 4, 4, 40, CHOKE, false, "15 more bytes");
    g_assert_null(feeder_note(&feeder, 2, 0, 0));
    note = feeder_note(&feeder, 3, 1, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 20);
    g_assert_true(note->findings->kind == &peer_findings.gap);
    g_assert_cmpstr(note->findings->text, ==, "15 bytes");
    g_assert_null(feeder_note(&feeder, 4, 0, 0));
    wmem_destroy_allocator(feeder.scope);
}

/* A length beyond the cap is told, and so is a cap of the transport, but once. */
static void
feed_limit(void)
{
    static const struct feed_packet packet = { .from = PEER_A, .frame = 3 };
    static const struct feed_chunk  chunk = { .place = 77, .frame = 3, .bytes = { .reported = 9 } };
    const struct message_note      *note;
    struct feeder                   feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE, false, NULL);
    feed_hex(&feeder, 2, 2, 5, CHOKE "ffffffff" "14", false, NULL);
    note = feeder_note(&feeder, 2, 1, 0);
    g_assert_cmpuint(note->place, ==, PLACE_0 + 5);
    g_assert_true(note->findings->kind == &donthave_findings.limit);
    g_assert_nonnull(strstr(note->findings->text, "16777216 bytes of one message"));
    peer_feed_limit(&feeder.feed, &packet, &chunk, "packets", 5);
    g_assert_null(feeder_note(&feeder, 3, 0, 0));
    wmem_destroy_allocator(feeder.scope);

    feeder_init(&feeder);
    peer_feed_limit(&feeder.feed, &packet, &chunk, "packets", 5);
    note = feeder_note(&feeder, 3, 1, 0);
    g_assert_cmpuint(note->place, ==, 77);
    g_assert_nonnull(strstr(note->findings->text, "5 packets"));
    wmem_destroy_allocator(feeder.scope);
}

/* An acknowledgement of the other side tells that what is far ahead is the stream; where acknowledgements count
 * packets, the transport has seen to strays. */
static void
feed_acknowledged(void)
{
    static const struct feed_packet a = { .from = PEER_A, .frame = 2 }, b = { .from = PEER_B, .frame = 2 };
    struct feeder feeder;
    uint32_t      first;

    for (int acks_packets = 0; acks_packets < 2; acks_packets++) {
        GByteArray       *bytes = from_hex(HAVE);
        struct feed_chunk other = { .bytes = { .position = 7, .data = bytes->data, .captured = 9, .reported = 9 },
                                    .frame = 2, .has_ack = !acks_packets, .ack = 50000000 };
        struct feed_chunk ahead = { .bytes = { .position = 50000000, .data = bytes->data, .captured = 9,
                                               .reported = 9 }, .frame = 3, .acks_packets = acks_packets != 0 };
        feeder_init(&feeder);
        feed_hex(&feeder, 1, 1, 0, CHOKE, false, NULL);
        g_assert_cmpint(peer_feed_chunk(&feeder.feed, &b, &other, &first), ==, CHUNK_NEW);
        g_assert_cmpint(peer_feed_chunk(&feeder.feed, &a, &ahead, &first), ==, CHUNK_NEW);
        g_byte_array_free(bytes, TRUE);
        wmem_destroy_allocator(feeder.scope);
    }
}

/* What is for the first pass only is given back. Notes stay, and nothing is added to them. */
static void
feed_end(void)
{
    struct feeder feeder;

    feeder_init(&feeder);
    feed_hex(&feeder, 1, 1, 0, CHOKE OUR_DONTHAVE "000000", false, NULL);
    g_assert_nonnull(feeder.feed.parts[PEER_A]);
    peer_feed_end(&feeder.feed);
    g_assert_null(feeder.feed.parts[PEER_A]);
    g_assert_null(feeder.feed.streams[PEER_A].held);
    g_assert_null(feeder.feed.connection->transfers);
    g_assert_nonnull(feeder_note(&feeder, 1, 1, 0));
    feed_hex(&feeder, 2, 2, 15, OUR_DONTHAVE, false, NULL);
    g_assert_null(feeder_note(&feeder, 2, 0, 0));
    peer_feed_end(&feeder.feed);
    wmem_destroy_allocator(feeder.scope);
}

/* --- holes of unknown length --- */

/* The next chunk of a direction, all DontHaves, after packets that are missing; whether messages are found in it. */
static bool
is_read_after(struct message_stream *stream, uint32_t missing, uint32_t size)
{
    static const uint8_t donthave[] = { 0, 0, 0, 6, PEER_EXTENDED, 7, 0, 0, 0, 42 };
    uint8_t              bytes[2000];
    bool                 gap;

    g_assert_cmpuint(size, <=, sizeof bytes);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = donthave[i % sizeof donthave];
    struct stream_chunk chunk = { .position = stream->end + (missing > 0 ? UINT64_C(1) << 32 : 0), .data = bytes,
                                  .captured = size, .reported = size, .missing = missing };
    return message_stream_open(stream, &chunk, &gap) == CHUNK_NEW;
}

/* A message of a length was open, 1000 bytes of it were read. */
static void
open_message(struct message_stream *stream, uint32_t length)
{
    uint8_t               bytes[1000] = { 0 };
    struct stream_chunk   chunk = { .data = bytes, .captured = sizeof bytes, .reported = sizeof bytes };
    struct stream_message message;
    bool                  gap;

    set_be32(bytes, length);
    bytes[4] = PEER_PIECE;
    memset(stream, 0, sizeof *stream);
    message_stream_begin(stream, 0);
    stream->acked = INT64_MAX;      /* there are no strays */
    g_assert_cmpint(message_stream_open(stream, &chunk, &gap), ==, CHUNK_NEW);
    g_assert_false(message_stream_next(stream, NULL, &chunk, &message));
}

/* Where no message boundary is known: of bytes before the end that were read elsewhere, none is looked at again. */
static void
read_elsewhere(void)
{
    static const uint8_t  unknown[16] = { 0xff, 0xff, 0xff, 0xff };
    static const uint8_t  twice[] = { 0, 0, 0, 6, PEER_EXTENDED, 7, 0, 0, 0, 42, 0, 0, 0, 6, PEER_EXTENDED, 7, 0, 0, 0, 43 };
    struct message_stream stream = { 0 };
    struct stream_chunk   first = { .position = 100, .data = unknown, .captured = 16, .reported = 16 };
    struct stream_chunk   old = { .position = 50, .data = twice, .captured = 20, .reported = 20, .begins_read = true };
    struct stream_chunk   partly = { .position = 106, .data = twice, .captured = 20, .reported = 20, .begins_read = true };
    bool                  gap;

    g_assert_cmpint(message_stream_open(&stream, &first, &gap), ==, CHUNK_UNSYNCED);
    g_assert_cmpint(message_stream_open(&stream, &old, &gap), ==, CHUNK_REPEATED);
    g_assert_cmpuint(stream.end, ==, 116);
    g_assert_cmpint(message_stream_open(&stream, &partly, &gap), ==, CHUNK_NEW);
    g_assert_cmpuint(partly.offset, ==, 10);
    message_stream_free(&stream, NULL);
}

/* A block looks like whatever its author wants. While the message that was open before the hole certainly goes on, nothing is
 * found in it: its length is known, and so is how long the packets are that clients send. */
static void
inside_after_hole(void)
{
    struct message_stream stream;

    /* 8996 bytes are to come, of which 2000 are missing: the rest ends in the seventh packet. */
    open_message(&stream, 9992);
    g_assert_false(is_read_after(&stream, 2, 1000));
    for (unsigned packet = 2; packet <= 7; packet++)
        g_assert_false(is_read_after(&stream, 0, 1000));
    g_assert_true(is_read_after(&stream, 0, 1000));
    g_assert_true(is_read_after(&stream, 0, 1000));
    message_stream_free(&stream, NULL);

    /* Another hole in the rest of it. */
    open_message(&stream, 9992);
    g_assert_false(is_read_after(&stream, 2, 1000));
    g_assert_false(is_read_after(&stream, 3, 1000));
    g_assert_false(is_read_after(&stream, 0, 1000));
    g_assert_false(is_read_after(&stream, 0, 1000));
    g_assert_true(is_read_after(&stream, 0, 1000));
    message_stream_free(&stream, NULL);

    /* It may have ended in the hole: nine packets, or eight of which one may be as long as that which comes next. */
    open_message(&stream, 9992);
    g_assert_true(is_read_after(&stream, 9, 10));
    message_stream_free(&stream, NULL);
    open_message(&stream, 9992);
    g_assert_false(is_read_after(&stream, 8, 1000));
    message_stream_free(&stream, NULL);
    open_message(&stream, 9992);
    g_assert_true(is_read_after(&stream, 8, 1500));
    message_stream_free(&stream, NULL);

    /* Longer than any block: the length is not believed. */
    open_message(&stream, STREAM_INSIDE_MAX - 4);
    g_assert_false(is_read_after(&stream, 1, 1000));
    message_stream_free(&stream, NULL);
    open_message(&stream, STREAM_INSIDE_MAX - 3);
    g_assert_true(is_read_after(&stream, 1, 1000));
    message_stream_free(&stream, NULL);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char        *name;
        const struct line *script;
    } scripts[] = {
#define SCRIPT(name) { "/message_stream/" #name, name }
        SCRIPT(whole), SCRIPT(cut), SCRIPT(handshake_in_parts), SCRIPT(handshake_in_many_parts), SCRIPT(no_handshake),
        SCRIPT(no_handshake_but_messages), SCRIPT(handshake_with_a_hole), SCRIPT(handshake_that_was_cut),
        SCRIPT(handshake_in_the_middle), SCRIPT(block), SCRIPT(reassembled), SCRIPT(repeats), SCRIPT(middle),
        SCRIPT(middle_piece), SCRIPT(middle_joined), SCRIPT(hole_between), SCRIPT(hole_inside), SCRIPT(hole_to_the_end),
        SCRIPT(hole_in_prefix), SCRIPT(hole_unknown), SCRIPT(snaplen), SCRIPT(snaplen_in_prefix),
        SCRIPT(length_limit), SCRIPT(bad_length_in_parts), SCRIPT(like_a_handshake),
        SCRIPT(stray), SCRIPT(strays_apart), SCRIPT(stray_followed), SCRIPT(stray_followed_further),
        SCRIPT(stray_acknowledged), SCRIPT(stray_between), SCRIPT(begin_again), SCRIPT(begin_again_anywhere),
        SCRIPT(begin_overtaken), SCRIPT(no_beginning), SCRIPT(goes_on), SCRIPT(goes_on_and_comes),
        SCRIPT(goes_on_after_repeats), SCRIPT(goes_on_after_repeated_part), SCRIPT(goes_on_after_shorter_repeat),
        SCRIPT(goes_on_after_hole), SCRIPT(cut_comes_again), SCRIPT(bad_length_comes_again),
        SCRIPT(repeats_without_sync), SCRIPT(repeats_without_sync_cut), SCRIPT(waits), SCRIPT(waits_handshake)
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
    g_test_add_func("/message_stream/freed", freed);
    g_test_add_func("/peer_feed/frames", feed_frames);
    g_test_add_func("/peer_feed/frames_once", feed_frames_once);
    g_test_add_func("/peer_feed/earlier_frame", feed_earlier_frame);
    g_test_add_func("/peer_feed/unknown", feed_unknown);
    g_test_add_func("/message_stream/inside_after_hole", inside_after_hole);
    g_test_add_func("/message_stream/read_elsewhere", read_elsewhere);
    g_test_add_func("/peer_feed/comes_again", feed_comes_again);
    g_test_add_func("/peer_feed/lost", feed_lost);
    g_test_add_func("/peer_feed/first", feed_first);
    g_test_add_func("/peer_feed/long", feed_long);
    g_test_add_func("/peer_feed/lacking", feed_lacking);
    g_test_add_func("/peer_feed/limit", feed_limit);
    g_test_add_func("/peer_feed/acknowledged", feed_acknowledged);
    g_test_add_func("/peer_feed/end", feed_end);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
