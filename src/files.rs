//! Files from outside, read whole, and never more of one than its kind may have.

use crate::text;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most of a file of settings (the configuration, a theme) that is read, in bytes.
pub(crate) const SETTINGS: usize = 1 << 20;

/// The folder that this user's system keeps what outlives a program in; `None` where it has no home for one.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "redflag")?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).to_owned())
}

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// What the system says.
    Io(io::Error),
    /// A pipe or a device: it may never end, and nobody would see what is waited for.
    NoFile,
    /// It is larger than may be.
    TooLarge {
        /// What it has, where that is known; a pipe tells nothing of it.
        size: Option<u64>,
        /// What it may have.
        limit: usize,
    },
    /// It is text as Windows has it, two bytes a character.
    Utf16,
    /// It is not text from this place on, both from 1.
    NoText {
        /// The line.
        line: usize,
        /// The character in it.
        column: usize,
    },
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NoFile => f.write_str("not a regular file"),
            Self::TooLarge { size: Some(size), limit } => {
                let (size, limit) = (text::size(*size), text::size(*limit as u64));
                write!(f, "{size} is over the limit of {limit}: is it the right file?")
            }
            Self::TooLarge { size: None, limit } => {
                let limit = text::size(*limit as u64);
                write!(f, "over the limit of {limit}: is it the right file?")
            }
            Self::Utf16 => f.write_str(
                "it is UTF-16: save it as UTF-8; a PowerShell writes that with `| Out-File -Encoding utf8 FILE`, not with >",
            ),
            Self::NoText { line, column } => {
                write!(f, "not text: line {line}, column {column} is not UTF-8: save it as UTF-8")
            }
        }
    }
}

/// The text of a file, or of whatever else stands at that path: `<(…)` of a shell is a pipe.
///
/// # Errors
/// When it cannot be read, has more than `limit` bytes, or is not UTF-8.
pub(crate) fn read(path: &Path, limit: usize) -> Result<String, Unread> {
    let file = File::open(path).map_err(Unread::Io)?;
    let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len());
    if let Some(size) = size.filter(|size| *size > limit as u64) {
        return Err(Unread::TooLarge { size: Some(size), limit });
    }
    let mut bytes = Vec::new();
    // A file may grow while it is read, and those of the kernel have no size.
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    if bytes.len() > limit {
        return Err(Unread::TooLarge { size: None, limit });
    }
    if is_utf16(&bytes) {
        return Err(Unread::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let line = before.rsplit('\n').next().unwrap_or_default();
        Unread::NoText { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    })
}

/// Whether a text says that it is UTF-16, or has a zero beside each of its first letters.
fn is_utf16(bytes: &[u8]) -> bool {
    let zero_beside = |odd: usize| bytes.len() >= 4 && (0..4).all(|at| (bytes[at] == 0) == (at % 2 == odd));
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || zero_beside(0) || zero_beside(1)
}

/// The text of a regular file: whatever else stands there is not even opened, for a pipe may hold up its reader.
///
/// # Errors
/// Those of [`read`], or when not a regular file.
pub(crate) fn read_regular(path: &Path, limit: usize) -> Result<String, Unread> {
    if !std::fs::metadata(path).map_err(Unread::Io)?.is_file() {
        return Err(Unread::NoFile);
    }
    read(path, limit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn said(result: Result<String, Unread>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn what_is_larger_than_may_be_is_said_with_its_size_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        // A sparse file: it has its size and takes no room.
        File::create(&path).unwrap().set_len(3 << 30).unwrap();
        assert_eq!(said(read(&path, 1 << 20)), "3 GiB is over the limit of 1 MiB: is it the right file?");
        assert_eq!(said(read_regular(&path, 100)), "3 GiB is over the limit of 100 bytes: is it the right file?");
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_left_after_the_limit() {
        let zeros = Path::new("/dev/zero");
        assert_eq!(said(read(zeros, 4096)), "over the limit of 4 KiB: is it the right file?");
        assert_eq!(said(read_regular(zeros, 4096)), "not a regular file");
    }

    #[test]
    fn what_is_no_text_is_said_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("binary");
        File::create(&path).unwrap().write_all(b"abc\n\xc3\xa9\xff").unwrap();
        assert_eq!(said(read(&path, 10)), "not text: line 2, column 2 is not UTF-8: save it as UTF-8");
        for utf16 in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a", b"a\0=\0", b"\0a\0="] {
            std::fs::write(&path, utf16).unwrap();
            assert!(said(read(&path, 10)).starts_with("it is UTF-16: save it as UTF-8"));
        }
    }

    proptest! {
        #[test]
        fn a_file_is_read_whole_or_not_at_all(text in "\\PC{0,40}", limit in 0_usize..60) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            std::fs::write(&path, &text).unwrap();
            match read(&path, limit) {
                Ok(read) => prop_assert!(read == text && text.len() <= limit),
                Err(Unread::TooLarge { size, .. }) => prop_assert!(text.len() > limit && size == Some(text.len() as u64)),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}
