/* donthave_handshake.c
 * lt_donthave in an extension handshake (BEP 10): what it offers, and what is wrong with it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/donthave/donthave_state.h"

#include <string.h>

/* Whether a name is lt_donthave but for case, '_' and '-'. */
static bool
looks_alike(const struct extension_key *key)
{
    static const char plain[] = "ltdonthave";
    size_t            matched = 0;

    for (uint32_t i = 0; i < key->name_size; i++) {
        char c = g_ascii_tolower((char)key->name[i]);
        if (c == '_' || c == '-')
            continue;
        if (matched == strlen(plain) || c != plain[matched])
            return false;
        matched++;
    }
    return matched == strlen(plain) && !extension_key_is(key, LT_DONTHAVE_NAME);
}

static void
judge_fault(struct notes *notes, const struct extension_handshake *handshake, struct message_context *context)
{
    const struct finding_kind *kind = &donthave_findings.bad_handshake;

    switch (handshake->fault) {
    case HANDSHAKE_OK:
        break;
    case HANDSHAKE_NO_DICTIONARY:
        notes_add_finding(notes, notes_get(notes, context), NULL, kind,
                          "The extension handshake is not a bencoded dictionary (BEP 10)");
        break;
    case HANDSHAKE_CUT:
        if (!handshake->cut)
            notes_add_finding(notes, notes_get(notes, context), NULL, kind,
                              "The extension handshake ends inside its dictionary (BEP 10)");
        break;
    case HANDSHAKE_BROKEN:
        notes_add_finding(notes, notes_get(notes, context), NULL, kind,
                          "The extension handshake is not bencoded from byte %u on, or nested too deep (BEP 3)",
                          handshake->fault_offset);
        break;
    case HANDSHAKE_TRAILING:
        notes_add_finding(notes, notes_get(notes, context), NULL, kind,
                          "The dictionary of the extension handshake ends at byte %u, but bytes follow (BEP 10)",
                          handshake->fault_offset);
        break;
    }
}

/* The id that the handshake gives to lt_donthave. */
static void
judge_id(struct peer_connection *connection, const struct extension_key *key, const struct extension_id *before,
         struct message_context *context)
{
    struct notes               *notes = &connection->notes;
    struct message_note        *note = notes_get(notes, context);
    const struct extension_ids *ids = &connection->ids[context->from];
    const struct extension_id  *now = extension_ids_find(ids, LT_DONTHAVE_NAME);
    struct donthave_negotiated *negotiated = (struct donthave_negotiated *)notes_add_detail(
        notes, note, &donthave_kinds[DONTHAVE_NEGOTIATED], sizeof *negotiated);
    const char *shared;

    negotiated->id = key->id;
    if (key->id == 0)
        return;
    shared = extension_ids_shared(ids, now);
    if (shared != NULL) {
        char *name = notes_printable(notes->scope, (const uint8_t *)shared, (uint32_t)strlen(shared));
        notes_add_finding(notes, note, &negotiated->detail, &donthave_findings.shared_id,
                          "lt_donthave and %s share the id %u; BEP 10: ids are unique", name, key->id);
        wmem_free(notes->scope, name);
    }
    if (before->id != 0 && before->id != key->id)
        notes_add_finding(notes, note, &negotiated->detail, &donthave_findings.renumbered,
                          "lt_donthave had the id %u since frame %u, and has %u from now on", before->id,
                          before->assigned_in, key->id);
}

void
donthave_judge_handshake(struct peer_connection *connection, const struct extension_handshake *handshake,
                         const struct extension_id *before, struct message_context *context)
{
    struct notes               *notes = &connection->notes;
    const struct extension_key *given = NULL, *bad = NULL, *look_alike = NULL;

    for (uint32_t i = 0; i < handshake->key_count; i++) { /* of keys that come twice, the last one counts */
        const struct extension_key *key = &handshake->keys[i];
        if (looks_alike(key)) {
            look_alike = key;
        } else if (extension_key_is(key, LT_DONTHAVE_NAME)) {
            given = key->has_id ? key : NULL;
            bad = key->has_id ? NULL : key;
        }
    }
    judge_fault(notes, handshake, context);
    if (look_alike != NULL) {
        char *name = notes_printable(notes->scope, look_alike->name, look_alike->name_size);
        notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.look_alike,
                          "The extension name \"%s\" is not \"" LT_DONTHAVE_NAME "\"; BEP 10: names are case "
                          "sensitive",
                          name);
        wmem_free(notes->scope, name);
    }
    if (bad != NULL)
        notes_add_finding(notes, notes_get(notes, context), NULL, &donthave_findings.bad_id,
                          "The id of lt_donthave is not an integer from 0 to 255 (BEP 10)");
    if (given != NULL)
        judge_id(connection, given, before, context);
}
