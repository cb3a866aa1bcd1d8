//! Rules about Rust code: who imports whom, where locks and `unsafe` may be.

use super::Findings;
use super::rust::{code_only, has_word, without_tests};
use super::tree::{file, files};

/// Words that may not appear in some files (their own unit tests aside), and why.
struct Ban {
    /// The files that it is about: folders end in `/`, the empty text is every file.
    within: &'static [&'static str],
    /// Files among them that may.
    except: &'static [&'static str],
    /// What may not be there.
    words: &'static [&'static str],
    /// What the reader should know.
    why: &'static str,
}

// Files of the adapter for the threads of one process, which lies beside the engine.
const PROCESS_CALLS: &str = "src/process/calls.rs";
const PROCESS_END: &str = "src/process/end.rs";
const PROCESS_IO: &str = "src/process/io.rs";

const BANS: [Ban; 8] = [
    Ban {
        within: &["src/"],
        except: &[],
        words: &["fuser", "libc", "log::", "pipefs_mount", "winfsp", "clap"],
        why: "the engine knows no adapter",
    },
    Ban {
        within: &["src/"],
        except: &[PROCESS_IO, PROCESS_CALLS], // std's traits; the process's number
        words: &["std::io", "std::process"],
        why: "the engine does no I/O: it takes and returns values",
    },
    Ban {
        within: &["src/"],
        except: &[],
        words: &["std::fs", "std::net", "std::os", "println!", "thread::sleep", "thread::spawn"],
        why: "the engine does no I/O and has no threads, nor has what is around it in src/process/",
    },
    Ban {
        within: &["src/"],
        except: &["src/engine.rs"], // `Now::read`, for callers
        words: &["Instant::now", "SystemTime::now"],
        why: "the engine has no clock: callers pass `now`",
    },
    Ban {
        within: &["src/"],
        except: &[PROCESS_CALLS],
        words: &["Now::read"],
        why: "the engine has no clock: callers pass `now`",
    },
    Ban {
        within: &["src/"],
        except: &["src/engine.rs", "src/handle.rs", "src/sync.rs", PROCESS_CALLS, PROCESS_END],
        words: &["Mutex", "RwLock", "Condvar", "parking_lot", "std::sync::atomic"],
        why: "the engine's locks are in src/engine.rs and src/handle.rs, by way of src/sync.rs",
    },
    Ban {
        within: &["src/"],
        except: &["src/lib.rs", "src/process/"],
        words: &["process::"],
        why: "the engine knows nothing of the adapter in src/process/",
    },
    Ban {
        within: &["src/", "mount/", "tests/"],
        except: &["mount/fuse/", "tests/fuzz/", "tests/bench/floor/"],
        words: &["fuser"],
        why: "fuser's types stay in mount/fuse/, its tests, and what benchmarks compare with",
    },
];

