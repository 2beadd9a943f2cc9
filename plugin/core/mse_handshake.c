/* mse_handshake.c
 * MSE with a key, see mse_stream.h: finds the key and reads the handshake.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "core/big_endian.h"
#include "core/mse_evidence.h"
#include "core/mse_stream_parts.h"
#include "core/peer_wire.h"

/* From "req1" S to VC, and from VC to the payload or PadC, PadD. */
#define HASHES_SIZE  (2 * MSE_HASH_SIZE)
#define PROVIDE_SIZE (MSE_VC_SIZE + 4 + 2)
#define SELECT_SIZE  (MSE_VC_SIZE + 4 + 2)

#define PAD_START   MSE_PUBLIC_KEY_SIZE
#define PAD_END_MAX (PAD_START + MSE_PAD_MAX)

static void
fault(struct mse_stream *stream, enum mse_fault which, unsigned side, uint32_t offset)
{
    const struct mse_direction *direction = &stream->directions[side];

    if (stream->handshake->fault_frames[which] == 0)
        stream->handshake->fault_frames[which] = mse_held_mark_at(direction, offset)->frame;
}

/* --- the key --- */

static bool
find_key(struct mse_stream *stream, unsigned side)
{
    struct mse_direction *direction = &stream->directions[side];
    uint32_t              at = MAX(direction->key_scanned, PAD_START);

    for (; at <= PAD_END_MAX && at + MSE_HASH_SIZE <= direction->held_size; at++) {
        const struct mse_key *key = mse_keylog_find(stream->keylog, direction->held + at, NULL);

        if (key != NULL) {
            struct mse_handshake *handshake = wmem_new0(stream->scope, struct mse_handshake);

            handshake->key = *key;
            handshake->initiator = side;
            memcpy(handshake->req1, direction->held + at, MSE_HASH_SIZE);
            handshake->vc_offset[side] = at + HASHES_SIZE;
            handshake->pad_length[side] = at - PAD_START;
            stream->handshake = handshake;
            mse_stream_set_initiator(stream, side);
            return true;
        }
    }
    direction->key_scanned = at;
    return false;
}

void
mse_handshake_find(struct mse_stream *stream)
{
    /* A key that is new may belong to what came before it. */
    if (stream->keys_tried != stream->keylog->count) {
        stream->keys_tried = stream->keylog->count;
        stream->directions[0].key_scanned = stream->directions[1].key_scanned = 0;
    }
    for (unsigned side = 0; side < 2 && stream->keylog->count > 0; side++) {
        if ((!stream->has_initiator || stream->initiator == side) && find_key(stream, side))
            return;
    }
}

/* The key with the connection's S whose info hash is that of the connection, too: all can be decrypted. The log may get it
 * later. */
static void
open_handshake(struct mse_stream *stream)
{
    struct mse_handshake       *handshake = stream->handshake;
    unsigned                    initiator = handshake->initiator;
    const struct mse_direction *direction = &stream->directions[initiator];
    uint32_t                    at = handshake->vc_offset[initiator] - MSE_HASH_SIZE;
    const struct mse_key       *key = NULL;
    uint8_t                     hash[MSE_HASH_SIZE];

    if (direction->held_size < at + MSE_HASH_SIZE
        || (handshake->fault_frames[MSE_FAULT_REQ2_MISMATCH] != 0 && stream->keys_tried == stream->keylog->count))
        return;
    stream->keys_tried = stream->keylog->count;
    while ((key = mse_keylog_find(stream->keylog, handshake->req1, key)) != NULL) {
        mse_hash_req2(key, hash);
        if (memcmp(direction->held + at, hash, MSE_HASH_SIZE) == 0)
            break;
    }
    if (key == NULL) {
        fault(stream, MSE_FAULT_REQ2_MISMATCH, initiator, at);
        return;
    }
    handshake->key = *key;
    handshake->fault_frames[MSE_FAULT_REQ2_MISMATCH] = 0;
    for (unsigned side = 0; side < 2; side++) {
        mse_hash_rc4_key(&handshake->key, side == initiator ? 'A' : 'B', hash);
        handshake->rc4[side] = mse_rc4_new(stream->scope, hash);
    }
    handshake->has_vc[initiator] = handshake->opened = true;
}

/* --- fields --- */

/* The size bytes of a side at offset, decrypted; false where they are not held (yet). */
static bool
read_field(struct mse_stream *stream, unsigned side, uint32_t offset, uint8_t *field, uint32_t size)
{
    const struct mse_direction *direction = &stream->directions[side];
    struct mse_handshake       *handshake = stream->handshake;

    if (offset + size > direction->held_size)
        return false;
    if (mse_rc4_decrypt(handshake->rc4[side], offset - handshake->vc_offset[side], direction->held + offset, size,
                        field))
        return true;
    fault(stream, MSE_FAULT_NO_CIPHER, side, offset);
    mse_stream_give_up(stream, MSE_UNREADABLE);
    return false;
}

