// Go's own ways to write and to read a file.
// SEMANTICS: example-greeting, file-splice

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	path := name("text")
	works("WriteFile", os.WriteFile(path, []byte("hello\n"), 0666))
	data, err := os.ReadFile(path)
	works("ReadFile", err)
	same("WriteFile, ReadFile", "hello\n", string(data))

	long := strings.Repeat("0123456789abcde\n", 200000)
	done := later(func() { works("WriteFile", os.WriteFile(path, []byte(long), 0666)) })
	data, err = os.ReadFile(path)
	works("ReadFile", err)
	same("a long text that comes later", true, string(data) == long)
	<-done

	done = later(func() { works("WriteFile", os.WriteFile(path, []byte(long), 0666)) })
	scanner := bufio.NewScanner(opened(path, os.O_RDONLY))
	lines := 0
	for scanner.Scan() {
		lines++
	}
	works("Scanner", scanner.Err())
	same("lines", 200000, lines)
	<-done

	copies(path, long)

	file := opened(path, os.O_WRONLY|os.O_APPEND)
	write(file, "appended")
	works("Close", file.Close())
	command := exec.Command("cat")
	command.Stdin = opened(path, os.O_RDONLY)
	data, err = command.Output()
	works("cat", err)
	same("a child's standard input", "appended", string(data))

	_, err = os.Open(name("missing"))
	refused("a missing name", os.ErrNotExist, err)
	_, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0666)
	refused("O_EXCL", os.ErrExist, err)
}

// io.Copy tries copy_file_range(2) and splice(2) first.
func copies(path, long string) {
	plain, err := os.CreateTemp("", "plain")
	works("CreateTemp", err)
	write(plain, long)
	target := pipe("target")
	done := later(func() {
		_, err := plain.Seek(0, io.SeekStart)
		works("Seek", err)
		writer := opened(path, os.O_WRONLY)
		_, err = io.Copy(writer, plain)
		works("Copy from a file to a pipe", err)
		works("Close", writer.Close())
	})
	between := later(func() {
		reader, writer := opened(path, os.O_RDONLY), opened(target, os.O_WRONLY)
		_, err := io.Copy(writer, reader)
		works("Copy from a pipe to a pipe", err)
		works("Close", writer.Close())
	})
	copied, err := os.CreateTemp("", "copied")
	works("CreateTemp", err)
	_, err = io.Copy(copied, opened(target, os.O_RDONLY))
	works("Copy from a pipe to a file", err)
	<-done
	<-between
	data, err := os.ReadFile(copied.Name())
	works("ReadFile", err)
	same("io.Copy: file, pipe, pipe, file", true, bytes.Equal([]byte(long), data))
}
