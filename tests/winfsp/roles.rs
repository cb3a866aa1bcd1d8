//! Who becomes server and who client, by what is asked for when a pipe is opened.

use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_NOT_FOUND,
};

use crate::client::{APPEND, ATTRIBUTES, Action, BOTH, Disposition, READ, TO_DELETE, WRITE};
use crate::driver::answer::Status;
use crate::mounted::{Mount, Role};

#[test]
fn the_rights_that_are_asked_for_decide() {
    let mount = Mount::new();
    // What is asked for, what listens on the pipe before, what it becomes.
    let cases = [
        (WRITE, false, Role::Server),
        (READ, false, Role::Pending),
        (READ, true, Role::Client),
        (BOTH, false, Role::Server),
        (BOTH, true, Role::Client),
        (READ | APPEND, false, Role::Pending),
        (READ | APPEND, true, Role::Client),
    ];
    for (number, (access, listens, role)) in cases.into_iter().enumerate() {
        let name = format!(r"\case {number}");
        let listener = mount.client.created(&name, if listens { BOTH } else { ATTRIBUTES });
        let end = mount.client.opened(&name, access);
        assert_eq!(end.role(), Ok(role), "{access:#x}, listens: {listens}");
        drop(listener);
    }
}

#[test]
fn who_wants_the_pipe_empty_is_its_server() {
    let mount = Mount::new();
    let listener = mount.client.created(r"\p", BOTH);
    for disposition in
        [Disposition::CreateAlways, Disposition::TruncateExisting, Disposition::Supersede]
    {
        let end = mount.client.open(r"\p", BOTH, disposition).unwrap();
        assert_eq!(end.role(), Ok(Role::Server), "{disposition:?}");
    }
    assert_eq!(listener.role(), Ok(Role::Server));
    let client = mount.client.open(r"\p", BOTH, Disposition::OpenAlways).unwrap();
    assert_eq!((client.role(), client.action), (Ok(Role::Client), Action::Opened));
}

#[test]
fn a_name_that_is_there_is_not_made_again() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    assert_eq!(server.action, Action::Created);
    let collision = Status::of(STATUS_OBJECT_NAME_COLLISION);
    for access in [READ, WRITE, BOTH, ATTRIBUTES] {
        let refused = mount.client.open(r"\p", access, Disposition::CreateNew).unwrap_err();
        assert_eq!(refused, collision);
        let refused = mount.client.open(r"\P", access, Disposition::CreateNew).unwrap_err();
        assert_eq!(refused, collision, "in any case");
    }
    let missing = mount.client.open(r"\q", READ, Disposition::OpenExisting).unwrap_err();
    assert_eq!(missing, Status::of(STATUS_OBJECT_NAME_NOT_FOUND));
    let missing = mount.client.open(r"\q", WRITE, Disposition::TruncateExisting).unwrap_err();
    assert_eq!(missing, Status::of(STATUS_OBJECT_NAME_NOT_FOUND));
}

#[test]
fn who_asks_for_attributes_touches_nothing() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    server.write(b"data").unwrap();
    let before = mount.state(r"\p");
    for access in [ATTRIBUTES, TO_DELETE] {
        let look = mount.client.opened(r"\p", access);
        let denied = Status::of(STATUS_ACCESS_DENIED);
        assert_eq!(look.role(), Err(denied));
        assert_eq!(look.read(10), Err(denied));
        assert_eq!(look.write(b"x"), Err(denied));
        assert_eq!(mount.state(r"\p"), before);
    }
    // It is still the first client that gets the instance.
    let client = mount.client.opened(r"\p", READ);
    assert_eq!(client.read(10).unwrap(), b"data");
}

#[test]
fn shared_pipes_have_members() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "mode", "shared").unwrap();
    let (writer, reader) = (mount.client.opened(r"\p", WRITE), mount.client.opened(r"\p", READ));
    assert_eq!((writer.role(), reader.role()), (Ok(Role::Member), Ok(Role::Member)));
    writer.write(b"to all").unwrap();
    assert_eq!(reader.read(10).unwrap(), b"to all");
}
