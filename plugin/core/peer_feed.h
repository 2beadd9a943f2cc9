/* peer_feed.h
 * Feeds a connection: the plain bytes of both directions become messages. The one place for gaps, lost sync and limits,
 * whatever carries the bytes.
 *
 * A transport hands over chunks, in the order of the stream as far as it can tell, with what their packet says. Where it
 * had to put them in order itself, a chunk may be of an earlier frame than the packet that is being read.
 *
 * Bytes that come soon after a hole that they are missing from are read in their place (late_chunks.h): what is complete
 * with them goes to the connection then, as messages of the packet that brought them.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_FEED_H
#define PEER_FEED_H

#include "core/feed_chunk.h"
#include "core/message_stream.h"
#include "core/peer_connection.h"

/* The packet that is being read. */
struct feed_packet {
    enum peer_side from;
    uint32_t       frame;
    int64_t        time; /* ns */
};

struct late_chunks;

/* The hole that the user was told of, while it may still be filled. */
struct feed_told {
    bool     open;
    bool     withheld; /* in a chunk that later passes see only as a part of a later one */
    uint64_t order;    /* of the chunk after it, see late_chunks.h */
    void (*describe_missing)(uint64_t missing, char *text, size_t size);
};

/* A direction since it had a hole. */
struct feed_holes {
    struct late_chunks *late; /* what came since a hole; NULL: there is none */
    uint64_t         moved;   /* what is added to the positions of the transport, modulo 2^64, since a hole of unknown
                                 length was filled */
    struct feed_told told;
};

/* Where a chunk is. */
struct feed_shown {
    uint32_t frame;
    uint32_t place;
    uint32_t size;
};

/* All members are for the first pass only, but for connection. */
struct peer_feed {
    struct peer_connection *connection;
    struct message_stream   streams[2];   /* by enum peer_side: what that side sends */
    struct feed_parts      *parts[2];     /* NULL: none yet */
    struct feed_holes      *holes[2];     /* by sender; NULL: there was none */
    uint32_t                synced_in[2]; /* first frame in which it was known where messages start; 0: never. Final
                                             after that frame */
    struct feed_shown      *shown;        /* by sender: the last chunk that later passes see, size 0: none; NULL: what
                                             acknowledges packets is always seen */
};

/* A feed for a new connection; memory comes from scope. */
void peer_feed_init(struct peer_feed *feed, wmem_allocator_t *scope, const struct peer_setup *setup);

/* Gives back what is for the first pass only. Notes stay. */
void peer_feed_end(struct peer_feed *feed);

/* The next message of a direction is known to begin at that position. First pass only. */
void peer_feed_begin(struct peer_feed *feed, enum peer_side from, uint64_t position);

/* reads_again: what was missing came late. lacking: what the user is to be told now, not longer than before; NULL: nothing
 * is missing. It counts where the hole that the user was told of may still be filled (told.open). First pass only. */
void peer_feed_filled(struct peer_feed *feed, enum peer_side from, const char *lacking);

/* Takes the next chunk of a direction, while packet is being read: messages that are complete with it go to the
 * connection. *first is set to the first byte of the chunk that begins a message, or to its end where none does. First
 * pass only. */
enum chunk_state peer_feed_chunk(struct peer_feed *feed, const struct feed_packet *packet, struct feed_chunk *chunk,
                                 uint32_t *first);

/* A chunk that cannot be read: chunk->lacking is told, if it is not NULL. First pass only. */
void peer_feed_lacks(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk);

/* A cap of the transport was reached at a chunk. First pass only. */
void peer_feed_limit(struct peer_feed *feed, const struct feed_packet *packet, const struct feed_chunk *chunk,
                     const char *what, uint32_t limit);

#endif
