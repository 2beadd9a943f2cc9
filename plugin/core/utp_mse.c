/* utp_mse.c
 * uTP connections that may be encrypted, see utp_mse.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_mse.h"

#include <string.h>

#include "core/mse_evidence.h"
#include "core/peer_wire.h"

/* Extensions of the header that anybody uses: 1 to 3 (BEP 29; libutp, libtorrent). */
#define UTP_EXTENSIONS 4

bool
utp_mse_may_begin(const struct utp_packet *packet)
{
    if (packet->header.extension >= UTP_EXTENSIONS)
        return false;
    if (packet->header.type == UTP_SYN)
        return packet->captured == 0;
    return packet->header.type == UTP_DATA && packet->captured > 0
           && mse_may_begin(packet->payload, packet->captured);
}

/* What the connection was taken for before is forgotten. */
static void
begin_anew(struct peer_feed *feed, const struct peer_setup *setup, const struct feed_packet *packet)
{
    wmem_allocator_t *scope = peer_connection_scope(feed->connection);
    int64_t           round_trip = feed->connection->round_trip;
    uint32_t          number = feed->connection->notes.packet;

    peer_feed_end(feed);
    peer_feed_init(feed, scope, setup);
    feed->connection->round_trip = round_trip;
    peer_connection_begin_packet(feed->connection, packet->frame, number);
}

/* The search begins. False: it has ended already, as the first bytes can be nothing of MSE. */
static bool
begin_search(struct utp_mse *utp_mse, struct mse_feeds *feeds, const struct feed_chunk *chunk)
{
    utp_mse->mse = mse_feed_new(feeds, MSE_OVER_UTP, chunk->bytes.data, chunk->bytes.captured);
    utp_mse->over = utp_mse->mse == NULL;
    if (utp_mse->over)
        return false;
    utp_mse->sides = wmem_alloc0_array(feeds->scope, struct utp_mse_side, 2);
    return true;
}

/* The search has ended, and it is not MSE. */
static void
forget(struct utp_mse *utp_mse)
{
    wmem_allocator_t *scope = utp_mse->mse->feeds->scope;

    for (int side = PEER_A; side <= PEER_B; side++)
        utp_places_free(&utp_mse->sides[side].places, scope);
    wmem_free(scope, utp_mse->sides);
    utp_mse->sides = NULL;
    mse_feed_give_up(utp_mse->mse);
    mse_feed_free(utp_mse->mse);
    utp_mse->mse = NULL;
    utp_mse->over = true;
}

/* The key stream of a side. */
static bool
key_stream(void *source, uint64_t offset, uint32_t size, uint8_t *out)
{
    const struct utp_mse_side *side = (const struct utp_mse_side *)source;

    memset(out, 0, size);
    return mse_stream_decrypt(side->stream, side->side, offset, out, size, out) == size;
}

/* Decrypts a part of a chunk. Returns how many bytes could be read. */
static uint32_t
decrypt(struct mse_feed *mse, const struct utp_hole *hole, unsigned side, const struct mse_part *part,
        const uint8_t *in, uint32_t captured, uint8_t *out)
{
    struct mse_part rest = *part;
    uint32_t        size = hole != NULL ? mse_realign_decrypt(hole->realign, part->offset, in, captured, out) : 0;

    rest.offset += size;
    rest.size -= size;
    return size + mse_feed_decrypt(mse, side, &rest, in + size, captured - size, out + size);
}

