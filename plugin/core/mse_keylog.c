/* mse_keylog.c
 * The keys of a key log, see mse_keylog.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_keylog.h"

#include <string.h>

#include "core/big_endian.h"

#define KEYS_PER_SLAB 128U
#define SLOTS_MIN     64U
#define WORD          "MSE"
#define WORD_LENGTH   3U
#define MARK          "\xef\xbb\xbf" /* the byte order mark */
#define MARK_LENGTH   3U

/* A place of the hash table. The hash itself is not kept: where the first 32 bits of it agree, it is computed again
 * from S. */
struct mse_keylog_slot {
    uint32_t hash;       /* the first 32 bits of "req1" S */
    uint32_t key_number; /* of the key, from 1 on; 0: the slot is empty */
};

struct mse_keylog *
mse_keylog_new(wmem_allocator_t *scope, uint32_t keys_max)
{
    struct mse_keylog *keylog = wmem_new0(scope, struct mse_keylog);

    keylog->scope = scope;
    keylog->keys_max = keys_max;
    keylog->in_mark = true;
    return keylog;
}

void
mse_keylog_free(struct mse_keylog *keylog)
{
    for (uint32_t i = 0; i < keylog->count; i += KEYS_PER_SLAB)
        wmem_free(keylog->scope, keylog->slabs[i / KEYS_PER_SLAB]);
    wmem_free(keylog->scope, keylog->slabs);
    wmem_free(keylog->scope, keylog->slots);
    wmem_free(keylog->scope, keylog);
}

/* --- the hash table --- */

static struct mse_key *
key_at(const struct mse_keylog *keylog, uint32_t number)
{
    return &keylog->slabs[number / KEYS_PER_SLAB][number % KEYS_PER_SLAB];
}

const struct mse_key *
mse_keylog_find(const struct mse_keylog *keylog, const uint8_t req1[MSE_HASH_SIZE], const struct mse_key *after)
{
    uint32_t hash = get_be32(req1);

    if (keylog->slot_count == 0)
        return NULL;
    for (uint32_t at = hash & (keylog->slot_count - 1); keylog->slots[at].key_number != 0;
         at = (at + 1) & (keylog->slot_count - 1)) {
        if (keylog->slots[at].hash == hash) {
            const struct mse_key *key = key_at(keylog, keylog->slots[at].key_number - 1);
            uint8_t               whole[MSE_HASH_SIZE];

            if (after != NULL) {
                after = key == after ? NULL : after;
                continue;
            }
            mse_hash_req1(key, whole);
            if (memcmp(whole, req1, MSE_HASH_SIZE) == 0)
                return key;
        }
    }
    return NULL;
}

static void
insert_slot(struct mse_keylog *keylog, const struct mse_keylog_slot *slot)
{
    uint32_t at = slot->hash & (keylog->slot_count - 1);

    while (keylog->slots[at].key_number != 0)
        at = (at + 1) & (keylog->slot_count - 1);
    keylog->slots[at] = *slot;
}

/* Doubles the hash table. */
static void
grow_slots(struct mse_keylog *keylog)
{
    struct mse_keylog_slot *old = keylog->slots;
    uint32_t                old_count = keylog->slot_count;

    keylog->slot_count = old_count == 0 ? SLOTS_MIN : 2 * old_count;
    keylog->slots = wmem_alloc0_array(keylog->scope, struct mse_keylog_slot, keylog->slot_count);
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].key_number != 0)
            insert_slot(keylog, &old[i]);
    }
    wmem_free(keylog->scope, old);
}

/* Room for one more key. */
static void
grow_slabs(struct mse_keylog *keylog)
{
    uint32_t slab = keylog->count / KEYS_PER_SLAB;

    if (keylog->count % KEYS_PER_SLAB != 0)
        return;
    /* The array of slabs grows by doubling, at each power of two. */
    if ((slab & (slab - 1)) == 0) {
        size_t room = MAX(1, 2 * (size_t)slab);
        keylog->slabs = (struct mse_key **)wmem_realloc(keylog->scope, keylog->slabs, room * sizeof *keylog->slabs);
    }
    keylog->slabs[slab] = wmem_alloc_array(keylog->scope, struct mse_key, KEYS_PER_SLAB);
}

/* Adds the key of the line that was read. False where there are too many with its S. */
static bool
add_key(struct mse_keylog *keylog)
{
    uint8_t               req1[MSE_HASH_SIZE];
    const struct mse_key *known = NULL;
    unsigned              same = 0;

    mse_hash_req1(&keylog->key, req1);
    while ((known = mse_keylog_find(keylog, req1, known)) != NULL) {
        if (memcmp(known->info_hash, keylog->key.info_hash, MSE_HASH_SIZE) == 0)
            return true;
        same++;
    }
    if (same == MSE_KEYLOG_SAME_MAX)
        return false;
    if (keylog->count >= keylog->keys_max) {
        keylog->left_out++;
        return true;
    }

    /* At most three slots in four are used. */
    if (4 * ((uint64_t)keylog->count + 1) > 3 * (uint64_t)keylog->slot_count)
        grow_slots(keylog);
    grow_slabs(keylog);
    *key_at(keylog, keylog->count) = keylog->key;
    keylog->count++;
    insert_slot(keylog, &(struct mse_keylog_slot){ .hash = get_be32(req1), .key_number = keylog->count });
    return true;
}

