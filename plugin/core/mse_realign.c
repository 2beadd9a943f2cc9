/* mse_realign.c
 * Finds the offset of bytes in RC4 after a hole, see mse_realign.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_realign.h"

#include <string.h>

#include "core/big_endian.h"
#include "core/mse_message_bits.h"
#include "core/peer_wire.h"

/* Bits of what is searched by: two zeros, with which the length of a message begins that has less than 64 KiB. */
#define INDEX_BITS_MIN 10U
#define INDEX_BITS_MAX 16U

/* log2 of MSE_REALIGN_RUN_MAX */
#define RUN_BITS 17U

/* Some messages, one after the other, at one offset. */
struct chain {
    uint64_t start; /* the offset: of the first byte of the run */
    uint32_t first; /* place of the first header in the run */
    uint32_t next;  /* and of the first one that was not weighed yet */
    int      bits;  /* of evidence, so far */
    int      needed;
    bool     keep_alive; /* the last one was one */
};

struct mse_realign {
    wmem_allocator_t *scope;
    mse_key_stream   *key_stream;
    void             *source;

    /* Key stream, from key_offset on. */
    uint8_t *key;
    uint64_t key_offset;
    uint32_t key_size;
    uint32_t key_room;

    /* The run. */
    bool                     active;
    struct mse_realign_range range;
    uint32_t                 width; /* highest - lowest */
    uint8_t                 *run;
    uint32_t                 run_size;
    uint32_t                 run_room;
    uint32_t                *ends; /* of its packets, ascending */
    uint32_t                 end_count;
    uint32_t                 end_room;
    uint32_t                 scanned; /* no header before this place is left to be found */
    struct chain             chains[MSE_REALIGN_CHAINS_MAX];
    uint32_t                 chain_count;

    /* Key stream from lowest on, by two bytes: the last place that has them, and for each place the one before it; plus 1,
     * 0: none. A place is that of the key stream in key, counted from lowest. */
    uint32_t *heads;
    uint32_t  index_bits;
    uint32_t *previous; /* by place modulo its size, which is a power of two above width */
    uint32_t  previous_room;
    uint32_t  indexed; /* places before this one are in there */
};

struct mse_realign *
mse_realign_new(wmem_allocator_t *scope, mse_key_stream *key_stream, void *source)
{
    struct mse_realign *realign = wmem_new0(scope, struct mse_realign);

    realign->scope = scope;
    realign->key_stream = key_stream;
    realign->source = source;
    return realign;
}

/* The run is over. The key stream stays. */
static void
end_run(struct mse_realign *realign)
{
    wmem_free(realign->scope, realign->run);
    wmem_free(realign->scope, realign->ends);
    wmem_free(realign->scope, realign->heads);
    wmem_free(realign->scope, realign->previous);
    realign->run = NULL;
    realign->ends = realign->heads = realign->previous = NULL;
    realign->run_size = realign->run_room = 0;
    realign->end_count = realign->end_room = 0;
    realign->scanned = realign->indexed = 0;
    realign->chain_count = 0;
    realign->active = false;
}

void
mse_realign_free(struct mse_realign *realign)
{
    end_run(realign);
    wmem_free(realign->scope, realign->key);
    wmem_free(realign->scope, realign);
}

static unsigned
log2_up(uint64_t value)
{
    unsigned bits = 0;

    while (bits < 63 && (UINT64_C(1) << bits) < value)
        bits++;
    return bits;
}

void
mse_realign_begin(struct mse_realign *realign, const struct mse_realign_range *range)
{
    end_run(realign);
    realign->active = true;
    realign->range = *range;
    if (range->highest - range->lowest > MSE_REALIGN_RANGE_MAX)
        realign->range.lowest = range->highest - MSE_REALIGN_RANGE_MAX;
    realign->width = (uint32_t)(range->highest - realign->range.lowest);
    realign->index_bits = CLAMP(log2_up(realign->width + 1), INDEX_BITS_MIN, INDEX_BITS_MAX);
    realign->previous_room = 1U << log2_up(realign->width + 1);
    realign->heads = wmem_alloc0_array(realign->scope, uint32_t, (size_t)1 << realign->index_bits);
    realign->previous = wmem_alloc_array(realign->scope, uint32_t, realign->previous_room);
}

/* --- the key stream --- */

/* Has the key stream from lowest up to before an offset. It only moves ahead, as a run comes after the one before it. */
static bool
reach(struct mse_realign *realign, uint64_t to)
{
    uint64_t from = realign->range.lowest;
    uint64_t end = realign->key_offset + realign->key_size;

    if (realign->key_size == 0 || from < realign->key_offset || from >= end) {
        realign->key_offset = from;
        realign->key_size = 0;
    } else if (from - realign->key_offset > realign->key_size / 2) {
        realign->key_size = (uint32_t)(end - from);
        memmove(realign->key, realign->key + (from - realign->key_offset), realign->key_size);
        realign->key_offset = from;
    }
    end = realign->key_offset + realign->key_size;
    if (to <= end)
        return true;

    uint32_t size = (uint32_t)(to - realign->key_offset);
    if (size > realign->key_room) {
        realign->key_room = MAX(size, 2 * realign->key_room);
        realign->key = (uint8_t *)wmem_realloc(realign->scope, realign->key, realign->key_room);
    }
    if (!realign->key_stream(realign->source, end, (uint32_t)(to - end), realign->key + realign->key_size))
        return false;
    realign->key_size = size;
    return true;
}

