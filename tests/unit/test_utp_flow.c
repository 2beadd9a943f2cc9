/* test_utp_flow.c
 * utp_flow.c: which connection a packet belongs to, by the rules of BEP 29 and what clients make of them; which
 * connections make room for others; what is shown in which frame; and any bytes at all.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/donthave/donthave.h"
#include "core/donthave/donthave_findings.h"
#include "core/donthave/donthave_note.h"
#include "core/peer_findings.h"
#include "core/peer_wire.h"
#include "core/utp_flow.h"

/* One observer, and the id of lt_donthave without a handshake. */
static const struct peer_setup setup = {
    .observers = { &donthave_observer }, .observer_count = 1,
    .fallbacks = { { LT_DONTHAVE_NAME, { 1U << 7 } } }, .fallback_count = 1
};

/* A flow of ports that are known to be of BitTorrent. */
static struct utp_flow *
claimed_flow(wmem_allocator_t *scope, const struct peer_setup *of)
{
    struct utp_flow_setup *flow_setup = wmem_new0(scope, struct utp_flow_setup);
    struct utp_flow       *flow;

    flow_setup->scope = scope;
    flow_setup->peers = of;
    flow = utp_flow_new(flow_setup);
    utp_flow_claim(flow, 1);
    return flow;
}

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

/* After the end of the old one, and no clock. */
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
    struct utp_flow   *flow = claimed_flow(scope, &setup);
    GPtrArray         *connections = g_ptr_array_new();
    uint32_t           frame;

    for (frame = 1; script[frame - 1].type != UTP_TYPE_COUNT; frame++) {
        const struct line *line = &script[frame - 1];
        bool               has_payload = line->type == UTP_DATA;
        struct utp_packet  packet = {
            .header = { .type = line->type, .connection_id = line->id, .seq_nr = line->seq_nr,
                        .timestamp = line->timestamp, .size = UTP_HEADER_SIZE },
            .payload = (const uint8_t *)"?", .captured = has_payload, .reported = has_payload, .frame = frame,
            .time = frame
        };
        struct utp_connection *connection = utp_flow_get(flow, line->from, &packet.header, frame, packet.time);

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

/* A packet of any id, of one byte where its type has a payload. What its connection is, NULL for none. */
static struct utp_connection *
send_packet(struct utp_flow *flow, enum peer_side from, enum utp_type type, uint16_t id, uint32_t frame)
{
    bool              has_payload = type == UTP_DATA;
    struct utp_packet packet = {
        .header = { .type = type, .connection_id = id, .seq_nr = 2, .timestamp = frame, .size = UTP_HEADER_SIZE },
        .payload = (const uint8_t *)"?", .captured = has_payload, .reported = has_payload, .frame = frame,
        .time = frame
    };
    struct utp_connection *connection = utp_flow_get(flow, from, &packet.header, frame, packet.time);

    if (connection != NULL)
        utp_connection_packet(connection, from, &packet, frame);
    return connection;
}

static struct utp_connection *
find_packet(const struct utp_flow *flow, enum peer_side from, enum utp_type type, uint16_t id, uint32_t frame)
{
    struct utp_header header = { .type = type, .connection_id = id };

    return utp_flow_find(flow, from, &header, frame);
}

/* The followed connections, from both ends of the list. */
static void
assert_list(const struct utp_flow *flow)
{
    uint32_t up = 0, down = 0;

    for (const struct utp_connection *one = flow->oldest; one != NULL; one = one->newer, up++)
        g_assert_true(one->followed);
    for (const struct utp_connection *one = flow->newest; one != NULL; one = one->older)
        down++;
    g_assert_cmpuint(up, ==, flow->count);
    g_assert_cmpuint(down, ==, flow->count);
    g_assert_cmpuint(flow->count, <=, UTP_CONNECTIONS_MAX);
}

/* An ST_SYN with the ids, the number and the timestamp of a known connection is the same one, sent again; more than
 * five minutes after the last packet of its side it is not. */
static void
syn_after_a_pause(void)
{
    static const struct {
        enum utp_type last;
        int64_t       pause;        /* ns, after it */
        bool          another;
    } cases[] = {
        { UTP_SYN,   0,                  false }, { UTP_SYN,   300 * NS_PER_S, false },
        { UTP_SYN,   300 * NS_PER_S + 1, true },  { UTP_DATA,  300 * NS_PER_S, false },
        { UTP_DATA,  300 * NS_PER_S + 1, true },  { UTP_STATE, 300 * NS_PER_S, false },
        { UTP_STATE, 300 * NS_PER_S + 1, true },
    };
    const int64_t begin = 1700000000 * NS_PER_S;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct utp_flow  *flow = claimed_flow(scope, &setup);
        struct utp_packet syn = {
            .header = { .type = UTP_SYN, .connection_id = 100, .seq_nr = 1, .timestamp = 10, .size = UTP_HEADER_SIZE },
            .frame = 1, .time = begin
        };
        struct utp_packet last = {
            .header = { .type = cases[i].last, .connection_id = cases[i].last == UTP_SYN ? 100 : 101, .timestamp = 10,
                        .seq_nr = cases[i].last == UTP_SYN ? 1 : 2, .size = UTP_HEADER_SIZE },
            .payload = (const uint8_t *)"?", .captured = cases[i].last == UTP_DATA,
            .reported = cases[i].last == UTP_DATA, .frame = 2, .time = begin + NS_PER_S
        };
        /* The other side does not count. */
        struct utp_packet other = {
            .header = { .type = UTP_STATE, .connection_id = 100, .seq_nr = 50, .ack_nr = 1, .size = UTP_HEADER_SIZE },
            .frame = 3, .time = begin + 200 * NS_PER_S
        };
        struct utp_connection *first = utp_flow_get(flow, A, &syn.header, 1, syn.time), *second;

        utp_connection_packet(first, A, &syn, 1);
        g_assert_true(utp_flow_get(flow, A, &last.header, 2, last.time) == first);
        utp_connection_packet(first, A, &last, 2);
        g_assert_true(utp_flow_get(flow, B, &other.header, 3, other.time) == first);
        utp_connection_packet(first, B, &other, 3);
        syn.frame = 4;
        syn.time = last.time + cases[i].pause;
        second = utp_flow_get(flow, A, &syn.header, 4, syn.time);
        g_assert_nonnull(second);
        g_assert_cmpint(second != first, ==, cases[i].another);
        utp_connection_packet(second, A, &syn, 4);
        g_assert_true(find_packet(flow, A, UTP_DATA, 101, 2) == first);
        g_assert_true(find_packet(flow, A, UTP_DATA, 101, 5) == second);
        g_assert_true(find_packet(flow, B, UTP_DATA, 100, 5) == second);
        wmem_destroy_allocator(scope);
    }
}

