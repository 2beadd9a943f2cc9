/* test_transfers.c
 * transfers.c told to a listener of the test's own: alone, and as an observer beside lt_donthave's in a connection.
 * What is heard is compared with a list, in order.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "bytes.h"
#include "core/donthave/donthave.h"
#include "core/donthave/donthave_note.h"
#include "core/peer_connection.h"
#include "core/transfers.h"

/* --- what is heard --- */

static const char *const kinds[] = { "requested", "served", "rejected", "cancelled", "choked", "announced" };
static const char *const states[] = { "outstanding", "dropped", "answer due" };

/* A change as text: what, what it is about, who said so in which frame, and the request as it was:
 * "served 5+0 by B in 3: frame 2, outstanding, tag t2". */
static void
describe(GString *out, const struct transfer *transfer)
{
    const struct peer_message *message = transfer->message;
    const struct request      *request = transfer->kind == TRANSFER_REQUESTED ? transfer->former : transfer->request;

    g_string_append(out, kinds[transfer->kind]);
    if (transfer->kind == TRANSFER_ANNOUNCED)
        g_string_append(out, message->id == PEER_HAVE       ? " Have"
                             : message->id == PEER_BITFIELD ? " Bitfield"
                             : message->id == PEER_HAVE_ALL ? " Have All"
                                                            : " Have None");
    if (transfer->kind == TRANSFER_ANNOUNCED && message->id == PEER_HAVE)
        g_string_append_printf(out, " %u", message->index);
    else if (transfer->kind <= TRANSFER_CANCELLED)
        g_string_append_printf(out, " %u+%u", message->index, message->begin);
    g_string_append_printf(out, " by %c in %u", "AB"[transfer->context->from], transfer->context->frame);
    if (request != NULL) {
        g_assert_cmpuint(request->piece, ==, message->index);
        g_assert_cmpuint(request->begin, ==, message->begin);
        g_string_append_printf(out, ": frame %u, %s", request->frame, states[request->state]);
        if (request->answers_due > 0)
            g_string_append_printf(out, ", %u due", request->answers_due);
        g_string_append_printf(out, ", tag %s", request->tag != NULL ? (const char *)request->tag : "-");
    }
    g_string_append_c(out, '\n');
}

/* --- messages --- */

struct said {
    uint32_t       frame;
    enum peer_side from;
    unsigned       id;
    uint32_t       index, begin, length;
    const char    *expected;        /* what is heard of it; NULL: nothing */
    const char    *bitfield;        /* hexadecimal digits */
};

#define A PEER_A
#define B PEER_B

/* A message of the wire, by its id. */
static GByteArray *
encode(const struct said *said)
{
    GByteArray *bytes = g_byte_array_new();

    bytes_add_be32(bytes, 0);
    bytes_add_u8(bytes, said->id);
    switch (said->id) {
    case PEER_REQUEST:
    case PEER_CANCEL:
    case PEER_REJECT_REQUEST:
        bytes_add_be32(bytes, said->index);
        bytes_add_be32(bytes, said->begin);
        bytes_add_be32(bytes, said->length);
        break;
    case PEER_PIECE:
        bytes_add_be32(bytes, said->index);
        bytes_add_be32(bytes, said->begin);
        bytes_add_zeros(bytes, said->length);
        break;
    case PEER_HAVE:
    case PEER_SUGGEST_PIECE:
    case PEER_ALLOWED_FAST:
        bytes_add_be32(bytes, said->index);
        break;
    case PEER_BITFIELD:
        bytes_add_hex(bytes, said->bitfield);
        break;
    default:
        break;
    }
    uint32_t length = GUINT32_TO_BE(bytes->len - PEER_PREFIX_SIZE);
    memcpy(bytes->data, &length, sizeof length);
    return bytes;
}

/* --- transfers alone --- */

struct alone {
    wmem_allocator_t *scope;
    struct transfers  transfers;
    struct transfer_listener listener;
    GString          *heard;
    char              tags[64][4];      /* by frame: what a Request of that frame is tagged with */
};

/* Hears everything; tags every new request with the number of its frame. */
static void
hear(void *data, const struct transfer *transfer)
{
    struct alone *alone = (struct alone *)data;

    describe(alone->heard, transfer);
    if (transfer->kind != TRANSFER_REQUESTED)
        return;
    g_assert_null(transfer->request->tag);
    g_assert_cmpuint(transfer->request->frame, ==, transfer->context->frame);
    g_assert_cmpuint(transfer->request->length, ==, transfer->message->length);
    g_assert_cmpint(transfer->request->time, ==, transfer->context->time);
    g_assert_cmpuint(transfer->request->place, ==, transfer->context->place);
    g_assert_cmpuint(transfer->request->state, ==, REQUEST_OUTSTANDING);
    if (transfer->context->frame < G_N_ELEMENTS(alone->tags))
        transfer->request->tag = alone->tags[transfer->context->frame];
}

static void
alone_begin(struct alone *alone, bool fast)
{
    memset(alone, 0, sizeof *alone);
    alone->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    alone->heard = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(alone->tags); i++)
        g_snprintf(alone->tags[i], sizeof alone->tags[i], "t%u", i);
    alone->listener = (struct transfer_listener){ alone->scope, hear, alone };
    alone->transfers.fast = fast;
    alone->transfers.fast_known = true;
}

static void
alone_end(struct alone *alone)
{
    transfers_free(&alone->transfers, alone->scope);
    g_string_free(alone->heard, TRUE);
    wmem_destroy_allocator(alone->scope);
}

/* Says a message and compares what was heard. end_ack: what an ACK must reach to cover it; ack: what of the other side
 * its packet acknowledges; 0: nothing. */
