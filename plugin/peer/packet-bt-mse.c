/* packet-bt-mse.c
 * The handshake of an encrypted connection, see packet-bt-mse.h; its layout is in core/mse_stream.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/packet-bt-mse.h"

#include <string.h>

#include <epan/expert.h>

#include "peer/mse_keys.h"
#include "peer/packet-bt-peer.h"

int proto_bt_mse = -1;

static int hf_bt_mse_public_key = -1;
static int hf_bt_mse_method = -1;
static int hf_bt_mse_payload_in = -1;
static int hf_bt_mse_pad_length = -1;
static int hf_bt_mse_req1 = -1;
static int hf_bt_mse_info_hash = -1;
static int hf_bt_mse_crypto_provide = -1;
static int hf_bt_mse_pad_c_length = -1;
static int hf_bt_mse_ia_length = -1;
static int hf_bt_mse_crypto_select = -1;
static int hf_bt_mse_pad_d_length = -1;

static int ett_bt_mse = -1;

static expert_field ei_bt_mse_faults[MSE_FAULT_COUNT];

static dissector_handle_t bt_mse_handle;

static const value_string methods[] = { { MSE_CRYPTO_PLAINTEXT, "plaintext" },
                                        { MSE_CRYPTO_RC4, "RC4" },
                                        { MSE_CRYPTO_PLAINTEXT | MSE_CRYPTO_RC4, "plaintext or RC4" },
                                        { 0, NULL } };

/* What is being shown. */
struct handshake_view {
    const struct mse_stream *stream;
    unsigned                 side;
    uint64_t                 offset; /* in the direction, of the first byte of tvb */
    uint64_t                 end;    /* after its last byte */
    tvbuff_t                *tvb;
    proto_tree              *tree;
};

/* --- where things are --- */

/* The offset at which the handshake of a side ends, as far as it is known. */
static uint64_t
handshake_end(const struct mse_stream *stream, unsigned side)
{
    const struct mse_direction *direction = &stream->directions[side];
    const struct mse_handshake *handshake = stream->handshake;

    if (direction->has_payload)
        return direction->payload;
    if (handshake == NULL)
        return MSE_PUBLIC_KEY_SIZE;
    if (side == handshake->initiator)
        return (uint64_t)handshake->vc_offset[side] + (handshake->opened ? MSE_VC_SIZE : 0);
    return handshake->has_vc[side] ? handshake->vc_offset[side] + MSE_VC_SIZE : MSE_PUBLIC_KEY_SIZE;
}

static bool
has_fault_in(const struct mse_stream *stream, uint32_t frame)
{
    for (unsigned fault = 0; stream->handshake != NULL && fault < MSE_FAULT_COUNT; fault++) {
        if (stream->handshake->fault_frames[fault] == frame)
            return true;
    }
    return false;
}

/* Whether the last byte of the field of size bytes at offset is here; its place, as much of it as is here. */
static bool
ends_here(const struct handshake_view *view, uint64_t offset, uint32_t size, int *at, int *length)
{
    uint64_t begins = MAX(offset, view->offset), ends = offset + size;

    if (ends <= view->offset || ends > view->end)
        return false;
    *at = (int)(begins - view->offset);
    *length = (int)(ends - begins);
    return true;
}

/* --- fields --- */

static void
show_number(const struct handshake_view *view, int hf, uint64_t offset, uint32_t size, uint32_t value)
{
    int at, length;

    if (ends_here(view, offset, size, &at, &length))
        proto_tree_add_uint(view->tree, hf, view->tvb, at, length, value);
}

/* Whether it begins with the public key, or within it. */
static bool
has_public_key(const struct handshake_view *view)
{
    const struct mse_direction *directions = view->stream->directions;

    return view->offset < MSE_PUBLIC_KEY_SIZE
           && !(directions[view->side].unanswered && directions[!view->side].first_frame != 0);
}

static void
show_public_key(const struct handshake_view *view)
{
    if (has_public_key(view) && view->end > view->offset)
        proto_tree_add_item(view->tree, hf_bt_mse_public_key, view->tvb, 0,
                            (int)(MIN(view->end, MSE_PUBLIC_KEY_SIZE) - view->offset), ENC_NA);
}

static uint32_t
method_of(const struct mse_stream *stream)
{
    for (unsigned side = 0; side < 2; side++) {
        if (stream->directions[side].state == MSE_PLAINTEXT)
            return MSE_CRYPTO_PLAINTEXT;
        if (stream->directions[side].state == MSE_RC4)
            return MSE_CRYPTO_RC4;
    }
    return 0;
}

