//! Real mounts: the driver is started, files are opened, and what the kernel makes of it is seen.
//!
//! | module | what it shows |
//! |---|---|
//! | [`roles`] | start here: who is server and who is client |
//! | [`creating`] | how pipes come to be, how many instances, and clients that wait |
//! | [`shared`] | shared mode beside a FIFO of the kernel's |
//! | [`broadcast`] | broadcast mode, passage by passage |
//! | [`broadcast_waiting`] | poll, epoll, interrupts and kills at a broadcast pipe |
//! | [`broadcast_crowd`] | ten processes read, some slowly, some are killed |
//! | [`closing`] | nothing that was accepted is lost |
//! | [`flushing`] | a close that waits until everything has been read |
//! | [`unmounting`] | taking a mount down while it is in use |
//! | [`data`] | what a read returns and a write is, capacity, order |
//! | [`messages`] | message pipes, `overflow`, `linger` |
//! | [`writers`] | many writers at once |
//! | [`work_queue`] | processes that share jobs, while some of them are killed |
//! | [`numbered`] | messages and processes for these crowds |
//! | [`memory`] | the memory limit, and what the driver takes |
//! | [`users`] | each user's memory, and limits of names and instances |
//! | [`observing`] | counters, and the log |
//! | [`readiness`] | poll and select on every end, `O_NONBLOCK` |
//! | [`epoll`] | epoll, level and edge |
//! | [`impersonating`] | a server that acts as its client when it uses files |
//! | [`ioctl_functions`] | the pipe functions that are ioctls, and what each does |
//! | [`ioctl_messages`] | read modes, and empty messages |
//! | [`ioctl_waiting`] | those that wait: what ends them, and many at once |
//! | [`ioctl_errors`] | what is refused, at each end in each state |
//! | [`pipe_functions`] | the same for programs in Rust |
//! | [`costs`] | system calls for a request, counted |
//! | [`killable`] | whoever waits can be interrupted and killed |
//! | [`interrupted`] | signals while data moves: no byte is lost or doubled |
//! | [`crowds`] | hundreds who wait at once |
//! | [`uninterruptible`] | nobody is in uninterruptible sleep |
//! | [`one_open_file`] | nor are those who share one open file |
//! | [`reopen`] | closed is closed; /proc/self/fd leads to the end it names |
//! | [`files`] | what stat says of a pipe, and what a pipe refuses |
//! | [`attributes`] | settings and state as extended attributes |
//! | [`lifetime`] | names that go with the last instance |
//! | [`names`] | names and directories |
//! | [`permissions`] | other users on a mount with `allow_other` |
//! | [`hostile`] | other users, and what they may not do |
//! | [`session`] | the commands from beginning to end |
//! | [`without_ring`] | `-o uring` where that cannot be had; [`uring`](../uring.rs) is a crate of its own |
//! | [`ordinary_user`] | mounting without being root |
//! | [`limits`] | the known limits, and the order of those who wait |
//! | [`faults`] | what happens when something goes wrong |
//! | [`harness_itself`] | the harness: deadlines, actors, and what cleans up |

use std::time::Duration;

#[path = "../harness/mod.rs"]
mod harness;

mod attributes;
mod broadcast;
mod broadcast_crowd;
mod broadcast_waiting;
mod closing;
mod costs;
mod creating;
mod crowds;
mod data;
mod epoll;
mod faults;
mod files;
mod flushing;
mod harness_itself;
mod hostile;
mod impersonating;
mod interrupted;
mod ioctl_errors;
mod ioctl_functions;
mod ioctl_messages;
mod ioctl_waiting;
mod killable;
mod lifetime;
mod limits;
mod memory;
mod messages;
mod names;
mod numbered;
mod observing;
mod one_open_file;
mod ordinary_user;
mod permissions;
mod pipe_functions;
mod readiness;
mod reopen;
mod roles;
mod session;
mod shared;
mod uninterruptible;
mod unmounting;
mod users;
mod without_ring;
mod work_queue;
mod writers;

/// Time for what happens at once, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);
