//! Windows' own named pipes beside ours: each row's case on both, in one process, and what they
//! answer compared with what the row says.
//!
//! - `oracle` — start here: a test for each row, and the list of them
//! - `differences` — where the system's answer or ours is known to be another one, and why
//! - `cases` — what Windows does in rows in which the stories of all arms say something else or
//!   nothing; rows that no case shows
//! - `arm` — the system's pipes as an arm for stories; `overlapped` — operations that may wait;
//!   `words` — what the words of cases are for the system
//! - `api` — the system's functions

mod api;
mod arm;
mod cases;
mod differences;
mod oracle;
mod overlapped;
mod words;
