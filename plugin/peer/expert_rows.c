/* expert_rows.c
 * Findings as expert items, see expert_rows.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/expert_rows.h"

#include <epan/expert.h>
#include <epan/tap.h>

struct expert_rows {
    const struct finding_kind *kinds;
    unsigned                   count;
    expert_field              *fields; /* by kind */
    ei_register_info          *rows;   /* by kind; Wireshark writes the user's severities here */
};

static const int severities[] = {
    [FINDING_CHAT] = PI_CHAT, [FINDING_NOTE] = PI_NOTE, [FINDING_WARN] = PI_WARN, [FINDING_ERROR] = PI_ERROR
};

static const int groups[] = { [FINDING_SEQUENCE] = PI_SEQUENCE,   [FINDING_RESPONSE_CODE] = PI_RESPONSE_CODE,
                              [FINDING_UNDECODED] = PI_UNDECODED, [FINDING_MALFORMED] = PI_MALFORMED,
                              [FINDING_PROTOCOL] = PI_PROTOCOL,   [FINDING_ASSUMPTION] = PI_ASSUMPTION };

struct expert_rows *
expert_rows_register(int proto, const struct finding_kind *kinds, unsigned count)
{
    struct expert_rows *rows = g_new0(struct expert_rows, 1);
    expert_module_t    *module = expert_register_protocol(proto);

    rows->kinds = kinds;
    rows->count = count;
    rows->fields = g_new(expert_field, count);
    rows->rows = g_new0(ei_register_info, count);
    for (unsigned i = 0; i < count; i++) {
        rows->fields[i] = (expert_field)EI_INIT;
        rows->rows[i].ids = &rows->fields[i];
        rows->rows[i].eiinfo = (expert_field_info){ kinds[i].name, groups[kinds[i].group],
                                                    severities[kinds[i].severity], kinds[i].summary, EXPFILL };
    }
    /* Of two rows of one name, the user's own severities find the one that is registered last: the usual case. */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < count; i++) {
            if ((kinds[i].usual == NULL) == (pass == 1))
                expert_register_field_array(module, &rows->rows[i], 1);
        }
    }
    return rows;
}

/* Whether a kind is one of these rows. */
static bool
has(const struct expert_rows *rows, const struct finding_kind *kind)
{
    return kind >= rows->kinds && kind < rows->kinds + rows->count;
}

/* The expert field of a kind. Where the user gave the name a severity of his own, that holds for all its rows. */
static expert_field *
field_of(const struct expert_rows *rows, const struct finding_kind *kind)
{
    if (kind->usual != NULL) {
        const expert_field_info *usual = &rows->rows[kind->usual - rows->kinds].eiinfo;
        if (usual->severity != usual->orig_severity)
            kind = kind->usual;
    }
    return &rows->fields[kind - rows->kinds];
}

static bool
shows_now(const struct expert_rows *rows, const struct finding *finding, packet_info *pinfo)
{
    return has(rows, finding->kind) && (!finding->kind->later || PINFO_FD_VISITED(pinfo));
}

/* Whether the text of an expert item without an item is read by anybody. */
static bool
has_listener(void)
{
    static int expert_tap; /* 0: not known yet */

    if (expert_tap == 0)
        expert_tap = find_tap_id("expert");
    return have_tap_listener(expert_tap);
}

const struct finding *
expert_rows_show_about(const struct expert_rows *rows, const struct finding *from, const struct note_detail *about,
                       proto_item *item, packet_info *pinfo, bool show)
{
    const struct finding *finding = from;
    char                  text[FINDING_TEXT_MAX];

    for (; finding != NULL && (finding->about == NULL || finding->about == about); finding = finding->next) {
        if (finding->about != about || !show || !shows_now(rows, finding, pinfo))
            continue;
        if (item == NULL && !has_listener())
            expert_add_info(pinfo, NULL, field_of(rows, finding->kind)); /* only its severity counts */
        else
            expert_rows_add(rows, finding->kind, pinfo, item, notes_text_of(finding, text));
    }
    return finding;
}

void
expert_rows_show_message(const struct expert_rows *rows, const struct message_note *note, tvbuff_t *tvb,
                         packet_info *pinfo, proto_tree *tree)
{
    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next) {
        if (finding->about == NULL && shows_now(rows, finding, pinfo)) {
            char text[FINDING_TEXT_MAX];
            proto_tree_add_expert_format(tree, pinfo, field_of(rows, finding->kind), tvb, 0, -1, "%s",
                                         notes_text_of(finding, text));
        }
    }
}

void
expert_rows_add(const struct expert_rows *rows, const struct finding_kind *kind, packet_info *pinfo, proto_item *item,
                const char *text)
{
    expert_add_info_format(pinfo, item, field_of(rows, kind), "%s", text);
}
