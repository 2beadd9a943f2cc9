/* mse_evidence.c
 * What bytes tell of MSE without a key, see mse_evidence.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_evidence.h"

#include <string.h>

#include <glib.h>

#include "core/big_endian.h"
#include "core/peer_wire.h"

#define HEADER_SIZE (PEER_PREFIX_SIZE + 1)

/* mse_may_begin(): that many bytes of one value are too many. */
#define EQUAL_BYTES_MAX 7U

/* The longest Bitfield of the message table has this in the second byte of its length. */
#define BITFIELD_SECOND_MAX 0x20

/* Equal bytes at the start of a Bitfield, all 0 or all 255, that make it likely: 31 bits. */
#define BITFIELD_EQUAL 4U

/* An extension handshake (BEP 10): id 20, extended id 0, and a dictionary whose first key is a string. */
#define EXTENSION_EVIDENCE   (PEER_EXTENDED_HEADER_SIZE + 2)
#define EXTENSION_LENGTH_MIN 4U /* both ids, and the empty dictionary */

static const uint8_t handshake_magic[] = "\x13"
                                         "BitTorrent protocol"; /* the terminating 0 is not part of it */

/* --- is it random? --- */

/* A word with 1 in the place of each byte of bytes that is 0, and 0 in the others. */
static uint64_t
zero_bytes(uint64_t bytes)
{
    const uint64_t low_bits = UINT64_C(0x7f7f7f7f7f7f7f7f);

    return ~(((bytes & low_bits) + low_bits) | bytes | low_bits) >> 7;
}

/* The sum of the bytes of a word. */
static unsigned
sum_of_bytes(uint64_t bytes)
{
    return (unsigned)(bytes * UINT64_C(0x0101010101010101) >> 56);
}

bool
mse_may_begin(const uint8_t *data, uint32_t size)
{
    uint64_t words[MSE_FIRST_BYTES / 8];
    uint64_t zeros = 0, ones = 0;

    if (size < MSE_FIRST_BYTES)
        return true;
    memcpy(words, data, sizeof words);
    if (((words[0] | words[1] | words[2] | words[3]) & UINT64_C(0x8080808080808080)) == 0)
        return false;
    for (unsigned i = 0; i < MSE_FIRST_BYTES / 8; i++) {
        zeros += zero_bytes(words[i]);
        ones += zero_bytes(~words[i]);
    }
    return sum_of_bytes(zeros) < EQUAL_BYTES_MAX && sum_of_bytes(ones) < EQUAL_BYTES_MAX
           && memcmp(data, handshake_magic, 8) != 0;
}

bool
mse_looks_random(const uint8_t *data, uint32_t size)
{
    uint32_t counts[256] = { 0 };
    uint64_t all = (uint64_t)size * (size > 0 ? size - 1 : 0); /* 512 times the number of equal pairs to expect */
    uint64_t pairs = 0, excess;                                /* excess: 512 times the pairs beyond E + 18 */

    for (uint32_t i = 0; i < size; i++)
        pairs += counts[data[i]]++;
    if (512 * pairs <= all + 512 * 18)
        return true;
    excess = 512 * pairs - 512 * 18 - all;
    /* excess / 512 <= 7.5 sqrt(all / 512), squared */
    return excess * excess <= 28800 * all;
}

/* --- does plaintext begin? --- */

/* Most random bytes are none of the handshake's: where one stands at the end of the 20, none of them can begin it. Where the
 * last one of the handshake stands, which it has only once, it can: as no step goes on from there, several can be made
 * before one looks. */
bool
mse_find_handshake(const uint8_t *data, uint32_t size, uint32_t from, uint32_t *at)
{
    enum { LAST = PEER_HANDSHAKE_MAGIC_SIZE - 1, STEPS = 4 };
    static uint8_t steps[256]; /* how far to go on where this byte stands at the end */
    static bool    has_steps;
    uint64_t       end = (uint64_t)from + LAST;

    if (!has_steps) {
        memset(steps, PEER_HANDSHAKE_MAGIC_SIZE, sizeof steps);
        for (unsigned i = 0; i <= LAST; i++)
            steps[handshake_magic[i]] = (uint8_t)(LAST - i);
        has_steps = true;
    }
    while (end < size) {
        if (end + STEPS * PEER_HANDSHAKE_MAGIC_SIZE < size) {
            for (unsigned i = 0; i < STEPS; i++)
                end += steps[data[end]];
        }
        if (steps[data[end]] > 0) {
            end += steps[data[end]];
        } else if (memcmp(data + end - LAST, handshake_magic, PEER_HANDSHAKE_MAGIC_SIZE) == 0) {
            *at = (uint32_t)(end - LAST);
            return true;
        } else {
            end++;
        }
    }
    return false;
}

