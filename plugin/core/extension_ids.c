/* extension_ids.c
 * Which extension an extended message belongs to, see extension_ids.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/extension_ids.h"

#include <string.h>

/* --- lists --- */

/* Puts an entry into its chain. */
static void
link_entry(struct extension_list *list, uint32_t number)
{
    struct extension_id *entry = &list->ids[number - 1];
    uint16_t            *first = &list->chains[entry->name_hash % EXTENSION_CHAINS];

    entry->next = *first;
    *first = (uint16_t)number;
}

static struct extension_id *
append(struct extension_list *list, wmem_allocator_t *scope, const uint8_t *name, uint32_t size, uint32_t hash)
{
    if ((list->count & (list->count - 1)) == 0) /* room doubles at each power of two */
        list->ids = (struct extension_id *)wmem_realloc(scope, list->ids,
                                                        MAX(1, 2 * list->count) * sizeof *list->ids);
    struct extension_id *entry = &list->ids[list->count++];
    memset(entry, 0, sizeof *entry);
    entry->name = wmem_strndup(scope, (const char *)name, size);
    entry->name_hash = hash;
    if (list->chains != NULL) {
        link_entry(list, list->count);
    } else if (list->count > EXTENSION_FEW) {
        list->chains = wmem_alloc0_array(scope, uint16_t, EXTENSION_CHAINS);
        for (uint32_t number = 1; number <= list->count; number++)
            link_entry(list, number);
    }
    return entry;
}

static void
free_list(struct extension_list *list, wmem_allocator_t *scope)
{
    for (uint32_t i = 0; i < list->count; i++)
        wmem_free(scope, (void *)(uintptr_t)list->ids[i].name);
    wmem_free(scope, list->ids);
    wmem_free(scope, list->chains);
    wmem_free(scope, list);
}

/* --- lists that are shared: those of one handshake, in which nothing has changed yet --- */

static guint
hash_list(const void *key)
{
    const struct extension_list *list = (const struct extension_list *)key;
    uint32_t                     hash = list->count;

    for (uint32_t i = 0; i < list->count; i++)
        hash = (hash ^ list->ids[i].name_hash ^ list->ids[i].id) * UINT32_C(0x9e3779b1);
    return hash;
}

static gboolean
is_same_list(const void *one, const void *other)
{
    const struct extension_list *a = (const struct extension_list *)one, *b = (const struct extension_list *)other;

    if (a->count != b->count)
        return FALSE;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct extension_id *x = &a->ids[i], *y = &b->ids[i];
        if (x->id != y->id || (x->assigned_in != 0) != (y->assigned_in != 0) || x->name_hash != y->name_hash
            || strcmp(x->name, y->name) != 0)
            return FALSE;
    }
    return TRUE;
}

wmem_map_t *
extension_lists_new(wmem_allocator_t *scope)
{
    return wmem_map_new(scope, hash_list, is_same_list);
}

/* A peer has nothing to do with its list any more. */
static void
leave_list(struct extension_list *list, wmem_allocator_t *scope)
{
    if (list->users > 1) {
        list->users--;
        return;
    }
    if (list->users == 1)
        wmem_map_remove(list->shared_in, list);
    free_list(list, scope);
}

void
extension_ids_share(struct extension_ids *ids, wmem_allocator_t *scope, wmem_map_t *lists, uint32_t frame)
{
    struct extension_list *same = (struct extension_list *)wmem_map_lookup(lists, ids->list);

    ids->assigned_in = frame;
    if (same != NULL) {
        free_list(ids->list, scope);
        ids->list = same;
    } else {
        wmem_map_insert(lists, ids->list, ids->list);
        ids->list->shared_in = lists;
    }
    ids->list->users++;
}

/* The list is going to be changed: it belongs to the peer alone from now on. */
static struct extension_list *
own_list(struct extension_ids *ids, wmem_allocator_t *scope)
{
    struct extension_list *list = ids->list;

    if (list != NULL && list->users == 0)
        return list;
    ids->list = wmem_new0(scope, struct extension_list);
    if (list == NULL)
        return ids->list;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct extension_id *shared = &list->ids[i];
        struct extension_id       *own = append(ids->list, scope, (const uint8_t *)shared->name,
                                                (uint32_t)strlen(shared->name), shared->name_hash);
        own->id = shared->id;
        own->assigned_in = shared->assigned_in != 0 ? ids->assigned_in : 0;
    }
    leave_list(list, scope);
    return ids->list;
}

