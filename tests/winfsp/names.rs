//! Names: made, listed, renamed, removed, in any case.

use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_DIRECTORY_NOT_EMPTY, STATUS_END_OF_FILE,
    STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL};

use crate::client::{ATTRIBUTES, BOTH, Client, Disposition, READ, TO_DELETE, WRITE};
use crate::driver::answer::Status;
use crate::mounted::Mount;

const NOT_FOUND: Status = Status::of(STATUS_OBJECT_NAME_NOT_FOUND);
const COLLISION: Status = Status::of(STATUS_OBJECT_NAME_COLLISION);

#[track_caller]
fn names(client: &Client, directory: &str) -> Vec<String> {
    client.directory(directory, Disposition::OpenExisting).expect("it is there").names()
}

#[test]
fn names_are_listed_as_they_were_written() {
    let mount = Mount::new();
    assert_eq!(names(&mount.client, r"\"), [""; 0]);
    for name in ["Greeting", "two words", "Größe", "UPPER.TXT"] {
        mount.client.created(&format!(r"\{name}"), ATTRIBUTES).close();
    }
    mount.client.directory(r"\Directory", Disposition::CreateNew).unwrap().close();
    mount.client.created(r"\Directory\inner", ATTRIBUTES).close();
    let expected = ["Directory", "Greeting", "Größe", "UPPER.TXT", "two words"];
    assert_eq!(names(&mount.client, r"\"), expected);
    assert_eq!(names(&mount.client, r"\directory"), ["inner"]);
    let root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    let kind = |name| root.list().iter().find(|entry| entry.name == name).unwrap().file;
    assert_eq!(kind("Directory").FileAttributes, FILE_ATTRIBUTE_DIRECTORY);
    assert_eq!(kind("Greeting").FileAttributes, FILE_ATTRIBUTE_NORMAL);
}

/// So many that they take many requests, and more come and go meanwhile.
#[test]
fn long_directories_are_listed_whole() {
    let mount = Mount::new();
    let mut expected = Vec::new();
    for number in 0..300 {
        let name = format!("pipe with a longer name {number:03}");
        mount.client.created(&format!(r"\{name}"), ATTRIBUTES).close();
        expected.push(name);
    }
    let root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    assert_eq!(root.names(), expected);
    mount.client.created(r"\another", ATTRIBUTES).close();
    assert_eq!(root.names().len(), expected.len() + 1, "from the start it is read anew");
}

#[test]
fn names_are_one_in_any_case() {
    let mount = Mount::new();
    let server = mount.client.created(r"\Greeting", WRITE);
    server.write(b"hello").unwrap();
    let client = mount.client.opened(r"\GREETING", READ);
    assert_eq!(client.read(10).unwrap(), b"hello");
    let told = client.normalized.as_deref().expect("the driver is told a name");
    assert_eq!(told.to_lowercase(), r"\greeting");
    assert_eq!(names(&mount.client, r"\"), ["Greeting"]);
    let refused = mount.client.directory(r"\greeting", Disposition::CreateNew).unwrap_err();
    assert_eq!(refused, COLLISION);
}

#[test]
fn paths_lead_through_directories() {
    let mount = Mount::new();
    mount.client.created(r"\pipe", ATTRIBUTES).close();
    for path in [r"\none\p", r"\pipe\p"] {
        let refused = mount.client.open(path, BOTH, Disposition::OpenAlways).unwrap_err();
        assert_eq!(refused, Status::of(STATUS_OBJECT_PATH_NOT_FOUND), "{path}");
    }
    mount.client.directory(r"\a", Disposition::CreateNew).unwrap().close();
    mount.client.directory(r"\a\b", Disposition::CreateNew).unwrap().close();
    mount.client.created(r"\a\b\p", ATTRIBUTES).close();
    assert_eq!(names(&mount.client, r"\A\B"), ["p"]);
}

#[test]
fn a_pipe_is_renamed_while_it_is_open() {
    let mount = Mount::new();
    let server = mount.client.created(r"\old", WRITE);
    server.write(b"data").unwrap();
    mount.client.created(r"\taken", ATTRIBUTES).close();
    let mut name = mount.client.opened(r"\old", TO_DELETE);
    assert_eq!(name.rename(r"\Taken", false), Err(COLLISION));
    assert_eq!(name.rename(r"\none\new", false), Err(Status::of(STATUS_OBJECT_PATH_NOT_FOUND)));
    name.rename(r"\new", false).unwrap();
    assert_eq!(names(&mount.client, r"\"), ["new", "taken"]);
    name.rename(r"\NEW", false).expect("only its case changes");
    assert_eq!(names(&mount.client, r"\"), ["NEW", "taken"]);
    name.rename(r"\taken", true).expect("the other pipe gives way");
    assert_eq!(names(&mount.client, r"\"), ["taken"]);
    name.close();
    assert_eq!(mount.client.opened(r"\taken", READ).read(10).unwrap(), b"data");
}

#[test]
fn a_directory_is_renamed_with_what_is_in_it() {
    let mount = Mount::new();
    let mut directory = mount.client.directory(r"\old", Disposition::CreateNew).unwrap();
    mount.client.created(r"\old\p", ATTRIBUTES).close();
    directory.rename(r"\new", false).unwrap();
    assert_eq!(names(&mount.client, r"\new"), ["p"]);
    let gone = mount.client.directory(r"\old", Disposition::OpenExisting).unwrap_err();
    assert_eq!(gone, NOT_FOUND);
}

#[test]
fn a_name_goes_and_who_has_the_pipe_goes_on() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    let client = mount.client.opened(r"\p", READ);
    let mut name = mount.client.opened(r"\p", TO_DELETE);
    name.set_delete(true).unwrap();
    name.set_delete(false).unwrap();
    name.set_delete(true).unwrap();
    assert_eq!(names(&mount.client, r"\"), ["p"], "it goes when this handle is closed");
    name.close();
    assert_eq!(names(&mount.client, r"\"), [""; 0]);
    let gone = mount.client.open(r"\p", READ, Disposition::OpenExisting).unwrap_err();
    assert_eq!(gone, NOT_FOUND);
    server.write(b"still").unwrap();
    server.close();
    assert_eq!(client.read(10).unwrap(), b"still");
    assert_eq!(client.read(10), Err(Status::of(STATUS_END_OF_FILE)));
}

#[test]
fn only_empty_directories_go() {
    let mount = Mount::new();
    mount.client.directory(r"\d", Disposition::CreateNew).unwrap().close();
    mount.client.created(r"\d\p", ATTRIBUTES).close();
    let mut directory = mount.client.directory(r"\d", Disposition::OpenExisting).unwrap();
    assert_eq!(directory.set_delete(true), Err(Status::of(STATUS_DIRECTORY_NOT_EMPTY)));
    let mut inner = mount.client.opened(r"\d\p", TO_DELETE);
    inner.set_delete(true).unwrap();
    inner.close();
    directory.set_delete(true).unwrap();
    directory.close();
    assert_eq!(names(&mount.client, r"\"), [""; 0]);
    let mut root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    assert_eq!(root.set_delete(true), Err(Status::of(STATUS_ACCESS_DENIED)));
}
