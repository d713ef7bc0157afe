/* results_html: the page with graphs. */
#include "load/results.h"

enum status results_html(const struct results *r, const char *path, struct error *out_error)
{
    (void)r;
    return error_set(out_error, E_NOT_IMPLEMENTED, "--html: the page %s cannot be written by this version yet", path);
}