/* What is known of the connection as a whole. */
static void
show_results(const struct handshake_view *view)
{
    uint32_t method = method_of(view->stream);
    uint32_t payload_frame = view->stream->directions[view->side].payload_frame;

    if (method != 0)
        proto_item_set_generated(proto_tree_add_uint(view->tree, hf_bt_mse_method, view->tvb, 0, 0, method));
    if (payload_frame != 0)
        proto_item_set_generated(
            proto_tree_add_uint(view->tree, hf_bt_mse_payload_in, view->tvb, 0, 0, payload_frame));
}

static void
show_initiator(const struct handshake_view *view, const struct mse_handshake *handshake)
{
    uint32_t vc = handshake->vc_offset[view->side];
    uint32_t provide = vc + MSE_VC_SIZE;
    uint32_t req1 = vc - 2 * MSE_HASH_SIZE;
    int      at, length;

    if (ends_here(view, req1, MSE_HASH_SIZE, &at, &length)) {
        proto_tree_add_uint(view->tree, hf_bt_mse_pad_length, view->tvb, at, 0, handshake->pad_length[view->side]);
        proto_tree_add_bytes_with_length(view->tree, hf_bt_mse_req1, view->tvb, at, length, handshake->req1,
                                         MSE_HASH_SIZE);
    }
    if (handshake->opened && ends_here(view, req1 + MSE_HASH_SIZE, MSE_HASH_SIZE, &at, &length))
        proto_item_set_generated(proto_tree_add_bytes_with_length(view->tree, hf_bt_mse_info_hash, view->tvb, at,
                                                                  length, handshake->key.info_hash, MSE_HASH_SIZE));
    if (handshake->has_provide) {
        show_number(view, hf_bt_mse_crypto_provide, provide, 4, handshake->crypto_provide);
        show_number(view, hf_bt_mse_pad_c_length, provide + 4, 2, handshake->pad_c_length);
    }
    if (handshake->has_ia)
        show_number(view, hf_bt_mse_ia_length, handshake->ia_offset - 2, 2, handshake->ia_length);
}

static void
show_responder(const struct handshake_view *view, const struct mse_handshake *handshake)
{
    uint32_t vc = handshake->vc_offset[view->side];
    int      at, length;

    if (handshake->has_vc[view->side] && ends_here(view, vc, MSE_VC_SIZE, &at, &length))
        proto_tree_add_uint(view->tree, hf_bt_mse_pad_length, view->tvb, at, 0, handshake->pad_length[view->side]);
    if (handshake->has_select) {
        show_number(view, hf_bt_mse_crypto_select, vc + MSE_VC_SIZE, 4, handshake->crypto_select);
        show_number(view, hf_bt_mse_pad_d_length, vc + MSE_VC_SIZE + 4, 2, handshake->pad_d_length);
    }
}

static void
show_faults(const struct handshake_view *view, packet_info *pinfo, proto_item *item)
{
    for (unsigned fault = 0; fault < MSE_FAULT_COUNT; fault++) {
        if (view->stream->handshake->fault_frames[fault] == pinfo->num)
            expert_add_info(pinfo, item, &ei_bt_mse_faults[fault]);
    }
}

static int
dissect_bt_mse(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct bt_mse_bytes  *bytes = (const struct bt_mse_bytes *)data;
    const struct mse_stream    *stream;
    const struct mse_handshake *handshake;
    struct handshake_view       view = { .tvb = tvb };
    uint32_t                    method;
    proto_item                 *item;

    if (bytes == NULL)
        return 0;
    stream = bytes->mse->stream;
    handshake = stream->handshake;
    view.stream = stream;
    view.side = bytes->side;
    view.offset = bytes->position - bytes->mse->sides[bytes->side].base;
    view.end = view.offset + tvb_captured_length(tvb);
    method = method_of(stream);

    col_set_str(pinfo->cinfo, COL_PROTOCOL, "BT-MSE");
    col_clear(pinfo->cinfo, COL_INFO);
    col_append_str(pinfo->cinfo, COL_INFO,
                   has_public_key(&view)                            ? "MSE public key"
                   : view.offset < handshake_end(stream, view.side) ? "MSE handshake"
                                                                    : "MSE payload");
    if (method != 0)
        col_append_fstr(pinfo->cinfo, COL_INFO, " (%s)", val_to_str_const(method, methods, ""));

    item = proto_tree_add_item(tree, proto_bt_mse, tvb, 0, -1, ENC_NA);
    view.tree = proto_item_add_subtree(item, ett_bt_mse);
    show_public_key(&view);
    if (handshake != NULL && view.side == handshake->initiator)
        show_initiator(&view, handshake);
    else if (handshake != NULL)
        show_responder(&view, handshake);
    show_results(&view);
    if (handshake != NULL)
        show_faults(&view, pinfo, item);
    return (int)tvb_reported_length(tvb);
}

