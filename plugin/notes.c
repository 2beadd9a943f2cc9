/* notes.c
 * What the packets of a connection have to show, see notes.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "notes.h"

#include <stdarg.h>
#include <string.h>

void
notes_init(struct notes *notes, wmem_allocator_t *scope)
{
    memset(notes, 0, sizeof *notes);
    notes->scope = scope;
}

/* Whether a message stands before the one at position, of two in the same frame. */
static bool
stands_before(const struct message_note *note, uint64_t position, enum peer_side from)
{
    return note->position < position || (note->position == position && note->from < from);
}

struct message_note *
notes_get_at(struct notes *notes, enum peer_side from, uint32_t frame, uint64_t position, uint32_t size)
{
    struct message_note *before = NULL;
    struct message_note *at = NULL;

    if (notes->by_frame == NULL)
        notes->by_frame = wmem_map_new(notes->scope, g_direct_hash, g_direct_equal);
    if (notes->newest != NULL && notes->newest->frame == frame && stands_before(notes->newest, position, from))
        before = notes->newest;
    at = before != NULL ? before->next
         : (struct message_note *)wmem_map_lookup(notes->by_frame, GUINT_TO_POINTER(frame));
    while (at != NULL && stands_before(at, position, from)) {
        before = at;
        at = at->next;
    }
    if (at != NULL && at->position == position && at->from == from)
        return at;

    struct message_note *note = wmem_new0(notes->scope, struct message_note);
    note->frame = frame;
    note->from = from;
    note->position = position;
    note->size = size;
    note->negotiated = -1;
    note->next = at;
    if (before != NULL)
        before->next = note;
    else
        wmem_map_insert(notes->by_frame, GUINT_TO_POINTER(frame), note);
    notes->newest = note;
    return note;
}

struct message_note *
notes_get(struct notes *notes, enum peer_side from, const struct message_context *context)
{
    struct message_note *note = notes_get_at(notes, from, context->frame, context->position, context->size);

    note->time = context->time;
    if (context->bytes != NULL && note->bytes == NULL) {
        note->bytes = (const uint8_t *)wmem_memdup(notes->scope, context->bytes, context->bytes_size);
        note->bytes_size = context->bytes_size;
    }
    return note;
}

const struct message_note *
notes_of_frame(const struct notes *notes, uint32_t frame)
{
    if (notes->by_frame == NULL)
        return NULL;
    return (const struct message_note *)wmem_map_lookup(notes->by_frame, GUINT_TO_POINTER(frame));
}

void
notes_add_finding(struct notes *notes, struct message_note *note, enum finding_id id, const char *format, ...)
{
    struct finding *finding = wmem_new0(notes->scope, struct finding);
    va_list         arguments;

    va_start(arguments, format);
    finding->id = id;
    finding->text = wmem_strdup_vprintf(notes->scope, format, arguments);
    va_end(arguments);
    *(note->findings != NULL ? &note->last_finding->next : &note->findings) = finding;
    note->last_finding = finding;
}

void
notes_tell_limit(struct notes *notes, enum peer_side from, const struct message_context *context, const char *what,
                 uint32_t limit)
{
    if (notes->limit_told)
        return;
    notes->limit_told = true;
    notes_add_finding(notes, notes_get(notes, from, context), FINDING_LIMIT,
                      "Limit reached: %u %s; what follows may be incomplete", limit, what);
}
