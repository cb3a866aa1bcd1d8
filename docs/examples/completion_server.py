"""Pipe server with completion routines: a loop of events calls back. Sends back what it gets, in
capitals.

    python3 completion_server.py /pipes/shout
"""

import asyncio
import os
import sys

INSTANCES = 4
BUFFER_BYTES = 4096


class Instance:
    """Serves one client after the other, each on a new instance."""

    def __init__(self, loop, name):
        self.loop = loop
        self.name = name
        self.create()

    def create(self):
        # CreateNamedPipe with FILE_FLAG_OVERLAPPED: with O_TRUNC it is a server's.
        self.pipe = os.open(self.name, os.O_RDWR | os.O_TRUNC | os.O_NONBLOCK)
        self.loop.add_reader(self.pipe, self.message_came)  # ReadFileEx

    def message_came(self):
        try:
            message = os.read(self.pipe, BUFFER_BYTES)
        except BlockingIOError:
            return
        if not message:  # The client has closed, or sent an empty message.
            self.client_left()
            return
        self.reply = message.upper()
        self.loop.remove_reader(self.pipe)
        self.loop.add_writer(self.pipe, self.reply_can_go)  # WriteFileEx

    def reply_can_go(self):
        try:
            os.write(self.pipe, self.reply)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.client_left()
            return
        self.loop.remove_writer(self.pipe)
        self.loop.add_reader(self.pipe, self.message_came)

    def client_left(self):
        # CloseHandle. What the client has not read yet stays for it.
        self.loop.remove_reader(self.pipe)
        self.loop.remove_writer(self.pipe)
        os.close(self.pipe)
        self.create()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PIPE")
    events = asyncio.new_event_loop()
    for _ in range(INSTANCES):
        Instance(events, sys.argv[1])
    events.run_forever()  # SleepEx, again and again.
