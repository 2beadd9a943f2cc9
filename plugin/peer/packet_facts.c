/* packet_facts.c
 * What a packet says of itself, see packet_facts.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/packet_facts.h"

static int64_t  last_offset = -1; /* of the last packet in the file: no two packets share one */
static uint32_t last_number;

/* So that the difference of two fits into 63 bits as well. */
#define SECONDS_MAX (INT64_MAX / 2 / NS_PER_S - 1)

static G_GNUC_NO_INLINE int64_t
absurd_time_to_ns(const nstime_t *time)
{
    int64_t seconds = (int64_t)time->secs;

    return CLAMP(seconds, -SECONDS_MAX, SECONDS_MAX) * NS_PER_S + CLAMP(time->nsecs, 0, (int)NS_PER_S - 1);
}

int64_t
time_to_ns(const nstime_t *time)
{
    if ((uint64_t)time->secs <= (uint64_t)SECONDS_MAX && (uint64_t)time->nsecs < (uint64_t)NS_PER_S)
        return (int64_t)time->secs * NS_PER_S + time->nsecs;
    return absurd_time_to_ns(time);
}

int64_t
packet_time(const packet_info *pinfo)
{
    return time_to_ns(&pinfo->abs_ts);
}

uint32_t
packet_number(const packet_info *pinfo)
{
    if (pinfo->fd->file_off != last_offset) {
        last_offset = pinfo->fd->file_off;
        last_number++;
    }
    return last_number;
}

static void
begin_capture(void)
{
    last_offset = -1;
}

void
proto_reg_handoff_packet_facts(void)
{
    register_init_routine(begin_capture);
}
