/* peer_ports.c
 * Takes over the ports of a built-in dissector, see peer_ports.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "peer/peer_ports.h"

/* A port that leads to a handle. */
struct found_port {
    uint32_t number;
    bool     by_user; /* the user led it there; Wireshark itself leads it elsewhere, or nowhere */
};

struct port_search {
    dissector_handle_t handle;
    GArray            *ports; /* struct found_port */
};

static void
find_port(const char *table _U_, ftenum_t type _U_, void *port, void *entry, void *data)
{
    struct port_search *search = (struct port_search *)data;
    dtbl_entry_t       *found = (dtbl_entry_t *)entry;

    if (dtbl_entry_get_handle(found) == search->handle) {
        struct found_port one = { GPOINTER_TO_UINT(port), dtbl_entry_get_initial_handle(found) != search->handle };
        g_array_append_val(search->ports, one);
    }
}

void
peer_ports_adopt(const char *table, dissector_handle_t wrapped, dissector_handle_t ours, bool enabled)
{
    dissector_handle_t to = enabled ? ours : wrapped;
    struct port_search search = { enabled ? wrapped : ours, g_array_new(FALSE, FALSE, sizeof(struct found_port)) };

    dissector_table_foreach(table, find_port, &search);
    for (unsigned i = 0; i < search.ports->len; i++) {
        const struct found_port *port = &g_array_index(search.ports, struct found_port, i);
        if (port->by_user) {
            dissector_change_uint(table, port->number, to);
        } else {
            dissector_delete_uint(table, port->number, search.handle);
            dissector_add_uint(table, port->number, to);
        }
    }
    g_array_free(search.ports, TRUE);
}
