//! The data plane: what the driver gets from the kernel and answers itself.
//!
//! - `wire` — the kernel's structures, decoded and encoded
//! - `transport` — by which ways requests come and answers go
//! - `ring` — one of these ways: io_uring
//! - `head` — the beginning of a request, where other threads may look at it
//! - `order` — who waits for whom when several threads read requests
//! - `serve` — READ, WRITE, POLL and INTERRUPT, and the delivery of answers
//! - `closing` — FLUSH, with which a close may wait
//! - `names`, `attr` — LOOKUP, GETATTR and FORGET, and the kernel's structures for them
//! - `buffers` — request buffers, which become the queue's segments
//! - `poll` — readiness in poll(2)'s terms

pub(crate) mod attr;
pub(crate) mod buffers;
pub(crate) mod closing;
pub(crate) mod head;
mod names;
pub(crate) mod order;
pub(crate) mod poll;
pub(crate) mod ring;
pub(crate) mod serve;
pub(crate) mod transport;
pub(crate) mod wire;
