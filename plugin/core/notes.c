/* notes.c
 * What the packets of a connection have to show, see notes.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
notes_init(struct notes *notes, wmem_allocator_t *scope)
{
    memset(notes, 0, sizeof *notes);
    notes->scope = scope;
}

static struct note_lists *
get_lists(struct notes *notes)
{
    if (notes->lists == NULL)
        notes->lists = wmem_new0(notes->scope, struct note_lists);
    return notes->lists;
}

static void
append(wmem_allocator_t *scope, struct message_note ***array, uint32_t *count, uint32_t *room,
       struct message_note *note)
{
    if (*count == *room) {
        *room = MAX(4, 2 * *room);
        *array = (struct message_note **)wmem_realloc(scope, *array, *room * sizeof **array);
    }
    (*array)[(*count)++] = note;
}

static void
free_note(struct notes *notes, struct message_note *note)
{
    if (notes->lists->written == note)
        notes->lists->written = NULL;
    if (note->bytes != NULL)
        wmem_free(notes->scope, (void *)(uintptr_t)note->bytes->data);
    wmem_free(notes->scope, note->bytes);
    wmem_free(notes->scope, note);
    notes->lists->kept--;
}

/* Forgets the notes of the newest frame that show nothing: offered to other dissectors, and taken by none. */
static void
drop_untaken(struct notes *notes)
{
    struct note_lists *lists = notes->lists;
    uint32_t           first = lists->count, kept;

    while (first > 0 && lists->ordered[first - 1]->frame == notes->frame)
        first--;
    kept = first;
    for (uint32_t i = first; i < lists->count; i++) {
        struct message_note *note = lists->ordered[i];
        if (!note->offer || note->taken || note->details != NULL || note->findings != NULL
            || (note->bytes != NULL && note->extension != 0))
            lists->ordered[kept++] = note;
        else
            free_note(notes, note);
    }
    lists->count = kept;
}

bool
notes_begin_next_to_notes(struct notes *notes, uint32_t frame, uint32_t packet)
{
    struct note_lists *lists = notes->lists;
    bool               again = frame == notes->frame && packet != notes->packet;

    if (lists != NULL && packet != notes->packet)
        drop_untaken(notes);
    /* The notes themselves stay: a request that waits for its answer may point at them. */
    while (again && lists != NULL && lists->count > 0 && lists->ordered[lists->count - 1]->frame == frame)
        lists->count--;
    while (again && lists != NULL && lists->late_count > 0 && lists->late[lists->late_count - 1]->frame == frame)
        lists->late_count--;
    notes->frame = frame;
    notes->packet = packet;
    return again;
}

bool
notes_are_empty(const struct notes *notes)
{
    return notes->lists == NULL || notes->lists->count + notes->lists->late_count == 0;
}

bool
notes_full(const struct notes *notes)
{
    return notes->lists != NULL && notes->lists->kept + 1 >= NOTES_MAX; /* the last one tells it */
}

static struct message_note *
new_note(struct notes *notes, enum peer_side from, uint32_t frame, uint32_t place, uint32_t size)
{
    struct message_note *note = wmem_new0(notes->scope, struct message_note);

    note->frame = frame;
    note->place = place;
    note->size = size;
    note->from = from;
    get_lists(notes)->kept++;
    return note;
}

/* Whether a note stands before another in the order of display. Places wrap, so a frame keeps the order in which its
 * messages came, unless one of them was added late. */
static bool
stands_before(const struct message_note *a, const struct message_note *b)
{
    if (a->frame != b->frame)
        return a->frame < b->frame;
    return a->from == b->from && (int32_t)(a->place - b->place) < 0;
}

struct message_note *
notes_get(struct notes *notes, struct message_context *context)
{
    if (context->note != NULL)
        return context->note;

    struct message_note *note = new_note(notes, context->from, context->frame, context->place, context->size);
    struct note_lists   *lists = notes->lists;
    context->note = note;
    /* At the end of the capture, what waits for lost packets is read in the frames that held it. */
    if (lists->count > 0 && lists->ordered[lists->count - 1]->frame > context->frame)
        append(notes->scope, &lists->late, &lists->late_count, &lists->late_room, note);
    else
        append(notes->scope, &lists->ordered, &lists->count, &lists->room, note);
    return note;
}

