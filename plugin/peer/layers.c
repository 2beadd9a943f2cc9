/* layers.c
 * One layer for all messages of a packet, see layers.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/layers.h"

/* How many layers of the protocol there are; NULL: none yet. */
static int *
count_of(const packet_info *pinfo, int proto)
{
    if (pinfo->proto_layers == NULL)
        return NULL;
    return (int *)wmem_map_lookup(pinfo->proto_layers, GINT_TO_POINTER(proto));
}

unsigned
layers_begin_repeat(packet_info *pinfo, int proto)
{
    int *count = count_of(pinfo, proto);

    if (count != NULL)
        --*count;
    return wmem_list_count(pinfo->layers);
}

/* Where a layer is the protocol's, it is no more; it stays counted. */
static bool
remove_layer(packet_info *pinfo, wmem_list_frame_t *layer, int proto)
{
    if (layer == NULL || GPOINTER_TO_INT(wmem_list_frame_data(layer)) != proto)
        return false;
    wmem_list_remove_frame(pinfo->layers, layer);
    pinfo->curr_layer_num--;
    return true;
}

void
layers_remove(packet_info *pinfo, int proto)
{
    int *count = count_of(pinfo, proto);

    if (remove_layer(pinfo, wmem_list_tail(pinfo->layers), proto) && count != NULL)
        --*count;
}

void
layers_end_repeat(packet_info *pinfo, int proto, unsigned before)
{
    int               *count = count_of(pinfo, proto);
    wmem_list_frame_t *added = wmem_list_tail(pinfo->layers);

    /* After the call's own layer there may be those of other protocols. */
    for (unsigned after = wmem_list_count(pinfo->layers); after > before + 1; after--)
        added = wmem_list_frame_prev(added);
    if ((wmem_list_count(pinfo->layers) <= before || !remove_layer(pinfo, added, proto)) && count != NULL)
        ++*count; /* the dissector did not want it: no layer was added */
}
