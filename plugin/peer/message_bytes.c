/* message_bytes.c
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/message_bytes.h"

#include <string.h>

/* Messages that have a data source each. */
#define DATA_SOURCES_MAX 16U

/* Whether a note is about a message of this side whose bytes it holds. */
static bool
holds_bytes(const struct message_bytes *bytes, const struct message_note *note)
{
    return note->from == (unsigned)bytes->from && note->bytes != NULL && note->bytes->data != NULL;
}

/* Joins the bytes that the notes from first on hold, where they are many. */
static void
join_messages(const struct message_bytes *bytes, uint32_t first, packet_info *pinfo)
{
    struct joined_messages *joined = bytes->joined;
    uint32_t                messages = 0;
    size_t                  size = 0;

    memset(joined, 0, sizeof *joined);
    joined->first = first;
    joined->end = bytes->count;
    for (uint32_t i = first; i < bytes->count; i++) {
        if (holds_bytes(bytes, bytes->notes[i])) {
            messages++;
            size += bytes->notes[i]->bytes->captured;
        }
    }
    if (messages <= DATA_SOURCES_MAX || size > INT_MAX)
        return;

    uint8_t *data = (uint8_t *)wmem_alloc(pinfo->pool, size);
    uint32_t at = 0;

    joined->offsets = wmem_alloc_array(pinfo->pool, uint32_t, bytes->count - first);
    for (uint32_t i = first; i < bytes->count; i++) {
        const struct note_bytes *part = bytes->notes[i]->bytes;
        joined->offsets[i - first] = at;
        if (!holds_bytes(bytes, bytes->notes[i]))
            continue;
        memcpy(data + at, part->data, part->captured);
        at += part->captured;
    }
    joined->tvb = tvb_new_child_real_data(bytes->tvb, data, at, (int)at);
    add_new_data_source(pinfo, joined->tvb, "Reassembled BitTorrent messages");
}

/* The bytes that the note of that number holds, in a data source. */
static tvbuff_t *
held_tvb(const struct message_bytes *bytes, uint32_t number, packet_info *pinfo)
{
    struct joined_messages    *joined = bytes->joined;
    const struct message_note *note = bytes->notes[number];
    tvbuff_t                  *message;

    if (number < joined->first || number >= joined->end)
        join_messages(bytes, number, pinfo);
    if (joined->tvb != NULL)
        return tvb_new_subset_length_caplen(joined->tvb, (int)joined->offsets[number - joined->first],
                                            (int)note->bytes->captured, (int)note->size);
    message = tvb_new_child_real_data(bytes->tvb, note->bytes->data, note->bytes->captured, (int)note->size);
    add_new_data_source(pinfo, message, "Reassembled BitTorrent message");
    return message;
}

tvbuff_t *
message_bytes_tvb(const struct message_bytes *bytes, uint32_t number, packet_info *pinfo)
{
    const struct message_note *note = bytes->notes[number];
    uint32_t                   offset = note->place - bytes->place;

    if (holds_bytes(bytes, note))
        return held_tvb(bytes, number, pinfo);
    if (note->bytes == NULL && offset < tvb_captured_length(bytes->tvb))
        return tvb_new_subset_length(bytes->tvb, (int)offset, (int)note->size);
    return bytes->tvb;
}
