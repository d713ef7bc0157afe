/* Nothing includes this way up; only the linker can see it. In a file of its own, so that an ordinary link of low() works. */
extern int high(void);
int        upward(void);

int upward(void)
{
    return high();
}
