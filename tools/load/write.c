/* write.c: see write.h. */
#include "load/write.h"

#include <stdio.h>

const char *write_number(uint64_t value, char out[WRITE_NUMBER_MAX])
{
    char digits[24];
    int  len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* Three figures, and the unit that suits. */
static const char *with_unit(double value, const char *const *units, unsigned count, char out[WRITE_NUMBER_MAX])
{
    unsigned unit = 0;
    while (unit + 1 < count && value >= 999.5) {
        value /= 1000;
        unit++;
    }
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, WRITE_NUMBER_MAX, "%.*f %s", decimals, value, units[unit]);
    return out;
}

const char *write_bytes(uint64_t bytes, char out[WRITE_NUMBER_MAX])
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    return with_unit((double)bytes, units, 5, out);
}

const char *write_us(uint64_t us, char out[WRITE_NUMBER_MAX])
{
    static const char *const units[] = { "us", "ms", "s" };
    return with_unit((double)us, units, 3, out);
}

const char *write_seconds(double seconds, char out[WRITE_NUMBER_MAX])
{
    unsigned long s = seconds > 0 && seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 0;
    if (s < 100)
        snprintf(out, WRITE_NUMBER_MAX, "%lu s", s);
    else if (s < 3600)
        snprintf(out, WRITE_NUMBER_MAX, "%lu:%02lu", s / 60, s % 60);
    else
        snprintf(out, WRITE_NUMBER_MAX, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    return out;
}
