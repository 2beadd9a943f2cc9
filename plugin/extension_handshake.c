/* extension_handshake.c
 * The extension handshake, see extension_handshake.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extension_handshake.h"

#include <string.h>

#include "bencode.h"

/* What a read carries along. */
struct handshake_reading {
    struct bencode_reader       bencode;
    wmem_allocator_t           *scope;
    struct extension_table     *table;
    struct extension_handshake *result;
};

static bool
string_is(const struct bencode_reader *reader, const char *text)
{
    return reader->string_size == strlen(text) && memcmp(reader->string, text, reader->string_size) == 0;
}

/* Whether the string is lt_donthave but for case, '_' and '-'. */
static bool
looks_like_donthave(const struct bencode_reader *reader)
{
    static const char plain[] = "ltdonthave";
    size_t matched = 0;

    for (uint32_t i = 0; i < reader->string_size; i++) {
        char c = g_ascii_tolower((char)reader->string[i]);
        if (c == '_' || c == '-')
            continue;
        if (matched == strlen(plain) || c != plain[matched])
            return false;
        matched++;
    }
    return matched == strlen(plain) && !string_is(reader, LT_DONTHAVE_NAME);
}

/* Gives id to the extension, which may be in the table with another one. An id of 0 takes it out (BEP 10). */
static void
assign(struct handshake_reading *reading, const char *name, uint8_t id)
{
    struct extension_table *table = reading->table;
    unsigned i = 0;

    while (i < table->count && strcmp(table->extensions[i].name, name) != 0)
        i++;
    if (id == 0) {
        if (i < table->count)
            table->extensions[i] = table->extensions[--table->count];
        return;
    }
    if (i == table->count) {
        if (table->count == EXTENSION_NAMES_MAX) {
            reading->result->too_many = true;
            return;
        }
        table->extensions = (struct extension *)wmem_realloc(reading->scope, table->extensions,
                                                             (i + 1) * sizeof *table->extensions);
        table->extensions[i].name = wmem_strdup(reading->scope, name);
        table->count++;
    }
    table->extensions[i].id = id;
}

/* One key of m, which the reader has just read, and its value. */
static enum bencode_token
read_extension(struct handshake_reading *reading)
{
    struct bencode_reader *bencode = &reading->bencode;
    bool donthave = string_is(bencode, LT_DONTHAVE_NAME);
    char name[EXTENSION_NAME_SIZE_MAX + 1] = "";

    if (bencode->string_size <= EXTENSION_NAME_SIZE_MAX)
        memcpy(name, bencode->string, bencode->string_size);
    if (name[0] != '\0' && looks_like_donthave(bencode))
        reading->result->look_alike = wmem_strdup(reading->scope, name);

    enum bencode_token token = bencode_next(bencode);
    bool legal = token == BENCODE_INTEGER && bencode->integer >= 0 && bencode->integer <= UINT8_MAX;
    if (legal && name[0] != '\0')
        assign(reading, name, (uint8_t)bencode->integer);
    if (donthave && token != BENCODE_CUT && token != BENCODE_ERROR && token != BENCODE_CLOSE) {
        reading->result->donthave = legal ? DONTHAVE_KEY_ID : DONTHAVE_KEY_BAD;
        reading->result->donthave_id = legal ? (uint8_t)bencode->integer : 0;
    }
    return bencode_skip(bencode, token);
}

/* The dictionary that has just opened, to its end: BENCODE_CLOSE, or what went wrong. */
static enum bencode_token
read_dictionary(struct handshake_reading *reading, bool is_m)
{
    struct bencode_reader *bencode = &reading->bencode;

    for (;;) {
        enum bencode_token token = bencode_next(bencode);
        if (token == BENCODE_CLOSE || token == BENCODE_CUT)
            return token;
        if (token != BENCODE_STRING)
            return BENCODE_ERROR;       /* keys are strings */

        if (is_m) {
            token = read_extension(reading);
        } else {
            bool m = string_is(bencode, "m");
            token = bencode_next(bencode);
            if (m && token == BENCODE_DICT) {
                token = read_dictionary(reading, true);
                if (token == BENCODE_CLOSE)
                    continue;
            }
            token = bencode_skip(bencode, token);
        }
        if (token == BENCODE_CLOSE)
            return BENCODE_ERROR;       /* a key without a value */
        if (token == BENCODE_CUT || token == BENCODE_ERROR)
            return token;
    }
}

void
extension_handshake_read(const uint8_t *payload, uint32_t size, wmem_allocator_t *scope,
                         struct extension_table *table, struct extension_handshake *handshake)
{
    struct handshake_reading reading = { .scope = scope, .table = table, .result = handshake };

    memset(handshake, 0, sizeof *handshake);
    bencode_init(&reading.bencode, payload, size);
    if (bencode_next(&reading.bencode) != BENCODE_DICT) {
        handshake->fault = HANDSHAKE_NO_DICTIONARY;
        return;
    }
    switch (read_dictionary(&reading, false)) {
    case BENCODE_CLOSE:
        if (reading.bencode.offset < size)
            handshake->fault = HANDSHAKE_TRAILING;
        break;
    case BENCODE_CUT:
        handshake->fault = HANDSHAKE_CUT;
        break;
    default:
        handshake->fault = HANDSHAKE_BROKEN;
        break;
    }
    handshake->fault_offset = reading.bencode.offset;
}

const char *
extension_table_name(const struct extension_table *table, uint8_t id, const char *other_than)
{
    for (unsigned i = 0; i < table->count; i++) {
        if (table->extensions[i].id == id
                && (other_than == NULL || strcmp(table->extensions[i].name, other_than) != 0))
            return table->extensions[i].name;
    }
    return NULL;
}
