/* xml: a small reader of XML that lies in memory.
 *
 *   struct xml x;
 *   xml_init(&x, body);
 *   while ((what = xml_next(&x)) > XML_END) ...        XML_OPEN, XML_TEXT, XML_CLOSE in the order of the document
 *   if (what == XML_BAD) ...                           it is not well formed: forget all that was seen
 *
 * It reads what a machine writes: elements, attributes, text, CDATA, the five entities and numeric ones; comments and
 * processing instructions are skipped. A DOCTYPE is refused, so nothing is ever expanded. Every step takes at least one
 * byte, so a walk ends; tags must match; depth is bounded by XML_DEPTH_MAX. Pure; owns nothing.
 */
#ifndef ENCKE_ESL_XML_H
#define ENCKE_ESL_XML_H

#include "base/slice.h"

#define XML_DEPTH_MAX 32

enum xml_what { XML_BAD, XML_END, XML_OPEN, XML_TEXT, XML_CLOSE };

struct xml {
    struct slice rest;                 /* not read yet */
    struct slice names[XML_DEPTH_MAX]; /* of the open elements */
    unsigned     depth;                /* of the element seen last: 1 = the root; at XML_CLOSE it is still counted */
    bool         is_bad;
    bool         has_root;
    bool         closes_next; /* <a/>: its XML_CLOSE comes next */
    bool         has_closed;  /* the last step was an XML_CLOSE: one level less from the next on */

    struct slice name;       /* of XML_OPEN and XML_CLOSE */
    struct slice attributes; /* raw, of XML_OPEN */
    struct slice text;       /* raw, of XML_TEXT; as it is when is_literal */
    bool         is_literal; /* CDATA: nothing is to be decoded */
};

void          xml_init(struct xml *x, struct slice document);
enum xml_what xml_next(struct xml *x);

/* The value of an attribute of the element just opened, decoded into `out`, which it fits whole. False: there is none,
 * or it is too long. */
bool xml_attribute(const struct xml *x, const char *name, char *out, size_t size, size_t *out_len);

/* Text with its entities decoded. False: it does not fit. */
bool xml_decode(struct slice raw, char *out, size_t size, size_t *out_len);

#endif
