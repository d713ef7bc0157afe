/* Sec-WebSocket-Extensions: whatever is offered, the answer is empty or one of two. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "ws/extension.h"

#define AGREED "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void check(int holds)
{
    if (!holds)
        abort();
}

static int is_answer(struct slice s)
{
    return s.len == 0 || slice_is(s, AGREED) || slice_is(s, AGREED "; server_max_window_bits=12");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ws_extensions chosen = { .has_deflate = false }, again = chosen;
    char                 answer[WS_EXTENSIONS_SIZE];
    char                *exact = malloc(size > 0 ? size : 1); /* so that ASan sees a read past the end */

    check(exact != NULL);
    if (size > 0)
        memcpy(exact, data, size);
    bool is_read = ws_extensions_read(slice_of(exact, size), &chosen);
    check(is_answer(ws_extensions_answer(&chosen, answer)));

    again.has_deflate = true; /* a later header changes nothing */
    check(ws_extensions_read(slice_of(exact, size), &again) == is_read);
    check(again.has_deflate && !again.asked_for_window);
    free(exact);
    return 0;
}
