/* fuzz_bencode.c
 * Fuzzes the reader of bencoded data. The input is that data. Whatever it is, the reader moves on and ends, stays inside
 * the data, and stepping over a value ends where reading it does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/bencode.h"

#include "fuzz.h"

static bool
is_end(enum bencode_token token)
{
    return token == BENCODE_ERROR || token == BENCODE_CUT;
}

/* Reads to the end of the value that begins with token, as bencode_skip() does. */
static enum bencode_token
read_value(struct bencode_reader *reader, enum bencode_token token)
{
    unsigned depth = reader->depth;

    if (token != BENCODE_DICT && token != BENCODE_LIST)
        return token;
    while (reader->depth >= depth) {
        enum bencode_token inside = bencode_next(reader);
        if (is_end(inside))
            return inside;
    }
    return token;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bencode_reader reader;
    enum bencode_token    token;
    uint32_t              tokens = 0;

    bencode_init(&reader, data, (uint32_t)size);
    do {
        struct bencode_reader skipping, reading;
        uint32_t              before = reader.offset;

        token = bencode_next(&reader);
        check(reader.offset <= size && reader.depth <= BENCODE_DEPTH_MAX);
        if (is_end(token)) {
            check(bencode_next(&reader) == token);      /* it stays where it is */
            break;
        }
        check(reader.offset > before);
        if (token == BENCODE_STRING)
            check(reader.string >= data && reader.string_size <= size && reader.string + reader.string_size <= data + size);
        skipping = reader;
        reading = reader;
        if (++tokens <= 64 && token != BENCODE_CLOSE) {
            enum bencode_token skipped = bencode_skip(&skipping, token), read = read_value(&reading, token);
            check(skipped == read);
            if (!is_end(read))
                check(skipping.offset == reading.offset && skipping.depth == reading.depth);
        }
    } while (reader.depth > 0 || reader.offset < size);
    return 0;
}
