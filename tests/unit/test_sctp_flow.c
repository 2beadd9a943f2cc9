/* test_sctp_flow.c
 * sctp_flow.c: which association a packet belongs to (RFC 9260, 5), which channels are BitTorrent, and what is told where
 * there are too many.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/big_endian.h"
#include "core/donthave/donthave.h"
#include "core/sctp_flow.h"

static const struct peer_setup setup = { .observers = { &donthave_observer }, .observer_count = 1 };

static const char handshake[] = "\x13" "BitTorrent protocol" "\0\0\0\0\0\x10\0\0" "aaaaaaaaaaaaaaaaaaaa" "-LE0001-bbbbbbbbbbbb";

struct fixture {
    wmem_allocator_t *scope;
    struct sctp_flow *flow;
    uint32_t          frame;
    uint32_t          parts;        /* that the last packet brought */
    uint32_t          size;         /* of the first of them */
};

static void
begin(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    fixture->flow = sctp_flow_new(fixture->scope, &setup, 1);
}

static void
end(struct fixture *fixture)
{
    sctp_flow_flush(fixture->flow);
    wmem_destroy_allocator(fixture->scope);
}

/* A packet with one chunk, given as its value. */
static void
send_chunk(struct fixture *fixture, enum peer_side from, uint32_t tag, uint8_t type, uint8_t flags, const void *value,
           uint32_t size)
{
    uint8_t                 bytes[256] = { 0x13, 0x88, 0x13, 0x88 };
    struct sctp_flow_packet packet = { .data = bytes, .size = (16 + size + 3) & ~3U, .from = from };

    set_be32(bytes + 4, tag);
    bytes[12] = type;
    bytes[13] = flags;
    bytes[15] = (uint8_t)(4 + size);
    memcpy(bytes + 16, value, size);
    g_assert_cmpint(sctp_packet_check(bytes, packet.size), ==, SCTP_MAY_BE);
    packet.place.frame = packet.number = ++fixture->frame;
    packet.place.time = (int64_t)fixture->frame * NS_PER_S;
    sctp_flow_packet(fixture->flow, &packet);
    fixture->parts = 0;
    fixture->size = fixture->flow->parts.first != NULL ? fixture->flow->parts.first->size : 0;
    for (const struct channel_part *part = fixture->flow->parts.first; part != NULL; part = part->next)
        fixture->parts++;
}

static void
send_init(struct fixture *fixture, enum peer_side from, uint32_t tag, uint8_t type, uint32_t own_tag, uint32_t tsn)
{
    uint8_t value[16] = { 0 };

    set_be32(value, own_tag);
    set_be32(value + 12, tsn);
    send_chunk(fixture, from, tag, type, 0, value, sizeof value);
}

static void
send_data(struct fixture *fixture, enum peer_side from, uint32_t tag, uint32_t tsn, uint16_t stream, uint16_t order,
          const char *text, uint32_t size)
{
    uint8_t value[200] = { 0 };

    set_be32(value, tsn);
    value[4] = (uint8_t)(stream >> 8);
    value[5] = (uint8_t)stream;
    value[7] = (uint8_t)order;
    set_be32(value + 8, PPID_BINARY);
    memcpy(value + 12, text, size);
    send_chunk(fixture, from, tag, SCTP_DATA, 3, value, 12 + size);
}

static void
send_ack(struct fixture *fixture, enum peer_side from, uint32_t tag, uint32_t tsn)
{
    uint8_t value[12] = { 0 };

    set_be32(value, tsn);
    send_chunk(fixture, from, tag, SCTP_SACK, 0, value, sizeof value);
}

#define HANDSHAKE   handshake, 68

/* INIT carries the tag that its sender receives, INIT ACK both. */
static void
test_opened(void)
{
    struct fixture fixture;

    begin(&fixture);
    send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa, 7);
    send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa, 7);      /* again: it was not answered */
    send_init(&fixture, PEER_B, 0xa, SCTP_INIT_ACK, 0xb, 9);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    g_assert_cmpuint(fixture.size, ==, 68);
    send_data(&fixture, PEER_B, 0xa, 9, 1, 0, HANDSHAKE);
    g_assert_cmpuint(fixture.size, ==, 68);
    g_assert_cmpuint(fixture.flow->count, ==, 1);
    g_assert_true(fixture.flow->newest->claimed != NULL && fixture.flow->newest->claimed->next_claimed == NULL);
    end(&fixture);
}