/* Gives the payload of a chunk to the feed. Returns where in the payload the first message begins. */
static uint32_t
take_payload(struct utp_mse *utp_mse, struct peer_feed *feed, const struct feed_packet *packet,
             const struct feed_chunk *chunk)
{
    struct mse_feed  *mse = utp_mse->mse;
    struct feed_chunk payload = *chunk;
    struct mse_part   part;
    uint8_t          *plain = NULL;
    uint32_t          first = 0;

    mse_feed_part(mse, packet->from, chunk->bytes.position, chunk->bytes.reported, packet->frame, &part);
    if (part.size == 0 || part.at >= chunk->bytes.captured) {
        if (mse->stream->directions[packet->from].has_payload) {
            peer_connection_gap(feed->connection, packet->from);
            peer_feed_lacks(feed, packet, chunk);
        }
        return 0;
    }
    payload.bytes.position += part.at;
    payload.bytes.data += part.at;
    payload.bytes.captured = MIN(chunk->bytes.captured - part.at, part.size);
    payload.bytes.reported = part.size;
    payload.bytes.has_boundary = chunk->bytes.has_boundary && chunk->bytes.boundary >= part.at;
    payload.bytes.boundary -= part.at;
    payload.place += part.at;
    if (part.encrypted) {
        plain = (uint8_t *)wmem_alloc(mse->feeds->scope, payload.bytes.captured);
        payload.bytes.captured = decrypt(mse, utp_mse->sides[packet->from].hole, packet->from, &part,
                                         payload.bytes.data, payload.bytes.captured, plain);
        payload.bytes.data = plain;
    }
    mse_feed_begin(mse, feed, packet->from);
    peer_feed_chunk(feed, packet, &payload, &first);
    wmem_free(mse->feeds->scope, plain);
    return first;
}

bool
utp_mse_waits(const struct utp_mse *utp_mse, enum peer_side from)
{
    const struct mse_feed      *mse = utp_mse->mse;
    const struct mse_direction *direction;

    if (mse == NULL || mse->stream == NULL || mse->sides[from].unknown_from != UINT64_MAX)
        return false;
    direction = &mse->stream->directions[from];
    return direction->state == MSE_SEARCHING || (direction->state == MSE_RC4 && direction->payload_frame == 0);
}

/* --- RC4, and packets are missing --- */

/* Whether the payload of a side is RC4, and how many bytes came before it is known up to the last packet. */
static bool
is_rc4(const struct utp_mse *utp_mse, enum peer_side from)
{
    const struct mse_direction *direction;

    if (!utp_mse_is_found(utp_mse) || !utp_mse->sides[from].has_next)
        return false;
    direction = &utp_mse->mse->stream->directions[from];
    return direction->state == MSE_RC4 && direction->payload_frame != 0
           && utp_mse->mse->sides[from].unknown_from == UINT64_MAX;
}

/* Where the message ends that the side is in, as far as it was read. */
static void
note_boundary(struct utp_mse *utp_mse, const struct peer_feed *feed, enum peer_side from)
{
    const struct message_stream *stream = &feed->streams[from];
    uint64_t                     end = stream->start + stream->size;

    if (stream->sync == STREAM_OK && stream->size != PEER_SIZE_UNKNOWN && stream->size != PEER_SIZE_BAD)
        utp_hole_set_boundary(utp_mse->sides[from].hole, end - utp_mse->mse->sides[from].base);
}

static struct utp_hole *
get_hole(struct utp_mse *utp_mse, const struct peer_feed *feed, enum peer_side from)
{
    struct utp_mse_side *side = &utp_mse->sides[from];

    if (side->hole != NULL)
        return side->hole;
    side->stream = utp_mse->mse->stream;
    side->side = from;
    side->hole = utp_hole_new(utp_mse->mse->feeds->scope, key_stream, side, side->next_seq,
                              side->next - utp_mse->mse->sides[from].base, side->longest);
    note_boundary(utp_mse, feed, from);
    return side->hole;
}

/* What is missing before the packet that is to be read next. */
static void
describe_lacking(const struct utp_hole *hole, const struct feed_chunk *chunk, char *text, size_t size)
{
    size_t length;

    chunk->describe_missing(hole->missing, text, size);
    length = strlen(text);
    if (hole->unreadable > 0)
        g_snprintf(text + length, (gulong)(size - length), ", and %" PRIu64 " after %s could not be decrypted",
                   hole->unreadable, hole->missing == 1 ? "it" : "them");
}