static bool
is_vc(const uint8_t *bytes)
{
    static const uint8_t vc[MSE_VC_SIZE] = { 0 };

    return memcmp(bytes, vc, MSE_VC_SIZE) == 0;
}

/* VC, crypto_provide and the length of PadC. */
static void
read_provide(struct mse_stream *stream)
{
    struct mse_handshake *handshake = stream->handshake;
    unsigned              side = handshake->initiator;
    uint32_t              at = handshake->vc_offset[side];
    uint8_t               bytes[PROVIDE_SIZE];

    if (handshake->has_provide || !read_field(stream, side, at, bytes, sizeof bytes))
        return;
    if (!is_vc(bytes)) {
        fault(stream, MSE_FAULT_INITIATOR_VC, side, at);
        mse_stream_give_up(stream, MSE_UNREADABLE);
        return;
    }
    handshake->has_provide = true;
    handshake->crypto_provide = get_be32(bytes + MSE_VC_SIZE);
    handshake->pad_c_length = get_be16(bytes + MSE_VC_SIZE + 4);
    if ((handshake->crypto_provide & (MSE_CRYPTO_PLAINTEXT | MSE_CRYPTO_RC4)) == 0)
        fault(stream, MSE_FAULT_PROVIDE_NONE, side, at + MSE_VC_SIZE);
    if (handshake->pad_c_length > MSE_PAD_MAX)
        fault(stream, MSE_FAULT_PAD_C_LENGTH, side, at + MSE_VC_SIZE + 4);
}

/* The length of IA, after PadC. From IA on it is payload; at first only IA can be read. */
static void
read_ia(struct mse_stream *stream)
{
    struct mse_handshake *handshake = stream->handshake;
    unsigned              side = handshake->initiator;
    uint32_t              at = handshake->vc_offset[side] + PROVIDE_SIZE + handshake->pad_c_length;
    uint8_t               length[2];

    if (!handshake->has_provide || handshake->has_ia || !read_field(stream, side, at, length, sizeof length))
        return;
    handshake->has_ia = true;
    handshake->ia_offset = at + 2;
    handshake->ia_length = get_be16(length);
    mse_stream_set_payload(&stream->directions[side], handshake->ia_offset,
                           (uint64_t)handshake->ia_offset + handshake->ia_length);
}

/* The responder's padding ends where 8 zeros are encrypted. */
static void
find_responder_vc(struct mse_stream *stream)
{
    struct mse_handshake       *handshake = stream->handshake;
    unsigned                    side = mse_other(handshake->initiator);
    const struct mse_direction *direction = &stream->directions[side];
    uint8_t                     vc[MSE_VC_SIZE] = { 0 };
    uint32_t                    at = PAD_START;

    if (handshake->has_vc[side] || handshake->vc_missing || direction->held_size < PAD_START + MSE_VC_SIZE)
        return;
    if (!mse_rc4_decrypt(handshake->rc4[side], 0, vc, MSE_VC_SIZE, vc)) {
        fault(stream, MSE_FAULT_NO_CIPHER, side, 0);
        mse_stream_give_up(stream, MSE_UNREADABLE);
        return;
    }
    while (at <= PAD_END_MAX && at + MSE_VC_SIZE <= direction->held_size) {
        if (memcmp(direction->held + at, vc, MSE_VC_SIZE) == 0) {
            handshake->has_vc[side] = true;
            handshake->vc_offset[side] = at;
            handshake->pad_length[side] = at - PAD_START;
            return;
        }
        at++;
    }
    if (at > PAD_END_MAX) {
        handshake->vc_missing = true;
        fault(stream, MSE_FAULT_RESPONDER_VC, side, PAD_END_MAX + MSE_VC_SIZE - 1);
    }
}

/* crypto_select and the length of PadD, after which the payload begins. */
static void
read_select(struct mse_stream *stream)
{
    struct mse_handshake *handshake = stream->handshake;
    unsigned              side = mse_other(handshake->initiator);
    uint32_t              at = handshake->vc_offset[side];
    uint8_t               bytes[SELECT_SIZE];

    if (!handshake->has_vc[side] || handshake->has_select || !read_field(stream, side, at, bytes, sizeof bytes))
        return;
    handshake->has_select = true;
    handshake->select_frame = mse_held_mark_at(&stream->directions[side], at + MSE_VC_SIZE)->frame;
    handshake->crypto_select = get_be32(bytes + MSE_VC_SIZE);
    handshake->pad_d_length = get_be16(bytes + MSE_VC_SIZE + 4);
    if (handshake->pad_d_length > MSE_PAD_MAX)
        fault(stream, MSE_FAULT_PAD_D_LENGTH, side, at + MSE_VC_SIZE + 4);
    if (handshake->crypto_select != MSE_CRYPTO_PLAINTEXT && handshake->crypto_select != MSE_CRYPTO_RC4) {
        fault(stream, MSE_FAULT_SELECT_INVALID, side, at + MSE_VC_SIZE);
        mse_stream_give_up(stream, MSE_UNREADABLE);
        return;
    }
    handshake->has_method = true;
    handshake->method = handshake->crypto_select == MSE_CRYPTO_RC4 ? MSE_RC4 : MSE_PLAINTEXT;
    mse_stream_set_payload(&stream->directions[side], at + SELECT_SIZE + handshake->pad_d_length, UINT64_MAX);
}

