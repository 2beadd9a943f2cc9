/* utp_show.c
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/utp_show.h"

#include <epan/exceptions.h>

#include "peer/packet-bt-mse.h"
#include "peer/packet-bt-peer.h"

static dissector_handle_t utp_handle;
static dissector_handle_t bittorrent_handle;

static struct bt_peer_view
make_view(const struct utp_flow *flow, const struct utp_connection *connection, enum peer_side from, uint32_t place)
{
    struct bt_peer_view view = { .connection = connection != NULL ? connection->feed.connection
                                               : flow != NULL     ? flow->overflow
                                                                  : NULL,
                                 .from = from,
                                 .place = place,
                                 .whole_frame = true };

    return view;
}

bool
utp_show_has_notes(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header,
                   const packet_info *pinfo)
{
    struct bt_peer_view view = make_view(connection->flow, connection, from, utp_place(header->seq_nr));

    return bt_peer_has_notes(&view, pinfo);
}

void
utp_show_notes(const struct utp_flow *flow, const struct utp_connection *connection, enum peer_side from,
               uint32_t place, tvbuff_t *tvb, uint32_t at, packet_info *pinfo, proto_tree *tree)
{
    struct bt_peer_view view = make_view(flow, connection, from, place);

    if (view.connection == NULL || !bt_peer_has_notes(&view, pinfo))
        return;
    view.tvb = at > 0 ? tvb_new_subset_remaining(tvb, (int)at) : tvb;
    bt_peer_show_notes(&view, pinfo, tree);
    if ((connection != NULL && utp_mse_is_found(&connection->encryption)) || flow->claimed_in == pinfo->num) {
        /* What could not be read before may be the other side's. */
        view.from = other_side(from);
        bt_peer_show_notes(&view, pinfo, tree);
    }
}

/* The payload of a packet of an encrypted connection, for the built-in dissector of BitTorrent: it begins in the middle of
 * the first message where that is not known to begin in it. Within the layer of uTP, which that dissector looks for. */
static void
show_messages(tvbuff_t *payload, uint32_t first, packet_info *pinfo, proto_tree *tree)
{
    bool fragmented = pinfo->fragmented;

    if (first >= tvb_captured_length(payload))
        return;
    pinfo->fragmented = TRUE; /* as uTP has it: what is cut goes on in another packet */
    pinfo->can_desegment = 0;
    TRY
    {
        call_dissector_with_data(bittorrent_handle, tvb_new_subset_remaining(payload, (int)first), pinfo, tree, NULL);
    }
    FINALLY
    {
        pinfo->fragmented = fragmented;
    }
    ENDTRY;
}

int
utp_show_encrypted(const struct utp_connection *connection, enum peer_side from, const struct utp_header *header,
                   tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct mse_feed *mse = connection->encryption.mse;
    tvbuff_t        *raw = tvb_new_subset_remaining(tvb, (int)header->size);
    /* Where its place is not known, it comes after the handshake. */
    struct bt_mse_bytes bytes = { .mse = mse, .side = from, .tvb = raw, .position = UINT64_MAX / 2 };
    uint32_t            late_size = 0;
    tvbuff_t           *payload = NULL;
    struct utp_place    place;
    struct mse_part     part;
    int                 length;
    bool                has_place = false;
    bool                shown = false;

    /* The built-in dissector gets the header, and sees how long the packet is. Not its heuristic, which would lead the
     * packets that follow to itself. */
    length = call_dissector_only(
        utp_handle, tvb_new_subset_length_caplen(tvb, 0, (int)header->size, (int)tvb_reported_length(tvb)), pinfo,
        tree, data);
    if (tvb_captured_length(raw) > 0
        && utp_places_find(&connection->encryption.sides[from].places, header->seq_nr, pinfo->num, &place)
        && place.size == tvb_reported_length(raw)) {
        bytes.position = place.position;
        has_place = true;
    }
    if (tvb_captured_length(raw) > 0)
        shown = bt_mse_show_handshake(&bytes, pinfo, tree);
    if (has_place) {
        mse_feed_part(mse, from, place.position, place.size, pinfo->num, &part);
        payload = bt_mse_payload(&bytes, &part, mse->late, &late_size, pinfo);
    }
    if (payload == NULL) {
        if (!shown && tvb_captured_length(raw) > 0)
            call_data_dissector(raw, pinfo, tree);
        utp_show_notes(connection->flow, connection, from, utp_place(header->seq_nr), raw, 0, pinfo, tree);
        return (int)tvb_captured_length(tvb);
    }
    TRY
    {
        if (length > 0)
            show_messages(payload, late_size > 0 ? 0 : place.first, pinfo, tree);
    }
    FINALLY
    {
        utp_show_notes(connection->flow, connection, from, utp_place(header->seq_nr) + part.at - late_size, payload,
                       0, pinfo, tree);
    }
    ENDTRY;
    return (int)tvb_captured_length(tvb);
}

/* --- registration --- */

void
proto_reg_handoff_utp_show(dissector_handle_t utp, dissector_handle_t bittorrent)
{
    utp_handle = utp;
    bittorrent_handle = bittorrent;
}
