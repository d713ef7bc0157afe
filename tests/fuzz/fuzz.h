/* fuzz: what every target defines. With clang and -DENCKE_FUZZ=ON libFuzzer calls it; otherwise tests/fuzz/replay.c does, with
 * each file of the corpus. A crash found by fuzzing becomes a file there. */
#ifndef ENCKE_TESTS_FUZZ_FUZZ_H
#define ENCKE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