/* --- the method --- */

/* Whether the initiator's payload can go on like this after IA: with messages, or a handshake if IA is empty. */
static enum mse_verdict
goes_on(const struct mse_handshake *handshake, const uint8_t *data, uint32_t size)
{
    uint32_t at;

    if (handshake->ia_length > 0)
        return mse_messages_at(data, size, true);
    if (size < PEER_HANDSHAKE_MAGIC_SIZE)
        return MSE_MORE;
    return mse_find_handshake(data, PEER_HANDSHAKE_MAGIC_SIZE, 0, &at) ? MSE_YES : MSE_NO;
}

/* The initiator goes on after IA, so it has seen crypto_select, which we have not: it is missing, or comes late. What
 * follows IA shows what was selected. */
static void
guess_method(struct mse_stream *stream)
{
    struct mse_handshake       *handshake = stream->handshake;
    unsigned                    side = handshake->initiator;
    const struct mse_direction *direction = &stream->directions[side];
    uint32_t                    after_ia = handshake->ia_offset + handshake->ia_length;
    uint32_t                    offered = handshake->crypto_provide & (MSE_CRYPTO_PLAINTEXT | MSE_CRYPTO_RC4);
    uint8_t                     decrypted[PEER_HANDSHAKE_SIZE];
    uint32_t                    size;

    if (handshake->has_method || !handshake->has_ia || direction->end <= after_ia)
        return;
    if (offered == MSE_CRYPTO_PLAINTEXT || offered == MSE_CRYPTO_RC4) {
        handshake->has_method = true;
        handshake->method = offered == MSE_CRYPTO_RC4 ? MSE_RC4 : MSE_PLAINTEXT;
        return;
    }
    if (direction->held_size <= after_ia)
        return;

    size = MIN(direction->held_size - after_ia, sizeof decrypted);
    if (goes_on(handshake, direction->held + after_ia, size) == MSE_YES) {
        handshake->has_method = true;
        handshake->method = MSE_PLAINTEXT;
    } else if (read_field(stream, side, after_ia, decrypted, size)
               && goes_on(handshake, decrypted, size) == MSE_YES) {
        handshake->has_method = true;
        handshake->method = MSE_RC4;
    }
}

/* The method is known: from where on can the bytes of a side be read? */
static void
apply_method(struct mse_stream *stream, unsigned side)
{
    struct mse_handshake *handshake = stream->handshake;
    struct mse_direction *direction = &stream->directions[side];
    bool                  no_vc = handshake->vc_missing && side != handshake->initiator;
    bool                  waits = !mse_is_closed(direction) && !no_vc;

    if (direction->has_payload) {
        direction->readable_to = UINT64_MAX;
        direction->state = handshake->method;
    } else if (!waits && handshake->method == MSE_RC4 && !handshake->has_vc[side]) {
        direction->state = MSE_UNREADABLE;
    } else if (!waits) {
        direction->state = handshake->method;
        mse_stream_set_unaligned(stream, side);
    }
}

/* Whether the method will never be known. */
static bool
is_hopeless(const struct mse_stream *stream)
{
    const struct mse_handshake *handshake = stream->handshake;
    const struct mse_direction *initiator = &stream->directions[handshake->initiator];
    const struct mse_direction *responder = &stream->directions[mse_other(handshake->initiator)];

    return mse_is_closed(initiator) && (handshake->vc_missing || mse_is_closed(responder));
}

void
mse_handshake_follow(struct mse_stream *stream)
{
    struct mse_handshake *handshake = stream->handshake;

    if (!handshake->opened)
        open_handshake(stream);
    if (!handshake->opened)
        return;

    read_provide(stream);
    read_ia(stream);
    find_responder_vc(stream);
    read_select(stream);
    if (!handshake->has_method && stream->directions[mse_other(handshake->initiator)].state == MSE_PLAINTEXT) {
        handshake->has_method = true; /* found without the key, before the initiator's bytes came */
        handshake->method = MSE_PLAINTEXT;
    }
    guess_method(stream);
    if (handshake->has_method) {
        for (unsigned side = 0; side < 2; side++) {
            if (stream->directions[side].state == MSE_SEARCHING)
                apply_method(stream, side);
        }
    } else if (is_hopeless(stream)) {
        mse_stream_give_up(stream, MSE_UNREADABLE);
    }
    /* One fault is enough where nothing was offered. */
    if (handshake->has_provide && handshake->has_select && handshake->fault_frames[MSE_FAULT_PROVIDE_NONE] == 0
        && handshake->fault_frames[MSE_FAULT_SELECT_INVALID] == 0
        && (handshake->crypto_select & handshake->crypto_provide) == 0)
        handshake->fault_frames[MSE_FAULT_SELECT_NOT_PROVIDED] = handshake->select_frame;
}
