/* mse_rc4.c
 * RC4 by position, see mse_rc4.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_rc4.h"

#include <string.h>

#include <gcrypt.h>

/* The smallest room for recent. A power of two, like all of its sizes. */
#define ROOM_MIN 256U

struct mse_rc4_runner {
    gcry_cipher_hd_t cipher;
    uint64_t         position; /* of the byte of key stream that comes next */
};

struct mse_rc4 *
mse_rc4_new(wmem_allocator_t *scope, const uint8_t key[MSE_HASH_SIZE])
{
    struct mse_rc4 *rc4 = wmem_new0(scope, struct mse_rc4);

    rc4->scope = scope;
    memcpy(rc4->key, key, MSE_HASH_SIZE);
    return rc4;
}

void
mse_rc4_rest(struct mse_rc4 *rc4)
{
    for (uint32_t i = 0; i < rc4->runner_count; i++)
        gcry_cipher_close(rc4->runners[i].cipher);
    wmem_free(rc4->scope, rc4->runners);
    wmem_free(rc4->scope, rc4->recent);
    rc4->runners = NULL;
    rc4->recent = NULL;
    rc4->runner_count = rc4->recent_room = 0;
    rc4->recent_start = rc4->recent_end = 0;
}

void
mse_rc4_free(struct mse_rc4 *rc4)
{
    mse_rc4_rest(rc4);
    wmem_free(rc4->scope, rc4);
}

/* --- recent --- */

/* The least power of two that is not below size, ROOM_MIN at least. */
static uint32_t
room_for(uint64_t size)
{
    uint32_t room = ROOM_MIN;

    while (room < size)
        room *= 2;
    return room;
}

/* The room that recent should have now that somebody asks for the bytes from position on. */
static uint32_t
wanted_room(const struct mse_rc4 *rc4, uint64_t position)
{
    uint64_t share = MIN(rc4->farthest / MSE_RC4_RECENT_SHARE, MSE_RC4_RECENT_MAX);
    uint64_t room = MIN(rc4->farthest, MSE_RC4_RECENT_MIN);

    if (position < rc4->recent_start && rc4->recent_end - position <= MSE_RC4_STEP_MAX)
        room = MAX(room, rc4->recent_end - position);
    room = room_for(room);
    return MAX((uint32_t)room, room_for(share + 1) / 2);
}

/* The bytes of recent from position on that lie in one piece, at most size. */
static uint32_t
piece_size(const struct mse_rc4 *rc4, uint64_t position, uint64_t size)
{
    return (uint32_t)MIN(size, rc4->recent_room - (position & (rc4->recent_room - 1)));
}

static uint8_t *
recent_at(const struct mse_rc4 *rc4, uint64_t position)
{
    return rc4->recent + (position & (rc4->recent_room - 1));
}

/* Gives recent a greater room, and keeps what it holds. */
static void
grow_recent(struct mse_rc4 *rc4, uint32_t room)
{
    struct mse_rc4 old = *rc4;

    rc4->recent = (uint8_t *)wmem_alloc(rc4->scope, room);
    rc4->recent_room = room;
    for (uint64_t at = old.recent_start; at < old.recent_end;) {
        uint32_t n = piece_size(&old, at, old.recent_end - at);
        n = piece_size(rc4, at, n);
        memcpy(recent_at(rc4, at), recent_at(&old, at), n);
        at += n;
    }
    wmem_free(rc4->scope, old.recent);
}

/* --- runners --- */

/* Moves a runner to the position end, and leaves what it passes last in recent. */
static bool
run(struct mse_rc4 *rc4, struct mse_rc4_runner *runner, uint64_t end)
{
    if (runner->position != rc4->recent_end)
        rc4->recent_start = rc4->recent_end = runner->position;
    while (runner->position < end) {
        uint32_t n = piece_size(rc4, runner->position, end - runner->position);
        uint8_t *stream = recent_at(rc4, runner->position);

        memset(stream, 0, n);
        if (gcry_cipher_encrypt(runner->cipher, stream, n, NULL, 0) != 0) {
            rc4->recent_start = rc4->recent_end;
            return false;
        }
        rc4->generated += n;
        runner->position += n;
        rc4->recent_end = runner->position;
        if (rc4->recent_end - rc4->recent_start > rc4->recent_room)
            rc4->recent_start = rc4->recent_end - rc4->recent_room;
    }
    return true;
}

