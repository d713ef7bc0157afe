/* proxy.c: see proxy.h. */
#include "io/proxy.h"

#define V2_HEAD 16 /* signature, version and command, family, length */
#define V2_INET 12 /* two addresses, two ports */
#define V2_INET6 36
#define V2_SIGNATURE 12

static const char v1_signature[] = "PROXY ";
static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum proxy_state {
    PROXY_FIRST,  /* no byte yet: it tells the version */
    PROXY_LINE,   /* version 1, up to LF */
    PROXY_HEAD,   /* version 2, its first 16 bytes */
    PROXY_SOURCE, /* version 2, the addresses */
    PROXY_REST,   /* version 2, what is passed over */
    PROXY_DONE,
    PROXY_BAD,
};

void proxy_init(struct proxy_header *h)
{
    *h = (struct proxy_header){ .state = PROXY_FIRST };
}

static void bad(struct proxy_header *h, const char *sentence)
{
    h->state = PROXY_BAD;
    h->sentence = sentence;
}

/* --- version 1 --------------------------------------------------------------------------------------------------------- */

/* The next word of the line and the one blank behind it. */
static bool take_word(struct slice *line, struct slice *out_word)
{
    bool has_blank = slice_find(*line, ' ') != SIZE_MAX;
    *out_word = slice_cut(line, ' ');
    return has_blank && out_word->len > 0;
}

static bool take_address(struct slice *line, bool is_ipv4, struct address *out)
{
    struct slice word;
    return take_word(line, &word) && address_parse(word, out) && (slice_find(word, ':') == SIZE_MAX) == is_ipv4;
}

