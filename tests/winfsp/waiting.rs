//! What waits, and everything that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    STATUS_END_OF_FILE, STATUS_IO_TIMEOUT, STATUS_VOLUME_DISMOUNTED,
};

use crate::client::{ATTRIBUTES, BOTH, Disposition, Pending, READ, WRITE};
use crate::deadline::{PATIENCE, Task, eventually};
use crate::driver::answer::Status;
use crate::driver::volume::Unanswered;
use crate::file::File;
use crate::mounted::{Mount, config};

/// Reads that wait at once: many more than there are threads.
const MANY: usize = 100;

/// Who comes while a mount goes. Each opens one file at a time.
const CROWD: u32 = 4;

/// That many readers of one pipe, each waiting for a server of its own.
fn readers(mount: &Mount) -> Vec<(File, Pending)> {
    mount.client.created(r"\p", ATTRIBUTES).close();
    let reader = |_| {
        let reader = mount.client.opened(r"\p", READ);
        let read = reader.begin_read(16);
        (reader, read)
    };
    let readers: Vec<_> = (0..MANY).map(reader).collect();
    eventually(PATIENCE, || mount.state(r"\p")["waiting_clients"] == MANY);
    readers[MANY - 1].1.assert_waits();
    readers
}

#[test]
fn a_hundred_reads_wait_and_are_answered_later() {
    let mount = Mount::new();
    let readers = readers(&mount);
    let mut expected = Vec::new();
    for number in 0..MANY {
        let text = format!("number {number}").into_bytes();
        let server = mount.client.opened(r"\p", WRITE);
        server.write(&text).unwrap();
        server.close();
        expected.push(text);
    }
    // First come, first served.
    for ((reader, read), expected) in readers.into_iter().zip(expected) {
        assert_eq!(read.data().unwrap(), expected);
        assert_eq!(reader.read(16), Err(Status::of(STATUS_END_OF_FILE)));
    }
}

#[test]
fn at_the_unmount_a_hundred_reads_are_answered() {
    let mut mount = Mount::new();
    let readers = readers(&mount);
    mount.end();
    for (_, read) in &readers {
        let answer = read.answer_within(PATIENCE).map(|answer| answer.status());
        assert_eq!(answer, Ok(Status::of(STATUS_VOLUME_DISMOUNTED)), "by the adapter");
    }
}

#[test]
fn a_read_has_a_deadline() {
    const WAIT: Duration = Duration::from_millis(300);
    let mount = Mount::with(&pipefs_mount::winfsp::Config { wait: Some(WAIT), ..config() });
    let timed_out = Status::of(STATUS_IO_TIMEOUT);
    let started = Instant::now();
    let readers: Vec<_> = {
        mount.client.created(r"\p", ATTRIBUTES).close();
        let reader = |_| mount.client.opened(r"\p", READ);
        (0..MANY).map(reader).collect()
    };
    let reads: Vec<_> = readers.iter().map(|reader| reader.begin_read(16)).collect();
    for read in reads {
        assert_eq!(read.data(), Err(timed_out));
    }
    assert!(started.elapsed() >= WAIT);
    // The ends are as they were: what comes now is read.
    let server = mount.client.opened(r"\p", WRITE);
    server.write(b"late").unwrap();
    assert_eq!(readers[0].read(16).unwrap(), b"late");
}

#[test]
fn a_write_and_a_flush_have_deadlines() {
    const WAIT: Duration = Duration::from_millis(300);
    let mount = Mount::with(&pipefs_mount::winfsp::Config { wait: Some(WAIT), ..config() });
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "capacity", "4K").unwrap();
    let server = mount.client.opened(r"\p", WRITE);
    let client = mount.client.opened(r"\p", READ);
    server.write(&[1; 4096]).unwrap();
    let timed_out = Status::of(STATUS_IO_TIMEOUT);
    assert_eq!(server.begin_flush().answer().status(), timed_out);
    assert_eq!(server.write(&[2; 4096]), Err(timed_out));
    assert_eq!(client.read(8192).unwrap(), [1; 4096], "nothing of what was refused");
    assert_eq!(server.write(b"and on"), Ok(6));
}

/// The driver says so with a Cleanup and a Close, whatever the client was doing.
#[test]
fn when_a_client_dies_its_read_ends() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", BOTH);
    let client = mount.client.opened(r"\p", BOTH);
    let (at_client, at_server) = (client.begin_read(16), server.begin_read(16));
    at_client.assert_waits();
    at_server.assert_waits();
    assert!(client.abandon());
    at_client.answer();
    assert_eq!(at_server.data(), Err(Status::of(STATUS_END_OF_FILE)));
    // A client without a server, too, and nobody gets its instance.
    let lonely = mount.client.created(r"\q", READ);
    let read = lonely.begin_read(16);
    read.assert_waits();
    assert!(lonely.abandon());
    read.answer();
    assert_eq!(mount.state(r"\q")["waiting_clients"], 0);
}

#[test]
fn when_a_server_dies_its_client_reads_what_it_left() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", BOTH);
    let client = mount.client.opened(r"\p", BOTH);
    server.write(b"last words").unwrap();
    let read = server.begin_read(16);
    assert!(server.abandon());
    read.answer();
    assert_eq!(client.read(16).unwrap(), b"last words");
    assert_eq!(client.read(16), Err(Status::of(STATUS_END_OF_FILE)));
}

/// Clients come, read and leave while the mount goes. None of their requests may be left, and none
/// may keep the mount from going.
#[test]
fn a_mount_goes_while_clients_come() {
    let mut mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    let stop = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..CROWD)
        .map(|number| {
            let (client, stop) = (mount.client.clone(), Arc::clone(&stop));
            Task::spawn(move || come_and_go(&client, number, &stop))
        })
        .collect();
    eventually(PATIENCE, || mount.client.0.waiting() > CROWD as usize);
    mount.end();
    stop.store(true, Ordering::Relaxed);
    let rounds: usize = crowd.into_iter().map(|member| member.join(PATIENCE)).sum();
    assert!(rounds > 0, "some had come before it went");
}

/// Opens and reads until the mount goes; how often.
fn come_and_go(client: &crate::client::Client, number: u32, stop: &AtomicBool) -> usize {
    let mut rounds = 0;
    let mut waiting = Vec::new();
    while !stop.load(Ordering::Relaxed) && !client.0.is_stopped() {
        let access = if number.is_multiple_of(2) { READ } else { WRITE };
        let Some(opened) = client.try_open(r"\p", access, Disposition::OpenExisting) else { break };
        let Ok(file) = opened else { break };
        match access {
            READ => {
                let read = file.begin_read(16);
                waiting.push((file, read));
                // Only so many.
                if waiting.len() > 20 {
                    let (file, read) = waiting.remove(0);
                    file.abandon();
                    let _ = read.answer_within(PATIENCE);
                }
            }
            _ => {
                let write = file.begin_write(b"data");
                let _ = write.answer_within(PATIENCE);
                file.abandon();
            }
        }
        rounds += 1;
    }
    for (_, read) in &waiting {
        let answer = read.answer_within(PATIENCE).map(|answer| answer.status());
        assert_ne!(answer, Err(Unanswered::StillWaiting));
    }
    rounds
}
