/* mse_feed.c
 * Connections that may be encrypted, see mse_feed.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_feed.h"

#include <string.h>

#include "core/mse_evidence.h"

/* So far apart are checkpoints: less than half of what 32 bits count. */
#define CHECKPOINT_DISTANCE (UINT64_C(1) << 30)

/* --- all connections --- */

void
mse_feeds_init(struct mse_feeds *feeds, wmem_allocator_t *scope, struct mse_keylog *keylog)
{
    memset(feeds, 0, sizeof *feeds);
    feeds->scope = scope;
    feeds->enabled = true;
    feeds->keylog = keylog;
}

void
mse_feeds_free(struct mse_feeds *feeds)
{
    for (struct mse_feed *mse = feeds->found; mse != NULL; mse = mse->older)
        mse_stream_free(mse->stream);
    for (struct mse_feed *mse = feeds->oldest; mse != NULL; mse = mse->newer)
        mse_stream_free(mse->stream);
    memset(feeds, 0, sizeof *feeds);
}

bool
mse_looks_encrypted(enum mse_carrier carrier, const uint8_t *one, uint32_t one_size, const uint8_t *other,
                    uint32_t other_size)
{
    const uint8_t *held[2] = { one, other };
    const uint32_t sizes[2] = { one_size, other_size };
    unsigned       keys = 0;

    for (unsigned side = 0; side < 2; side++) {
        if (sizes[side] == 0)
            continue;
        if (sizes[side] < MSE_PUBLIC_KEY_SIZE || !mse_looks_random(held[side], MIN(sizes[side], MSE_RESPONDER_MIN)))
            return false;
        keys++;
    }
    return keys >= (carrier == MSE_OVER_UTP ? 2U : 1U);
}

static bool
looks_encrypted(const struct mse_feed *mse)
{
    const struct mse_direction *directions = mse->stream->directions;

    return mse_looks_encrypted(mse->carrier, directions[0].held, directions[0].held_size, directions[1].held,
                               directions[1].held_size);
}

static bool
is_readable(const struct mse_stream *stream)
{
    for (unsigned side = 0; side < 2; side++) {
        if (stream->directions[side].state == MSE_PLAINTEXT || stream->directions[side].state == MSE_RC4)
            return true;
    }
    return false;
}

uint32_t
mse_feeds_unreadable(const struct mse_feeds *feeds, enum mse_carrier carrier)
{
    uint32_t count = feeds->given_up[carrier];

    if (carrier == MSE_OVER_TCP && feeds->count_unsearched != NULL)
        count += feeds->count_unsearched();
    for (const struct mse_feed *mse = feeds->oldest; mse != NULL; mse = mse->newer) {
        if (mse->carrier == carrier && looks_encrypted(mse))
            count++;
    }
    for (const struct mse_feed *mse = feeds->found; mse != NULL; mse = mse->older) {
        if (mse->carrier == carrier && !is_readable(mse->stream))
            count++;
    }
    return count;
}

/* --- beginning and end of a search --- */

static void
end_search(struct mse_feed *mse)
{
    struct mse_feeds *feeds = mse->feeds;

    if (mse->newer != NULL)
        mse->newer->older = mse->older;
    else
        feeds->newest = mse->older;
    if (mse->older != NULL)
        mse->older->newer = mse->newer;
    else
        feeds->oldest = mse->newer;
    mse->newer = mse->older = NULL;
    feeds->count--;
}

static void
become_other(struct mse_feed *mse, bool encrypted)
{
    struct mse_feeds *feeds = mse->feeds;

    end_search(mse);
    if (encrypted)
        feeds->given_up[mse->carrier]++;
    mse_stream_free(mse->stream);
    mse->stream = NULL;
    mse->state = MSE_FEED_OTHER;
    for (unsigned side = 0; side < 2; side++)
        wmem_free(feeds->scope, mse->sides[side].checkpoints);
    memset(mse->sides, 0, sizeof mse->sides);
}

bool
mse_feed_looks_encrypted(const struct mse_feed *mse)
{
    return mse->state == MSE_FEED_SEARCHING && looks_encrypted(mse);
}

bool
mse_feed_has_keys(const struct mse_feed *mse)
{
    return mse_feed_looks_encrypted(mse) && mse->stream->directions[0].held_size > 0
           && mse->stream->directions[1].held_size > 0;
}

void
mse_feed_give_up(struct mse_feed *mse)
{
    if (mse->state == MSE_FEED_SEARCHING)
        become_other(mse, false);
}

struct mse_feed *
mse_feed_new(struct mse_feeds *feeds, enum mse_carrier carrier, const uint8_t *data, uint32_t size)
{
    struct mse_feed *mse;

    if (!feeds->enabled || !mse_may_begin(data, size))
        return NULL;
    if (feeds->count == MSE_SEARCHES_MAX)
        become_other(feeds->oldest, feeds->counts && looks_encrypted(feeds->oldest));
    mse = wmem_new0(feeds->scope, struct mse_feed);
    mse->feeds = feeds;
    mse->carrier = carrier;
    mse->stream = mse_stream_new(feeds->scope, feeds->keylog);
    for (unsigned side = 0; side < 2; side++)
        mse->sides[side].unknown_from = UINT64_MAX;
    mse->older = feeds->newest;
    if (feeds->newest != NULL)
        feeds->newest->newer = mse;
    else
        feeds->oldest = mse;
    feeds->newest = mse;
    feeds->count++;
    return mse;
}

