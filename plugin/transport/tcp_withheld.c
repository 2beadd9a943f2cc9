/* tcp_withheld.c
 * Segments that TCP withholds for another dissector, see tcp_withheld.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_withheld.h"

/* Bytes of the other side that came after those that this packet acknowledges. Sequence numbers may count from other
 * numbers here than in a struct tcpinfo. */
static uint32_t
in_flight(const struct tcp_analysis *analysis)
{
    const tcp_analyze_seq_flow_info_t *own = analysis->fwd->tcp_analyze_seq_info;
    const tcp_analyze_seq_flow_info_t *other = analysis->rev->tcp_analyze_seq_info;

    /* Without analysis of sequence numbers, a preference of TCP, there is nothing in them. */
    return own != NULL && other != NULL && GT_SEQ(other->nextseq, own->lastack) ? other->nextseq - own->lastack : 0;
}

bool
tcp_withheld_release(conversation_t *conversation, packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    const struct tcp_analysis   *analysis = get_tcp_conversation_data(conversation, pinfo);
    uint32_t                     end;
    struct tcp_multisegment_pdu *message;

    if ((tcpinfo->flags & TH_ACK) == 0)
        return false;
    end = tcpinfo->lastackseq + in_flight(analysis);
    message = (struct tcp_multisegment_pdu *)wmem_tree_lookup32_le(analysis->rev->multisegment_pdus, end - 1);
    if (message == NULL || !GT_SEQ(message->nxtpdu, end))
        return false;
    /* As where somebody asks for one segment more. */
    message->nxtpdu = end + 1;
    message->flags |= MSP_FLAGS_REASSEMBLE_ENTIRE_SEGMENT;
    return true;
}
