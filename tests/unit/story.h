/* story.h
 * Stories of two peers, X and Y, for the tests of the ledger and of the negotiation: what was sent, and beside it
 * what the plugin has to say of it.
 *
 *     "10 X Request 5 0 16384     => invalidated_in 11 after 1s note:invalidated",
 *     "11 Y DontHave 5            => requests 1 bytes 16384 request_in 10 note:invalidated",
 *
 * A line is FRAME SENDER [@SECONDS] [acks ...] MESSAGE [=> NOTE]. Without => the message has nothing to show. Frame N
 * comes at N seconds. A note is final: as it is when the whole story is over.
 *
 *     MESSAGE   Handshake [fast] [plain]           BEP 3; fast: the bit of BEP 6; plain: not that of BEP 10
 *               Extensions BENCODED                BEP 10, extension handshake; { and } stand for d1:md and ee
 *               DontHave PIECE                     BEP 54, with the id 3 by Y and 7 by X
 *               Extended ID HEX                    any extended message
 *               Base ID HEX                        any other message
 *               Bitfield HEX;  Have, SuggestPiece, AllowedFast PIECE;  Request, Piece, Cancel, Reject PIECE BEGIN LENGTH
 *               Choke, Unchoke, Interested, HaveAll, HaveNone
 *               (hole)                             bytes of this sender are missing here
 *     cut N     behind a message: its first N bytes were captured
 *     acks      none: no ACK number; F: all that the other side had sent up to frame F; F-1: a byte less than that.
 *               A line without it acknowledges all that the other side has sent.
 *     NOTE      members of struct message_note, then findings as severity:name
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef STORY_H
#define STORY_H

#include <stdlib.h>

#include "bytes.h"
#include "peer_connection.h"

struct story {
    const char        *name;
    const char        *rule;        /* in the words of design.md, anomalies.md or a BEP */
    const char *const *before;      /* how the connection begins; its lines have no frames of their own */
    const char *const *lines;
    unsigned           fallback_id;
    bool               ids;         /* notes of DontHaves say how their id was resolved, too */
};

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* STORY(name, rule, before, lines...): an element of an array of stories. */
#define STORY(the_name, the_rule, the_before, ...) \
    { .name = the_name, .rule = the_rule, .before = the_before, .lines = LINES(__VA_ARGS__) }

#define STORY_X_ID 7U               /* that X writes, and Y gave to lt_donthave */
#define STORY_Y_ID 3U

/* How most stories begin: Y has 32 pieces, X the second half of them; each gives lt_donthave another id. */
#define STORY_EXTENSIONS                                            \
    "3 X Extensions {11:lt_donthavei3e} => negotiated 3",           \
    "4 Y Extensions {11:lt_donthavei7e} => negotiated 7",           \
    "5 Y Bitfield ffffffff",                                        \
    "6 X Bitfield 0000ffff"
#define WITHOUT_FAST LINES("1 X Handshake", "2 Y Handshake", STORY_EXTENSIONS)
#define WITH_FAST    LINES("1 X Handshake fast", "2 Y Handshake fast", STORY_EXTENSIONS)

/* One message of a story that was played. */
struct story_message {
    const char    *line;
    uint32_t       frame;
    enum peer_side from;
    uint64_t       position, end;
};

struct story_player {
    const struct story     *story;
    wmem_allocator_t       *scope;
    struct peer_connection *connection;
    GArray                 *messages;       /* struct story_message */
    uint64_t                sent[2];        /* bytes */
    bool                    swapped;        /* X is PEER_B */
};

/* --- a line becomes a message --- */

static uint32_t
story_number(const char *text)
{
    char *end = NULL;
    guint64 number = text != NULL ? g_ascii_strtoull(text, &end, 10) : 0;

    if (text == NULL || end == text || *end != '\0' || number > UINT32_MAX)
        g_error("no number in a story: %s", text != NULL ? text : "(end of line)");
    return (uint32_t)number;
}

/* A base message: its length, its id, what follows. */
static void
story_add_base(GByteArray *bytes, unsigned id, const GByteArray *payload)
{
    bytes_add_be32(bytes, payload->len + 1);
    bytes_add_u8(bytes, id);
    bytes_add(bytes, payload->data, payload->len);
}

