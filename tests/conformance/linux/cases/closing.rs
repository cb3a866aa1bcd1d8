//! Group K: closing, and broken pipes.

use std::fs;
use std::io::Read;

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::{Errno, Mount, command, run};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    k11_libraries_see_the_end,
}

/// SEMANTICS: read-end-of-file, close-drains
fn k11_libraries_see_the_end(mount: &Mount) {
    mount.make("p");
    let server = mount.open("p", O_WRONLY | O_CREAT);
    server.write_all(b"all of it").unwrap();
    let mut file = fs::File::open(mount.path("p")).unwrap();
    drop(server);
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "all of it");
    assert_eq!(file.read(&mut [0; 9]).unwrap(), 0);
    for program in ["cat", "wc"] {
        let server = mount.open("p", O_WRONLY);
        server.write_all(b"x").unwrap();
        let mut child = crate::harness::Child::spawn(command(program).arg(mount.path("p")));
        crate::harness::eventually(SOON, || server.write(b"") == Ok(0) && is_connected(mount));
        drop(server);
        assert!(child.wait(SOON).success());
    }
    let output = run(command("cat").arg(mount.path("p")), SOON);
    assert!(!output.status.success(), "nobody listens");
    assert_eq!(mount.refused("p", O_RDONLY), Errno::EBUSY);
}

fn is_connected(mount: &Mount) -> bool {
    let state = crate::harness::calls::attribute(mount.path("p"), "user.pipefs.state").unwrap();
    String::from_utf8_lossy(&state).contains("\"connected\"")
}
