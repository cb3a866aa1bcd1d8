//! Group E: waiting until somebody listens.

use std::time::Duration;

use crate::pipes::{Call, Code, DUPLEX, Outcome, Wait, Wants};
use crate::story::{NAME, Story, open};

crate::on_each_arm! {
    everywhere {
        e1_a_missing_name,
        e2_somebody_listens,
        e3_nobody_listens_in_time,
        e4_a_new_instance_wakes_all,
        e5_listening_again_wakes_all,
    }
    here {
        e6_not_at_all_and_for_ever,
    }
}

fn wait(wait: Wait) -> Call {
    Call::Await(NAME.into(), wait)
}

fn e1_a_missing_name(p: &mut Story) {
    for time in [Wait::No, Wait::For(Duration::from_secs(60)), Wait::Forever] {
        assert_eq!(p.refused(wait(time)), Code::FileNotFound);
    }
}

fn e2_somebody_listens(p: &mut Story) {
    p.server(DUPLEX);
    p.done(wait(Wait::Forever));
    p.done(wait(Wait::For(Duration::from_secs(60))));
    // Nothing was reserved: two were told, one gets it.
    p.client(Wants::Both);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
}

fn e3_nobody_listens_in_time(p: &mut Story) {
    p.pair(DUPLEX);
    let late = p.waits(wait(Wait::For(Duration::from_secs(2))));
    p.pass(Duration::from_secs(2));
    assert_eq!(p.ended(late), Outcome::Failed(Code::TimedOut));
}

fn e4_a_new_instance_wakes_all(p: &mut Story) {
    p.pair(DUPLEX);
    let waiting = [Wait::Forever, Wait::For(Duration::from_secs(60))].map(|t| p.waits(wait(t)));
    p.server(DUPLEX);
    assert_eq!(waiting.map(|op| p.ended(op)), [Outcome::Done, Outcome::Done]);
}

fn e5_listening_again_wakes_all(p: &mut Story) {
    let (server, _) = p.pair(DUPLEX);
    let waiting = [(); 3].map(|()| p.waits(wait(Wait::Forever)));
    p.disconnect(server);
    waiting.into_iter().for_each(|op| p.still_waits(op));
    p.listen(server);
    for op in waiting {
        assert_eq!(p.ended(op), Outcome::Done);
    }
}

fn e6_not_at_all_and_for_ever(p: &mut Story) {
    p.pair(DUPLEX);
    assert_eq!(p.refused(wait(Wait::No)), Code::TimedOut);
    let waiting = p.waits(wait(Wait::Forever));
    p.pass(Duration::from_millis(200));
    p.still_waits(waiting);
    p.cancel(waiting);
}
