/* mse_stream.h
 * One connection that may be encrypted (MSE, "Message Stream Encryption"): finds out where BitTorrent begins in each
 * direction, and decrypts it where a key is known.
 *
 *     initiator   Ya (96)  PadA (0..512)  HASH("req1" S) (20)  HASH("req2" SKEY) xor HASH("req3" S) (20)
 *                 RC4{ VC (8 zeros)  crypto_provide (4)  len(PadC) (2)  PadC (0..512)  len(IA) (2)  IA }  payload
 *     responder   Yb (96)  PadB (0..512)  RC4{ VC (8)  crypto_select (4)  len(PadD) (2)  PadD (0..512) }  payload
 *
 * IA, the first bytes of the initiator's payload, is RC4 always; what follows is plaintext or RC4, as crypto_select
 * says. IA is empty, or it holds the handshake of BitTorrent (68 bytes).
 *
 * With a key (mse_keylog.h) all of it can be read. Without one, plaintext can be found: the responder's handshake is
 * never encrypted then. How sure that is, mse_evidence.h says; in numbers, a connection that chose plaintext is
 * missed in 9 of 10^10 cases because of its random bytes.
 *
 *     mse_stream_feed()       each chunk of either direction, on the first pass over a capture
 *     mse_stream_earlier()    then: payload in earlier chunks that only this one has told of; nearly always none
 *     directions[side]        then, and on every later pass: what is known, and where the payload begins
 *     mse_stream_decrypt()    then, and on every later pass, for any bytes of a direction
 *
 * The first bytes of both directions are held, MSE_HELD_MAX of each, until the question is settled. A hole in them
 * (or a packet that was cut) ends the search in its direction, but for what follows from the other one. Where the bytes
 * may still come, what follows the hole is kept (mse_ahead.h) until the other side acknowledges them, which a capture did
 * not see then, or it grows too much. A hole in the payload costs nothing. Where the number of missing bytes is not
 * known (uTP), utp_hole.h finds it out.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_STREAM_H
#define MSE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/mse_ahead.h"
#include "core/mse_keylog.h"
#include "core/mse_rc4.h"

#define MSE_PUBLIC_KEY_SIZE MSE_SECRET_SIZE
#define MSE_PAD_MAX         512U
#define MSE_VC_SIZE         8U

/* Where the payload begins, in bytes from the start of a direction; the initiator's after IA. */
#define MSE_INITIATOR_MIN (MSE_PUBLIC_KEY_SIZE + 2 * MSE_HASH_SIZE + MSE_VC_SIZE + 8)
#define MSE_INITIATOR_MAX (MSE_INITIATOR_MIN + 2 * MSE_PAD_MAX + 68)
#define MSE_RESPONDER_MIN (MSE_PUBLIC_KEY_SIZE + MSE_VC_SIZE + 6)
#define MSE_RESPONDER_MAX (MSE_RESPONDER_MIN + 2 * MSE_PAD_MAX)

/* Bytes of a direction that are held: up to where its payload can begin, and some more to see what that is. */
#define MSE_HELD_MAX 1536U

/* Where one direction has gone on for so long, the other one is not waited for. */
#define MSE_PATIENCE (64U * 1024)

/* crypto_provide, crypto_select */
#define MSE_CRYPTO_PLAINTEXT 1U
#define MSE_CRYPTO_RC4       2U

enum mse_state {
    MSE_SEARCHING,  /* not known yet */
    MSE_IMPOSSIBLE, /* not MSE */
    MSE_UNKNOWN,    /* random bytes to the end of the search, or to a hole: RC4 without a key, or anything else */
    MSE_PLAINTEXT,  /* MSE, and then plaintext */
    MSE_RC4,        /* MSE, and then RC4; the key is known */
    MSE_UNREADABLE  /* MSE for sure, as a key matched; but the payload cannot be read */
};

