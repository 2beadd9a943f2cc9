/* replay_corpus.c
 * Gives every file of the folders on the command line to the fuzz target, as libFuzzer does, with any compiler.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++) {
        GError     *error = NULL;
        GDir       *folder = g_dir_open(argv[i], 0, &error);
        const char *name;

        g_assert_no_error(error);
        while ((name = g_dir_read_name(folder)) != NULL) {
            char *path = g_build_filename(argv[i], name, NULL);
            char *data;
            gsize size;
            g_assert_true(g_file_get_contents(path, &data, &size, NULL));
            uint8_t *copy = (uint8_t *)g_memdup2(data, size);   /* without the 0 that GLib puts after it */
            g_free(data);
            LLVMFuzzerTestOneInput(copy, size);
            g_free(copy);
            g_free(path);
            files++;
        }
        g_dir_close(folder);
    }
    printf("%u files\n", files);
    return files > 0 ? 0 : 1;
}