/* --- for transports --- */

bool
bt_mse_show_handshake(struct bt_mse_bytes *bytes, packet_info *pinfo, proto_tree *tree)
{
    const struct mse_feed_side *side = &bytes->mse->sides[bytes->side];
    uint64_t                    ends = handshake_end(bytes->mse->stream, bytes->side);
    uint64_t                    offset = bytes->position - side->base;
    uint32_t                    reported = tvb_reported_length(bytes->tvb);

    if (!side->has_base || bytes->position < side->base)
        return false;
    if (offset >= ends && !has_fault_in(bytes->mse->stream, pinfo->num))
        return false;
    if (offset < ends)
        reported = (uint32_t)MIN(reported, ends - offset);
    return call_dissector_only(bt_mse_handle, tvb_new_subset_length(bytes->tvb, 0, (int)reported), pinfo, tree, bytes)
           > 0;
}

/* How many bytes of late payload lead up to the part. */
static uint32_t
size_before(const struct mse_late *late, const struct mse_part *part, unsigned side, uint32_t frame)
{
    uint64_t end = 0, size = 0;

    for (; (late = mse_late_of_frame(late, frame)) != NULL; late = late->next) {
        if (late->side != side)
            continue;
        size = size > 0 && late->offset == end ? size + late->size : late->size;
        end = late->offset + late->size;
    }
    return end == part->offset ? (uint32_t)size : 0;
}

/* Copies those bytes, which end at an offset of the side. */
static void
copy_late(const struct mse_late *late, uint64_t end, uint32_t size, unsigned side, uint32_t frame, uint8_t *to)
{
    for (; (late = mse_late_of_frame(late, frame)) != NULL; late = late->next) {
        if (late->side == side && late->offset >= end - size && late->offset < end)
            memcpy(to + (late->offset - (end - size)), late->data, late->size);
    }
}

tvbuff_t *
bt_mse_payload(const struct bt_mse_bytes *bytes, const struct mse_part *part, const struct mse_late *late,
               uint32_t *late_size, packet_info *pinfo)
{
    uint32_t       captured = tvb_captured_length(bytes->tvb);
    uint32_t       before;
    const uint8_t *raw;
    uint8_t       *plain;
    tvbuff_t      *payload;

    *late_size = 0;
    if (part->size == 0 || part->at >= captured)
        return NULL;
    before = size_before(late, part, bytes->side, pinfo->num);
    if (!part->encrypted && before == 0)
        return tvb_new_subset_length(bytes->tvb, (int)part->at, (int)part->size);

    captured = MIN(captured - part->at, part->size);
    raw = tvb_get_ptr(bytes->tvb, (int)part->at, (int)captured);
    plain = (uint8_t *)wmem_alloc(pinfo->pool, (size_t)before + captured);
    copy_late(late, part->offset, before, bytes->side, pinfo->num, plain);
    captured = mse_feed_decrypt(bytes->mse, bytes->side, part, raw, captured, plain + before);
    if (captured == 0)
        return NULL;
    payload = tvb_new_child_real_data(bytes->tvb, plain, before + captured, (int)(before + part->size));
    add_new_data_source(pinfo, payload, part->encrypted ? BT_MSE_DATA_SOURCE : "Reassembled BitTorrent (MSE)");
    *late_size = before;
    return payload;
}

/* --- registration --- */

/* By enum mse_fault. */
static const struct {
    const char *name;
    int         severity;
    int         group;
} fault_rows[MSE_FAULT_COUNT] = {
    [MSE_FAULT_REQ2_MISMATCH] = { "bt.mse.expert.req2_mismatch", PI_WARN, PI_DECRYPTION },
    [MSE_FAULT_INITIATOR_VC] = { "bt.mse.expert.initiator_vc", PI_ERROR, PI_DECRYPTION },
    [MSE_FAULT_RESPONDER_VC] = { "bt.mse.expert.responder_vc", PI_ERROR, PI_DECRYPTION },
    [MSE_FAULT_PROVIDE_NONE] = { "bt.mse.expert.provide_none", PI_ERROR, PI_PROTOCOL },
    [MSE_FAULT_SELECT_INVALID] = { "bt.mse.expert.select_invalid", PI_ERROR, PI_PROTOCOL },
    [MSE_FAULT_SELECT_NOT_PROVIDED] = { "bt.mse.expert.select_not_provided", PI_WARN, PI_PROTOCOL },
    [MSE_FAULT_PAD_C_LENGTH] = { "bt.mse.expert.pad_c_length", PI_WARN, PI_PROTOCOL },
    [MSE_FAULT_PAD_D_LENGTH] = { "bt.mse.expert.pad_d_length", PI_WARN, PI_PROTOCOL },
    [MSE_FAULT_NO_CIPHER] = { "bt.mse.expert.no_cipher", PI_WARN, PI_DECRYPTION },
    [MSE_FAULT_POSITION_LOST] = { "bt.mse.expert.position_lost", PI_NOTE, PI_DECRYPTION },
};

