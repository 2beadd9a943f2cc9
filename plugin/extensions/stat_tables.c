/* stat_tables.c
 * The rows of tables of bt.donthave, and how tshark and Wireshark get at them, see stat_tables.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "extensions/stat_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <epan/tap.h>

/* Digits of a number of bytes. */
#define NUMBER_WIDTH 12

/* --- rows and cells --- */

static unsigned
hash_key(const void *data)
{
    const struct row_key *key = (const struct row_key *)data;

    return g_direct_hash(key->connection) ^ (key->piece * 2654435761U) ^ (key->begin * 40503U) ^ (unsigned)key->from;
}

static gboolean
same_key(const void *a, const void *b)
{
    const struct row_key *one = (const struct row_key *)a, *other = (const struct row_key *)b;

    return one->connection == other->connection && one->from == other->from && one->piece == other->piece
           && one->begin == other->begin;
}

static void
rows_init(struct stat_rows *rows, stat_tap_table *table)
{
    rows->table = table;
    rows->meta = g_array_new(FALSE, TRUE, sizeof(struct row_meta));
    rows->known = g_hash_table_new_full(hash_key, same_key, g_free, NULL);
    rows->more = NULL;
}

static void
rows_free(struct stat_rows *rows, const struct donthave_table *table)
{
    if (rows->table == NULL)
        return;
    g_array_free(rows->meta, TRUE);
    g_hash_table_destroy(rows->known);
    (table->free != NULL ? table->free : g_free)(rows->more);
    memset(rows, 0, sizeof *rows);
}

unsigned
stat_rows_add(struct stat_rows *rows, const struct donthave_table *table, bool chosen)
{
    unsigned                  row = rows->table->num_elements;
    stat_tap_table_item_type *cells = g_new0(stat_tap_table_item_type, table->column_count);
    struct row_meta           meta = { chosen, 0 };

    for (unsigned i = 0; i < table->column_count; i++) {
        cells[i].type = table->columns[i].type;
        if (cells[i].type == TABLE_ITEM_STRING)
            cells[i].value.string_value = g_strdup("");
    }
    stat_tap_init_table_row(rows->table, row, table->column_count, cells);
    g_free(cells);
    g_array_append_val(rows->meta, meta);
    return row;
}

bool
stat_rows_find(const struct stat_rows *rows, const struct row_key *key, unsigned *row)
{
    void *number = g_hash_table_lookup(rows->known, key);

    *row = GPOINTER_TO_UINT(number) - 1;
    return number != NULL;
}

void
stat_rows_remember(struct stat_rows *rows, const struct row_key *key, unsigned row)
{
    struct row_key *copy = g_new(struct row_key, 1);

    *copy = *key;
    g_hash_table_insert(rows->known, copy, GUINT_TO_POINTER(row + 1));
}

static stat_tap_table_item_type *
cell_of(const struct stat_rows *rows, unsigned row, unsigned column, stat_tap_table_item_enum type)
{
    stat_tap_table_item_type *cell = stat_tap_get_field_data(rows->table, row, column);

    ws_assert(cell->type == type);
    return cell;
}

static void
set_string(const struct stat_rows *rows, unsigned row, unsigned column, char *text)
{
    stat_tap_table_item_type *cell = cell_of(rows, row, column, TABLE_ITEM_STRING);

    g_free((char *)(uintptr_t)cell->value.string_value);
    cell->value.string_value = text;
}

void
cell_text(struct stat_rows *rows, unsigned row, unsigned column, const char *text)
{
    set_string(rows, row, column, g_strdup(text));
}

void
cell_count(struct stat_rows *rows, unsigned row, unsigned column, uint32_t count)
{
    cell_of(rows, row, column, TABLE_ITEM_UINT)->value.uint_value = count;
}

void
cell_seconds(struct stat_rows *rows, unsigned row, unsigned column, double seconds)
{
    cell_of(rows, row, column, TABLE_ITEM_FLOAT)->value.float_value = seconds;
}

void
cell_optional(struct stat_rows *rows, unsigned row, unsigned column, bool has, uint64_t number)
{
    set_string(rows, row, column, has ? g_strdup_printf("%*" G_GUINT64_FORMAT, NUMBER_WIDTH, number) : g_strdup(""));
}

uint32_t
cell_get_count(const struct stat_rows *rows, unsigned row, unsigned column)
{
    return cell_of(rows, row, column, TABLE_ITEM_UINT)->value.uint_value;
}

