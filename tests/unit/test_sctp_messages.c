/* test_sctp_messages.c
 * sctp_messages.c: messages of streams out of chunks that come in any order, twice, or never (RFC 9260, 6; RFC 8260).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/sctp_messages.h"

/* --- scripts: one chunk a line, and what comes out with it --- */

struct line {
    uint32_t    tsn;
    uint16_t    stream;
    uint32_t    order;
    const char *flags;      /* B: first, E: last, U: unordered, I: I-DATA */
    uint32_t    fsn;
    const char *text;       /* NULL: not a chunk, the other side acknowledges tsn */
    const char *expected;   /* "STREAM:TEXT", each followed by a blank; a gap before it is "!MISSING ", a stream that
                               is told again from here on, but for so many chunks, "<MISSING " */
};

static void
read_all(struct sctp_direction *direction, GString *found)
{
    const struct sctp_message *message;

    while ((message = sctp_direction_next(direction)) != NULL) {
        uint32_t size = 0;
        g_assert_true(!message->opens_hole || message->missing > 0 || message->fragments->stream->mixes);
        g_assert_true(!message->rewinds || message->again);
        if (message->rewinds)
            g_string_append_printf(found, "<%" PRIu64 " ", message->still_missing);
        if (message->missing > 0)
            g_string_append_printf(found, "!%" PRIu64 " ", message->missing);
        g_string_append_printf(found, "%u:", message->stream);
        for (const struct sctp_fragment *each = message->fragments; each != NULL; each = each->next) {
            g_string_append_len(found, (const char *)each->data.payload, (gssize)each->data.size);
            size += each->data.size;
            g_assert_true(each->next != NULL || each == message->last);
        }
        g_assert_cmpuint(size, ==, message->size);
        g_string_append(found, message->ends ? " " : "- ");
    }
}

static void
play(const struct line *script, const uint32_t *start, const char *flushed)
{
    wmem_allocator_t     *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct sctp_direction direction;
    GString              *found = g_string_new("");

    sctp_direction_init(&direction, scope);
    if (start != NULL)
        sctp_direction_start(&direction, *start);
    for (unsigned number = 1; script->flags != NULL || script->text != NULL || script->expected != NULL;
         script++, number++) {
        struct sctp_place place = { .frame = number };
        g_string_truncate(found, 0);
        if (script->text == NULL) {
            sctp_direction_acknowledge(&direction, script->tsn);
        } else {
            struct sctp_data data = {
                .tsn = script->tsn, .stream = script->stream, .order = script->order, .fsn = script->fsn,
                .first = strchr(script->flags, 'B') != NULL, .last = strchr(script->flags, 'E') != NULL,
                .unordered = strchr(script->flags, 'U') != NULL, .is_i_data = strchr(script->flags, 'I') != NULL,
                .ppid = 53, .payload = (const uint8_t *)script->text, .size = (uint32_t)strlen(script->text)
            };
            sctp_direction_add(&direction, &data, &place);
        }
        read_all(&direction, found);
        g_test_message("line %u", number);
        g_assert_cmpstr(found->str, ==, script->expected);
    }
    g_string_truncate(found, 0);
    sctp_direction_flush(&direction);
    read_all(&direction, found);
    g_assert_cmpstr(found->str, ==, flushed);
    sctp_direction_free(&direction);
    g_assert_cmpuint(direction.waiting_bytes, ==, 0);
    g_string_free(found, TRUE);
    wmem_destroy_allocator(scope);
}

#define END { 0, 0, 0, NULL, 0, NULL, NULL }

static const struct line in_order[] = {
    { 7,  1, 0, "BE", 0, "a", "1:a " },
    { 8,  1, 1, "B",  0, "b", "" },
    { 9,  1, 1, "",   0, "c", "" },
    { 10, 1, 1, "E",  0, "d", "1:bcd " },
    { 11, 3, 0, "BE", 0, "e", "3:e " },
    END
};

