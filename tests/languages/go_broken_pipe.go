// A writer whose reader has gone gets EPIPE, also one that waits in the runtime's poller.
// SEMANTICS: close-client

package main

import (
	"os"
	"strings"
	"syscall"
)

func main() {
	path := pipe("text")
	writer := opened(path, os.O_WRONLY)
	write(writer, "0123456789")
	reader := opened(path, os.O_RDONLY)
	same("a part", "0123", read(reader, 4))
	works("Close", reader.Close())
	_, err := writer.WriteString("x")
	refused("a write", syscall.EPIPE, err)
	works("Close", writer.Close())

	writer = opened(path, os.O_WRONLY)
	reader = opened(path, os.O_RDONLY)
	done := later(func() { works("Close", reader.Close()) })
	block := strings.Repeat("x", 100000)
	for err = nil; err == nil; {
		_, err = writer.WriteString(block)
	}
	refused("a write that waits while its reader goes", syscall.EPIPE, err)
	<-done
	works("Close", writer.Close())

	works("WriteFile", os.WriteFile(path, []byte("next"), 0666))
	data, err := os.ReadFile(path)
	works("ReadFile", err)
	same("the pipe is usable", "next", string(data))
}
