/* metrics: all counters in Prometheus' text format (0.0.4), for those who scrape.
 *
 *   GET /metrics      encke_ws_connections 17          a gauge
 *                     encke_published_total 42         what only grows ends with _total
 *
 * The names are those of docs/reference/counters.md. Public, as /api/status is: figures, no names and no content.
 */
#ifndef ENCKE_API_METRICS_H
#define ENCKE_API_METRICS_H

#include "http/route.h"

void api_metrics_request(struct stream *s, const struct http_request *r);

#endif