static const struct line late_and_twice[] = {
    { 9,  1, 2, "BE", 0, "c", "" },         /* its turn is after 7 and 8 */
    { 8,  1, 1, "BE", 0, "b", "" },
    { 8,  1, 1, "BE", 0, "b", "" },         /* twice, waiting */
    { 7,  1, 0, "BE", 0, "a", "1:a 1:b 1:c " },
    { 7,  1, 0, "BE", 0, "a", "" },
    { 9,  1, 2, "BE", 0, "c", "" },
    { 10, 1, 3, "BE", 0, "d", "1:d " },
    END
};

/* A stream does not wait for another one: the number of its message tells that nothing is missing in it. */
static const struct line streams[] = {
    { 8,  3, 0, "BE", 0, "x", "3:x " },     /* 7 is missing */
    { 9,  1, 1, "BE", 0, "b", "" },         /* 7 may be the message 0 of stream 1, and is */
    { 10, 3, 1, "B",  0, "y", "" },
    { 11, 3, 1, "E",  0, "z", "3:yz " },
    { 8,  3, 0, "BE", 0, "x", "" },
    { 7,  1, 0, "BE", 0, "a", "1:a 1:b " },
    END
};

/* Fragments of DATA have TSNs in a row, those of I-DATA numbers of their own. */
static const struct line fragments[] = {
    { 7,  1, 0, "BI", 0, "a", "" },
    { 9,  1, 0, "I",  2, "c", "" },
    { 10, 1, 0, "EI", 3, "d", "" },
    { 11, 3, 0, "BI", 0, "x", "" },
    { 8,  1, 0, "I",  1, "b", "1:abcd " },
    { 12, 1, 1, "BI", 0, "e", "" },
    { 13, 3, 0, "EI", 1, "y", "3:xy " },
    { 14, 1, 1, "EI", 1, "f", "1:ef " },
    END
};

/* 8 never comes: the receiver has it. Stream 3 lacks nothing. */
static const struct line lost[] = {
    { 7,  1, 0, "BE", 0, "a", "1:a " },
    { 9,  3, 0, "BE", 0, "x", "3:x " },
    { 10, 1, 2, "BE", 0, "c", "" },
    { 9,  0, 0, NULL, 0, NULL, "" },
    { 11, 3, 1, "BE", 0, "y", "!1 1:c 3:y " },
    END
};

/* 8 comes after all: its stream is told again from there on, once. */
static const struct line late[] = {
    { 7,  1, 0, "BE", 0, "a", "1:a " },
    { 8,  0, 0, NULL, 0, NULL, "" },
    { 9,  3, 0, "BE", 0, "x", "3:x " },
    { 10, 1, 2, "BE", 0, "c", "!1 1:c " },
    { 11, 1, 3, "B",  0, "d", "" },
    { 8,  1, 1, "BE", 0, "b", "<0 1:b 1:c " },
    { 8,  1, 1, "BE", 0, "b", "" },
    { 12, 1, 3, "E",  0, "e", "1:de " },
    END
};

/* It is of a stream that told nothing since: it goes on. */
static const struct line late_and_next[] = {
    { 7,  1, 0, "BE", 0, "a", "1:a " },
    { 8,  0, 0, NULL, 0, NULL, "" },
    { 9,  3, 0, "BE", 0, "x", "3:x " },
    { 8,  1, 1, "BE", 0, "b", "1:b " },
    { 10, 1, 2, "BE", 0, "c", "1:c " },
    END
};

/* Two are missing: the second one comes, then the first one. */
static const struct line late_by_parts[] = {
    { 7,  1, 0, "B",  0, "a", "" },
    { 9,  0, 0, NULL, 0, NULL, "" },
    { 10, 1, 0, "E",  0, "d", "1:a- !2 1:d " },
    { 9,  1, 0, "",   0, "c", "<1 !1 1:cd " },
    { 8,  1, 0, "",   0, "b", "<0 1:bcd " },
    { 11, 1, 1, "BE", 0, "e", "1:e " },
    END
};

