/* directory: the users of the telephones, for FreeSWITCH's mod_xml_curl (spec cometql.md section 7.4).
 *
 *   GET  /directory?...&user=000015123&...                  or below /comet-server-com, or as the body of a POST
 *     -> 200, an XML document with the SIP secret of user 123 of app 15
 *     -> 404, nothing: there is no such user, or he is not here
 *
 * On a port of its own (section [freeswitch]), because the answer is a secret: on the loopback address by default, with
 * a list of addresses that may ask and HTTP Basic when they are configured. The secret is not what the user logs in
 * with (hub/user_secret.c).
 */
#ifndef ENCKE_API_DIRECTORY_H
#define ENCKE_API_DIRECTORY_H

#include "http/route.h"

struct api_directory {
    const char        *user, *password; /* HTTP Basic; both empty: nobody is asked */
    const char *const *allowed;         /* numeric addresses that may ask */
    unsigned           allowed_count;   /* 0: every address */
};

/* Borrowed for ever; once, before the shards start. */
void api_directory_setup(const struct api_directory *settings);

void api_directory_request(struct stream *s, const struct http_request *r);

/* Any other address of the port: a page that says what this is. */
void api_directory_page_request(struct stream *s, const struct http_request *r);

#endif
