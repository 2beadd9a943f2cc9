/* mse_reader.c
 * One connection that may be encrypted, see mse_stream.h: hands out payload.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_stream.h"

#include <string.h>

#include "core/mse_evidence.h"
#include "core/mse_stream_parts.h"

const char *const mse_fault_texts[MSE_FAULT_COUNT] = {
#define X(name, text) text,
    MSE_FAULTS(X)
#undef X
};

struct mse_stream *
mse_stream_new(wmem_allocator_t *scope, const struct mse_keylog *keylog)
{
    struct mse_stream *stream = wmem_new0(scope, struct mse_stream);

    stream->scope = scope;
    stream->keylog = keylog;
    return stream;
}

void
mse_stream_set_initiator(struct mse_stream *stream, unsigned side)
{
    stream->has_initiator = true;
    stream->initiator = side;
}

void
mse_stream_free(struct mse_stream *stream)
{
    for (unsigned side = 0; side < 2; side++) {
        mse_held_release(stream, &stream->directions[side]);
        if (stream->handshake != NULL && stream->handshake->rc4[side] != NULL)
            mse_rc4_free(stream->handshake->rc4[side]);
    }
    wmem_free(stream->scope, stream->handshake);
    wmem_free(stream->scope, stream);
}

/* The sender of a chunk has what is missing of the other side: it will not be sent again. */
static void
take_ack(const struct mse_chunk *chunk, struct mse_direction *other)
{
    if (other->ahead != NULL && chunk->acked > other->held_size)
        other->holed = true;
}

bool
mse_stream_begins_earlier(struct mse_stream *stream, unsigned side, uint64_t size)
{
    struct mse_direction *direction = &stream->directions[side];
    struct mse_ahead     *ahead = NULL;
    uint64_t              end = direction->end + size;

    /* Nothing of the responder's handshake is known before its VC is found. */
    if (stream->handshake != NULL && (side == stream->handshake->initiator || stream->handshake->has_vc[side]))
        return false;
    if (direction->state != MSE_SEARCHING || mse_is_closed(direction) || direction->cut || size > MSE_AHEAD_MAX)
        return false;
    if (!mse_held_move_ahead(stream, direction, size, &ahead)) {
        while (ahead != NULL)
            mse_ahead_drop_first(&ahead, stream->scope);
        return false;
    }
    mse_held_release(stream, direction);
    *direction = (struct mse_direction){ .first_frame = direction->first_frame, .end = end, .ahead = ahead };
    return true;
}

/* --- results --- */

void
mse_stream_set_payload(struct mse_direction *direction, uint64_t offset, uint64_t readable_to)
{
    direction->has_payload = direction->aligned = true;
    direction->payload = direction->delivered = offset;
    direction->readable_to = readable_to;
}

void
mse_stream_set_unaligned(struct mse_stream *stream, unsigned side)
{
    struct mse_direction *direction = &stream->directions[side];
    uint64_t              offset = direction->end;

    if (stream->has_last && stream->last_side == side)
        offset = MAX(stream->last_offset, MSE_RESPONDER_MIN);
    if (direction->ahead != NULL)
        offset = MIN(offset, MAX(direction->ahead->offset, MSE_RESPONDER_MIN));
    mse_stream_set_payload(direction, offset, UINT64_MAX);
    direction->aligned = false;
}

void
mse_stream_give_up(struct mse_stream *stream, enum mse_state state)
{
    for (unsigned side = 0; side < 2; side++) {
        struct mse_direction *direction = &stream->directions[side];

        if (direction->state == MSE_SEARCHING)
            direction->state = state;
    }
}

static bool
has_verdict(const struct mse_stream *stream)
{
    return stream->directions[0].state != MSE_SEARCHING && stream->directions[1].state != MSE_SEARCHING;
}

bool
mse_stream_is_settled(const struct mse_stream *stream)
{
    for (unsigned side = 0; side < 2; side++) {
        const struct mse_direction *direction = &stream->directions[side];

        if (direction->has_payload && direction->payload_frame == 0)
            return false;
    }
    return has_verdict(stream);
}

/* The frame of what is ahead that has the byte at payload; 0: none. */
static uint32_t
frame_ahead(const struct mse_direction *direction)
{
    const struct mse_ahead *ahead = direction->ahead;

    while (ahead != NULL && ahead->offset + ahead->size <= direction->payload)
        ahead = ahead->next;
    return ahead != NULL && ahead->offset <= direction->payload ? ahead->frame : 0;
}

