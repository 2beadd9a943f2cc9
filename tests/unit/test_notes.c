/* test_notes.c
 * notes.c: which notes stay, what is joined, and how many names are known. How notes are shown: tests/regression.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/notes.h"

static const struct note_kind kind = { "test", 0 };

/* A note of an extended message in a frame; bytes: it does not lie there as a whole. */
static struct message_note *
add_offer(struct notes *notes, uint32_t frame, uint32_t place, const char *name, const char *bytes)
{
    struct message_context context = { .from = PEER_A, .frame = frame, .place = place, .size = 10 };
    struct message_note   *note = notes_get(notes, &context);
    uint32_t               frames[] = { frame - 1, frame };

    note->offer = true;
    notes_set_extension(notes, note, 1, name);
    if (bytes != NULL)
        notes_keep_bytes(notes, note, (const uint8_t *)bytes, (uint32_t)strlen(bytes), frames, 2);
    return note;
}

static uint32_t
count_in(struct notes *notes, uint32_t frame)
{
    struct message_note *const *end, *const *first = notes_of_frame(notes, frame, false, &end);

    return first != NULL ? (uint32_t)(end - first) : 0;
}

/* Of what was offered to other dissectors, nothing is kept that nobody took; but a message of a known extension that was
 * put together has its frames to show. */
static void
untaken(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct notes      notes;

    notes_init(&notes, scope);
    notes_begin_packet(&notes, 5, 1);
    add_offer(&notes, 5, 0, NULL, NULL);
    add_offer(&notes, 5, 10, "ut_pex", NULL);
    add_offer(&notes, 5, 20, NULL, "bytes");
    add_offer(&notes, 5, 30, "ut_pex", NULL)->taken = true;
    add_offer(&notes, 5, 40, "ut_pex", "bytes");
    notes_add_detail(&notes, add_offer(&notes, 5, 50, "ut_pex", NULL), &kind, sizeof(struct note_detail));
    g_assert_cmpuint(count_in(&notes, 5), ==, 6);
    notes_begin_packet(&notes, 6, 2);
    g_assert_cmpuint(count_in(&notes, 5), ==, 3);
    for (uint32_t i = 0; i < 3; i++)
        g_assert_cmpuint(notes.lists->ordered[i]->place, ==, 30 + 10 * i);
    wmem_destroy_allocator(scope);
}

/* Bytes are kept once. */
static void
bytes_once(void)
{
    wmem_allocator_t    *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct notes         notes;
    struct message_note *note;

    notes_init(&notes, scope);
    note = add_offer(&notes, 5, 0, NULL, "first");
    notes_keep_bytes(&notes, note, (const uint8_t *)"later", 5, NULL, 0);
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, "first", 5);
    g_assert_cmpuint(note->bytes->frame_count, ==, 2);
    wmem_destroy_allocator(scope);
}

/* The findings of a note as one text. */
static void
check_findings(const struct message_note *note, const char *expected)
{
    GString *texts = g_string_new("");

    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next)
        g_string_append(texts, finding->text);
    g_assert_cmpstr(texts->str, ==, expected);
    g_string_free(texts, TRUE);
}

/* What is found after one was taken away, or after a later pass joined two notes of the message, comes at the end. */
static void
findings_go_on(void)
{
    static const struct finding_kind found = { .name = "found" };
    wmem_allocator_t                *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct notes                     notes;
    struct message_note *const      *end;
    struct message_note             *note;

    notes_init(&notes, scope);
    note = add_offer(&notes, 5, 0, NULL, NULL);
    notes_add_finding(&notes, note, NULL, &found, "a");
    const struct finding *last = notes_add_finding(&notes, note, NULL, &found, "b");
    notes_remove_finding(&notes, note, last);
    notes_add_finding(&notes, note, NULL, &found, "c");
    check_findings(note, "ac");

    struct message_note *late = notes_add_late(&notes, PEER_A, 5, 0, 10, true);
    notes_add_finding(&notes, late, NULL, &found, "d");
    notes_add_finding(&notes, note, NULL, &found, "e");
    g_assert_nonnull(notes_of_frame(&notes, 5, true, &end));
    check_findings(note, "aced");
    notes_add_finding(&notes, note, NULL, &found, "f");
    check_findings(note, "acedf");
    wmem_destroy_allocator(scope);
}

