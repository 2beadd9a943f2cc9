/* utp_stream.c
 * uTP packets in order, see utp_stream.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "core/utp_stream.h"

#include <string.h>

#include "core/big_endian.h"

#define UTP_VERSION 1

/* A packet that came before its turn. */
struct utp_waiting {
    struct utp_packet packet; /* its payload points to what follows this struct */
};

/* Numbers are 16 bits wide. The first one of a stream is widened to this much more, so that those just before it are
 * above 0 too. */
#define WIDE_BASE 0x10000U

bool
utp_header_read(const uint8_t *data, uint32_t captured, struct utp_header *header)
{
    if (captured < UTP_HEADER_SIZE || (data[0] & 0x0f) != UTP_VERSION || data[0] >> 4 >= UTP_TYPE_COUNT)
        return false;

    header->type = (enum utp_type)(data[0] >> 4);
    header->extension = data[1];
    header->connection_id = get_be16(data + 2);
    header->timestamp = get_be32(data + 4);
    header->seq_nr = get_be16(data + 16);
    header->ack_nr = get_be16(data + 18);

    uint8_t  extension = header->extension;
    uint32_t offset = UTP_HEADER_SIZE;

    /* "The extension field is the type of the first extension in a linked list", 0 ends it. */
    while (extension != 0) {
        if (offset + 2 > captured)
            return false;
        extension = data[offset];
        offset += 2U + data[offset + 1];
    }
    header->size = offset;
    return offset <= captured;
}

/* The number with these 16 low bits that is nearest to near. */
static uint64_t
widen(uint64_t near, uint16_t number)
{
    return near + (uint64_t)(int64_t)(int16_t)(uint16_t)(number - (uint16_t)near);
}

static struct utp_waiting **
slot_of(struct utp_window *window, uint64_t seq)
{
    return &window->waiting[seq % UTP_WINDOW_PACKETS];
}

/* Takes a packet out of the waiting ones. */
static struct utp_waiting *
unlink_waiting(struct utp_window *window, struct utp_waiting **slot)
{
    struct utp_waiting *waiting = *slot;

    *slot = NULL;
    window->count--;
    window->bytes -= waiting->packet.captured;
    return waiting;
}

static void
free_waiting(struct utp_window *window, wmem_allocator_t *scope)
{
    for (uint32_t i = 0; window->count > 0; i++) {
        if (window->waiting[i] != NULL)
            wmem_free(scope, unlink_waiting(window, &window->waiting[i]));
    }
}

void
utp_stream_free(struct utp_stream *stream, wmem_allocator_t *scope)
{
    struct utp_window *window = utp_stream_waits(stream);

    if (window != NULL) {
        free_waiting(window, scope);
        wmem_free(scope, window->lent);
        wmem_free(scope, window);
    }
    wmem_free(scope, stream->disorder);
    memset(stream, 0, sizeof *stream);
}

/* From now on not every packet comes in its turn. */
static struct utp_disorder *
get_disorder(struct utp_stream *stream, wmem_allocator_t *scope)
{
    if (stream->disorder == NULL) {
        stream->disorder = wmem_new0(scope, struct utp_disorder);
        stream->disorder->last = stream->next - 1;
    }
    return stream->disorder;
}

/* The packet of that number is the first one. */
static void
start(struct utp_stream *stream, wmem_allocator_t *scope, uint16_t seq_nr)
{
    if (stream->disorder != NULL) {
        if (stream->disorder->window != NULL)
            free_waiting(stream->disorder->window, scope);
        stream->disorder->release = 0;
    }
    stream->started = true;
    stream->from_state = stream->state_counts = false;
    stream->next = WIDE_BASE + seq_nr;
    stream->lost = 0;
}

/* The first packet that the other side sends after an ST_STATE acknowledges the number before the one of that ST_STATE
 * (libutp, libtorrent), or that number itself, though no packet has it. */
static void
take_first_ack(struct utp_stream *stream, uint64_t ack)
{
    stream->state_counts = stream->from_state && !stream->handed && utp_stream_waiting(stream) == 0
                           && ack >= stream->next;
}