/* Both begin at the same time (5.2.1), as Firefox does. */
static void
test_opened_by_both(void)
{
    struct fixture fixture;

    begin(&fixture);
    send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa, 7);
    send_init(&fixture, PEER_B, 0, SCTP_INIT, 0xb, 9);
    send_init(&fixture, PEER_B, 0xa, SCTP_INIT_ACK, 0xb, 9);
    send_init(&fixture, PEER_A, 0xb, SCTP_INIT_ACK, 0xa, 7);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    send_data(&fixture, PEER_B, 0xa, 9, 1, 0, HANDSHAKE);
    g_assert_cmpuint(fixture.flow->count, ==, 1);
    g_assert_null(fixture.flow->newest->claimed->next_claimed);
    end(&fixture);
}

/* The beginning was not captured: the two tags are joined. */
static void
test_middle(void)
{
    struct fixture fixture;

    begin(&fixture);
    send_data(&fixture, PEER_B, 0xa, 9, 1, 0, HANDSHAKE);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    g_assert_cmpuint(fixture.flow->count, ==, 1);
    end(&fixture);
}

/* Another INIT is another association, and its TSNs are its own. */
static void
test_again(void)
{
    struct fixture fixture;

    begin(&fixture);
    for (uint32_t i = 0; i < 3; i++) {
        send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa0 + i, 7);
        send_init(&fixture, PEER_B, 0xa0 + i, SCTP_INIT_ACK, 0xb0 + i, 9);
        send_data(&fixture, PEER_A, 0xb0 + i, 7, 1, 0, HANDSHAKE);
        g_assert_cmpuint(fixture.parts, ==, 1);
    }
    g_assert_cmpuint(fixture.flow->count, ==, 3);
    end(&fixture);
}

/* A channel is BitTorrent by its handshake, at once or in parts; other channels show nothing. */
static void
test_claims(void)
{
    struct fixture fixture;

    begin(&fixture);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, "Hello", 5);
    g_assert_cmpuint(fixture.parts, ==, 0);
    send_data(&fixture, PEER_A, 0xb, 8, 3, 0, handshake, 2);
    send_data(&fixture, PEER_A, 0xb, 9, 3, 1, handshake + 2, 10);
    send_data(&fixture, PEER_A, 0xb, 10, 3, 2, handshake + 12, 7);
    g_assert_cmpuint(fixture.parts, ==, 0);
    send_data(&fixture, PEER_A, 0xb, 11, 3, 3, handshake + 19, 49);
    g_assert_cmpuint(fixture.parts, ==, 1);
    g_assert_cmpuint(fixture.size, ==, 68);
    g_assert_cmpuint(fixture.flow->parts.first->frame_count, ==, 4);
    send_data(&fixture, PEER_A, 0xb, 12, 5, 0, handshake, 2);
    send_data(&fixture, PEER_A, 0xb, 13, 5, 1, "Hello", 5);
    send_data(&fixture, PEER_A, 0xb, 14, 5, 2, handshake + 2, 66);
    g_assert_cmpuint(fixture.parts, ==, 0);
    send_data(&fixture, PEER_A, 0xb, 15, 1, 1, HANDSHAKE);      /* a message that begins with one, later */
    g_assert_cmpuint(fixture.size, ==, 68);
    end(&fixture);
}

/* The first chunks of the leecher stand after the SACK that covers them: its handshake, which opens the channel's
 * connection, and half of the message after it. All is read, in its order, once. */
