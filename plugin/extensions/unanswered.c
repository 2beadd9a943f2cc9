/* unanswered.c
 * Invalidated requests that were never answered, see unanswered.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/unanswered.h"

#include "core/donthave/donthave_findings.h"
#include "peer/packet_watch.h"

bool
donthave_is_unanswered(const struct peer_connection *connection, const struct donthave_note *donthave,
                       enum peer_side owner, uint32_t request_in, int64_t disowned)
{
    int64_t end = connection->closed_at != 0 ? connection->closed_at : packet_watch_capture_end();

    return !donthave->excused && peer_connection_heard_since(connection, owner, request_in)
           && peer_connection_answer_was_due(connection, disowned, end);
}

void
donthave_show_unanswered(const struct expert_rows *rows, proto_item *item, packet_info *pinfo, uint32_t count)
{
    char text[160];

    g_snprintf(text, sizeof text,
               "%u invalidated request%s never answered, neither by Reject nor by Piece; BEP 6: "
               "exactly one response to each",
               count, count == 1 ? " was" : "s were");
    expert_rows_add(rows, &donthave_findings.unrejected, pinfo, item, text);
}
