/* sctp_messages.c
 * Messages of one direction of an SCTP association, see sctp_messages.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/sctp_messages.h"

#include <string.h>

/* TSNs are 32 bits wide. The first one is widened to this much more, so that those just before it are above 0 too. */
#define WIDE_BASE       (UINT64_C(1) << 32)

struct sctp_stream {
    uint16_t              number;
    uint32_t              expected;     /* number of the next message */
    bool                  in_message;   /* more of the one that began is to come: */
    uint32_t              order;        /* its number */
    uint32_t              fsn;          /* I-DATA: number of its next fragment */
    uint64_t              seq;          /* DATA: of its next fragment */
    uint32_t              ppid;
    struct sctp_fragment *open;         /* its fragments, as far as they are not handed over */
    struct sctp_fragment *open_last;
    uint32_t              open_bytes;
    struct sctp_fragment *early;        /* that wait for their turn, by seq */
    struct sctp_fragment *early_last;
    uint64_t              missing;      /* of the direction, when the last fragment was taken */
    uint64_t              lacks;        /* chunks that are missing before open */
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

static void
free_message(struct sctp_direction *direction, struct sctp_message *message)
{
    if (message == NULL)
        return;
    free_fragments(direction, message->fragments);
    wmem_free(direction->scope, message);
}

static void
free_stream(void *key _U_, void *value, void *data)
{
    struct sctp_direction *direction = (struct sctp_direction *)data;
    struct sctp_stream    *stream = (struct sctp_stream *)value;

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
    message->order = stream->order;
    message->begins = stream->open->data.first;
    message->ends = stream->open_last->data.last;
    message->ppid = stream->ppid;
    message->size = stream->open_bytes;
    message->fragments = stream->open;
    message->last = stream->open_last;
    message->missing = stream->lacks;
    message->limit = stream->lacks > 0 && direction->limit;
    *direction->ready_end = message;
    direction->ready_end = &message->next;

    stream->open = stream->open_last = NULL;
    stream->open_bytes = 0;
    stream->lacks = 0;
}

/* Whether a fragment goes on where its stream ends. */
static bool
goes_on(const struct sctp_stream *stream, const struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;

    if (data->first)
        return !stream->in_message && data->order == stream->expected;
    return stream->in_message && data->order == stream->order
           && (data->is_i_data ? data->fsn == stream->fsn : fragment->seq == stream->seq);
}

/* Takes the next fragment of a stream. */
static void
take(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;

    if (!goes_on(stream, fragment)) {
        hand_over(direction, stream);
        /* Numbers begin again with a stream that was reset (RFC 6525). */
        if (stream->in_message || !data->first || data->order != 0)
            stream->lacks = direction->missing - stream->missing;
        if (!data->first)
            stream->ppid = 0;
    }
    stream->missing = direction->missing;
    if (data->ppid != 0)
        stream->ppid = data->ppid;

    fragment->next = NULL;
    if (stream->open == NULL)
        stream->open = fragment;
    else
        stream->open_last->next = fragment;
    stream->open_last = fragment;
    stream->open_bytes += data->size;

    stream->in_message = !data->last;
    stream->order = data->order;
    stream->fsn = data->fsn + 1;
    stream->seq = fragment->seq + 1;
    if (data->last)
        stream->expected = data->is_i_data ? data->order + 1 : (uint16_t)(data->order + 1);
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
           && (fragment->seq < direction->next || goes_on(stream, fragment))) {
        stream->early = fragment->next;
        if (stream->early == NULL)
            stream->early_last = NULL;
        if (fragment->seq >= direction->next)
            *slot_of(direction, fragment->seq) = &taken;
        take(direction, stream, fragment);
    }
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
    direction->missing += to - direction->next;
    direction->next = to;
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
            direction->next++;
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
        direction->next++;
        return;
    }
    if (direction->seen == NULL)
        direction->seen = wmem_alloc0_array(direction->scope, struct sctp_fragment *, SCTP_WINDOW_CHUNKS);
    *slot_of(direction, seq) = fragment != NULL ? fragment : &taken;
    direction->seen_count++;
}

static struct sctp_fragment *
keep(struct sctp_direction *direction, struct sctp_stream *stream, uint64_t seq, const struct sctp_data *data,
     const struct sctp_place *place)
{
    struct sctp_fragment  *fragment;
    struct sctp_fragment **at = &stream->early;
    uint8_t               *payload;

    fragment = (struct sctp_fragment *)wmem_alloc(direction->scope, sizeof *fragment + data->size);
    payload = (uint8_t *)(fragment + 1);
    memcpy(payload, data->payload, data->size);
    fragment->stream = stream;
    fragment->seq = seq;
    fragment->data = *data;
    fragment->data.payload = payload;
    fragment->place = *place;
    direction->waiting_bytes += data->size;

    if (stream->early_last != NULL && stream->early_last->seq < seq)
        at = &stream->early_last->next;
    while (*at != NULL && (*at)->seq < seq)
        at = &(*at)->next;
    fragment->next = *at;
    *at = fragment;
    if (fragment->next == NULL)
        stream->early_last = fragment;
    return fragment;
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
    struct sctp_stream   *stream = NULL;
    uint32_t              window = direction->ack_seen ? SCTP_WINDOW_CHUNKS : SCTP_WINDOW_BLIND;
    uint64_t              seq;

    direction->turned_away = false;
    if (!direction->started)
        sctp_direction_start(direction, data->tsn);
    direction->has_data = true;
    seq = widen(direction, data->tsn);
    if (seq < direction->next || !is_plausible(direction, seq))
        return;

    if (seq - direction->next >= window)
        direction->release = MAX(direction->release, seq - window + 1);
    else if (seq > direction->next && direction->waiting_bytes + data->size > SCTP_WINDOW_BYTES)
        direction->release = MAX(direction->release, seq);
    advance(direction, seq);
    if (direction->seen_count > 0 && *slot_of(direction, seq) != NULL)
        return;                     /* sent again */

    if (!data->unordered) {
        stream = get_stream(direction, data->stream);
        direction->turned_away = stream == NULL;
    }
    if (stream != NULL)
        fragment = keep(direction, stream, seq, data, place);
    mark_seen(direction, seq, fragment);
    if (stream != NULL)
        take_ready(direction, stream);
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
