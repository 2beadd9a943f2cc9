/* utp_places.h
 * Where the packets of one direction of a uTP connection stand in the stream: what a later pass needs to decrypt one.
 *
 * Packets have numbers of 16 bits, which wrap; a frame tells which of those with the same number it is. A packet takes 4
 * bytes, and each 64 of them a head of 24: 0.4 % of a packet of 1,400 bytes.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UTP_PLACES_H
#define UTP_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include <wireshark.h>
#include <wsutil/wmem/wmem.h>

/* Packets in a run. */
#define UTP_RUN_PACKETS 64U

struct utp_place {
    uint64_t position; /* of the first byte of the payload */
    uint32_t size;     /* of the payload on the wire */
    uint32_t first;    /* how the caller reads it; at most size */
};

/* Packets with consecutive numbers, and bytes. */
struct utp_run {
    uint64_t seq; /* of the first, widened */
    uint64_t position;
    uint32_t frame; /* in which it came to its turn */
    uint32_t count;
    uint16_t sizes[UTP_RUN_PACKETS];
    uint16_t firsts[UTP_RUN_PACKETS];
};

struct utp_places {
    struct utp_run **runs; /* ascending, by seq and by frame */
    uint32_t         count;
    uint32_t         room;
};

/* The next packet came to its turn in a frame, see struct utp_chunk. An empty struct is all zeros. */
void utp_places_add(struct utp_places *places, wmem_allocator_t *scope, uint64_t seq, uint32_t frame,
                    const struct utp_place *place);

/* The same for a packet that came after others with greater numbers had come to their turn. */
void utp_places_insert(struct utp_places *places, wmem_allocator_t *scope, uint64_t seq,
                       const struct utp_place *place);

/* The packet with a number of 16 bits that is in or near a frame. False where it never came to its turn. */
bool utp_places_find(const struct utp_places *places, uint16_t seq_nr, uint32_t frame, struct utp_place *place);

void utp_places_free(struct utp_places *places, wmem_allocator_t *scope);

#endif
