/* packet-bt-peer.c
 * Connections of BitTorrent peers, see packet-bt-peer.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/packet-bt-peer.h"

#include <string.h>

#include <epan/column-utils.h>
#include <epan/exceptions.h>
#include <epan/proto_data.h>

#include "core/peer_findings.h"
#include "core/peer_wire.h"
#include "peer/expert_rows.h"
#include "peer/info_places.h"
#include "peer/layers.h"
#include "peer/message_bytes.h"
#include "peer/packet_facts.h"
#include "peer/packet_watch.h"
#include "peer/recent_conversations.h"

int proto_bt_peer = -1;
int proto_bt_peer_in_name_only = -1;

static int hf_bt_peer_reassembled = -1;
static int hf_bt_peer_reassembled_from = -1;
static int hf_bt_peer_not_shown = -1;

static int ett_bt_peer_reassembled = -1;

static heur_dissector_list_t extended_list;
static struct expert_rows   *rows;

static const struct bt_peer_extension *extensions[PEER_OBSERVERS_MAX];
static struct peer_setup               setup;

/* How far a connection was shown in this frame. */
struct shown_connection {
    struct shown_connection      *next;
    const struct peer_connection *connection;
    uint32_t                      next_note[2]; /* by enum peer_side, counted from the first note of the frame */
    struct joined_messages        joined[2];    /* by enum peer_side */
};

/* What was shown in this frame, on this pass. */
struct shown_frame {
    struct shown_connection *connections;
    unsigned                 items;  /* of ours */
    unsigned                 hidden; /* that were left out since it was told last */
    size_t   info_aside;             /* characters of Info that the built-in dissector wrote, and are not in it now */
    uint32_t to_come;                /* bytes of messages that the built-in dissector has not shown yet */
    int      extension;              /* protocol that took the last extended message; -1: none */
};

/* --- for extensions --- */

void
bt_peer_add_extension(const struct bt_peer_extension *extension)
{
    ws_assert(setup.observer_count < PEER_OBSERVERS_MAX);
    extensions[setup.observer_count] = extension;
    setup.observers[setup.observer_count++] = extension->observer;
}

static struct shown_frame *
shown_in(packet_info *pinfo)
{
    struct shown_frame *shown = (struct shown_frame *)p_get_proto_data(pinfo->pool, pinfo, proto_bt_peer, 0);

    if (shown == NULL) {
        shown = wmem_new0(pinfo->pool, struct shown_frame);
        shown->extension = -1;
        p_add_proto_data(pinfo->pool, pinfo, proto_bt_peer, 0, shown);
    }
    return shown;
}

bool
bt_peer_may_add(packet_info *pinfo, unsigned items)
{
    struct shown_frame *shown = shown_in(pinfo);

    if (shown->items + items > BT_PEER_ITEMS_MAX) {
        shown->hidden += items;
        return false;
    }
    shown->items += items;
    return true;
}

bool
bt_peer_separate_info(packet_info *pinfo)
{
    const char *text = col_get_text(pinfo->cinfo, COL_INFO);
    size_t      length = text != NULL ? strlen(text) : 0;

    if (length >= COL_MAX_INFO_LEN - 1)
        return false;
    /* The built-in dissector ends its texts with blanks. */
    if (length > 0 && text[length - 1] != ' ')
        col_append_sep_str(pinfo->cinfo, COL_INFO, " ", "");
    return true;
}

/* What the built-in dissector writes for a byte of a message at most: 73 characters for a Reject of 17 bytes. */
#define INFO_CHARACTERS_PER_BYTE 5U

bool
bt_peer_info_has_room(packet_info *pinfo, size_t length)
{
    const char *text = col_get_text(pinfo->cinfo, COL_INFO);
    uint64_t    taken = (text != NULL ? strlen(text) : 0) + shown_in(pinfo)->info_aside;

    return taken + length + (uint64_t)shown_in(pinfo)->to_come * INFO_CHARACTERS_PER_BYTE < COL_MAX_INFO_LEN;
}

/* --- for transports --- */

bool
bt_peer_enabled(dissector_handle_t wrapped, const char *heuristic)
{
    const heur_dtbl_entry_t *entry = find_heur_dissector_by_unique_short_name(heuristic);

    return proto_is_protocol_enabled(find_protocol_by_id(proto_bt_peer)) && wrapped != NULL
           && proto_is_protocol_enabled(find_protocol_by_id(dissector_handle_get_protocol_index(wrapped)))
           && entry != NULL && entry->enabled;
}

const struct peer_setup *
bt_peer_setup(void)
{
    return &setup;
}

