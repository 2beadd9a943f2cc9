/* sctp_messages.c
 * Messages of one direction of an SCTP association, see sctp_messages.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/sctp_messages.h"

#include <string.h>

/* TSNs are 32 bits wide. The first one is widened to this much more, so that those just before it are above 0 too. */
#define WIDE_BASE       (UINT64_C(1) << 32)

/* How far a stream was taken. */
struct stream_end {
    uint32_t              expected;     /* number of the next message */
    bool                  in_message;   /* more of the one that began is to come: */
    uint32_t              order;        /* its number */
    uint32_t              fsn;          /* I-DATA: number of its next fragment */
    uint64_t              seq;          /* after the last fragment; DATA: of the next one of the message */
    uint32_t              ppid;
};

/* What a stream told since a hole. */
struct late_stream {
    struct stream_end     end;          /* before the hole */
    uint64_t              since;        /* seq of the first chunk that is missing */
    struct sctp_fragment *first;        /* that were handed over, by seq */
    struct sctp_fragment *last;
};

struct sctp_stream {
    uint16_t              number;
    struct stream_end     end;
    struct sctp_fragment *open;         /* its fragments, as far as they are not handed over */
    struct sctp_fragment *open_last;
    uint32_t              open_bytes;
    struct sctp_fragment *early;        /* that wait for their turn, by seq */
    struct sctp_fragment *early_last;
    uint64_t              missing;      /* of the direction, when the last fragment was taken */
    uint64_t              lacks;        /* chunks that are missing before open */
    struct late_stream   *late;         /* NULL: there is no hole, or it is too long ago */
    bool                  opens_hole;   /* for the next message */
    bool                  rewinds;      /* the same */
    bool                  again;        /* it is being told again */
    uint64_t              still_missing;    /* again: chunks */
};

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
free_fragments(struct sctp_direction *direction, struct sctp_fragment *fragment)
{
    while (fragment != NULL) {
        struct sctp_fragment *next = fragment->next;
        direction->waiting_bytes -= fragment->data.size;
        wmem_free(direction->scope, fragment);
        fragment = next;
    }
}

/* What was handed over since a hole is kept, to be told again. */
static void
keep_late(struct sctp_direction *direction, struct late_stream *late, struct sctp_fragment *fragments)
{
    while (fragments != NULL) {
        struct sctp_fragment *fragment = fragments;
        fragments = fragment->next;
        fragment->next = NULL;
        if (late->last == NULL)
            late->first = fragment;
        else
            late->last->next = fragment;
        late->last = fragment;
        direction->late_bytes += fragment->data.size;
    }
}

static void
free_message(struct sctp_direction *direction, struct sctp_message *message)
{
    struct late_stream *late;

    if (message == NULL)
        return;
    late = message->fragments->stream->late;
    if (late != NULL && message->fragments->seq >= late->end.seq)
        keep_late(direction, late, message->fragments);
    else
        free_fragments(direction, message->fragments);
    wmem_free(direction->scope, message);
}

/* A stream is not told again. */
static void
forget_late(struct sctp_direction *direction, struct sctp_stream *stream)
{
    if (stream->late == NULL)
        return;
    for (const struct sctp_fragment *kept = stream->late->first; kept != NULL; kept = kept->next)
        direction->late_bytes -= kept->data.size;
    free_fragments(direction, stream->late->first);
    wmem_free(direction->scope, stream->late);
    stream->late = NULL;
}

static void
free_stream(void *key _U_, void *value, void *data)
{
    struct sctp_direction *direction = (struct sctp_direction *)data;
    struct sctp_stream    *stream = (struct sctp_stream *)value;

    forget_late(direction, stream);
    free_fragments(direction, stream->open);
    free_fragments(direction, stream->early);
    wmem_free(direction->scope, stream);
}