static void
free_cell(stat_tap_table *table _U_, unsigned row _U_, unsigned column _U_, stat_tap_table_item_type *cell)
{
    if (cell->type == TABLE_ITEM_STRING)
        g_free((char *)(uintptr_t)cell->value.string_value);
    memset(cell, 0, sizeof *cell);
}

/* Leaves a table without rows. */
static void
clear_table(stat_tap_table *table)
{
    for (unsigned row = 0; row < table->num_elements; row++) {
        for (unsigned column = 0; column < table->num_fields; column++)
            free_cell(table, row, column, &table->elements[row][column]);
        g_free(table->elements[row]);
    }
    g_free(table->elements);
    table->elements = NULL;
    table->num_elements = 0;
}

/* --- facts --- */

static struct donthave_fact
fact_of(const packet_info *pinfo, const struct donthave_tap_item *item)
{
    struct donthave_fact fact = {
        .event = item->event,
        .from = item->ends->from,
        .chosen = true,
        .frame = pinfo->num,
        .time = nstime_to_sec(&pinfo->rel_ts),
        .connection = item->ends->connection,
        .sender = g_intern_string(item->ends->sender),
        .receiver = g_intern_string(item->ends->receiver),
        .detail = item->detail,
        .findings = item->findings,
        .extended_id = item->extended_id,
    };

    return fact;
}

/* --- tshark: all facts first, rows at the end --- */

/* One -z option of the command line. It lives as long as the program. */
struct printed_table {
    const struct donthave_table *table;
    char                        *filter; /* NULL: none */
    GArray                      *facts;  /* struct donthave_fact */
    GHashTable                  *chosen; /* with filter: numbers of frames that pass it */
    struct stat_rows             rows;
};

static GSList *printed_tables;

static void
reset_printed(void *data)
{
    struct printed_table *printed = (struct printed_table *)data;

    g_array_set_size(printed->facts, 0);
    g_hash_table_remove_all(printed->chosen);
    clear_table(printed->rows.table);
    stat_tap_table *table = printed->rows.table;
    rows_free(&printed->rows, printed->table);
    rows_init(&printed->rows, table);
}

static tap_packet_status
keep_facts(void *data, packet_info *pinfo, epan_dissect_t *edt _U_, const void *tapped, tap_flags_t flags _U_)
{
    struct printed_table            *printed = (struct printed_table *)data;
    const struct donthave_tap_frame *frame = (const struct donthave_tap_frame *)tapped;

    for (const struct donthave_tap_item *item = frame->first; item != NULL; item = item->next) {
        struct donthave_fact fact = fact_of(pinfo, item);
        g_array_append_val(printed->facts, fact);
    }
    return TAP_PACKET_DONT_REDRAW;
}

/* Of the listener with the filter: what is told of a packet that does not pass it belongs to the others all the same, as
 * when a request was rejected. */
static tap_packet_status
choose_frame(void *data, packet_info *pinfo, epan_dissect_t *edt _U_, const void *tapped _U_, tap_flags_t flags _U_)
{
    g_hash_table_add(((struct printed_table *)data)->chosen, GUINT_TO_POINTER(pinfo->num));
    return TAP_PACKET_DONT_REDRAW;
}

static void
fold(const struct donthave_table *table, struct stat_rows *rows, const struct donthave_fact *fact)
{
    if (table->fold[fact->event] != NULL && (fact->chosen || !table->only_chosen))
        table->fold[fact->event](rows, fact);
}

/* The facts become rows; for this they need the capture. */
static void
fold_facts(struct printed_table *printed)
{
    for (unsigned i = 0; i < printed->facts->len; i++) {
        struct donthave_fact *fact = &g_array_index(printed->facts, struct donthave_fact, i);
        fact->chosen = printed->filter == NULL
                       || g_hash_table_contains(printed->chosen, GUINT_TO_POINTER(fact->frame));
        fold(printed->table, &printed->rows, fact);
    }
    g_array_set_size(printed->facts, 0);
    if (printed->table->settle != NULL)
        printed->table->settle(&printed->rows);
}

/* The capture is closed. */
static void
fold_all(void)
{
    for (GSList *link = printed_tables; link != NULL; link = link->next)
        fold_facts((struct printed_table *)link->data);
}

static char *
cell_to_str(const stat_tap_table_item_type *cell)
{
    switch (cell->type) {
    case TABLE_ITEM_UINT:
        return g_strdup_printf("%u", cell->value.uint_value);
    case TABLE_ITEM_FLOAT:
        return g_strdup_printf("%.6f", cell->value.float_value);
    default:
        return g_strdup(cell->value.string_value[0] != '\0' ? g_strchug((char *)(uintptr_t)cell->value.string_value)
                                                            : "-");
    }
}