/* One more packet of either side, which may not be the one that is missing although the receiver has it. */
static void
count_patience(struct utp_stream *stream)
{
    stream->waited_for = stream->next < stream->lost ? stream->waited_for + 1 : 0;
}

bool
utp_stream_acknowledge(struct utp_stream *stream, uint16_t ack_nr, uint64_t *ack)
{
    stream->ack_seen = true;
    if (!stream->started)
        return false;
    count_patience(stream);
    *ack = widen(stream->next, ack_nr);
    if (*ack < stream->lost)
        return true;
    if (stream->lost == 0)
        take_first_ack(stream, *ack);
    stream->lost = *ack + 1;
    return true;
}

void
utp_stream_flush(struct utp_stream *stream)
{
    stream->lost = stream->next + UTP_WINDOW_PACKETS;
    stream->patient = false;
}

/* Copies a packet, which waits for those before it. */
static void
wait_for_turn(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet *packet)
{
    struct utp_disorder *disorder = get_disorder(stream, scope);

    if (disorder->window == NULL)
        disorder->window = wmem_new0(scope, struct utp_window);

    struct utp_waiting **slot = slot_of(disorder->window, packet->seq);
    if (*slot == NULL) { /* else it is a duplicate */
        struct utp_waiting *waiting = (struct utp_waiting *)wmem_alloc(scope, sizeof *waiting + packet->captured);
        uint8_t            *payload = (uint8_t *)(waiting + 1);
        waiting->packet = *packet;
        waiting->packet.payload = payload;
        if (packet->captured > 0)
            memcpy(payload, packet->payload, packet->captured);
        *slot = waiting;
        disorder->window->count++;
        disorder->window->bytes += packet->captured;
    }
}

/* Notes whether the packet of a number was stepped over. */
static void
set_stepped_over(struct utp_disorder *disorder, uint64_t seq, bool stepped_over)
{
    uint64_t bit = UINT64_C(1) << seq % 64;

    if (stepped_over)
        disorder->stepped_over[seq % UTP_WINDOW_PACKETS / 64] |= bit;
    else
        disorder->stepped_over[seq % UTP_WINDOW_PACKETS / 64] &= ~bit;
}

static bool
was_stepped_over(const struct utp_stream *stream, uint64_t seq)
{
    return stream->handed && stream->disorder != NULL
           && (stream->disorder->stepped_over[seq % UTP_WINDOW_PACKETS / 64] >> seq % 64 & 1) != 0;
}

/* A packet that was stepped over comes before any bytes after it were handed over: the stream goes back to it, and packets
 * without bytes that were taken since wait for their turn again. False where what waits is too far ahead for that. */
static bool
go_back(struct utp_stream *stream, wmem_allocator_t *scope, uint64_t seq)
{
    struct utp_disorder *disorder = stream->disorder;

    for (uint64_t number = seq; utp_stream_waiting(stream) > 0 && number < stream->next; number++) {
        if (*slot_of(disorder->window, number) != NULL)
            return false;
    }
    for (uint64_t number = seq; number < stream->next; number++) {
        if (was_stepped_over(stream, number)) {
            disorder->missing--;
            set_stepped_over(disorder, number, false);
        } else {
            wait_for_turn(stream, scope, &(struct utp_packet){ .seq = number });
        }
    }
    if (disorder->missing == 0)
        disorder->gap = UTP_GAP_NONE;
    stream->next = seq;
    return true;
}

/* Too much waits for what is missing before a packet. */
static void
release_before(struct utp_disorder *disorder, uint64_t seq)
{
    disorder->release = MAX(disorder->release, seq);
}

/* Where nothing was handed over yet, the first packet can still be found to be another one. */
static void
find_start(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet *packet)
{
    uint16_t seq_nr = packet->header.seq_nr;
    uint16_t next = (uint16_t)stream->next;

    switch (packet->header.type) {
    case UTP_SYN: /* BEP 29: the first packet after it has the next number */
        seq_nr++;
        if (!stream->started || seq_nr != next)
            start(stream, scope, seq_nr);
        break;
    case UTP_STATE: /* its number is that of the packet that its sender sends next; it takes none itself */
        if (!stream->started) {
            start(stream, scope, seq_nr);
            stream->from_state = true;
        }
        break;
    case UTP_DATA:
    case UTP_FIN:
        if (!stream->started || (packet->begins && seq_nr != next))
            start(stream, scope, seq_nr);
        break;
    default: /* the numbers of ST_RESET mean nothing */
        break;
    }
}

