/* notes.h
 * What the packets of a connection have to show: written while the capture is read for the first time, only read
 * ever after. A note belongs to one message: forty messages in a frame have forty notes. A message that has nothing
 * to show has no note.
 *
 * A note holds where its message stands, its bytes where they are not in its frame, what was found, and which
 * extension the message belongs to. What an extension has to say of the message hangs on it as a detail, a struct of
 * that extension's own.
 *
 * Notes are kept in the order of frames and, in a frame, of places, in one array for a connection. A note costs 112
 * bytes with its first detail, and its place in the array: 128 at most, and its findings (tests/unit/test_note_costs.c
 * counts them). A message that does not lie in its frame as a whole costs its bytes besides, but no more than it has on
 * the wire.
 *
 * With a read filter (tshark -R) Wireshark gives the number of a rejected frame to the next one as well.
 * notes_begin_packet() sees that and drops the notes of the rejected one.
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

#include "core/findings.h"

/* Times are in ns since the epoch. */
#define NS_PER_S INT64_C(1000000000)

/* Notes of one connection, see struct notes, kept. Beyond that it is not followed any more. */
#define NOTES_MAX (1U << 20)

/* The two ends of a connection. */
enum peer_side { PEER_A, PEER_B };

static inline enum peer_side
other_side(enum peer_side side)
{
    return side == PEER_A ? PEER_B : PEER_A;
}

/* What kind of detail: one constant for each struct that hangs on notes. */
struct note_kind {
    const char *extension; /* whose it is */
    int         number;    /* the extension's own */
};

/* What an extension adds to a note: the first member of a struct of its own. */
struct note_detail {
    struct note_detail     *next; /* in the order in which they were added */
    const struct note_kind *kind;
};

/* Bytes in a note for its first detail. */
#define NOTE_DETAIL_ROOM 56U

/* One expert item. */
struct finding {
    struct finding            *next; /* in the order in which they were found */
    const struct finding_kind *kind;
    const struct note_detail  *about;  /* NULL: the message as a whole */
    char                       text[]; /* empty where the kind describes it, see notes_text_of() */
};

/* The bytes of a message that does not lie in its frame as a whole, and the frames that hold them. */
struct note_bytes {
    const uint8_t *data;
    uint32_t       captured; /* bytes at data; 0: not kept */
    uint32_t       shown_at; /* elsewhere: a place in its frame, see struct message_context */
    bool           elsewhere;
    uint32_t       frame_count;
    uint32_t       frames[]; /* in the order of the bytes; empty: not known */
};

/* One message that has something to show. */
struct message_note {
    uint32_t            frame;           /* in which the message is complete */
    uint32_t            place;           /* of its first byte, see struct message_context */
    uint32_t            size;            /* bytes on the wire, length prefix included */
    unsigned            from : 1;        /* enum peer_side */
    unsigned            offer : 1;       /* extended: other dissectors may want it */
    unsigned            taken : 1;       /* extended: one of them did, on the first pass */
    unsigned            stretch : 1;     /* about bytes of the stream, which need not be whole messages */
    unsigned            extended_id : 8; /* of an extended message (BEP 10); 0: it is none, or the handshake */
    unsigned            extension : 8;   /* extended: see notes_extension() */
    struct note_bytes  *bytes;           /* NULL: the message lies in its frame as a whole */
    struct note_detail *details;
    struct finding     *findings;
    uint64_t            room[NOTE_DETAIL_ROOM / sizeof(uint64_t)]; /* the first detail, where it fits */
};

/* The notes of a connection, in their order. */
struct note_lists {
    struct message_note **ordered; /* by frame, and place */
    uint32_t              count;
    uint32_t              room;
    struct message_note **late; /* made for a frame that is over, not yet put in order: only later passes show them */
    uint32_t              late_count;
    uint32_t              late_room;
    char                **names; /* of extensions; see notes_set_extension() */
    uint32_t              name_count;
    uint32_t kept; /* notes in memory, also those of frames that nobody will see. First pass only, as all below */
    struct message_note *written;      /* the note that was written to last, */
    struct note_detail  *last_detail;  /* its last detail, NULL: none, */
    struct finding      *last_finding; /* and finding */
};

/* All notes of a connection. */
struct notes {
    wmem_allocator_t  *scope;
    struct note_lists *lists; /* NULL: there was no note yet */
    uint32_t           frame; /* the packet that is being read, */
    uint32_t packet; /* and which of those with this frame number it is; see notes_begin_packet(). Both first pass
                        only */
};

