/* config_file.c: the file, an encke.ini or an existing comet.ini.
 *
 *   [section]
 *   key = value        ; a comment, also with #, also behind a value
 *   key = "a;b ""c"""  a value in quotes keeps ; # and blanks; a doubled quote inside is one
 *   key = []value      appends to a list
 *   key =              is ignored, as CppComet ignored it
 *   section.key = v    the full name works in any section
 *
 * libinih takes lines apart; which line is which, comments, quotes and what is too long are decided here, since it
 * would cut long lines and names without a word and knows ';' only behind a blank. The only user of libinih.
 */
#include "server/config_parts.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/array.h"

#define NAME_MAX_LEN 49 /* libinih cuts longer ones */

struct reading {
    struct config *config;
    FILE          *stream;
    char          *line; /* getline's */
    size_t         line_cap;
    bool           has_secret;
    bool           is_cut; /* a comment began right behind a letter of this line */

    struct config_place place;
};

/* The length of a quoted value with its quotes, or 0 when it is not quoted to its end. */
static size_t quoted_len(struct slice s)
{
    if (s.len < 2 || s.at[0] != '"')
        return 0;
    for (size_t i = 1; i < s.len; i++) {
        if (s.at[i] != '"')
            continue;
        if (i + 1 == s.len || s.at[i + 1] != '"')
            return i + 1;
        i++;
    }
    return 0;
}

static struct slice trim_left(struct slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = slice_skip(s, 1);
    return s;
}

/* Where the comment of a line begins, or its length. */
static size_t comment_at(struct slice line)
{
    size_t       equals = slice_find(line, '='), start = 0;
    struct slice value = trim_left(slice_skip(line, equals == SIZE_MAX ? line.len : equals + 1));
    if (slice_starts(value, "[]"))
        value = trim_left(slice_skip(value, 2));
    size_t quoted = quoted_len(value);
    size_t before = equals == SIZE_MAX ? line.len : (size_t)(value.at - line.at);
    for (; start < line.len; start++) {
        if (start == before)
            start += quoted;
        if (start < line.len && (line.at[start] == ';' || line.at[start] == '#'))
            return start;
    }
    return line.len;
}

/* Is the line one that libinih understands as it is meant? It would cut a long name, and take "a:b" for "a=b". */
static bool is_sound(struct slice line)
{
    if (line.len == 0)
        return true;
    if (line.at[0] == '[') {
        size_t end = slice_find(line, ']');
        return end != SIZE_MAX && end - 1 <= NAME_MAX_LEN && end + 1 == line.len;
    }
    size_t       equals = slice_find(line, '=');
    struct slice name = slice_trim(slice_first(line, equals == SIZE_MAX ? 0 : equals));
    return name.len > 0 && name.len <= NAME_MAX_LEN && slice_find(name, ':') == SIZE_MAX;
}

/* The next line without its comment, counted, in `str`; empty when it is wrong, which is remarked. */
static char *read_line(char *str, int size, void *given)
{
    struct reading *r = given;
    ssize_t         len = getline(&r->line, &r->line_cap, r->stream);
    if (len < 0)
        return NULL;
    r->place.line++;
    struct slice line = { r->line, (size_t)len };
    if (r->place.line == 1 && slice_starts(line, "\xef\xbb\xbf"))
        line = slice_skip(line, 3);
    line = slice_trim(line);
    size_t comment = comment_at(line);
    r->is_cut = comment > 0 && comment < line.len && line.at[comment - 1] != ' ' && line.at[comment - 1] != '\t';
    line = slice_trim(slice_first(line, comment));
    str[0] = '\0';
    if (slice_find(line, '\0') != SIZE_MAX) {
        config_remark(r->config, CONFIG_ERROR, &r->place, "the line holds a zero byte; is this a text file?");
    } else if (line.len > CONFIG_LINE_MAX || line.len >= (size_t)size) {
        config_remark(r->config, CONFIG_ERROR, &r->place, "the line is longer than %d bytes", CONFIG_LINE_MAX);
    } else if (!is_sound(line)) {
        config_remark(r->config, CONFIG_ERROR, &r->place, "expected [section] or key = value");
    } else {
        memcpy(str, line.at, line.len);
        str[line.len] = '\0';
    }
    return str;
}

/* Takes the quotes off, in place. */
static struct slice unquote(char *text, size_t len)
{
    if (len < 2 || quoted_len(slice_of(text, len)) != len)
        return slice_of(text, len);
    size_t to = 0;
    for (size_t from = 1; from < len - 1; from++) {
        text[to++] = text[from];
        from += text[from] == '"'; /* doubled: quoted_len has seen to it */
    }
    return slice_of(text, to);
}

static void add_content_type(struct reading *r, struct slice name, struct slice value)
{
    struct config     *c = r->config;
    struct config_pair pair = { config_copy(name), config_copy(value) };
    if (pair.name == NULL || pair.value == NULL ||
        !array_room(&c->content_types, &c->content_type_cap, c->content_type_count + 1, sizeof pair)) {
        free(pair.name);
        free(pair.value);
        c->is_out_of_memory = true;
        return;
    }
    c->content_types[c->content_type_count++] = pair;
}

