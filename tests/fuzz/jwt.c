/* Tokens of any bytes, with keys of a secret: only what is signed passes, and what passes can be peeked into. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "base/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_keys keys;
    struct jwt_claims      claims, peeked;
    struct error           e;
    struct slice           token = slice_of(data, size);
    if (keys.count == 0)
        assert(jwt_keys_add_secret(&keys, SLICE("CometQLPassword"), true, &(struct jwt_scope){ 0 }, NULL) == OK);
    bool is_right = jwt_verify(&keys, 1, token, 1795400000, &claims, &e) == OK;
    bool is_readable = jwt_peek(token, &peeked, &e) == OK;
    if (is_right)
        assert(is_readable && claims.user_id == peeked.user_id && claims.expires_s == peeked.expires_s);
    assert(jwt_signed_part(token).len <= size);
    return 0;
}
