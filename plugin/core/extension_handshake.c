/* extension_handshake.c
 * The extension handshake, see extension_handshake.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/extension_handshake.h"

#include <string.h>

#include "core/bencode.h"

/* One key of m, which the reader has just read, and its value. */
static enum bencode_token
read_extension(struct extension_handshake *handshake, struct bencode_reader *bencode)
{
    struct extension_key key = { .name = bencode->string, .name_size = bencode->string_size };
    enum bencode_token   token = bencode_next(bencode);

    if (token == BENCODE_CUT || token == BENCODE_ERROR || token == BENCODE_CLOSE)
        return token;
    key.has_id = token == BENCODE_INTEGER && bencode->integer >= 0 && bencode->integer <= UINT8_MAX;
    key.id = key.has_id ? (uint8_t)bencode->integer : 0;

    /* Room doubles at each power of two. A key takes five bytes of the payload at least, so that bounds it. */
    if ((handshake->key_count & (handshake->key_count - 1)) == 0)
        handshake->keys = (struct extension_key *)wmem_realloc(handshake->scope, handshake->keys,
                                                               MAX(1, 2 * handshake->key_count) * sizeof key);
    handshake->keys[handshake->key_count++] = key;
    return bencode_skip(bencode, token);
}

/* The dictionary that has just opened, to its end: BENCODE_CLOSE, or what went wrong. */
static enum bencode_token
read_dictionary(struct extension_handshake *handshake, struct bencode_reader *bencode, bool is_m)
{
    for (;;) {
        enum bencode_token token = bencode_next(bencode);
        if (token == BENCODE_CLOSE || token == BENCODE_CUT)
            return token;
        if (token != BENCODE_STRING)
            return BENCODE_ERROR; /* keys are strings */

        if (is_m) {
            token = read_extension(handshake, bencode);
        } else {
            bool m = bencode->string_size == 1 && bencode->string[0] == 'm';
            token = bencode_next(bencode);
            if (m && token == BENCODE_DICT) {
                token = read_dictionary(handshake, bencode, true);
                if (token == BENCODE_CLOSE)
                    continue;
            }
            token = bencode_skip(bencode, token);
        }
        if (token == BENCODE_CLOSE)
            return BENCODE_ERROR; /* a key without a value */
        if (token == BENCODE_CUT || token == BENCODE_ERROR)
            return token;
    }
}

void
extension_handshake_read(struct extension_handshake *handshake, const uint8_t *payload, uint32_t captured,
                         uint32_t size, wmem_allocator_t *scope)
{
    struct bencode_reader bencode;

    memset(handshake, 0, sizeof *handshake);
    handshake->scope = scope;
    handshake->cut = captured < size;
    bencode_init(&bencode, payload, captured);
    if (bencode_next(&bencode) != BENCODE_DICT) {
        handshake->fault = HANDSHAKE_NO_DICTIONARY;
        return;
    }
    switch (read_dictionary(handshake, &bencode, false)) {
    case BENCODE_CLOSE:
        if (bencode.offset < captured)
            handshake->fault = HANDSHAKE_TRAILING;
        break;
    case BENCODE_CUT:
        handshake->fault = HANDSHAKE_CUT;
        break;
    default:
        handshake->fault = HANDSHAKE_BROKEN;
        break;
    }
    handshake->fault_offset = bencode.offset;
}

void
extension_handshake_free(struct extension_handshake *handshake)
{
    wmem_free(handshake->scope, handshake->keys);
    handshake->keys = NULL;
    handshake->key_count = 0;
}

bool
extension_handshake_is_whole(const struct extension_handshake *handshake)
{
    return !handshake->cut && (handshake->fault == HANDSHAKE_OK || handshake->fault == HANDSHAKE_TRAILING);
}

bool
extension_key_is(const struct extension_key *key, const char *name)
{
    return key->name_size == strlen(name) && memcmp(key->name, name, key->name_size) == 0;
}
