//! Group F: reading, read modes, messages.

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::{Mount, calls};

crate::linux::on_a_mount! {
    f8_a_read_of_nothing_does_not_wait,
    f9_a_read_of_nothing_leaves_a_message,
}

/// SEMANTICS: data-zero-length
fn f8_a_read_of_nothing_does_not_wait(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read(0).unwrap(), b"", "Windows: it waits");
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(0).unwrap(), b"");
    assert_eq!(client.read(9).unwrap(), b"x", "and consumes nothing");
}

/// SEMANTICS: data-zero-length
fn f9_a_read_of_nothing_leaves_a_message(mount: &Mount) {
    let path = mount.make("p");
    calls::set_attribute(path, "user.pipefs.type", b"message").unwrap();
    let server = mount.open("p", O_WRONLY);
    let client = mount.open("p", O_RDONLY);
    server.write_all(b"message").unwrap();
    assert_eq!(client.read(0).unwrap(), b"", "Windows: and says that there is more");
    assert_eq!(client.read(9).unwrap(), b"message");
}
