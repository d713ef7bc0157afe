/* seed: the random numbers of a model test, which can be had again.
 *
 *   ENCKE_SEED=1234 ./model_base_slab        the run that printed "seed 1234"
 */
#ifndef ENCKE_TESTS_MODEL_SEED_H
#define ENCKE_TESTS_MODEL_SEED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"

static uint64_t seed_state;

/* From ENCKE_SEED, or a new one; prints it either way. */
static inline void seed_start(void)
{
    const char *given = getenv("ENCKE_SEED");
    seed_state = given != NULL ? strtoull(given, NULL, 10) : random_u64();
    printf("seed %" PRIu64 "\n", seed_state);
    fflush(stdout);
}

/* SplitMix64: any state is a good one, so any seed may be given. */
static inline uint64_t seed_next(void)
{
    uint64_t z = seed_state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* 0 to bound - 1. */
static inline uint64_t seed_below(uint64_t bound)
{
    return seed_next() % bound;
}

#endif
