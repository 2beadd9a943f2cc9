/* utp_mse.c
 * uTP connections that may be encrypted, see utp_mse.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_mse.h"

#include "core/mse_evidence.h"

/* Extensions of the header that anybody uses: 1 to 3 (BEP 29; libutp, libtorrent). */
#define UTP_EXTENSIONS  4

bool
utp_mse_may_begin(const struct utp_header *header, const uint8_t *packet, uint32_t captured)
{
    if (packet[1] >= UTP_EXTENSIONS)
        return false;
    if (header->type == UTP_SYN)
        return captured == header->size;
    return header->type == UTP_DATA && captured > header->size
           && mse_may_begin(packet + header->size, captured - header->size);
}

/* What the connection was taken for before is forgotten. */
static void
begin_anew(struct peer_feed *feed, const struct peer_setup *setup, const struct feed_packet *packet, uint32_t number)
{
    wmem_allocator_t *scope = feed->connection->scope;
    int64_t           round_trip = feed->connection->round_trip;

    peer_feed_end(feed);
    peer_feed_init(feed, scope, setup);
    feed->connection->round_trip = round_trip;
    peer_connection_begin_packet(feed->connection, packet->frame, number);
}

/* The search has ended, and it is not MSE. */
static void
forget(struct utp_mse *utp_mse)
{
    for (int side = PEER_A; side <= PEER_B; side++)
        utp_places_free(&utp_mse->places[side], utp_mse->mse->feeds->scope);
    mse_feed_give_up(utp_mse->mse);
    mse_feed_free(utp_mse->mse);
    utp_mse->mse = NULL;
    utp_mse->over = true;
}

/* Gives the payload of a chunk to the feed. Returns where in the payload the first message begins. */
static uint32_t
take_payload(struct mse_feed *mse, struct peer_feed *feed, const struct feed_packet *packet,
             const struct feed_chunk *chunk)
{
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
    payload.place += part.at;
    if (part.encrypted) {
        plain = (uint8_t *)wmem_alloc(mse->feeds->scope, payload.bytes.captured);
        payload.bytes.captured = mse_feed_decrypt(mse, packet->from, &part, payload.bytes.data, payload.bytes.captured,
                                                  plain);
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
    const struct mse_feed *mse = utp_mse->mse;

    if (mse == NULL || mse->sides[from].unknown_from != UINT64_MAX)
        return false;
    return mse->stream->directions[from].state == MSE_SEARCHING || mse->stream->directions[from].state == MSE_RC4;
}

/* Whether a late packet is nothing but plaintext. */
static bool
is_plain_payload(const struct utp_mse *utp_mse, enum peer_side from, uint64_t seq)
{
    return utp_mse->mse->stream->directions[from].state == MSE_PLAINTEXT && utp_mse->has_payload[from]
           && seq > utp_mse->payload_seq[from];
}

bool
utp_mse_take(struct utp_mse *utp_mse, struct mse_feeds *feeds, struct peer_feed *feed, const struct peer_setup *setup,
             const struct feed_packet *packet, uint32_t number, const struct utp_chunk *next,
             const struct feed_chunk *chunk)
{
    struct utp_place place = { .position = chunk->bytes.position, .size = chunk->bytes.reported };
    struct mse_feed *mse;

    if (next->late)                     /* it has no position, so it could not be decrypted */
        return utp_mse_is_found(utp_mse) && !is_plain_payload(utp_mse, packet->from, next->seq);
    if (utp_mse->over && utp_mse->mse == NULL)
        return false;
    if (utp_mse->mse == NULL) {
        utp_mse->mse = mse_feed_new(feeds, MSE_OVER_UTP, chunk->bytes.data, chunk->bytes.captured);
        utp_mse->over = utp_mse->mse == NULL;
        if (utp_mse->over)
            return false;
    }
    mse = utp_mse->mse;
    if (mse_feed_search(mse, packet, chunk, next->gap != UTP_GAP_NONE))
        begin_anew(feed, setup, packet, number);
    if (mse->state == MSE_FEED_OTHER
            || (mse->state == MSE_FEED_SEARCHING && (feed->synced_in[PEER_A] != 0 || feed->synced_in[PEER_B] != 0))) {
        forget(utp_mse);
        return false;
    }
    if (mse->state == MSE_FEED_FOUND) {
        mse_feed_earlier(mse, feed, packet, chunk);
        place.first = take_payload(mse, feed, packet, chunk);
        if (!utp_mse->has_payload[packet->from]) {
            utp_mse->has_payload[packet->from] = mse->stream->directions[packet->from].payload_frame != 0;
            utp_mse->payload_seq[packet->from] = next->seq;
        }
    }
    utp_places_add(&utp_mse->places[packet->from], mse->feeds->scope, next->seq, packet->frame, &place);
    return mse->state == MSE_FEED_FOUND;
}

void
utp_mse_end(struct utp_mse *utp_mse)
{
    if (utp_mse->mse != NULL && utp_mse->mse->state != MSE_FEED_FOUND)
        forget(utp_mse);
}