/* --- room --- */

/* Ids at random do not fill the memory: connections with data, of which nobody knows that they have ended, stay. */
static void
many_ids(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow  *flow = claimed_flow(scope, &setup);
    unsigned          known = 0;

    for (uint32_t i = 0; i < 60000; i += 3)
        known += send_packet(flow, A, UTP_DATA, (uint16_t)i, i + 1) != NULL;
    g_assert_cmpuint(known, ==, UTP_CONNECTIONS_MAX);
    g_assert_cmpuint(flow->count, ==, UTP_CONNECTIONS_MAX);
    assert_list(flow);
    g_assert_nonnull(find_packet(flow, A, UTP_DATA, 0, 60001));
    g_assert_null(find_packet(flow, A, UTP_DATA, 3 * UTP_CONNECTIONS_MAX, 60001));
    wmem_destroy_allocator(scope);
}

/* Connections that were never answered make room, the oldest first; nothing leads to them any more. */
static void
never_answered(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow  *flow = claimed_flow(scope, &setup);
    enum { LAST = 3 * 20000 };

    for (uint32_t i = 0; i < LAST; i += 3) {
        g_assert_nonnull(send_packet(flow, A, UTP_SYN, (uint16_t)i, i + 1));
        if (i % 1000 == 0)
            assert_list(flow);
    }
    g_assert_cmpuint(flow->count, ==, UTP_CONNECTIONS_MAX);
    g_assert_null(flow->overflow);
    for (uint32_t i = 0; i < LAST; i += 3) {
        bool kept = i >= LAST - 3 * UTP_CONNECTIONS_MAX;
        g_assert_cmpint(find_packet(flow, A, UTP_SYN, (uint16_t)i, LAST) != NULL, ==, kept);
        g_assert_cmpint(find_packet(flow, A, UTP_DATA, (uint16_t)(i + 1), LAST) != NULL, ==, kept);
        g_assert_cmpint(find_packet(flow, B, UTP_STATE, (uint16_t)i, LAST) != NULL, ==, kept);
    }
    g_assert_cmpuint(flow->ids.count, ==, 2 * UTP_CONNECTIONS_MAX);
    wmem_destroy_allocator(scope);
}

