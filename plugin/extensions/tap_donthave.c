/* tap_donthave.c
 * Feeds the tap of bt.donthave, see tap_donthave.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/tap_donthave.h"

#include <epan/proto_data.h>
#include <epan/tap.h>
#include <epan/to_str.h>

#include "peer/packet_facts.h"

static int tap = -1;
static int proto_of_tap = -1;

/* By enum donthave_kind; a handshake has no event. */
static const struct {
    bool                    has_event;
    enum donthave_tap_event event;
} events[DONTHAVE_KIND_COUNT] = {
    [DONTHAVE_MESSAGE] = { true, DONTHAVE_TAP_DONTHAVE },
    [DONTHAVE_INVALIDATED] = { true, DONTHAVE_TAP_INVALIDATED },
    [DONTHAVE_LATE_REQUEST] = { true, DONTHAVE_TAP_LATE_REQUEST },
    [DONTHAVE_LATE_BLOCK] = { true, DONTHAVE_TAP_LATE_BLOCK },
    [DONTHAVE_REJECT] = { true, DONTHAVE_TAP_REJECTED },
    [DONTHAVE_WAIT_OVER] = { true, DONTHAVE_TAP_WAIT_OVER },
    [DONTHAVE_REANNOUNCED] = { true, DONTHAVE_TAP_REANNOUNCED },
};

static const char *
end_to_str(packet_info *pinfo, const address *host, uint32_t port)
{
    const char *text = address_to_str(pinfo->pool, host);

    return wmem_strdup_printf(pinfo->pool, host->type == AT_IPv6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* The ends of the last item, where they are the same, else new ones. */
static const struct donthave_tap_ends *
ends_of(packet_info *pinfo, const struct donthave_tap_ends *last, const struct peer_connection *connection,
        enum peer_side from)
{
    if (last != NULL && last->connection == connection && last->from == from)
        return last;

    struct donthave_tap_ends *ends = wmem_new(pinfo->pool, struct donthave_tap_ends);
    const char               *source = end_to_str(pinfo, &pinfo->src, pinfo->srcport);
    const char               *destination = end_to_str(pinfo, &pinfo->dst, pinfo->destport);
    /* A packet can also make known what the other side said before. */
    bool is_source = from == packet_sender(pinfo);

    ends->connection = connection;
    ends->from = from;
    ends->sender = is_source ? source : destination;
    ends->receiver = is_source ? destination : source;
    return ends;
}

/* What the tap gets of this frame, queued with its first item. */
static struct donthave_tap_frame *
frame_of(packet_info *pinfo)
{
    struct donthave_tap_frame *frame = (struct donthave_tap_frame *)p_get_proto_data(pinfo->pool, pinfo, proto_of_tap,
                                                                                     0);

    if (frame == NULL) {
        frame = wmem_new0(pinfo->pool, struct donthave_tap_frame);
        frame->first_pass = !PINFO_FD_VISITED(pinfo);
        p_add_proto_data(pinfo->pool, pinfo, proto_of_tap, 0, frame);
        tap_queue_packet(tap, pinfo, frame);
    }
    return frame;
}

void
donthave_tap_tell(packet_info *pinfo, const struct peer_connection *connection, const struct message_note *note,
                  const struct note_detail *detail)
{
    if (!have_tap_listener(tap) || (detail != NULL && !events[detail->kind->number].has_event))
        return;

    struct donthave_tap_frame *frame = frame_of(pinfo);
    struct donthave_tap_item  *item = wmem_new0(pinfo->pool, struct donthave_tap_item);

    item->event = detail != NULL ? events[detail->kind->number].event : DONTHAVE_TAP_FINDINGS;
    item->ends = ends_of(pinfo, frame->last != NULL ? frame->last->ends : NULL, connection,
                         (enum peer_side)note->from);
    item->detail = detail;
    item->findings = (const struct finding *const *)&note->findings;
    item->extended_id = note->extended_id;
    if (frame->last != NULL)
        frame->last->next = item;
    else
        frame->first = item;
    frame->last = item;
}

void
donthave_tap_register(int proto)
{
    proto_of_tap = proto;
    tap = register_tap(BT_DONTHAVE_TAP);
}