/* What can be wrong with a handshake for which there is a key. X(NAME, text) */
#define MSE_FAULTS(X)                                                                                                \
    X(REQ2_MISMATCH, "The key log has another info hash for this connection than the connection itself")             \
    X(INITIATOR_VC, "The initiator's verification constant is not zero")                                             \
    X(RESPONDER_VC, "The responder's verification constant does not come within 512 bytes of padding")               \
    X(PROVIDE_NONE, "crypto_provide offers neither plaintext nor RC4")                                               \
    X(SELECT_INVALID, "crypto_select is neither plaintext nor RC4")                                                  \
    X(SELECT_NOT_PROVIDED, "crypto_select is not among what crypto_provide offers")                                  \
    X(PAD_C_LENGTH, "PadC is longer than 512 bytes")                                                                 \
    X(PAD_D_LENGTH, "PadD is longer than 512 bytes")                                                                 \
    X(NO_CIPHER, "libgcrypt does not let us use RC4")                                                                \
    X(POSITION_LOST, "Packets are missing before this one, and its place in RC4 could not be found again")

enum mse_fault {
#define X(name, text) MSE_FAULT_##name,
    MSE_FAULTS(X)
#undef X
        MSE_FAULT_COUNT
};

/* Some bytes of one direction. */
struct mse_chunk {
    unsigned       side;   /* who sends: 0 or 1 */
    uint64_t       offset; /* of the first byte, from the start of the direction: 0 is the first it ever sent */
    const uint8_t *data;
    uint32_t       captured; /* bytes at data */
    uint32_t       reported; /* bytes on the wire, at least captured */
    uint32_t       frame;    /* not 0 */
    bool           in_order; /* what is missing before it will not come */
    uint64_t       acked;    /* offset up to which its sender has all that the other side sent; 0: not known */
};

/* Payload of an earlier chunk. */
struct mse_piece {
    unsigned       side;
    uint64_t       offset;
    const uint8_t *data; /* decrypted; valid until the next call for the stream */
    uint32_t       size;
    uint32_t       frame; /* of that chunk */
};

/* Where held bytes came from. */
struct mse_mark {
    uint32_t start; /* offset of the first byte */
    uint32_t frame;
    bool     turn;   /* the other side had spoken since the bytes before, enough for a handshake, */
    bool     answer; /* or anything */
};

/* What one side sends. */
struct mse_direction {
    /* The result. Changes on the first pass only; final where mse_stream_is_settled(). */
    enum mse_state state;
    bool           has_payload;   /* the next three are valid, whatever state is */
    bool           aligned;       /* payload is where the handshake or a message begins; else nobody knows
                                         * where the messages after it begin */
    uint64_t       payload;       /* offset of the first byte of payload that can be read; IA belongs to it */
    uint64_t       readable_to;   /* mse_stream_decrypt() reads up to here; UINT64_MAX: to the end. The end of
                                         * IA while crypto_select is not known, or if it never will be */
    uint32_t       payload_frame; /* that has the byte at payload; 0 before it came */
    uint32_t       first_frame;   /* of the direction; 0 before it came */
    bool           unanswered;    /* with has_payload: its first bytes are no public key, unless nothing was captured
                                         * of the other side */

    /* First pass only. */
    uint64_t          end;       /* offset after the last byte that came */
    uint64_t          delivered; /* payload before it was in an earlier call */
    uint8_t          *held;      /* the bytes of the direction from offset 0 on; NULL once state is settled */
    uint32_t          held_size;
    uint32_t          held_room;
    bool              holed;  /* what comes after held is missing, for good */
    bool              cut;    /* it was on the wire, but not captured */
    bool              filled; /* the last chunk did not end held: it filled a hole */
    struct mse_ahead *ahead;  /* what came after a hole; first pass only */
    struct mse_mark  *marks;  /* ascending */
    uint32_t          mark_count;
    uint32_t          mark_room;
    uint32_t          handshake_scanned; /* offsets before this cannot begin the handshake of BitTorrent, */
    uint32_t          messages_scanned;  /* before this, messages, */
    uint32_t          key_scanned;       /* before this, "req1" S with the keys so far */
};

