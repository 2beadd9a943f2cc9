/* feed_chunk.h
 * What a transport hands to peer_feed.h.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef FEED_CHUNK_H
#define FEED_CHUNK_H

#include "core/message_stream.h"

/* Some plain bytes of the stream. */
struct feed_chunk {
    struct stream_chunk bytes;
    uint32_t            place; /* by which the transport finds the first byte in its frame again; the places of the
                                   bytes after it follow, modulo 2^32 */
    uint32_t            frame; /* of the packet that holds them */
    bool        waited;  /* that is an earlier packet than the one that is being read: a frame may have the number
                                   of a later one, see notes_begin_packet() */
    bool        has_ack; /* as that packet says */
    uint64_t    ack;
    bool        acks_packets; /* acknowledgements count packets, not bytes */
    uint64_t    end_ack;      /* acks_packets: what covers this one */
    uint32_t    before_first; /* acks_packets: it is the first one, and so many before it may still come */
    const char *lacking;      /* text for the user, where bytes before the chunk are missing; NULL: none are */
    /* Writes that text anew, where some of the bytes (with acks_packets: packets) came late and fewer are missing. NULL:
     * the text stays */
    void (*describe_missing)(uint64_t missing, char *text, size_t size);
    bool reads_again; /* the transport itself reads the stream again where something came late: nothing is kept for
                         that */
    bool late;        /* acks_packets: the stream went on without this packet */
    bool placed;      /* acks_packets: its position is known all the same, and how long the holes are */
    bool has_unusual; /* set by peer_feed_chunk(): a message that ends in it is, see peer_wire.h */
};

/* Frames that hold the message that is still to end, in one direction. */
struct feed_parts {
    uint32_t count;
    uint32_t room;
    uint32_t frames[];
};

#endif
