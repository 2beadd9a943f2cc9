/* sctp_messages.c
 * Messages of one direction of an SCTP association, see sctp_messages.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/sctp_messages.h"

#include <string.h>

/* TSNs are 32 bits wide. The first one is widened to this much more, so that those just before it are above 0 too. */
#define WIDE_BASE (UINT64_C(1) << 32)

/* In the list of those that were seen: its fragment waits no more. */
static struct sctp_fragment taken;

void
sctp_direction_init(struct sctp_direction *direction, wmem_allocator_t *scope)
{
    memset(direction, 0, sizeof *direction);
    direction->scope = scope;
    direction->ready_end = &direction->ready;
}

static void
free_stream(struct sctp_direction *direction, struct sctp_stream *stream)
{
    sctp_stream_forget_late(direction, stream);
    for (int numbers = 0; numbers < SCTP_NUMBERS; numbers++)
        sctp_fragments_free(direction, stream->open[numbers].first);
    sctp_fragments_free(direction, stream->early);
    wmem_free(direction->scope, stream);
}

void
sctp_direction_free(struct sctp_direction *direction)
{
    sctp_message_free(direction, direction->lent);
    while (direction->ready != NULL) {
        struct sctp_message *message = direction->ready;
        direction->ready = message->next;
        sctp_message_free(direction, message);
    }
    while (direction->newest != NULL) {
        struct sctp_stream *stream = direction->newest;
        direction->newest = stream->older;
        free_stream(direction, stream);
    }
    wmem_free(direction->scope, direction->seen);
    sctp_direction_init(direction, direction->scope);
}

void
sctp_direction_start(struct sctp_direction *direction, uint32_t tsn)
{
    if (direction->has_data)
        return;
    direction->started = true;
    direction->next = WIDE_BASE + tsn;
}

/* The number nearest to next. */
static uint64_t
widen(const struct sctp_direction *direction, uint32_t tsn)
{
    return direction->next + (uint64_t)(int64_t)(int32_t)(tsn - (uint32_t)direction->next);
}

uint64_t
sctp_direction_acknowledge(struct sctp_direction *direction, uint32_t tsn)
{
    if (!direction->started)
        return 0;

    uint64_t seq = widen(direction, tsn);
    direction->ack_seen = true;
    if (seq < direction->next + 2 * SCTP_WINDOW_CHUNKS)
        direction->lost = MAX(direction->lost, seq + 1);
    return seq;
}

/* --- in order --- */

static struct sctp_fragment **
slot_of(const struct sctp_direction *direction, uint64_t seq)
{
    return &direction->seen[seq % SCTP_WINDOW_CHUNKS];
}

/* Takes the fragments whose turn it is: nothing of their stream can be missing before them any more. */
static void
take_ready(struct sctp_direction *direction, struct sctp_stream *stream)
{
    struct sctp_fragment *fragment;

    while ((fragment = stream->early) != NULL
           && (fragment->seq < direction->next || sctp_stream_goes_on(direction, stream, fragment))) {
        stream->early = fragment->next;
        if (stream->early == NULL)
            stream->early_last = NULL;
        if (fragment->seq >= direction->next)
            *slot_of(direction, fragment->seq) = &taken;
        sctp_stream_take(direction, stream, fragment);
    }
}

/* The next chunks came, or were given up. */
static void
go_to(struct sctp_direction *direction, uint64_t to, bool gives_up)
{
    uint64_t count = to - direction->next;

    direction->given_up = count < SCTP_LATE_CHUNKS ? direction->given_up << count : 0;
    if (gives_up) {
        direction->given_up |= count < SCTP_LATE_CHUNKS ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
        direction->missing += count;
    }
    direction->next = to;
}

/* Steps over a missing chunk, or over several where nothing waits between; but not over end. False where it may still
 * come. */
static bool
give_up(struct sctp_direction *direction, uint64_t end)
{
    uint64_t limit = MIN(direction->next < direction->lost ? direction->lost : direction->release, end);
    uint64_t to;

    if (direction->next >= limit)
        return false;
    direction->limit = direction->next >= direction->lost;
    to = direction->seen_count > 0 ? direction->next + 1 : limit;
    go_to(direction, to, true);
    return true;
}

