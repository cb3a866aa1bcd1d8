//! The decoders of what the kernel sends: they read nothing that is not there.

use crate::functions::wire::{Call, Function, SIZE_MAX, peek, structure_bytes, transact};
use crate::fuse::data::attr;
use crate::fuse::data::wire::{self, FlushIn, IN_HEADER_BYTES, InHeader, PollIn, ReadIn, WriteIn};

pub(super) fn target(input: &[u8]) {
    message(input);
    body(input);
    function(input);
}

fn message(input: &[u8]) {
    let len = input.len();
    let header = InHeader::decode(input);
    assert_eq!(header.is_some(), len >= IN_HEADER_BYTES);
    if let Some(header) = header {
        assert_eq!(header.unique.to_ne_bytes(), input[8..16]);
        assert_eq!(header.opcode.to_ne_bytes(), input[4..8]);
    }
    // Whatever is decoded is there: with any byte less it is not.
    let needs = |bytes: usize| len >= IN_HEADER_BYTES + bytes;
    assert_eq!(ReadIn::decode(input).is_some(), needs(36));
    assert_eq!(WriteIn::decode(input).is_some(), needs(36));
    assert_eq!(FlushIn::decode(input).is_some(), needs(24));
    assert_eq!(PollIn::decode(input).is_some(), needs(20));
    assert_eq!(wire::interrupted_unique(input).is_some(), needs(8));
    assert_eq!(wire::released_handle(input).is_some(), needs(8));
    wire::asks_for_capability(input);
    let mut clamped = input.to_vec();
    wire::clamp_readdir(&mut clamped, 1000);
    assert_eq!(clamped.len(), len);
    let differ = clamped.iter().zip(input).position(|(now, before)| now != before);
    assert!(differ.is_none_or(|at| (IN_HEADER_BYTES + 16..IN_HEADER_BYTES + 20).contains(&at)));
    wire::set_unique(&mut clamped, 7);
    assert_eq!(wire::replied_unique(&clamped), (len >= 16).then_some(7));
}

fn body(input: &[u8]) {
    match attr::name(input) {
        Some(name) => assert_eq!([name, b"\0"].concat(), input),
        None => assert!(input.last().is_none_or(|last| *last != 0)),
    }
    assert_eq!(attr::open_flags(input).is_some(), input.len() >= 4);
    assert_eq!(attr::forgotten_lookups(input).is_some(), input.len() >= 8);
    if let Some(nodes) = attr::forgotten_nodes(input) {
        assert_eq!(8 + 16 * nodes.count(), input.len());
    }
}

/// The first four bytes are the number of a function, the next two how much the caller takes.
fn function(input: &[u8]) {
    let Some((head, argument)) = input.split_at_checked(6) else { return };
    let arbitrary = u32::from_ne_bytes(head[..4].try_into().expect("4 bytes"));
    let out_bytes = usize::from(u16::from_ne_bytes(head[4..].try_into().expect("2 bytes")));
    let out_bytes = out_bytes & SIZE_MAX;
    let argument = &argument[..argument.len().min(SIZE_MAX)];
    assert!(structure_bytes(arbitrary) <= SIZE_MAX);
    for command in [arbitrary, peek(out_bytes), transact(argument.len())] {
        match Function::decode(Call { command, argument, out_bytes }) {
            Some(Some(Function::Peek { max_bytes })) => assert!(max_bytes < out_bytes),
            Some(Some(Function::Transact { request, max_bytes, .. })) => {
                assert!(request.len() <= max_bytes && max_bytes < argument.len());
            }
            Some(Some(Function::Wait { name, .. })) => {
                assert!(name.len() + 8 < argument.len() && !name.contains(&0));
            }
            _ => {}
        }
    }
}
