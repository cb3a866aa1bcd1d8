//! Group N: cancelling, copies of handles, children.

use crate::pipes::{Call, Code, DUPLEX, OUTBOUND, Outcome, Spec, Wait, Wants};
use crate::story::{Story, write};

crate::on_each_arm! {
    everywhere {
        n1_a_cancelled_operation_leaves_the_pipe_usable,
        n2_one_of_several_reads_is_cancelled,
        n3_copies_of_a_handle,
        n5_a_listen_in_another_thread_is_cancelled,
    }
    here {
        n9_a_read_that_waits_and_a_write,
    }
}

/// SEMANTICS: wait-interrupt
fn n1_a_cancelled_operation_leaves_the_pipe_usable(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..DUPLEX });
    let read = p.waits(Call::Read(client, 9));
    p.cancel(read);
    p.writes(server, "full");
    let waiting = p.waits(write(server, "gone"));
    p.cancel(waiting);
    p.reads(client, 99, "full");
    p.writes(server, "next");
    let flush = p.waits(Call::Flush(server));
    p.cancel(flush);
    p.reads(client, 99, "next");
}

/// SEMANTICS: wait-interrupt, wait-order
fn n2_one_of_several_reads_is_cancelled(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let reads = [(); 3].map(|()| p.waits(Call::Read(client, 1)));
    p.cancel(reads[1]);
    p.still_waits(reads[0]);
    p.writes(server, "13");
    p.was_read(reads[0], "1");
    p.was_read(reads[2], "3");
}

/// SEMANTICS: close-last-copy
fn n3_copies_of_a_handle(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let copy = p.duplicate(client);
    let read = p.waits(Call::Read(copy, 9));
    p.close(client);
    p.still_waits(read);
    p.writes(server, "x");
    p.was_read(read, "x");
    let read = p.waits(Call::Read(copy, 9));
    p.cancel(read);
    p.writes(server, "unread");
    p.close(copy);
    assert_eq!(p.refused(write(server, "x")), Code::NoData, "that was the last one");
}

fn n5_a_listen_in_another_thread_is_cancelled(p: &mut Story) {
    let server = p.server(DUPLEX);
    let connect = p.waits(Call::Connect(server, Wait::Forever));
    p.cancel(connect);
    let again = p.waits(Call::Connect(server, Wait::Forever));
    p.client(Wants::Both);
    assert_eq!(p.ended(again), Outcome::Done);
}

/// SEMANTICS: instance-duplex
fn n9_a_read_that_waits_and_a_write(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    let read = p.waits(Call::Read(client, 9));
    p.writes(client, "Windows: hangs");
    p.reads(server, 99, "Windows: hangs");
    p.writes(server, "x");
    p.was_read(read, "x");
}
