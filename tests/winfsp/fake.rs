//! The fake driver itself, with the smallest file system there is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    EXCEPTION_NONCONTINUABLE_EXCEPTION, STATUS_CANCELLED, STATUS_INVALID_DEVICE_REQUEST,
    STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_NOT_FOUND,
};
use windows_sys::Win32::Storage::FileSystem::FILE_ATTRIBUTE_HIDDEN;
use winfsp::host::{FileSystemHost, VolumeParams};

use crate::client::{Action, BOTH, Client, Disposition, READ, TO_DELETE, WRITE};
use crate::deadline::{A_WHILE, PATIENCE, eventually, within};
use crate::driver::answer::Status;
use crate::driver::volume::Unanswered;
use crate::driver::volume_of;
use crate::mini::{CONTENT, Inside, Mini};

const NOT_FOUND: Status = Status::of(STATUS_OBJECT_NAME_NOT_FOUND);

/// A mount of it. It is taken down at the end, with a deadline.
struct Mounted {
    client: Client,
    inside: Arc<Inside>,
    host: Option<FileSystemHost<Mini>>,
}

impl Mounted {
    fn new() -> Self {
        let mini = Mini::new();
        let inside = Arc::clone(&mini.0);
        let (volume, mut host): (_, FileSystemHost<Mini>) = volume_of(|| {
            let mut volume = VolumeParams::new();
            volume.filesystem_name("mini").named_streams(true).device_control(true);
            FileSystemHost::new_async(volume, mini).expect("it can be made")
        });
        host.start_with_threads(2).expect("it can be started");
        Self { client: Client(volume), inside, host: Some(host) }
    }

    fn readers(&self, count: usize) {
        eventually(PATIENCE, || self.inside.readers.lock().len() == count);
    }