/* Two holes: the second one is filled, the first one stays. */
static const struct line late_in_second[] = {
    { 7,  1, 0, "BE", 0, "a", "1:a " },
    { 8,  0, 0, NULL, 0, NULL, "" },
    { 9,  1, 2, "BE", 0, "c", "!1 1:c " },
    { 10, 0, 0, NULL, 0, NULL, "" },
    { 11, 1, 4, "BE", 0, "e", "!1 1:e " },
    { 10, 1, 3, "BE", 0, "d", "<1 !1 1:c 1:d 1:e " },
    { 12, 1, 5, "BE", 0, "f", "1:f " },
    END
};

/* A fragment never comes: what there is of its message is handed over, and the rest after a gap. */
static const struct line lost_fragment[] = {
    { 7,  1, 0, "B",  0, "a", "" },
    { 9,  1, 0, "E",  0, "c", "" },
    { 9,  0, 0, NULL, 0, NULL, "" },
    { 10, 1, 1, "BE", 0, "d", "1:a- !1 1:c 1:d " },
    END
};

/* Nobody acknowledges: read when the capture ends. */
static const struct line waiting[] = {
    { 7,  1, 0, "BE", 0, "a", "1:a " },
    { 9,  1, 2, "BE", 0, "c", "" },
    { 10, 1, 3, "B",  0, "d", "" },
    END
};

/* TSNs and the numbers of messages wrap. */
static const struct line wraps[] = {
    { 0xffffffff, 1, 65534, "BE", 0, "a", "1:a " },
    { 1,          1, 0,     "BE", 0, "c", "" },
    { 0,          1, 65535, "BE", 0, "b", "1:b 1:c " },
    { 2,          1, 1,     "BE", 0, "d", "1:d " },
    END
};

/* After a reset the numbers begin again, and nothing is missing. */
static const struct line reset[] = {
    { 7, 1, 0, "BE", 0, "a", "1:a " },
    { 8, 1, 1, "BE", 0, "b", "1:b " },
    { 9, 1, 0, "BE", 0, "c", "1:c " },
    END
};

static const struct line unordered[] = {
    { 7, 1, 0, "BE",  0, "a", "1:a " },
    { 8, 1, 0, "BEU", 0, "x", "1:x " },
    { 9, 1, 1, "BE",  0, "b", "1:b " },
    END
};

/* Unordered messages have no numbers: that of the TSN counts, and what is missing may be one of them. */
static const struct line unordered_mixed[] = {
    { 7,  1, 0, "BEU", 0, "a", "1:a " },
    { 9,  1, 0, "BU",  0, "c", "" },
    { 10, 1, 0, "EU",  0, "d", "" },
    { 8,  1, 0, "BEU", 0, "b", "1:b 1:cd " },
    { 11, 0, 0, NULL,  0, NULL, "" },
    { 12, 1, 0, "BEU", 0, "f", "!1 1:f " },
    { 11, 1, 0, "BEU", 0, "e", "<0 1:e 1:f " },
    END
};

/* I-DATA numbers ordered and unordered messages by themselves, and their fragments alternate (RFC 8260, 2.1). */
static const struct line interleaved_mixed[] = {
    { 7,  1, 0, "BI",   0, "a", "" },
    { 8,  1, 0, "BUI",  0, "x", "" },
    { 9,  1, 0, "EI",   1, "b", "1:ab " },
    { 10, 1, 1, "BI",   0, "c", "" },
    { 11, 1, 0, "EUI",  1, "y", "1:xy " },
    { 13, 1, 1, "EI",   1, "d", "" },           /* 12 may be before it, though its own number is the next one */
    { 12, 1, 1, "BEUI", 0, "z", "1:z 1:cd " },
    END
};

/* What is missing is another stream's, as the numbers of both kinds tell. */
static const struct line interleaved_lost[] = {
    { 7,  1, 0, "BEI",  0, "a", "1:a " },
    { 8,  1, 0, "BEUI", 0, "x", "1:x " },
    { 10, 1, 1, "BEUI", 0, "y", "" },
    { 11, 1, 1, "BEI",  0, "b", "" },
    { 9,  0, 0, NULL,   0, NULL, "" },
    { 12, 1, 2, "BEUI", 0, "z", "1:y 1:b 1:z " },
    END
};

