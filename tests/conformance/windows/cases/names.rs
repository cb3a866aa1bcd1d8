//! Group A: names.

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_INVALID_NAME, ERROR_PATH_NOT_FOUND, GENERIC_READ,
};

use crate::pipes::{Code, OUTBOUND, Wants};
use crate::story::{NAME, Story, open};
use crate::windows::api::{self, OVERLAPPED_DUPLEX};
use crate::windows::arm::new_name;

super::what_windows_does! {
    stories {
        a1_case_does_not_matter,
        a4_all_characters_but_the_backslash,
        a11_nothing_is_below_a_pipe,
        a12_the_name_goes_with_the_last_server,
    }
    calls {
        a2_the_form_of_a_name,
        a3_a_name_has_at_most_256_characters,
        a5_a_name_is_taken_literally,
        a13_both_ends_know_the_name,
    }
}

fn a1_case_does_not_matter(p: &mut Story) {
    let server = p.server_of("Pipe", OUTBOUND);
    let client = p.client_of("pIPE", Wants::Read);
    p.writes(server, "x");
    p.reads(client, 9, "x");
    p.server_of("PIPE", OUTBOUND);
    p.client_of("Pipe", Wants::Read);
    assert_eq!(p.refused(open("pipe", Wants::Read)), Code::PipeBusy, "they are one");
}

fn a2_the_form_of_a_name() {
    for name in ["pipe", r"pipe\name"] {
        let refused = api::create(Some(name), OVERLAPPED_DUPLEX).map(drop);
        assert_eq!(refused, Err(ERROR_INVALID_NAME), "{name}");
    }
    assert_eq!(api::create(None, OVERLAPPED_DUPLEX).map(drop), Err(ERROR_PATH_NOT_FOUND));
}

fn a3_a_name_has_at_most_256_characters() {
    let mut name = new_name();
    while name.len() < 256 {
        name.push('n');
    }
    api::create(Some(&name), OVERLAPPED_DUPLEX).map(drop).expect("256 characters");
    name.push('n');
    assert!(api::create(Some(&name), OVERLAPPED_DUPLEX).is_err(), "257 characters");
}

fn a4_all_characters_but_the_backslash(p: &mut Story) {
    let name: String = (' '..='~').filter(|c| *c != '\\').collect();
    let server = p.server_of(&name, OUTBOUND);
    let client = p.client_of(&name, Wants::Read);
    p.writes(server, "x");
    p.reads(client, 9, "x");
}

/// With `\\?\` before it, so that the functions do not change it on the way to the system.
fn a5_a_name_is_taken_literally() {
    let start = new_name().replace(r"\\.\", r"\\?\");
    let name = |end: &str| format!("{start}{end}");
    for (made, another) in [("a/b", r"a\b"), ("c", "./c"), ("d", r"d\")] {
        let _server = api::create(Some(&name(made)), OVERLAPPED_DUPLEX).expect("a name");
        let refused = api::open(&name(another), GENERIC_READ, 0).map(drop);
        assert_eq!(refused, Err(ERROR_FILE_NOT_FOUND), "{another} for {made}");
        api::open(&name(made), GENERIC_READ, 0).expect("the name as it was made");
    }
}

fn a11_nothing_is_below_a_pipe(p: &mut Story) {
    p.server(OUTBOUND);
    assert_eq!(p.refused(open(&format!(r"{NAME}\below"), Wants::Read)), Code::InvalidName);
}

fn a12_the_name_goes_with_the_last_server(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    p.close(server);
    assert_eq!(p.refused(open(NAME, Wants::Read)), Code::FileNotFound, "a client does not count");
    p.close(client);
    assert_eq!(p.refused(open(NAME, Wants::Read)), Code::FileNotFound);
}

fn a13_both_ends_know_the_name() {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let client = api::open(&name, GENERIC_READ, 0).expect("a client");
    let expected = name.strip_prefix(r"\\.\pipe").expect("it begins so");
    for end in [&server, &client] {
        assert_eq!(api::name_of(end).as_deref(), Ok(expected));
    }
}
