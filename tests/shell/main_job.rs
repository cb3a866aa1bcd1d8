//! The main job on real input: large streams and many small ones, with nothing lost, doubled,
//! or mixed. These tests run one at a time, because each keeps the machine busy.

#[path = "../harness/mod.rs"]
mod harness;
mod script;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use harness::{Child, Mount, Task, command, sh, sys, watchdog};

/// Much longer than any of them needs.
const DEADLINE: Duration = Duration::from_secs(240);

const GIB: u64 = 1 << 30;

/// What goes through each tool.
const STREAM_BYTES: u64 = 2 * GIB;

/// What is written and compared at a time.
const CHUNK: usize = 1 << 20;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Random bytes that can be made again from their seed, at the speed of memory: pieces of one
/// random block, from random places. A piece that is lost, doubled or moved does not go unseen.
struct RandomStream {
    block: Vec<u8>,
    state: u64,
}

impl RandomStream {
    fn new(seed: u64) -> Self {
        let mut stream = Self { block: vec![0; 16 * CHUNK], state: seed };
        let mut block = std::mem::take(&mut stream.block);
        for bytes in block.chunks_exact_mut(8) {
            bytes.copy_from_slice(&stream.next_number().to_le_bytes());
        }
        stream.block = block;
        stream
    }

    /// Xorshift, by George Marsaglia.
    fn next_number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn next_chunk(&mut self) -> &[u8] {
        let places = (self.block.len() - CHUNK) as u64;
        let start = (self.next_number() % places) as usize;
        &self.block[start..start + CHUNK]
    }
}

/// Writes the stream; what stops the writer early is reported by the one who reads.
fn produce(mut to: impl Write, seed: u64) -> io::Result<()> {
    let mut stream = RandomStream::new(seed);
    for _ in 0..STREAM_BYTES / CHUNK as u64 {
        to.write_all(stream.next_chunk())?;
    }
    Ok(())
}

/// Reads to the end and compares every byte.
fn compare(mut from: impl Read, seed: u64) {
    let mut stream = RandomStream::new(seed);
    let mut got = vec![0; CHUNK];
    for chunk in 0..STREAM_BYTES / CHUNK as u64 {
        if let Err(error) = from.read_exact(&mut got) {
            panic!("the stream ends in MiB {chunk} of {}: {error}", STREAM_BYTES / CHUNK as u64);
        }
        assert!(got == stream.next_chunk(), "other bytes came in MiB {chunk}");
    }
    assert_eq!(from.read(&mut got).expect("it can be read"), 0, "more came than was written");
}

/// Sends the stream through `writer` (standard input to the pipe `$1`) and `reader` (the pipe `$1`
/// to the file `$2`).
#[track_caller]
fn goes_through(tool: &str, writer: &str, reader: &str) {
    script::needs(tool);
    let _alone = ONE_AT_A_TIME.lock();
    let mount = Mount::new();
    let pipe = mount.path("stream");
    File::create(&pipe).expect("a pipe can be made");
    let scratch = watchdog::new_directory();
    let result = scratch.join("result");
    sys::mkfifo(&result, 0o600).expect("a FIFO can be made");
    let seed = 0x9e37_79b9_7f4a_7c15 ^ tool.len() as u64;

    let begin = Instant::now();
    let mut reader = Child::spawn(&mut sh(reader, &[&pipe, &result]));
    let compared = Task::spawn(move || compare(File::open(result).expect("it opens"), seed));
    let (input, output) = io::pipe().expect("a pipe of the kernel can be made");
    let mut writer = Child::spawn(sh(writer, &[&pipe]).stdin(input));
    let produced = Task::spawn(move || produce(output, seed));
    compared.join(DEADLINE);
    produced.join(DEADLINE).expect("everything could be written");
    for child in [&mut writer, &mut reader] {
        assert!(child.wait(DEADLINE).success(), "{child:?}");
    }
    println!("{tool}: {:.0} MB/s", STREAM_BYTES as f64 / 1e6 / begin.elapsed().as_secs_f64());
    fs::remove_dir_all(scratch).expect("it can be removed");
}

/// SEMANTICS: close-drains
#[test]
fn random_bytes_through_dd() {
    skip_without_fuse!();
    let writer = "exec dd of=\"$1\" bs=1M iflag=fullblock status=none";
    goes_through("dd", writer, "exec dd if=\"$1\" of=\"$2\" bs=1M status=none");
}

