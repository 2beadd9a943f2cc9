/* peer_gap.h
 * The first bytes that the stream of a peer lacks, and the finding that tells of them: bt.peer.expert.gap, once for each
 * direction of a connection.
 *
 * A gap is pending while nobody offers an extension that would be the worse for it: then it only knows where it would be
 * told. Later passes may not see the packet where the first one told it; there they are told elsewhere.
 *
 * All functions are for the first pass only.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_GAP_H
#define PEER_GAP_H

#include "core/notes.h"

struct peer_gap {
    struct peer_gap *next; /* that of the other direction */
    bool             pending;
    enum peer_side   from;
    uint32_t         frame; /* pending, or told late: where the first hole ends, as far as later passes show it */
    uint32_t         place;
    uint32_t         size;
    uint32_t told_in; /* pending, or told late: frame that later passes do not show, which is why it is told before;
                               0: it is told where it is */
    char     text[192];
    struct message_note *note;      /* not pending: where it is told, */
    struct finding      *finding;   /* and what */
    struct message_note *late_note; /* for later passes, which do not see note; NULL: they do */
    struct finding      *late_finding;
};

/* Bytes are missing before a place in the capture; text says how many, and what may help. Told there, unless pending. */
struct peer_gap *peer_gap_new(struct notes *notes, struct message_context *context, const char *text, bool pending);

/* Tells what is pending: its frame is over, so on later passes. */
void peer_gap_tell(struct peer_gap *gap, struct notes *notes);

/* Later passes show it here: they do not see the packet where it was told. */
void peer_gap_shown(struct peer_gap *gap, struct notes *notes, const struct message_context *context);

/* Later passes do not see the packet where it was told, and show it with what came before it, until peer_gap_shown(). */
void peer_gap_hidden(struct peer_gap *gap, struct notes *notes, const struct message_context *before);

/* Less is missing: a text that is not longer than the first one. */
void peer_gap_change(struct peer_gap *gap, const char *text);

/* Nothing is missing after all. */
void peer_gap_free(struct peer_gap *gap, struct notes *notes);

#endif
