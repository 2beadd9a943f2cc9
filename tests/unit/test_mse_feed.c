/* test_mse_feed.c
 * Connections that may be encrypted, between a transport and the feed: the rules of core/mse_feed.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_feed.h"

#include "mse_peers.h"

#define BASE    UINT64_C(0x1fffff000)       /* positions of TCP do not begin at 0; this one soon wraps in 32 bits */

static const struct peer_setup setup = { .observer_count = 0 };

/* A connection that is read as a transport reads it. */
struct player {
    wmem_allocator_t *scope;
    struct mse_keylog *keylog;
    struct mse_feeds  feeds;
    struct mse_feed  *mse;
    struct peer_feed  feed;
    uint32_t          frame;
    unsigned          found;        /* times that mse_feed_search() was true */
    GByteArray       *read[2];      /* by side: payload, in the order in which it was read */
};

static unsigned keys_read;

static void
count_reading(void)
{
    keys_read++;
}

/* keys: NULL for no key log. */
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
    player->feeds.counts = true;
    peer_feed_init(&player->feed, player->scope, &setup);
    for (unsigned side = A; side <= B; side++)
        player->read[side] = g_byte_array_new();
    keys_read = 0;
}

static void
player_end(struct player *player)
{
    mse_feeds_free(&player->feeds);
    if (player->keylog != NULL)
        mse_keylog_free(player->keylog);
    for (unsigned side = A; side <= B; side++)
        g_byte_array_unref(player->read[side]);
    wmem_destroy_allocator(player->scope);
}

static struct feed_chunk
chunk_of(const struct player *player, const uint8_t *data, uint32_t size, uint64_t position)
{
    struct feed_chunk chunk = { .bytes = { .position = position, .data = data, .captured = size, .reported = size },
                                .place = (uint32_t)position, .frame = player->frame };

    return chunk;
}

/* Searches the next packet; true where it shows that the connection is MSE. */
static bool
search(struct player *player, unsigned side, uint64_t offset, const uint8_t *data, uint32_t size, bool gap)
{
    struct feed_packet packet = { .from = (enum peer_side)side, .frame = ++player->frame };
    struct feed_chunk  chunk = chunk_of(player, data, size, BASE + offset);

    if (player->mse == NULL)
        player->mse = mse_feed_new(&player->feeds, MSE_OVER_TCP, data, size);
    g_assert_nonnull(player->mse);
    return mse_feed_search(player->mse, &packet, &chunk, gap);
}

/* Takes what can be read with a packet. */
static void
take(struct player *player, unsigned side, uint64_t offset, const uint8_t *data, uint32_t size, bool gap)
{
    struct feed_packet     packet = { .from = (enum peer_side)side, .frame = player->frame + 1 };
    struct mse_part        part;
    const struct mse_late *late;

    if (search(player, side, offset, data, size, gap))
        player->found++;
    if (player->mse->state != MSE_FEED_FOUND)
        return;
    struct feed_chunk chunk = chunk_of(player, data, size, BASE + offset);
    late = player->mse->last_late;
    mse_feed_earlier(player->mse, &player->feed, &packet, &chunk);
    for (late = late != NULL ? late->next : player->mse->late; late != NULL; late = late->next) {
        g_assert_cmpuint(late->frame, <, player->frame);
        g_assert_cmpuint(late->shown_in, ==, player->frame);
        g_assert_cmpuint(late->place, ==, (uint32_t)(BASE + late->offset));
        bytes_add(player->read[late->side], late->data, late->size);
    }
    mse_feed_begin(player->mse, &player->feed, side);
    mse_feed_part(player->mse, side, BASE + offset, size, player->frame, &part);
    if (part.size == 0)
        return;
    g_assert_cmpuint(part.offset, ==, offset + part.at);
    uint8_t *plain = (uint8_t *)g_malloc(part.size);
    g_assert_cmpuint(mse_feed_decrypt(player->mse, side, &part, data + part.at, part.size, plain), ==, part.size);
    bytes_add(player->read[side], plain, part.size);
    g_free(plain);
}