/* The key stream from a place on, counted from lowest. */
static const uint8_t *
key_at(const struct mse_realign *realign, uint64_t place)
{
    return realign->key + (realign->range.lowest - realign->key_offset + place);
}

uint32_t
mse_realign_decrypt(const struct mse_realign *realign, uint64_t offset, const uint8_t *in, uint32_t size,
                    uint8_t *out)
{
    if (offset < realign->key_offset || offset >= realign->key_offset + realign->key_size)
        return 0;

    const uint8_t *key = realign->key + (offset - realign->key_offset);
    size = (uint32_t)MIN(size, realign->key_size - (offset - realign->key_offset));
    for (uint32_t i = 0; i < size; i++)
        out[i] = in[i] ^ key[i];
    return size;
}

void
mse_realign_forget(struct mse_realign *realign, uint64_t offset)
{
    if (realign->active || offset < realign->key_offset + realign->key_size)
        return;
    wmem_free(realign->scope, realign->key);
    realign->key = NULL;
    realign->key_size = realign->key_room = 0;
}

/* --- messages of a chain --- */

/* Whether bytes of the run from one place up to before another are the end of one packet. */
static bool
ends_packet(const struct mse_realign *realign, uint32_t from, uint64_t to)
{
    uint32_t low = 0, high = realign->end_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (realign->ends[middle] <= from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < realign->end_count && realign->ends[low] == to;
}

/* Weighs the message at chain->next, and steps over it. MSE_MORE: not all that is weighed is there. */
static enum mse_verdict
weigh(const struct mse_realign *realign, struct chain *chain)
{
    uint8_t        message[MSE_WEIGHED_MAX];
    uint32_t       there = MIN(realign->run_size - chain->next, MSE_WEIGHED_MAX);
    const uint8_t *key = key_at(realign, chain->start - realign->range.lowest + chain->next);
    int            bits = MSE_KEEP_ALIVE_BITS;

    if (there < MSE_HEADER_SIZE)
        return MSE_MORE;
    for (uint32_t i = 0; i < there; i++)
        message[i] = realign->run[chain->next + i] ^ key[i];

    uint32_t length = get_be32(message);
    uint8_t  id = message[PEER_PREFIX_SIZE];
    if (message[0] != 0 || message[1] != 0 || (length == 0 && chain->keep_alive))
        return MSE_NO;
    if (length > 0) {
        bits = mse_header_bits(id, length,
                               ends_packet(realign, chain->next, (uint64_t)chain->next + PEER_PREFIX_SIZE + length));
        if (bits == 0)
            return MSE_NO;
        if (there < mse_weighed_size(id, length))
            return MSE_MORE;
        if (!mse_add_field_bits(message, id, length, &bits))
            return MSE_NO;
    }
    chain->keep_alive = length == 0;
    chain->bits += bits;
    chain->next += PEER_PREFIX_SIZE + length;
    return MSE_YES;
}

/* --- chains --- */

/* MSE_YES: the chain proves its offset. MSE_NO: it is none. MSE_MORE: the run does not tell yet. */
static enum mse_verdict
follow(const struct mse_realign *realign, struct chain *chain)
{
    while (chain->next < realign->run_size) {
        enum mse_verdict verdict = weigh(realign, chain);

        if (verdict != MSE_YES)
            return verdict;
        if (chain->bits >= chain->needed)
            return MSE_YES;
    }
    return MSE_MORE;
}

/* Keeps a chain that goes on after the run; where there is no room, the one with the least evidence is dropped. */
static void
keep(struct mse_realign *realign, const struct chain *chain)
{
    struct chain *weakest = &realign->chains[0];

    if (realign->chain_count < MSE_REALIGN_CHAINS_MAX) {
        realign->chains[realign->chain_count++] = *chain;
        return;
    }
    for (uint32_t i = 1; i < realign->chain_count; i++) {
        if (realign->chains[i].bits - realign->chains[i].needed < weakest->bits - weakest->needed)
            weakest = &realign->chains[i];
    }
    if (weakest->bits - weakest->needed < chain->bits - chain->needed)
        *weakest = *chain;
}

/* What a chain has to have: of each place and offset, a share of 2^-needed of random bytes may pass for messages, and all
 * shares add up to 2^-MSE_REALIGN_CERTAINTY.
 *     place      1 bit: the boundary; 2 and then 1, 3, 3, 5, 5, 5, 5...: the first packet begins there, the second...;
 *                2 and RUN_BITS: any
 *     offset     1 bit: the likely one; 1 and as many as the range has: any */
static int
needed_bits(const struct mse_realign *realign, uint64_t start, uint32_t place)
{
    unsigned bits = MSE_REALIGN_CERTAINTY + 1;

    if (start != realign->range.likely)
        bits += log2_up((uint64_t)realign->width + 1);
    if (realign->range.has_boundary && start + place == realign->range.boundary)
        return (int)(bits + 1);
    if (place == 0)
        return (int)(bits + 2 + 1);
    for (uint32_t packet = 1; packet < realign->end_count && packet < 64; packet++) {
        if (realign->ends[packet - 1] == place)
            return (int)(bits + 2 + 2 * (log2_up(packet + 2) - 1) + 1);
    }
    return (int)(bits + 2 + RUN_BITS);
}

/* --- the search --- */

static uint32_t
index_of(const struct mse_realign *realign, const uint8_t *bytes)
{
    uint32_t pair = (uint32_t)bytes[0] << 8 | bytes[1];

    return (pair ^ pair >> realign->index_bits) & ((1U << realign->index_bits) - 1);
}

/* The key stream up to a place is in the index afterwards. */
static void
index_to(struct mse_realign *realign, uint32_t last)
{
    const uint8_t *key = key_at(realign, 0);

    for (; realign->indexed <= last; realign->indexed++) {
        uint32_t *head = &realign->heads[index_of(realign, key + realign->indexed)];
        realign->previous[realign->indexed & (realign->previous_room - 1)] = *head;
        *head = realign->indexed + 1;
    }
}

/* Looks for headers at places that were not looked at yet. True where one proves its offset. */
static bool
scan(struct mse_realign *realign, struct chain *found)
{
    const uint8_t *key = key_at(realign, 0);

    for (; realign->scanned + MSE_HEADER_SIZE <= realign->run_size; realign->scanned++) {
        uint32_t       place = realign->scanned;
        const uint8_t *bytes = realign->run + place;

        index_to(realign, place + realign->width);
        for (uint32_t at = realign->heads[index_of(realign, bytes)]; at > place;
             at = realign->previous[(at - 1) & (realign->previous_room - 1)]) {
            if (key[at - 1] != bytes[0] || key[at] != bytes[1])
                continue;
            struct chain chain = { .start = realign->range.lowest + (at - 1 - place), .first = place, .next = place };
            chain.needed = needed_bits(realign, chain.start, place);
            switch (follow(realign, &chain)) {
            case MSE_YES:
                *found = chain;
                return true;
            case MSE_MORE:
                keep(realign, &chain);
                break;
            case MSE_NO:
                break;
            }
        }
    }
    return false;
}

/* Follows the chains that went on after what was there of the run. True where one proves its offset. */
static bool
go_on(struct mse_realign *realign, struct chain *found)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < realign->chain_count; i++) {
        struct chain chain = realign->chains[i];

        switch (follow(realign, &chain)) {
        case MSE_YES:
            *found = chain;
            return true;
        case MSE_MORE:
            realign->chains[left++] = chain;
            break;
        case MSE_NO:
            break;
        }
    }
    realign->chain_count = left;
    return false;
}

