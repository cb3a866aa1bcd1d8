//! Group M: identity and permissions.

use crate::pipes::{Call, Code, DUPLEX, Wants, Whose};
use crate::story::Story;

crate::on_each_arm! {
    here {
        m1_who_the_client_is,
    }
}

fn m1_who_the_client_is(p: &mut Story) {
    let server = p.server(DUPLEX);
    let ask = Call::Process(server, Whose::Client);
    assert_eq!(p.refused(ask), Code::NotFound, "Windows: cannot impersonate");
    p.client(Wants::Both);
    // Nothing needs to be read first.
    assert_eq!(p.process(server, Whose::Client), p.processes().1);
}
