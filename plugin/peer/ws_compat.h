/* ws_compat.h
 * What differs between the Wireshark versions that the plugin builds for: 4.0, 4.4 and 4.6. The only file that asks
 * for a version.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef WS_COMPAT_H
#define WS_COMPAT_H

#include <wireshark.h>
#include <ws_version.h>

#define WS_AT_LEAST(major, minor)                                                                                    \
    (WIRESHARK_VERSION_MAJOR > (major) || (WIRESHARK_VERSION_MAJOR == (major) && WIRESHARK_VERSION_MINOR >= (minor)))

#if WS_AT_LEAST(4, 4)
#include <wsutil/plugins.h>
typedef bool ws_bool;
#else
typedef gboolean ws_bool;
#define WS_PLUGIN_DESC_DISSECTOR (1UL << 0)
#endif

/* For users of <epan/stats_tree.h>: what separates the levels of a menu. */
#if WS_AT_LEAST(4, 4)
#define WS_STATS_TREE_SEPARATOR "//"
#else
#define WS_STATS_TREE_SEPARATOR "/"
#endif

/* For users of <epan/stat_tap_ui.h>: what a stat_tap_init_cb returns, and how it does. */
#if WS_AT_LEAST(4, 6)
#define WS_STAT_TAP_INIT_RESULT bool
#define WS_STAT_TAP_INIT_DONE   return true
#else
#define WS_STAT_TAP_INIT_RESULT void
#define WS_STAT_TAP_INIT_DONE   return
#endif

/* For users of <epan/conversation_filter.h>: its callbacks, the end of their parameters, how they are registered, and what
 * tests call them with. */
#if WS_AT_LEAST(4, 4)
#define WS_CONVERSATION_BOOL                     bool
#define WS_CONVERSATION_DATA                     , void *data _U_
#define WS_CONVERSATION_ARGUMENTS(pinfo, filter) pinfo, (filter)->user_data
#define WS_REGISTER_CONVERSATION_FILTER(proto, name, is_valid, build)                                                \
    register_conversation_filter(proto, name, is_valid, build, NULL)
#else
#define WS_CONVERSATION_BOOL gboolean
#define WS_CONVERSATION_DATA
#define WS_CONVERSATION_ARGUMENTS(pinfo, filter) pinfo
#define WS_REGISTER_CONVERSATION_FILTER(proto, name, is_valid, build)                                                \
    register_conversation_filter(proto, name, is_valid, build)
#endif

#endif
