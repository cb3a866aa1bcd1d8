"""A read returns what is there, up to its size, and never waits to fill the buffer."""

# SEMANTICS: read-available, read-large, read-end-of-file, file-seek

import errno
import os

from expect import pipe, refused, same

path = pipe("text")
writer = os.open(path, os.O_WRONLY)
os.write(writer, b"hello")
reader = os.open(path, os.O_RDONLY)
same("a large read, the writer is still there", b"hello", os.read(reader, 1 << 20))

os.write(writer, b"ab")
os.write(writer, b"cd")
same("two writes are joined", b"abcd", os.read(reader, 100))

os.write(writer, b"0123456789")
same("the first piece", b"0123", os.read(reader, 4))
same("the second piece", b"4567", os.read(reader, 4))
same("the last piece", b"89", os.read(reader, 4))

os.write(writer, b"vector")
pieces = [bytearray(2), bytearray(3), bytearray(9)]
same("readv", 6, os.readv(reader, pieces))
same("its pieces", b"vector", b"".join(pieces)[:6])
same("writev", 4, os.writev(writer, [b"x", b"yz", b"!"]))
same("what writev wrote", b"xyz!", os.read(reader, 100))

# Larger than any one request of the kernel: the read stops where the data stops.
large = os.urandom(3_000_000)
os.write(writer, large[:500_000])
same("a read of 8 MiB", large[:500_000], os.read(reader, 8 << 20))

refused("pread", errno.ESPIPE, os.pread, reader, 10, 0)
refused("pwrite", errno.ESPIPE, os.pwrite, writer, b"x", 0)
refused("seek on the reader", errno.ESPIPE, os.lseek, reader, 0, os.SEEK_CUR)
refused("seek on the writer", errno.ESPIPE, os.lseek, writer, 0, os.SEEK_END)

os.write(writer, b"last words")
os.close(writer)
same("what is buffered at the close", b"last", os.read(reader, 4))
same("and the rest of it", b" words", os.read(reader, 100))
same("end of file", b"", os.read(reader, 100))
same("end of file again", b"", os.read(reader, 100))
