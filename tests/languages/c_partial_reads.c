/* A read returns what is there, up to its size, and never waits to fill the buffer. */
// SEMANTICS: read-available, read-large, data-zero-length, file-seek

#include "check.h"
#include <sys/uio.h>

int main(int argc, char **argv) {
    const char *path = pipe_name(argc, argv, "text");
    int writer = open(path, O_WRONLY);
    int reader = open(path, O_RDONLY);
    CHECK(writer >= 0 && reader >= 0);

    WRITES(writer, "hello");
    READS(reader, "hello");
    WRITES(writer, "ab");
    WRITES(writer, "cd");
    READS(reader, "abcd");

    char data[4];
    WRITES(writer, "0123456789");
    CHECK(read(reader, data, 4) == 4 && memcmp(data, "0123", 4) == 0);
    CHECK(read(reader, data, 4) == 4 && memcmp(data, "4567", 4) == 0);
    READS(reader, "89");

    WRITES(writer, "x");
    CHECK(read(reader, data, 0) == 0);
    CHECK(write(writer, data, 0) == 0);
    READS(reader, "x");

    char left[2], right[8];
    struct iovec pieces[] = {{left, sizeof left}, {right, sizeof right}};
    WRITES(writer, "vector");
    CHECK(readv(reader, pieces, 2) == 6);
    CHECK(memcmp(left, "ve", 2) == 0 && memcmp(right, "ctor", 4) == 0);

    /* A read of 8 MiB is several requests to the driver; it must not wait for more either. */
    enum { LARGE = 8 << 20, THERE = 700000 };
    char *large = malloc(LARGE);
    CHECK(large != NULL);
    memset(large, 'l', THERE);
    CHECK(write(writer, large, THERE) == THERE);
    memset(large, 0, LARGE);
    CHECK(read(reader, large, LARGE) == THERE);
    CHECK(large[0] == 'l' && large[THERE - 1] == 'l' && large[THERE] == 0);

    REFUSED(lseek(reader, 0, SEEK_CUR), ESPIPE);
    REFUSED(lseek(writer, 0, SEEK_END), ESPIPE);
    REFUSED(pread(reader, data, 1, 0), ESPIPE);
    REFUSED(pwrite(writer, data, 1, 0), ESPIPE);

    WRITES(writer, "last");
    CHECK(close(writer) == 0);
    READS(reader, "last");
    READS(reader, "");
    READS(reader, "");
    return 0;
}