static enum transfer_limit
say_acked(struct alone *alone, const struct said *said, uint64_t end_ack, uint64_t ack)
{
    GByteArray            *bytes = encode(said);
    uint8_t               *copy = bytes_copy(bytes->data, bytes->len);
    struct message_context context = { .from = said->from, .frame = said->frame, .time = said->frame * NS_PER_S,
                                       .place = 100 * said->frame, .size = bytes->len, .end_ack = end_ack,
                                       .has_ack = ack != 0, .ack = ack };
    struct peer_message    message;

    g_string_truncate(alone->heard, 0);
    peer_wire_decode(copy, bytes->len, bytes->len, &message);
    g_assert_true(message.complete);
    enum transfer_limit limit = transfers_message(&alone->transfers, &alone->listener, &message, &context);
    char *wanted = said->expected != NULL ? g_strconcat(said->expected, "\n", NULL) : g_strdup("");
    g_assert_cmpstr(alone->heard->str, ==, wanted);
    g_free(wanted);
    g_free(copy);
    g_byte_array_free(bytes, TRUE);
    return limit;
}

static enum transfer_limit
say(struct alone *alone, const struct said *said)
{
    return say_acked(alone, said, 0, 0);
}

static uint32_t
count_requests(const struct transfers *transfers, int side)
{
    return transfers->peers[side].requests != NULL ? transfers->peers[side].requests->count : 0;
}

struct conversation {
    const char *name;
    bool        fast;
    struct said said[10];
    uint32_t    left[2];        /* requests in the tables of A and B when it is over */
};