/* What was answered stays, without data as well, and what has data stays, without an answer as well. */
static void
alive_stay(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow  *flow = claimed_flow(scope, &setup);
    uint32_t          frame = 0;

    for (uint32_t i = 0; i < UTP_CONNECTIONS_MAX; i++) {
        uint16_t id = (uint16_t)(3 * i);
        struct utp_connection *connection = send_packet(flow, A, UTP_SYN, id, ++frame);
        g_assert_nonnull(connection);
        if (i % 2 == 0)
            g_assert_true(send_packet(flow, B, UTP_STATE, id, ++frame) == connection);
        else
            g_assert_true(send_packet(flow, A, UTP_DATA, (uint16_t)(id + 1), ++frame) == connection);
    }
    g_assert_null(send_packet(flow, A, UTP_SYN, 60000, ++frame));
    g_assert_null(send_packet(flow, A, UTP_DATA, 60000, ++frame));
    /* What is followed goes on. */
    g_assert_nonnull(send_packet(flow, A, UTP_DATA, 1, ++frame));
    g_assert_cmpuint(flow->count, ==, UTP_CONNECTIONS_MAX);
    assert_list(flow);
    wmem_destroy_allocator(scope);
}

/* Connections that have ended make room, the oldest first, be it by ST_FIN or by ST_RESET of whichever side. */
static void
ended(void)
{
    static const struct {
        unsigned       which;
        enum peer_side from;
        enum utp_type  type;
    } ends[] = { { 700, A, UTP_FIN }, { 3, B, UTP_RESET }, { 1023, B, UTP_FIN }, { 0, A, UTP_RESET } };
    static const unsigned order[] = { 0, 3, 700, 1023 };
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow  *flow = claimed_flow(scope, &setup);
    uint32_t          frame = 0;

    for (uint32_t i = 0; i < UTP_CONNECTIONS_MAX; i++) {
        g_assert_nonnull(send_packet(flow, A, UTP_DATA, (uint16_t)(3 * i + 1), ++frame));
        g_assert_nonnull(send_packet(flow, B, UTP_DATA, (uint16_t)(3 * i), ++frame));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        g_assert_nonnull(send_packet(flow, ends[i].from, ends[i].type,
                                     (uint16_t)(3 * ends[i].which + (ends[i].from == A)), ++frame));
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        uint16_t id = (uint16_t)(3 * order[i]);
        g_assert_nonnull(find_packet(flow, B, UTP_DATA, id, frame));
        g_assert_nonnull(send_packet(flow, A, UTP_DATA, (uint16_t)(50000 + 3 * i), ++frame));
        g_assert_null(find_packet(flow, B, UTP_DATA, id, frame));
        g_assert_null(find_packet(flow, A, UTP_DATA, (uint16_t)(id + 1), frame));
        assert_list(flow);
    }
    g_assert_null(send_packet(flow, A, UTP_DATA, 60000, ++frame));
    wmem_destroy_allocator(scope);
}

/* Told at the first packet alone. */
static void
tell_full(void)
{
    wmem_allocator_t           *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct utp_flow            *flow = claimed_flow(scope, &setup);
    struct message_note *const *end, *const *note;

    utp_flow_tell_full(flow, B, 5, 1);
    utp_flow_tell_full(flow, B, 6, 2);
    utp_flow_tell_full(flow, A, 6, 3);
    note = notes_of_frame(&flow->overflow->notes, 5, false, &end);
    g_assert_cmpint(end - note, ==, 1);
    g_assert_cmpint((*note)->from, ==, B);
    g_assert_true((*note)->findings->kind == &donthave_findings.limit);
    g_assert_null((*note)->findings->next);
    g_assert_nonnull(strstr((*note)->findings->text, "1024"));
    note = notes_of_frame(&flow->overflow->notes, 6, true, &end);
    g_assert_true(note == end);
    wmem_destroy_allocator(scope);
}

/* --- messages --- */

struct player {
    wmem_allocator_t      *scope;
    struct utp_flow       *flow;
    struct utp_connection *connection;
    uint32_t               frame;
};

static void
set_up(struct player *player)
{
    memset(player, 0, sizeof *player);
    player->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    player->flow = claimed_flow(player->scope, &setup);
}

