/* mse_realign.h
 * Where bytes of RC4 stand in their stream, after a hole of unknown length: only the bytes themselves can tell.
 *
 *     stream     ...read | hole | run: bytes that are there, one after the other
 *     offsets                   ^ somewhere from lowest to highest
 *
 * At the right offset the run decrypts to messages of the peer wire protocol, at any other one to random bytes. So each
 * message header that shows at some offset is evidence for that offset, and so is the header that stands where it says that
 * the next one begins, and so on. How strong it is, is counted in bits: 8 for each byte of a header, less what it costs to
 * say which message it is, by a fixed code (mse_message_bits.h). Of all random bytes, 2^-bits look like that or better, however
 * often one looks again with more of them. An offset is proved where a chain has MSE_REALIGN_CERTAINTY bits more than it costs
 * to say where it begins: which of the offsets, which place in the run. In all, a run of random bytes is taken for messages
 * in less than one case of 2^MSE_REALIGN_CERTAINTY.
 *
 * Headers are looked for at each place for all offsets at once: the key stream of the offsets that are possible for the place
 * is indexed by two bytes, as those of a header begin with two zeros. So the time is linear in the size of the run and in
 * that of the range.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_REALIGN_H
#define MSE_REALIGN_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

#include "core/mse_evidence.h"

/* A wrong offset is taken in less than one case of 2 to the power of this. */
#define MSE_REALIGN_CERTAINTY 30U

/* The widest range of offsets: 180 packets of 1,400 bytes. Of a wider one only the end is searched: a hole of so many packets
 * is one in a download, whose packets are as long as they can be. */
#define MSE_REALIGN_RANGE_MAX (256U * 1024)

/* The longest run: a block has 16 KiB, so most have a header in the first 16 KiB. */
#define MSE_REALIGN_RUN_MAX (128U * 1024)

/* Chains that are followed at the same time: those that go on after the end of the run. */
#define MSE_REALIGN_CHAINS_MAX 32U

/* Writes size bytes of key stream, the first of which decrypts the byte at offset. False where they cannot be had. */
typedef bool mse_key_stream(void *source, uint64_t offset, uint32_t size, uint8_t *out);

/* What is known of a run before its first byte. */
struct mse_realign_range {
    uint64_t lowest;  /* offsets of its first byte: from here */
    uint64_t highest; /* up to here */
    uint64_t likely;  /* one that is more likely than the others */
    bool     has_boundary;
    uint64_t boundary; /* offset at which a message is known to begin */
};

struct mse_realign;

/* Nothing to search yet; memory comes from scope, the key stream from source. */
struct mse_realign *mse_realign_new(wmem_allocator_t *scope, mse_key_stream *key_stream, void *source);

void mse_realign_free(struct mse_realign *realign);

/* A run begins; what was known of another one is forgotten. */
void mse_realign_begin(struct mse_realign *realign, const struct mse_realign_range *range);

/* The next packet of the run: captured bytes at data, of reported ones. MSE_YES: *offset is where the first byte of the run
 * stands, and *boundary is the offset of a byte in it that begins a message. MSE_NO: the run is too long, or there is no key
 * stream. Both end the run. */
enum mse_verdict mse_realign_add(struct mse_realign *realign, const uint8_t *data, uint32_t captured,
                                 uint32_t reported, uint64_t *offset, uint64_t *boundary);

/* Decrypts with the key stream that was made for the search, so that RC4 has not to go back for it: as many bytes at the
 * start of data as it has. Returns how many. */
uint32_t mse_realign_decrypt(const struct mse_realign *realign, uint64_t offset, const uint8_t *in, uint32_t size,
                             uint8_t *out);

/* Gives the key stream back where it ends before an offset. */
void mse_realign_forget(struct mse_realign *realign, uint64_t offset);

#endif
