/* mse_search.c
 * MSE without a key, see mse_stream.h: looks for the place where plaintext begins.
 *
 * The handshake of BitTorrent, 20 known bytes after 110 or more random ones, is the evidence. The responder's is
 * never encrypted where plaintext was chosen. The initiator's may be in IA, and so hidden: then its first messages
 * are looked for, once the responder's handshake is found. Nothing else is ever taken for plaintext.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "core/mse_evidence.h"
#include "core/mse_stream_parts.h"
#include "core/peer_wire.h"

/* The first byte at which messages can begin that follow a handshake in IA. */
#define MESSAGES_MIN (MSE_INITIATOR_MIN + PEER_HANDSHAKE_SIZE)

static bool
is_initiator(const struct mse_stream *stream, unsigned side)
{
    return stream->has_initiator && stream->initiator == side;
}

static bool
is_responder(const struct mse_stream *stream, unsigned side)
{
    return stream->has_initiator && stream->initiator != side;
}

/* The last byte at which the payload of a side can begin. */
static uint32_t
latest_payload(const struct mse_stream *stream, unsigned side)
{
    return is_responder(stream, side) ? MSE_RESPONDER_MAX : MSE_INITIATOR_MAX;
}

/* --- the handshake --- */

/* Whether it is MSE if side has the handshake of BitTorrent at the offset at. */
static enum mse_verdict
judge(const struct mse_stream *stream, unsigned side, uint32_t at)
{
    const struct mse_direction *direction = &stream->directions[side];
    const struct mse_direction *other = &stream->directions[mse_other(side)];
    enum mse_verdict            next = MSE_MORE;

    if (direction->held_size > at + PEER_HANDSHAKE_SIZE)
        next = mse_message_at(direction->held + at + PEER_HANDSHAKE_SIZE,
                              direction->held_size - at - PEER_HANDSHAKE_SIZE);
    if (next == MSE_NO || !mse_looks_random(direction->held, at))
        return MSE_NO;
    if (other->state == MSE_PLAINTEXT)
        return MSE_YES;
    if (other->held_size >= MSE_PUBLIC_KEY_SIZE)
        return mse_looks_random(other->held, MIN(other->held_size, MSE_RESPONDER_MIN)) ? MSE_YES : MSE_NO;
    /* Each side sends a public key before payload. Where that was not captured, a message must stand in for it. */
    return other->held_size > 0 && !other->holed ? MSE_MORE : next;
}

/* False where the bytes cannot be MSE. */
static bool
look_for_handshake(struct mse_stream *stream, unsigned side)
{
    struct mse_direction *direction = &stream->directions[side];
    uint32_t              from = is_initiator(stream, side) ? MSE_INITIATOR_MIN : MSE_RESPONDER_MIN;
    uint32_t              at;

    from = MAX(from, direction->handshake_scanned);
    if (!mse_find_handshake(direction->held, direction->held_size, from, &at) || at > latest_payload(stream, side)) {
        if (direction->held_size >= PEER_HANDSHAKE_MAGIC_SIZE)
            direction->handshake_scanned = MAX(from, direction->held_size - PEER_HANDSHAKE_MAGIC_SIZE + 1);
        return true;
    }
    direction->handshake_scanned = at;
    switch (judge(stream, side, at)) {
    case MSE_YES:
        direction->state = MSE_PLAINTEXT;
        mse_stream_set_payload(direction, at, UINT64_MAX);
        return true;
    case MSE_MORE:
        return true;
    case MSE_NO:
        break;
    }
    return false;
}

static bool
handshake_search_is_over(const struct mse_stream *stream, unsigned side)
{
    const struct mse_direction *direction = &stream->directions[side];

    return mse_is_closed(direction) || direction->handshake_scanned > latest_payload(stream, side);
}

/* --- the messages after a handshake in IA --- */

static bool
begins_turn(const struct mse_direction *direction, uint32_t offset)
{
    const struct mse_mark *mark = mse_held_mark_at(direction, offset);

    return mark->turn && mark->start == offset;
}

