//! What Windows is told: of files, of the volume, of who may do what.

use windows_sys::Win32::Foundation::STATUS_ACCESS_DENIED;
use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;
use windows_sys::Win32::Storage::FileSystem::{FILE_ATTRIBUTE_HIDDEN, WRITE_DAC};

use crate::client::{ATTRIBUTES, BOTH, Disposition, READ, SECURITY, WRITE};
use crate::driver::answer::Status;
use crate::mounted::{MEMORY_BYTES, Mount};
use crate::sddl;

#[test]
fn a_pipe_has_no_size_and_what_waits_is_allocated() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    let before = server.query().unwrap();
    assert_eq!((before.FileSize, before.AllocationSize), (0, 0));
    server.write(&[0; 5000]).unwrap();
    let after = server.query().unwrap();
    assert_eq!((after.FileSize, after.AllocationSize), (0, 8192));
    assert_eq!(after.IndexNumber, before.IndexNumber);
    let look = mount.client.opened(r"\p", ATTRIBUTES);
    assert_eq!(look.information.AllocationSize, 8192, "an open says so, too");
    assert_eq!(look.information.IndexNumber, before.IndexNumber);
    let root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    let entry = root.list().into_iter().find(|entry| entry.name == "p").unwrap();
    assert_eq!(entry.file.AllocationSize, 8192, "and the list");
    assert!(after.CreationTime > 0 && after.LastWriteTime >= after.CreationTime);
}

#[test]
fn sizes_and_attributes_are_set_in_vain() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    server.write(b"data").unwrap();
    // Programs that copy files do both.
    assert_eq!(server.set_size(1 << 30).unwrap().FileSize, 0);
    assert_eq!(server.set_size(0).unwrap().FileSize, 0);
    assert_eq!(server.set_allocation(1 << 30).unwrap().AllocationSize, 4096);
    let attributes = server.set_attributes(FILE_ATTRIBUTE_HIDDEN).unwrap().FileAttributes;
    assert_eq!(attributes & FILE_ATTRIBUTE_HIDDEN, 0);
    assert_eq!(mount.client.opened(r"\p", READ).read(10).unwrap(), b"data");
}

#[test]
fn the_volume_is_as_large_as_its_memory() {
    let mount = Mount::new();
    let volume = mount.client.volume();
    assert_eq!((volume.TotalSize, volume.FreeSize), (MEMORY_BYTES, MEMORY_BYTES));
    let label: Vec<u16> = "pipes".encode_utf16().collect();
    let units = usize::from(volume.VolumeLabelLength) / size_of::<u16>();
    assert_eq!(volume.VolumeLabel[..units], label);
    let server = mount.client.created(r"\p", WRITE);
    server.write(&[0; 100_000]).unwrap();
    let used = MEMORY_BYTES - mount.client.volume().FreeSize;
    assert!((100_000..1_000_000).contains(&used), "{used}");
    let client = mount.client.opened(r"\p", READ);
    while used > 0 && mount.client.volume().FreeSize < MEMORY_BYTES {
        client.read(100_000).unwrap();
    }
}

/// What Windows gives a new pipe is not to be seen under Wine, whose CreatePrivateObjectSecurity
/// makes the same descriptor for everything: scripts/test-windows.ps1 looks at that.
#[test]
fn everything_has_a_security_descriptor() {
    let mount = Mount::new();
    let pipe = mount.client.created(r"\p", BOTH | SECURITY);
    let root = mount.client.directory(r"\", Disposition::OpenExisting).unwrap();
    for file in [&pipe, &root] {
        let text = sddl::text(&file.security().unwrap());
        assert!(text.starts_with("O:") && text.contains("G:") && text.contains("D:"), "{text}");
    }
    // The root was made by the adapter itself, for this process.
    let text = sddl::text(&root.security().unwrap());
    assert!(text.starts_with("O:S-1-5-21-"), "{text}");
}

#[test]
fn rights_can_be_taken_away_and_are_then_refused() {
    let mount = Mount::new();
    let pipe = mount.client.created(r"\p", BOTH | SECURITY | WRITE_DAC);
    let before = sddl::text(&pipe.security().unwrap());
    // Nobody has any right but to read attributes.
    let nothing = sddl::descriptor("D:P(A;;0x80;;;WD)");
    pipe.set_security(DACL_SECURITY_INFORMATION, &nothing).unwrap();
    assert_ne!(sddl::text(&pipe.security().unwrap()), before);
    pipe.close();
    for access in [READ, WRITE, BOTH] {
        let refused = mount.client.open(r"\p", access, Disposition::OpenExisting).unwrap_err();
        assert_eq!(refused, Status::of(STATUS_ACCESS_DENIED), "{access:#x}");
    }
    mount.client.opened(r"\p", ATTRIBUTES).close();
}
