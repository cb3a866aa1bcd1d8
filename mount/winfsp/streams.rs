//! Alternate streams: the values of a node by their names (`type P:\greeting:state`), and the
//! stream of the root directory by which `pipefs umount` takes the mount down.

use pipefs::{Effects, Node, PipeHandle, ROOT};
use windows_sys::Win32::Foundation::{
    STATUS_BUFFER_OVERFLOW, STATUS_DEVICE_BUSY, STATUS_END_OF_FILE, STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_NOT_FOUND,
};
use winfsp::FspError;
use winfsp::filesystem::{StreamInfo, WideNameInfo};

use super::driver::Driver;
use super::security::Permissions;
use super::status::not_set;
use crate::values::{self, PEEK, STATE};

/// The root directory's stream that takes the mount down when something is written to it.
pub const UNMOUNT: &str = "unmount";

/// What is written to [`UNMOUNT`] to take the mount down although pipes are open; anything else
/// takes it down if none is.
pub const UNMOUNT_IN_USE: &str = "in-use";

/// A stream that was opened.
#[derive(Debug)]
pub(crate) struct Stream {
    key: String,
    /// What it says, as it was when it was opened.
    text: Vec<u8>,
}

impl Stream {
    pub(crate) fn byte_len(&self) -> usize {
        self.text.len()
    }

    /// Whether anything can be written to it.
    pub(crate) fn is_writable(&self) -> bool {
        !matches!(&*self.key, STATE | PEEK)
    }

    /// Reads on from an offset; how many bytes.
    ///
    /// # Errors
    /// The offset is at the end.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<u32, FspError> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.text.get(offset..));
        match rest {
            None | Some([]) => Err(FspError::NTSTATUS(STATUS_END_OF_FILE)),
            Some(rest) => {
                let bytes = rest.len().min(buffer.len());
                buffer[..bytes].copy_from_slice(&rest[..bytes]);
                Ok(bytes as u32)
            }
        }
    }
}

impl Driver {
    /// Opens a stream of a node.
    ///
    /// # Errors
    /// There is none of that name.
    pub(crate) fn stream(&self, node: &Node<PipeHandle>, key: &str) -> Result<Stream, FspError> {
        let text = match (node, key) {
            (Node::Directory(ROOT), UNMOUNT) => Some(Vec::new()),
            (Node::Directory(ROOT), STATE) => Some(self.mount_state().to_string().into()),
            (node, key) => self.values().get(node, key),
        };
        let text = text.ok_or(FspError::NTSTATUS(STATUS_OBJECT_NAME_NOT_FOUND))?;
        Ok(Stream { key: key.into(), text })
    }

    /// Who may use a stream: whoever may use the node, but for one. Taking the mount down is for
    /// its owner alone, whoever may make names there.
    pub(crate) fn stream_permissions(of_node: Permissions, key: &str) -> Permissions {
        match key {
            UNMOUNT => Permissions { mode: 0o600, ..of_node },
            _ => of_node,
        }
    }

    /// Writes to a stream: each write is a whole value.
    ///
    /// # Errors
    /// The value is refused.
    pub(crate) fn write_stream(
        &self,
        node: &Node<PipeHandle>,
        stream: &Stream,
        data: &[u8],
    ) -> Result<(), FspError> {
        let text = text_of(data).ok_or(FspError::NTSTATUS(STATUS_INVALID_PARAMETER))?;
        let value = text.trim();
        if stream.key == UNMOUNT {
            if value != UNMOUNT_IN_USE && self.engine.end_count() > 0 {
                return Err(FspError::NTSTATUS(STATUS_DEVICE_BUSY));
            }
            self.ask_to_stop();
            return Ok(());
        }
        // Some programs write the end of the line, or the mark of their encoding, by itself.
        if value.is_empty() && !data.is_empty() {
            return Ok(());
        }
        let mut effects = Effects::default();
        let outcome = self.values().set(node, &stream.key, value, &mut effects);
        self.pending.deliver(&mut effects);
        outcome.map_err(not_set)
    }

    /// The list of a node's streams, in the form that WinFsp wants; how many bytes.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) fn list_streams(
        &self,
        node: &Node<PipeHandle>,
        buffer: &mut [u8],
    ) -> Result<u32, FspError> {
        let mut used = 0;
        let unnamed = matches!(node, Node::Pipe(_)).then_some("");
        for key in unnamed.into_iter().chain(values::keys(node)) {
            let mut stream: StreamInfo = StreamInfo::new();
            stream.set_name(key)?;
            stream.stream_size =
                self.stream(node, key).map_or(0, |stream| stream.byte_len() as u64);
            if !stream.append_to_buffer(buffer, &mut used) {
                return Err(FspError::NTSTATUS(STATUS_BUFFER_OVERFLOW));
            }
        }
        StreamInfo::<0>::finalize_buffer(buffer, &mut used);
        Ok(used)
    }
}

/// What a program has written: UTF-8, or UTF-16 with its mark, as older PowerShells write it.
fn text_of(data: &[u8]) -> Option<String> {
    match data {
        [0xff, 0xfe, rest @ ..] => {
            let units = rest.chunks(2).map(|unit| match unit {
                [low, high] => Some(u16::from_le_bytes([*low, *high])),
                _ => None,
            });
            String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(Into::into),
        other => std::str::from_utf8(other).ok().map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_each_encoding_of_windows_shells() {
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain("4M\r\n".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        for data in [&b"4M\r\n"[..], b"\xef\xbb\xbf4M\r\n", &utf16] {
            assert_eq!(text_of(data).as_deref(), Some("4M\r\n"));
        }
        for none in [&b"\xff"[..], b"\xff\xfe1", b"\xff\xfe\x00\xd8"] {
            assert_eq!(text_of(none), None, "{none:?}");
        }
    }
}
