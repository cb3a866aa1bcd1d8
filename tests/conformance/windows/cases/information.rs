//! Groups L and M: information and identity.

use std::fs::File;
use std::io::Write;
use std::os::windows::io::OwnedHandle;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_CANNOT_IMPERSONATE, ERROR_INVALID_FUNCTION, ERROR_INVALID_PARAMETER,
    GENERIC_READ, GENERIC_WRITE,
};
use windows_sys::Win32::Storage::FileSystem::WRITE_DAC;
use windows_sys::Win32::System::Pipes::PIPE_REJECT_REMOTE_CLIENTS;

use crate::pipes::{Call, Code, DUPLEX, Whose};
use crate::story::Story;
use crate::windows::api::{self, Creation, OVERLAPPED_DUPLEX};
use crate::windows::arm::new_name;
use crate::windows::overlapped::Overlapped;

super::what_windows_does! {
    stories {
        l5_asking_when_disconnected,
    }
    calls {
        l4_the_right_to_ask,
        l6_a_pipe_as_a_file,
        m1_acting_as_the_client,
        m2_acting_as_a_client_that_has_gone,
        m4_one_set_of_permissions,
        m9_clients_from_other_machines,
    }
}

/// How long what ends at once may take.
const SOON: Duration = Duration::from_secs(5);

fn l4_the_right_to_ask() {
    let name = new_name();
    let _server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let client = api::open(&name, GENERIC_WRITE, 0).expect("a client");
    assert_eq!(api::set_mode(&client, 0), Ok(()));
    assert_eq!(api::set_mode(&client, 0x10), Err(ERROR_INVALID_PARAMETER), "no mode");
    assert_eq!(api::mode(&client), Err(ERROR_ACCESS_DENIED));
}

fn l5_asking_when_disconnected(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.disconnect(server);
    assert_eq!(p.info(server).state, 1);
    assert_eq!(p.refused(Call::Info(client)), Code::NotConnected);
    assert_eq!(p.refused(Call::Peek(client, 9)), Code::NotConnected);
    assert_eq!(p.refused(Call::Process(client, Whose::Server)), Code::NotConnected);
}

fn l6_a_pipe_as_a_file() {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let client = api::open(&name, GENERIC_READ, 0).expect("a client");
    let mut written = Overlapped::write(&server, vec![b'x'; 1000]);
    assert_eq!(written.ended_within(SOON), Some((Ok(()), 1000)));
    let quotas = i64::from(2 * OVERLAPPED_DUPLEX.quota_bytes);
    for (end, readable) in [(&server, 0), (&client, 1000)] {
        let found = api::standard_info(end).expect("information");
        assert_eq!((found.EndOfFile, found.AllocationSize), (readable, quotas));
        assert_eq!((found.NumberOfLinks, found.DeletePending, found.Directory), (1, true, false));
    }
}

/// A server acts as its client that has written something; what it was told before that one came.
fn acting_as(client: impl FnOnce(&str) -> OwnedHandle) -> api::Answer {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let before = api::impersonate(&server);
    File::from(client(&name)).write_all(b"x").expect("it fits");
    let mut read = Overlapped::read(&server, 9);
    assert_eq!(read.ended_within(SOON), Some((Ok(()), 1)));
    assert_eq!(api::impersonate(&server), Ok(()));
    before
}

fn client_of(name: &str) -> OwnedHandle {
    api::open(name, GENERIC_READ | GENERIC_WRITE, 0).expect("a client")
}

fn m1_acting_as_the_client() {
    let mut stays = None;
    let before = acting_as(|name| {
        let client = client_of(name);
        stays = client.try_clone().ok();
        client
    });
    assert!(stays.is_some(), "a copy");
    assert_eq!(before, Err(ERROR_CANNOT_IMPERSONATE), "before it came");
}

/// The client has closed when its server acts as it.
fn m2_acting_as_a_client_that_has_gone() {
    let mut of_a_client = Ok(());
    let _ = acting_as(|name| {
        let client = client_of(name);
        of_a_client = api::impersonate(&client);
        client
    });
    assert_eq!(of_a_client, Err(ERROR_INVALID_FUNCTION));
}

fn m4_one_set_of_permissions() {
    let name = new_name();
    let creation =
        Creation { open_mode: OVERLAPPED_DUPLEX.open_mode | WRITE_DAC, ..OVERLAPPED_DUPLEX };
    let server = || api::create(Some(&name), creation).expect("a server");
    let mut servers = vec![server(), server()];
    let client = client_of(&name);
    let before = api::permissions(&client).expect("they can be asked for");
    assert_eq!(api::allow_everything(&servers[1]), Ok(()));
    let after = api::permissions(&servers[1]).expect("they can be asked for");
    assert_ne!(after, before);
    servers.push(server());
    for end in servers.iter().chain([&client]) {
        assert_eq!(api::permissions(end).as_ref(), Ok(&after));
    }
    drop(servers);
    assert_eq!(api::permissions(&client), Ok(after), "also when its server has closed");
}

fn m9_clients_from_other_machines() {
    let name = new_name();
    let pipe_mode = OVERLAPPED_DUPLEX.pipe_mode | PIPE_REJECT_REMOTE_CLIENTS;
    let creation = Creation { pipe_mode, ..OVERLAPPED_DUPLEX };
    let _server = api::create(Some(&name), creation).expect("a server");
    api::open(&name, GENERIC_READ, 0).expect("a client of this machine");
}
