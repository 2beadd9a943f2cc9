/* big_endian.h
 * Numbers as all of BitTorrent's protocols write them.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef BIG_ENDIAN_H
#define BIG_ENDIAN_H

#include <stdint.h>

static inline uint16_t
get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void
set_be32(uint8_t *p, uint32_t number)
{
    p[0] = (uint8_t)(number >> 24);
    p[1] = (uint8_t)(number >> 16);
    p[2] = (uint8_t)(number >> 8);
    p[3] = (uint8_t)number;
}

#endif
