/* mse_evidence.h
 * What bytes alone tell, without a key, of a connection that may be encrypted (MSE): whether they can be the start of
 * one, whether they are random, and whether BitTorrent in plaintext begins.
 *
 * MSE begins with a public key: 96 bytes that cannot be told from random ones, and all that follows up to the payload
 * is random, too (random padding, hashes, RC4). So each test below has two ways to be wrong, and the first is given
 * as a number: to refuse random bytes.
 *
 * Pure: bytes in, verdicts out, no allocation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_EVIDENCE_H
#define MSE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

enum mse_verdict {
    MSE_NO,
    MSE_YES,
    MSE_MORE /* the bytes do not tell yet */
};

/* Bytes that mse_may_begin() looks at. */
#define MSE_FIRST_BYTES 32U

/* Whether a direction that begins with these bytes can be MSE. For every unknown connection: it takes some ten
 * instructions for text, some 80 for what passes. With less than MSE_FIRST_BYTES it cannot tell, and says true.
 * False where, of these bytes,
 *     none is above 127                     2^-32             of random bytes are like this
 *     7 or more are 0, or 7 or more 255     2 * 4.3 * 10^-11
 *     the first 8 begin BitTorrent          2^-64
 * In all it refuses 3.2 random streams in 10^10. */
bool mse_may_begin(const uint8_t *data, uint32_t size);

/* Whether bytes are as different from each other as random ones: counts pairs of equal bytes. Of n random bytes about
 * E = n (n - 1) / 512 pairs are equal; false beyond E + 18 + 7.5 sqrt(E). The exact distribution says that it refuses
 * at most 1.2 random strings of 96 to 1134 bytes in 10^10. size is at most 4096. Text and machine code have
 * some 15 times as many equal pairs as random bytes. */
bool mse_looks_random(const uint8_t *data, uint32_t size);

/* Looks for the first 20 bytes of BitTorrent's handshake (BEP 3) from offset from on. True, and *at, where found. */
bool mse_find_handshake(const uint8_t *data, uint32_t size, uint32_t from, uint32_t *at);

/* Whether a message of the peer wire protocol begins at data: MSE_YES for an id of the protocol with a legal length,
 * MSE_NO for an illegal length, MSE_MORE also for an id that is not known. */
enum mse_verdict mse_message_at(const uint8_t *data, uint32_t size);

/* Whether the messages of a peer begin at data whose handshake came earlier, inside what is encrypted. They begin
 * with Bitfield, Have All, Have None or an extension handshake, and where turn is set also with another message of
 * fixed length.
 *   turn   the other side spoke just before, as it must before the payload of the initiator. These are few places in
 *          a stream, so the header of one message is enough: 24 bits, as a rule 40.
 *   else   any byte in the middle of random ones: 40 bits at least. Have All, Have None, and the first eight bytes of
 *          an extension handshake have them; a Bitfield needs a second message, or equal bytes in itself.
 * MSE_NO too where the second message is there and cannot be one. */
enum mse_verdict mse_messages_at(const uint8_t *data, uint32_t size, bool turn);

#endif
