/* message_stream.h
 * One direction of a connection as a stream of bytes: cuts it into messages, over holes and repeats.
 *
 * The caller hands over chunks (a TCP segment, TCP's reassembled data, the payload of a uTP packet), each with its
 * position in the stream. Positions are 64 bits wide and never wrap; the caller widens what the wire has.
 *
 *     chunk:      |<---- offset ---->|
 *                 +------------------+-------------+----------------+--------+
 *                 | seen, or inside  |  message    |  message       | part   |
 *                 | a message        |             |                |        |
 *                 +------------------+-------------+----------------+--------+
 *                                    start ------> start ---------> start
 *
 * After a hole a message is looked for where a chunk begins, as bytes that look like messages. The bytes of a block look like
 * whatever its author wants. So where a message was open when the hole came, no other is looked for inside it: up to its end
 * where the length of the hole is known. Where only the number of packets is, up to where it would end if each had been as
 * long as the longest one of the direction, which clients send from the middle of a block.
 *
 * The handshake, which a stream begins with, may be cut before it can be told from anything else: it is found in the chunk
 * with the rest of its first bytes.
 *
 * A message that goes on after its chunk is held, as far as it is worth it. Where TCP reassembles, the whole message
 * comes again in a later chunk that begins where the message does; where it does not come, the next chunk goes on.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MESSAGE_STREAM_H
#define MESSAGE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* A chunk so many bytes ahead of the stream is a stray, unless the other side has acknowledged what is there or
 * the next chunk is there too. */
#define STREAM_STRAY_DISTANCE (4U * 1024 * 1024)

/* Longer messages than this (the largest block that clients ask for has 128 KiB) are not trusted over a hole of unknown
 * length. */
#define STREAM_INSIDE_MAX (256U * 1024)

enum stream_sync {
    STREAM_UNKNOWN, /* no message boundary was found yet */
    STREAM_LOST,    /* it was known where messages start, before a hole or a bad length */
    STREAM_OK       /* start is a message boundary */
};

/* The first bytes of a message that began in an earlier chunk. */
struct stream_held {
    uint32_t size;
    uint32_t room;
    uint8_t  bytes[];
};

/* One direction. One of which all is zero is empty. All members are for the first pass only. */
struct message_stream {
    uint64_t start;            /* STREAM_OK: position of the message that arrives, or of the next one. Else: what is
                                before it was read, 0: nothing */
    uint64_t first;            /* has_end: position of the first chunk */
    uint64_t end;              /* position of the first byte that is still to come */
    uint64_t acked;            /* the other side acknowledged bytes up to here; 0: nobody knows. Set by the caller */
    uint64_t inside_until;     /* not STREAM_OK: bytes before this position belong to a message that began before a
                                hole */
    uint64_t stray_end;        /* position after the last chunk, which was a stray if has_stray */
    struct stream_held *held;  /* of the message at start; NULL: nothing yet */
    uint32_t            size;  /* of the message at start, prefix included; PEER_SIZE_UNKNOWN before it is known */
    uint32_t comes_again;      /* bytes at the end of the last chunk that are to come again, as part of the whole
                                  message at start: they are held, but end does not count them */
    uint32_t largest;          /* bytes of the largest chunk */
    unsigned sync : 2;         /* enum stream_sync */
    unsigned has_end : 1;      /* end is valid: there was a chunk */
    unsigned too_long : 1;     /* STREAM_LOST: by a length beyond the cap */
    unsigned holed : 1;        /* bytes of the message at start are missing: held does not grow any more */
    unsigned stepped_over : 1; /* holed, by a hole in the stream */
    unsigned has_stray : 1;
    /* Not STREAM_OK: so many bytes came, all of them the first ones of a handshake, but too few to tell it. STREAM_OK: the
     * message at start begins with them, and they are not held yet. Else 0. */
    unsigned begun : 5;
};

/* Some bytes of the stream. */
struct stream_chunk {
    uint64_t       position; /* of the first byte */
    const uint8_t *data;
    uint32_t       captured; /* bytes at data */
    uint32_t       reported; /* bytes on the wire, at least captured */
    uint32_t       missing;  /* packets of unknown length that are missing before it; 0: the position tells what is */
    /* A message that goes on after this chunk will come again as a whole. Cleared by the functions where it must not. */
    bool reassembles;
    /* Where no message boundary is known it may come again together with the next chunk. Cleared by message_stream_open()
     * unless it is to. */
    bool     waits;
    bool     begins_read;  /* its bytes before the end of the stream filled a hole, and were read there */
    bool     has_boundary; /* a message is known to begin at boundary */
    uint32_t boundary;     /* byte of the chunk */
    uint32_t offset;       /* set by the functions: how far it was read */
};

/* One message as it left the stream. */
struct stream_message {
    uint64_t       position;     /* of its first byte, the length prefix */
    uint32_t       size;         /* bytes on the wire, prefix included */
    uint32_t       captured;     /* bytes at data */
    const uint8_t *data;         /* into the chunk, or held by the stream: valid until the next call for the stream */
    bool           assembled;    /* it began in an earlier chunk, data is not in this one */
    bool           stepped_over; /* bytes of it are missing from the stream, and not from its packets only */
};

enum chunk_state {
    CHUNK_NEW,      /* it has bytes that were not seen yet, and offset is the first of them that counts */
    CHUNK_REPEATED, /* every byte of it was seen before */
    CHUNK_UNSYNCED  /* nobody knows where messages start in it */
};

/* Gives the stream's memory back, and leaves it empty. Memory comes from scope, the same each time. */
void message_stream_free(struct message_stream *stream, wmem_allocator_t *scope);

/* A message is known to begin at that position, and nothing of the stream came before it. */
void message_stream_begin(struct message_stream *stream, uint64_t position);

/* Begins with the next chunk: drops what was seen before, steps over holes, finds sync again. *gap tells whether
 * messages are missing before the chunk, or in it; not so where all that is missing is inside one message. */
enum chunk_state message_stream_open(struct message_stream *stream, struct stream_chunk *chunk, bool *gap);

/* The next message that ends in the chunk; false when there is none. A message cut by a hole comes out when its end
 * has passed, with the bytes before the hole. A length beyond the cap loses sync (see peer_wire_size()). */
bool message_stream_next(struct message_stream *stream, wmem_allocator_t *scope, struct stream_chunk *chunk,
                         struct stream_message *message);

/* How many bytes are held. */
static inline uint32_t
message_stream_held(const struct message_stream *stream)
{
    return stream->held != NULL ? stream->held->size : 0;
}

#endif
