//! What can be seen of pipes and of the mount without touching them.

use crate::Settings;
use crate::end::{Link, Who};
use crate::engine::Engine;
use crate::handle::PipeHandle;
use crate::lane::Lane;
use crate::outlet::Outlet;
use crate::pipe::Pipe;
use crate::state::State;
use crate::traffic::Traffic;

/// A pipe's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeState {
    /// Its settings.
    pub settings: Settings,
    /// Each instance's state and buffered bytes, oldest first.
    pub instances: Vec<(State, u64)>,
    /// The processes that hold ends.
    pub holders: Vec<Who>,
    /// Clients that wait for an instance.
    pub waiting_clients: usize,
    /// What went through it.
    pub traffic: Traffic,
    /// Successful opens so far.
    pub opens: u64,
}

/// As much of a pipe's state as is wanted, of however many instances and ends it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Its settings.
    pub settings: Settings,
    /// Its oldest instances, oldest first.
    pub instances: Vec<InstanceReport>,
    /// How many instances there are besides.
    pub instances_not_listed: usize,
    /// What all instances hold.
    pub buffered_bytes: u64,
    /// Clients that wait for an instance.
    pub waiting_clients: usize,
    /// What went through it.
    pub traffic: Traffic,
    /// Successful opens so far.
    pub opens: u64,
}

/// One instance at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceReport {
    /// Where it stands.
    pub state: State,
    /// Buffered bytes, both directions.
    pub buffered_bytes: u64,
    /// Buffered messages, both directions; 0 of a byte pipe.
    pub buffered_messages: usize,
    /// Who holds it.
    pub ends: Vec<EndReport>,
    /// How many ends there are besides.
    pub ends_not_listed: usize,
}

/// One end of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndReport {
    /// What it is.
    pub role: EndRole,
    /// The process that opened it.
    pub who: Who,
    /// What waits for a reader of a broadcast pipe alone; `None` of any other end.
    pub own: Option<OwnReport>,
}

/// What one reader of a broadcast pipe has before it, and what it missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnReport {
    /// Bytes that it has not read yet.
    pub buffered_bytes: u64,
    /// Messages that it has not read yet; 0 of a byte pipe.
    pub buffered_messages: usize,
    /// Bytes that `overflow` dropped for it.
    pub dropped_bytes: u64,
    /// How many messages or writes those were.
    pub dropped_count: u64,
}

/// What an end is to its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndRole {
    /// It created the instance.
    Server,
    /// It connected to it.
    Client,
    /// One of the many of a shared pipe.
    Member,
}

/// The memory limit and how much of it is used, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// All queues together may hold this much before writers wait.
    pub limit_bytes: u64,
    /// They hold this much.
    pub used_bytes: u64,
}

/// What there is on the whole mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Names of pipes.
    pub pipes: usize,
    /// Directories, the root too.
    pub directories: usize,
    /// Open ends.
    pub ends: usize,
    /// Names, those of directories included, and how many there may be.
    pub names: usize,
    /// The limit of `names`.
    pub max_names: usize,
    /// Instances of all pipes, those included whose server has closed.
    pub instances: u64,
    /// The limit of `instances`.
    pub max_instances: u64,
    /// What the writers of one user may hold; `None`: all of the memory.
    pub user_memory_bytes: Option<u64>,
    /// Operations that wait.
    pub waiting: usize,
    /// How many ever had to.
    pub waited: u64,
    /// Bytes that `overflow` has dropped.
    pub dropped_bytes: u64,
    /// How many messages or writes those were.
    pub dropped_count: u64,
    /// The memory limit and its use.
    pub memory: MemoryUse,
}

impl Engine {
    /// A pipe's state at this moment.
    #[must_use]
    pub fn pipe_state(&self, handle: &PipeHandle) -> PipeState {
        let pipe = handle.lock();
        PipeState {
            settings: pipe.settings,
            instances: pipe.instance_states(),
            holders: pipe.holders(),
            waiting_clients: pipe.waiting.len(),
            traffic: pipe.traffic(),
            opens: pipe.opens(),
        }
    }

    /// A pipe's state at this moment, with so many of its instances at most, and of their ends.
    /// Whoever looks holds up who uses the pipe, so what is not listed is hardly looked at.
    #[must_use]
    pub fn overview(
        &self,
        handle: &PipeHandle,
        most_instances: usize,
        most_ends: usize,
    ) -> Overview {
        let pipe = handle.lock();
        Overview {
            settings: pipe.settings,
            instances: pipe.report_instances(most_instances, most_ends),
            instances_not_listed: pipe.instances.iter().count().saturating_sub(most_instances),
            buffered_bytes: pipe.instances.iter().map(|i| i.buffered_bytes()).sum(),
            waiting_clients: pipe.waiting.len(),
            traffic: pipe.traffic(),
            opens: pipe.opens(),
        }
    }

