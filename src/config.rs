//! Configuration: located, parsed, validated as a whole before anything starts, and turned into what a watch needs.
//!
//! `locate` → [`Config::load`]: `parse` turns the text into the types of `schema`; `sources`, `environments` and their
//! parts (`signals`, `rollback`, `flags`) validate those → [`Config::assemble`]: `resolve` reads the secrets and makes
//! paths absolute, and everything gets its index. `json_schema` describes the same types to editors.

mod actor;
mod assemble;
mod depends;
mod environments;
mod flags;
mod json_schema;
mod kinds;
mod limits;
mod locate;
mod objective;
mod outline;
mod parse;
mod redact;
mod resolve;
mod rollback;
mod schema;
mod signals;
mod sources;

pub use crate::settings::duration::parse_duration;
pub use crate::settings::problem::Diagnostic;
pub use crate::settings::secrets::{SecretProgram, Secrets, SystemSecrets};
pub use actor::Actor;
pub use assemble::{AssembleOptions, Assembly};
pub use json_schema::json_schema;
pub use locate::{folder, locate, search_paths};
pub use outline::{Outlined, outline};

use crate::files;
use crate::settings::{address, at, checked, duration, problem, secrets, variables};
use crate::systems::registry;
use at::At;
use environments::Environment;
use problem::{Document, Problem, Problems};
use schema::OneOrMany;
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
    theme: Option<At<String>>,
    keys: Vec<KeySetting>,
    sources: Vec<Source>,
    environments: Vec<Environment>,
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
    /// Parses and validates a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = files::read(path, files::SETTINGS)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
        let config = Self::parse(&text, &path.display().to_string())?;
        Ok(Self { folder: path.parent().map(Path::to_owned), ..config })
    }

    /// Parses and validates a text; `label` is its name in diagnostics.
    pub fn parse(text: &str, label: &str) -> Result<Self, ConfigError> {
        let (document, file) = parse::parse(label, text)?;
        let mut problems = Problems::default();
        if file.environments.is_empty() {
            problems.push(
                Problem::new(&(0..0), "there is no environment in this file")
                    .way_out("see what one looks like: redflag config example"),
            );
        }
        let written = file.sources.len();
        let sources = sources::check(file.sources, &mut problems);
        // Signals of a source that was refused would only repeat its problem.
        if sources.len() < written {
            problems.into_result(&document)?;
            problems = Problems::default();
        }
        let environments = environments::check(file.environments, &sources, &mut problems);
        problems.into_result(&document)?;
        let keys = file
            .keys
            .into_iter()
            .map(|schema::Named { name, value }| KeySetting {
                action: name.value,
                keys: match value {
                    OneOrMany::One(key) => vec![key],
                    OneOrMany::Many(keys) => keys,
                },
                span: name.span,
            })
            .collect();
        Ok(Self { document, folder: None, theme: file.theme, keys, sources, environments })
    }

    /// The theme's name, where one is set; not checked here.
    pub fn theme(&self) -> Option<&str> {
        self.theme.as_ref().map(|theme| theme.value.as_str())
    }

    /// The keys that are set, in the file's order.
    pub fn keys(&self) -> &[KeySetting] {
        &self.keys
    }

    /// The names of the environments, in the file's order.
    pub fn environments(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().map(|environment| environment.name.as_str())
    }

    /// A problem that the keymap has with an action, at the place where its keys are set.
    pub fn diagnose_key(&self, action: &str, message: &str) -> ConfigError {
        let span = self.keys.iter().find(|setting| setting.action == action).map(|setting| setting.span.clone());
        self.diagnose(span, message)
    }

    /// The problem with the theme, at the place where it is named.
    pub fn diagnose_theme(&self, message: &str) -> ConfigError {
        self.diagnose(self.theme.as_ref().map(|theme| theme.span.clone()), message)
    }

    fn diagnose(&self, span: Option<at::Span>, message: &str) -> ConfigError {
        ConfigError::Invalid(vec![self.document.diagnose(Problem::new(&span.unwrap_or(0..0), message))])
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
