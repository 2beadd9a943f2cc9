/* test_mse_literal.c
 * The MSE reader against literal bytes: both peers field by field, as the protocol names them, with each thing that
 * can be wrong; then what libtorrent sent. None of the bytes were made by the code that reads them: the first were
 * computed in Python, the others were recorded.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "mse_peers.h"
#include "mse_recorded.h"
#include "core/peer_wire.h"

/* --- field by field --- */

/* What the key log has: S and SKEY. */
#define KEYS \
    "MSE " \
    "46e098f7f9c270e4a8c36a661cfde72eae96d48b4831858ee012c006b98800750a5745c27c0d6ae4c25ae07a7d08f878" \
    "aec9d6dac6ba09f2ec976eb5f793291de575ed51feb19ca38c1631a3c4cdd7cc44dcbba2f8df3248adec8043d6af8e40" \
    " a2ec67d8820d7862277dc1719b25b8dc12e8c8a8" "\n"

/* A -> B: Diffie Hellman Ya, PadA. */
#define YA \
    "969336ee30673e4e5b7d8c416167aaa2a36e5bda852c13020a5e99ecf0aee3ab277412c4fd516d3ad1e41cc77999bd14" \
    "77c60ed04cd8db082a5774c6ba063a558d3afa8b12a774266ae90682abf81ec85cade7be5adede688935c910f5d89e4a"
#define PAD_A           "51f495"

/* B -> A: Diffie Hellman Yb, PadB. */
#define YB \
    "60b0c717dc95b5379dbb89b9a4c299a283bf53c8528cac4535cd36982ff93650270312b5121b6158dfae229d6a7a9c2d" \
    "e025136f60f03df9c74ed8f813935070ea627a267bb0add82d89d25c51f5b0c9477c56ffefd8999797419f3e025dd93b"
#define PAD_B           "ad8f"

/* A -> B: HASH("req1", S), HASH("req2", SKEY) xor HASH("req3", S), ENCRYPT(VC, crypto_provide, len(PadC), PadC,
 * len(IA)), ENCRYPT(IA). IA is the handshake of BitTorrent. */
#define REQ1            "86448878fffb167665ca47a897607db1b4dd224c"
#define REQ2            "045289a2b131d4d6642d755f6e33af6325e6b5ec"
#define PROVIDE_BOTH    "01a93c7647d529a8629a285c070b"    /* len(PadC): 1 */
#define PAD_C_LEN_IA    "963f7d"
#define IA \
    "20f4e17acedbaa8f7f218d0c697ff9e3a9219c0feb3a95f90ea69c9b14978c774d67c933f62ab42cf483273fb5cdc4d4" \
    "bf9f3e85b7fe5d18610973e308c437b6c5405bd6"

/* B -> A: ENCRYPT(VC, crypto_select, len(PadD), PadD). */
#define SELECT_RC4      "0c1cc1e3286cf65130601480920c"    /* len(PadD): 0 */

/* A -> B: ENCRYPT2(Have None, Interested); B -> A: ENCRYPT2(handshake, Have All, DontHave with id 7 for piece 42). */
#define PAYLOAD_A       "fdadd352a408a7016670"
#define PAYLOAD_B \
    "d6c70b4c510c673d23d4959c436950f12e16063d3a515ea26068319a9a6f66f9b6c0343cdafc9c2f287e0f0a35feee14" \
    "5e3e0f2d9dbfc34bf41fdf7e254ddbf6a44383a7e84469fca54fa802e3b06facce6dda"

/* How the wrong ones differ. */
#define REQ2_OTHER      "5f8485ab3a9697d280040535ebc79d9f6ae7d52c"    /* of another info hash */
#define PROVIDE_VC      "01a93c7647d529a9629a285c070b"    /* VC ends in 1 */
#define PROVIDE_NONE    "01a93c7647d529a8629a285f070b"    /* crypto_provide: 0 */
#define PROVIDE_LONG    "01a93c7647d529a8629a285c050b"    /* len(PadC): 513 */
#define SELECT_VC       "0c1cc1e3286cf65030601480920c"    /* VC ends in 1 */
#define SELECT_BOTH     "0c1cc1e3286cf65130601481920c"    /* crypto_select: 3 */
#define SELECT_NONE     "0c1cc1e3286cf65130601482920c"    /* crypto_select: 0 */
#define SELECT_LONG     "0c1cc1e3286cf65130601480900d"    /* len(PadD): 513 */

