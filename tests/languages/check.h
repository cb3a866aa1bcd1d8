/* What the C programs here share: the mount's directory and how a failure is said. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FAILED(...)                                                                                \
    do {                                                                                           \
        fprintf(stderr, "FAILED: %s:%d: ", __FILE__, __LINE__);                                    \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fprintf(stderr, "\n");                                                                     \
        exit(1);                                                                                   \
    } while (0)

/* The condition holds; errno is shown in case it tells why it does not. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            FAILED("%s (errno: %s)", #condition, strerror(errno));                                 \
        }                                                                                          \
    } while (0)

/* The call fails with this errno. */
#define REFUSED(call, number)                                                                      \
    do {                                                                                           \
        long result_ = (long)(call);                                                               \
        if (result_ != -1) {                                                                       \
            FAILED("%s: expected %s, got %ld", #call, strerror(number), result_);                  \
        }                                                                                          \
        if (errno != (number)) {                                                                   \
            FAILED("%s: expected %s, got %s", #call, strerror(number), strerror(errno));           \
        }                                                                                          \
    } while (0)

/* The next read gives exactly this text. */
#define READS(fd, text)                                                                            \
    do {                                                                                           \
        char data_[4096];                                                                          \
        ssize_t count_ = read(fd, data_, sizeof data_);                                            \
        if (count_ != (ssize_t)strlen(text) || memcmp(data_, text, strlen(text)) != 0) {           \
            FAILED("expected [%s], read gave %zd: [%.*s] (errno: %s)", text, count_,               \
                   count_ < 0 ? 0 : (int)count_, data_, strerror(errno));                          \
        }                                                                                          \
    } while (0)

#define WRITES(fd, text) CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text))

/* A name on the mount, made if it is missing, without an instance. */
static inline const char *pipe_name(int argc, char **argv, const char *name) {
    static char path[4096];
    CHECK(argc >= 2);
    snprintf(path, sizeof path, "%s/%s", argv[1], name);
    int fd = open(path, O_WRONLY | O_CREAT, 0666);
    CHECK(fd >= 0);
    CHECK(close(fd) == 0);
    return path;
}

static inline void pause_for(int milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    CHECK(nanosleep(&time, NULL) == 0);
}

/* Writes to a non-blocking end until it would wait; how many bytes it took. */
static inline long fill(int fd) {
    static char zeroes[65536];
    long taken = 0;
    ssize_t count;
    while ((count = write(fd, zeroes, sizeof zeroes)) > 0) {
        taken += count;
    }
    CHECK(count == -1 && errno == EAGAIN);
    return taken;
}

/* What a second thread does a little later. */
struct later {
    enum { WRITE, READ, CLOSE } action;
    int fd;
    const char *text;
    pthread_t thread;
};

static inline void *later_work(void *argument) {
    static char room[1 << 20];
    struct later *later = argument;
    pause_for(200);
    switch (later->action) {
    case WRITE:
        WRITES(later->fd, later->text);
        break;
    case READ:
        CHECK(read(later->fd, room, sizeof room) > 0);
        break;
    case CLOSE:
        CHECK(close(later->fd) == 0);
        break;
    }
    return NULL;
}

static inline void start(struct later *later) {
    CHECK(pthread_create(&later->thread, NULL, later_work, later) == 0);
}

static inline void finish(struct later *later) {
    CHECK(pthread_join(later->thread, NULL) == 0);
}