/* The next frame: a packet of the connection that A opened with id 100. */
static void
put(struct player *player, enum peer_side from, uint16_t seq_nr, uint16_t ack_nr, const void *payload, uint32_t size)
{
    uint32_t          frame = ++player->frame;
    struct utp_packet packet = {
        .header = { .type = size > 0 ? UTP_DATA : UTP_STATE, .connection_id = from == A ? 101 : 100,
                    .seq_nr = seq_nr, .ack_nr = ack_nr, .timestamp = frame, .size = UTP_HEADER_SIZE },
        .captured = size, .reported = size, .frame = frame, .time = frame * INT64_C(1000000)
    };
    uint8_t *copy = (uint8_t *)g_memdup2(payload, size);

    packet.payload = copy;
    player->connection = utp_flow_get(player->flow, from, &packet.header, packet.frame, packet.time);
    if (player->connection != NULL)
        utp_connection_packet(player->connection, from, &packet, packet.frame);
    g_free(copy);
}

static const uint8_t donthave[] = { 0, 0, 0, 6, 20, 7, 0, 0, 0, 5 };
static const uint8_t have_and_donthave[] = { 0, 0, 0, 5, 4, 0, 0, 0, 9, 0, 0, 0, 6, 20, 7, 0, 0, 0, 5 };
static const uint8_t a_request[] = { 0, 0, 0, 13, 6, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 64, 0 };

/* The first note of a frame; NULL where it has nothing to show. */
static const struct message_note *
note_of(const struct player *player, uint32_t frame)
{
    struct message_note *const *end, *const *note;

    note = notes_of_frame(&player->connection->feed.connection->notes, frame, true, &end);
    return note != end ? *note : NULL;
}

/* The first detail of that kind in a frame, and the note that it hangs on, where note is not NULL. */
static const struct note_detail *
detail_of(const struct player *player, uint32_t frame, enum donthave_kind kind, const struct message_note **on)
{
    struct message_note *const *end, *const *note;

    note = notes_of_frame(&player->connection->feed.connection->notes, frame, true, &end);
    for (; note != end; note++) {
        for (const struct note_detail *detail = (*note)->details; detail != NULL; detail = detail->next) {
            if (detail->kind != &donthave_kinds[kind])
                continue;
            if (on != NULL)
                *on = *note;
            return detail;
        }
    }
    return NULL;
}

static const struct donthave_block *
late_request_of(const struct player *player, uint32_t frame)
{
    return (const struct donthave_block *)(const void *)detail_of(player, frame, DONTHAVE_LATE_REQUEST, NULL);
}

static void
assert_frames(const struct message_note *note, const uint32_t *frames, uint32_t count)
{
    g_assert_nonnull(note->bytes);
    g_assert_cmpmem(note->bytes->frames, note->bytes->frame_count * sizeof *frames, frames, count * sizeof *frames);
}

/* A message in one packet stands at its place in the payload; one that began before has its frames and bytes. */
static void
places(void)
{
    static const uint32_t      frames[] = { 2, 4, 3 };
    const struct message_note *note;
    struct player              player;
    uint8_t                    two[sizeof donthave + sizeof donthave];

    set_up(&player);
    memcpy(two, donthave, sizeof donthave);
    memcpy(two + sizeof donthave, donthave, sizeof donthave);
    put(&player, A, 2, 1, a_request, sizeof a_request);         /* frame 1 */
    put(&player, B, 50, 2, two, 13);                            /* frame 2: one and a part */
    put(&player, B, 52, 2, two + 16, 4);                        /* frame 3: too early */
    put(&player, B, 51, 2, two + 13, 3);                        /* frame 4 */

    note = note_of(&player, 1);
    g_assert_nonnull(note);
    g_assert_cmpint(note->from, ==, A);
    g_assert_cmpuint(note->place, ==, utp_place(2));
    g_assert_cmpuint(note->size, ==, sizeof a_request);
    g_assert_null(note->bytes);
    note = note_of(&player, 2);
    g_assert_nonnull(note);
    g_assert_cmpint(note->from, ==, B);
    g_assert_cmpuint(note->place, ==, utp_place(50));
    g_assert_null(note->bytes);
    g_assert_null(note_of(&player, 3));

    g_assert_nonnull(detail_of(&player, 4, DONTHAVE_MESSAGE, &note));
    g_assert_cmpint(note->from, ==, B);
    g_assert_cmpuint(note->place, ==, utp_place(52) - 6);
    g_assert_cmpuint(note->size, ==, sizeof donthave);
    assert_frames(note, frames, G_N_ELEMENTS(frames));
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, donthave, sizeof donthave);
    wmem_destroy_allocator(player.scope);
}