/* The user's preferences, for this capture, and what its connections share. */
static void
begin_capture(void)
{
    setup.lists = extension_lists_new(wmem_file_scope());
    setup.fallback_count = 0;
    for (unsigned i = 0; i < setup.observer_count; i++) {
        if (extensions[i]->fallback_ids == NULL)
            continue;
        for (unsigned id = 1; id <= UINT8_MAX; id++) {
            if (value_is_in_range(*extensions[i]->fallback_ids, id))
                peer_setup_assume(&setup, setup.observers[i]->name, (uint8_t)id);
        }
    }
}

/* --- one message --- */

void
bt_peer_show_reassembled(tvbuff_t *message, uint32_t size, const uint32_t *frames, uint32_t count, packet_info *pinfo,
                         proto_tree *tree)
{
    if (count == 0 || !bt_peer_may_add(pinfo, 1 + count))
        return;

    proto_item *item = proto_tree_add_none_format(tree, hf_bt_peer_reassembled, message, 0, -1,
                                                  "Reassembled BitTorrent message (%u bytes) from %u packet%s", size,
                                                  count, count == 1 ? "" : "s");
    proto_tree *frames_tree = proto_item_add_subtree(item, ett_bt_peer_reassembled);

    proto_item_set_generated(item);
    for (uint32_t i = 0; i < count; i++)
        proto_item_set_generated(
            proto_tree_add_uint(frames_tree, hf_bt_peer_reassembled_from, message, 0, 0, frames[i]));
}

/* The notes of a frame, as far as they are about one view and were not shown before. */
struct note_range {
    struct message_note *const *notes;
    uint32_t                    count;
    uint32_t                   *next; /* first one that was not shown */
    struct joined_messages     *joined;
};

/* Offers an extended message to those who dissect such. */
static void
offer_extended(const struct bt_peer_view *view, struct message_note *note, tvbuff_t *message, packet_info *pinfo,
               proto_tree *tree)
{
    struct shown_frame     *shown = shown_in(pinfo);
    struct bt_peer_extended extended = {
        .id = (uint8_t)note->extended_id,
        .name = notes_extension(&view->connection->notes, note),
        .sender = view->from,
        .connection = view->connection,
        .note = note,
    };
    heur_dtbl_entry_t *entry = NULL;
    unsigned           layers = 0;

    if (tvb_reported_length(message) < PEER_EXTENDED_HEADER_SIZE)
        return;
    if (shown->extension >= 0)
        layers = layers_begin_repeat(pinfo, shown->extension);
    bool taken = dissector_try_heuristic(extended_list, tvb_new_subset_remaining(message, PEER_EXTENDED_HEADER_SIZE),
                                         pinfo, tree, &entry, &extended);
    if (shown->extension >= 0)
        layers_end_repeat(pinfo, shown->extension, layers);
    if (taken && entry != NULL)
        shown->extension = proto_get_id(entry->protocol);
    if (taken && !PINFO_FD_VISITED(pinfo))
        note->taken = true;
}

/* Shows the note of that number. */
static void
show_note(const struct bt_peer_view *view, const struct note_range *range, uint32_t number, packet_info *pinfo,
          proto_tree *tree)
{
    const struct message_bytes bytes = {
        view->tvb, view->from, view->place, range->notes, range->count, range->joined
    };
    struct message_note *note = range->notes[number];
    tvbuff_t            *message = message_bytes_tvb(&bytes, number, pinfo);

    if (note->bytes != NULL && !(note->offer && note->extension == 0 && note->details == NULL))
        bt_peer_show_reassembled(message, note->size, note->bytes->frames, note->bytes->frame_count, pinfo, tree);
    if (note->offer)
        offer_extended(view, note, message, pinfo, tree);
    for (unsigned i = 0; i < setup.observer_count; i++)
        extensions[i]->show(view->connection, note, message, pinfo, tree);
    expert_rows_show_message(rows, note, message, pinfo, tree);
}

/* --- the messages of a packet, in their order --- */

/* All of the packet, nothing of which counts as shown yet. */
static struct note_range
notes_of_packet(const struct bt_peer_view *view, const packet_info *pinfo)
{
    struct note_range           range = { 0 };
    struct message_note *const *end;

    range.notes = notes_of_frame(&view->connection->notes, pinfo->num, PINFO_FD_VISITED(pinfo), &end);
    range.count = range.notes != NULL ? (uint32_t)(end - range.notes) : 0;
    return range;
}