/* All flights of a connection, in packets of at most size bytes. */
static void
take_wire(struct player *player, const struct wire *wire, const struct choices *choices, uint32_t size)
{
    struct flight flights[FLIGHTS_MAX];
    unsigned      count = wire_flights(wire, choices, flights);
    uint32_t      sent[2] = { 0, 0 };

    for (unsigned i = 0; i < count; i++) {
        unsigned side = flights[i].side;
        uint32_t end = MIN(flights[i].end, wire->bytes[side]->len);
        while (sent[side] < end) {
            uint32_t n = MIN(size, end - sent[side]);
            take(player, side, sent[side], wire->bytes[side]->data + sent[side], n, false);
            sent[side] += n;
        }
    }
}

static const struct choices rc4 = USUAL_CHOICES(2);
static const struct choices plaintext = USUAL_CHOICES(1);

static struct wire *
make_wire(const struct choices *choices)
{
    return wire_with_seed(11, choices);
}

static uint8_t *
random_copy(uint32_t size, uint32_t seed)
{
    GRand   *random = g_rand_new_with_seed(seed);
    uint8_t *bytes = (uint8_t *)g_malloc(size);

    random_bytes(random, bytes, size);
    g_rand_free(random);
    return bytes;
}

/* --- beginning and end of a search --- */

/* None is made where nobody wants to know, or where the first bytes cannot be MSE. */
static void
not_searched(void)
{
    struct player player;
    uint8_t      *random = random_copy(96, 1);

    player_begin(&player, NULL);
    g_assert_null(mse_feed_new(&player.feeds, MSE_OVER_TCP, (const uint8_t *)"GET /index.html HTTP/1.1\r\nHost: a\r\n", 35));
    g_assert_null(mse_feed_new(&player.feeds, MSE_OVER_TCP, (const uint8_t *)"\x13" "BitTorrent protocol\0\0\0\0\0\0\0\0\0\0\0\0", 32));
    player.feeds.enabled = false;
    g_assert_null(mse_feed_new(&player.feeds, MSE_OVER_TCP, random, 96));
    g_assert_cmpuint(player.feeds.count, ==, 0);
    g_free(random);
    player_end(&player);
}

/* A transport that knows better; what is MSE_FEED_OTHER can be given back. */
static void
give_up(void)
{
    struct player player;
    uint8_t      *random = random_copy(200, 1);

    player_begin(&player, NULL);
    g_assert_false(search(&player, A, 0, random, 96, false));
    g_assert_cmpint(player.mse->state, ==, MSE_FEED_SEARCHING);
    g_assert_false(mse_feed_is_over(player.mse));
    mse_feed_give_up(player.mse);
    g_assert_cmpint(player.mse->state, ==, MSE_FEED_OTHER);
    g_assert_true(mse_feed_is_over(player.mse));
    g_assert_null(player.mse->stream);
    mse_feed_give_up(player.mse);       /* nothing more happens */
    g_assert_false(search(&player, A, 96, random + 96, 104, false));
    g_assert_cmpuint(player.feeds.count, ==, 0);
    g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, MSE_OVER_TCP), ==, 0);
    mse_feed_free(player.mse);
    g_free(random);
    player_end(&player);
}

/* Beyond MSE_SEARCHES_MAX the oldest one is given up, and counted if its bytes were random. */
static void
too_many(void)
{
    struct player    player;
    uint8_t         *random = random_copy(96, 1);
    struct mse_feed *first;

    player_begin(&player, NULL);
    g_assert_false(search(&player, A, 0, random, 96, false));
    first = player.mse;
    for (unsigned i = 1; i < MSE_SEARCHES_MAX; i++)
        g_assert_nonnull(mse_feed_new(&player.feeds, MSE_OVER_UTP, random, 96));
    g_assert_cmpint(first->state, ==, MSE_FEED_SEARCHING);
    g_assert_cmpuint(player.feeds.count, ==, MSE_SEARCHES_MAX);
    g_assert_nonnull(mse_feed_new(&player.feeds, MSE_OVER_UTP, random, 96));
    g_assert_cmpint(first->state, ==, MSE_FEED_OTHER);
    g_assert_cmpuint(player.feeds.count, ==, MSE_SEARCHES_MAX);
    g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, MSE_OVER_TCP), ==, 1);
    mse_feed_free(first);
    g_free(random);
    player_end(&player);
}