    /// Up to `max_bytes` of what the next reader would get, which stay where they are: of the
    /// instance that the next client would get, else of the oldest that holds something for its
    /// client.
    #[must_use]
    pub fn peek(&self, handle: &PipeHandle, max_bytes: usize) -> Vec<u8> {
        handle.lock().peek(max_bytes)
    }

    /// The memory limit and its use.
    #[must_use]
    pub fn memory(&self) -> MemoryUse {
        MemoryUse { limit_bytes: self.quota.limit_bytes(), used_bytes: self.quota.used_bytes() }
    }

    /// How many names there are, those of directories included, and how many there may be.
    #[must_use]
    pub fn names_used(&self) -> (usize, usize) {
        self.names().names()
    }

    /// Users whose writers hold memory, and how many bytes, those with most first. Empty where
    /// users have no limit of their own.
    #[must_use]
    pub fn users(&self) -> Vec<(u32, u64)> {
        self.users.as_ref().map_or_else(Vec::new, |users| users.lock().holding())
    }

    /// How many users the engine remembers, those included who are gone.
    #[doc(hidden)]
    #[must_use]
    pub fn known_users(&self) -> usize {
        self.users.as_ref().map_or(0, |users| users.lock().known_count())
    }

    /// What there is on the whole mount.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let ((pipes, directories), (names, max_names)) = {
            let tree = self.names();
            (tree.count(), tree.names())
        };
        let (dropped_bytes, dropped_count) = self.quota.dropped();
        let (waiting, waited) = {
            let register = self.register.lock();
            (register.len(), register.parked_so_far())
        };
        Summary {
            pipes,
            directories,
            ends: self.end_count(),
            names,
            max_names,
            instances: self.quota.instances(),
            max_instances: self.bounds.max_instances,
            user_memory_bytes: self.bounds.user_memory_bytes,
            waiting,
            waited,
            dropped_bytes,
            dropped_count,
            memory: self.memory(),
        }
    }
}

impl Pipe {
    /// What went through all instances, those that are gone too.
    pub(crate) fn traffic(&self) -> Traffic {
        self.instances.iter().fold(self.past_traffic, |sum, i| sum + i.traffic())
    }

    /// Successful opens so far.
    pub(crate) fn opens(&self) -> u64 {
        self.opens
    }

    /// The states of all instances, oldest first, and each one's buffered bytes.
    pub(crate) fn instance_states(&self) -> Vec<(State, u64)> {
        self.instances.iter().map(|i| (i.state, i.buffered_bytes())).collect()
    }

    /// The processes that hold ends, in no order.
    pub(crate) fn holders(&self) -> Vec<Who> {
        self.ends.values().map(|end| end.who).collect()
    }

    fn report_instances(&self, most: usize, mut most_ends: usize) -> Vec<InstanceReport> {
        let mut reports: Vec<_> =
            self.instances.iter().take(most).map(|i| (i.id, i.report())).collect();
        for (id, end) in &self.ends {
            let Link::Connected(connection) = &end.link else { continue };
            let known = reports.binary_search_by_key(&connection.instance, |(id, _)| *id);
            let Ok(at) = known else { continue };
            let report = &mut reports[at].1;
            if most_ends == 0 {
                report.ends_not_listed += 1;
                continue;
            }
            most_ends -= 1;
            let instance = &self.instances[connection.instance];
            let own = connection.reads.and_then(|side| instance.lane(side.lane).outlets.own(*id));
            let own = own.map(Outlet::report);
            report.ends.push(EndReport { role: connection.role.into(), who: end.who, own });
        }
        reports.into_iter().map(|(_, report)| report).collect()
    }

    fn peek(&self, max_bytes: usize) -> Vec<u8> {
        let next = self.listening.front().and_then(|id| self.instances.get(*id));
        let has_data = |lane: &Lane| !lane.is_empty();
        let kept = || self.instances.iter().find(|i| i.outward().is_some_and(has_data));
        let outward = next.or_else(kept).and_then(|instance| instance.outward());
        let outlet = outward.and_then(|lane| lane.outlets.one());
        outlet.map_or_else(Vec::new, |outlet| outlet.peek(max_bytes, self.settings))
    }
}
