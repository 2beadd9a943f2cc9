/* fuzz_notes.h
 * What holds for the notes of a connection, whatever its bytes were.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef FUZZ_NOTES_H
#define FUZZ_NOTES_H

#include "core/donthave/donthave_note.h"
#include "core/notes.h"

#include "fuzz.h"

static inline void
check_detail(const struct note_detail *detail, uint32_t frames)
{
    if (!is_donthave_detail(detail) || detail->kind->number != DONTHAVE_MESSAGE)
        return;
    const struct donthave_note *donthave = (const struct donthave_note *)(const void *)detail;
    check(donthave->unrejected <= donthave->requests);
    uint32_t requests = 0;
    for (const struct donthave_invalidated *request = donthave->invalidated; request != NULL; request = request->next) {
        check(request->request_in <= frames && request->by == donthave);
        requests++;
    }
    check(requests == donthave->requests);
}

static inline void
check_bytes(const struct message_note *note, uint32_t frames, bool reordered)
{
    unsigned sum = 0;

    check(note->bytes->captured <= note->size);
    for (uint32_t i = 0; i < note->bytes->captured; i++)
        sum += note->bytes->data[i];
    check(sum <= 255U * note->bytes->captured);
    for (uint32_t i = 0; i < note->bytes->frame_count; i++)
        check(note->bytes->frames[i] <= (reordered ? frames : note->frame)
              && (i == 0 || (reordered ? note->bytes->frames[i - 1] != note->bytes->frames[i]
                                       : note->bytes->frames[i - 1] < note->bytes->frames[i])));
}

/* All that frames 0 to frames have to show, on the first pass or later. reordered: the packets of a message may have come
 * in another order than its bytes. */
static inline void
check_notes(struct notes *notes, uint32_t frames, bool later, bool reordered)
{
    for (uint32_t frame = 0; frame <= frames; frame++) {
        struct message_note *const *end, *const *note = notes_of_frame(notes, frame, later, &end);
        for (; note != end; note++) {
            check((*note)->frame == frame);
            if ((*note)->bytes != NULL)
                check_bytes(*note, frames, reordered);
            for (const struct note_detail *detail = (*note)->details; detail != NULL; detail = detail->next)
                check_detail(detail, frames);
            notes_extension(notes, *note);
        }
    }
}

#endif