/* Notes in which frame the payload of a direction begins, once that is there. */
static void
note_frame(struct mse_direction *direction, const struct mse_chunk *chunk)
{
    if (!direction->has_payload || direction->payload_frame != 0)
        return;
    if (direction->payload < direction->held_size)
        direction->payload_frame = mse_held_mark_at(direction, direction->payload)->frame;
    else if (chunk != NULL && chunk->offset <= direction->payload
             && chunk->offset + chunk->reported > direction->payload)
        direction->payload_frame = chunk->frame;
    else
        direction->payload_frame = frame_ahead(direction);
}

/* Notes whether the first bytes of a direction can be its public key, once its payload is found. Nobody goes on after the
 * key before the other side has answered: the responder once, up to its payload, and the initiator twice, unless the key of
 * the connection was found where it must be. */
static void
note_start(struct mse_stream *stream, unsigned side)
{
    struct mse_direction *direction = &stream->directions[side];
    bool                  is_initiator = stream->has_initiator && stream->initiator == side;
    unsigned              answers = 0;

    if (stream->handshake != NULL && is_initiator)
        return;
    for (uint32_t i = 1; i < direction->mark_count && direction->marks[i].start <= direction->payload; i++)
        answers += direction->marks[i].answer;
    direction->unanswered = answers < (is_initiator ? 2 : 1);
}

/* --- input --- */

/* What can be read of the chunks so far was read. */
static void
note_delivered(struct mse_direction *direction)
{
    if (direction->has_payload)
        direction->delivered = MAX(direction->delivered, MIN(direction->readable_to, direction->end));
}

/* What mse_stream_earlier() has to give next of a side, still encrypted. False: nothing. */
static bool
next_earlier(const struct mse_stream *stream, unsigned side, struct mse_piece *piece, uint8_t **data)
{
    const struct mse_direction *direction = &stream->directions[side];
    uint64_t                    from = direction->delivered;
    uint64_t                    to = MIN(direction->held_size, direction->readable_to);

    if (!direction->has_payload)
        return false;
    if (stream->has_last && stream->last_side == side && !direction->filled)
        to = MIN(to, stream->last_offset);
    if (from < to) {
        const struct mse_mark *mark = mse_held_mark_at(direction, from);

        if (mark + 1 < direction->marks + direction->mark_count)
            to = MIN(to, mark[1].start);
        *piece = (struct mse_piece){
            .side = side, .offset = from, .size = (uint32_t)(to - from), .frame = mark->frame
        };
        *data = direction->held + from;
        return true;
    }
    if (!direction->holed && direction->state == MSE_SEARCHING)
        return false;
    for (struct mse_ahead *ahead = direction->ahead; ahead != NULL; ahead = ahead->next) {
        from = MAX(direction->delivered, ahead->offset);
        to = MIN(ahead->offset + ahead->size, direction->readable_to);
        if (from < to) {
            *piece = (struct mse_piece){
                .side = side, .offset = from, .size = (uint32_t)(to - from), .frame = ahead->frame
            };
            *data = ahead->data + (from - ahead->offset);
            return true;
        }
    }
    return false;
}

/* Gives back what nobody will ask for. */
static void
release_settled(struct mse_stream *stream)
{
    for (unsigned side = 0; side < 2; side++) {
        struct mse_direction       *direction = &stream->directions[side];
        const struct mse_handshake *handshake = stream->handshake;
        struct mse_piece            piece;
        uint8_t                    *data;

        if (direction->state == MSE_SEARCHING || (direction->held == NULL && direction->ahead == NULL)
            || next_earlier(stream, side, &piece, &data))
            continue;
        mse_held_release(stream, direction);
        if (direction->state != MSE_RC4 && handshake != NULL && handshake->rc4[side] != NULL)
            mse_rc4_rest(handshake->rc4[side]);
    }
}

/* The first bytes of a direction are no public key. They are plaintext where the other side's is: the capture begins in the
 * middle of it. False where the connection cannot be MSE. */
static bool
begins_with_payload(struct mse_stream *stream, unsigned side)
{
    struct mse_direction *direction = &stream->directions[side];

    if (stream->directions[mse_other(side)].state != MSE_PLAINTEXT) {
        mse_stream_give_up(stream, MSE_IMPOSSIBLE);
        return false;
    }
    direction->state = MSE_PLAINTEXT;
    mse_stream_set_payload(direction, 0, UINT64_MAX);
    direction->aligned = false;
    return true;
}

