//! Cases read like a story: each line says by its name what comes of an operation, and anything
//! else fails the case.

use std::time::{Duration, Instant};

use crate::pipes::{Arm, Call, Code, End, Info, Op, Outcome, ReadMode, Spec, Wait, Wants, Whose};

/// How long an operation may take that is to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pipe that most cases are about.
pub(crate) const NAME: &str = "pipe";

/// An arm, and words for it.
pub(crate) struct Story(Box<dyn Arm>);

impl Story {
    pub(crate) fn on(arm: impl Arm + 'static) -> Self {
        Self(Box::new(arm))
    }

    // ── Any operation ────────────────────────────────────────────────────────────────────────

    /// What comes of an operation that is not to wait.
    #[track_caller]
    pub(crate) fn call(&mut self, call: Call) -> Outcome {
        let op = self.0.begin(call.clone());
        self.0.outcome_at_last(op).unwrap_or_else(|| panic!("{call:?} waits"))
    }

    /// What refuses an operation.
    #[track_caller]
    pub(crate) fn refused(&mut self, call: Call) -> Code {
        match self.call(call.clone()) {
            Outcome::Failed(code) => code,
            other => panic!("{call:?} is to fail, but comes to {other:?}"),
        }
    }

    /// An operation that has nothing to say but that it is done.
    #[track_caller]
    pub(crate) fn done(&mut self, call: Call) {
        assert_eq!(self.call(call.clone()), Outcome::Done, "{call:?}");
    }

    /// Begins an operation that is to wait.
    #[track_caller]
    pub(crate) fn waits(&mut self, call: Call) -> Op {
        let op = self.0.begin(call.clone());
        if let Some(outcome) = self.0.outcome(op) {
            panic!("{call:?} is to wait, but comes to {outcome:?}");
        }
        op
    }

    /// An operation has not ended by what happened since.
    #[track_caller]
    pub(crate) fn still_waits(&mut self, op: Op) {
        assert_eq!(self.0.outcome(op), None, "it is to wait on");
    }

