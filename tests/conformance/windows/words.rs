//! The words of cases in those of Windows' functions, and back.

use std::os::windows::io::OwnedHandle;

use windows_sys::Win32::Foundation::{
    ERROR_HANDLES_CLOSED, ERROR_OPERATION_ABORTED, GENERIC_READ, GENERIC_WRITE,
};
use windows_sys::Win32::Storage::FileSystem as files;
use windows_sys::Win32::System::Pipes as pipes;

use super::api::{self, Answer, Creation};
use crate::pipes::{Code, Direction, Info, Outcome, ReadMode, Spec, Wants};

/// The codes that cases know.
const CODES: [Code; 17] = [
    Code::InvalidFunction,
    Code::FileNotFound,
    Code::AccessDenied,
    Code::InvalidParameter,
    Code::BrokenPipe,
    Code::TimedOut,
    Code::InvalidName,
    Code::AlreadyExists,
    Code::NameTooLong,
    Code::BadPipe,
    Code::PipeBusy,
    Code::NoData,
    Code::NotConnected,
    Code::AlreadyConnected,
    Code::Listening,
    Code::Aborted,
    Code::NotFound,
];

/// What an error number says.
pub(super) fn failed(error: u32) -> Outcome {
    // That is how it says that the handle was closed on which it waited.
    let error = if error == ERROR_HANDLES_CLOSED { ERROR_OPERATION_ABORTED } else { error };
    let code = CODES.into_iter().find(|code| *code as u32 == error);
    Outcome::Failed(code.unwrap_or_else(|| panic!("it fails with Windows' error {error}")))
}

pub(super) fn read_mode(reads: ReadMode) -> u32 {
    match reads {
        ReadMode::Byte => pipes::PIPE_READMODE_BYTE,
        ReadMode::Message => pipes::PIPE_READMODE_MESSAGE,
    }
}

pub(super) fn creation(spec: Spec) -> Creation {
    let direction = match spec.direction {
        Direction::Outbound => files::PIPE_ACCESS_OUTBOUND,
        Direction::Inbound => files::PIPE_ACCESS_INBOUND,
        Direction::Duplex => files::PIPE_ACCESS_DUPLEX,
    };
    let first = if spec.first { files::FILE_FLAG_FIRST_PIPE_INSTANCE } else { 0 };
    let kind = if spec.messages { pipes::PIPE_TYPE_MESSAGE } else { pipes::PIPE_TYPE_BYTE };
    Creation {
        open_mode: direction | first | files::FILE_FLAG_OVERLAPPED,
        pipe_mode: kind | read_mode(spec.reads),
        most_instances: spec.most_instances.unwrap_or(pipes::PIPE_UNLIMITED_INSTANCES),
        quota_bytes: spec.capacity_bytes as u32,
        default_milliseconds: 0,
    }
}

/// What an open asks for: the directions, and the right to ask for the mode and to change it, which
/// the other direction does not bring.
pub(super) fn access(wants: Wants) -> u32 {
    match wants {
        Wants::Read => GENERIC_READ | files::FILE_WRITE_ATTRIBUTES,
        Wants::Write => GENERIC_WRITE | files::FILE_READ_ATTRIBUTES,
        Wants::Both => GENERIC_READ | GENERIC_WRITE,
        Wants::Nothing => 0,
    }
}

/// What three functions say of an end, where they agree.
pub(super) fn information(file: &OwnedHandle) -> Answer<Info> {
    let local = api::local_info(file)?;
    let (mode, instances) = api::mode(file)?;
    let [flags, quota_out, quota_in, most] = api::info(file)?;
    assert_eq!(instances, local.CurrentInstances, "both say it");
    let is_server = local.NamedPipeEnd == 1;
    let messages = local.NamedPipeType == 1;
    assert_eq!(flags & pipes::PIPE_SERVER_END != 0, is_server, "both say which end it is");
    assert_eq!(flags & pipes::PIPE_TYPE_MESSAGE != 0, messages, "both say the type");
    assert_eq!(quota_out, quota_in, "the cases ask for the same");
    Ok(Info {
        is_server,
        messages,
        reads: match mode & pipes::PIPE_READMODE_MESSAGE {
            0 => ReadMode::Byte,
            _ => ReadMode::Message,
        },
        direction: match local.NamedPipeConfiguration {
            0 => Direction::Inbound,
            1 => Direction::Outbound,
            _ => Direction::Duplex,
        },
        most_instances: Some(most).filter(|most| *most < pipes::PIPE_UNLIMITED_INSTANCES),
        instances,
        capacity_bytes: quota_out.into(),
        readable_bytes: local.ReadDataAvailable.into(),
        writable_bytes: local.WriteQuotaAvailable.into(),
        state: local.NamedPipeState,
    })
}
