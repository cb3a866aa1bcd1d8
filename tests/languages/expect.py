"""What the Python programs here share: the mount's directory and how a failure is said."""

import os
import sys
import tempfile
import threading
import time

MOUNT = sys.argv[1]


def name(text):
    """A name on the mount, which need not exist."""
    return os.path.join(MOUNT, text)


def pipe(text):
    """A pipe without an instance, so that a reader may come first."""
    path = name(text)
    with open(path, "x"):
        pass
    return path


def scratch(text):
    """A name in a directory that is not on the mount."""
    return os.path.join(tempfile.gettempdir(), text)


def same(what, expected, got):
    if expected != got:
        sys.exit(f"FAILED: {what}: expected {shown(expected)}, got {shown(got)}")
    print("shown:", what, flush=True)


def shown(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:100]}… ({len(value)} long)"


def refused(what, number, function, *arguments):
    """The function fails with this errno."""
    try:
        result = function(*arguments)
    except OSError as error:
        same(what, os.strerror(number), os.strerror(error.errno))
    else:
        sys.exit(f"FAILED: {what}: expected {os.strerror(number)}, got {shown(result)}")


def later(function, *arguments, seconds=0.2):
    """Runs the function in a thread, a little later; the caller joins it."""

    def work():
        time.sleep(seconds)
        function(*arguments)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def write(path, data):
    """Opens, writes and closes; what the shell's `printf >` does."""
    fd = os.open(path, os.O_WRONLY)
    while data:
        data = data[os.write(fd, data):]
    os.close(fd)


def fill(fd, size=65536):
    """Writes to a non-blocking end until it would wait; how many bytes it took."""
    count = 0
    while True:
        try:
            count += os.write(fd, bytes(size))
        except BlockingIOError:
            return count
