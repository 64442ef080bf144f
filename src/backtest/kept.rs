//! The figures of each environment's newest back-test, in the state folder: who decides how far a rollback may go by itself
//! looks at them.

use super::figures::Newest;
use crate::files;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The largest such file that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// The file.
#[derive(Debug, Clone)]
pub struct Kept {
    path: PathBuf,
}

impl Kept {
    /// The file of this name; it need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The usual place; `None` where the system has no home for one.
    pub fn usual() -> Option<Self> {
        Some(Self::at(files::state_folder()?.join("backtests.json")))
    }

    /// What is kept of an environment. What cannot be read is not known.
    pub fn of(&self, environment: &str) -> Option<Newest> {
        self.all().remove(environment)
    }

    fn all(&self) -> BTreeMap<String, Newest> {
        let text = files::read_regular(&self.path, LARGEST).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps it.
    ///
    /// # Errors
    /// The system's.
    pub fn keep(&self, environment: &str, newest: Newest) -> io::Result<()> {
        let mut all = self.all();
        all.insert(environment.to_owned(), newest);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // Whoever reads it meanwhile reads the one before.
        let partial = self.path.with_extension("partial");
        std::fs::write(&partial, serde_json::to_string(&all)?)?;
        std::fs::rename(&partial, &self.path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::backtest::figures::Figures;

    #[test]
    fn each_environment_has_its_newest_and_what_cannot_be_read_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::at(folder.path().join("state/backtests.json"));
        assert_eq!(kept.of("production"), None);
        let of = |deploys| Newest {
            at: chrono::DateTime::UNIX_EPOCH,
            days: 30,
            figures: Figures { deploys, ..Figures::default() },
        };
        kept.keep("production", of(3)).unwrap();
        kept.keep("staging", of(5)).unwrap();
        kept.keep("production", of(4)).unwrap();
        assert_eq!((kept.of("production"), kept.of("staging")), (Some(of(4)), Some(of(5))));
        std::fs::write(folder.path().join("state/backtests.json"), "{\"production\":").unwrap();
        assert_eq!(kept.of("production"), None);
    }
}
