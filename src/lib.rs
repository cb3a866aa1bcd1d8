//! The pipe engine: named pipes without any I/O.
#![forbid(unsafe_code)]

pub mod error;
pub mod settings;

pub use error::{Error, Result};
pub use settings::Settings;