/* Sets a runner to the start of the stream. */
static bool
start(struct mse_rc4 *rc4, struct mse_rc4_runner *runner)
{
    uint8_t discarded[MSE_RC4_DISCARDED] = { 0 };

    runner->position = 0;
    if (gcry_cipher_reset(runner->cipher) != 0
        || gcry_cipher_encrypt(runner->cipher, discarded, sizeof discarded, NULL, 0) != 0)
        return false;
    rc4->generated += sizeof discarded;
    return true;
}

/* One more runner, NULL if libgcrypt refuses. */
static struct mse_rc4_runner *
open_runner(struct mse_rc4 *rc4)
{
    struct mse_rc4_runner runner = { .position = 0 };

    if (gcry_cipher_open(&runner.cipher, GCRY_CIPHER_ARCFOUR, GCRY_CIPHER_MODE_STREAM, 0) != 0)
        return NULL;
    if (gcry_cipher_setkey(runner.cipher, rc4->key, MSE_HASH_SIZE) != 0) {
        gcry_cipher_close(runner.cipher);
        return NULL;
    }
    if (rc4->runners == NULL)
        rc4->runners = wmem_alloc_array(rc4->scope, struct mse_rc4_runner, MSE_RC4_RUNNERS_MAX);
    rc4->runners[rc4->runner_count] = runner;
    return &rc4->runners[rc4->runner_count++];
}

/* What would be lost with runner number which, in bytes times bytes: so many positions would cost so much more. */
static double
loss(const struct mse_rc4 *rc4, uint32_t which)
{
    uint64_t here = rc4->runners[which].position;
    uint64_t previous = 0, next = MAX(rc4->farthest, here);

    for (uint32_t i = 0; i < rc4->runner_count; i++) {
        uint64_t there = rc4->runners[i].position;

        if (there < here || (there == here && i < which))
            previous = MAX(previous, there);
        else if (i != which)
            next = MIN(next, there);
    }
    return (double)(next - here) * (double)(here - previous);
}

/* A runner at the start of the stream, NULL if libgcrypt refuses. */
static struct mse_rc4_runner *
fresh_runner(struct mse_rc4 *rc4)
{
    uint64_t               runners_max = MIN(MSE_RC4_RUNNERS_MAX, 1 + rc4->farthest / MSE_RC4_RUNNER_SPAN);
    struct mse_rc4_runner *runner = NULL;
    uint32_t               foremost = 0;
    double                 least = 0;

    for (uint32_t i = 1; i < rc4->runner_count; i++) {
        if (rc4->runners[i].position > rc4->runners[foremost].position)
            foremost = i;
    }
    for (uint32_t i = 0; i < rc4->runner_count; i++) {
        if ((i != foremost || runners_max == 1) && (runner == NULL || loss(rc4, i) < least)) {
            runner = &rc4->runners[i];
            least = loss(rc4, i);
        }
    }
    if (runner == NULL || (rc4->runner_count < runners_max && least > 0))
        runner = open_runner(rc4);
    return runner != NULL && start(rc4, runner) ? runner : NULL;
}

/* Sees to it that recent holds the byte at position, and some of the size bytes from there on. */
static bool
go_to(struct mse_rc4 *rc4, uint64_t position, uint32_t size)
{
    struct mse_rc4_runner *nearest = NULL;

    for (uint32_t i = 0; i < rc4->runner_count; i++) {
        struct mse_rc4_runner *runner = &rc4->runners[i];

        if (runner->position <= position && (nearest == NULL || runner->position > nearest->position))
            nearest = runner;
    }
    if (nearest == NULL)
        nearest = fresh_runner(rc4);
    return nearest != NULL && run(rc4, nearest, position + MIN(size, rc4->recent_room));
}

bool
mse_rc4_decrypt(struct mse_rc4 *rc4, uint64_t position, const uint8_t *in, uint32_t size, uint8_t *out)
{
    uint32_t room;

    if (size == 0)
        return true;
    if (position > MSE_RC4_REACH && (position - MSE_RC4_REACH) / MSE_RC4_REACH_SHARE > rc4->decrypted)
        return false;
    rc4->farthest = MAX(rc4->farthest, position + size);
    room = wanted_room(rc4, position);
    if (room > rc4->recent_room)
        grow_recent(rc4, room);

    rc4->decrypted += size;
    while (size > 0) {
        if ((position < rc4->recent_start || position >= rc4->recent_end) && !go_to(rc4, position, size))
            return false;

        uint32_t       n = piece_size(rc4, position, MIN(size, rc4->recent_end - position));
        const uint8_t *stream = recent_at(rc4, position);

        for (uint32_t i = 0; i < n; i++)
            out[i] = in[i] ^ stream[i];
        in += n;
        out += n;
        position += n;
        size -= n;
    }
    return true;
}
