/* unanswered.h
 * Invalidated requests that were never answered (BEP 6: exactly one response to each). Known from the second pass on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UNANSWERED_H
#define UNANSWERED_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/donthave/donthave_note.h"
#include "core/peer_connection.h"
#include "peer/expert_rows.h"

/* Whether requests of a DontHave that have no answer lack it although the capture runs long enough to show one. request_in:
 * frame of the first of them; disowned: time of the DontHave, ns. */
bool donthave_is_unanswered(const struct peer_connection *connection, const struct donthave_note *donthave,
                            enum peer_side owner, uint32_t request_in, int64_t disowned);

/* Flags so many of them, on the item of their DontHave or on that of the request. */
void donthave_show_unanswered(const struct expert_rows *rows, proto_item *item, packet_info *pinfo, uint32_t count);

#endif
