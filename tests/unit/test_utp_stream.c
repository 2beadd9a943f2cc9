/* test_utp_stream.c
 * utp_stream.c against BEP 29, as scripts: each line is one packet of the direction under test (or an acknowledgement
 * by the other side) and, beside it, what the stream hands over because of it.
 *
 *     syn N | state N | fin N | reset N      a packet of that type with seq_nr N
 *     data N TEXT                            ST_DATA with a payload; * in place of TEXT: no payload
 *     begin N TEXT                           the same with begins set: the payload can only be the first of a stream
 *     ack N                                  the other side sends ack_nr N
 *     patient                                what is missing is waited for although the other side has it
 *     flush                                  nothing will come any more
 *
 *     N:TEXT@POSITION                        a chunk from packet N, at that byte
 *     lost K N:..., limit K N:...            with a hole of K packets before it; POSITION counts from the last hole
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "core/utp_stream.h"

struct line {
    const char *event;
    const char *expected;
};

#define SCRIPT_END { NULL, NULL }

/* Packets of this side that change nothing. */
#define PASS { "state 9", "" }
#define PASS_3 PASS, PASS, PASS
#define PASS_9 PASS_3, PASS_3, PASS_3
#define PASS_62 PASS_9, PASS_9, PASS_9, PASS_9, PASS_9, PASS_9, PASS_3, PASS_3, PASS, PASS

/* --- the player --- */

static const char *const gap_names[] = { "", "first", "lost", "limit" };

static void
drain(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet *current, GString *out)
{
    struct utp_chunk chunk;

    while (utp_stream_next(stream, scope, &current, &chunk)) {
        if (out->len > 0)
            g_string_append(out, "  ");
        g_assert_cmpint(chunk.gap != UTP_GAP_NONE, ==, chunk.missing > 0);
        if (chunk.gap != UTP_GAP_NONE)
            g_string_append_printf(out, "%s %" PRIu64 " ", gap_names[chunk.gap], chunk.missing);
        g_string_append_printf(out, "%u:%.*s", (unsigned)(uint16_t)chunk.seq, (int)chunk.captured,
                               (const char *)chunk.data);
        if (chunk.late)
            g_string_append(out, " late");
        else
            g_string_append_printf(out, "@%u", (unsigned)(uint32_t)chunk.position);
    }
}

/* Adds a packet and hands out what the stream gives for it. The payload is a copy of exactly its size and gone
 * afterwards: what waits must have been copied by the stream. */
static void
add(struct utp_stream *stream, wmem_allocator_t *scope, enum utp_type type, unsigned number, const char *text,
    bool begins, uint32_t frame, GString *out)
{
    uint32_t size = (uint32_t)strlen(text);
    uint8_t *payload = (uint8_t *)g_memdup2(text, size);
    struct utp_packet packet = {
        .header = { .type = type, .seq_nr = (uint16_t)number },
        .payload = payload, .captured = size, .reported = size, .frame = frame, .begins = begins
    };

    drain(stream, scope, utp_stream_add(stream, scope, &packet), out);
    g_free(payload);
}

static void
play_line(struct utp_stream *stream, wmem_allocator_t *scope, const char *event, uint32_t frame, GString *out)
{
    static const struct {
        const char   *name;
        enum utp_type type;
    } types[] = {
        { "data", UTP_DATA }, { "begin", UTP_DATA }, { "fin", UTP_FIN },
        { "state", UTP_STATE }, { "reset", UTP_RESET }, { "syn", UTP_SYN }
    };
    char     name[8], text[64] = "";
    unsigned number;
    uint64_t ack;

    if (strcmp(event, "flush") == 0) {
        utp_stream_flush(stream);
        drain(stream, scope, NULL, out);
        return;
    }
    if (strcmp(event, "patient") == 0) {
        stream->patient = true;
        return;
    }
    g_assert_cmpint(sscanf(event, "%7s %u %63s", name, &number, text), >=, 2);
    if (strcmp(text, "*") == 0)
        text[0] = '\0';
    if (strcmp(name, "ack") == 0) {
        utp_stream_acknowledge(stream, (uint16_t)number, &ack);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            add(stream, scope, types[i].type, number, text, strcmp(name, "begin") == 0, frame, out);
            return;
        }
    }
    g_assert_not_reached();
}

static void
play(const void *data)
{
    const struct line *script = (const struct line *)data;
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_stream  stream = { 0 };

    for (uint32_t i = 0; script[i].event != NULL; i++) {
        GString *out = g_string_new(NULL);
        play_line(&stream, scope, script[i].event, i + 1, out);
        if (strcmp(out->str, script[i].expected) != 0)
            g_test_message("line %u: %s", i + 1, script[i].event);
        g_assert_cmpstr(out->str, ==, script[i].expected);
        g_string_free(out, TRUE);
    }
    wmem_destroy_allocator(scope);
}

/* --- the scripts --- */

/* BEP 29: ST_SYN takes a number, so the first data has the next one. ST_FIN takes one too. */
static const struct line initiator[] = {
    { "syn 100",            "" },
    { "data 101 hand",      "101:hand@0" },
    { "data 102 shake",     "102:shake@4" },
    { "fin 103",            "" },
    SCRIPT_END
};

