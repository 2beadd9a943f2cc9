/* packet_facts.h
 * What a packet says of itself, whatever carries BitTorrent in it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_FACTS_H
#define PACKET_FACTS_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/big_endian.h"
#include "core/notes.h"

/* As cmp_address(), without a call where both are of IPv4. */
static inline int
order_of_addresses(const address *a, const address *b)
{
    if (a->type != AT_IPv4 || b->type != AT_IPv4)
        return cmp_address(a, b);

    uint32_t one = get_be32((const uint8_t *)a->data), other = get_be32((const uint8_t *)b->data);
    return one < other ? -1 : one > other;
}

/* Which end of the connection sent the packet. */
static inline enum peer_side
packet_sender(const packet_info *pinfo)
{
    int order = order_of_addresses(&pinfo->src, &pinfo->dst);

    if (order == 0)
        order = pinfo->srcport < pinfo->destport ? -1 : 1;
    return order < 0 ? PEER_A : PEER_B;
}

/* A time in ns; where it is absurd, the nearest one within 146 years of 0: 63 bits hold the difference of two. */
int64_t time_to_ns(const nstime_t *time);

/* The time of the packet, in ns since the epoch. */
int64_t packet_time(const packet_info *pinfo);

/* A number that changes with each packet, also where frame numbers repeat: with a read filter (tshark -R) a rejected
 * packet and the next one have the same. First pass only. */
uint32_t packet_number(const packet_info *pinfo);

/* Registers the init routine. */
void proto_reg_handoff_packet_facts(void);

#endif