static int
by_rank(const void *a, const void *b, void *data)
{
    const GArray *meta = (const GArray *)data;
    unsigned      one = *(const unsigned *)a, other = *(const unsigned *)b;
    uint64_t      rank_one = g_array_index(meta, struct row_meta, one).rank;
    uint64_t      rank_other = g_array_index(meta, struct row_meta, other).rank;

    return rank_one != rank_other ? (rank_one > rank_other ? -1 : 1) : (one > other) - (one < other);
}

/* The numbers of the rows to print, in their order. */
static GArray *
rows_to_print(const struct stat_rows *rows)
{
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(unsigned));

    for (unsigned row = 0; row < rows->meta->len; row++) {
        if (g_array_index(rows->meta, struct row_meta, row).chosen)
            g_array_append_val(numbers, row);
    }
    g_array_sort_with_data(numbers, by_rank, rows->meta);
    return numbers;
}

static void
print_line(char **texts, const int *widths, const struct donthave_table *table)
{
    for (unsigned column = 0; column < table->column_count; column++) {
        bool right = table->columns[column].align == TAP_ALIGN_RIGHT, last = column + 1 == table->column_count;
        printf("%*s%s", right ? widths[column] : last ? 0 : -widths[column], texts[column], last ? "\n" : "  ");
    }
}

/* Columns are two blanks apart, and what is absent is "-", so that programs can read it. */
static void
draw_printed(void *data)
{
    struct printed_table        *printed = (struct printed_table *)data;
    const struct donthave_table *table = printed->table;

    fold_facts(printed);

    GArray *numbers = rows_to_print(&printed->rows);
    size_t  count = (size_t)(numbers->len + 1) * table->column_count;
    char  **texts = g_new(char *, count);
    int    *widths = g_new0(int, table->column_count);
    for (unsigned column = 0; column < table->column_count; column++) {
        for (unsigned line = 0; line <= numbers->len; line++) {
            char *text = line == 0 ? g_strdup(table->columns[column].column_name)
                                   : cell_to_str(stat_tap_get_field_data(
                                       printed->rows.table, g_array_index(numbers, unsigned, line - 1), column));
            texts[(size_t)line * table->column_count + column] = text;
            widths[column] = MAX(widths[column], (int)strlen(text));
        }
    }
    printf("\n===================================================================\n%s\nFilter: %s\n", table->title,
           printed->filter != NULL ? printed->filter : "<No Filter>");
    for (unsigned line = 0; line <= numbers->len; line++)
        print_line(texts + (size_t)line * table->column_count, widths, table);
    printf("===================================================================\n");
    for (size_t i = 0; i < count; i++)
        g_free(texts[i]);
    g_free(texts);
    g_free(widths);
    g_array_free(numbers, TRUE);
}

static void
listen_or_exit(struct printed_table *printed, const char *filter, tap_reset_cb reset, tap_packet_cb packet,
               tap_draw_cb draw)
{
    GString *error = register_tap_listener(BT_DONTHAVE_TAP, printed, filter, 0, reset, packet, draw, NULL);

    if (error == NULL)
        return;
    fprintf(stderr, "tshark: -z bt.donthave,%s: %s\n", printed->table->name, error->str);
    g_string_free(error, TRUE);
    exit(1);
}

/* -z bt.donthave,NAME[,FILTER] */
static WS_STAT_TAP_INIT_RESULT
begin_printed(const char *argument, void *data)
{
    const struct donthave_table *table = (const struct donthave_table *)data;
    struct printed_table        *printed = g_new0(struct printed_table, 1);
    const char                  *rest = argument + strlen("bt.donthave,") + strlen(table->name);

    printed->table = table;
    printed->facts = g_array_new(FALSE, FALSE, sizeof(struct donthave_fact));
    printed->chosen = g_hash_table_new(NULL, NULL);
    rows_init(&printed->rows, stat_tap_init_table(table->title, (int)table->column_count, 0, NULL));
    if (*rest != '\0' && *rest != ',') {
        fprintf(stderr, "tshark: -z %s: there is no such table; did you mean -z bt.donthave,%s?\n", argument,
                table->name);
        exit(1);
    }
    if (rest[0] == ',' && rest[1] != '\0') {
        printed->filter = g_strdup(rest + 1);
        listen_or_exit(printed, printed->filter, NULL, choose_frame, NULL);
    }
    listen_or_exit(printed, NULL, reset_printed, keep_facts, draw_printed);
    printed_tables = g_slist_prepend(printed_tables, printed);
    WS_STAT_TAP_INIT_DONE;
}