/* libtorrent and libutp: the ST_STATE that answers ST_SYN has the number of the first data. */
static const struct line acceptor[] = {
    { "state 500",          "" },
    { "data 500 hand",      "500:hand@0" },
    { "state 501",          "" },
    { "state 501",          "" },
    { "data 501 shake",     "501:shake@4" },
    SCRIPT_END
};

/* BEP 29 to the letter ("seq_nr++" after the answer): the first data has the number after. Its receiver acknowledges
 * the ST_STATE like a packet. */
static const struct line acceptor_by_the_letter[] = {
    { "state 500",          "" },
    { "ack 500",            "" },
    { "data 501 hand",      "501:hand@0" },
    { "data 502 shake",     "502:shake@4" },
    SCRIPT_END
};

/* There is no packet with the number of the ST_STATE then, so it is not waited for; what is missing after it is. */
static const struct line acceptor_by_the_letter_patient[] = {
    { "patient",            "" },
    { "state 500",          "" },
    { "ack 500",            "" },
    { "data 501 hand",      "501:hand@0" },
    { "data 503 again",     "" },
    { "ack 503",            "" },
    { "data 502 shake",     "502:shake@4  503:again@9" },
    SCRIPT_END
};

/* But where there is one, be it later than its acknowledgement, it is the first. */
static const struct line acceptor_patient[] = {
    { "patient",            "" },
    { "state 500",          "" },
    { "ack 500",            "" },
    { "data 500 hand",      "500:hand@0" },
    { "data 501 shake",     "501:shake@4" },
    SCRIPT_END
};

/* Others acknowledge the number before that of the ST_STATE first: the packet with that number is waited for. */
static const struct line acceptor_patient_with_a_hole[] = {
    { "patient",            "" },
    { "state 500",          "" },
    { "ack 499",            "" },
    { "ack 500",            "" },
    { "data 501 shake",     "" },
    { "ack 501",            "" },
    { "data 500 hand",      "500:hand@0  501:shake@4" },
    SCRIPT_END
};

/* An ST_SYN tells the number of the first packet for sure. */
static const struct line initiator_patient[] = {
    { "patient",            "" },
    { "syn 499",            "" },
    { "ack 500",            "" },
    { "data 501 shake",     "" },
    { "data 500 hand",      "500:hand@0  501:shake@4" },
    SCRIPT_END
};

/* What came before the first acknowledgement tells that this is not about the ST_STATE. */
static const struct line acceptor_patient_with_a_packet[] = {
    { "patient",            "" },
    { "state 500",          "" },
    { "data 501 shake",     "" },
    { "ack 501",            "" },
    { "data 502 again",     "" },
    { "data 500 hand",      "500:hand@0  501:shake@4  502:again@9" },
    SCRIPT_END
};

/* Patience ends: what is still not there after that many packets of both sides was not captured. The first packet of all
 * may be missing as well. */
static const struct line patience_ends[] = {
    { "patient",            "" },
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 4 c",           "" },
    { "ack 4",              "" },
    PASS_62, PASS,
    { "state 5",            "lost 1 4:c@1" },
    { "data 3 b",           "3:b late" },
    { "data 5 d",           "5:d@2" },
    SCRIPT_END
};

static const struct line patience_ends_before_the_first[] = {
    { "patient",            "" },
    { "syn 1",              "" },
    { "data 3 b",           "" },
    { "ack 3",              "" },
    PASS_62, PASS,
    { "data 4 c",           "first 1 3:b@0  4:c@1" },
    SCRIPT_END
};

/* Only what the receiver has is given up, and what comes in its last place is in time. */
static const struct line patience_suffices[] = {
    { "patient",            "" },
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 4 c",           "" },
    { "ack 2",              "" },
    PASS_62, PASS_3,
    { "ack 4",              "" },
    PASS_62, PASS,
    { "data 3 b",           "3:b@1  4:c@2" },
    SCRIPT_END
};

/* Each hole has its own time. */
static const struct line patience_begins_again[] = {
    { "patient",            "" },
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 4 c",           "" },
    { "ack 4",              "" },
    PASS_62,
    { "data 3 b",           "3:b@1  4:c@2" },
    { "data 6 e",           "" },
    { "ack 6",              "" },
    PASS_62, PASS,
    { "data 5 d",           "5:d@3  6:e@4" },
    SCRIPT_END
};

/* BEP 29 to the letter, where the first acknowledgement was not captured: no packet has the number of the ST_STATE. */
static const struct line patience_ends_by_the_letter[] = {
    { "patient",            "" },
    { "state 500",          "" },
    { "data 501 hand",      "" },
    { "ack 501",            "" },
    PASS_62, PASS,
    { "data 502 shake",     "first 1 501:hand@0  502:shake@4" },
    SCRIPT_END
};

/* To the letter, where nothing but the handshake of BEP 3 tells that no byte is missing before it. */
static const struct line acceptor_by_the_letter_one_way[] = {
    { "state 500",          "" },
    { "begin 501 hand",     "501:hand@0" },
    { "data 502 shake",     "502:shake@4" },
    SCRIPT_END
};

