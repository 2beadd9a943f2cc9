/* test_stories.c
 * Plays the stories of tests/stories, the folder that is the argument. How they are written: its README.md.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "story.h"

struct story {
    GString         *rule;          /* in the words of the design or of a BEP */
    const GPtrArray *before;        /* lines of its beginning; NULL: it has none */
    GPtrArray       *lines;
    char            *fallback_ids;  /* "3,7" */
    char             only;          /* X or Y: only what that peer sends was captured; 0: both */
};

/* Where a file is being read. */
struct reader {
    const char   *file;             /* its name without .story */
    struct story *story;            /* the last one */
    GHashTable   *beginnings;       /* name -> GPtrArray of lines; of all files */
    GString      *rule;             /* that holds for the next stories */
    GString      *words;            /* where more words go: the rule, or that of a story */
    GPtrArray    *lines;            /* where more lines go */
    char         *fallback_ids;
};

static void
tell_lines(struct story_player *player, const GPtrArray *lines, char only)
{
    for (unsigned i = 0; lines != NULL && i < lines->len; i++) {
        const char *line = (const char *)lines->pdata[i];
        if (only == 0 || strchr(line, ' ')[1] == only)
            story_tell(player, line);
    }
}

/* Twice: it must not matter which of the two peers opened the connection. */
static void
play(const void *data)
{
    const struct story *story = (const struct story *)data;

    g_test_message("%s", story->rule->str);
    for (int swapped = 0; swapped < 2; swapped++) {
        struct story_player player;

        story_begin(&player, story->fallback_ids, swapped);
        tell_lines(&player, story->before, story->only);
        tell_lines(&player, story->lines, story->only);
        story_compare(&player);
        story_end(&player);
    }
}

static void
free_story(void *data)
{
    struct story *story = (struct story *)data;

    g_string_free(story->rule, TRUE);
    g_ptr_array_free(story->lines, TRUE);
    g_free(story->fallback_ids);
    g_free(story);
}

/* Writes the text of a range once for each of its numbers. */
static gboolean
write_range(const GMatchInfo *match, GString *out, gpointer separator)
{
    char **parts = g_match_info_fetch_all(match);       /* all of it, first number, last number, text */

    for (uint32_t number = story_number(parts[1]); number <= story_number(parts[2]); number++) {
        char **between = g_strsplit(parts[3], "$", -1);
        char  *digits = g_strdup_printf("%u", number);
        char  *text = g_strjoinv(digits, between);

        g_string_append_printf(out, "%s%s", text, (const char *)separator);
        g_free(text);
        g_free(digits);
        g_strfreev(between);
    }
    g_strfreev(parts);
    return FALSE;
}

/* The text with [FIRST..LAST: TEXT] written out, each with the separator after it. For g_free(). */
static char *
write_ranges(const char *text, const char *separator)
{
    GRegex *range = g_regex_new("\\[(\\d+)\\.\\.(\\d+): ([^]]*)\\]", (GRegexCompileFlags)0, (GRegexMatchFlags)0, NULL);
    char   *written = g_regex_replace_eval(range, text, -1, 0, (GRegexMatchFlags)0, write_range,
                                           (void *)(uintptr_t)separator, NULL);

    g_regex_unref(range);
    return written;
}

static void
add_lines(GPtrArray *lines, const char *text)
{
    char  *written = write_ranges(text, text[0] == '[' ? "\n" : " ");
    char **split = g_strsplit(written, "\n", -1);

    for (unsigned i = 0; split[i] != NULL; i++) {
        if (split[i][0] != '\0')
            g_ptr_array_add(lines, g_strdup(split[i]));
    }
    g_strfreev(split);
    g_free(written);
}

/* More of the note of the last line. */
static void
add_to_note(GPtrArray *lines, const char *text)
{
    char  *written = write_ranges(text, " ");
    char **line = (char **)&lines->pdata[lines->len - 1];
    char  *longer = g_strdup_printf("%s %s", *line, strstr(*line, "=>") != NULL ? written + 2 : written);

    g_free(*line);
    *line = longer;
    g_free(written);
}