void
proto_register_bt_mse(void)
{
    static hf_register_info hf[] = {
        { &hf_bt_mse_public_key,
          { "Public key", "bt.mse.public_key", FT_BYTES, BASE_NONE, NULL, 0x0,
            "Diffie-Hellman public key of the sender, 96 bytes; as much of it as this packet has", HFILL } },
        { &hf_bt_mse_method,
          { "Method", "bt.mse.method", FT_UINT8, BASE_DEC, VALS(methods), 0x0,
            "How the payload of the connection is encrypted after the handshake", HFILL } },
        { &hf_bt_mse_payload_in,
          { "Payload begins in", "bt.mse.payload_in", FT_FRAMENUM, BASE_NONE, NULL, 0x0,
            "The packet in which the payload of this direction begins", HFILL } },
        { &hf_bt_mse_pad_length,
          { "Length of PadA or PadB", "bt.mse.pad_length", FT_UINT16, BASE_DEC, NULL, 0x0,
            "Bytes of random padding after the public key", HFILL } },
        { &hf_bt_mse_req1,
          { "HASH(\"req1\" S)", "bt.mse.req1", FT_BYTES, BASE_NONE, NULL, 0x0,
            "By which the key of the connection was found", HFILL } },
        { &hf_bt_mse_info_hash,
          { "Info hash", "bt.mse.info_hash", FT_BYTES, BASE_NONE, NULL, 0x0,
            "SKEY, as the key log has it and the connection confirms", HFILL } },
        { &hf_bt_mse_crypto_provide,
          { "crypto_provide", "bt.mse.crypto_provide", FT_UINT32, BASE_HEX, VALS(methods), 0x0,
            "The methods that the initiator offers", HFILL } },
        { &hf_bt_mse_pad_c_length,
          { "Length of PadC", "bt.mse.pad_c_length", FT_UINT16, BASE_DEC, NULL, 0x0, NULL, HFILL } },
        { &hf_bt_mse_ia_length,
          { "Length of IA", "bt.mse.ia_length", FT_UINT16, BASE_DEC, NULL, 0x0,
            "Bytes of the initiator's payload that are encrypted whatever the method", HFILL } },
        { &hf_bt_mse_crypto_select,
          { "crypto_select", "bt.mse.crypto_select", FT_UINT32, BASE_HEX, VALS(methods), 0x0,
            "The method that the responder chose", HFILL } },
        { &hf_bt_mse_pad_d_length,
          { "Length of PadD", "bt.mse.pad_d_length", FT_UINT16, BASE_DEC, NULL, 0x0, NULL, HFILL } },
    };
    static ei_register_info ei[MSE_FAULT_COUNT];
    static int             *ett[] = { &ett_bt_mse };

    proto_bt_mse = proto_register_protocol("BitTorrent Message Stream Encryption", "BT-MSE", "bt.mse");
    proto_register_field_array(proto_bt_mse, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    for (unsigned fault = 0; fault < MSE_FAULT_COUNT; fault++) {
        ei_bt_mse_faults[fault] = (expert_field)EI_INIT;
        ei[fault].ids = &ei_bt_mse_faults[fault];
        ei[fault].eiinfo = (expert_field_info){ fault_rows[fault].name, fault_rows[fault].group,
                                                fault_rows[fault].severity, mse_fault_texts[fault], EXPFILL };
    }
    expert_register_field_array(expert_register_protocol(proto_bt_mse), ei, MSE_FAULT_COUNT);
    bt_mse_handle = register_dissector("bt.mse", dissect_bt_mse, proto_bt_mse);
    proto_register_mse_keys(proto_bt_peer);
}

void
proto_reg_handoff_bt_mse(void)
{
    proto_reg_handoff_mse_keys(proto_bt_mse);
}