/* ST_STATE, ST_RESET take no number, whatever theirs is, and have no payload. */
static const struct line other_types[] = {
    { "syn 7",              "" },
    { "data 8 a",           "8:a@0" },
    { "state 9",            "" },
    { "reset 31000",        "" },
    { "state 9 junk",       "" },
    { "data 9 b",           "9:b@1" },
    { "data 10 *",          "" },
    { "fin 11 end",         "11:end@2" },
    SCRIPT_END
};

static const struct line out_of_order[] = {
    { "syn 1",              "" },
    { "data 3 cc",          "" },
    { "data 4 d",           "" },
    { "data 2 b",           "2:b@0  3:cc@1  4:d@3" },
    { "data 5 e",           "5:e@4" },
    SCRIPT_END
};

/* A packet is sent again with the same number: the first copy counts. */
static const struct line sent_again[] = {
    { "syn 1",              "" },
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 2 a",           "" },
    { "data 4 c",           "" },
    { "data 4 X",           "" },
    { "syn 1",              "" },
    { "data 3 b",           "3:b@1  4:c@2" },
    { "data 3 b",           "" },
    { "data 2 a",           "" },
    { "data 5 e",           "5:e@3" },
    SCRIPT_END
};

/* What waits for a hole is sent again when the hole is given up: it is handed over once, and does not stay for a packet 1,024
 * numbers later. */
static const struct line sent_again_after_a_hole[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 5 d",           "" },
    { "ack 5",              "" },
    { "data 5 d",           "lost 2 5:d@1" },
    { "data 6 e",           "6:e@2" },
    { "flush",              "" },
    SCRIPT_END
};

/* The SYN is sent again while data waits: the data stays. */
static const struct line syn_again[] = {
    { "syn 1",              "" },
    { "data 3 b",           "" },
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0  3:b@1" },
    SCRIPT_END
};

static const struct line wrap[] = {
    { "syn 65533",          "" },
    { "data 65534 a",       "65534:a@0" },
    { "data 0 c",           "" },
    { "data 1 d",           "" },
    { "data 65535 b",       "65535:b@1  0:c@2  1:d@3" },
    { "data 65535 b",       "" },
    { "data 2 e",           "2:e@4" },
    SCRIPT_END
};

static const struct line syn_at_the_wrap[] = {
    { "syn 65535",          "" },
    { "data 0 a",           "0:a@0" },
    SCRIPT_END
};

/* A capture that begins late: the first number that is seen counts, be it of ST_STATE or of ST_DATA. */
static const struct line middle_data[] = {
    { "data 700 a",         "700:a@0" },
    { "data 699 z",         "" },
    { "data 701 b",         "701:b@1" },
    SCRIPT_END
};

static const struct line middle_state[] = {
    { "state 700",          "" },
    { "data 701 b",         "" },
    { "data 700 a",         "700:a@0  701:b@1" },
    SCRIPT_END
};

/* An ST_STATE overtakes the first data: that nothing can come before the handshake is stronger. */
static const struct line state_overtakes[] = {
    { "state 501",          "" },
    { "data 501 shake",     "501:shake@0" },
    { "data 500 hand",      "" },
    SCRIPT_END
};

static const struct line state_overtakes_begin[] = {
    { "state 501",          "" },
    { "begin 500 hand",     "500:hand@0" },
    { "data 501 shake",     "501:shake@4" },
    SCRIPT_END
};

/* A packet that the capture has lost: the receiver acknowledges it, so it never comes. What waits goes on with the next
 * packet of this side, of whatever type. */
static const struct line lost_and_acknowledged[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "ack 2",              "" },
    { "data 4 c",           "" },
    { "ack 2",              "" },
    { "data 5 d",           "" },
    { "ack 3",              "" },
    { "state 6",            "lost 1 4:c@1  5:d@2" },
    { "data 6 e",           "6:e@3" },
    SCRIPT_END
};

/* The acknowledgement is there first: nothing waits. What comes after it all the same comes late, once. */
static const struct line acknowledged_before[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "ack 5",              "" },
    { "data 6 e",           "lost 3 6:e@1" },
    { "data 4 c",           "4:c late" },
    { "data 4 c",           "" },
    { "data 6 e",           "" },
    { "data 7 f",           "7:f@2" },
    { "data 3 b",           "3:b late" },
    SCRIPT_END
};

/* What has no bytes is not what a hole ends with: the stream goes back, and comes to it again. */
static const struct line acknowledged_before_fin[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "ack 4",              "" },
    { "fin 4",              "" },
    { "data 3 b",           "3:b@1" },
    { "data 3 b",           "" },
    { "data 5 c",           "5:c@2" },
    SCRIPT_END
};

static const struct line acknowledged_before_nothing[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "ack 6",              "" },
    { "data 6 *",           "" },
    { "data 4 c",           "lost 1 4:c@1" },
    { "data 5 d",           "5:d@2" },
    { "data 7 f",           "7:f@3" },
    { "data 3 b",           "3:b late" },
    SCRIPT_END
};

/* Two holes, and only the first of them is acknowledged. */
static const struct line two_holes[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 4 c",           "" },
    { "data 6 e",           "" },
    { "ack 4",              "" },
    { "data 7 f",           "lost 1 4:c@1" },
    { "data 5 d",           "5:d@2  6:e@3  7:f@4" },
    SCRIPT_END
};

