/*
 * Multithreaded pipe server: a thread for each client. Sends back what it gets, in capitals.
 *
 *     cc -D_GNU_SOURCE -I.. -pthread -o server multithreaded_server.c && ./server /pipes/shout
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pipefs.h"

#define BUFFER_BYTES 4096

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *serve(void *argument)
{
    int instance = (int)(intptr_t)argument;
    char message[BUFFER_BYTES];
    ssize_t length;

    /* ReadFile. 0: the client has closed, or sent an empty message. Ctrl-Z and fg interrupt it. */
    while ((length = TEMP_FAILURE_RETRY(read(instance, message, sizeof message))) > 0) {
        for (ssize_t i = 0; i < length; i++)
            message[i] = (char)toupper((unsigned char)message[i]);
        if (write(instance, message, (size_t)length) != length) /* WriteFile */
            break;
    }
    fsync(instance);                    /* FlushFileBuffers: the client reads it, or leaves. */
    ioctl(instance, PIPEFS_DISCONNECT); /* DisconnectNamedPipe */
    close(instance);                    /* CloseHandle */
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s PIPE\n", arguments[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* A client that has gone is an error of write(2), not our end. */
    for (;;) {
        /* CreateNamedPipe: with O_TRUNC it is a server's, an instance of its own. */
        int instance = open(arguments[1], O_RDWR | O_TRUNC | O_CLOEXEC);
        if (instance == -1)
            fail(arguments[1]);
        /* ConnectNamedPipe. A client that has left already (EPIPE) may have left a message. */
        __u32 limit_ms = PIPEFS_FOREVER;
        int result = TEMP_FAILURE_RETRY(ioctl(instance, PIPEFS_CONNECT, &limit_ms));
        if (result == -1 && errno != EPIPE)
            fail("PIPEFS_CONNECT");

        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)instance) != 0)
            fail("pthread_create");
        pthread_detach(thread);
    }
}