/* What a key has shown of the handshake. */
struct mse_handshake {
    struct mse_key key;                 /* a copy */
    unsigned       initiator;           /* side */
    uint8_t        req1[MSE_HASH_SIZE]; /* as it stands in the initiator's bytes */
    bool           opened;              /* the info hash of the key fits, too, and what follows can be decrypted;
                                             * the members below are valid as their has_ says */
    bool           has_vc[2];           /* by side */
    uint32_t       vc_offset[2];        /* the first byte of RC4. The initiator's req1 is 40 bytes before it */
    uint32_t       pad_length[2];       /* with has_vc: PadA and PadB, by side */
    bool           has_provide;
    uint32_t       crypto_provide;
    uint32_t       pad_c_length; /* with has_provide; as sent */
    bool           has_ia;
    uint32_t       ia_offset;
    uint32_t       ia_length;
    bool           has_select;
    uint32_t       crypto_select;
    uint32_t       select_frame;                  /* with has_select */
    uint32_t       pad_d_length;                  /* with has_select; as sent */
    uint32_t       fault_frames[MSE_FAULT_COUNT]; /* where each fault showed; 0: it did not */

    bool            has_method; /* first pass only: method is valid, as the state of both sides to be */
    enum mse_state  method;
    bool            vc_missing; /* first pass only: there is no VC of the responder */
    struct mse_rc4 *rc4[2];     /* by side, NULL unless opened; mse_stream_decrypt() uses them */
};

/* One connection. */
struct mse_stream {
    wmem_allocator_t        *scope;
    const struct mse_keylog *keylog;        /* NULL: none */
    bool                     has_initiator; /* initiator is valid: it was told, or found out */
    unsigned                 initiator;     /* side */
    struct mse_direction     directions[2];
    struct mse_handshake    *handshake; /* NULL unless a key matched */

    /* First pass only. */
    bool     has_last;    /* last_side is valid */
    unsigned last_side;   /* of the last chunk, */
    uint64_t last_offset; /* and its offset */
    uint32_t keys_tried;  /* keys of the key log when it was last searched */
};

extern const char *const mse_fault_texts[MSE_FAULT_COUNT];

/* A new connection, of which nothing is known. keylog (or NULL) must live as long; it may get more keys meanwhile.
 * Takes memory from scope, and what only mse_stream_free() gives back. Worth it only where mse_may_begin(). */
struct mse_stream *mse_stream_new(wmem_allocator_t *scope, const struct mse_keylog *keylog);

/* Tells which side opened the connection (SYN): so it is the initiator. To be called before the first chunk if at
 * all; without it both sides are taken for possible. */
void mse_stream_set_initiator(struct mse_stream *stream, unsigned side);

/* Takes the next chunk. Chunks of a direction may repeat bytes, or leave some out: these may come in the chunks soon
 * after it, if it is not in_order. */
void mse_stream_feed(struct mse_stream *stream, const struct mse_chunk *chunk);

/* A chunk with the size bytes before offset 0 of a side is to be fed: these are offset 0 from now on. False where it is
 * too late for that. */
bool mse_stream_begins_earlier(struct mse_stream *stream, unsigned side, uint64_t size);

/* Payload that came before the chunk that was fed last, and only now can be read: one piece after the other, in order
 * for each direction, until it returns false. The payload in the last chunk itself is among it only where that chunk came
 * after bytes that follow it, which can be read only now. */
bool mse_stream_earlier(struct mse_stream *stream, struct mse_piece *piece);

/* Whether nothing can change any more: then it is of no use to feed more chunks. */
bool mse_stream_is_settled(const struct mse_stream *stream);

/* Decrypts size bytes of a direction, the first of which is at offset, from in to out, which may be the same: what is
 * plaintext, or comes before VC, is copied. Returns how many of them could be read, from the first on: 0 where the
 * direction has no payload (yet), or libgcrypt refuses. */
uint32_t mse_stream_decrypt(struct mse_stream *stream, unsigned side, uint64_t offset, const uint8_t *in,
                            uint32_t size, uint8_t *out);

void mse_stream_free(struct mse_stream *stream);

#endif