/* The first packets are the ones that are missing: nothing was handed over that a hole could be after. They may come still. */
static const struct line hole_at_the_start[] = {
    { "syn 1",              "" },
    { "data 3 b",           "" },
    { "ack 3",              "" },
    { "data 4 c",           "first 1 3:b@0  4:c@1" },
    { "data 2 a",           "2:a late" },
    { "data 2 a",           "" },
    SCRIPT_END
};

/* A hole in a capture of one side alone: nobody can tell that the packet is lost, so no more than the
 * UTP_WINDOW_BLIND packets from it on are waited for. */
static const struct line one_way_hole[] = {
    { "data 1000 a",        "1000:a@0" },
    { "data 1002 c",        "" },
    { "data 1003 d",        "" },
    { "data 1064 y",        "" },
    { "data 1065 z",        "limit 1 1002:c@1  1003:d@2" },
    { "data 1004 e",        "1004:e@3" },
    SCRIPT_END
};

/* With both sides, UTP_WINDOW_PACKETS. */
static const struct line two_way_hole[] = {
    { "data 1000 a",        "1000:a@0" },
    { "ack 1000",           "" },
    { "data 1002 c",        "" },
    { "data 1065 x",        "" },
    { "data 2024 y",        "" },
    { "data 2025 z",        "limit 1 1002:c@1" },
    SCRIPT_END
};

/* A capture that paused: the numbers go on far ahead, and the receiver's with them. What waited comes first. */
static const struct line pause[] = {
    { "data 1000 a",        "1000:a@0" },
    { "data 1002 c",        "" },
    { "ack 8999",           "" },
    { "data 9000 z",        "lost 1 1002:c@1  lost 7997 9000:z@2" },
    { "data 9001 y",        "9001:y@3" },
    SCRIPT_END
};

/* One packet from nowhere, of an older connection perhaps, is not the stream. */
static const struct line stray[] = {
    { "data 1000 a",        "1000:a@0" },
    { "ack 1000",           "" },
    { "data 20000 X",       "" },
    { "data 50000 X",       "" },
    { "data 1001 b",        "1001:b@1" },
    SCRIPT_END
};

/* ST_FIN and ST_DATA without bytes take a number, but a hole before them is one before what follows. */
static const struct line holes_before_nothing[] = {
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "ack 3",              "" },
    { "data 4 *",           "" },
    { "data 5 b",           "lost 1 5:b@1" },
    { "ack 6",              "" },
    { "data 7 *",           "" },
    { "ack 9",              "" },
    { "data 10 c",          "lost 3 10:c@2" },
    { "ack 11",             "" },
    { "fin 12 d",           "lost 1 12:d@3" },
    SCRIPT_END
};

