/* hash_number.h
 * Spreads numbers that differ in any of their bits over the places of a hash table.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HASH_NUMBER_H
#define HASH_NUMBER_H

#include <stdint.h>

static inline uint32_t
hash_number(uint32_t number)
{
    return (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

#endif
