//! Requests for a whole driver. The input chooses them: most are as a kernel would send them, for
//! nodes and ends that there are; some are cut short, or arbitrary. Each gets one answer that the
//! kernel would take, at once or when it is interrupted; the mount is as empty as before then.

use arbitrary::{Result, Unstructured};
use pipefs::Settings;
use pipefs::settings::Mode;

use super::kernel::{Answered, Kernel};
use crate::fuse::data::wire::opcode;

/// Most requests of one input.
const MAX_STEPS: usize = 60;

/// Most bytes of a body that is arbitrary.
const MAX_BODY_BYTES: usize = 3000;

/// Operation codes that only this file needs.
const SETATTR: u32 = 4;
const MKNOD: u32 = 8;
const MKDIR: u32 = 9;
const UNLINK: u32 = 10;
const RMDIR: u32 = 11;
const FSYNC: u32 = 20;
const LISTXATTR: u32 = 23;
const OPENDIR: u32 = 27;
const RELEASEDIR: u32 = 29;
const CREATE: u32 = 35;
const NOTIFY_REPLY: u32 = 41;
const RENAME2: u32 = 45;

/// Numbers at which something changes.
const EDGES: [u64; 8] = [0, 1, 2, 4096, 1 << 20, u32::MAX as u64, i64::MAX as u64, u64::MAX];

/// What the kernel knows of the mount.
struct World {
    kernel: Kernel,
    nodes: Vec<u64>,
    handles: Vec<u64>,
    /// Open files, which have to be closed.
    open: Vec<u64>,
    listings: Vec<u64>,
}

/// A request without its header.
struct Shape {
    code: u32,
    nodeid: u64,
    size: u32,
    body: Vec<u8>,
}

pub(super) fn target(input: &[u8]) {
    let kernel = Kernel::new();
    kernel.create(b"instance", Mode::Instance);
    kernel.create(b"shared", Mode::Shared);
    kernel.create(b"broadcast", Mode::Broadcast);
    let (nodes, handles, open, listings) = (vec![1], Vec::new(), Vec::new(), Vec::new());
    let mut world = World { kernel, nodes, handles, open, listings };
    let mut input = Unstructured::new(input);
    for _ in 0..MAX_STEPS {
        if input.is_empty() || world.step(&mut input).is_err() {
            break;
        }
    }
    world.end();
}

