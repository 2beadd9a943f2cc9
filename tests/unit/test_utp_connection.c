/* test_utp_connection.c
 * utp_connection.c: which connection a packet belongs to, by the rules of BEP 29 and what clients make of them; what is
 * shown in which frame; and any bytes at all.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "peer_wire.h"
#include "utp_connection.h"

/* --- connection ids --- */

/* One packet, of one byte where its type has a payload, and the number of its connection, from 1 on; 0 for none. */
struct line {
    enum peer_side from;
    enum utp_type  type;
    uint16_t       id;
    uint16_t       seq_nr;
    uint32_t       timestamp;
    unsigned       expected;
};

#define A           PEER_A
#define B           PEER_B
#define SCRIPT_END  { A, UTP_TYPE_COUNT, 0, 0, 0, 0 }

/* The ST_SYN carries the id R that its sender receives; it sends with R + 1, the other side with R. */
static const struct line opened[] = {
    { A, UTP_SYN,   100, 1,   10, 1 },
    { B, UTP_STATE, 100, 50,  11, 1 },
    { A, UTP_DATA,  101, 2,   12, 1 },
    { B, UTP_DATA,  100, 50,  13, 1 },
    { B, UTP_FIN,   100, 51,  14, 1 },
    SCRIPT_END
};

static const struct line ids_wrap[] = {
    { B, UTP_SYN,   65535, 1,  10, 1 },
    { A, UTP_STATE, 65535, 50, 11, 1 },
    { B, UTP_DATA,  0,     2,  12, 1 },
    { A, UTP_DATA,  65535, 50, 13, 1 },
    SCRIPT_END
};

/* Without the ST_SYN: the ids of the two sides differ by 1, whoever opened it. */
static const struct line middle_opened_by_a[] = {
    { A, UTP_DATA,  101, 2,   10, 1 },
    { B, UTP_STATE, 100, 50,  11, 1 },
    { A, UTP_DATA,  101, 3,   12, 1 },
    SCRIPT_END
};

static const struct line middle_opened_by_b[] = {
    { A, UTP_DATA,  100, 2,   10, 1 },
    { B, UTP_DATA,  101, 50,  11, 1 },
    { A, UTP_DATA,  100, 3,   12, 1 },
    SCRIPT_END
};

/* What cannot begin a connection does not; nor do ids that do not fit. */
static const struct line strangers[] = {
    { A, UTP_STATE, 100, 2,   10, 0 },
    { B, UTP_FIN,   100, 2,   11, 0 },
    { B, UTP_RESET, 100, 2,   12, 0 },
    { A, UTP_DATA,  100, 2,   13, 1 },
    { B, UTP_DATA,  102, 2,   14, 2 },
    { B, UTP_DATA,  101, 2,   15, 1 },
    { A, UTP_DATA,  103, 2,   16, 2 },
    { B, UTP_STATE, 98,  2,   17, 0 },
    SCRIPT_END
};

/* Two connections with neighbouring ids, opened by both sides: the ST_SYNs tell. */
static const struct line neighbours[] = {
    { A, UTP_SYN,   100, 1,   10, 1 },
    { B, UTP_SYN,   102, 1,   11, 2 },
    { A, UTP_DATA,  101, 2,   12, 1 },
    { A, UTP_DATA,  102, 9,   13, 2 },
    { B, UTP_DATA,  103, 2,   14, 2 },
    { B, UTP_DATA,  100, 50,  15, 1 },
    SCRIPT_END
};

/* The ST_SYN is sent until it is answered. */
static const struct line syn_until_answered[] = {
    { A, UTP_SYN,   100, 1,   10, 1 },
    { A, UTP_SYN,   100, 1,   20, 1 },
    { B, UTP_STATE, 100, 50,  21, 1 },
    { A, UTP_DATA,  101, 2,   30, 1 },
    { B, UTP_DATA,  100, 50,  31, 1 },
    /* The network delivers one of them again. */
    { A, UTP_SYN,   100, 1,   20, 1 },
    { A, UTP_DATA,  101, 3,   32, 1 },
    SCRIPT_END
};

