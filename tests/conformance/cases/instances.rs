//! Group B: creating instances.

use crate::pipes::{
    Call, Code, DUPLEX, INBOUND, MESSAGES, OUTBOUND, Outcome, ReadMode, Spec, Wait, Wants,
};
use crate::story::{NAME, Story, create, open, write};

crate::on_each_arm! {
    everywhere {
        b1_a_new_instance_listens,
        b3_message_reads_from_a_byte_pipe,
        b5_one_instance_too_many,
        b6_the_first_server_decides_how_many,
        b8_what_a_later_server_may_ask_for,
        b9_what_belongs_to_a_handle,
        b14_a_close_frees_the_place,
        b15_instances_are_independent,
        b16_one_of_two_goes,
    }
    here {
        b4_the_range_of_the_most_instances,
        b7_a_later_server_with_another_direction,
        b10_a_first_instance_that_is_not,
        b11_the_order_of_checks,
        b13_capacities_are_kept,
    }
}

/// SEMANTICS: open-server-listens
fn b1_a_new_instance_listens(p: &mut Story) {
    let server = p.server(DUPLEX);
    let client = p.client(Wants::Both);
    p.writes(client, "to the server");
    p.reads(server, 99, "to the server");
    p.writes(server, "to the client");
    p.reads(client, 99, "to the client");
}

fn b3_message_reads_from_a_byte_pipe(p: &mut Story) {
    let spec = Spec { reads: ReadMode::Message, ..DUPLEX };
    assert_eq!(p.refused(create(NAME, spec)), Code::InvalidParameter);
}

/// SEMANTICS: attribute-refused, open-max-instances
fn b4_the_range_of_the_most_instances(p: &mut Story) {
    for most in [0, 256, 1000] {
        let spec = Spec { most_instances: Some(most), ..OUTBOUND };
        assert_eq!(p.refused(create("refused", spec)), Code::InvalidParameter, "{most}");
    }
    assert_eq!(p.refused(open("refused", Wants::Read)), Code::FileNotFound);
    let spec = Spec { most_instances: Some(255), ..OUTBOUND };
    for _ in 0..255 {
        p.server(spec);
    }
    assert_eq!(p.refused(create(NAME, spec)), Code::PipeBusy, "Windows: 255 is unlimited");
}

/// SEMANTICS: open-max-instances
fn b5_one_instance_too_many(p: &mut Story) {
    let spec = Spec { most_instances: Some(2), ..OUTBOUND };
    let one = p.server(spec);
    p.server(spec);
    assert_eq!(p.refused(create(NAME, spec)), Code::PipeBusy);
    p.close(one);
    p.server(spec);
    assert_eq!(p.refused(create(NAME, spec)), Code::PipeBusy);
}

/// SEMANTICS: open-max-instances
fn b6_the_first_server_decides_how_many(p: &mut Story) {
    let most = |most| Spec { most_instances: Some(most), ..OUTBOUND };
    p.server(most(2));
    p.server(most(1));
    assert_eq!(p.refused(create(NAME, most(9))), Code::PipeBusy);
}

/// SEMANTICS: open-rdwr-trunc, open-rdonly, open-wronly
fn b7_a_later_server_with_another_direction(p: &mut Story) {
    let server = p.server(OUTBOUND);
    assert_eq!(p.refused(create(NAME, DUPLEX)), Code::AccessDenied);
    // Windows refuses this, too. Here it is a client's open.
    let client = p.server(INBOUND);
    p.writes(server, "x");
    p.reads(client, 9, "x");
    assert_eq!(p.refused(create(NAME, INBOUND)), Code::PipeBusy);

    let server = p.server_of("inbound", INBOUND);
    assert_eq!(p.refused(create("inbound", DUPLEX)), Code::AccessDenied);
    let client = p.server_of("inbound", OUTBOUND);
    p.writes(client, "x");
    p.reads(server, 9, "x");
}

/// SEMANTICS: attribute-in-use
fn b8_what_a_later_server_may_ask_for(p: &mut Story) {
    p.server(OUTBOUND);
    let later = Spec { messages: true, capacity_bytes: 102, ..OUTBOUND };
    let server = p.server(later);
    p.client(Wants::Read);
    let client = p.client(Wants::Read);
    p.writes(server, "by");
    p.writes(server, "tes");
    p.reads(client, 99, "bytes");
}