/* A packet is too far from where the stream is: whether the stream goes on there all the same, with *seq. */
static bool
goes_on_at(struct utp_stream *stream, uint64_t *seq)
{
    bool ahead = *seq > stream->next;

    /* The receiver is there as well. */
    if (ahead && stream->lost > stream->next && *seq <= stream->lost + UTP_WINDOW_PACKETS)
        return true;
    if (++stream->strays < UTP_STRAYS_MAX)
        return false;
    if (!ahead) /* so much is missing that the numbers have wrapped */
        *seq += (uint64_t)UINT16_MAX + 1;
    return true;
}

uint32_t
utp_stream_window(const struct utp_stream *stream)
{
    return stream->ack_seen ? UTP_WINDOW_PACKETS : UTP_WINDOW_BLIND;
}

const struct utp_packet *
utp_stream_add(struct utp_stream *stream, wmem_allocator_t *scope, struct utp_packet *packet)
{
    uint64_t seq;

    count_patience(stream);
    if (!stream->handed)
        find_start(stream, scope, packet);
    if (packet->header.type != UTP_DATA && packet->header.type != UTP_FIN)
        return NULL;

    seq = widen(stream->next, packet->header.seq_nr);
    if (seq + UTP_WINDOW_PACKETS <= stream->next || seq >= stream->next + 2 * UTP_WINDOW_PACKETS) {
        if (!goes_on_at(stream, &seq))
            return NULL;
        stream->lost = MAX(stream->lost, seq);
    }
    if (seq < stream->next && !was_stepped_over(stream, seq)) /* sent again */
        return NULL;
    packet->seq = seq;
    if (seq < stream->next && seq < stream->disorder->last)
        return packet;
    if (seq < stream->next && !go_back(stream, scope, seq))
        return NULL;

    uint32_t window = utp_stream_window(stream);
    if (seq - stream->next >= window)
        release_before(get_disorder(stream, scope), seq - window + 1);
    else if (utp_stream_waiting_bytes(stream) + packet->captured > UTP_WINDOW_BYTES)
        release_before(get_disorder(stream, scope), seq);
    stream->strays = 0;
    return packet;
}

/* Steps over the missing packet next, or over several where nothing waits before the current one. False where it may still
 * come. */
static bool
skip(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet *current)
{
    bool is_lost = stream->next < stream->lost;
    bool waits = stream->patient && stream->waited_for < UTP_PATIENCE && (stream->handed || !stream->state_counts);
    uint64_t release = stream->disorder != NULL ? stream->disorder->release : 0;
    uint64_t limit = is_lost && !waits ? stream->lost : release;

    if (stream->next >= limit)
        return false;

    struct utp_disorder *disorder = get_disorder(stream, scope);
    disorder->gap = MAX(disorder->gap, is_lost ? UTP_GAP_LOST : UTP_GAP_LIMIT);
    uint64_t to = utp_stream_waiting(stream) > 0 ? stream->next + 1 : MIN(limit, current->seq);
    disorder->missing += to - stream->next;
    for (uint64_t seq = MAX(stream->next, to - MIN(to, UTP_WINDOW_PACKETS)); seq < to; seq++)
        set_stepped_over(disorder, seq, true);
    stream->next = to;
    return true;
}

