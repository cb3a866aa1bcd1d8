"""A writer whose reader has gone gets EPIPE, and no signal."""

# SEMANTICS: close-client, close-at-once

import errno
import os
import signal

from expect import later, pipe, refused, same

# With the default action a SIGPIPE would end this process.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
path = pipe("text")
writer = os.open(path, os.O_WRONLY)
os.write(writer, b"0123456789")
reader = os.open(path, os.O_RDONLY)
same("a part", b"0123", os.read(reader, 4))
os.close(reader)
refused("a write", errno.EPIPE, os.write, writer, b"x")
refused("a write again", errno.EPIPE, os.write, writer, b"x")
os.close(writer)

writer = os.open(path, os.O_WRONLY)
reader = os.open(path, os.O_RDONLY)
thread = later(os.close, reader)


def write_for_ever():
    while True:
        os.write(writer, bytes(100_000))


refused("a write that waits while its reader goes", errno.EPIPE, write_for_ever)
thread.join()
os.close(writer)

file = open(path, "wb")
reader = os.open(path, os.O_RDONLY)
os.close(reader)
file.write(b"buffered")
try:
    file.flush()
    raise SystemExit("FAILED: flush: expected BrokenPipeError")
except BrokenPipeError:
    print("shown: flush of a file object")
try:
    file.close()
except BrokenPipeError:
    pass

writer = os.open(path, os.O_WRONLY)
os.write(writer, b"next")
os.close(writer)
same("the pipe is usable", b"next", open(path, "rb").read())
