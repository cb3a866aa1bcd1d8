/* stdio and the system calls, both ways; mmap is refused; the file is regular. */
// SEMANTICS: file-mmap, data-wrong-direction, file-regular

#include "check.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void with_stdio(const char *path) {
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fprintf(file, "number %d\n", 42) == 10);
    CHECK(fputs("second\n", file) >= 0);
    CHECK(fclose(file) == 0);

    char line[100];
    file = fopen(path, "r");
    CHECK(file != NULL);
    int number = 0;
    CHECK(fscanf(file, "number %d\n", &number) == 1 && number == 42);
    CHECK(fgets(line, sizeof line, file) != NULL && strcmp(line, "second\n") == 0);
    CHECK(fgets(line, sizeof line, file) == NULL && feof(file));
    CHECK(fclose(file) == 0);

    file = fopen(path, "a");
    CHECK(file != NULL && fputs("appended", file) >= 0 && fclose(file) == 0);
    file = fopen(path, "r");
    CHECK(file != NULL && fread(line, 1, sizeof line, file) == 8);
    CHECK(memcmp(line, "appended", 8) == 0 && fclose(file) == 0);
}

static void with_calls(const char *path) {
    int writer = open(path, O_WRONLY | O_TRUNC);
    CHECK(writer >= 0);
    WRITES(writer, "one");
    WRITES(writer, " two");
    CHECK(close(writer) == 0);
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);
    READS(reader, "one two");
    READS(reader, "");
    REFUSED((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0), ENODEV);
    REFUSED(write(reader, "x", 1), EBADF);
    struct stat status;
    CHECK(fstat(reader, &status) == 0);
    CHECK(S_ISREG(status.st_mode) && status.st_size == 0 && status.st_nlink == 1);
    CHECK(status.st_blksize >= 4096);
    CHECK(close(reader) == 0);
    REFUSED(open(path, O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
    REFUSED(open(path, O_RDONLY | O_DIRECTORY), ENOTDIR);
}

/* Structures of a fixed size, from a child to its parent. */
static void records(const char *path) {
    struct record {
        int number;
        double value;
    } record;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int writer = open(path, O_WRONLY);
        for (int number = 0; number < 10000; number++) {
            record = (struct record){number, number / 2.0};
            CHECK(write(writer, &record, sizeof record) == sizeof record);
        }
        _exit(0);
    }
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);
    for (int number = 0; number < 10000; number++) {
        CHECK(read(reader, &record, sizeof record) == sizeof record);
        CHECK(record.number == number && record.value == number / 2.0);
    }
    READS(reader, "");
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
    const char *path = pipe_name(argc, argv, "text");
    with_stdio(path);
    with_calls(path);
    records(path);
    return 0;
}
