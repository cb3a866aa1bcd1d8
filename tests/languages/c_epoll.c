/* epoll, level-triggered and edge-triggered; argument 2 says which. */
// SEMANTICS: poll-reader, poll-writer, poll-edge

#include "check.h"
#include <sys/epoll.h>

static int epoll_fd;
static unsigned mode;

static void add(int fd, unsigned events) {
    struct epoll_event event = {events | mode, {.fd = fd}};
    CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void forget(int fd) {
    CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL) == 0);
}

/* The events of the only end that has any, or 0. */
static unsigned events(int milliseconds) {
    struct epoll_event event = {0, {0}};
    int count = epoll_wait(epoll_fd, &event, 1, milliseconds);
    CHECK(count >= 0);
    return count == 0 ? 0 : event.events;
}

static void reader_side(const char *path) {
    int edge = mode == EPOLLET;
    char data[100];
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    add(reader, EPOLLIN);
    CHECK(events(200) == 0);
    int writer = open(path, O_WRONLY);
    CHECK(writer >= 0);
    CHECK(events(200) == 0);
    for (int round = 0; round < 3; round++) {
        struct later text = {WRITE, writer, "text"};
        start(&text);
        CHECK(events(10000) == EPOLLIN);
        finish(&text);
        CHECK(events(50) == (edge ? 0 : EPOLLIN));
        CHECK(read(reader, data, 2) == 2);
        CHECK(events(50) == (edge ? 0 : EPOLLIN));
        READS(reader, "xt");
        REFUSED(read(reader, data, 1), EAGAIN);
        CHECK(events(50) == 0);
    }
    for (int round = 0; round < 1000; round++) {
        WRITES(writer, "again");
        CHECK(events(10000) == EPOLLIN);
        READS(reader, "again");
        REFUSED(read(reader, data, 1), EAGAIN);
    }
    WRITES(writer, "unread");
    CHECK(events(10000) == EPOLLIN);
    WRITES(writer, " and more");
    CHECK(events(10000) == EPOLLIN);
    struct later end = {CLOSE, writer, NULL};
    start(&end);
    READS(reader, "unread and more");
    CHECK(events(10000) == (EPOLLIN | EPOLLHUP));
    finish(&end);
    READS(reader, "");
    forget(reader);
    CHECK(close(reader) == 0);
}

static void writer_side(const char *path) {
    int edge = mode == EPOLLET;
    int writer = open(path, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    add(writer, EPOLLOUT);
    CHECK(events(10000) == EPOLLOUT);
    CHECK(events(50) == (edge ? 0 : EPOLLOUT));
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);
    fill(writer);
    events(0);
    for (int round = 0; round < 3; round++) {
        CHECK(events(200) == 0);
        struct later room = {READ, reader, NULL};
        start(&room);
        CHECK(events(10000) == EPOLLOUT);
        finish(&room);
        fill(writer);
        events(0);
    }
    struct later leave = {CLOSE, reader, NULL};
    start(&leave);
    CHECK((events(10000) & EPOLLERR) != 0);
    finish(&leave);
    forget(writer);
    CHECK(close(writer) == 0);
}

/* A program that asks for one event, and asks again. */
static void one_shot(const char *path) {
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    int writer = open(path, O_WRONLY);
    CHECK(reader >= 0 && writer >= 0);
    add(reader, EPOLLIN | EPOLLONESHOT);
    WRITES(writer, "one");
    CHECK(events(10000) == EPOLLIN);
    WRITES(writer, "two");
    CHECK(events(100) == 0);
    struct epoll_event again = {EPOLLIN | EPOLLONESHOT | mode, {.fd = reader}};
    CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, reader, &again) == 0);
    CHECK(events(10000) == EPOLLIN);
    READS(reader, "onetwo");
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    mode = strcmp(argv[2], "edge") == 0 ? EPOLLET : 0;
    epoll_fd = epoll_create1(0);
    CHECK(epoll_fd >= 0);
    reader_side(pipe_name(argc, argv, "reader"));
    writer_side(pipe_name(argc, argv, "writer"));
    one_shot(pipe_name(argc, argv, "once"));
    return 0;
}