    /// What comes of an operation that waited and has a reason to end now.
    #[track_caller]
    pub(crate) fn ended(&mut self, op: Op) -> Outcome {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.0.outcome(op) {
                Some(outcome) => return outcome,
                None if self.0.takes_time() && Instant::now() < end => {}
                None => panic!("it waits on"),
            }
        }
    }

    /// A waiting operation is cancelled.
    #[track_caller]
    pub(crate) fn cancel(&mut self, op: Op) {
        self.0.cancel(op);
        assert_eq!(self.ended(op), Outcome::Failed(Code::Aborted));
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.0.pass(time);
    }

    pub(crate) fn processes(&self) -> (u32, u32) {
        self.0.processes()
    }

    // ── Opening and closing ──────────────────────────────────────────────────────────────────

    #[track_caller]
    fn opened(&mut self, call: Call) -> End {
        match self.call(call.clone()) {
            Outcome::Opened(end) => end,
            other => panic!("{call:?} comes to {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn server(&mut self, spec: Spec) -> End {
        self.opened(create(NAME, spec))
    }

    #[track_caller]
    pub(crate) fn client(&mut self, wants: Wants) -> End {
        self.opened(open(NAME, wants))
    }

    #[track_caller]
    pub(crate) fn server_of(&mut self, name: &str, spec: Spec) -> End {
        self.opened(create(name, spec))
    }

    #[track_caller]
    pub(crate) fn client_of(&mut self, name: &str, wants: Wants) -> End {
        self.opened(open(name, wants))
    }

    /// A server and its client, who does what it can.
    #[track_caller]
    pub(crate) fn pair(&mut self, spec: Spec) -> (End, End) {
        use crate::pipes::Direction::{Duplex, Inbound, Outbound};
        let server = self.server(spec);
        let client = self.client(match spec.direction {
            Outbound => Wants::Read,
            Inbound => Wants::Write,
            Duplex => Wants::Both,
        });
        if spec.messages {
            self.done(Call::SetReadMode(client, ReadMode::Message));
        }
        (server, client)
    }

    #[track_caller]
    pub(crate) fn duplicate(&mut self, end: End) -> End {
        self.opened(Call::Duplicate(end))
    }

    #[track_caller]
    pub(crate) fn close(&mut self, end: End) {
        self.done(Call::Close(end));
    }

    #[track_caller]
    pub(crate) fn disconnect(&mut self, end: End) {
        self.done(Call::Disconnect(end));
    }

    /// Listens, where that would wait: the instance can be connected to from now on.
    #[track_caller]
    pub(crate) fn listen(&mut self, end: End) {
        assert_eq!(self.refused(Call::Connect(end, Wait::No)), Code::Listening);
    }

    // ── Data ─────────────────────────────────────────────────────────────────────────────────

    /// A read that gets this, and all of it if it is a message.
    #[track_caller]
    pub(crate) fn reads(&mut self, end: End, max_bytes: usize, expected: &str) {
        let outcome = self.call(Call::Read(end, max_bytes));
        whole(outcome, expected);
    }

    /// A read that gets this of a longer message.
    #[track_caller]
    pub(crate) fn reads_part(&mut self, end: End, max_bytes: usize, expected: &str) {
        let outcome = self.call(Call::Read(end, max_bytes));
        part(outcome, expected);
    }

    /// A read that waited has got this.
    #[track_caller]
    pub(crate) fn was_read(&mut self, op: Op, expected: &str) {
        let outcome = self.ended(op);
        whole(outcome, expected);
    }

    /// A write that is done at once, and whole.
    #[track_caller]
    pub(crate) fn writes(&mut self, end: End, text: &str) {
        assert_eq!(self.call(write(end, text)), Outcome::Written(text.len()));
    }

    /// What a look finds: the copy, all that is there, what is left of the first message.
    #[track_caller]
    pub(crate) fn peeks(&mut self, end: End, max_bytes: usize) -> (String, u64, u64) {
        match self.call(Call::Peek(end, max_bytes)) {
            Outcome::Peeked { bytes, total_bytes, left_bytes } => {
                (text(&bytes), total_bytes, left_bytes)
            }
            other => panic!("the look comes to {other:?}"),
        }
    }

    /// The same of bytes, of which there is no first message.
    #[track_caller]
    pub(crate) fn peeks_bytes(&mut self, end: End, max_bytes: usize) -> (String, u64) {
        let (text, total_bytes, _) = self.peeks(end, max_bytes);
        (text, total_bytes)
    }

    #[track_caller]
    pub(crate) fn info(&mut self, end: End) -> Info {
        match self.call(Call::Info(end)) {
            Outcome::Info(info) => info,
            other => panic!("the question comes to {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn process(&mut self, end: End, whose: Whose) -> u32 {
        match self.call(Call::Process(end, whose)) {
            Outcome::Process(process) => process,
            other => panic!("the question comes to {other:?}"),
        }
    }
}

pub(crate) fn create(name: &str, spec: Spec) -> Call {
    Call::Create(name.into(), spec)
}

pub(crate) fn open(name: &str, wants: Wants) -> Call {
    Call::Open(name.into(), wants)
}

pub(crate) fn write(end: End, text: &str) -> Call {
    Call::Write(end, text.into())
}

pub(crate) fn transact(end: End, text: &str, max_bytes: usize) -> Call {
    Call::Transact(end, text.into(), max_bytes)
}

/// What was read is this, and nothing of it is left.
#[track_caller]
pub(crate) fn whole(outcome: Outcome, expected: &str) {
    match outcome {
        Outcome::Data { bytes, more } if more != Some(true) => assert_eq!(text(&bytes), expected),
        other => panic!("all of {expected:?} was to come, it is {other:?}"),
    }
}

/// What was read is this, and the message goes on.
#[track_caller]
pub(crate) fn part(outcome: Outcome, expected: &str) {
    match outcome {
        Outcome::Data { bytes, more } if more != Some(false) => assert_eq!(text(&bytes), expected),
        other => panic!("{expected:?} and more was to come, it is {other:?}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