static void
story_add_handshake(GByteArray *bytes, char **words)
{
    uint8_t reserved[8] = { 0, 0, 0, 0, 0, 0x10, 0, 0 };

    for (; *words != NULL; words++) {
        if (strcmp(*words, "fast") == 0)
            reserved[7] |= 0x04;
        else if (strcmp(*words, "plain") == 0)
            reserved[5] = 0;
    }
    bytes_add(bytes, "\x13" "BitTorrent protocol", 20);
    bytes_add(bytes, reserved, sizeof reserved);
    bytes_add_zeros(bytes, 40);
}

/* The bytes of the message that words[0] names; its arguments follow, numbers of them as many as it has. */
static GByteArray *
story_encode(char **words, unsigned dont_have_id)
{
    static const struct {
        const char *name;
        uint8_t     id;
        unsigned    numbers;
    } plain[] = {
        { "Choke", PEER_CHOKE, 0 }, { "Unchoke", PEER_UNCHOKE, 0 }, { "Interested", PEER_INTERESTED, 0 },
        { "Have", PEER_HAVE, 1 }, { "Request", PEER_REQUEST, 3 }, { "Cancel", PEER_CANCEL, 3 },
        { "SuggestPiece", PEER_SUGGEST_PIECE, 1 }, { "HaveAll", PEER_HAVE_ALL, 0 }, { "HaveNone", PEER_HAVE_NONE, 0 },
        { "Reject", PEER_REJECT_REQUEST, 3 }, { "AllowedFast", PEER_ALLOWED_FAST, 1 }
    };
    GByteArray *bytes = g_byte_array_new(), *payload = g_byte_array_new();
    char       *name = words[0];

    if (strcmp(name, "Handshake") == 0) {
        story_add_handshake(bytes, words + 1);
    } else if (strcmp(name, "Extensions") == 0) {
        bytes_add_u8(payload, 0);
        for (const char *c = words[1]; *c != '\0'; c++)
            bytes_add(payload, *c == '{' ? "d1:md" : *c == '}' ? "ee" : c, *c == '{' ? 5 : *c == '}' ? 2 : 1);
        story_add_base(bytes, PEER_EXTENDED, payload);
    } else if (strcmp(name, "DontHave") == 0) {
        bytes_add_u8(payload, dont_have_id);
        bytes_add_be32(payload, story_number(words[1]));
        story_add_base(bytes, PEER_EXTENDED, payload);
    } else if (strcmp(name, "Extended") == 0) {
        bytes_add_u8(payload, story_number(words[1]));
        bytes_add_hex(payload, words[2] != NULL ? words[2] : "");
        story_add_base(bytes, PEER_EXTENDED, payload);
    } else if (strcmp(name, "Base") == 0) {
        bytes_add_hex(payload, words[2] != NULL ? words[2] : "");
        story_add_base(bytes, story_number(words[1]), payload);
    } else if (strcmp(name, "Bitfield") == 0) {
        bytes_add_hex(payload, words[1]);
        story_add_base(bytes, PEER_BITFIELD, payload);
    } else if (strcmp(name, "Piece") == 0) {
        bytes_add_be32(payload, story_number(words[1]));
        bytes_add_be32(payload, story_number(words[2]));
        bytes_add_zeros(payload, story_number(words[3]));
        story_add_base(bytes, PEER_PIECE, payload);
    } else {
        unsigned i = 0;
        while (i < G_N_ELEMENTS(plain) && strcmp(name, plain[i].name) != 0)
            i++;
        if (i == G_N_ELEMENTS(plain))
            g_error("no message of a story: %s", name);
        for (unsigned n = 1; n <= plain[i].numbers; n++)
            bytes_add_be32(payload, story_number(words[n]));
        story_add_base(bytes, plain[i].id, payload);
    }
    g_byte_array_free(payload, TRUE);
    return bytes;
}

/* What "acks" says; without it everything that the other side has sent. */
static void
story_acknowledge(const struct story_player *player, const char *text, struct message_context *context,
                  enum peer_side from)
{
    context->has_ack = text == NULL || strcmp(text, "none") != 0;
    context->ack = text == NULL ? player->sent[other_side(from)] : 0;
    if (text == NULL || !context->has_ack)
        return;

    uint32_t frame = (uint32_t)strtoul(text, NULL, 10);
    for (unsigned i = 0; i < player->messages->len; i++) {
        const struct story_message *sent = &g_array_index(player->messages, struct story_message, i);
        if (sent->frame <= frame && sent->from != from)
            context->ack = sent->end;
    }
    if (g_str_has_suffix(text, "-1"))
        context->ack--;
}

