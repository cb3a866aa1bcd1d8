/*
 * Pipe client: sends each message and prints the reply.
 *
 *     cc -I.. -o client client.c && ./client /pipes/shout hello "how are you"
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pipefs.h"

#define BUFFER_BYTES 4096
#define LIMIT_SECONDS 20

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fprintf(stderr, "usage: %s PIPE MESSAGE...\n", arguments[0]);
        return 2;
    }
    /* CreateFile, and WaitNamedPipe as often as it takes: the open waits for an instance. With
     * O_APPEND it is a client's. SIGALRM is the limit. */
    alarm(LIMIT_SECONDS);
    int pipe = open(arguments[1], O_RDWR | O_APPEND | O_CLOEXEC);
    if (pipe == -1)
        fail(arguments[1]);
    alarm(0);

    /* SetNamedPipeHandleState: so it is from the start. This fails if the pipe has no messages. */
    __u32 mode = PIPEFS_READ_MESSAGES;
    if (ioctl(pipe, PIPEFS_SET_STATE, &mode) == -1)
        fail("PIPEFS_SET_STATE");

    for (int i = 2; i < count; i++) {
        char reply[BUFFER_BYTES];
        if (write(pipe, arguments[i], strlen(arguments[i])) == -1) /* WriteFile */
            fail("write");
        ssize_t length = read(pipe, reply, sizeof reply); /* ReadFile */
        if (length == -1)
            fail("read");
        if (length == 0) {
            fprintf(stderr, "the server has left\n");
            return 1;
        }
        printf("%.*s\n", (int)length, reply);
    }
    close(pipe);
    return 0;
}
