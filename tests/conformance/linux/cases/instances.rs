//! Group B: creating instances.

use libc::{O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use crate::harness::{Errno, Mount};

crate::linux::on_a_mount! {
    b12_dispositions,
}

/// SEMANTICS: create-excl, create-missing, create-ways
fn b12_dispositions(mount: &Mount) {
    let (must_exist, must_be_new, either) = (0, O_CREAT | O_EXCL, O_CREAT);
    assert_eq!(mount.refused("p", O_WRONLY | must_exist), Errno::ENOENT);
    let one = mount.open("p", O_WRONLY | must_be_new);
    assert_eq!(mount.refused("p", O_WRONLY | must_be_new), Errno::EEXIST);
    let two = mount.open("p", O_WRONLY | either);
    let three = mount.open("p", O_WRONLY | must_exist);
    for server in [one, two, three] {
        server.write_all(b"x").unwrap();
        assert_eq!(mount.open("p", O_RDONLY).read(9).unwrap(), b"x");
    }
    drop(mount.open("new", O_WRONLY | either));
    // What overwrites elsewhere asks for a server here.
    let server = mount.open("both", O_RDWR | either | O_TRUNC);
    let other = mount.open("both", O_RDWR | O_TRUNC);
    other.write_all(b"kept").unwrap();
    let clients = [mount.open("both", O_RDWR), mount.open("both", O_RDWR)];
    assert_eq!(clients[1].read(9).unwrap(), b"kept");
    drop(server);
}
