/* The lexer: text in, tokens out. */
#include "cometql/lexer.h"

#include "base/buf.h"
#include "unit/test.h"

/* Each token as a letter for its kind and its text. */
static void show(struct buf *b, struct slice sql)
{
    static const char kinds[] = { [TOKEN_WORD] = 'w',     [TOKEN_NUMBER] = 'n', [TOKEN_QUOTED] = 'q', [TOKEN_SYSTEM] = 's',
                                  [TOKEN_VARIABLE] = 'v', [TOKEN_MARK] = 'm',   [TOKEN_UNENDED] = 'u', [TOKEN_UNKNOWN] = '?',
                                  [TOKEN_PARAMETER] = 'p' };
    struct lexer      l = { .sql = sql };
    for (struct token t = lexer_next(&l); t.kind != TOKEN_END; t = lexer_next(&l)) {
        assert_true(t.end > t.at && t.end <= sql.len);
        buf_printf(b, "%s%c:", b->len > 0 ? " " : "", kinds[t.kind]);
        buf_slice_append(b, t.text);
    }
}

static void expect(const char *sql, const char *tokens)
{
    struct buf b = { 0 };
    show(&b, slice_str(sql));
    assert_slice(buf_slice(&b), tokens);
    buf_clear(&b);
}

TEST(words_numbers_and_marks_are_told_apart)
{
    UNUSED_STATE;
    expect("SELECT a_1,12,1.5,1.x FROM $t", "w:SELECT w:a_1 m:, n:12 m:, n:1.5 m:, n:1 m:. w:x w:FROM w:$t");
    expect("a<=1>=2<>3!=4&&5<6>7", "w:a m:<= n:1 m:>= n:2 m:<> n:3 m:!= n:4 m:&& n:5 m:< n:6 m:> n:7");
    expect("12abc \xd0\x96 0x1F", "w:12abc w:\xd0\x96 w:0x1F");
    expect("@@a.b @c @'d e' @ @@ !", "s:@@a.b v:@c v:@'d e' ?:@ ?:@@ m:!");
}

TEST(quotes_end_where_mysql_ends_them)
{
    UNUSED_STATE;
    expect("'a''b' \"c\\\"d\" `e``f` `g\\`", "q:a''b q:c\\\"d q:e``f q:g\\");
    expect("'a\\\\' 'b'", "q:a\\\\ q:b");
    expect("'a\\'", "u:'a\\'");
    expect("''''", "q:''");
    expect("''", "q:");
    expect("'''", "u:'''");
}

TEST(comments_are_blanks)
{
    UNUSED_STATE;
    expect("a-- b\nc#d\ne/*f*/g/**/h", "w:a w:c w:e w:g w:h");
    expect("1--2 3 --", "n:1 m:- m:- n:2 n:3");
    expect("a /* b", "w:a u:/* b");
    expect("a /*/", "w:a u:/*/");
    expect("a / b", "w:a m:/ w:b");
}

TEST(comments_that_mysql_carries_out_are_text)
{
    UNUSED_STATE;
    expect("show /*!50002 global */ status", "w:show w:global w:status");
    expect("/*!40101 set a*/; b", "w:set w:a m:; w:b");
    expect("a /*! b */ c /*!80000 d */ e", "w:a w:b w:c w:e");
    expect("a */ b", "w:a m:* m:/ w:b");
    expect("/*!", "");
    expect("/*!50002 'a */", "u:'a */");
}

TEST(a_nul_is_an_unknown_byte)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    show(&b, slice_of("a\0b", 3));
    assert_int_equal(b.len, strlen("w:a ?:x w:b"));
    buf_clear(&b);
}

TESTS(RUN(words_numbers_and_marks_are_told_apart), RUN(quotes_end_where_mysql_ends_them), RUN(comments_are_blanks),
      RUN(comments_that_mysql_carries_out_are_text), RUN(a_nul_is_an_unknown_byte))
