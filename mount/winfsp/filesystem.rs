//! The filesystem as WinFsp calls it. Each method translates one request; what it means is the
//! engine's business. None may wait but reads and writes, and a few flushes.

use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use log::warn;
use pipefs::{AttributeChange, Listing, Node, Rename};
use windows_sys::Win32::Foundation::{
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER,
    STATUS_NOT_A_REPARSE_POINT,
};
use winfsp::constants::FspCleanupFlags;
use winfsp::filesystem::{
    AsyncFileSystemContext, DirInfo, DirMarker, FileInfo, FileSecurity, FileSystemContext,
    ModificationDescriptor, OpenFileInfo, VolumeInfo, WideNameInfo,
};
use winfsp::{FspError, Result, U16CStr};

use super::driver::Driver;
use super::information::{STREAM_ATTRIBUTES, attributes_of, describe, describe_stream, time_set};
use super::names::Named;
use super::opening::{As, Opened};
use super::pending::spawn;
use super::security::{Descriptor, Permissions, permissions_of};
use super::status::fsp_error;

/// What a new name may be used for when WinFsp hands over no descriptor: as on Linux by most users.
const DEFAULT_MODE: u32 = 0o644;

/// A mount as `winfsp` serves it.
#[derive(Clone)]
pub struct Filesystem(pub(crate) Arc<Driver>);

impl fmt::Debug for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Filesystem {
    fn info(&self, opened: &Opened) -> Result<FileInfo> {
        match &opened.as_what {
            As::Stream(stream) => {
                let status = self.0.engine.status(&opened.node).map_err(fsp_error)?;
                Ok(describe_stream(stream.byte_len(), &status))
            }
            As::Attributes | As::Directory(_) | As::End(_) => self.0.information(&opened.node),
        }
    }

    fn permissions(&self, node: &Node<pipefs::PipeHandle>) -> Result<Permissions> {
        Ok(self.0.engine.status(node).map_err(fsp_error)?.attributes.into())
    }

    /// Tells WinFsp what was opened, and its name as it was asked for: told nothing, WinFsp would
    /// show it in capitals.
    fn opened(&self, opened: Opened, path: &U16CStr, info: &mut OpenFileInfo) -> Result<Opened> {
        match self.info(&opened) {
            Ok(told) => *info.as_mut() = told,
            Err(error) => {
                self.0.close(&opened);
                return Err(error);
            }
        }
        if path.len() * size_of::<u16>() <= usize::from(info.normalized_name_size()) {
            info.set_normalized_name(path.as_slice(), None);
        }
        Ok(opened)
    }
}

impl FileSystemContext for Filesystem {
    type FileContext = Opened;

    fn get_security_by_name(
        &self,
        file_name: &U16CStr,
        security_descriptor: Option<&mut [c_void]>,
        _: impl FnOnce(&U16CStr) -> Option<FileSecurity>,
    ) -> Result<FileSecurity> {
        let named = Named::parse(file_name)?;
        if self.0.wants_door(&named, file_name) {
            let units = file_name.as_slice();
            let last = units.iter().rposition(|unit| *unit == u16::from(b'\\')).unwrap_or(0);
            let attributes = last as u32;
            return Ok(FileSecurity { reparse: true, sz_security_descriptor: 0, attributes });
        }
        let node = named.find(&self.0.engine)?;
        let permissions = self.permissions(&node)?;
        let (attributes, permissions) = match &named.stream {
            None => (attributes_of(&node), permissions),
            Some(key) => {
                self.0.stream(&node, key)?;
                (STREAM_ATTRIBUTES, Driver::stream_permissions(permissions, key))
            }
        };
        let descriptor = Descriptor::of(permissions)?;
        descriptor.copy_to(security_descriptor)?;
        let sz_security_descriptor = descriptor.byte_len();
        Ok(FileSecurity { reparse: false, sz_security_descriptor, attributes })
    }

    fn get_reparse_point_by_name(
        &self,
        file_name: &U16CStr,
        is_directory: bool,
        buffer: &mut [u8],
    ) -> Result<u64> {
        let named = Named::parse(file_name)?;
        let Some(doors) = self.0.doors.as_ref().filter(|_| !is_directory && !named.is_door) else {
            return Err(FspError::NTSTATUS(STATUS_NOT_A_REPARSE_POINT));
        };
        let link = doors.through_a_new_one(file_name.as_slice());
        let room = buffer.get_mut(..link.len());
        let room = room.ok_or(FspError::NTSTATUS(STATUS_INSUFFICIENT_RESOURCES))?;
        room.copy_from_slice(&link);
        Ok(link.len() as u64)
    }

