//! Group A: names.

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

/// SEMANTICS: open-server-listens
fn a10_a_name_is_listed_once(p: &mut Story) {
    for _ in 0..3 {
        p.server(OUTBOUND);
    }
    lists(p, &[NAME]);
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