/* Where what is missing is worth waiting for, the other side's word does not end the wait; the window does, and the end. */
static const struct line patient[] = {
    { "patient",            "" },
    { "syn 1",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 4 c",           "" },
    { "ack 4",              "" },
    { "data 5 d",           "" },
    { "data 3 b",           "3:b@1  4:c@2  5:d@3" },
    { "data 7 f",           "" },
    { "ack 7",              "" },
    { "data 1029 y",        "" },
    { "data 1030 z",        "lost 1 7:f@4" },
    { "flush",              "lost 1021 1029:y@5  1030:z@6" },
    SCRIPT_END
};

/* A hole of which one packet is known to be lost, while too much waits for the other. */
static const struct line lost_and_limit[] = {
    { "data 1000 a",        "1000:a@0" },
    { "ack 1001",           "" },
    { "data 1003 c",        "" },
    { "data 2025 y",        "" },
    { "data 2026 z",        "limit 2 1003:c@1" },
    SCRIPT_END
};

/* The capture is over: nothing waits any longer, whatever is missing. */
static const struct line flush[] = {
    { "flush",              "" },
    { "data 2 a",           "2:a@0" },
    { "data 4 c",           "" },
    { "data 5 d",           "" },
    { "data 8 g",           "" },
    { "flush",              "lost 1 4:c@1  5:d@2  lost 2 8:g@3" },
    { "flush",              "" },
    SCRIPT_END
};

static const struct line flush_at_the_start[] = {
    { "syn 1",              "" },
    { "data 3 b",           "" },
    { "data 5 d",           "" },
    { "flush",              "first 1 3:b@0  lost 1 5:d@1" },
    SCRIPT_END
};

/* As far ahead as anything waits, and over the wrap. */
static const struct line flush_far[] = {
    { "data 65000 a",       "65000:a@0" },
    { "ack 65000",          "" },
    { "data 488 z",         "" },
    { "flush",              "lost 1023 488:z@1" },
    SCRIPT_END
};

static const struct line flush_fin[] = {
    { "data 1 a",           "1:a@0" },
    { "fin 3",              "" },
    { "flush",              "" },
    SCRIPT_END
};

/* --- longer than a script --- */

/* What waits is given back, and the last chunk with it (without a scope, the leak would be seen); then the stream is as
 * new. */
static void
freed(void)
{
    struct utp_stream stream = { 0 };
    struct utp_chunk  chunk;
    const struct utp_packet *current = NULL;
    GString          *out = g_string_new(NULL);

    utp_stream_free(&stream, NULL);
    for (int round = 0; round < 2; round++) {
        struct utp_packet packet = { .header = { .type = UTP_DATA, .seq_nr = 101 },
                                     .payload = (const uint8_t *)"b", .captured = 1, .reported = 1, .frame = 5 };
        g_string_truncate(out, 0);
        add(&stream, NULL, UTP_DATA, 100, "a", false, 1, out);
        add(&stream, NULL, UTP_DATA, 102, "c", false, 2, out);
        add(&stream, NULL, UTP_DATA, 103, "d", false, 3, out);
        add(&stream, NULL, UTP_DATA, 105, "f", false, 4, out);
        g_assert_cmpstr(out->str, ==, "100:a@0");
        current = utp_stream_add(&stream, NULL, &packet);
        g_assert_true(utp_stream_next(&stream, NULL, &current, &chunk));
        g_assert_true(utp_stream_next(&stream, NULL, &current, &chunk));
        g_assert_cmpuint(chunk.frame, ==, 2);
        g_assert_cmpuint(utp_stream_waiting(&stream), ==, 2);
        utp_stream_free(&stream, NULL);
        g_assert_cmpuint(utp_stream_waiting(&stream), ==, 0);
        g_assert_cmpuint(utp_stream_waiting_bytes(&stream), ==, 0);
        g_assert_false(stream.started);
        g_assert_false(stream.handed);
        g_assert_false(utp_stream_next(&stream, NULL, &current, &chunk));
    }
    utp_stream_free(&stream, NULL);
    g_string_free(out, TRUE);
}

/* UTP_STRAYS_MAX packets at another place are the stream, ahead as well as before. */
static void
elsewhere(const void *data)
{
    unsigned          seq_nr = *(const unsigned *)data;
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_stream stream = { 0 };
    GString          *out = g_string_new(NULL);

    add(&stream, scope, UTP_DATA, 20000, "a", false, 1, out);
    for (unsigned i = 0; i < UTP_STRAYS_MAX + 1; i++)
        add(&stream, scope, UTP_DATA, seq_nr + i, "b", false, 2 + i, out);

    GString *expected = g_string_new("20000:a@0");
    g_string_append_printf(expected, "  lost %u %u:b@1  %u:b@2",
                           (unsigned)(uint16_t)(seq_nr + UTP_STRAYS_MAX - 1 - 20001), seq_nr + UTP_STRAYS_MAX - 1,
                           seq_nr + UTP_STRAYS_MAX);
    g_assert_cmpstr(out->str, ==, expected->str);
    g_string_free(expected, TRUE);
    g_string_free(out, TRUE);
    wmem_destroy_allocator(scope);
}

/* Strays with packets of the stream between them are strays, however many: only so many in a row are the stream. */
static void
strays_apart(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_stream stream = { 0 };
    GString          *out = g_string_new(NULL);
    GString          *expected = g_string_new("20000:a@0");

    add(&stream, scope, UTP_DATA, 20000, "a", false, 1, out);
    for (unsigned i = 1; i <= 2 * UTP_STRAYS_MAX; i++) {
        add(&stream, scope, UTP_DATA, (uint16_t)(40000 + i), "b", false, 2 * i, out);
        add(&stream, scope, UTP_DATA, (uint16_t)(20000 + i), "a", false, 2 * i + 1, out);
        g_string_append_printf(expected, "  %u:a@%u", 20000 + i, i);
    }
    g_assert_cmpstr(out->str, ==, expected->str);
    g_string_free(expected, TRUE);
    g_string_free(out, TRUE);
    wmem_destroy_allocator(scope);
}

/* 200000 packets: the 16 bits wrap three times, the widened numbers and positions never do. */
static void
long_stream(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_stream stream = { 0 };
    struct utp_chunk  chunk;
    const struct utp_packet *current = NULL;
    uint64_t          ack, last = 0;

    for (uint32_t i = 0; i < 200000; i++) {
        struct utp_packet packet = { .header = { .type = UTP_DATA, .seq_nr = (uint16_t)(i + 5) },
                                     .payload = (const uint8_t *)"xyz", .captured = 3, .reported = 3, .frame = i + 1 };
        current = utp_stream_add(&stream, scope, &packet);
        g_assert_true(utp_stream_next(&stream, scope, &current, &chunk));
        g_assert_cmpuint(chunk.position, ==, 3 * (uint64_t)i);
        g_assert_true(i == 0 || chunk.seq == last + 1);
        g_assert_false(utp_stream_next(&stream, scope, &current, &chunk) );
        last = chunk.seq;
        /* An ack_nr is widened to the number of the packet that it names. */
        g_assert_true(utp_stream_acknowledge(&stream, (uint16_t)(i + 5), &ack));
        g_assert_cmpuint(ack, ==, last);
        g_assert_true(utp_stream_acknowledge(&stream, (uint16_t)(i + 3), &ack));
        g_assert_cmpuint(ack, ==, last - 2);
    }
    g_assert_null(stream.disorder);
    wmem_destroy_allocator(scope);
}

/* Bytes wait up to UTP_WINDOW_BYTES, whatever the number of packets. */
static void
window_bytes(void)
{
    enum { SIZE = 65000 };
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    uint8_t          *payload = (uint8_t *)g_malloc0(SIZE);
    struct utp_stream stream = { 0 };
    struct utp_chunk  chunk;
    const struct utp_packet *current = NULL;
    uint64_t          ack;
    unsigned          added = 0, chunks = 0;

    for (unsigned i = 0; chunks < 2; i += i == 0 ? 2 : 1) {     /* the second packet never comes */
        struct utp_packet packet = { .header = { .type = UTP_DATA, .seq_nr = (uint16_t)i },
                                     .payload = payload, .captured = SIZE, .reported = SIZE, .frame = i + 1 };
        current = utp_stream_add(&stream, scope, &packet);
        added++;
        while (utp_stream_next(&stream, scope, &current, &chunk)) {
            chunks++;
            g_assert_cmpint(chunk.gap, ==, chunks == 2 ? UTP_GAP_LIMIT : UTP_GAP_NONE);
            g_assert_cmpuint(chunk.missing, ==, chunks == 2);
        }
        g_assert_cmpuint(utp_stream_waiting_bytes(&stream), <=, UTP_WINDOW_BYTES);
        utp_stream_acknowledge(&stream, 0, &ack);
    }
    g_assert_cmpuint(added, ==, 2 + UTP_WINDOW_BYTES / SIZE);
    g_assert_cmpuint(chunks, ==, added);
    g_assert_cmpuint(utp_stream_waiting_bytes(&stream), ==, 0);
    g_free(payload);
    wmem_destroy_allocator(scope);
}

/* A packet that was cut by the capture keeps its place and its length. */
static void
cut_packet(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_stream stream = { 0 };
    struct utp_chunk  chunk;
    const struct utp_packet *current = NULL;
    struct utp_packet cut = { .header = { .type = UTP_DATA, .seq_nr = 1 }, .payload = (const uint8_t *)"abc",
                              .captured = 3, .reported = 1000, .frame = 1 };
    struct utp_packet whole = { .header = { .type = UTP_DATA, .seq_nr = 2 }, .payload = (const uint8_t *)"d",
                                .captured = 1, .reported = 1, .frame = 2 };

    current = utp_stream_add(&stream, scope, &cut);
    g_assert_true(utp_stream_next(&stream, scope, &current, &chunk));
    g_assert_cmpuint(chunk.captured, ==, 3);
    g_assert_cmpuint(chunk.reported, ==, 1000);
    g_assert_false(utp_stream_next(&stream, scope, &current, &chunk));
    current = utp_stream_add(&stream, scope, &whole);
    g_assert_true(utp_stream_next(&stream, scope, &current, &chunk));
    g_assert_cmpuint(chunk.position, ==, 1000);
    wmem_destroy_allocator(scope);
}

/* Which frame bytes came from, when, and what their packet acknowledged: of the packet that brought them, not of the
 * one that closed the hole before them. */
static void
parts(void)
{
    static const unsigned order[] = { 1, 3, 4, 2, 5 };
    static const uint32_t frames[] = { 100, 103, 101, 102, 104 };       /* of the bytes, in their order */
    wmem_allocator_t     *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_stream     stream = { 0 };
    struct utp_chunk      chunk;
    const struct utp_packet *current = NULL;
    unsigned              chunks = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        struct utp_packet packet = { .header = { .type = UTP_DATA, .seq_nr = (uint16_t)order[i] },
                                     .payload = (const uint8_t *)"abcdefghij", .captured = 10, .reported = 10,
                                     .frame = 100 + i, .time = 5000 + i, .has_ack = i != 2, .ack = 1000 + i };
        current = utp_stream_add(&stream, scope, &packet);
        while (utp_stream_next(&stream, scope, &current, &chunk)) {
            g_assert_cmpuint(chunk.frame, ==, frames[chunks]);
            g_assert_cmpuint(chunk.position, ==, 10 * chunks);
            g_assert_cmpuint((uint16_t)chunk.seq, ==, ++chunks);
            g_assert_cmpuint(chunk.ack, ==, 900 + chunk.frame);
            g_assert_cmpint(chunk.has_ack, ==, chunk.frame != 102);
            g_assert_cmpint(chunk.time, ==, 4900 + chunk.frame);
        }
    }
    g_assert_cmpuint(chunks, ==, G_N_ELEMENTS(frames));
    wmem_destroy_allocator(scope);
}

