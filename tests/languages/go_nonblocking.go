// O_NONBLOCK with the system calls themselves.
// SEMANTICS: wait-nonblock, write-full

package main

import (
	"os"
	"syscall"
)

func main() {
	path := pipe("text")
	buffer := make([]byte, 1<<20)
	reader, err := syscall.Open(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	works("a pending client", err)
	_, err = syscall.Read(reader, buffer)
	refused("a pending client", syscall.EAGAIN, err)
	writer, err := syscall.Open(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	works("open", err)
	_, err = syscall.Read(reader, buffer)
	refused("a connected client", syscall.EAGAIN, err)
	_, err = syscall.Write(writer, []byte("text"))
	works("write", err)
	count, err := syscall.Read(reader, buffer)
	works("read", err)
	same("what was written", "text", string(buffer[:count]))

	taken := 0
	for err = nil; err == nil; taken += count {
		count, err = syscall.Write(writer, buffer[:65536])
		if err != nil {
			count = 0
		}
	}
	refused("a full lane", syscall.EAGAIN, err)
	same("its capacity", 1<<20, taken)
	works("SetNonblock", syscall.SetNonblock(writer, false))
	done := later(func() {
		_, err := syscall.Read(reader, buffer)
		works("read", err)
	})
	_, err = syscall.Write(writer, []byte("x"))
	works("a write that waits", err)
	<-done
	works("close", syscall.Close(writer))
	for count = 1; count > 0; {
		count, err = syscall.Read(reader, buffer)
		works("read to the end", err)
	}
}
