/* members.c: see members.h. */
#include "esl/members.h"

#include <stdlib.h>

#include "base/array.h"
#include "esl/xml.h"

#define APP_DIGITS 6
#define USER_MAX 999999999
#define NAME_MAX_LEN 512

/* Where the walk through the document is. */
struct walk {
    struct xml          xml;
    struct esl_members *out;
    bool                is_ours;   /* the conference has an app and a room */
    bool                is_caller; /* inside a member who is one */
    bool                has_user;
    uint32_t            app;
    struct slice        field; /* name of the element that text belongs to */
    struct esl_member   member;
};

/* The cut text in a field of `size` bytes; its length. */
static uint8_t put(char *field, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : size;
    if (len > 0)
        memcpy(field, text.at, len);
    return (uint8_t)len;
}

/* "15*7001-domain" */
static void begin_conference(struct walk *w)
{
    char     name[NAME_MAX_LEN];
    size_t   len = 0;
    uint64_t app;
    w->is_ours = false;
    w->member = (struct esl_member){ 0 };
    if (!xml_attribute(&w->xml, "name", name, sizeof name, &len))
        return;
    struct slice place = slice_of(name, len);
    if (slice_find(place, '*') == SIZE_MAX || !slice_u64(slice_cut(&place, '*'), UINT32_MAX, &app))
        return;
    w->is_ours = true;
    w->member.app = (uint32_t)app;
    w->member.place_len = put(w->member.place, sizeof w->member.place, place);
}

static void begin_member(struct walk *w)
{
    char   type[16];
    size_t len = 0;
    w->is_caller = xml_attribute(&w->xml, "type", type, sizeof type, &len) && slice_is(slice_of(type, len), "caller");
    w->has_user = false;
    w->member.join_len = w->member.talk_len = 0;
}

/* conferences > conference > members > member > caller_id_name */
static void opened(struct walk *w)
{
    w->field = (struct slice){ NULL, 0 };
    if (w->xml.depth == 2 && slice_is(w->xml.name, "conference"))
        begin_conference(w);
    else if (w->xml.depth == 4 && slice_is(w->xml.name, "member"))
        begin_member(w);
    else if (w->xml.depth == 5)
        w->field = w->xml.name;
}

static void name_of_caller(struct walk *w, struct slice text)
{
    uint64_t app, user_id;
    w->has_user = text.len > APP_DIGITS && slice_u64(slice_first(text, APP_DIGITS), UINT32_MAX, &app) &&
                  app == w->member.app && slice_u64(slice_skip(text, APP_DIGITS), USER_MAX, &user_id);
    w->member.user_id = w->has_user ? (uint32_t)user_id : 0;
}

static void said(struct walk *w)
{
    char         decoded[64];
    size_t       len = 0;
    struct slice text = w->xml.text;
    if (w->xml.depth != 5 || w->field.len == 0)
        return;
    if (!w->xml.is_literal) {
        if (!xml_decode(slice_trim(text), decoded, sizeof decoded, &len))
            return;
        text = slice_of(decoded, len);
    }
    if (slice_is(w->field, "caller_id_name"))
        name_of_caller(w, text);
    else if (slice_is(w->field, "join_time"))
        w->member.join_len = put(w->member.join_time, sizeof w->member.join_time, text);
    else if (slice_is(w->field, "last_talking"))
        w->member.talk_len = put(w->member.last_talking, sizeof w->member.last_talking, text);
}

static enum status closed(struct walk *w)
{
    w->field = (struct slice){ NULL, 0 };
    if (w->xml.depth == 2)
        w->is_ours = false;
    if (w->xml.depth != 4 || !w->is_ours || !w->is_caller || !w->has_user || w->out->count == ESL_MEMBERS_MAX)
        return OK;
    if (!array_room(&w->out->at, &w->out->cap, w->out->count + 1, sizeof *w->out->at))
        return E_NO_MEMORY;
    w->out->at[w->out->count++] = w->member;
    w->is_caller = false;
    return OK;
}

enum status esl_members_read(struct slice answer, struct esl_members *out)
{
    struct walk   w = { .out = out };
    enum status   status = OK;
    enum xml_what what;
    *out = (struct esl_members){ 0 };
    answer = slice_trim(answer);
    if (answer.len == 0 || *answer.at != '<')
        return OK;
    xml_init(&w.xml, answer);
    while (status == OK && (what = xml_next(&w.xml)) != XML_END) {
        if (what == XML_BAD)
            status = E_MALFORMED;
        else if (what == XML_OPEN)
            opened(&w);
        else if (what == XML_TEXT)
            said(&w);
        else
            status = closed(&w);
    }
    if (status != OK)
        esl_members_clear(out);
    return status;
}

void esl_members_clear(struct esl_members *m)
{
    free(m->at);
    *m = (struct esl_members){ 0 };
}

struct slice esl_room_of(const struct esl_member *m)
{
    size_t len = 0;
    while (len < m->place_len && m->place[len] != '*' && m->place[len] != '-')
        len++;
    return slice_of(m->place, len);
}

bool esl_is_in_room(const struct esl_member *m, struct slice room)
{
    struct slice place = slice_of(m->place, m->place_len);
    if (slice_equal(esl_room_of(m), room))
        return true;
    if (slice_find(room, '-') == SIZE_MAX || place.len < room.len || !slice_equal(slice_first(place, room.len), room))
        return false;
    return place.len == room.len || place.at[room.len] == '-' || place.at[room.len] == '*';
}
