/* fuzz_sctp_flow.c
 * Fuzzes the reader of SCTP and data channels. The input is the packets of two ends, without their headers:
 *
 *     <how: 1> <size: 2> <chunks: size>
 *
 * No fuzzer finds a checksum, so there is none. What is not SCTP by the other tests is left out, as in the plugin.
 * Whatever comes, parts to be shown must lie in their packets, and be of frames that were read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/big_endian.h"
#include "core/donthave/donthave.h"
#include "core/sctp_flow.h"

/* how; the rest is the number of the tag, 0: tag 0 */
enum {
    FROM_B = 1,
    SAME_FRAME = 2,     /* another record of the datagram before */
    TAG_SHIFT = 2
};

#define HEADER_SIZE     3
#define TAGS            8U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct peer_setup setup = { .observers = { &donthave_observer }, .observer_count = 1 };

static void
check_parts(struct sctp_flow *flow, uint32_t frame, uint32_t size)
{
    for (const struct channel_part *part = flow->parts.first; part != NULL; part = part->next) {
        g_assert_cmpuint(part->frame, <=, frame);
        g_assert_nonnull(part->connection);
        if (part->data == NULL && part->frame == frame && size > 0)
            g_assert_cmpuint((uint64_t)part->offset + part->size, <=, size);
        if (part->data != NULL)
            g_assert_cmpuint(part->frame_count, >, 0);
        for (uint32_t i = 0; i < part->frame_count; i++)
            g_assert_cmpuint(part->frames[i], <=, frame);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    struct sctp_flow *flow = sctp_flow_new(scope, &setup, 1);
    uint32_t          frame = 0, number = 0;

    for (size_t at = 0; at + HEADER_SIZE <= size;) {
        uint8_t  how = data[at];
        uint32_t length = (uint32_t)MIN(get_be16(data + at + 1), size - at - HEADER_SIZE);
        uint32_t packet_size = SCTP_HEADER_SIZE + length;
        uint8_t *packet = (uint8_t *)g_malloc0(packet_size);
        struct sctp_flow_packet given = { .data = packet, .size = packet_size, .from = how & FROM_B ? PEER_B : PEER_A };

        packet[0] = packet[2] = 0x13;       /* ports 5000 */
        packet[1] = packet[3] = 0x88;
        packet[7] = (uint8_t)((how >> TAG_SHIFT) % TAGS);
        memcpy(packet + SCTP_HEADER_SIZE, data + at + HEADER_SIZE, length);
        at += HEADER_SIZE + length;

        if (frame == 0 || !(how & SAME_FRAME)) {
            frame++;
            number = 0;
        }
        given.place.frame = frame;
        given.place.packet = number++;
        given.place.time = (int64_t)frame * NS_PER_S / 1000;
        given.number = frame;
        if (sctp_packet_check(packet, packet_size) != SCTP_IS_NOT) {
            sctp_flow_packet(flow, &given);
            check_parts(flow, frame, packet_size);
        }
        g_free(packet);
    }
    sctp_flow_flush(flow);
    check_parts(flow, frame, 0);
    wmem_destroy_allocator(scope);
    return 0;
}