/* A new one, with the same ids, and with the same seq_nr (libutp: always 1): it is later than all. */
static const struct line same_ids_again[] = {
    { A, UTP_SYN,   100, 1,   10, 1 },
    { A, UTP_DATA,  101, 2,   30, 1 },
    { A, UTP_SYN,   100, 1,   40, 2 },
    { B, UTP_DATA,  100, 50,  41, 2 },
    { A, UTP_DATA,  101, 2,   42, 2 },
    SCRIPT_END
};

/* Another seq_nr, and no clock. */
static const struct line same_ids_other_number[] = {
    { A, UTP_SYN,   100, 1,   0, 1 },
    { A, UTP_DATA,  101, 2,   0, 1 },
    { A, UTP_SYN,   100, 700, 0, 2 },
    { A, UTP_DATA,  101, 701, 0, 2 },
    SCRIPT_END
};

/* Behind the end of the old one, and no clock. */
static const struct line same_ids_after_close[] = {
    { A, UTP_SYN,   100, 1,   0, 1 },
    { A, UTP_DATA,  101, 2,   0, 1 },
    { B, UTP_RESET, 100, 50,  0, 1 },
    { A, UTP_SYN,   100, 1,   0, 2 },
    { A, UTP_DATA,  101, 2,   0, 2 },
    SCRIPT_END
};

/* The first connection was claimed by its data: its ST_SYN came before, and comes again. */
static const struct line syn_before_the_claim[] = {
    { A, UTP_DATA,  101, 2,   30, 1 },
    { B, UTP_DATA,  100, 50,  31, 1 },
    { A, UTP_SYN,   100, 1,   10, 1 },
    { A, UTP_DATA,  101, 3,   32, 1 },
    { A, UTP_SYN,   100, 1,   40, 2 },
    SCRIPT_END
};

/* The other side opens one with the same number: other ids, although the numbers overlap. */
static const struct line roles_change[] = {
    { A, UTP_SYN,   100, 1,   10, 1 },
    { A, UTP_DATA,  101, 2,   11, 1 },
    { B, UTP_SYN,   100, 1,   20, 2 },
    { B, UTP_DATA,  101, 2,   21, 2 },
    { A, UTP_DATA,  100, 50,  22, 2 },
    SCRIPT_END
};

/* libutp answers what it does not expect with an ST_RESET of the id that it received. */
static const struct line reset_of_the_others_id[] = {
    { A, UTP_SYN,   100, 1,   10, 1 },
    { A, UTP_DATA,  101, 2,   11, 1 },
    { B, UTP_RESET, 101, 777, 12, 1 },
    SCRIPT_END
};

static unsigned
number_of(GPtrArray *connections, struct utp_connection *connection)
{
    guint index;

    if (connection == NULL)
        return 0;
    if (!g_ptr_array_find(connections, connection, &index)) {
        g_ptr_array_add(connections, connection);
        index = connections->len - 1;
    }
    return index + 1;
}

static void
play(const void *data)
{
    const struct line *script = (const struct line *)data;
    wmem_allocator_t  *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow   *flow = utp_flow_new(scope, 0);
    GPtrArray         *connections = g_ptr_array_new();
    uint32_t           frame;

    for (frame = 1; script[frame - 1].type != UTP_TYPE_COUNT; frame++) {
        const struct line *line = &script[frame - 1];
        bool               has_payload = line->type == UTP_DATA;
        struct utp_packet  packet = {
            .header = { .type = line->type, .connection_id = line->id, .seq_nr = line->seq_nr,
                        .timestamp = line->timestamp, .size = UTP_HEADER_SIZE },
            .payload = (const uint8_t *)"?", .captured = has_payload, .reported = has_payload, .frame = frame
        };
        struct utp_connection *connection = utp_flow_get(flow, line->from, &packet.header, frame);

        g_test_message("line %u", frame);
        g_assert_cmpuint(number_of(connections, connection), ==, line->expected);
        if (connection != NULL)
            utp_connection_packet(connection, line->from, &packet, frame);
    }

    /* On later passes each packet finds the connection again, in any order. */
    for (frame--; frame > 0; frame--) {
        const struct line *line = &script[frame - 1];
        struct utp_header  header = { .type = line->type, .connection_id = line->id, .seq_nr = line->seq_nr };
        g_assert_cmpuint(number_of(connections, utp_flow_find(flow, line->from, &header, frame)), ==, line->expected);
    }
    g_ptr_array_free(connections, TRUE);
    wmem_destroy_allocator(scope);
}

