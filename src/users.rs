//! The memory limit of each user: how many bytes one user's writers hold in all pipes together.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::sync::{Arc, AtomicU64, Ordering};

/// So many users are known before those that are gone are looked for; a table of this size is a few
/// kilobytes.
const FORGET_FROM: usize = 64;

/// Most stretches that a queue tells apart, for free and for each so many bytes that it holds: what
/// is kept about bytes has to stay in proportion to them. Beyond that, what a user writes is noted
/// where the same user's latest stretch is.
const MIN_SHARES: usize = 16;
const BYTES_PER_SHARE: u64 = 64;

/// Whom buffered bytes are counted for; `None` on a mount that has no limit for users.
pub(crate) type Owner = Option<Arc<User>>;

/// One user's account.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    limit_bytes: u64,
    used_bytes: AtomicU64,
}

impl User {
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::SeqCst)
    }

    /// Whether one more write of this user's may be buffered now.
    pub(crate) fn has_room(&self) -> bool {
        self.used_bytes() < self.limit_bytes
    }

    /// How many bytes have to be released before there is room.
    pub(crate) fn lacking_bytes(&self) -> u64 {
        (self.used_bytes() + 1).saturating_sub(self.limit_bytes)
    }

    pub(crate) fn reserve(&self, bytes: u64) {
        self.used_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Tells whether the user has room now and had none before.
    pub(crate) fn release(&self, bytes: u64) -> bool {
        let before = self.used_bytes.fetch_sub(bytes, Ordering::SeqCst);
        assert!(before >= bytes, "released {bytes} of {before} bytes of user {}", self.uid);
        before >= self.limit_bytes && before - bytes < self.limit_bytes
    }
}

/// The users who have something open or buffered, and some who had.
#[derive(Debug)]
pub(crate) struct Users {
    limit_bytes: u64,
    known: FxHashMap<u32, Arc<User>>,
    /// With so many the next new one is the occasion to forget those that are gone.
    forget_at: usize,
}

impl Users {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, known: FxHashMap::default(), forget_at: FORGET_FROM }
    }

    pub(crate) fn get(&mut self, uid: u32) -> Arc<User> {
        if self.known.len() >= self.forget_at && !self.known.contains_key(&uid) {
            // Nobody else has an account that only this table holds, and nobody can get it now.
            self.known.retain(|_, user| Arc::strong_count(user) > 1);
            self.known.shrink_to_fit();
            self.forget_at = (2 * self.known.len()).max(FORGET_FROM);
        }
        let new = || User { uid, limit_bytes: self.limit_bytes, used_bytes: AtomicU64::new(0) };
        Arc::clone(self.known.entry(uid).or_insert_with(|| Arc::new(new())))
    }

    /// The users who hold something, and how many bytes, those with most first.
    pub(crate) fn holding(&self) -> Vec<(u32, u64)> {
        let all = self.known.values().map(|user| (user.uid, user.used_bytes()));
        let mut holding: Vec<_> = all.filter(|(_, bytes)| *bytes > 0).collect();
        holding.sort_unstable_by_key(|(uid, bytes)| (std::cmp::Reverse(*bytes), *uid));
        holding
    }

    /// How many users are known, those included who are gone.
    pub(crate) fn known_count(&self) -> usize {
        self.known.len()
    }
}

/// Whose the bytes of a queue are: stretches in order, of which neighbours are of different users.
/// On a mount that has no limit for users there are none, and no room is kept for them.
#[derive(Debug, Default)]
pub(crate) struct Shares(Option<Box<Stretches>>);

#[derive(Debug, Default)]
struct Stretches {
    list: VecDeque<Share>,
}

#[derive(Debug)]
struct Share {
    user: Arc<User>,
    bytes: u64,
}

impl Shares {
    /// So many bytes come behind the others; the queue holds `held_bytes` with them.
    pub(crate) fn add(&mut self, owner: &Owner, bytes: u64, held_bytes: u64) {
        let Some(user) = owner else { return };
        let list = &mut self.0.get_or_insert_default().list;
        let is_theirs = |share: &Share| Arc::ptr_eq(&share.user, user);
        let most = MIN_SHARES + usize::try_from(held_bytes / BYTES_PER_SHARE).unwrap_or(0);
        let known = match list.back().is_some_and(is_theirs) {
            true => list.back_mut(),
            false if list.len() < most => None,
            false => list.iter_mut().rev().find(|share| is_theirs(share)),
        };
        match known {
            Some(share) => share.bytes += bytes,
            None => {
                if list.capacity() == 0 {
                    // Mostly all is one user's: no room is kept for more.
                    list.reserve_exact(1);
                }
                list.push_back(Share { user: Arc::clone(user), bytes });
            }
        }
    }

