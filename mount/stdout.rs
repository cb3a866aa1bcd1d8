//! The standard output: what a command was asked to show.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use crate::exit::{Exit, Failure};

/// The standard output, buffered. A reader that has left (`| head`) is no failure: what is printed
/// after that goes nowhere.
#[derive(Debug)]
pub struct Stdout {
    output: BufWriter<StdoutLock<'static>>,
    reader_is_gone: bool,
}

impl Stdout {
    /// Takes the standard output for this command alone.
    #[must_use]
    pub fn lock() -> Self {
        Self { output: BufWriter::new(io::stdout().lock()), reader_is_gone: false }
    }

    /// Whether a person looks at it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.output.get_ref().is_terminal()
    }

    /// Whether it is worth while to go on.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.reader_is_gone
    }

    /// Prints.
    ///
    /// # Errors
    /// [`Exit::Failure`]: the disk is full, and the like.
    pub fn print(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        if self.reader_is_gone {
            return Ok(());
        }
        let written = self.output.write_all(bytes.as_ref());
        self.judge(written)
    }

    /// Sees to it that all is printed: to be called at the end, and before standard error is used.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn flush(&mut self) -> Result<(), Failure> {
        let flushed = if self.reader_is_gone { Ok(()) } else { self.output.flush() };
        self.judge(flushed)
    }

    fn judge(&mut self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(())
            }
            Err(error) => Err(Failure::new(
                Exit::Failure,
                format!("the standard output cannot be written: {error}"),
            )),
            Ok(()) => Ok(()),
        }
    }
}
