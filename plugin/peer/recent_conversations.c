/* recent_conversations.c
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/recent_conversations.h"

#include <string.h>

#define RECENT_CONVERSATIONS 64 /* one for each value of the ports' sum, modulo this */
#define ADDRESS_WORDS        2  /* IPv6 */

struct end {
    uint64_t type_and_port;
    uint64_t address[ADDRESS_WORDS];
};

/* The ends of the packet that it was looked up for: those of the conversation, in one of two orders. */
struct recent {
    conversation_t *conversation; /* NULL: none yet */
    port_type       ptype;
    struct end      ends[2];
};

/* The last packet whose conversation was kept, while it is dissected: its addresses are where they were. */
struct last_packet {
    uint32_t        frame; /* 0: none */
    port_type       ptype;
    uint32_t        ports[2];     /* source, destination */
    const void     *addresses[2]; /* the same */
    conversation_t *conversation;
};

static struct recent      recents[RECENT_CONVERSATIONS];
static struct last_packet last;

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

static inline bool
same_end(const struct end *a, const struct end *b)
{
    return a->type_and_port == b->type_and_port && a->address[0] == b->address[0] && a->address[1] == b->address[1];
}

/* The ports of one pair of ends can be used again: then later conversations with the same key follow this one, or, where
 * the other end opened them, have the key of the other order. A packet from before its first one is another's, and so is
 * one after its last one: TCP and UDP have counted this packet already, for the conversation that they found. */
static inline bool
is_conversation_of(const struct recent *recent, const struct end *source, const struct end *destination,
                   const packet_info *pinfo)
{
    if (recent->conversation == NULL || recent->conversation->next != NULL
        || pinfo->num < recent->conversation->setup_frame || pinfo->num > recent->conversation->last_frame
        || pinfo->ptype != recent->ptype)
        return false;

    unsigned first = same_end(&recent->ends[0], source) ? 0 : 1;
    return same_end(&recent->ends[first], source) && same_end(&recent->ends[!first], destination);
}

static inline bool
is_last_packet(const packet_info *pinfo)
{
    return last.frame == pinfo->num && last.addresses[0] == pinfo->src.data && last.addresses[1] == pinfo->dst.data
           && last.ports[0] == pinfo->srcport && last.ports[1] == pinfo->destport && last.ptype == pinfo->ptype;
}

conversation_t *
recent_conversation(packet_info *pinfo)
{
    struct recent  *recent = &recents[(pinfo->srcport + pinfo->destport) % RECENT_CONVERSATIONS];
    conversation_t *conversation;
    struct end      source, destination;

    if (is_last_packet(pinfo))
        return last.conversation;
    if (!make_end(&source, &pinfo->src, pinfo->srcport) || !make_end(&destination, &pinfo->dst, pinfo->destport))
        return find_conversation_pinfo(pinfo, 0);
    if (!is_conversation_of(recent, &source, &destination, pinfo)) {
        conversation = find_conversation_pinfo(pinfo, 0);
        /* Of those with a wildcard, one without may come to stand before them. */
        if (conversation == NULL || conversation->options != 0)
            return conversation;
        *recent = (struct recent){ conversation, pinfo->ptype, { source, destination } };
    }
    last = (struct last_packet){ .frame = pinfo->num,
                                 .ptype = pinfo->ptype,
                                 .ports = { pinfo->srcport, pinfo->destport },
                                 .addresses = { pinfo->src.data, pinfo->dst.data },
                                 .conversation = recent->conversation };
    return recent->conversation;
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
    memset(&last, 0, sizeof last);
}

void
proto_reg_handoff_recent_conversations(void)
{
    register_init_routine(forget_all);
}
