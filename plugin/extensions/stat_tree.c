/* stat_tree.c
 * The statistics tree of bt.donthave, see stat_tree.h. Percentages are those of like things in their node: DontHaves by
 * connection, requests by what became of them. Each node is right at the end of a single pass: a request waits until a
 * later message says what became of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/stat_tree.h"

#include "peer/ws_compat.h"

#include <epan/stats_tree.h>
#include <epan/tap.h>

#include "core/donthave/donthave_findings.h"
#include "extensions/tap_donthave.h"
#include "peer/packet_facts.h"

static const char donthaves[] = "DontHaves";
static const char by_connection[] = "By connection";
static const char by_piece[] = "By piece";
static const char by_fast[] = "By Fast extension";
static const char by_novelty[] = "By novelty";
static const char invalidated[] = "Requests invalidated";
static const char bytes[] = "Bytes of invalidated requests, by connection";
static const char late_requests[] = "Requests for disowned pieces";
static const char late_blocks[] = "Blocks of disowned pieces, by connection";
static const char announced_again[] = "Disowned pieces announced again, by connection";
static const char request_time[] = "Time from Request to DontHave (ms)";
static const char reject_time[] = "Time from DontHave to Reject (ms)";

static const char rejected[] = "Rejected";
static const char never_rejected[] = "Never rejected";
static const char answered[] = "Served or asked again before a Reject";
static const char dropped[] = "Dropped (without Fast)";
static const char crossed[] = "Crossed the DontHave";
static const char not_crossed[] = "After the DontHave was acknowledged";

static int node_donthaves = -1;
static int node_by_connection = -1;
static int node_by_piece = -1;
static int node_by_fast = -1;
static int node_by_novelty = -1;
static int node_invalidated = -1;
static int node_bytes = -1;
static int node_late_requests = -1;
static int node_late_blocks = -1;
static int node_announced_again = -1;

/* Different things in one node, such as pieces: for each new one Wireshark walks all that are there. The rest is counted
 * together. */
#define CHILDREN_MAX 5000U

static const char others[] = "Others";

/* What we know of one stats_tree. */
struct tree_state {
    GHashTable *counted;  /* the DontHaves that it counted on the first pass: a display filter may hide a DontHave and
                                   let the answers to its requests pass */
    GHashTable *children; /* of each node: a set of names */
};

static GHashTable *states; /* by stats_tree */

static void
free_set(void *set)
{
    g_hash_table_destroy((GHashTable *)set);
}

static void
free_state(void *data)
{
    struct tree_state *state = (struct tree_state *)data;

    g_hash_table_destroy(state->counted);
    g_hash_table_destroy(state->children);
    g_free(state);
}

static struct tree_state *
state_of(stats_tree *st)
{
    return (struct tree_state *)g_hash_table_lookup(states, st);
}

