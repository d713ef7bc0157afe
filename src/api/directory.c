/* directory.c: see directory.h. */
#include "api/directory.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "http/conn.h"
#include "http/form.h"
#include "hub/ask.h"
#include "hub/user.h"

#define USER_MAX 63 /* of the parameter */
#define APP_DIGITS 6
#define BASIC_MAX 512

static const struct api_directory *directory;

void api_directory_setup(const struct api_directory *settings)
{
    directory = settings;
}

/* --- who may ask -------------------------------------------------------------------------------------------------- */

static bool is_allowed_address(const struct stream *s)
{
    char         text[INET6_ADDRSTRLEN];
    struct slice peer;
    stream_peer(s, text, sizeof text);
    peer = slice_str(text);
    if (slice_starts(peer, "::ffff:")) /* IPv4 on an IPv6 socket */
        peer = slice_skip(peer, strlen("::ffff:"));
    for (unsigned i = 0; i < directory->allowed_count; i++)
        if (slice_is(peer, directory->allowed[i]))
            return true;
    return directory->allowed_count == 0;
}

/* "Basic dXNlcjpwYXNz". Both digests are compared, so that nothing is learnt from the time it takes. */
static bool is_logged_in(const struct http_head *h)
{
    char          expected[BASIC_MAX];
    unsigned char given[BASIC_MAX], want_digest[SHA256_SIZE], given_digest[SHA256_SIZE];
    size_t        given_len = SIZE_MAX;
    int           len = snprintf(expected, sizeof expected, "%s:%s", directory->user, directory->password);
    if (len == 1)
        return true;
    struct slice header = http_head_get(h, "authorization");
    if (slice_is_nocase(slice_cut(&header, ' '), "basic"))
        given_len = base64_decode(slice_trim(header), given, sizeof given);
    if (given_len == SIZE_MAX || len < 0 || (size_t)len >= sizeof expected)
        return false;
    sha256(slice_of(expected, (size_t)len), want_digest);
    sha256(slice_of(given, given_len), given_digest);
    explicit_bzero(expected, sizeof expected);
    explicit_bzero(given, sizeof given);
    return crypto_equal(want_digest, given_digest, sizeof want_digest);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void say_nobody(struct stream *s)
{
    http_answer(s, &(struct http_response){ .status = 404, .must_close = true });
}

static void xml_escaped(struct buf *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '<')
            buf_text(b, "&lt;");
        else if (c == '>')
            buf_text(b, "&gt;");
        else if (c == '&')
            buf_text(b, "&amp;");
        else if (c == '"')
            buf_text(b, "&quot;");
        else if (c == '\'')
            buf_text(b, "&apos;");
        else if ((unsigned char)c >= ' ')
            buf_byte(b, (unsigned char)c);
    }
}

/* <what name="..." value="..."/>, the value made of two parts. */
static void put(struct buf *b, const char *what, const char *name, const char *first, struct slice second)
{
    buf_printf(b, "<%s name=\"%s\" value=\"", what, name);
    xml_escaped(b, slice_str(first));
    xml_escaped(b, second);
    buf_text(b, "\"/>\n");
}

static void put_document(struct buf *b, struct slice user, struct slice secret)
{
    struct slice none = SLICE("");
    buf_text(b, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
                "<document type=\"freeswitch/xml\">\n<section name=\"directory\">\n<domain "
                "name=\"FSdefaultDomain\">\n<params>\n");
    put(b, "param", "dial-string",
        "{presence_id=${dialed_user}@${dialed_domain}}${sofia_contact(${dialed_user}@${dialed_domain})}", none);
    buf_text(b, "</params>\n<groups>\n<group name=\"default\">\n<users>\n<user id=\"");
    xml_escaped(b, user);
    buf_text(b, "\">\n<params>\n");
    put(b, "param", "password", "", secret);
    buf_text(b, "</params>\n<variables>\n");
    put(b, "variable", "toll_allow", "domestic,international,local", none);
    put(b, "variable", "accountcode", "", user);
    put(b, "variable", "user_context", "default", none);
    put(b, "variable", "effective_caller_id_name", "Extension ", user);
    put(b, "variable", "effective_caller_id_number", "", user);
    put(b, "variable", "outbound_caller_id_name", "$${outbound_caller_name}", none);
    put(b, "variable", "outbound_caller_id_number", "$${outbound_caller_id}", none);
    put(b, "variable", "callgroup", "techsupport", none);
    buf_text(b, "</variables>\n</user>\n</users>\n</group>\n</groups>\n</domain>\n</section>\n</document>\n");
}

