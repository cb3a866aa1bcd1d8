"""selectors: many pipes in one loop."""

# SEMANTICS: poll-reader

import os
import selectors

from expect import later, name, pipe, same, write

COUNT = 50
selector = selectors.DefaultSelector()
for number in range(COUNT):
    fd = os.open(pipe(f"pipe{number}"), os.O_RDONLY | os.O_NONBLOCK)
    selector.register(fd, selectors.EVENT_READ, number)
same("nothing is ready", [], selector.select(0.2))

threads = [
    later(write, name(f"pipe{number}"), b"from %d" % number, seconds=0.01 * (number % 7))
    for number in range(COUNT)
]
found = {number: b"" for number in range(COUNT)}
while selector.get_map():
    ready = selector.select(10)
    if not ready:
        raise SystemExit(f"FAILED: nobody woke up, {len(selector.get_map())} are left")
    for key, events in ready:
        data = os.read(key.fd, 100)
        found[key.data] += data
        if not data:
            selector.unregister(key.fd)
            os.close(key.fd)
same("every pipe's text", {n: b"from %d" % n for n in range(COUNT)}, found)
for thread in threads:
    thread.join()
