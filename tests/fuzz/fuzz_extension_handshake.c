/* fuzz_extension_handshake.c
 * Fuzzes the reader of extension handshakes. The input is how many of its bytes the capture lacks, and the payload.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/extension_handshake.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct extension_handshake handshake;

    if (size == 0)
        return 0;
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    const uint8_t    *payload = data + 1;
    uint32_t          captured = (uint32_t)size - 1, reported = captured + data[0];

    extension_handshake_read(&handshake, payload, captured, reported, scope);
    check(handshake.cut == (reported > captured));
    check(handshake.fault_offset <= captured);
    check(handshake.key_count <= captured);
    for (uint32_t i = 0; i < handshake.key_count; i++) {
        const struct extension_key *key = &handshake.keys[i];
        check(key->name >= payload && key->name + key->name_size <= payload + captured);
        extension_key_is(key, "lt_donthave");
    }
    if (extension_handshake_is_whole(&handshake))
        check(handshake.fault == HANDSHAKE_OK || handshake.fault == HANDSHAKE_TRAILING);
    extension_handshake_free(&handshake);
    wmem_destroy_allocator(scope);
    return 0;
}
