/* sctp_stream.h
 * One stream of an SCTP association, in one direction: fragments in order become messages. Where something is missing, what
 * is told after it is kept, to be told again when it comes: see sctp_messages.h.
 *
 * The structs are for all; the functions are for sctp_messages.c only. Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SCTP_STREAM_H
#define SCTP_STREAM_H

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/sctp_packet.h"

/* Chunks that wait for one that is missing, counted from that one; a power of two. What browsers have on their way at
 * most, 5 MiB, is fewer, unless it is all of small messages. */
#define SCTP_WINDOW_CHUNKS 8192U
/* The same where the capture has nothing of the other side, which could tell that the chunk is lost for good. */
#define SCTP_WINDOW_BLIND 64U
/* Bytes of them. */
#define SCTP_WINDOW_BYTES (4U * 1024 * 1024)
/* A chunk that was given up counts when it comes no more than so many chunks late. Captures mix up packets within a few
 * places, see late_chunks.h. */
#define SCTP_LATE_CHUNKS 64U
/* Bytes of chunks of one direction that are kept to be told again. */
#define SCTP_LATE_BYTES (128U * 1024)
/* Bytes of a message that wait for its end. A longer one is handed over in parts. */
#define SCTP_MESSAGE_BYTES (1024U * 1024)
/* Streams of one direction. Browsers have no more data channels. */
#define SCTP_STREAMS_MAX 1024U
/* After this many consecutive chunks with implausible numbers, the association is assumed to have jumped there. */
#define SCTP_STRAYS_MAX 16U

/* Where a chunk comes from. */
struct sctp_place {
    uint32_t frame;
    uint32_t packet; /* of those of the frame, from 0 */
    int64_t  time;   /* of the frame, ns */
    uint64_t ack;    /* what its sender had acknowledged then, as sctp_direction_acknowledge() gives it */
};

struct sctp_stream;

/* One chunk of data. */
struct sctp_fragment {
    struct sctp_fragment *next; /* in its stream */
    struct sctp_stream   *stream;
    uint64_t              seq;  /* its TSN, widened: never wraps */
    struct sctp_data      data; /* its payload points to what follows this struct */
    struct sctp_place     place;
    bool                  was_read; /* the caller's own, false at first; they stay where the fragment is told again */
    uint32_t              read_from;
    uint32_t              read_to;
};

/* One message, or a part of one. */
struct sctp_message {
    struct sctp_message  *next;
    uint16_t              stream;
    uint32_t              order;  /* its number in the stream */
    bool                  begins; /* the first fragment is there */
    bool                  ends;   /* and the last */
    uint32_t              ppid;   /* 0: unknown */
    uint32_t              size;
    struct sctp_fragment *fragments; /* at least one */
    struct sctp_fragment *last;
    uint64_t              missing; /* chunks of the association that were given up since the one before, where this
                                           stream does lack something; else 0 */
    bool                  limit;   /* too much waited for them; else the receiver has them */
    bool     opens_hole;    /* the stream may be told again from here on: the caller keeps what it knows of it */
    bool     rewinds;       /* and so it is: this is the first message of it, or goes on with one */
    uint64_t still_missing; /* rewinds: chunks that are missing after all */
    bool     again;         /* one of those: some of its fragments were handed over already */
};

/* One direction. All members are for the first pass only. */
struct sctp_direction {
    wmem_allocator_t *scope;       /* owns all */
    bool              started;     /* next is valid */
    bool              has_data;    /* a chunk was added */
    bool              ack_seen;    /* the other side acknowledged something */
    bool              limit;       /* what was given up last was so because of a limit */
    bool              turned_away; /* the chunk added last is of a stream that is not followed: there are too many */
    uint64_t          next;        /* widened TSN: all before came, or were given up */
    uint64_t          lost;        /* what is missing before this one never comes: the receiver has it */
    uint64_t          release;     /* what is missing before this one is not waited for: too much waits */
    uint64_t          missing;     /* chunks given up */
    uint64_t          given_up; /* the SCTP_LATE_CHUNKS before next: bit 0 is next - 1; set: it was given up, and did
                                           not come late */
    uint32_t          late_bytes;  /* of chunks that are kept to be told again */
    uint32_t          strays;      /* chunks out of all reason since the last good one */
    wmem_map_t       *streams;     /* by number: struct sctp_stream */
    struct sctp_stream    *newest; /* of them */
    struct sctp_fragment **seen;   /* SCTP_WINDOW_CHUNKS chunks from next on; NULL before the first that waits */
    uint32_t               seen_count;
    uint32_t               waiting_bytes;
    struct sctp_message   *ready; /* to be handed over */
    struct sctp_message  **ready_end;
    struct sctp_message   *lent; /* was handed over */
};

