/* O_NONBLOCK: at open, by fcntl, for readers and for writers, in both modes. */
// SEMANTICS: shared-writer-nonblock, shared-reader-nonblock, wait-nonblock, write-whole

#include "check.h"
#include <sys/stat.h>

static void set_blocking(int fd, int blocking) {
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0);
    flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    CHECK(fcntl(fd, F_SETFL, flags) == 0);
}

static void instance_mode(const char *path) {
    char byte;
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    REFUSED(read(reader, &byte, 1), EAGAIN);
    int writer = open(path, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    REFUSED(read(reader, &byte, 1), EAGAIN);
    WRITES(writer, "text");
    READS(reader, "text");
    set_blocking(reader, 1);
    struct later later = {WRITE, writer, "later"};
    start(&later);
    READS(reader, "later");
    finish(&later);
    set_blocking(reader, 0);
    REFUSED(read(reader, &byte, 1), EAGAIN);

    /* A lane takes a write as a whole while it holds less than its capacity, 1 MiB. */
    CHECK(fill(writer) == 1 << 20);
    REFUSED(write(writer, "x", 1), EAGAIN);
    CHECK(read(reader, &byte, 1) == 1);
    WRITES(writer, "a write is taken as a whole");
    REFUSED(write(writer, "x", 1), EAGAIN);
    set_blocking(writer, 1);
    struct later room = {READ, reader, NULL};
    start(&room);
    WRITES(writer, "after a wait");
    finish(&room);
    CHECK(close(writer) == 0 && close(reader) == 0);
}

static void shared_mode(const char *mount) {
    char path[4096];
    snprintf(path, sizeof path, "%s/fifo", mount);
    CHECK(mkfifo(path, 0666) == 0);
    REFUSED(open(path, O_WRONLY | O_NONBLOCK), ENXIO);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    int writer = open(path, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    char byte;
    REFUSED(read(reader, &byte, 1), EAGAIN);
    WRITES(writer, "text");
    READS(reader, "text");
    REFUSED(read(reader, &byte, 1), EAGAIN);
    CHECK(close(writer) == 0);
    READS(reader, "");
    CHECK(close(reader) == 0);
    int both = open(path, O_RDWR | O_NONBLOCK);
    CHECK(both >= 0);
    REFUSED(read(both, &byte, 1), EAGAIN);
    CHECK(fill(both) == 1 << 20);
}

int main(int argc, char **argv) {
    instance_mode(pipe_name(argc, argv, "text"));
    shared_mode(argv[1]);
    return 0;
}
