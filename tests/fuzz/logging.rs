//! What is refused is written to the log: nobody else would learn of it.

use std::sync::Once;

use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;

use super::kernel::Kernel;
use crate::fuse::data::wire::{IN_HEADER_BYTES, opcode};

/// Requests' numbers, by how they begin, and a length that no other test uses: all of them log to
/// the same place.
const UNIQUE: u64 = 2_004_287_400;
const BEGINNING: &str = "20042874";
const LENGTH: usize = 7_777;

/// Keeps the lines that this file's tests look for.
struct Kept(Mutex<Vec<(Level, String)>>);

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = record.args().to_string();
        if [BEGINNING, &LENGTH.to_string()].iter().any(|mark| line.contains(mark)) {
            self.0.lock().push((record.level(), line));
        }
    }

    fn flush(&self) {}
}

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

/// The line that contains this, once it is there.
fn logged(part: &str) -> Option<(Level, String)> {
    let kept = KEPT.0.lock();
    kept.iter().find(|(_, line)| line.contains(part)).cloned()
}

#[test]
fn malformed_requests_are_refused_and_logged() {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&KEPT).expect("no other test has a logger");
        log::set_max_level(LevelFilter::Trace);
    });
    let mut kernel = Kernel::new();
    let request = |code: u32, number: u64, len: usize, says: usize| {
        // A name of these bytes has no end.
        let mut message = vec![7; len];
        message[..4].copy_from_slice(&(says as u32).to_ne_bytes());
        message[4..8].copy_from_slice(&code.to_ne_bytes());
        message[8..16].copy_from_slice(&number.to_ne_bytes());
        message
    };
    let short = IN_HEADER_BYTES + 1;
    // In both planes; only what comes whole gets to the control plane.
    let kinds = [opcode::READ, opcode::WRITE, opcode::POLL, opcode::LOOKUP, opcode::IOCTL];
    for (number, code) in (UNIQUE..).step_by(2).zip(kinds) {
        kernel.send_raw(&request(code, number, short, short));
        let answers = kernel.ask(opcode::GETATTR, 1, 0, &[0; 16]);
        assert_eq!(answers.len(), 1, "the one after it is answered: {answers:?}");
        let line = format!("request {number} with operation code {code} is malformed");
        assert_eq!(logged(&line), Some((Level::Warn, line)));
    }
    kernel.send_raw(&request(opcode::READ, UNIQUE + 98, LENGTH, LENGTH - 1));
    kernel.ask(opcode::GETATTR, 1, 0, &[0; 16]);
    let line = format!("a message of {LENGTH} bytes from the kernel is not a request");
    assert_eq!(logged(&line), Some((Level::Warn, line)));
    let totals = &kernel.driver.mount_state()["totals"];
    assert_eq!(totals["malformed"], kinds.len() + 1);
    assert_eq!(totals["errors"]["EINVAL"], kinds.len());
    kernel.stop();
}
