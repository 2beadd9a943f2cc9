/* notes.h
 * What the packets of a connection have to show: written while the capture is read for the first time, only read
 * ever after. A note belongs to one message: forty messages in a frame have forty notes.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef NOTES_H
#define NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* Times are in ns since the epoch. */
#define NS_PER_S    INT64_C(1000000000)

/* The two ends of a connection. */
enum peer_side {
    PEER_A,
    PEER_B
};

static inline enum peer_side
other_side(enum peer_side side)
{
    return side == PEER_A ? PEER_B : PEER_A;
}

/* What can be found wrong, or worth a word.
 * X(id, name, severity, group, summary). The name is that of the expert item, bt.donthave.expert.NAME; severity and
 * group are those of Wireshark without their PI_. Of one name the first row is the usual case. */
#define FINDINGS(X) \
    X(LENGTH,               "length",               ERROR, MALFORMED,     "The payload of a DontHave is not 4 bytes") \
    X(BENCODED,             "bencoded",             WARN,  PROTOCOL,      "The payload of a DontHave looks bencoded") \
    X(OUT_OF_RANGE,         "out_of_range",         WARN,  PROTOCOL,      "DontHave for a piece that the torrent does not have") \
    X(REDUNDANT,            "redundant",            NOTE,  SEQUENCE,      "DontHave for a piece that its sender had not advertised, or had disowned") \
    X(BEFORE_AVAILABILITY,  "before_availability",  NOTE,  SEQUENCE,      "DontHave before its sender said what it has") \
    X(NOT_ADVERTISED,       "not_advertised",       WARN,  PROTOCOL,      "DontHave to a peer that did not offer lt_donthave") \
    X(OWN_ID,               "own_id",               WARN,  PROTOCOL,      "DontHave with the id that its sender advertised, not its receiver") \
    X(DISABLED,             "disabled",             WARN,  PROTOCOL,      "DontHave after its receiver switched lt_donthave off") \
    X(DISABLED_CROSSING,    "disabled",             NOTE,  PROTOCOL,      "DontHave that crossed the switch-off of lt_donthave") \
    X(BASE_MESSAGE,         "base_message",         WARN,  PROTOCOL,      "Base message 18 in place of an extended DontHave") \
    X(ID_ASSUMED,           "id_assumed",           NOTE,  ASSUMPTION,    "The id of lt_donthave comes from a preference") \
    X(INVALIDATED,          "invalidated",          NOTE,  SEQUENCE,      "A DontHave invalidated a request") \
    X(REJECT_WITHOUT_FAST,  "reject_without_fast",  ERROR, PROTOCOL,      "Reject Request without the Fast extension") \
    X(UNREJECTED,           "unrejected",           WARN,  RESPONSE_CODE, "An invalidated request was never answered") \
    X(DOUBLE_REJECT,        "double_reject",        WARN,  RESPONSE_CODE, "A Reject that nobody waits for") \
    X(LATE_BLOCK,           "late_block",           NOTE,  SEQUENCE,      "A block of a disowned piece, requested before the DontHave") \
    X(LATE_BLOCK_NEWER,     "late_block",           WARN,  PROTOCOL,      "A block of a disowned piece, requested after the DontHave") \
    X(LATE_REQUEST,         "late_request",         WARN,  SEQUENCE,      "A Request for a disowned piece") \
    X(LATE_REQUEST_CROSSED, "late_request",         CHAT,  SEQUENCE,      "A Request that crossed the DontHave") \
    X(REREQUEST,            "rerequest",            WARN,  PROTOCOL,      "A block requested again before its Reject") \
    X(CANCEL_AFTER,         "cancel_after",         NOTE,  SEQUENCE,      "Cancel for a request that a DontHave had dropped") \
    X(REANNOUNCED,          "reannounced",          CHAT,  SEQUENCE,      "A disowned piece is announced again") \
    X(REANNOUNCED_OFTEN,    "reannounced",          NOTE,  SEQUENCE,      "A piece is disowned and announced again and again") \
    X(STORM,                "storm",                NOTE,  PROTOCOL,      "More than 64 DontHaves within a second") \
    X(CONTRADICTS_ADVICE,   "contradicts_advice",   NOTE,  SEQUENCE,      "DontHave for a piece that its sender had suggested or allowed") \
    X(CLOSED_AFTER,         "closed_after",         NOTE,  SEQUENCE,      "The receiver of a DontHave closed the connection") \
    X(SHARED_ID,            "shared_id",            WARN,  PROTOCOL,      "lt_donthave shares its id with another extension") \
    X(BAD_ID,               "bad_id",               WARN,  PROTOCOL,      "The id of lt_donthave is no integer from 0 to 255") \
    X(BAD_HANDSHAKE,        "bad_handshake",        ERROR, MALFORMED,     "The extension handshake is not a bencoded dictionary") \
    X(RENUMBERED,           "renumbered",           NOTE,  SEQUENCE,      "A later handshake gives lt_donthave another id") \
    X(LOOK_ALIKE,           "look_alike",           NOTE,  PROTOCOL,      "An extension name that is almost lt_donthave") \
    X(LIMIT,                "limit",                NOTE,  UNDECODED,     "A limit of the dissector was reached")

