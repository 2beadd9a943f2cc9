/* packet_watch.c
 * What reaches no dissector of BitTorrent, see packet_watch.h.
 *
 * The dissectors of BitTorrent see packets with a payload only. A post-dissector sees all; one that wants no fields
 * builds no trees. There is none until something is to be watched, as Wireshark's call of it would be a fifth of what captures
 * without BitTorrent pay. It is of no protocol, so that Wireshark asks for every packet neither whether that is enabled nor for its
 * layer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/packet_watch.h"

#include <string.h>

#include "peer/packet_facts.h"

/* From here on they are worth emptying. */
#define MARKED_MAX 256U

static packet_watch_t     take_tcp_packet;
static dissector_handle_t watch_handle;     /* NULL: no capture had something to watch yet */
static bool               begun;            /* this capture has something to watch */
static unsigned           watching;         /* connections that want to see their next packets */
static uint8_t            ports[65536 / 8]; /* bit (source port xor destination port): one of them may have it */
static unsigned           marked; /* bits that were set in ports since it was empty, the same ones again, too */
static nstime_t           capture_end;

static unsigned
port_pair(const packet_info *pinfo)
{
    return (pinfo->srcport ^ pinfo->destport) & 0xffff;
}

static inline bool
is_later(const nstime_t *a, const nstime_t *b)
{
    return a->secs > b->secs || (a->secs == b->secs && a->nsecs > b->nsecs);
}

static int
watch_packet(tvbuff_t *tvb _U_, packet_info *pinfo, proto_tree *tree _U_, void *data _U_)
{
    if (!begun || PINFO_FD_VISITED(pinfo))
        return 0;
    if (is_later(&pinfo->abs_ts, &capture_end))
        capture_end = pinfo->abs_ts;
    if (watching > 0 && pinfo->ptype == PT_TCP && take_tcp_packet != NULL
        && (ports[port_pair(pinfo) / 8] & 1 << port_pair(pinfo) % 8) != 0)
        take_tcp_packet(pinfo);
    return 0;
}

void
packet_watch_begin(void)
{
    begun = true;
    if (watch_handle == NULL) {
        watch_handle = create_dissector_handle(watch_packet, -1);
        register_postdissector(watch_handle);
    }
}

void
packet_watch_add(const packet_info *pinfo)
{
    packet_watch_begin();
    /* What is left of connections that see no more costs a look-up where another has that bit, no more. */
    if (watching++ == 0 && marked >= MARKED_MAX) {
        memset(ports, 0, sizeof ports);
        marked = 0;
    }
    marked++;
    ports[port_pair(pinfo) / 8] |= (uint8_t)(1 << port_pair(pinfo) % 8);
}

void
packet_watch_remove(void)
{
    watching--;
}

int64_t
packet_watch_capture_end(void)
{
    return time_to_ns(&capture_end);
}

void
packet_watch_set_tcp(packet_watch_t tcp)
{
    take_tcp_packet = tcp;
}

static void
begin_capture(void)
{
    begun = false;
    watching = 0;
    marked = MARKED_MAX;
    nstime_set_zero(&capture_end);
}

void
proto_reg_handoff_packet_watch(void)
{
    register_init_routine(begin_capture);
}
