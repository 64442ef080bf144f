//! A configuration that was read and checked, and may still be refused: whoever knows more of it (which themes and keys
//! there are, which secrets can be had) adds what is wrong, so that everything is told in one run.

use super::assemble::choose;
use super::at::{At, Span};
use super::environments::Checked;
use super::parse::{Kept, Owner, Reading};
use super::presets::{self, Presets};
use super::problem::{Document, Part, Problem, Problems, Whole};
use super::resolve::Resolver;
use super::schema::{Named, OneOrMany};
use super::secrets::Secrets;
use super::sources::Sources;
use super::{Config, ConfigError, KeySetting, RecordSettings, environments, parse, sources};
use crate::files;
use std::path::{Path, PathBuf};

/// A configuration that may still be refused.
#[derive(Debug)]
pub struct Draft {
    document: Document,
    folder: Option<PathBuf>,
    theme: Option<At<String>>,
    keys: Vec<KeySetting>,
    sources: Sources,
    environments: Vec<Checked>,
    record: RecordSettings,
    secrets: Vec<Kept>,
    problems: Problems,
    /// What is wrong beside the file, in sentences: a flag.
    beside: Vec<ConfigError>,
}

impl Draft {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When nothing can be known of it: it cannot be read, or is not TOML.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = files::read(path, files::SETTINGS)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
        let presets = Presets::with_folder(super::folder().map(|folder| folder.join("presets")).as_deref());
        let draft = Self::parse_with(&text, &path.display().to_string(), &presets)?;
        Ok(Self { folder: path.parent().map(Path::to_owned), ..draft })
    }

    /// Reads and checks a text, whose presets are those that are built in; `label` is its name in diagnostics.
    ///
    /// # Errors
    /// When it is not TOML.
    pub fn parse(text: &str, label: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, label, &Presets::built_in())
    }

    /// The same with these presets.
    ///
    /// # Errors
    /// When it is not TOML.
    pub fn parse_with(text: &str, label: &str, presets: &Presets) -> Result<Self, ConfigError> {
        // What some editors put before a text is no part of it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Reading { document, file, mut problems, secrets } = parse::parse(label, text)?;
        let whole = Whole { table: file.whole, environment: true };
        problems.of_table(whole, |problems| {
            if file.environments.is_empty() {
                problems.push(
                    Problem::new(&(0..0), "there is no environment in this file")
                        .way_out("see what one looks like: redflag config example")
                        .needs(Part::Table),
                );
            }
        });
        let sources = sources::check(file.sources, &mut problems);
        let uses = file.environments.iter().filter_map(|named| named.value.as_ref()?.value.preset.as_ref()).flatten();
        let (loaded, beside) = presets::named(presets, uses.map(|used| &used.value));
        let known = environments::Known { loaded: &loaded, all: presets };
        let environments = environments::check(file.environments, &sources, &known, &mut problems);
        let key = |Named { name, value }: Named<OneOrMany>| KeySetting {
            action: name.value,
            keys: match value {
                OneOrMany::One(key) => vec![key],
                OneOrMany::Many(keys) => keys,
            },
            span: name.span,
        };
        let keys = file.keys.into_iter().map(key).collect();
        let theme = file.theme;
        let record = file.record.map(|record| record.settings()).unwrap_or_default();
        Ok(Self { document, folder: None, theme, keys, sources, environments, record, secrets, problems, beside })
    }

    /// The theme's name, where one is set.
    pub fn theme(&self) -> Option<&str> {
        self.theme.as_ref().map(|theme| theme.value.as_str())
    }

    /// The keys that are set, in the file's order.
    pub fn keys(&self) -> &[KeySetting] {
        &self.keys
    }

    /// Refuses the keys of an action, at the place where they are set.
    pub fn refuse_key(&mut self, action: &str, message: &str) {
        let set = self.keys.iter().find(|setting| setting.action == action);
        let span = set.map_or(0..0, |setting| setting.span.clone());
        self.refuse(&span, message);
    }

    /// Refuses the theme, at the place where it is named.
    pub fn refuse_theme(&mut self, message: &str) {
        let span = self.theme.as_ref().map_or(0..0, |theme| theme.span.clone());
        self.refuse(&span, message);
    }

    fn refuse(&mut self, span: &Span, message: &str) {
        // A second line is the way out, as everywhere.
        let problem = match message.split_once('\n') {
            Some((message, way_out)) => Problem::new(span, message).way_out(way_out),
            None => Problem::new(span, message),
        };
        self.problems.push(problem);
    }

    /// Refuses a flag, in a sentence.
    pub fn refuse_flag(&mut self, message: String) {
        self.beside.push(ConfigError::Flag(message));
    }

    /// The first flag that was refused, whatever is wrong with the file.
    pub fn refused_flag(&self) -> Option<&ConfigError> {
        self.beside.first()
    }

    /// The configuration, where nothing is wrong with it.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let Self { document, folder, sources, environments, record, problems, mut beside, .. } = self;
        if let Err(complaints) = problems.into_result(&document) {
            beside.insert(0, ConfigError::Invalid(complaints));
        }
        if beside.len() > 1 {
            return Err(ConfigError::All(beside));
        }
        if let Some(error) = beside.pop() {
            return Err(error);
        }
        let environments = environments.into_iter().filter_map(|checked| checked.environment).collect();
        Ok(Config { document, folder, sources: sources.all, environments, record })
    }

    /// The configuration for an environment. One that is refused is refused with the secrets that cannot be had, too; of
    /// one that is not, [`Config::assemble`] asks for them.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn finish_for(mut self, wanted: Option<&str>, secrets: &dyn Secrets) -> Result<Config, ConfigError> {
        if self.problems.is_empty() && self.beside.is_empty() {
            return self.finish();
        }
        let known: Vec<(&str, bool)> = self.environments.iter().map(|one| (one.name.as_str(), one.default)).collect();
        match choose(&known, wanted) {
            Ok(place) => {
                let lost = self.lost(&self.environments[place], secrets);
                self.problems.extend(lost);
            }
            // Where `default` was refused, or the environments are, nothing is missing.
            Err(ConfigError::NoDefault { .. }) if !self.environments.iter().all(|one| one.whole) => {}
            Err(_) if self.environments.is_empty() => {}
            Err(error) => self.beside.push(error),
        }
        self.finish()
    }

    /// The secrets of an environment that cannot be had.
    fn lost(&self, environment: &Checked, secrets: &dyn Secrets) -> Problems {
        let mut resolver = Resolver::new(secrets, self.folder.as_deref());
        let reads: Vec<&str> = environment.reads.iter().map(|place| self.sources.all[*place].name.as_str()).collect();
        for Kept { owner, place } in &self.secrets {
            let needed = match owner {
                Owner::Source(name) => reads.contains(&name.as_str()),
                Owner::Environment(name) => *name == environment.name,
            };
            if needed {
                resolver.secret(place);
            }
        }
        resolver.into_problems()
    }
}