static void
test_late(void)
{
    static const char interested[] = "\0\0\0\1\2", not_interested[] = "\0\0\0\1\3";
    struct fixture    fixture;

    begin(&fixture);
    send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa, 7);
    send_init(&fixture, PEER_B, 0xa, SCTP_INIT_ACK, 0xb, 9);
    send_ack(&fixture, PEER_B, 0xa, 10);
    send_data(&fixture, PEER_A, 0xb, 9, 1, 2, interested + 2, 3);
    g_assert_cmpuint(fixture.parts, ==, 0);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    g_assert_cmpuint(fixture.parts, ==, 1 + 1);     /* and what was read before cannot be a message */
    g_assert_cmpuint(fixture.size, ==, 68);
    send_data(&fixture, PEER_A, 0xb, 8, 1, 1, interested, 2);
    g_assert_cmpuint(fixture.parts, ==, 1);
    g_assert_cmpuint(fixture.size, ==, 5);
    g_assert_cmpuint(fixture.flow->parts.first->frame_count, ==, 2);
    send_data(&fixture, PEER_A, 0xb, 8, 1, 1, interested, 2);
    g_assert_cmpuint(fixture.parts, ==, 0);
    send_data(&fixture, PEER_A, 0xb, 10, 1, 3, not_interested, 5);
    g_assert_cmpuint(fixture.size, ==, 5);
    g_assert_null(fixture.flow->parts.first->data);
    end(&fixture);
}

/* Associations that have ended make room, and those without BitTorrent; where all are alive, that is told, once. */
static void
test_too_many(void)
{
    enum { ALIVE, CLOSED, OTHER, CASES };

    for (unsigned sixth = ALIVE; sixth < CASES; sixth++) {
        struct fixture fixture;

        begin(&fixture);
        for (uint32_t i = 0; i < SCTP_ASSOCIATIONS_MAX; i++) {
            send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa000 + i, 7);
            send_init(&fixture, PEER_B, 0xa000 + i, SCTP_INIT_ACK, 0xb000 + i, 9);
            if (i == 5 && sixth == OTHER)
                send_data(&fixture, PEER_A, 0xb000 + i, 7, 1, 0, "Hello", 5);
            else
                send_data(&fixture, PEER_A, 0xb000 + i, 7, 1, 0, HANDSHAKE);
        }
        g_assert_cmpuint(fixture.flow->count, ==, SCTP_ASSOCIATIONS_MAX);
        if (sixth == CLOSED)
            send_chunk(&fixture, PEER_A, 0xb005, SCTP_ABORT, 0, "", 0);
        send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa999, 7);
        g_assert_cmpuint(fixture.flow->count, ==, SCTP_ASSOCIATIONS_MAX);
        g_assert_true((fixture.flow->overflow != NULL) == (sixth == ALIVE));
        g_assert_cmpuint(fixture.parts, ==, sixth == ALIVE ? 1 : 0);
        send_data(&fixture, PEER_A, 0xb999, 7, 1, 0, HANDSHAKE);
        g_assert_cmpuint(fixture.parts, ==, sixth == ALIVE ? 0 : 1);
        end(&fixture);
    }
}

/* Each INIT that comes again may be answered with another tag (5.2.2). Once there is data, the tag is known: an answer
 * that comes late changes nothing. */
static void
test_late_init_ack(void)
{
    struct fixture fixture;

    begin(&fixture);
    send_init(&fixture, PEER_A, 0, SCTP_INIT, 0xa, 7);
    send_init(&fixture, PEER_B, 0xa, SCTP_INIT_ACK, 0xb, 9);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    send_init(&fixture, PEER_B, 0xa, SCTP_INIT_ACK, 0xc, 9);
    send_data(&fixture, PEER_A, 0xb, 8, 1, 1, "\0\0\0\0", 4);
    g_assert_cmpuint(fixture.parts, ==, 1);
    g_assert_cmpuint(fixture.flow->count, ==, 1);
    end(&fixture);
}

static void
send_sack(struct fixture *fixture, enum peer_side from, uint32_t tag, uint32_t tsn)
{
    uint8_t value[12] = { 0 };

    set_be32(value, tsn);
    send_chunk(fixture, from, tag, SCTP_SACK, 0, value, sizeof value);
}

