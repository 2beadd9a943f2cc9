/* fuzz_utp_flow.c
 * Fuzzes uTP connections, from packets to notes. The input is packets:
 *
 *     <what: 1> <id: 1> <seq_nr: 1> <ack_nr: 1> <size: 1> <payload: size>
 *
 * Ids and numbers are small, so that packets of one connection are likely; the first byte of the input moves all numbers,
 * so that they wrap.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave.h"
#include "core/utp_flow.h"

#include "fuzz_notes.h"

enum {
    FROM_B = 1,         /* the sender */
    TYPE = 6,           /* twice the type but ST_SYN: that is an id beyond 128 with ST_DATA */
    CUT = 8,            /* no byte of the payload was captured */
    LATE = 16,          /* an hour after the packet before, not a millisecond */
    SAME_FRAME = 32,    /* two uTP packets in one frame */
    IN_ORDER = 64       /* the number after the sender's last one, and it acknowledges all that the other side sent */
};

static void
check_flow(const struct utp_flow *flow)
{
    uint32_t up = 0, down = 0;

    for (const struct utp_connection *one = flow->oldest; one != NULL; one = one->newer, up++)
        check(one->followed);
    for (const struct utp_connection *one = flow->newest; one != NULL; one = one->older)
        down++;
    check(up == flow->count && down == flow->count && flow->count <= UTP_CONNECTIONS_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum utp_type types[] = { UTP_DATA, UTP_STATE, UTP_FIN, UTP_RESET };
    const struct peer_setup    setup = { .observers = { &donthave_observer }, .observer_count = 1 };

    if (size == 0)
        return 0;
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    const struct utp_flow_setup flow_setup = { .scope = scope, .peers = &setup };
    struct utp_flow  *flow = utp_flow_new(&flow_setup);
    GPtrArray        *connections = g_ptr_array_new();
    uint16_t          base = (uint16_t)(data[0] << 8), next[2] = { base, base };
    uint32_t          frame = 0, number = 0;
    int64_t           time = 0;

    utp_flow_claim(flow, 1);
    for (size_t at = 1; at + 5 <= size;) {
        const uint8_t *fields = data + at;
        uint8_t        what = fields[0];
        enum peer_side from = what & FROM_B ? PEER_B : PEER_A;
        uint32_t       length = (uint32_t)MIN(fields[4], size - at - 5);
        enum utp_type  type = types[(what & TYPE) / 2];
        bool           in_order = (what & IN_ORDER) != 0;

        if (type == UTP_DATA && fields[1] >= 128)
            type = UTP_SYN;
        frame += what & SAME_FRAME && frame > 0 ? 0 : 1;
        number++;
        time += what & LATE ? 3600 * NS_PER_S : NS_PER_S / 1000;
        uint8_t *payload = (uint8_t *)g_memdup2(data + at + 5, length);
        struct utp_packet packet = {
            .header = { .type = type, .connection_id = fields[1] & 127, .timestamp = number, .size = UTP_HEADER_SIZE,
                        .seq_nr = in_order ? next[from] : (uint16_t)(base + fields[2]),
                        .ack_nr = in_order ? (uint16_t)(next[1 - from] - 1) : (uint16_t)(base + fields[3]) },
            .payload = payload, .captured = what & CUT ? 0 : length, .reported = length, .frame = frame, .time = time
        };
        struct utp_connection *connection = utp_flow_get(flow, from, &packet.header, frame, time);
        if (connection != NULL) {
            utp_connection_packet(connection, from, &packet, number);
            if (!g_ptr_array_find(connections, connection, NULL))
                g_ptr_array_add(connections, connection);
        } else if (flow->turned_away) {
            utp_flow_tell_full(flow, from, frame, number);
        }
        g_free(payload);
        check_flow(flow);
        next[from] = (uint16_t)(packet.header.seq_nr + 1);
        at += 5 + length;
    }
    for (unsigned later = 0; later < 2; later++) {
        for (guint i = 0; i < connections->len; i++) {
            struct utp_connection *connection = (struct utp_connection *)g_ptr_array_index(connections, i);
            check_notes(&connection->feed.connection->notes, frame, later > 0, true);
        }
        if (later == 0)
            utp_flow_flush(flow);
    }
    g_ptr_array_free(connections, TRUE);
    wmem_destroy_allocator(scope);
    return 0;
}
