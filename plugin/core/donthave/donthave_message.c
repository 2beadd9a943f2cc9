/* donthave_message.c
 * One DontHave: whether a message is meant as one, what its payload is, and what its sender should not have said.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/big_endian.h"
#include "core/donthave/donthave_state.h"

#define DONTHAVE_PAYLOAD_SIZE 4U /* BEP 54: the piece index */

/* Whether a message whose id its receiver did not give to lt_donthave is meant as a DontHave all the same: four bytes
 * speak for it, and where nobody knows what the receiver offers, the user's word does. */
static bool
is_meant(const struct peer_connection *connection, const struct extension_resolution *resolution,
         const struct peer_message *message, enum peer_side receiver)
{
    bool four_bytes = message->payload_size == DONTHAVE_PAYLOAD_SIZE;

    switch (resolution->how) {
    case EXTENSION_UNKNOWN:
        return false;
    case EXTENSION_OWN:
        return four_bytes;
    case EXTENSION_FALLBACK:
        return four_bytes || !extension_ids_tell(&connection->ids[receiver], LT_DONTHAVE_NAME);
    default:
        return true;
    }
}

static void
judge_switched_off(struct peer_connection *connection, const struct extension_resolution *resolution,
                   const struct donthave_note *donthave, struct message_context *context)
{
    struct notes *notes = &connection->notes;

    if (resolution->receiver_assigned_in < connection->missed_before[other_side(context->from)])
        return; /* it may have been switched on again */
    if (resolution->acknowledged)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.disabled,
                          "DontHave with the id %u, which its receiver switched off in frame %u (BEP 10: id 0)",
                          context->note->extended_id, resolution->receiver->changed_in);
    else
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.disabled_crossing,
                          "DontHave with the id %u, which its receiver switched off in frame %u; that was not "
                          "acknowledged yet",
                          context->note->extended_id, resolution->receiver->changed_in);
}

static void
judge_not_advertised(struct peer_connection *connection, const struct donthave_note *donthave,
                     struct message_context *context)
{
    enum peer_side receiver = other_side(context->from);

    /* What was missed of the receiver may have offered it. */
    if (connection->handshakes[receiver].seen && connection->missed_before[receiver] == 0)
        notes_add_finding(&connection->notes, context->note, &donthave->detail, &donthave_findings.not_advertised,
                          "DontHave with the id %u, but its receiver does not offer lt_donthave; BEP 54: only to "
                          "peers that have advertised support",
                          context->note->extended_id);
}

static void
judge_own_id(struct peer_connection *connection, const struct extension_resolution *resolution,
             const struct donthave_note *donthave, struct message_context *context)
{
    if (resolution->receiver_assigned_in >= connection->missed_before[other_side(context->from)])
        notes_add_finding(&connection->notes, context->note, &donthave->detail, &donthave_findings.own_id,
                          "DontHave with the id %u, which its sender advertised; the receiver wants %u since frame "
                          "%u (BEP 10)",
                          context->note->extended_id, resolution->receiver->id, resolution->receiver_assigned_in);
}

/* What there is to say of the id of a DontHave (BEP 10, BEP 54). */
static void
judge_id(struct peer_connection *connection, const struct extension_resolution *resolution,
         const struct donthave_note *donthave, struct message_context *context)
{
    switch (resolution->how) {
    case EXTENSION_SWITCHED_OFF:
        judge_switched_off(connection, resolution, donthave, context);
        break;
    case EXTENSION_OWN:
        if (resolution->receiver->id == 0)
            judge_not_advertised(connection, donthave, context);
        else
            judge_own_id(connection, resolution, donthave, context);
        break;
    case EXTENSION_FALLBACK:
        if (extension_ids_tell(&connection->ids[other_side(context->from)], LT_DONTHAVE_NAME))
            judge_not_advertised(connection, donthave, context);
        notes_add_finding(&connection->notes, context->note, &donthave->detail, &donthave_findings.id_assumed,
                          "The id %u of lt_donthave comes from the preference fallback_id, not from a handshake",
                          context->note->extended_id);
        break;
    default:
        break;
    }
}

/* What the payload is (BEP 54: the index and nothing else). */
static void
read_payload(struct peer_connection *connection, struct donthave_note *donthave, const struct peer_message *message,
             struct message_context *context)
{
    struct notes  *notes = &connection->notes;
    const uint8_t *payload = message->payload;
    bool           bencoded = message->payload_captured > 0 && payload[0] == 'd'
                    && message->payload_size != DONTHAVE_PAYLOAD_SIZE;