/* How many are searched, from both ends of the list. */
static void
check_list(const struct mse_feeds *feeds, unsigned count)
{
    unsigned forwards = 0, backwards = 0;

    for (const struct mse_feed *mse = feeds->oldest; mse != NULL; mse = mse->newer)
        forwards++;
    for (const struct mse_feed *mse = feeds->newest; mse != NULL; mse = mse->older)
        backwards++;
    g_assert_cmpuint(feeds->count, ==, count);
    g_assert_cmpuint(forwards, ==, count);
    g_assert_cmpuint(backwards, ==, count);
}

/* Searches end in any order. */
static void
any_order(void)
{
    static const unsigned orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    uint8_t              *random = random_copy(96, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        struct player    player;
        struct mse_feed *searched[3];

        player_begin(&player, NULL);
        for (unsigned number = 0; number < 3; number++) {
            searched[number] = mse_feed_new(&player.feeds, MSE_OVER_UTP, random, 96);
            check_list(&player.feeds, number + 1);
        }
        for (unsigned number = 0; number < 3; number++) {
            mse_feed_give_up(searched[orders[i][number]]);
            check_list(&player.feeds, 2 - number);
        }
        player_end(&player);
    }
    g_free(random);
}

/* Two public keys: 96 random bytes of each side, no less. */
static void
has_keys(void)
{
    struct player player;
    uint8_t      *random = random_copy(200, 1);

    player_begin(&player, NULL);
    g_assert_false(search(&player, A, 0, random, 96, false));
    g_assert_false(mse_feed_has_keys(player.mse));
    g_assert_false(search(&player, B, 0, random + 100, 95, false));
    g_assert_false(mse_feed_has_keys(player.mse));
    g_assert_false(search(&player, B, 95, random + 195, 1, false));
    g_assert_true(mse_feed_has_keys(player.mse));
    mse_feed_give_up(player.mse);
    g_assert_false(mse_feed_has_keys(player.mse));
    mse_feed_free(player.mse);
    g_free(random);
    player_end(&player);
}

static uint32_t
seven(void)
{
    return 7;
}

/* Connections that are kept elsewhere are those over TCP. */
static void
unsearched(void)
{
    struct player player;

    player_begin(&player, NULL);
    player.feeds.count_unsearched = seven;
    g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, MSE_OVER_TCP), ==, 7);
    g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, MSE_OVER_UTP), ==, 0);
    player_end(&player);
}

/* --- reading --- */

/* The responder's second packet comes first, then the initiator's hashes, by which the key is found, then the responder's first
 * one. Not later than its VC: that would have been looked for in the wrong place. */
static void
responder_begins_earlier(void)
{
    for (unsigned number = 0; number < 2; number++) {
        const struct choices *choices = number == 0 ? &rc4 : &plaintext;
        struct wire          *wire = make_wire(choices);
        const uint8_t        *a = wire->bytes[A]->data, *b = wire->bytes[B]->data;
        struct player         player;

        player_begin(&player, wire->line);
        take(&player, A, 0, a, 105, false);
        take(&player, B, 60, b + 60, 41, false);
        take(&player, A, 105, a + 105, wire->after_ia - 105, false);
        g_assert_cmpuint(player.found, ==, 1);
        take(&player, B, 0, b, 60, false);
        take(&player, B, 101, b + 101, wire->bytes[B]->len - 101, false);
        g_assert_cmpmem(player.read[B]->data, player.read[B]->len, wire->plain[B]->data, wire->plain[B]->len);
        g_assert_cmpuint(player.mse->stream->handshake->pad_length[B], ==, choices->pad_b);
        g_assert_false(mse_stream_begins_earlier(player.mse->stream, A, 1));
        g_assert_false(mse_stream_begins_earlier(player.mse->stream, B, 1));
        player_end(&player);
        wire_free(wire);
    }
}

