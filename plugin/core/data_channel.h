/* data_channel.h
 * A data channel of WebRTC (RFC 8831) that may be a BitTorrent connection. The messages of a channel are no messages of
 * BitTorrent: those begin and end anywhere in them. Both directions are streams of bytes.
 *
 * A channel is BitTorrent once one of the peers has sent the handshake of BEP 3 at the beginning of a message, or cut into
 * several at the beginning of the channel. Until then nothing is kept of it but the first bytes of a handshake.
 *
 * What is to be shown comes out as parts: whole messages that lie in one chunk of the packet that is being read, or one
 * that was put together.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DATA_CHANNEL_H
#define DATA_CHANNEL_H

#include "core/data_channel_state.h"
#include "core/peer_feed.h"
#include "core/sctp_messages.h"

/* How far the unknown bytes of a hole move the positions after it: more than any message is long. */
#define CHANNEL_GAP_SIZE ((uint64_t)1 << 32)

/* Some bytes to be shown in a frame. Final when made. */
struct channel_part {
    struct channel_part    *next;
    struct peer_connection *connection;
    enum peer_side          from;
    uint32_t                frame;
    uint32_t                packet; /* of those of the frame, see struct sctp_place */
    uint32_t                place;  /* see struct feed_chunk */
    uint32_t                size;
    bool                    is_messages;    /* whole ones; else no messages were found in it */
    uint32_t                message_size;   /* of the SCTP message in which it ends */
    uint32_t                message_offset; /* and where its payload is in the packet; 0: not as a whole */
    uint32_t                offset;         /* in the packet, of the first byte; 0: data has them */
    uint8_t                *data;           /* put together, or of another packet; NULL: see offset */
    uint32_t               *frames;         /* data: that hold it */
    uint32_t                frame_count;
};

/* Parts in their order. */
struct channel_parts {
    struct channel_part  *first;
    struct channel_part **end;
};

/* What one side sends. First pass only. */
struct channel_direction {
    struct channel_state state;
    uint64_t             position;    /* in the stream, of the first byte that is held, or the next one */
    struct channel_state before_hole; /* as it was before the last hole that may still be filled */
    uint64_t             missing;     /* chunks that are missing before the next message */
    bool                 took_late;   /* since it is told again, something was read that was not before */
};

struct data_channel {
    wmem_allocator_t        *scope;
    const struct peer_setup *setup;
    bool                     claimed;      /* it is BitTorrent, and feed is valid */
    struct data_channel     *next_claimed; /* for the caller */
    struct peer_feed         feed;
    struct channel_direction directions[2]; /* by enum peer_side */
    uint16_t                 stream;        /* of the association */
};

/* The packet that is being read, and where what is to be shown goes. */
struct channel_packet {
    enum peer_side        from;
    struct sctp_place     place;
    uint32_t              number; /* see notes_begin_packet(); 0: the capture is over */
    struct channel_parts *parts;
};

/* A new channel, whose memory comes from scope; setup must outlive it. */
struct data_channel *data_channel_new(wmem_allocator_t *scope, const struct peer_setup *setup, uint16_t stream);

/* To be called with each message of a side, before anything else is made of it: what is missing before it, and whether
 * the stream is told again. First pass only. */
void data_channel_begin_message(struct data_channel *channel, enum peer_side from,
                                const struct sctp_message *message);

/* Takes the next message of a side; only what counts as content. True where it made the channel a BitTorrent connection.
 * First pass only. */
bool data_channel_message(struct data_channel *channel, const struct channel_packet *packet,
                          const struct sctp_message *message);

/* Whether a message makes it another channel: a stream is used anew after it was reset (RFC 8831, 6.7), which the one
 * that opens a channel says (RFC 8832), or the number of the message. */
bool data_channel_begins_anew(const struct data_channel *channel, enum peer_side from,
                              const struct sctp_message *message);

/* Nothing more will come of it: gives back what is for the first pass only, and all where nothing is to be shown. */
void data_channel_end(struct data_channel *channel);

/* Adds a part at the end of a list. */
void channel_parts_append(struct channel_parts *parts, struct channel_part *part);

/* Payload protocols (RFC 8831, 8): what opens channels, and binary content. */
enum channel_ppid { PPID_DCEP = 50, PPID_BINARY_PARTIAL = 52, PPID_BINARY = 53 };

#endif
