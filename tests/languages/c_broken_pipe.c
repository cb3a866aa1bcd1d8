/* A writer whose reader has gone gets EPIPE, and no signal. */
// SEMANTICS: close-client, close-at-once

#include "check.h"
#include <signal.h>

static volatile sig_atomic_t signals;

static void count_signal(int number) {
    (void)number;
    signals++;
}

int main(int argc, char **argv) {
    CHECK(signal(SIGPIPE, count_signal) != SIG_ERR);
    const char *path = pipe_name(argc, argv, "text");
    int writer = open(path, O_WRONLY);
    CHECK(writer >= 0);
    WRITES(writer, "0123456789");
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);
    char data[4];
    CHECK(read(reader, data, 4) == 4);
    CHECK(close(reader) == 0);
    REFUSED(write(writer, "x", 1), EPIPE);
    REFUSED(write(writer, "x", 1), EPIPE);
    REFUSED(fsync(writer), EPIPE);
    CHECK(close(writer) == 0);

    writer = open(path, O_WRONLY);
    reader = open(path, O_RDONLY);
    CHECK(writer >= 0 && reader >= 0);
    static char block[100000];
    struct later leave = {CLOSE, reader, NULL};
    start(&leave);
    ssize_t count;
    while ((count = write(writer, block, sizeof block)) > 0) {
    }
    CHECK(count == -1 && errno == EPIPE);
    finish(&leave);
    CHECK(close(writer) == 0);

    writer = open(path, O_RDWR);
    int client = open(path, O_RDWR);
    CHECK(writer >= 0 && client >= 0);
    WRITES(client, "farewell");
    CHECK(close(client) == 0);
    REFUSED(write(writer, "x", 1), EPIPE);
    READS(writer, "farewell");
    READS(writer, "");
    CHECK(signals == 0);
    return 0;
}