/* All that both sides mean is read, whole packets or three bytes at a time, with RC4 and plaintext, each IA. */
static void
everything(void)
{
    for (unsigned number = 0; number < 6; number++) {
        struct choices choices = number < 3 ? rc4 : plaintext;
        choices.ia = (enum ia)(number % 3);
        for (uint32_t size = 3; size <= 1400; size = size == 3 ? 1400 : size + 1) {
            struct wire  *wire = make_wire(&choices);
            struct player player;
            player_begin(&player, wire->line);
            take_wire(&player, wire, &choices, size);
            for (unsigned side = A; side <= B; side++)
                g_assert_cmpmem(player.read[side]->data, player.read[side]->len, wire->plain[side]->data,
                                wire->plain[side]->len);
            g_assert_cmpuint(player.found, ==, 1);
            g_assert_cmpint(player.mse->state, ==, MSE_FEED_FOUND);
            g_assert_true(mse_feed_is_over(player.mse));
            g_assert_true(player.feeds.found == player.mse && player.feeds.count == 0);
            g_assert_true(player.mse->sides[A].has_begun);
            g_assert_true(player.mse->sides[B].has_begun);
            g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, MSE_OVER_TCP), ==, 0);
            player_end(&player);
            wire_free(wire);
        }
    }
}

/* The chunk that shows that it is MSE, once more, is nothing: payload of earlier chunks is still to be handed over. */
static void
last_chunk_again(void)
{
    struct choices choices = plaintext;
    struct player  player;
    struct wire   *wire;

    choices.ia = IA_NONE;
    wire = make_wire(&choices);
    player_begin(&player, NULL);
    take(&player, A, 0, wire->bytes[A]->data, 96 + choices.pad_a, false);
    take(&player, B, 0, wire->bytes[B]->data, 96 + choices.pad_b, false);
    take(&player, A, 96 + choices.pad_a, wire->bytes[A]->data + 96 + choices.pad_a, wire->after_ia - 96 - choices.pad_a, false);
    take(&player, B, 96 + choices.pad_b, wire->bytes[B]->data + 96 + choices.pad_b,
         wire->payload[B] - 96 - choices.pad_b, false);
    take(&player, A, wire->payload[A], wire->bytes[A]->data + wire->payload[A], 7, false);
    g_assert_true(search(&player, A, wire->payload[A] + 7, wire->bytes[A]->data + wire->payload[A] + 7, 100, false));
    player.frame--;
    take(&player, A, wire->payload[A] + 7, wire->bytes[A]->data + wire->payload[A] + 7, 100, false);
    g_assert_cmpuint(player.found, ==, 0);
    g_assert_cmpmem(player.read[A]->data, player.read[A]->len, wire->plain[A]->data, 107);
    player_end(&player);
    wire_free(wire);
}

/* Payload that was handed on later belongs to the later frame: on a later pass it is no part of its own chunk, and the late
 * pieces of a frame are found. */
static void
late(void)
{
    struct wire           *wire = make_wire(&plaintext);
    struct player          player;
    struct mse_part        part;
    const struct mse_late *piece;
    uint32_t               at = wire->payload[B];

    player_begin(&player, NULL);
    take(&player, A, 0, wire->bytes[A]->data, wire->after_ia, false);
    take(&player, B, 0, wire->bytes[B]->data, at + 19, false);          /* not the whole name of the protocol */
    g_assert_cmpint(player.mse->state, ==, MSE_FEED_SEARCHING);
    take(&player, B, at + 19, wire->bytes[B]->data + at + 19, 200, false);
    g_assert_cmpint(player.mse->state, ==, MSE_FEED_FOUND);
    g_assert_cmpmem(player.read[B]->data, player.read[B]->len, wire->plain[B]->data, 219);
    piece = mse_late_of_frame(player.mse->late, 3);
    g_assert_true(piece != NULL && piece->offset == at && piece->size == 19 && piece->frame == 2 && piece->side == B);
    g_assert_null(mse_late_of_frame(piece->next, 3));
    g_assert_null(mse_late_of_frame(player.mse->late, 2));
    mse_feed_part(player.mse, B, BASE, at + 19, 2, &part);
    g_assert_cmpuint(part.size, ==, 0);
    mse_feed_part(player.mse, B, BASE + at + 19, 200, 3, &part);
    g_assert_true(part.size == 200 && part.at == 0 && !part.encrypted);
    /* A chunk that comes again, later, has them: nothing keeps them from it. */
    mse_feed_part(player.mse, B, BASE, at + 19, 4, &part);
    g_assert_true(part.size == 19 && part.at == at);
    player_end(&player);
    wire_free(wire);
}