void
mse_feed_free(struct mse_feed *mse)
{
    for (unsigned side = 0; side < 2; side++)
        wmem_free(mse->feeds->scope, mse->sides[side].checkpoints);
    wmem_free(mse->feeds->scope, mse);
}

bool
mse_feed_is_over(const struct mse_feed *mse)
{
    return mse->state == MSE_FEED_OTHER || (mse->state == MSE_FEED_FOUND && mse_stream_is_settled(mse->stream));
}

/* --- the first pass --- */

/* Draws the conclusion of a chunk. True where it is MSE. */
static bool
conclude(struct mse_feed *mse)
{
    const struct mse_stream *stream = mse->stream;
    enum mse_state           states[2] = { stream->directions[0].state, stream->directions[1].state };

    if (stream->handshake != NULL || is_readable(stream)) {
        end_search(mse);
        mse->older = mse->feeds->found;
        mse->feeds->found = mse;
        mse->state = MSE_FEED_FOUND;
        return true;
    }
    if (states[0] != MSE_SEARCHING && states[1] != MSE_SEARCHING)
        become_other(mse, states[0] == MSE_UNKNOWN || states[1] == MSE_UNKNOWN);
    return false;
}

/* Whether a chunk was searched last: one that shows that it is MSE is searched again as one of MSE. Payload before it would
 * count as handed over then. */
static bool
is_last(const struct mse_feed *mse, unsigned side, const struct feed_chunk *chunk)
{
    return mse->has_last && mse->last_side == side && mse->last_frame == chunk->frame
           && mse->last_position == chunk->bytes.position;
}

bool
mse_feed_search(struct mse_feed *mse, const struct feed_packet *packet, const struct feed_chunk *chunk, bool gap)
{
    struct mse_feed_side       *side = &mse->sides[packet->from];
    const struct mse_feed_side *other = &mse->sides[other_side(packet->from)];
    struct mse_chunk            input = {
                   .side = packet->from,
                   .data = chunk->bytes.data,
                   .captured = chunk->bytes.captured,
                   .reported = chunk->bytes.reported,
                   .frame = chunk->frame,
                   .in_order = mse->carrier == MSE_OVER_UTP,
    };

    if (mse->state == MSE_FEED_OTHER || is_last(mse, packet->from, chunk))
        return false;
    mse->has_last = true;
    mse->last_side = packet->from;
    mse->last_frame = chunk->frame;
    mse->last_position = chunk->bytes.position;
    if (!side->has_base) {
        side->has_base = true;
        side->base = chunk->bytes.position;
        side->base_place = chunk->place;
    }
    if (chunk->bytes.position < side->base) {
        uint64_t before = side->base - chunk->bytes.position;

        if (!mse_stream_begins_earlier(mse->stream, packet->from, before))
            return false;
        side->base -= before;
        side->base_place -= (uint32_t)before;
    }
    input.offset = chunk->bytes.position - side->base;
    if (chunk->has_ack && !chunk->acks_packets && other->has_base && chunk->ack > other->base)
        input.acked = chunk->ack - other->base;
    if (gap)
        side->unknown_from = MIN(side->unknown_from, input.offset);
    if (mse_feed_is_over(mse))
        return false;
    if (mse->feeds->read_keys != NULL && (mse->stream->handshake == NULL || !mse->stream->handshake->opened))
        mse->feeds->read_keys();
    mse_stream_feed(mse->stream, &input);
    return mse->state == MSE_FEED_SEARCHING && conclude(mse);
}

void
mse_feed_begin(struct mse_feed *mse, struct peer_feed *feed, unsigned side)
{
    const struct mse_direction *direction = &mse->stream->directions[side];

    if (mse->sides[side].has_begun || !direction->has_payload)
        return;
    mse->sides[side].has_begun = true;
    if (direction->aligned)
        peer_feed_begin(feed, (enum peer_side)side, mse->sides[side].base + direction->payload);
}

/* Links a copy of a piece among those from *first on: those of a side in the order of the stream, and else in the order of
 * their frames. */
static void
keep_late(struct mse_feed *mse, struct mse_late **first, const struct mse_piece *piece, uint32_t shown_in)
{
    struct mse_late *late = (struct mse_late *)wmem_alloc(mse->feeds->scope, sizeof *late + piece->size);

    late->side = piece->side;
    late->offset = piece->offset;
    late->size = piece->size;
    late->place = mse->sides[piece->side].base_place + (uint32_t)piece->offset;
    late->frame = piece->frame;
    late->shown_in = shown_in;
    memcpy(late->data, piece->data, piece->size);
    for (struct mse_late **other = first; *other != NULL; other = &(*other)->next) {
        if ((*other)->side == late->side)
            first = &(*other)->next;
    }
    while (*first != NULL && (*first)->frame <= late->frame)
        first = &(*first)->next;
    late->next = *first;
    *first = late;
}

