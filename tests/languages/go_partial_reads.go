// A read returns what is there, up to its size, and never waits to fill the buffer.
// SEMANTICS: read-available, read-end-of-file, file-seek

package main

import (
	"io"
	"os"
	"syscall"
)

func main() {
	path := pipe("text")
	writer := opened(path, os.O_WRONLY)
	reader := opened(path, os.O_RDONLY)
	write(writer, "hello")
	same("a large buffer", "hello", read(reader, 1<<20))
	write(writer, "ab")
	write(writer, "cd")
	same("two writes are joined", "abcd", read(reader, 100))
	write(writer, "0123456789")
	same("the first piece", "0123", read(reader, 4))
	same("the second piece", "4567", read(reader, 4))
	same("the last piece", "89", read(reader, 4))

	_, err := reader.Seek(0, io.SeekCurrent)
	refused("Seek", syscall.ESPIPE, err)
	_, err = reader.ReadAt(make([]byte, 1), 0)
	refused("ReadAt", syscall.ESPIPE, err)

	write(writer, "whole")
	buffer := make([]byte, 5)
	done := later(func() { write(writer, "ness") })
	_, err = io.ReadFull(reader, buffer)
	works("ReadFull", err)
	same("ReadFull", "whole", string(buffer))
	<-done

	works("Close", writer.Close())
	same("what is buffered at the close", "ness", read(reader, 100))
	_, err = reader.Read(buffer)
	refused("end of file", io.EOF, err)
	_, err = reader.Read(buffer)
	refused("end of file again", io.EOF, err)
}