/* Ids at random do not fill the memory. */
static void
many_ids(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow  *flow = utp_flow_new(scope, 0);
    unsigned          known = 0;

    for (uint32_t i = 0; i < 60000; i += 3) {
        struct utp_header header = { .type = UTP_DATA, .connection_id = (uint16_t)i };
        known += utp_flow_get(flow, A, &header, i + 1) != NULL;
    }
    g_assert_cmpuint(known, ==, UTP_CONNECTIONS_MAX);
    wmem_destroy_allocator(scope);
}

/* --- messages --- */

struct player {
    wmem_allocator_t      *scope;
    struct utp_flow       *flow;
    struct utp_connection *connection;
    uint32_t               frame;
    uint16_t               next[2];
};

static void
set_up(struct player *player)
{
    memset(player, 0, sizeof *player);
    player->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    player->flow = utp_flow_new(player->scope, 7);      /* the id of lt_donthave, without a handshake */
    player->next[A] = player->next[B] = 2;
}

/* The next frame: a packet of the connection that A opened with id 100. */
static void
put(struct player *player, enum peer_side from, uint16_t seq_nr, uint16_t ack_nr, const void *payload, uint32_t size)
{
    struct utp_packet packet = {
        .header = { .type = size > 0 ? UTP_DATA : UTP_STATE, .connection_id = from == A ? 101 : 100,
                    .seq_nr = seq_nr, .ack_nr = ack_nr, .timestamp = player->frame, .size = UTP_HEADER_SIZE },
        .captured = size, .reported = size, .frame = ++player->frame
    };
    uint8_t *copy = (uint8_t *)g_memdup2(payload, size);

    packet.payload = copy;
    player->connection = utp_flow_get(player->flow, from, &packet.header, packet.frame);
    if (player->connection != NULL)
        utp_connection_packet(player->connection, from, &packet, player->frame * INT64_C(1000000));
    g_free(copy);
}

static const uint8_t donthave[] = { 0, 0, 0, 6, 20, 7, 0, 0, 0, 5 };
static const uint8_t have_and_donthave[] = { 0, 0, 0, 5, 4, 0, 0, 0, 9, 0, 0, 0, 6, 20, 7, 0, 0, 0, 5 };
static const uint8_t a_request[] = { 0, 0, 0, 13, 6, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 64, 0 };

static const struct message_note *
note_of(const struct player *player, uint32_t frame)
{
    return notes_of_frame(&player->connection->peers->notes, frame);
}

