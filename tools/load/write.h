/* write: figures as people read them. Pure; each fills the buffer given and returns it. */
#ifndef ENCKE_LOAD_WRITE_H
#define ENCKE_LOAD_WRITE_H

#include <stdint.h>

#define WRITE_NUMBER_MAX 32

const char *write_number(uint64_t value, char out[WRITE_NUMBER_MAX]);  /* 64,000 */
const char *write_bytes(uint64_t bytes, char out[WRITE_NUMBER_MAX]);   /* 1.53 GB, powers of 1000 */
const char *write_us(uint64_t us, char out[WRITE_NUMBER_MAX]);         /* 850 us, 1.25 ms, 3.4 s */
const char *write_seconds(double seconds, char out[WRITE_NUMBER_MAX]); /* 75 s, 12:05, 1:02:05 */

#endif