/* Any order within the window, with duplicates, gives the same bytes. */
static void
permutations(void)
{
    enum { PACKETS = 600, WINDOW = 48, RUNS = 400 };

    for (int run = 0; run < RUNS; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct utp_stream stream = { 0 };
        struct utp_chunk  chunk;
        const struct utp_packet *current = NULL;
        GByteArray       *sent = g_byte_array_new(), *got = g_byte_array_new();
        uint32_t          starts[PACKETS + 1], order[2 * PACKETS];
        uint32_t          count = 0;
        uint16_t          first = (uint16_t)g_test_rand_int();

        for (uint32_t i = 0; i < PACKETS; i++) {
            starts[i] = sent->len;
            for (int32_t n = g_test_rand_int_range(0, 9); n > 0; n--) {
                uint8_t byte = (uint8_t)g_test_rand_int();
                g_byte_array_append(sent, &byte, 1);
            }
        }
        starts[PACKETS] = sent->len;

        /* Shuffled in blocks: no packet is more than the window from its place. Each fourth comes twice. */
        for (uint32_t i = 0; i < PACKETS; i++) {
            order[count++] = i;
            if (g_test_rand_int_range(0, 4) == 0)
                order[count++] = i;
        }
        for (uint32_t block = 0; block < count; block += WINDOW) {
            uint32_t size = MIN(WINDOW, count - block);
            for (uint32_t i = size - 1; i > 0; i--) {
                uint32_t j = (uint32_t)g_test_rand_int_range(0, (int32_t)i + 1);
                uint32_t swapped = order[block + i];
                order[block + i] = order[block + j];
                order[block + j] = swapped;
            }
        }

        struct utp_packet syn = { .header = { .type = UTP_SYN, .seq_nr = (uint16_t)(first - 1) }, .frame = 1 };
        current = utp_stream_add(&stream, scope, &syn);
        g_assert_false(utp_stream_next(&stream, scope, &current, &chunk));
        for (uint32_t i = 0; i < count; i++) {
            uint32_t n = order[i], size = starts[n + 1] - starts[n];
            uint8_t *payload = (uint8_t *)g_memdup2(sent->data + starts[n], size);
            struct utp_packet packet = { .header = { .type = UTP_DATA, .seq_nr = (uint16_t)(first + n) },
                                         .payload = payload, .captured = size, .reported = size, .frame = i + 2 };
            current = utp_stream_add(&stream, scope, &packet);
            while (utp_stream_next(&stream, scope, &current, &chunk)) {
                g_assert_cmpint(chunk.gap, ==, UTP_GAP_NONE);
                g_assert_cmpuint(chunk.position, ==, got->len);
                g_byte_array_append(got, chunk.data, chunk.captured);
            }
            g_free(payload);
        }
        g_assert_cmpmem(got->data, got->len, sent->data, sent->len);
        g_assert_cmpuint(utp_stream_waiting(&stream), ==, 0);
        g_assert_cmpuint(utp_stream_waiting_bytes(&stream), ==, 0);
        g_byte_array_free(sent, TRUE);
        g_byte_array_free(got, TRUE);
        wmem_destroy_allocator(scope);
    }
}