/* A message in one packet stands at its place in the payload; one that began before has its frames and bytes. */
static void
places(void)
{
    const struct utp_assembled *assembled;
    struct player               player;
    uint8_t                     two[sizeof donthave + sizeof donthave];
    uint64_t                    position;

    set_up(&player);
    memcpy(two, donthave, sizeof donthave);
    memcpy(two + sizeof donthave, donthave, sizeof donthave);
    put(&player, A, 2, 1, a_request, sizeof a_request);         /* frame 1 */
    put(&player, B, 50, 2, two, 13);                            /* frame 2: one and a part */
    put(&player, B, 52, 2, two + 16, 4);                        /* frame 3: too early */
    put(&player, B, 51, 2, two + 13, 3);                        /* frame 4 */

    g_assert_true(utp_connection_position(player.connection, 1, &position));
    g_assert_cmpuint(position, ==, 0);
    g_assert_nonnull(note_of(&player, 2));
    g_assert_true(utp_connection_position(player.connection, 2, &position));
    g_assert_null(utp_connection_assembled(player.connection, 2, B, 0));
    g_assert_null(note_of(&player, 3));
    g_assert_false(utp_connection_position(player.connection, 3, &position));

    assembled = utp_connection_assembled(player.connection, 4, B, 10);
    g_assert_nonnull(note_of(&player, 4));
    g_assert_nonnull(assembled);
    g_assert_cmpuint(assembled->frame_count, ==, 3);
    g_assert_cmpuint(assembled->frames[0], ==, 2);
    g_assert_cmpuint(assembled->frames[1], ==, 4);
    g_assert_cmpuint(assembled->frames[2], ==, 3);
    g_assert_cmpmem(assembled->bytes, assembled->bytes_size, donthave, sizeof donthave);
    g_assert_null(utp_connection_assembled(player.connection, 4, A, 10));
    wmem_destroy_allocator(player.scope);
}

/* Crossed (the ledger, rule 6): what the ack_nr of the packet in which the Request ends covers. Packet 51 has the end
 * of the DontHave. */
static void
crossed(void)
{
    static const struct {
        uint16_t ack_nr;
        bool     expected;
    } cases[] = { { 49, true }, { 50, true }, { 51, false }, { 52, false } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct player player;

        set_up(&player);
        put(&player, A, 2, 49, a_request, sizeof a_request);
        put(&player, B, 50, 2, have_and_donthave, 13);
        put(&player, B, 51, 2, have_and_donthave + 13, 6);
        put(&player, A, 3, cases[i].ack_nr, a_request, sizeof a_request);
        g_assert_nonnull(note_of(&player, 4));
        g_assert_nonnull(note_of(&player, 4)->late_request);
        g_assert_cmpint(note_of(&player, 4)->late_request->crossed, ==, cases[i].expected);
        wmem_destroy_allocator(player.scope);
    }
}

/* A Request that waited for a packet before it is judged by its own ack_nr, not by that of the packet that came late. */
static void
crossed_out_of_order(void)
{
    struct player player;

    set_up(&player);
    put(&player, A, 2, 49, a_request, sizeof a_request);
    put(&player, B, 50, 2, donthave, sizeof donthave);
    put(&player, A, 4, 49, a_request, sizeof a_request);                /* frame 3, sent before the DontHave came */
    put(&player, A, 3, 50, "\0\0\0", 4);                                /* frame 4, sent again behind it */
    g_assert_nonnull(note_of(&player, 4));
    g_assert_true(note_of(&player, 4)->late_request->crossed);
    wmem_destroy_allocator(player.scope);
}

/* Half of the time to one side and back, from where the capture is made, for each side. */
static void
round_trip(void)
{
    struct player player;

    set_up(&player);
    put(&player, A, 2, 49, a_request, sizeof a_request);        /* 1 ms */
    put(&player, A, 3, 49, a_request, sizeof a_request);
    put(&player, B, 50, 3, donthave, sizeof donthave);          /* 3 ms: acknowledges the first, 2 ms behind it */
    g_assert_cmpint(player.connection->peers->round_trip, ==, 0);
    put(&player, A, 4, 49, a_request, sizeof a_request);
    put(&player, A, 5, 49, a_request, sizeof a_request);
    put(&player, A, 6, 50, NULL, 0);                            /* 6 ms: 3 ms behind that */
    g_assert_cmpint(player.connection->peers->round_trip, ==, 5000000);
    wmem_destroy_allocator(player.scope);
}

