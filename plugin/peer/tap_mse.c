/* tap_mse.c
 * The statistics of encrypted connections, see tap_mse.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/tap_mse.h"

#include "peer/ws_compat.h"

#include <stdio.h>

#include <epan/packet.h>
#include <epan/stat_tap_ui.h>
#include <epan/tap.h>

#include "peer/mse_keys.h"

#define STATISTICS "bt.mse,unreadable"

static const char *const carriers[MSE_CARRIER_COUNT] = { [MSE_OVER_TCP] = "tcp", [MSE_OVER_UTP] = "utp" };

static void
print(void *data _U_)
{
    for (unsigned carrier = 0; carrier < MSE_CARRIER_COUNT; carrier++)
        printf("unreadable\t%s\t%u\n", carriers[carrier],
               mse_feeds_unreadable(mse_connections(), (enum mse_carrier)carrier));
}

static WS_STAT_TAP_INIT_RESULT
begin(const char *option _U_, void *data _U_)
{
    static int listener; /* only its address counts */
    GString   *error = register_tap_listener("frame", &listener, NULL, TL_REQUIRES_NOTHING, NULL, NULL, print, NULL);

    if (error != NULL) {
        fprintf(stderr, "%s: %s\n", STATISTICS, error->str);
        g_string_free(error, TRUE);
    }
    mse_count_unreadable();
    WS_STAT_TAP_INIT_DONE;
}

void
register_tap_listener_mse(void)
{
    static stat_tap_ui ui = { .group = REGISTER_PACKET_STAT_GROUP_UNSORTED,
                              .title = "Encrypted connections that could not be read",
                              .cli_string = STATISTICS,
                              .tap_init_cb = begin };

    register_stat_tap_ui(&ui, NULL);
}
