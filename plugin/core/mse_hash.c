/* mse_hash.c
 * Hashes of Message Stream Encryption, see mse_hash.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/mse_hash.h"

#include <string.h>

#include <gcrypt.h>

#define WORD_SIZE 4U

void
mse_hash_req1(const struct mse_key *key, uint8_t hash[MSE_HASH_SIZE])
{
    uint8_t text[WORD_SIZE + MSE_SECRET_SIZE];

    memcpy(text, "req1", WORD_SIZE);
    memcpy(text + WORD_SIZE, key->secret, MSE_SECRET_SIZE);
    gcry_md_hash_buffer(GCRY_MD_SHA1, hash, text, sizeof text);
}

void
mse_hash_req2(const struct mse_key *key, uint8_t hash[MSE_HASH_SIZE])
{
    uint8_t text[WORD_SIZE + MSE_SECRET_SIZE];
    uint8_t req3[MSE_HASH_SIZE];

    memcpy(text, "req3", WORD_SIZE);
    memcpy(text + WORD_SIZE, key->secret, MSE_SECRET_SIZE);
    gcry_md_hash_buffer(GCRY_MD_SHA1, req3, text, sizeof text);
    memcpy(text, "req2", WORD_SIZE);
    memcpy(text + WORD_SIZE, key->info_hash, MSE_HASH_SIZE);
    gcry_md_hash_buffer(GCRY_MD_SHA1, hash, text, WORD_SIZE + MSE_HASH_SIZE);
    for (unsigned i = 0; i < MSE_HASH_SIZE; i++)
        hash[i] ^= req3[i];
}

void
mse_hash_rc4_key(const struct mse_key *key, char letter, uint8_t hash[MSE_HASH_SIZE])
{
    uint8_t text[WORD_SIZE + MSE_SECRET_SIZE + MSE_HASH_SIZE] = { 'k', 'e', 'y', (uint8_t)letter };

    memcpy(text + WORD_SIZE, key->secret, MSE_SECRET_SIZE);
    memcpy(text + WORD_SIZE + MSE_SECRET_SIZE, key->info_hash, MSE_HASH_SIZE);
    gcry_md_hash_buffer(GCRY_MD_SHA1, hash, text, sizeof text);
}