/* A message after another in the packet that came early, and one that is there as a whole: both are read when the
 * packet before has come, so their bytes are kept, with the frame that holds them. */
static void
places_of_waiting(void)
{
    static const uint32_t      frames[] = { 2 };
    const struct message_note *note;
    struct player              player;

    set_up(&player);
    put(&player, B, 50, 2, donthave, sizeof donthave);
    put(&player, B, 52, 2, have_and_donthave, sizeof have_and_donthave);
    put(&player, B, 51, 2, "\0\0\0", 4);
    g_assert_null(note_of(&player, 2));
    g_assert_nonnull(detail_of(&player, 3, DONTHAVE_MESSAGE, &note));
    g_assert_cmpuint(note->place, ==, utp_place(52) + 9);
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, donthave, sizeof donthave);
    assert_frames(note, frames, G_N_ELEMENTS(frames));
    wmem_destroy_allocator(player.scope);
}

/* Each message has the frames of its own bytes, in their order: for each byte the packet that brought it, not the one
 * that closed the hole before it, and nothing of the message before. The numbers wrap between the packets. */
static void
parts(void)
{
    static const unsigned      order[] = { 0, 2, 3, 1, 4 };     /* packets of four bytes, as they come: frames 2 to 6 */
    static const uint32_t      first[] = { 2, 5, 3 }, second[] = { 3, 4, 6 };
    const struct message_note *note;
    struct player              player;
    uint8_t                    two[sizeof donthave + sizeof donthave];

    set_up(&player);
    memcpy(two, donthave, sizeof donthave);
    memcpy(two + sizeof donthave, donthave, sizeof donthave);
    put(&player, B, 65533, 1, have_and_donthave, 9);
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        put(&player, B, (uint16_t)(65534 + order[i]), 1, two + 4 * order[i], 4);

    g_assert_nonnull(detail_of(&player, 5, DONTHAVE_MESSAGE, &note));
    g_assert_cmpuint(note->place, ==, utp_place(0) - 8);
    assert_frames(note, first, G_N_ELEMENTS(first));
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, donthave, sizeof donthave);
    g_assert_nonnull(detail_of(&player, 6, DONTHAVE_MESSAGE, &note));
    g_assert_cmpuint(note->place, ==, utp_place(2) - 6);
    assert_frames(note, second, G_N_ELEMENTS(second));
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, donthave, sizeof donthave);
    g_assert_null(note_of(&player, 3));
    g_assert_null(note_of(&player, 4));
    wmem_destroy_allocator(player.scope);
}

/* The capture ends before a packet has come: what waits for it is shown in the frames that hold it, on both sides. */
static void
flush(void)
{
    static const uint32_t      frames[] = { 4, 3 };
    const struct message_note *note;
    struct player              player;
    uint8_t                    two[sizeof have_and_donthave + sizeof donthave];

    set_up(&player);
    memcpy(two, have_and_donthave, sizeof have_and_donthave);
    memcpy(two + sizeof have_and_donthave, donthave, sizeof donthave);
    put(&player, A, 2, 1, donthave, sizeof donthave);           /* frame 1; 3 never comes */
    put(&player, B, 50, 1, have_and_donthave, 9);               /* frame 2; 51 never comes */
    put(&player, B, 53, 1, two + 23, 6);                        /* frame 3 */
    put(&player, B, 52, 1, two, 23);                            /* frame 4: one, and a part */
    put(&player, A, 4, 50, donthave, sizeof donthave);          /* frame 5 */
    put(&player, A, 2, 50, NULL, 0);                            /* frame 6: nothing */
    g_assert_nonnull(note_of(&player, 1));
    for (uint32_t frame = 2; frame <= player.frame; frame++)
        g_assert_null(note_of(&player, frame));

    utp_flow_flush(player.flow);
    g_assert_nonnull(detail_of(&player, 4, DONTHAVE_MESSAGE, &note));
    g_assert_cmpuint(note->place, ==, utp_place(52) + 9);
    g_assert_null(note->bytes);
    g_assert_nonnull(detail_of(&player, 3, DONTHAVE_MESSAGE, &note));
    g_assert_cmpuint(note->place, ==, utp_place(53) - 4);
    assert_frames(note, frames, G_N_ELEMENTS(frames));
    g_assert_cmpmem(note->bytes->data, note->bytes->captured, donthave, sizeof donthave);
    g_assert_nonnull(detail_of(&player, 5, DONTHAVE_MESSAGE, &note));
    g_assert_cmpint(note->from, ==, A);
    g_assert_cmpuint(note->place, ==, utp_place(4));
    g_assert_null(note->bytes);
    g_assert_null(note_of(&player, 6));
    /* There is nothing more. */
    utp_flow_flush(player.flow);
    wmem_destroy_allocator(player.scope);
}

