/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The pipe functions of pipefs beside read(2), write(2) and fsync(2), for C and C++:
 *
 *     int server = open("/pipes/name", O_RDWR | O_CREAT | O_TRUNC, 0666);
 *     __u32 limit_ms = 5000;
 *     if (ioctl(server, PIPEFS_CONNECT, &limit_ms) == -1 && errno == ETIMEDOUT) ...
 *
 * What they do is told in FUNCTIONS.md. Copy this file into your program: the
 * numbers and structures do not change.
 *
 * All of them return -1 and set errno when they fail:
 *
 *     ENOTTY     not a function of pipefs, or not a file of pipefs
 *     EINVAL     a size, a reserved field that is not 0, or a value that the function does not take
 *     EFAULT     the pointer is not valid; what the function does may have been done
 *     EISDIR     a pipe was meant, and this is a directory
 *     EINTR      a signal came while it waited
 *     ESHUTDOWN  the driver ends
 *
 * and those that are listed with each. None of them looks at O_NONBLOCK.
 */
#ifndef PIPEFS_H
#define PIPEFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* A timeout: the function waits for as long as it takes. Other timeouts are in milliseconds. */
#define PIPEFS_FOREVER 0xffffffffU

/* The largest structure with data: the size is a part of the function's number. */
#define PIPEFS_SIZE_MAX _IOC_SIZEMASK

#ifdef __cplusplus
#define PIPEFS_DATA __extension__ __u8 data[]
#else
#define PIPEFS_DATA __u8 data[]
#endif

/*
 * ConnectNamedPipe: waits until the instance of this server's end has a client; after
 * PIPEFS_DISCONNECT it listens again first. The argument points to a timeout. With 0 the function
 * does not wait, but does begin to listen.
 *
 * Returns 0 when a client has come, 1 when one was there already.
 *
 *     EAGAIN      nobody is there, and the timeout is 0
 *     ETIMEDOUT   nobody has come in time; the instance listens on
 *     EPIPE       the client has left, and is not disconnected yet
 *     ENOENT      the name is removed: nobody can come
 *     ENOTCONN    the instance was disconnected meanwhile
 *     EOPNOTSUPP  not a server's end
 */
#define PIPEFS_CONNECT _IOW(0xF2, 1, __u32)

/*
 * DisconnectNamedPipe: the server throws its client out, and what is buffered both ways is lost.
 * No client can come until PIPEFS_CONNECT.
 *
 *     ENOTCONN    it is disconnected already
 *     EOPNOTSUPP  not a server's end
 */
#define PIPEFS_DISCONNECT _IO(0xF2, 2)

/*
 * PeekNamedPipe: what the next read would get, without taking it, and how much there is. `size` is
 * that of the caller's structure, data included.
 *
 *     EBADF       the end is not open for reading
 *     EBADFD      a server without a client
 *     EPIPE       the other end has closed, and everything is read
 *     ENOTCONN    the server has disconnected this client
 *     EAGAIN      a client that has no instance yet
 *     ENOENT      the same, and the name is removed
 */
struct pipefs_peek {
    __u64 total_bytes;  /* all that can be read */
    __u32 copied_bytes; /* how much of it is in data; of a message pipe, of the first message */
    __u32 left_bytes;   /* what follows that in the first message; 0 of a byte pipe */
    __u32 messages;     /* how many there are; 0 of a byte pipe */
    __u32 reserved;     /* 0 */
    PIPEFS_DATA;
};
#define PIPEFS_PEEK(size) _IOC(_IOC_READ, 0xF2, 3, (size))

/*
 * TransactNamedPipe: writes a message, and reads the next one that comes. `size` is that of the
 * caller's structure; its data has room for the request and for the reply. What of the reply does
 * not fit there is left for the next reads. After a timeout or a signal the request stays in the
 * pipe. A length of 0 is an empty message, or that the other end has closed without a reply: see
 * the state that PIPEFS_INFO tells.
 *
 *     EBADFD      not a connected duplex end of a message pipe, or it reads bytes
 *     EBUSY       something can be read already: it would be taken for the reply
 *     ENOTCONN    a client without an instance, or one that was disconnected
 *     ECONNRESET  the server has disconnected this client while it waited; of a server's end
 *                 ENOTCONN
 *     ETIMEDOUT   no reply has come in time
 *     EINVAL      also: length is larger than data, or the timeout is 0
 */
struct pipefs_transact {
    __u32 length;     /* in: of the request; out: of the reply */
    __u32 left_bytes; /* in: 0; out: how much of the reply did not fit */
    __u32 timeout_ms; /* how long the reply may take */
    __u32 reserved;   /* 0 */
    PIPEFS_DATA;
};
#define PIPEFS_TRANSACT(size) _IOC(_IOC_READ | _IOC_WRITE, 0xF2, 4, (size))

