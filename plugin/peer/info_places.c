/* info_places.c
 * Our texts in the Info column, see info_places.h.
 *
 * The built-in dissector writes a text for each message that begins in the packet, and two blanks or more after it. From the
 * first message that we know on, both have to agree which of them are extended ones, up to the end of the packet: then its
 * last texts are about the same messages.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/info_places.h"

#include <string.h>

#include <epan/column-utils.h>

#include "core/peer_wire.h"

#define EXTENDED_TEXT "Extended"

/* How what uTP writes begins: it stays where no message was shown. */
#define UTP_TEXT "Connection ID:"

/* What the built-in dissector writes where it does not see messages. */
#define LOST_TEXT "Continuation data"

/* Of so many bytes of a message the built-in dissector writes a text: a prefix alone is "BitTorrent". */
#define SHORTEST_SHOWN PEER_PREFIX_SIZE

/* A text of ours. */
struct info_text {
    struct info_text *next;
    const char       *text;
    int64_t           begins; /* of its message, in the payload */
    int64_t           ends;
    bool              replaces;
};

/* What the built-in dissector wrote for one message. */
struct segment {
    const char *text;
    size_t      size;   /* with the blanks after it */
    size_t      marked; /* of what uTP wrote before the first one: "[Continuation to #134] " */
    bool        is_extended;
};

/* A message that begins in the packet. */
struct begun {
    uint32_t at;
    bool     is_extended;
};

bool
info_places_begin(struct info_places *places, packet_info *pinfo)
{
    const char *text = col_get_text(pinfo->cinfo, COL_INFO);

    memset(places, 0, sizeof *places);
    if (text == NULL || *text == '\0' || !col_get_writable(pinfo->cinfo, COL_INFO))
        return false;
    places->builtin = wmem_strdup(pinfo->pool, text);
    places->builtin_size = strlen(text);
    col_clear_fence(pinfo->cinfo, COL_INFO);
    col_clear(pinfo->cinfo, COL_INFO);
    return true;
}

void
info_places_took(struct info_places *places, int64_t begins, int64_t ends, bool replaces, packet_info *pinfo)
{
    const char       *column = col_get_text(pinfo->cinfo, COL_INFO);
    size_t            length = strlen(column);
    struct info_text *text;

    if (length <= places->length)
        return;
    text = wmem_new0(pinfo->pool, struct info_text);
    text->text = g_strstrip(wmem_strdup(pinfo->pool, column + places->length));
    text->begins = begins;
    text->ends = ends;
    text->replaces = replaces;
    places->length = length;
    if (places->last != NULL)
        places->last->next = text;
    else
        places->first = text;
    places->last = text;
}

/* --- what the built-in dissector wrote --- */

static wmem_array_t *
split(const char *text, wmem_allocator_t *pool)
{
    wmem_array_t *segments = wmem_array_new(pool, sizeof(struct segment));

    while (*text != '\0') {
        struct segment segment = { .text = text };
        const char    *end = strstr(text, "  "), *mark_end;
        size_t         size = end != NULL ? (size_t)(end - text) : strlen(text);

        segment.size = size + strspn(text + size, " ");
        while (text[segment.marked] == '[' && (mark_end = strstr(text + segment.marked, "] ")) != NULL
               && mark_end + 2 <= text + size)
            segment.marked = (size_t)(mark_end + 2 - text);
        segment.is_extended = size - segment.marked == strlen(EXTENDED_TEXT)
                              && strncmp(text + segment.marked, EXTENDED_TEXT, strlen(EXTENDED_TEXT)) == 0;
        wmem_array_append_one(segments, segment);
        text += segment.size;
    }
    return segments;
}

static bool
is_utp_text(const struct segment *segment)
{
    return strncmp(segment->text + segment->marked, UTP_TEXT, strlen(UTP_TEXT)) == 0;
}

/* --- the messages that begin in the packet --- */

/* From the first one that we know on. *has_tail: the last one goes on in another packet. */
static wmem_array_t *
find_begun(const struct info_places *places, tvbuff_t *payload, bool *has_tail, wmem_allocator_t *pool)
{
    wmem_array_t           *all = wmem_array_new(pool, sizeof(struct begun));
    uint32_t                captured = tvb_captured_length(payload), size;
    const uint8_t          *data = captured > 0 ? tvb_get_ptr(payload, 0, (int)captured) : NULL;
    const struct info_text *text = places->first;
    int64_t                 at;

    *has_tail = false;
    while (text != NULL && (text->ends <= 0 || text->ends > captured))
        text = text->next;
    if (text == NULL)
        return all;
    for (at = text->begins >= 0 ? text->begins : text->ends; at < captured; at += size) {
        uint32_t     left = captured - (uint32_t)at;
        struct begun begun = { .at = (uint32_t)at };

        size = peer_wire_size(data + at, left);
        begun.is_extended = left > PEER_PREFIX_SIZE && data[at + PEER_PREFIX_SIZE] == PEER_EXTENDED
                            && size != PEER_HANDSHAKE_SIZE;
        if (size == PEER_SIZE_UNKNOWN || size > left) {
            *has_tail = true;
            if (left < SHORTEST_SHOWN)
                break;
            size = left;
        }
        wmem_array_append_one(all, begun);
    }
    return all;
}

static const struct segment *
segment_at(wmem_array_t *segments, unsigned number)
{
    return (const struct segment *)wmem_array_index(segments, number);
}

static const struct begun *
begun_at(wmem_array_t *all, unsigned number)
{
    return (const struct begun *)wmem_array_index(all, number);
}