/* Takes the packet whose turn it is. */
static bool
take(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet **current, struct utp_packet *packet)
{
    while (utp_stream_waiting(stream) > 0 || *current != NULL) {
        struct utp_window   *window = utp_stream_waits(stream);
        struct utp_waiting **slot = window != NULL ? slot_of(window, stream->next) : NULL;
        struct utp_waiting  *waiting = slot != NULL && *slot != NULL ? unlink_waiting(window, slot) : NULL;

        if (*current != NULL && (*current)->seq == stream->next) { /* sent again, where it waited as well */
            wmem_free(scope, waiting);
            *packet = **current;
            *current = NULL;
            return true;
        }
        if (waiting != NULL) {
            window->lent = waiting;
            *packet = waiting->packet;
            return true;
        }
        if (!skip(stream, scope, *current)) {
            if (*current == NULL)
                return false;
            wait_for_turn(stream, scope, *current);
            *current = NULL;
        }
    }
    return false;
}

static void
fill_chunk(struct utp_chunk *chunk, const struct utp_packet *packet)
{
    chunk->data = packet->payload;
    chunk->captured = packet->captured;
    chunk->reported = packet->reported;
    chunk->frame = packet->frame;
    chunk->time = packet->time;
    chunk->has_ack = packet->has_ack;
    chunk->ack = packet->ack;
}

/* The current packet, where it was stepped over. */
static bool
take_late(struct utp_stream *stream, const struct utp_packet **current, struct utp_chunk *chunk)
{
    if (*current == NULL || (*current)->seq >= stream->next)
        return false;
    memset(chunk, 0, sizeof *chunk);
    chunk->late = true;
    chunk->seq = (*current)->seq;
    fill_chunk(chunk, *current);
    set_stepped_over(stream->disorder, chunk->seq, false);
    *current = NULL;
    return chunk->reported > 0;
}

/* The last chunk is not needed any more. */
static void
give_back_lent(struct utp_stream *stream, wmem_allocator_t *scope)
{
    struct utp_window *window = utp_stream_waits(stream);

    if (window == NULL)
        return;
    wmem_free(scope, window->lent);
    window->lent = NULL;
}

/* Nothing was delivered before this packet. */
static void
hand_first(struct utp_stream *stream)
{
    struct utp_disorder *disorder = stream->disorder;

    stream->first_seq_nr = (uint16_t)stream->next;
    stream->handed = true;
    if (disorder == NULL)
        return;
    if (stream->state_counts) { /* that was the number of the ST_STATE */
        disorder->missing = 0;
        memset(disorder->stepped_over, 0, sizeof disorder->stepped_over);
    }
    disorder->gap = disorder->missing > 0 ? UTP_GAP_FIRST : UTP_GAP_NONE;
}

/* The packet next was taken. */
static void
hand_over(struct utp_stream *stream, bool has_bytes)
{
    if (!stream->handed)
        hand_first(stream);
    if (stream->disorder != NULL) {
        set_stepped_over(stream->disorder, stream->next, false);
        if (has_bytes)
            stream->disorder->last = stream->next;
    }
    stream->next++;
}

/* What is missing before the chunk. */
static void
take_gap(struct utp_stream *stream, struct utp_chunk *chunk)
{
    struct utp_disorder *disorder = stream->disorder;

    chunk->gap = UTP_GAP_NONE;
    chunk->missing = 0;
    chunk->waited = false;
    if (disorder == NULL)
        return;
    chunk->gap = disorder->gap;
    chunk->missing = disorder->missing;
    chunk->waited = disorder->window != NULL && disorder->window->lent != NULL;
    disorder->gap = UTP_GAP_NONE;
    disorder->missing = 0;
    if (utp_chunk_has_gap(chunk))
        stream->position += UTP_GAP_SIZE;
}

bool
utp_stream_next(struct utp_stream *stream, wmem_allocator_t *scope, const struct utp_packet **current,
                struct utp_chunk *chunk)
{
    struct utp_packet packet;

    if (take_late(stream, current, chunk))
        return true;

    do {
        give_back_lent(stream, scope);
        if (!take(stream, scope, current, &packet))
            return false;
        chunk->seq = stream->next;
        hand_over(stream, packet.reported > 0);
    } while (packet.reported == 0); /* ST_FIN takes a number, but has no bytes */

    take_gap(stream, chunk);
    chunk->position = stream->position;
    chunk->late = false;
    fill_chunk(chunk, &packet);
    stream->position += packet.reported;
    return true;
}