/* Where a message stands: what its note is found by, and what the rules need of the packet in which it is complete. */
struct message_context {
    enum peer_side  from;
    uint32_t        frame;
    int64_t         time;    /* of the frame, ns */
    uint32_t        place;   /* by which the transport finds the message in its packets again: TCP's sequence
                                number of its first byte, see struct feed_chunk */
    uint32_t        size;    /* bytes on the wire */
    uint64_t        end_ack; /* what an acknowledgement must reach to cover the last byte */
    bool            has_ack;
    uint64_t        ack;   /* the packet acknowledges what the other side sent up to this one */
    const uint8_t  *bytes; /* the message, where it does not lie in the frame as a whole; else NULL */
    uint32_t        bytes_size;
    const uint32_t *frames; /* that hold it, with bytes; the last one is repeated by frame where it differs */
    uint32_t        frame_count;
    bool            elsewhere; /* the message ends in an earlier packet: it is complete by what was missing before, */
    uint32_t        shown_at;  /* which begins at this place */
    struct message_note *note; /* NULL until there is something to show */
};

/* No notes yet; their memory comes from scope. */
void notes_init(struct notes *notes, wmem_allocator_t *scope);

/* Whether no message has anything to show. */
bool notes_are_empty(const struct notes *notes);

/* Whether the connection has all the notes that it may have. */
bool notes_full(const struct notes *notes);

/* The note of a message, made if there is none. First pass only. */
struct message_note *notes_get(struct notes *notes, struct message_context *context);

/* A note for a message of an earlier frame, joined with the one that it may have. First pass only; shown on later
 * passes, and never where the frame will not be seen again. */
struct message_note *notes_add_late(struct notes *notes, enum peer_side from, uint32_t frame, uint32_t place,
                                    uint32_t size, bool seen);

/* The message is an extended one: the name that its receiver gave the id to, NULL where it is unknown. The name is
 * copied, once for all notes; beyond 255 names it is unknown. First pass only. */
void notes_set_extension(struct notes *notes, struct message_note *note, uint8_t id, const char *name);

/* That name. */
const char *notes_extension(const struct notes *notes, const struct message_note *note);

/* A new detail of size bytes, zeroed but for its head. First pass only. */
void *notes_add_detail(struct notes *notes, struct message_note *note, const struct note_kind *kind, size_t size);

/* Keeps size bytes for a message, and the frames that hold them, where it has none yet. First pass only. */
void notes_keep_bytes(struct notes *notes, struct message_note *note, const uint8_t *bytes, uint32_t size,
                      const uint32_t *frames, uint32_t frame_count);

/* Adds a finding to a note; those about a detail come before those about a later one. The text is made as printf() does;
 * what comes from the wire must be printable, see notes_printable(). about: the detail that it is about, NULL: the
 * message. First pass only. */
struct finding *notes_add_finding(struct notes *notes, struct message_note *note, const struct note_detail *about,
                                  const struct finding_kind *kind, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* The same of a kind that describes what it is about. First pass only. */
struct finding *notes_add_described(struct notes *notes, struct message_note *note, const struct note_detail *about,
                                    const struct finding_kind *kind);

/* Longest text of a finding, with the byte that ends it. */
#define FINDING_TEXT_MAX 512

/* The text of a finding, which may be written to buffer. */
static inline const char *
notes_text_of(const struct finding *finding, char buffer[FINDING_TEXT_MAX])
{
    if (finding->kind->describe == NULL)
        return finding->text;
    finding->kind->describe(finding->about, buffer, FINDING_TEXT_MAX);
    return buffer;
}

/* Takes a finding from a note. First pass only; what the first pass has shown stays shown. */
void notes_remove_finding(struct notes *notes, struct message_note *note, const struct finding *finding);

/* Another text for a finding, not longer than it was. First pass only. */
void notes_change_finding(struct finding *finding, const char *text);

/* Whether no note of that frame, or of a later one, can be found: nearly always so on the first pass, where the frame is
 * the newest. later: as below. */
static inline bool
notes_have_none_since(const struct notes *notes, uint32_t frame, bool later)
{
    const struct note_lists *lists = notes->lists;

    return lists == NULL
           || ((!later || lists->late_count == 0)
               && (lists->count == 0 || lists->ordered[lists->count - 1]->frame < frame));
}

/* Below, where the packet before had notes, or this one has its frame number. */
bool notes_begin_next_to_notes(struct notes *notes, uint32_t frame, uint32_t packet);

/* The packet of that frame is going to be read. packet tells packets of the same frame number apart: any number that
 * changes with each packet. Of the packet before, what nobody took is forgotten. True where that one had the same frame
 * number: a read filter rejected it, its notes are gone, and nobody will see it again. First pass only. */
static inline bool
notes_begin_packet(struct notes *notes, uint32_t frame, uint32_t packet)
{
    if (frame == notes->frame || !notes_have_none_since(notes, notes->frame, false))
        return notes_begin_next_to_notes(notes, frame, packet);
    notes->frame = frame;
    notes->packet = packet;
    return false;
}

/* The first note of a frame, of either side, and in *end the one after its last; equal: there is none. later: a pass
 * after the first, which also sees what only later packets told. */
struct message_note *const *notes_of_frame(struct notes *notes, uint32_t frame, bool later,
                                           struct message_note *const **end);

/* Bytes from the wire as text, for a finding: what is not printable ASCII becomes \xHH. From scope. */
char *notes_printable(wmem_allocator_t *scope, const uint8_t *bytes, uint32_t size);

#endif
