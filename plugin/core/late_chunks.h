/* late_chunks.h
 * What a direction of a connection said since a hole in its stream, kept for a while: where the missing bytes come after
 * all, the stream is read again from the hole on.
 *
 *     stream: as it was before        kept, in the order of the stream
 *     the first hole
 *     ------------------------|  hole  |---- chunk ----|---- chunk ----|  hole  |---- chunk ----|
 *                             next
 *
 * Each byte has an order, a number of 64 bits that grows along the stream: the position where the transport numbers bytes,
 * and a number of the packet and the offset in it where it numbers packets. A message is known by the order of its last
 * byte: that tells whether it came out already.
 *
 * Where more is kept than LATE_CHUNKS_MAX or LATE_BYTES_MAX, the first hole is given up for good. Nothing is kept where
 * there is no hole.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LATE_CHUNKS_H
#define LATE_CHUNKS_H

#include "core/feed_chunk.h"

/* Chunks of one direction that are kept. A capture that mixes up packets does so within a few of them: those that several
 * queues or processors handed over at the same time, a batch of 64 at most in Linux (NAPI_POLL_WEIGHT). Over uTP they are
 * more: where the ACK of a packet stands before it, all that waits for it comes out at once, which is what its sender had
 * under way when it lost that packet. Each one that fills a hole has those after it read again: what is kept is what that
 * may cost. */
#define LATE_CHUNKS_MAX 192U
/* Bytes of them: some of the largest segments that a network card puts together or takes apart (64 KiB each), or as many
 * packets of an Ethernet. */
#define LATE_BYTES_MAX (384U * 1024)

/* One of them. */
struct late_chunk {
    struct late_chunk *next;
    struct feed_chunk  chunk;  /* its bytes are a copy */
    uint64_t           order;  /* of the first byte */
    uint64_t           after;  /* and of that which follows the last one, whatever chunk it is in */
    uint8_t            ends[]; /* a bit for each byte: a message that came out ends with it. The copy follows */
};

/* All members are for the first pass only. */
struct late_chunks {
    wmem_allocator_t     *scope;
    struct message_stream stream; /* before the first hole */
    struct feed_parts    *parts;  /* NULL: none */
    uint64_t              next;   /* order of the first byte that is missing */
    struct late_chunk    *first;  /* in their order, without overlaps */
    struct late_chunk    *last;
    uint32_t              count;
    uint32_t              bytes; /* reported ones */
};

/* The order of the first byte of a chunk, and of that which follows its last one, or the packet with that number. */
uint64_t late_chunk_order(const struct feed_chunk *chunk);
uint64_t late_chunk_after(const struct feed_chunk *chunk);
uint64_t late_after_packet(uint64_t number);

/* How many packets are missing between what has the order after, that after a packet, and the next one, which has this
 * order. */
uint32_t late_chunk_packets(uint64_t after, uint64_t order);

/* Copies a stream and the frames of its unfinished message (NULL: none); the copies belong to the caller. */
void late_chunks_copy_stream(wmem_allocator_t *scope, const struct message_stream *stream,
                             const struct feed_parts *parts, struct message_stream *stream_copy,
                             struct feed_parts **parts_copy);

/* Begins before a hole: stream, whose memory comes from scope, too, is about to step over it. next: the order of its first
 * missing byte. */
struct late_chunks *late_chunks_new(wmem_allocator_t *scope, const struct message_stream *stream,
                                    const struct feed_parts *parts, uint64_t next);

/* Gives everything back. NULL is nothing. */
void late_chunks_free(struct late_chunks *late);

/* Keeps what is new in a chunk: true where anything is. */
bool late_chunks_add(struct late_chunks *late, const struct feed_chunk *chunk);

/* Whether more is kept than may be. */
bool late_chunks_full(const struct late_chunks *late);

/* Gives back the first chunk; what follows it is next. */
void late_chunks_drop_first(struct late_chunks *late);

/* How many bytes (packets) are missing before what has that order. */
uint64_t late_chunks_missing(const struct late_chunks *late, uint64_t order, bool packets);

/* A message came out that ends with the byte of that order. False: it came out before. True also where the byte is not
 * kept. */
bool late_chunks_take_end(struct late_chunks *late, uint64_t last);

#endif
