/* tcp_early.c
 * Connections that are not searched yet, see tcp_early.h.
 *
 * They are found by a hash of addresses and ports, because to find the conversation costs more than all that is done
 * here. The conversation counts when they are handed over: ports can be used again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "transport/tcp_early.h"

#include <string.h>

#include "core/mse_evidence.h"
#include "core/peer_wire.h"
#include "peer/mse_keys.h"
#include "peer/packet_facts.h"

#define SLOTS_MIN        1024U
#define BLOCK            16U /* connections for which memory is asked for at once; divides EARLY_MAX */
#define ADDRESS_SIZE_MAX 16  /* IPv6 */

/* What is known of a pair of ends, besides the number of a kept connection. */
#define SLOT_EMPTY    0U
#define SLOT_SEARCHED UINT32_MAX /* its conversation tells */
#define SLOT_GIVEN_UP (UINT32_MAX - 1)

struct slot {
    uint64_t key;
    uint32_t state;      /* one of these, or 1 + the number of a connection */
    uint32_t last_frame; /* given up: that was kept */
};

static struct slot             *slots;      /* open addressing */
static uint32_t                 slot_count; /* a power of two */
static uint32_t                 slots_used;
static struct early_connection *connections[EARLY_MAX];
static uint32_t                 begun; /* connections ever kept: the next number, modulo EARLY_MAX */
static uint64_t                 seed;  /* so that nobody can choose keys that collide */

/* --- the table --- */

static uint64_t
mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint64_t
mix_address(uint64_t hash, const address *address)
{
    uint64_t words[ADDRESS_SIZE_MAX / 8] = { 0 };

    memcpy(words, address->data, (size_t)address->len);
    return mix(mix(hash, words[0]), words[1]);
}

/* The same for both directions. 0: no addresses of IP, and nothing that is searched. */
static uint64_t
key_of(enum peer_side from, const packet_info *pinfo)
{
    const address *ends[2] = { &pinfo->src, &pinfo->dst };
    uint32_t       ports[2] = { pinfo->srcport, pinfo->destport };
    unsigned       first = from == PEER_A ? 0 : 1;
    uint64_t       key = mix(seed, (uint64_t)ports[first] << 32 | ports[!first]);

    if (pinfo->src.len == 4 && pinfo->dst.len == 4) {
        uint32_t one, other;

        memcpy(&one, ends[first]->data, 4);
        memcpy(&other, ends[!first]->data, 4);
        return mix(key, (uint64_t)one << 32 | other) | 1;
    }
    if (pinfo->src.len <= 0 || pinfo->src.len > ADDRESS_SIZE_MAX || pinfo->dst.len <= 0
        || pinfo->dst.len > ADDRESS_SIZE_MAX)
        return 0;
    return mix_address(mix_address(key, ends[first]), ends[!first]) | 1;
}

/* The slot of a key, or the empty one where it belongs. */
static struct slot *
find(uint64_t key)
{
    uint32_t at = (uint32_t)(key >> 32) & (slot_count - 1);

    while (slots[at].state != SLOT_EMPTY && slots[at].key != key)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static void
grow(void)
{
    struct slot *old = slots;
    uint32_t     old_count = slot_count;

    slot_count = MAX(SLOTS_MIN, 2 * old_count);
    slots = (struct slot *)wmem_alloc0(wmem_file_scope(), slot_count * sizeof *slots);
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].state != SLOT_EMPTY)
            *find(old[i].key) = old[i];
    }
    wmem_free(wmem_file_scope(), old);
}

static void
set_state(uint64_t key, uint32_t state)
{
    if (2 * (slots_used + 1) > slot_count)
        grow();

    struct slot *slot = find(key);
    if (slot->state == SLOT_EMPTY)
        slots_used++;
    slot->key = key;
    slot->state = state;
}

/* --- what is kept --- */

static bool
looks_encrypted(const struct early_connection *early)
{
    return mse_looks_encrypted(MSE_OVER_TCP, early->bytes[PEER_A], early->size[PEER_A], early->bytes[PEER_B],
                               early->size[PEER_B]);
}

/* How many of those that are kept could not be read. */
static uint32_t
count_unreadable(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MIN(begun, EARLY_MAX); i++) {
        if (connections[i]->key != 0 && looks_encrypted(connections[i]))
            count++;
    }
    return count;
}

/* It will not be searched. */
static void
count_given_up(const struct early_connection *early)
{
    if (mse_connections()->counts && looks_encrypted(early))
        mse_connections()->given_up[MSE_OVER_TCP]++;
}

