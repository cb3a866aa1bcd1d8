// What the Go programs here share: the mount's directory and how a failure is said.

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// name is a name on the mount, which need not exist.
func name(text string) string {
	return filepath.Join(os.Args[1], text)
}

// pipe makes a pipe without an instance, so that a reader may come first.
func pipe(text string) string {
	fd, err := syscall.Open(name(text), syscall.O_WRONLY|syscall.O_CREAT, 0666)
	works("create "+text, err)
	works("close", syscall.Close(fd))
	return name(text)
}

func failed(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "FAILED: "+format+"\n", arguments...)
	os.Exit(1)
}

func works(what string, err error) {
	if err != nil {
		failed("%s: %v", what, err)
	}
}

func same(what string, expected, got any) {
	if expected != got {
		failed("%s: expected %.200q, got %.200q", what, fmt.Sprint(expected), fmt.Sprint(got))
	}
	fmt.Println("shown:", what)
}

func refused(what string, expected, err error) {
	if !errors.Is(err, expected) {
		failed("%s: expected %v, got %v", what, expected, err)
	}
	fmt.Println("shown:", what)
}

// opened is os.OpenFile that must work.
func opened(path string, flags int) *os.File {
	file, err := os.OpenFile(path, flags, 0)
	works("open", err)
	return file
}

// read is one read of at most size bytes.
func read(file *os.File, size int) string {
	buffer := make([]byte, size)
	count, err := file.Read(buffer)
	works("read", err)
	return string(buffer[:count])
}

// write is one write.
func write(file *os.File, text string) {
	_, err := file.WriteString(text)
	works("write", err)
}

// later runs the function in a goroutine, a little later; receive from the result to join it.
func later(work func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		time.Sleep(200 * time.Millisecond)
		work()
		close(done)
	}()
	return done
}
