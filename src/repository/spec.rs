//! What a local clone is told. Configuration writes it, [`Repository`](super::Repository) reads it.

use std::path::PathBuf;

/// A local clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySpec {
    /// Where it is.
    pub path: PathBuf,
    /// The remote that is fetched from and pushed to.
    pub remote: String,
    /// How a version names its commit, tried in order: `$version`, `v$version`; a full or short hash as the
    /// version works without any.
    pub tags: Vec<String>,
    /// Where migrations are, beside the known places: paths with `*` and `**`.
    pub migrations: Vec<String>,
}
