/* packet-bt-peer.h
 * The protocol bt.peer: connections of BitTorrent peers, whatever carries them, and what their messages have to show.
 *
 * A transport finds the plain bytes of a peer in a packet, makes one tvb of them, and calls bt_peer_show_messages() or
 * bt_peer_show_notes() on each pass. An extension registers what it listens with (peer_observer.h) and what it shows on
 * messages that are not its own. Its own messages come to it as to any dissector in the heuristic list
 * "bittorrent.extended": each extended message (BEP 10) is offered there under the name that was negotiated for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PACKET_BT_PEER_H
#define PACKET_BT_PEER_H

#include "peer/ws_compat.h"

#include <epan/packet.h>
#include <epan/range.h>

#include "core/peer_connection.h"

/* --- for extensions --- */

/* The heuristic list. Its dissectors get the payload of one extended message, after the extended id, as tvb, and as
 * data a const struct bt_peer_extended. They test name first, and return whether the message was theirs. */
#define BT_PEER_EXTENDED_LIST "bittorrent.extended"

struct bt_peer_extended {
    uint8_t                       id;   /* extended message id on the wire */
    const char                   *name; /* of the extension, as the receiver negotiated; NULL: unknown */
    enum peer_side                sender;
    const struct peer_connection *connection;
    const struct message_note    *note; /* of this message */
};

/* An extension with memory. */
struct bt_peer_extension {
    const struct peer_observer *observer;
    /* Shows what it has to say of a message that was not offered to it. tvb holds the message, or as much of it as there
     * is. */
    void (*show)(const struct peer_connection *connection, const struct message_note *note, tvbuff_t *tvb,
                 packet_info *pinfo, proto_tree *tree);
    range_t *const *fallback_ids; /* a preference: ids to assume where no handshake tells; NULL: there is none */
};

/* Adds an extension, at start-up. It must outlive the program's use of it. */
void bt_peer_add_extension(const struct bt_peer_extension *extension);

/* Whether so many more items of ours may be added to a frame: a frame with more than BT_PEER_ITEMS_MAX shows a count
 * instead (Wireshark takes a million items for an endless loop). */
#define BT_PEER_ITEMS_MAX 200000U
bool bt_peer_may_add(packet_info *pinfo, unsigned items);

/* Parts a text of ours from what is in the Info column. False: that is full, and to append to it takes thousands of
 * instructions for nothing. */
bool bt_peer_separate_info(packet_info *pinfo);

/* Whether a text of so many characters may go into the Info column now, and what the built-in dissector says of the
 * messages that follow in the packet will still fit. */
bool bt_peer_info_has_room(packet_info *pinfo, size_t length);

/* --- for transports --- */

extern int proto_bt_peer;              /* what keeps data of the capture, and is switched off */
extern int proto_bt_peer_in_name_only; /* of wrappers that add no layer of their own */

/* Whether the user wants us, the dissectors that we stand in for, and a heuristic. */
bool bt_peer_enabled(dissector_handle_t wrapped, const char *heuristic);

/* The observers, and what the user says of ids. For this capture. */
const struct peer_setup *bt_peer_setup(void);

/* The bytes of one side in one packet. */
struct bt_peer_view {
    struct peer_connection *connection;
    enum peer_side          from;
    uint32_t                place; /* of the first byte of tvb, see struct feed_chunk */
    tvbuff_t               *tvb;
    bool                    whole_frame; /* all that the frame has of this side; else there may be other calls for
                                               it */
    /* Calls the built-in dissector for a part of tvb. */
    void (*show_builtin)(tvbuff_t *part, packet_info *pinfo, proto_tree *tree, void *data);
    dissector_handle_t builtin;
    void              *data;
};

/* Shows complete messages, which fill tvb from offset on for length bytes: what the built-in dissector has to say of
 * each, and then what we have. */
void bt_peer_show_messages(const struct bt_peer_view *view, uint32_t offset, uint32_t length, packet_info *pinfo,
                           proto_tree *tree);

/* Whether there is anything of ours to show in the packet. */
bool bt_peer_has_notes(const struct bt_peer_view *view, const packet_info *pinfo);

/* Shows what we have to say, and that was not shown yet. */
void bt_peer_show_notes(const struct bt_peer_view *view, packet_info *pinfo, proto_tree *tree);

/* Shows which frames (count of them) a message of size bytes was put together from. */
void bt_peer_show_reassembled(tvbuff_t *message, uint32_t size, const uint32_t *frames, uint32_t count,
                              packet_info *pinfo, proto_tree *tree);

void proto_register_bt_peer(void);
void proto_reg_handoff_bt_peer(void);

#endif
