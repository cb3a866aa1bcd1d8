//! Group I: transactions and calls.

use crate::pipes::{Call, Code, DUPLEX, Direction, MESSAGES, Outcome, ReadMode, Spec, Wait, Wants};
use crate::story::{NAME, Story, open, part, transact, whole, write};

crate::on_each_arm! {
    everywhere {
        i1_what_a_transaction_needs,
        i2_something_is_unread,
        i3_either_end_may_ask,
        i4_a_reply_that_is_too_long,
        i6_a_cancelled_transaction_has_sent_its_request,
        i7_empty_requests_and_replies,
        i8_nobody_is_connected,
        i9_a_whole_call,
    }
    here {
        i5_a_request_takes_along_what_waits_before_it,
    }
}

fn i1_what_a_transaction_needs(p: &mut Story) {
    let (_, client) = p.pair(DUPLEX);
    assert_eq!(p.refused(transact(client, "x", 9)), Code::BadPipe, "a byte pipe");
    let one_way = Spec { direction: Direction::Outbound, ..MESSAGES };
    let server = p.server_of("one way", one_way);
    p.client_of("one way", Wants::Read);
    assert_eq!(p.refused(transact(server, "x", 9)), Code::BadPipe, "one way");
    let server = p.server_of("messages", MESSAGES);
    let client = p.client_of("messages", Wants::Both);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    assert_eq!(p.refused(transact(client, "x", 9)), Code::BadPipe, "it reads bytes");
    p.done(Call::SetNoWait(server, true));
    assert_eq!(p.refused(Call::Read(server, 9)), Code::NoData, "nothing was sent");
}

fn i2_something_is_unread(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "unread");
    assert_eq!(p.refused(transact(client, "x", 9)), Code::PipeBusy);
    p.done(Call::SetNoWait(server, true));
    assert_eq!(p.refused(Call::Read(server, 9)), Code::NoData, "nothing was sent");
    p.reads(client, 9, "unread");
    p.waits(transact(client, "x", 9));
}

fn i3_either_end_may_ask(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    for (asks, answers) in [(client, server), (server, client)] {
        let asked = p.waits(transact(asks, "question", 99));
        p.reads(answers, 99, "question");
        // The answer is itself a question.
        let asked_back = p.waits(transact(answers, "why", 99));
        let outcome = p.ended(asked);
        whole(outcome, "why");
        p.writes(asks, "because");
        let outcome = p.ended(asked_back);
        whole(outcome, "because");
    }
}

fn i4_a_reply_that_is_too_long(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    let asked = p.waits(transact(client, "ask", 3));
    p.writes(server, "answer");
    let outcome = p.ended(asked);
    part(outcome, "ans");
    p.reads(client, 99, "wer");
}

fn i5_a_request_takes_along_what_waits_before_it(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..MESSAGES });
    p.writes(client, "full");
    let copy = p.duplicate(client);
    let waiting = p.waits(write(copy, "waiting"));
    let asked = p.waits(transact(client, "question", 99));
    assert_eq!(p.ended(waiting), Outcome::Written(7), "Windows: it waits until it is read");
    for text in ["full", "waiting", "question"] {
        p.reads(server, 99, text);
    }
    p.writes(server, "answer");
    let outcome = p.ended(asked);
    whole(outcome, "answer");
}

fn i6_a_cancelled_transaction_has_sent_its_request(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    let asked = p.waits(transact(client, "question", 99));
    p.cancel(asked);
    p.reads(server, 99, "question");
    p.writes(server, "answer");
    p.reads(client, 99, "answer");
}

fn i7_empty_requests_and_replies(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    let asked = p.waits(transact(client, "", 99));
    p.reads(server, 99, "");
    p.writes(server, "");
    let outcome = p.ended(asked);
    whole(outcome, "");
}

fn i8_nobody_is_connected(p: &mut Story) {
    let server = p.server(MESSAGES);
    assert_eq!(p.refused(transact(server, "x", 9)), Code::BadPipe, "listening");
    let client = p.client(Wants::Both);
    p.done(Call::SetReadMode(client, ReadMode::Message));
    p.disconnect(server);
    assert_eq!(p.refused(transact(server, "x", 9)), Code::BadPipe, "disconnected");
    assert_eq!(p.refused(transact(client, "x", 9)), Code::NotConnected);
    let (server, client) = p.pair(MESSAGES);
    p.close(client);
    assert_eq!(p.refused(transact(server, "x", 9)), Code::BadPipe, "closing");
}

fn i9_a_whole_call(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    let waiting = p.waits(Call::Await(NAME.into(), Wait::Forever));
    p.close(client);
    p.disconnect(server);
    p.listen(server);
    assert_eq!(p.ended(waiting), Outcome::Done);
    let client = p.client(Wants::Both);
    p.done(Call::SetReadMode(client, ReadMode::Message));
    let asked = p.waits(transact(client, "question", 99));
    p.reads(server, 99, "question");
    p.writes(server, "answer");
    let outcome = p.ended(asked);
    whole(outcome, "answer");
    p.close(client);
    assert_eq!(p.refused(Call::Read(server, 9)), Code::BrokenPipe);
}
