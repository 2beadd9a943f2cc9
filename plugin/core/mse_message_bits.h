/* mse_message_bits.h
 * How much bytes that look like a message of the peer wire protocol are evidence that they are one: in bits, 8 for each byte
 * that is weighed, less what it costs to say which message it is, by a fixed code (mse_message_bits.c).
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MSE_MESSAGE_BITS_H
#define MSE_MESSAGE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/peer_wire.h"

/* Prefix and id. */
#define MSE_HEADER_SIZE (PEER_PREFIX_SIZE + 1)

/* The longest header with the fields that are weighed. */
#define MSE_WEIGHED_MAX PEER_REQUEST_SIZE

/* The bits of a keep-alive, which has no id. */
#define MSE_KEEP_ALIVE_BITS (40 - 7 - 8)

/* The bits of prefix and id; 0: no message begins so. length: of the message, as in its prefix. ends: it ends its packet. */
int mse_header_bits(uint8_t id, uint32_t length, bool ends);

/* How many bytes of a message are weighed. */
uint32_t mse_weighed_size(uint8_t id, uint32_t length);

/* Adds the bits of the fields after the id, of a message with all that is weighed. False where they are out of all reason. */
bool mse_add_field_bits(const uint8_t *message, uint8_t id, uint32_t length, int *bits);

#endif
