//! READ, WRITE, POLL, RELEASE and INTERRUPT, and the delivery of what the engine decided.

use std::io::{self, IoSlice};

use log::{debug, warn};
use pipefs::{Answer, Blocking, Data, Effects, Error, Now, PollKey, Progress, Ticket};
use smallvec::SmallVec;

use super::buffers::{Buffer, Buffers};
use super::names::Body;
use super::order::Order;
use super::poll;
use super::wire::{
    self, FlushIn, InHeader, OUT_HEADER_BYTES, PollIn, ReadIn, WRITE_HEADER_BYTES, WriteIn, opcode,
};
use crate::fuse::counters::Counters;
use crate::fuse::device::{stay_on_nth_cpu, thread_id};
use crate::fuse::driver::Driver;
use crate::fuse::errno::errno;
use crate::fuse::handle::Handle;
use crate::fuse::route::{Plane, is_whole, plane_of};
use crate::survive::survive;

/// How many requests a thread serves before it looks again which descriptor to read.
const LOOK_EVERY: u32 = 64;

/// One request as it was read: the first 80 bytes, and a buffer with the rest.
pub(crate) struct Request {
    /// By which way it came.
    way: usize,
    pub(super) header: [u8; WRITE_HEADER_BYTES],
    /// Room for the largest payload; another one when the queue keeps it.
    pub(super) payload: Buffer,
}

impl Request {
    /// To come by this way.
    pub(super) fn new(way: usize, buffers: &Buffers) -> Self {
        Self { way, header: [0; WRITE_HEADER_BYTES], payload: buffers.take() }
    }

    fn ticket(&self, header: InHeader) -> Ticket {
        Ticket(header.unique).tagged(self.way as u8)
    }
}

impl Driver {
    /// Reads and serves requests until the mount is gone, as thread number `me`.
    ///
    /// # Errors
    /// What /dev/fuse fails with, other than that the mount is gone.
    pub(crate) fn serve_device(&self, me: usize) -> io::Result<()> {
        if self.transports.device_count() > 1 {
            stay_on_nth_cpu(me);
        }
        Counters::join(me);
        self.order.join(me, thread_id());
        let mut request = Request::new(me, &self.buffers);
        let mut effects = Effects::default();
        let mut until_look = 0;
        loop {
            if until_look == 0 {
                request.way = self.transports.way_for(me, self.engine.waiting_count());
                until_look = LOOK_EVERY;
            }
            until_look -= 1;
            request.payload.bytes.clear();
            self.order.reads(me);
            let device = self.transports.device(request.way);
            let Request { header, payload, .. } = &mut request;
            let len = match device.receive(self.order.head(me), header, &mut payload.bytes) {
                // A socket that took the place of /dev/fuse (in tests) is closed.
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(()),
                Err(error) => return Err(error),
            };
            self.serve_message(me, len, &mut request, &mut effects);
        }
    }

    /// Serves what thread `me` has got: a message of `len` bytes.
    pub(super) fn serve_message(
        &self,
        me: usize,
        len: usize,
        request: &mut Request,
        effects: &mut Effects,
    ) {
        let message = &request.header[..len.min(WRITE_HEADER_BYTES)];
        match InHeader::decode(message).filter(|header| header.len as usize == len) {
            Some(header) => {
                let served = survive("a request of the data plane", || {
                    self.serve(me, header, len, request, effects);
                });
                if served.is_none() {
                    self.answer_panicked(header, request, effects);
                }
            }
            None => {
                self.counters.malformed();
                warn!("a message of {len} bytes from the kernel is not a request");
            }
        }
    }

    fn serve(
        &self,
        me: usize,
        header: InHeader,
        len: usize,
        request: &mut Request,
        effects: &mut Effects,
    ) {
        self.counters.request(header.opcode);
        let ticket = request.ticket(header);
        let message = &mut request.header[..len.min(WRITE_HEADER_BYTES)];
        let turn = Turn::begin(&self.order, me, header);
        let known = match (plane_of(header.opcode), header.opcode) {
            (Plane::Control, opcode::GETXATTR) if wire::asks_for_capability(message) => {
                drop(turn);
                self.reply_error(ticket, libc::ENODATA);
                Some(())
            }
            (Plane::Control, opcode) if !is_whole(opcode, message, &request.payload.bytes) => None,
            (Plane::Control, opcode) => {
                if matches!(opcode, opcode::READDIR | opcode::READDIRPLUS) {
                    wire::clamp_readdir(message, super::super::route::MAX_READDIR_BYTES);
                }
                wire::set_unique(message, ticket.0);
                self.forward(
                    ticket,
                    &[IoSlice::new(message), IoSlice::new(&request.payload.bytes)],
                );
                Some(())
            }
            (Plane::Data, opcode::READ) => {
                drop(turn);
                ReadIn::decode(message).map(|read| self.read(me, ticket, read, effects))
            }
            (Plane::Data, opcode::WRITE) => {
                drop(turn);
                WriteIn::decode(message)
                    .filter(|write| write.size as usize == request.payload.bytes.len())
                    .map(|write| self.write(ticket, write, &mut request.payload, effects))
            }
            (Plane::Data, opcode::POLL) => {
                drop(turn);
                PollIn::decode(message).map(|poll| self.poll(ticket, poll, effects))
            }
            (Plane::Data, opcode::FLUSH) => {
                FlushIn::decode(message).map(|flush| self.flush(ticket, header.pid, flush, effects))
            }
            (Plane::Data, opcode::RELEASE) => wire::released_handle(message)
                .map(|handle| self.release(ticket, header.nodeid, handle, turn, effects)),
            (Plane::Data, opcode::INTERRUPT) => wire::interrupted_unique(message).map(|unique| {
                self.engine.cancel(Ticket(unique), effects);
                self.deliver(effects);
            }),
            (Plane::Data, _) => {
                drop(turn);
                self.serve_name(ticket, header, &body(message, &request.payload.bytes), effects)
            }
        };
        if known.is_none() {
            self.counters.malformed();
            warn!("request {} with operation code {} is malformed", ticket.id(), header.opcode);
            self.reply_error(ticket, libc::EINVAL);
        }
    }