/* Packets with any numbers in any order: every call ends, and the limits hold. */
static void
any_numbers(void)
{
    for (int run = 0; run < 300; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct utp_stream stream = { 0 };
        struct utp_chunk  chunk;
        const struct utp_packet *current = NULL;
        uint64_t          last_seq = 0, last_end = 0, ack;
        bool              flushed = false;
        int32_t           spread = 1 << g_test_rand_int_range(1, 17);

        for (uint32_t i = 1; i < 2000; i++) {
            uint8_t byte = (uint8_t)i;
            struct utp_packet packet = {
                .header = { .type = (enum utp_type)g_test_rand_int_range(0, UTP_TYPE_COUNT),
                            .seq_nr = (uint16_t)(i + (uint32_t)g_test_rand_int_range(0, spread)) },
                .payload = &byte, .captured = i % 2, .reported = 1, .frame = i, .begins = i % 100 == 0
            };
            if (i % 3 == 0)
                utp_stream_acknowledge(&stream, (uint16_t)(i + (uint32_t)g_test_rand_int_range(0, spread)), &ack);
            current = utp_stream_add(&stream, scope, &packet);
            do {
                while (utp_stream_next(&stream, scope, &current, &chunk)) {
                    if (chunk.late) {
                        g_assert_cmpuint(chunk.seq, <, last_seq);
                        continue;
                    }
                    g_assert_cmpuint(chunk.seq, >, last_seq);
                    g_assert_cmpuint(chunk.position, >=, last_end);
                    g_assert_cmpint(chunk.gap != UTP_GAP_NONE, ==, chunk.missing > 0);
                    g_assert_true(last_seq == 0 || chunk.missing < chunk.seq - last_seq);
                    last_seq = chunk.seq;
                    last_end = chunk.position + chunk.reported;
                }
                flushed = i == 1999 && !flushed;
                if (flushed)
                    utp_stream_flush(&stream);
            } while (flushed);
            g_assert_cmpuint(utp_stream_waiting(&stream), <, UTP_WINDOW_PACKETS);
        }
        g_assert_cmpuint(utp_stream_waiting(&stream), ==, 0);
        g_assert_cmpuint(utp_stream_waiting_bytes(&stream), ==, 0);
        wmem_destroy_allocator(scope);
    }
}

/* --- headers --- */

/* A header, its extensions and a payload of two bytes, as hexadecimal digits; size is where the payload starts, 0 for
 * what is no packet. */
struct header_case {
    const char *name, *bytes;
    uint32_t    size;
};

#define REST "1234" "00000001" "00000002" "00100000" "fffe" "0003"     /* after type, version and extension */

