"""asyncio: add_reader and add_writer work; connect_read_pipe refuses what is a regular file."""

# SEMANTICS: poll-reader, poll-writer

import asyncio
import os
import time

from expect import fill, later, pipe, same


async def ready(add, remove, fd):
    """Waits until the loop calls back for `fd`."""
    future = asyncio.get_running_loop().create_future()

    def back():
        remove(fd)
        future.set_result(None)

    add(fd, back)
    await asyncio.wait_for(future, 10)


async def read_all(path):
    """What a program does instead of connect_read_pipe."""
    loop = asyncio.get_running_loop()
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    data = b""
    while True:
        await ready(loop.add_reader, loop.remove_reader, fd)
        piece = os.read(fd, 100)
        if not piece:
            os.close(fd)
            return data
        data += piece


def write_in_two(path):
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, b"one ")
    time.sleep(0.2)
    os.write(writer, b"two")
    os.close(writer)


async def main():
    path = pipe("text")
    thread = later(write_in_two, path)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    ticking = asyncio.create_task(tick())
    same("add_reader", b"one two", await read_all(path))
    thread.join()
    ticking.cancel()
    same("the loop went on meanwhile", True, ticks >= 3)

    loop = asyncio.get_running_loop()
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    fill(writer)
    reader = os.open(path, os.O_RDONLY)
    thread = later(os.read, reader, 1 << 20)
    await ready(loop.add_writer, loop.remove_writer, writer)
    thread.join()
    print("shown: add_writer")
    os.close(writer)

    file = open(os.dup(reader), "rb", buffering=0)
    try:
        await loop.connect_read_pipe(asyncio.Protocol, file)
        raise SystemExit("FAILED: connect_read_pipe took a regular file")
    except ValueError as error:
        same("connect_read_pipe", "Pipe transport is for pipes/sockets only.", str(error))


asyncio.run(main())
