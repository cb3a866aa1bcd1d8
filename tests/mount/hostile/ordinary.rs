//! The mount is an ordinary user's. Who may do what is the same there, and without `allow_other`
//! nobody else may do anything, root neither.

use super::OTHER;
use crate::harness::watchdog::new_directory;
use crate::harness::{command, run};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Run by root in a mount namespace of its own, as in `ordinary_user`: `$1` is a directory, `$2`
/// the command under test, `$3` its arguments, `$4` who mounts and `$5` another user.
const SCRIPT: &str = r#"
    set -eu
    mkdir "$1/dev" && mount -t tmpfs none "$1/dev"
    mknod -m 0666 "$1/dev/fuse" c 10 229
    mount --bind "$1/dev/fuse" /dev/fuse
    echo user_allow_other > "$1/dev/fuse.conf" && mount --bind "$1/dev/fuse.conf" /etc/fuse.conf
    mkdir "$1/mnt" && chown "$4:$4" "$1/mnt"
    cp "$2" "$1/pipefs"
    cd "$1"
    as() { user=$1; shift; setpriv --reuid "$user" --regid "$user" --clear-groups "$@"; }
    # shellcheck disable=SC2086
    as "$4" ./pipefs mount $3 mnt
    as "$4" sh -c 'echo data > mnt/p; chmod 0644 mnt/p'
    try() {
        if said=$(LC_ALL=C "$@" 2>&1); then echo yes; else echo "${said##*: }"; fi
    }
    for user in 0 "$4" "$5"; do
        echo "$user stat: $(try as "$user" stat mnt/p)"
        echo "$user peek: $(try as "$user" getfattr -n user.pipefs.peek mnt/p)"
        echo "$user set: $(try as "$user" setfattr -n user.pipefs.linger -v keep mnt/p)"
        echo "$user write: $(try as "$user" dd of=mnt/p if=/dev/null conv=notrunc,nocreat)"
        echo "$user chmod: $(try as "$user" chmod 0644 mnt/p)"
    done
    echo "$5 rm: $(try as "$5" rm -f mnt/p)"
    as "$4" ./pipefs umount mnt
"#;

/// Who mounts: fusermount3 wants a user that has a name.
const NOBODY: u32 = 65_534;

const DEEDS: [&str; 5] = ["stat", "peek", "set", "write", "chmod"];

/// SEMANTICS: dir-root, mount-ordinary-user
#[test]
fn on_an_ordinary_users_mount_others_may_do_what_it_says() {
    skip_without_fuse!();
    skip_unless_root!();
    let denied = "Permission denied";
    let forbidden = "Operation not permitted";
    let rows = [
        // Options; what comes of the deeds of root, the owner and another user, and of removing.
        ("", [[denied; 5], ["yes"; 5], [denied; 5]], denied),
        (
            "-o allow_other",
            [["yes"; 5], ["yes"; 5], ["yes", "yes", denied, denied, forbidden]],
            forbidden,
        ),
    ];
    for (options, deeds, removing) in rows {
        let place = new_directory();
        let mut unshare = command("unshare");
        unshare.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]);
        unshare.arg(&place).args([env!("CARGO_BIN_EXE_pipefs"), options]);
        let output = run(unshare.args([NOBODY.to_string(), OTHER.to_string()]), 2 * SOON);
        let mut expected = String::new();
        for (user, outcomes) in [0, NOBODY, OTHER].into_iter().zip(deeds) {
            for (deed, outcome) in DEEDS.into_iter().zip(outcomes) {
                expected.push_str(&format!("{user} {deed}: {outcome}\n"));
            }
        }
        expected.push_str(&format!("{OTHER} rm: {removing}\n"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, expected, "`{options}`: {output:?}");
        assert!(output.status.success(), "`{options}`: {output:?}");
    }
}
