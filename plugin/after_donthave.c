/* after_donthave.c
 * What comes behind a DontHave, see after_donthave.h.
 *
 * The dissectors of BitTorrent see packets with a payload only. A post-dissector sees all; one that wants no fields
 * builds no trees. It is registered when the first DontHave is found, so that other captures do not pay for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "packet-bt-peer.h"

#include "after_donthave.h"

static after_donthave_packet_t take_tcp_packet;
static bool     registered;     /* for the rest of the process: Wireshark takes no post-dissector back */
static bool     begun;          /* this capture had a DontHave */
static unsigned watching;       /* connections that want to see their next packets */
static int64_t  capture_end;

static int
watch_packet(tvbuff_t *tvb _U_, packet_info *pinfo, proto_tree *tree _U_, void *data _U_)
{
    if (!begun || PINFO_FD_VISITED(pinfo))
        return 0;
    capture_end = MAX(capture_end, bt_peer_time(pinfo));
    if (watching > 0 && pinfo->ptype == PT_TCP && !pinfo->flags.in_error_pkt)
        take_tcp_packet(pinfo);
    return 0;
}

void
after_donthave_begin(void)
{
    begun = true;
    if (!registered) {
        registered = true;
        register_postdissector(create_dissector_handle(watch_packet, proto_bt_peer));
    }
}

void
after_donthave_watch(void)
{
    after_donthave_begin();
    watching++;
}

void
after_donthave_enough(void)
{
    watching--;
}

int64_t
after_donthave_capture_end(void)
{
    return capture_end;
}

static void
begin_capture(void)
{
    begun = false;
    watching = 0;
    capture_end = 0;
}

void
proto_reg_handoff_after_donthave(after_donthave_packet_t tcp_packet)
{
    take_tcp_packet = tcp_packet;
    register_init_routine(begin_capture);
}
