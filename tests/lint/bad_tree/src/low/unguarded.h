/* unguarded: a header that cannot be included twice. */
struct unguarded {
    int field;
};
