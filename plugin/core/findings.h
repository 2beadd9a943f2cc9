/* findings.h
 * What can be found wrong, or worth a word: the kinds. Each extension has a file of its own with its kinds.
 *
 * Pure: severity and group are named as Wireshark names them; peer/expert_rows.c knows the numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef FINDINGS_H
#define FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum finding_severity { FINDING_CHAT, FINDING_NOTE, FINDING_WARN, FINDING_ERROR };

enum finding_group {
    FINDING_SEQUENCE,
    FINDING_RESPONSE_CODE,
    FINDING_UNDECODED,
    FINDING_MALFORMED,
    FINDING_PROTOCOL,
    FINDING_ASSUMPTION
};

struct note_detail;

/* A kind of finding: one row of Wireshark's expert items. Kinds are constants, told apart by their address. */
struct finding_kind {
    const char                *name; /* filter name */
    enum finding_severity      severity;
    enum finding_group         group;
    const char                *summary;
    bool                       later; /* only packets after it can tell: shown from the second pass on */
    const struct finding_kind *usual; /* the usual case of the same filter name, where this one is another severity;
                                           NULL: this is the usual case */
    /* Writes the text of a finding about a detail when it is shown, of size bytes at most; NULL: each has its own text. For
     * kinds of which a capture has many: one pass over it without trees shows none. */
    void (*describe)(const struct note_detail *about, char *text, size_t size);
};

#endif
