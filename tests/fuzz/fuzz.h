/* fuzz.h
 * What the fuzz targets share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In every build type, unlike assert(). */
static inline void
check(bool holds)
{
    if (!holds)
        abort();
}

#endif
