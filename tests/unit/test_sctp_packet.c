/* test_sctp_packet.c
 * sctp_packet.c: what is a packet of SCTP, and what its chunks say.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <string.h>

#include "core/sctp_packet.h"

/* The parts of a packet with a SACK. */
#define HEAD    0x13, 0x88, 0x13, 0x88, 0x5e, 0xed, 0x5e, 0xed
#define SACK    0x03, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x07, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
#define NO_SUM  0, 0, 0, 0

struct sample {
    const char     *name;
    uint8_t         bytes[64];
    uint32_t        size;
    enum sctp_check expected;
};

static const struct sample samples[] = {
    { "a SACK", { HEAD, NO_SUM, SACK }, 28, SCTP_MAY_BE },
    { "with a wrong checksum", { HEAD, 1, 2, 3, 4, SACK }, 28, SCTP_IS_NOT },
    { "cut by a byte", { HEAD, NO_SUM, SACK }, 27, SCTP_IS_NOT },
    { "with a byte after it", { HEAD, NO_SUM, SACK, 0 }, 29, SCTP_IS_NOT },
    { "without a source port", { 0, 0, 0x13, 0x88, 1, 1, 1, 1, NO_SUM, SACK }, 28, SCTP_IS_NOT },
    { "without a destination port", { 0x13, 0x88, 0, 0, 1, 1, 1, 1, NO_SUM, SACK }, 28, SCTP_IS_NOT },
    { "tag 0 without INIT (8.5.1)", { 0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, NO_SUM, SACK }, 28, SCTP_IS_NOT },
    { "no chunk", { HEAD, NO_SUM }, 12, SCTP_IS_NOT },
    { "a chunk of a type that there is not", { HEAD, NO_SUM, 77, 0, 0, 4 }, 16, SCTP_IS_NOT },
    { "a SACK that is too short for one", { HEAD, NO_SUM, 3, 0, 0, 8, 0, 0, 0, 7 }, 20, SCTP_IS_NOT },
    { "a length below that of the chunk's header", { HEAD, NO_SUM, 6, 0, 0, 3 }, 16, SCTP_IS_NOT },
    { "an ABORT without cause", { HEAD, NO_SUM, 6, 0, 0, 4 }, 16, SCTP_MAY_BE },
    { "DATA without a byte (6.2)", { HEAD, NO_SUM, 0, 3, 0, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 53 }, 28, SCTP_IS_NOT },
    { "DATA of a byte, with its padding", { HEAD, NO_SUM, 0, 3, 0, 17, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 53, 9, 0, 0, 0 }, 32,
      SCTP_MAY_BE },
    { "and without", { HEAD, NO_SUM, 0, 3, 0, 17, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 53, 9 }, 29, SCTP_MAY_BE },
    { "zeros", { 0 }, 64, SCTP_IS_NOT },
};

static void
test_check(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        uint8_t *copy = (uint8_t *)g_memdup2(samples[i].bytes, samples[i].size);    /* its end is watched */
        g_test_message("%s", samples[i].name);
        g_assert_cmpint(sctp_packet_check(copy, samples[i].size), ==, samples[i].expected);
        g_free(copy);
    }
}

/* RFC 9260, appendix A: the checksum of 32 zeros is 8A9136AA, sent as AA 36 91 8A. Here over a packet, by a bitwise
 * reckoning of its own. */
