//! Group O: anonymous pipes.

use std::fs::File;
use std::io::{Read, Write};
use std::os::windows::io::OwnedHandle;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::System::Pipes as pipes;

use crate::windows::api;
use crate::windows::arm::{GRACE, ends_within};

super::what_windows_does! {
    calls {
        o1_what_it_is,
        o2_all_that_was_written_is_read,
        o3_the_end_comes_with_the_last_copy,
        o4_a_write_that_nobody_will_read,
    }
}

fn anonymous(quota_bytes: u32) -> (OwnedHandle, OwnedHandle) {
    api::anonymous(quota_bytes).expect("an anonymous pipe")
}

fn o1_what_it_is() {
    for (asked, quota) in [(0, 4096), (1, 1), (4097, 4097)] {
        let (reader, writer) = anonymous(asked);
        let [flags, quota_out, quota_in, most] = api::info(&reader).expect("information");
        assert_eq!(flags, pipes::PIPE_SERVER_END | pipes::PIPE_TYPE_BYTE);
        assert_eq!((quota_out, quota_in, most), (quota, quota, 1));
        assert_ne!(File::from(reader).write(b"x").ok(), Some(1), "one way");
        assert_ne!(File::from(writer).read(&mut [0; 9]).ok(), Some(1), "one way");
    }
}

fn o2_all_that_was_written_is_read() {
    let (reader, writer) = anonymous(32 << 10);
    let data: Vec<u8> = (0..32 << 10).map(|number: u32| number.to_le_bytes()[0]).collect();
    File::from(writer).write_all(&data).expect("it fits");
    let mut found = Vec::new();
    File::from(reader).read_to_end(&mut found).expect("then comes the end");
    assert!(found == data);
}

fn o3_the_end_comes_with_the_last_copy() {
    let (reader, writer) = anonymous(0);
    let copy = writer.try_clone().expect("a copy");
    drop(writer);
    let read = thread::spawn(move || File::from(reader).read(&mut [0; 9]).ok());
    assert!(!ends_within(&read, GRACE), "there is a copy");
    drop(copy);
    assert!(ends_within(&read, Duration::from_secs(5)), "it was the last one");
    assert_eq!(read.join().expect("no panic"), Some(0));
}

fn o4_a_write_that_nobody_will_read() {
    let (reader, writer) = anonymous(0);
    drop(reader);
    let error = File::from(writer).write(b"x").expect_err("nobody is there");
    assert_eq!(error.raw_os_error(), Some(232), "no data: {error}");
}
