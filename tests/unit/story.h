/* story.h
 * Plays stories of two peers, X and Y: what was sent, and beside it what the plugin has to say of it. How they are
 * written: tests/stories/README.md.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef STORY_H
#define STORY_H

#include <stdlib.h>

#include "bytes.h"
#include "core/peer_connection.h"
#include "story_note.h"

#define STORY_X_ID 7U               /* that X writes in a DontHave, as Y gave it to lt_donthave */
#define STORY_Y_ID 3U

/* A message, or the first part of one, that was sent. */
struct story_message {
    char          *line;            /* NULL: no message ends here */
    uint32_t       frame;
    enum peer_side from;
    uint64_t       position, end;   /* bytes of its sender's stream */
};

struct story_player {
    wmem_allocator_t       *scope;
    struct peer_setup       setup;
    struct peer_connection *connection;
    GArray                 *messages;       /* struct story_message */
    uint64_t                sent[2];        /* bytes */
    GByteArray             *begun[2];       /* the message of which only a first part was sent */
    uint64_t                begun_at[2];    /* and its position */
    bool                    swapped;        /* X is PEER_B */
};

/* --- a line becomes a message --- */

/* The words of a text, which is cut up for it. For g_ptr_array_free(). */
static GPtrArray *
story_words(char *text)
{
    GPtrArray *words = g_ptr_array_new();

    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        g_ptr_array_add(words, word);
    return words;
}

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

/* The number after a word that ends a message; both are taken off. NULL: the message does not end like that. */
static const char *
story_take_last(GPtrArray *words, const char *word)
{
    const char *number = NULL;

    if (words->len > 2 && strcmp((const char *)words->pdata[words->len - 2], word) == 0) {
        number = (const char *)words->pdata[words->len - 1];
        g_ptr_array_set_size(words, (int)words->len - 2);
    }
    return number;
}

/* Hands the bytes of a message to the connection; those up to captured are in the capture. */
static void
story_deliver(struct story_player *player, const struct story_message *played, const GByteArray *bytes,
              uint32_t captured, struct message_context *context)
{
    uint8_t *copy = bytes_copy(bytes->data, captured);

    context->from = played->from;
    context->place = (uint32_t)played->position;
    context->size = bytes->len;
    context->end_ack = played->end;
    peer_connection_message(player->connection, copy, captured, bytes->len, context);
    g_free(copy);
}

static void
story_send(struct story_player *player, struct story_message *played, GPtrArray *words, const char *line,
           struct message_context *context)
{
    const char  *cut = story_take_last(words, "cut");
    const char  *first = story_take_last(words, "first");
    GByteArray **begun = &player->begun[played->from];
    bool         rest = strcmp((const char *)words->pdata[0], "rest") == 0;
    bool         by_y = (played->from == PEER_B) != player->swapped;
    GByteArray  *bytes;

    g_assert_true(rest == (*begun != NULL));
    g_ptr_array_add(words, NULL);
    bytes = rest ? *begun : story_encode((char **)words->pdata, by_y ? STORY_Y_ID : STORY_X_ID);
    played->position = rest ? player->begun_at[played->from] : player->sent[played->from];
    player->begun_at[played->from] = played->position;
    played->end = played->position + (first != NULL ? story_number(first) : bytes->len);
    player->sent[played->from] = played->end;
    *begun = first != NULL ? bytes : NULL;
    if (first == NULL) {
        played->line = g_strdup(line);
        story_deliver(player, played, bytes, cut != NULL ? story_number(cut) : bytes->len, context);
        g_byte_array_free(bytes, TRUE);
    }
    g_array_append_val(player->messages, *played);
}

