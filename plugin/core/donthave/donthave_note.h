/* donthave_note.h
 * What BEP 54 has to say of a message: the details that hang on its note.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DONTHAVE_NOTE_H
#define DONTHAVE_NOTE_H

#include "core/notes.h"

#define LT_DONTHAVE_NAME "lt_donthave"

/* What a detail says of its message. */
enum donthave_kind {
    DONTHAVE_MESSAGE,      /* it is a DontHave: struct donthave_note */
    DONTHAVE_NEGOTIATED,   /* extension handshake with lt_donthave: struct donthave_negotiated */
    DONTHAVE_INVALIDATED,  /* Request that a DontHave invalidated: struct donthave_invalidated */
    DONTHAVE_LATE_REQUEST, /* Request for a disowned piece: struct donthave_block */
    DONTHAVE_LATE_BLOCK,   /* Piece of a disowned piece: struct donthave_block */
    DONTHAVE_REJECT,       /* Reject of an invalidated request: struct donthave_block */
    DONTHAVE_REANNOUNCED,  /* Have, Bitfield, Have All; one detail for each piece: struct donthave_reannounced */
    DONTHAVE_WAIT_OVER, /* Piece or Request that ends the wait for a Reject: struct donthave_block; shows nothing */
    DONTHAVE_KIND_COUNT
};

/* By enum donthave_kind. */
extern const struct note_kind donthave_kinds[DONTHAVE_KIND_COUNT];

/* Whether a detail belongs to BEP 54; its kind is then detail->kind->number. */
static inline bool
is_donthave_detail(const struct note_detail *detail)
{
    return detail->kind >= donthave_kinds && detail->kind < donthave_kinds + DONTHAVE_KIND_COUNT;
}

/* 56 bytes, for which a note has room. */
struct donthave_note {
    struct note_detail detail;
    uint32_t           piece;          /* with has_index */
    uint32_t           id_assigned_in; /* frame, 0: no handshake assigned the id */
    uint32_t           requests;       /* that it invalidated */
    uint32_t           unrejected;     /* Fast: those that still wait for an answer; final after pass 1 */
    uint32_t           frame;
    unsigned           has_index : 1;    /* the payload holds one */
    unsigned           takes_effect : 1; /* the payload is four bytes: it changes state */
    unsigned           id_assumed : 1;
    unsigned           fast : 1;    /* Fast extension in force: its requests are to be rejected by name */
    unsigned           excused : 1; /* the connection ended before an answer to it was due; final after pass 1 */
    int64_t            time;        /* of the frame, ns */
    struct donthave_invalidated *invalidated; /* the first of the requests, in their order; NULL: none */
};

struct donthave_negotiated {
    struct note_detail detail;
    uint8_t            id; /* 0: switched off */
};

struct donthave_block {
    struct note_detail detail;
    uint32_t           piece;
    uint32_t           begin;  /* bytes */
    uint32_t           length; /* bytes */
    uint32_t donthave_in;      /* late: frame of the DontHave, the first one since the piece was last announced */
    uint32_t rejected_in;      /* LATE_REQUEST that no DontHave invalidated: frame of the Reject, 0: none; final after
                                   pass 1 */
    bool     crossed;          /* LATE_REQUEST: its sender had not acknowledged the DontHave */
    const struct donthave_invalidated *answers; /* REJECT, WAIT_OVER: the Request */
};

/* 56 bytes, for which a note has room. */
struct donthave_invalidated {
    struct note_detail           detail;
    uint32_t                     begin;           /* bytes; the piece is the DontHave's */
    uint32_t                     length;          /* bytes */
    uint32_t                     rejected_in;     /* frame of the Reject, 0: none; final after pass 1 */
    unsigned                     request_in : 31; /* frame of the Request: no capture in memory has more */
    unsigned                     unanswered : 1;  /* Fast: still waiting; final after pass 1 */
    int64_t                      age;             /* ns from the Request to the DontHave */
    struct donthave_note        *by;              /* the DontHave */
    struct donthave_invalidated *next;            /* that the same DontHave invalidated */
};

struct donthave_reannounced {
    struct note_detail detail;
    uint32_t           piece;
    uint32_t           disowned_in; /* frame of the first DontHave since the piece was announced before */
};

static inline double
donthave_seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* The sum of the lengths of the requests that a DontHave invalidated, in bytes. */
static inline uint64_t
donthave_bytes(const struct donthave_note *donthave)
{
    uint64_t bytes = 0;

    for (const struct donthave_invalidated *request = donthave->invalidated; request != NULL; request = request->next)
        bytes += request->length;
    return bytes;
}

/* How many of them were rejected. Final after pass 1. */
static inline uint32_t
donthave_rejected(const struct donthave_note *donthave)
{
    uint32_t rejected = 0;

    for (const struct donthave_invalidated *request = donthave->invalidated; request != NULL; request = request->next)
        rejected += request->rejected_in != 0;
    return rejected;
}

#endif
