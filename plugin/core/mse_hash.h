/* mse_hash.h
 * Hashes of Message Stream Encryption (MSE): SHA-1 over a word of four letters and what both peers know.
 *
 *     "req1" S          stands in the clear at byte 96 to 608 of what the initiator sends
 *     "req2" SKEY       follows, combined with "req3" S by exclusive or
 *     "keyA" S SKEY     RC4 key of what the initiator sends
 *     "keyB" S SKEY     RC4 key of what the responder sends
 *
 * S is the secret of the Diffie-Hellman exchange, SKEY the info hash. Source: "Message Stream Encryption" in the wiki
 * of Vuze, which all clients follow; there is no BEP.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_HASH_H
#define MSE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define MSE_SECRET_SIZE 96U /* S, and each of the public keys */
#define MSE_HASH_SIZE   20U /* SHA-1; also SKEY */

/* What a key log knows of a connection. */
struct mse_key {
    uint8_t secret[MSE_SECRET_SIZE];  /* S */
    uint8_t info_hash[MSE_HASH_SIZE]; /* SKEY */
};

/* "req1": by which a connection is found. */
void mse_hash_req1(const struct mse_key *key, uint8_t hash[MSE_HASH_SIZE]);

/* "req2" and "req3" together: the 20 bytes after those of mse_hash_req1(). */
void mse_hash_req2(const struct mse_key *key, uint8_t hash[MSE_HASH_SIZE]);

/* The RC4 key of the initiator's bytes (letter 'A') or of the responder's ('B'). */
void mse_hash_rc4_key(const struct mse_key *key, char letter, uint8_t hash[MSE_HASH_SIZE]);

#endif