void
sctp_direction_free(struct sctp_direction *direction)
{
    free_message(direction, direction->lent);
    while (direction->ready != NULL) {
        struct sctp_message *message = direction->ready;
        direction->ready = message->next;
        free_message(direction, message);
    }
    if (direction->streams != NULL)
        wmem_map_foreach(direction->streams, free_stream, direction);
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

/* --- messages --- */

/* What is open of a stream is handed over. */
static void
hand_over(struct sctp_direction *direction, struct sctp_stream *stream)
{
    struct sctp_message *message;

    if (stream->open == NULL)
        return;
    message = wmem_new0(direction->scope, struct sctp_message);
    message->stream = stream->number;
    message->order = stream->end.order;
    message->begins = stream->open->data.first;
    message->ends = stream->open_last->data.last;
    message->ppid = stream->end.ppid;
    message->size = stream->open_bytes;
    message->fragments = stream->open;
    message->last = stream->open_last;
    message->missing = stream->lacks;
    message->limit = stream->lacks > 0 && direction->limit;
    message->opens_hole = stream->opens_hole;
    message->rewinds = stream->rewinds;
    message->again = stream->again || stream->rewinds;
    stream->opens_hole = stream->rewinds = false;
    *direction->ready_end = message;
    direction->ready_end = &message->next;

    stream->open = stream->open_last = NULL;
    stream->open_bytes = 0;
    stream->lacks = 0;
}

/* The chunks that were given up between the last fragment that was taken and this one, and are still missing. *since is
 * set to the first of them, where it is one of those in given_up. */
static uint64_t
count_given_up(const struct sctp_direction *direction, const struct sctp_stream *stream,
               const struct sctp_fragment *fragment, uint64_t *since)
{
    uint64_t missing = 0, end = MIN(fragment->seq, direction->next);
    uint64_t window = direction->next - MIN(direction->next, SCTP_LATE_CHUNKS);

    for (uint64_t seq = MAX(stream->end.seq, window); seq < end; seq++) {
        if ((direction->given_up >> (direction->next - 1 - seq) & 1) == 0)
            continue;
        if (missing++ == 0)
            *since = seq;
    }
    return missing;
}

/* The same, from however long ago. */
static uint64_t
missing_before(const struct sctp_direction *direction, const struct sctp_stream *stream,
               const struct sctp_fragment *fragment, uint64_t *since)
{
    uint64_t counted = count_given_up(direction, stream, fragment, since);

    return stream->again || stream->end.seq + SCTP_LATE_CHUNKS >= direction->next ? counted
           : direction->missing - stream->missing;
}

/* Whether a fragment goes on where its stream ends. */
static bool
goes_on(const struct sctp_direction *direction, const struct sctp_stream *stream, const struct sctp_fragment *fragment)
{
    const struct stream_end *end = &stream->end;
    const struct sctp_data  *data = &fragment->data;
    uint64_t                 since = 0;

    if (data->first && data->unordered)     /* any that is missing may be its stream's */
        return !end->in_message && fragment->seq < direction->next
               && missing_before(direction, stream, fragment, &since) == 0;
    if (data->first)
        return !end->in_message && data->order == end->expected;
    return end->in_message && (data->unordered || data->order == end->order)
           && (data->is_i_data ? data->fsn == end->fsn : fragment->seq == end->seq);
}

/* A fragment does not go on where its stream ends: what was before it is over. */
static void
step_over_hole(struct sctp_direction *direction, struct sctp_stream *stream, const struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;
    uint64_t                since = 0;

    hand_over(direction, stream);
    /* Numbers begin again with a stream that was reset (RFC 6525). */
    if (stream->end.in_message || !data->first || data->order != 0 || data->unordered)
        stream->lacks = missing_before(direction, stream, fragment, &since);
    if (stream->lacks > 0 && stream->again) {
        stream->still_missing += stream->lacks;
    } else if (stream->lacks > 0 && stream->late == NULL
               && stream->lacks == count_given_up(direction, stream, fragment, &since)) {
        stream->late = wmem_new0(direction->scope, struct late_stream);
        stream->late->end = stream->end;
        stream->late->since = since;
        stream->opens_hole = true;
    }
    if (!data->first)
        stream->end.ppid = 0;
}

/* Takes the next fragment of a stream. */
static void
take(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;
    struct stream_end      *end = &stream->end;

    if (stream->late != NULL && !stream->again
            && (direction->next > stream->late->since + SCTP_LATE_CHUNKS || direction->late_bytes > SCTP_LATE_BYTES))
        forget_late(direction, stream);
    if (!goes_on(direction, stream, fragment))
        step_over_hole(direction, stream, fragment);
    stream->missing = direction->missing;
    if (data->ppid != 0)
        end->ppid = data->ppid;

    fragment->next = NULL;
    if (stream->open == NULL)
        stream->open = fragment;
    else
        stream->open_last->next = fragment;
    stream->open_last = fragment;
    stream->open_bytes += data->size;

    end->in_message = !data->last;
    end->order = data->order;
    end->fsn = data->fsn + 1;
    end->seq = fragment->seq + 1;
    if (data->last && !data->unordered)
        end->expected = data->is_i_data ? data->order + 1 : (uint16_t)(data->order + 1);
    if (data->last || stream->open_bytes >= SCTP_MESSAGE_BYTES)
        hand_over(direction, stream);
}

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
           && (fragment->seq < direction->next || goes_on(direction, stream, fragment))) {
        stream->early = fragment->next;
        if (stream->early == NULL)
            stream->early_last = NULL;
        if (fragment->seq >= direction->next)
            *slot_of(direction, fragment->seq) = &taken;
        take(direction, stream, fragment);
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
    struct sctp_fragment *fragment =
        (struct sctp_fragment *)wmem_alloc0(direction->scope, sizeof *fragment + data->size);
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

/* Puts a fragment into a list by its seq, from at on. */
static void
insert(struct sctp_fragment **at, struct sctp_fragment *fragment)
{
    while (*at != NULL && (*at)->seq < fragment->seq)
        at = &(*at)->next;
    fragment->next = *at;
    *at = fragment;
}

/* A fragment waits for its turn. */
static void
wait_for_turn(struct sctp_stream *stream, struct sctp_fragment *fragment)
{
    bool is_last = stream->early_last != NULL && stream->early_last->seq < fragment->seq;

    insert(is_last ? &stream->early_last->next : &stream->early, fragment);
    if (fragment->next == NULL)
        stream->early_last = fragment;
}

/* --- what comes late --- */

/* Tells a stream again from before its hole on, with a fragment that was missing. */
static void
tell_again(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *late)
{
    struct sctp_fragment *fragment = stream->late->first;

    for (const struct sctp_fragment *kept = fragment; kept != NULL; kept = kept->next)
        direction->late_bytes -= kept->data.size;
    if (stream->late->last != NULL)
        stream->late->last->next = stream->open;
    else
        fragment = stream->open;
    insert(&fragment, late);
    stream->late->first = stream->late->last = NULL;
    stream->open = stream->open_last = NULL;
    stream->open_bytes = 0;
    stream->lacks = 0;

    stream->end = stream->late->end;
    stream->rewinds = stream->again = true;
    stream->still_missing = 0;
    while (fragment != NULL) {
        struct sctp_fragment *next = fragment->next;
        take(direction, stream, fragment);
        fragment = next;
    }
    stream->again = false;
    if (direction->ready != NULL)
        direction->ready->still_missing = stream->still_missing;
    if (stream->still_missing == 0)
        forget_late(direction, stream);
}

/* A chunk that is not waited for any more. */
static void
take_late(struct sctp_direction *direction, uint64_t seq, const struct sctp_data *data, const struct sctp_place *place)
{
    uint64_t              back = direction->next - 1 - seq;
    struct sctp_stream   *stream;
    struct sctp_fragment *fragment;

    if (back >= SCTP_LATE_CHUNKS || (direction->given_up >> back & 1) == 0)
        return;
    stream = get_stream(direction, data->stream);
    if (stream != NULL && stream->late != NULL && direction->next > stream->late->since + SCTP_LATE_CHUNKS)
        forget_late(direction, stream);
    if (stream == NULL || (seq < stream->end.seq && (stream->late == NULL || seq < stream->late->since)))
        return;
    direction->given_up &= ~(UINT64_C(1) << back);
    fragment = copy_chunk(direction, stream, seq, data, place);
    if (seq >= stream->end.seq)
        take(direction, stream, fragment);
    else
        tell_again(direction, stream, fragment);
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
        return;                     /* sent again */

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

static void
flush_stream(void *key _U_, void *value, void *data)
{
    hand_over((struct sctp_direction *)data, (struct sctp_stream *)value);
}

void
sctp_direction_flush(struct sctp_direction *direction)
{
    direction->lost = MAX(direction->lost, direction->next + SCTP_WINDOW_CHUNKS);
    advance_over_seen(direction);
    if (direction->streams != NULL)
        wmem_map_foreach(direction->streams, flush_stream, direction);
}

const struct sctp_message *
sctp_direction_next(struct sctp_direction *direction)
{
    struct sctp_message *message = direction->ready;

    free_message(direction, direction->lent);
    direction->lent = message;
    if (message != NULL) {
        direction->ready = message->next;
        message->next = NULL;
        if (direction->ready == NULL)
            direction->ready_end = &direction->ready;
    }
    return message;
}
