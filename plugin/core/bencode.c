/* bencode.c
 * A reader of bencoded data, see bencode.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/bencode.h"

#include <string.h>

void
bencode_init(struct bencode_reader *reader, const uint8_t *data, uint32_t size)
{
    memset(reader, 0, sizeof *reader);
    reader->data = data;
    reader->size = size;
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* i<digits>e, with an optional minus; the reader is after the i. */
static enum bencode_token
read_integer(struct bencode_reader *reader)
{
    uint32_t at = reader->offset + 1;
    bool     negative = at < reader->size && reader->data[at] == '-';
    bool     digits = false;
    int64_t  value = 0; /* kept negative: that range is the larger one */

    if (negative)
        at++;
    for (; at < reader->size && is_digit(reader->data[at]); at++) {
        int digit = reader->data[at] - '0';
        digits = true;
        value = value < (INT64_MIN + digit) / 10 ? INT64_MIN : value * 10 - digit;
    }
    if (at >= reader->size)
        return BENCODE_CUT;
    if (!digits || reader->data[at] != 'e')
        return BENCODE_ERROR;
    reader->integer = negative ? value : value == INT64_MIN ? INT64_MAX : -value;
    reader->offset = at + 1;
    return BENCODE_INTEGER;
}

/* <length>:<bytes> */
static enum bencode_token
read_string(struct bencode_reader *reader)
{
    uint32_t at = reader->offset;
    uint64_t length = 0;

    for (; at < reader->size && is_digit(reader->data[at]); at++) {
        length = length * 10 + (uint64_t)(reader->data[at] - '0');
        if (length > UINT32_MAX)
            return BENCODE_CUT;
    }
    if (at >= reader->size)
        return BENCODE_CUT;
    if (reader->data[at] != ':')
        return BENCODE_ERROR;
    at++;
    if (length > reader->size - at)
        return BENCODE_CUT;
    reader->string = reader->data + at;
    reader->string_size = (uint32_t)length;
    reader->offset = at + (uint32_t)length;
    return BENCODE_STRING;
}

enum bencode_token
bencode_next(struct bencode_reader *reader)
{
    if (reader->offset >= reader->size)
        return BENCODE_CUT;

    uint8_t c = reader->data[reader->offset];
    switch (c) {
    case 'd':
    case 'l':
        if (reader->depth == BENCODE_DEPTH_MAX)
            return BENCODE_ERROR;
        reader->depth++;
        reader->offset++;
        return c == 'd' ? BENCODE_DICT : BENCODE_LIST;
    case 'e':
        if (reader->depth == 0)
            return BENCODE_ERROR;
        reader->depth--;
        reader->offset++;
        return BENCODE_CLOSE;
    case 'i':
        return read_integer(reader);
    default:
        return is_digit(c) ? read_string(reader) : BENCODE_ERROR;
    }
}

enum bencode_token
bencode_skip(struct bencode_reader *reader, enum bencode_token token)
{
    if (token != BENCODE_DICT && token != BENCODE_LIST)
        return token;

    unsigned outside = reader->depth - 1;
    while (reader->depth > outside) {
        enum bencode_token inner = bencode_next(reader);
        if (inner == BENCODE_ERROR || inner == BENCODE_CUT)
            return inner;
    }
    return token;
}
