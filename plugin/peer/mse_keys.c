/* mse_keys.c
 * The key log of encrypted connections, see mse_keys.h.
 *
 * The file is read on whenever a connection is looked up, as far as it has grown, so that capturing live works. One that
 * was replaced or cut is read from its start; no key is forgotten.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define WS_LOG_DOMAIN "bt.peer"

#include "peer/mse_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include <epan/prefs.h>
#include <wsutil/report_message.h>
#include <wsutil/wslog.h>

/* Bytes that are read at once. */
#define READ_SIZE (64U * 1024)

static const char *keylog_file = "";

static struct mse_feeds feeds;
static int              proto_switch = -1;
static bool             counts; /* see mse_count_unreadable() */

/* How far the file was read; of this capture. */
static long     read_to;
static uint64_t device, inode;
static uint32_t bad_lines_told;

/* Of the whole run: a file that is missing is told once. */
static GHashTable *told_files;

/* The file cannot be read: said once for a name. */
static void
tell(int error)
{
    if (g_hash_table_add(told_files, g_strdup(keylog_file)))
        report_open_failure(keylog_file, error, FALSE);
}

static void
tell_bad_lines(void)
{
    const struct mse_keylog *keylog = feeds.keylog;

    if (keylog->bad_lines + keylog->left_out == bad_lines_told)
        return;
    bad_lines_told = keylog->bad_lines + keylog->left_out;
    ws_warning("%s: %u bad line%s skipped, %u beyond the limit of keys", keylog_file, keylog->bad_lines,
               keylog->bad_lines == 1 ? "" : "s", keylog->left_out);
}

/* Reads the file from read_to on. */
static void
read_on(void)
{
    FILE  *file = g_fopen(keylog_file, "rb");
    char  *text;
    size_t size;

    if (file == NULL) {
        tell(errno);
        return;
    }
    text = (char *)g_malloc(READ_SIZE);
    if (fseek(file, read_to, SEEK_SET) == 0) {
        while ((size = fread(text, 1, READ_SIZE, file)) > 0) {
            mse_keylog_feed(feeds.keylog, text, size);
            read_to += (long)size;
        }
    }
    if (ferror(file))
        tell(errno);
    g_free(text);
    fclose(file);
    mse_keylog_flush(feeds.keylog);
    tell_bad_lines();
}

/* Reads what is new in the file. */
static void
read_keys(void)
{
    GStatBuf now;

    if (g_stat(keylog_file, &now) != 0) {
        tell(errno);
        return;
    }
    if (!S_ISREG(now.st_mode)) { /* a pipe would block, and cannot be read twice */
        tell(S_ISDIR(now.st_mode) ? EISDIR : ESPIPE);
        return;
    }
    if ((uint64_t)now.st_dev != device || (uint64_t)now.st_ino != inode || now.st_size < read_to) {
        device = (uint64_t)now.st_dev;
        inode = (uint64_t)now.st_ino;
        read_to = 0;
        mse_keylog_restart(feeds.keylog);
    }
    if (now.st_size > read_to)
        read_on();
}

struct mse_feeds *
mse_connections(void)
{
    return &feeds;
}

void
mse_count_unreadable(void)
{
    counts = feeds.counts = true;
}

/* --- registration --- */

static void
begin_capture(void)
{
    bool has_file = keylog_file != NULL && keylog_file[0] != '\0';

    mse_feeds_init(&feeds, wmem_file_scope(),
                   has_file ? mse_keylog_new(wmem_file_scope(), MSE_KEYLOG_KEYS_MAX) : NULL);
    feeds.counts = counts;
    feeds.enabled = proto_is_protocol_enabled(find_protocol_by_id(proto_switch));
    read_to = 0;
    bad_lines_told = 0;
    if (has_file && feeds.enabled) {
        feeds.read_keys = read_keys;
        read_keys();
    }
}

static void
end_capture(void)
{
    mse_feeds_free(&feeds);
}

void
proto_register_mse_keys(int proto_bt_peer)
{
    module_t *module = prefs_register_protocol(proto_bt_peer, NULL);

    told_files = g_hash_table_new(g_str_hash, g_str_equal);
    prefs_register_filename_preference(module, "mse_keylog_file", "Key log of encrypted connections (MSE)",
                                       "The secrets of encrypted connections, as tools/mse-keylog writes them: lines "
                                       "\"MSE <S, 192 hexadecimal digits> "
                                       "<info hash, 40 digits>\". The file is read on while it grows.",
                                       &keylog_file, FALSE);
}

void
proto_reg_handoff_mse_keys(int proto_bt_mse)
{
    proto_switch = proto_bt_mse;
    register_init_routine(begin_capture);
    register_cleanup_routine(end_capture);
}
