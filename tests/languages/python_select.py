"""select.select on both ends."""

# SEMANTICS: poll-reader, poll-writer, poll-pending

import os
import select

from expect import fill, later, pipe, same

path = pipe("text")
reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
same("a pending client", ([], [], []), select.select([reader], [], [reader], 0.2))

writer = os.open(path, os.O_WRONLY)
same("a client without data", ([], [], []), select.select([reader], [], [reader], 0.2))
for text in (b"one", b"two"):
    thread = later(os.write, writer, text)
    same("wakes up", ([reader], [], []), select.select([reader], [], [], 10))
    same("finds", text, os.read(reader, 100))
    thread.join()
thread = later(os.close, writer)
same("wakes up at the end", ([reader], [], []), select.select([reader], [], [], 10))
same("finds the end", b"", os.read(reader, 100))
thread.join()
same("the end stays readable", ([reader], [], []), select.select([reader], [], [], 0))
os.close(reader)

writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
same("a new writer", ([], [writer], []), select.select([], [writer], [], 10))
fill(writer)
same("a full lane", ([], [], []), select.select([], [writer], [], 0.2))
reader = os.open(path, os.O_RDONLY)
thread = later(os.read, reader, 1 << 20)
same("room again", ([], [writer], []), select.select([], [writer], [], 10))
thread.join()
fill(writer)
thread = later(os.close, reader)
same("the reader goes", ([], [writer], []), select.select([], [writer], [], 10))
thread.join()
