/* form: fields of a query or of a body of type application/x-www-form-urlencoded. Pure.
 *
 *   "section=directory&user=000015123&domain=a%2Eb"   http_form_value(..., "user", ...) -> 000015123
 *
 * The order of the fields does not matter, nor whether names are encoded; of fields with the same name the first
 * counts. + and %20 are a blank.
 */
#ifndef ENCKE_HTTP_FORM_H
#define ENCKE_HTTP_FORM_H

#include "base/slice.h"

enum http_form { HTTP_FORM_ABSENT, HTTP_FORM_FOUND, HTTP_FORM_BAD };

/* BAD: the field is there and its percent-encoding is wrong, it holds a NUL, or it is longer than `size`. */
enum http_form http_form_value(struct slice form, const char *name, char *out, size_t size, size_t *out_len);

#endif
