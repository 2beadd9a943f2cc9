/* donthave.h
 * What BEP 54 makes of a connection: which messages are DontHaves, which requests each of them invalidated, which pieces
 * their owner has disowned, and what was said of both afterwards.
 *
 *     X ---- Request (index, begin, length) ---> Y
 *     X <--- DontHave (index) ------------------ Y        every outstanding request for the piece is invalidated:
 *                                                         dropped without Fast, to be rejected by name with Fast
 *     X <--- Reject (Fast) --------------------- Y        answers an invalidated request
 *     X ---- Request (index, ...) -------------> Y        late: for a disowned piece
 *     X <--- Piece (index, ...) ---------------- Y        late
 *     X <--- Have (index) ---------------------- Y        announced again
 *
 * An observer of the connection: BEP 3, 6 and 10 are elsewhere (transfers.c, extension_ids.c).
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DONTHAVE_H
#define DONTHAVE_H

#include "core/peer_observer.h"

extern const struct peer_observer donthave_observer;

#endif