static void
init_tree(stats_tree *st)
{
    struct tree_state *state = g_new(struct tree_state, 1);

    if (states == NULL)
        states = g_hash_table_new_full(NULL, NULL, NULL, free_state);
    state->counted = g_hash_table_new(NULL, NULL);
    state->children = g_hash_table_new_full(NULL, NULL, NULL, free_set);
    g_hash_table_replace(states, st, state);
    node_donthaves = stats_tree_create_node(st, donthaves, 0, STAT_DT_INT, TRUE);
    node_by_connection = stats_tree_create_node(st, by_connection, node_donthaves, STAT_DT_INT, TRUE);
    node_by_piece = stats_tree_create_node(st, by_piece, node_donthaves, STAT_DT_INT, TRUE);
    node_by_fast = stats_tree_create_node(st, by_fast, node_donthaves, STAT_DT_INT, TRUE);
    node_by_novelty = stats_tree_create_node(st, by_novelty, node_donthaves, STAT_DT_INT, TRUE);
    node_invalidated = stats_tree_create_node(st, invalidated, 0, STAT_DT_INT, TRUE);
    node_bytes = stats_tree_create_node(st, bytes, 0, STAT_DT_INT, TRUE);
    node_late_requests = stats_tree_create_node(st, late_requests, 0, STAT_DT_INT, TRUE);
    node_late_blocks = stats_tree_create_node(st, late_blocks, 0, STAT_DT_INT, TRUE);
    node_announced_again = stats_tree_create_node(st, announced_again, 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(st, request_time, 0, STAT_DT_FLOAT, FALSE);
    stats_tree_create_node(st, reject_time, 0, STAT_DT_FLOAT, FALSE);
}

/* The name under which a node counts something: its own while there is room. */
static const char *
child_of(stats_tree *st, int node, const char *which)
{
    GHashTable *all = state_of(st)->children;
    GHashTable *children = (GHashTable *)g_hash_table_lookup(all, GINT_TO_POINTER(node));

    if (children == NULL) {
        children = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_insert(all, GINT_TO_POINTER(node), children);
    }
    if (g_hash_table_contains(children, which))
        return which;
    if (g_hash_table_size(children) >= CHILDREN_MAX)
        return others;
    g_hash_table_add(children, g_strdup(which));
    return which;
}

/* Like things in a node, and which of them. */
static void
count(stats_tree *st, const char *name, int node, int parent, const char *which, int how_many)
{
    increase_stat_node(st, name, parent, TRUE, how_many);
    increase_stat_node(st, child_of(st, node, which), node, FALSE, how_many);
}

static bool
is_redundant(const struct finding *findings)
{
    for (const struct finding *finding = findings; finding != NULL; finding = finding->next) {
        if (finding->kind == &donthave_findings.redundant)
            return true;
    }
    return false;
}

/* What became of the requests that a DontHave invalidated. On the first pass nothing answers them yet. */
static void
count_requests(stats_tree *st, const struct donthave_note *donthave, bool first_pass)
{
    const char *unanswered = donthave->fast ? never_rejected : dropped;
    uint32_t    rejects = donthave_rejected(donthave);

    if (first_pass) {
        g_hash_table_add(state_of(st)->counted, (void *)(uintptr_t)donthave);
        count(st, invalidated, node_invalidated, 0, unanswered, (int)donthave->requests);
        return;
    }
    uint32_t waiting = donthave->fast ? donthave->unrejected : donthave->requests - rejects;
    if (rejects > 0)
        count(st, invalidated, node_invalidated, 0, rejected, (int)rejects);
    if (waiting > 0 || donthave->fast)
        count(st, invalidated, node_invalidated, 0, unanswered, (int)waiting);
    if (donthave->requests > rejects + waiting)
        count(st, invalidated, node_invalidated, 0, answered, (int)(donthave->requests - rejects - waiting));
}

static void
count_donthave(stats_tree *st, packet_info *pinfo, const struct donthave_tap_item *item, const char *connection,
               bool first_pass)
{
    const struct donthave_note *donthave = (const struct donthave_note *)item->detail;
    const char *piece = donthave->has_index ? wmem_strdup_printf(pinfo->pool, "Piece %u", donthave->piece)
                                            : "Not four bytes";

    tick_stat_node(st, donthaves, 0, TRUE);
    count(st, by_connection, node_by_connection, node_donthaves, connection, 1);
    count(st, by_piece, node_by_piece, node_donthaves, piece, 1);
    count(st, by_fast, node_by_fast, node_donthaves, donthave->fast ? "With Fast" : "Without Fast", 1);
    count(st, by_novelty, node_by_novelty, node_donthaves, is_redundant(*item->findings) ? "Redundant" : "New", 1);
    if (donthave->requests == 0)
        return;
    count_requests(st, donthave, first_pass);
    count(st, bytes, node_bytes, 0, connection, (int)MIN(donthave_bytes(donthave), G_MAXINT));
    for (const struct donthave_invalidated *request = donthave->invalidated; request != NULL; request = request->next)
        avg_stat_node_add_value_float(st, request_time, 0, FALSE, (float)((double)request->age / 1e6));
}

/* What became of a request that a DontHave invalidated. On the first pass it was counted as one that nothing answers. */
static void
count_answer(stats_tree *st, packet_info *pinfo, const struct donthave_tap_item *item, const char *how)
{
    const struct donthave_invalidated *request = ((const struct donthave_block *)item->detail)->answers;

    if (g_hash_table_contains(state_of(st)->counted, request->by)) {
        increase_stat_node(st, request->by->fast ? never_rejected : dropped, node_invalidated, FALSE, -1);
        tick_stat_node(st, how, node_invalidated, FALSE);
    }
    if (item->event == DONTHAVE_TAP_REJECTED)
        avg_stat_node_add_value_float(st, reject_time, 0, FALSE,
                                      (float)((double)(packet_time(pinfo) - request->by->time) / 1e6));
}

static tap_packet_status
count_packet(stats_tree *st, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    const struct donthave_tap_frame *frame = (const struct donthave_tap_frame *)data;

    for (const struct donthave_tap_item *item = frame->first; item != NULL; item = item->next) {
        bool  by_owner = item->event != DONTHAVE_TAP_LATE_REQUEST;
        char *connection = wmem_strdup_printf(pinfo->pool, "%s to %s",
                                              by_owner ? item->ends->sender : item->ends->receiver,
                                              by_owner ? item->ends->receiver : item->ends->sender);
        switch (item->event) {
        case DONTHAVE_TAP_DONTHAVE:
            count_donthave(st, pinfo, item, connection, frame->first_pass);
            break;
        case DONTHAVE_TAP_LATE_REQUEST:
            count(st, late_requests, node_late_requests, 0,
                  ((const struct donthave_block *)item->detail)->crossed ? crossed : not_crossed, 1);
            break;
        case DONTHAVE_TAP_LATE_BLOCK:
            count(st, late_blocks, node_late_blocks, 0, connection, 1);
            break;
        case DONTHAVE_TAP_REJECTED:
            count_answer(st, pinfo, item, rejected);
            break;
        case DONTHAVE_TAP_WAIT_OVER:
            count_answer(st, pinfo, item, answered);
            break;
        case DONTHAVE_TAP_REANNOUNCED:
            count(st, announced_again, node_announced_again, 0, connection, 1);
            break;
        default:
            break;
        }
    }
    return TAP_PACKET_REDRAW;
}

static void
free_tree(stats_tree *st)
{
    g_hash_table_remove(states, st);
}

void
donthave_tree_register(void)
{
    stats_tree_register_plugin(BT_DONTHAVE_TAP, BT_DONTHAVE_TAP,
                               "BitTorrent" WS_STATS_TREE_SEPARATOR "DontHave (BEP 54)", 0, count_packet, init_tree,
                               free_tree);
}