/* An unordered one is lost, comes late, and all since is told again in the order of the TSNs. */
static const struct line interleaved_late[] = {
    { 7,  1, 0, "BEUI", 0, "x", "1:x " },
    { 9,  1, 0, "BEI",  0, "a", "" },
    { 8,  0, 0, NULL,   0, NULL, "" },
    { 10, 1, 2, "BUI",  0, "z", "1:a " },
    { 11, 1, 1, "BEI",  0, "b", "1:b " },
    { 12, 1, 2, "EUI",  1, "Z", "!1 1:zZ " },
    { 13, 1, 3, "BUI",  0, "u", "" },
    { 14, 1, 2, "BEI",  0, "c", "1:c " },
    { 8,  1, 1, "BEUI", 0, "y", "<0 1:y 1:b 1:zZ 1:c " },
    { 15, 1, 3, "EUI",  1, "v", "1:uv " },
    END
};

/* What is missing may be any unordered stream's. When it comes, it is another one's. */
static const struct line late_of_other[] = {
    { 7,  1, 0, "BEU", 0, "a", "1:a " },
    { 8,  0, 0, NULL,  0, NULL, "" },
    { 9,  1, 0, "BEU", 0, "b", "!1 1:b " },
    { 8,  3, 0, "BEU", 0, "x", "<0 1:b 3:x " },
    { 10, 1, 0, "BEU", 0, "c", "1:c " },
    END
};

/* A chunk from nowhere does not move the stream. */
static const struct line stray[] = {
    { 7,          1, 0, "BE", 0, "a", "1:a " },
    { 0x70000000, 1, 1, "BE", 0, "x", "" },
    { 8,          1, 1, "BE", 0, "b", "1:b " },
    END
};

static void
test_scripts(void)
{
    const uint32_t seven = 7;

    play(in_order, &seven, "");
    play(in_order, NULL, "");
    play(late_and_twice, &seven, "");
    play(streams, &seven, "");
    play(fragments, &seven, "");
    play(lost, &seven, "");
    play(lost_fragment, &seven, "");
    play(waiting, &seven, "!1 1:c 1:d- ");
    play(wraps, NULL, "");
    play(reset, &seven, "");
    play(late, &seven, "");
    play(late_and_next, &seven, "");
    play(late_by_parts, &seven, "");
    play(late_in_second, &seven, "");
    play(unordered, &seven, "");
    play(unordered_mixed, &seven, "");
    play(interleaved_mixed, &seven, "");
    play(interleaved_lost, &seven, "");
    play(interleaved_late, &seven, "");
    play(late_of_other, &seven, "");
    play(stray, &seven, "");
}

/* --- any order --- */

static void
append(GString **sources, const struct sctp_message *message)
{
    GString *source = sources[message->stream + (message->fragments->data.unordered ? 3 : 0)];

    for (const struct sctp_fragment *each = message->fragments; each != NULL; each = each->next)
        g_string_append_len(source, (const char *)each->data.payload, (gssize)each->data.size);
}

/* Messages of five sources, cut at random, delivered within a window in any order, each some times: every source comes
 * out as it went in, with DATA and with I-DATA, whose fragments also alternate between sources. A source is a stream, or
 * with I-DATA, with some seeds, the unordered messages of streams 0 and 1. */
