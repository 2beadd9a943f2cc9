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
        sctp_fragment_insert(late->last != NULL && late->last->seq < fragment->seq ? &late->last : &late->first,
                             fragment);
        if (fragment->next == NULL)
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

static enum sctp_numbers
numbers_of(const struct sctp_data *data)
{
    return data->is_i_data && data->unordered ? SCTP_UNORDERED : SCTP_ORDERED;
}

const struct numbers_end *
sctp_stream_end(const struct sctp_stream *stream, const struct sctp_data *data)
{
    return &stream->end.numbers[numbers_of(data)];
}

static void
hand_over(struct sctp_direction *direction, struct sctp_stream *stream, enum sctp_numbers numbers)
{
    static const struct open_message nothing;
    const struct numbers_end        *end = &stream->end.numbers[numbers];
    struct open_message             *open = &stream->open[numbers];
    struct sctp_message             *message;

    if (open->first == NULL)
        return;
    message = wmem_new0(direction->scope, struct sctp_message);
    message->stream = stream->number;
    message->order = end->order;
    message->begins = open->first->data.first;
    message->ends = open->last->data.last;
    message->ppid = end->ppid;
    message->size = open->size;
    message->fragments = open->first;
    message->last = open->last;
    message->missing = open->lacks;
    message->limit = open->lacks > 0 && direction->limit;
    message->opens_hole = stream->opens_hole;
    message->rewinds = stream->rewinds;
    message->again = stream->again || stream->rewinds;
    message->still_missing = stream->rewinds ? stream->still_missing : 0;
    stream->opens_hole = stream->rewinds = false;
    *direction->ready_end = message;
    direction->ready_end = &message->next;
    *open = nothing;
}

void
sctp_stream_hand_over(struct sctp_direction *direction, struct sctp_stream *stream)
{
    for (int numbers = 0; numbers < SCTP_NUMBERS; numbers++)
        hand_over(direction, stream, (enum sctp_numbers)numbers);
}

/* The chunks between two numbers that were given up, and are still missing. *since is set to the first of them, where it is
 * one of those in given_up. */
static uint64_t
count_given_up(const struct sctp_direction *direction, uint64_t begin, uint64_t end, uint64_t *since)
{
    uint64_t missing = 0;
    uint64_t window = direction->next - MIN(direction->next, SCTP_LATE_CHUNKS);

    end = MIN(end, direction->next);
    for (uint64_t seq = MAX(begin, window); seq < end; seq++) {
        if ((direction->given_up >> (direction->next - 1 - seq) & 1) == 0)
            continue;
        if (missing++ == 0)
            *since = seq;
    }
    return missing;
}

/* Those between the last fragment that was taken and this one, from however long ago. */
static uint64_t
missing_before(const struct sctp_direction *direction, const struct sctp_stream *stream,
               const struct sctp_fragment *fragment, uint64_t *since)
{
    const struct numbers_end *end = sctp_stream_end(stream, &fragment->data);
    uint64_t                  counted = count_given_up(direction, end->seq, fragment->seq, since);

    return stream->again || end->seq + SCTP_LATE_CHUNKS >= direction->next
               ? counted
               : direction->missing - end->missing - end->come;
}

bool
sctp_stream_goes_on(const struct sctp_direction *direction, const struct sctp_stream *stream,
                    const struct sctp_fragment *fragment)
{
    const struct sctp_data   *data = &fragment->data;
    const struct numbers_end *end = sctp_stream_end(stream, data);
    const bool                is_numbered = !data->unordered || data->is_i_data;
    uint64_t                  since = 0;

    if (stream->mixes && fragment->seq >= direction->next && !stream->again)
        return false;
    if (!data->first)
        return end->in_message && (!is_numbered || data->order == end->order)
               && (data->is_i_data ? data->fsn == end->fsn : fragment->seq == end->seq);
    if (end->in_message)
        return false;
    /* Where it has no number, any that is missing may be its stream's. */
    return is_numbered ? data->order == end->expected : missing_before(direction, stream, fragment, &since) == 0;
}

/* A hole may be filled: the stream can be told again from there on. Not while a message of the other kind is open. */
static void
keep_hole(struct sctp_direction *direction, struct sctp_stream *stream, uint64_t since)
{
    if (stream->open[SCTP_ORDERED].first != NULL || stream->open[SCTP_UNORDERED].first != NULL)
        return;
    stream->late = wmem_new0(direction->scope, struct late_stream);
    stream->late->end = stream->end;
    stream->late->since = since;
    stream->opens_hole = true;
}

