//! Presets: the signals of a family of metrics (`OpenTelemetry`, Istio, cAdvisor, …) as data. The files of `presets/` are
//! built in; those of the configuration folder's `presets` take their place or stand beside them.

mod builtin;
mod expand;
mod file;
mod recognise;
mod selectors;

pub use file::{Layer, Preset, PresetSignal, Sign};
pub use recognise::{Because, Decision, Found, FoundSignal, Lack, Series, Whose, recognise};

pub(super) use expand::{Loaded, expand, named};

use super::ConfigError;
use crate::files;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// More files than this in the configuration folder's `presets` are not looked at.
const MOST_FILES: usize = 200;

/// Every preset that can be named. Each is read when it is asked for.
#[derive(Debug, Clone)]
pub struct Presets {
    /// By name.
    known: BTreeMap<String, Known>,
}

/// A preset's file.
#[derive(Debug, Clone)]
struct Known {
    /// Where it is; `None` for those that are built in.
    path: Option<PathBuf>,
    /// What is in it, or why that cannot be read.
    text: Result<Cow<'static, str>, String>,
}

/// The names of the presets that are built in, sorted.
pub(super) fn built_in_names() -> impl Iterator<Item = &'static str> {
    builtin::FILES.iter().map(|(name, _)| *name)
}

impl Presets {
    /// Those that are built in.
    pub fn built_in() -> Self {
        let known = |(name, text): &(&str, &'static str)| {
            ((*name).to_owned(), Known { path: None, text: Ok(Cow::Borrowed(*text)) })
        };
        Self { known: builtin::FILES.iter().map(known).collect() }
    }

    /// Those that are built in, and the `*.toml` of a folder over them.
    pub fn with_folder(folder: Option<&Path>) -> Self {
        let mut presets = Self::built_in();
        let Some(entries) = folder.and_then(|folder| std::fs::read_dir(folder).ok()) else { return presets };
        for entry in entries.flatten().take(MOST_FILES) {
            let path = entry.path();
            let is_toml = path.extension().is_some_and(|extension| extension == "toml");
            // `NAME.test.toml` beside it is what its author tries it with.
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let Some(name) = stem.filter(|stem| is_toml && !stem.contains('.')) else { continue };
            let text = files::read(&path, files::SETTINGS).map(Cow::Owned).map_err(|error| error.to_string());
            presets.known.insert(name.to_owned(), Known { path: Some(path.clone()), text });
        }
        presets
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Where the file of a preset is; `None` for those that are built in.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.known.get(name)?.path.as_deref()
    }

    /// The file of a preset as it is written; `None` where there is no such preset.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn text(&self, name: &str) -> Option<Result<&str, ConfigError>> {
        let known = self.known.get(name)?;
        Some(known.text.as_deref().map_err(|reason| ConfigError::Unreadable {
            path: known.path.clone().unwrap_or_default(),
            reason: reason.clone(),
        }))
    }

    /// A preset; `None` where there is none of that name.
    ///
    /// # Errors
    /// All that is wrong with its file.
    pub fn get(&self, name: &str) -> Option<Result<Preset, ConfigError>> {
        let label = match self.path(name) {
            Some(path) => path.display().to_string(),
            None => format!("presets/{name}.toml"),
        };
        Some(self.text(name)?.and_then(|text| file::read(name, &label, text)))
    }

    /// All of them that can be read, by name.
    pub fn all(&self) -> Vec<Preset> {
        self.names().filter_map(|name| self.get(name)?.ok()).collect()
    }

    /// What there is, or the name that was probably meant.
    ///
    /// # Errors
    /// [`ConfigError::UnknownPreset`] where there is none of that name, and what is wrong with its file.
    pub fn named(&self, name: &str) -> Result<Preset, ConfigError> {
        self.get(name).unwrap_or_else(|| Err(self.unknown(name)))
    }

    /// That there is no preset of this name.
    pub fn unknown(&self, name: &str) -> ConfigError {
        let names: Vec<&str> = self.names().collect();
        ConfigError::UnknownPreset {
            name: name.to_owned(),
            near: super::problem::nearest(name, &names).map(ToOwned::to_owned),
            names: super::problem::list(&names),
        }
    }
}
