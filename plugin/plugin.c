/* plugin.c
 * The symbols that Wireshark looks for in a plugin, and what starts with it: the only file that names all rooms.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/ws_compat.h"

#include <epan/packet.h>
#include <epan/proto.h>

#include "extensions/packet-lt_donthave.h"
#include "extensions/stat_tables.h"
#include "extensions/stat_tree.h"
#include "peer/packet-bt-mse.h"
#include "peer/packet-bt-peer.h"
#include "peer/peer_filter.h"
#include "peer/tap_mse.h"
#include "transport/transport_tcp.h"
#include "transport/transport_utp.h"
#include "transport/transport_webrtc.h"

WS_DLL_PUBLIC const char plugin_version[];
WS_DLL_PUBLIC const int  plugin_want_major;
WS_DLL_PUBLIC const int  plugin_want_minor;
WS_DLL_PUBLIC void       plugin_register(void);
WS_DLL_PUBLIC uint32_t   plugin_describe(void);

const char plugin_version[] = PLUGIN_VERSION;
const int  plugin_want_major = WIRESHARK_VERSION_MAJOR;
const int  plugin_want_minor = WIRESHARK_VERSION_MINOR;

static void
register_protocols(void)
{
    proto_register_bt_peer();
    proto_register_bt_mse();
    proto_register_lt_donthave();
    peer_filter_register();
    donthave_tables_register();
}

static void
register_handoffs(void)
{
    proto_reg_handoff_bt_peer();
    proto_reg_handoff_bt_mse();
    proto_reg_handoff_lt_donthave();
    proto_reg_handoff_bt_peer_tcp();
    proto_reg_handoff_bt_peer_utp();
    proto_reg_handoff_bt_peer_webrtc();
}

void
plugin_register(void)
{
    static proto_plugin plugin;

    plugin.register_protoinfo = register_protocols;
    plugin.register_handoff = register_handoffs;
    proto_register_plugin(&plugin);
    donthave_tree_register();
    register_tap_listener_mse();
}

uint32_t
plugin_describe(void)
{
    return WS_PLUGIN_DESC_DISSECTOR;
}
