//! The tests of a real mount once more, with requests that come over io_uring: see
//! [`harness::uring`].

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
mod ring;
mod roles;
mod session;
mod shared;
mod uninterruptible;
mod unmounting;
mod users;
mod work_queue;
mod writers;

/// Time for what happens at once, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);
