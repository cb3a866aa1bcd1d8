"""poll(2): exactly the events of the table, on readers, writers and pending clients."""

# SEMANTICS: poll-reader, poll-writer, poll-pending

import os
import select

from expect import fill, later, pipe, same

IN, OUT, HUP, ERR = select.POLLIN, select.POLLOUT, select.POLLHUP, select.POLLERR


def events(fd, wait):
    poll = select.poll()
    poll.register(fd, IN | OUT)
    found = poll.poll(wait * 1000)
    return found[0][1] if found else 0


path = pipe("text")
reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
same("a pending client", 0, events(reader, 0.2))
writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
same("a reader without data", 0, events(reader, 0.2))
same("a writer with room", OUT, events(writer, 0))
thread = later(os.write, writer, b"text")
same("data comes", IN, events(reader, 10))
thread.join()
same("data is there", IN, events(reader, 0))
os.read(reader, 2)
same("a part has been read", IN, events(reader, 0))
os.read(reader, 100)
same("all has been read", 0, events(reader, 0.2))

fill(writer)
same("a full lane", 0, events(writer, 0.2))
thread = later(os.read, reader, 1 << 20)
same("room again", OUT, events(writer, 10))
thread.join()
while events(reader, 0):
    os.read(reader, 1 << 20)

os.write(writer, b"last")
thread = later(os.close, writer)
same("data, the writer is there", IN, events(reader, 0))
thread.join()
same("the writer has closed, data is left", IN | HUP, events(reader, 10))
same("the data", b"last", os.read(reader, 100))
same("the end of file", IN | HUP, events(reader, 0))
same("read says so", b"", os.read(reader, 100))
os.close(reader)

writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
reader = os.open(path, os.O_RDONLY)
fill(writer)
thread = later(os.close, reader)
same("the reader goes", ERR, events(writer, 10) & ERR)
thread.join()
