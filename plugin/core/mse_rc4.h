/* mse_rc4.h
 * RC4 of one direction of an encrypted connection (MSE), by position: decrypts any bytes, in any order.
 *
 * The cipher is libgcrypt's. It can neither copy nor export its state: a cipher handle only moves forward, one byte
 * of key stream after the other, or goes back to its start. So what is kept are
 *
 *  * runners: handles that were left at different positions. The nearest one before the position that is asked for
 *    moves there; where none is before it, one starts anew. The first moves along with the capture, and is never
 *    given up. There is one, and one more for each MSE_RC4_RUNNER_SPAN bytes, MSE_RC4_RUNNERS_MAX at most. Beyond
 *    that, and where two are at the same place, the one is started anew whose place is missed least: the product of
 *    the bytes up to the next runner and those back to the one before it.
 *  * recent: the key stream that was generated last. Small steps back cost nothing. Its room is the stream's length
 *    divided by MSE_RC4_RECENT_SHARE, MSE_RC4_RECENT_MAX at most; where somebody stepped back further than that, as
 *    far as he stepped, MSE_RC4_STEP_MAX at most.
 *
 * What it costs, in bytes of key stream, for a stream of n bytes (libgcrypt generates some 450 MB of it in a second):
 *
 *     a pass from start to end, the first or another one    n + 1024
 *     a step back within recent                             0
 *     random access, on the average                         about n / runners; at worst the position + 1024
 *     backwards from end to start                           n * n / (2 * room of recent)
 *
 * The last cannot be done in less with handles that do not copy: each must go from the start to where it is needed,
 * and serves one run of ascending positions.
 *
 * And in memory: a runner has some 3,000 bytes, so the sum is at most 0.25 % of n, 3 KiB, and MSE_RC4_STEP_MAX. It
 * ends at 1.05 MiB. A direction that nobody asked for anything yet has none of it.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_RC4_H
#define MSE_RC4_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/mse_hash.h"

/* The first bytes of the key stream, which MSE throws away. */
#define MSE_RC4_DISCARDED 1024U

#define MSE_RC4_RUNNER_SPAN  (2U * 1024 * 1024)
#define MSE_RC4_RUNNERS_MAX  16U
#define MSE_RC4_RECENT_SHARE 1024U
#define MSE_RC4_RECENT_MIN   (4U * 1024)
#define MSE_RC4_RECENT_MAX   (1024U * 1024)
#define MSE_RC4_STEP_MAX     (32U * 1024)

/* A position must not be further in the stream than this, and MSE_RC4_REACH_SHARE times the bytes decrypted so far:
 * else a single packet with a wild sequence number would cost minutes. */
#define MSE_RC4_REACH       (UINT64_C(64) * 1024 * 1024)
#define MSE_RC4_REACH_SHARE 256U

/* One direction. */
struct mse_rc4 {
    wmem_allocator_t      *scope;
    uint8_t                key[MSE_HASH_SIZE];
    uint64_t               farthest;  /* the end of what was ever asked for */
    uint64_t               decrypted; /* bytes that were handed out */
    uint64_t               generated; /* bytes of key stream that this took, discarded ones included */
    struct mse_rc4_runner *runners;   /* MSE_RC4_RUNNERS_MAX of them, NULL before the first is used */
    uint32_t               runner_count;
    uint32_t               recent_room;  /* a power of two; 0 before the first use */
    uint8_t               *recent;       /* the byte of position p is at p modulo recent_room */
    uint64_t               recent_start; /* positions: from here on */
    uint64_t               recent_end;   /* to before this one */
};

/* The key stream of a key, see mse_hash_rc4_key(). Takes memory from scope, and handles of libgcrypt that only
 * mse_rc4_free() gives back. */
struct mse_rc4 *mse_rc4_new(wmem_allocator_t *scope, const uint8_t key[MSE_HASH_SIZE]);

/* Decrypts size bytes, the first of which is at position of the stream (0: the first one that is encrypted), from
 * in to out, which may be the same. False, and out is worthless, where the position is out of reach or libgcrypt
 * refuses RC4 (as in FIPS mode). */
bool mse_rc4_decrypt(struct mse_rc4 *rc4, uint64_t position, const uint8_t *in, uint32_t size, uint8_t *out);

/* Gives back what can be made again from the key: it is not expected to be used soon. */
void mse_rc4_rest(struct mse_rc4 *rc4);

void mse_rc4_free(struct mse_rc4 *rc4);

#endif
