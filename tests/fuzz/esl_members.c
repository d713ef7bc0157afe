/* Any answer of FreeSWITCH: the walk through the XML ends, stays inside of it, and opens as often as it closes. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "esl/members.h"
#include "esl/xml.h"

static void walk(struct slice document)
{
    struct xml    x;
    enum xml_what what;
    size_t        steps = 0;
    long          open = 0;
    char          value[64];
    size_t        len;
    xml_init(&x, document);
    while ((what = xml_next(&x)) > XML_END) {
        assert(++steps <= 2 * document.len + 2);
        open += (what == XML_OPEN) - (what == XML_CLOSE);
        assert(open >= 0 && open <= XML_DEPTH_MAX);
        if (what == XML_OPEN && xml_attribute(&x, "name", value, sizeof value, &len))
            assert(len <= sizeof value);
        if (what == XML_TEXT && xml_decode(x.text, value, sizeof value, &len))
            assert(len <= x.text.len);
    }
    assert(what == XML_BAD || open == 0);
    assert(xml_next(&x) == what || what == XML_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct esl_members m;
    struct slice       document = slice_of(data, size);
    walk(document);
    if (esl_members_read(document, &m) == OK)
        for (unsigned i = 0; i < m.count; i++)
            assert(m.at[i].user_id <= 999999999 && m.at[i].place_len <= sizeof m.at[i].place);
    else
        assert(m.count == 0 && m.at == NULL);
    esl_members_clear(&m);
    return 0;
}
