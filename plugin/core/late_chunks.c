/* late_chunks.c
 * What was said since a hole, see late_chunks.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/late_chunks.h"

#include <string.h>

/* Numbers of packets are shifted by so much: no packet is longer. */
#define PACKET_SHIFT 32

uint64_t
late_chunk_order(const struct feed_chunk *chunk)
{
    return chunk->acks_packets ? chunk->end_ack << PACKET_SHIFT : chunk->bytes.position;
}

uint64_t
late_after_packet(uint64_t number)
{
    return (number + 1) << PACKET_SHIFT;
}

uint64_t
late_chunk_after(const struct feed_chunk *chunk)
{
    return chunk->acks_packets ? late_after_packet(chunk->end_ack) : chunk->bytes.position + chunk->bytes.reported;
}

uint32_t
late_chunk_packets(uint64_t after, uint64_t order)
{
    return (uint32_t)((order - after) >> PACKET_SHIFT);
}

static struct stream_held *
copy_held(wmem_allocator_t *scope, const struct stream_held *held)
{
    struct stream_held *copy;

    if (held == NULL)
        return NULL;
    copy = (struct stream_held *)wmem_memdup(scope, held, sizeof *held + held->size);
    copy->room = held->size;
    return copy;
}

static struct feed_parts *
copy_parts(wmem_allocator_t *scope, const struct feed_parts *parts)
{
    struct feed_parts *copy;

    if (parts == NULL)
        return NULL;
    copy = (struct feed_parts *)wmem_memdup(scope, parts, sizeof *parts + parts->count * sizeof *parts->frames);
    copy->room = parts->count;
    return copy;
}

void
late_chunks_copy_stream(wmem_allocator_t *scope, const struct message_stream *stream, const struct feed_parts *parts,
                        struct message_stream *stream_copy, struct feed_parts **parts_copy)
{
    *stream_copy = *stream;
    stream_copy->held = copy_held(scope, stream->held);
    *parts_copy = copy_parts(scope, parts);
}

struct late_chunks *
late_chunks_new(wmem_allocator_t *scope, const struct message_stream *stream, const struct feed_parts *parts,
                uint64_t next)
{
    struct late_chunks *late = wmem_new0(scope, struct late_chunks);

    late->scope = scope;
    late_chunks_copy_stream(scope, stream, parts, &late->stream, &late->parts);
    /* Bytes that were to come again are kept as they are. */
    late->stream.end += late->stream.comes_again;
    late->stream.comes_again = 0;
    late->next = next;
    return late;
}

void
late_chunks_free(struct late_chunks *late)
{
    if (late == NULL)
        return;
    while (late->first != NULL)
        late_chunks_drop_first(late);
    message_stream_free(&late->stream, late->scope);
    wmem_free(late->scope, late->parts);
    wmem_free(late->scope, late);
}

/* Keeps the bytes of a chunk from one order up to another, after previous; NULL: at the beginning. */
static struct late_chunk *
insert(struct late_chunks *late, struct late_chunk *previous, const struct feed_chunk *chunk, uint64_t from,
       uint64_t to)
{
    uint32_t            offset = (uint32_t)(from - late_chunk_order(chunk));
    uint32_t            reported = (uint32_t)MIN(chunk->bytes.reported - offset, to - from);
    uint32_t            captured = chunk->bytes.captured > offset ? MIN(chunk->bytes.captured - offset, reported) : 0;
    uint32_t            map_size = (reported + 7) / 8;
    struct late_chunk  *kept = (struct late_chunk *)wmem_alloc(late->scope, sizeof *kept + map_size + captured);
    struct late_chunk **link = previous != NULL ? &previous->next : &late->first;

    kept->chunk = *chunk;
    kept->chunk.bytes.position += offset;
    kept->chunk.bytes.data = kept->ends + map_size;
    kept->chunk.bytes.captured = captured;
    kept->chunk.bytes.reported = reported;
    kept->chunk.bytes.reassembles = false;
    kept->chunk.place += offset;
    kept->chunk.lacking = NULL;
    kept->order = from;
    kept->after = to;
    memset(kept->ends, 0, map_size);
    if (captured > 0)
        memcpy(kept->ends + map_size, chunk->bytes.data + offset, captured);
    kept->next = *link;
    *link = kept;
    if (kept->next == NULL)
        late->last = kept;
    late->count++;
    late->bytes += reported;
    return kept;
}

bool
late_chunks_add(struct late_chunks *late, const struct feed_chunk *chunk)
{
    uint64_t           at = MAX(late_chunk_order(chunk), late->next), end = late_chunk_after(chunk);
    struct late_chunk *previous = NULL;
    bool               added = false;

    if (late->last != NULL && late->last->after <= at)
        previous = late->last;
    while (at < end) {
        struct late_chunk *following = previous != NULL ? previous->next : late->first;
        if (following == NULL || at < following->order) {
            uint64_t to = following != NULL ? MIN(end, following->order) : end;
            previous = insert(late, previous, chunk, at, to);
            added = true;
            at = to;
        } else {
            at = MAX(at, following->after);
            previous = following;
        }
    }
    return added;
}

bool
late_chunks_full(const struct late_chunks *late)
{
    return late->count > LATE_CHUNKS_MAX || late->bytes > LATE_BYTES_MAX;
}

void
late_chunks_drop_first(struct late_chunks *late)
{
    struct late_chunk *first = late->first;

    late->first = first->next;
    if (late->first == NULL)
        late->last = NULL;
    late->next = first->after;
    late->count--;
    late->bytes -= first->chunk.bytes.reported;
    wmem_free(late->scope, first);
}

uint64_t
late_chunks_missing(const struct late_chunks *late, uint64_t order, bool packets)
{
    const struct late_chunk *kept = late->first;
    uint64_t                 at = late->next, missing = 0;

    for (; kept != NULL && at < order; kept = kept->next) {
        missing += kept->order - at;
        at = kept->after;
    }
    return packets ? missing >> PACKET_SHIFT : missing;
}

bool
late_chunks_take_end(struct late_chunks *late, uint64_t last)
{
    struct late_chunk *kept = late->first;

    if (late->last != NULL && late->last->order <= last)
        kept = late->last;
    while (kept != NULL && kept->after <= last)
        kept = kept->next;
    if (kept == NULL || last < kept->order || last - kept->order >= kept->chunk.bytes.reported)
        return true;

    uint32_t bit = (uint32_t)(last - kept->order);
    bool     taken = (kept->ends[bit / 8] >> bit % 8 & 1) != 0;
    kept->ends[bit / 8] |= (uint8_t)(1U << bit % 8);
    return !taken;
}
