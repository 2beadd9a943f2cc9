/* info_marks.h
 * What the Info column says of a message that a DontHave concerns, in the manner of TCP's own marks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef INFO_MARKS_H
#define INFO_MARKS_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/donthave/donthave_note.h"

/* Appends the mark of a detail, as [Invalidated by 160], after what is said of its message. Of the details that have none,
 * nothing. */
void donthave_mark_info(packet_info *pinfo, const struct note_detail *detail);

#endif