/// SEMANTICS: close-drains
#[test]
fn random_bytes_through_cat() {
    skip_without_fuse!();
    goes_through("cat", "exec cat > \"$1\"", "exec cat \"$1\" > \"$2\"");
}

/// SEMANTICS: close-drains
#[test]
fn random_bytes_through_tee() {
    skip_without_fuse!();
    goes_through("tee", "exec tee \"$1\" > /dev/null", "exec tee \"$2\" < \"$1\" > /dev/null");
}

/// SEMANTICS: close-drains
#[test]
fn random_bytes_through_python() {
    skip_without_fuse!();
    let copy = "from shutil import copyfileobj as copy; from sys import argv, stdin";
    let writer = format!(
        "exec python3 -c '{copy}\nwith open(argv[1], \"wb\") as to: copy(stdin.buffer, to)' \"$1\""
    );
    let reader = format!(
        "exec python3 -c '{copy}\nwith open(argv[1], \"rb\") as it, open(argv[2], \"wb\") as to: \
         copy(it, to)' \"$1\" \"$2\""
    );
    goes_through("python3", &writer, &reader);
}

/// SEMANTICS: close-drains
#[test]
fn tar_of_a_real_tree() {
    skip_without_fuse!();
    let _alone = ONE_AT_A_TIME.lock();
    let sysroot = script::succeeds(command("rustc").args(["--print", "sysroot"]), DEADLINE).stdout;
    let sysroot = String::from_utf8(sysroot).expect("a path of the toolchain is text");
    let tree = PathBuf::from(sysroot.trim_end());
    let expected = fingerprint(&tree);
    let mount = Mount::new();
    let pipe = mount.path("t");
    File::create(&pipe).expect("a pipe can be made");
    // A toolchain with few components is smaller: then it goes through more than once.
    let mut sent = 0;
    while sent < GIB {
        let copy = watchdog::new_directory();
        let once = send_by_tar(&tree, &copy, &pipe);
        assert!(once > GIB / 10, "the toolchain's tree is small: {once} bytes");
        sent += once;
        assert!(fingerprint(&copy) == expected, "the copy differs, in a name or in a byte");
        fs::remove_dir_all(copy).expect("the copy can be removed");
    }
}

/// `tar c > pipe` and `tar x < pipe`; how many bytes the archive had.
#[track_caller]
fn send_by_tar(tree: &Path, copy: &Path, pipe: &Path) -> u64 {
    let begin = Instant::now();
    let create = "LC_ALL=C exec tar c --totals -C \"$1\" . > \"$2\"";
    let mut writer = Child::spawn(&mut sh(create, &[tree, pipe]));
    let mut reader = Child::spawn(&mut sh("exec tar x -C \"$1\" < \"$2\"", &[copy, pipe]));
    for child in [&mut writer, &mut reader] {
        assert!(child.wait(DEADLINE).success(), "{child:?}");
    }
    let said = writer.stderr();
    let total = said.split("Total bytes written: ").nth(1).and_then(|rest| rest.split(' ').next());
    let bytes: u64 = total.and_then(|total| total.parse().ok()).expect("tar says how much it was");
    println!("tar: {:.0} MB/s", bytes as f64 / 1e6 / begin.elapsed().as_secs_f64());
    bytes
}

/// Every file with its hash, and every name with its kind and the target of a link.
#[track_caller]
fn fingerprint(tree: &Path) -> Vec<u8> {
    let list = "cd \"$1\" && find . -printf '%y %p %l\\n' | sort &&
        find . -type f -print0 | sort -z | xargs -0 sha256sum";
    script::succeeds(&mut sh(list, &[tree]), DEADLINE).stdout
}

/// Runs a script of the folder `main_job`.
#[track_caller]
fn script_alone(file: &str) {
    let _alone = ONE_AT_A_TIME.lock();
    let file = script::source(&format!("shell/main_job/{file}"));
    script::passes(&mut command("sh"), Some(&file), &[]);
}

/// SEMANTICS: instance-one-client
#[test]
fn a_thousand_pairs_one_after_the_other() {
    skip_without_fuse!();
    script_alone("pairs.sh");
}

/// SEMANTICS: instance-one-client
#[test]
fn two_hundred_pairs_at_once() {
    skip_without_fuse!();
    script_alone("at_once.sh");
}