/* Whether the segments from that number on are what the messages are. */
static bool
agree(wmem_array_t *segments, unsigned base, wmem_array_t *all, unsigned begun)
{
    for (unsigned i = 0; i < begun; i++) {
        const struct segment *segment = segment_at(segments, base + i);
        if (segment->is_extended != begun_at(all, i)->is_extended
            || strncmp(segment->text, LOST_TEXT, strlen(LOST_TEXT)) == 0)
            return false;
    }
    return true;
}

/* --- together --- */

/* The segment before which a text stands; count of segments: after all. *replaces: instead of that one. */
static unsigned
place_of(const struct info_text *text, wmem_array_t *segments, unsigned base, wmem_array_t *all, unsigned *next,
         bool *replaces)
{
    unsigned count = wmem_array_get_count(all);
    int64_t  after = text->begins >= 0 ? text->begins : text->ends;

    while (*next < count && begun_at(all, *next)->at < after)
        ++*next;
    *replaces = text->replaces && text->begins >= 0 && *next < count && begun_at(all, *next)->at == text->begins
                && begun_at(all, *next)->is_extended;
    if (text->begins >= 0 && !*replaces && *next < count && begun_at(all, *next)->at == text->begins)
        return base + *next + 1;
    return MIN(base + *next, wmem_array_get_count(segments));
}

static void
append(packet_info *pinfo, const char *text)
{
    const char *column = col_get_text(pinfo->cinfo, COL_INFO);
    size_t      length = strlen(column);

    if (length > 0 && column[length - 1] != ' ')
        col_append_str(pinfo->cinfo, COL_INFO, " ");
    col_append_str(pinfo->cinfo, COL_INFO, text);
}

static void
append_segments(packet_info *pinfo, wmem_array_t *segments, unsigned from, unsigned to)
{
    if (from < to) {
        const struct segment *first = segment_at(segments, from), *last = segment_at(segments, to - 1);
        append(pinfo, wmem_strndup(pinfo->pool, first->text, (size_t)(last->text - first->text) + last->size));
    }
}

/* What uTP wrote before the first message stays before all. */
static void
take_marks(packet_info *pinfo, wmem_array_t *segments)
{
    struct segment *first = wmem_array_get_count(segments) > 0 ? (struct segment *)wmem_array_index(segments, 0)
                                                               : NULL;

    if (first == NULL || first->marked == 0)
        return;
    append(pinfo, wmem_strndup(pinfo->pool, first->text, first->marked));
    first->text += first->marked;
    first->size -= first->marked;
}

/* Whether a text may stand here: what the built-in dissector wrote after it must fit, too. */
static bool
has_room(const struct info_text *text, wmem_array_t *segments, unsigned next, packet_info *pinfo)
{
    size_t rest = next < wmem_array_get_count(segments) ? strlen(segment_at(segments, next)->text) : 0;

    return strlen(col_get_text(pinfo->cinfo, COL_INFO)) + 1 + strlen(text->text) + rest < COL_MAX_INFO_LEN;
}

static void
write_in_order(const struct info_places *places, wmem_array_t *segments, unsigned base, wmem_array_t *all,
               uint32_t payload_size, packet_info *pinfo)
{
    unsigned written = 0, next = 0;

    take_marks(pinfo, segments);
    for (const struct info_text *text = places->first; text != NULL; text = text->next) {
        bool replaces = false;

        /* What is about a message of other packets stays after the text before it. */
        if (text->ends > 0 && text->ends <= payload_size) {
            unsigned place = place_of(text, segments, base, all, &next, &replaces);
            append_segments(pinfo, segments, written, place);
            written = MAX(written, place);
        }
        if (replaces || has_room(text, segments, written, pinfo))
            append(pinfo, text->text);
        if (replaces)
            written++;
    }
    append_segments(pinfo, segments, written, wmem_array_get_count(segments));
}

void
info_places_end(struct info_places *places, tvbuff_t *payload, packet_info *pinfo)
{
    col_clear_fence(pinfo->cinfo, COL_INFO);
    col_clear(pinfo->cinfo, COL_INFO);
    if (places->first == NULL) {
        col_append_str(pinfo->cinfo, COL_INFO, places->builtin);
        col_set_fence(pinfo->cinfo, COL_INFO);
        return;
    }

    bool          has_tail;
    wmem_array_t *segments = split(places->builtin, pinfo->pool);
    wmem_array_t *all = find_begun(places, payload, &has_tail, pinfo->pool);
    unsigned      count = wmem_array_get_count(segments), shown = count, begun = wmem_array_get_count(all);
    bool          is_utp = count > 0 && is_utp_text(segment_at(segments, 0));

    if (shown > 0 && has_tail && segment_at(segments, shown - 1)->text[0] == '[')
        shown--; /* that the packet ends in a message */

    bool agrees = begun + is_utp <= shown && agree(segments, shown - begun, all, begun);

    if (!agrees && begun > 0 && begun_at(all, begun - 1)->at + PEER_PREFIX_SIZE == tvb_captured_length(payload)) {
        begun--; /* newer versions write nothing of a prefix alone */
        agrees = begun + is_utp <= shown && agree(segments, shown - begun, all, begun);
    }
    if (agrees)
        write_in_order(places, segments, shown - begun, all, tvb_captured_length(payload), pinfo);
    else
        write_in_order(places, segments, count, wmem_array_new(pinfo->pool, sizeof(struct begun)), UINT32_MAX, pinfo);
    if (has_tail) /* who shows a packet that is cut adds to the column */
        append(pinfo, "");
    col_set_fence(pinfo->cinfo, COL_INFO);
}
