/* program: how this process was started, and how it starts the same once more, with sockets.
 *
 * The sockets travel in a variable of the environment, which is taken out of it before anybody reads settings there:
 *
 *   ENCKE_SUCCESSOR="7/4711 ws:8 ws:9 cometql:10 cometql:11"      7: the connection to process 4711; "-": nobody was before
 *
 * Included by upgrade*.c only. Thread: main.
 */
#ifndef ENCKE_SERVER_PROGRAM_H
#define ENCKE_SERVER_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#define PROGRAM_DOORS 1024 /* listening sockets that can be given */

#define PROGRAM_GIVEN "!"  /* behind the name: by a service manager, wherever the settings say */

struct given_door {
    char name[16]; /* of its port */
    int  fd;
};

struct given {
    bool              is_given; /* something was */
    int               pair_fd;  /* -1: the process before is gone */
    pid_t             parent;   /* that process */
    unsigned          door_count;
    struct given_door doors[PROGRAM_DOORS];
};

extern struct given program_given;

/* Does the process before live? */
bool program_has_parent(void);

/* Before the command line is read: secrets in it are overwritten then. */
void program_note_start(int argc, char **argv);

/* A child that runs the program with these descriptors (and its standard streams) open. -1: it could not be made. */
pid_t program_start(int pair_fd, const struct given_door *doors, unsigned count);

/* This process becomes it. Returns when it cannot. */
void program_become(const struct given_door *doors, unsigned count);

#endif
