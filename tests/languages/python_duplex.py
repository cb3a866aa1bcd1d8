"""r+: one thread reads an end while another writes it; in shared mode one end has both."""

# SEMANTICS: open-rdwr, instance-duplex, shared-rdwr

import os
import threading

from expect import later, name, pipe, same

path = pipe("both")
server = open(path, "r+b", buffering=0)
client = open(path, "r+b", buffering=0)
got = []
reading = threading.Thread(target=lambda: got.append(server.read(100)))
reading.start()
reading.join(0.2)
same("the server's read waits", True, reading.is_alive())
server.write(b"from the server")
same("the client reads while the server's read waits", b"from the server", client.read(100))
client.write(b"from the client")
reading.join(10)
same("the server's read", [b"from the client"], got)


def exchange(end, mark, count=300):
    """Writes `count` lines and reads as many, at the same time."""
    lines = []

    def read_lines():
        data = b""
        while data.count(b"\n") < count:
            data += end.read(4096)
        lines.extend(data.split(b"\n")[:-1])

    reader = threading.Thread(target=read_lines)
    reader.start()
    for number in range(count):
        end.write(b"%s %d\n" % (mark, number))
    reader.join(20)
    return lines


results = {}
threads = [
    threading.Thread(target=lambda end=end, mark=mark: results.update({mark: exchange(end, mark)}))
    for end, mark in ((server, b"server"), (client, b"client"))
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(20)
same("the server got the client's", [b"client %d" % n for n in range(300)], results[b"server"])
same("the client got the server's", [b"server %d" % n for n in range(300)], results[b"client"])

# More than both lanes hold: neither end waits for ever if both read and write.
large = os.urandom(3_000_000)
sender = later(lambda: server.write(large) and None, seconds=0)
received = b""
while len(received) < len(large):
    received += client.read(1 << 20)
sender.join()
same("3 MB one way", large, received)
client.write(b"the end")
client.close()
same("what the client left", b"the end", server.read(100))
same("then the end", b"", server.read(100))

fifo = name("fifo")
os.mkfifo(fifo)
alone = open(fifo, "r+b", buffering=0)
thread = later(alone.write, b"to myself")
same("a shared pipe, one end", b"to myself", alone.read(100))
thread.join()
