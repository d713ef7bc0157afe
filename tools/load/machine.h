/* machine: what this machine has, and what processes on it use. Reads /proc. */
#ifndef ENCKE_LOAD_MACHINE_H
#define ENCKE_LOAD_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#define MACHINE_CORES_MAX 256

struct machine {
    uint64_t core_busy[MACHINE_CORES_MAX], core_all[MACHINE_CORES_MAX]; /* ticks at the last look */
    uint64_t server_ticks;
    uint64_t at_ns;
    unsigned core_count;
};

/* "Linux 6.1.0, 2 cores, 24 GB" */
void machine_name(char *out, size_t size);

/* Busy per cent of each core since the last look, and the cores that the process used (< 0: unknown). */
void machine_look(struct machine *m, int server_pid, uint8_t *out_core_percent, double *out_server_cores);

uint64_t machine_rss(int pid); /* bytes; 0: unknown. pid 0: this process */

/* Descriptors one table may have, after raising the limit as far as allowed. */
uint32_t machine_descriptors(void);

/* Local ports of one source address. */
uint32_t machine_ports(void);
uint64_t machine_memory_free(void); /* bytes */

/* The first number of a file in /proc; 0: it is not there. */
uint64_t machine_number(const char *path);

#endif
