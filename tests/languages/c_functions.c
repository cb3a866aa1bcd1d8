/* The pipe functions with the structures of pipefs.h. */
// SEMANTICS: ioctl-connect, ioctl-disconnect, ioctl-disconnect-discards, ioctl-peek
// SEMANTICS: ioctl-transact, ioctl-info, ioctl-state, ioctl-peer, ioctl-empty-message, ioctl-wait

#include "../../docs/pipefs.h"
#include "check.h"
#include <sys/ioctl.h>
#include <sys/xattr.h>

/* A structure with room for some data. */
union message {
    struct pipefs_transact transact;
    struct pipefs_peek peek;
    char room[100];
};

static void *serve(void *argument) {
    int server = *(int *)argument;
    READS(server, "question");
    WRITES(server, "the answer");
    return NULL;
}

static void shows(int fd, __u32 role, __u32 state, __u64 readable_bytes) {
    struct pipefs_info info;
    memset(&info, 0xEE, sizeof info);
    CHECK(ioctl(fd, PIPEFS_INFO, &info) == 0);
    CHECK(info.role == role && info.state == state && info.readable_bytes == readable_bytes);
    CHECK(info.type == PIPEFS_TYPE_MESSAGE && info.mode == PIPEFS_MODE_INSTANCE);
    CHECK(info.direction == PIPEFS_DIRECTION_DUPLEX);
    CHECK(info.instances == 1 && info.max_instances == 0 && info.reserved == 0);
    CHECK(info.capacity_bytes == 1 << 20 && info.writable_bytes <= 1 << 20);
    CHECK(info.dropped_bytes == 0 && info.dropped_count == 0);
}

int main(int argc, char **argv) {
    const char *path = pipe_name(argc, argv, "p");
    CHECK(setxattr(path, "user.pipefs.type", "message", 7, 0) == 0);

    int directory = open(argv[1], O_RDONLY | O_DIRECTORY);
    struct pipefs_wait wait = {.timeout_ms = 0, .name = "p"};
    REFUSED(ioctl(directory, PIPEFS_WAIT, &wait), EAGAIN);
    int server = open(path, O_RDWR | O_TRUNC);
    CHECK(directory >= 0 && server >= 0);
    wait.timeout_ms = PIPEFS_FOREVER;
    CHECK(ioctl(directory, PIPEFS_WAIT, &wait) == 0);

    __u32 limit_ms = 50;
    REFUSED(ioctl(server, PIPEFS_CONNECT, &limit_ms), ETIMEDOUT);
    shows(server, PIPEFS_ROLE_SERVER, PIPEFS_STATE_LISTENING, 0);
    int client = open(path, O_RDWR | O_APPEND);
    CHECK(client >= 0);
    CHECK(ioctl(server, PIPEFS_CONNECT, &limit_ms) == 1);

    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, serve, &server) == 0);
    union message message = {.transact = {.length = 8, .timeout_ms = PIPEFS_FOREVER}};
    memcpy(message.transact.data, "question", 8);
    CHECK(ioctl(client, PIPEFS_TRANSACT(sizeof message), &message) == 0);
    CHECK(message.transact.length == 10 && message.transact.left_bytes == 0);
    CHECK(memcmp(message.transact.data, "the answer", 10) == 0);
    CHECK(pthread_join(thread, NULL) == 0);

    CHECK(ioctl(client, PIPEFS_SEND_EMPTY) == 0);
    WRITES(client, "message");
    shows(server, PIPEFS_ROLE_SERVER, PIPEFS_STATE_CONNECTED, 7);
    CHECK(ioctl(server, PIPEFS_PEEK(sizeof message.peek), &message) == 0);
    CHECK(message.peek.total_bytes == 7 && message.peek.messages == 2);
    CHECK(message.peek.copied_bytes == 0 && message.peek.left_bytes == 0);
    READS(server, "");
    CHECK(ioctl(server, PIPEFS_PEEK(sizeof message.peek + 3), &message) == 0);
    CHECK(message.peek.copied_bytes == 3 && message.peek.left_bytes == 4);
    CHECK(memcmp(message.peek.data, "mes", 3) == 0);

    struct pipefs_handle_state state;
    CHECK(ioctl(server, PIPEFS_GET_STATE, &state) == 0);
    CHECK(state.read_mode == PIPEFS_READ_MESSAGES && state.instances == 1);
    __u32 read_mode = PIPEFS_READ_BYTES;
    WRITES(client, ", and more");
    CHECK(ioctl(server, PIPEFS_SET_STATE, &read_mode) == 0);
    READS(server, "message, and more");

    struct pipefs_peer peer = {.which = PIPEFS_PEER_CLIENT};
    char host[256];
    CHECK(gethostname(host, sizeof host) == 0);
    CHECK(ioctl(server, PIPEFS_PEER, &peer) == 0);
    CHECK(peer.which == PIPEFS_PEER_CLIENT && peer.pid == (__u32)getpid());
    CHECK(peer.uid == geteuid() && peer.gid == getegid() && peer.session == (__u32)getsid(0));
    CHECK(strncmp(peer.host, host, sizeof peer.host - 1) == 0);

    WRITES(server, "discarded");
    CHECK(ioctl(server, PIPEFS_DISCONNECT) == 0);
    REFUSED(ioctl(server, PIPEFS_DISCONNECT), ENOTCONN);
    shows(client, PIPEFS_ROLE_CLIENT, PIPEFS_STATE_DISCONNECTED, 0);
    REFUSED(read(client, host, sizeof host), ECONNRESET);
    READS(client, "");
    limit_ms = 0;
    REFUSED(ioctl(server, PIPEFS_CONNECT, &limit_ms), EAGAIN);
    int next = open(path, O_RDWR | O_APPEND);
    CHECK(next >= 0 && ioctl(server, PIPEFS_CONNECT, &limit_ms) == 1);
    CHECK(close(next) == 0);
    shows(server, PIPEFS_ROLE_SERVER, PIPEFS_STATE_CLOSING, 0);
    return 0;
}
