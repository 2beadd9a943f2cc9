/* message_bytes.h
 * The bytes of a message that has a note, as a tvb: those of its packet, or those that the note holds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MESSAGE_BYTES_H
#define MESSAGE_BYTES_H

#include "peer/ws_compat.h"

#include <epan/packet.h>

#include "core/notes.h"

/* Bytes that notes of a frame hold, as one data source: Wireshark walks the list of them for each new one. */
struct joined_messages {
    uint32_t  first; /* numbers of the first note that is looked at and of the one after the last; both 0: none */
    uint32_t  end;
    tvbuff_t *tvb;     /* NULL: they are few, each has a source of its own */
    uint32_t *offsets; /* in tvb, by the number of the note since first */
};

/* What a packet has of one side, and the notes of its frame. */
struct message_bytes {
    tvbuff_t                   *tvb;
    enum peer_side              from;
    uint32_t                    place; /* of the first byte of tvb, see struct feed_chunk */
    struct message_note *const *notes; /* of either side */
    uint32_t                    count;
    struct joined_messages     *joined; /* of this frame and side; zeroed before the first call */
};

/* The bytes of the message of the note with that number. All of the packet's, where neither it nor the note has them. */
tvbuff_t *message_bytes_tvb(const struct message_bytes *bytes, uint32_t number, packet_info *pinfo);

#endif
