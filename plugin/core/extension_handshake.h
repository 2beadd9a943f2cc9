/* extension_handshake.h
 * The extension handshake (BEP 10): which id its sender gives to which extension.
 *
 *     d 1:m d 11:lt_donthave i7e 6:ut_pex i1e e 1:v 11:uTorrent 3.5 e
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef EXTENSION_HANDSHAKE_H
#define EXTENSION_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* What is wrong with a handshake, if anything. */
enum handshake_fault {
    HANDSHAKE_OK,
    HANDSHAKE_NO_DICTIONARY, /* the payload is not a bencoded dictionary */
    HANDSHAKE_CUT,           /* it ends inside the dictionary */
    HANDSHAKE_BROKEN,        /* not bencoded at some offset, or nested too deep */
    HANDSHAKE_TRAILING       /* bytes after the dictionary */
};

/* One key of m. */
struct extension_key {
    const uint8_t *name;      /* into the payload, not terminated */
    uint32_t       name_size; /* bytes */
    bool           has_id;    /* the value is an integer from 0 to 255 */
    uint8_t        id;        /* 0: switched off */
};

/* What one handshake says. */
struct extension_handshake {
    enum handshake_fault  fault;
    uint32_t              fault_offset; /* bytes into the payload */
    bool                  cut;          /* by the capture: there is more on the wire than was captured */
    struct extension_key *keys;         /* of m, in their order; owned, see extension_handshake_free() */
    uint32_t              key_count;
    wmem_allocator_t     *scope;
};

/* Reads the payload of an extension handshake, of which captured bytes of size are there; memory for the keys comes
 * from scope. A fault keeps what was read before it. Without BEP 10's m there are no keys. */
void extension_handshake_read(struct extension_handshake *handshake, const uint8_t *payload, uint32_t captured,
                              uint32_t size, wmem_allocator_t *scope);

void extension_handshake_free(struct extension_handshake *handshake);

/* Whether the handshake was read to its end, so that what it does not name is not offered. */
bool extension_handshake_is_whole(const struct extension_handshake *handshake);

/* Whether a key has that name, terminated. */
bool extension_key_is(const struct extension_key *key, const char *name);

#endif
