/* fuzz_peer_wire.c
 * Fuzzes the reader of peer wire messages. The input is how many of its bytes the capture lacks, and a stream.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/peer_wire.h"

#include "fuzz.h"

/* Of one message that starts at data. */
static void
check_message(const uint8_t *data, uint32_t captured, uint32_t size)
{
    struct peer_message message;
    uint32_t            there = captured < size ? captured : size;

    peer_wire_decode(data, there, size, &message);
    check(message.payload_captured <= message.payload_size);
    check(message.payload_size <= size);
    if (message.payload_captured > 0)
        check(message.payload >= data && message.payload + message.payload_captured <= data + there);
    if (message.complete && (message.id == PEER_REQUEST || message.id == PEER_CANCEL)) {
        uint8_t written[PEER_REQUEST_SIZE];
        peer_wire_encode_request(message.index, message.begin, message.length, written);
        struct peer_message again;
        peer_wire_decode(written, sizeof written, sizeof written, &again);
        check(again.complete && again.index == message.index && again.begin == message.begin
              && again.length == message.length);
    }
    uint32_t held = peer_wire_worth_holding(data, there, size);
    check(held <= size && (held <= 64 * 1024 || message.id == PEER_BITFIELD));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint32_t captured = (uint32_t)size - 1, reported = captured + data[0], next, at = 0;
    data++;
    uint32_t complete = peer_wire_complete(data, captured, reported, &next);

    check(complete <= reported);
    peer_wire_plausible(data, captured, reported);
    peer_wire_is_handshake(data, captured);
    while (at < captured) {
        uint32_t message = peer_wire_size(data + at, captured - at);
        if (message == PEER_SIZE_UNKNOWN || message == PEER_SIZE_BAD)
            break;
        check(message <= PEER_MESSAGE_SIZE_MAX + PEER_PREFIX_SIZE && message >= PEER_PREFIX_SIZE);
        check_message(data + at, captured - at, message);
        /* Those that end in the data are what peer_wire_complete() counts. */
        if (message > reported - at)
            break;
        at += message;
    }
    check(at == complete);
    return 0;
}
