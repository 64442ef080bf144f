//! Configuration: located, parsed, validated as a whole before anything starts, and turned into what a watch needs.
//!
//! `locate` → [`Draft::load`]: `parse` turns the text into the types of `schema`; `sources`, `environments` and their
//! parts (`signals`, `rollback`, `flags`) validate those; whoever knows the themes and the keys adds what is wrong with
//! them → [`Draft::finish_for`]: everything that is wrong at once, or a [`Config`] → [`Config::assemble`]: `resolve` reads the secrets and makes
//! paths absolute, and everything gets its index. `json_schema` describes the same types to editors.

mod actor;
mod assemble;
mod depends;
mod draft;
mod environments;
mod flags;
mod json_schema;
mod kinds;
mod limits;
mod locate;
mod objective;
mod outline;
mod parse;
pub mod presets;
mod record;
mod redact;
mod resolve;
mod rollback;
mod schema;
mod signals;
mod sources;
mod unread;

pub use crate::settings::duration::parse_duration;
pub use crate::settings::problem::Diagnostic;
pub use crate::settings::secrets::{SecretProgram, Secrets, SystemSecrets};
pub use actor::Actor;
pub use assemble::{AssembleOptions, Assembly};
pub use draft::Draft;
pub use json_schema::json_schema;
pub use locate::{folder, locate, search_paths};
pub use outline::{Outlined, outline};
pub use record::RecordSettings;
pub use unread::Unread;

use crate::settings::{address, at, checked, duration, problem, secrets, variables};
use crate::systems::registry;
use environments::Environment;
use problem::Document;
use sources::Source;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use thiserror::Error;

/// The whole of the configuration, commented: what `redflag config example` prints, and what `config.example.toml` holds.
/// Each system writes its own section; those that are only shown, because nothing else in the example reads them, come
/// last.
pub static EXAMPLE: LazyLock<String> = LazyLock::new(|| {
    let (at_work, shown): (Vec<&str>, Vec<&str>) =
        registry::SYSTEMS.iter().map(|system| system.example).partition(|section| !section.starts_with('#'));
    let sections = at_work.into_iter().chain(shown).collect::<Vec<_>>().join("\n");
    [include_str!("config/example/head.toml"), &sections, "\n", include_str!("config/example/environments.toml")]
        .concat()
});

/// A valid configuration file. Holds no secrets, only references to them.
#[derive(Debug)]
pub struct Config {
    document: Document,
    /// Where the file is: relative paths in it begin there. `None` for a text that is no file.
    folder: Option<PathBuf>,
    sources: Vec<Source>,
    environments: Vec<Environment>,
    record: RecordSettings,
}

/// What the file says of one action's keys.
#[derive(Debug, Clone, PartialEq)]
pub struct KeySetting {
    /// The action as it is written; not checked here.
    pub action: String,
    /// Its keys as they are written; not checked here.
    pub keys: Vec<String>,
    span: at::Span,
}

impl Config {
    /// Parses and validates a file; its theme and keys are not looked at.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Draft::load(path)?.finish()
    }

    /// Parses and validates a text; `label` is its name in diagnostics.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str, label: &str) -> Result<Self, ConfigError> {
        Draft::parse(text, label)?.finish()
    }

    /// What is done about records.
    pub fn record(&self) -> RecordSettings {
        self.record
    }

    /// The names of the environments, in the file's order.
    pub fn environments(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().map(|environment| environment.name.as_str())
    }
}

/// Why there is no configuration to work with. `Display` may take several lines; none ends with a line break.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// No file in any of the usual places.
    #[error(
        "no configuration found; looked for {}\nmake one with: redflag config example > redflag.toml\n\
         or see it all at work first: redflag demo",
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
    )]
    NotFound {
        /// The places, in order.
        looked: Vec<PathBuf>,
    },
    /// A file that was named is not there.
    #[error("there is no file {}, which {by} names", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What names it: a flag or a variable.
        by: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// What the file says is wrong, or a secret that it asks for cannot be had. At least one problem.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Invalid(Vec<Diagnostic>),
    /// A flag is wrong.
    #[error("{0}")]
    Flag(String),
    /// Several of these.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    All(Vec<ConfigError>),
    /// The named environment is not in the file.
    #[error("there is no environment `{name}`{}\nenvironments: {names}", suggestion(near.as_deref()))]
    UnknownEnvironment {
        /// What was named.
        name: String,
        /// What was probably meant.
        near: Option<String>,
        /// What there is.
        names: String,
    },
    /// There is no such preset.
    #[error("there is no preset `{name}`{}\npresets: {names}", suggestion(near.as_deref()))]
    UnknownPreset {
        /// What was named.
        name: String,
        /// What was probably meant.
        near: Option<String>,
        /// What there is.
        names: String,
    },
    /// No environment is named, and none is the default.
    #[error("say which environment: {names}\nor mark one in the configuration with default = true")]
    NoDefault {
        /// What there is.
        names: String,
    },
}

impl From<Vec<Diagnostic>> for ConfigError {
    fn from(complaints: Vec<Diagnostic>) -> Self {
        Self::Invalid(complaints)
    }
}

fn suggestion(near: Option<&str>) -> String {
    near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