static const struct finding *
finding_of(const struct player *player, uint32_t frame, const struct finding_kind *kind)
{
    struct message_note *const *end, *const *note;

    note = notes_of_frame(&player->connection->feed.connection->notes, frame, true, &end);
    for (; note != end; note++) {
        for (const struct finding *finding = (*note)->findings; finding != NULL; finding = finding->next) {
            if (finding->kind == kind)
                return finding;
        }
    }
    return NULL;
}

/* How many packets are missing is told once for each direction, at the packet after them. */
static void
lacking(void)
{
    const struct finding *finding;
    struct player         player;

    set_up(&player);
    put(&player, B, 50, 1, donthave, sizeof donthave);
    put(&player, A, 2, 51, NULL, 0);
    put(&player, B, 52, 1, donthave, sizeof donthave);          /* frame 3 */
    put(&player, A, 2, 54, NULL, 0);
    put(&player, B, 55, 1, donthave, sizeof donthave);          /* frame 5 */
    put(&player, A, 2, 55, donthave, sizeof donthave);
    put(&player, B, 56, 4, NULL, 0);
    put(&player, A, 5, 55, donthave, sizeof donthave);          /* frame 8 */
    finding = finding_of(&player, 3, &peer_findings.gap);
    g_assert_nonnull(finding);
    g_assert_cmpstr(finding->text, ==, "1 uTP packet of this peer is missing before this one");
    g_assert_null(finding_of(&player, 5, &peer_findings.gap));
    finding = finding_of(&player, 8, &peer_findings.gap);
    g_assert_nonnull(finding);
    g_assert_cmpstr(finding->text, ==, "2 uTP packets of this peer are missing before this one");
    wmem_destroy_allocator(player.scope);
}

/* A connection that made room keeps what it has to show, and takes nothing more; its ids may begin another one. */
static void
room_with_notes(void)
{
    struct player          player;
    struct utp_connection *first;

    set_up(&player);
    put(&player, B, 50, 1, donthave, sizeof donthave);
    put(&player, A, 2, 50, a_request, sizeof a_request);
    first = player.connection;
    g_assert_true(send_packet(player.flow, B, UTP_RESET, 100, ++player.frame) == first);
    for (uint32_t i = 0; i < UTP_CONNECTIONS_MAX; i++)
        g_assert_nonnull(send_packet(player.flow, A, UTP_DATA, (uint16_t)(1000 + 3 * i), ++player.frame));
    g_assert_false(first->followed);
    assert_list(player.flow);

    put(&player, A, 3, 50, a_request, sizeof a_request);
    g_assert_null(player.connection);
    player.connection = first;
    g_assert_true(find_packet(player.flow, B, UTP_DATA, 100, 1) == first);
    g_assert_nonnull(detail_of(&player, 1, DONTHAVE_MESSAGE, NULL));
    g_assert_nonnull(late_request_of(&player, 2));
    g_assert_null(note_of(&player, player.frame));
    utp_flow_flush(player.flow);

    g_assert_nonnull(send_packet(player.flow, A, UTP_RESET, 1000, ++player.frame));
    player.connection = send_packet(player.flow, A, UTP_SYN, 100, ++player.frame);
    g_assert_nonnull(player.connection);
    g_assert_true(player.connection != first);
    g_assert_true(find_packet(player.flow, B, UTP_DATA, 100, 1) == first);
    g_assert_true(find_packet(player.flow, B, UTP_DATA, 100, player.frame) == player.connection);
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
        g_assert_nonnull(late_request_of(&player, 4));
        g_assert_cmpint(late_request_of(&player, 4)->crossed, ==, cases[i].expected);
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
    put(&player, A, 3, 50, "\0\0\0", 4);                                /* frame 4, sent again after it */
    g_assert_nonnull(note_of(&player, 4));
    g_assert_nonnull(late_request_of(&player, 4));
    g_assert_true(late_request_of(&player, 4)->crossed);
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
    put(&player, B, 50, 3, donthave, sizeof donthave);          /* 3 ms: acknowledges the first, 2 ms after it */
    g_assert_cmpint(player.connection->feed.connection->round_trip, ==, 0);
    put(&player, A, 4, 49, a_request, sizeof a_request);
    put(&player, A, 5, 49, a_request, sizeof a_request);
    put(&player, A, 6, 50, NULL, 0);                            /* 6 ms: 3 ms after that */
    g_assert_cmpint(player.connection->feed.connection->round_trip, ==, 5000000);
    put(&player, A, 7, 50, NULL, 0);                            /* again: only the first answer tells */
    g_assert_cmpint(player.connection->feed.connection->round_trip, ==, 5000000);
    wmem_destroy_allocator(player.scope);
}

