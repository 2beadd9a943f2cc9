/* fuzz_utp_stream.c
 * Fuzzes what puts uTP packets in order. The input is a first sequence number, and then packets:
 *
 *     <what: 1> <number: 1, signed, added to the number of the packet after the last one> <size: 1>
 *
 * The payload of a packet tells its number, so that what comes out can be told from what went in. Chunks come out in the
 * order of their numbers, each once, with the bytes of that packet, one after another where nothing was missing; late ones
 * at any time, once each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>

#include "core/utp_stream.h"

#include "fuzz.h"

enum {
    TYPE = 7,           /* modulo UTP_TYPE_COUNT */
    ACK = 8,            /* the other side acknowledges number, no packet */
    FAR = 16,           /* number is multiplied by 256 */
    CUT = 32,           /* no byte of the payload was captured */
    BEGINS = 64,
    FLUSH = 128
};

struct last {
    bool     has_chunk;
    uint64_t seq;
    uint64_t position_after;
};

static void
drain(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet *current, struct last *last)
{
    struct utp_chunk chunk;

    while (utp_stream_next(stream, scope, &current, &chunk)) {
        check(chunk.captured <= chunk.reported && chunk.reported > 0);
        check((chunk.gap != UTP_GAP_NONE) == (chunk.missing > 0));
        if (chunk.late) {
            check(chunk.gap == UTP_GAP_NONE);
        } else if (last->has_chunk) {
            check(chunk.seq > last->seq);
            check(utp_chunk_has_gap(&chunk) ? chunk.position > last->position_after
                                            : chunk.position == last->position_after);
        }
        for (uint32_t i = 0; i < chunk.captured; i++)
            check(chunk.data[i] == (uint8_t)(chunk.seq * 7 + i));
        if (!chunk.late)
            *last = (struct last){ .has_chunk = true, .seq = chunk.seq,
                                   .position_after = chunk.position + chunk.reported };
    }
    check(utp_stream_waiting(stream) <= UTP_WINDOW_PACKETS);
    check(utp_stream_waiting_bytes(stream) <= UTP_WINDOW_BYTES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct utp_stream stream = { 0 };
    struct last       last = { .has_chunk = false };
    uint32_t          frame = 1;
    struct utp_header header;

    utp_header_read(data, (uint32_t)size, &header);
    if (size < 2)
        return 0;
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    uint16_t          number = (uint16_t)(data[0] << 8 | data[1]);

    for (size_t at = 2; at + 3 <= size; at += 3, frame++) {
        uint8_t  what = data[at], length = data[at + 2];
        int      step = (int8_t)data[at + 1];
        uint16_t seq_nr = (uint16_t)(number + (what & FAR ? step * 256 : step));
        uint64_t ack;

        if (what & FLUSH) {
            utp_stream_flush(&stream);
        } else if (what & ACK) {
            utp_stream_acknowledge(&stream, seq_nr, &ack);
        } else {
            enum utp_type type = (enum utp_type)((what & TYPE) % UTP_TYPE_COUNT);
            uint8_t      *payload = (uint8_t *)g_malloc(length + 1U);
            for (unsigned i = 0; i < length; i++)
                payload[i] = (uint8_t)(seq_nr * 7U + i);
            struct utp_packet packet = {
                .header = { .type = type, .seq_nr = seq_nr }, .payload = payload, .captured = what & CUT ? 0 : length,
                .reported = length, .frame = frame, .begins = (what & BEGINS) != 0
            };
            drain(&stream, scope, utp_stream_add(&stream, scope, &packet), &last);
            g_free(payload);
            number = (uint16_t)(seq_nr + 1);
            continue;
        }
        drain(&stream, scope, NULL, &last);
    }
    utp_stream_flush(&stream);
    drain(&stream, scope, NULL, &last);
    check(utp_stream_waiting(&stream) == 0 && utp_stream_waiting_bytes(&stream) == 0);
    utp_stream_free(&stream, scope);
    wmem_destroy_allocator(scope);
    return 0;
}
