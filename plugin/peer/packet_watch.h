/* packet_watch.h
 * What reaches no dissector of BitTorrent: packets without payload (a FIN, a RST), and the end of the capture.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_WATCH_H
#define PACKET_WATCH_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

/* Takes one packet. First pass only. */
typedef void (*packet_watch_t)(packet_info *pinfo);

/* The capture has something whose end is worth knowing, from now on. First pass only. */
void packet_watch_begin(void);

/* A TCP connection wants to see its next packets, also those without payload; and has seen enough. pinfo: any packet of
 * it. First pass only. */
void packet_watch_add(const packet_info *pinfo);
void packet_watch_remove(void);

/* The time of the latest packet since packet_watch_begin(), ns since the epoch. Final after the first pass. */
int64_t packet_watch_capture_end(void);

/* tcp: called for packets on the ports of watched TCP connections. */
void packet_watch_set_tcp(packet_watch_t tcp);

void proto_reg_handoff_packet_watch(void);

#endif