/* The bytes are no more than the message has, and there is a frame that holds them. */
static void
check_bytes(const struct message_note *note)
{
    if (note->bytes == NULL)
        return;
    g_assert_cmpuint(note->bytes->captured, <=, note->size);
    g_assert_cmpuint(note->bytes->frame_count, >, 0);
    for (uint32_t i = 0; i < note->bytes->frame_count; i++) {
        g_assert_cmpuint(note->bytes->frames[i], >, 0);
        g_assert_cmpuint(note->bytes->frames[i], <, 400);
    }
}

/* Any packets: no limit is passed, and what is shown has its bytes. */
static void
any_packets(void)
{
    for (int run = 0; run < 150; run++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        struct utp_flow  *flow = claimed_flow(scope, &setup);
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
                .payload = copy, .captured = captured, .reported = size, .frame = frame,
                .time = frame * INT64_C(1000000)
            };
            struct utp_connection *connection = utp_flow_get(flow, from, &packet.header, frame, packet.time);
            if (connection != NULL) {
                utp_connection_packet(connection, from, &packet, frame);
                g_assert_true(utp_flow_find(flow, from, &packet.header, frame) == connection);
                struct message_note *const *end, *const *note;
                note = notes_of_frame(&connection->feed.connection->notes, frame, false, &end);
                for (; note != end; note++) {
                    g_assert_cmpint((*note)->from, ==, from);
                    check_bytes(*note);
                    /* What has no bytes of its own lies in the packet. */
                    uint32_t offset = (*note)->place - utp_place(packet.header.seq_nr);
                    g_assert_true((*note)->bytes != NULL || (*note)->findings != NULL
                                  || (offset <= size && (*note)->size <= size - offset));
                }
            }
            g_free(copy);
        }
        assert_list(flow);
        utp_flow_flush(flow);
        for (struct utp_connection *connection = flow->oldest; connection != NULL; connection = connection->newer) {
            for (uint32_t frame = 1; frame < 400; frame++) {
                struct message_note *const *end, *const *note;
                note = notes_of_frame(&connection->feed.connection->notes, frame, true, &end);
                for (; note != end; note++) {
                    g_assert_cmpuint((*note)->frame, ==, frame);
                    check_bytes(*note);
                }
            }
            for (int side = A; side <= B; side++)
                g_assert_cmpuint(utp_stream_waiting(&connection->directions[side].packets), ==, 0);
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
    g_test_add_func("/utp_flow/syn_after_a_pause", syn_after_a_pause);
    g_test_add_func("/utp_flow/many_ids", many_ids);
    g_test_add_func("/utp_flow/never_answered", never_answered);
    g_test_add_func("/utp_flow/alive_stay", alive_stay);
    g_test_add_func("/utp_flow/ended", ended);
    g_test_add_func("/utp_flow/tell_full", tell_full);
    g_test_add_func("/utp_flow/flush", flush);
    g_test_add_func("/utp_flow/room_with_notes", room_with_notes);
    g_test_add_func("/utp_connection/places", places);
    g_test_add_func("/utp_connection/places_of_waiting", places_of_waiting);
    g_test_add_func("/utp_connection/parts", parts);
    g_test_add_func("/utp_connection/lacking", lacking);
    g_test_add_func("/utp_connection/crossed", crossed);
    g_test_add_func("/utp_connection/crossed_out_of_order", crossed_out_of_order);
    g_test_add_func("/utp_connection/round_trip", round_trip);
    g_test_add_func("/utp_connection/any_packets", any_packets);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
