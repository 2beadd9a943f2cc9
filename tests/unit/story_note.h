/* story_note.h
 * What the plugin has to say of a message, in the words of a story: tests/stories/README.md has them. All that the
 * stories know of the plugin's notes is in this file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef STORY_NOTE_H
#define STORY_NOTE_H

#include <string.h>

#include "peer_connection.h"

/* A note names the frame of several requests once. Stories name it once for each request. */
#define STORY_FRAMES_ONCE   1

static const struct message_note *
story_find_note(const struct peer_connection *connection, uint32_t frame, enum peer_side from, uint64_t position)
{
    const struct message_note *note = notes_of_frame(&connection->notes, frame);

    while (note != NULL && (note->position != position || note->from != from))
        note = note->next;
    return note;
}

static unsigned
story_count_notes(const struct peer_connection *connection, uint32_t frame)
{
    unsigned count = 0;

    for (const struct message_note *note = notes_of_frame(&connection->notes, frame); note != NULL; note = note->next)
        count++;
    return count;
}

/* The text of the first finding in a frame. */
static inline const char *
story_first_text(const struct peer_connection *connection, uint32_t frame)
{
    return notes_of_frame(&connection->notes, frame)->findings->text;
}

static void
story_describe_finding(GString *out, enum finding_id id)
{
    static const char *const names[] = {
#define X(name_id, name, severity, group, summary) #severity ":" name,
        FINDINGS(X)
#undef X
    };
    char *name = g_ascii_strdown(names[id], -1);

    g_string_append_printf(out, " %s", name);
    g_free(name);
}

static void
story_describe_donthave(GString *out, const struct extended_note *extended, bool with_id)
{
    const struct donthave_note *donthave = extended->donthave;

    if (with_id)
        g_string_append_printf(out, " id %u", extended->id);
    if (with_id && donthave->id_assigned_in != 0)
        g_string_append_printf(out, " assigned_in %u", donthave->id_assigned_in);
    if (donthave->id_assumed)
        g_string_append(out, " assumed");
    if (!donthave->counts) {
        if (donthave->has_index)
            g_string_append_printf(out, " piece %u", donthave->piece);
        else
            g_string_append(out, " piece -");
        g_string_append(out, donthave->fast ? " fast" : "");
        return;
    }
    g_string_append_printf(out, " requests %u", donthave->requests);
    if (donthave->requests > 0)
        g_string_append_printf(out, " bytes %" G_GUINT64_FORMAT " request_in", donthave->bytes);
    for (uint32_t i = 0; i < donthave->request_frame_count; i++)
        g_string_append_printf(out, "%s%u", i > 0 ? "," : " ", donthave->request_frames[i]);
    if (donthave->fast)
        g_string_append_printf(out, " unrejected %u", donthave->unrejected);
}

/* An answer that never came, as the second pass shows it, where the capture goes on after the story. */
static void
story_describe_unrejected(GString *out, const struct peer_connection *connection, enum peer_side answering,
                          uint32_t request_in, int64_t disowned)
{
    if (peer_connection_answer_was_due(connection, answering, request_in, disowned, INT64_MAX))
        story_describe_finding(out, FINDING_UNREJECTED);
}

/* The note of a message, a blank before each word; empty where it has none. with_id: with the id of a DontHave, and the
 * frame that assigned it. For g_free(). */
static char *
story_describe(const struct peer_connection *connection, const struct message_note *note, bool with_id)
{
    GString *out = g_string_new(NULL);

    if (note == NULL)
        return g_string_free(out, FALSE);
    if (note->negotiated >= 0)
        g_string_append_printf(out, " negotiated %d", note->negotiated);
    if (note->extended != NULL && note->extended->donthave != NULL)
        story_describe_donthave(out, note->extended, with_id);
    else if (note->extended != NULL)
        g_string_append_printf(out, " extended %s", note->extended->name != NULL ? note->extended->name : "unknown");
    if (note->late_request != NULL)
        g_string_append_printf(out, " late_request disowned_in %u%s", note->late_request->donthave_in,
                               note->late_request->crossed ? " crossed" : "");
    if (note->invalidated != NULL) {
        const struct block_note *block = note->invalidated;
        g_string_append_printf(out, " invalidated_in %u after %gs", block->donthave_in, (double)block->time / 1e9);
        if (block->rejected_in != 0)
            g_string_append_printf(out, " rejected_in %u", block->rejected_in);
    }
    if (note->late_block != NULL)
        g_string_append_printf(out, " late_block disowned_in %u", note->late_block->donthave_in);
    if (note->reject != NULL)
        g_string_append_printf(out, " reject request_in %u", note->request_in);
    for (const struct reannounced_note *item = note->reannounced; item != NULL; item = item->next)
        g_string_append_printf(out, " reannounced %u disowned_in %u", item->piece, item->disowned_in);
    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next)
        story_describe_finding(out, finding->id);
    if (note->invalidated != NULL && note->invalidated->unanswered)
        story_describe_unrejected(out, connection, other_side(note->from), note->frame,
                                  note->time + note->invalidated->time);
    if (note->extended != NULL && note->extended->donthave != NULL && note->extended->donthave->unrejected > 0)
        story_describe_unrejected(out, connection, note->from, note->extended->donthave->request_frames[0], note->time);
    return g_string_free(out, FALSE);
}

#endif