static struct note_range
notes_to_show(const struct bt_peer_view *view, packet_info *pinfo)
{
    struct note_range        range = notes_of_packet(view, pinfo);
    struct shown_frame      *shown;
    struct shown_connection *connection;

    if (range.count == 0)
        return range;

    shown = shown_in(pinfo);
    for (connection = shown->connections; connection != NULL; connection = connection->next) {
        if (connection->connection == view->connection)
            break;
    }
    if (connection == NULL) {
        connection = wmem_new0(pinfo->pool, struct shown_connection);
        connection->connection = view->connection;
        connection->next = shown->connections;
        shown->connections = connection;
    }
    range.next = &connection->next_note[view->from];
    range.joined = &connection->joined[view->from];
    return range;
}

/* A note is shown with the bytes that end there: those of its message; or the first one of a stretch, whose last bytes may be
 * the beginning of a message that is shown in another packet. */
static uint32_t
end_to_show(const struct message_note *note)
{
    if (note->bytes != NULL && note->bytes->elsewhere)
        return note->bytes->shown_at + 1;
    return note->place + (note->stretch ? 1 : note->size);
}

/* The next note that is about a message which ends in the first end bytes of the view; NULL: there is none. */
static struct message_note *
next_note(const struct bt_peer_view *view, struct note_range *range, uint32_t end)
{
    for (; range->count > 0 && *range->next < range->count; ++*range->next) {
        struct message_note *note = range->notes[*range->next];
        if (note->from != (unsigned)view->from)
            continue;
        if (!view->whole_frame) {
            int32_t note_end = (int32_t)(end_to_show(note) - view->place);
            if (note_end > (int64_t)end)
                return NULL; /* of a later call */
            if (note_end <= 0)
                continue; /* of an earlier one */
        }
        ++*range->next;
        return note;
    }
    return NULL;
}

/* Whether a text of ours stands in the Info column instead of the built-in dissector's. */
static bool
replaces_info(const struct message_note *note)
{
    return note->offer && note->details != NULL;
}

static void
call_builtin(const struct bt_peer_view *view, uint32_t from, uint32_t to, bool again, packet_info *pinfo,
             proto_tree *tree)
{
    int      proto = dissector_handle_get_protocol_index(view->builtin);
    unsigned layers = 0;

    if (again) {
        bt_peer_separate_info(pinfo);
        col_set_fence(pinfo->cinfo, COL_INFO); /* the built-in dissector clears what is after it */
        layers = layers_begin_repeat(pinfo, proto);
    }
    view->show_builtin(from == 0 && to == tvb_reported_length(view->tvb)
                           ? view->tvb
                           : tvb_new_subset_length(view->tvb, (int)from, (int)(to - from)),
                       pinfo, tree, view->data);
    if (again)
        layers_end_repeat(pinfo, proto, layers);
}

/* Complete messages. The built-in dissector takes one that it does not know, and all that comes after it, for the middle of a
 * message. So it gets what comes after it by itself; else it would depend on our notes, which cut the messages of a frame
 * and of which the first pass knows others than the later ones, how much it takes. */
static void
show_builtin_part(const struct bt_peer_view *view, uint32_t from, uint32_t to, bool again, packet_info *pinfo,
                  proto_tree *tree)
{
    while (from < to) {
        uint32_t size = to - from;

        size = peer_wire_until_unusual(tvb_get_ptr(view->tvb, (int)from, (int)size), size);
        call_builtin(view, from, from + size, again, pinfo, tree);
        again = true;
        from += size;
    }
}

/* A message that has a text of ours in the Info column in place of the built-in dissector's. */
static void
show_without_info(const struct bt_peer_view *view, uint32_t from, uint32_t to, bool again, packet_info *pinfo,
                  proto_tree *tree)
{
    bool writable = col_get_writable(pinfo->cinfo, COL_INFO);

    col_clear(pinfo->cinfo, COL_INFO); /* as the built-in dissector does; up to the fence */
    col_set_writable(pinfo->cinfo, COL_INFO, FALSE);
    TRY
    {
        show_builtin_part(view, from, to, again, pinfo, tree);
    }
    FINALLY
    {
        col_set_writable(pinfo->cinfo, COL_INFO, writable);
    }
    ENDTRY;
}

/* Items that were left out, see bt_peer_may_add(). */
static void
tell_hidden(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    struct shown_frame *shown = shown_in(pinfo);

    if (shown->hidden == 0)
        return;
    proto_item_set_generated(proto_tree_add_uint(tree, hf_bt_peer_not_shown, tvb, 0, 0, shown->hidden));
    shown->hidden = 0;
}

