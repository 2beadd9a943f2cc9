/* tap_donthave.h
 * The tap "bt.donthave" and the statistics made from it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TAP_DONTHAVE_H
#define TAP_DONTHAVE_H

/* Its data is the const struct message_note of each message that bt.donthave shows something on. */
#define BT_DONTHAVE_TAP "bt.donthave"

/* Registers the statistics tree: -z bt.donthave,tree. */
void register_tap_listener_donthave(void);

#endif