static void
give_up(struct early_connection *early)
{
    struct slot *slot = find(early->key);

    count_given_up(early);
    slot->state = SLOT_GIVEN_UP;
    slot->last_frame = early->last_frame;
    early->key = 0;
}

static struct early_connection *
keep_new(uint64_t key)
{
    uint32_t                 number = begun++ % EARLY_MAX;
    struct early_connection *early = connections[number];

    if (early == NULL) {
        early = wmem_alloc_array(wmem_file_scope(), struct early_connection, BLOCK);
        for (uint32_t i = 0; i < BLOCK; i++) {
            early[i].key = 0;
            connections[number + i] = &early[i];
        }
    } else if (early->key != 0) {
        give_up(early);
    }
    early->key = key;
    early->count = 0;
    early->size[PEER_A] = early->size[PEER_B] = 0;
    set_state(key, number + 1);
    mse_connections()->count_unsearched = count_unreadable;
    return early;
}

/* Keeps a segment. False where it is a reason to search. */
static bool
keep(struct early_connection *early, const struct tcp_bytes *bytes, uint32_t acked, uint32_t frame)
{
    enum peer_side from = bytes->from, other = other_side(from);
    uint32_t       size = bytes->captured;
    uint32_t       before = early->size[from];
    uint32_t       scanned = before >= PEER_HANDSHAKE_MAGIC_SIZE ? before - (PEER_HANDSHAKE_MAGIC_SIZE - 1) : 0;
    uint32_t       at;

    if (early->count == EARLY_SEGMENTS_MAX || size > EARLY_BYTES_MAX - before
        || (before > 0 && bytes->seq != early->seq[from] + before))
        return false;
    if (early->count == 0)
        early->seq[other] = acked;
    else if (GT_SEQ(acked, early->seq[other] + early->size[other]))
        return false;
    memcpy(early->bytes[from] + before, bytes->data, size);
    if (mse_find_handshake(early->bytes[from], before + size, MAX(scanned, MSE_RESPONDER_MIN), &at))
        return false;
    if (before == 0)
        early->seq[from] = bytes->seq;
    early->size[from] = before + size;
    early->segments[early->count++] = (struct early_segment){ .frame = frame,
                                                              .size = (uint16_t)size,
                                                              .side = (uint8_t)from };
    early->last_frame = frame;
    return true;
}

bool
tcp_early_take(const struct tcp_bytes *bytes, const packet_info *pinfo, const struct tcpinfo *tcpinfo)
{
    uint64_t                 key = key_of(bytes->from, pinfo);
    uint32_t                 state = slot_count > 0 ? find(key)->state : SLOT_EMPTY;
    struct early_connection *early;

    if (state == SLOT_SEARCHED || state == SLOT_GIVEN_UP)
        return true;
    if (state == SLOT_EMPTY) {
        if (key == 0 || bytes->captured == 0 || !mse_may_begin(bytes->data, MIN(bytes->captured, MSE_FIRST_BYTES)))
            return false;
        if (bytes->captured != bytes->reported || bytes->captured > EARLY_BYTES_MAX
            || mse_connections()->keylog != NULL)
            return true;
        early = keep_new(key);
    } else {
        early = connections[state - 1];
    }
    return bytes->captured != bytes->reported || !keep(early, bytes, tcpinfo->lastackseq, pinfo->num);
}

bool
tcp_early_hand_over(const conversation_t *conversation, const packet_info *pinfo,
                    const struct early_connection **early)
{
    uint64_t                 key = key_of(packet_sender(pinfo), pinfo);
    struct slot              slot = slot_count > 0 ? *find(key) : (struct slot){ 0 };
    struct early_connection *kept;

    *early = NULL;
    if (key == 0)
        return true;
    set_state(key, SLOT_SEARCHED);
    if (slot.state == SLOT_SEARCHED || slot.state == SLOT_EMPTY)
        return true;
    if (slot.state == SLOT_GIVEN_UP)
        return conversation->setup_frame > slot.last_frame;

    kept = connections[slot.state - 1];
    if (kept->count > 0 && conversation->setup_frame > kept->last_frame) { /* an earlier one with these ports */
        count_given_up(kept);
    } else if (kept->count > 0) {
        *early = kept;
    }
    kept->key = 0;
    return true;
}

void
tcp_early_begin_capture(void)
{
    if (seed == 0)
        seed = (uint64_t)g_random_int() << 32 | g_random_int();
    slots = NULL;
    slot_count = slots_used = 0;
    memset(connections, 0, sizeof connections);
    begun = 0;
}
