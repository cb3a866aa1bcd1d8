"""Python's own ways to write and to read a file."""

# SEMANTICS: example-greeting, create-excl, create-missing

import csv
import io
import pathlib
import subprocess

from expect import later, name, pipe, same

path = name("text")
with open(path, "w") as file:
    file.write("hello\n")
same("open().read()", "hello\n", open(path).read())

with open(path, "w") as file:
    print("one", file=file)
    print("two", file=file)
same("lines", ["one\n", "two\n"], list(open(path)))

with open(path, "a") as file:
    file.write("appended")
same("mode a", "appended", open(path).read())

long = bytes(range(256)) * 12000
writer = later(pathlib.Path(path).write_bytes, long)
same("write_bytes, read_bytes, 3 MB", long, pathlib.Path(path).read_bytes())
writer.join()

with open(path, "w", newline="") as file:
    csv.writer(file).writerows([["a", "b"], ["1", "2"]])
same("csv", [["a", "b"], ["1", "2"]], list(csv.reader(open(path))))

with open(path, "wb") as file:
    same("a regular file of size 0", False, file.seekable())
    file.write(b"raw")
with open(path, "rb", buffering=0) as file:
    same("readall", b"raw", file.readall())
    same("read at the end", b"", file.read())

child = pipe("child")
with open(child, "w") as file:
    subprocess.run(["echo", "of the child"], stdout=file, check=True)
with open(child) as file:
    copy = subprocess.run(["cat"], stdin=file, capture_output=True, check=True)
same("a child's standard files", b"of the child\n", copy.stdout)

with open(path, "w") as file:
    file.write("line\n" * 1000)
same("readline", "line\n", io.open(path).readline())
try:
    open(path, "x")
    raise SystemExit("FAILED: mode x opened an existing name")
except FileExistsError:
    pass
try:
    open(name("missing"))
    raise SystemExit("FAILED: a missing name could be read")
except FileNotFoundError:
    pass
try:
    open(path, "r+")
    raise SystemExit("FAILED: a buffered r+ did not ask for seek")
except io.UnsupportedOperation:
    pass
