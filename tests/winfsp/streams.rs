//! Settings and state by streams, and the pipe functions by DeviceIoControl.

use pipefs::Settings;
use pipefs_mount::functions::wire;
use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_END_OF_FILE, STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_PIPE_EMPTY,
    STATUS_PIPE_NOT_AVAILABLE,
};

use crate::client::{ATTRIBUTES, BOTH, Disposition, READ, WRITE};
use crate::deadline::PATIENCE;
use crate::driver::answer::Status;
use crate::mounted::{Mount, Role};

#[test]
fn each_setting_is_a_stream() {
    let mount = Mount::new();
    let pipe = mount.client.created(r"\p", ATTRIBUTES);
    let names: Vec<String> =
        pipe.streams().unwrap().into_iter().map(|stream| stream.name).collect();
    for key in Settings::KEYS {
        assert!(names.iter().any(|name| name == key), "{key} in {names:?}");
        let text = mount.stream(&format!(r"\p:{key}")).unwrap();
        assert_eq!(Some(text), Settings::default().get(key), "{key}");
    }
    assert!(names.contains(&"state".to_owned()), "{names:?}");
}

#[test]
fn writing_a_stream_changes_the_setting() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "mode", "shared").unwrap();
    assert_eq!(mount.stream(r"\P:Mode").unwrap(), "shared", "in any case");
    // As cmd writes it.
    mount.set(r"\p", "capacity", "4K \r\n").unwrap();
    assert_eq!(mount.state(r"\p")["settings"]["capacity"], "4096");
    let bad = Status::of(STATUS_INVALID_PARAMETER);
    assert_eq!(mount.set(r"\p", "mode", "nonsense"), Err(bad));
    assert_eq!(mount.set(r"\p", "capacity", "\u{e9}\u{0}"), Err(bad));
    assert_eq!(mount.stream(r"\p:mode").unwrap(), "shared", "as it was");
    let denied = Status::of(STATUS_ACCESS_DENIED);
    assert_eq!(mount.set(r"\p", "state", "{}"), Err(denied));
    let unknown = Status::of(STATUS_OBJECT_NAME_NOT_FOUND);
    assert_eq!(mount.set(r"\p", "nothing", "1"), Err(unknown));
    assert_eq!(mount.stream(r"\p:nothing"), Err(unknown));
    assert_eq!(mount.stream(r"\none:state"), Err(unknown));
    let _server = mount.client.opened(r"\p", WRITE);
    let busy = Status::of(STATUS_PIPE_NOT_AVAILABLE);
    assert_eq!(mount.set(r"\p", "mode", "instance"), Err(busy), "while it is open");
}

#[test]
fn a_stream_takes_nothing() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    server.write(b"what waits").unwrap();
    assert_eq!(mount.stream(r"\p:peek").unwrap(), "what waits");
    let state = mount.state(r"\p");
    assert_eq!(state["buffered_bytes"], 10);
    assert_eq!(state["instances"][0]["ends"][0]["role"], "server");
    assert_eq!(state["instances"][0]["ends"][0]["pid"], std::process::id());
    let client = mount.client.opened(r"\p", READ);
    assert_eq!(client.read(100).unwrap(), b"what waits");
}

#[test]
fn the_mount_has_a_state_too() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    let state = mount.state(r"\");
    assert!(state.is_object(), "{state}");
    assert!(mount.stream(r"\:mode").is_err());
}

/// A stream is read from where its reader says, and is as it was when it was opened.
#[test]
fn a_stream_is_a_file() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    let stream = mount.client.opened(r"\p:mode", READ);
    assert_eq!(stream.information.FileSize, "instance".len() as u64);
    mount.set(r"\p", "mode", "shared").unwrap();
    assert_eq!(stream.read_at(4, 100).unwrap(), b"ance");
    assert_eq!(stream.read_at(8, 100), Err(Status::of(STATUS_END_OF_FILE)));
}

#[test]
fn whoever_may_write_to_the_root_ends_the_mount() {
    let mount = Mount::new();
    let pipe = mount.client.created(r"\p", WRITE);
    assert!(mount.set(r"\", "unmount", "now").is_err(), "a pipe is open");
    pipe.close();
    mount.set(r"\", "unmount", "now").unwrap();
    assert_eq!(mount.stopped.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn the_pipe_functions_do_not_wait() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "type", "message").unwrap();
    let server = mount.client.opened(r"\p", BOTH);
    let connect = |limit: u32| server.function(wire::CONNECT, &limit.to_ne_bytes());
    let early = Status::of(STATUS_PIPE_EMPTY);
    assert_eq!(connect(0), Err(early));
    assert_eq!(connect(wire::FOREVER), Err(early), "a caller asks again");
    let client = mount.client.opened(r"\p", BOTH);
    assert!(connect(0).is_ok());
    client.write(b"message").unwrap();
    assert!(client.function(wire::SEND_EMPTY, &[]).is_ok());
    let peeked = server.function(wire::peek(wire::PEEK_BYTES + 4), &[0; wire::PEEK_BYTES + 4]);
    let peeked = peeked.unwrap();
    assert_eq!(peeked[..8], 7_u64.to_ne_bytes(), "as many bytes");
    assert_eq!(peeked[wire::PEEK_BYTES..], b"mess"[..]);
    assert_eq!(server.read(100).unwrap(), b"message");
    assert_eq!(client.role(), Ok(Role::Client));
    server.function(wire::DISCONNECT, &[]).unwrap();
    assert!(client.read(100).is_err());
    // What is no function, and what has none.
    let none = Status::of(STATUS_INVALID_DEVICE_REQUEST);
    assert_eq!(server.control(0x80F2_3FFC, &[], 4), Err(none));
    let look = mount.client.opened(r"\p", ATTRIBUTES);
    assert_eq!(look.function(wire::DISCONNECT, &[]), Err(Status::of(STATUS_ACCESS_DENIED)));
}

#[test]
fn a_directory_knows_who_listens_in_it() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    let root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    let wait = |name: &str| {
        let mut structure = vec![0; wire::WAIT_BYTES];
        structure[8..8 + name.len()].copy_from_slice(name.as_bytes());
        root.function(wire::WAIT, &structure)
    };
    assert_eq!(wait("p"), Err(Status::of(STATUS_PIPE_EMPTY)));
    assert_eq!(wait("q"), Err(Status::of(STATUS_OBJECT_NAME_NOT_FOUND)));
    let _server = mount.client.opened(r"\p", WRITE);
    assert!(wait("P").is_ok(), "in any case");
}