static void
test_any_order(void)
{
    for (unsigned seed = 0; seed < 200; seed++) {
        GRand                *random = g_rand_new_with_seed(seed);
        wmem_allocator_t     *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct sctp_direction direction;
        GArray               *sent = g_array_new(FALSE, FALSE, sizeof(struct sctp_data));
        GString              *streams_in[5], *streams_out[5];
        uint32_t              orders[5] = { 0 }, fsn[5] = { 0 };
        bool                  open[5] = { false }, is_i_data = seed % 2 == 1, mixes = seed % 4 == 3;
        uint64_t              newest[5] = { 0 };
        uint32_t              first = g_rand_int(random), current = 0;
        static uint8_t        bytes[256];
        const struct sctp_message *message;

        for (unsigned i = 0; i < 256; i++)
            bytes[i] = (uint8_t)i;
        for (unsigned i = 0; i < 5; i++) {
            streams_in[i] = g_string_new("");
            streams_out[i] = g_string_new("");
        }
        for (unsigned i = 0; i < 500; i++) {
            if (is_i_data || !open[current])
                current = g_rand_int(random) % 5;
            struct sctp_data data = {
                .tsn = first + i, .stream = (uint16_t)(mixes ? current % 3 : current), .unordered = mixes && current >= 3,
                .order = orders[current], .is_i_data = is_i_data,
                .first = !open[current], .last = g_rand_int(random) % 3 != 0, .fsn = open[current] ? fsn[current] : 0,
                .ppid = is_i_data && open[current] ? 0 : 53, .payload = bytes + i % 200, .size = 1 + g_rand_int(random) % 50
            };
            open[current] = !data.last;
            fsn[current] = data.fsn + 1;
            if (data.last)
                orders[current]++;
            g_string_append_len(streams_in[current], (const char *)data.payload, (gssize)data.size);
            g_array_append_val(sent, data);
        }

        sctp_direction_init(&direction, scope);
        sctp_direction_start(&direction, first);
        for (unsigned at = 0; at < sent->len; at += 20) {
            for (unsigned i = 0; i < 100; i++) {        /* any of these 20, and each for certain in the end */
                unsigned          which = at + (i < 80 ? g_rand_int(random) % 20 : i - 80);
                struct sctp_place place = { .frame = 1 + at };
                sctp_direction_add(&direction, &g_array_index(sent, struct sctp_data, which), &place);
                while ((message = sctp_direction_next(&direction)) != NULL) {
                    g_assert_true(message->begins && message->ends && message->missing == 0 && message->ppid == 53);
                    /* Before the first unordered one came, only the order of the others was known. */
                    g_assert_true(message->last->seq > newest[message->stream] || at < 40);
                    newest[message->stream] = message->last->seq;
                    append(streams_out, message);
                }
            }
        }
        sctp_direction_flush(&direction);
        while ((message = sctp_direction_next(&direction)) != NULL) {   /* messages without an end */
            g_assert_true(!message->ends);
            append(streams_out, message);
        }
        for (unsigned i = 0; i < 5; i++) {
            g_assert_cmpmem(streams_in[i]->str, streams_in[i]->len, streams_out[i]->str, streams_out[i]->len);
            g_string_free(streams_in[i], TRUE);
            g_string_free(streams_out[i], TRUE);
        }
        g_assert_cmpuint(direction.waiting_bytes, ==, 0);
        sctp_direction_free(&direction);
        g_array_free(sent, TRUE);
        wmem_destroy_allocator(scope);
        g_rand_free(random);
    }
}

/* --- limits --- */

static void
add(struct sctp_direction *direction, uint32_t tsn, uint16_t stream, uint32_t order, uint32_t size, bool last)
{
    static const uint8_t bytes[0x8000];
    struct sctp_place    place = { .frame = 1 };
    struct sctp_data     data = {
        .tsn = tsn, .stream = stream, .order = order, .first = true, .last = last, .ppid = 53, .payload = bytes,
        .size = size
    };

    sctp_direction_add(direction, &data, &place);
}

