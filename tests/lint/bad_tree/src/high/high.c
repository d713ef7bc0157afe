#include "low/low.h"

int high(void);

int high(void)
{
    return low();
}
