/* A signal ends open, read, write, fsync with EINTR, or with SA_RESTART leaves them waiting. */

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

static void goes_on_waiting(const char *path) {
    on_alarm(SA_RESTART);
    int writer = open(path, O_WRONLY);
    int reader = open(path, O_RDONLY);
    CHECK(writer >= 0 && reader >= 0);
    struct later text = {WRITE, writer, "after the signal"};
    struct itimerval timer = {{0, 50000}, {0, 50000}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    /* pause_for of the second thread must not be interrupted. */
    sigset_t alarm_only;
    CHECK(sigemptyset(&alarm_only) == 0 && sigaddset(&alarm_only, SIGALRM) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &alarm_only, NULL) == 0);
    start(&text);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL) == 0);
    READS(reader, "after the signal");
    timer = (struct itimerval){{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    finish(&text);
    CHECK(signals >= 2);
}

int main(int argc, char **argv) {
    ends_with_eintr(pipe_name(argc, argv, "ends"));
    goes_on_waiting(pipe_name(argc, argv, "goes_on"));
    return 0;
}
