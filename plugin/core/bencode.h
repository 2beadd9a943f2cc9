/* bencode.h
 * A reader of bencoded data (BEP 3, "bencoding"): one token at a time, no recursion, no allocation.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef BENCODE_H
#define BENCODE_H

#include <stdbool.h>
#include <stdint.h>

/* Deepest nesting that is followed. */
#define BENCODE_DEPTH_MAX 32

enum bencode_token {
    BENCODE_ERROR,   /* not bencoded, or nested too deep */
    BENCODE_CUT,     /* the data ends inside a value */
    BENCODE_DICT,    /* a dictionary opens */
    BENCODE_LIST,    /* a list opens */
    BENCODE_CLOSE,   /* the innermost of them closes */
    BENCODE_INTEGER, /* integer is set */
    BENCODE_STRING   /* string and string_size are set */
};

struct bencode_reader {
    const uint8_t *data;
    uint32_t       size;    /* bytes at data */
    uint32_t       offset;  /* of the next token */
    unsigned       depth;   /* open dictionaries and lists */
    int64_t        integer; /* INT64_MIN or INT64_MAX where the value is out of range */
    const uint8_t *string;  /* into data, not terminated */
    uint32_t       string_size;
};

/* Starts to read size bytes at data, which must outlive the reader. */
void bencode_init(struct bencode_reader *reader, const uint8_t *data, uint32_t size);

/* The next token. After BENCODE_ERROR or BENCODE_CUT the reader stays where it is. Integers of any number of digits
 * are taken; leading zeros are forgiven. */
enum bencode_token bencode_next(struct bencode_reader *reader);

/* Steps over the rest of the value that began with token: to its end where a dictionary or a list has just opened,
 * else nowhere. BENCODE_ERROR or BENCODE_CUT where that fails, else token. */
enum bencode_token bencode_skip(struct bencode_reader *reader, enum bencode_token token);

#endif