/* Plays a line. */
static void
story_tell(struct story_player *player, const char *line)
{
    const char            *arrow = strstr(line, "=>");
    char                  *said = g_strndup(line, arrow != NULL ? (size_t)(arrow - line) : strlen(line));
    GPtrArray             *words = story_words(said);
    struct story_message   played = { 0 };
    struct message_context context = { 0 };
    const char            *acks = NULL;

    g_assert_cmpuint(words->len, >=, 3);
    played.frame = context.frame = story_number((const char *)words->pdata[0]);
    played.from = (((const char *)words->pdata[1])[0] == 'Y') != player->swapped ? PEER_B : PEER_A;
    context.time = context.frame * NS_PER_S;
    g_ptr_array_remove_range(words, 0, 2);
    if (((const char *)words->pdata[0])[0] == '@') {
        context.time = (int64_t)(g_ascii_strtod((const char *)words->pdata[0] + 1, NULL) * (double)NS_PER_S + 0.5);
        g_ptr_array_remove_index(words, 0);
    }
    if (strcmp((const char *)words->pdata[0], "acks") == 0) {
        acks = (const char *)words->pdata[1];
        g_ptr_array_remove_range(words, 0, 2);
    }

    if (strcmp((const char *)words->pdata[0], "(hole)") == 0) {
        player->sent[played.from] += 1000;
        peer_connection_gap(player->connection, played.from);
    } else {
        story_acknowledge(player, acks, &context, played.from);
        story_send(player, &played, words, line, &context);
    }
    g_ptr_array_free(words, TRUE);
    g_free(said);
}

/* --- what it comes to --- */

/* What the line wants, as story_describe() writes it. For g_free(). */
static char *
story_wanted(const char *line)
{
    const char *arrow = strstr(line, "=>");
    char       *note = g_strdup(arrow != NULL ? arrow + 2 : "");
    GPtrArray  *words = story_words(note);
    GString    *out = g_string_new(NULL);

    for (unsigned i = 0; i < words->len; i++) {
        const char *word = (const char *)words->pdata[i];
        g_string_append_printf(out, " %s", word);
    }
    g_ptr_array_free(words, TRUE);
    g_free(note);
    return g_string_free(out, FALSE);
}

/* What was written beside each line is what the connection notes, and it notes nothing else. */
static inline void
story_compare(const struct story_player *player)
{
    unsigned notes = 0, notes_of_frames = 0;
    uint32_t last_frame = 0;

    for (unsigned i = 0; i < player->messages->len; i++) {
        const struct story_message *played = &g_array_index(player->messages, struct story_message, i);
        if (played->line == NULL)
            continue;
        const struct message_note *note = story_find_note(player->connection, played->frame, played->from,
                                                          played->position);
        char *wanted = story_wanted(played->line);
        char *got = story_describe(player->connection, note, strstr(wanted, " id ") != NULL);
        if (strcmp(got, wanted) != 0)
            g_test_message("at: %s", played->line);
        g_assert_cmpstr(got, ==, wanted);
        g_free(got);
        g_free(wanted);

        notes += note != NULL;
        if (played->frame != last_frame)
            notes_of_frames += story_count_notes(player->connection, played->frame);
        last_frame = played->frame;
    }
    g_assert_cmpuint(notes, ==, notes_of_frames);       /* each belongs to a message of the story */
}

/* --- playing --- */

/* Begins a connection. fallback_ids: as in a line "preference:". swapped: X is PEER_B. */
static void
story_begin(struct story_player *player, const char *fallback_ids, bool swapped)
{
    memset(player, 0, sizeof *player);
    player->swapped = swapped;
    player->scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    player->setup.observers[player->setup.observer_count++] = &donthave_observer;
    char **ids = g_strsplit(fallback_ids, ",", -1);
    for (unsigned i = 0; ids[i] != NULL; i++)
        peer_setup_assume(&player->setup, LT_DONTHAVE_NAME, (uint8_t)story_number(ids[i]));
    g_strfreev(ids);
    player->setup.lists = extension_lists_new(player->scope);
    player->connection = peer_connection_new(player->scope, &player->setup);
    player->messages = g_array_new(FALSE, FALSE, sizeof(struct story_message));
}

static void
story_end(struct story_player *player)
{
    g_assert_true(player->begun[PEER_A] == NULL && player->begun[PEER_B] == NULL);
    for (unsigned i = 0; i < player->messages->len; i++)
        g_free(g_array_index(player->messages, struct story_message, i).line);
    g_array_free(player->messages, TRUE);
    wmem_destroy_allocator(player->scope);
}

#endif