/* What the message table says of a message. */
struct message_rule {
    bool known;
    bool legal; /* the length is */
    bool fixed; /* there is only one legal length */
};

static struct message_rule
look_up(uint8_t id, uint32_t length)
{
    switch (id) {
#define X(value, name, least, greatest)                                                                              \
    case value:                                                                                                      \
        return (struct message_rule){ true, length >= (least) && length <= (greatest), (least) == (greatest) };
        PEER_MESSAGES(X)
#undef X
    default:
        return (struct message_rule){ false, false, false };
    }
}

enum mse_verdict
mse_message_at(const uint8_t *data, uint32_t size)
{
    struct message_rule rule;

    /* Keep-alives, which are no evidence. */
    while (size >= PEER_PREFIX_SIZE && get_be32(data) == 0) {
        data += PEER_PREFIX_SIZE;
        size -= PEER_PREFIX_SIZE;
    }
    if (size > 0 && data[0] != 0) /* 16 MiB and more */
        return MSE_NO;
    if (size < HEADER_SIZE)
        return MSE_MORE;
    rule = look_up(data[PEER_PREFIX_SIZE], get_be32(data));
    if (!rule.known)
        return MSE_MORE;
    return rule.legal ? MSE_YES : MSE_NO;
}

static enum mse_verdict
extension_handshake_at(const uint8_t *data, uint32_t size)
{
    const uint8_t *payload = data + HEADER_SIZE;

    if (data[1] != 0 || get_be32(data) < EXTENSION_LENGTH_MIN)
        return MSE_NO;
    if ((size > HEADER_SIZE && payload[0] != 0) || (size > HEADER_SIZE + 1 && payload[1] != 'd'))
        return MSE_NO;
    if (size < EXTENSION_EVIDENCE)
        return MSE_MORE;
    return (payload[2] >= '1' && payload[2] <= '9') || payload[2] == 'e' ? MSE_YES : MSE_NO;
}

/* Whether the bits of a Bitfield begin as they do where a peer has nothing, or everything. */
static bool
begins_with_equal_bytes(const uint8_t *bits, uint32_t size)
{
    static const uint8_t none[BITFIELD_EQUAL] = { 0 };
    static const uint8_t all[BITFIELD_EQUAL] = { 0xff, 0xff, 0xff, 0xff };

    return size >= BITFIELD_EQUAL
           && (memcmp(bits, none, BITFIELD_EQUAL) == 0 || memcmp(bits, all, BITFIELD_EQUAL) == 0);
}

enum mse_verdict
mse_messages_at(const uint8_t *data, uint32_t size, bool turn)
{
    if ((size > 0 && data[0] != 0) || (size > 1 && data[1] > BITFIELD_SECOND_MAX))
        return MSE_NO;
    if (size < HEADER_SIZE)
        return MSE_MORE;

    uint32_t            length = get_be32(data);
    uint8_t             id = data[PEER_PREFIX_SIZE];
    struct message_rule rule = look_up(id, length);
    enum mse_verdict    verdict = rule.legal ? MSE_YES : MSE_NO;
    enum mse_verdict    second = MSE_MORE;

    if (rule.legal && size - PEER_PREFIX_SIZE > length)
        second = mse_message_at(data + PEER_PREFIX_SIZE + length, size - PEER_PREFIX_SIZE - length);
    if (id == PEER_EXTENDED && rule.legal)
        verdict = extension_handshake_at(data, size);
    else if (id == PEER_BITFIELD && rule.legal && !(turn && data[1] == 0) && second != MSE_YES)
        verdict = begins_with_equal_bytes(data + HEADER_SIZE, MIN(size - HEADER_SIZE, length - 1)) ? MSE_YES
                                                                                                   : MSE_MORE;
    else if (id != PEER_BITFIELD && id != PEER_HAVE_ALL && id != PEER_HAVE_NONE && !(turn && rule.fixed))
        verdict = MSE_NO;
    return second == MSE_NO ? MSE_NO : verdict;
}