static void on_secret(struct stream *s, const struct ask *a)
{
    struct buf b = { 0 };
    if (a->status != OK || !a->found) {
        say_nobody(s);
        return;
    }
    put_document(&b, a->note, a->answer);
    if (buf_ok(&b))
        http_answer(s, &(struct http_response){
                           .status = 200,
                           .content_type = SLICE("text/html; charset=UTF-8"),
                           .headers = SLICE("Cache-Control: no-store\r\n"),
                           .body = buf_slice(&b),
                           .must_close = true,
                       });
    else
        http_refuse(s, 503, "Out of memory.");
    if (b.at != NULL)
        explicit_bzero(b.at, b.len);
    buf_clear(&b);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

/* Six digits of the app, then the user's number, which begins with no 0. */
static bool parse_user(struct slice user, uint32_t *out_app, uint32_t *out_id)
{
    uint64_t app, id;
    if (user.len <= APP_DIGITS || user.at[APP_DIGITS] == '0' ||
        !slice_u64(slice_first(user, APP_DIGITS), UINT32_MAX, &app) ||
        !slice_u64(slice_skip(user, APP_DIGITS), USER_ID_MAX, &id))
        return false;
    *out_app = (uint32_t)app;
    *out_id = (uint32_t)id;
    return true;
}

void api_directory_request(struct stream *s, const struct http_request *r)
{
    static struct log_limit limit = { .every_ms = 60000 };
    char                    user[USER_MAX];
    size_t                  len = 0;
    uint32_t                app = 0, id = 0;
    if (!is_allowed_address(s)) {
        log_limited(&limit, LOG_WARN, "freeswitch: an address that is not in freeswitch.allow asked for a secret");
        http_refuse(s, 403, "This address may not ask");
        return;
    }
    if (!is_logged_in(r->head)) {
        log_limited(&limit, LOG_WARN,
                    "freeswitch: somebody without the name and password of section [freeswitch] asked");
        http_answer(s, &(struct http_response){ .status = 401,
                                                .headers = SLICE("WWW-Authenticate: Basic realm=\"encke\"\r\n"),
                                                .must_close = true });
        return;
    }
    enum http_form found = http_form_value(r->query, "user", user, sizeof user, &len);
    if (found == HTTP_FORM_ABSENT)
        found = http_form_value(r->body, "user", user, sizeof user, &len);
    bool        is_user = found == HTTP_FORM_FOUND && parse_user(slice_of(user, len), &app, &id);
    struct ask *a = is_user ? ask_user_new(ASK_USER_SECRET, app, id, SLICE(""), SLICE(""), slice_of(user, len)) : NULL;
    if (a != NULL)
        ask_send(a, s, on_secret);
    else
        say_nobody(s);
}

void api_directory_page_request(struct stream *s, const struct http_request *r)
{
    (void)r;
    http_answer(s, &(struct http_response){
                       .status = 200,
                       .content_type = SLICE("text/html; charset=UTF-8"),
                       .body = SLICE("<!doctype html><title>Encke</title><p>This is the directory service of Encke for "
                                     "FreeSWITCH: mod_xml_curl asks at /directory.\n"),
                       .is_static = true,
                   });
}
