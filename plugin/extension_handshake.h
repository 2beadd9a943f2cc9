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

#define LT_DONTHAVE_NAME        "lt_donthave"

/* Extensions of one peer whose names are kept. */
#define EXTENSION_NAMES_MAX     256
/* Longest name that is kept, in bytes. */
#define EXTENSION_NAME_SIZE_MAX 64

/* What m.lt_donthave says. */
enum donthave_key {
    DONTHAVE_KEY_MISSING,
    DONTHAVE_KEY_ID,        /* an id, 0 to 255 */
    DONTHAVE_KEY_BAD        /* no integer, or out of range */
};

/* What is wrong with a handshake, if anything. */
enum handshake_fault {
    HANDSHAKE_OK,
    HANDSHAKE_NO_DICTIONARY,    /* the payload is not a bencoded dictionary */
    HANDSHAKE_CUT,              /* it ends inside the dictionary */
    HANDSHAKE_BROKEN,           /* not bencoded at some offset, or nested too deep */
    HANDSHAKE_TRAILING          /* bytes behind the dictionary */
};

/* One key of m. */
struct extension {
    const char *name;           /* terminated, owned by the allocator of the table */
    uint8_t     id;
};

/* The extensions of one peer, all its handshakes added up (BEP 10: a key that is missing keeps its id). */
struct extension_table {
    struct extension *extensions;
    unsigned          count;
};

/* What one handshake says. */
struct extension_handshake {
    enum handshake_fault fault;
    uint32_t             fault_offset;  /* bytes into the payload */
    enum donthave_key    donthave;
    uint8_t              donthave_id;   /* DONTHAVE_KEY_ID */
    const char          *look_alike;    /* a key that is lt_donthave but for case, _ or -; NULL: none */
    bool                 too_many;      /* more names than EXTENSION_NAMES_MAX: the rest is not kept */
};

/* Reads the payload of an extension handshake and adds its keys to table; names are allocated from scope. A fault
 * keeps what was read before it. Without BEP 10's m, or with an empty one, nothing is added. */
void extension_handshake_read(const uint8_t *payload, uint32_t size, wmem_allocator_t *scope,
                              struct extension_table *table, struct extension_handshake *handshake);

/* The name of the extension with that id, NULL where the table has none. other_than: a name to pass over, or NULL. */
const char *extension_table_name(const struct extension_table *table, uint8_t id, const char *other_than);

#endif