struct message_note *
notes_add_late(struct notes *notes, enum peer_side from, uint32_t frame, uint32_t place, uint32_t size, bool seen)
{
    struct message_note *note = new_note(notes, from, frame, place, size);
    struct note_lists   *lists = notes->lists;

    if (seen)
        append(notes->scope, &lists->late, &lists->late_count, &lists->late_room, note);
    return note;
}

void
notes_set_extension(struct notes *notes, struct message_note *note, uint8_t id, const char *name)
{
    struct note_lists *lists = notes->lists;
    uint32_t           number = 1; /* 0: unknown */

    note->extended_id = id;
    if (name == NULL)
        return;
    while (number <= lists->name_count && strcmp(lists->names[number - 1], name) != 0)
        number++;
    if (number > UINT8_MAX)
        return;
    if (number > lists->name_count) {
        lists->names = (char **)wmem_realloc(notes->scope, lists->names, number * sizeof *lists->names);
        lists->names[lists->name_count++] = wmem_strdup(notes->scope, name);
    }
    note->extension = (uint8_t)number;
}

const char *
notes_extension(const struct notes *notes, const struct message_note *note)
{
    return note->extension != 0 ? notes->lists->names[note->extension - 1] : NULL;
}

/* The note is going to be written to: its last detail and finding are known. Most are written to several times in a row. */
static void
write_to(struct notes *notes, struct message_note *note)
{
    struct note_lists *lists = notes->lists;

    if (lists->written == note)
        return;
    lists->written = note;
    lists->last_detail = note->details;
    while (lists->last_detail != NULL && lists->last_detail->next != NULL)
        lists->last_detail = lists->last_detail->next;
    lists->last_finding = note->findings;
    while (lists->last_finding != NULL && lists->last_finding->next != NULL)
        lists->last_finding = lists->last_finding->next;
}

void *
notes_add_detail(struct notes *notes, struct message_note *note, const struct note_kind *kind, size_t size)
{
    struct note_lists  *lists = notes->lists;
    bool                fits = note->details == NULL && size <= sizeof note->room;
    struct note_detail *detail = fits ? (struct note_detail *)(void *)note->room
                                      : (struct note_detail *)wmem_alloc0(notes->scope, size);

    write_to(notes, note);
    if (lists->last_detail != NULL)
        lists->last_detail->next = detail;
    else
        note->details = detail;
    lists->last_detail = detail;
    detail->kind = kind;
    return detail;
}

void
notes_keep_bytes(struct notes *notes, struct message_note *note, const uint8_t *bytes, uint32_t size,
                 const uint32_t *frames, uint32_t frame_count)
{
    if (note->bytes != NULL)
        return;
    note->bytes = (struct note_bytes *)wmem_alloc(notes->scope, sizeof *note->bytes + frame_count * sizeof *frames);
    note->bytes->captured = size;
    note->bytes->elsewhere = false;
    note->bytes->data = size > 0 ? (const uint8_t *)wmem_memdup(notes->scope, bytes, size) : NULL;
    note->bytes->frame_count = frame_count;
    if (frame_count > 0)
        memcpy(note->bytes->frames, frames, frame_count * sizeof *frames);
}

static struct finding *
add_finding(struct notes *notes, struct message_note *note, const struct note_detail *about,
            const struct finding_kind *kind, const char *text, size_t length)
{
    struct note_lists *lists = notes->lists;
    struct finding    *finding = (struct finding *)wmem_alloc(notes->scope, sizeof *finding + length + 1);

    finding->next = NULL;
    finding->kind = kind;
    finding->about = about;
    memcpy(finding->text, text, length);
    finding->text[length] = '\0';
    write_to(notes, note);
    if (lists->last_finding != NULL)
        lists->last_finding->next = finding;
    else
        note->findings = finding;
    lists->last_finding = finding;
    return finding;
}