fn b9_what_belongs_to_a_handle(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    let other = p.server(MESSAGES);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    p.done(Call::SetNoWait(client, true));
    assert_eq!(p.info(client).reads, ReadMode::Byte);
    assert_eq!(p.info(server).reads, ReadMode::Message);
    assert_eq!(p.info(other).reads, ReadMode::Message);
    assert_eq!(p.refused(Call::Read(client, 9)), Code::NoData);
    p.waits(Call::Read(server, 9));
}

/// SEMANTICS: create-excl
fn b10_a_first_instance_that_is_not(p: &mut Story) {
    let first = Spec { first: true, ..OUTBOUND };
    let server = p.server(first);
    assert_eq!(p.refused(create(NAME, first)), Code::AlreadyExists, "Windows: access denied");
    p.server(OUTBOUND);
    p.client(Wants::Read);
    p.writes(server, "x");
}

/// SEMANTICS: open-max-instances, open-rdwr-trunc
fn b11_the_order_of_checks(p: &mut Story) {
    let full = Spec { most_instances: Some(1), ..OUTBOUND };
    p.server(full);
    assert_eq!(p.refused(create(NAME, full)), Code::PipeBusy);
    let first = Spec { first: true, ..full };
    assert_eq!(p.refused(create(NAME, first)), Code::AlreadyExists, "Windows: busy");
    assert_eq!(p.refused(create(NAME, DUPLEX)), Code::AccessDenied, "Windows: busy");
}

/// SEMANTICS: attribute-refused
fn b13_capacities_are_kept(p: &mut Story) {
    for capacity_bytes in [1, 4095, 4096, 4097, 512 << 10] {
        let name = format!("of {capacity_bytes}");
        let server = p.server_of(&name, Spec { capacity_bytes, ..DUPLEX });
        assert_eq!(p.info(server).capacity_bytes, capacity_bytes);
    }
    let none = Spec { capacity_bytes: 0, ..DUPLEX };
    assert_eq!(p.refused(create(NAME, none)), Code::InvalidParameter);
}

/// SEMANTICS: open-max-instances, close-drains
fn b14_a_close_frees_the_place(p: &mut Story) {
    let only = Spec { most_instances: Some(1), ..OUTBOUND };
    let (server, client) = p.pair(only);
    p.writes(server, "still there");
    assert_eq!(p.refused(create(NAME, only)), Code::PipeBusy);
    p.close(server);
    let (server, other) = p.pair(only);
    p.writes(server, "new");
    p.reads(client, 99, "still there");
    assert_eq!(p.refused(Call::Read(client, 99)), Code::BrokenPipe);
    p.reads(other, 99, "new");
}

/// SEMANTICS: instance-one-client, instance-duplex
fn b15_instances_are_independent(p: &mut Story) {
    let pairs = [(); 3].map(|()| p.pair(DUPLEX));
    for (number, (server, client)) in pairs.into_iter().enumerate() {
        p.writes(client, &format!("question {number}"));
        p.writes(server, &format!("answer {number}"));
    }
    for (number, (server, client)) in pairs.into_iter().enumerate().rev() {
        p.reads(server, 99, &format!("question {number}"));
        p.reads(client, 99, &format!("answer {number}"));
    }
    p.close(pairs[1].0);
    assert_eq!(p.refused(Call::Read(pairs[1].1, 9)), Code::BrokenPipe);
    assert_eq!(p.call(write(pairs[2].1, "on")), Outcome::Written(2));
    p.reads(pairs[2].0, 9, "on");
}

fn b16_one_of_two_goes(p: &mut Story) {
    let (one, two) = (p.server(DUPLEX), p.server(DUPLEX));
    let connect = p.waits(Call::Connect(two, Wait::Forever));
    p.close(one);
    p.still_waits(connect);
    let client = p.client(Wants::Both);
    assert_eq!(p.ended(connect), Outcome::Done);
    p.writes(client, "x");
    p.reads(two, 9, "x");
}