/* Any packets: no limit is passed, and what is shown has its bytes. */
static void
any_packets(void)
{
    for (int run = 0; run < 150; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct utp_flow  *flow = utp_flow_new(scope, 7);
        int32_t           spread = 1 << g_test_rand_int_range(0, 12);

        for (uint32_t frame = 1; frame < 400; frame++) {
            uint8_t  bytes[80];
            uint32_t size = 0, captured;
            enum peer_side from = g_test_rand_bit() ? A : B;

            while (size < 60 && g_test_rand_int_range(0, 4) != 0) {
                bool request = g_test_rand_bit() != 0;
                memcpy(bytes + size, request ? a_request : donthave, request ? sizeof a_request : sizeof donthave);
                size += request ? sizeof a_request : sizeof donthave;
            }
            if (size > 0 && g_test_rand_int_range(0, 8) == 0)
                bytes[g_test_rand_int_range(0, (int32_t)size)] ^= (uint8_t)(1 << g_test_rand_int_range(0, 8));
            if (g_test_rand_int_range(0, 3) == 0)
                size = (uint32_t)g_test_rand_int_range(0, (int32_t)size + 1);
            captured = g_test_rand_int_range(0, 9) == 0 ? size / 2 : size;

            uint8_t          *copy = (uint8_t *)g_memdup2(bytes, captured);
            struct utp_packet packet = {
                .header = { .type = (enum utp_type)(g_test_rand_int_range(0, 3) != 0 ? 0
                                                    : g_test_rand_int_range(0, UTP_TYPE_COUNT)),
                            .connection_id = (uint16_t)(100 + g_test_rand_int_range(0, 3)),
                            .seq_nr = (uint16_t)(frame + (uint32_t)g_test_rand_int_range(0, spread)),
                            .ack_nr = (uint16_t)(frame - (uint32_t)g_test_rand_int_range(0, spread)),
                            .timestamp = (uint32_t)g_test_rand_int_range(0, 400) },
                .payload = copy, .captured = captured, .reported = size, .frame = frame
            };
            struct utp_connection *connection = utp_flow_get(flow, from, &packet.header, frame);
            if (connection != NULL) {
                utp_connection_packet(connection, from, &packet, frame);
                g_assert_true(utp_flow_find(flow, from, &packet.header, frame) == connection);
                for (const struct message_note *note = notes_of_frame(&connection->peers->notes, frame); note != NULL;
                     note = note->next) {
                    uint64_t position;
                    const struct utp_assembled *assembled =
                        utp_connection_assembled(connection, frame, note->from, note->position);
                    g_assert_cmpint(note->from, ==, from);
                    g_assert_true(assembled != NULL || utp_connection_position(connection, frame, &position)
                                  || note->findings != NULL);
                    for (uint32_t i = 0; assembled != NULL && i < assembled->frame_count; i++)
                        g_assert_cmpuint(assembled->frames[i], <=, frame);
                }
            }
            g_free(copy);
        }
        wmem_destroy_allocator(scope);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char        *name;
        const struct line *script;
    } scripts[] = {
#define SCRIPT(name) { "/utp_flow/" #name, name }
        SCRIPT(opened), SCRIPT(ids_wrap), SCRIPT(middle_opened_by_a), SCRIPT(middle_opened_by_b), SCRIPT(strangers),
        SCRIPT(neighbours), SCRIPT(syn_until_answered), SCRIPT(same_ids_again), SCRIPT(same_ids_other_number),
        SCRIPT(same_ids_after_close), SCRIPT(syn_before_the_claim), SCRIPT(roles_change), SCRIPT(reset_of_the_others_id)
#undef SCRIPT
    };
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++)
        g_test_add_data_func(scripts[i].name, scripts[i].script, play);
    g_test_add_func("/utp_flow/many_ids", many_ids);
    g_test_add_func("/utp_connection/places", places);
    g_test_add_func("/utp_connection/crossed", crossed);
    g_test_add_func("/utp_connection/crossed_out_of_order", crossed_out_of_order);
    g_test_add_func("/utp_connection/round_trip", round_trip);
    g_test_add_func("/utp_connection/any_packets", any_packets);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
