/* poll(2): exactly the events of the table, in both modes; several ends in one call. */
// SEMANTICS: poll-reader, poll-writer, poll-pending

#include "check.h"
#include <poll.h>
#include <sys/stat.h>

static int events(int fd, int milliseconds) {
    struct pollfd poll_fd = {fd, POLLIN | POLLOUT, 0};
    CHECK(poll(&poll_fd, 1, milliseconds) >= 0);
    return poll_fd.revents;
}

static void instance_mode(const char *path) {
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0 && events(reader, 200) == 0);
    int writer = open(path, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0 && events(writer, 0) == POLLOUT);
    CHECK(events(reader, 200) == 0);
    struct later text = {WRITE, writer, "text"};
    start(&text);
    CHECK(events(reader, 10000) == POLLIN);
    finish(&text);
    READS(reader, "text");
    fill(writer);
    CHECK(events(writer, 200) == 0);
    struct later room = {READ, reader, NULL};
    start(&room);
    CHECK(events(writer, 10000) == POLLOUT);
    finish(&room);
    struct later end = {CLOSE, writer, NULL};
    char data[65536];
    while (events(reader, 0) == POLLIN) {
        CHECK(read(reader, data, sizeof data) > 0);
    }
    start(&end);
    CHECK(events(reader, 10000) == (POLLIN | POLLHUP));
    finish(&end);
    READS(reader, "");
    CHECK(close(reader) == 0);

    writer = open(path, O_WRONLY | O_NONBLOCK);
    reader = open(path, O_RDONLY);
    fill(writer);
    struct later leave = {CLOSE, reader, NULL};
    start(&leave);
    CHECK((events(writer, 10000) & POLLERR) != 0);
    finish(&leave);
    CHECK(close(writer) == 0);
}

static void duplex(const char *path) {
    int server = open(path, O_RDWR);
    int client = open(path, O_RDWR);
    CHECK(server >= 0 && client >= 0);
    CHECK(events(server, 0) == POLLOUT && events(client, 0) == POLLOUT);
    WRITES(server, "to the client");
    CHECK(events(client, 10000) == (POLLIN | POLLOUT));
    CHECK(events(server, 0) == POLLOUT);
    READS(client, "to the client");
    CHECK(events(client, 0) == POLLOUT);
    CHECK(close(client) == 0);
    CHECK((events(server, 10000) & POLLHUP) != 0);
    CHECK(close(server) == 0);
}

static void shared_mode(const char *mount) {
    char path[4096];
    snprintf(path, sizeof path, "%s/fifo", mount);
    CHECK(mkfifo(path, 0666) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0 && events(reader, 200) == 0);
    int first = open(path, O_WRONLY), second = open(path, O_WRONLY);
    CHECK(first >= 0 && second >= 0);
    WRITES(first, "one");
    CHECK(events(reader, 10000) == POLLIN);
    READS(reader, "one");
    CHECK(close(first) == 0);
    CHECK(events(reader, 200) == 0);
    struct later end = {CLOSE, second, NULL};
    start(&end);
    CHECK((events(reader, 10000) & POLLHUP) != 0);
    finish(&end);
    READS(reader, "");
    CHECK(close(reader) == 0);
}

/* One poll on many pipes tells which of them has data. */
static void many(int argc, char **argv) {
    enum { COUNT = 40 };
    struct pollfd polls[COUNT];
    int writers[COUNT];
    for (int number = 0; number < COUNT; number++) {
        char name[20];
        snprintf(name, sizeof name, "many%d", number);
        const char *path = pipe_name(argc, argv, name);
        polls[number] = (struct pollfd){open(path, O_RDONLY | O_NONBLOCK), POLLIN, 0};
        writers[number] = open(path, O_WRONLY);
        CHECK(polls[number].fd >= 0 && writers[number] >= 0);
    }
    for (int number = COUNT - 1; number >= 0; number--) {
        if (number % 10 == 0) {
            struct later text = {WRITE, writers[number], "me"};
            start(&text);
            CHECK(poll(polls, COUNT, 10000) == 1);
            finish(&text);
        } else {
            WRITES(writers[number], "me");
            CHECK(poll(polls, COUNT, 10000) == 1);
        }
        CHECK(polls[number].revents == POLLIN);
        READS(polls[number].fd, "me");
    }
}

int main(int argc, char **argv) {
    instance_mode(pipe_name(argc, argv, "text"));
    duplex(pipe_name(argc, argv, "both"));
    shared_mode(argv[1]);
    many(argc, argv);
    return 0;
}
