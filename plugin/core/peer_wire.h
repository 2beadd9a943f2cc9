/* peer_wire.h
 * The BitTorrent peer wire protocol: the message table, where a message ends, and what is in it.
 *
 *    handshake   <19> "BitTorrent protocol" <reserved: 8> <info hash: 20> <peer id: 20>            BEP 3
 *    message     <length: 4, big-endian> <id: 1> <payload: length - 1>;  length 0 is a keep-alive  BEP 3
 *    extended    id 20: <extended id: 1> <payload>; extended id 0 is the extension handshake       BEP 10
 *    DontHave    extended, the id that the receiver gave to lt_donthave: <piece index: 4>          BEP 54
 *
 * Pure: bytes in, structs out, no allocation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PEER_WIRE_H
#define PEER_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* Longest message that is followed, length prefix included. Beyond it the length is taken for garbage. */
#define PEER_MESSAGE_SIZE_MAX (16U * 1024 * 1024)

#define PEER_PREFIX_SIZE          4U
#define PEER_HANDSHAKE_SIZE       68U
#define PEER_HANDSHAKE_MAGIC_SIZE 20U
#define PEER_PIECE_HEADER_SIZE    (PEER_PREFIX_SIZE + 9) /* prefix, id, index, begin */
#define PEER_REQUEST_SIZE         (PEER_PREFIX_SIZE + 13)
#define PEER_EXTENDED_HEADER_SIZE (PEER_PREFIX_SIZE + 2) /* prefix, id, extended id */

/* X(id, NAME, least legal length, greatest legal length): the length is that of the prefix, so it counts the id.
 * BEP 3 (0-9), BEP 6 (13-17), BEP 10 (20), BEP 52 (21-23). */
#define PEER_MESSAGES(X)                                                                                             \
    X(0, CHOKE, 1, 1)                                                                                                \
    X(1, UNCHOKE, 1, 1)                                                                                              \
    X(2, INTERESTED, 1, 1)                                                                                           \
    X(3, NOT_INTERESTED, 1, 1)                                                                                       \
    X(4, HAVE, 5, 5)                                                                                                 \
    X(5, BITFIELD, 2, 0x200001)                                                                                      \
    X(6, REQUEST, 13, 13)                                                                                            \
    X(7, PIECE, 9, 0x100009)                                                                                         \
    X(8, CANCEL, 13, 13)                                                                                             \
    X(9, PORT, 3, 3)                                                                                                 \
    X(13, SUGGEST_PIECE, 5, 5)                                                                                       \
    X(14, HAVE_ALL, 1, 1)                                                                                            \
    X(15, HAVE_NONE, 1, 1)                                                                                           \
    X(16, REJECT_REQUEST, 13, 13)                                                                                    \
    X(17, ALLOWED_FAST, 5, 5)                                                                                        \
    X(20, EXTENDED, 2, 0x100000)                                                                                     \
    X(21, HASH_REQUEST, 49, 49)                                                                                      \
    X(22, HASHES, 49, 0x100031)                                                                                      \
    X(23, HASH_REJECT, 49, 49)

enum peer_message_id {
#define X(id, name, least, greatest) PEER_##name = (id),
    PEER_MESSAGES(X)
#undef X
    /* Not ids of the protocol: ids are one byte. */
    PEER_HANDSHAKE = 256, /* the 68 bytes that open a connection */
    PEER_KEEP_ALIVE       /* a length of 0, no id */
};

/* The base message that one client sends in place of an extended DontHave: its id, and its length with the id. */
#define PEER_BASE_DONTHAVE_ID     18
#define PEER_BASE_DONTHAVE_LENGTH 5U

/* One decoded message. Which members are valid follows from the id. */
struct peer_message {
    unsigned       id;               /* enum peer_message_id, or any other byte for an unknown message */
    bool           complete;         /* the members below could be read: captured, and a legal length */
    uint32_t       index;            /* HAVE, REQUEST, PIECE, CANCEL, SUGGEST_PIECE, REJECT_REQUEST, ALLOWED_FAST */
    uint32_t       begin;            /* REQUEST, PIECE, CANCEL, REJECT_REQUEST: byte offset in the piece */
    uint32_t       length;           /* the same four: bytes of the block */
    uint8_t        extended_id;      /* EXTENDED */
    bool           fast;             /* HANDSHAKE: reserved bit of the Fast extension (BEP 6) */
    bool           extension;        /* HANDSHAKE: reserved bit of the extension protocol (BEP 10) */
    const uint8_t *payload;          /* what follows the id (EXTENDED: the extended id); not owned */
    uint32_t       payload_size;     /* bytes of it on the wire */
    uint32_t       payload_captured; /* bytes of it that can be read */
};