/* Messages of a stream that are numbered together. I-DATA numbers those that are unordered by themselves, and fragments of
 * both kinds may alternate (RFC 8260, 2.1); in DATA they have no number, and stand between whole messages. */
enum sctp_numbers {
    SCTP_ORDERED,
    SCTP_UNORDERED, /* of I-DATA */
    SCTP_NUMBERS
};

/* How far those were taken. */
struct numbers_end {
    uint32_t expected;   /* number of the next message */
    bool     in_message; /* more of the one that began is to come: */
    uint32_t order;      /* its number */
    uint32_t fsn;        /* I-DATA: number of its next fragment */
    uint32_t ppid;
    uint64_t seq;     /* after the last fragment; DATA: of the next one of the message */
    uint64_t missing; /* chunks that were given up until then, */
    uint64_t come;    /* and those after it that came late since */
};

/* How far a stream was taken. */
struct stream_end {
    uint64_t           seq; /* after all that were taken */
    struct numbers_end numbers[SCTP_NUMBERS];
};

/* What came of a message, as far as it was not handed over. */
struct open_message {
    struct sctp_fragment *first;
    struct sctp_fragment *last;
    uint32_t              size;
    uint64_t              lacks; /* chunks that are missing before it */
};

/* What a stream told since a hole. */
struct late_stream {
    struct stream_end     end;   /* before the hole */
    uint64_t              since; /* seq of the first chunk that is missing */
    struct sctp_fragment *first; /* that were handed over, by seq */
    struct sctp_fragment *last;
};

struct sctp_stream {
    struct sctp_stream   *older; /* of the direction */
    uint16_t              number;
    struct stream_end     end;
    struct open_message   open[SCTP_NUMBERS];
    bool                  mixes; /* some are unordered: only TSNs tell the order of all */
    struct sctp_fragment *early; /* that wait for their turn, by seq */
    struct sctp_fragment *early_last;
    struct late_stream   *late;          /* NULL: there is no hole, or it is too long ago */
    bool                  opens_hole;    /* for the next message */
    bool                  rewinds;       /* the same */
    bool                  again;         /* it is being told again */
    uint64_t              still_missing; /* again, rewinds: chunks */
};

/* How those were taken that a fragment is one of. */
const struct numbers_end *sctp_stream_end(const struct sctp_stream *stream, const struct sctp_data *data);

/* Gives back a list of fragments. */
void sctp_fragments_free(struct sctp_direction *direction, struct sctp_fragment *fragment);

/* Gives back a message, but for fragments that are kept. NULL is nothing. */
void sctp_message_free(struct sctp_direction *direction, struct sctp_message *message);

/* The stream will not be told again: gives back what is kept for that. */
void sctp_stream_forget_late(struct sctp_direction *direction, struct sctp_stream *stream);

/* Puts a fragment into a list by its seq, from at on. */
void sctp_fragment_insert(struct sctp_fragment **at, struct sctp_fragment *fragment);

/* Whether a fragment goes on where its stream ends. */
bool sctp_stream_goes_on(const struct sctp_direction *direction, const struct sctp_stream *stream,
                         const struct sctp_fragment *fragment);

/* Takes the next fragment of a stream, and keeps it. */
void sctp_stream_take(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *fragment);

/* What is open of a stream is handed over, of either kind. */
void sctp_stream_hand_over(struct sctp_direction *direction, struct sctp_stream *stream);

/* Tells a stream again from before its hole on (it must have one), with a fragment that was missing; NULL: without one that is
 * another stream's. */
void sctp_stream_tell_again(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *late);

#endif
