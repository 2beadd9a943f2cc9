/* tcp_search.c
 * TCP connections that may be encrypted, see tcp_search.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_search.h"

#include "peer/mse_keys.h"
#include "peer/packet-bt-mse.h"
#include "transport/tcp_early.h"

static struct mse_feed none; /* stands for nobody's whose search is over */

static struct feed_chunk
make_chunk(struct mse_feed *mse, enum peer_side from, uint32_t seq, const struct stream_chunk *bytes, uint32_t frame)
{
    struct feed_chunk chunk = { .bytes = *bytes, .place = seq, .frame = frame };

    chunk.bytes.position = mse->sides[from].has_base ? mse_feed_position(mse, from, frame, seq)
                                                     : tcp_first_position(seq);
    mse_feed_reach(mse, from, frame, chunk.bytes.position);
    return chunk;
}

struct feed_chunk
tcp_search_chunk(struct mse_feed *mse, const struct tcp_bytes *bytes, const packet_info *pinfo,
                 const struct tcpinfo *tcpinfo)
{
    struct stream_chunk stream = { .data = bytes->data, .captured = bytes->captured, .reported = bytes->reported };
    struct feed_chunk   chunk = make_chunk(mse, bytes->from, bytes->seq, &stream, pinfo->num);

    /* Also without the flag ACK: TCP takes that number for one, too, and withholds what comes late after it. */
    chunk.has_ack = true;
    chunk.ack = mse_feed_position(mse, other_side(bytes->from), pinfo->num, tcpinfo->lastackseq);
    return chunk;
}

/* A new connection, of which one side sends these bytes first; none where they cannot be MSE. */
static struct mse_feed *
begin(const uint8_t *data, uint32_t size)
{
    struct mse_feed *mse = mse_feed_new(mse_connections(), MSE_OVER_TCP, data, size);

    return mse != NULL ? mse : &none;
}

/* Searches what was kept: only what can be MSE is. */
static struct mse_feed *
catch_up(const struct early_connection *early)
{
    struct mse_feed *mse = begin(early->bytes[early->segments[0].side], early->segments[0].size);
    uint32_t         at[2] = { 0, 0 };

    for (uint32_t i = 0; i < early->count; i++) {
        const struct early_segment *segment = &early->segments[i];
        enum peer_side              from = (enum peer_side)segment->side;
        struct stream_chunk         bytes = { .data = early->bytes[from] + at[from],
                                              .captured = segment->size,
                                              .reported = segment->size };
        struct feed_packet          packet = { .from = from, .frame = segment->frame };
        struct feed_chunk chunk = make_chunk(mse, from, early->seq[from] + at[from], &bytes, segment->frame);

        at[from] += segment->size;
        mse_feed_search(mse, &packet, &chunk, false);
    }
    return mse;
}

/* The connection, where it is searched, or its search can begin with this segment; else &none. */
static struct mse_feed *
get(conversation_t *conversation, const struct tcp_bytes *bytes, const packet_info *pinfo)
{
    struct mse_feed               *mse = (struct mse_feed *)conversation_get_proto_data(conversation, proto_bt_mse);
    const struct early_connection *early;

    if (mse != NULL)
        return mse;
    if (!tcp_early_hand_over(conversation, pinfo, &early))
        mse = &none;
    else if (early != NULL)
        mse = catch_up(early);
    else
        mse = begin(bytes->data, bytes->captured);
    if (mse != &none)
        conversation_add_proto_data(conversation, proto_bt_mse, mse);
    return mse;
}

/* Nothing is kept of a connection. */
static void
forget(conversation_t *conversation, struct mse_feed *mse)
{
    conversation_delete_proto_data(conversation, proto_bt_mse);
    mse_feed_free(mse);
}

void
tcp_search_never_again(conversation_t *conversation)
{
    conversation_add_proto_data(conversation, proto_bt_mse, &none);
}

struct mse_feed *
tcp_search(conversation_t *conversation, const struct tcp_bytes *bytes, const packet_info *pinfo,
           const struct tcpinfo *tcpinfo, bool *is_over)
{
    struct mse_feed   *mse = get(conversation, bytes, pinfo);
    struct feed_packet packet = { .from = bytes->from, .frame = pinfo->num };
    struct feed_chunk  chunk;

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    *is_over = true;
    if (mse == &none)
        return NULL;
    chunk = tcp_search_chunk(mse, bytes, pinfo, tcpinfo);
    if (mse_feed_search(mse, &packet, &chunk, false))
        return mse;
    if (mse->state == MSE_FEED_OTHER)
        forget(conversation, mse);
    else
        *is_over = false;
    return NULL;
}

struct mse_feed *
tcp_search_looks_encrypted(conversation_t *conversation)
{
    struct mse_feed *mse = (struct mse_feed *)conversation_get_proto_data(conversation, proto_bt_mse);

    return mse != NULL && mse != &none && mse_feed_looks_encrypted(mse) ? mse : NULL;
}

bool
tcp_search_give_up(conversation_t *conversation)
{
    struct mse_feed *mse = (struct mse_feed *)conversation_get_proto_data(conversation, proto_bt_mse);

    if (mse == NULL || mse == &none)
        return true;
    if (mse_feed_has_keys(mse))
        return false;
    mse_feed_give_up(mse);
    forget(conversation, mse);
    return true;
}
