//! What the model keeps in a lane: for its readers lists of messages, and of each writer the line
//! that it has begun.

use pipefs::settings::Mode;

/// What a read takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Bytes across messages; empty ones are passed over.
    Bytes,
    /// At most one message.
    Message,
    /// The same, as the reply to a transaction.
    Reply,
    /// What follows a message in the same read(2) would be another one.
    Nothing,
}

/// What readers have before them.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// The reader's end that it is for; `None`: all readers take from it.
    pub(crate) reader: Option<usize>,
    /// What can be read, oldest first; of a byte pipe these are writes.
    pub(crate) messages: Vec<Vec<u8>>,
    /// How much ever left it, in the measure of [`weight`].
    gone: u64,
    pub(crate) read_bytes: u64,
    pub(crate) dropped_bytes: u64,
    pub(crate) dropped_count: u64,
}

/// What a message counts against capacity and memory: its bytes; an empty one counts as one.
pub(crate) fn weight(message: &[u8]) -> u64 {
    message.len().max(1) as u64
}

impl Store {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.messages.iter().map(|message| message.len() as u64).sum()
    }

    pub(crate) fn weight(&self) -> u64 {
        self.messages.iter().map(|message| weight(message)).sum()
    }

    /// Takes up to so many bytes.
    pub(crate) fn take(&mut self, max_bytes: usize, takes: Takes) -> Vec<u8> {
        let mut taken = Vec::new();
        match takes {
            Takes::Nothing => {}
            Takes::Message | Takes::Reply => taken = self.take_of_first(max_bytes),
            Takes::Bytes => {
                self.pass_over_empty();
                while !self.is_empty() && taken.len() < max_bytes {
                    taken.extend(self.take_of_first(max_bytes - taken.len()));
                    self.pass_over_empty();
                }
            }
        }
        taken
    }

    fn take_of_first(&mut self, max_bytes: usize) -> Vec<u8> {
        let Some(first) = self.messages.first_mut() else { return Vec::new() };
        let count = first.len().min(max_bytes);
        let was_empty = first.is_empty();
        let taken: Vec<u8> = first.drain(..count).collect();
        if first.is_empty() {
            self.messages.remove(0);
        }
        self.gone += if was_empty { 1 } else { count as u64 };
        taken
    }

    /// Empty messages that are next are nothing to a reader of bytes.
    pub(crate) fn pass_over_empty(&mut self) {
        while self.messages.first().is_some_and(Vec::is_empty) {
            self.take_of_first(0);
        }
    }

    pub(crate) fn take_all(&mut self) {
        self.gone += self.weight();
        self.messages.clear();
    }

    /// How much will have left it when all that is there now has.
    pub(crate) fn until(&self) -> u64 {
        self.gone + self.weight()
    }

    pub(crate) fn has_passed(&self, until: u64) -> bool {
        self.gone >= until
    }
}

pub(crate) struct Lane {
    /// One for all readers, or, of a broadcast pipe, one for each, in the order of their opens.
    pub(crate) stores: Vec<Store>,
    /// What each writer's end wrote after its last newline.
    begun: Vec<(usize, Vec<u8>)>,
    /// The reader left without having read all.
    pub(crate) is_lossy: bool,
}

impl Lane {
    pub(crate) fn new(mode: Mode) -> Self {
        let stores = match mode {
            Mode::Instance | Mode::Shared => vec![Store::default()],
            Mode::Broadcast => Vec::new(),
        };
        Self { stores, begun: Vec::new(), is_lossy: false }
    }

    /// A reader of a broadcast pipe comes; `mode` is the pipe's.
    pub(crate) fn add_reader(&mut self, end: usize, mode: Mode) {
        if mode == Mode::Broadcast {
            self.stores.push(Store { reader: Some(end), ..Store::default() });
            self.stores.sort_by_key(|store| store.reader);
        }
    }

    /// What was for one reader of a broadcast pipe alone.
    pub(crate) fn remove_reader(&mut self, end: usize) -> Option<Store> {
        let at = self.stores.iter().position(|store| store.reader == Some(end))?;
        Some(self.stores.remove(at))
    }

    /// Which of the stores a reader's end takes from.
    pub(crate) fn store_at(&self, end: usize) -> usize {
        let is_its = |store: &Store| store.reader.is_none_or(|reader| reader == end);
        self.stores.iter().position(is_its).expect("a reader has a store")
    }

    pub(crate) fn store(&self, end: usize) -> &Store {
        &self.stores[self.store_at(end)]
    }

    pub(crate) fn store_mut(&mut self, end: usize) -> &mut Store {
        let at = self.store_at(end);
        &mut self.stores[at]
    }

    /// Nobody has anything to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.stores.iter().all(Store::is_empty)
    }

    /// Who comes now finds something to read.
    pub(crate) fn has_for_newcomer(&self) -> bool {
        self.stores.iter().any(|store| store.reader.is_none() && !store.is_empty())
    }

    fn begun_bytes(&self) -> u64 {
        self.begun.iter().map(|(_, line)| line.len() as u64).sum()
    }

    /// What was accepted and is there still.
    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.stores.iter().map(Store::bytes).sum::<u64>() + self.begun_bytes()
    }

    /// What that counts against the memory.
    pub(crate) fn weight(&self) -> u64 {
        self.stores.iter().map(Store::weight).sum::<u64>() + self.begun_bytes()
    }

    /// Throws everything away.
    pub(crate) fn clear(&mut self) {
        self.begun.clear();
        for store in &mut self.stores {
            store.take_all();
        }
    }

    pub(crate) fn begun_line(&self, end: usize) -> Vec<u8> {
        let of_end = self.begun.iter().filter(|(other, _)| *other == end);
        of_end.flat_map(|(_, line)| line.clone()).collect()
    }

    pub(crate) fn set_begun_line(&mut self, end: usize, line: Vec<u8>) {
        self.begun.retain(|(other, _)| *other != end);
        if !line.is_empty() {
            self.begun.push((end, line));
        }
    }
}
