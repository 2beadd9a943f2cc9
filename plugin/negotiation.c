/* negotiation.c
 * Which extended message is a DontHave, see negotiation.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "negotiation.h"

#include <string.h>

void
negotiation_init(struct negotiation *negotiation, wmem_allocator_t *scope, struct notes *notes, uint8_t fallback_id)
{
    memset(negotiation, 0, sizeof *negotiation);
    negotiation->scope = scope;
    negotiation->notes = notes;
    negotiation->fallback_id = fallback_id;
}

/* The handshake in that frame gives lt_donthave an id, or switches it off with 0. */
static void
set_id(struct negotiation_peer *peer, uint8_t id, const struct message_context *context)
{
    if (peer->id != 0 && peer->id != id) {
        peer->old_id = peer->id;
        peer->old_assigned_in = peer->assigned_in;
        peer->changed_in = context->frame;
        peer->changed_mark = context->mark;
    }
    peer->id = id;
    peer->assigned_in = context->frame;
}

static void
judge_handshake(struct negotiation *negotiation, const struct negotiation_peer *before,
                const struct negotiation_peer *peer, const struct extension_handshake *handshake,
                bool cut_by_capture, struct message_note *note)
{
    struct notes *notes = negotiation->notes;
    const char   *shared;

    switch (handshake->fault) {
    case HANDSHAKE_OK:
        break;
    case HANDSHAKE_NO_DICTIONARY:
        notes_add_finding(notes, note, FINDING_BAD_HANDSHAKE,
                          "The extension handshake is not a bencoded dictionary (BEP 10)");
        break;
    case HANDSHAKE_CUT:
        if (!cut_by_capture)
            notes_add_finding(notes, note, FINDING_BAD_HANDSHAKE,
                              "The extension handshake ends inside its dictionary (BEP 10)");
        break;
    case HANDSHAKE_BROKEN:
        notes_add_finding(notes, note, FINDING_BAD_HANDSHAKE,
                          "The extension handshake is not bencoded from byte %u on, or nested too deep (BEP 3)",
                          handshake->fault_offset);
        break;
    case HANDSHAKE_TRAILING:
        notes_add_finding(notes, note, FINDING_BAD_HANDSHAKE,
                          "The dictionary of the extension handshake ends at byte %u, but bytes follow (BEP 10)",
                          handshake->fault_offset);
        break;
    }
    if (handshake->look_alike != NULL)
        notes_add_finding(notes, note, FINDING_LOOK_ALIKE,
                          "The extension name \"%s\" is not \"" LT_DONTHAVE_NAME "\"; BEP 10: names are case "
                          "sensitive", handshake->look_alike);
    if (handshake->donthave == DONTHAVE_KEY_BAD)
        notes_add_finding(notes, note, FINDING_BAD_ID,
                          "The id of lt_donthave is no integer from 0 to 255 (BEP 10)");
    if (handshake->donthave != DONTHAVE_KEY_ID || handshake->donthave_id == 0)
        return;

    shared = extension_table_name(&peer->table, peer->id, LT_DONTHAVE_NAME);
    if (shared != NULL)
        notes_add_finding(notes, note, FINDING_SHARED_ID,
                          "lt_donthave and %s share the id %u; BEP 10: ids are unique", shared, peer->id);
    if (before->id != 0 && before->id != peer->id)
        notes_add_finding(notes, note, FINDING_RENUMBERED,
                          "lt_donthave had the id %u since frame %u, and has %u from now on", before->id,
                          before->assigned_in, peer->id);
}

bool
negotiation_handshake(struct negotiation *negotiation, enum peer_side from, const struct peer_message *message,
                      const struct message_context *context)
{
    struct negotiation_peer   *peer = &negotiation->peers[from];
    struct negotiation_peer    before = *peer;
    struct extension_handshake handshake;
    bool                       cut = message->payload_captured < message->payload_size;

    extension_handshake_read(message->payload, message->payload_captured, negotiation->scope, &peer->table,
                             &handshake);
    /* What could not be read to its end may have offered anything. */
    peer->handshake_seen = peer->handshake_seen || handshake.donthave == DONTHAVE_KEY_ID
                           || (!cut && (handshake.fault == HANDSHAKE_OK || handshake.fault == HANDSHAKE_TRAILING));
    if (handshake.donthave == DONTHAVE_KEY_ID)
        set_id(peer, handshake.donthave_id, context);

    if (handshake.donthave != DONTHAVE_KEY_MISSING || handshake.look_alike != NULL
            || (handshake.fault != HANDSHAKE_OK && !(cut && handshake.fault == HANDSHAKE_CUT))) {
        struct message_note *note = notes_get(negotiation->notes, from, context);
        if (handshake.donthave == DONTHAVE_KEY_ID)
            note->negotiated = handshake.donthave_id;
        judge_handshake(negotiation, &before, peer, &handshake, cut, note);
    }
    return handshake.too_many;
}