    /// What was decided about others stands. An answer that the request has got already counts:
    /// the kernel does not take a second one.
    fn answer_panicked(&self, header: InHeader, request: &mut Request, effects: &mut Effects) {
        let ticket = request.ticket(header);
        request.payload = self.buffers.take();
        drop(self.take_waiting(ticket));
        self.reply_error(ticket, libc::EIO);
        self.deliver(effects);
    }

    /// Data that is there goes out at once: what was queued before this request cannot take it
    /// away. Only a read that finds none waits for its turn. That may bring some, too: another
    /// thread may have a write in hand.
    fn read(&self, me: usize, ticket: Ticket, read: ReadIn, effects: &mut Effects) {
        if !read.is_direct {
            // The page cache (mmap, splice) must never see data: it would keep it.
            return self.reply_error(ticket, libc::EINVAL);
        }
        #[cfg(debug_assertions)]
        self.panic_at_read();
        let blocking = match read.offset {
            0 => blocking(read.flags),
            _ => Blocking::Continuation,
        };
        let end = Handle::numbered(read.fh).end;
        let size = read.size as usize;
        let now = Now::read();
        let mut progress = Err(Error::WouldBlock);
        if blocking == Blocking::Yes {
            progress = self.engine.read(end, size, Blocking::No, ticket, now, effects);
        }
        if matches!(progress, Err(Error::WouldBlock)) {
            self.order.wait_for_all(me, ticket.id());
            progress = self.engine.read(end, size, blocking, ticket, now, effects);
        }
        // Writers that may go on are answered first: their next request overlaps the long copy.
        self.deliver(effects);
        match progress {
            Ok(Progress::Done(data)) => {
                self.reply_data(ticket, data);
                self.watch_memory();
            }
            Ok(Progress::Waiting) => {}
            Err(error) => self.reply_error(ticket, errno(error)),
        }
    }

    fn write(&self, ticket: Ticket, write: WriteIn, payload: &mut Buffer, effects: &mut Effects) {
        self.write_came(write.nodeid);
        let data = self.buffers.lend(payload, self.engine.memory().used_bytes);
        let end = Handle::numbered(write.fh).end;
        let blocking = blocking(write.flags);
        write.owner.into_iter().for_each(|owner| self.closing.note_write(end, owner));
        let ours = data.clone();
        match self.engine.write(end, data, blocking, ticket, Now::read(), effects) {
            Ok(Progress::Done(written)) => self.reply_written(ticket, written),
            Ok(Progress::Waiting) => {}
            Err(error) => self.reply_error(ticket, errno(error)),
        }
        self.deliver(effects);
        self.buffers.settle(payload, ours);
        self.watch_memory();
    }

    fn poll(&self, ticket: Ticket, poll: PollIn, effects: &mut Effects) {
        let end = Handle::numbered(poll.fh).end;
        match self.engine.poll(end, poll.notify.map(PollKey), effects) {
            Ok(ready) => self.reply_number(ticket, poll::events(ready)),
            Err(error) => self.reply_error(ticket, errno(error)),
        }
        self.deliver(effects);
    }

    /// close(2) does not wait for this: it is handled before anything that was queued after it,
    /// so that the process which closed finds the end closed.
    fn release(
        &self,
        ticket: Ticket,
        nodeid: u64,
        handle: u64,
        turn: Turn<'_>,
        effects: &mut Effects,
    ) {
        let end = Handle::numbered(handle).end;
        let closed = self.engine.close(end, Now::read(), effects);
        self.closing.forget(end);
        self.doors.lock().leave(nodeid);
        drop(turn);
        self.deliver(effects);
        self.reply_error(ticket, closed.map_or_else(errno, |()| 0));
        self.watch_memory();
    }