void
mse_feed_earlier(struct mse_feed *mse, struct peer_feed *feed, const struct feed_packet *packet,
                 const struct feed_chunk *chunk)
{
    struct mse_late **first = mse->last_late != NULL ? &mse->last_late->next : &mse->late;
    struct mse_piece  piece;

    while (mse_stream_earlier(mse->stream, &piece))
        keep_late(mse, first, &piece, packet->frame);

    for (const struct mse_late *late = *first; late != NULL; late = late->next) {
        struct feed_packet reading = *packet;
        struct feed_chunk  earlier = {
             .bytes = { .position = mse->sides[late->side].base + late->offset,
                        .data = late->data,
                        .captured = late->size,
                        .reported = late->size },
             .place = late->place,
             .frame = late->frame,
             .acks_packets = chunk->acks_packets,
             /* Not known of those packets: later than what it was, so that nothing counts as acknowledged too soon. */
             .end_ack = late->side == (unsigned)packet->from ? chunk->end_ack : 0,
        };
        uint32_t rest;

        reading.from = (enum peer_side)late->side;
        mse_feed_begin(mse, feed, late->side);
        peer_feed_chunk(feed, &reading, &earlier, &rest);
    }
    while (*first != NULL) {
        mse->last_late = *first;
        first = &mse->last_late->next;
    }
}

/* --- every pass --- */

const struct mse_late *
mse_late_of_frame(const struct mse_late *late, uint32_t frame)
{
    while (late != NULL && late->shown_in != frame)
        late = late->next;
    return late;
}

/* Whether the bytes from an offset on, or the first of them, are RC4. */
static bool
is_encrypted(const struct mse_stream *stream, unsigned side, uint64_t from)
{
    const struct mse_handshake *handshake = stream->handshake;

    if (handshake == NULL || !handshake->has_vc[side])
        return false;
    if (stream->directions[side].state == MSE_RC4)
        return true;
    return side == handshake->initiator && handshake->has_ia
           && from < (uint64_t)handshake->ia_offset + handshake->ia_length;
}

void
mse_feed_part(const struct mse_feed *mse, unsigned side, uint64_t position, uint32_t size, uint32_t frame,
              struct mse_part *part)
{
    const struct mse_feed_side *own = &mse->sides[side];
    const struct mse_direction *direction = &mse->stream->directions[side];
    uint64_t                    offset = position - own->base;
    uint64_t                    from, to;

    memset(part, 0, sizeof *part);
    if (!own->has_base || position < own->base || !direction->has_payload)
        return;
    from = MAX(offset, direction->payload);
    to = MIN(offset + size, direction->readable_to);
    for (const struct mse_late *late = mse->late; late != NULL; late = late->next) {
        /* What came too early is shown where it fits, and so is what it waited for. */
        if (late->side != side || late->shown_in < frame || (late->shown_in == frame && late->frame != frame))
            continue;
        if (from >= late->offset && from < late->offset + late->size)
            from = late->offset + late->size;
        else if (from < late->offset && to > late->offset)
            to = late->offset;
    }
    if (from >= to)
        return;
    part->encrypted = is_encrypted(mse->stream, side, from);
    if (part->encrypted && direction->state == MSE_RC4 && from >= own->unknown_from)
        return;
    part->offset = from;
    part->at = (uint32_t)(from - offset);
    part->size = (uint32_t)(to - from);
}

uint32_t
mse_feed_decrypt(struct mse_feed *mse, unsigned side, const struct mse_part *part, const uint8_t *in,
                 uint32_t captured, uint8_t *out)
{
    return mse_stream_decrypt(mse->stream, side, part->offset, in, MIN(captured, part->size), out);
}

void
mse_feed_reach(struct mse_feed *mse, unsigned side, uint32_t frame, uint64_t position)
{
    struct mse_feed_side *own = &mse->sides[side];

    if (own->checkpoint_count > 0
        && position < own->checkpoints[own->checkpoint_count - 1].position + CHECKPOINT_DISTANCE)
        return;
    if (own->checkpoint_count == own->checkpoint_room) {
        own->checkpoint_room = MAX(1, 2 * own->checkpoint_room);
        own->checkpoints = (struct mse_checkpoint *)wmem_realloc(mse->feeds->scope, own->checkpoints,
                                                                 own->checkpoint_room * sizeof *own->checkpoints);
    }
    own->checkpoints[own->checkpoint_count++] = (struct mse_checkpoint){ frame, position };
}

uint64_t
mse_feed_position(const struct mse_feed *mse, unsigned side, uint32_t frame, uint32_t low)
{
    const struct mse_feed_side *own = &mse->sides[side];
    uint64_t                    near = own->base;

    for (uint32_t i = own->checkpoint_count; i > 0; i--) {
        if (own->checkpoints[i - 1].frame <= frame) {
            near = own->checkpoints[i - 1].position;
            break;
        }
    }
    return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}
