/* Any form: a value is never longer than it was, and never has a NUL. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char   value[64];
    size_t len = 0;
    if (http_form_value(slice_of(data, size), "user", value, sizeof value, &len) == HTTP_FORM_FOUND)
        assert(len <= sizeof value && len <= size && memchr(value, '\0', len) == NULL);
    return 0;
}