/* What peer_wire_size() says besides a size. */
#define PEER_SIZE_UNKNOWN 0U         /* the prefix is not complete yet */
#define PEER_SIZE_BAD     UINT32_MAX /* no message starts like this */

/* The size in bytes, length prefix included, of the message that starts at data; PEER_SIZE_UNKNOWN where the
 * captured bytes do not tell yet, PEER_SIZE_BAD for a length beyond PEER_MESSAGE_SIZE_MAX. BEP 3. */
uint32_t peer_wire_size(const uint8_t *data, uint32_t captured);

/* How many of the reported bytes at data are complete messages, which start at the first byte. Sets *next_size to
 * what peer_wire_size() says of the message after them (PEER_SIZE_UNKNOWN also where nothing follows). */
uint32_t peer_wire_complete(const uint8_t *data, uint32_t captured, uint32_t reported, uint32_t *next_size);

/* What every program knows: a bit for each id of BEP 3, 6 and 10, of which PEER_EXTENDED is the last, and messages up to a
 * block of 16 KiB. */
enum peer_usual {
#define X(id, name, least, greatest) | ((id) <= PEER_EXTENDED ? 1 << (id) : 0)
    PEER_USUAL_IDS = 0 PEER_MESSAGES(X),
#undef X
    PEER_USUAL_SIZE_MAX = PEER_PIECE_HEADER_SIZE + 16384
};

/* Whether a program may not know the message, the first captured bytes of which are at data, and so not where it ends. */
static inline bool
peer_wire_is_unusual(const uint8_t *data, uint32_t captured, uint32_t size)
{
    if (size > PEER_USUAL_SIZE_MAX)
        return true;
    return captured > PEER_PREFIX_SIZE && data[0] == 0 /* else it is the handshake */
           && (data[PEER_PREFIX_SIZE] > PEER_EXTENDED || (PEER_USUAL_IDS >> data[PEER_PREFIX_SIZE] & 1) == 0);
}

/* How many of size bytes, which are complete messages, come up to the end of the first unusual one; size: there is none. */
uint32_t peer_wire_until_unusual(const uint8_t *data, uint32_t size);

/* Whether the payload of a message begins with the index of a piece. */
static inline bool
peer_wire_names_piece(uint8_t id)
{
    switch (id) {
    case PEER_HAVE:
    case PEER_REQUEST:
    case PEER_PIECE:
    case PEER_CANCEL:
    case PEER_SUGGEST_PIECE:
    case PEER_REJECT_REQUEST:
    case PEER_ALLOWED_FAST:
        return true;
    default:
        return false;
    }
}

/* Whether a message announces pieces: Have, Bitfield or Have All. It may take back a DontHave before it. */
bool peer_wire_announces(const uint8_t *data, uint32_t captured, uint32_t size);

/* Whether data, taken from anywhere in a stream, starts with a plausible chain of messages: legal ids with legal
 * lengths to the end of the data, and more than keep-alives, which zeros look like. Used to find sync again. */
bool peer_wire_plausible(const uint8_t *data, uint32_t captured, uint32_t reported);

/* The PEER_HANDSHAKE_MAGIC_SIZE bytes that the handshake of BEP 3 begins with. */
extern const uint8_t peer_handshake_magic[];

/* Whether data, which is not plausible, may be so with what follows it: it is the beginning of a message or of a handshake,
 * and too short to tell. */
bool peer_wire_may_begin(const uint8_t *data, uint32_t size);

/* Whether data starts with the handshake of BEP 3. */
bool peer_wire_is_handshake(const uint8_t *data, uint32_t captured);

/* Decodes the message of size bytes (prefix included) whose first captured bytes are at data. Never fails: what
 * cannot be read leaves complete false. The payload points into data. */
void peer_wire_decode(const uint8_t *data, uint32_t captured, uint32_t size, struct peer_message *message);

/* Writes a Request (BEP 3), PEER_REQUEST_SIZE bytes. */
void peer_wire_encode_request(uint32_t index, uint32_t begin, uint32_t length, uint8_t *data);

/* How many of a message's first bytes are worth holding while it is put together from pieces of a stream: all of
 * it, or its header where the rest is a block. data holds at least captured bytes of it. At most 64 KiB, but for a
 * Bitfield, which is held whole. */
uint32_t peer_wire_worth_holding(const uint8_t *data, uint32_t captured, uint32_t size);

#endif
