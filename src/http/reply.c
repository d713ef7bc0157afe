/* reply.c: see reply.h. */
#include "http/reply.h"

#include <stdio.h>
#include <time.h>

static const struct {
    unsigned    status;
    const char *reason;
} reasons[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Content" },
    { 423, "Locked" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *http_reason(unsigned status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}

bool http_status_has_body(unsigned status)
{
    return status >= 200 && status != 204 && status != 304;
}

void http_date(uint64_t wall_s, char out[HTTP_DATE_SIZE])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t            t = (time_t)wall_s;
    struct tm         tm;

    if (gmtime_r(&t, &tm) == NULL)
        memset(&tm, 0, sizeof tm);
    /* The remainders change nothing; they tell the compiler that the text fits. */
    snprintf(out, HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * (tm.tm_wday % 7),
             (unsigned)tm.tm_mday % 100, months + 3 * (tm.tm_mon % 12), ((unsigned)tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static void append_line(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_text(out, name);
    buf_append(out, ": ", 2);
    buf_slice_append(out, value);
    buf_append(out, "\r\n", 2);
}

void http_reply(struct buf *out, const struct http_reply *r)
{
    buf_text(out, "HTTP/1.1 ");
    buf_u64(out, r->status);
    buf_byte(out, ' ');
    buf_text(out, http_reason(r->status));
    buf_append(out, "\r\n", 2);
    append_line(out, "Date", r->date);
    append_line(out, "Connection", r->keeps_alive ? SLICE("keep-alive") : SLICE("close"));
    append_line(out, "Content-Type", r->content_type);
    if (http_status_has_body(r->status)) {
        buf_text(out, "Content-Length: ");
        buf_u64(out, r->content_length);
        buf_append(out, "\r\n", 2);
    }
    buf_slice_append(out, r->headers);
    buf_append(out, "\r\n", 2);
}

bool http_etag_matches(struct slice if_none_match, struct slice etag)
{
    /* Our own tags hold no comma, so a list may be cut at each of them. */
    while (if_none_match.len > 0) {
        struct slice tag = slice_trim(slice_cut(&if_none_match, ','));
        if (slice_is(tag, "*"))
            return true;
        if (slice_starts(tag, "W/"))
            tag = slice_skip(tag, 2);
        if (tag.len > 0 && slice_equal(tag, etag))
            return true;
    }
    return false;
}

void http_reply_refusal(struct buf *out, enum status why)
{
    const struct error_row *row = status_row(why);
    struct buf              body = { 0 };
    buf_printf(&body, "%u %s\n%s.\n", row->http_status, http_reason(row->http_status), row->sentence);
    if (!buf_ok(&body))
        return;
    http_reply(out, &(struct http_reply){
        .status = row->http_status,
        .content_type = SLICE("text/plain; charset=utf-8"),
        .headers = row->http_status == 429 || row->http_status == 503 ? SLICE(HTTP_RETRY_AFTER) : SLICE(""),
        .content_length = body.len,
    });
    buf_slice_append(out, buf_slice(&body));
    buf_clear(&body);
}
