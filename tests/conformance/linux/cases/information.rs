//! Group L: information and identity.

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::functions::{CLIENT, OTHER_END};
use crate::harness::{Mount, sys};

crate::linux::on_a_mount! {
    l6_a_pipe_as_a_file,
    l9_the_clients_computer,
}

/// SEMANTICS: file-regular, file-size, file-times
fn l6_a_pipe_as_a_file(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    server.write_all(&[b'x'; 1000]).unwrap();
    for stat in
        [server.stat().unwrap(), client.stat().unwrap(), sys::stat(mount.path("p")).unwrap()]
    {
        assert_eq!(stat.st_mode & libc::S_IFMT, libc::S_IFREG);
        assert_eq!((stat.st_size, stat.st_blocks, stat.st_nlink), (0, 2, 1));
        assert!(stat.st_mtime > 0, "Windows: no times");
    }
    std::fs::remove_file(mount.path("p")).unwrap();
    assert_eq!(client.stat().unwrap().st_nlink, 0);
}

fn l9_the_clients_computer(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(server.peer(CLIENT).unwrap().host, name.trim_end());
    assert_eq!(client.peer(OTHER_END).unwrap().host, name.trim_end(), "either end may ask");
}
