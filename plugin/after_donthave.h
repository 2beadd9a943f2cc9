/* after_donthave.h
 * What comes behind a DontHave and reaches no dissector of BitTorrent: a FIN, a RST, the end of the capture.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef AFTER_DONTHAVE_H
#define AFTER_DONTHAVE_H

#include "ws_compat.h"

#include <epan/packet.h>

/* Takes one packet of a connection that had a DontHave. First pass only. */
typedef void (*after_donthave_packet_t)(packet_info *pinfo);

/* Registers the init routine. tcp_packet is called for each TCP packet once after_donthave_watch() was called. */
void proto_reg_handoff_after_donthave(after_donthave_packet_t tcp_packet);

/* Looks at every packet of this capture from now on. Captures without a DontHave pay nothing. First pass only. */
void after_donthave_watch(void);

/* The time of the latest packet behind the first DontHave, ns since the epoch. Final after the first pass. */
int64_t after_donthave_capture_end(void);

#endif
