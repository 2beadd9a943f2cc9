/* test_utp_mse.c
 * uTP connections that may be encrypted: the rules of core/utp_mse.h, with the chunks of a stream as utp_stream.h gives them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_mse.h"

#include "mse_peers.h"

static const struct peer_setup setup = { .observer_count = 0 };

struct player {
    wmem_allocator_t  *scope;
    struct mse_keylog *keylog;
    struct mse_feeds   feeds;
    struct peer_feed   feed;
    struct utp_mse     utp_mse;
    uint64_t           positions[2];
    uint64_t           seqs[2];
    uint32_t           frame;
};

static void
player_begin(struct player *player, const char *keys)
{
    memset(player, 0, sizeof *player);
    player->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    if (keys != NULL) {
        player->keylog = mse_keylog_new(player->scope, MSE_KEYLOG_KEYS_MAX);
        mse_keylog_feed(player->keylog, keys, strlen(keys));
    }
    mse_feeds_init(&player->feeds, player->scope, player->keylog);
    peer_feed_init(&player->feed, player->scope, &setup);
    player->seqs[A] = player->seqs[B] = 100000;
}

static void
player_end(struct player *player)
{
    utp_mse_end(&player->utp_mse);
    mse_feeds_free(&player->feeds);
    if (player->keylog != NULL)
        mse_keylog_free(player->keylog);
    wmem_destroy_allocator(player->scope);
}

/* A packet, in order or late (then with its own number). */
static bool
take_as(struct player *player, unsigned side, const uint8_t *data, uint32_t size, bool late, uint64_t seq, enum utp_gap gap)
{
    struct feed_packet packet = { .from = (enum peer_side)side, .frame = ++player->frame };
    struct utp_chunk   next = { .position = late ? 0 : player->positions[side], .data = data, .captured = size,
                                .reported = size, .gap = gap, .late = late, .seq = seq, .frame = player->frame };
    struct feed_chunk  chunk = {
        .bytes = { .position = next.position, .data = data, .captured = size, .reported = size },
        .place = (uint32_t)seq << 16, .frame = player->frame, .acks_packets = true, .end_ack = seq, .late = late
    };

    if (!late)
        player->positions[side] += size;
    return utp_mse_take(&player->utp_mse, &player->feeds, &player->feed, &setup, &packet, &next, &chunk, false);
}

static bool
take(struct player *player, unsigned side, const uint8_t *data, uint32_t size)
{
    return take_as(player, side, data, size, false, player->seqs[side]++, UTP_GAP_NONE);
}

static const struct choices rc4 = USUAL_CHOICES(2);
static const struct choices plaintext = USUAL_CHOICES(1);

static struct wire *
make_wire(const struct choices *choices)
{
    return wire_with_seed(12, choices);
}

/* Both public keys, A's up to the end of IA, B's up to the end of its handshake: MSE is known then. */
static void
open_both(struct player *player, const struct wire *wire)
{
    bool found;

    found = take(player, A, wire->bytes[A]->data, 105);
    g_assert_false(found);
    found = take(player, B, wire->bytes[B]->data, 101);
    g_assert_false(found);
    found = take(player, A, wire->bytes[A]->data + 105, wire->after_ia - 105);
    g_assert_cmpint(found, ==, player->keylog != NULL);
    found = take(player, B, wire->bytes[B]->data + 101, wire->payload[B] + 68 - 101);
    g_assert_true(found);
}

/* Few packets of nobody's ports can begin a connection: ST_SYN alone, and ST_DATA of bytes that can begin MSE. */
static void
may_begin(void)
{
    uint8_t           bytes[96];
    struct utp_packet syn = { .header.type = UTP_SYN, .payload = bytes };
    struct utp_packet data = { .header.type = UTP_DATA, .payload = bytes, .captured = sizeof bytes };
    struct utp_packet state = { .header.type = UTP_STATE, .payload = bytes };
    GRand            *random = g_rand_new_with_seed(3);

    random_bytes(random, bytes, sizeof bytes);
    g_assert_true(utp_mse_may_begin(&syn));
    syn.captured = 1;
    g_assert_false(utp_mse_may_begin(&syn));
    g_assert_false(utp_mse_may_begin(&state));
    g_assert_true(utp_mse_may_begin(&data));
    data.header.extension = 3;          /* extensions that anybody uses, */
    g_assert_true(utp_mse_may_begin(&data));
    data.header.extension = 4;          /* and not */
    g_assert_false(utp_mse_may_begin(&data));
    data.header.extension = 0;
    memcpy(bytes, "d1:ad2:id20:abcdefghij0123456789e", 33);
    g_assert_false(utp_mse_may_begin(&data));
    data.captured = 0;
    g_assert_false(utp_mse_may_begin(&data));
    g_rand_free(random);
}

/* What cannot be MSE is not searched, and left to the caller; so is what follows it. */
static void
other_from_the_start(void)
{
    struct player player;
    const char   *text = "\x13" "BitTorrent protocol, as plain as can be";

    player_begin(&player, NULL);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_false(take(&player, A, (const uint8_t *)text, 40));
        g_assert_true(player.utp_mse.over && player.utp_mse.mse == NULL);
    }
    g_assert_cmpuint(player.feeds.count, ==, 0);
    player_end(&player);
}

