/* test_late_chunks.c
 * late_chunks.c: the rules of its header, one by one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/late_chunks.h"

/* What is kept since a hole at position 100. */
struct kept {
    wmem_allocator_t     *scope;
    struct message_stream stream;
    struct late_chunks   *late;
    uint8_t              *bytes;        /* position n has the byte n, modulo 256 */
};

#define HOLE    100U
#define SIZE    (2 * LATE_BYTES_MAX)

static void
begin(struct kept *kept)
{
    memset(kept, 0, sizeof *kept);
    kept->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    kept->late = late_chunks_new(kept->scope, &kept->stream, NULL, HOLE);
    kept->bytes = (uint8_t *)g_malloc(SIZE);
    for (uint32_t i = 0; i < SIZE; i++)
        kept->bytes[i] = (uint8_t)i;
}

static void
end(struct kept *kept)
{
    late_chunks_free(kept->late);
    message_stream_free(&kept->stream, kept->scope);
    g_free(kept->bytes);
    wmem_destroy_allocator(kept->scope);
}

/* Bytes from one position up to another; the last `cut` of them were not captured. */
static struct feed_chunk
chunk(const struct kept *kept, uint32_t from, uint32_t to, uint32_t cut)
{
    struct feed_chunk made = { .place = from, .frame = 1 };

    made.bytes.data = kept->bytes + from;
    made.bytes.position = from;
    made.bytes.reported = to - from;
    made.bytes.captured = to - from - cut;
    return made;
}

static bool
add(struct kept *kept, uint32_t from, uint32_t to)
{
    struct feed_chunk made = chunk(kept, from, to, 0);

    return late_chunks_add(kept->late, &made);
}

/* What is kept, as "FROM-TO FROM-TO"; each chunk has the bytes and the place of its position. */
static void
expect(const struct kept *kept, const char *expected)
{
    GString *found = g_string_new(NULL);
    uint32_t count = 0, bytes = 0;

    for (const struct late_chunk *late = kept->late->first; late != NULL; late = late->next) {
        const struct stream_chunk *stream = &late->chunk.bytes;
        g_string_append_printf(found, "%s%u-%u", found->len > 0 ? " " : "", (unsigned)late->order, (unsigned)late->after);
        g_assert_cmpuint(late->order, ==, stream->position);
        g_assert_cmpuint(late->after, ==, stream->position + stream->reported);
        g_assert_cmpuint(late->chunk.place, ==, stream->position);
        g_assert_cmpmem(stream->data, stream->captured, kept->bytes + stream->position, stream->captured);
        g_assert_true(late->next != NULL || late == kept->late->last);
        count++;
        bytes += stream->reported;
    }
    g_assert_cmpstr(found->str, ==, expected);
    g_assert_cmpuint(kept->late->count, ==, count);
    g_assert_cmpuint(kept->late->bytes, ==, bytes);
    g_string_free(found, TRUE);
}

/* "in their order, without overlaps", in whatever order they come. Bytes before the hole are not kept. */
static void
order(void)
{
    struct kept kept;

    begin(&kept);
    g_assert_true(add(&kept, 200, 210));
    g_assert_true(add(&kept, 150, 160));
    g_assert_true(add(&kept, 220, 230));
    expect(&kept, "150-160 200-210 220-230");
    g_assert_true(add(&kept, 155, 205));
    expect(&kept, "150-160 160-200 200-210 220-230");
    g_assert_true(add(&kept, 140, 240));
    expect(&kept, "140-150 150-160 160-200 200-210 210-220 220-230 230-240");
    g_assert_true(add(&kept, 90, 110));
    expect(&kept, "100-110 140-150 150-160 160-200 200-210 210-220 220-230 230-240");
    end(&kept);
}

/* "Keeps what is new in a chunk: true where anything is." */
static void
nothing_new(void)
{
    struct kept kept;

    begin(&kept);
    g_assert_true(add(&kept, 150, 160));
    g_assert_true(add(&kept, 160, 170));
    g_assert_false(add(&kept, 150, 170));
    g_assert_false(add(&kept, 155, 156));
    g_assert_false(add(&kept, 10, HOLE));
    expect(&kept, "150-160 160-170");
    end(&kept);
}

/* Bytes that were not captured stay so: only those before them are copied. */
static void
cut(void)
{
    struct kept       kept;
    struct feed_chunk made;

    begin(&kept);
    made = chunk(&kept, 150, 200, 30);
    g_assert_true(add(&kept, 160, 165));
    g_assert_true(late_chunks_add(kept.late, &made));
    expect(&kept, "150-160 160-165 165-200");
    g_assert_cmpuint(kept.late->first->chunk.bytes.captured, ==, 10);
    g_assert_cmpuint(kept.late->last->chunk.bytes.captured, ==, 5);
    end(&kept);
}

