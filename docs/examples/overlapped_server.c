/*
 * Pipe server with overlapped I/O: several instances, one thread, nothing that waits but poll(2).
 * Sends back what it gets, in capitals.
 *
 *     cc -I.. -o server overlapped_server.c && ./server /pipes/shout
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pipefs.h"

#define INSTANCES 4
#define BUFFER_BYTES 4096

struct instance {
    int pipe;
    char reply[BUFFER_BYTES];
    size_t reply_bytes; /* What is to be written; 0 while a message is waited for. */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* DisconnectNamedPipe, and ConnectNamedPipe that does not wait: poll tells what the next client
 * sends. One that waits already gets the instance at once. */
static void reconnect(struct instance *instance)
{
    __u32 at_once = 0;
    instance->reply_bytes = 0;
    if (ioctl(instance->pipe, PIPEFS_DISCONNECT) == -1)
        fail("PIPEFS_DISCONNECT");
    if (ioctl(instance->pipe, PIPEFS_CONNECT, &at_once) == -1 && errno != EAGAIN)
        fail("PIPEFS_CONNECT");
}

/* ReadFile. False: the client has gone. */
static bool receive(struct instance *instance)
{
    ssize_t length = read(instance->pipe, instance->reply, BUFFER_BYTES);
    if (length == -1)
        return errno == EAGAIN;
    for (ssize_t i = 0; i < length; i++)
        instance->reply[i] = (char)toupper((unsigned char)instance->reply[i]);
    instance->reply_bytes = (size_t)length;
    return length > 0;
}

/* WriteFile: a message is taken as a whole, or not yet. False: the client has gone. */
static bool reply(struct instance *instance)
{
    if (write(instance->pipe, instance->reply, instance->reply_bytes) == -1)
        return errno == EAGAIN;
    instance->reply_bytes = 0;
    return true;
}

int main(int count, char **arguments)
{
    struct instance instances[INSTANCES] = {0};
    struct pollfd ready[INSTANCES];

    if (count != 2) {
        fprintf(stderr, "usage: %s PIPE\n", arguments[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* A client that has gone is an error of write(2), not our end. */
    for (int i = 0; i < INSTANCES; i++) {
        /* CreateNamedPipe with FILE_FLAG_OVERLAPPED; clients can come from here on. */
        instances[i].pipe = open(arguments[1], O_RDWR | O_TRUNC | O_NONBLOCK | O_CLOEXEC);
        if (instances[i].pipe == -1)
            fail(arguments[1]);
    }
    for (;;) {
        for (int i = 0; i < INSTANCES; i++) {
            ready[i].fd = instances[i].pipe;
            ready[i].events = instances[i].reply_bytes > 0 ? POLLOUT : POLLIN;
        }
        if (poll(ready, INSTANCES, -1) == -1) /* WaitForMultipleObjects */
            fail("poll");
        for (int i = 0; i < INSTANCES; i++) {
            struct instance *instance = &instances[i];
            if (ready[i].revents == 0)
                continue;
            if (!(instance->reply_bytes > 0 ? reply(instance) : receive(instance)))
                reconnect(instance);
        }
    }
}