/// Files that may say `unsafe`, on how many lines, and what for. One more is a decision: change the
/// number here, and what docs/SECURITY.md says of the product's.
const UNSAFE: [(&str, usize, &str); 36] = [
    ("mount/fuse/data/ring/command.rs", 2, "io_uring commands that its crate does not have"),
    ("mount/fuse/data/ring/entry.rs", 6, "memory that the kernel writes requests to"),
    ("mount/fuse/data/ring/owner.rs", 1, "commands that name such memory"),
    ("mount/fuse/device.rs", 12, "system calls on /dev/fuse and the socket between the planes"),
    ("mount/linux/daemon.rs", 2, "fork"),
    ("mount/linux/impersonate.rs", 3, "a thread's own user and groups, and one ioctl"),
    ("mount/linux/functions.rs", 1, "ioctl"),
    ("mount/windows/creating.rs", 1, "a rename that replaces nothing"),
    ("mount/windows/functions.rs", 1, "DeviceIoControl"),
    ("mount/windows/owners.rs", 6, "owners and lists of files"),
    ("mount/windows/programs.rs", 2, "Ctrl-C"),
    ("mount/windows/volumes.rs", 2, "drives and their filesystems"),
    ("mount/windows/memory.rs", 1, "how much memory the machine has"),
    ("mount/winfsp/request.rs", 2, "the request that WinFsp's DLL keeps for a thread"),
    ("mount/winfsp/security.rs", 10, "security descriptors and tokens"),
    ("mount/winfsp/service.rs", 2, "WinFsp's version, and its words for errors"),
    ("mount/winfsp/status.rs", 1, "the same, in a test"),
    ("tests/bench/syscalls.rs", 17, "system calls that std does not have"),
    ("tests/conformance/windows/api.rs", 24, "Windows' functions for pipes"),
    ("tests/conformance/windows/overlapped.rs", 13, "operations of the system that wait"),
    ("tests/costs/allocator.rs", 7, "an allocator that counts"),
    ("tests/harness/calls.rs", 24, "system calls as they are, with their errno"),
    ("tests/harness/events.rs", 4, "poll, select and epoll"),
    ("tests/winfsp/direct/mod.rs", 1, "arguments as WinFsp hands them over"),
    ("tests/winfsp/direct/names.rs", 3, "the same"),
    ("tests/winfsp/direct/security.rs", 3, "the same"),
    ("tests/winfsp/direct/told.rs", 1, "the same"),
    ("tests/harness/sys.rs", 32, "system calls as they are, with their errno"),
    ("tests/winfsp/driver/answer.rs", 8, "what the DLL says, in its structures"),
    ("tests/winfsp/driver/buffer.rs", 3, "memory that a file system gets by its address"),
    ("tests/winfsp/driver/hooks.rs", 26, "functions that the DLL calls instead of Windows'"),
    ("tests/winfsp/driver/imports.rs", 9, "the DLL's table of imported functions"),
    ("tests/winfsp/driver/request.rs", 1, "what is asked of the DLL, in its structures"),
    ("tests/winfsp/driver/token.rs", 4, "a token to check rights with"),
    ("tests/winfsp/sddl.rs", 2, "security descriptors as text"),
    ("tests/winfsp/entries.rs", 4, "lists of files, in the DLL's structures"),
];

#[test]
fn imports_go_one_way() {
    let mut findings = Findings::default();
    for file in files().iter().filter(|file| file.is_rust()) {
        let code = code_only(&file.text);
        for ban in BANS.iter().filter(|ban| file.is_in(ban.within) && !file.is_in(ban.except)) {
            for (index, line) in without_tests(&code).lines().enumerate() {
                for word in ban.words.iter().filter(|word| has_word(line, word)) {
                    findings.add(&file.path, index + 1, format!("`{word}`: {}", ban.why));
                }
            }
        }
    }
    findings.none();
}

#[test]
fn unsafe_is_where_the_inventory_says() {
    let mut findings = Findings::default();
    let mut seen = Vec::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        let code = code_only(&file.text);
        let lines: Vec<&str> = file.text.lines().collect();
        for (index, line) in code.lines().enumerate() {
            if !has_word(line, "unsafe") || line.trim_start().starts_with("#") {
                continue;
            }
            let first = seen.last() != Some(&file.path);
            if first && !UNSAFE.iter().any(|(path, ..)| *path == file.path) {
                let what = "`unsafe` outside the inventory in tests/tidy/layers.rs";
                findings.add(&file.path, index + 1, what);
            }
            if !has_safety_comment(&lines, index) {
                findings.add(&file.path, index + 1, "`unsafe` without a `// SAFETY:` above it");
            }
            seen.push(file.path.clone());
        }
    }
    for (path, expected, _) in UNSAFE {
        let count = seen.iter().filter(|seen| *seen == path).count();
        if count != expected {
            let what = format!("`unsafe` on {count} lines, and {expected} in the inventory");
            findings.add(path, 1, what);
        }
    }
    findings.none();
}

/// Whether the comment before the statement of line `index` says why it is sound. A statement may
/// have begun up to three lines earlier.
fn has_safety_comment(lines: &[&str], index: usize) -> bool {
    let mut code_lines = 0;
    for line in lines[..=index].iter().rev() {
        if line.contains("SAFETY:") || line.contains("# Safety") {
            return true;
        }
        let text = line.trim_start();
        if !text.starts_with("//") && !text.starts_with("#[") {
            code_lines += 1;
        }
        if code_lines > 4 {
            return false;
        }
    }
    false
}

#[test]
fn the_engine_forbids_unsafe() {
    let text = file("src/lib.rs").text;
    assert!(text.contains("#![forbid(unsafe_code)]"), "src/lib.rs: say #![forbid(unsafe_code)]");
}