static const char plain_a[] =
    "13426974546f7272656e742070726f746f636f6c" "0000000000100005" "a2ec67d8820d7862277dc1719b25b8dc12e8c8a8"
    "2d4141303030312d6162636465666768696a6b6c" "000000010f" "0000000102";
static const char plain_b[] =
    "13426974546f7272656e742070726f746f636f6c" "0000000000100005" "a2ec67d8820d7862277dc1719b25b8dc12e8c8a8"
    "2d4242303030322d6d6e6f707172737475767778" "000000010e" "00000006" "14" "07" "0000002a";

struct literal {
    const char    *name;
    const char    *req2, *provide, *select;
    enum mse_state state[2];
    bool           reads[2];        /* the payload: IA alone with reads_ia, or all of it */
    bool           reads_ia;
    int            fault;           /* enum mse_fault; -1: none */
};

static const struct literal literals[] = {
    { "good", REQ2, PROVIDE_BOTH, SELECT_RC4, { MSE_RC4, MSE_RC4 }, { true, true }, true, -1 },
    /* Plaintext is still looked for, which needs no info hash. */
    { "info hash", REQ2_OTHER, PROVIDE_BOTH, SELECT_RC4, { MSE_SEARCHING, MSE_SEARCHING }, { false, false }, false,
      MSE_FAULT_REQ2_MISMATCH },
    { "VC of A", REQ2, PROVIDE_VC, SELECT_RC4, { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, false,
      MSE_FAULT_INITIATOR_VC },
    { "nothing provided", REQ2, PROVIDE_NONE, SELECT_RC4, { MSE_RC4, MSE_RC4 }, { true, true }, true,
      MSE_FAULT_PROVIDE_NONE },
    { "PadC that goes on after all there is", REQ2, PROVIDE_LONG, SELECT_RC4, { MSE_SEARCHING, MSE_RC4 },
      { false, true }, false, MSE_FAULT_PAD_C_LENGTH },
    { "VC of B, the stream is too short to be sure", REQ2, PROVIDE_BOTH, SELECT_VC, { MSE_RC4, MSE_SEARCHING },
      { true, false }, true, -1 },
    { "both selected", REQ2, PROVIDE_BOTH, SELECT_BOTH, { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, true,
      MSE_FAULT_SELECT_INVALID },
    { "none selected", REQ2, PROVIDE_BOTH, SELECT_NONE, { MSE_UNREADABLE, MSE_UNREADABLE }, { false, false }, true,
      MSE_FAULT_SELECT_INVALID },
    /* It begins 513 bytes later, where there is nothing. */
    { "PadD that goes on after all there is", REQ2, PROVIDE_BOTH, SELECT_LONG, { MSE_RC4, MSE_RC4 }, { true, false },
      true, MSE_FAULT_PAD_D_LENGTH },
};

static void
feed_hex(struct reader *reader, unsigned side, uint64_t offset, const char *hex)
{
    GByteArray *bytes = bytes_from_hex(hex);

    reader_chunk(reader, side, offset, bytes->data, bytes->len);
    g_byte_array_unref(bytes);
}

static void
assert_hex(const GByteArray *bytes, const char *hex, unsigned size)
{
    GByteArray *expected = bytes_from_hex(hex);

    g_assert_cmpmem(bytes->data, bytes->len, expected->data, MIN(size, expected->len));
    g_byte_array_unref(expected);
}

static void
literal(const void *data)
{
    const struct literal *test = (const struct literal *)data;
    char                 *a = g_strconcat(REQ1, test->req2, test->provide, PAD_C_LEN_IA IA, NULL);
    struct reader         reader;

    reader_begin(&reader, KEYS);
    feed_hex(&reader, A, 0, YA PAD_A);
    feed_hex(&reader, B, 0, YB PAD_B);
    feed_hex(&reader, A, 99, a);
    feed_hex(&reader, B, 98, test->select);
    feed_hex(&reader, A, 99 + strlen(a) / 2, PAYLOAD_A);
    feed_hex(&reader, B, 98 + 14, PAYLOAD_B);

    assert_states(&reader, test->state[A], test->state[B]);
    assert_hex(reader.out[A], plain_a, test->reads[A] ? UINT_MAX : test->reads_ia ? 68 : 0);
    assert_hex(reader.out[B], plain_b, test->reads[B] ? UINT_MAX : 0);
    for (int i = 0; i < MSE_FAULT_COUNT; i++)
        g_assert_true((reader.stream->handshake->fault_frames[i] != 0) == (i == test->fault));
    reader_end(&reader);
    g_free(a);
}

/* --- recorded --- */

/* The messages of a payload, as sizes and ids. */
static char *
describe(const GByteArray *payload)
{
    GString *text = g_string_new(NULL);

    for (uint32_t at = 0; at < payload->len;) {
        uint32_t size = peer_wire_size(payload->data + at, payload->len - at);

        if (size == PEER_HANDSHAKE_SIZE && peer_wire_is_handshake(payload->data + at, payload->len - at))
            g_string_append(text, "handshake ");
        else
            g_string_append_printf(text, "%u:%u ", payload->data[at + PEER_PREFIX_SIZE], size);
        at += size;
        g_assert_cmpuint(at, <=, payload->len);     /* the last one is complete */
    }
    return g_string_free(text, FALSE);
}

struct recording {
    const char                   *name;
    const struct recorded_packet *packets;
    const char                   *keys;
    enum mse_state                state;
    uint32_t                      frames[2];    /* where the payload begins */
    const char                   *messages[2];
};

/* Extension handshake, Have None, Interested, Requests; extension handshake, Have All, Unchoke, Allowed Fast,
 * Unchoke. */
#define FROM_A  "20:209 15:5 2:5 6:17 6:17 6:17 6:17 "
#define FROM_B  "handshake 20:216 14:5 1:5 17:9 17:9 17:9 17:9 17:9 1:5 "

static const struct recording recordings[] = {
    { "plaintext", recorded_plaintext, NULL, MSE_PLAINTEXT, { 5, 4 },
      { FROM_A, FROM_B } },
    { "plaintext, with its key", recorded_plaintext, recorded_plaintext_key, MSE_PLAINTEXT, { 3, 4 },
      { "handshake " FROM_A, FROM_B } },
    { "RC4", recorded_rc4, recorded_rc4_key, MSE_RC4, { 4, 6 }, { "handshake " FROM_A, FROM_B } },
    { "RC4, with the other's key", recorded_rc4, recorded_plaintext_key, MSE_SEARCHING, { 0, 0 }, { "", "" } },
};

static void
recording(const void *data)
{
    const struct recording *test = (const struct recording *)data;
    uint64_t                sent[2] = { 0, 0 };
    struct reader           reader;

    reader_begin(&reader, test->keys);
    for (const struct recorded_packet *packet = test->packets; packet->hex != NULL; packet++) {
        feed_hex(&reader, packet->side, sent[packet->side], packet->hex);
        sent[packet->side] += strlen(packet->hex) / 2;
    }
    assert_states(&reader, test->state, test->state);
    for (unsigned side = A; side <= B; side++) {
        char *messages = describe(reader.out[side]);

        g_assert_cmpstr(messages, ==, test->messages[side]);
        g_assert_cmpuint(reader.stream->directions[side].payload_frame, ==, test->frames[side]);
        g_free(messages);
    }
    reader_end(&reader);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    mse_tests_init();
    for (size_t i = 0; i < G_N_ELEMENTS(literals); i++) {
        char *path = g_strdup_printf("/mse_literal/fields/%s", literals[i].name);
        g_test_add_data_func(path, &literals[i], literal);
        g_free(path);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++) {
        char *path = g_strdup_printf("/mse_literal/recorded/%s", recordings[i].name);
        g_test_add_data_func(path, &recordings[i], recording);
        g_free(path);
    }
    result = g_test_run();
    wmem_cleanup();
    return result;
}