    donthave->has_index = message->payload_captured >= DONTHAVE_PAYLOAD_SIZE && !bencoded;
    donthave->takes_effect = donthave->has_index && message->payload_size == DONTHAVE_PAYLOAD_SIZE;
    if (donthave->has_index)
        donthave->piece = get_be32(payload);
    if (bencoded)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.bencoded,
                          "The payload of the DontHave looks bencoded; BEP 54: it is a piece index of 4 bytes");
    else if (message->payload_size != DONTHAVE_PAYLOAD_SIZE)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.length,
                          "The payload of the DontHave is %u byte%s long; BEP 54: it is a piece index of 4 bytes",
                          message->payload_size, message->payload_size == 1 ? "" : "s");
}

struct donthave_note *
donthave_read(struct peer_connection *connection, const struct extension_resolution *resolution,
              const struct peer_message *message, struct message_context *context)
{
    struct notes *notes = &connection->notes;

    if (!is_meant(connection, resolution, message, other_side(context->from)))
        return NULL;

    struct message_note  *note = notes_get(notes, context);
    struct donthave_note *donthave = (struct donthave_note *)notes_add_detail(
        notes, note, &donthave_kinds[DONTHAVE_MESSAGE], sizeof *donthave);

    notes_set_extension(notes, note, message->extended_id, LT_DONTHAVE_NAME);
    donthave->frame = context->frame;
    donthave->time = context->time;
    donthave->id_assigned_in = resolution->assigned_in;
    donthave->id_assumed = resolution->how == EXTENSION_FALLBACK;
    donthave->fast = peer_connection_transfers(connection)->fast;
    judge_id(connection, resolution, donthave, context);
    read_payload(connection, donthave, message, context);
    return donthave;
}

/* More DontHaves than a new Bitfield would cost. */
static void
judge_storm(struct donthave_state *state, const struct donthave_note *donthave, struct message_context *context)
{
    struct donthave_owner *owner = state->owners[context->from];

    if (owner->donthaves == owner->times_room && owner->times_room < STORM_DONTHAVES) {
        owner->times_room = CLAMP(2 * owner->times_room, 2, STORM_DONTHAVES);
        owner->times = (int64_t *)wmem_realloc(peer_connection_scope(state->connection), owner->times,
                                               owner->times_room * sizeof *owner->times);
    }

    int64_t *slot = &owner->times[owner->donthaves % STORM_DONTHAVES];
    bool     within_a_second = owner->donthaves >= STORM_DONTHAVES && context->time >= *slot
                           && context->time - *slot <= NS_PER_S; /* a clock may step back */
    *slot = context->time;
    owner->donthaves++;
    if (!within_a_second || owner->storm_told)
        return;
    owner->storm_told = true;
    notes_add_finding(&state->connection->notes, context->note, &donthave->detail, &donthave_findings.storm,
                      "More than %u DontHaves within a second; a new Bitfield would be shorter", STORM_DONTHAVES);
}

static void
judge_disowned_again(struct notes *notes, const struct donthave_note *donthave, const struct disowned_piece *disowned,
                     struct message_context *context)
{
    if (disowned->donthave_in == context->frame)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.redundant,
                          "DontHave for piece %u, which its sender disowned before, in the same frame; BEP 54: it is "
                          "for pieces that were announced",
                          donthave->piece);
    else
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.redundant,
                          "DontHave for piece %u, which its sender disowned in frame %u already; BEP 54: it is for "
                          "pieces that were announced",
                          donthave->piece, disowned->donthave_in);
}

/* BEP 54, what a sender does; BEP 6. */
void
donthave_judge_sender(struct donthave_state *state, const struct donthave_note *donthave,
                      struct message_context *context)
{
    const struct transfers      *transfers = peer_connection_transfers(state->connection);
    const struct transfer_peer  *owner = &transfers->peers[context->from];
    struct notes                *notes = &state->connection->notes;
    uint32_t                     index = donthave->piece;
    const struct disowned_piece *disowned = donthave_disowned(state, context->from, index);

    if (transfers->piece_bound > 0 && index >= transfers->piece_bound)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.out_of_range,
                          "DontHave for piece %u, but the torrent has at most %u pieces, by the Bitfield (BEP 3)",
                          index, transfers->piece_bound);
    else if (disowned != NULL && peer_connection_heard_since(state->connection, context->from, disowned->last_in))
        judge_disowned_again(notes, donthave, disowned, context);
    else if (owner->from_start && !owner->announced)
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.before_availability,
                          "DontHave for piece %u before any Bitfield, Have, Have All or Have None of its sender; "
                          "BEP 54: it is for pieces that were announced",
                          index);
    else if ((owner->from_start || owner->knows_all) && !piece_set_has(&owner->have, index))
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.redundant,
                          "DontHave for piece %u, which its sender had not advertised; BEP 54: it is for pieces "
                          "that were announced",
                          index);

    if (owner->advised != NULL && piece_set_has(owner->advised, index))
        notes_add_finding(notes, context->note, &donthave->detail, &donthave_findings.contradicts_advice,
                          "DontHave for piece %u, which its sender had suggested or put in the Allowed Fast set",
                          index);
    judge_storm(state, donthave, context);
}