    /// So many bytes leave from the front: `release` is told whose they were.
    pub(crate) fn take(&mut self, mut bytes: u64, mut release: impl FnMut(&Arc<User>, u64)) {
        let Some(Stretches { list }) = self.0.as_deref_mut() else { return };
        while let Some(first) = list.front_mut().filter(|_| bytes > 0) {
            let part = first.bytes.min(bytes);
            release(&first.user, part);
            first.bytes -= part;
            bytes -= part;
            if first.bytes == 0 {
                list.pop_front();
            }
        }
    }

    /// Tells of each stretch whose it is.
    pub(crate) fn each(&self, mut tell: impl FnMut(&Arc<User>, u64)) {
        let shares = self.0.iter().flat_map(|stretches| &stretches.list);
        shares.for_each(|share| tell(&share.user, share.bytes));
    }

    /// Everything leaves.
    pub(crate) fn clear(&mut self, release: impl FnMut(&Arc<User>, u64)) {
        self.take(u64::MAX, release);
        *self = Self::default();
    }
}

// Shuttle's atomics work only in its schedules.
#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    /// A table of users with ten bytes each, and the first of them.
    fn users() -> (Users, [Owner; 3]) {
        let mut users = Users::new(10);
        let owners = [1, 2, 3].map(|uid| Some(users.get(uid)));
        (users, owners)
    }

    fn taken(shares: &mut Shares, bytes: u64) -> Vec<(u32, u64)> {
        let mut taken = Vec::new();
        shares.take(bytes, |user, bytes| taken.push((user.uid, bytes)));
        taken
    }

    #[test]
    fn bytes_leave_as_those_of_who_wrote_them() {
        let (_, [one, two, _]) = users();
        let mut shares = Shares::default();
        shares.add(&None, 5, 5);
        for (owner, bytes) in [(&one, 3), (&one, 4), (&two, 5), (&one, 1)] {
            shares.add(owner, bytes, 13);
        }
        assert_eq!(taken(&mut shares, 2), [(1, 2)]);
        assert_eq!(taken(&mut shares, 6), [(1, 5), (2, 1)]);
        assert_eq!(taken(&mut shares, 99), [(2, 4), (1, 1)]);
        assert_eq!(taken(&mut shares, 1), []);
    }

    /// Two users who write a byte each in turn.
    #[test]
    fn stretches_are_bounded_and_nobodys_bytes_become_anothers() {
        let (_, [one, two, three]) = users();
        let mut shares = Shares::default();
        let held = 100 * BYTES_PER_SHARE;
        for written in (2..=held).step_by(2) {
            shares.add(&one, 1, written);
            shares.add(&two, 1, written);
            let stretches = shares.0.as_ref().map_or(0, |stretches| stretches.list.len());
            assert!(stretches <= MIN_SHARES + 100 + 2);
        }
        shares.add(&three, 1, held + 1);
        let mut sums = [0; 4];
        shares.clear(|user, bytes| sums[user.uid as usize] += bytes);
        assert_eq!(sums, [0, held / 2, held / 2, 1]);
        assert!(shares.0.is_none());
    }

    #[test]
    fn room_is_told_of_once() {
        let (_, [one, ..]) = users();
        let one = one.unwrap();
        one.reserve(12);
        assert_eq!((one.has_room(), one.lacking_bytes()), (false, 3));
        assert_eq!([2, 1, 1].map(|bytes| one.release(bytes)), [false, true, false]);
        assert_eq!((one.has_room(), one.lacking_bytes(), one.used_bytes()), (true, 0, 8));
    }

    #[test]
    fn users_who_are_gone_are_forgotten() {
        let (mut users, [one, two, three]) = users();
        one.as_ref().unwrap().reserve(4);
        two.as_ref().unwrap().reserve(5);
        drop(three);
        for uid in 100..100_000 {
            users.get(uid);
            assert!(users.known_count() <= FORGET_FROM);
        }
        assert_eq!(users.holding(), [(2, 5), (1, 4)]);
        let many: Vec<_> = (0..1000).map(|uid| users.get(uid)).collect();
        assert!(users.known_count() >= 1000);
        drop(many);
        (100_000..110_000).for_each(|uid| drop(users.get(uid)));
        assert!(users.known_count() <= 2 * 1000 + FORGET_FROM);
        assert!(Arc::ptr_eq(&users.get(1), &one.unwrap()));
    }
}
