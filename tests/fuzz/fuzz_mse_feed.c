/* fuzz_mse_feed.c
 * Fuzzes encrypted connections (MSE) from packets to notes: mse_feed.h with peer_feed.h, in the order of TCP and through
 * utp_flow.h. No fuzzer encrypts, so the input says what two peers choose, and how their bytes are cut, lost, swapped, repeated:
 *
 *     <options: 1> <PadA> <PadB> <PadC> <PadD: 1, twice the length>, then packets:
 *     <what: 1> <argument: 1> <size: 1> <bytes: size, with RAW only>
 *
 * As long as all bytes are the peers', what is decrypted must be what they meant, on the first pass and on a later one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"

#include "core/donthave/donthave.h"
#include "core/utp_flow.h"

#include "fuzz_notes.h"

/* options */
enum {
    KEY = 1,
    UTP = 2,
    RC4 = 4,            /* selected, else plaintext */
    BOTH = 8,           /* provided, else only what is selected */
    IA_68 = 16,
    IA_MORE = 32,       /* with IA_68 or not */
    LATE_KEY = 64       /* the key comes after the third packet */
};

/* what */
enum {
    FROM_B = 1,         /* the sender */
    HOLE = 2,           /* as many bytes as argument says are missing before the packet; over uTP they are one */
    AGAIN = 4,          /* TCP: as many bytes before it come again; uTP: the packet before comes again */
    CUT = 8,            /* no byte after the first argument ones was captured */
    RAW = 16,           /* the bytes of the input, not the peer's */
    HELD = 32,          /* comes after the next packet */
    LONG = 64           /* 16 times the size, where the input has no bytes */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct packet {
    unsigned side;
    uint64_t position;      /* offset of the first byte in what the side sends */
    uint32_t seq;           /* number of the packet, from 1 on for each side */
    uint8_t *bytes;
    uint32_t captured, reported;
};

struct session {
    const struct wire        *wire;
    bool                      genuine;      /* no byte was changed so far */
    struct mse_feeds          feeds;
    struct mse_keylog        *keylog;
    wmem_allocator_t         *scope;
    uint32_t                  frame;
    bool                      over_utp;
    /* TCP */
    struct mse_feed          *mse;          /* NULL: not MSE, if searched */
    bool                      searched;
    struct peer_feed          feed;
    /* uTP */
    struct utp_flow_setup     flow_setup;
    struct utp_flow          *flow;
};

static const struct peer_setup setup = { .observers = { &donthave_observer }, .observer_count = 1 };

/* What was read of a side is what it meant, where it is known where its payload begins. */
static void
check_plain(const struct session *session, const struct mse_feed *mse, unsigned side, const struct mse_part *part,
            const uint8_t *plain, uint32_t size)
{
    const struct wire *wire = session->wire;

    check(part->size > 0 && size <= part->size);
    if (!session->genuine || !mse->stream->directions[side].aligned || mse->sides[side].base != 0)
        return;
    check(part->offset >= wire->payload[side] && part->offset + size <= wire->bytes[side]->len);
    for (uint32_t i = 0; i < size; i++)
        check(plain[i] == wire->plain[side]->data[part->offset + i - wire->payload[side]]);
}

/* --- TCP --- */

static void
take_payload(struct session *session, const struct packet *packet, const struct feed_packet *reading,
             const struct feed_chunk *chunk)
{
    struct mse_feed  *mse = session->mse;
    struct feed_chunk payload = *chunk;
    struct mse_part   part, later;
    uint32_t          first, captured;
    uint8_t          *plain, *again;

    mse_feed_part(mse, packet->side, chunk->bytes.position, packet->reported, session->frame, &part);
    check((uint64_t)part.at + part.size <= packet->reported);
    if (part.size == 0 || part.at >= packet->captured)
        return;
    captured = MIN(packet->captured - part.at, part.size);
    plain = (uint8_t *)g_malloc(captured);
    again = (uint8_t *)g_malloc(captured);
    payload.bytes.captured = mse_feed_decrypt(mse, packet->side, &part, packet->bytes + part.at, captured, plain);
    check_plain(session, mse, packet->side, &part, plain, payload.bytes.captured);
    mse_feed_part(mse, packet->side, chunk->bytes.position, packet->reported, session->frame, &later);
    check(mse_feed_decrypt(mse, packet->side, &later, packet->bytes + later.at, captured, again) == payload.bytes.captured
          && memcmp(plain, again, payload.bytes.captured) == 0);
    payload.bytes.position += part.at;
    payload.place += part.at;
    payload.bytes.data = plain;
    payload.bytes.reported = part.size;
    peer_feed_chunk(&session->feed, reading, &payload, &first);
    g_free(plain);
    g_free(again);
}

static void
play_tcp(struct session *session, const struct packet *packet)
{
    struct feed_packet reading = { .from = (enum peer_side)packet->side, .frame = session->frame,
                                   .time = session->frame * (NS_PER_S / 1000) };
    struct feed_chunk  chunk = {
        .bytes = { .position = packet->position, .data = packet->bytes, .captured = packet->captured,
                   .reported = packet->reported },
        .place = (uint32_t)packet->position, .frame = session->frame
    };

    if (!session->searched) {
        session->searched = true;
        session->mse = mse_feed_new(&session->feeds, MSE_OVER_TCP, packet->bytes, packet->captured);
    }
    if (session->mse == NULL)
        return;
    mse_feed_reach(session->mse, packet->side, session->frame, packet->position);
    check(mse_feed_position(session->mse, packet->side, session->frame, (uint32_t)packet->position) == packet->position);
    mse_feed_search(session->mse, &reading, &chunk, false);
    check(!mse_feed_search(session->mse, &reading, &chunk, false));
    if (session->mse->state == MSE_FEED_OTHER) {
        mse_feed_free(session->mse);
        session->mse = NULL;
    } else if (session->mse->state == MSE_FEED_FOUND) {
        peer_connection_begin_packet(session->feed.connection, session->frame, session->frame);
        mse_feed_earlier(session->mse, &session->feed, &reading, &chunk);
        mse_feed_begin(session->mse, &session->feed, packet->side);
        take_payload(session, packet, &reading, &chunk);
        peer_connection_packet(session->feed.connection, reading.from, session->frame, reading.time, false);
    }
}

/* --- uTP --- */

static void
play_utp(struct session *session, const struct packet *packet)
{
    struct utp_packet utp = {
        .header = { .type = UTP_DATA, .connection_id = (uint16_t)(packet->side == A ? 6 : 5), .size = UTP_HEADER_SIZE,
                    .timestamp = session->frame, .seq_nr = (uint16_t)(65500 + packet->seq) },
        .payload = packet->bytes, .captured = packet->captured, .reported = packet->reported, .frame = session->frame,
        .time = session->frame * (NS_PER_S / 1000)
    };
    struct utp_connection *connection;
    struct utp_place       place;
    struct mse_part        part;
    uint8_t               *plain;

    connection = utp_flow_get(session->flow, (enum peer_side)packet->side, &utp.header, session->frame, utp.time);
    check(connection != NULL);
    utp_connection_packet(connection, (enum peer_side)packet->side, &utp, session->frame);
    if (!utp_mse_is_found(&connection->encryption))
        return;
    utp_flow_claim(session->flow, connection->first_frame);
    if (!utp_places_find(&connection->encryption.sides[packet->side].places, utp.header.seq_nr, session->frame, &place)
            || place.size != packet->reported)
        return;
    check(place.first <= place.size);
    mse_feed_part(connection->encryption.mse, packet->side, place.position, place.size, session->frame, &part);
    if (part.size == 0 || part.at >= packet->captured)
        return;
    plain = (uint8_t *)g_malloc(packet->captured - part.at);
    uint32_t size = mse_feed_decrypt(connection->encryption.mse, packet->side, &part, packet->bytes + part.at,
                                     packet->captured - part.at, plain);
    if (place.position < UTP_GAP_SIZE)
        check_plain(session, connection->encryption.mse, packet->side, &part, plain, size);
    g_free(plain);
}

/* --- both --- */

static void
play(struct session *session, struct packet *packet)
{
    if (packet->bytes == NULL)
        return;
    session->frame++;
    if (session->over_utp)
        play_utp(session, packet);
    else
        play_tcp(session, packet);
    g_free(packet->bytes);
    packet->bytes = NULL;
}

/* The next packet of the input; returns how many bytes of it that took. */
static size_t
read_packet(struct session *session, uint64_t positions[2], uint32_t seqs[2], const uint8_t *data, size_t left,
            struct packet *packet)
{
    uint8_t  what = data[0], argument = data[1];
    unsigned side = what & FROM_B ? B : A;
    bool     raw = (what & RAW) != 0;
    size_t   size = raw ? MIN(data[2], left - 3) : data[2] * (what & LONG ? 16U : 1U);
    uint64_t position = positions[side] + (what & HOLE ? argument : 0);

