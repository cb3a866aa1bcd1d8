//! Pipes without a name.

use std::io::{ErrorKind, Read, Write};

use pipefs::{EndRole, Error, Namespace};

use super::deadline::{PATIENCE, Task};
use super::until_waiting;

#[test]
fn everything_written_is_read_then_comes_the_end() {
    let pipes = Namespace::new();
    let (mut reader, mut writer) = pipes.anonymous();
    let data: Vec<u8> = (0..32 << 10).map(|at| (at % 251) as u8).collect();
    writer.write_all(&data).unwrap();
    drop(writer);
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == data);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    drop(reader);
    assert_eq!((pipes.engine().end_count(), pipes.engine().memory().used_bytes), (0, 0));
}

#[test]
fn a_write_without_reader_fails() {
    let (reader, mut writer) = Namespace::new().anonymous();
    drop(reader);
    assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn it_has_no_name_and_one_direction() {
    let pipes = Namespace::new();
    let (mut reader, mut writer) = pipes.anonymous();
    assert!(pipes.list().is_empty());
    assert_eq!(reader.write(b"x").unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(writer.read(&mut [0]).unwrap_err().kind(), ErrorKind::PermissionDenied);
    let roles = (reader.info().unwrap().role, writer.info().unwrap().role);
    assert_eq!(roles, (Some(EndRole::Server), Some(EndRole::Client)));
    // Nobody else can ever come.
    reader.disconnect().unwrap();
    assert_eq!(reader.connect(), Err(Error::NotFound));
}

#[test]
fn a_reader_waits_for_the_writer() {
    let pipes = Namespace::new();
    let (mut reader, mut writer) = pipes.anonymous();
    let read = Task::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    until_waiting(&pipes, 1);
    let clone = writer.clone();
    writer.write_all(b"one").unwrap();
    drop(writer);
    until_waiting(&pipes, 1);
    (&clone).write_all(b" two").unwrap();
    drop(clone);
    assert_eq!(read.join(PATIENCE).unwrap(), "one two");
}