/* A SACK that another one has overtaken takes nothing back. */
static void
test_sack_overtaken(void)
{
    struct fixture fixture;
    uint64_t       acked;

    begin(&fixture);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    send_data(&fixture, PEER_A, 0xb, 8, 1, 1, "\0\0\0\0", 4);
    send_sack(&fixture, PEER_B, 0xa, 8);
    acked = fixture.flow->newest->acked[PEER_B];
    g_assert_cmpuint(acked, >, 0);
    send_sack(&fixture, PEER_B, 0xa, 7);
    g_assert_cmpuint(fixture.flow->newest->acked[PEER_B], ==, acked);
    end(&fixture);
}

/* TSNs far ahead are the stream only where so many come in a row. */
static void
test_strays(void)
{
    struct fixture fixture;

    begin(&fixture);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    for (uint32_t i = 0; i < 2 * SCTP_STRAYS_MAX; i++) {
        if (i % SCTP_STRAYS_MAX == SCTP_STRAYS_MAX - 1)
            send_data(&fixture, PEER_A, 0xb, 8 + i / SCTP_STRAYS_MAX, 1, (uint16_t)(1 + i / SCTP_STRAYS_MAX), "\0\0\0\0",
                      4);
        else
            send_data(&fixture, PEER_A, 0xb, 7 + 3 * SCTP_WINDOW_CHUNKS + i, 1, 1, "\0\0\0\0", 4);
        g_assert_cmpuint(fixture.parts, ==, i % SCTP_STRAYS_MAX == SCTP_STRAYS_MAX - 1 ? 1 : 0);
    }
    end(&fixture);
}

/* A channel begins anew with the handshake that is its first message (SCTP numbers them anew after a reset, RFC 6525); in
 * another one it is what it is in a stream. */
static void
test_handshake_again(void)
{
    struct fixture                fixture;
    const struct peer_connection *first;

    begin(&fixture);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    first = fixture.flow->parts.first->connection;
    send_data(&fixture, PEER_A, 0xb, 8, 1, 1, HANDSHAKE);
    g_assert_true(fixture.flow->parts.first->connection == first);
    send_data(&fixture, PEER_A, 0xb, 9, 1, 0, HANDSHAKE);
    g_assert_true(fixture.flow->parts.first == NULL || fixture.flow->parts.first->connection != first);
    end(&fixture);
}

/* Where it was not known where messages begin, and sync is lost after the first of them, the rest is shown as well: what
 * there is to say stands beside its end. */
static void
test_rest_is_shown(void)
{
    struct fixture             fixture;
    uint8_t                    bytes[76] = { 0 };
    const struct channel_part *part;

    begin(&fixture);
    send_data(&fixture, PEER_B, 0xa, 9, 1, 0, "Hello", 5);
    send_data(&fixture, PEER_A, 0xb, 7, 1, 0, HANDSHAKE);
    memcpy(bytes, handshake, 68);
    set_be32(bytes + 68, 0xffffffff);
    send_data(&fixture, PEER_B, 0xa, 10, 1, 1, (const char *)bytes, sizeof bytes);
    g_assert_cmpuint(fixture.parts, ==, 2);
    part = fixture.flow->parts.first;
    g_assert_true(part->is_messages && part->size == 68);
    g_assert_true(!part->next->is_messages && part->next->size == 8 && part->next->place == part->place + 68);
    end(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sctp_flow/opened", test_opened);
    g_test_add_func("/sctp_flow/opened_by_both", test_opened_by_both);
    g_test_add_func("/sctp_flow/middle", test_middle);
    g_test_add_func("/sctp_flow/again", test_again);
    g_test_add_func("/sctp_flow/claims", test_claims);
    g_test_add_func("/sctp_flow/late", test_late);
    g_test_add_func("/sctp_flow/too_many", test_too_many);
    g_test_add_func("/sctp_flow/late_init_ack", test_late_init_ack);
    g_test_add_func("/sctp_flow/sack_overtaken", test_sack_overtaken);
    g_test_add_func("/sctp_flow/strays", test_strays);
    g_test_add_func("/sctp_flow/handshake_again", test_handshake_again);
    g_test_add_func("/sctp_flow/rest_is_shown", test_rest_is_shown);
    return g_test_run();
}