/* Goes on to the first chunk that may still come, or to end. */
static void
advance(struct sctp_direction *direction, uint64_t end)
{
    while (direction->next < end) {
        struct sctp_fragment *fragment = direction->seen_count > 0 ? *slot_of(direction, direction->next) : NULL;
        if (fragment != NULL) {
            *slot_of(direction, direction->next) = NULL;
            direction->seen_count--;
            go_to(direction, direction->next + 1, false);
            if (fragment != &taken)
                take_ready(direction, fragment->stream);
        } else if (!give_up(direction, end)) {
            return;
        }
    }
}

/* Goes on as long as something was seen further on: nothing is given up for nothing. */
static void
advance_over_seen(struct sctp_direction *direction)
{
    while (direction->seen_count > 0) {
        uint64_t before = direction->next;
        advance(direction, before + 1);
        if (direction->next == before)
            return;
    }
}

/* --- chunks --- */

/* The stream of that number; NULL where it is not followed. */
static struct sctp_stream *
get_stream(struct sctp_direction *direction, uint16_t number)
{
    struct sctp_stream *stream;

    if (direction->streams == NULL)
        direction->streams = wmem_map_new(direction->scope, g_direct_hash, g_direct_equal);
    stream = (struct sctp_stream *)wmem_map_lookup(direction->streams, GUINT_TO_POINTER(number));
    if (stream == NULL && wmem_map_size(direction->streams) < SCTP_STREAMS_MAX) {
        stream = wmem_new0(direction->scope, struct sctp_stream);
        stream->number = number;
        stream->older = direction->newest;
        direction->newest = stream;
        wmem_map_insert(direction->streams, GUINT_TO_POINTER(number), stream);
    }
    return stream;
}

/* The chunk of that number came: fragment waits for its turn, or is of no stream (NULL). */
static void
mark_seen(struct sctp_direction *direction, uint64_t seq, struct sctp_fragment *fragment)
{
    if (seq == direction->next && direction->seen_count == 0) {
        go_to(direction, seq + 1, false);
        return;
    }
    if (direction->seen == NULL)
        direction->seen = wmem_alloc0_array(direction->scope, struct sctp_fragment *, SCTP_WINDOW_CHUNKS);
    *slot_of(direction, seq) = fragment != NULL ? fragment : &taken;
    direction->seen_count++;
}

static struct sctp_fragment *
copy_chunk(struct sctp_direction *direction, struct sctp_stream *stream, uint64_t seq, const struct sctp_data *data,
           const struct sctp_place *place)
{
    struct sctp_fragment *fragment = (struct sctp_fragment *)wmem_alloc0(direction->scope,
                                                                         sizeof *fragment + data->size);
    uint8_t              *payload = (uint8_t *)(fragment + 1);

    memcpy(payload, data->payload, data->size);
    fragment->stream = stream;
    fragment->seq = seq;
    fragment->data = *data;
    fragment->data.payload = payload;
    fragment->place = *place;
    direction->waiting_bytes += data->size;
    return fragment;
}

/* A fragment waits for its turn. */
static void
wait_for_turn(struct sctp_stream *stream, struct sctp_fragment *fragment)
{
    bool is_last = stream->early_last != NULL && stream->early_last->seq < fragment->seq;

    stream->mixes = stream->mixes || fragment->data.unordered;
    sctp_fragment_insert(is_last ? &stream->early_last->next : &stream->early, fragment);
    if (fragment->next == NULL)
        stream->early_last = fragment;
}

/* --- what comes late --- */

static void
count_as_come(struct stream_end *end, uint64_t seq)
{
    for (int numbers = 0; numbers < SCTP_NUMBERS; numbers++) {
        if (end->numbers[numbers].seq <= seq)
            end->numbers[numbers].come++;
    }
}

/* A chunk that was given up came all the same: no stream lacks it, also those that it is not of and have a hole there. */
static void
came_late(struct sctp_direction *direction, uint64_t seq, const struct sctp_stream *own)
{
    for (struct sctp_stream *stream = direction->newest; stream != NULL; stream = stream->older) {
        count_as_come(&stream->end, seq);
        if (stream->late == NULL)
            continue;
        count_as_come(&stream->late->end, seq);
        if (stream != own && seq >= stream->late->since && seq < stream->end.seq)
            sctp_stream_tell_again(direction, stream, NULL);
    }
}