/* IA is read before the other side has chosen a method, what follows it after that: of the chunks before, IA alone is a part. */
static void
late_after_ia(void)
{
    struct wire    *wire = make_wire(&rc4);
    struct player   player;
    struct mse_part part;
    uint32_t        cut = wire->after_ia - 10;

    player_begin(&player, wire->line);
    take(&player, A, 0, wire->bytes[A]->data, cut, false);
    take(&player, A, cut, wire->bytes[A]->data + cut, 13, false);
    g_assert_cmpuint(player.read[A]->len, ==, 68);
    take(&player, B, 0, wire->bytes[B]->data, wire->bytes[B]->len, false);
    g_assert_cmpmem(player.read[A]->data, player.read[A]->len, wire->plain[A]->data, 71);
    mse_feed_part(player.mse, A, BASE, cut, 1, &part);
    g_assert_true(part.size == 58 && part.at == wire->payload[A]);
    mse_feed_part(player.mse, A, BASE + cut, 13, 2, &part);
    g_assert_true(part.size == 10 && part.at == 0);
    player_end(&player);
    wire_free(wire);
}

/* Which part of a chunk is payload: none of the handshake, nor before the base; IA is encrypted whatever the method. */
static void
parts(void)
{
    struct wire    *wire = make_wire(&plaintext);
    struct player   player;
    struct mse_part part;
    uint8_t         plain[68];

    player_begin(&player, wire->line);
    take_wire(&player, wire, &plaintext, 1400);
    mse_feed_part(player.mse, A, BASE, wire->payload[A], 9, &part);
    g_assert_cmpuint(part.size, ==, 0);
    mse_feed_part(player.mse, A, BASE - 10, 10, 9, &part);
    g_assert_cmpuint(part.size, ==, 0);
    mse_feed_part(player.mse, A, BASE, wire->after_ia, 9, &part);
    g_assert_true(part.size == 68 && part.at == wire->payload[A] && part.offset == wire->payload[A] && part.encrypted);
    g_assert_cmpuint(mse_feed_decrypt(player.mse, A, &part, wire->bytes[A]->data + part.at, 30, plain), ==, 30);
    g_assert_cmpmem(plain, 30, wire->plain[A]->data, 30);
    g_assert_cmpuint(mse_feed_decrypt(player.mse, A, &part, wire->bytes[A]->data + part.at, 1000, plain), ==, 68);
    g_assert_cmpmem(plain, 68, wire->plain[A]->data, 68);
    mse_feed_part(player.mse, A, BASE + wire->after_ia, 10, 9, &part);
    g_assert_true(part.size == 10 && part.at == 0 && !part.encrypted);
    mse_feed_part(player.mse, B, BASE + wire->payload[B] - 5, 15, 9, &part);
    g_assert_true(part.size == 10 && part.at == 5 && !part.encrypted);
    player_end(&player);
    wire_free(wire);
}