    fn open(
        &self,
        file_name: &U16CStr,
        create_options: u32,
        granted_access: u32,
        file_info: &mut OpenFileInfo,
    ) -> Result<Opened> {
        let named = Named::parse(file_name)?;
        let opened = self.0.open(&named, create_options, granted_access)?;
        self.opened(opened, file_name, file_info)
    }

    fn create(
        &self,
        file_name: &U16CStr,
        create_options: u32,
        granted_access: u32,
        _: u32,
        security_descriptor: Option<&[c_void]>,
        _: u64,
        _: Option<&[u8]>,
        _: bool,
        file_info: &mut OpenFileInfo,
    ) -> Result<Opened> {
        let named = Named::parse(file_name)?;
        let permissions = match security_descriptor {
            Some(descriptor) => permissions_of(descriptor)?,
            None => {
                let (uid, gid) = super::security::own_ids();
                Permissions { uid, gid, mode: DEFAULT_MODE }
            }
        };
        let opened = self.0.create(&named, create_options, granted_access, permissions)?;
        self.opened(opened, file_name, file_info)
    }

    /// WinFsp closes a file when the system is done with it, which may be long after the last
    /// handle was closed. That an end is closed is said by `cleanup`.
    fn close(&self, context: Opened) {
        self.0.close(&context);
    }

    fn cleanup(&self, context: &Opened, file_name: Option<&U16CStr>, flags: u32) {
        if FspCleanupFlags::FspCleanupDelete.is_flagged(flags) {
            let removed = file_name.ok_or(FspError::NTSTATUS(STATUS_INVALID_PARAMETER));
            let removed = removed.and_then(Named::parse);
            // Windows asks no more whether it may be: the program was told that it is.
            if let Err(error) = removed.and_then(|named| self.0.remove(context, &named)) {
                warn!("what was deleted is still there: {error:?}");
            }
        }
        self.0.close(context);
    }

    /// Waits until what was written has been read.
    fn flush(&self, context: Option<&Opened>, file_info: &mut FileInfo) -> Result<()> {
        let Some(context) = context else { return Ok(()) };
        self.0.flush(context)?;
        *file_info = self.info(context)?;
        Ok(())
    }

    fn get_file_info(&self, context: &Opened, file_info: &mut FileInfo) -> Result<()> {
        *file_info = self.info(context)?;
        Ok(())
    }

    fn get_security(&self, context: &Opened, room: Option<&mut [c_void]>) -> Result<u64> {
        let descriptor = Descriptor::of(self.permissions(&context.node)?)?;
        descriptor.copy_to(room)?;
        Ok(descriptor.byte_len())
    }

    fn set_security(
        &self,
        context: &Opened,
        security_information: u32,
        modification_descriptor: ModificationDescriptor,
    ) -> Result<()> {
        let before = Descriptor::of(self.permissions(&context.node)?)?;
        let after = before.changed(security_information, &modification_descriptor)?;
        let Permissions { uid, gid, mode } = after;
        let change = AttributeChange {
            mode: Some(mode),
            uid: Some(uid),
            gid: Some(gid),
            ..AttributeChange::default()
        };
        self.0.perform(|engine, now, _| engine.set_attributes(&context.node, change, now))
    }

    /// The open has said already that it wants the pipe empty; nothing in it is discarded.
    fn overwrite(
        &self,
        context: &Opened,
        _: u32,
        _: bool,
        _: u64,
        _: Option<&[u8]>,
        file_info: &mut FileInfo,
    ) -> Result<()> {
        *file_info = self.info(context)?;
        Ok(())
    }

