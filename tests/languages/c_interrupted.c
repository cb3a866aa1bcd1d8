/* A signal that is handled ends open, read, write and fsync with EINTR. */
// SEMANTICS: wait-interrupt, limit-restart

#include "check.h"
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

static void count_signal(int number) {
    (void)number;
    signals++;
}

static void on_alarm(int flags) {
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    signals = 0;
}

static void alarm_soon(void) {
    struct itimerval timer = {{0, 0}, {0, 200000}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void ends_with_eintr(const char *path) {
    char data[10];
    on_alarm(0);
    alarm_soon();
    REFUSED(open(path, O_RDONLY), EINTR);
    int writer = open(path, O_WRONLY);
    int reader = open(path, O_RDONLY);
    CHECK(writer >= 0 && reader >= 0);
    alarm_soon();
    REFUSED(read(reader, data, sizeof data), EINTR);
    int flags = fcntl(writer, F_GETFL);
    CHECK(fcntl(writer, F_SETFL, flags | O_NONBLOCK) == 0);
    fill(writer);
    CHECK(fcntl(writer, F_SETFL, flags) == 0);
    alarm_soon();
    REFUSED(write(writer, "x", 1), EINTR);
    alarm_soon();
    REFUSED(fsync(writer), EINTR);
    CHECK(signals == 4);
    CHECK(read(reader, data, sizeof data) == sizeof data);
    WRITES(writer, "still usable");
    CHECK(close(reader) == 0 && close(writer) == 0);
}

/* FUSE cannot ask the kernel to start a call again: SA_RESTART makes no difference. */
static void also_with_restart(const char *path) {
    char data[10];
    on_alarm(SA_RESTART);
    int writer = open(path, O_WRONLY);
    int reader = open(path, O_RDONLY);
    CHECK(writer >= 0 && reader >= 0);
    alarm_soon();
    REFUSED(read(reader, data, sizeof data), EINTR);
    CHECK(signals == 1);
    WRITES(writer, "still usable");
    READS(reader, "still usable");
}

int main(int argc, char **argv) {
    ends_with_eintr(pipe_name(argc, argv, "ends"));
    also_with_restart(pipe_name(argc, argv, "restart"));
    return 0;
}
