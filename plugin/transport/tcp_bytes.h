/* tcp_bytes.h
 * Bytes of one side of a TCP connection, as a call of the dissector has them: asked for once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TCP_BYTES_H
#define TCP_BYTES_H

#include "peer/ws_compat.h"

#include <epan/dissectors/packet-tcp.h>
#include <epan/packet.h>

#include "peer/packet_facts.h"

/* A segment, what TCP put together from several, or the payload of an encrypted one. */
struct tcp_bytes {
    enum peer_side from;
    uint32_t       seq; /* of the first byte */
    tvbuff_t      *tvb;
    const uint8_t *data; /* NULL: none */
    uint32_t       captured;
    uint32_t       reported;
};

static inline struct tcp_bytes
tcp_bytes_of(tvbuff_t *tvb, enum peer_side from, uint32_t seq)
{
    struct tcp_bytes bytes = { .from = from, .seq = seq, .tvb = tvb };

    bytes.captured = tvb_captured_length(tvb);
    bytes.reported = tvb_reported_length(tvb);
    bytes.data = bytes.captured > 0 ? tvb_get_ptr(tvb, 0, (int)bytes.captured) : NULL;
    return bytes;
}

/* What TCP hands over. It gives the sequence number of the segment, and may have stepped over the rest of a message that it
 * could not reassemble. tcpinfo: NULL where something else than TCP calls; the sequence number is not known then. */
static inline struct tcp_bytes
tcp_bytes_of_segment(tvbuff_t *tvb, const packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    struct tcp_bytes bytes = tcp_bytes_of(tvb, packet_sender(pinfo), tcpinfo != NULL ? tcpinfo->seq : 0);
    uint32_t         length = tcpinfo != NULL ? tcpinfo->nxtseq - tcpinfo->seq : 0;

    if (tcpinfo != NULL && !tcpinfo->is_reassembled && length > bytes.reported)
        bytes.seq += length - bytes.reported;
    return bytes;
}

#endif
