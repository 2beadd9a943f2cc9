/* peer_ports.h
 * Takes over the ports that lead to a built-in dissector: port tables come before heuristics.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_PORTS_H
#define PEER_PORTS_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

/* Gives every port of the table that now leads to the wrapped dissector to ours (enabled), or gives them back. A port
 * that Wireshark itself leads there is taken over without the mark of a port that the user changed, so that Decode As
 * lists what it lists without us. For an init routine: ports change between captures. */
void peer_ports_adopt(const char *table, dissector_handle_t wrapped, dissector_handle_t ours, bool enabled);

#endif
