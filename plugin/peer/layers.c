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

void
layers_begin_repeat(packet_info *pinfo, int proto)
{
    int *count = count_of(pinfo, proto);

    if (count != NULL)
        --*count;
}

/* Where the last layer is the protocol's, it is no more; it stays counted. */
static bool
remove_last(packet_info *pinfo, int proto)
{
    wmem_list_frame_t *last = wmem_list_tail(pinfo->layers);

    if (last == NULL || GPOINTER_TO_INT(wmem_list_frame_data(last)) != proto)
        return false;
    wmem_list_remove_frame(pinfo->layers, last);
    pinfo->curr_layer_num--;
    return true;
}

void
layers_remove(packet_info *pinfo, int proto)
{
    int *count = count_of(pinfo, proto);

    if (remove_last(pinfo, proto) && count != NULL)
        --*count;
}

void
layers_end_repeat(packet_info *pinfo, int proto)
{
    int *count = count_of(pinfo, proto);

    if (!remove_last(pinfo, proto) && count != NULL)
        ++*count; /* the dissector did not want it: no layer was added */
}