enum finding_id {
#define X(id, name, severity, group, summary) FINDING_##id,
    FINDINGS(X)
#undef X
    FINDING_COUNT
};

/* One expert item, in the order in which they were found. */
struct finding {
    struct finding *next;
    enum finding_id id;
    const char     *text;
};

/* A DontHave. */
struct donthave_note {
    bool      has_index;        /* the payload holds one; else piece is not valid */
    bool      counts;           /* the payload is four bytes: it took part in the ledger */
    bool      id_assumed;
    bool      fast;             /* Fast extension negotiated by both: its requests are to be rejected by name */
    uint32_t  piece;
    uint32_t  id_assigned_in;   /* frame, 0: no handshake assigned the id */
    uint32_t  requests;         /* that it invalidated */
    uint64_t  bytes;            /* sum of their lengths */
    uint32_t  unrejected;       /* Fast: those that still wait for an answer; final after pass 1 */
    uint32_t *request_frames;   /* ascending, each once */
    uint32_t  request_frame_count;
};

/* An extended message other than the handshake. */
struct extended_note {
    const char           *name;     /* of the extension that the receiver gave this id to; NULL: unknown */
    struct donthave_note *donthave; /* NULL: it is no DontHave */
    uint8_t               id;
};

/* A Request that a DontHave invalidated, or that asks for a disowned piece, or a Piece of one. */
struct block_note {
    uint32_t piece;
    uint32_t begin;             /* bytes */
    uint32_t length;            /* bytes */
    uint32_t donthave_in;       /* frame of the DontHave */
    int64_t  time;              /* invalidated: ns from the Request to the DontHave */
    uint32_t rejected_in;       /* invalidated: frame of the Reject, 0: none; final after pass 1 */
    bool     unanswered;        /* invalidated, Fast: still waiting; final after pass 1 */
    bool     crossed;           /* late Request: its sender had not acknowledged the DontHave */
};

/* A DontHave that was taken back. */
struct reannounced_note {
    struct reannounced_note *next;
    uint32_t                 piece;
    uint32_t                 disowned_in;   /* frame of the DontHave */
};

/* One message that has something to show. */
struct message_note {
    struct message_note     *next;          /* in the same frame, by position */
    uint32_t                 frame;         /* in which the message ends */
    enum peer_side           from;
    uint64_t                 position;      /* of its first byte in the stream of its sender */
    uint32_t                 size;          /* bytes on the wire, length prefix included */
    uint32_t                 bytes_size;
    const uint8_t           *bytes;         /* its first bytes, where the frame holds only its end; else NULL */
    int64_t                  time;          /* of the frame, ns */
    struct finding          *findings;
    struct finding          *last_finding;
    struct extended_note    *extended;
    int                      negotiated;    /* extension handshake: the id of lt_donthave; -1: not in it */
    struct block_note       *invalidated;   /* Request */
    struct block_note       *late_request;  /* Request */
    struct block_note       *late_block;    /* Piece */
    struct block_note       *reject;        /* Reject: donthave_in is not used */
    uint32_t                 request_in;    /* Reject: frame of the Request */
    struct reannounced_note *reannounced;   /* Have, Bitfield, Have All: as many as pieces */
    struct reannounced_note *last_reannounced;
};

/* All notes of a connection. */
struct notes {
    wmem_allocator_t *scope;
    wmem_map_t       *by_frame;     /* frame -> its first note; NULL while there is none */
    struct message_note *newest;    /* the note that was made last: the next one mostly follows it */
    bool              limit_told;   /* first pass only */
};

/* Where a message stands: what its note is found by, and what its rules need of the packet it ends in. */
struct message_context {
    uint32_t frame;
    int64_t  time;          /* of the frame, ns */
    uint64_t position;      /* of the message in the stream of its sender */
    uint32_t size;          /* bytes on the wire */
    uint64_t mark;          /* of its last byte, in the unit in which the transport acknowledges */
    bool     has_ack;
    uint64_t ack;           /* the packet acknowledges the other side's marks up to this one */
    const uint8_t *bytes;   /* the message, where the frame holds only its end; else NULL */
    uint32_t bytes_size;
};

/* No notes yet; their memory comes from scope. */
void notes_init(struct notes *notes, wmem_allocator_t *scope);

/* The note of a message, made if there is none. First pass only. */
struct message_note *notes_get(struct notes *notes, enum peer_side from, const struct message_context *context);

/* The same for a message seen before. */
struct message_note *notes_get_at(struct notes *notes, enum peer_side from, uint32_t frame, uint64_t position,
                                  uint32_t size);

/* The first note of a frame, of either side; the others follow by next. NULL: the frame has nothing to show. */
const struct message_note *notes_of_frame(const struct notes *notes, uint32_t frame);

/* Adds a finding to a note, with a text made as printf() does. First pass only. */
void notes_add_finding(struct notes *notes, struct message_note *note, enum finding_id id, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Adds the finding "limit" to the note of a message: a cap was reached. Once per connection; messages behind that get
 * no note for it. First pass only. */
void notes_tell_limit(struct notes *notes, enum peer_side from, const struct message_context *context,
                      const char *what, uint32_t limit);

#endif