/* The search ends where the feed has found messages by itself, and at the end of the connection. */
static void
search_ends(void)
{
    for (unsigned by_feed = 0; by_feed < 2; by_feed++) {
        struct wire  *wire = make_wire(&rc4);
        struct player player;

        player_begin(&player, NULL);
        g_assert_false(take(&player, A, wire->bytes[A]->data, 105));
        g_assert_nonnull(player.utp_mse.mse);
        g_assert_cmpuint(player.utp_mse.sides[A].places.count, ==, 1);
        if (by_feed != 0) {
            player.feed.synced_in[PEER_B] = 1;
            g_assert_false(take(&player, A, wire->bytes[A]->data + 105, 10));
        } else {
            utp_mse_end(&player.utp_mse);
        }
        g_assert_true(player.utp_mse.over && player.utp_mse.mse == NULL);
        g_assert_null(player.utp_mse.sides);
        g_assert_cmpuint(player.feeds.count, ==, 0);
        player_end(&player);
        wire_free(wire);
    }
}

/* What it was taken for before is forgotten, but for the round trip; its packets have places, before and after. */
static void
found(void)
{
    struct wire     *wire = make_wire(&rc4);
    struct player    player;
    struct utp_place place;

    player_begin(&player, wire->line);
    player.feed.connection->round_trip = 12345;
    open_both(&player, wire);
    g_assert_true(utp_mse_is_found(&player.utp_mse));
    g_assert_cmpint(player.feed.connection->round_trip, ==, 12345);
    g_assert_cmpuint(player.feed.synced_in[PEER_A], ==, 3);
    g_assert_cmpuint(player.feed.synced_in[PEER_B], ==, 4);
    g_assert_true(utp_places_find(&player.utp_mse.sides[A].places, (uint16_t)100000, 1, &place));
    g_assert_true(place.position == 0 && place.size == 105);
    g_assert_true(utp_places_find(&player.utp_mse.sides[A].places, (uint16_t)100001, 3, &place));
    g_assert_true(place.position == 105 && place.size == wire->after_ia - 105);
    g_assert_cmpuint(place.first, ==, 0);   /* the handshake begins where the payload does */
    g_assert_true(utp_places_find(&player.utp_mse.sides[B].places, (uint16_t)100001, 4, &place));
    /* A packet that begins within a message: its first whole one is noted. */
    g_assert_true(take(&player, B, wire->bytes[B]->data + wire->payload[B] + 68, 10));
    g_assert_true(take(&player, B, wire->bytes[B]->data + wire->payload[B] + 78, 30));
    g_assert_true(utp_places_find(&player.utp_mse.sides[B].places, (uint16_t)100003, 6, &place));
    g_assert_cmpuint(place.first, ==, 30 - 10);     /* 4 + 26 bytes of extension handshake, 10 of them before */
    utp_mse_end(&player.utp_mse);           /* it stays, for later passes */
    g_assert_true(utp_mse_is_found(&player.utp_mse));
    player_end(&player);
    wire_free(wire);
}

/* What is missing is waited for while it is not known what it is; what is RC4 waits elsewhere. */
static void
waits(void)
{
    struct wire  *wire = make_wire(&rc4);
    struct player player;

    player_begin(&player, wire->line);
    g_assert_false(utp_mse_waits(&player.utp_mse, PEER_A));
    g_assert_false(take(&player, A, wire->bytes[A]->data, 105));
    g_assert_true(utp_mse_waits(&player.utp_mse, PEER_A) && utp_mse_waits(&player.utp_mse, PEER_B));
    player_end(&player);

    player_begin(&player, wire->line);
    open_both(&player, wire);
    g_assert_false(utp_mse_waits(&player.utp_mse, PEER_A) || utp_mse_waits(&player.utp_mse, PEER_B));
    player_end(&player);

    /* A hole in the handshake: nothing of that side can be read any more. */
    player_begin(&player, wire->line);
    g_assert_false(take(&player, A, wire->bytes[A]->data, 105));
    player.positions[A] += UTP_GAP_SIZE;
    player.seqs[A]++;
    take_as(&player, A, wire->bytes[A]->data + 120, 50, false, player.seqs[A]++, UTP_GAP_LOST);
    g_assert_false(utp_mse_waits(&player.utp_mse, PEER_A));
    player_end(&player);
    wire_free(wire);

    wire = make_wire(&plaintext);
    player_begin(&player, wire->line);
    open_both(&player, wire);
    g_assert_false(utp_mse_waits(&player.utp_mse, PEER_B));
    player_end(&player);
    wire_free(wire);
}

/* A late packet is for the caller where all of it is plain payload. */
static void
late(void)
{
    for (unsigned number = 0; number < 2; number++) {
        const struct choices *choices = number == 0 ? &plaintext : &rc4;
        struct wire          *wire = make_wire(choices);
        struct player         player;
        const uint8_t        *bytes = wire->bytes[B]->data;

        player_begin(&player, wire->line);
        open_both(&player, wire);
        g_assert_cmpint(take_as(&player, B, bytes + 300, 20, true, 100002, UTP_GAP_NONE), ==, number == 1);
        g_assert_true(take_as(&player, B, bytes, 101, true, 100000, UTP_GAP_NONE));     /* of the handshake */
        g_assert_true(take_as(&player, B, bytes, 101, true, 100001, UTP_GAP_NONE));     /* partly */
        player_end(&player);
        wire_free(wire);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/utp_mse/may_begin", may_begin);
    g_test_add_func("/utp_mse/other_from_the_start", other_from_the_start);
    g_test_add_func("/utp_mse/search_ends", search_ends);
    g_test_add_func("/utp_mse/found", found);
    g_test_add_func("/utp_mse/waits", waits);
    g_test_add_func("/utp_mse/late", late);
    int result = g_test_run();
    wmem_cleanup();
    return result;
}
