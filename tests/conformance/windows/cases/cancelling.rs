//! Group N, and who dies while writing: events, handles that are not overlapped, other processes.

use std::fs::File;
use std::io::{Read, Write};
use std::os::windows::io::OwnedHandle;
use std::os::windows::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE};

use crate::windows::api::{self, Creation, OVERLAPPED_DUPLEX};
use crate::windows::arm::{GRACE, ends_within, new_name};
use crate::windows::overlapped::Overlapped;

super::what_windows_does! {
    calls {
        g14_a_writer_dies_while_it_waits,
        n4_a_process_ends_while_it_waits,
        n6_events,
        n8_an_inherited_handle,
        n9_a_handle_that_is_not_overlapped_does_one_thing,
    }
}

/// How long what has a reason to end may take.
const SOON: Duration = Duration::from_secs(20);

/// The number of bytes that a read gets, if it succeeds.
fn read_in_a_thread(end: OwnedHandle) -> thread::JoinHandle<Option<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = [0; 99];
        let moved = File::from(end).read(&mut bytes).ok()?;
        Some(bytes[..moved].to_vec())
    })
}

/// A server whose pipe has this quota, and a client.
fn pair(quota_bytes: u32) -> (OwnedHandle, OwnedHandle) {
    let name = new_name();
    let creation = Creation { quota_bytes, ..OVERLAPPED_DUPLEX };
    let server = api::create(Some(&name), creation).expect("a server");
    let client = api::open(&name, GENERIC_READ | GENERIC_WRITE, 0).expect("a client");
    (server, client)
}

/// A command of the system's shell with these handles.
fn shell(command: &str, input: Stdio, output: Stdio) -> Child {
    let mut shell = Command::new("cmd");
    shell.raw_arg("/d /c").raw_arg(command).stdin(input).stdout(output).stderr(Stdio::null());
    shell.spawn().expect("the system has a shell")
}

/// Looks until so many bytes are there.
#[track_caller]
fn until_readable(end: &OwnedHandle, bytes: u32) {
    for _ in 0..SOON.as_millis() / 10 {
        if api::peek(end, 0, 0).numbers[1] >= bytes {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not write");
}

/// What it has brought is there already, and goes with it.
fn g14_a_writer_dies_while_it_waits() {
    let (server, client) = pair(1);
    let copy = client.try_clone().expect("a copy");
    let mut child = shell("echo to be forgotten", Stdio::null(), copy.into());
    until_readable(&server, 5);
    child.kill().expect("it waits");
    child.wait().expect("it is a child");
    assert_eq!(api::peek(&server, 0, 0).numbers[1], 0, "nothing is left of it");
    File::from(client.try_clone().expect("a copy")).write_all(b"x").expect("it goes on");
    let mut read = Overlapped::read(&server, 9);
    assert_eq!(read.ended_within(SOON), Some((Ok(()), 1)));
    assert_eq!(read.bytes(), b"x");
}

fn n4_a_process_ends_while_it_waits() {
    let (server, client) = pair(4096);
    let copy = client.try_clone().expect("a copy");
    let mut child = shell("set /p line=", copy.into(), Stdio::null());
    // Nobody can see that it reads; if it does not yet, less is shown.
    thread::sleep(GRACE * 4);
    child.kill().expect("it waits");
    child.wait().expect("it is a child");
    let mut written = Overlapped::write(&server, b"x".into());
    assert_eq!(written.ended_within(SOON), Some((Ok(()), 1)));
    let read = read_in_a_thread(client);
    assert!(ends_within(&read, SOON), "the dead one's read has taken it");
    assert_eq!(read.join().expect("no panic").as_deref(), Some(&b"x"[..]));
}

fn n6_events() {
    let (server, client) = pair(4096);
    let mut read = Overlapped::read(&server, 9);
    assert!(!read.is_signalled(GRACE), "it waits");
    File::from(client).write_all(b"x").expect("it fits");
    assert!(read.is_signalled(SOON), "it has ended");
    assert_eq!(read.ended_within(Duration::ZERO), Some((Ok(()), 1)));
}

fn n8_an_inherited_handle() {
    let (server, client) = pair(4096);
    let mut child = shell("echo from the child", Stdio::null(), client.into());
    child.wait().expect("it ends");
    let mut read = Overlapped::read(&server, 99);
    assert!(read.ended_within(SOON).is_some(), "it has written");
    assert_eq!(read.bytes().trim_ascii_end(), b"from the child");
}

fn n9_a_handle_that_is_not_overlapped_does_one_thing() {
    let (server, client) = pair(4096);
    let copy = client.try_clone().expect("a copy");
    let read = read_in_a_thread(client);
    thread::sleep(GRACE);
    let write = thread::spawn(move || File::from(copy).write(b"y").ok());
    let held_up = !ends_within(&write, GRACE * 10);
    let mut answer = Overlapped::write(&server, b"x".into());
    assert_eq!(answer.ended_within(SOON), Some((Ok(()), 1)));
    assert!(ends_within(&read, SOON) && ends_within(&write, SOON), "they do not end");
    assert_eq!(read.join().expect("no panic").as_deref(), Some(&b"x"[..]));
    assert_eq!(write.join().expect("no panic"), Some(1));
    assert!(held_up, "the write does not wait for the read");
}
