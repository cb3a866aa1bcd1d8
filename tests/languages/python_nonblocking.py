"""O_NONBLOCK: at open, by fcntl, for readers and for writers."""

# SEMANTICS: write-whole, write-full, open-nonblock-pending

import errno
import os

from expect import fill, later, pipe, refused, same, write

path = pipe("text")
reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
refused("a pending client", errno.EAGAIN, os.read, reader, 10)
writer = os.open(path, os.O_WRONLY)
refused("a connected client, nothing written", errno.EAGAIN, os.read, reader, 10)
os.write(writer, b"text")
same("what was written", b"text", os.read(reader, 10))
refused("nothing is left", errno.EAGAIN, os.read, reader, 10)
os.set_blocking(reader, True)
thread = later(os.write, writer, b"later")
same("a read that waits, after fcntl", b"later", os.read(reader, 10))
thread.join()
os.set_blocking(reader, False)
refused("a read that does not wait, after fcntl", errno.EAGAIN, os.read, reader, 10)
os.close(writer)
same("end of file", b"", os.read(reader, 10))
os.close(reader)

# A lane takes a write as a whole while it holds less than its capacity, which is 1 MiB.
writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
same("writes before a client is there", 1 << 20, fill(writer))
reader = os.open(path, os.O_RDONLY)
refused("the lane is full", errno.EAGAIN, os.write, writer, b"x")
os.read(reader, 1)
same("one byte less: a whole write is taken", 100_000, os.write(writer, bytes(100_000)))
refused("and it is full again", errno.EAGAIN, os.write, writer, b"x")
count = 1
while count < (1 << 20) + 100_000:
    count += len(os.read(reader, 1 << 20))
same("everything that was taken is read", (1 << 20) + 100_000, count)
same("and there is room", 1, os.write(writer, b"x"))
os.close(reader)
os.close(writer)

with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:
    same("a file object says None", None, file.read(10))
    thread = later(write, path, b"done", seconds=0)
    thread.join()
    same("and then the data", b"done", file.read(10))
    same("and then the end", b"", file.read(10))