void
bt_peer_show_messages(const struct bt_peer_view *view, uint32_t offset, uint32_t length, packet_info *pinfo,
                      proto_tree *tree)
{
    struct note_range    range = notes_to_show(view, pinfo);
    struct message_note *note;
    uint32_t             at = offset, end = offset + length;
    bool                 again = false;

    while ((note = next_note(view, &range, end)) != NULL) {
        uint32_t begins = note->place - view->place, ends = begins + note->size;
        bool     replaces = replaces_info(note);

        if (note->bytes == NULL && !note->stretch && begins >= at && ends <= end) {
            show_builtin_part(view, at, replaces ? begins : ends, again, pinfo, tree);
            again = again || at < (replaces ? begins : ends);
            if (replaces) {
                show_without_info(view, begins, ends, again, pinfo, tree);
                again = true;
            }
            at = ends;
        }
        shown_in(pinfo)->to_come = end - at;
        show_note(view, &range, *range.next - 1, pinfo, tree);
    }
    if (range.count > 0) {
        shown_in(pinfo)->to_come = 0;
        tell_hidden(view->tvb, pinfo, tree);
    }
    show_builtin_part(view, at, end, again, pinfo, tree);
}

bool
bt_peer_has_notes(const struct bt_peer_view *view, const packet_info *pinfo)
{
    return !notes_have_none_since(&view->connection->notes, pinfo->num, PINFO_FD_VISITED(pinfo))
           && notes_of_packet(view, pinfo).count > 0;
}

/* places, where it is not NULL, learns what each of them adds to the Info column. */
static void
show_notes(const struct bt_peer_view *view, struct note_range *range, struct info_places *places, packet_info *pinfo,
           proto_tree *tree)
{
    const struct message_note *note;

    while ((note = next_note(view, range, tvb_reported_length(view->tvb))) != NULL) {
        bool    is_here = note->bytes == NULL || !note->bytes->elsewhere;
        int64_t begins = (int32_t)(note->place - view->place);

        show_note(view, range, *range->next - 1, pinfo, tree);
        if (places != NULL)
            info_places_took(places, begins, is_here ? begins + note->size : 0, replaces_info(note), pinfo);
    }
    tell_hidden(view->tvb, pinfo, tree);
}

void
bt_peer_show_notes(const struct bt_peer_view *view, packet_info *pinfo, proto_tree *tree)
{
    struct note_range  range = notes_to_show(view, pinfo);
    struct info_places places;

    if (range.count == 0)
        return;
    if (!view->whole_frame || !info_places_begin(&places, pinfo)) {
        show_notes(view, &range, NULL, pinfo, tree);
        return;
    }
    shown_in(pinfo)->info_aside = places.builtin_size;
    TRY
    {
        show_notes(view, &range, &places, pinfo, tree);
    }
    FINALLY
    {
        shown_in(pinfo)->info_aside = 0;
        info_places_end(&places, view->tvb, pinfo);
    }
    ENDTRY;
}

/* --- registration --- */

void
proto_register_bt_peer(void)
{
    static hf_register_info hf[] = {
        { &hf_bt_peer_reassembled,
          { "Reassembled BitTorrent message", "bt.peer.reassembled", FT_NONE, BASE_NONE, NULL, 0x0,
            "A message that was put together from several packets", HFILL } },
        { &hf_bt_peer_reassembled_from,
          { "Packet", "bt.peer.reassembled_from", FT_FRAMENUM, BASE_NONE, NULL, 0x0,
            "A packet with bytes of the message", HFILL } },
        { &hf_bt_peer_not_shown,
          { "Items not shown", "bt.peer.not_shown", FT_UINT32, BASE_DEC, NULL, 0x0,
            "About so many items were left out, because the frame has too many", HFILL } },
    };
    static int *ett[] = { &ett_bt_peer_reassembled };

    proto_bt_peer = proto_register_protocol("BitTorrent Peer Connection", "BT-Peer", "bt.peer");
    proto_bt_peer_in_name_only = proto_register_protocol_in_name_only(
        "BitTorrent Peer Connection (wrapper)", "BT-Peer wrapper", "bt.peer.wrapper", proto_bt_peer, FT_PROTOCOL);
    proto_register_field_array(proto_bt_peer, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    rows = expert_rows_register(proto_bt_peer, &peer_findings.gap, sizeof peer_findings / sizeof peer_findings.gap);
    extended_list = register_heur_dissector_list(BT_PEER_EXTENDED_LIST, proto_bt_peer);
}

void
proto_reg_handoff_bt_peer(void)
{
    proto_reg_handoff_packet_facts();
    proto_reg_handoff_recent_conversations();
    proto_reg_handoff_packet_watch();
    register_init_routine(begin_capture);
}