struct finding *
notes_add_finding(struct notes *notes, struct message_note *note, const struct note_detail *about,
                  const struct finding_kind *kind, const char *format, ...)
{
    char    text[FINDING_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return add_finding(notes, note, about, kind, text, MIN((size_t)MAX(length, 0), sizeof text - 1));
}

struct finding *
notes_add_described(struct notes *notes, struct message_note *note, const struct note_detail *about,
                    const struct finding_kind *kind)
{
    return add_finding(notes, note, about, kind, "", 0);
}

void
notes_remove_finding(struct notes *notes, struct message_note *note, const struct finding *finding)
{
    struct finding **link = &note->findings;

    while (*link != finding)
        link = &(*link)->next;
    *link = finding->next;
    notes->lists->written = NULL;
}

void
notes_change_finding(struct finding *finding, const char *text)
{
    g_strlcpy(finding->text, text, strlen(finding->text) + 1);
}

static int
compare(const void *a, const void *b)
{
    const struct message_note *x = *(struct message_note *const *)a;
    const struct message_note *y = *(struct message_note *const *)b;

    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    int32_t distance = (int32_t)(x->place - y->place);
    return distance < 0 ? -1 : distance > 0;
}

/* The index of the first note whose frame is at least this one. */
static uint32_t
first_from(const struct notes *notes, uint32_t frame)
{
    struct note_lists *lists = notes->lists;
    uint32_t           first = 0, count = lists->count;

    while (count > 0) {
        uint32_t half = count / 2;
        if (lists->ordered[first + half]->frame < frame) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

/* Two notes of one message become one. */
static void
join(struct notes *notes, struct message_note *note, struct message_note *late)
{
    struct note_lists   *lists = notes->lists;
    struct note_detail **detail = &note->details;
    struct finding     **finding = &note->findings;

    lists->written = NULL;
    while (*detail != NULL)
        detail = &(*detail)->next;
    *detail = late->details;
    while (*finding != NULL)
        finding = &(*finding)->next;
    *finding = late->findings;
    if (note->bytes == NULL)
        note->bytes = late->bytes;
}

/* Late notes that are about a message which has a note, or another late one, are joined with that. Both are walked once. */
static void
join_same_messages(struct notes *notes)
{
    struct note_lists *lists = notes->lists;
    uint32_t           kept = 0, at = 0;

    for (uint32_t i = 0; i < lists->late_count; i++) {
        struct message_note *late = lists->late[i];
        if (at >= lists->count || lists->ordered[at]->frame != late->frame)
            at = first_from(notes, late->frame);
        while (at < lists->count && stands_before(lists->ordered[at], late))
            at++;
        if (at < lists->count && compare(&lists->ordered[at], &late) == 0)
            join(notes, lists->ordered[at], late);
        else if (kept > 0 && compare(&lists->late[kept - 1], &late) == 0)
            join(notes, lists->late[kept - 1], late);
        else
            lists->late[kept++] = late;
    }
    lists->late_count = kept;
}

/* Puts the late notes into their places: sorts them, joins those that are about the same message, and merges them from
 * the end. */
static void
settle(struct notes *notes)
{
    struct note_lists *lists = notes->lists;
    uint32_t           from, late, to;

    if (lists == NULL || lists->late_count == 0)
        return;
    qsort(lists->late, lists->late_count, sizeof *lists->late, compare);
    join_same_messages(notes);
    from = lists->count;
    late = lists->late_count;
    to = from + late;
    if (to > lists->room) {
        lists->room = to;
        lists->ordered = (struct message_note **)wmem_realloc(notes->scope, lists->ordered,
                                                              to * sizeof *lists->ordered);
    }
    while (late > 0) {
        if (from > 0 && stands_before(lists->late[late - 1], lists->ordered[from - 1])) {
            from--;
            lists->ordered[--to] = lists->ordered[from];
        } else {
            late--;
            lists->ordered[--to] = lists->late[late];
        }
    }
    lists->count += lists->late_count;
    wmem_free(notes->scope, lists->late);
    lists->late = NULL;
    lists->late_count = lists->late_room = 0;
}

struct message_note *const *
notes_of_frame(struct notes *notes, uint32_t frame, bool later, struct message_note *const **end)
{
    struct note_lists *lists = notes->lists;

    *end = NULL;
    if (later)
        settle(notes);
    if (lists == NULL || lists->count == 0 || lists->ordered[lists->count - 1]->frame < frame)
        return NULL;

    uint32_t first = first_from(notes, frame);
    *end = lists->ordered + (frame < UINT32_MAX ? first_from(notes, frame + 1) : lists->count);
    return lists->ordered + first;
}

char *
notes_printable(wmem_allocator_t *scope, const uint8_t *bytes, uint32_t size)
{
    char *text = (char *)wmem_alloc(scope, 4 * (size_t)size + 1);
    char *at = text;

    for (uint32_t i = 0; i < size; i++) {
        if (g_ascii_isprint((char)bytes[i]))
            *at++ = (char)bytes[i];
        else
            at += snprintf(at, 5, "\\x%02x", bytes[i]);
    }
    *at = '\0';
    return text;
}
