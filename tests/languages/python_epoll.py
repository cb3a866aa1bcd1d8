"""epoll, level-triggered and edge-triggered; $2 says which."""

# SEMANTICS: poll-reader, poll-writer, poll-edge

import errno
import os
import select
import sys

from expect import fill, later, pipe, refused, same

edge = sys.argv[2] == "edge"
mode = select.EPOLLET if edge else 0
path = pipe("text")
reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
epoll = select.epoll()
epoll.register(reader, select.EPOLLIN | mode)
same("a pending client", [], epoll.poll(0.2))

writer = os.open(path, os.O_WRONLY)
same("a client without data", [], epoll.poll(0.2))
thread = later(os.write, writer, b"first")
same("wakes up", [(reader, select.EPOLLIN)], epoll.poll(10))
same("not read yet", [] if edge else [(reader, select.EPOLLIN)], epoll.poll(0.05))
same("a part", b"fir", os.read(reader, 3))
same("a part is left", [] if edge else [(reader, select.EPOLLIN)], epoll.poll(0.05))
same("the rest", b"st", os.read(reader, 3))
refused("nothing is left", errno.EAGAIN, os.read, reader, 100)
thread.join()
thread = later(os.write, writer, b"second")
same("wakes up again", [(reader, select.EPOLLIN)], epoll.poll(10))
same("the second write", b"second", os.read(reader, 100))
thread.join()
thread = later(os.close, writer)
(fd, found), = epoll.poll(10)
same("the end", select.EPOLLIN | select.EPOLLHUP, found)
same("read says so", b"", os.read(reader, 100))
thread.join()
epoll.unregister(reader)
os.close(reader)

# Data that is there before the registration is reported at once, also on an edge.
writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
os.write(writer, b"before")
reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
epoll.register(reader, select.EPOLLIN | mode)
same("data from before", [(reader, select.EPOLLIN)], epoll.poll(10))
os.write(writer, b" and after")
same("more data", [(reader, select.EPOLLIN)], epoll.poll(10))
same("both", b"before and after", os.read(reader, 100))
for number in range(200):
    os.write(writer, b"%d" % number)
    same(f"round {number}", [(reader, select.EPOLLIN)], epoll.poll(10))
    same(f"data {number}", b"%d" % number, os.read(reader, 100))
    refused(f"emptied {number}", errno.EAGAIN, os.read, reader, 100)

epoll.register(writer, select.EPOLLOUT | mode)
same("a writer with room", [(writer, select.EPOLLOUT)], epoll.poll(10))
same("it stays", [] if edge else [(writer, select.EPOLLOUT)], epoll.poll(0.05))
fill(writer)
epoll.unregister(reader)
epoll.poll(0)
same("a full lane", [], epoll.poll(0.2))
thread = later(os.read, reader, 1 << 20)
same("room again", [(writer, select.EPOLLOUT)], epoll.poll(10))
thread.join()
os.close(reader)
(fd, found), = epoll.poll(10)
same("the reader has gone", select.EPOLLERR, found & select.EPOLLERR)