static void
story_play_line(struct story_player *player, const char *line)
{
    const char            *arrow = strstr(line, "=>");
    char                  *said = g_strndup(line, arrow != NULL ? (size_t)(arrow - line) : strlen(line));
    char                 **words = g_strsplit_set(said, " ", -1);
    const char            *acks = NULL, *cut = NULL;
    char                  *cut_word = NULL;
    unsigned               count = 0, at = 2;
    struct story_message   played = { .line = line };
    struct message_context context = { 0 };

    for (unsigned i = 0; words[i] != NULL; i++) {       /* blanks in a row */
        if (words[i][0] != '\0')
            words[count++] = words[i];
        else
            g_free(words[i]);
    }
    words[count] = NULL;
    g_assert_cmpuint(count, >=, 3);

    bool by_y = words[1][0] == 'Y';
    played.from = by_y != player->swapped ? PEER_B : PEER_A;
    played.frame = context.frame = story_number(words[0]);
    context.time = context.frame * INT64_C(1000000000);
    if (words[at][0] == '@')
        context.time = (int64_t)(g_ascii_strtod(words[at++] + 1, NULL) * 1e9 + 0.5);
    if (strcmp(words[at], "acks") == 0) {
        acks = words[at + 1];
        at += 2;
    }
    if (count - at > 2 && strcmp(words[count - 2], "cut") == 0) {
        cut = words[count - 1];
        cut_word = words[count - 2];
        words[count - 2] = NULL;        /* the message ends here */
    }

    if (strcmp(words[at], "(hole)") == 0) {
        player->sent[played.from] += 1000;
        peer_connection_gap(player->connection, played.from);
    } else {
        GByteArray *bytes = story_encode(words + at, by_y ? STORY_Y_ID : STORY_X_ID);
        uint32_t    captured = cut != NULL ? story_number(cut) : bytes->len;
        uint8_t    *copy = bytes_copy(bytes->data, captured);
        struct stream_message wire = { .position = player->sent[played.from], .size = bytes->len,
                                       .captured = captured, .data = copy };
        played.position = wire.position;
        played.end = context.mark = player->sent[played.from] += bytes->len;
        story_acknowledge(player, acks, &context, played.from);
        peer_connection_message(player->connection, played.from, &wire, &context);
        g_array_append_val(player->messages, played);
        g_free(copy);
        g_byte_array_free(bytes, TRUE);
    }
    if (cut != NULL)
        words[count - 2] = cut_word;
    g_strfreev(words);
    g_free(said);
}

/* --- a note becomes text --- */

static void
story_describe_donthave(GString *out, const struct extended_note *extended, bool ids)
{
    const struct donthave_note *donthave = extended->donthave;

    if (ids)
        g_string_append_printf(out, " id %u assigned_in %u%s%s", extended->id, donthave->id_assigned_in,
                               donthave->id_assumed ? " assumed" : "", donthave->fast ? " fast" : "");
    if (!donthave->counts) {
        g_string_append(out, " DontHave");
        if (donthave->has_index)
            g_string_append_printf(out, " %u", donthave->piece);
        return;
    }
    g_string_append_printf(out, ids ? " DontHave %u" : " requests %u", ids ? donthave->piece : donthave->requests);
    if (donthave->requests == 0)
        return;
    g_string_append_printf(out, " bytes %" G_GUINT64_FORMAT " request_in ", donthave->bytes);
    for (uint32_t i = 0; i < donthave->request_frame_count; i++)
        g_string_append_printf(out, "%s%u", i > 0 ? "," : "", donthave->request_frames[i]);
    if (donthave->counts && donthave->fast)
        g_string_append_printf(out, " unrejected %u", donthave->unrejected);
}

static void
story_describe_finding(GString *out, enum finding_id id)
{
    static const char *const names[] = {
#define X(name_id, name, severity, group, summary) #severity ":" name,
        FINDINGS(X)
#undef X
    };
    char *severity_name = g_ascii_strdown(names[id], -1);

    g_string_append_printf(out, " %s", severity_name);
    g_free(severity_name);
}

