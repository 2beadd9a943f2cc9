/* mse_feed.h
 * Between a transport and peer_feed.h: a connection that may be encrypted (MSE). Finds out whether it is (mse_stream.h),
 * and gives the plain bytes to the feed.
 *
 *     transport        position of each chunk, as for peer_feed.h
 *        |
 *     mse_feed         offset = position - that of the first byte of the direction; handshake | payload, decrypted
 *        |
 *     peer_feed        chunks of payload, with the transport's positions and places
 *
 * Payload that can be read only some frames later (a handshake cut by packets, a key that came late) is handed on then,
 * and belongs to that frame from then on: it is kept as a struct mse_late, for display. All else is decrypted anew on each
 * pass.
 *
 *     mse_feed_search()    each chunk, on the first pass; after mse_feed_is_over() only those with a gap before them
 *     mse_feed_earlier()   then, where it is MSE: payload of earlier chunks goes to the feed
 *     mse_feed_part()      then, and on every later pass: which part of a chunk is payload
 *     mse_feed_decrypt()   its bytes
 *     mse_feed_begin()     before the first of them goes to the feed
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_FEED_H
#define MSE_FEED_H

#include "core/mse_stream.h"
#include "core/peer_feed.h"

/* Connections of a capture that are searched at the same time: each holds up to 2 * MSE_HELD_MAX bytes. Beyond that, the
 * oldest one is given up. */
#define MSE_SEARCHES_MAX 4096U

enum mse_carrier { MSE_OVER_TCP, MSE_OVER_UTP, MSE_CARRIER_COUNT };

struct mse_feed;

/* All connections of a capture that may be encrypted. */
struct mse_feeds {
    wmem_allocator_t  *scope;
    bool               enabled;         /* else mse_feed_new() makes none */
    bool               counts;          /* somebody will ask mse_feeds_unreadable() */
    struct mse_keylog *keylog;          /* NULL: the user has none */
    void (*read_keys)(void);            /* reads on in it, before it is searched; NULL: nothing to read */
    uint32_t (*count_unsearched)(void); /* connections over TCP that look encrypted, and are kept elsewhere
                                                       until there is a reason to search them; NULL: none are */
    struct mse_feed *newest;            /* of those that are searched */
    struct mse_feed *oldest;
    struct mse_feed *found;                       /* those that are MSE, the last one first */
    uint32_t         count;                       /* that are searched */
    uint32_t         given_up[MSE_CARRIER_COUNT]; /* those of them that were random bytes, if counts */
};

enum mse_feed_state {
    MSE_FEED_SEARCHING, /* nobody knows yet */
    MSE_FEED_OTHER,     /* it is something else, or cannot be told from it */
    MSE_FEED_FOUND      /* MSE, and stream tells what is known of it */
};

/* Payload that was handed to the feed in a later frame than its own. */
struct mse_late {
    struct mse_late *next; /* in the order in which they were handed over */
    unsigned         side;
    uint64_t         offset; /* of the first byte */
    uint32_t         size;
    uint32_t         place;    /* of the first byte, see struct feed_chunk; TCP only */
    uint32_t         frame;    /* that has the bytes */
    uint32_t         shown_in; /* frame */
    uint8_t          data[];   /* plain */
};

/* A position, and a frame in which it was reached. */
struct mse_checkpoint {
    uint32_t frame;
    uint64_t position;
};

/* What one side sends. */
struct mse_feed_side {
    bool     has_base;
    uint64_t base;         /* position of the first byte of the direction */
    uint32_t base_place;   /* and its place */
    uint64_t unknown_from; /* offset before which an unknown number of bytes is missing; UINT64_MAX: none is */
    bool     has_begun;    /* mse_feed_begin() has nothing to do any more; first pass only, as the next one */
    bool     released;     /* the transport has withheld bytes of it, and hands them over with the next ones */
    struct mse_checkpoint *checkpoints; /* ascending; see mse_feed_position() */
    uint32_t               checkpoint_count;
    uint32_t               checkpoint_room;
};

/* One connection. */
struct mse_feed {
    struct mse_feeds    *feeds;
    struct mse_feed     *newer; /* of those that are searched */
    struct mse_feed     *older; /* the same, or the next one that was found */
    enum mse_carrier     carrier;
    enum mse_feed_state  state;
    struct mse_stream   *stream;    /* NULL: MSE_FEED_OTHER */
    struct mse_feed_side sides[2];  /* by enum peer_side */
    struct mse_late     *late;      /* all of them */
    struct mse_late     *last_late; /* first pass only, as all below */
    bool                 has_last;  /* the next ones are valid: the chunk that was searched last */
    unsigned             last_side;
    uint32_t             last_frame;
    uint64_t             last_position;
};

