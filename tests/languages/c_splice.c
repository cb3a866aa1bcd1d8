/* splice, sendfile and copy_file_range never show a false end of file: they move the data, or
 * fail so that callers fall back to read. */
// SEMANTICS: file-splice

#include "check.h"
#include <sys/sendfile.h>

static int is_refusal(ssize_t result) {
    return result == -1 && (errno == EINVAL || errno == EOPNOTSUPP || errno == EXDEV);
}

int main(int argc, char **argv) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const char *path = pipe_name(argc, argv, "text");
    int writer = open(path, O_WRONLY);
    CHECK(writer >= 0);
    WRITES(writer, "text");
    CHECK(close(writer) == 0);
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);

    ssize_t moved = splice(reader, NULL, ends[1], NULL, 100, 0);
    CHECK(moved > 0 || is_refusal(moved));
    if (moved < 0) {
        moved = sendfile(ends[1], reader, NULL, 100);
        CHECK(moved > 0 || is_refusal(moved));
    }
    FILE *plain = tmpfile();
    CHECK(plain != NULL);
    if (moved < 0) {
        moved = sendfile(fileno(plain), reader, NULL, 100);
        CHECK(moved > 0 || is_refusal(moved));
    }
    if (moved < 0) {
        moved = copy_file_range(reader, NULL, fileno(plain), NULL, 100, 0);
        CHECK(moved > 0 || is_refusal(moved));
    }
    static char other[4096];
    snprintf(other, sizeof other, "%s", pipe_name(argc, argv, "other"));
    int target = open(other, O_WRONLY);
    CHECK(target >= 0);
    if (moved < 0) {
        moved = copy_file_range(reader, NULL, target, NULL, 100, 0);
        CHECK(moved > 0 || is_refusal(moved));
    }
    if (moved < 0) {
        READS(reader, "text");
    }
    READS(reader, "");

    /* The other direction is an ordinary write. */
    WRITES(ends[1], "spliced");
    CHECK(splice(ends[0], NULL, target, NULL, 100, 0) == 7);
    CHECK(fputs(" and sent", plain) >= 0 && fflush(plain) == 0);
    off_t start_of_file = 0;
    CHECK(sendfile(target, fileno(plain), &start_of_file, 100) == 9);
    CHECK(close(target) == 0);
    reader = open(other, O_RDONLY);
    CHECK(reader >= 0);
    READS(reader, "spliced and sent");
    return 0;
}
