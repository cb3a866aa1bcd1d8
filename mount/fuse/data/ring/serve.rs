//! The thread that owns a ring: serves what comes there, and hands back what others have answered.

use std::io::{self, IoSlice};
use std::mem::ManuallyDrop;
use std::time::Instant;

use log::debug;
use pipefs::{Effects, Ticket};

use super::lost::{Waiting, Watch, was_interrupted};
use super::owner::Owner;
use crate::fuse::counters::Counters;
use crate::fuse::data::serve::Request;
use crate::fuse::data::wire::InHeader;
use crate::fuse::device::{stay_on_cpu, thread_id};
use crate::fuse::driver::Driver;

/// How many requests that wait are looked at before it is asked again what has come.
const LOOKS_AT_ONCE: usize = 32;

impl Driver {
    /// Serves requests of one CPU until the mount is gone, as thread number `me`.
    ///
    /// # Errors
    /// The ring fails.
    pub(crate) fn serve_ring(&self, me: usize, owner: Owner) -> io::Result<()> {
        // The ring is closed by nothing but the process's end: what is on its way to one that is
        // not looked at any more would be so for ever, and with it whoever unmounts.
        let mut owner = ManuallyDrop::new(owner);
        stay_on_cpu(owner.queue());
        Counters::join(me);
        self.order.join(me, thread_id());
        let mut request = Request::new(me, &self.buffers);
        let mut effects = Effects::default();
        let mut watch = Watch::default();
        owner.begin(self.transports.device(0).number())?;
        while owner.goes_on() {
            owner.hand_back()?;
            self.order.reads(me);
            owner.wait(watch.next(Instant::now()))?;
            self.order.has_nothing(me);
            owner.collect();
            owner.keep_enough()?;
            // The kernel takes the first that is a pipe.
            let device = self.transports.device(0);
            let _ = owner.pushes().iter().any(|push| device.send(&[IoSlice::new(push)]).is_ok());
            while let Some((len, entry)) = owner.take(&mut request)? {
                let header = InHeader::decode(&request.header);
                self.serve_message(me, len, &mut request, &mut effects);
                owner.hand_back()?;
                if owner.has_more() {
                    owner.submit()?;
                }
                if let Some(InHeader { unique, pid: thread, .. }) = header
                    && owner.ring.holds(unique)
                {
                    watch.add(Instant::now(), Waiting { unique, thread, entry });
                }
            }
            self.look_for_lost_interrupts(me, &mut owner, &mut watch, &mut effects);
        }
        debug!("queue {} has ended", owner.queue());
        Ok(())
    }

    fn look_for_lost_interrupts(
        &self,
        me: usize,
        owner: &mut Owner,
        watch: &mut Watch,
        effects: &mut Effects,
    ) {
        let now = Instant::now();
        for _ in 0..LOOKS_AT_ONCE {
            let mut is_lost = false;
            let looked = watch.look(now, |waiting, is_first| {
                // Who has waited for a while has no use for memory that its entry was used with.
                let waits = match is_first {
                    true => owner.cool_if_waiting(waiting.unique, waiting.entry),
                    false => owner.ring.holds(waiting.unique),
                };
                is_lost = waits && waiting.thread != 0 && was_interrupted(waiting.thread);
                waits && !is_lost
            });
            let Some(Waiting { unique, .. }) = looked else { return };
            if is_lost {
                debug!("request {unique} was interrupted, and the kernel has not said so");
                self.engine.cancel(Ticket(unique).tagged(me as u8), effects);
                self.deliver(effects);
            }
        }
    }
}
