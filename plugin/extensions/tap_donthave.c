/* tap_donthave.c
 * The statistics tree of bt.donthave, see tap_donthave.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/tap_donthave.h"

#include "peer/ws_compat.h"

#include <epan/packet.h>
#include <epan/stats_tree.h>
#include <epan/tap.h>
#include <epan/to_str.h>

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

static void
count_donthave(stats_tree *st, const char *sender, const struct donthave_tap_item *item)
{
    int node;

    tick_stat_node(st, donthaves_name, 0, TRUE);
    node = tick_stat_node(st, sender, node_donthaves, TRUE);
    tick_stat_node(st, item->fast ? "With Fast" : "Without Fast", node, FALSE);
    count_effect(st, "Requests invalidated", (int)item->requests);
}

static tap_packet_status
count_packet(stats_tree *st, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    const struct donthave_tap_frame *frame = (const struct donthave_tap_frame *)data;
    const char                      *sender = address_to_str(pinfo->pool, &pinfo->src);

    for (const struct donthave_tap_item *item = frame->first; item != NULL; item = item->next) {
        switch (item->event) {
        case DONTHAVE_TAP_DONTHAVE:
        case DONTHAVE_TAP_DONTHAVE_BAD:
            count_donthave(st, sender, item);
            break;
        case DONTHAVE_TAP_INVALIDATED:
            break;                      /* counted with their DontHave */
        case DONTHAVE_TAP_LATE_REQUEST:
            count_effect(st, "Late requests", 1);
            break;
        case DONTHAVE_TAP_CROSSED_REQUEST:
            count_effect(st, "Late requests that crossed", 1);
            break;
        case DONTHAVE_TAP_LATE_BLOCK:
            count_effect(st, "Late blocks", 1);
            break;
        case DONTHAVE_TAP_REJECTED:
            count_effect(st, "Requests rejected by name", 1);
            break;
        case DONTHAVE_TAP_REANNOUNCED:
            count_effect(st, "Pieces announced again", 1);
            break;
        }
    }
    return TAP_PACKET_REDRAW;
}

void
register_tap_listener_donthave(void)
{
    stats_tree_register_plugin(BT_DONTHAVE_TAP, BT_DONTHAVE_TAP,
                               "BitTorrent" WS_STATS_TREE_SEPARATOR "DontHave (BEP 54)", 0, count_packet, init_tree,
                               NULL);
}
