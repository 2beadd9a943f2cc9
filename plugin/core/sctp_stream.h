/* sctp_stream.h
 * One stream of an SCTP association, in one direction: fragments in order become messages. Where something is missing, what
 * is told after it is kept, to be told again when it comes: see sctp_messages.h.
 *
 * For sctp_messages.c only. Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SCTP_STREAM_H
#define SCTP_STREAM_H

#include "core/sctp_messages.h"

/* How far a stream was taken. */
struct stream_end {
    uint32_t              expected;     /* number of the next message */
    bool                  in_message;   /* more of the one that began is to come: */
    uint32_t              order;        /* its number */
    uint32_t              fsn;          /* I-DATA: number of its next fragment */
    uint64_t              seq;          /* after the last fragment; DATA: of the next one of the message */
    uint32_t              ppid;
};

/* What a stream told since a hole. */
struct late_stream {
    struct stream_end     end;          /* before the hole */
    uint64_t              since;        /* seq of the first chunk that is missing */
    struct sctp_fragment *first;        /* that were handed over, by seq */
    struct sctp_fragment *last;
};

struct sctp_stream {
    uint16_t              number;
    struct stream_end     end;
    struct sctp_fragment *open;         /* its fragments, as far as they are not handed over */
    struct sctp_fragment *open_last;
    uint32_t              open_bytes;
    struct sctp_fragment *early;        /* that wait for their turn, by seq */
    struct sctp_fragment *early_last;
    uint64_t              missing;      /* of the direction, when the last fragment was taken */
    uint64_t              lacks;        /* chunks that are missing before open */
    struct late_stream   *late;         /* NULL: there is no hole, or it is too long ago */
    bool                  opens_hole;   /* for the next message */
    bool                  rewinds;      /* the same */
    bool                  again;        /* it is being told again */
    uint64_t              still_missing;    /* again: chunks */
};

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

/* What is open of a stream is handed over. */
void sctp_stream_hand_over(struct sctp_direction *direction, struct sctp_stream *stream);

/* Tells a stream again from before its hole on (it must have one), with a fragment that was missing. */
void sctp_stream_tell_again(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *late);

#endif
