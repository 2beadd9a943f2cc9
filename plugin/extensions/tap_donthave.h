/* tap_donthave.h
 * The tap "bt.donthave": what happened in each frame, for statistics.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TAP_DONTHAVE_H
#define TAP_DONTHAVE_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/donthave/donthave_note.h"
#include "core/peer_connection.h"

#define BT_DONTHAVE_TAP "bt.donthave"

/* What happened in a message, and the struct of the item's detail. */
enum donthave_tap_event {
    DONTHAVE_TAP_DONTHAVE,     /* a DontHave: struct donthave_note */
    DONTHAVE_TAP_INVALIDATED,  /* a Request that a DontHave invalidated; from the second pass on: struct
                                       donthave_invalidated. On each pass they hang on their DontHave as well */
    DONTHAVE_TAP_LATE_REQUEST, /* struct donthave_block */
    DONTHAVE_TAP_LATE_BLOCK,   /* struct donthave_block */
    DONTHAVE_TAP_REJECTED,     /* a Reject that answers an invalidated request: struct donthave_block */
    DONTHAVE_TAP_WAIT_OVER,    /* a Piece or Request that ends the wait for a Reject: struct donthave_block */
    DONTHAVE_TAP_REANNOUNCED,  /* one for each piece: struct donthave_reannounced */
    DONTHAVE_TAP_FINDINGS      /* the message has findings: no detail */
};
#define DONTHAVE_TAP_EVENT_COUNT (DONTHAVE_TAP_FINDINGS + 1)

/* Who said it to whom, on which connection. */
struct donthave_tap_ends {
    const struct peer_connection *connection;
    enum peer_side                from;
    const char                   *sender; /* "10.0.0.1:6881", "[2001:db8::1]:6881" */
    const char                   *receiver;
};

struct donthave_tap_item {
    struct donthave_tap_item       *next;
    enum donthave_tap_event         event;
    const struct donthave_tap_ends *ends;
    /* Both live as long as the capture, and what only later packets make known joins them until the end of pass 1: who
     * needs it reads them then. */
    const struct note_detail    *detail;      /* see donthave_note.h */
    const struct finding *const *findings;    /* of the message, see notes.h */
    uint8_t                      extended_id; /* of the message (BEP 10); 0: it has none */
};

/* The tap's data: all items of one frame, in their order. Wireshark queues 5,000 entries for a frame at most, so a frame
 * has one. Items and ends live as long as the packet. */
struct donthave_tap_frame {
    struct donthave_tap_item *first;
    struct donthave_tap_item *last;
    bool first_pass; /* what is final after pass 1 is not. A listener cannot ask PINFO_FD_VISITED */
};

/* Registers the tap, of that protocol. */
void donthave_tap_register(int proto);

/* Tells the tap of a detail of a message, or that its note has findings (detail NULL). Those that the tap has no event for
 * are passed over. */
void donthave_tap_tell(packet_info *pinfo, const struct peer_connection *connection, const struct message_note *note,
                       const struct note_detail *detail);

#endif
