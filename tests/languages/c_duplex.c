/* O_RDWR: one thread reads an end while another writes it; in shared mode one end has both. */
// SEMANTICS: open-rdwr, instance-duplex, shared-rdwr

#include "check.h"
#include <sys/stat.h>

enum { ROUNDS = 2000 };

struct end {
    int fd;
    unsigned first;
};

/* Reads ROUNDS numbers that count up from the other side's first. */
static void *read_numbers(void *argument) {
    struct end *end = argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned number;
        CHECK(read(end->fd, &number, sizeof number) == sizeof number);
        CHECK(number == end->first + round);
    }
    return NULL;
}

static void *write_numbers(void *argument) {
    struct end *end = argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned number = end->first + round;
        CHECK(write(end->fd, &number, sizeof number) == sizeof number);
    }
    return NULL;
}

int main(int argc, char **argv) {
    const char *path = pipe_name(argc, argv, "both");
    int server = open(path, O_RDWR);
    int client = open(path, O_RDWR);
    CHECK(server >= 0 && client >= 0);

    /* The server's read waits; that must not keep the server's write from going through. */
    struct end from_client = {server, 5000000}, from_server = {client, 1000000};
    struct end to_client = {server, 1000000}, to_server = {client, 5000000};
    pthread_t threads[4];
    CHECK(pthread_create(&threads[0], NULL, read_numbers, &from_client) == 0);
    pause_for(200);
    CHECK(pthread_create(&threads[1], NULL, write_numbers, &to_client) == 0);
    CHECK(pthread_create(&threads[2], NULL, read_numbers, &from_server) == 0);
    CHECK(pthread_join(threads[1], NULL) == 0);
    CHECK(pthread_join(threads[2], NULL) == 0);
    CHECK(pthread_create(&threads[3], NULL, write_numbers, &to_server) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    CHECK(pthread_join(threads[3], NULL) == 0);

    CHECK(close(client) == 0);
    READS(server, "");
    CHECK(close(server) == 0);

    char fifo[4096];
    snprintf(fifo, sizeof fifo, "%s/fifo", argv[1]);
    CHECK(mkfifo(fifo, 0666) == 0);
    struct end alone = {open(fifo, O_RDWR), 7};
    CHECK(alone.fd >= 0);
    CHECK(pthread_create(&threads[0], NULL, read_numbers, &alone) == 0);
    pause_for(200);
    CHECK(pthread_create(&threads[1], NULL, write_numbers, &alone) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    CHECK(pthread_join(threads[1], NULL) == 0);
    return 0;
}