impl World {
    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=15)? {
            0 => self.send_garbage(u)?,
            1 => {
                let pending: Vec<u64> = self.kernel.pending.keys().copied().collect();
                let mut pending = pending;
                pending.sort_unstable();
                let chosen = if pending.is_empty() { 99 } else { *u.choose(&pending)? };
                let answers = self.kernel.interrupt(chosen);
                self.learn(answers);
            }
            _ => {
                let mut shape = self.shape(u)?;
                if u.ratio(1, 20)? {
                    shape.body.truncate(u.int_in_range(0..=shape.body.len())?);
                }
                if u.ratio(1, 20)? && !shape.body.is_empty() {
                    let at = u.choose_index(shape.body.len())?;
                    shape.body[at] = u.arbitrary()?;
                }
                let answers = self.kernel.ask(shape.code, shape.nodeid, shape.size, &shape.body);
                self.learn(answers);
            }
        }
        Ok(())
    }

    /// A message that is no request: it is too short, or not as long as it says.
    fn send_garbage(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let len = u.int_in_range(1..=200)?;
        let mut message = u.bytes(len.min(u.len()))?.to_vec();
        if message.len() >= 4 {
            let wrong = (message.len() as u32).wrapping_add(1 + u.int_in_range(0..=1000)?);
            message[..4].copy_from_slice(&wrong.to_ne_bytes());
        }
        self.kernel.send_raw(&message);
        Ok(())
    }

    fn learn(&mut self, answers: Vec<Answered>) {
        for Answered { asked, errno, body } in answers {
            let word = |at: usize| {
                u64::from_ne_bytes(body[at..at + 8].try_into().expect("check_size has looked"))
            };
            match asked.opcode {
                _ if errno != 0 => {}
                opcode::LOOKUP | MKNOD | MKDIR => self.nodes.push(word(0)),
                opcode::OPEN => self.opened(word(0)),
                CREATE => {
                    self.nodes.push(word(0));
                    self.opened(word(128));
                }
                OPENDIR => self.listings.push(word(0)),
                _ => {}
            }
        }
    }

    fn opened(&mut self, handle: u64) {
        self.handles.push(handle);
        self.open.push(handle);
    }

    /// Everything that waits is interrupted and every open file closed: nothing is left.
    fn end(mut self) {
        while let Some(unique) = self.kernel.pending.keys().min().copied() {
            let asked = self.kernel.pending[&unique];
            let answers = self.kernel.interrupt(unique);
            self.learn(answers);
            let is_answered = !self.kernel.pending.contains_key(&unique);
            assert!(is_answered, "{asked:?} waits on after its interrupt");
        }
        for handle in std::mem::take(&mut self.open) {
            self.kernel.ask(opcode::RELEASE, 1, 0, &words(&[handle, 0, 0]));
        }
        let engine = &self.kernel.driver.engine;
        assert_eq!((engine.waiting_count(), engine.end_count()), (0, 0));
        self.kernel.stop();
    }

    fn node(&self, u: &mut Unstructured<'_>) -> Result<u64> {
        match u.ratio(1, 30)? {
            true => u.arbitrary(),
            false => u.choose(&self.nodes).copied(),
        }
    }

    fn handle(&self, u: &mut Unstructured<'_>) -> Result<u64> {
        match self.handles.is_empty() || u.ratio(1, 30)? {
            true => number(u),
            false => u.choose(&self.handles).copied(),
        }
    }

    /// Any request.
    fn shape(&self, u: &mut Unstructured<'_>) -> Result<Shape> {
        let (nodeid, root) = (self.node(u)?, 1);
        let shape = |code, nodeid, body| Shape { code, nodeid, size: 0, body };
        Ok(match u.int_in_range(0..=40)? {
            0..6 => shape(opcode::LOOKUP, root, name(u)?),
            6..11 => {
                let flags = open_flags(u)?;
                shape(opcode::OPEN, nodeid, flags.to_ne_bytes().into_iter().chain([0; 4]).collect())
            }
            11..13 => {
                let head = [open_flags(u)?, 0o100_644, 0, 0];
                shape(CREATE, root, [halves(&head), name(u)?].concat())
            }
            13..17 => self.read(u, nodeid)?,
            17..21 => self.write(u, nodeid)?,
            21 | 22 => {
                let (handle, key) = (self.handle(u)?, u.arbitrary()?);
                shape(opcode::POLL, nodeid, words(&[handle, key, u.int_in_range(0..=1)?]))
            }
            23 => shape(opcode::FLUSH, nodeid, words(&[self.handle(u)?, 0, number(u)?])),
            24 | 25 => shape(opcode::RELEASE, nodeid, words(&[self.handle(u)?, 0, 0])),
            26 => shape(FSYNC, nodeid, words(&[self.handle(u)?, 0])),
            27 => shape(opcode::GETATTR, nodeid, words(&[0, 0])),
            28 => {
                let valid: u32 = u.arbitrary()?;
                let rest = u.bytes(80.min(u.len()))?;
                let body = [&words(&[valid.into()])[..], rest].concat();
                shape(SETATTR, nodeid, padded(body, 88))
            }
            29 | 30 => set_attribute(u, nodeid)?,
            31 => {
                let size = u.int_in_range(0..=4000)?;
                let body = [halves(&[size, 0]), attribute(u)?].concat();
                Shape { code: opcode::GETXATTR, nodeid, size, body }
            }
            32 => Shape { code: LISTXATTR, nodeid, size: 4000, body: halves(&[4000, 0]) },
            33 | 34 => self.function(u, nodeid)?,
            35 => match u.int_in_range(0..=4)? {
                0 => shape(UNLINK, root, name(u)?),
                1 => shape(RMDIR, root, name(u)?),
                2 => shape(MKDIR, root, [halves(&[0o755, 0]), name(u)?].concat()),
                3 => shape(MKNOD, root, [halves(&[0o100_644, 0, 0, 0]), name(u)?].concat()),
                _ => {
                    let flags = u.int_in_range(0..=3)?;
                    shape(RENAME2, root, [words(&[root, flags]), name(u)?, name(u)?].concat())
                }
            },
            36 => shape(opcode::FORGET, nodeid, words(&[u.int_in_range(0..=3)?])),
            37 => {
                let nodes = [1, nodeid, u.int_in_range(0..=3)?];
                shape(opcode::BATCH_FORGET, 0, words(&nodes))
            }
            38 => self.listing(u)?,
            39 => {
                let code = u.int_in_range(0..=60)?;
                let body = some(u, 100)?.to_vec();
                arbitrary_operation(code, nodeid, body)
            }
            _ => {
                let len = u.int_in_range(0..=MAX_BODY_BYTES)?;
                arbitrary_operation(u.arbitrary()?, u.arbitrary()?, vec![u.arbitrary()?; len])
            }
        })
    }

    fn read(&self, u: &mut Unstructured<'_>, nodeid: u64) -> Result<Shape> {
        let size: u32 = *u.choose(&[0, 1, 10, 4096, 65_536])?;
        let offset = if u.ratio(1, 5)? { number(u)? } else { 0 };
        let flags = if u.ratio(1, 3)? { libc::O_NONBLOCK as u32 } else { 0 };
        let is_direct = if u.ratio(1, 10)? { 0 } else { 2 };
        let rest = halves(&[size, is_direct, 7, 0, flags, 0]);
        let body = [words(&[self.handle(u)?, offset]), rest].concat();
        Ok(Shape { code: opcode::READ, nodeid, size, body })
    }

    fn write(&self, u: &mut Unstructured<'_>, nodeid: u64) -> Result<Shape> {
        let len = *u.choose(&[0_usize, 1, 7, 900, 4096, 50_000])?;
        let flags = if u.ratio(1, 3)? { libc::O_NONBLOCK as u32 } else { 0 };
        let head = halves(&[len as u32, 2, 7, 0, flags, 0]);
        let data = vec![b'\n' + u.int_in_range(0..=40)?; len];
        let body = [words(&[self.handle(u)?, 0]), head, data].concat();
        Ok(Shape { code: opcode::WRITE, nodeid, size: 0, body })
    }

    /// An ioctl: one of ours, mostly.
    fn function(&self, u: &mut Unstructured<'_>, nodeid: u64) -> Result<Shape> {
        let argument = some(u, 300)?.to_vec();
        let sizes = [0, 4, 8, 16, 72, 96, 264, argument.len()];
        let argument = padded(argument, *u.choose(&sizes)?);
        let len = argument.len() as u32;
        let direction = u.int_in_range(0..=3_u32)?;
        let command = match u.ratio(1, 10)? {
            true => u.arbitrary()?,
            false => direction << 30 | len << 16 | 0xf200 | u.int_in_range(0..=11)?,
        };
        let size = if direction & 2 == 0 { 0 } else { len };
        let given = if direction & 1 == 0 { 0 } else { len };
        let head = halves(&[0, command, 0, 0, given, size]);
        let argument = &argument[..given as usize];
        let body = [&words(&[self.handle(u)?])[..], &head, argument].concat();
        Ok(Shape { code: opcode::IOCTL, nodeid, size, body })
    }

    fn listing(&self, u: &mut Unstructured<'_>) -> Result<Shape> {
        let shape = |code, size, body| Shape { code, nodeid: 1, size, body };
        let Some(handle) = self.listings.last().copied() else {
            return Ok(shape(OPENDIR, 0, words(&[0])));
        };
        let size = u.int_in_range(0..=100_000)?;
        let body = [words(&[handle, number(u)?]), halves(&[size, 0, 0, 0, 0, 0])].concat();
        Ok(match u.int_in_range(0..=5)? {
            0 => shape(RELEASEDIR, 0, words(&[handle, 0, 0])),
            1..4 => shape(opcode::READDIR, size, body),
            _ => shape(opcode::READDIRPLUS, size, body),
        })
    }
}

