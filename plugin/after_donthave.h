/* after_donthave.h
 * What comes behind a DontHave and reaches no dissector of BitTorrent: a FIN, a RST, the end of the capture.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef AFTER_DONTHAVE_H
#define AFTER_DONTHAVE_H

#include "ws_compat.h"

#include <epan/packet.h>

/* Takes one TCP packet. First pass only. */
typedef void (*after_donthave_packet_t)(packet_info *pinfo);

/* Registers the init routine, and what is called for each TCP packet while a connection is watched. */
void proto_reg_handoff_after_donthave(after_donthave_packet_t tcp_packet);

/* The capture has a DontHave: its end is worth knowing from now on. First pass only. */
void after_donthave_begin(void);

/* A TCP connection wants to see its next packets, for it had a DontHave; and has seen enough. First pass only. */
void after_donthave_watch(void);
void after_donthave_enough(void);

/* The time of the latest packet behind the first DontHave, ns since the epoch. Final after the first pass. */
int64_t after_donthave_capture_end(void);

#endif
