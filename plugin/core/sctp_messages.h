/* sctp_messages.h
 * One direction of an SCTP association (RFC 9260, 6): its chunks of data become the messages of its streams.
 *
 * A chunk has a number in the association (TSN), and its message one in the stream. A message is handed over when it is
 * complete and all before it in its stream were: as the receiver's program gets it, a stream does not wait for another
 * one. Chunks that come twice are dropped, those that come before their turn wait.
 *
 *     TSN           7     8     9    (10)    11
 *     stream        1     3     1      ?      1        10 is missing: 11 waits, if its number in stream 1 is not the
 *     its message   4     0     5      ?      7        next one; without 10 nobody knows whether 6 is in it
 *
 * What is missing is given up when the receiver has acknowledged it, or too much waits. Where it comes after all, soon
 * enough, its stream is told again from there on:
 *
 *     in the capture    7    9    10    8              each the only fragment of a message of one stream, and 8 was
 *     handed over       7   !9    10   (8   9   10)    acknowledged before 9 came: the message before which chunks are
 *                       the state before 9 must be kept   missing, and again what was missing and all after it
 *
 * Messages that were sent unordered are told in the order of their TSNs: in that order their sender gave them to SCTP.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SCTP_MESSAGES_H
#define SCTP_MESSAGES_H

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/sctp_packet.h"

/* Chunks that wait for one that is missing, counted from that one; a power of two. What browsers have on their way at
 * most, 5 MiB, is fewer, unless it is all of small messages. */
#define SCTP_WINDOW_CHUNKS      8192U
/* The same where the capture has nothing of the other side, which could tell that the chunk is lost for good. */
#define SCTP_WINDOW_BLIND       64U
/* Bytes of them. */
#define SCTP_WINDOW_BYTES       (4U * 1024 * 1024)
/* A chunk that was given up counts when it comes no more than so many chunks late. Captures mix up packets within a few
 * places, see late_chunks.h. */
#define SCTP_LATE_CHUNKS        64U
/* Bytes of chunks of one direction that are kept to be told again. */
#define SCTP_LATE_BYTES         (128U * 1024)
/* Bytes of a message that wait for its end. A longer one is handed over in parts. */
#define SCTP_MESSAGE_BYTES      (1024U * 1024)
/* Streams of one direction. Browsers have no more data channels. */
#define SCTP_STREAMS_MAX        1024U
/* After this many consecutive chunks with implausible numbers, the association is assumed to have jumped there. */
#define SCTP_STRAYS_MAX         16U

/* Where a chunk comes from. */
struct sctp_place {
    uint32_t frame;
    uint32_t packet;            /* of those of the frame, from 0 */
    int64_t  time;              /* of the frame, ns */
    uint64_t ack;               /* what its sender had acknowledged then, as sctp_direction_acknowledge() gives it */
};

struct sctp_stream;

/* One chunk of data. */
struct sctp_fragment {
    struct sctp_fragment *next; /* in its stream */
    struct sctp_stream   *stream;
    uint64_t              seq;  /* its TSN, widened: never wraps */
    struct sctp_data      data; /* its payload points to what follows this struct */
    struct sctp_place     place;
    bool                  was_read;     /* the caller's own, false at first; they stay where the fragment is told again */
    uint32_t              read_from;
    uint32_t              read_to;
};

/* One message, or a part of one. */
struct sctp_message {
    struct sctp_message  *next;
    uint16_t              stream;
    uint32_t              order;        /* its number in the stream */
    bool                  begins;       /* the first fragment is there */
    bool                  ends;         /* and the last */
    uint32_t              ppid;         /* 0: unknown */
    uint32_t              size;
    struct sctp_fragment *fragments;    /* at least one */
    struct sctp_fragment *last;
    uint64_t              missing;      /* chunks of the association that were given up since the one before, where this
                                           stream does lack something; else 0 */
    bool                  limit;        /* too much waited for them; else the receiver has them */
    bool                  opens_hole;   /* the stream may be told again from here on: the caller keeps what it knows of it */
    bool                  rewinds;      /* and so it is: this is the first message of it, or goes on with one */
    uint64_t              still_missing;    /* rewinds: chunks that are missing after all */
    bool                  again;        /* one of those: some of its fragments were handed over already */
};

/* One direction. All members are for the first pass only. */
struct sctp_direction {
    wmem_allocator_t      *scope;       /* owns all */
    bool                   started;     /* next is valid */
    bool                   has_data;    /* a chunk was added */
    bool                   ack_seen;    /* the other side acknowledged something */
    bool                   limit;       /* what was given up last was so because of a limit */
    bool                   turned_away; /* the chunk added last is of a stream that is not followed: there are too many */
    uint64_t               next;        /* widened TSN: all before came, or were given up */
    uint64_t               lost;        /* what is missing before this one never comes: the receiver has it */
    uint64_t               release;     /* what is missing before this one is not waited for: too much waits */
    uint64_t               missing;     /* chunks given up */
    uint64_t               given_up;    /* the SCTP_LATE_CHUNKS before next: bit 0 is next - 1; set: it was given up, and did
                                           not come late */
    uint32_t               late_bytes;  /* of chunks that are kept to be told again */
    uint32_t               strays;      /* chunks out of all reason since the last good one */
    wmem_map_t            *streams;     /* by number: struct sctp_stream */
    struct sctp_fragment **seen;        /* SCTP_WINDOW_CHUNKS chunks from next on; NULL before the first that waits */
    uint32_t               seen_count;
    uint32_t               waiting_bytes;
    struct sctp_message   *ready;       /* to be handed over */
    struct sctp_message  **ready_end;
    struct sctp_message   *lent;        /* was handed over */
};

/* Starts an empty direction, whose memory comes from scope. */
void sctp_direction_init(struct sctp_direction *direction, wmem_allocator_t *scope);

/* Gives back what is kept of chunks, and leaves it empty. */
void sctp_direction_free(struct sctp_direction *direction);

/* The TSN of its first chunk, as INIT or INIT ACK say. */
void sctp_direction_start(struct sctp_direction *direction, uint32_t tsn);

/* The other side acknowledges chunks up to tsn. The result is that number, widened, 0 where nobody knows yet what it
 * counts from: chunks are acknowledged whose seq is not above it. */
uint64_t sctp_direction_acknowledge(struct sctp_direction *direction, uint32_t tsn);

/* Adds a chunk. Afterwards sctp_direction_next() must be called until it returns NULL. */
void sctp_direction_add(struct sctp_direction *direction, const struct sctp_data *data, const struct sctp_place *place);

/* What the other side has acknowledged is not waited for. Afterwards as above. */
void sctp_direction_settle(struct sctp_direction *direction);

/* Nothing will come any more: what waits does not wait any longer. Afterwards as above. */
void sctp_direction_flush(struct sctp_direction *direction);

/* The next message, in the order of its stream; NULL when there is none. Valid until the next call for the direction. */
const struct sctp_message *sctp_direction_next(struct sctp_direction *direction);

#endif