/* Reads the packet whose turn it is. */
static void
take_next(struct utp_mse *utp_mse, struct peer_feed *feed, const struct feed_packet *packet, uint64_t seq,
          const struct feed_chunk *chunk)
{
    struct mse_feed  *mse = utp_mse->mse;
    struct utp_hole  *hole = utp_mse->sides[packet->from].hole;
    struct feed_chunk placed = *chunk;
    struct utp_place  place = { .size = chunk->bytes.reported };
    char              lacking[160];

    placed.bytes.position = place.position = mse->sides[packet->from].base + hole->next_offset;
    placed.placed = true;
    placed.bytes.missing = 0;
    placed.late = false;
    placed.lacking = NULL;
    if (hole->missing > 0) {
        describe_lacking(hole, chunk, lacking, sizeof lacking);
        placed.lacking = lacking;
    }
    if (hole->has_message && hole->message - hole->next_offset < chunk->bytes.reported) {
        placed.bytes.has_boundary = true;
        placed.bytes.boundary = (uint32_t)(hole->message - hole->next_offset);
    }
    place.first = take_payload(utp_mse, feed, packet, &placed);
    utp_places_add(&utp_mse->sides[packet->from].places, mse->feeds->scope, seq, packet->frame, &place);
    note_boundary(utp_mse, feed, packet->from);
    utp_hole_pass(hole, chunk->bytes.reported);
}

/* A packet before those that were read already. */
static void
take_late(struct utp_mse *utp_mse, struct peer_feed *feed, const struct feed_packet *packet, uint64_t seq,
          const struct feed_chunk *chunk)
{
    struct feed_chunk placed = *chunk;
    struct utp_place  place = { .size = chunk->bytes.reported };
    uint64_t          offset;

    if (!utp_hole_place_late(utp_mse->sides[packet->from].hole, seq, chunk->bytes.reported, &offset))
        return;
    placed.bytes.position = place.position = utp_mse->mse->sides[packet->from].base + offset;
    placed.placed = placed.late = true;
    placed.bytes.missing = 0;
    place.first = take_payload(utp_mse, feed, packet, &placed);
    utp_places_insert(&utp_mse->sides[packet->from].places, utp_mse->mse->feeds->scope, seq, &place);
}

/* What is kept of a side can no longer be read. */
static void
give_up(struct utp_mse *utp_mse, struct peer_feed *feed, enum peer_side from)
{
    struct mse_handshake *handshake = utp_mse->mse->stream->handshake;
    struct utp_hole      *hole = utp_mse->sides[from].hole;
    struct utp_kept      *kept;

    while ((kept = utp_hole_give_up(hole)) != NULL) {
        struct feed_packet packet = { .from = from, .frame = kept->chunk.frame, .time = kept->time };
        char               lacking[160];

        if (handshake->fault_frames[MSE_FAULT_POSITION_LOST] == 0)
            handshake->fault_frames[MSE_FAULT_POSITION_LOST] = kept->chunk.frame;
        kept->chunk.describe_missing(kept->seq - hole->next_seq, lacking, sizeof lacking);
        kept->chunk.lacking = lacking;
        peer_feed_lacks(feed, &packet, &kept->chunk);
        wmem_free(hole->scope, kept);
    }
}

/* Takes a chunk of a side that is RC4 and has lacked a packet, or does so now. */
static void
take_with_hole(struct utp_mse *utp_mse, struct peer_feed *feed, const struct feed_packet *packet,
               const struct utp_chunk *next, const struct feed_chunk *chunk, bool at_end)
{
    struct utp_hole *hole = get_hole(utp_mse, feed, packet->from);
    bool             was_full = hole->full, opens = hole->kept == NULL;
    struct utp_kept *kept;

    if (next->seq < hole->next_seq) {
        if (next->late)
            take_late(utp_mse, feed, packet, next->seq, chunk);
        return;
    }
    if (opens && (next->seq == hole->next_seq || (!utp_chunk_has_gap(next) && !next->late)) && !hole->given_up) {
        hole->next_seq = next->seq; /* ST_FIN takes a number, and has no bytes */
        take_next(utp_mse, feed, packet, next->seq, chunk);
        return;
    }
    utp_hole_add(hole, next->seq, next->time, chunk);
    if (opens)
        peer_connection_gap(feed->connection, packet->from);
    if (hole->full && !was_full)
        peer_feed_limit(feed, packet, chunk, "bytes after a hole in RC4", MSE_REALIGN_RUN_MAX);
    while ((kept = utp_hole_next(hole)) != NULL) {
        struct feed_packet reading = *packet;

        kept->chunk.waited = kept->seq != next->seq && !at_end;
        if (at_end) {
            reading.frame = kept->chunk.frame;
            reading.time = kept->time;
        }
        take_next(utp_mse, feed, &reading, kept->seq, &kept->chunk);
        wmem_free(hole->scope, kept);
    }
    if (hole->given_up)
        give_up(utp_mse, feed, packet->from);
}