/* --- the text --- */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
go_to(struct mse_keylog *keylog, enum mse_keylog_place place)
{
    keylog->place = place;
    keylog->digits = 0;
}

static void
take_key(struct mse_keylog *keylog)
{
    if (!keylog->taken && !add_key(keylog))
        keylog->bad_lines++;
    keylog->taken = true;
}

/* The next character is the first one of a line. */
static void
begin_line(struct mse_keylog *keylog)
{
    keylog->in_mark = false;
    go_to(keylog, MSE_KEYLOG_WORD);
    keylog->taken = false;
}

static void
end_line(struct mse_keylog *keylog)
{
    switch (keylog->place) {
    case MSE_KEYLOG_WORD:
        if (!keylog->in_mark && keylog->digits == WORD_LENGTH)
            keylog->bad_lines++;
        break;
    case MSE_KEYLOG_SECRET:
    case MSE_KEYLOG_INFO_HASH:
    case MSE_KEYLOG_BAD:
        keylog->bad_lines++;
        break;
    case MSE_KEYLOG_TAIL:
    case MSE_KEYLOG_COMMENT:
        take_key(keylog);
        break;
    case MSE_KEYLOG_OTHER:
        break;
    }
    begin_line(keylog);
}

/* Whether the next character belongs to a byte order mark at the start of the text. */
static bool
read_mark(struct mse_keylog *keylog, char c)
{
    if (!keylog->in_mark)
        return false;
    if (c == MARK[keylog->digits]) {
        keylog->digits++;
        keylog->in_mark = keylog->digits < MARK_LENGTH;
        if (!keylog->in_mark)
            keylog->digits = 0;
        return true;
    }
    keylog->in_mark = false;
    if (keylog->digits > 0) /* the line begins with a part of one */
        go_to(keylog, MSE_KEYLOG_OTHER);
    return keylog->place == MSE_KEYLOG_OTHER;
}

/* The next character of the word MSE, or the blank after it. */
static void
read_word(struct mse_keylog *keylog, char c)
{
    if (keylog->digits < WORD_LENGTH && c == WORD[keylog->digits])
        keylog->digits++;
    else if (keylog->digits == WORD_LENGTH && is_blank(c))
        go_to(keylog, MSE_KEYLOG_SECRET);
    else if (keylog->digits != WORD_LENGTH || c != '\r') /* the word alone is a bad line, with a CR as well */
        go_to(keylog, MSE_KEYLOG_OTHER);
}

/* The next digit of a field of size bytes, or a blank around it. True where the field is complete. */
static bool
read_digit(struct mse_keylog *keylog, char c, uint8_t *field, uint32_t size)
{
    int value = g_ascii_xdigit_value(c);

    if (keylog->digits == 2 * size) { /* S must be followed by a blank */
        if (is_blank(c))
            return true;
        keylog->place = MSE_KEYLOG_BAD;
    } else if (value >= 0) {
        uint8_t *byte = &field[keylog->digits / 2];
        *byte = (uint8_t)((keylog->digits % 2 == 0 ? 0 : *byte << 4) | value);
        keylog->digits++;
    } else if (!is_blank(c) || keylog->digits > 0) {
        keylog->place = MSE_KEYLOG_BAD;
    }
    return false;
}

static void
read_character(struct mse_keylog *keylog, char c)
{
    switch (keylog->place) {
    case MSE_KEYLOG_WORD:
        if (!read_mark(keylog, c))
            read_word(keylog, c);
        break;
    case MSE_KEYLOG_SECRET:
        if (read_digit(keylog, c, keylog->key.secret, MSE_SECRET_SIZE))
            go_to(keylog, MSE_KEYLOG_INFO_HASH);
        break;
    case MSE_KEYLOG_INFO_HASH:
        read_digit(keylog, c, keylog->key.info_hash, MSE_HASH_SIZE);
        if (keylog->digits == 2 * MSE_HASH_SIZE)
            go_to(keylog, MSE_KEYLOG_TAIL);
        break;
    case MSE_KEYLOG_TAIL:
        if (c == '#')
            keylog->place = MSE_KEYLOG_COMMENT;
        else if (!is_blank(c) && c != '\r')
            keylog->place = MSE_KEYLOG_BAD;
        break;
    case MSE_KEYLOG_COMMENT:
    case MSE_KEYLOG_BAD:
    case MSE_KEYLOG_OTHER:
        break;
    }
}

void
mse_keylog_feed(struct mse_keylog *keylog, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            end_line(keylog);
        else
            read_character(keylog, text[i]);
    }
}

void
mse_keylog_flush(struct mse_keylog *keylog)
{
    if (keylog->place == MSE_KEYLOG_TAIL || keylog->place == MSE_KEYLOG_COMMENT)
        take_key(keylog);
}

void
mse_keylog_restart(struct mse_keylog *keylog)
{
    begin_line(keylog);
    keylog->in_mark = true;
}