/* story: NAME, or story: NAME after BEGINNING */
static void
add_story(struct reader *reader, const char *value)
{
    struct story *story = g_new0(struct story, 1);
    char        **words = g_strsplit(value, " after ", 2);
    char         *path = g_strdup_printf("/stories/%s/%s", reader->file, words[0]);

    story->rule = reader->words = g_string_new(reader->rule->str);
    story->lines = reader->lines = g_ptr_array_new_with_free_func(g_free);
    story->fallback_ids = g_strdup(reader->fallback_ids);
    reader->story = story;
    if (words[1] != NULL) {
        story->before = (const GPtrArray *)g_hash_table_lookup(reader->beginnings, words[1]);
        if (story->before == NULL)
            g_error("%s: no beginning has the name %s", path, words[1]);
    }
    g_test_add_data_func_full(path, story, play, free_story);
    g_free(path);
    g_strfreev(words);
}

static void
read_line(struct reader *reader, const char *line)
{
    const char *value = strchr(line, ' ') != NULL ? strchr(line, ' ') + 1 : "";

    if (line[0] == '\0' || line[0] == '#') {
        return;
    } else if (g_ascii_isdigit(line[0]) || line[0] == '[') {
        add_lines(reader->lines, line);
    } else if (g_str_has_prefix(line, "=>")) {
        add_to_note(reader->lines, line);
    } else if (g_str_has_prefix(line, "story: ")) {
        add_story(reader, value);
    } else if (g_str_has_prefix(line, "beginning: ")) {
        reader->lines = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(reader->beginnings, g_strdup(value), reader->lines);
    } else if (g_str_has_prefix(line, "rule: ")) {
        reader->words = g_string_assign(reader->rule, value);
    } else if (g_str_has_prefix(line, "preference: fallback_id ")) {
        g_free(reader->fallback_ids);
        reader->fallback_ids = g_strdup(strrchr(line, ' ') + 1);
    } else if (g_str_has_prefix(line, "only: ")) {
        reader->story->only = value[0];
    } else if (!g_str_has_prefix(line, "over: ") && !g_str_has_prefix(line, "wraps: ")) {   /* those: of captures */
        g_string_append_printf(reader->words, " %s", line);
    }
}

static void
read_file(const char *folder, const char *file, GHashTable *beginnings)
{
    struct reader reader = { .file = file, .beginnings = beginnings, .rule = g_string_new(NULL),
                             .fallback_ids = g_strdup("") };
    char         *path = g_strdup_printf("%s/%s.story", folder, file);
    char         *contents = NULL;
    char        **lines;

    if (!g_file_get_contents(path, &contents, NULL, NULL))
        g_error("cannot read %s", path);
    lines = g_strsplit(contents, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++)
        read_line(&reader, g_strstrip(lines[i]));
    g_strfreev(lines);
    g_string_free(reader.rule, TRUE);
    g_free(reader.fallback_ids);
    g_free(contents);
    g_free(path);
}

int
main(int argc, char **argv)
{
    GHashTable *beginnings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    GPtrArray  *files = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    GDir       *folder;
    int         result;

    g_test_init(&argc, &argv, NULL);
    wmem_init();
    folder = g_dir_open(argc > 1 ? argv[1] : "", 0, NULL);
    if (folder == NULL)
        g_error("usage: test_stories FOLDER");
    while ((name = g_dir_read_name(folder)) != NULL) {
        if (g_str_has_suffix(name, ".story") && strcmp(name, "beginnings.story") != 0)
            g_ptr_array_add(files, g_strndup(name, strlen(name) - strlen(".story")));
    }
    g_dir_close(folder);
    read_file(argv[1], "beginnings", beginnings);
    for (unsigned i = 0; i < files->len; i++)
        read_file(argv[1], (const char *)files->pdata[i], beginnings);
    result = g_test_run();
    g_ptr_array_free(files, TRUE);
    g_hash_table_destroy(beginnings);
    wmem_cleanup();
    return result;
}
