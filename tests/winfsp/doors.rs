//! Opens that come again through a door, as `pipefs mount` has them: Windows follows the link, and
//! WinFsp's driver has another node for each.

use std::collections::HashSet;

use pipefs_mount::winfsp::Config;
use windows_sys::Win32::Foundation::{STATUS_END_OF_FILE, STATUS_OBJECT_NAME_COLLISION};

use crate::client::{ATTRIBUTES, BOTH, Disposition, READ, TO_DELETE, WRITE};
use crate::driver::answer::Status;
use crate::mounted::{Mount, Role, config};

fn mount() -> Mount {
    Mount::with(&Config { doors: true, ..config() })
}

#[test]
fn each_open_of_data_has_a_name_of_its_own() {
    let mount = mount();
    let server = mount.client.open(r"\p", WRITE, Disposition::OpenAlways).unwrap();
    let client = mount.client.opened(r"\P", READ);
    let look = mount.client.opened(r"\p", ATTRIBUTES);
    let names: HashSet<&str> = [&server, &client, &look].map(|file| &*file.name).into();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(look.name, r"\p", "nothing is ever parked there");
    assert!(server.name.starts_with(r"\{pipefs-"), "{names:?}");
    assert_eq!((server.role(), client.role()), (Ok(Role::Server), Ok(Role::Client)));
    assert_eq!(server.query().unwrap().IndexNumber, look.query().unwrap().IndexNumber);
    server.write(b"through").unwrap();
    server.close();
    assert_eq!(client.read(100).unwrap(), b"through");
    assert_eq!(client.read(100), Err(Status::of(STATUS_END_OF_FILE)));
}

#[test]
fn doors_are_in_no_listing() {
    let mount = mount();
    let _server = mount.client.open(r"\p", BOTH, Disposition::OpenAlways).unwrap();
    let root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    assert_eq!(root.names(), ["p"]);
}

#[test]
fn names_are_made_and_removed_as_without_doors() {
    let mount = mount();
    mount.client.created(r"\p", WRITE).close();
    let again = mount.client.open(r"\p", WRITE, Disposition::CreateNew).unwrap_err();
    assert_eq!(again, Status::of(STATUS_OBJECT_NAME_COLLISION));
    for disposition in [Disposition::CreateAlways, Disposition::TruncateExisting] {
        let server = mount.client.open(r"\p", BOTH, disposition).unwrap();
        assert_eq!(server.role(), Ok(Role::Server), "{disposition:?}");
    }
    let mut name = mount.client.opened(r"\p", TO_DELETE);
    name.set_delete(true).unwrap();
    name.close();
    assert!(mount.client.open(r"\p", READ, Disposition::OpenExisting).is_err());
    let state = mount.client.open(r"\p", WRITE, Disposition::OpenAlways).map(|made| made.role());
    assert_eq!(state, Ok(Ok(Role::Server)), "made through a door");
}

#[test]
fn streams_need_no_door() {
    let mount = mount();
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "mode", "shared").unwrap();
    assert_eq!(mount.stream(r"\p:mode").unwrap(), "shared");
    let reader = mount.client.opened(r"\p", READ);
    let read = reader.begin_read(10);
    read.assert_waits();
    assert_eq!(mount.state(r"\p")["settings"]["mode"], "shared", "while a read waits");
    mount.client.opened(r"\p", WRITE).write(b"data").unwrap();
    assert_eq!(read.data().unwrap(), b"data");
}
