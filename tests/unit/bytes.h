/* bytes.h
 * Bytes for tests: from hexadecimal digits, as messages of the peer wire protocol, and as copies that end where
 * AddressSanitizer watches.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef BYTES_H
#define BYTES_H

#include <glib.h>
#include <stdint.h>
#include <string.h>

static inline void
bytes_add(GByteArray *bytes, const void *data, size_t size)
{
    g_byte_array_append(bytes, (const uint8_t *)data, (unsigned)size);
}

static inline void
bytes_add_u8(GByteArray *bytes, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    bytes_add(bytes, &byte, 1);
}

static inline void
bytes_add_be32(GByteArray *bytes, uint32_t value)
{
    uint32_t big_endian = GUINT32_TO_BE(value);

    bytes_add(bytes, &big_endian, 4);
}

static inline void
bytes_add_zeros(GByteArray *bytes, uint32_t count)
{
    unsigned at = bytes->len;

    g_byte_array_set_size(bytes, at + count);
    if (count > 0)
        memset(bytes->data + at, 0, count);
}

/* Digits in pairs. */
static inline void
bytes_add_hex(GByteArray *bytes, const char *hex)
{
    for (; hex[0] != '\0'; hex += 2) {
        g_assert_true(g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]));
        bytes_add_u8(bytes, (unsigned)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1])));
    }
}

static inline GByteArray *
bytes_from_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();

    bytes_add_hex(bytes, hex);
    return bytes;
}

/* A copy of exactly that size, for g_free(): reading after it is an error that AddressSanitizer sees. */
static inline uint8_t *
bytes_copy(const uint8_t *data, uint32_t size)
{
    return (uint8_t *)g_memdup2(data, size);
}

#endif
