/* extension_ids.h
 * Which extension an extended message belongs to: the ids that two peers gave to extensions, by name (BEP 10).
 *
 * Each peer says in its extension handshake which ids it wants to be sent. So the id in a message is looked up in the
 * handshakes of its receiver. Handshakes add up: a key that is missing keeps its id, an id of 0 switches off. Until the
 * sender has acknowledged the handshake that changed an id, it may still write the former one.
 *
 * Clients are few, and each says the same in every connection: peers whose only handshake gives the same ids to the same
 * names have one list of them together (extension_ids_share()).
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef EXTENSION_IDS_H
#define EXTENSION_IDS_H

#include "core/extension_handshake.h"
#include "core/notes.h"

/* Names of one peer that are kept. */
#define EXTENSION_NAMES_MAX 256U
/* Longest name that is kept, in bytes. */
#define EXTENSION_NAME_SIZE_MAX 64U
/* Names are found by their hash, in one of so many chains: else a handshake with very many names would compare each of
 * them with all that are kept. */
#define EXTENSION_CHAINS 32U
/* So many are found without. */
#define EXTENSION_FEW 8U

/* What one peer gave to one extension. First pass only. Frames: see extension_ids_assigned_in(). */
struct extension_id {
    const char *name;            /* terminated, owned */
    uint64_t    changed_end_ack; /* see struct message_context */
    uint32_t    name_hash;       /* the lower bits number its chain */
    uint32_t    assigned_in;     /* frame of the handshake that gave id; 0: none did */
    uint32_t    former_assigned_in;
    uint32_t    changed_in; /* frame of the handshake that ended former_id */
    uint16_t    next;       /* of its chain: number of the entry, counted from 1; 0: it is the last */
    uint8_t     id;         /* 0: not offered, or switched off */
    uint8_t     former_id;  /* that a later handshake replaced or switched off; 0: none */
    bool        named;      /* while a handshake is added: it gives next_id */
    uint8_t     next_id;
};

/* What one peer gave to each extension, or what several did. First pass only. */
struct extension_list {
    struct extension_id *ids; /* the names that observers listen for come first */
    uint32_t             count;
    uint32_t             users; /* peers that share it; 0: it belongs to one */
    uint16_t   *chains;    /* EXTENSION_CHAINS numbers of the first entry, counted from 1; 0: none. NULL: names are
                              few */
    wmem_map_t *shared_in; /* with users */
};

/* All that one peer said. */
struct extension_ids {
    struct extension_list *list;           /* NULL: nothing yet */
    uint32_t               assigned_in;    /* list is shared: frame of the only handshake, which gave all ids */
    bool                   handshake_seen; /* a handshake was read whole */
};

/* How an id resolved. */
enum extension_how {
    EXTENSION_UNKNOWN,
    EXTENSION_KNOWN,        /* the receiver gave it to that extension */
    EXTENSION_CROSSING,     /* it did before, and the sender has not acknowledged the change */
    EXTENSION_SWITCHED_OFF, /* it did before, and switched the extension off */
    EXTENSION_OWN,          /* the sender itself gave it to that extension; the receiver gave it to none */
    EXTENSION_FALLBACK      /* the user says so; no handshake of the receiver gave the id to anything */
};

struct extension_resolution {
    enum extension_how         how;
    const char                *name;         /* NULL: unknown */
    uint32_t                   assigned_in;  /* frame of the handshake that gave the id; 0: none did */
    bool                       acknowledged; /* SWITCHED_OFF: the sender has acknowledged the change, or nobody can
                                                tell */
    const struct extension_id *receiver;     /* what the receiver gave to name; NULL: it never named it */
    uint32_t                   receiver_assigned_in; /* with receiver: frame of the handshake that did; 0: none */
};

/* The user's word for ids where no handshake tells. Several, as each side of a connection has its own. */
struct extension_fallback {
    const char *name;
    uint32_t    ids[(UINT8_MAX + 1) / 32]; /* a bit for each; that of 0 is never set */
};

/* A peer of which all is zero said nothing yet. Names that are reserved before its first handshake, of
 * EXTENSION_NAME_SIZE_MAX bytes at most, always have room. Memory comes from scope, the same each time. */
void extension_ids_reserve(struct extension_ids *ids, wmem_allocator_t *scope, const char *name);

/* Gives it back: all is zero. */
void extension_ids_free(struct extension_ids *ids, wmem_allocator_t *scope);

/* The lists that peers share: a map without any yet. Memory comes from scope, as that of all lists in it. */
wmem_map_t *extension_lists_new(wmem_allocator_t *scope);

/* The peer's only handshake was added, of that frame: from now on it has its list together with those that said the same. */
void extension_ids_share(struct extension_ids *ids, wmem_allocator_t *scope, wmem_map_t *lists, uint32_t frame);

/* The frame of the handshake that gave an entry its id; 0: none did. */
static inline uint32_t
extension_ids_assigned_in(const struct extension_ids *ids, const struct extension_id *entry)
{
    return entry->assigned_in != 0 && ids->list->users > 0 ? ids->assigned_in : entry->assigned_in;
}

/* What the peer gave to that name, NULL where it never named it and it is not reserved. */
const struct extension_id *extension_ids_find(const struct extension_ids *ids, const char *name);

/* Whether it is known what the peer gave to that name: it gave it an id, or a whole handshake gave it none. */
bool extension_ids_tell(const struct extension_ids *ids, const char *name);

/* The name of another extension that has this id now, NULL where there is none. */
const char *extension_ids_shared(const struct extension_ids *ids, const struct extension_id *one);

/* Adds a handshake of that frame; memory comes from its scope. False where there was no room for a name. */
bool extension_ids_add(struct extension_ids *ids, const struct extension_handshake *handshake,
                       const struct message_context *context);

/* What an id means in a message from the owner of sender to the owner of receiver. fallbacks: count of them. */
struct extension_resolution extension_ids_resolve(const struct extension_ids      *receiver,
                                                  const struct extension_ids      *sender,
                                                  const struct extension_fallback *fallbacks, unsigned count,
                                                  uint8_t id, const struct message_context *context);

#endif
