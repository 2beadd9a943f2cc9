/* peer_findings.h
 * What can be found about any connection of peers, whatever its extensions.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_FINDINGS_H
#define PEER_FINDINGS_H

#include "core/findings.h"

struct peer_findings {
    struct finding_kind gap; /* the stream of a peer lacks bytes: once for each direction */
};

extern const struct peer_findings peer_findings;

#endif
