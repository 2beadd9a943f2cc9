/* info_marks.c
 * Marks in the Info column, see info_marks.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/info_marks.h"

#include <epan/column-utils.h>

#include "peer/packet-bt-peer.h"

static void
mark(packet_info *pinfo, const char *what, uint32_t frame)
{
    char text[48];
    int  length = g_snprintf(text, sizeof text, "[%s %u]", what, frame);

    if (!bt_peer_info_has_room(pinfo, (size_t)length + 1))
        return;
    bt_peer_separate_info(pinfo);
    col_append_str(pinfo->cinfo, COL_INFO, text);
    col_set_fence(pinfo->cinfo, COL_INFO); /* the built-in dissector clears what is after it */
}

void
donthave_mark_info(packet_info *pinfo, const struct note_detail *detail)
{
    const struct donthave_block       *block = (const struct donthave_block *)detail;
    const struct donthave_invalidated *invalidated = (const struct donthave_invalidated *)detail;

    switch ((enum donthave_kind)detail->kind->number) {
    case DONTHAVE_INVALIDATED:
        mark(pinfo, "Invalidated by", invalidated->by->frame);
        if (invalidated->rejected_in != 0)
            mark(pinfo, "Rejected in", invalidated->rejected_in);
        break;
    case DONTHAVE_LATE_REQUEST:
    case DONTHAVE_LATE_BLOCK:
        mark(pinfo, "Piece disowned in", block->donthave_in);
        break;
    case DONTHAVE_REJECT:
        mark(pinfo, "Rejects", block->answers->request_in);
        break;
    default:
        break;
    }
}