/* Whether the sender of a message may not know yet what the other side's handshake changed: it did not acknowledge
 * it. Where nobody can tell, it knows. */
static bool
change_is_unacknowledged(const struct negotiation_peer *receiver, const struct message_context *context)
{
    return context->has_ack && context->ack < receiver->changed_mark;
}

/* The id is not one that the receiver gave to lt_donthave. Is the message meant as a DontHave all the same? Only
 * where the id means nothing else to its receiver. */
static bool
resolve_stray(const struct negotiation *negotiation, enum peer_side from, const struct peer_message *message,
              const struct message_context *context, struct resolution *resolution)
{
    const struct negotiation_peer *receiver = &negotiation->peers[other_side(from)];
    const struct negotiation_peer *sender = &negotiation->peers[from];
    uint8_t id = message->extended_id;
    bool    four_bytes = message->payload_size == 4;

    if (receiver->id == 0 && id == receiver->old_id) {
        resolution->assigned_in = receiver->old_assigned_in;
        resolution->finding = change_is_unacknowledged(receiver, context) ? FINDING_DISABLED_CROSSING
                                                                          : FINDING_DISABLED;
        return true;
    }
    if (receiver->handshake_seen && id == sender->id && four_bytes) {
        resolution->finding = receiver->id == 0 ? FINDING_NOT_ADVERTISED : FINDING_OWN_ID;
        return true;
    }
    if (receiver->id == 0 && id == negotiation->fallback_id && (four_bytes || !receiver->handshake_seen)) {
        resolution->assumed = true;
        resolution->finding = receiver->handshake_seen ? FINDING_NOT_ADVERTISED : FINDING_ID_ASSUMED;
        return true;
    }
    return false;
}

struct resolution
negotiation_resolve(const struct negotiation *negotiation, enum peer_side from, const struct peer_message *message,
                    const struct message_context *context)
{
    const struct negotiation_peer *receiver = &negotiation->peers[other_side(from)];
    struct resolution resolution = { .finding = FINDING_COUNT };
    uint8_t id = message->extended_id;

    if (id == 0) {
        return resolution;
    } else if (id == receiver->id) {
        resolution.donthave = true;
        resolution.assigned_in = receiver->assigned_in;
    } else if (receiver->id != 0 && id == receiver->old_id && change_is_unacknowledged(receiver, context)) {
        resolution.donthave = true;
        resolution.assigned_in = receiver->old_assigned_in;
    } else {
        resolution.name = extension_table_name(&receiver->table, id, NULL);
        if (resolution.name == NULL)
            resolution.donthave = resolve_stray(negotiation, from, message, context, &resolution);
    }
    if (resolution.donthave)
        resolution.name = LT_DONTHAVE_NAME;
    return resolution;
}

void
negotiation_judge(struct negotiation *negotiation, enum peer_side from, const struct resolution *resolution,
                  struct message_note *note)
{
    const struct negotiation_peer *receiver = &negotiation->peers[other_side(from)];
    unsigned id = note->extended->id;

    switch (resolution->finding) {
    case FINDING_ID_ASSUMED:
        break;
    case FINDING_NOT_ADVERTISED:
        notes_add_finding(negotiation->notes, note, FINDING_NOT_ADVERTISED,
                          "DontHave with the id %u, but its receiver does not offer lt_donthave; BEP 54: only to "
                          "peers that have advertised support", id);
        break;
    case FINDING_OWN_ID:
        notes_add_finding(negotiation->notes, note, FINDING_OWN_ID,
                          "DontHave with the id %u, which its sender advertised; the receiver wants %u since frame "
                          "%u (BEP 10)", id, receiver->id, receiver->assigned_in);
        break;
    case FINDING_DISABLED:
        notes_add_finding(negotiation->notes, note, FINDING_DISABLED,
                          "DontHave with the id %u, which its receiver switched off in frame %u (BEP 10: id 0)", id,
                          receiver->changed_in);
        break;
    case FINDING_DISABLED_CROSSING:
        notes_add_finding(negotiation->notes, note, FINDING_DISABLED_CROSSING,
                          "DontHave with the id %u, which its receiver switched off in frame %u; that was not "
                          "acknowledged yet", id, receiver->changed_in);
        break;
    default:
        break;
    }
    if (resolution->assumed)
        notes_add_finding(negotiation->notes, note, FINDING_ID_ASSUMED,
                          "The id %u of lt_donthave comes from the preference fallback_id, not from a handshake", id);
}

bool
negotiation_offered(const struct negotiation *negotiation)
{
    const struct negotiation_peer *peers = negotiation->peers;

    return negotiation->fallback_id != 0 || peers[PEER_A].id != 0 || peers[PEER_B].id != 0
           || peers[PEER_A].old_id != 0 || peers[PEER_B].old_id != 0;
}
