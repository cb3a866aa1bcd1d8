/* select(2) on both ends. */
// SEMANTICS: poll-reader, poll-writer, poll-pending

#include "check.h"
#include <sys/select.h>

/* Waits for one end to be readable, or writable; 1 if it is. */
static int ready(int fd, int for_write, int milliseconds) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
    int count = select(fd + 1, for_write ? NULL : &set, for_write ? &set : NULL, NULL, &time);
    CHECK(count >= 0);
    CHECK(count == (FD_ISSET(fd, &set) ? 1 : 0));
    return count;
}

int main(int argc, char **argv) {
    const char *path = pipe_name(argc, argv, "text");
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    CHECK(ready(reader, 0, 200) == 0);
    int writer = open(path, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    CHECK(ready(reader, 0, 200) == 0);
    CHECK(ready(writer, 1, 0) == 1);

    struct later text = {WRITE, writer, "text"};
    start(&text);
    CHECK(ready(reader, 0, 10000) == 1);
    READS(reader, "text");
    finish(&text);
    CHECK(ready(reader, 0, 200) == 0);

    CHECK(fill(writer) == 1 << 20);
    CHECK(ready(writer, 1, 200) == 0);
    struct later room = {READ, reader, NULL};
    start(&room);
    CHECK(ready(writer, 1, 10000) == 1);
    finish(&room);
    char data[65536];
    while (ready(reader, 0, 0)) {
        CHECK(read(reader, data, sizeof data) > 0);
    }

    struct later end = {CLOSE, writer, NULL};
    start(&end);
    CHECK(ready(reader, 0, 10000) == 1);
    READS(reader, "");
    finish(&end);
    CHECK(close(reader) == 0);

    writer = open(path, O_WRONLY | O_NONBLOCK);
    reader = open(path, O_RDONLY);
    CHECK(writer >= 0 && reader >= 0);
    fill(writer);
    struct later leave = {CLOSE, reader, NULL};
    start(&leave);
    CHECK(ready(writer, 1, 10000) == 1);
    REFUSED(write(writer, "x", 1), EPIPE);
    finish(&leave);
    return 0;
}