static void remark_unknown(struct reading *r, struct slice section, struct slice key)
{
    struct buf full = { 0 };
    buf_slice_append(&full, section);
    if (section.len > 0 && slice_find(key, '.') == SIZE_MAX)
        buf_byte(&full, '.');
    else
        buf_reset(&full);
    buf_slice_append(&full, key);
    char            shown[128];
    enum setting_id near = setting_nearest(buf_slice(&full));
    log_text(shown, sizeof shown, buf_slice(&full));
    if (near != SETTING_COUNT)
        config_remark(r->config, CONFIG_WARNING, &r->place, "unknown setting %s is ignored; did you mean %s.%s?", shown,
                      setting_row(near)->section, setting_row(near)->key);
    else
        config_remark(r->config, CONFIG_WARNING, &r->place, "unknown setting %s is ignored", shown);
    buf_clear(&full);
}

static void assign(struct reading *r, struct slice section, struct slice key, char *value)
{
    struct slice text = slice_str(value);
    bool         appends = slice_starts(text, "[]");
    if (appends)
        text = trim_left(slice_skip(text, 2));
    if (text.len == 0)
        return;
    text = unquote(value + (text.at - value), text.len);

    if (slice_is(section, "content-type")) {
        add_content_type(r, key, text);
        return;
    }
    enum setting_id id = setting_find(section, key);
    if (id == SETTING_COUNT)
        id = setting_find_dotted(key);
    if (id != SETTING_COUNT) {
        config_assign(r->config, id, text, appends, &r->place);
        enum setting_kind kind = setting_row(id)->kind;
        r->has_secret |= setting_is_secret(id) && text.len > 0;
        if (r->is_cut && (kind == SETTING_SECRET || kind == SETTING_TEXT))
            config_remark(r->config, CONFIG_WARNING, &r->place,
                          "the value ends where ; or # begins a comment; put it into quotes if they belong to it");
        return;
    }
    const struct setting_ignored *row = setting_ignored_find(section, key);
    char                          shown[128];
    if (row == NULL)
        remark_unknown(r, section, key);
    else
        config_remark(r->config, CONFIG_NOTE, &r->place, "%s.%s is accepted for comet.ini and has no effect: %s",
                      row->section, log_text(shown, sizeof shown, key), row->sentence);
}

/* libinih's callback: 1 goes on. */
static int on_value(void *given, const char *section, const char *name, const char *value)
{
    struct reading *r = given;
    char           *copy = config_copy(slice_str(value));
    if (copy == NULL) {
        r->config->is_out_of_memory = true;
        return 1;
    }
    assign(r, slice_str(section), slice_str(name), copy);
    free(copy);
    return 1;
}

/* The library's options are globals of its own; nobody else in the process reads ini files. */
static void library_setup(void)
{
    ini_allow_multiline = false;
    ini_allow_bom = false;
    ini_allow_inline_comments = false;
    static char no_prefix[] = "";
    ini_start_comment_prefixes = no_prefix;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = CONFIG_LINE_MAX + 3;
    ini_max_line = CONFIG_LINE_MAX + 3;
    ini_stop_on_first_error = false;
}

/* A password in a file that everybody reads is none. */
static void check_secrecy(struct reading *r)
{
    struct stat st;
    if (!r->has_secret || fstat(fileno(r->stream), &st) != 0 || (st.st_mode & S_IROTH) == 0)
        return;
    struct config_place place = { CONFIG_FILE, 0, r->place.name };
    config_remark(r->config, CONFIG_WARNING, &place, "holds a password and can be read by every user; chmod o-r %s",
                  r->place.name);
}

void config_read_file(struct config *c, const char *path, bool is_required)
{
    struct config_place place = { CONFIG_FILE, 0, path };
    FILE               *stream = fopen(path, "re");
    struct stat         st;
    if (stream == NULL) {
        if (is_required || errno != ENOENT)
            config_remark(c, CONFIG_ERROR, &place, "cannot be read: %s", strerror(errno));
        return;
    }
    if (fstat(fileno(stream), &st) == 0 && S_ISDIR(st.st_mode)) {
        config_remark(c, CONFIG_ERROR, &place, "is a directory");
        fclose(stream);
        return;
    }
    c->file = config_copy(slice_str(path));
    struct reading r = { .config = c, .stream = stream, .place = place };
    library_setup();
    int result = ini_parse_stream(read_line, &r, on_value, &r);
    if (result == -2 || c->file == NULL)
        c->is_out_of_memory = true;
    if (ferror(stream))
        config_remark(c, CONFIG_ERROR, &place, "cannot be read: %s", strerror(errno));
    check_secrecy(&r);
    free(r.line);
    fclose(stream);
}