static uint32_t
crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void
test_checksum(void)
{
    static const uint8_t zeros[32];
    uint8_t              packet[] = { HEAD, NO_SUM, SACK };
    uint32_t             crc = crc32c(packet, sizeof packet);

    g_assert_cmphex(crc32c(zeros, sizeof zeros), ==, 0x8a9136aa);
    for (int i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(crc >> 8 * i);
    g_assert_cmpint(sctp_packet_check(packet, sizeof packet), ==, SCTP_IS);
    for (size_t bit = 0; bit < 8 * sizeof packet; bit++) {
        packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
        g_assert_cmpint(sctp_packet_check(packet, sizeof packet), !=, SCTP_IS);
        packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void
test_chunks(void)
{
    static const uint8_t packet[] = {
        HEAD, NO_SUM, SACK,
        0, 7, 0, 19, 0, 0, 0, 9, 0, 3, 0, 5, 0, 0, 0, 53, 'a', 'b', 'c', 0,
        64, 2, 0, 21, 0, 0, 0, 10, 0, 3, 0, 0, 0, 0, 0, 6, 0, 0, 0, 51, 'd', 0, 0, 0,
        64, 1, 0, 21, 0, 0, 0, 11, 0, 3, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1, 'e', 0, 0, 0,
    };
    struct sctp_chunk chunk;
    struct sctp_data  data;
    uint32_t          at = 0, tsn;

    g_assert_cmpint(sctp_packet_check(packet, sizeof packet), ==, SCTP_MAY_BE);
    g_assert_cmphex(sctp_packet_header(packet).tag, ==, 0x5eed5eed);

    g_assert_true(sctp_packet_next(packet, sizeof packet, &at, &chunk));
    g_assert_true(sctp_ack_read(&chunk, &tsn));
    g_assert_cmpuint(tsn, ==, 7);
    g_assert_false(sctp_data_read(&chunk, &data));

    g_assert_true(sctp_packet_next(packet, sizeof packet, &at, &chunk));
    g_assert_true(sctp_data_read(&chunk, &data));
    g_assert_true(data.first && data.last && data.unordered && !data.is_i_data);
    g_assert_cmpuint(data.tsn, ==, 9);
    g_assert_cmpuint(data.stream, ==, 3);
    g_assert_cmpuint(data.order, ==, 5);
    g_assert_cmpuint(data.ppid, ==, 53);
    g_assert_cmpmem(data.payload, data.size, "abc", 3);
    g_assert_true(packet + data.offset == data.payload);

    g_assert_true(sctp_packet_next(packet, sizeof packet, &at, &chunk));
    g_assert_true(sctp_data_read(&chunk, &data));
    g_assert_true(data.first && !data.last && data.is_i_data);
    g_assert_cmpuint(data.order, ==, 6);
    g_assert_cmpuint(data.ppid, ==, 51);
    g_assert_cmpuint(data.fsn, ==, 0);

    g_assert_true(sctp_packet_next(packet, sizeof packet, &at, &chunk));
    g_assert_true(sctp_data_read(&chunk, &data));
    g_assert_cmpuint(data.ppid, ==, 0);
    g_assert_cmpuint(data.fsn, ==, 1);
    g_assert_cmpmem(data.payload, data.size, "e", 1);
    g_assert_false(sctp_packet_next(packet, sizeof packet, &at, &chunk));
}

/* RE-CONFIG resets the streams that it names, or all (RFC 6525, 4.1). */
static void
test_closes(void)
{
    static const uint8_t some[] = { 0, 13, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 3, 0, 5 };
    static const uint8_t all[] = { 0, 13, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9 };
    static const uint8_t answer[] = { 0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1 };
    static const uint8_t broken[] = { 0, 13, 0, 99, 0, 0, 0, 1 };
    struct sctp_chunk    chunk = { .type = SCTP_RE_CONFIG, .value = some, .size = sizeof some };

    g_assert_true(sctp_chunk_closes(&chunk, 3));
    g_assert_true(sctp_chunk_closes(&chunk, 5));
    g_assert_false(sctp_chunk_closes(&chunk, 4));
    chunk.value = all;
    chunk.size = sizeof all;
    g_assert_true(sctp_chunk_closes(&chunk, 4));
    chunk.value = answer;
    chunk.size = sizeof answer;
    g_assert_false(sctp_chunk_closes(&chunk, 4));
    chunk.value = broken;
    chunk.size = sizeof broken;
    g_assert_false(sctp_chunk_closes(&chunk, 4));
    chunk.type = SCTP_ABORT;
    g_assert_true(sctp_chunk_closes(&chunk, 4));
    chunk.type = SCTP_SACK;
    g_assert_false(sctp_chunk_closes(&chunk, 4));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sctp_packet/check", test_check);
    g_test_add_func("/sctp_packet/checksum", test_checksum);
    g_test_add_func("/sctp_packet/chunks", test_chunks);
    g_test_add_func("/sctp_packet/closes", test_closes);
    return g_test_run();
}