/* What was not captured counts as zeros, which decrypt to random bytes like those of a wrong offset. */
static void
append(struct mse_realign *realign, const uint8_t *data, uint32_t captured, uint32_t reported)
{
    if (realign->run_size + reported > realign->run_room) {
        realign->run_room = MAX(2 * realign->run_room, realign->run_size + reported);
        realign->run = (uint8_t *)wmem_realloc(realign->scope, realign->run, realign->run_room);
    }
    if (captured > 0)
        memcpy(realign->run + realign->run_size, data, captured);
    memset(realign->run + realign->run_size + captured, 0, reported - captured);
    realign->run_size += reported;
    if (realign->end_count == realign->end_room) {
        realign->end_room = MAX(8, 2 * realign->end_room);
        realign->ends = (uint32_t *)wmem_realloc(realign->scope, realign->ends,
                                                 realign->end_room * sizeof *realign->ends);
    }
    realign->ends[realign->end_count++] = realign->run_size;
}

enum mse_verdict
mse_realign_add(struct mse_realign *realign, const uint8_t *data, uint32_t captured, uint32_t reported,
                uint64_t *offset, uint64_t *boundary)
{
    struct chain found;

    if (!realign->active || reported > MSE_REALIGN_RUN_MAX - realign->run_size
        || !reach(realign, realign->range.highest + realign->run_size + reported)) {
        end_run(realign);
        return MSE_NO;
    }
    append(realign, data, captured, reported);
    if (!go_on(realign, &found) && !scan(realign, &found))
        return MSE_MORE;
    *offset = found.start;
    *boundary = found.start + found.first;
    end_run(realign);
    return MSE_YES;
}
