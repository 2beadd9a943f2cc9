/* tap_mse.h
 * The statistics of encrypted connections: tshark -z bt.mse,unreadable.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TAP_MSE_H
#define TAP_MSE_H

/* Prints, at the end of the capture, how many connections could not be read: a line "unreadable", the carrier (tcp or utp)
 * and the number, separated by tabs. */
void register_tap_listener_mse(void);

#endif