static const struct header_case headers[] = {
    { "data",                   "0100" REST "aabb", 20 },
    { "fin",                    "1100" REST, 20 },
    { "state",                  "2100" REST, 20 },
    { "reset",                  "3100" REST, 20 },
    { "syn",                    "4100" REST, 20 },
    { "type 5",                 "5100" REST, 0 },
    { "version 0",              "0000" REST, 0 },
    { "version 2",              "0200" REST, 0 },
    { "too short",              "0100" "1234" "00000001" "00000002" "00100000" "fffe" "00", 0 },
    { "selective ack",          "0101" REST "0004" "ffffffff" "aabb", 26 },
    { "extension bits",         "4102" REST "0008" "0000000000000000", 30 },
    { "unknown extension",      "0163" REST "0003" "010203" "aabb", 25 },
    { "empty extension",        "0163" REST "0000" "aabb", 22 },
    { "three extensions",       "0101" REST "6304" "ffffffff" "0300" "0004" "00000001" "aabb", 34 },
    { "extension up to the end", "2101" REST "0004" "ffffffff", 26 },
    { "extension cut in its header", "2101" REST "00", 0 },
    { "extension missing",      "2101" REST, 0 },
    { "extension beyond the end", "2101" REST "0004" "ffffff", 0 },
    { "second extension beyond the end", "2101" REST "0104" "ffffffff" "00ff", 0 },
    { "DHT query",              "64313a6164323a696432303a6162636465666768696a", 0 },
    { "tracker connect",        "0000041727101980" "00000000" "12345678" "0000000000000000", 0 },
};

static void
header(const void *data)
{
    const struct header_case *wanted = (const struct header_case *)data;
    uint32_t                  size = (uint32_t)strlen(wanted->bytes) / 2;
    uint8_t                  *bytes = (uint8_t *)g_malloc(size);
    struct utp_header         read;

    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(g_ascii_xdigit_value(wanted->bytes[2 * i]) << 4
                             | g_ascii_xdigit_value(wanted->bytes[2 * i + 1]));

    g_assert_cmpint(utp_header_read(bytes, size, &read), ==, wanted->size != 0);
    if (wanted->size != 0) {
        g_assert_cmpuint(read.size, ==, wanted->size);
        g_assert_cmpuint(read.type, ==, bytes[0] >> 4);
        g_assert_cmpuint(read.connection_id, ==, 0x1234);
        g_assert_cmpuint(read.timestamp, ==, 1);
        g_assert_cmpuint(read.seq_nr, ==, 0xfffe);
        g_assert_cmpuint(read.ack_nr, ==, 3);
    }

    /* Cut anywhere by the capture: no byte after the cut is read. */
    for (uint32_t captured = 0; captured < size; captured++) {
        uint8_t *cut = (uint8_t *)g_memdup2(bytes, captured);
        g_assert_cmpint(utp_header_read(cut, captured, &read), ==, wanted->size != 0 && captured >= wanted->size);
        g_free(cut);
    }
    g_free(bytes);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char        *name;
        const struct line *script;
    } scripts[] = {
#define SCRIPT(name) { "/utp_stream/" #name, name }
        SCRIPT(initiator), SCRIPT(acceptor), SCRIPT(acceptor_by_the_letter), SCRIPT(acceptor_by_the_letter_one_way),
        SCRIPT(acceptor_by_the_letter_patient), SCRIPT(acceptor_patient), SCRIPT(acceptor_patient_with_a_hole),
        SCRIPT(initiator_patient), SCRIPT(acceptor_patient_with_a_packet),
        SCRIPT(patience_ends), SCRIPT(patience_ends_before_the_first), SCRIPT(patience_suffices),
        SCRIPT(patience_begins_again), SCRIPT(patience_ends_by_the_letter),
        SCRIPT(other_types), SCRIPT(out_of_order), SCRIPT(sent_again),
        SCRIPT(sent_again_after_a_hole), SCRIPT(syn_again), SCRIPT(wrap),
        SCRIPT(syn_at_the_wrap), SCRIPT(middle_data), SCRIPT(middle_state), SCRIPT(state_overtakes),
        SCRIPT(state_overtakes_begin), SCRIPT(lost_and_acknowledged), SCRIPT(patient), SCRIPT(acknowledged_before),
        SCRIPT(acknowledged_before_fin), SCRIPT(acknowledged_before_nothing), SCRIPT(two_holes),
        SCRIPT(hole_at_the_start), SCRIPT(one_way_hole), SCRIPT(two_way_hole), SCRIPT(pause), SCRIPT(stray),
        SCRIPT(holes_before_nothing), SCRIPT(lost_and_limit), SCRIPT(flush), SCRIPT(flush_at_the_start),
        SCRIPT(flush_far), SCRIPT(flush_fin)
#undef SCRIPT
    };
    static const unsigned ahead = 40000, before = 1000;
    int                   result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++)
        g_test_add_data_func(scripts[i].name, scripts[i].script, play);
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        char *path = g_strdup_printf("/utp_header/%s", headers[i].name);
        g_test_add_data_func(path, &headers[i], header);
        g_free(path);
    }
    g_test_add_data_func("/utp_stream/elsewhere/ahead", &ahead, elsewhere);
    g_test_add_data_func("/utp_stream/elsewhere/before", &before, elsewhere);
    g_test_add_func("/utp_stream/strays_apart", strays_apart);
    g_test_add_func("/utp_stream/freed", freed);
    g_test_add_func("/utp_stream/long_stream", long_stream);
    g_test_add_func("/utp_stream/window_bytes", window_bytes);
    g_test_add_func("/utp_stream/cut_packet", cut_packet);
    g_test_add_func("/utp_stream/parts", parts);
    g_test_add_func("/utp_stream/permutations", permutations);
    g_test_add_func("/utp_stream/any_numbers", any_numbers);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