/* Each cap: as much as it says is kept, more is not; the first hole is given up then, with the chunk after it. */
static void
caps(void)
{
    struct kept kept;

    begin(&kept);
    for (uint32_t i = 0; i < LATE_CHUNKS_MAX; i++) {
        g_assert_true(add(&kept, 150 + 2 * i, 151 + 2 * i));
        g_assert_false(late_chunks_full(kept.late));
    }
    g_assert_true(add(&kept, 120, 121));
    g_assert_true(late_chunks_full(kept.late));
    late_chunks_drop_first(kept.late);
    g_assert_false(late_chunks_full(kept.late));
    g_assert_cmpuint(kept.late->next, ==, 121);
    g_assert_false(add(&kept, 105, 121));
    end(&kept);

    begin(&kept);
    g_assert_true(add(&kept, 150, 150 + LATE_BYTES_MAX));
    g_assert_false(late_chunks_full(kept.late));
    g_assert_true(add(&kept, 110, 111));
    g_assert_true(late_chunks_full(kept.late));
    late_chunks_drop_first(kept.late);
    g_assert_false(late_chunks_full(kept.late));
    late_chunks_drop_first(kept.late);
    g_assert_null(kept.late->first);
    g_assert_null(kept.late->last);
    end(&kept);
}

/* "How many bytes (packets) are missing before what has that order." */
static void
missing(void)
{
    struct kept       kept;
    struct feed_chunk packet = { .acks_packets = true };

    begin(&kept);
    add(&kept, 150, 160);
    add(&kept, 170, 180);
    g_assert_cmpuint(late_chunks_missing(kept.late, 100, false), ==, 0);
    g_assert_cmpuint(late_chunks_missing(kept.late, 150, false), ==, 50);
    g_assert_cmpuint(late_chunks_missing(kept.late, 170, false), ==, 60);
    add(&kept, 100, 140);
    g_assert_cmpuint(late_chunks_missing(kept.late, 170, false), ==, 20);
    end(&kept);

    /* uTP: numbers of packets count, however long a packet is. */
    begin(&kept);
    packet.bytes.data = kept.bytes;
    packet.bytes.reported = packet.bytes.captured = 1000;
    packet.end_ack = 7;
    kept.late->next = late_chunk_order(&packet);
    packet.end_ack = 10;
    g_assert_true(late_chunks_add(kept.late, &packet));
    g_assert_cmpuint(late_chunks_missing(kept.late, late_chunk_order(&packet), true), ==, 3);
    g_assert_false(late_chunks_add(kept.late, &packet));
    packet.end_ack = 9;
    g_assert_true(late_chunks_add(kept.late, &packet));
    g_assert_cmpuint(late_chunk_after(&packet), ==, kept.late->last->order);
    g_assert_cmpuint(late_chunks_missing(kept.late, kept.late->last->order, true), ==, 2);
    end(&kept);
}

/* "A message came out that ends with the byte of that order. False: it came out before. True also where the byte is not
 * kept." */
static void
take_end(void)
{
    struct kept kept;

    begin(&kept);
    add(&kept, 150, 160);
    add(&kept, 170, 180);
    for (uint32_t last = 150; last < 185; last++) {
        bool is_kept = last < 160 || (last >= 170 && last < 180);
        g_assert_true(late_chunks_take_end(kept.late, last));
        g_assert_cmpint(late_chunks_take_end(kept.late, last), ==, !is_kept);
    }
    end(&kept);
}

/* The stream as it was before the hole: bytes and frames are copies of their own. */
static void
copies(void)
{
    struct kept        kept;
    struct late_chunks *late;
    struct feed_parts  *parts;

    begin(&kept);
    kept.stream.held = (struct stream_held *)wmem_alloc(kept.scope, sizeof *kept.stream.held + 20);
    kept.stream.held->size = 10;
    kept.stream.held->room = 20;
    memcpy(kept.stream.held->bytes, kept.bytes, 10);
    kept.stream.end = 20;
    kept.stream.comes_again = 3;
    parts = (struct feed_parts *)wmem_alloc(kept.scope, sizeof *parts + 4 * sizeof *parts->frames);
    parts->frames[0] = 54;
    parts->count = 1;
    parts->room = 4;
    late = late_chunks_new(kept.scope, &kept.stream, parts, HOLE);
    kept.stream.held->bytes[0] = 99;
    parts->frames[0] = 99;
    g_assert_cmpmem(late->stream.held->bytes, late->stream.held->size, kept.bytes, 10);
    g_assert_cmpuint(late->stream.held->room, ==, 10);
    g_assert_cmpuint(late->parts->count, ==, 1);
    g_assert_cmpuint(late->parts->frames[0], ==, 54);
    g_assert_cmpuint(late->parts->room, ==, 1);
    g_assert_cmpuint(late->stream.end, ==, 23);     /* what was to come again is kept as it is */
    g_assert_cmpuint(late->stream.comes_again, ==, 0);
    g_assert_cmpuint(kept.stream.end, ==, 20);
    late_chunks_free(late);
    late_chunks_free(NULL);
    wmem_free(kept.scope, parts);
    end(&kept);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/late_chunks/order", order);
    g_test_add_func("/late_chunks/nothing_new", nothing_new);
    g_test_add_func("/late_chunks/cut", cut);
    g_test_add_func("/late_chunks/caps", caps);
    g_test_add_func("/late_chunks/missing", missing);
    g_test_add_func("/late_chunks/take_end", take_end);
    g_test_add_func("/late_chunks/copies", copies);
    return g_test_run();
}