/* Another packet with the same frame number: a read filter rejected the one before. */
static void
frame_again(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct notes      notes;

    notes_init(&notes, scope);
    g_assert_false(notes_begin_packet(&notes, 4, 1));
    add_offer(&notes, 4, 0, "ut_pex", NULL)->taken = true;
    g_assert_false(notes_begin_packet(&notes, 5, 2));
    add_offer(&notes, 5, 0, "ut_pex", NULL)->taken = true;
    g_assert_false(notes_begin_packet(&notes, 5, 2));
    g_assert_cmpuint(count_in(&notes, 5), ==, 1);
    g_assert_true(notes_begin_packet(&notes, 5, 3));
    g_assert_cmpuint(count_in(&notes, 5), ==, 0);
    g_assert_cmpuint(count_in(&notes, 4), ==, 1);
    wmem_destroy_allocator(scope);
}

/* What is known later joins the note of its message: details and findings after those that it has, bytes where it has
 * none. */
static void
joined(void)
{
    wmem_allocator_t           *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct notes                notes;
    static const uint32_t       frames[] = { 3, 5 };
    struct message_context      context = { .from = PEER_A, .frame = 5, .place = 70, .size = 17 };
    struct message_note *const *end, *const *first;

    notes_init(&notes, scope);
    notes_begin_packet(&notes, 5, 1);
    struct note_detail  *early = (struct note_detail *)notes_add_detail(&notes, notes_get(&notes, &context), &kind,
                                                                        sizeof *early);
    struct message_note *late = notes_add_late(&notes, PEER_A, 5, 70, 17, true);
    struct note_detail  *detail = (struct note_detail *)notes_add_detail(&notes, late, &kind, sizeof *detail);
    notes_keep_bytes(&notes, late, (const uint8_t *)"12345678901234567", 17, frames, 2);
    notes_add_late(&notes, PEER_A, 5, 10, 17, true);        /* another one, before it */
    notes_add_late(&notes, PEER_A, 5, 80, 17, false);       /* of a frame that nobody will see */
    notes_begin_packet(&notes, 6, 2);
    g_assert_cmpuint(count_in(&notes, 5), ==, 1);
    first = notes_of_frame(&notes, 5, true, &end);
    g_assert_cmpint(end - first, ==, 2);
    g_assert_cmpuint(first[0]->place, ==, 10);
    g_assert_true(first[1] == context.note && first[1]->details == early && early->next == detail);
    g_assert_nonnull(first[1]->bytes);
    g_assert_cmpuint(first[1]->bytes->captured, ==, 17);
    g_assert_cmpuint(first[1]->bytes->frame_count, ==, 2);
    wmem_destroy_allocator(scope);
}

/* Names beyond 255 are unknown, and those before stay. */
static void
names(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct notes      notes;

    notes_init(&notes, scope);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 1; i <= 260; i++) {
            char                *name = g_strdup_printf("name_%u", i);
            struct message_note *note = add_offer(&notes, 1, 10 * i, name, NULL);
            g_assert_cmpstr(notes_extension(&notes, note), ==, i <= 255 ? name : NULL);
            g_assert_cmpuint(note->extended_id, ==, 1);
            g_free(name);
        }
    }
    wmem_destroy_allocator(scope);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/notes/untaken", untaken);
    g_test_add_func("/notes/frame_again", frame_again);
    g_test_add_func("/notes/bytes_once", bytes_once);
    g_test_add_func("/notes/findings_go_on", findings_go_on);
    g_test_add_func("/notes/joined", joined);
    g_test_add_func("/notes/names", names);
    return g_test_run();
}
