//! Mounting as an ordinary user, which fusermount3 does.
//!
//! /dev/fuse may be open to root alone where no udev set its mode. Root's test therefore gives the
//! user a /dev/fuse of its own in a mount namespace of its own: nothing outside changes, and it all
//! goes away with the last process inside. Who runs the tests as an ordinary user needs none of it.

use std::path::Path;
use std::process::Output;

use crate::harness::watchdog::new_directory;
use crate::harness::{command, run, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Run by root in a new mount namespace: `$1` is a directory, `$2` the mode of /dev/fuse, `$3` a
/// script, `$4` the command under test.
const NAMESPACE: &str = r#"
    set -eu
    mkdir "$1/dev" && mount -t tmpfs none "$1/dev"
    mknod -m "$2" "$1/dev/fuse" c 10 229
    mount --bind "$1/dev/fuse" /dev/fuse
    : > "$1/dev/fuse.conf" && mount --bind "$1/dev/fuse.conf" /etc/fuse.conf
    mkdir "$1/mnt" && chown 65534:65534 "$1/mnt"
    cp "$4" "$1/pipefs"
    cd "$1"
    exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "$3" sh "$1/pipefs" "$1/mnt"
"#;

/// Runs a script as an ordinary user: `$1` is the command under test, `$2` a mount point.
fn as_ordinary_user(device_mode: &str, script: &str) -> Output {
    let place = new_directory();
    let binary = env!("CARGO_BIN_EXE_pipefs");
    if sys::effective_uid() == 0 {
        let mut unshare = command("unshare");
        unshare.args(["--mount", "--propagation", "private", "sh", "-c", NAMESPACE, "sh"]);
        run(unshare.arg(&place).args([device_mode, script, binary]), SOON)
    } else {
        let dir = place.join("mnt");
        std::fs::create_dir(&dir).unwrap();
        let mut shell = command("sh");
        run(shell.args(["-c", script, "sh"]).args([Path::new(binary), &dir]), SOON)
    }
}

/// SEMANTICS: mount-ordinary-user
#[test]
fn an_ordinary_user_mounts_uses_and_unmounts() {
    skip_without_fuse!();
    let script = r#"
        set -eu
        "$1" mount "$2"
        echo hello > "$2/p"
        cat "$2/p"
        mkfifo "$2/f"
        stat -c '%U %a' "$2" "$2/p"
        grep -c " $2 fuse.pipefs " /proc/self/mounts
        "$1" umount "$2"
        grep -c " $2 " /proc/self/mounts || true
    "#;
    let output = as_ordinary_user("0666", script);
    let printed = String::from_utf8_lossy(&output.stdout);
    let user = if sys::effective_uid() == 0 { "nobody" } else { &std::env::var("USER").unwrap() };
    let wanted = format!("hello\n{user} 755\n{user} 644\n1\n0\n");
    assert_eq!(printed, wanted, "{output:?}");
    assert!(output.status.success(), "{output:?}");
}

/// SEMANTICS: mount-ordinary-user
/// The driver in front; SIGTERM unmounts, through fusermount3 again.
#[test]
fn an_ordinary_users_driver_unmounts_at_sigterm() {
    skip_without_fuse!();
    let script = r#"
        "$1" mount -f "$2" & driver=$!
        until grep -q " $2 fuse.pipefs " /proc/self/mounts; do sleep 0.05; done
        echo hello > "$2/p"
        timeout 5 sleep 100 3<> "$2/q" & sleep 0.2
        kill -TERM "$driver"; wait "$driver"; echo "ended with $?"
        grep -c " $2 " /proc/self/mounts
    "#;
    let output = as_ordinary_user("0666", script);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "ended with 0\n0\n", "{output:?}");
}

/// SEMANTICS: driver-memory
///
/// > No process of the same user can look into the driver's memory, where others' data is.
#[test]
fn an_ordinary_users_driver_is_closed_to_that_user() {
    skip_without_fuse!();
    let script = r#"
        "$1" mount -f "$2" & driver=$!
        until grep -q " $2 fuse.pipefs " /proc/self/mounts; do sleep 0.05; done
        echo secret > "$2/p"
        for file in mem environ; do
            (: < "/proc/$driver/$file") 2> /dev/null && echo "$file is open"
        done
        ls "/proc/$driver/fd" > /dev/null 2>&1 && echo "fd is open"
        for file in mem environ; do (: < "/proc/self/$file") || echo "not even one's own"; done
        grep -E '^(CapPrm|CapEff|NoNewPrivs)' "/proc/$driver/status" | tr -d '\t'
        cat "$2/p"
        kill -TERM "$driver"; wait "$driver"; echo "ended with $?"
        grep -c " $2 " /proc/self/mounts
    "#;
    let output = as_ordinary_user("0666", script);
    let printed = String::from_utf8_lossy(&output.stdout);
    let none = "0".repeat(16);
    let wanted = format!("CapPrm:{none}\nCapEff:{none}\nNoNewPrivs:0\nsecret\nended with 0\n0\n");
    assert_eq!(printed, wanted, "{output:?}");
}

/// SEMANTICS: mount-errors
#[test]
fn what_an_ordinary_user_lacks_is_said() {
    skip_without_fuse!();
    skip_unless_root!();
    for (mode, options, named) in
        [("0600", "memory=64M", "/dev/fuse"), ("0666", "allow_other", "user_allow_other")]
    {
        let script = format!(r#"exec "$1" mount -o {options} "$2""#);
        let output = as_ordinary_user(mode, &script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(named), "{said}");
    }
}
