/* expert_rows.h
 * Findings as Wireshark's expert items.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef EXPERT_ROWS_H
#define EXPERT_ROWS_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/notes.h"

/* The expert items of one protocol. */
struct expert_rows;

/* Registers count kinds as expert items of the protocol; they must outlive it. The result is never freed. */
struct expert_rows *expert_rows_register(int proto, const struct finding_kind *kinds, unsigned count);

/* Hangs the findings of the rows that are about a detail on its item. from: where to begin among the findings of its note,
 * whose order is that of the details; returns where to go on for the next detail. show: else they are only stepped over.
 * Those that only later packets tell come on later passes. */
const struct finding *expert_rows_show_about(const struct expert_rows *rows, const struct finding *from,
                                             const struct note_detail *about, proto_item *item, packet_info *pinfo,
                                             bool show);

/* Shows the findings of the rows that are about the message, each as an item of its own in tree. */
void expert_rows_show_message(const struct expert_rows *rows, const struct message_note *note, tvbuff_t *tvb,
                              packet_info *pinfo, proto_tree *tree);

/* One finding of a kind of the rows, on an item. */
void expert_rows_add(const struct expert_rows *rows, const struct finding_kind *kind, packet_info *pinfo,
                     proto_item *item, const char *text);

#endif
