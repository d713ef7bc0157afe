/* request.c: see request.h. */
#include "load/request.h"

#include <stdio.h>
#include <string.h>

#define CLASSIC_PATH "/ws/sesion=&myid=&devid=0&v=4.09&uuid={uuid}&api=js"
#define CLASSIC_USER_PATH "/ws/sesion=load{id}&myid={id}&devid=0&v=4.09&uuid={uuid}&api=js"

void request_channel(const struct plan *p, uint32_t room, char out[80])
{
    if (p->rooms > 1)
        snprintf(out, 80, "%s_%u", p->channel, room);
    else
        snprintf(out, 80, "%s", p->channel);
}

void request_fill(struct buf *out, const struct plan *p, const struct request_place *place, struct slice text)
{
    while (text.len > 0) {
        size_t open = slice_find(text, '{');
        if (open == SIZE_MAX) {
            buf_slice_append(out, text);
            return;
        }
        buf_slice_append(out, slice_first(text, open));
        text = slice_skip(text, open);
        char channel[80];
        request_channel(p, place->room, channel);
        static const char *const names[] = { "{n}", "{id}", "{room}", "{channel}", "{uuid}", "{message}" };
        unsigned                 which = 0;
        while (which < 6 && !slice_starts(text, names[which]))
            which++;
        if (which == 0)
            buf_u64(out, place->number);
        else if (which == 1)
            buf_u64(out, (uint64_t)place->number + 1);
        else if (which == 2)
            buf_u64(out, place->room);
        else if (which == 3)
            buf_text(out, channel);
        else if (which == 4)
            buf_text(out, place->uuid);
        else if (which == 5)
            buf_slice_append(out, place->message);
        else
            buf_byte(out, '{');
        text = slice_skip(text, which < 6 ? strlen(names[which]) : 1);
    }
}

void request_host(struct buf *out, const struct target_address *to)
{
    bool is_v6 = strchr(to->host, ':') != NULL;
    buf_printf(out, is_v6 ? "Host: [%s]" : "Host: %s", to->host);
    if (to->port != (to->is_tls ? 443 : 80))
        buf_printf(out, ":%u", to->port);
    buf_text(out, "\r\n");
}

void request_head(struct buf *out, const struct plan *p, const struct target_address *to, const struct request_place *place)
{
    struct slice path = slice_str(to->path);
    if (p->is_classic && (path.len == 0 || slice_is(path, "/")))
        path = slice_str(p->workload == WORKLOAD_PRIVATE ? CLASSIC_USER_PATH : CLASSIC_PATH);
    buf_text(out, "GET ");
    request_fill(out, p, place, path.len > 0 ? path : SLICE("/"));
    buf_text(out, " HTTP/1.1\r\n");
    request_host(out, to);
    buf_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: ZW5ja2UtbG9hZC1rZXkhIQ==\r\n");
    if (p->subprotocol[0] != '\0')
        buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", p->subprotocol);
    for (unsigned i = 0; i < p->header_count; i++) {
        request_fill(out, p, place, slice_str(p->header_lines[i]));
        buf_text(out, "\r\n");
    }
    buf_text(out, "\r\n");
}

void request_frame(struct buf *out, unsigned opcode, struct slice payload)
{
    static const unsigned char no_mask[4];
    buf_byte(out, (unsigned char)(0x80 | opcode));
    if (payload.len < 126) {
        buf_byte(out, (unsigned char)(0x80 | payload.len));
    } else if (payload.len < 65536) {
        buf_byte(out, 0x80 | 126);
        buf_byte(out, (unsigned char)(payload.len >> 8));
        buf_byte(out, (unsigned char)payload.len);
    } else {
        buf_byte(out, 0x80 | 127);
        for (unsigned i = 8; i-- > 0;)
            buf_byte(out, (unsigned char)((uint64_t)payload.len >> 8 * i));
    }
    buf_append(out, no_mask, sizeof no_mask);
    buf_slice_append(out, payload);
}
