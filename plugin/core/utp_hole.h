/* utp_hole.h
 * One direction of a uTP connection that is encrypted (RC4), since a packet of it is missing. RC4 goes by the number of a
 * byte in the stream, and uTP numbers packets: how long the missing ones were is not known, so nor is where the bytes after
 * them stand. They are kept until they tell it themselves (mse_realign.h), or until the missing packets come after all.
 *
 *     read so far | missing | kept | missing | kept: the last run, which is searched
 *                 next_seq, next_offset
 *
 * Where a run is proved, what is kept before it can no longer be read: nobody knows how the missing bytes are divided between
 * the holes around it. Nearly always it is the middle of a block.
 *
 * Pure. All of it is for the first pass only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_HOLE_H
#define UTP_HOLE_H

#include "core/feed_chunk.h"
#include "core/mse_realign.h"

/* Packets that are kept. Their bytes are at most MSE_REALIGN_RUN_MAX. */
#define UTP_HOLE_PACKETS_MAX 1024U

/* Where more packets are missing, nothing of the direction is read any more. */
#define UTP_HOLE_MISSING_MAX 8192U

/* A packet that is missing is no longer than the longest one of its side, or than this: the payload of an Ethernet. */
#define UTP_HOLE_PACKET_SIZE 1472U

/* So many times the bytes that come may be searched again, where a missing packet comes between two runs, and so much at
 * least. A run that is not searched for this is kept. */
#define UTP_HOLE_CREDIT     64U
#define UTP_HOLE_CREDIT_MIN (1024U * 1024)

/* Holes that are over, but into which a missing packet may still come. */
#define UTP_HOLE_FORMER_MAX 8U

/* A packet that is kept. */
struct utp_kept {
    struct utp_kept  *next;
    uint64_t          seq;
    int64_t           time;  /* of its frame, ns */
    struct feed_chunk chunk; /* its bytes follow this struct */
};

/* A hole of known length: packets from first_seq to before last_seq, bytes from first_offset to before last_offset. */
struct utp_former_hole {
    uint64_t first_seq, last_seq;
    uint64_t first_offset, last_offset;
};

struct utp_hole {
    wmem_allocator_t      *scope;
    struct mse_realign    *realign;
    uint64_t               next_seq;     /* of the packet to be read next, */
    uint64_t               next_offset;  /* and where its first byte stands */
    uint32_t               longest;      /* bytes of a packet so far */
    bool                   has_boundary; /* the message that the hole begins in ends at boundary */
    uint64_t               boundary;
    struct utp_kept       *kept; /* by seq */
    struct utp_kept       *last; /* of them */
    struct utp_kept       *run;  /* the last of them that follow each other begin here; NULL: none are kept */
    uint32_t               count;
    uint32_t               bytes;
    uint64_t               present;       /* packets after next_seq and before run that came, kept or dropped, */
    uint64_t               present_bytes; /* and their bytes */
    uint64_t               dropped;       /* those of them that were not kept, or were and can no longer be read */
    uint64_t               dropped_bytes;
    bool                   searching;   /* the last run is searched */
    uint64_t               credit;      /* bytes that may be searched again */
    bool                   given_up;    /* nothing of the direction can be read any more */
    bool                   full;        /* more came than is kept */
    uint64_t               missing;     /* packets, and */
    uint64_t               unreadable;  /* packets that came, before next_seq: until the next one is read */
    bool                   has_message; /* a message begins at message */
    uint64_t               message;
    struct utp_former_hole former[UTP_HOLE_FORMER_MAX]; /* those without packets are none */
    uint32_t               former_next;                 /* the one that is replaced next */
};

/* A direction in which the packet next_seq is missing, whose first byte stands at next_offset; its packets had up to longest
 * bytes so far. Memory comes from scope, and the key stream of the direction from source. */
struct utp_hole *utp_hole_new(wmem_allocator_t *scope, mse_key_stream *key_stream, void *source, uint64_t next_seq,
                              uint64_t next_offset, uint32_t longest);

void utp_hole_free(struct utp_hole *hole);

/* The message that the next hole begins in ends at an offset. */
void utp_hole_set_boundary(struct utp_hole *hole, uint64_t boundary);

/* Keeps the bytes of a packet that does not come in its turn, at next_seq or after it; time is that of its frame, ns.
 * Afterwards utp_hole_next() must be called until it returns NULL. */
void utp_hole_add(struct utp_hole *hole, uint64_t seq, int64_t time, const struct feed_chunk *chunk);

/* The packet whose turn it is, next_seq at next_offset; NULL: it is missing. Belongs to the caller, who gives it back with
 * wmem_free() after utp_hole_pass(). */
struct utp_kept *utp_hole_next(struct utp_hole *hole);

/* The packet at next_seq was read. */
void utp_hole_pass(struct utp_hole *hole, uint32_t reported);

/* Where a packet before next_seq stands that came late. False: nobody knows. */
bool utp_hole_place_late(struct utp_hole *hole, uint64_t seq, uint32_t reported, uint64_t *offset);

/* The first packet that is kept, which can no longer be read, and NULL after the last; belongs to the caller, as above. */
struct utp_kept *utp_hole_give_up(struct utp_hole *hole);

#endif