/* For g_free(). */
static char *
story_describe(const struct message_note *note, bool ids)
{
    GString *out = g_string_new(NULL);

    if (note->negotiated >= 0)
        g_string_append_printf(out, " negotiated %d", note->negotiated);
    if (note->extended != NULL && note->extended->donthave != NULL)
        story_describe_donthave(out, note->extended, ids);
    else if (note->extended != NULL)
        g_string_append_printf(out, " extended %s", note->extended->name != NULL ? note->extended->name : "unknown");
    if (note->late_request != NULL)
        g_string_append_printf(out, " late_request disowned_in %u%s", note->late_request->donthave_in,
                               note->late_request->crossed ? " crossed" : "");
    if (note->invalidated != NULL) {
        const struct block_note *block = note->invalidated;
        g_string_append_printf(out, " invalidated_in %u after %gs", block->donthave_in, (double)block->time / 1e9);
        if (block->rejected_in != 0)
            g_string_append_printf(out, " rejected_in %u", block->rejected_in);
        if (block->unanswered)
            g_string_append(out, " unanswered");
    }
    if (note->late_block != NULL)
        g_string_append_printf(out, " late_block disowned_in %u", note->late_block->donthave_in);
    if (note->reject != NULL)
        g_string_append_printf(out, " reject request_in %u", note->request_in);
    for (const struct reannounced_note *item = note->reannounced; item != NULL; item = item->next)
        g_string_append_printf(out, " reannounced %u disowned_in %u", item->piece, item->disowned_in);
    for (const struct finding *finding = note->findings; finding != NULL; finding = finding->next)
        story_describe_finding(out, finding->id);
    return g_string_free(out, FALSE);
}

/* What the line wants, blanks in a row made one, as story_describe() writes it. */
static char *
story_wanted(const char *line)
{
    const char *arrow = strstr(line, "=>");
    GString    *out = g_string_new(NULL);
    char      **words = g_strsplit_set(arrow != NULL ? arrow + 2 : "", " ", -1);

    for (unsigned i = 0; words[i] != NULL; i++) {
        if (words[i][0] != '\0')
            g_string_append_printf(out, " %s", words[i]);
    }
    g_strfreev(words);
    return g_string_free(out, FALSE);
}

/* --- playing --- */

static const struct message_note *
story_find_note(const struct story_player *player, const struct story_message *played)
{
    const struct message_note *note = notes_of_frame(&player->connection->notes, played->frame);

    while (note != NULL && (note->position != played->position || note->from != played->from))
        note = note->next;
    return note;
}

static void
story_compare(const struct story_player *player)
{
    unsigned notes = 0, notes_of_frames = 0;
    uint32_t last_frame = 0;

    for (unsigned i = 0; i < player->messages->len; i++) {
        const struct story_message *played = &g_array_index(player->messages, struct story_message, i);
        const struct message_note  *note = story_find_note(player, played);
        char *got = note != NULL ? story_describe(note, player->story->ids) : g_strdup("");
        char *wanted = story_wanted(played->line);
        if (strcmp(got, wanted) != 0) {
            g_test_message("%s", player->story->rule);
            g_test_message("at: %s", played->line);
        }
        g_assert_cmpstr(got, ==, wanted);
        g_free(got);
        g_free(wanted);

        notes += note != NULL;
        if (played->frame != last_frame) {
            for (note = notes_of_frame(&player->connection->notes, played->frame); note != NULL; note = note->next)
                notes_of_frames++;
        }
        last_frame = played->frame;
    }
    g_assert_cmpuint(notes, ==, notes_of_frames);       /* each belongs to a message of the story */
}

/* Plays all lines, and checks none. */
static void
story_begin(struct story_player *player, const struct story *story, bool swapped)
{
    memset(player, 0, sizeof *player);
    player->story = story;
    player->swapped = swapped;
    player->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    player->connection = peer_connection_new(player->scope, (uint8_t)story->fallback_id);
    player->messages = g_array_new(FALSE, FALSE, sizeof(struct story_message));
    for (unsigned i = 0; story->before != NULL && story->before[i] != NULL; i++)
        story_play_line(player, story->before[i]);
    for (unsigned i = 0; story->lines[i] != NULL; i++)
        story_play_line(player, story->lines[i]);
}

static void
story_end(struct story_player *player)
{
    g_array_free(player->messages, TRUE);
    wmem_destroy_allocator(player->scope);
}

/* Plays a story twice: it must not matter which of the two peers opened the connection. */
static void
story_play(const void *data)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        struct story_player player;
        story_begin(&player, (const struct story *)data, swapped);
        story_compare(&player);
        story_end(&player);
    }
}

static inline void
story_add_tests(const char *folder, const struct story *stories, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = g_strdup_printf("%s/%s", folder, stories[i].name);
        g_test_add_data_func(path, &stories[i], story_play);
        g_free(path);
    }
}

#endif
