/* html_internal: what the files that draw share: the measures of a graph, and its frame. Included by tools/load/html_*.c only. */
#ifndef ENCKE_LOAD_HTML_INTERNAL_H
#define ENCKE_LOAD_HTML_INTERNAL_H

#include "load/html_chart.h"
#include "load/write.h"

#define CHART_WIDTH   720
#define CHART_HEIGHT  250
#define CHART_LEFT    78 /* room for figures */
#define CHART_RIGHT   14
#define CHART_TOP     12
#define CHART_BOTTOM  218
#define CHART_COLUMNS 600 /* points of a line, twice */
#define CHART_WORDS   100 /* places that answer the pointer */

void        chart_open(struct buf *out, const char *id, const char *title, const char *note);
void        chart_svg(struct buf *out, const char *title, double height);
double      chart_x(double at_s, double until_s);
void        chart_time_axis(struct buf *out, double until_s, double bottom);
const char *chart_figure(double value, enum chart_unit unit, char out[WRITE_NUMBER_MAX]);

#endif