/* The other side has plaintext, so this one has, too; and where it has no handshake, that was in IA. The first place
 * that is sure counts. One before it that is not sure yet (random bytes look like the start of a Bitfield in one
 * connection of 500) is looked at again with the next bytes. */
static void
look_for_messages(struct mse_stream *stream, unsigned side)
{
    struct mse_direction *direction = &stream->directions[side];
    uint32_t              end = MIN(direction->held_size, MSE_INITIATOR_MAX + 1);
    uint32_t              unsure = UINT32_MAX;
    uint32_t              at;

    for (at = MAX(direction->messages_scanned, MESSAGES_MIN); at < end; at++) {
        /* The length of a message begins with 0. */
        const uint8_t *zero = (const uint8_t *)memchr(direction->held + at, 0, end - at);
        at = zero == NULL ? end : (uint32_t)(zero - direction->held);
        if (at == end)
            break;

        enum mse_verdict verdict = mse_messages_at(direction->held + at, direction->held_size - at,
                                                   begins_turn(direction, at));
        if (verdict == MSE_YES) {
            direction->state = MSE_PLAINTEXT;
            mse_stream_set_payload(direction, at, UINT64_MAX);
            mse_stream_set_initiator(stream, side);
            return;
        }
        if (verdict == MSE_MORE)
            unsure = MIN(unsure, at);
    }
    direction->messages_scanned = MIN(at, unsure);
}

static bool
messages_search_is_over(const struct mse_stream *stream, unsigned side)
{
    const struct mse_direction *direction = &stream->directions[side];

    return is_responder(stream, side) || mse_is_closed(direction) || direction->messages_scanned > MSE_INITIATOR_MAX;
}

/* --- both --- */

/* Nothing was found: tells what the first bytes look like. */
static enum mse_state
impression(const struct mse_stream *stream)
{
    if (stream->handshake != NULL)
        return MSE_UNREADABLE;
    for (unsigned side = 0; side < 2; side++) {
        const struct mse_direction *direction = &stream->directions[side];

        if (direction->held_size >= MSE_PUBLIC_KEY_SIZE) {
            if (!mse_looks_random(direction->held, MIN(direction->held_size, MSE_RESPONDER_MIN)))
                return MSE_IMPOSSIBLE;
        } else if (direction->held_size > 0 && !direction->holed) {
            return MSE_IMPOSSIBLE; /* it sent no public key, and the search is over */
        }
    }
    return MSE_UNKNOWN;
}

void
mse_search_follow(struct mse_stream *stream)
{
    struct mse_direction *directions = stream->directions;

    for (unsigned side = 0; side < 2; side++) {
        if (directions[side].state == MSE_SEARCHING && !look_for_handshake(stream, side)) {
            mse_stream_give_up(stream, stream->handshake != NULL ? MSE_UNREADABLE : MSE_IMPOSSIBLE);
            return;
        }
    }

    for (unsigned side = 0; side < 2; side++) {
        if (directions[side].state != MSE_SEARCHING || directions[mse_other(side)].state != MSE_PLAINTEXT)
            continue;
        if (!is_responder(stream, side))
            look_for_messages(stream, side);
        if (directions[side].state == MSE_SEARCHING && handshake_search_is_over(stream, side)
            && messages_search_is_over(stream, side)) {
            directions[side].state = MSE_PLAINTEXT;
            mse_stream_set_unaligned(stream, side);
        }
    }

    if (directions[0].state == MSE_SEARCHING && directions[1].state == MSE_SEARCHING) {
        bool over[2] = { handshake_search_is_over(stream, 0), handshake_search_is_over(stream, 1) };

        if ((over[0] && over[1]) || (over[0] && directions[0].end > MSE_PATIENCE)
            || (over[1] && directions[1].end > MSE_PATIENCE))
            mse_stream_give_up(stream, impression(stream));
    }
}
