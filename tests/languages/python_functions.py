"""The pipe functions through fcntl.ioctl: a server with one instance, and its callers."""

# SEMANTICS: ioctl-connect, ioctl-disconnect, ioctl-transact, ioctl-wait, ioctl-info
# SEMANTICS: open-rdwr-append

import errno
import fcntl
import os
import struct
import threading

from expect import MOUNT, pipe, refused, same

FOREVER = 0xFFFFFFFF


def number(direction, which, size):
    """What <linux/ioctl.h> does; direction: 1 in, 2 out, 3 both."""
    return direction << 30 | size << 16 | 0xF2 << 8 | which


CONNECT, DISCONNECT = number(1, 1, 4), number(0, 2, 0)
INFO, WAIT = number(2, 5, 72), number(1, 10, 264)


def connect(fd, timeout_ms):
    return fcntl.ioctl(fd, CONNECT, struct.pack("=I", timeout_ms))


def transact(fd, request, room=1000):
    message = bytearray(struct.pack("=IIII", len(request), 0, 5000, 0) + request.ljust(room, b"\0"))
    fcntl.ioctl(fd, number(3, 4, len(message)), message)
    length, left = struct.unpack_from("=II", message)
    return bytes(message[16:16 + length]), left


path = pipe("p")
os.setxattr(path, "user.pipefs.type", b"message")
server = os.open(path, os.O_RDWR | os.O_TRUNC)
refused("nobody is there", errno.EAGAIN, connect, server, 0)
refused("nobody comes", errno.ETIMEDOUT, connect, server, 50)
order = []


def serve():
    for _ in range(5):
        connect(server, FOREVER)
        request = os.read(server, 1000)
        order.append(request)
        os.write(server, request.upper())
        try:
            os.fsync(server)
        except BrokenPipeError:
            pass  # The client has its reply, and has gone.
        fcntl.ioctl(server, DISCONNECT)


serving = threading.Thread(target=serve)
serving.start()
directory = os.open(MOUNT, os.O_RDONLY | os.O_DIRECTORY)
for text in (b"one", b"two", b"three", b"four", b"five"):
    fcntl.ioctl(directory, WAIT, struct.pack("=II256s", 5000, 0, b"p"))
    client = os.open(path, os.O_RDWR | os.O_APPEND)
    same(f"the reply to {text}", (text.upper(), 0), transact(client, text))
    os.close(client)
serving.join(20)
same("what was asked", [b"one", b"two", b"three", b"four", b"five"], order)
role, kind, mode, direction, state = struct.unpack_from("=5I", fcntl.ioctl(server, INFO, bytes(72)))
same("the server at the end", (1, 1, 0, 3, 1), (role, kind, mode, direction, state))
