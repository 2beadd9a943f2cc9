/* sctp_stream.c
 * One stream of an SCTP association, see sctp_stream.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/sctp_stream.h"

void
sctp_fragments_free(struct sctp_direction *direction, struct sctp_fragment *fragment)
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

void
sctp_message_free(struct sctp_direction *direction, struct sctp_message *message)
{
    struct late_stream *late;

    if (message == NULL)
        return;
    late = message->fragments->stream->late;
    if (late != NULL && message->fragments->seq >= late->end.seq)
        keep_late(direction, late, message->fragments);
    else
        sctp_fragments_free(direction, message->fragments);
    wmem_free(direction->scope, message);
}

void
sctp_stream_forget_late(struct sctp_direction *direction, struct sctp_stream *stream)
{
    if (stream->late == NULL)
        return;
    for (const struct sctp_fragment *kept = stream->late->first; kept != NULL; kept = kept->next)
        direction->late_bytes -= kept->data.size;
    sctp_fragments_free(direction, stream->late->first);
    wmem_free(direction->scope, stream->late);
    stream->late = NULL;
}

/* --- messages --- */

void
sctp_stream_hand_over(struct sctp_direction *direction, struct sctp_stream *stream)
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

bool
sctp_stream_goes_on(const struct sctp_direction *direction, const struct sctp_stream *stream,
                    const struct sctp_fragment *fragment)
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

    sctp_stream_hand_over(direction, stream);
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
    } else if (stream->lacks == 0 && !stream->again) {
        sctp_stream_forget_late(direction, stream);     /* of the channel before it was reset */
    }
    if (!data->first)
        stream->end.ppid = 0;
}

void
sctp_stream_take(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;
    struct stream_end      *end = &stream->end;

    if (stream->late != NULL && !stream->again
            && (direction->next > stream->late->since + SCTP_LATE_CHUNKS || direction->late_bytes > SCTP_LATE_BYTES))
        sctp_stream_forget_late(direction, stream);
    if (!sctp_stream_goes_on(direction, stream, fragment))
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
        sctp_stream_hand_over(direction, stream);
}

/* --- again --- */

void
sctp_fragment_insert(struct sctp_fragment **at, struct sctp_fragment *fragment)
{
    while (*at != NULL && (*at)->seq < fragment->seq)
        at = &(*at)->next;
    fragment->next = *at;
    *at = fragment;
}

void
sctp_stream_tell_again(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *late)
{
    struct sctp_fragment *fragment = stream->late->first;

    for (const struct sctp_fragment *kept = fragment; kept != NULL; kept = kept->next)
        direction->late_bytes -= kept->data.size;
    if (stream->late->last != NULL)
        stream->late->last->next = stream->open;
    else
        fragment = stream->open;
    sctp_fragment_insert(&fragment, late);
    stream->late->first = stream->late->last = NULL;
    stream->open = stream->open_last = NULL;
    stream->open_bytes = 0;
    stream->lacks = 0;

    stream->end = stream->late->end;
    stream->rewinds = stream->again = true;
    stream->still_missing = 0;
    while (fragment != NULL) {
        struct sctp_fragment *next = fragment->next;
        sctp_stream_take(direction, stream, fragment);
        fragment = next;
    }
    stream->again = false;
    if (direction->ready != NULL)
        direction->ready->still_missing = stream->still_missing;
    if (stream->still_missing == 0)
        sctp_stream_forget_late(direction, stream);
}