/// An operation that the kernel may send to any filesystem. Two of them begin and end a mount, two
/// have no answer, and of an interrupt the number has to be right.
fn arbitrary_operation(code: u32, nodeid: u64, body: Vec<u8>) -> Shape {
    let is_special = [opcode::INIT, opcode::DESTROY, opcode::INTERRUPT, NOTIFY_REPLY];
    let code = if is_special.contains(&code) { opcode::GETATTR } else { code };
    let size =
        body.get(16..20).map_or(0, |size| u32::from_ne_bytes(size.try_into().expect("4 bytes")));
    let size = match code {
        // The others have it elsewhere.
        opcode::GETXATTR | LISTXATTR => {
            body.get(..4).map_or(0, |size| u32::from_ne_bytes(size.try_into().expect("4 bytes")))
        }
        opcode::IOCTL => u32::MAX,
        _ => size,
    };
    Shape { code, nodeid, size, body }
}

fn set_attribute(u: &mut Unstructured<'_>, nodeid: u64) -> Result<Shape> {
    let values = ["shared", "message", "4096", "flush", "last-close", "drop-oldest", "-1", "9E"];
    let value = match u.ratio(1, 3)? {
        true => some(u, 100)?.to_vec(),
        false => u.choose(&values)?.as_bytes().to_vec(),
    };
    let body = [halves(&[value.len() as u32, 0]), attribute(u)?, value].concat();
    Ok(Shape { code: opcode::SETXATTR, nodeid, size: 0, body })
}

fn attribute(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if u.ratio(1, 10)? {
        return name(u);
    }
    let key = match u.int_in_range(0..=5)? {
        0 => "state",
        1 => "peek",
        _ => u.choose(&Settings::KEYS)?,
    };
    Ok(format!("user.pipefs.{key}\0").into_bytes())
}

/// A name with its end.
fn name(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let known = [&b"instance"[..], b"shared", b"broadcast", b"new", b"\xff\x1b[2J\n"];
    let name = match u.ratio(1, 8)? {
        true => some(u, 300)?,
        false => u.choose(&known)?,
    };
    Ok([name, b"\0"].concat())
}

/// At most so many arbitrary bytes.
fn some<'a>(u: &mut Unstructured<'a>, max_bytes: usize) -> Result<&'a [u8]> {
    let len = u.int_in_range(0..=max_bytes)?;
    u.bytes(len.min(u.len()))
}

fn open_flags(u: &mut Unstructured<'_>) -> Result<u32> {
    let access = u.int_in_range(0..=2)?;
    let flags = [libc::O_NONBLOCK, libc::O_TRUNC, libc::O_APPEND, 0x20];
    let mut all = access;
    for flag in flags {
        if u.ratio(1, 4)? {
            all |= flag as u32;
        }
    }
    Ok(all)
}

fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    match u.ratio(1, 4)? {
        true => u.arbitrary(),
        false => u.choose(&EDGES).copied(),
    }
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn halves(halves: &[u32]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_ne_bytes()).collect()
}

fn padded(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    bytes.resize(len, 0);
    bytes
}