/* --- elsewhere: the program shows the rows --- */

/* One table of the program. Several windows may show it; the older ones look at rows that are gone. */
struct shown_table {
    const struct donthave_table *table;
    stat_tap_table_ui            ui;
    struct stat_rows             rows;
    GSList                      *gone; /* stat_tap_table * with such rows, until no window is open */
};

static struct shown_table shown_tables[3];

static struct shown_table *
shown_of(const stat_tap_table_ui *ui)
{
    return (struct shown_table *)((char *)(uintptr_t)ui - offsetof(struct shown_table, ui));
}

static void
free_gone(void *data)
{
    clear_table((stat_tap_table *)data);
    g_free(data);
}

/* A window opens. */
static void
begin_shown(stat_tap_table_ui *ui)
{
    struct shown_table *shown = shown_of(ui);

    if (ui->tables != NULL && ui->tables->len > 0)
        return; /* of another window; reset_shown() comes before the first row */
    g_slist_free_full(shown->gone, free_gone);
    shown->gone = NULL;
    rows_free(&shown->rows, shown->table);
    rows_init(&shown->rows, stat_tap_init_table(shown->table->title, (int)shown->table->column_count, 0, NULL));
    stat_tap_add_table(ui, shown->rows.table);
}

static void
reset_shown(stat_tap_table *table)
{
    for (unsigned i = 0; i < array_length(shown_tables); i++) {
        struct shown_table *shown = &shown_tables[i];
        if (shown->rows.table != table)
            continue;
        stat_tap_table *gone = g_new(stat_tap_table, 1);
        *gone = *table;
        shown->gone = g_slist_prepend(shown->gone, gone);
        table->elements = NULL;
        table->num_elements = 0;
        rows_free(&shown->rows, shown->table);
        rows_init(&shown->rows, table);
    }
}

static tap_packet_status
fold_packet(void *data, packet_info *pinfo, epan_dissect_t *edt _U_, const void *tapped, tap_flags_t flags _U_)
{
    struct shown_table              *shown = shown_of(((stat_data_t *)data)->stat_tap_data);
    const struct donthave_tap_frame *frame = (const struct donthave_tap_frame *)tapped;

    for (const struct donthave_tap_item *item = frame->first; item != NULL; item = item->next) {
        struct donthave_fact fact = fact_of(pinfo, item);
        fold(shown->table, &shown->rows, &fact);
    }
    if (shown->table->settle != NULL)
        shown->table->settle(&shown->rows);
    return TAP_PACKET_REDRAW;
}

/* --- registration --- */

static tap_param filter_param[] = { { PARAM_FILTER, "filter", "Filter", NULL, TRUE } };

void
donthave_tables_register(void)
{
    static const struct donthave_table *const tables[] = { &donthave_list_table, &donthave_requests_table,
                                                           &donthave_summary_table };
    static stat_tap_ui                        printed[array_length(tables)];

    G_STATIC_ASSERT(array_length(tables) == array_length(shown_tables));
    /* Both register the same -z option. A table of the program cannot be told when the capture ends, so tshark has its
     * own. */
    bool is_tshark = g_strcmp0(g_get_prgname(), "tshark") == 0;
    for (unsigned i = 0; i < array_length(tables); i++) {
        char *option = g_strdup_printf("bt.donthave,%s", tables[i]->name); /* kept */
        if (is_tshark) {
            printed[i].group = REGISTER_PACKET_STAT_GROUP_UNSORTED;
            printed[i].cli_string = option;
            printed[i].tap_init_cb = begin_printed;
            printed[i].nparams = array_length(filter_param);
            printed[i].params = filter_param;
            register_stat_tap_ui(&printed[i], (void *)(uintptr_t)tables[i]);
            continue;
        }
        shown_tables[i].table = tables[i];
        stat_tap_table_ui *ui = &shown_tables[i].ui;
        ui->group = REGISTER_PACKET_STAT_GROUP_UNSORTED;
        ui->title = tables[i]->title;
        ui->tap_name = BT_DONTHAVE_TAP;
        ui->cli_string = option;
        ui->stat_tap_init_cb = begin_shown;
        ui->packet_func = fold_packet;
        ui->stat_tap_reset_table_cb = reset_shown;
        ui->stat_tap_free_table_item_cb = free_cell;
        ui->nfields = tables[i]->column_count;
        ui->fields = tables[i]->columns;
        ui->nparams = array_length(filter_param);
        ui->params = filter_param;
        register_stat_tap_table_ui(ui);
    }
    if (is_tshark)
        register_cleanup_routine(fold_all);
}
