/* info_places.h
 * The Info column of a packet whose messages the built-in dissector showed all at once: our texts are put in their places
 * among its own. A text of ours that is about a message of the packet stands in the place of its "Extended", or after what
 * the built-in dissector wrote for it. Where that dissector saw other messages than we do, ours stand at the end.
 *
 *     info_places_begin()     takes aside what the built-in dissector wrote
 *     info_places_took()      after each message: what was appended to the column since is about that message
 *     info_places_end()       writes the column
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef INFO_PLACES_H
#define INFO_PLACES_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

struct info_text;

/* Lives as long as the packet. */
struct info_places {
    const char *builtin; /* what was in the column: all fenced, as the built-in dissector does for each message */
    size_t      builtin_size;
    size_t      length;      /* of the column, when the last text was taken */
    struct info_text *first; /* ours, in their order */
    struct info_text *last;
};

/* False where there is nothing to put in order: then neither of the others may be called. */
bool info_places_begin(struct info_places *places, packet_info *pinfo);

/* The message begins and ends there in the packet's payload, where its end is in it. replaces: the text is instead of the
 * built-in dissector's. */
void info_places_took(struct info_places *places, int64_t begins, int64_t ends, bool replaces, packet_info *pinfo);

/* payload: messages, or the rest of one and messages. */
void info_places_end(struct info_places *places, tvbuff_t *payload, packet_info *pinfo);

#endif
