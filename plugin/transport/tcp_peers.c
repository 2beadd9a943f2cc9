/* tcp_peers.c
 * A TCP conversation of BitTorrent peers, see tcp_peers.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_peers.h"

#include "core/peer_wire.h"
#include "peer/packet_facts.h"
#include "peer/packet_watch.h"
#include "peer/recent_conversations.h"
#include "transport/tcp_search.h"

/* Bits of tcp.completeness: the conversation had such a segment. */
#define COMPLETENESS_FIN 0x10
#define COMPLETENESS_RST 0x20

static bool reassembles_out_of_order; /* a preference of TCP; read for each capture */

void
tcp_peers_end(struct tcp_peers *peers)
{
    if (peers->watched)
        packet_watch_remove();
    peers->watched = false;
    peer_feed_end(&peers->feed);
}

/* A conversation before this one on the same ports is over, though no FIN or RST of it was captured. */
static void
end_former(const conversation_t *conversation, const packet_info *pinfo)
{
    const conversation_t *former = NULL;
    struct tcp_peers     *peers = NULL;

    if (conversation->setup_frame > 1)
        former = find_conversation(conversation->setup_frame - 1, &pinfo->src, &pinfo->dst, CONVERSATION_TCP,
                                   pinfo->srcport, pinfo->destport, 0);
    if (former != NULL && former != conversation)
        peers = tcp_peers_of(former);
    if (peers != NULL)
        tcp_peers_end(peers);
}

struct tcp_peers *
tcp_peers_new(conversation_t *conversation, const packet_info *pinfo)
{
    struct tcp_peers *peers = wmem_new0(wmem_file_scope(), struct tcp_peers);

    if (!PINFO_FD_VISITED(pinfo))
        end_former(conversation, pinfo);
    peer_feed_init(&peers->feed, wmem_file_scope(), bt_peer_setup());
    conversation_add_proto_data(conversation, proto_bt_peer, peers);
    return peers;
}

/* A sequence number of 32 bits as the nearest 64-bit one to those seen before. */
static uint64_t
widen(uint64_t *highest, uint32_t number)
{
    if (*highest == 0)
        *highest = tcp_first_position(number);
    return *highest + (uint64_t)(int64_t)(int32_t)(number - (uint32_t)*highest);
}

/* --- what the first pass found out --- */

static void
remember_layout(struct tcp_peers *peers, uint32_t frame, uint32_t seq, const struct segment_layout *layout)
{
    if (peers->layouts == NULL)
        peers->layouts = wmem_map_new(wmem_file_scope(), g_int64_hash, g_int64_equal);

    uint64_t *key = wmem_new(wmem_file_scope(), uint64_t);
    *key = (uint64_t)frame << 32 | seq;
    wmem_map_insert(peers->layouts, key, wmem_memdup(wmem_file_scope(), layout, sizeof *layout));
}

struct segment_layout
tcp_peers_layout(const struct tcp_peers *peers, enum peer_side from, uint32_t frame, uint32_t seq)
{
    struct segment_layout  usual = { .framed = true, .may_ask = true };
    uint32_t               synced_in = peers->feed.synced_in[from];
    uint64_t               key = (uint64_t)frame << 32 | seq;
    struct segment_layout *layout = NULL;

    if (synced_in == 0 || frame < synced_in)
        usual.framed = false;
    if (peers->layouts != NULL)
        layout = (struct segment_layout *)wmem_map_lookup(peers->layouts, &key);
    return layout != NULL ? *layout : usual;
}

/* --- the first pass --- */

/* What the user is told where bytes before the chunk are missing. */
static void
describe_missing(uint64_t missing, char *text, size_t size)
{
    g_snprintf(text, (gulong)size, "%" PRIu64 " byte%s of this peer's stream %s missing before this segment%s",
               missing, missing == 1 ? "" : "s", missing == 1 ? "is" : "are",
               reassembles_out_of_order ? ""
                                        : "; if they come later in the capture, the preference "
                                          "tcp.reassemble_out_of_order puts them in their place");
}

static void
watch(struct tcp_peers *peers, conversation_t *conversation, packet_info *pinfo)
{
    peers->watched = true;
    peers->analysis = get_tcp_conversation_data(conversation, pinfo);
    peers->completeness = peers->analysis->conversation_completeness;
    packet_watch_add(pinfo);
}

/* Whether TCP has put bytes together that it withheld for somebody else (tcp_withheld.h). */
static bool
takes_released(struct mse_feed *mse, enum peer_side from, const struct tcpinfo *tcpinfo)
{
    if (!mse->sides[from].released || !tcpinfo->is_reassembled)
        return false;
    mse->sides[from].released = false;
    return true;
}

/* Whether this packet is needed on later passes for more than its own bytes. Where a message that goes on after it is asked
 * for, TCP may call nobody for it then. mse: NULL where there is none. */