    position -= (what & AGAIN) && !session->over_utp ? MIN(argument, position) : 0;
    if (!raw)
        size = position < session->wire->bytes[side]->len ? MIN(size, session->wire->bytes[side]->len - position) : 0;
    seqs[side] += (what & HOLE ? 2 : 1) - (what & AGAIN ? 1 : 0);
    *packet = (struct packet){ .side = side, .position = position, .seq = seqs[side], .reported = (uint32_t)size };
    packet->captured = what & CUT ? MIN(packet->reported, argument) : packet->reported;
    /* The place of a packet that is not the peer's, or has another number than it would have, is anywhere. Over uTP the first
     * packet that comes is the first one, as the capture has no ST_SYN; one without bytes takes no number. */
    if (raw || (session->over_utp && ((what & AGAIN) != 0 || ((what & HOLE) != 0 && (argument == 0 || positions[side] == 0))
                                      || ((what & HELD) != 0 && position == 0))))
        session->genuine = false;
    positions[side] = MAX(positions[side], position + size);
    if (size == 0)
        return 3;
    packet->bytes = (uint8_t *)g_memdup2(raw ? data + 3 : session->wire->bytes[side]->data + position, size);
    return 3 + (raw ? size : 0);
}

static void
end(struct session *session)
{
    if (session->over_utp) {
        utp_flow_flush(session->flow);
        for (struct utp_connection *one = session->flow->oldest; one != NULL; one = one->newer)
            check_notes(&one->feed.connection->notes, session->frame, true, true);
    } else {
        check_notes(&session->feed.connection->notes, session->frame, false, true);
        peer_feed_end(&session->feed);
        check_notes(&session->feed.connection->notes, session->frame, true, true);
    }
    check(mse_feeds_unreadable(&session->feeds, MSE_OVER_TCP) + mse_feeds_unreadable(&session->feeds, MSE_OVER_UTP) <= 2);
    mse_feeds_free(&session->feeds);
    if (session->keylog != NULL)
        mse_keylog_free(session->keylog);
    wmem_destroy_allocator(session->scope);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool initialized;
    struct session session = { .genuine = true };
    struct packet  packet, held = { .bytes = NULL };
    uint64_t       positions[2] = { 0, 0 };
    uint32_t       seqs[2] = { 0, 0 };

    if (size < 5)
        return 0;
    if (!initialized)
        mse_tests_init();
    initialized = true;

    uint8_t        options = data[0];
    struct choices choices = {
        .pad_a = 2U * data[1], .pad_b = 2U * data[2], .pad_c = 2U * data[3], .pad_d = 2U * data[4],
        .select = options & RC4 ? 2 : 1, .block = 600, .more = 6,
        .ia = options & IA_MORE ? IA_HANDSHAKE_AND_MORE : options & IA_68 ? IA_HANDSHAKE : IA_NONE
    };
    choices.provide = options & BOTH ? 3 : choices.select;

    GRand       *random = g_rand_new_with_seed(options);
    struct wire *wire = wire_new(random, &choices);

    session.wire = wire;
    session.over_utp = (options & UTP) != 0;
    session.scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    if (options & KEY)
        session.keylog = mse_keylog_new(session.scope, MSE_KEYLOG_KEYS_MAX);
    if (options & KEY && !(options & LATE_KEY))
        mse_keylog_feed(session.keylog, wire->line, strlen(wire->line));
    mse_feeds_init(&session.feeds, session.scope, session.keylog);
    peer_feed_init(&session.feed, session.scope, &setup);
    session.flow_setup = (struct utp_flow_setup){ .scope = session.scope, .peers = &setup, .mse_feeds = &session.feeds };
    session.flow = utp_flow_new(&session.flow_setup);

    for (size_t at = 5; at + 3 <= size;) {
        bool hold = (data[at] & HELD) != 0 && held.bytes == NULL;

        at += read_packet(&session, positions, seqs, data + at, size - at, &packet);
        if (session.frame == 3 && options & KEY && options & LATE_KEY)
            mse_keylog_feed(session.keylog, wire->line, strlen(wire->line));
        if (hold) {
            held = packet;
            continue;
        }
        play(&session, &packet);
        play(&session, &held);
    }
    play(&session, &held);
    end(&session);
    wire_free(wire);
    g_rand_free(random);
    return 0;
}
