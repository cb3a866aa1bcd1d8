//! The pipe functions for the threads of one process: each function and what it refuses.
//!
//! | module | what it shows |
//! |---|---|
//! | [`names`] | start here: creating, opening, waiting for and removing pipes |
//! | [`connecting`] | a server and its clients, one after the other; who they are |
//! | [`bytes`] | ends as `std::io::Read` and `Write`; the kinds of errors |
//! | [`messages`] | messages, transactions, calls, and looking ahead |
//! | [`anonymous`] | pipes without a name |
//! | [`waiting`] | timeouts, ends that do not wait, and what ends a wait |
//! | [`overlapped`] | many operations at once without a thread for each |
//! | [`crowd`] | many threads, and each message exactly once |

#[path = "../harness/deadline.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests on a mount use the rest")]
mod deadline;

mod anonymous;
mod bytes;
mod connecting;
mod crowd;
mod messages;
mod names;
mod overlapped;
mod waiting;

use pipefs::{ClientEnd, Namespace, PipeOptions, ServerEnd, Wanted};

/// Waits until so many operations wait, no more and no less.
fn until_waiting(pipes: &Namespace, count: usize) {
    deadline::eventually(deadline::PATIENCE, || pipes.engine().waiting_count() == count);
}

/// A namespace with one connected pair.
fn pair(options: PipeOptions) -> (Namespace, ServerEnd, ClientEnd) {
    let pipes = Namespace::new();
    let server = pipes.create("pipe", options).expect("a new name");
    let client = pipes.open("pipe", Wanted::BOTH).expect("an instance listens");
    (pipes, server, client)
}
