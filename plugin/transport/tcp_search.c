/* tcp_search.c
 * TCP connections that may be encrypted, see tcp_search.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_search.h"

#include <string.h>

#include "core/mse_evidence.h"
#include "peer/mse_keys.h"
#include "peer/packet-bt-mse.h"
#include "peer/packet_facts.h"

static uint8_t         ports[65536 / 8];    /* bit (source port xor destination port): one of them may be searched */
static struct mse_feed none;                /* of connections whose search is over */

static unsigned
port_pair(const packet_info *pinfo)
{
    return (pinfo->srcport ^ pinfo->destport) & 0xffff;
}

bool
tcp_search_may_concern(tvbuff_t *tvb, const packet_info *pinfo)
{
    uint32_t captured = tvb_captured_length(tvb);
    unsigned pair = port_pair(pinfo);

    if ((ports[pair / 8] & 1 << pair % 8) != 0)
        return true;
    captured = MIN(captured, MSE_FIRST_BYTES);
    return captured > 0 && mse_may_begin(tvb_get_ptr(tvb, 0, (int)captured), captured);
}

struct feed_chunk
tcp_search_chunk(struct mse_feed *mse, enum peer_side from, uint32_t seq, tvbuff_t *tvb, const packet_info *pinfo)
{
    struct feed_chunk chunk = {
        .bytes = { .captured = tvb_captured_length(tvb), .reported = tvb_reported_length(tvb) },
        .place = seq, .frame = pinfo->num
    };

    chunk.bytes.data = tvb_get_ptr(tvb, 0, (int)chunk.bytes.captured);
    chunk.bytes.position = mse->sides[from].has_base ? mse_feed_position(mse, from, pinfo->num, seq)
                           : tcp_first_position(seq);
    mse_feed_reach(mse, from, pinfo->num, chunk.bytes.position);
    return chunk;
}

/* The connection, where it is searched, or its search can begin with this segment. */
static struct mse_feed *
get(conversation_t *conversation, tvbuff_t *tvb)
{
    struct mse_feed *mse = (struct mse_feed *)conversation_get_proto_data(conversation, proto_bt_mse);
    uint32_t         captured = tvb_captured_length(tvb);

    if (mse != NULL)
        return mse;
    mse = mse_feed_new(mse_connections(), MSE_OVER_TCP, tvb_get_ptr(tvb, 0, (int)captured), captured);
    if (mse == NULL)
        mse = &none;
    conversation_add_proto_data(conversation, proto_bt_mse, mse);
    return mse;
}

/* Nothing is kept of a connection but that its search is over. */
static void
forget(conversation_t *conversation, struct mse_feed *mse)
{
    conversation_add_proto_data(conversation, proto_bt_mse, &none);
    mse_feed_free(mse);
}

struct mse_feed *
tcp_search(conversation_t *conversation, enum peer_side from, uint32_t seq, tvbuff_t *tvb, const packet_info *pinfo,
           bool *is_over)
{
    struct mse_feed   *mse = get(conversation, tvb);
    struct feed_packet packet = { .from = from, .frame = pinfo->num };
    struct feed_chunk  chunk;
    unsigned           pair = port_pair(pinfo);

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    *is_over = true;
    if (mse == &none)
        return NULL;
    if (mse->state == MSE_FEED_SEARCHING) {
        ports[pair / 8] |= (uint8_t)(1 << pair % 8);
        chunk = tcp_search_chunk(mse, from, seq, tvb, pinfo);
        if (mse_feed_search(mse, &packet, &chunk, false))
            return mse;
    }
    if (mse->state == MSE_FEED_OTHER)
        forget(conversation, mse);
    else
        *is_over = false;
    return NULL;
}

void
tcp_search_give_up(conversation_t *conversation, const packet_info *pinfo _U_)
{
    struct mse_feed *mse = (struct mse_feed *)conversation_get_proto_data(conversation, proto_bt_mse);

    if (mse == NULL || mse == &none)
        return;
    mse_feed_give_up(mse);
    forget(conversation, mse);
}

void
tcp_search_begin_capture(void)
{
    memset(ports, 0, sizeof ports);
    none.state = MSE_FEED_OTHER;
}
