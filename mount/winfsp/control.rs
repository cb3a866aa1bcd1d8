//! The pipe functions, as DeviceIoControl brings them. None may wait: WinFsp takes the answer only
//! when the method returns. Callers that would wait ask again.

use pipefs::{Effects, Error, Node, Progress, Who};
use windows_sys::Win32::Foundation::{
    NTSTATUS, STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER,
    STATUS_PIPE_BROKEN, STATUS_PIPE_EMPTY,
};
use winfsp::FspError;

use super::driver::Driver;
use super::opening::Opened;
use super::status::status;
use crate::functions::serving::{self, Described};
use crate::functions::wire::{self, Call, Function};
use crate::platform::functions::{RESULT_BYTES, number};

impl Driver {
    /// Calls a function. The answer is what it returns, and then its structure; how many bytes.
    ///
    /// # Errors
    /// There is no such function, or it fails.
    pub(crate) fn control(
        &self,
        opened: &Opened,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<u32, FspError> {
        let room = output.len().saturating_sub(RESULT_BYTES);
        let command = number(code, wire::TYPE, input.len().max(room));
        let command = command.ok_or(FspError::NTSTATUS(STATUS_INVALID_DEVICE_REQUEST))?;
        let call = Call { command, argument: input, out_bytes: room };
        let function = Function::decode(call)
            .ok_or(FspError::NTSTATUS(STATUS_INVALID_DEVICE_REQUEST))?
            .ok_or(FspError::NTSTATUS(STATUS_INVALID_PARAMETER))?;
        let mut effects = Effects::default();
        let outcome = match (opened.end(), &opened.node) {
            (Some(end), _) => serving::on_end(&self.engine, end, function, None, who, &mut effects),
            (None, Node::Directory(directory)) => {
                let directory = *directory;
                serving::on_directory(&self.engine, directory, function, None, &mut effects)
            }
            (None, Node::Pipe(_)) => Err(Error::BadHandle),
        };
        self.pending.deliver(&mut effects);
        let (result, structure) = match outcome.map_err(refusal)? {
            Progress::Done(outcome) => outcome,
            Progress::Waiting => unreachable!("nothing of this may wait"),
        };
        let answer = [&result.to_ne_bytes()[..], &structure].concat();
        let room = output.get_mut(..answer.len());
        room.ok_or(FspError::NTSTATUS(STATUS_BUFFER_TOO_SMALL))?.copy_from_slice(&answer);
        Ok(u32::try_from(answer.len()).expect("structures are small"))
    }
}

/// Of these functions two errors have to be told apart that are one for reads and writes.
fn refusal(error: Error) -> FspError {
    let status: NTSTATUS = match error {
        Error::BrokenPipe => STATUS_PIPE_BROKEN, // ERROR_BROKEN_PIPE
        Error::WouldBlock => STATUS_PIPE_EMPTY,  // ERROR_NO_DATA
        error => status(error),
    };
    FspError::NTSTATUS(status)
}

/// Of sessions and machines Windows has its own functions.
fn who(who: Who) -> Described {
    Described { who, session: 0, host: Vec::new() }
}
