/* story_note.h
 * What the plugin has to say of a message, in the words of a story: tests/stories/README.md has them. All that the
 * stories know of the plugin's notes is in this file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef STORY_NOTE_H
#define STORY_NOTE_H

#include <string.h>

#include "core/donthave/donthave.h"
#include "core/donthave/donthave_findings.h"
#include "core/donthave/donthave_note.h"
#include "core/peer_connection.h"

static const struct message_note *
story_find_note(struct peer_connection *connection, uint32_t frame, enum peer_side from, uint64_t position)
{
    struct message_note *const *end;
    struct message_note *const *note = notes_of_frame(&connection->notes, frame, true, &end);

    while (note != end && ((*note)->place != (uint32_t)position || (*note)->from != (unsigned)from))
        note++;
    return note != end ? *note : NULL;
}

static unsigned
story_count_notes(struct peer_connection *connection, uint32_t frame)
{
    struct message_note *const *end;
    struct message_note *const *first = notes_of_frame(&connection->notes, frame, true, &end);

    return first != NULL ? (unsigned)(end - first) : 0;
}

/* The findings of the first note of a frame. */
static inline const struct finding *
story_first_finding(struct peer_connection *connection, uint32_t frame)
{
    struct message_note *const *end;
    struct message_note *const *first = notes_of_frame(&connection->notes, frame, true, &end);

    return first != end ? (*first)->findings : NULL;
}

static void
story_describe_kind(GString *out, const struct finding_kind *kind)
{
    static const char *const severities[] = {
        [FINDING_CHAT] = "chat", [FINDING_NOTE] = "note", [FINDING_WARN] = "warn", [FINDING_ERROR] = "error"
    };

    g_string_append_printf(out, " %s:%s", severities[kind->severity], strrchr(kind->name, '.') + 1);
}

static void
story_describe_donthave(GString *out, const struct message_note *note, const struct donthave_note *donthave,
                        bool with_id)
{
    if (with_id)
        g_string_append_printf(out, " id %u", note->extended_id);
    if (with_id && donthave->id_assigned_in != 0)
        g_string_append_printf(out, " assigned_in %u", donthave->id_assigned_in);
    if (donthave->id_assumed)
        g_string_append(out, " assumed");
    if (!donthave->takes_effect) {
        if (donthave->has_index)
            g_string_append_printf(out, " piece %u", donthave->piece);
        else
            g_string_append(out, " piece -");
        g_string_append(out, donthave->fast ? " fast" : "");
        return;
    }
    g_string_append_printf(out, " requests %u", donthave->requests);
    if (donthave->requests > 0)
        g_string_append_printf(out, " bytes %" G_GUINT64_FORMAT " request_in", donthave_bytes(donthave));
    for (const struct donthave_invalidated *request = donthave->invalidated; request != NULL; request = request->next)
        g_string_append_printf(out, "%s%u", request != donthave->invalidated ? "," : " ", request->request_in);
    if (donthave->fast)
        g_string_append_printf(out, " unrejected %u", donthave->unrejected);
}

static void
story_describe_invalidated(GString *out, const struct donthave_invalidated *invalidated)
{
    g_string_append_printf(out, " invalidated_in %u after %gs", invalidated->by->frame,
                           (double)invalidated->age / 1e9);
    if (invalidated->rejected_in != 0)
        g_string_append_printf(out, " rejected_in %u", invalidated->rejected_in);
}

static void
story_describe_detail(GString *out, const struct message_note *note, const struct note_detail *detail, bool with_id)
{
    const struct donthave_block       *block = (const struct donthave_block *)detail;
    const struct donthave_reannounced *item = (const struct donthave_reannounced *)detail;

    switch ((enum donthave_kind)detail->kind->number) {
    case DONTHAVE_NEGOTIATED:
        g_string_append_printf(out, " negotiated %u", ((const struct donthave_negotiated *)detail)->id);
        break;
    case DONTHAVE_MESSAGE:
        story_describe_donthave(out, note, (const struct donthave_note *)detail, with_id);
        break;
    case DONTHAVE_LATE_REQUEST:
        g_string_append_printf(out, " late_request disowned_in %u%s", block->donthave_in,
                               block->crossed ? " crossed" : "");
        break;
    case DONTHAVE_INVALIDATED:
        story_describe_invalidated(out, (const struct donthave_invalidated *)detail);
        break;
    case DONTHAVE_LATE_BLOCK:
        g_string_append_printf(out, " late_block disowned_in %u", block->donthave_in);
        break;
    case DONTHAVE_REJECT:
        g_string_append_printf(out, " reject request_in %u", block->answers->request_in);
        break;
    case DONTHAVE_REANNOUNCED:
        g_string_append_printf(out, " reannounced %u disowned_in %u", item->piece, item->disowned_in);
        break;
    case DONTHAVE_WAIT_OVER:
        break;                          /* for statistics */
    default:
        g_assert_not_reached();
    }
}

/* An answer that never came, as the second pass shows it, where the capture goes on after the story. */
static void
story_describe_unrejected(GString *out, const struct peer_connection *connection, const struct message_note *note,
                          const struct note_detail *detail)
{
    const struct donthave_note        *donthave = (const struct donthave_note *)detail;
    const struct donthave_invalidated *invalidated = (const struct donthave_invalidated *)detail;
    bool                               waits = false;

    if (detail->kind->number == DONTHAVE_MESSAGE && donthave->unrejected > 0)
        waits = !donthave->excused && peer_connection_heard_since(connection, (enum peer_side)note->from,
                                                                  donthave->invalidated->request_in);
    else if (detail->kind->number == DONTHAVE_INVALIDATED && invalidated->unanswered)
        waits = !invalidated->by->excused
                && peer_connection_heard_since(connection, other_side((enum peer_side)note->from), note->frame);
    if (waits)
        story_describe_kind(out, &donthave_findings.unrejected);
}

/* The note of a message, a blank before each word; empty where it has none. with_id: with the id of a DontHave, and the
 * frame that assigned it. For g_free(). */
static char *
story_describe(const struct peer_connection *connection, const struct message_note *note, bool with_id)
{
    GString *out = g_string_new(NULL);

    if (note == NULL)
        return g_string_free(out, FALSE);
    if (note->offer && note->details == NULL) {
        const char *name = notes_extension(&connection->notes, note);
        g_string_append_printf(out, " extended %s", name != NULL ? name : "unknown");
    }
    for (const struct note_detail *detail = note->details; detail != NULL; detail = detail->next)
        story_describe_detail(out, note, detail, with_id);
    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next)
        story_describe_kind(out, finding->kind);
    for (const struct note_detail *detail = note->details; detail != NULL; detail = detail->next)
        story_describe_unrejected(out, connection, note, detail);
    return g_string_free(out, FALSE);
}

#endif
