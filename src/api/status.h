/* status: what the server says about itself over HTTP.
 *
 *   GET /api/status   its figures as JSON, for the page at / and for anybody who polls
 *   GET /info         CppComet's answer to a health check
 *   OPTIONS *         CORS: the pages may live on another host
 *
 * All of it is public: figures, no names and no content.
 */
#ifndef ENCKE_API_STATUS_H
#define ENCKE_API_STATUS_H

#include "http/route.h"

/* Once, before the shards start; `node_name` borrowed for ever. */
void api_status_setup(const char *node_name, unsigned shard_count);

/* In a shard. */
double   api_status_cpu_s(void);
uint64_t api_status_uptime_s(void);

void api_status_request(struct stream *s, const struct http_request *r);
void api_info_request(struct stream *s, const struct http_request *r);
void api_favicon_request(struct stream *s, const struct http_request *r);
void api_options_request(struct stream *s, const struct http_request *r);

#endif
