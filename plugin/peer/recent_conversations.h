/* recent_conversations.h
 * The conversation of a packet, without a look-up where a packet shortly before had the same.
 *
 * TCP looks for the conversation twice for each segment, and tells nobody what it found. A look-up costs as much as all
 * that we do with a small message.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef RECENT_CONVERSATIONS_H
#define RECENT_CONVERSATIONS_H

#include "peer/ws_compat.h"

#include <epan/conversation.h>
#include <epan/packet.h>

/* What find_conversation_pinfo(pinfo, 0) returns. */
conversation_t *recent_conversation(packet_info *pinfo);

/* What find_or_create_conversation(pinfo) returns. */
conversation_t *recent_or_new_conversation(packet_info *pinfo);

/* Registers the init routine. */
void proto_reg_handoff_recent_conversations(void);

#endif