/* --- one peer --- */

void
extension_ids_reserve(struct extension_ids *ids, wmem_allocator_t *scope, const char *name)
{
    uint32_t size = (uint32_t)strlen(name);

    append(own_list(ids, scope), scope, (const uint8_t *)name, size, wmem_strong_hash((const uint8_t *)name, size));
}

void
extension_ids_free(struct extension_ids *ids, wmem_allocator_t *scope)
{
    if (ids->list != NULL)
        leave_list(ids->list, scope);
    memset(ids, 0, sizeof *ids);
}

static uint32_t
count_of(const struct extension_ids *ids)
{
    return ids->list != NULL ? ids->list->count : 0;
}

const struct extension_id *
extension_ids_find(const struct extension_ids *ids, const char *name)
{
    for (uint32_t i = 0; i < count_of(ids); i++) {
        if (strcmp(ids->list->ids[i].name, name) == 0)
            return &ids->list->ids[i];
    }
    return NULL;
}

bool
extension_ids_tell(const struct extension_ids *ids, const char *name)
{
    const struct extension_id *entry = extension_ids_find(ids, name);

    return ids->handshake_seen || (entry != NULL && entry->assigned_in != 0);
}

const char *
extension_ids_shared(const struct extension_ids *ids, const struct extension_id *one)
{
    for (uint32_t i = 0; i < count_of(ids); i++) {
        if (one->id != 0 && ids->list->ids[i].id == one->id && strcmp(ids->list->ids[i].name, one->name) != 0)
            return ids->list->ids[i].name;
    }
    return NULL;
}

/* The entry for a key of a handshake; NULL where its name is not kept. */
static struct extension_id *
entry_for(struct extension_list *list, wmem_allocator_t *scope, const struct extension_key *key, bool *full)
{
    if (key->name_size > EXTENSION_NAME_SIZE_MAX)
        return NULL;
    uint32_t hash = wmem_strong_hash(key->name, key->name_size);
    uint32_t number = list->chains != NULL ? list->chains[hash % EXTENSION_CHAINS] : list->count;
    for (; number != 0; number = list->chains != NULL ? list->ids[number - 1].next : number - 1) {
        struct extension_id *entry = &list->ids[number - 1];
        if (entry->name_hash == hash && extension_key_is(key, entry->name))
            return entry;
    }
    if (key->id == 0 || key->name_size == 0 || memchr(key->name, '\0', key->name_size) != NULL)
        return NULL;
    *full = *full || list->count >= EXTENSION_NAMES_MAX;
    return list->count >= EXTENSION_NAMES_MAX ? NULL : append(list, scope, key->name, key->name_size, hash);
}

/* The handshake that is added gives an extension its next id. */
static void
set_id(struct extension_id *entry, const struct message_context *context)
{
    if (entry->id != 0 && entry->id != entry->next_id) {
        entry->former_id = entry->id;
        entry->former_assigned_in = entry->assigned_in;
        entry->changed_in = context->frame;
        entry->changed_end_ack = context->end_ack;
    }
    entry->id = entry->next_id;
    entry->assigned_in = context->frame;
    entry->named = false;
}

bool
extension_ids_add(struct extension_ids *ids, const struct extension_handshake *handshake,
                  const struct message_context *context)
{
    struct extension_list *list = own_list(ids, handshake->scope);
    bool                   full = false;

    ids->handshake_seen = ids->handshake_seen || extension_handshake_is_whole(handshake);
    for (uint32_t i = 0; i < handshake->key_count; i++) { /* of keys that come twice, the last one counts */
        const struct extension_key *key = &handshake->keys[i];
        struct extension_id        *entry = key->has_id ? entry_for(list, handshake->scope, key, &full) : NULL;

        if (entry != NULL) {
            entry->named = true;
            entry->next_id = key->id;
        }
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->ids[i].named)
            set_id(&list->ids[i], context);
    }
    return !full;
}

