/* tcp_show.c
 * What is shown of a TCP segment, see tcp_show.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_show.h"

#include <epan/exceptions.h>

#include "core/peer_wire.h"

static bool bittorrent_desegment = true; /* the preference of the built-in dissector; read for each capture */

static dissector_handle_t bittorrent_handle;

bool
tcp_show_reassembles(const packet_info *pinfo)
{
    return bittorrent_desegment && pinfo->saved_can_desegment > 0;
}

/* part: not empty. */
static inline void
call_builtin(tvbuff_t *part, packet_info *pinfo, proto_tree *tree, void *data)
{
    /* Before it was lowered for the layer that we are. */
    uint16_t can_desegment = pinfo->saved_can_desegment;

    pinfo->can_desegment = can_desegment;
    if (call_dissector_only(bittorrent_handle, part, pinfo, tree, data) == 0)
        call_data_dissector(part, pinfo, tree);
    pinfo->saved_can_desegment = can_desegment;
}

void
tcp_show_builtin(tvbuff_t *part, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (tvb_reported_length(part) > 0)
        call_builtin(part, pinfo, tree, data);
}

void
tcp_show_ask_for_nothing(packet_info *pinfo)
{
    pinfo->desegment_offset = 0;
    pinfo->desegment_len = 0;
}

/* Shows the complete messages, and asks TCP for the rest of the next one, where it may. has_notes: we have something to say of
 * them. */
static void
show_framed(const struct bt_peer_view *view, const struct tcp_bytes *bytes, struct segment_layout layout,
            bool has_notes, packet_info *pinfo, proto_tree *tree)
{
    tvbuff_t *tvb = bytes->tvb;
    uint32_t  captured = bytes->captured;
    uint32_t  reported = bytes->reported;
    uint32_t  next_size = PEER_SIZE_UNKNOWN;
    uint32_t  first = MIN(layout.first, captured);
    uint32_t  complete = reported;

    if (!layout.whole)
        complete = peer_wire_complete(bytes->data + first, captured - first, reported - first, &next_size);
    if (first > 0)
        tcp_show_builtin(tvb_new_subset_length(tvb, 0, (int)first), pinfo, tree, view->data);
    if (has_notes || (!layout.whole && peer_wire_until_unusual(bytes->data + first, complete) < complete))
        bt_peer_show_messages(view, first, complete, pinfo, tree);
    else if (complete > 0)
        call_builtin(first == 0 && complete == reported ? tvb : tvb_new_subset_length(tvb, (int)first, (int)complete),
                     pinfo, tree, view->data);

    uint32_t rest = reported - first - complete;
    bool     asks = next_size != PEER_SIZE_BAD && layout.may_ask;
    if (!asks)
        tcp_show_builtin(tvb_new_subset_remaining(tvb, (int)(first + complete)), pinfo, tree, view->data);
    tcp_show_ask_for_nothing(pinfo);
    if (asks && rest > 0) {
        pinfo->desegment_offset = (int)(first + complete);
        pinfo->desegment_len = next_size == PEER_SIZE_UNKNOWN ? DESEGMENT_ONE_MORE_SEGMENT : next_size - rest;
    }
}

/* Shows a segment that TCP does not put together with others, as without us. Where the built-in dissector is to put
 * messages together and TCP does not let it, it tells TCP where the next one begins, and TCP steps over the rest of this
 * one. But a message counts in the frame that it ends in, so we need the rest, and step over it ourselves. */
static void
show_alone(const struct bt_peer_view *view, const struct tcp_bytes *bytes, uint32_t first, packet_info *pinfo,
           proto_tree *tree)
{
    TRY
    {
        if (!bittorrent_desegment || first == 0)
            tcp_show_builtin(view->tvb, pinfo, tree, view->data);
        else if (first < bytes->reported)
            tcp_show_builtin(tvb_new_subset_remaining(view->tvb, (int)first), pinfo, tree, view->data);
    }
    FINALLY
    { /* a message that is cut ends it with an exception */
        if (!PINFO_FD_VISITED(pinfo))
            pinfo->want_pdu_tracking = 0;
    }
    ENDTRY;
}

static void
show_segment(const struct bt_peer_view *view, const struct tcp_bytes *bytes, struct segment_layout layout,
             bool has_notes, packet_info *pinfo, proto_tree *tree)
{
    if (layout.framed && tcp_show_reassembles(pinfo)) {
        show_framed(view, bytes, layout, has_notes, pinfo, tree);
    } else if (layout.framed) {
        show_alone(view, bytes, layout.first, pinfo, tree);
    } else if (layout.waits) {
        pinfo->desegment_offset = 0;
        pinfo->desegment_len = DESEGMENT_ONE_MORE_SEGMENT;
    } else {
        tcp_show_builtin(view->tvb, pinfo, tree, view->data);
        if (!layout.may_ask)
            tcp_show_ask_for_nothing(pinfo);
    }
}

/* A packet cut short ends the built-in dissector with an exception; what we know shows all the same. */
static G_GNUC_NO_INLINE void
show_segment_with_notes(const struct bt_peer_view *view, const struct tcp_bytes *bytes, struct segment_layout layout,
                        packet_info *pinfo, proto_tree *tree)
{
    TRY
    {
        show_segment(view, bytes, layout, true, pinfo, tree);
    }
    FINALLY
    {
        bt_peer_show_notes(view, pinfo, tree);
    }
    ENDTRY;
}

struct bt_peer_view
tcp_show_view(const struct tcp_peers *peers, const struct tcp_bytes *bytes, void *data)
{
    struct bt_peer_view view = { .connection = peers->feed.connection,
                                 .from = bytes->from,
                                 .place = bytes->seq,
                                 .tvb = bytes->tvb,
                                 .show_builtin = tcp_show_builtin,
                                 .builtin = bittorrent_handle,
                                 .data = data };

    return view;
}

void
tcp_show(const struct tcp_peers *peers, const struct tcp_bytes *bytes, struct segment_layout layout,
         packet_info *pinfo, proto_tree *tree, void *data)
{
    struct bt_peer_view view = tcp_show_view(peers, bytes, data);

    if (bt_peer_has_notes(&view, pinfo))
        show_segment_with_notes(&view, bytes, layout, pinfo, tree);
    else
        show_segment(&view, bytes, layout, false, pinfo, tree);
}

/* --- registration --- */

void
tcp_show_begin_capture(bool desegments)
{
    bittorrent_desegment = desegments;
}

void
proto_reg_handoff_tcp_show(dissector_handle_t builtin)
{
    bittorrent_handle = builtin;
}
