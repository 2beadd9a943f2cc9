/* sctp_messages.h
 * One direction of an SCTP association (RFC 9260, 6): its chunks of data become the messages of its streams.
 *
 * A chunk has a number in the association (TSN), and its message one in the stream. A message is handed over when it is
 * complete and all before it in its stream were: as the receiver's program gets it, a stream does not wait for another
 * one. Chunks that come twice are dropped, those that come before their turn wait.
 *
 *     TSN           7     8     9    (10)    11
 *     stream        1     3     1      ?      1        10 is missing: 11 waits, if its number in stream 1 is not the
 *     its message   4     0     5      ?      7        next one; without 10 nobody knows whether 6 is in it
 *
 * What is missing is given up when the receiver has acknowledged it, or too much waits. Where it comes after all, soon
 * enough, its stream is told again from there on:
 *
 *     in the capture    7    9    10    8              each the only fragment of a message of one stream, and 8 was
 *     handed over       7   !9    10   (8   9   10)    acknowledged before 9 came: the message before which chunks are
 *                       the state before 9 must be kept   missing, and again what was missing and all after it
 *
 * Messages that were sent unordered are told in the order of their TSNs: in that order their sender gave them to SCTP.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SCTP_MESSAGES_H
#define SCTP_MESSAGES_H

#include "core/sctp_stream.h"

/* Starts an empty direction, whose memory comes from scope. */
void sctp_direction_init(struct sctp_direction *direction, wmem_allocator_t *scope);

/* Gives back what is kept of chunks, and leaves it empty. */
void sctp_direction_free(struct sctp_direction *direction);

/* The TSN of its first chunk, as INIT or INIT ACK say. */
void sctp_direction_start(struct sctp_direction *direction, uint32_t tsn);

/* The other side acknowledges chunks up to tsn. The result is that number, widened, 0 where nobody knows yet what it
 * counts from: chunks are acknowledged whose seq is not above it. */
uint64_t sctp_direction_acknowledge(struct sctp_direction *direction, uint32_t tsn);

/* Adds a chunk. Afterwards sctp_direction_next() must be called until it returns NULL. */
void sctp_direction_add(struct sctp_direction *direction, const struct sctp_data *data,
                        const struct sctp_place *place);

/* What the other side has acknowledged is not waited for. Afterwards as above. */
void sctp_direction_settle(struct sctp_direction *direction);

/* Nothing will come any more: what waits does not wait any longer. Afterwards as above. */
void sctp_direction_flush(struct sctp_direction *direction);

/* The next message, in the order of its stream; NULL when there is none. Valid until the next call for the direction. */
const struct sctp_message *sctp_direction_next(struct sctp_direction *direction);

#endif
