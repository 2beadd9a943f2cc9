/* recent_conversations.c
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/recent_conversations.h"

#include <string.h>

#define RECENT_CONVERSATIONS 64 /* one for each value of the ports' sum, modulo this */

/* One end: the type and the port, and the address, of IPv4 in the first word. */
struct end {
    uint64_t type_and_port;
    uint64_t address[2];
};

/* The ends of the packet that it was looked up for: those of the conversation, in one of two orders. */
struct recent {
    conversation_t *conversation; /* NULL: none yet */
    port_type       ptype;
    bool            ipv4;
    struct end      ends[2];
};

static struct recent recents[RECENT_CONVERSATIONS];

/* False where the address is none of IP. */
static inline bool
make_end(struct end *end, const address *address, uint32_t port)
{
    uint32_t ipv4;

    end->type_and_port = (uint64_t)(unsigned)address->type << 32 | port;
    if (address->len == sizeof ipv4) {
        memcpy(&ipv4, address->data, sizeof ipv4);
        end->address[0] = ipv4;
        end->address[1] = 0;
        return true;
    }
    if (address->len != sizeof end->address)
        return false;
    memcpy(end->address, address->data, sizeof end->address);
    return true;
}

static bool
is_end(const struct end *end, const address *address, uint32_t port)
{
    struct end other;

    return make_end(&other, address, port) && end->type_and_port == other.type_and_port
           && end->address[0] == other.address[0] && end->address[1] == other.address[1];
}

/* The same where both are known to be of IPv4. */
static inline bool
is_end_of_ipv4(const struct end *end, const address *address, uint32_t port)
{
    uint32_t ipv4;

    memcpy(&ipv4, address->data, sizeof ipv4);
    return (uint32_t)end->type_and_port == port && (uint32_t)end->address[0] == ipv4;
}

static G_GNUC_NO_INLINE bool
are_ends(const struct end *ends, const packet_info *pinfo)
{
    return (is_end(&ends[0], &pinfo->src, pinfo->srcport) && is_end(&ends[1], &pinfo->dst, pinfo->destport))
           || (is_end(&ends[1], &pinfo->src, pinfo->srcport) && is_end(&ends[0], &pinfo->dst, pinfo->destport));
}

/* The ports of one pair of ends can be used again: then later conversations with the same key follow this one, or, where
 * the other end opened them, have the key of the other order. A packet from before its first one is another's, and so is
 * one after its last one: TCP and UDP have counted this packet already, for the conversation that they found. */
static inline bool
is_conversation_of(const struct recent *recent, const packet_info *pinfo)
{
    const struct end *ends = recent->ends;
    const address    *src = &pinfo->src, *dst = &pinfo->dst;

    if (recent->conversation == NULL || recent->conversation->next != NULL
        || pinfo->num < recent->conversation->setup_frame || pinfo->num > recent->conversation->last_frame
        || pinfo->ptype != recent->ptype)
        return false;
    if (recent->ipv4 && src->type == AT_IPv4 && dst->type == AT_IPv4) {
        unsigned first = is_end_of_ipv4(&ends[0], src, pinfo->srcport) ? 0 : 1;
        return is_end_of_ipv4(&ends[!first], dst, pinfo->destport)
               && (first == 0 || is_end_of_ipv4(&ends[1], src, pinfo->srcport));
    }
    return are_ends(ends, pinfo);
}

/* Looks it up. What the next packet between these ends must find, too, is kept. */
static G_GNUC_NO_INLINE conversation_t *
look_up(struct recent *recent, packet_info *pinfo)
{
    conversation_t *conversation = find_conversation_pinfo(pinfo, 0);
    struct recent   found = { .conversation = conversation,
                              .ptype = pinfo->ptype,
                              .ipv4 = pinfo->src.type == AT_IPv4 && pinfo->dst.type == AT_IPv4 };

    /* Of those with a wildcard, one without may come to stand before them. */
    if (conversation != NULL && conversation->options == 0 && make_end(&found.ends[0], &pinfo->src, pinfo->srcport)
        && make_end(&found.ends[1], &pinfo->dst, pinfo->destport))
        *recent = found;
    return conversation;
}

conversation_t *
recent_conversation(packet_info *pinfo)
{
    struct recent *recent = &recents[(pinfo->srcport + pinfo->destport) % RECENT_CONVERSATIONS];

    return is_conversation_of(recent, pinfo) ? recent->conversation : look_up(recent, pinfo);
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
