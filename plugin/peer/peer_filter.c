/* peer_filter.c
 * The conversation filter "BitTorrent connection", see peer_filter.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/peer_filter.h"

#include <epan/packet.h>
#include <epan/conversation_filter.h> /* 4.0: after packet.h, whose struct it names */
#include <epan/to_str.h>

static WS_CONVERSATION_BOOL
is_valid(packet_info *pinfo WS_CONVERSATION_DATA)
{
    /* Of a packet that ICMP quotes, pinfo has the ports, but not the addresses. */
    if (proto_is_frame_protocol(pinfo->layers, "icmp") || proto_is_frame_protocol(pinfo->layers, "icmpv6"))
        return false;
    return (pinfo->ptype == PT_TCP && proto_is_frame_protocol(pinfo->layers, "bittorrent"))
           || (pinfo->ptype == PT_UDP && proto_is_frame_protocol(pinfo->layers, "bt-utp"));
}

/* Both ends, as tcp.stream and udp.stream number the streams of one capture only. */
static char *
build_filter(packet_info *pinfo WS_CONVERSATION_DATA)
{
    const char *network = pinfo->src.type == AT_IPv6 ? "ipv6" : "ip";
    const char *transport = pinfo->ptype == PT_TCP ? "tcp" : "udp";
    const char *source = address_to_str(pinfo->pool, &pinfo->src);
    const char *destination = address_to_str(pinfo->pool, &pinfo->dst);

    return g_strdup_printf("(%s.src == %s && %s.srcport == %u && %s.dst == %s && %s.dstport == %u) || "
                           "(%s.src == %s && %s.srcport == %u && %s.dst == %s && %s.dstport == %u)",
                           network, source, transport, pinfo->srcport, network, destination, transport,
                           pinfo->destport, network, destination, transport, pinfo->destport, network, source,
                           transport, pinfo->srcport);
}

void
peer_filter_register(void)
{
    WS_REGISTER_CONVERSATION_FILTER("bittorrent", "BitTorrent connection", is_valid, build_filter);
}