static bool port_parse(struct slice text, uint16_t *out)
{
    uint64_t number;
    if ((text.len > 1 && text.at[0] == '0') || !slice_u64(text, 65535, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}

static void line_done(struct proxy_header *h)
{
    struct slice   line = slice_skip(slice_of(h->bytes, h->held), sizeof v1_signature - 1), word;
    struct address source, destination;
    uint16_t       source_port, destination_port;
    if (line.len < 2 || line.at[line.len - 2] != '\r') {
        bad(h, "its line must end with CR LF");
        return;
    }
    line.len -= 2;
    if (slice_is(line, "UNKNOWN") || slice_starts(line, "UNKNOWN ")) {
        h->state = PROXY_DONE; /* what follows the word is to be ignored */
        return;
    }
    bool is_ipv4 = slice_starts(line, "TCP4 ");
    if (!is_ipv4 && !slice_starts(line, "TCP6 ")) {
        bad(h, "it must say TCP4, TCP6 or UNKNOWN");
        return;
    }
    take_word(&line, &word);
    if (!take_address(&line, is_ipv4, &source) || !take_address(&line, is_ipv4, &destination) ||
        !take_word(&line, &word) || !port_parse(word, &source_port) || !port_parse(line, &destination_port)) {
        bad(h, "it must have two addresses and two ports");
        return;
    }
    h->has_source = true;
    h->source = source;
    h->source_port = source_port;
    h->state = PROXY_DONE;
}

static void line_byte(struct proxy_header *h, char byte)
{
    h->bytes[h->held++] = byte;
    if (h->held < sizeof v1_signature) {
        if (byte != v1_signature[h->held - 1])
            bad(h, "it does not begin with a PROXY header");
    } else if (byte == '\n') {
        line_done(h);
    } else if (h->bytes[h->held - 2] == '\r') {
        bad(h, "its line must end with CR LF");
    } else if (h->held == PROXY_V1_MAX) {
        bad(h, "its line is longer than 107 bytes");
    }
}

/* --- version 2 --------------------------------------------------------------------------------------------------------- */

static unsigned byte_at(const struct proxy_header *h, size_t i)
{
    return (unsigned char)h->bytes[i];
}

/* How many bytes of addresses of interest come behind the head. */
static unsigned source_bytes(const struct proxy_header *h)
{
    if ((byte_at(h, 12) & 15) == 0)
        return 0; /* LOCAL: the proxy itself; the family is to be ignored */
    return byte_at(h, 13) == 0x11 ? V2_INET : byte_at(h, 13) == 0x21 ? V2_INET6 : 0;
}

/* What the family must have at least, LOCAL or not. */
static unsigned family_bytes(unsigned family)
{
    static const uint8_t bytes[] = { 0, V2_INET, V2_INET6, 216 };
    return bytes[family];
}

static void head_done(struct proxy_header *h)
{
    unsigned command = byte_at(h, 12) & 15, family = byte_at(h, 13) >> 4, transport = byte_at(h, 13) & 15;
    unsigned length = byte_at(h, 14) << 8 | byte_at(h, 15);
    if (byte_at(h, 12) >> 4 != 2 || command > 1)
        bad(h, "it has a version or a command that does not exist");
    else if (command == 1 && (family > 3 || transport > 2))
        bad(h, "it has a family or a transport that does not exist");
    else if (length > PROXY_V2_MAX)
        bad(h, "it is longer than 4096 bytes");
    else if (command == 1 && length < family_bytes(family))
        bad(h, "it is too short for its addresses");
    if (h->state == PROXY_BAD)
        return;
    h->left = (uint16_t)length;
    h->state = source_bytes(h) > 0 ? PROXY_SOURCE : length > 0 ? PROXY_REST : PROXY_DONE;
}

static void head_byte(struct proxy_header *h, char byte)
{
    h->bytes[h->held++] = byte;
    if (h->held <= V2_SIGNATURE && byte != v2_signature[h->held - 1])
        bad(h, "it does not begin with a PROXY header");
    else if (h->held == V2_HEAD)
        head_done(h);
}

static void source_byte(struct proxy_header *h, char byte)
{
    unsigned need = source_bytes(h);
    h->bytes[h->held++] = byte;
    h->left--;
    if (h->held < V2_HEAD + need)
        return;
    const char *at = h->bytes + V2_HEAD;
    if (need == V2_INET)
        h->source = address_of_ipv4(at);
    else
        memcpy(h->source.bytes, at, sizeof h->source.bytes);
    size_t port_at = V2_HEAD + need - 4; /* the two ports are last, the source's first */
    h->source_port = (uint16_t)(byte_at(h, port_at) << 8 | byte_at(h, port_at + 1));
    h->has_source = true;
    h->state = h->left > 0 ? PROXY_REST : PROXY_DONE;
    if (address_is_unix(&h->source))
        bad(h, "its source is ::, which nobody has");
}

static void pass_over(struct proxy_header *h, struct slice *in)
{
    size_t taken = in->len < h->left ? in->len : h->left;
    *in = slice_skip(*in, taken);
    h->left = (uint16_t)(h->left - taken);
    if (h->left == 0)
        h->state = PROXY_DONE;
}

/* --- both -------------------------------------------------------------------------------------------------------------- */

static void take_byte(struct proxy_header *h, char byte)
{
    if (h->state == PROXY_FIRST)
        h->state = byte == v2_signature[0] ? PROXY_HEAD : PROXY_LINE;
    if (h->state == PROXY_LINE)
        line_byte(h, byte);
    else if (h->state == PROXY_HEAD)
        head_byte(h, byte);
    else
        source_byte(h, byte);
}

enum feed proxy_feed(struct proxy_header *h, struct slice *in)
{
    while (in->len > 0 && h->state < PROXY_DONE) {
        if (h->state == PROXY_REST) {
            pass_over(h, in);
            continue;
        }
        char byte = in->at[0];
        *in = slice_skip(*in, 1);
        take_byte(h, byte);
    }
    return h->state == PROXY_DONE ? FEED_DONE : h->state == PROXY_BAD ? FEED_BAD : FEED_MORE;
}
