/* recent_conversations.c
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/recent_conversations.h"

#include <string.h>

#define RECENT_CONVERSATIONS 64 /* one for each value of the ports' sum, modulo this */
#define ADDRESS_SIZE_MAX     16 /* IPv6 */

struct end {
    uint8_t  bytes[ADDRESS_SIZE_MAX];
    int      address_type;
    int      address_size;
    uint32_t port;
};

/* The ends of the packet that it was looked up for: those of the conversation, in one of two orders. */
struct recent {
    conversation_t *conversation; /* NULL: none yet */
    port_type       ptype;
    struct end      ends[2];
};

static struct recent recents[RECENT_CONVERSATIONS];

static struct recent *
slot_of(const packet_info *pinfo)
{
    return &recents[(pinfo->srcport + pinfo->destport) % RECENT_CONVERSATIONS];
}

/* Nearly all addresses are IPv4. */
static inline bool
same_bytes(const void *a, const void *b, int size)
{
    uint32_t x, y;

    if (size != sizeof x)
        return memcmp(a, b, (size_t)size) == 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

static inline bool
is_end(const struct end *end, const address *address, uint32_t port)
{
    return end->port == port && end->address_type == address->type && end->address_size == address->len
           && same_bytes(end->bytes, address->data, address->len);
}

static struct end
make_end(const address *address, uint32_t port)
{
    struct end end = { .address_type = address->type, .address_size = address->len, .port = port };

    memcpy(end.bytes, address->data, (size_t)address->len);
    return end;
}

/* The ports of one pair of ends can be used again: then later conversations with the same key follow this one, or, where
 * the other end opened them, have the key of the other order. A packet from before its first one is another's, and so is
 * one after its last one: TCP and UDP have counted this packet already, for the conversation that they found. */
static bool
is_conversation_of(const struct recent *recent, const packet_info *pinfo)
{
    if (recent->conversation == NULL || recent->conversation->next != NULL
        || pinfo->num < recent->conversation->setup_frame || pinfo->num > recent->conversation->last_frame
        || pinfo->ptype != recent->ptype)
        return false;

    unsigned first = is_end(&recent->ends[0], &pinfo->src, pinfo->srcport) ? 0 : 1;
    return is_end(&recent->ends[first], &pinfo->src, pinfo->srcport)
           && is_end(&recent->ends[!first], &pinfo->dst, pinfo->destport);
}

/* Keeps what was looked up, where the next packet between these ends must find the same. Conversations with a wildcard
 * are none of these: one without may come to stand before them. */
static void
keep(struct recent *recent, conversation_t *conversation, const packet_info *pinfo)
{
    if (conversation->options != 0 || pinfo->src.len > ADDRESS_SIZE_MAX || pinfo->dst.len > ADDRESS_SIZE_MAX
        || pinfo->src.len <= 0 || pinfo->dst.len <= 0)
        return;
    recent->conversation = conversation;
    recent->ptype = pinfo->ptype;
    recent->ends[0] = make_end(&pinfo->src, pinfo->srcport);
    recent->ends[1] = make_end(&pinfo->dst, pinfo->destport);
}

conversation_t *
recent_conversation(packet_info *pinfo)
{
    struct recent *recent = slot_of(pinfo);

    if (is_conversation_of(recent, pinfo))
        return recent->conversation;
    conversation_t *conversation = find_conversation_pinfo(pinfo, 0);
    if (conversation != NULL)
        keep(recent, conversation, pinfo);
    return conversation;
}

conversation_t *
recent_or_new_conversation(packet_info *pinfo)
{
    conversation_t *conversation = recent_conversation(pinfo);

    return conversation != NULL ? conversation : find_or_create_conversation(pinfo);
}

/* What the last capture left is freed. */
static void
forget_all(void)
{
    memset(recents, 0, sizeof recents);
}

void
proto_reg_handoff_recent_conversations(void)
{
    register_init_routine(forget_all);
}