    /// Tells everybody what the engine has decided about them, and empties `effects`.
    pub(crate) fn deliver(&self, effects: &mut Effects) {
        if effects.is_empty() {
            return;
        }
        for (ticket, answer) in effects.answers.drain(..) {
            match answer {
                Answer::Read(data) => self.reply_data(ticket, data),
                Answer::Written(written) => self.reply_written(ticket, written),
                answer => self.answer_control(ticket, answer),
            }
        }
        for key in effects.wakes.drain(..) {
            self.notify(&wire::notify_poll(key.0));
        }
        if std::mem::take(&mut effects.deadline_added) {
            self.housekeeper.look_again();
        }
        self.housekeeper.tell_gone(&mut effects.names_gone);
    }

    /// Answers what waited in the control plane; what that does not know is a read, a write or a
    /// close.
    fn answer_control(&self, ticket: Ticket, answer: Answer) {
        match (self.take_waiting(ticket), answer) {
            (Some(waiting), answer) => waiting.answer(self, ticket, answer),
            (None, Answer::Failed(error)) => self.reply_error(ticket, errno(error)),
            (None, Answer::Flushed) => self.reply_error(ticket, 0),
            (None, answer) => unreachable!("{ticket:?} waits for no {answer:?}"),
        }
    }

    fn reply_data(&self, ticket: Ticket, data: Data) {
        self.counters.read(data.byte_len());
        let header = wire::out_header(ticket.id(), 0, data.byte_len());
        let mut parts: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
        parts.push(IoSlice::new(&header));
        parts.extend(data.iter().map(|slice| IoSlice::new(slice)));
        self.send(ticket, &parts);
        drop(parts);
        data.into_slices().for_each(|slice| self.buffers.give_back(slice));
    }

    pub(super) fn reply(&self, ticket: Ticket, body: &[u8]) {
        let header = wire::out_header(ticket.id(), 0, body.len());
        self.send(ticket, &[IoSlice::new(&header), IoSlice::new(body)]);
    }

    fn reply_written(&self, ticket: Ticket, written: u32) {
        self.counters.written(written);
        self.reply_number(ticket, written);
    }

    fn reply_number(&self, ticket: Ticket, number: u32) {
        self.send(ticket, &[IoSlice::new(&wire::number_reply(ticket.id(), number))]);
    }

    pub(crate) fn reply_error(&self, ticket: Ticket, errno: i32) {
        self.counters.error(errno);
        self.send(ticket, &[IoSlice::new(&wire::out_header(ticket.id(), -errno, 0))]);
    }

    /// Replies by the way that the request came. A failure means that nobody needs it any more (the
    /// request was aborted); data in it had a reader, who has gone with it.
    pub(crate) fn send(&self, ticket: Ticket, parts: &[IoSlice<'_>]) {
        if let Err(error) = self.transports.answer(ticket, parts) {
            debug!("the kernel does not take a reply of {} bytes: {error}", total(parts));
        }
    }

    /// Tells the kernel something that it did not ask for.
    pub(crate) fn notify(&self, message: &[u8]) {
        if let Err(error) = self.transports.device(0).send(&[IoSlice::new(message)]) {
            debug!("the kernel does not take a notification: {error}");
        }
    }
}

/// A request's place in the order, until others need not wait for it any more.
struct Turn<'a> {
    order: &'a Order,
    me: usize,
    /// `None`: it has no place in the order.
    number: Option<u64>,
}

impl<'a> Turn<'a> {
    /// Waits until what was queued before has been seen to, if that matters to this one.
    fn begin(order: &'a Order, me: usize, header: InHeader) -> Self {
        let number = (header.opcode != opcode::INTERRUPT).then_some(header.unique);
        match number {
            Some(number) => order.has(me, number),
            None => order.has_nothing(me),
        }
        if let Some(number) = number.filter(|_| !may_come_first(header.opcode)) {
            order.wait_for_turn(me, number);
        }
        Self { order, me, number }
    }
}

/// Whether a request need not wait until what was queued before it has been seen to. FORGET must
/// not: it gets its number only when it is read, before requests with lower ones. READ waits if it
/// has to, see [`Driver::read`].
fn may_come_first(opcode: u32) -> bool {
    matches!(opcode, opcode::FORGET | opcode::BATCH_FORGET | opcode::READ)
}

/// Whether others need not wait for such a request, even while its data comes.
pub(crate) fn closes_nothing(opcode: u32) -> bool {
    matches!(opcode, opcode::READ | opcode::WRITE)
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.order.is_done(self.me, number);
        }
    }
}

/// What follows a request's header, in one piece.
fn body(message: &[u8], payload: &[u8]) -> Body {
    let mut body = Body::from_slice(message.get(wire::IN_HEADER_BYTES..).unwrap_or_default());
    body.extend_from_slice(payload);
    body
}

fn total(parts: &[IoSlice<'_>]) -> usize {
    parts.iter().map(|part| part.len()).sum::<usize>().max(OUT_HEADER_BYTES)
}

fn blocking(flags: u32) -> Blocking {
    if flags & libc::O_NONBLOCK as u32 == 0 { Blocking::Yes } else { Blocking::No }
}