static const struct conversation conversations[] = {
    { "requested and served", false, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_REQUEST, 5, 16384, 100, "requested 5+16384 by A in 2", NULL },
        { 3, B, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by B in 3", NULL },
        { 4, B, PEER_PIECE, 5, 16384, 100, "served 5+16384 by B in 4: frame 2, outstanding, tag t2", NULL },
        { 5, B, PEER_PIECE, 5, 16384, 100, "served 5+16384 by B in 5", NULL },
        { 6, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 6: frame 1, outstanding, tag t1", NULL },
        { 7, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 7", NULL },
    }, { 0, 1 } },

    /* BEP 3 knows no Reject: without Fast it answers nothing. */
    { "rejected without Fast", false, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 2: frame 1, outstanding, tag t1", NULL },
        { 3, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 3: frame 1, outstanding, tag t1", NULL },
        { 4, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 4", NULL },
    }, { 0, 0 } },
    { "rejected", true, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 2: frame 1, outstanding, tag t1", NULL },
        { 3, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 3", NULL },
        { 4, A, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by A in 4", NULL },
    }, { 0, 0 } },

    { "cancelled", false, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, B, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by B in 2", NULL },
        { 3, A, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by A in 3: frame 1, outstanding, tag t1", NULL },
        { 4, A, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by A in 4", NULL },
        { 5, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 5", NULL },
    }, { 0, 0 } },

    /* BEP 6: a request that was cancelled gets its answer all the same. */
    { "cancelled with Fast", true, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by A in 2: frame 1, outstanding, tag t1", NULL },
        { 3, A, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by A in 3: frame 1, answer due, 1 due, tag t1", NULL },
        { 4, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 4: frame 1, answer due, 1 due, tag t1", NULL },
        { 5, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 5", NULL },
    }, { 0, 0 } },
    { "cancelled with Fast, served", true, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by A in 2: frame 1, outstanding, tag t1", NULL },
        { 3, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 3: frame 1, answer due, 1 due, tag t1", NULL },
        { 4, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 4", NULL },
    }, { 0, 0 } },

    /* The same block again. With Fast each Request gets an answer of its own, and the newest one gets the first. */
    { "replaced", false, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_REQUEST, 5, 0, 100, "requested 5+0 by A in 2: frame 1, outstanding, tag t1", NULL },
        { 3, A, PEER_REQUEST, 5, 0, 100, "requested 5+0 by A in 3: frame 2, outstanding, tag t2", NULL },
        { 4, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 4: frame 3, outstanding, tag t3", NULL },
        { 5, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 5", NULL },
    }, { 0, 0 } },
    { "replaced with Fast", true, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_REQUEST, 5, 0, 100, "requested 5+0 by A in 2: frame 1, outstanding, tag t1", NULL },
        { 3, A, PEER_REQUEST, 5, 0, 100, "requested 5+0 by A in 3: frame 2, outstanding, 1 due, tag t2", NULL },
        { 4, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 4: frame 3, outstanding, 2 due, tag t3", NULL },
        { 5, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 5: frame 3, answer due, 2 due, tag -", NULL },
        { 6, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 6: frame 3, answer due, 1 due, tag -", NULL },
        { 7, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 7", NULL },
    }, { 0, 0 } },
    { "replaced with Fast after a Cancel", true, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_CANCEL, 5, 0, 16384, "cancelled 5+0 by A in 2: frame 1, outstanding, tag t1", NULL },
        { 3, A, PEER_REQUEST, 5, 0, 100, "requested 5+0 by A in 3: frame 1, answer due, 1 due, tag t1", NULL },
        { 4, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 4: frame 3, outstanding, 1 due, tag t3", NULL },
        { 5, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 5: frame 3, answer due, 1 due, tag -", NULL },
        { 6, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 6", NULL },
    }, { 0, 0 } },

    { "choked", false, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_REQUEST, 6, 0, 16384, "requested 6+0 by A in 2", NULL },
        { 3, B, PEER_REQUEST, 7, 0, 16384, "requested 7+0 by B in 3", NULL },
        { 4, B, PEER_CHOKE, 0, 0, 0, "choked by B in 4", NULL },
        { 5, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 5", NULL },
        { 6, A, PEER_PIECE, 7, 0, 9, "served 7+0 by A in 6: frame 3, outstanding, tag t3", NULL },
        { 7, B, PEER_CHOKE, 0, 0, 0, "choked by B in 7", NULL },
        { 8, B, PEER_UNCHOKE, 0, 0, 0, NULL, NULL },
    }, { 0, 0 } },
    { "choked with Fast", true, {
        { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL },
        { 2, B, PEER_CHOKE, 0, 0, 0, "choked by B in 2", NULL },
        { 3, B, PEER_REJECT_REQUEST, 5, 0, 16384, "rejected 5+0 by B in 3: frame 1, outstanding, tag t1", NULL },
        { 4, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 4", NULL },
    }, { 1, 0 } },

    { "announced", true, {
        { 1, A, PEER_BITFIELD, 0, 0, 0, "announced Bitfield by A in 1", "a0ff" },
        { 2, B, PEER_HAVE_NONE, 0, 0, 0, "announced Have None by B in 2", NULL },
        { 3, B, PEER_HAVE, 7, 0, 0, "announced Have 7 by B in 3", NULL },
        { 4, B, PEER_HAVE_ALL, 0, 0, 0, "announced Have All by B in 4", NULL },
        { 5, B, PEER_SUGGEST_PIECE, 3, 0, 0, NULL, NULL },
        { 6, B, PEER_ALLOWED_FAST, 3, 0, 0, NULL, NULL },
        { 7, B, PEER_INTERESTED, 0, 0, 0, NULL, NULL },
    }, { 0, 0 } },
};

static void
converse(const void *data)
{
    const struct conversation *wanted = (const struct conversation *)data;

    for (int swapped = 0; swapped <= 1; swapped++) {
        struct alone alone;
        alone_begin(&alone, wanted->fast);
        for (unsigned i = 0; i < G_N_ELEMENTS(wanted->said) && wanted->said[i].frame != 0; i++) {
            struct said said = wanted->said[i];
            char       *expected = g_strdup(said.expected);
            char       *by = expected != NULL && swapped ? strstr(expected, " by ") : NULL;
            if (swapped)
                said.from = other_side(said.from);
            if (by != NULL)
                by[4] = "AB"[said.from];
            said.expected = expected;
            g_assert_cmpint(say(&alone, &said), ==, TRANSFER_NO_LIMIT);
            g_free(expected);
        }
        for (int side = PEER_A; side <= PEER_B; side++)
            g_assert_cmpuint(count_requests(&alone.transfers, side), ==, wanted->left[side ^ swapped]);
        alone_end(&alone);
    }
}

/* --- a Request that stands in the capture after what answers it --- */

struct overtaken {
    const char *name;
    bool        fast;
    struct {
        struct said said;
        uint64_t    end_ack, ack;
    } said[5];
    uint32_t    left[2];        /* requests in the tables of A and B when it is over */
};

static const struct overtaken overtaken[] = {
    { "served before it", false, {
        { { 1, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 1", NULL }, 0, 100 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 100, 0 },
        { { 3, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 3", NULL }, 100, 0 },     /* one answer answers one */
    }, { 1, 0 } },
    { "served before it, with Fast", true, {
        { { 1, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 1", NULL }, 0, 100 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 99, 0 },
    }, { 0, 0 } },
    { "rejected before it", true, {
        { { 1, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 1", NULL }, 0, 100 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 100, 0 },
        { { 3, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 3", NULL }, 0, 100 },
    }, { 0, 0 } },
    { "cancelled before it", false, {
        { { 1, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 1", NULL }, 117, 0 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 100, 0 },
    }, { 0, 0 } },
    { "cancelled before it, with Fast", true, {
        { { 1, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 1", NULL }, 117, 0 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 100, 0 },
        { { 3, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 3: frame 2, answer due, 1 due, tag t2", NULL }, 0, 0 },
    }, { 0, 0 } },
    { "cancelled and rejected before it, with Fast", true, {
        { { 1, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 1", NULL }, 117, 0 },
        { { 2, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 2", NULL }, 0, 117 },
        { { 3, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 3", NULL }, 100, 0 },
        { { 4, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 4", NULL }, 0, 0 },
    }, { 0, 0 } },
    { "choked before it", false, {
        { { 1, B, PEER_CHOKE, 0, 0, 0, "choked by B in 1", NULL }, 0, 100 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 100, 0 },
        { { 3, A, PEER_REQUEST, 6, 0, 9, "requested 6+0 by A in 3", NULL }, 101, 0 },
    }, { 1, 0 } },
    { "choked before it, twice", false, {
        { { 1, B, PEER_CHOKE, 0, 0, 0, "choked by B in 1", NULL }, 0, 100 },
        { { 2, B, PEER_CHOKE, 0, 0, 0, "choked by B in 2", NULL }, 0, 50 },
        { { 3, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 3", NULL }, 100, 0 },
    }, { 0, 0 } },
    { "choked before it, with Fast", true, {
        { { 1, B, PEER_CHOKE, 0, 0, 0, "choked by B in 1", NULL }, 0, 100 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 100, 0 },
    }, { 1, 0 } },
    { "another block", true, {
        { { 1, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 1", NULL }, 0, 100 },
        { { 2, A, PEER_REQUEST, 5, 1, 9, "requested 5+1 by A in 2", NULL }, 100, 0 },
        { { 3, A, PEER_REQUEST, 4, 0, 9, "requested 4+0 by A in 3", NULL }, 100, 0 },
        { { 4, B, PEER_REQUEST, 5, 0, 9, "requested 5+0 by B in 4", NULL }, 100, 0 },
    }, { 2, 1 } },

    /* Where nothing is missing, nothing that is remembered matches: the ACK is older than the Request. */
    { "rejected twice, asked again", true, {
        { { 1, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 1", NULL }, 100, 0 },
        { { 2, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 2: frame 1, outstanding, tag t1", NULL }, 0, 100 },
        { { 3, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 3", NULL }, 0, 100 },
        { { 4, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 4", NULL }, 117, 0 },
    }, { 1, 0 } },
    { "served unasked, then asked", false, {
        { { 1, A, PEER_REQUEST, 6, 0, 9, "requested 6+0 by A in 1", NULL }, 100, 0 },
        { { 2, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 2", NULL }, 0, 100 },
        { { 3, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 3", NULL }, 117, 0 },
    }, { 2, 0 } },
    { "cancelled for nothing, then asked", false, {
        { { 1, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 1", NULL }, 100, 0 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 117, 0 },
    }, { 1, 0 } },
    { "the same in one packet of uTP, which is one number", false, {
        { { 1, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 1", NULL }, 7, 0 },
        { { 1, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 1", NULL }, 7, 0 },
    }, { 1, 0 } },
    { "choked, then asked", false, {
        { { 1, A, PEER_REQUEST, 6, 0, 9, "requested 6+0 by A in 1", NULL }, 100, 0 },
        { { 2, B, PEER_CHOKE, 0, 0, 0, "choked by B in 2", NULL }, 0, 100 },
        { { 3, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 3", NULL }, 117, 0 },
    }, { 1, 0 } },
    { "no ACK", true, {
        { { 1, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 1", NULL }, 0, 0 },
        { { 2, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 2", NULL }, 1, 0 },
    }, { 1, 0 } },
};

static void
overtake(const void *data)
{
    const struct overtaken *wanted = (const struct overtaken *)data;
    struct alone            alone;

    alone_begin(&alone, wanted->fast);
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted->said) && wanted->said[i].said.frame != 0; i++)
        say_acked(&alone, &wanted->said[i].said, wanted->said[i].end_ack, wanted->said[i].ack);
    for (int side = PEER_A; side <= PEER_B; side++)
        g_assert_cmpuint(count_requests(&alone.transfers, side), ==, wanted->left[side]);
    alone_end(&alone);
}

/* Of answers that match nothing the last ones are remembered. */
static void
remembered(void)
{
    for (uint32_t more = 0; more <= 1; more++) {
        struct alone alone;
        alone_begin(&alone, true);
        for (uint32_t i = 0; i < TRANSFER_UNMATCHED_MAX + more; i++) {
            char        expected[64];
            struct said said = { i + 1, B, PEER_REJECT_REQUEST, 5, i, 9, expected, NULL };
            g_snprintf(expected, sizeof expected, "rejected 5+%u by B in %u", i, i + 1);
            say_acked(&alone, &said, 0, 100);
        }
        static const struct said request = { 50, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 50", NULL };
        say_acked(&alone, &request, 100, 0);
        g_assert_cmpuint(count_requests(&alone.transfers, PEER_A), ==, more);
        alone_end(&alone);
    }
}

/* What was announced is known, of each peer by itself. */
static void
pieces(void)
{
    static const struct said said[] = {
        { 1, A, PEER_BITFIELD, 0, 0, 0, "announced Bitfield by A in 1", "a001" },
        { 2, A, PEER_HAVE, 5, 0, 0, "announced Have 5 by A in 2", NULL },
        { 3, A, PEER_SUGGEST_PIECE, 5, 0, 0, NULL, NULL },
        { 4, A, PEER_ALLOWED_FAST, 6, 0, 0, NULL, NULL },
    };
    static const struct said all = { 5, B, PEER_HAVE_ALL, 0, 0, 0, "announced Have All by B in 5", NULL };
    static const struct said none = { 6, B, PEER_HAVE_NONE, 0, 0, 0, "announced Have None by B in 6", NULL };
    struct alone          alone;
    struct transfer_peer *a = &alone.transfers.peers[PEER_A], *b = &alone.transfers.peers[PEER_B];

    alone_begin(&alone, true);
    g_assert_false(a->announced);
    g_assert_false(a->knows_all);
    for (unsigned i = 0; i < G_N_ELEMENTS(said); i++)
        say(&alone, &said[i]);
    for (uint32_t piece = 0; piece < 20; piece++) {
        g_assert_cmpint(piece_set_has(&a->have, piece), ==, piece == 0 || piece == 2 || piece == 15 || piece == 5);
        g_assert_cmpint(piece_set_has(a->advised, piece), ==, piece == 5 || piece == 6);
        g_assert_false(piece_set_has(&b->have, piece));
    }
    g_assert_cmpuint(alone.transfers.piece_bound, ==, 16);
    g_assert_true(a->announced && a->knows_all);
    g_assert_false(b->announced || b->knows_all);

    transfers_lose_piece(&alone.transfers, alone.scope, PEER_A, 5);
    transfers_lose_piece(&alone.transfers, alone.scope, PEER_A, 100);
    g_assert_false(piece_set_has(&a->have, 5) || piece_set_has(a->advised, 5));
    g_assert_true(piece_set_has(a->advised, 6));
    transfers_gap(&alone.transfers, PEER_A);
    g_assert_false(a->knows_all);
    g_assert_true(a->announced);

    say(&alone, &all);
    g_assert_true(piece_set_has(&b->have, 123456) && b->knows_all);
    transfers_lose_piece(&alone.transfers, alone.scope, PEER_B, 123456);
    g_assert_false(piece_set_has(&b->have, 123456));
    say(&alone, &none);
    g_assert_false(piece_set_has(&b->have, 5));
    alone_end(&alone);
}

/* A request that an observer drops keeps its tag, is found by its block, and is no request of its piece any more. */
static void
dropped(void)
{
    static const struct {
        struct said said;
        bool        fast;
        uint32_t    left;
    } cases[] = {
        { { 3, B, PEER_PIECE, 5, 0, 9, "served 5+0 by B in 3: frame 1, dropped, tag t1", NULL }, false, 0 },
        { { 3, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 3: frame 1, dropped, tag t1", NULL }, false, 0 },
        { { 3, A, PEER_CANCEL, 5, 0, 9, "cancelled 5+0 by A in 3: frame 1, dropped, tag t1", NULL }, true, 0 },
        { { 3, B, PEER_REJECT_REQUEST, 5, 0, 9, "rejected 5+0 by B in 3: frame 1, dropped, tag t1", NULL }, false, 0 },
        { { 3, A, PEER_REQUEST, 5, 0, 9, "requested 5+0 by A in 3: frame 1, dropped, tag t1", NULL }, false, 1 },
        { { 3, B, PEER_CHOKE, 0, 0, 0, "choked by B in 3", NULL }, false, 0 },
    };
    static const struct said request = { 1, A, PEER_REQUEST, 5, 0, 16384, "requested 5+0 by A in 1", NULL };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct alone          alone;
        struct request_table *requests;
        alone_begin(&alone, cases[i].fast);
        say(&alone, &request);
        requests = alone.transfers.peers[PEER_A].requests;
        transfers_drop(&alone.transfers, PEER_A, request_table_find(requests, 5, 0));
        g_assert_null(request_table_of_piece(requests, 5));
        g_assert_cmpuint(request_table_find(requests, 5, 0)->state, ==, REQUEST_DROPPED);
        say(&alone, &cases[i].said);
        g_assert_cmpuint(requests->count, ==, cases[i].left);
        alone_end(&alone);
    }
}

/* Fast, where the handshakes are not known: a message of it tells. Where they are, none does. */
static void
fast_by_message(void)
{
    static const unsigned ids[] = { PEER_SUGGEST_PIECE, PEER_HAVE_ALL, PEER_HAVE_NONE, PEER_REJECT_REQUEST,
                                    PEER_ALLOWED_FAST, PEER_CHOKE, PEER_HAVE, PEER_CANCEL };

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(ids); i++) {
        struct said            said = { .frame = 1, .from = PEER_A, .id = ids[i / 2] };
        struct message_context context = { .from = PEER_A, .frame = 1 };
        GByteArray            *bytes = encode(&said);
        struct peer_message    message;
        struct alone           alone;

        alone_begin(&alone, false);
        alone.transfers.fast_known = i % 2 != 0;
        peer_wire_decode(bytes->data, bytes->len, bytes->len, &message);
        transfers_message(&alone.transfers, &alone.listener, &message, &context);
        g_assert_cmpint(alone.transfers.fast, ==, i % 2 == 0 && i / 2 < 5);
        g_byte_array_free(bytes, TRUE);
        alone_end(&alone);
    }
}

/* Of a packet that a read filter rejected, the requests are marked; of others they are not. */
static void
unseen(void)
{
    static const struct said said[] = {
        { 1, A, PEER_REQUEST, 5, 0, 1, "requested 5+0 by A in 1", NULL },
        { 2, A, PEER_REQUEST, 5, 1, 1, "requested 5+1 by A in 2", NULL },
        { 2, A, PEER_REQUEST, 5, 2, 1, "requested 5+2 by A in 2", NULL },
        { 2, B, PEER_REQUEST, 5, 3, 1, "requested 5+3 by B in 2", NULL },
    };
    struct alone alone;

    alone_begin(&alone, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(said); i++)
        say(&alone, &said[i]);
    transfers_unseen(&alone.transfers, 2);
    for (uint32_t i = 0; i < G_N_ELEMENTS(said); i++)
        g_assert_cmpint(request_table_find(alone.transfers.peers[said[i].from].requests, 5, i)->unseen, ==,
                        said[i].frame == 2);
    alone_end(&alone);
}

/* A cap is told by what transfers_message() returns; the request and the announcement are heard all the same. */
static void
limits(void)
{
    struct alone          alone;
    struct transfer_peer *peer = &alone.transfers.peers[PEER_A];

    alone_begin(&alone, false);
    peer->from_start = true;
    for (uint32_t i = 0; i <= REQUESTS_MAX; i++) {
        char        expected[64];
        struct said said = { 100 + i, A, PEER_REQUEST, i, 0, 1, expected, NULL };
        g_snprintf(expected, sizeof expected, "requested %u+0 by A in %u", i, 100 + i);
        g_assert_cmpint(say(&alone, &said), ==, i < REQUESTS_MAX ? TRANSFER_NO_LIMIT : TRANSFER_REQUESTS);
    }
    g_assert_false(peer->from_start);
    g_assert_null(request_table_find(peer->requests, 0, 0));
    for (uint32_t i = 0; i <= PIECE_SET_PAGES_MAX; i++) {
        char        expected[64];
        struct said said = { 1, A, PEER_HAVE, i * 4096, 0, 0, expected, NULL };
        g_snprintf(expected, sizeof expected, "announced Have %u by A in 1", i * 4096);
        g_assert_cmpint(say(&alone, &said), ==, i < PIECE_SET_PAGES_MAX ? TRANSFER_NO_LIMIT : TRANSFER_PIECES);
    }
    alone_end(&alone);
}

/* --- an observer beside another --- */

/* What the observer of the test heard, and how often it was begun and freed. */
static GString *heard;
static unsigned begun, freed;

struct listener {
    struct peer_connection *connection;
    bool                    writes;     /* it adds to notes */
};

static bool listener_writes;

/* What it hangs on notes: larger than the room of a note, or smaller. */
struct small_detail {
    struct note_detail detail;
    uint32_t           frame;
};

struct large_detail {
    struct note_detail detail;
    uint8_t            bytes[200];
};

static const struct note_kind small_kind = { "test", 0 }, large_kind = { "test", 1 };
static const struct finding_kind test_finding = { .name = "test.finding", .summary = "A finding of the test" };

static void
write_note(struct listener *listener, struct message_context *context)
{
    struct notes *notes = &listener->connection->notes;

    if (!listener->writes)
        return;
    struct message_note *note = notes_get(notes, context);
    struct small_detail *small = (struct small_detail *)notes_add_detail(notes, note, &small_kind, sizeof *small);
    small->frame = context->frame;
    notes_add_finding(notes, note, &small->detail, &test_finding, "frame %u", context->frame);
    struct large_detail *large = (struct large_detail *)notes_add_detail(notes, note, &large_kind, sizeof *large);
    memset(large->bytes, 0xee, sizeof large->bytes);
}

static void *
listener_begin(struct peer_connection *connection)
{
    struct listener *listener = wmem_new0(peer_connection_scope(connection), struct listener);

    listener->connection = connection;
    listener->writes = listener_writes;
    begun++;
    return listener;
}

static void
listener_free(void *state, int64_t end G_GNUC_UNUSED)
{
    wmem_free(peer_connection_scope(((struct listener *)state)->connection), state);
    freed++;
}

static void
listener_transfer(struct peer_connection *connection G_GNUC_UNUSED, void **state, const struct transfer *transfer)
{
    struct transfer untagged = *transfer;
    struct request  request = { 0 };

    /* Tags are lt_donthave's here. */
    if (transfer->request != NULL && transfer->kind != TRANSFER_REQUESTED) {
        request = *transfer->request;
        request.tag = NULL;
        untagged.request = &request;
    } else if (transfer->former != NULL) {
        request = *transfer->former;
        request.tag = NULL;
        untagged.former = &request;
    }
    describe(heard, &untagged);
    write_note((struct listener *)*state, transfer->context);
}

static void
listener_limit(struct peer_connection *connection G_GNUC_UNUSED, void **state, const char *what, uint32_t limit,
               struct message_context *context)
{
    g_string_append_printf(heard, "limit %u %s in %u\n", limit, what, context->frame);
    write_note((struct listener *)*state, context);
}

static const struct peer_observer listener = {
    .begin = listener_begin,
    .transfer = listener_transfer,
    .limit = listener_limit,
    .free = listener_free,
};

/* One that hears nothing and has no state. */
static const struct peer_observer deaf = { .name = NULL };

static const struct peer_setup setups[] = {
    { .observers = { &donthave_observer }, .observer_count = 1 },
    { .observers = { &donthave_observer, &listener }, .observer_count = 2 },
    { .observers = { &listener, &donthave_observer }, .observer_count = 2 },
    { .observers = { &deaf, &listener, &deaf, &donthave_observer, &deaf }, .observer_count = 5 },
    { .observers = { &listener }, .observer_count = 1 },
};

/* A whole message of a frame, as it is on the wire. */
static void
deliver(struct peer_connection *connection, uint32_t frame, enum peer_side from, const GByteArray *bytes)
{
    uint8_t               *copy = bytes_copy(bytes->data, bytes->len);
    struct message_context context = { .from = from, .frame = frame, .time = frame * NS_PER_S, .place = 100 * frame,
                                       .size = bytes->len, .end_ack = 1000 * frame, .has_ack = true,
                                       .ack = 1000 * (frame - 1) };

    peer_connection_begin_packet(connection, frame, frame);
    peer_connection_message(connection, copy, bytes->len, bytes->len, &context);
    peer_connection_packet(connection, from, frame, frame * NS_PER_S, false);
    g_free(copy);
}

static void
deliver_hex(struct peer_connection *connection, uint32_t frame, enum peer_side from, const char *hex)
{
    GByteArray *bytes = bytes_from_hex(hex);

    deliver(connection, frame, from, bytes);
    g_byte_array_free(bytes, TRUE);
}

static void
deliver_said(struct peer_connection *connection, const struct said *said)
{
    GByteArray *bytes = encode(said);

    deliver(connection, said->frame, said->from, bytes);
    g_byte_array_free(bytes, TRUE);
}

static void
shake_hands(struct peer_connection *connection, uint32_t frame, bool fast)
{
    GByteArray *bytes = g_byte_array_new();
    GByteArray *extensions = bytes_from_hex("0000001a" "14" "00");

    bytes_add(bytes, "\x13" "BitTorrent protocol", 20);
    bytes_add_hex(bytes, fast ? "0000000000100004" : "0000000000100000");
    bytes_add_zeros(bytes, 40);
    bytes_add(extensions, "d1:md11:lt_donthavei7eee", 24);
    deliver(connection, frame, PEER_A, bytes);
    deliver(connection, frame + 1, PEER_B, bytes);
    deliver(connection, frame + 2, PEER_A, extensions);
    deliver(connection, frame + 3, PEER_B, extensions);
    g_byte_array_free(bytes, TRUE);
    g_byte_array_free(extensions, TRUE);
}

/* B disowns piece 5, which A asks for before and after. DontHaves stand among what is said. */
#define DONTHAVE_5 "00000006" "14" "07" "00000005"

static const struct said beside[] = {
    { 10, B, PEER_BITFIELD, 0, 0, 0, "announced Bitfield by B in 10", "ff" },
    { 11, A, PEER_REQUEST, 5, 0, 100, "requested 5+0 by A in 11", NULL },
    { 12, A, PEER_REQUEST, 5, 100, 100, "requested 5+100 by A in 12", NULL },
    { 13, A, PEER_REQUEST, 6, 0, 100, "requested 6+0 by A in 13", NULL },
    { 14, A, PEER_REQUEST, 5, 200, 100, "requested 5+200 by A in 14", NULL },
    { 15, B, 0xdd, 5, 0, 0, NULL, NULL },
    { 16, A, PEER_REQUEST, 5, 300, 100, "requested 5+300 by A in 16", NULL },
    { 17, B, PEER_REJECT_REQUEST, 5, 0, 100, "rejected 5+0 by B in 17: frame 11, %s, tag -", NULL },
    { 18, B, PEER_PIECE, 5, 100, 100, "served 5+100 by B in 18: frame 12, %s, tag -", NULL },
    { 19, A, PEER_CANCEL, 5, 200, 100, "cancelled 5+200 by A in 19: frame 14, %s, tag -", NULL },
    { 20, B, PEER_PIECE, 6, 0, 100, "served 6+0 by B in 20: frame 13, outstanding, tag -", NULL },
    { 21, A, PEER_REQUEST, 5, 300, 100, "requested 5+300 by A in 21: frame 16, outstanding, tag -", NULL },
    { 22, B, PEER_HAVE, 5, 0, 0, "announced Have 5 by B in 22", NULL },
    { 23, B, PEER_CHOKE, 0, 0, 0, "choked by B in 23", NULL },
    { 24, B, PEER_PIECE, 5, 300, 100, "served 5+300 by B in 24%s", NULL },
};

static void
tell_beside(struct peer_connection *connection, bool fast)
{
    shake_hands(connection, 1, fast);
    for (unsigned i = 0; i < G_N_ELEMENTS(beside); i++) {
        if (beside[i].id == 0xdd)
            deliver_hex(connection, beside[i].frame, beside[i].from, DONTHAVE_5);
        else
            deliver_said(connection, &beside[i]);
    }
}

/* What the listener is to hear. donthave: somebody drops the requests. For g_free(). */
static char *
heard_beside(bool fast, bool donthave)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(beside); i++) {
        char **parts = beside[i].expected != NULL ? g_strsplit(beside[i].expected, "%s", 2) : NULL;
        if (parts == NULL)
            continue;
        g_string_append(out, parts[0]);
        if (beside[i].frame == 24)
            g_string_append(out, fast ? ": frame 21, outstanding, 1 due, tag -" : "");
        else if (parts[1] != NULL)
            g_string_append(out, fast || !donthave ? "outstanding" : "dropped");
        g_string_append_printf(out, "%s\n", parts[1] != NULL ? parts[1] : "");
        g_strfreev(parts);
    }
    return g_string_free(out, FALSE);
}

/* The details and findings of lt_donthave in all notes, as text; of the test's own, that they are whole. */
static char *
donthave_notes(struct peer_connection *connection, unsigned *tests)
{
    GString *out = g_string_new(NULL);

    *tests = 0;
    for (uint32_t frame = 0; frame < 100; frame++) {
        struct message_note *const *end;
        for (struct message_note *const *at = notes_of_frame(&connection->notes, frame, true, &end); at != end; at++) {
            const struct message_note *note = *at;
            GString                   *here = g_string_new(NULL);
            for (const struct note_detail *detail = note->details; detail != NULL; detail = detail->next) {
                if (is_donthave_detail(detail)) {
                    g_string_append_printf(here, " detail %d", detail->kind->number);
                } else if (detail->kind == &small_kind) {
                    g_assert_cmpuint(((const struct small_detail *)(const void *)detail)->frame, ==, note->frame);
                    ++*tests;
                } else {
                    const struct large_detail *large = (const struct large_detail *)(const void *)detail;
                    g_assert_true(detail->kind == &large_kind);
                    for (unsigned i = 0; i < sizeof large->bytes; i++)
                        g_assert_cmphex(large->bytes[i], ==, 0xee);
                }
                if (detail->kind == &donthave_kinds[DONTHAVE_INVALIDATED]) {
                    const struct donthave_invalidated *item = (const struct donthave_invalidated *)(const void *)detail;
                    g_string_append_printf(here, " (%u+%u rejected in %u, unanswered %d)", item->by->piece, item->begin,
                                           item->rejected_in, item->unanswered);
                } else if (detail->kind == &donthave_kinds[DONTHAVE_MESSAGE]) {
                    const struct donthave_note *item = (const struct donthave_note *)(const void *)detail;
                    g_string_append_printf(here, " (%u, %u requests, %u unrejected)", item->piece, item->requests,
                                           item->unrejected);
                }
            }
            for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next) {
                if (finding->kind != &test_finding) {
                    g_string_append_printf(here, " %s: %s", finding->kind->name, finding->text);
                    g_assert_true(finding->about == NULL || is_donthave_detail(finding->about));
                } else {
                    g_assert_true(finding->about->kind == &small_kind);
                }
            }
            if (here->len > 0)
                g_string_append_printf(out, "%u %c:%s\n", note->frame, "AB"[note->from], here->str);
            g_string_free(here, TRUE);
        }
    }
    return g_string_free(out, FALSE);
}

/* Whatever else listens, before lt_donthave or after it, and whether it writes notes or not: it hears everything, in
 * order, and lt_donthave has the same to say. */
static void
observers(void)
{
    for (int fast = 0; fast <= 1; fast++) {
        char *donthave_alone = NULL;
        for (unsigned i = 0; i < 2 * G_N_ELEMENTS(setups); i++) {
            const struct peer_setup *setup = &setups[i / 2];
            bool                     listens = i / 2 != 0, with_donthave = i / 2 != G_N_ELEMENTS(setups) - 1;
            wmem_allocator_t        *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
            unsigned                 tests;

            heard = g_string_new(NULL);
            begun = freed = 0;
            listener_writes = i % 2 != 0;
            struct peer_connection *connection = peer_connection_new(scope, setup);
            g_assert_cmpuint(begun, ==, listens);
            tell_beside(connection, fast);
            peer_connection_end(connection);
            peer_connection_end(connection);        /* again: nothing happens */
            g_assert_cmpuint(freed, ==, begun);

            char *wanted = listens ? heard_beside(fast, with_donthave) : g_strdup("");
            g_assert_cmpstr(heard->str, ==, wanted);
            g_free(wanted);
            char *notes = donthave_notes(connection, &tests);
            g_test_message("setup %u, Fast %d:\n%s", i, fast, notes);
            g_assert_cmpuint(tests, ==, listens && listener_writes ? G_N_ELEMENTS(beside) - 1 : 0);
            if (donthave_alone == NULL) {
                g_assert_nonnull(strstr(notes, fast ? "15 B: detail 0 (5, 3 requests, 1 unrejected)"
                                               : "15 B: detail 0 (5, 3 requests, 0 unrejected)"));
                donthave_alone = notes;
            } else {
                g_assert_cmpstr(notes, ==, with_donthave ? donthave_alone : "");
                g_free(notes);
            }
            g_string_free(heard, TRUE);
            wmem_destroy_allocator(scope);
        }
        g_free(donthave_alone);
    }
}

/* A second handshake of a peer begins another connection: the state of an observer is given back, and another begun. */
static void
begun_again(void)
{
    wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);

    heard = g_string_new(NULL);
    begun = freed = 0;
    listener_writes = false;
    struct peer_connection *connection = peer_connection_new(scope, &setups[2]);
    tell_beside(connection, false);
    shake_hands(connection, 30, false);         /* of both peers: the first one of A, and the first one of B */
    g_assert_cmpuint(begun, ==, 2);
    g_assert_cmpuint(freed, ==, 1);
    g_string_truncate(heard, 0);
    deliver_said(connection, &(struct said){ 40, A, PEER_REQUEST, 6, 0, 100, NULL, NULL });
    g_assert_cmpstr(heard->str, ==, "requested 6+0 by A in 40\n");
    peer_connection_end(connection);
    g_assert_cmpuint(freed, ==, 2);
    g_string_free(heard, TRUE);
    wmem_destroy_allocator(scope);
}

/* A cap is told once in a connection, to all observers, after what is said of the message. */
static void
limit_heard(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(setups); i++) {
        wmem_allocator_t *scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
        unsigned          tests;

        heard = g_string_new(NULL);
        listener_writes = true;
        struct peer_connection *connection = peer_connection_new(scope, &setups[i]);
        shake_hands(connection, 1, false);
        listener_writes = false;
        for (uint32_t n = 0; n < PIECE_SET_PAGES_MAX; n++)
            deliver_said(connection, &(struct said){ 10, A, PEER_HAVE, n * 4096, 0, 0, NULL, NULL });
        g_string_truncate(heard, 0);
        for (uint32_t n = 1; n <= 3; n++)
            deliver_said(connection, &(struct said){ 10 + n, A, PEER_HAVE, n * 4096 + PIECE_SET_PAGES_MAX * 4096, 0, 0,
                                                     NULL, NULL });
        g_assert_cmpstr(heard->str, ==, i == 0 ? ""
                        : "announced Have 16781312 by A in 11\nlimit 4096 pages of pieces in 11\n"
                          "announced Have 16785408 by A in 12\nannounced Have 16789504 by A in 13\n");
        peer_connection_end(connection);
        char *notes = donthave_notes(connection, &tests);
        bool told = strstr(notes, "11 A: bt.donthave.expert.limit: Limit reached: 4096 pages of pieces") != NULL;
        g_assert_cmpint(told, ==, i != G_N_ELEMENTS(setups) - 1);
        g_free(notes);
        g_string_free(heard, TRUE);
        wmem_destroy_allocator(scope);
    }
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    for (size_t i = 0; i < G_N_ELEMENTS(conversations); i++) {
        char *path = g_strdup_printf("/transfers/alone/%s", conversations[i].name);
        g_test_add_data_func(path, &conversations[i], converse);
        g_free(path);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(overtaken); i++) {
        char *path = g_strdup_printf("/transfers/overtaken/%s", overtaken[i].name);
        g_test_add_data_func(path, &overtaken[i], overtake);
        g_free(path);
    }
    g_test_add_func("/transfers/remembered", remembered);
    g_test_add_func("/transfers/pieces", pieces);
    g_test_add_func("/transfers/dropped", dropped);
    g_test_add_func("/transfers/fast_by_message", fast_by_message);
    g_test_add_func("/transfers/unseen", unseen);
    g_test_add_func("/transfers/limits", limits);
    g_test_add_func("/transfers/observers", observers);
    g_test_add_func("/transfers/begun_again", begun_again);
    g_test_add_func("/transfers/limit_heard", limit_heard);
    result = g_test_run();
    wmem_cleanup();
    return result;
}
