/* utp_places.c
 * Where packets stand in the stream, see utp_places.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_places.h"

#include <string.h>

/* A run of no packets, before number at of those that there are. */
static struct utp_run *
insert_run(struct utp_places *places, wmem_allocator_t *scope, uint32_t at)
{
    struct utp_run *run = wmem_new0(scope, struct utp_run);

    if (places->count == places->room) {
        places->room = MAX(2, 2 * places->room);
        places->runs = (struct utp_run **)wmem_realloc(scope, places->runs, places->room * sizeof *places->runs);
    }
    memmove(&places->runs[at + 1], &places->runs[at], (places->count - at) * sizeof *places->runs);
    places->count++;
    places->runs[at] = run;
    return run;
}

static uint64_t
end_of(const struct utp_run *run)
{
    uint64_t end = run->position;

    for (uint32_t i = 0; i < run->count; i++)
        end += run->sizes[i];
    return end;
}

static void
add_to_run(struct utp_run *run, const struct utp_place *place)
{
    run->sizes[run->count] = (uint16_t)place->size; /* a datagram is shorter than 64 KiB */
    run->firsts[run->count] = (uint16_t)place->first;
    run->count++;
}

void
utp_places_add(struct utp_places *places, wmem_allocator_t *scope, uint64_t seq, uint32_t frame,
               const struct utp_place *place)
{
    struct utp_run *run = places->count > 0 ? places->runs[places->count - 1] : NULL;

    if (run == NULL || run->count == UTP_RUN_PACKETS || seq != run->seq + run->count
        || place->position != end_of(run)) {
        run = insert_run(places, scope, places->count);
        run->seq = seq;
        run->position = place->position;
        run->frame = frame;
    }
    add_to_run(run, place);
}

void
utp_places_insert(struct utp_places *places, wmem_allocator_t *scope, uint64_t seq, const struct utp_place *place)
{
    uint32_t        at = places->count;
    struct utp_run *run;

    while (at > 0 && places->runs[at - 1]->seq > seq)
        at--;
    run = insert_run(places, scope, at);
    run->seq = seq;
    run->position = place->position;
    run->frame = at > 0 ? places->runs[at - 1]->frame : 0; /* they ascend; a frame near it is enough to find it by */
    add_to_run(run, place);
}

/* The last run that began in a frame or before, else the first. */
static const struct utp_run *
run_of_frame(const struct utp_places *places, uint32_t frame)
{
    uint32_t low = 0, high = places->count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (places->runs[middle]->frame <= frame)
            low = middle;
        else
            high = middle;
    }
    return places->runs[low];
}

bool
utp_places_find(const struct utp_places *places, uint16_t seq_nr, uint32_t frame, struct utp_place *place)
{
    uint32_t low = 0, high = places->count;
    uint64_t near, seq;

    if (places->count == 0)
        return false;
    near = run_of_frame(places, frame)->seq;
    seq = near + (uint64_t)(int64_t)(int16_t)(uint16_t)(seq_nr - (uint16_t)near);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (places->runs[middle]->seq <= seq)
            low = middle;
        else
            high = middle;
    }

    const struct utp_run *run = places->runs[low];
    if (seq < run->seq || seq - run->seq >= run->count)
        return false;
    place->position = run->position;
    for (uint32_t i = 0; i < seq - run->seq; i++)
        place->position += run->sizes[i];
    place->size = run->sizes[seq - run->seq];
    place->first = run->firsts[seq - run->seq];
    return true;
}

void
utp_places_free(struct utp_places *places, wmem_allocator_t *scope)
{
    for (uint32_t i = 0; i < places->count; i++)
        wmem_free(scope, places->runs[i]);
    wmem_free(scope, places->runs);
    memset(places, 0, sizeof *places);
}