static bool
shows_more(struct mse_feed *mse, const struct feed_packet *packet, const struct tcpinfo *tcpinfo)
{
    if (mse == NULL)
        return false;

    bool released = takes_released(mse, packet->from, tcpinfo);
    return released || (mse->last_late != NULL && mse->last_late->shown_in == packet->frame);
}

/* Whether the built-in dissector may ask TCP for what it lacks of the last message in a chunk that was read already. Where the
 * chunk begins within a message, its lengths mean nothing: TCP would withhold what comes next for them, or what is still to
 * fill a hole. */
static bool
may_ask_again(const struct message_stream *stream, const struct stream_chunk *chunk)
{
    uint32_t size, at = peer_wire_complete(chunk->data, chunk->captured, chunk->reported, &size);

    if (chunk->begins_read)
        return false;
    return stream->has_stray /* the next one may tell that it is the stream */
           || size == PEER_SIZE_UNKNOWN || chunk->position + at + size <= stream->end + stream->comes_again;
}

bool
tcp_peers_read(struct tcp_peers *peers, conversation_t *conversation, const struct tcp_bytes *bytes,
               packet_info *pinfo, const struct tcpinfo *tcpinfo, bool comes_again)
{
    const enum peer_side         from = bytes->from;
    const struct message_stream *stream = &peers->feed.streams[from];
    const struct feed_packet     packet = { .from = from, .frame = pinfo->num, .time = packet_time(pinfo) };
    const bool                   asks = comes_again && !shows_more(peers->mse, &packet, tcpinfo);
    struct feed_chunk            chunk = { .bytes = { .position = widen(&peers->highest_seq[from], bytes->seq),
                                                      .data = bytes->data,
                                                      .captured = bytes->captured,
                                                      .reported = bytes->reported,
                                                      .reassembles = asks,
                                                      .waits = asks },
                                           .place = bytes->seq,
                                           .frame = pinfo->num,
                                           .has_ack = (tcpinfo->flags & TH_ACK) != 0 };
    struct segment_layout        layout = { .framed = true, .may_ask = true };
    char                         lacking[192];

    DISSECTOR_ASSERT(!PINFO_FD_VISITED(pinfo));
    peer_connection_begin_packet(peers->feed.connection, pinfo->num, packet_number(pinfo));
    peers->highest_seq[from] = MAX(peers->highest_seq[from], chunk.bytes.position);
    if (chunk.has_ack)
        chunk.ack = widen(&peers->highest_seq[other_side(from)], tcpinfo->lastackseq);
    if (stream->has_end && chunk.bytes.position > stream->end + stream->comes_again) {
        describe_missing(chunk.bytes.position - stream->end - stream->comes_again, lacking, sizeof lacking);
        chunk.lacking = lacking;
        chunk.describe_missing = describe_missing;
    }

    switch (peer_feed_chunk(&peers->feed, &packet, &chunk, &layout.first)) {
    case CHUNK_NEW:
        layout.may_ask = chunk.bytes.reassembles || !comes_again;
        break;
    case CHUNK_REPEATED:
        layout.framed = false;
        layout.may_ask = may_ask_again(stream, &chunk.bytes);
        break;
    case CHUNK_UNSYNCED:
        layout.framed = false;
        layout.may_ask = stream->sync == STREAM_UNKNOWN;
        layout.waits = chunk.bytes.waits;
        break;
    }
    if (!layout.may_ask || layout.waits || (layout.framed ? layout.first > 0 : peers->feed.synced_in[from] != 0))
        remember_layout(peers, pinfo->num, bytes->seq, &layout);
    if (!peers->watched && peer_connection_watches(peers->feed.connection))
        watch(peers, conversation, pinfo);
    return layout.framed && layout.first == 0 && stream->sync == STREAM_OK && stream->end == stream->start
           && stream->comes_again == 0 && bytes->captured == bytes->reported && !chunk.has_unusual;
}

/* Any packet of a TCP conversation, while one of them is watched. */
static void
take_watched_packet(packet_info *pinfo)
{
    conversation_t   *conversation = recent_conversation(pinfo);
    struct tcp_peers *peers = NULL;

    if (conversation != NULL)
        peers = tcp_peers_of(conversation);
    if (peers == NULL || !peers->watched)
        return;

    uint8_t before = peers->completeness;

    /* It sums up the conversation: what is new in it is of this packet. */
    peers->completeness = peers->analysis->conversation_completeness;
    peers->feed.connection->round_trip = time_to_ns(&peers->analysis->ts_first_rtt);
    peer_connection_packet(peers->feed.connection, packet_sender(pinfo), pinfo->num, packet_time(pinfo),
                           (peers->completeness & ~before & (COMPLETENESS_FIN | COMPLETENESS_RST)) != 0);
    if (!peer_connection_watches(peers->feed.connection)) {
        peers->watched = false;
        packet_watch_remove();
    }
}

/* --- registration --- */

void
tcp_peers_begin_capture(bool out_of_order)
{
    reassembles_out_of_order = out_of_order;
}

void
proto_reg_handoff_tcp_peers(void)
{
    packet_watch_set_tcp(take_watched_packet);
}
