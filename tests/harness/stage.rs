//! The child's side of an actor: takes each step of its script and reports what came of it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::actor::{Outcome, SCRIPT, sequence};
use super::calls;
use super::errno::Errno;
use super::sys::{self, Fd};

/// Called by the C runtime before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static TAKE_OVER: extern "C" fn() = {
    extern "C" fn take_over() {
        if let Some(script) = std::env::var_os(SCRIPT) {
            perform(&script.into_vec());
            sys::exit_at_once();
        }
    }
    take_over
};

fn perform(script: &[u8]) {
    // What is open at the end is closed by the end of the process, which is no close(2).
    let mut files = ManuallyDrop::new(Vec::new());
    for line in script.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        report("begin\n");
        let outcome = take(line, &mut files);
        report(&match outcome {
            Ok(number) => format!("end ok {number}\n"),
            Err(Errno(number)) => format!("end error {number}\n"),
        });
    }
}

fn report(text: &str) {
    sys::write_raw(1, text.as_bytes());
}

fn take(line: &[u8], files: &mut Vec<Fd>) -> Outcome {
    let mut rest = line;
    let word = next_word(&mut rest);
    let word = String::from_utf8_lossy(word);
    if word == "repeat" {
        let times = String::from_utf8_lossy(next_word(&mut rest)).into_owned();
        return repeat(times.parse().expect("a number of times"), rest, files);
    }
    if let Some(outcome) = take_by_path(&word, &mut rest) {
        return outcome;
    }
    let mut number = || next_number(&mut rest);
    let file = || files.last().ok_or(Errno::EBADF);
    let count = |result: Result<usize, Errno>| result.map(|count| count as i64);
    match &*word {
        "open" => {
            let flags = number() as i32;
            files.push(Fd::open(path(rest), flags)?);
            Ok(0)
        }
        "close" => files.pop().ok_or(Errno::EBADF)?.close().map(|()| 0),
        "duplicate" => duplicate(files),
        "exec" => execute(),
        "read" => file()?.read(number() as usize).map(keep),
        "read-to-end" => file()?.read_to_end().map(keep),
        "write" => {
            let (size, byte) = (number() as usize, number() as u8);
            count(file()?.write(&vec![byte; size]))
        }
        "fsync" => file()?.fsync().map(|()| 0),
        "ioctl" => {
            let command = number() as u32;
            calls::ioctl(file()?, command, &mut bytes(rest)).map(i64::from)
        }
        "poll" => {
            let (events, timeout) = (number() as i16, number() as u64);
            file()?.poll(events, Duration::from_millis(timeout)).map(i64::from)
        }
        "nonblocking" => file()?.set_nonblocking(number() != 0).map(|()| 0),
        "handle" => sys::handle_signal(number() as i32, number() != 0).map(|()| 0),
        "alarm" => sys::alarm_after(Duration::from_millis(number() as u64), false).map(|()| 0),
        "alarm-every" => sys::alarm_after(Duration::from_micros(number() as u64), true).map(|()| 0),
        "read-through-alarms" => through_alarms(|_| {
            let bytes = file()?.read(100_000)?;
            sys::write_raw(2, &bytes);
            Ok(bytes.is_empty())
        }),
        "write-through-alarms" => {
            let (size, piece) = (number() as usize, number() as usize);
            let data = sequence(0, size);
            through_alarms(|written| {
                let end = size.min(*written + piece);
                *written += file()?.write(&data[*written..end])?;
                Ok(*written == size)
            })
        }
        "touch-mapping" => calls::touch_private_mapping(file()?).map(i64::from),
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number() as u64));
            Ok(0)
        }
        _ => panic!("`{word}` is no step"),
    }
}

/// The steps that have no open file but a path.
fn take_by_path(word: &str, rest: &mut &[u8]) -> Option<Outcome> {
    let done = |result: io::Result<()>| {
        result.map(|()| 0).map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))
    };
    let outcome = match word {
        "chmod" => {
            let mode = next_number(rest) as u32;
            sys::chmod(path(rest), mode).map(|()| 0)
        }
        "chown" => {
            let (uid, gid) = (next_number(rest) as u32, next_number(rest) as u32);
            done(std::os::unix::fs::chown(path(rest), Some(uid), Some(gid)))
        }
        "unlink" => done(fs::remove_file(path(rest))),
        "rename" => {
            let from = path(next_word(rest));
            done(fs::rename(from, path(rest)))
        }
        "attribute" => {
            let name = String::from_utf8_lossy(next_word(rest)).into_owned();
            calls::attribute(path(rest), &name).map(keep)
        }
        "set-attribute" => {
            let name = String::from_utf8_lossy(next_word(rest)).into_owned();
            let value = next_word(rest);
            calls::set_attribute(path(rest), &name, value).map(|()| 0)
        }
        "truncate" => {
            let length = next_number(rest);
            sys::truncate(path(rest), length).map(|()| 0)
        }
        "stat" => sys::stat(path(rest)).map(|stat| stat.st_ino.cast_signed()),
        _ => return None,
    };
    Some(outcome)
}

fn duplicate(files: &mut Vec<Fd>) -> Outcome {
    let copy = files.last().ok_or(Errno::EBADF)?.duplicate()?;
    files.push(copy);
    Ok(0)
}

/// Becomes true(1); it returns only if that fails.
fn execute() -> Outcome {
    let refused = Command::new("true").env_remove(SCRIPT).exec();
    Err(Errno(refused.raw_os_error().unwrap_or(libc::EIO)))
}

/// Takes one step so many times; how often it was interrupted. It ends when it was not.
fn repeat(times: i64, line: &[u8], files: &mut Vec<Fd>) -> Outcome {
    for interrupted in 0..times {
        match take(line, files) {
            Err(Errno::EINTR) => {}
            Ok(_) => return Ok(interrupted),
            Err(other) => return Err(other),
        }
    }
    Ok(times)
}

/// Repeats a call until it says that it is done; how often it was interrupted.
fn through_alarms(mut call: impl FnMut(&mut usize) -> Result<bool, Errno>) -> Outcome {
    let (mut interrupted, mut moved) = (0, 0);
    loop {
        match call(&mut moved) {
            Ok(true) => return Ok(interrupted),
            Ok(false) => {}
            Err(Errno::EINTR) => interrupted += 1,
            Err(other) => return Err(other),
        }
    }
}

fn next_word<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let word = &rest[..end];
    *rest = rest.get(end + 1..).unwrap_or_default();
    word
}

fn next_number(rest: &mut &[u8]) -> i64 {
    let text = String::from_utf8_lossy(next_word(rest)).into_owned();
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

/// The numbers that are left, as bytes.
fn bytes(mut rest: &[u8]) -> Vec<u8> {
    std::iter::from_fn(|| (!rest.is_empty()).then(|| next_number(&mut rest) as u8)).collect()
}

fn path(rest: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(rest))
}

/// Hands what was read to the parent.
fn keep(bytes: Vec<u8>) -> i64 {
    sys::write_raw(2, &bytes);
    bytes.len() as i64
}