/* What waits is bounded: by number, blind and not, and by bytes. */
static void
test_window(void)
{
    static const struct { bool acked; uint32_t size; uint32_t expected; } cases[] = {
        { false, 1, SCTP_WINDOW_BLIND }, { true, 1, SCTP_WINDOW_CHUNKS }, { true, 0x8000, SCTP_WINDOW_BYTES / 0x8000 + 1 }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct sctp_direction      direction;
        const struct sctp_message *message = NULL;
        uint32_t                   number = 0;

        sctp_direction_init(&direction, scope);
        sctp_direction_start(&direction, 0);
        add(&direction, 0, 1, 0, 1, true);
        g_assert_nonnull(sctp_direction_next(&direction));
        if (cases[i].acked)
            sctp_direction_acknowledge(&direction, 0);
        while (message == NULL && number < 20000) {     /* TSN 1 and message 1 are missing */
            number++;
            add(&direction, 1 + number, 1, 1 + number, cases[i].size, true);
            message = sctp_direction_next(&direction);
        }
        g_assert_nonnull(message);
        g_assert_true(message->limit);
        g_assert_cmpuint(message->missing, ==, 1);
        g_assert_cmpuint(number, ==, cases[i].expected);
        sctp_direction_free(&direction);
        wmem_destroy_allocator(scope);
    }
}

/* A stream of few messages has a hole, long after its last one: what came late in between does not count as missing, so the
 * hole can be filled. */
static void
test_seldom_used(void)
{
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct sctp_direction      direction;
    const struct sctp_message *message;
    uint32_t                   tsn = 0, order = 0;

    sctp_direction_init(&direction, scope);
    add(&direction, tsn++, 5, 0, 1, true);
    g_assert_nonnull(sctp_direction_next(&direction));
    while (order < 3 * SCTP_LATE_CHUNKS) {      /* each second one comes after the next one */
        sctp_direction_acknowledge(&direction, tsn + 1);
        add(&direction, tsn + 1, 1, order + 1, 1, true);
        add(&direction, tsn, 1, order, 1, true);
        while (sctp_direction_next(&direction) != NULL)
            continue;
        tsn += 2;
        order += 2;
    }
    sctp_direction_acknowledge(&direction, tsn + 1);
    add(&direction, tsn + 1, 5, 2, 1, true);
    message = sctp_direction_next(&direction);
    g_assert_true(message != NULL && message->opens_hole);
    g_assert_cmpuint(message->missing, ==, 1);
    add(&direction, tsn, 5, 1, 1, true);
    message = sctp_direction_next(&direction);
    g_assert_true(message != NULL && message->rewinds);
    g_assert_cmpuint(message->still_missing, ==, 0);
    sctp_direction_free(&direction);
    wmem_destroy_allocator(scope);
}

/* A message without end is handed over in parts; a direction has so many streams and no more. */
static void
test_limits(void)
{
    wmem_allocator_t          *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct sctp_direction      direction;
    const struct sctp_message *message;
    static const uint8_t       bytes[0x8000];
    struct sctp_place          place = { .frame = 1 };
    uint32_t                   parts = 0;

    sctp_direction_init(&direction, scope);
    for (uint32_t i = 0; i < 100; i++) {
        struct sctp_data data = {
            .tsn = i, .stream = 1, .first = i == 0, .ppid = 53, .payload = bytes, .size = sizeof bytes
        };
        sctp_direction_add(&direction, &data, &place);
        while ((message = sctp_direction_next(&direction)) != NULL) {
            g_assert_cmpuint(message->size, ==, SCTP_MESSAGE_BYTES);
            g_assert_true(message->begins == (parts == 0) && !message->ends && message->missing == 0);
            parts++;
        }
    }
    g_assert_cmpuint(parts, ==, 100 * sizeof bytes / SCTP_MESSAGE_BYTES);

    for (uint32_t i = 0; i < SCTP_STREAMS_MAX + 10; i++) {
        add(&direction, 100 + i, (uint16_t)(2 + i), 0, 1, true);
        g_assert_true(direction.turned_away == (i + 1 >= SCTP_STREAMS_MAX));
        g_assert_true((sctp_direction_next(&direction) != NULL) == !direction.turned_away);
    }
    sctp_direction_free(&direction);
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sctp_messages/scripts", test_scripts);
    g_test_add_func("/sctp_messages/any_order", test_any_order);
    g_test_add_func("/sctp_messages/window", test_window);
    g_test_add_func("/sctp_messages/seldom_used", test_seldom_used);
    g_test_add_func("/sctp_messages/limits", test_limits);
    return g_test_run();
}
