//! Readiness in the terms of poll(2).

use pipefs::Ready;

/// The events that poll(2) reports for an end.
pub(crate) fn events(ready: Ready) -> u32 {
    let bits = [
        (ready.readable, libc::POLLIN | libc::POLLRDNORM),
        (ready.writable, libc::POLLOUT | libc::POLLWRNORM),
        (ready.hangup, libc::POLLHUP),
        (ready.error, libc::POLLERR),
    ];
    let set = bits.into_iter().filter(|(on, _)| *on);
    set.fold(0, |events, (_, bits)| events | u32::from(bits.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_readiness_has_its_events() {
        assert_eq!(events(Ready::default()), 0);
        let readable = Ready { readable: true, ..Ready::default() };
        assert_eq!(events(readable), 0x41);
        let writable = Ready { writable: true, ..Ready::default() };
        assert_eq!(events(writable), 0x104);
        let gone = Ready { hangup: true, error: true, ..Ready::default() };
        assert_eq!(events(gone), 0x18);
    }
}
