/* peer_gap.c
 * The first bytes that the stream of a peer lacks, see peer_gap.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/peer_gap.h"

#include "core/peer_findings.h"

const struct peer_findings peer_findings = {
    .gap = { .name = "bt.peer.expert.gap",
             .severity = FINDING_NOTE,
             .group = FINDING_SEQUENCE,
             .summary = "Bytes of the stream of a BitTorrent peer are missing" },
};

/* What is missing, told elsewhere. */
#define BEFORE_FRAME "Before frame %u: %s"

static void
set_place(struct peer_gap *gap, const struct message_context *context)
{
    gap->frame = context->frame;
    gap->place = context->place;
    gap->size = context->size;
}

/* Writes what is missing for later passes, at context. told_in: the frame after the hole, where that is another one; or 0. */
static struct message_note *
note_late(struct notes *notes, const struct message_context *context, uint32_t told_in, const char *text,
          struct finding **finding)
{
    struct message_note *note = notes_add_late(notes, context->from, context->frame, context->place, context->size,
                                               true);

    note->stretch = true;
    if (told_in != 0)
        *finding = notes_add_finding(notes, note, NULL, &peer_findings.gap, BEFORE_FRAME, told_in, text);
    else
        *finding = notes_add_finding(notes, note, NULL, &peer_findings.gap, "%s", text);
    return note;
}

/* Tells of a gap where it says, on later passes. */
static void
tell_late(struct peer_gap *gap, struct notes *notes)
{
    struct message_context context = {
        .from = gap->from, .frame = gap->frame, .place = gap->place, .size = gap->size
    };

    gap->note = note_late(notes, &context, gap->told_in, gap->text, &gap->finding);
}

/* What was told for later passes only is not. */
static void
forget_late_note(struct peer_gap *gap, struct notes *notes)
{
    if (gap->late_note != NULL)
        notes_remove_finding(notes, gap->late_note, gap->late_finding);
    gap->late_note = NULL;
    gap->told_in = 0;
}

struct peer_gap *
peer_gap_new(struct notes *notes, struct message_context *context, const char *text, bool pending)
{
    struct peer_gap *gap = wmem_new0(notes->scope, struct peer_gap);

    gap->from = context->from;
    gap->pending = pending;
    if (pending) {
        set_place(gap, context);
        g_strlcpy(gap->text, text, sizeof gap->text);
    } else {
        gap->note = notes_get(notes, context);
        gap->note->stretch = true;
        gap->finding = notes_add_finding(notes, gap->note, NULL, &peer_findings.gap, "%s", text);
    }
    return gap;
}

void
peer_gap_tell(struct peer_gap *gap, struct notes *notes)
{
    if (!gap->pending)
        return;
    gap->pending = false;
    tell_late(gap, notes);
}

void
peer_gap_shown(struct peer_gap *gap, struct notes *notes, const struct message_context *context)
{
    forget_late_note(gap, notes);
    set_place(gap, context);
    if (gap->pending)
        return;
    g_strlcpy(gap->text, gap->finding->text, sizeof gap->text);
    notes_remove_finding(notes, gap->note, gap->finding);
    tell_late(gap, notes);
}

void
peer_gap_hidden(struct peer_gap *gap, struct notes *notes, const struct message_context *before)
{
    if (gap->pending) {
        gap->told_in = gap->frame;
        set_place(gap, before);
    } else {
        gap->late_note = note_late(notes, before, gap->note->frame, gap->finding->text, &gap->late_finding);
    }
}

void
peer_gap_change(struct peer_gap *gap, const char *text)
{
    char late_text[sizeof gap->text];

    if (gap->pending)
        g_strlcpy(gap->text, text, sizeof gap->text);
    else
        notes_change_finding(gap->finding, text);
    if (gap->late_note == NULL)
        return;
    g_snprintf(late_text, sizeof late_text, BEFORE_FRAME, gap->note->frame, text);
    notes_change_finding(gap->late_finding, late_text);
}

void
peer_gap_free(struct peer_gap *gap, struct notes *notes)
{
    forget_late_note(gap, notes);
    if (!gap->pending)
        notes_remove_finding(notes, gap->note, gap->finding);
    wmem_free(notes->scope, gap);
}