/* Whether the sender may still be unaware of the receiver's change, because it has not acknowledged it. Where nobody can
 * tell, it is aware. */
static bool
is_unaware(const struct extension_id *changed, const struct message_context *context)
{
    return context->has_ack && context->ack < changed->changed_end_ack;
}

/* The entry that has that id now; NULL: none. */
static const struct extension_id *
having(const struct extension_ids *ids, uint8_t id)
{
    for (uint32_t i = 0; i < count_of(ids); i++) {
        if (ids->list->ids[i].id == id)
            return &ids->list->ids[i];
    }
    return NULL;
}

/* Whether an id means that extension to its receiver: it has the id now, or had it as far as the sender knows. */
static enum extension_how
means(const struct extension_id *entry, uint8_t id, const struct message_context *context)
{
    if (entry->id == id)
        return EXTENSION_KNOWN;
    if (entry->former_id == id && entry->id != 0 && is_unaware(entry, context))
        return EXTENSION_CROSSING;
    return EXTENSION_UNKNOWN;
}

/* The extension that an id means to its receiver. Of several, the first one. */
static const struct extension_id *
meant_by(const struct extension_ids *receiver, uint8_t id, const struct message_context *context,
         enum extension_how *how)
{
    for (uint32_t i = 0; i < count_of(receiver); i++) {
        *how = means(&receiver->list->ids[i], id, context);
        if (*how != EXTENSION_UNKNOWN)
            return &receiver->list->ids[i];
    }
    return NULL;
}

/* The extension that had that id before it was switched off. */
static const struct extension_id *
switched_off(const struct extension_ids *receiver, uint8_t id)
{
    for (uint32_t i = 0; i < count_of(receiver); i++) {
        if (receiver->list->ids[i].former_id == id && receiver->list->ids[i].id == 0)
            return &receiver->list->ids[i];
    }
    return NULL;
}

/* The extension that the user gives that id, where its receiver gave it none. */
static const char *
fallback_name(const struct extension_ids *receiver, const struct extension_fallback *fallbacks, unsigned count,
              uint8_t id)
{
    for (unsigned i = 0; i < count; i++) {
        if ((fallbacks[i].ids[id / 32] >> id % 32 & 1) == 0)
            continue;
        const struct extension_id *given = extension_ids_find(receiver, fallbacks[i].name);
        if (given == NULL || given->id == 0)
            return fallbacks[i].name;
    }
    return NULL;
}

struct extension_resolution
extension_ids_resolve(const struct extension_ids *receiver, const struct extension_ids *sender,
                      const struct extension_fallback *fallbacks, unsigned count, uint8_t id,
                      const struct message_context *context)
{
    struct extension_resolution resolution = { .how = EXTENSION_UNKNOWN };
    const struct extension_id  *entry;

    if (id == 0)
        return resolution;
    if ((entry = meant_by(receiver, id, context, &resolution.how)) != NULL) {
        resolution.assigned_in = resolution.how == EXTENSION_KNOWN ? extension_ids_assigned_in(receiver, entry)
                                                                   : entry->former_assigned_in;
    } else if ((entry = switched_off(receiver, id)) != NULL) {
        resolution.how = EXTENSION_SWITCHED_OFF;
        resolution.assigned_in = entry->former_assigned_in;
        resolution.acknowledged = !is_unaware(entry, context);
    } else if ((entry = having(sender, id)) != NULL && extension_ids_tell(receiver, entry->name)) {
        resolution.how = EXTENSION_OWN;
    } else {
        entry = NULL;
    }
    resolution.name = entry != NULL ? entry->name : fallback_name(receiver, fallbacks, count, id);
    if (entry == NULL && resolution.name != NULL)
        resolution.how = EXTENSION_FALLBACK;
    if (resolution.name != NULL)
        resolution.receiver = extension_ids_find(receiver, resolution.name);
    if (resolution.receiver != NULL)
        resolution.receiver_assigned_in = extension_ids_assigned_in(receiver, resolution.receiver);
    return resolution;
}
