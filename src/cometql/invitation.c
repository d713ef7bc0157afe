/* invitation.c: see invitation.h. */
#include "cometql/invitation.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/json_out.h"

unsigned invitation_pick(uint32_t app, struct slice name, unsigned count)
{
    uint64_t sum = (uint64_t)app * 1000000;
    for (size_t i = 0; i < name.len; i++)
        sum += (uint64_t)(unsigned char)name.at[i] * 10 * i;
    return (unsigned)(sum % count);
}

void invitation_call_pipe(struct slice salt, uint32_t app, struct slice name, struct slice profile, const char *node,
                          char out[CALL_PIPE_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char     digest[SHA256_SIZE];
    struct buf        key = { 0 };
    size_t            at = sizeof CALL_PIPE_PREFIX - 1;
    buf_printf(&key, "%u|%.*s|%.*s|%s", app, SLICE_ARG(name), SLICE_ARG(profile), node);
    hmac_sha256(salt, buf_slice(&key), digest);
    memcpy(out, CALL_PIPE_PREFIX, at);
    for (size_t i = 0; i < sizeof digest; i++)
        out[at + i] = letters[digest[i] % (sizeof letters - 1)];
    out[at + sizeof digest] = '\0';
    buf_clear(&key);
}

void invitation_call_key(char out[37])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void put_text(struct buf *out, const char *key, struct slice text)
{
    buf_printf(out, ",\"%s\":", key);
    json_out_string(out, text);
}

void invitation_put(struct buf *out, const struct telephony *t, const struct telephony_node *node,
                    const struct invitation_text *i, const char *call_key)
{
    char       pipe[CALL_PIPE_SIZE];
    struct buf number = { 0 };
    buf_printf(&number, "%u*%.*s*%.*s", i->app, SLICE_ARG(i->name), SLICE_ARG(i->profile));
    invitation_call_pipe(t->salt, i->app, i->name, i->profile, node->id, pipe);
    buf_text(out, "{\"message\":");
    json_out_string(out, i->message);
    buf_printf(out, ",\"sys\":{\"callKey\":\"%s\",\"callPipe\":\"%s\",\"caller_id\":%u,\"conference\":\"true\"",
               call_key, pipe, i->caller_id);
    put_text(out, "conference_name", i->name);
    put_text(out, "mode", i->profile);
    put_text(out, "serverName", slice_str(node->ws_host));
    buf_printf(out, ",\"serverPort\":%u", node->ws_port);
    put_text(out, "sipNumber", buf_slice(&number));
    buf_printf(out, ",\"stream\":%lld}}", (long long)i->stream);
    if (!buf_ok(&number))
        out->failed = true;
    buf_clear(&number);
}
