/*
 * Transactions on a pipe: each message and its reply are one call.
 *
 *     cc -I.. -o client transaction_client.c && ./client /pipes/shout hello "how are you"
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pipefs.h"

#define BUFFER_BYTES 512
#define LIMIT_MS 20000

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* TransactNamedPipe, and ReadFile for as long as it says ERROR_MORE_DATA. */
static void transact(int pipe, const char *message)
{
    union {
        struct pipefs_transact call;
        char bytes[sizeof(struct pipefs_transact) + BUFFER_BYTES];
    } buffer = {0};
    struct pipefs_transact *call = &buffer.call;

    call->length = (__u32)strlen(message);
    call->timeout_ms = LIMIT_MS;
    if (call->length > BUFFER_BYTES) {
        fprintf(stderr, "a message is longer than %d bytes\n", BUFFER_BYTES);
        exit(2);
    }
    memcpy(call->data, message, call->length);
    /* The structure's size is a part of the number. */
    if (ioctl(pipe, PIPEFS_TRANSACT(sizeof buffer), call) == -1)
        fail("PIPEFS_TRANSACT");
    if (call->length == 0) { /* Or an empty message, which these servers do not send. */
        fprintf(stderr, "the server has left without a reply\n");
        exit(1);
    }
    fwrite(call->data, 1, call->length, stdout);

    __u32 left = call->left_bytes;
    while (left > 0) {
        char rest[BUFFER_BYTES];
        ssize_t length = read(pipe, rest, left < sizeof rest ? left : sizeof rest);
        if (length <= 0)
            fail("read");
        fwrite(rest, 1, (size_t)length, stdout);
        left -= (__u32)length;
    }
    putchar('\n');
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fprintf(stderr, "usage: %s PIPE MESSAGE...\n", arguments[0]);
        return 2;
    }
    /* CreateFile; it waits until an instance listens. With O_APPEND it is a client's. */
    int pipe = open(arguments[1], O_RDWR | O_APPEND | O_CLOEXEC);
    if (pipe == -1)
        fail(arguments[1]);
    for (int i = 2; i < count; i++)
        transact(pipe, arguments[i]);
    close(pipe);
    return 0;
}
