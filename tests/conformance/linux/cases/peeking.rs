//! Group H: looking at what is there.

use libc::{O_CREAT, O_RDONLY, O_WRONLY};
use pipefs_mount::functions::wire::peek;

use crate::harness::calls::ioctl;
use crate::harness::{Errno, Mount};

crate::linux::on_a_mount! {
    h7_a_look_that_fails_fills_nothing,
}

fn h7_a_look_that_fails_fills_nothing(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    let mut look = [0xEE; 64];
    assert_eq!(ioctl(&client, peek(64), &mut look), Ok(0));
    assert_eq!(look[..24], [0; 24], "nothing is there");
    drop(server);
    let mut look = [0xEE; 64];
    assert_eq!(ioctl(&client, peek(64), &mut look), Err(Errno::EPIPE));
    assert_eq!(look, [0xEE; 64]);
}
