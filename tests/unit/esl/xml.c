/* The small XML reader. */
#include "unit/test.h"

#include "base/buf.h"
#include "esl/xml.h"

/* "<a <b b> 'x' ..." of a document, or "bad". */
static const char *story(const char *document)
{
    static struct buf b;
    struct xml        x;
    enum xml_what     what;
    buf_reset(&b);
    xml_init(&x, slice_str(document));
    while ((what = xml_next(&x)) > XML_END) {
        if (what == XML_TEXT)
            buf_printf(&b, "'%.*s' ", SLICE_ARG(x.text));
        else
            buf_printf(&b, what == XML_OPEN ? "<%.*s%u " : "%.*s%u> ", SLICE_ARG(x.name), x.depth);
    }
    if (what == XML_BAD)
        buf_reset(&b);
    buf_text(&b, what == XML_BAD ? "bad" : "end");
    buf_byte(&b, '\0');
    return b.at;
}

TEST(elements_come_in_order_with_their_depth)
{
    UNUSED_STATE;
    assert_string_equal(story("<a/>"), "<a1 a1> end");
    assert_string_equal(story("<?xml version=\"1.0\"?>\n<!-- c --><a>x<b c='1'/>y</a >\n<!-- d -->\n"),
                        "<a1 'x' <b2 b2> 'y' a1> end");
    assert_string_equal(story("<a><![CDATA[<b>]]>&lt;</a>"), "<a1 '<b>' '&lt;' a1> end");
    assert_string_equal(story("<a b='>' c=\"'>\">t</a>"), "<a1 't' a1> end");
}

TEST(what_is_not_well_formed_is_bad)
{
    UNUSED_STATE;
    static const char *const documents[] = {
        "",
        " ",
        "x",
        "<",
        "<a",
        "<a>",
        "<a></b>",
        "<a><b></a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b></a>",
        "<a b=1></a>",
        "<a b='1></a>",
        "<a b='<'></a>",
        "<1 2/>",
        "< a/>",
        "<!-- <a/>",
        "<a><!-- </a>",
        "<?x <a/>",
        "<![CDATA[x]]><a/>",
        "<a><![CDATA[x</a>",
        "<!DOCTYPE a><a/>",
        "<a/></a>",
        "<a='1'/>",
        "<a></a b>",
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        if (strcmp(story(documents[i]), "bad") != 0)
            fail_msg("\"%s\" is taken for well-formed: %s", documents[i], story(documents[i]));
    }
}

TEST(depth_has_a_bound)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    for (int depth = XML_DEPTH_MAX; depth <= XML_DEPTH_MAX + 1; depth++) {
        buf_reset(&b);
        for (int i = 0; i < depth; i++)
            buf_text(&b, "<a>");
        for (int i = 0; i < depth; i++)
            buf_text(&b, "</a>");
        buf_byte(&b, '\0');
        assert_int_equal(strcmp(story(b.at), "bad") == 0, depth > XML_DEPTH_MAX);
    }
    buf_clear(&b);
}

static void check_decoded(const char *raw, const char *expected)
{
    char   out[64];
    size_t len = 0;
    assert_true(xml_decode(slice_str(raw), out, sizeof out, &len));
    assert_slice(slice_of(out, len), expected);
}

TEST(entities_are_decoded_and_others_stay)
{
    UNUSED_STATE;
    check_decoded("a&lt;&gt;&amp;&quot;&apos;b", "a<>&\"'b");
    check_decoded("&#65;&#x42;&#x20AC;&#128512;", "AB\xe2\x82\xac\xf0\x9f\x98\x80");
    check_decoded("&amp;lt;", "&lt;");
    check_decoded("&nothing; & &; &#; &#x; &#0; &#xD800; &#x110000; &#99999999999;",
                  "&nothing; & &; &#; &#x; &#0; &#xD800; &#x110000; &#99999999999;");
    char   small[2];
    size_t len;
    assert_false(xml_decode(SLICE("abc"), small, sizeof small, &len));
    assert_false(xml_decode(SLICE("&#x20AC;"), small, sizeof small, &len));
}

TEST(attributes_are_found_by_name)
{
    UNUSED_STATE;
    struct xml x;
    char       out[16];
    size_t     len;
    xml_init(&x, SLICE("<a  one='1' two = \"&lt;2\"\n three=''/>"));
    assert_int_equal(xml_next(&x), XML_OPEN);
    assert_true(xml_attribute(&x, "two", out, sizeof out, &len));
    assert_slice(slice_of(out, len), "<2");
    assert_true(xml_attribute(&x, "three", out, sizeof out, &len));
    assert_int_equal(len, 0);
    assert_false(xml_attribute(&x, "four", out, sizeof out, &len));
    assert_false(xml_attribute(&x, "two", out, 1, &len));
}

TESTS(RUN(elements_come_in_order_with_their_depth), RUN(what_is_not_well_formed_is_bad), RUN(depth_has_a_bound),
      RUN(entities_are_decoded_and_others_stay), RUN(attributes_are_found_by_name))