void
utp_mse_flush(struct utp_mse *utp_mse, struct peer_feed *feed)
{
    for (int side = PEER_A; side <= PEER_B && utp_mse->sides != NULL; side++) {
        if (utp_mse->sides[side].hole != NULL && utp_mse->sides[side].hole->kept != NULL)
            give_up(utp_mse, feed, (enum peer_side)side);
    }
}

/* --- all --- */

/* Whether a late packet is nothing but plaintext. */
static bool
is_plain_payload(const struct utp_mse *utp_mse, enum peer_side from, uint64_t seq)
{
    return utp_mse->mse->stream->directions[from].state == MSE_PLAINTEXT && utp_mse->sides[from].has_payload
           && seq > utp_mse->sides[from].payload_seq;
}

bool
utp_mse_take(struct utp_mse *utp_mse, struct mse_feeds *feeds, struct peer_feed *feed, const struct peer_setup *setup,
             const struct feed_packet *packet, const struct utp_chunk *next, const struct feed_chunk *chunk,
             bool at_end)
{
    struct utp_place     place = { .position = chunk->bytes.position, .size = chunk->bytes.reported };
    struct utp_mse_side *side;
    struct mse_feed     *mse;

    if (is_rc4(utp_mse, packet->from) && (utp_mse->sides[packet->from].hole != NULL || utp_chunk_has_gap(next))) {
        take_with_hole(utp_mse, feed, packet, next, chunk, at_end);
        return true;
    }
    if (next->late) /* it has no position, so it could not be decrypted */
        return utp_mse_is_found(utp_mse) && !is_plain_payload(utp_mse, packet->from, next->seq);
    if (utp_mse->over && utp_mse->mse == NULL)
        return false;
    if (utp_mse->mse == NULL && !begin_search(utp_mse, feeds, chunk))
        return false;
    mse = utp_mse->mse;
    side = &utp_mse->sides[packet->from];
    if (mse_feed_search(mse, packet, chunk, utp_chunk_has_gap(next)))
        begin_anew(feed, setup, packet);
    if (mse->state == MSE_FEED_OTHER
        || (mse->state == MSE_FEED_SEARCHING && (feed->synced_in[PEER_A] != 0 || feed->synced_in[PEER_B] != 0))) {
        forget(utp_mse);
        return false;
    }
    if (mse->state == MSE_FEED_FOUND) {
        mse_feed_earlier(mse, feed, packet, chunk);
        place.first = take_payload(utp_mse, feed, packet, chunk);
        if (!side->has_payload) {
            side->has_payload = mse->stream->directions[packet->from].payload_frame != 0;
            side->payload_seq = next->seq;
        }
    }
    utp_places_add(&side->places, mse->feeds->scope, next->seq, packet->frame, &place);
    side->has_next = true;
    side->next_seq = next->seq + 1;
    side->longest = MAX(side->longest, chunk->bytes.reported);
    side->next = chunk->bytes.position + chunk->bytes.reported;
    return mse->state == MSE_FEED_FOUND;
}

void
utp_mse_end(struct utp_mse *utp_mse)
{
    for (int i = PEER_A; i <= PEER_B && utp_mse->sides != NULL; i++) {
        struct utp_mse_side *side = &utp_mse->sides[i];
        if (side->hole != NULL)
            utp_hole_free(side->hole);
        *side = (struct utp_mse_side){ .places = side->places };
    }
    if (utp_mse->mse != NULL && utp_mse->mse->state != MSE_FEED_FOUND)
        forget(utp_mse);
}