/* A fragment does not go on where its stream ends: what was before it is over. */
static void
step_over_hole(struct sctp_direction *direction, struct sctp_stream *stream, const struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;
    const enum sctp_numbers numbers = numbers_of(data);
    struct numbers_end     *end = &stream->end.numbers[numbers];
    uint64_t                since = 0, lacks = 0;

    hand_over(direction, stream, numbers);
    /* Numbers begin again with a stream that was reset (RFC 6525). */
    if (end->in_message || !data->first || data->order != 0 || (data->unordered && !data->is_i_data))
        lacks = missing_before(direction, stream, fragment, &since);
    stream->open[numbers].lacks = lacks;
    if (lacks > 0 && stream->again)
        stream->still_missing += lacks;
    else if (lacks > 0 && stream->late == NULL && lacks == count_given_up(direction, end->seq, fragment->seq, &since))
        keep_hole(direction, stream, since);
    else if (lacks == 0 && !stream->again)
        sctp_stream_forget_late(direction, stream); /* of the channel before it was reset */
    if (!data->first)
        end->ppid = 0;
}

void
sctp_stream_take(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *fragment)
{
    const struct sctp_data *data = &fragment->data;
    const enum sctp_numbers numbers = numbers_of(data);
    struct numbers_end     *end = &stream->end.numbers[numbers];
    struct open_message    *open = &stream->open[numbers];
    uint64_t                since = 0;

    if (stream->late != NULL && !stream->again
        && (direction->next > stream->late->since + SCTP_LATE_CHUNKS || direction->late_bytes > SCTP_LATE_BYTES))
        sctp_stream_forget_late(direction, stream);
    if (!sctp_stream_goes_on(direction, stream, fragment))
        step_over_hole(direction, stream, fragment);
    if (data->ppid != 0)
        end->ppid = data->ppid;

    fragment->next = NULL;
    if (open->first == NULL)
        open->first = fragment;
    else
        open->last->next = fragment;
    open->last = fragment;
    open->size += data->size;

    end->in_message = !data->last;
    end->order = data->order;
    end->fsn = data->fsn + 1;
    end->seq = fragment->seq + 1;
    end->missing = direction->missing - count_given_up(direction, end->seq, direction->next, &since);
    end->come = 0;
    stream->end.seq = MAX(stream->end.seq, fragment->seq + 1);
    if (data->last && (!data->unordered || data->is_i_data))
        end->expected = data->is_i_data ? data->order + 1 : (uint16_t)(data->order + 1);
    if (data->last || open->size >= SCTP_MESSAGE_BYTES)
        hand_over(direction, stream, numbers);
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

/* What came of a message is put among what is told again. */
static void
reopen(struct open_message *open, struct sctp_fragment **list)
{
    static const struct open_message nothing;
    struct sctp_fragment            *next = open->first;

    for (struct sctp_fragment **at = list; next != NULL;) {
        struct sctp_fragment *fragment = next;
        next = fragment->next;
        sctp_fragment_insert(at, fragment);
        at = &fragment->next;
    }
    *open = nothing;
}

void
sctp_stream_tell_again(struct sctp_direction *direction, struct sctp_stream *stream, struct sctp_fragment *late)
{
    struct sctp_fragment *fragment = stream->late->first;
    struct sctp_message **told = direction->ready_end;

    for (const struct sctp_fragment *kept = fragment; kept != NULL; kept = kept->next)
        direction->late_bytes -= kept->data.size;
    for (int numbers = 0; numbers < SCTP_NUMBERS; numbers++)
        reopen(&stream->open[numbers], &fragment);
    if (late != NULL)
        sctp_fragment_insert(&fragment, late);
    stream->late->first = stream->late->last = NULL;

    stream->end = stream->late->end;
    stream->rewinds = stream->again = true;
    stream->still_missing = 0;
    while (fragment != NULL) {
        struct sctp_fragment *next = fragment->next;
        sctp_stream_take(direction, stream, fragment);
        fragment = next;
    }
    stream->again = false;
    if (*told != NULL)
        (*told)->still_missing = stream->still_missing;
    if (stream->still_missing == 0)
        sctp_stream_forget_late(direction, stream);
}
