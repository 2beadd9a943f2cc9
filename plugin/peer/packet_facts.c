/* packet_facts.c
 * What a packet says of itself, see packet_facts.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/packet_facts.h"

#include "core/big_endian.h"

static int64_t  last_offset = -1; /* of the last packet in the file: no two packets share one */
static uint32_t last_number;

/* As cmp_address(), without a call where both are of IPv4. */
static inline int
order_of_addresses(const address *a, const address *b)
{
    if (a->type != AT_IPv4 || b->type != AT_IPv4)
        return cmp_address(a, b);

    uint32_t one = get_be32((const uint8_t *)a->data), other = get_be32((const uint8_t *)b->data);
    return one < other ? -1 : one > other;
}

enum peer_side
packet_sender(const packet_info *pinfo)
{
    int order = order_of_addresses(&pinfo->src, &pinfo->dst);

    if (order == 0)
        order = pinfo->srcport < pinfo->destport ? -1 : 1;
    return order < 0 ? PEER_A : PEER_B;
}

int64_t
time_to_ns(const nstime_t *time)
{
    /* So that the difference of two fits as well. */
    const int64_t seconds_max = INT64_MAX / 2 / NS_PER_S - 1;
    int64_t       seconds = (int64_t)time->secs;

    return CLAMP(seconds, -seconds_max, seconds_max) * NS_PER_S + CLAMP(time->nsecs, 0, (int)NS_PER_S - 1);
}

int64_t
packet_time(const packet_info *pinfo)
{
    return time_to_ns(&pinfo->abs_ts);
}

uint32_t
packet_number(const packet_info *pinfo)
{
    if (pinfo->fd->file_off != last_offset) {
        last_offset = pinfo->fd->file_off;
        last_number++;
    }
    return last_number;
}

static void
begin_capture(void)
{
    last_offset = -1;
}

void
proto_reg_handoff_packet_facts(void)
{
    register_init_routine(begin_capture);
}
