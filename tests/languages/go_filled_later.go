// Go's runtime puts the file into its epoll, edge-triggered: many goroutines wait on few threads,
// deadlines work, and Close ends a read.
// SEMANTICS: poll-edge, poll-reader, poll-writer

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const count = 200

func main() {
	path := pipe("text")
	writer := opened(path, os.O_WRONLY)
	reader := opened(path, os.O_RDONLY)
	works("SetReadDeadline", reader.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := reader.Read(make([]byte, 1))
	refused("a deadline", os.ErrDeadlineExceeded, err)
	works("SetReadDeadline", reader.SetReadDeadline(time.Time{}))
	done := later(func() { write(writer, "text") })
	same("a read that waits", "text", read(reader, 100))
	<-done

	done = later(func() { works("Close", reader.Close()) })
	_, err = reader.Read(make([]byte, 1))
	refused("Close ends a read", os.ErrClosed, err)
	<-done
	works("Close", writer.Close())

	pendingClient(pipe("pending"))
	manyReaders()
	fullWriter(path)
}

// A client that was opened before there was an instance.
func pendingClient(path string) {
	reader := opened(path, os.O_RDONLY|syscall.O_NONBLOCK)
	done := later(func() { works("WriteFile", os.WriteFile(path, []byte("first"), 0666)) })
	data, err := io.ReadAll(reader)
	works("ReadAll", err)
	same("a pending client", "first", string(data))
	<-done
}

// Each goroutine waits for its pipe; all of them together need few threads.
func manyReaders() {
	var readers sync.WaitGroup
	writers := make([]*os.File, count)
	problems := make(chan error, count)
	for number := range writers {
		path := pipe(fmt.Sprint("many", number))
		writers[number] = opened(path, os.O_WRONLY)
		reader := opened(path, os.O_RDONLY)
		expected := fmt.Sprint("text ", number)
		readers.Add(1)
		go func() {
			defer readers.Done()
			data, err := io.ReadAll(reader)
			if err == nil && string(data) != expected {
				err = errors.New("read " + string(data) + ", not " + expected)
			}
			problems <- err
		}()
	}
	time.Sleep(300 * time.Millisecond)
	entries, err := os.ReadDir("/proc/self/task")
	works("ReadDir", err)
	if len(entries) > 40+runtime.NumCPU() {
		failed("%d goroutines wait on %d threads", count, len(entries))
	}
	for number, writer := range writers {
		write(writer, "text ")
		write(writer, fmt.Sprint(number))
		works("Close", writer.Close())
	}
	readers.Wait()
	for range writers {
		works("a reader", <-problems)
	}
	fmt.Println("shown: many readers on", len(entries), "threads")
}

// A writer of a full pipe waits in the poller, too, and its deadline works.
func fullWriter(path string) {
	writer := opened(path, os.O_WRONLY)
	reader := opened(path, os.O_RDONLY)
	works("SetWriteDeadline", writer.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	block := make([]byte, 65536)
	taken := 0
	var err error
	for err == nil {
		var written int
		written, err = writer.Write(block)
		taken += written
	}
	refused("a deadline of a write", os.ErrDeadlineExceeded, err)
	same("what was taken", 1<<20, taken)
	works("SetWriteDeadline", writer.SetWriteDeadline(time.Time{}))
	done := later(func() {
		for taken > 0 {
			taken -= len(read(reader, 1<<20))
		}
	})
	write(writer, "room")
	<-done
	same("after the wait", "room", read(reader, 100))
}