/* Draws conclusions from what is held. */
static void
follow(struct mse_stream *stream, unsigned side, uint32_t held_before)
{
    const struct mse_direction *direction = &stream->directions[side];

    if (held_before < MSE_FIRST_BYTES && direction->held_size >= MSE_FIRST_BYTES && stream->handshake == NULL
        && !mse_may_begin(direction->held, direction->held_size) && !begins_with_payload(stream, side))
        return;
    if (stream->handshake == NULL && stream->keylog != NULL)
        mse_handshake_find(stream);
    if (stream->handshake != NULL)
        mse_handshake_follow(stream);
    if (stream->handshake == NULL || !stream->handshake->opened)
        mse_search_follow(stream);
}

void
mse_stream_feed(struct mse_stream *stream, const struct mse_chunk *chunk)
{
    struct mse_direction       *direction = &stream->directions[chunk->side];
    const struct mse_direction *other = &stream->directions[mse_other(chunk->side)];
    uint32_t                    held_before;
    bool                        answer = stream->has_last && stream->last_side != chunk->side;
    bool                        turn = answer && other->end >= MSE_RESPONDER_MIN;
    bool had_payload[2] = { stream->directions[0].has_payload, stream->directions[1].has_payload };

    if (chunk->reported == 0 || chunk->offset > UINT64_MAX - chunk->reported)
        return;
    note_delivered(&stream->directions[0]);
    note_delivered(&stream->directions[1]);
    release_settled(stream);
    stream->has_last = true;
    stream->last_side = chunk->side;
    stream->last_offset = chunk->offset;
    if (direction->first_frame == 0)
        direction->first_frame = chunk->frame;

    held_before = direction->held_size;
    stream->directions[0].filled = stream->directions[1].filled = false;
    take_ack(chunk, &stream->directions[mse_other(chunk->side)]);
    if (direction->state == MSE_SEARCHING)
        mse_held_add(stream, direction, chunk, turn, answer);
    direction->end = MAX(direction->end, chunk->offset + chunk->reported);
    if (!has_verdict(stream))
        follow(stream, chunk->side, held_before);
    for (unsigned side = 0; side < 2; side++) {
        note_frame(&stream->directions[side], side == chunk->side ? chunk : NULL);
        if (!had_payload[side] && stream->directions[side].has_payload)
            note_start(stream, side);
    }
    release_settled(stream);
}

/* --- output --- */

bool
mse_stream_earlier(struct mse_stream *stream, struct mse_piece *piece)
{
    for (unsigned side = 0; side < 2; side++) {
        uint8_t *data;

        if (!next_earlier(stream, side, piece, &data))
            continue;
        stream->directions[side].delivered = piece->offset + piece->size;
        /* In place: what was delivered is not looked at again. */
        piece->size = mse_stream_decrypt(stream, side, piece->offset, data, piece->size, data);
        piece->data = data;
        if (piece->size > 0)
            return true;
    }
    release_settled(stream);
    return false;
}

/* The offset at which RC4 ends. */
static uint64_t
cipher_end(const struct mse_stream *stream, unsigned side)
{
    const struct mse_handshake *handshake = stream->handshake;

    if (stream->directions[side].state == MSE_RC4)
        return UINT64_MAX;
    if (side == handshake->initiator && handshake->has_ia)
        return (uint64_t)handshake->ia_offset + handshake->ia_length;
    return stream->directions[side].payload;
}

uint32_t
mse_stream_decrypt(struct mse_stream *stream, unsigned side, uint64_t offset, const uint8_t *in, uint32_t size,
                   uint8_t *out)
{
    const struct mse_direction *direction = &stream->directions[side];
    const struct mse_handshake *handshake = stream->handshake;
    uint64_t                    from, to;

    if (size == 0 || !direction->has_payload || offset >= direction->readable_to)
        return 0;
    size = (uint32_t)MIN(size, direction->readable_to - offset);
    if (out != in)
        memmove(out, in, size);
    if (handshake == NULL || !handshake->has_vc[side])
        return size;

    from = MAX(offset, handshake->vc_offset[side]);
    to = MIN(offset + size, cipher_end(stream, side));
    if (from < to
        && !mse_rc4_decrypt(handshake->rc4[side], from - handshake->vc_offset[side], out + (from - offset),
                            (uint32_t)(to - from), out + (from - offset)))
        return (uint32_t)(from - offset);
    return size;
}
