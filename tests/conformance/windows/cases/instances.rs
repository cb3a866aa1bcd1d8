//! Groups B and C: instances, and listening.

use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_PIPE_CONNECTED, GENERIC_READ, GENERIC_WRITE};

use crate::pipes::{Code, DUPLEX, INBOUND, OUTBOUND, Spec};
use crate::story::{NAME, Story, create};
use crate::windows::api::{self, OVERLAPPED_DUPLEX};
use crate::windows::arm::{GRACE, new_name};
use crate::windows::overlapped::Overlapped;

super::what_windows_does! {
    stories {
        b4_the_range_of_the_most_instances,
        b7_a_later_server_with_another_direction,
        b10_a_first_instance_that_is_not,
        b11_the_order_of_checks,
        b13_quotas_are_kept,
    }
    calls {
        c5_overlapped_listening,
    }
}

fn b4_the_range_of_the_most_instances(p: &mut Story) {
    for _ in 0..=255 {
        p.server(Spec { most_instances: Some(255), ..OUTBOUND });
    }
    for most in [256, 1000, 0] {
        let spec = Spec { most_instances: Some(most), ..OUTBOUND };
        assert_eq!(p.refused(create("refused", spec)), Code::InvalidParameter, "{most}");
    }
}

fn b7_a_later_server_with_another_direction(p: &mut Story) {
    for (name, first) in [("out", OUTBOUND), ("in", INBOUND), ("both", DUPLEX)] {
        p.server_of(name, first);
        for other in [OUTBOUND, INBOUND, DUPLEX] {
            if other != first {
                let code = p.refused(create(name, other));
                assert_eq!(code, Code::AccessDenied, "{name}: {:?}", other.direction);
            }
        }
    }
}

fn b10_a_first_instance_that_is_not(p: &mut Story) {
    let first = Spec { first: true, ..OUTBOUND };
    p.server(first);
    assert_eq!(p.refused(create(NAME, first)), Code::AccessDenied);
    p.server(OUTBOUND);
}

fn b11_the_order_of_checks(p: &mut Story) {
    let full = Spec { most_instances: Some(1), ..OUTBOUND };
    p.server(full);
    assert_eq!(p.refused(create(NAME, Spec { first: true, ..full })), Code::PipeBusy);
    assert_eq!(p.refused(create(NAME, DUPLEX)), Code::PipeBusy);
}

fn b13_quotas_are_kept(p: &mut Story) {
    for capacity_bytes in [0, 1, 4095, 4096, 4097, 512 << 10] {
        let name = format!("of {capacity_bytes}");
        let server = p.server_of(&name, Spec { capacity_bytes, ..DUPLEX });
        assert_eq!(p.info(server).capacity_bytes, capacity_bytes);
    }
}

fn c5_overlapped_listening() {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let mut listen = Overlapped::connect(&server);
    assert_eq!(listen.ended_within(GRACE), None);
    let client = api::open(&name, GENERIC_READ | GENERIC_WRITE, 0).expect("a client");
    assert_eq!(listen.ended_within(Duration::from_secs(5)), Some((Ok(()), 0)));
    let mut again = Overlapped::connect(&server);
    assert_eq!(again.ended_within(Duration::ZERO), Some((Err(ERROR_PIPE_CONNECTED), 0)));
    assert!(again.is_untouched());
    assert!(!again.is_signalled(Duration::ZERO));
    drop(client);
}
