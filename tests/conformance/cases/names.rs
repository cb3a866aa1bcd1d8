//! Group A: names.

use std::fs;
use std::path::Path;

use libc::{O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY};

use crate::harness::{Errno, Fd, Mount};
use crate::pipes::{Call, Code, End, OUTBOUND, Outcome, Wants};
use crate::story::{NAME, Story, create, open};

crate::on_each_arm! {
    everywhere {
        a10_a_name_is_listed_once,
    }
    here {
        a1_case_matters,
        a3_a_name_has_at_most_255_bytes,
        a4_all_characters_but_the_slash,
        a6_a_backslash_is_a_character,
        a8_no_name_is_reserved,
        a12_a_name_outlives_its_servers,
    }
    engine {
        a7_no_empty_name,
    }
    mount {
        a9_the_root_is_a_directory,
        a11_nothing_is_below_a_pipe,
        a13_both_ends_know_the_name,
    }
}

/// A pipe of this name can be made, connected to, and used.
#[track_caller]
fn works(p: &mut Story, name: &str) -> (End, End) {
    let server = p.server_of(name, OUTBOUND);
    let client = p.client_of(name, Wants::Read);
    p.writes(server, "x");
    p.reads(client, 9, "x");
    (server, client)
}

#[track_caller]
fn lists(p: &mut Story, names: &[&str]) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(p.call(Call::List), Outcome::Names(names));
}

/// SEMANTICS: dir-names
fn a1_case_matters(p: &mut Story) {
    p.server_of("Pipe", OUTBOUND);
    assert_eq!(p.refused(open("pipe", Wants::Read)), Code::FileNotFound);
    p.server_of("pipe", OUTBOUND);
    p.client_of("pipe", Wants::Read);
    assert_eq!(p.refused(open("pipe", Wants::Read)), Code::PipeBusy, "they are two");
    p.client_of("Pipe", Wants::Read);
    lists(p, &["Pipe", "pipe"]);
}

/// SEMANTICS: dir-names
fn a3_a_name_has_at_most_255_bytes(p: &mut Story) {
    works(p, &"n".repeat(255));
    let long = "n".repeat(256);
    assert_eq!(p.refused(create(&long, OUTBOUND)), Code::NameTooLong);
    assert_eq!(p.refused(open(&long, Wants::Read)), Code::NameTooLong);
}

/// SEMANTICS: dir-names
fn a4_all_characters_but_the_slash(p: &mut Story) {
    let name: String = (' '..='~').filter(|c| *c != '/').collect();
    works(p, &name);
    lists(p, &[&name]);
}

/// SEMANTICS: dir-names
fn a6_a_backslash_is_a_character(p: &mut Story) {
    works(p, r"a\b");
    works(p, r"\\.\pipe\name");
    lists(p, &[r"\\.\pipe\name", r"a\b"]);
}

/// SEMANTICS: dir-names
fn a7_no_empty_name(p: &mut Story) {
    assert_eq!(p.refused(create("", OUTBOUND)), Code::InvalidParameter);
    assert_eq!(p.refused(open("", Wants::Read)), Code::FileNotFound);
}

/// SEMANTICS: dir-names
fn a8_no_name_is_reserved(p: &mut Story) {
    works(p, "anonymous");
    works(p, "Anonymous");
}

/// SEMANTICS: dir-tree
fn a9_the_root_is_a_directory(mount: &Mount) {
    let root = Fd::open(mount.dir(), O_RDONLY | O_DIRECTORY).unwrap();
    assert_eq!(root.read(9), Err(Errno::EISDIR));
    assert_eq!(Fd::open(mount.dir(), O_RDWR).map(drop), Err(Errno::EISDIR));
    assert!(fs::read_dir(mount.dir()).unwrap().next().is_none());
    assert_eq!(root.connect(None), Err(Errno::EISDIR));
    assert_eq!(root.disconnect(), Err(Errno::EISDIR));
    assert_eq!(root.peek(9), Err(Errno::EISDIR));
    assert_eq!(root.transact(b"x", 9, None), Err(Errno::EISDIR));
    assert_eq!(root.info(), Err(Errno::EISDIR));
}

/// SEMANTICS: open-server-listens
fn a10_a_name_is_listed_once(p: &mut Story) {
    for _ in 0..3 {
        p.server(OUTBOUND);
    }
    lists(p, &[NAME]);
}

/// SEMANTICS: dir-tree
fn a11_nothing_is_below_a_pipe(mount: &Mount) {
    mount.make("p");
    for flags in [O_RDONLY, O_WRONLY | O_CREAT, O_RDWR | O_NONBLOCK] {
        assert_eq!(mount.refused("p/below", flags), Errno::ENOTDIR);
    }
    assert_eq!(mount.refused("p/", O_RDONLY), Errno::ENOTDIR);
}

/// SEMANTICS: name-stays
fn a12_a_name_outlives_its_servers(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    p.close(server);
    assert_eq!(p.refused(open(NAME, Wants::Read)), Code::PipeBusy, "Windows: there is no name");
    p.close(client);
    assert_eq!(p.refused(open(NAME, Wants::Read)), Code::PipeBusy);
    lists(p, &[NAME]);
}

/// SEMANTICS: limit-deleted
fn a13_both_ends_know_the_name(mount: &Mount) {
    let server = mount.open("name", O_WRONLY | O_CREAT);
    let client = mount.open("name", O_RDONLY);
    for end in [server, client] {
        let link = fs::read_link(format!("/proc/self/fd/{}", end.raw())).unwrap();
        let link = link.to_str().unwrap().trim_end_matches(" (deleted)");
        assert_eq!(Path::new(link), mount.path("name"));
    }
}
