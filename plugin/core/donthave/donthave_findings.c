/* donthave_findings.c
 * The kinds of findings around BEP 54, see donthave_findings.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave_findings.h"

#include <stddef.h>

#define USUAL(member, usual)                                                                                         \
    (offsetof(struct donthave_findings, member) == offsetof(struct donthave_findings, usual)                         \
         ? NULL                                                                                                      \
         : &donthave_findings.usual)

const struct donthave_findings donthave_findings = {
#define X(member, filter_name, how_severe, what_group, is_later, the_usual, text)                                    \
    .member = { .name = "bt.donthave.expert." filter_name,                                                           \
                .severity = FINDING_##how_severe,                                                                    \
                .group = FINDING_##what_group,                                                                       \
                .summary = text,                                                                                     \
                .later = is_later,                                                                                   \
                .usual = USUAL(member, the_usual) },
    DONTHAVE_FINDINGS(X)
#undef X
};