/* A chunk that is not waited for any more. */
static void
take_late(struct sctp_direction *direction, uint64_t seq, const struct sctp_data *data,
          const struct sctp_place *place)
{
    uint64_t              back = direction->next - 1 - seq, end;
    struct sctp_stream   *stream;
    struct sctp_fragment *fragment;

    if (back >= SCTP_LATE_CHUNKS || (direction->given_up >> back & 1) == 0)
        return;
    stream = get_stream(direction, data->stream);
    if (stream != NULL && stream->late != NULL && direction->next > stream->late->since + SCTP_LATE_CHUNKS)
        sctp_stream_forget_late(direction, stream);
    if (stream == NULL)
        return;
    end = sctp_stream_end(stream, data)->seq;
    if (seq < end && (stream->late == NULL || seq < stream->late->since))
        return;
    direction->given_up &= ~(UINT64_C(1) << back);
    came_late(direction, seq, stream);
    fragment = copy_chunk(direction, stream, seq, data, place);
    if (seq >= end)
        sctp_stream_take(direction, stream, fragment);
    else
        sctp_stream_tell_again(direction, stream, fragment);
    take_ready(direction, stream);
}

/* Whether a chunk can be where its number says. Far ahead it can if the receiver is there as well, or if so many are. */
static bool
is_plausible(struct sctp_direction *direction, uint64_t seq)
{
    if (seq < direction->next + 2 * SCTP_WINDOW_CHUNKS
        || (direction->lost > direction->next && seq <= direction->lost + SCTP_WINDOW_CHUNKS)) {
        direction->strays = 0;
        return true;
    }
    if (++direction->strays < SCTP_STRAYS_MAX)
        return false;
    direction->strays = 0;
    direction->lost = MAX(direction->lost, seq);
    return true;
}

void
sctp_direction_add(struct sctp_direction *direction, const struct sctp_data *data, const struct sctp_place *place)
{
    struct sctp_fragment *fragment = NULL;
    struct sctp_stream   *stream;
    uint32_t              window = direction->ack_seen ? SCTP_WINDOW_CHUNKS : SCTP_WINDOW_BLIND;
    uint64_t              seq;

    direction->turned_away = false;
    if (!direction->started)
        sctp_direction_start(direction, data->tsn);
    direction->has_data = true;
    seq = widen(direction, data->tsn);
    if (seq < direction->next)
        take_late(direction, seq, data, place);
    if (seq < direction->next || !is_plausible(direction, seq))
        return;

    if (seq - direction->next >= window)
        direction->release = MAX(direction->release, seq - window + 1);
    else if (seq > direction->next && direction->waiting_bytes + data->size > SCTP_WINDOW_BYTES)
        direction->release = MAX(direction->release, seq);
    advance(direction, seq);
    if (direction->seen_count > 0 && *slot_of(direction, seq) != NULL)
        return; /* sent again */

    stream = get_stream(direction, data->stream);
    direction->turned_away = stream == NULL;
    if (stream != NULL) {
        fragment = copy_chunk(direction, stream, seq, data, place);
        wait_for_turn(stream, fragment);
    }
    mark_seen(direction, seq, fragment);
    if (stream != NULL)
        take_ready(direction, stream);
    advance_over_seen(direction);
}

void
sctp_direction_settle(struct sctp_direction *direction)
{
    direction->turned_away = false;
    advance_over_seen(direction);
}

void
sctp_direction_flush(struct sctp_direction *direction)
{
    direction->lost = MAX(direction->lost, direction->next + SCTP_WINDOW_CHUNKS);
    advance_over_seen(direction);
    for (struct sctp_stream *stream = direction->newest; stream != NULL; stream = stream->older)
        sctp_stream_hand_over(direction, stream);
}

const struct sctp_message *
sctp_direction_next(struct sctp_direction *direction)
{
    struct sctp_message *message = direction->ready;

    sctp_message_free(direction, direction->lent);
    direction->lent = message;
    if (message != NULL) {
        direction->ready = message->next;
        message->next = NULL;
        if (direction->ready == NULL)
            direction->ready_end = &direction->ready;
    }
    return message;
}
