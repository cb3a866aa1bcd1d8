//! Paths as WinFsp hands them over: from the root, with backslashes, perhaps with a stream at the
//! end, perhaps through a door.
//!
//! Names are one in any case; that is the engine's business ([`pipefs::Engine::ignoring_case`]),
//! because only its lock keeps two spellings of one name from being made at the same time.

use pipefs::{Engine, Error, Ino, Node, PipeHandle, ROOT};
use windows_sys::Win32::Foundation::{STATUS_OBJECT_NAME_INVALID, STATUS_OBJECT_PATH_NOT_FOUND};
use winfsp::{FspError, U16CStr};

use super::doors;
use super::status::fsp_error;

/// What a path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The names on the way, and the last one; none for the root.
    components: Vec<String>,
    /// The stream, in lower case.
    pub(crate) stream: Option<String>,
    /// Whether the path leads through a door, which it is given without.
    pub(crate) is_door: bool,
}

impl Named {
    /// Reads a path.
    ///
    /// # Errors
    /// It is no Unicode, or has more than one stream.
    pub(crate) fn parse(path: &U16CStr) -> Result<Self, FspError> {
        let path = path.to_string().map_err(|_| FspError::NTSTATUS(STATUS_OBJECT_NAME_INVALID))?;
        let (path, stream) = match path.split_once(':') {
            Some((path, stream)) => (path, Some(stream)),
            None => (&*path, None),
        };
        let stream = stream.map(|name| match name.split_once(':') {
            Some((name, kind)) if kind.eq_ignore_ascii_case("$DATA") => Ok(name),
            Some(_) => Err(FspError::NTSTATUS(STATUS_OBJECT_NAME_INVALID)),
            None => Ok(name),
        });
        let stream = stream.transpose()?.filter(|name| !name.is_empty());
        let mut components: Vec<String> =
            path.split('\\').filter(|name| !name.is_empty()).map(Into::into).collect();
        let behind = components.iter().position(|name| !doors::is_door(name));
        let doors = components.drain(..behind.unwrap_or(components.len())).count();
        let stream = stream.map(str::to_ascii_lowercase);
        Ok(Self { components, stream, is_door: doors > 0 })
    }

    /// What the path leads to.
    ///
    /// # Errors
    /// The last name is missing, or one before it is missing or no directory's.
    pub(crate) fn find(&self, engine: &Engine) -> Result<Node<PipeHandle>, FspError> {
        match self.place(engine)? {
            Some((parent, name)) => engine.lookup(parent, name.as_bytes()).map_err(fsp_error),
            None => Ok(Node::Directory(ROOT)),
        }
    }

    /// The directory that the last name is in, and that name; `None` for the root.
    ///
    /// # Errors
    /// A name before the last one is missing or no directory's.
    pub(crate) fn place(&self, engine: &Engine) -> Result<Option<(Ino, &str)>, FspError> {
        let Some((last, way)) = self.components.split_last() else { return Ok(None) };
        let parent =
            way.iter().try_fold(ROOT, |at, name| match engine.lookup(at, name.as_bytes()) {
                Ok(Node::Directory(inner)) => Ok(inner),
                Ok(Node::Pipe(_)) | Err(Error::NotFound) => {
                    Err(FspError::NTSTATUS(STATUS_OBJECT_PATH_NOT_FOUND))
                }
                Err(error) => Err(fsp_error(error)),
            })?;
        Ok(Some((parent, last)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use pipefs::{Attributes, Bounds, Settings};
    use winfsp::U16CString;

    use super::*;

    fn parse(path: &str) -> Result<Named, FspError> {
        Named::parse(&U16CString::from_str(path).unwrap())
    }

    #[test]
    fn a_path_is_names_and_perhaps_a_stream() {
        let cases: [(&str, &[&str], Option<&str>); 8] = [
            ("\\", &[], None),
            ("\\a", &["a"], None),
            ("\\Größe\\b c", &["Größe", "b c"], None),
            ("\\a:State", &["a"], Some("state")),
            ("\\:state:$DATA", &[], Some("state")),
            ("\\a::$data", &["a"], None),
            ("\\a\\", &["a"], None),
            ("\\{pipefs-1f}\\a\\b:mode", &["a", "b"], Some("mode")),
        ];
        for (path, components, stream) in cases {
            let named = parse(path).unwrap();
            assert_eq!(named.components, components, "{path}");
            assert_eq!(named.stream.as_deref(), stream, "{path}");
            assert_eq!(named.is_door, path.contains('{'), "{path}");
        }
        for bad in ["\\a:b:c", "\\a:b:$INDEX_ALLOCATION"] {
            let refused = parse(bad).unwrap_err().to_ntstatus();
            assert_eq!(refused, STATUS_OBJECT_NAME_INVALID, "{bad}");
        }
        let half = U16CString::from_vec([u16::from(b'\\'), 0xd800]).unwrap();
        assert!(Named::parse(&half).is_err());
    }

    #[test]
    fn a_path_is_followed_in_any_case() {
        let attributes = Attributes::new(0o755, 0, 0, SystemTime::UNIX_EPOCH);
        let engine =
            Engine::new(Settings::default(), Bounds::memory(u64::MAX), attributes).ignoring_case();
        let inner = engine.make_directory(ROOT, b"Inner", attributes).unwrap();
        let pipe = engine.create(inner, b"Pipe", attributes, None).unwrap();
        let find = |path| parse(path).unwrap().find(&engine).map_err(|error| error.to_ntstatus());
        assert_eq!(find("\\"), Ok(Node::Directory(ROOT)));
        assert_eq!(find("\\INNER\\pipe"), Ok(Node::Pipe(pipe.clone())));
        assert_eq!(find("\\{pipefs-0}\\inner\\PIPE"), Ok(Node::Pipe(pipe)));
        let status = |error: pipefs::Error| Err(super::super::status::status(error));
        assert_eq!(find("\\inner\\other"), status(Error::NotFound));
        for path in ["\\inner\\pipe\\x", "\\other\\x"] {
            assert_eq!(find(path), Err(STATUS_OBJECT_PATH_NOT_FOUND), "{path}");
        }
        let named = parse("\\inner\\new").unwrap();
        assert_eq!(named.place(&engine).unwrap(), Some((inner, "new")));
    }
}