/* The payload in a chunk. */
struct mse_part {
    uint64_t offset;    /* of its first byte, in the direction */
    uint32_t at;        /* in the chunk */
    uint32_t size;      /* bytes on the wire; 0: none */
    bool     encrypted; /* some of it is */
};

/* No connections yet. Memory comes from scope; keylog (or NULL) must live as long. */
void mse_feeds_init(struct mse_feeds *feeds, wmem_allocator_t *scope, struct mse_keylog *keylog);

/* At the end of the scope: gives back what is not the scope's. Nothing may be read any more. */
void mse_feeds_free(struct mse_feeds *feeds);

/* Whether both sides sent a public key, as far as can be seen in their first bytes; over TCP, also the only one that was
 * captured. Other protocols over UDP send packets that look like uTP one way. */
bool mse_looks_encrypted(enum mse_carrier carrier, const uint8_t *one, uint32_t one_size, const uint8_t *other,
                         uint32_t other_size);

/* How many connections could not be read: all of their first bytes are random, or a key matched and opens nothing. Only
 * where feeds->counts was set from the beginning. */
uint32_t mse_feeds_unreadable(const struct mse_feeds *feeds, enum mse_carrier carrier);

/* A new connection, of which one side sends these bytes first; NULL where they cannot be MSE, or nobody wants to know.
 * First pass only. */
struct mse_feed *mse_feed_new(struct mse_feeds *feeds, enum mse_carrier carrier, const uint8_t *data, uint32_t size);

/* Gives one back that is MSE_FEED_OTHER. First pass only. */
void mse_feed_free(struct mse_feed *mse);

/* Whether mse_feed_search() can learn nothing more. First pass only. */
bool mse_feed_is_over(const struct mse_feed *mse);

/* Takes the next chunk of a direction. gap: an unknown number of bytes is missing before it. True where the connection
 * turns out to be MSE with this chunk. The last chunk once more is nothing. First pass only. */
bool mse_feed_search(struct mse_feed *mse, const struct feed_packet *packet, const struct feed_chunk *chunk,
                     bool gap);

/* Whether what is known of its first bytes, of either side, is random, while it is searched. First pass only. */
bool mse_feed_looks_encrypted(const struct mse_feed *mse);

/* Whether the first bytes of both sides can be public keys, while it is searched: messages that are found after them in
 * plain do not end the search then, as the handshake in plain may be what comes next. First pass only. */
bool mse_feed_has_keys(const struct mse_feed *mse);

/* It is something else, as the caller knows. First pass only. */
void mse_feed_give_up(struct mse_feed *mse);

/* Gives payload that can be read only now, of chunks before this one, to the feed. First pass only. */
void mse_feed_earlier(struct mse_feed *mse, struct peer_feed *feed, const struct feed_packet *packet,
                      const struct feed_chunk *chunk);

/* Tells the feed where the payload of a side begins, if that is known. First pass only. */
void mse_feed_begin(struct mse_feed *mse, struct peer_feed *feed, unsigned side);

/* The payload among size bytes of a side at a position, in a frame. */
void mse_feed_part(const struct mse_feed *mse, unsigned side, uint64_t position, uint32_t size, uint32_t frame,
                   struct mse_part *part);

/* Decrypts the first captured bytes of a part, from in to out. Returns how many could be read, from the first on. */
uint32_t mse_feed_decrypt(struct mse_feed *mse, unsigned side, const struct mse_part *part, const uint8_t *in,
                          uint32_t captured, uint8_t *out);

/* The first payload that is shown in a frame without having come in it, from late on; NULL: there is none. */
const struct mse_late *mse_late_of_frame(const struct mse_late *late, uint32_t frame);

/* A position was reached in a frame. First pass only. */
void mse_feed_reach(struct mse_feed *mse, unsigned side, uint32_t frame, uint64_t position);

/* The position in a frame whose low 32 bits are these, as mse_feed_reach() was told at about that frame. */
uint64_t mse_feed_position(const struct mse_feed *mse, unsigned side, uint32_t frame, uint32_t low);

#endif
