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

/* How many findings of the rows a note has. */
unsigned expert_rows_count(const struct expert_rows *rows, const struct message_note *note);

/* Hangs the findings of the rows that are about a detail on its item; about NULL: those about the message, each as an item
 * of its own in tree. Those that only later packets tell come on later passes. */
void expert_rows_show(const struct expert_rows *rows, const struct message_note *note, const struct note_detail *about,
                      proto_item *item, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree);

/* One finding of a kind of the rows, on an item. */
void expert_rows_add(const struct expert_rows *rows, const struct finding_kind *kind, packet_info *pinfo,
                     proto_item *item, const char *text);

#endif
