/* donthave_findings.c
 * The kinds of findings around BEP 54, see donthave_findings.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave_findings.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "core/donthave/donthave_note.h"

#define USUAL(member, usual)                                                                                         \
    (offsetof(struct donthave_findings, member) == offsetof(struct donthave_findings, usual)                         \
         ? NULL                                                                                                      \
         : &donthave_findings.usual)

/* About the DontHave, and about each Request. */
static void
describe_invalidated(const struct note_detail *about, char *text, size_t size)
{
    if (about->kind->number == DONTHAVE_MESSAGE) {
        const struct donthave_note *donthave = (const struct donthave_note *)about;
        snprintf(text, size, "Piece %u: %u request%s (%" PRIu64 " bytes) %s", donthave->piece, donthave->requests,
                 donthave->requests == 1 ? "" : "s", donthave_bytes(donthave),
                 donthave->fast ? "invalidated; BEP 54: each is to be rejected" : "dropped silently (BEP 54)");
    } else {
        const struct donthave_invalidated *request = (const struct donthave_invalidated *)about;
        snprintf(text, size, "The DontHave in frame %u invalidated this Request after %.6f s", request->by->frame,
                 donthave_seconds(request->age));
    }
}

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
        .invalidated.describe = describe_invalidated,
};