    fn read_directory(
        &self,
        context: &Opened,
        _: Option<&U16CStr>,
        marker: DirMarker<'_>,
        buffer: &mut [u8],
    ) -> Result<u32> {
        let (As::Directory(listed), Node::Directory(ino)) = (&context.as_what, &context.node)
        else {
            return Err(FspError::NTSTATUS(STATUS_INVALID_DEVICE_REQUEST));
        };
        if let Ok(list) = listed.acquire(marker.is_none(), None) {
            let Listing { parent, entries } = self.0.engine.list(*ino).map_err(fsp_error)?;
            let dots = [(".", *ino), ("..", parent)]
                .map(|(name, ino)| (name.into(), Node::Directory(ino)));
            let dots = dots.into_iter().filter(|_| *ino != pipefs::ROOT);
            let entries = entries
                .into_iter()
                .map(|(name, node)| (String::from_utf8_lossy(name.as_bytes()).into_owned(), node));
            for (name, node) in dots.chain(entries) {
                // What has gone meanwhile is left out.
                let Ok(status) = self.0.engine.status(&node) else { continue };
                let mut entry: DirInfo = DirInfo::new();
                entry.set_name(&name)?;
                *entry.file_info_mut() = describe(&node, &status);
                list.write(&mut entry)?;
            }
        }
        Ok(listed.read(marker, buffer))
    }

    fn rename(
        &self,
        context: &Opened,
        file_name: &U16CStr,
        new_file_name: &U16CStr,
        replace_if_exists: bool,
    ) -> Result<()> {
        let (from, to) = (Named::parse(file_name)?, Named::parse(new_file_name)?);
        if matches!(context.as_what, As::Stream(_)) || to.stream.is_some() {
            return Err(FspError::NTSTATUS(STATUS_INVALID_PARAMETER));
        }
        let places = (from.place(&self.0.engine)?, to.place(&self.0.engine)?);
        let (Some(from), Some(to)) = places else {
            return Err(FspError::NTSTATUS(STATUS_INVALID_PARAMETER));
        };
        let how = if replace_if_exists { Rename::Replace } else { Rename::NoReplace };
        let (from, to) = ((from.0, from.1.as_bytes()), (to.0, to.1.as_bytes()));
        self.0.perform(|engine, now, effects| engine.rename(from, to, how, now, effects))
    }

    fn set_basic_info(
        &self,
        context: &Opened,
        _: u32,
        _: u64,
        last_access_time: u64,
        last_write_time: u64,
        _: u64,
        file_info: &mut FileInfo,
    ) -> Result<()> {
        let change = AttributeChange {
            accessed: time_set(last_access_time),
            modified: time_set(last_write_time),
            ..AttributeChange::default()
        };
        if change != AttributeChange::default() {
            self.0.perform(|engine, now, _| engine.set_attributes(&context.node, change, now))?;
        }
        *file_info = self.info(context)?;
        Ok(())
    }

    fn set_delete(&self, context: &Opened, _: &U16CStr, delete_file: bool) -> Result<()> {
        if delete_file { self.0.may_remove(context) } else { Ok(()) }
    }

    /// A size means nothing to a pipe. Programs that copy announce it before they write.
    fn set_file_size(
        &self,
        context: &Opened,
        _: u64,
        _: bool,
        file_info: &mut FileInfo,
    ) -> Result<()> {
        *file_info = self.info(context)?;
        Ok(())
    }

    fn get_volume_info(&self, out_volume_info: &mut VolumeInfo) -> Result<()> {
        let memory = self.0.engine.memory();
        out_volume_info.total_size = memory.limit_bytes;
        out_volume_info.free_size = memory.limit_bytes.saturating_sub(memory.used_bytes);
        out_volume_info.set_volume_label(&self.0.label);
        Ok(())
    }

    fn get_stream_info(&self, context: &Opened, buffer: &mut [u8]) -> Result<u32> {
        self.0.list_streams(&context.node, buffer)
    }

    fn control(
        &self,
        context: &Opened,
        control_code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<u32> {
        self.0.control(context, control_code, input, output)
    }

    fn dispatcher_stopped(&self, _: bool) {
        // By whatever: nobody asks any more, and whoever waits is to be told.
        self.0.shut_down();
    }
}

impl AsyncFileSystemContext for Filesystem {
    async fn read_async(&self, context: &Opened, buffer: &mut [u8], offset: u64) -> Result<u32> {
        self.0.read(context, buffer, offset).await
    }

    async fn write_async(
        &self,
        context: &Opened,
        buffer: &[u8],
        _: u64,
        _: bool,
        _: bool,
        file_info: &mut FileInfo,
    ) -> Result<u32> {
        let written = self.0.write(context, buffer).await?;
        *file_info = self.info(context)?;
        Ok(written)
    }

    fn spawn_task(&self, future: impl Future<Output = ()> + Send + 'static) {
        spawn(future);
    }
}