    /// Takes it down, when nothing waits in it.
    fn end(&mut self) {
        if let Some(host) = self.host.take() {
            within(PATIENCE, move || drop(host));
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.inside.readers.lock().clear();
        self.end();
        self.client.0.assert_no_faults();
    }
}

#[test]
fn files_are_opened_read_and_written() {
    let mini = Mounted::new();
    let client = &mini.client;
    assert_eq!(client.open(r"\none", READ, Disposition::OpenExisting).unwrap_err(), NOT_FOUND);
    let file = client.opened(r"\fast", BOTH);
    assert_eq!((file.action, file.granted), (Action::Opened, BOTH));
    assert_eq!(file.information.FileSize, CONTENT.len() as u64);
    assert_eq!(file.read(100).unwrap(), CONTENT);
    assert_eq!(file.read(2).unwrap(), &CONTENT[..2]);
    assert_eq!(file.write(b"something").unwrap(), 9);
    assert_eq!(*mini.inside.written.lock(), [b"something".to_vec()]);
    assert_eq!(file.begin_flush().answer().status(), Status::SUCCESS);
    assert_eq!(file.query().unwrap().IndexNumber, 77);
    let hidden = file.set_attributes(FILE_ATTRIBUTE_HIDDEN).unwrap();
    assert_eq!(hidden.FileAttributes, FILE_ATTRIBUTE_HIDDEN);
    assert_eq!(file.set_size(5).unwrap().FileSize, 5);
    assert_eq!(file.set_allocation(6).unwrap().AllocationSize, 6);
    file.close();
    assert_eq!(mini.inside.open.load(Ordering::Relaxed), 0);
}

#[test]
fn each_disposition_does_what_it_does_on_windows() {
    let mini = Mounted::new();
    let open = |name, disposition| {
        mini.client.open(name, WRITE, disposition).map(|file| (file.action, file.information))
    };
    let action = |name, disposition| open(name, disposition).map(|(action, _)| action);
    use Disposition::*;
    assert_eq!(action(r"\a", TruncateExisting), Err(NOT_FOUND));
    assert_eq!(action(r"\a", OpenAlways), Ok(Action::Created));
    assert_eq!(action(r"\a", OpenAlways), Ok(Action::Opened));
    assert_eq!(action(r"\a", CreateNew), Err(Status::of(STATUS_OBJECT_NAME_COLLISION)));
    let (done, file) = open(r"\a", CreateAlways).unwrap();
    assert_eq!((done, file.FileSize), (Action::Overwritten, 0), "an overwrite has followed");
    assert_eq!(action(r"\a", TruncateExisting), Ok(Action::Overwritten));
    assert_eq!(action(r"\a", Supersede), Ok(Action::Superseded));
    assert_eq!(action(r"\b", CreateAlways), Ok(Action::Created));
    assert_eq!(mini.inside.open.load(Ordering::Relaxed), 0, "each file that is dropped is closed");
}

#[test]
fn names_come_and_go() {
    let mini = Mounted::new();
    let mut file = mini.client.created(r"\a", TO_DELETE);
    file.rename(r"\b", false).unwrap();
    assert_eq!(file.rename(r"\fast", false), Err(Status::of(STATUS_OBJECT_NAME_COLLISION)));
    assert!(mini.inside.names.lock().contains(r"\b"));
    file.set_delete(true).unwrap();
    assert!(mini.inside.names.lock().contains(r"\b"), "it goes when the file is closed");
    file.close();
    assert!(!mini.inside.names.lock().contains(r"\b"));
}

#[test]
fn directories_streams_and_the_volume_are_read() {
    let mini = Mounted::new();
    let root = mini.client.directory(r"\", Disposition::OpenExisting).unwrap();
    let expected: Vec<String> =
        mini.inside.names.lock().iter().map(|name| name[1..].to_owned()).collect();
    assert!(expected.len() > 20, "they do not fit one request");
    assert_eq!(root.names(), expected);
    let volume = mini.client.volume();
    assert_eq!((volume.TotalSize, volume.FreeSize), (1000, 600));
    let stream = mini.client.opened(r"\fast:state", READ);
    assert_eq!(mini.inside.open.load(Ordering::Relaxed), 3, "the stream's file is open, too");
    let streams = stream.streams().unwrap();
    assert_eq!((streams[0].name.as_str(), streams[0].size), ("state", 5));
    assert_eq!(stream.control(1 << 2 | 0x8000_0000, b"abc", 3).unwrap(), b"cba");
    let refused = stream.control(0, b"abc", 3);
    assert_eq!(refused, Err(Status::of(STATUS_INVALID_DEVICE_REQUEST)));
    assert_eq!(stream.set_security(4, &[0; 20]), Ok(()));
    assert!(!stream.security().unwrap().is_empty());
}

#[test]
fn reads_that_wait_hold_no_thread() {
    let mini = Mounted::new();
    let slow = mini.client.created(r"\slow", READ);
    let reads: Vec<_> = (0..20).map(|_| slow.begin_read(16)).collect();
    mini.readers(20);
    assert_eq!(mini.client.opened(r"\fast", READ).read(16).unwrap(), CONTENT);
    reads[0].assert_waits();
    assert_eq!(mini.client.0.waiting(), 20);
    let mut readers = std::mem::take(&mut *mini.inside.readers.lock());
    drop(readers.pop());
    readers.into_iter().for_each(|reader| reader.finish());
    let results: Vec<_> = reads.into_iter().map(|read| read.data()).collect();
    let good = results.iter().filter(|result| result.as_deref() == Ok(CONTENT)).count();
    let cancelled = Err(Status::of(STATUS_CANCELLED));
    assert_eq!(good, 19);
    assert_eq!(results.iter().filter(|result| **result == cancelled).count(), 1);
}

#[test]
fn a_panic_in_a_file_system_is_its_answer() {
    let mini = Mounted::new();
    let refused = mini.client.open(r"\panic", READ, Disposition::OpenExisting).unwrap_err();
    assert_eq!(refused, Status::of(EXCEPTION_NONCONTINUABLE_EXCEPTION));
}

#[test]
fn when_a_volume_is_stopped_the_driver_answers() {
    let mut mini = Mounted::new();
    mini.end();
    let started = Instant::now();
    let read = mini.client.begin_volume();
    assert_eq!(read.answer_within(PATIENCE).unwrap_err(), Unanswered::Stopped);
    assert!(started.elapsed() < A_WHILE + Duration::from_secs(1));
}

/// Two drivers at once know nothing of each other.
#[test]
fn volumes_are_apart() {
    let (one, other) = (Mounted::new(), Mounted::new());
    one.client.created(r"\only here", WRITE).close();
    let missing = other.client.open(r"\only here", READ, Disposition::OpenExisting).unwrap_err();
    assert_eq!(missing, NOT_FOUND);
}