/* Where an unknown number of bytes is missing, RC4 cannot be read after it; plaintext can. Bytes before it still can. */
static void
gaps(void)
{
    for (unsigned number = 0; number < 2; number++) {
        const struct choices *choices = number == 0 ? &rc4 : &plaintext;
        struct wire          *wire = make_wire(choices);
        struct player         player;
        struct mse_part       part;
        uint32_t              end = wire->bytes[B]->len;

        player_begin(&player, wire->line);
        take(&player, A, 0, wire->bytes[A]->data, wire->after_ia, false);
        take(&player, B, 0, wire->bytes[B]->data, end, false);
        g_assert_false(search(&player, B, end + (UINT64_C(1) << 32), (const uint8_t *)"0123456789", 10, true));
        /* It had nothing more to learn from the bytes. */
        mse_feed_part(player.mse, B, BASE + end - 10, 10, 9, &part);
        g_assert_cmpuint(part.size, ==, 10);
        mse_feed_part(player.mse, B, BASE + end + (UINT64_C(1) << 32), 10, 9, &part);
        g_assert_cmpuint(part.size, ==, number == 0 ? 0 : 10);
        player_end(&player);
        wire_free(wire);
    }
}

/* An acknowledgement of what came before the first byte that was seen is none of what is missing. */
static void
acknowledges_what_was_before(void)
{
    struct player      player;
    uint8_t           *random = random_copy(300, 1);
    struct feed_packet packet = { .from = PEER_B };

    player_begin(&player, NULL);
    search(&player, A, 0, random, 100, false);
    search(&player, A, 150, random + 150, 100, false);
    struct feed_chunk chunk = chunk_of(&player, random + 250, 10, BASE);
    chunk.has_ack = true;
    chunk.ack = BASE - 1;
    mse_feed_search(player.mse, &packet, &chunk, false);
    g_assert_nonnull(player.mse->stream->directions[A].ahead);
    g_assert_false(player.mse->stream->directions[A].holed);
    player_end(&player);
    g_free(random);
}

/* --- what could not be read --- */

/* Random bytes count, over uTP only where both sides sent some; other bytes do not. */
static void
unreadable(void)
{
    for (unsigned carrier = MSE_OVER_TCP; carrier <= MSE_OVER_UTP; carrier++) {
        struct player player;
        uint8_t      *random = random_copy(4000, 5), *ordered = (uint8_t *)g_malloc0(4000);

        memcpy(ordered, random, 40);
        player_begin(&player, NULL);
        player.mse = mse_feed_new(&player.feeds, (enum mse_carrier)carrier, random, 96);
        search(&player, A, 0, random, 96, false);
        g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, (enum mse_carrier)carrier), ==, carrier == MSE_OVER_TCP);
        search(&player, B, 0, random + 96, 96, false);
        g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, (enum mse_carrier)carrier), ==, 1);
        search(&player, A, 96, random + 200, 1900, false);
        search(&player, B, 96, random + 2100, 1900, false);
        g_assert_cmpint(player.mse->state, ==, MSE_FEED_OTHER);
        g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, (enum mse_carrier)carrier), ==, 1);
        g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, (enum mse_carrier)(1 - carrier)), ==, 0);
        mse_feed_free(player.mse);

        player.mse = mse_feed_new(&player.feeds, (enum mse_carrier)carrier, ordered, 30);
        search(&player, A, 0, ordered, 4000, false);
        search(&player, B, 0, random, 96, false);
        search(&player, B, 96, random + 96, 3900, false);
        g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, (enum mse_carrier)carrier), ==, 1);
        g_free(random);
        g_free(ordered);
        player_end(&player);
    }
}

/* A key that matches and opens nothing; the right one may still come. */
static void
key_that_opens_nothing(void)
{
    struct wire  *wire = make_wire(&rc4);
    struct player player;

    wire->line[strlen(wire->line) - 2] ^= 1;        /* another info hash */
    player_begin(&player, wire->line);
    player.feeds.read_keys = count_reading;
    take(&player, A, 0, wire->bytes[A]->data, wire->after_ia, false);
    take(&player, B, 0, wire->bytes[B]->data, 101, false);
    g_assert_cmpuint(keys_read, ==, 2);
    take(&player, B, 101, wire->bytes[B]->data + 101, wire->bytes[B]->len - 101, false);
    g_assert_cmpint(player.mse->state, ==, MSE_FEED_FOUND);
    g_assert_cmpuint(player.read[A]->len + player.read[B]->len, ==, 0);
    g_assert_cmpuint(mse_feeds_unreadable(&player.feeds, MSE_OVER_TCP), ==, 1);
    player_end(&player);
    wire_free(wire);
}

