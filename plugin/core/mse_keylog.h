/* mse_keylog.h
 * The keys of a key log, found by the hash that a connection shows in the clear.
 *
 *     MSE <S: 192 hex digits> <SKEY: 40 hex digits>
 *
 * One line a key; the fields are separated by spaces or tabs, and the line may end with blanks or a comment. `#`
 * begins a comment. A line that does not begin with the word MSE is somebody else's and skipped. A bad line begins
 * with the word MSE but does not go on like this; it is skipped and counted. An editor may have put the byte order mark
 * of UTF-8 before the text, and a CR at the end of each line.
 *
 * A secret belongs to one connection, and that to one torrent. Where the log has several SKEY for it, the connection tells
 * which one is right; more than MSE_KEYLOG_SAME_MAX count as bad.
 *
 * The text comes in chunks, cut anywhere, as the file grows: a line is taken when its end has come. A look-up takes
 * constant time, and so does a line. A key takes about 130 bytes, a line that repeats one takes none.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_KEYLOG_H
#define MSE_KEYLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/mse_hash.h"

/* A cap for mse_keylog_new() that no client reaches: about 280 MB. */
#define MSE_KEYLOG_KEYS_MAX (2U * 1024 * 1024)

/* Keys with the same S. */
#define MSE_KEYLOG_SAME_MAX 8U

/* Where in the line the next character is. */
enum mse_keylog_place {
    MSE_KEYLOG_WORD,      /* in the word MSE, or at the start */
    MSE_KEYLOG_SECRET,    /* before or in the digits of S */
    MSE_KEYLOG_INFO_HASH, /* before or in the digits of SKEY */
    MSE_KEYLOG_TAIL,      /* after the last digit */
    MSE_KEYLOG_COMMENT,   /* in a comment after it */
    MSE_KEYLOG_BAD,       /* in the rest of a bad line */
    MSE_KEYLOG_OTHER      /* in the rest of a line that is skipped */
};

struct mse_keylog {
    wmem_allocator_t       *scope;
    uint32_t                keys_max;
    uint32_t                count; /* keys; grows only */
    uint32_t                bad_lines;
    uint32_t                left_out;   /* lines with a key beyond keys_max */
    struct mse_key        **slabs;      /* key number n is slabs[n / keys of a slab][n % keys of a slab] */
    struct mse_keylog_slot *slots;      /* the hash table */
    uint32_t                slot_count; /* a power of two; 0 before the first key */
    enum mse_keylog_place   place;
    uint32_t                digits;  /* characters of the word, or digits of the field, that have come */
    bool                    in_mark; /* nothing has come but a byte order mark, digits bytes of it */
    bool                    taken;   /* the key of this line was added by mse_keylog_flush() */
    struct mse_key          key;     /* of this line, as far as its digits have come */
};

/* An empty set of at most keys_max keys (at most 2^30), whose memory comes from scope. */
struct mse_keylog *mse_keylog_new(wmem_allocator_t *scope, uint32_t keys_max);

/* Reads on in the text. Nothing in it is fatal. */
void mse_keylog_feed(struct mse_keylog *keylog, const char *text, size_t size);

/* The text ends here for now. A last line without a newline counts if it is complete; it may still go on. */
void mse_keylog_flush(struct mse_keylog *keylog);

/* Another text begins: forgets the part of a line that has come, but no key. */
void mse_keylog_restart(struct mse_keylog *keylog);

/* A key whose S has this hash, see mse_hash_req1(): the one after the key `after`, which has it, too; NULL: the first. NULL
 * where there is none. Valid as long as the key log. */
const struct mse_key *mse_keylog_find(const struct mse_keylog *keylog, const uint8_t req1[MSE_HASH_SIZE],
                                      const struct mse_key *after);

void mse_keylog_free(struct mse_keylog *keylog);

#endif
