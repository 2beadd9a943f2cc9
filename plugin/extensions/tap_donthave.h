/* tap_donthave.h
 * The tap "bt.donthave" and the statistics made from it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TAP_DONTHAVE_H
#define TAP_DONTHAVE_H

#include <stdbool.h>
#include <stdint.h>

#define BT_DONTHAVE_TAP "bt.donthave"

/* What happened in a message. */
enum donthave_tap_event {
    DONTHAVE_TAP_DONTHAVE,          /* a DontHave of four bytes */
    DONTHAVE_TAP_DONTHAVE_BAD,      /* one of another length: it has no effect */
    DONTHAVE_TAP_INVALIDATED,       /* a Request that a DontHave invalidated; from the second pass on */
    DONTHAVE_TAP_LATE_REQUEST,
    DONTHAVE_TAP_CROSSED_REQUEST,   /* late, but on its way already */
    DONTHAVE_TAP_LATE_BLOCK,
    DONTHAVE_TAP_REJECTED,          /* a Reject that answers an invalidated request */
    DONTHAVE_TAP_REANNOUNCED        /* one for each piece */
};

/* One of them. Other members than event and piece are 0 where they do not apply. */
struct donthave_tap_item {
    struct donthave_tap_item *next;
    enum donthave_tap_event   event;
    uint32_t                  piece;
    uint32_t                  begin;        /* of the block, bytes */
    uint32_t                  length;       /* of the block, bytes */
    uint32_t                  requests;     /* DONTHAVE: that it invalidated */
    uint64_t                  bytes;        /* DONTHAVE: sum of their lengths */
    bool                      fast;         /* DONTHAVE: the Fast extension is in force */
    uint32_t                  frame;        /* of the DontHave, or of the Request of a Reject; 0: none */
};

/* The tap's data: all items of one frame, in their order. Wireshark queues 5,000 entries for a frame at most, so a frame
 * has one. Addresses and ports are those of the packet, whose sender sent the messages. */
struct donthave_tap_frame {
    struct donthave_tap_item  *first;
    struct donthave_tap_item **end;         /* where the next one goes */
};

/* Registers the statistics tree: -z bt.donthave,tree. */
void register_tap_listener_donthave(void);

#endif