/* The key log is read on before each chunk, until the key is known. */
static void
keys_are_read(void)
{
    struct wire  *wire = make_wire(&rc4);
    struct player player;

    player_begin(&player, "");
    player.feeds.read_keys = count_reading;
    take(&player, A, 0, wire->bytes[A]->data, 105, false);
    take(&player, B, 0, wire->bytes[B]->data, 101, false);
    g_assert_cmpuint(keys_read, ==, 2);
    mse_keylog_feed(player.keylog, wire->line, strlen(wire->line));
    take(&player, A, 105, wire->bytes[A]->data + 105, wire->after_ia - 105, false);
    g_assert_cmpuint(keys_read, ==, 3);
    g_assert_cmpint(player.mse->state, ==, MSE_FEED_FOUND);
    take(&player, B, 101, wire->bytes[B]->data + 101, wire->bytes[B]->len - 101, false);
    g_assert_cmpuint(keys_read, ==, 3);
    g_assert_cmpmem(player.read[B]->data, player.read[B]->len, wire->plain[B]->data, wire->plain[B]->len);
    player_end(&player);
    wire_free(wire);
}

/* --- positions --- */

/* The low 32 bits of a position and a frame give it back, over many times 4 GiB; of another frame near it, too. */
static void
positions(void)
{
    struct player player;
    uint8_t      *random = random_copy(96, 1);

    player_begin(&player, NULL);
    search(&player, A, 0, random, 96, false);
    for (uint32_t i = 0; i < 200; i++)
        mse_feed_reach(player.mse, A, 10 + i, BASE + i * UINT64_C(400000000));
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t position = BASE + i * UINT64_C(400000000);
        g_assert_cmpuint(mse_feed_position(player.mse, A, 10 + i, (uint32_t)position), ==, position);
        g_assert_cmpuint(mse_feed_position(player.mse, A, 11 + i, (uint32_t)position), ==, position);
        g_assert_cmpuint(mse_feed_position(player.mse, A, 10 + i, (uint32_t)(position - 100000)), ==, position - 100000);
    }
    g_assert_cmpuint(mse_feed_position(player.mse, A, 1, (uint32_t)BASE), ==, BASE);
    g_assert_cmpuint(player.mse->sides[A].checkpoint_count, <=, 200 * UINT64_C(400000000) / (UINT64_C(1) << 30) + 1);
    g_free(random);
    player_end(&player);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    g_test_add_func("/mse_feed/not_searched", not_searched);
    g_test_add_func("/mse_feed/give_up", give_up);
    g_test_add_func("/mse_feed/too_many", too_many);
    g_test_add_func("/mse_feed/any_order", any_order);
    g_test_add_func("/mse_feed/has_keys", has_keys);
    g_test_add_func("/mse_feed/unsearched", unsearched);
    g_test_add_func("/mse_feed/responder_begins_earlier", responder_begins_earlier);
    g_test_add_func("/mse_feed/everything", everything);
    g_test_add_func("/mse_feed/last_chunk_again", last_chunk_again);
    g_test_add_func("/mse_feed/late", late);
    g_test_add_func("/mse_feed/late_after_ia", late_after_ia);
    g_test_add_func("/mse_feed/parts", parts);
    g_test_add_func("/mse_feed/gaps", gaps);
    g_test_add_func("/mse_feed/acknowledges_what_was_before", acknowledges_what_was_before);
    g_test_add_func("/mse_feed/unreadable", unreadable);
    g_test_add_func("/mse_feed/key_that_opens_nothing", key_that_opens_nothing);
    g_test_add_func("/mse_feed/keys_are_read", keys_are_read);
    g_test_add_func("/mse_feed/positions", positions);
    int result = g_test_run();
    wmem_cleanup();
    return result;
}
