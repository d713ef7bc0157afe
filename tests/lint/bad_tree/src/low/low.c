#include "low/low.h"

int low(void)
{
    return 1;
}