/* GetNamedPipeInfo: what an end is and has. It has no errors of its own. */
struct pipefs_info {
    __u32 role;          /* PIPEFS_ROLE_ */
    __u32 type;          /* PIPEFS_TYPE_ */
    __u32 mode;          /* PIPEFS_MODE_ */
    __u32 direction;     /* PIPEFS_DIRECTION_ */
    __u32 state;         /* PIPEFS_STATE_ */
    __u32 max_instances; /* 0: unlimited */
    __u32 instances;     /* how many the pipe has */
    __u32 reserved;      /* 0 */
    __u64 capacity_bytes;
    __u64 readable_bytes; /* what waits to be read from this end */
    __u64 writable_bytes; /* by how much what this end wrote is below the capacity */
    __u64 dropped_bytes;  /* what overflow took from this end's reading */
    __u64 dropped_count;  /* how many messages or writes that was */
};
#define PIPEFS_INFO _IOR(0xF2, 5, struct pipefs_info)

enum {
    PIPEFS_ROLE_PENDING = 0, /* a client that has no instance yet */
    PIPEFS_ROLE_SERVER = 1,
    PIPEFS_ROLE_CLIENT = 2,
    PIPEFS_ROLE_MEMBER = 3, /* one of the many ends of a shared or broadcast pipe */

    PIPEFS_TYPE_BYTE = 0,
    PIPEFS_TYPE_MESSAGE = 1,

    PIPEFS_MODE_INSTANCE = 0,
    PIPEFS_MODE_SHARED = 1,
    PIPEFS_MODE_BROADCAST = 2,

    PIPEFS_DIRECTION_UNDECIDED = 0, /* access=auto, and no server has opened it yet */
    PIPEFS_DIRECTION_OUTBOUND = 1,
    PIPEFS_DIRECTION_INBOUND = 2,
    PIPEFS_DIRECTION_DUPLEX = 3,

    PIPEFS_STATE_NONE = 0, /* of a client that has no instance yet; the others are Windows' */
    PIPEFS_STATE_DISCONNECTED = 1,
    PIPEFS_STATE_LISTENING = 2,
    PIPEFS_STATE_CONNECTED = 3,
    PIPEFS_STATE_CLOSING = 4 /* the other end has closed */
};

/* GetNamedPipeHandleState. It has no errors of its own. */
struct pipefs_handle_state {
    __u32 read_mode; /* PIPEFS_READ_ */
    __u32 instances; /* how many the pipe has */
};
#define PIPEFS_GET_STATE _IOR(0xF2, 6, struct pipefs_handle_state)

/*
 * SetNamedPipeHandleState: the argument points to a PIPEFS_READ_ number. It is the end's, for all
 * descriptors of it. A new end of a message pipe reads messages.
 *
 *     EINVAL      also: messages of a byte pipe
 */
#define PIPEFS_SET_STATE _IOW(0xF2, 7, __u32)

enum {
    PIPEFS_READ_BYTES = 0,
    PIPEFS_READ_MESSAGES = 1
};

/*
 * GetNamedPipeClientProcessId, ...ServerProcessId, ...SessionId, ...ComputerName: who opened an end
 * of this end's instance; still known when it has gone.
 *
 *     ESRCH       no client has come, or it was disconnected; a client that has no instance yet
 *     ENOTCONN    the server has disconnected this client
 *     EOPNOTSUPP  a shared or broadcast pipe has no such ends
 */
struct pipefs_peer {
    __u32 which;    /* in: PIPEFS_PEER_ */
    __u32 pid;      /* the process; if the thread that opened has ended, that thread */
    __u32 uid;
    __u32 gid;
    __u32 session;  /* the process's session id; 0 when it has ended */
    __u32 reserved; /* 0 */
    char host[72];  /* this machine's name, with a 0 at its end */
};
#define PIPEFS_PEER _IOWR(0xF2, 8, struct pipefs_peer)

enum {
    PIPEFS_PEER_OTHER = 0, /* the other end's */
    PIPEFS_PEER_SERVER = 1,
    PIPEFS_PEER_CLIENT = 2
};

/*
 * Writes an empty message, which write(2) cannot; waits for room as a blocking write does. Its
 * reader's read(2) returns 0, as at the end of file.
 *
 *     EINVAL      also: a byte pipe has no messages
 *
 * and what write(2) fails with.
 */
#define PIPEFS_SEND_EMPTY _IO(0xF2, 9)

/*
 * WaitNamedPipe, on an open directory: waits until an instance of the pipe `name` in it listens
 * (shared, broadcast: until it has a writer, or data). It takes nothing: an open may still find
 * that somebody was faster.
 *
 *     EAGAIN      nothing listens, and the timeout is 0
 *     ETIMEDOUT   nothing has listened in time
 *     ENOENT      there is no such name, or it was removed meanwhile
 *     EISDIR      it is a directory's
 *     ENOTDIR     the file that this is called on is a pipe
 *     EINVAL      also: name has no 0 at its end
 */
struct pipefs_wait {
    __u32 timeout_ms;
    __u32 reserved; /* 0 */
    char name[256];
};
#define PIPEFS_WAIT _IOW(0xF2, 10, struct pipefs_wait)

#endif
