/* tap_donthave.c
 * The statistics tree of bt.donthave, see tap_donthave.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "tap_donthave.h"

#include "ws_compat.h"

#include <epan/packet.h>
#include <epan/stats_tree.h>
#include <epan/tap.h>
#include <epan/to_str.h>

#include "notes.h"

static int node_donthaves = -1;
static int node_effects = -1;

static const char donthaves_name[] = "DontHave messages by sender";
static const char effects_name[] = "What they did";

static void
init_tree(stats_tree *st)
{
    node_donthaves = stats_tree_create_node(st, donthaves_name, 0, STAT_DT_INT, TRUE);
    node_effects = stats_tree_create_node(st, effects_name, 0, STAT_DT_INT, TRUE);
}

static void
count_effect(stats_tree *st, const char *name, int count)
{
    if (count > 0) {
        increase_stat_node(st, effects_name, 0, TRUE, count);
        increase_stat_node(st, name, node_effects, FALSE, count);
    }
}

static tap_packet_status
count_packet(stats_tree *st, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    const struct message_note *note = (const struct message_note *)data;

    if (note->extended != NULL && note->extended->donthave != NULL) {
        const struct donthave_note *donthave = note->extended->donthave;
        char *sender = address_to_str(pinfo->pool, &pinfo->src);
        int   node;

        tick_stat_node(st, donthaves_name, 0, TRUE);
        node = tick_stat_node(st, sender, node_donthaves, TRUE);
        tick_stat_node(st, donthave->fast ? "With Fast" : "Without Fast", node, FALSE);
        count_effect(st, "Requests invalidated", (int)donthave->requests);
    }
    count_effect(st, "Requests rejected by name", note->reject != NULL);
    count_effect(st, "Late requests", note->late_request != NULL && !note->late_request->crossed);
    count_effect(st, "Late requests that crossed", note->late_request != NULL && note->late_request->crossed);
    count_effect(st, "Late blocks", note->late_block != NULL);
    for (const struct reannounced_note *one = note->reannounced; one != NULL; one = one->next)
        count_effect(st, "Pieces announced again", 1);
    return TAP_PACKET_REDRAW;
}

void
register_tap_listener_donthave(void)
{
    stats_tree_register_plugin(BT_DONTHAVE_TAP, BT_DONTHAVE_TAP,
                               "BitTorrent" WS_STATS_TREE_SEPARATOR "DontHave (BEP 54)", 0, count_packet, init_tree,
                               NULL);
}
