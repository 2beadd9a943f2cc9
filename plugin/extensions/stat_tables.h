/* stat_tables.h
 * Tables made from the tap bt.donthave: -z bt.donthave,list, -z bt.donthave,requests and -z bt.donthave,summary in
 * tshark, and the same in Wireshark under Statistics > BitTorrent.
 *
 * What happened is folded into rows, one fact after the other. tshark reads the capture once, so it keeps all facts and
 * folds them at the end, when also the future of each is known. A window is opened on a capture that was read, where
 * all is known at once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef STAT_TABLES_H
#define STAT_TABLES_H

#include "peer/ws_compat.h"

#include <epan/stat_tap_ui.h>

#include "extensions/tap_donthave.h"

/* One item of the tap, for as long as the capture is open. The names of the ends live as long as the program. */
struct donthave_fact {
    enum donthave_tap_event       event;
    enum peer_side                from;
    bool                          chosen; /* its packet passes the user's display filter */
    uint32_t                      frame;
    double                        time; /* s since the first packet */
    const struct peer_connection *connection;
    const char                   *sender;
    const char                   *receiver;
    const struct note_detail     *detail;
    const struct finding *const  *findings;
    uint8_t                       extended_id;
};

/* What a row is about. Unused members are 0. */
struct row_key {
    const struct peer_connection *connection;
    enum peer_side                from;
    uint32_t                      piece;
    uint32_t                      begin;
};

/* The rows of one table. */
struct stat_rows {
    stat_tap_table *table;
    GArray         *meta;  /* struct row_meta, one for each row */
    GHashTable     *known; /* struct row_key -> number of a row + 1 */
    void           *more;  /* what the table keeps besides, freed by its free() */
};

struct row_meta {
    bool     chosen; /* the user's display filter wants it */
    uint64_t rank;   /* the higher ones are printed first */
};

/* A table. Its cells have the types of its columns; a number that may be absent is a string, see cell_optional(). */
struct donthave_table {
    const char          *name; /* in -z bt.donthave,NAME */
    const char          *title;
    stat_tap_table_item *columns;
    unsigned             column_count;
    bool                 only_chosen; /* facts that the display filter does not choose are not folded */
    /* By enum donthave_tap_event: takes one fact; NULL: there is nothing in it for this table. */
    void (*fold[DONTHAVE_TAP_EVENT_COUNT])(struct stat_rows *rows, const struct donthave_fact *fact);
    /* Writes what fold left for later into the cells; NULL: nothing. */
    void (*settle)(struct stat_rows *rows);
    void (*free)(void *more); /* NULL: g_free() */
};

extern const struct donthave_table donthave_list_table;
extern const struct donthave_table donthave_requests_table;
extern const struct donthave_table donthave_summary_table;

/* A new row, all cells empty. Returns its number. */
unsigned stat_rows_add(struct stat_rows *rows, const struct donthave_table *table, bool chosen);

/* The row that a key was remembered for. False: there is none. */
bool stat_rows_find(const struct stat_rows *rows, const struct row_key *key, unsigned *row);
void stat_rows_remember(struct stat_rows *rows, const struct row_key *key, unsigned row);

/* Cells. The type must be that of the column. */
void cell_text(struct stat_rows *rows, unsigned row, unsigned column, const char *text);
void cell_count(struct stat_rows *rows, unsigned row, unsigned column, uint32_t count);
void cell_seconds(struct stat_rows *rows, unsigned row, unsigned column, double seconds);
/* Numbers in columns of text: absent where has is false. Of one width, so that a window sorts them as numbers. */
void cell_optional(struct stat_rows *rows, unsigned row, unsigned column, bool has, uint64_t number);

uint32_t cell_get_count(const struct stat_rows *rows, unsigned row, unsigned column);

/* Registers the tables, in tshark as -z options, elsewhere as tables of the program. */
void donthave_tables_register(void);

#endif
