//! Colours by meaning: a theme gives each semantic slot a style, and knows how to do with fewer colours.

mod color;
mod ground;
mod style;

pub use color::ColorDepth;
pub use ground::Ground;

use crate::files;
use crate::settings::problem;
use crate::store::Health;
use crate::timeline::Mark;
use crate::verdict::{Level, Verdict};
use ratatui::style::Style;
use std::collections::BTreeMap;
use std::path::Path;
use thiserror::Error;
use toml::Spanned;

/// What a style is for. Panes name slots, never colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Ordinary text.
    Text,
    /// What matters less: units of time, old values, labels.
    Muted,
    /// What matters more.
    Strong,
    /// A pane's border.
    Border,
    /// The border of the pane that has the keys.
    BorderFocus,
    /// Every border while a red flag is up that nobody acknowledged.
    BorderAlarm,
    /// The first line.
    Header,
    /// The first line while the verdict is faulty.
    Alarm,
    /// The word that says that the view stands still.
    Frozen,
    /// A key in the footer and in dialogs.
    Key,
    /// The row under the cursor.
    Selection,
    /// [`Level::Clear`] and all that is well.
    Clear,
    /// [`Level::Warning`].
    Warning,
    /// [`Level::RedFlag`].
    RedFlag,
    /// The kinds of not knowing.
    Unknown,
    /// [`Verdict::Watching`].
    Watching,
    /// Readings since the deploy.
    Chart,
    /// Readings from before the deploy.
    Baseline,
    /// What was normal before the deploy, as a band in the large chart.
    Band,
    /// A limit's line and label.
    Limit,
    /// The deploy's mark in charts and timeline.
    Deploy,
    /// Pods of the new version.
    PodNew,
    /// Pods of the old version.
    PodOld,
    /// Pods that are not ready yet.
    PodPending,
    /// The ground of a dialog.
    Dialog,
}

impl Slot {
    /// Every slot with its name in theme files.
    pub const ALL: [(Self, &'static str); 25] = [
        (Self::Text, "text"),
        (Self::Muted, "muted"),
        (Self::Strong, "strong"),
        (Self::Border, "border"),
        (Self::BorderFocus, "border_focus"),
        (Self::BorderAlarm, "border_alarm"),
        (Self::Header, "header"),
        (Self::Alarm, "alarm"),
        (Self::Frozen, "frozen"),
        (Self::Key, "key"),
        (Self::Selection, "selection"),
        (Self::Clear, "clear"),
        (Self::Warning, "warning"),
        (Self::RedFlag, "red_flag"),
        (Self::Unknown, "unknown"),
        (Self::Watching, "watching"),
        (Self::Chart, "chart"),
        (Self::Baseline, "baseline"),
        (Self::Band, "band"),
        (Self::Limit, "limit"),
        (Self::Deploy, "deploy"),
        (Self::PodNew, "pod_new"),
        (Self::PodOld, "pod_old"),
        (Self::PodPending, "pod_pending"),
        (Self::Dialog, "dialog"),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(slot, _)| slot)
    }
}

impl From<Level> for Slot {
    fn from(level: Level) -> Self {
        match level {
            Level::Clear => Self::Clear,
            Level::Insufficient | Level::NoData | Level::Stale => Self::Unknown,
            Level::Warning => Self::Warning,
            Level::RedFlag => Self::RedFlag,
        }
    }
}

impl From<Verdict> for Slot {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Watching => Self::Watching,
            Verdict::Healthy => Self::Clear,
            Verdict::Degraded => Self::Warning,
            Verdict::Faulty => Self::RedFlag,
            Verdict::Inconclusive => Self::Unknown,
        }
    }
}

impl From<&Health> for Slot {
    fn from(health: &Health) -> Self {
        match health {
            Health::Waiting => Self::Muted,
            Health::Up => Self::Clear,
            Health::Partial(..) => Self::Warning,
            Health::Down(_) => Self::RedFlag,
        }
    }
}

impl From<Mark> for Slot {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Deploy => Self::Deploy,
            Mark::RedFlag => Self::RedFlag,
            Mark::Warning => Self::Warning,
            Mark::Clear => Self::Clear,
            Mark::Unknown => Self::Unknown,
            Mark::Rollback => Self::Strong,
            Mark::Event | Mark::Note => Self::Text,
        }
    }
}

/// The themes that need no file, in the order in which the key goes through them.
const BUILT_IN: [(&str, &str); 5] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("colorblind", include_str!("../../themes/colorblind.toml")),
    ("colorblind-light", include_str!("../../themes/colorblind-light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The name of the theme that goes by the terminal's ground: dark or light.
pub const AUTO: &str = "auto";
/// The end of the name of a theme's variant for a light ground.
const LIGHT: &str = "-light";

/// A style for each slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    styles: [Style; Slot::ALL.len()],
}

/// What is wrong with a theme.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ThemeError {
    /// No built-in theme and no file has this name.
    #[error("there is no theme `{name}`; {}there are {known}", near.as_ref().map_or(String::new(), |near| format!("did you mean `{near}`? ")))]
    UnknownTheme {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        near: Option<String>,
        /// What there is.
        known: String,
    },
    /// Several of these.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    All(Vec<Self>),
    /// A file that is not as it should be.
    #[error("{file}:{line}: {text}")]
    Invalid {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what was expected.
        text: String,
    },
    /// A file that cannot be read.
    #[error("{file}: {text}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's words.
        text: String,
    },
}

impl ThemeError {
    /// One of these, or all of them; `None` where there is none.
    fn of(mut errors: Vec<Self>) -> Option<Self> {
        match errors.len() {
            0 | 1 => errors.pop(),
            _ => Some(Self::All(errors)),
        }
    }

    /// Each by itself.
    pub fn each(self) -> Vec<Self> {
        match self {
            Self::All(errors) => errors.into_iter().flat_map(Self::each).collect(),
            one => vec![one],
        }
    }
}

impl Theme {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The style of a slot.
    pub const fn style(&self, slot: Slot) -> Style {
        self.styles[slot as usize]
    }

    /// The same theme for a terminal with fewer colours.
    #[must_use]
    pub fn reduced(&self, depth: ColorDepth) -> Self {
        Self { name: self.name.clone(), styles: self.styles.map(|style| color::reduce(style, depth)) }
    }

    /// Reads a theme file over `base`: slots that it leaves out stay as they are there.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(name: &str, file: &str, text: &str, base: &Self) -> Result<Self, ThemeError> {
        let invalid = |at: usize, message: String| ThemeError::Invalid {
            file: file.to_owned(),
            line: 1 + text[..at.min(text.len())].matches('\n').count(),
            text: message,
        };
        let slots: BTreeMap<Spanned<String>, Spanned<String>> = toml::from_str(text)
            .map_err(|error| invalid(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let mut theme = Self { name: name.to_owned(), styles: base.styles };
        let mut errors = Vec::new();
        for (key, value) in slots {
            let Some(slot) = Slot::named(key.get_ref()) else {
                let nearest = nearest(key.get_ref(), Slot::ALL.iter().map(|(_, name)| *name));
                errors.push(invalid(key.span().start, format!("unknown slot `{}`{nearest}", key.get_ref())));
                continue;
            };
            match style::parse(value.get_ref()) {
                Ok(style) => theme.styles[slot as usize] = style,
                Err(message) => errors.push(invalid(value.span().start, message)),
            }
        }
        ThemeError::of(errors).map_or(Ok(theme), Err)
    }

    fn read(name: &str, path: &Path, base: &Self) -> Result<Self, ThemeError> {
        let file = path.display().to_string();
        let text = files::read_regular(path, files::SETTINGS)
            .map_err(|error| ThemeError::Unreadable { file: file.clone(), text: error.to_string() })?;
        Self::parse(name, &file, &text, base)
    }
}

/// `; did you mean …?`, where something is near enough.
fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    problem::nearest(wrong, &known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// Every theme there is, and the one in use. All are read at the start: no key ever waits for a disk.
///
/// `auto` is dark or light as the terminal's ground is; any other that has a variant for a light ground (`NAME-light`) is
/// that one there.
#[derive(Debug, Clone, PartialEq)]
pub struct Themes {
    all: Vec<Theme>,
    /// The name that was chosen.
    chosen: String,
    ground: Ground,
    /// The theme that this comes to.
    current: usize,
}

impl Themes {
    /// The built-in themes and those of a folder (`NAME.toml`; one named like a built-in one changes it, any
    /// other starts from dark, or from light where its name says so), reduced to `depth`, with `chosen` in use.
    ///
    /// # Errors
    /// Every file in the folder that cannot be read or is invalid, and a name that is not there.
    pub fn load(chosen: &str, folder: Option<&Path>, depth: ColorDepth) -> Result<Self, ThemeError> {
        let mut all = built_in();
        let mut errors = Vec::new();
        for path in folder.map(theme_files).transpose()?.unwrap_or_default() {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let place = all.iter().position(|theme| theme.name == name);
            let base = &all[place.unwrap_or_else(|| usize::from(name.ends_with(LIGHT)))];
            // One that is refused has its name all the same: it is not unknown.
            let theme = Theme::read(&name, &path, base).unwrap_or_else(|error| {
                errors.push(error);
                Theme { name: name.to_string(), styles: base.styles }
            });
            match place {
                Some(place) => all[place] = theme,
                None => all.push(theme),
            }
        }
        if chosen != AUTO && !all.iter().any(|theme| theme.name == chosen) {
            let known: Vec<&str> = std::iter::once(AUTO).chain(all.iter().map(Theme::name)).collect();
            let near = problem::nearest(chosen, &known).map(ToOwned::to_owned);
            errors.push(ThemeError::UnknownTheme { name: chosen.to_owned(), near, known: known.join(", ") });
        }
        if let Some(error) = ThemeError::of(errors) {
            return Err(error);
        }
        Ok(Self::of(&all, chosen, depth))
    }

    /// Those that need no file, by the terminal's ground.
    pub fn usual(depth: ColorDepth) -> Self {
        Self::of(&built_in(), AUTO, depth)
    }

    fn of(all: &[Theme], chosen: &str, depth: ColorDepth) -> Self {
        let all = all.iter().map(|theme| theme.reduced(depth)).collect();
        let mut themes = Self { all, chosen: chosen.to_owned(), ground: Ground::default(), current: 0 };
        themes.resolve();
        themes
    }

    /// The theme in use.
    pub fn current(&self) -> &Theme {
        &self.all[self.current]
    }

    /// The name that was chosen, and in brackets the theme that it comes to where that is another.
    pub fn label(&self) -> String {
        let current = self.current().name();
        if current == self.chosen { current.to_owned() } else { format!("{} ({current})", self.chosen) }
    }

    /// Takes the terminal's ground in; says whether that made another theme of it.
    pub fn set_ground(&mut self, ground: Ground) -> bool {
        let before = self.current;
        self.ground = ground;
        self.resolve();
        self.current != before
    }

    /// Takes the next one, the first after the last. A variant is not gone through by itself.
    pub fn advance(&mut self) {
        let is_variant = |name: &str| name.strip_suffix(LIGHT).is_some_and(|base| self.place(base).is_some());
        let names = std::iter::once(AUTO).chain(self.all.iter().map(Theme::name));
        let names: Vec<&str> = names.filter(|name| !is_variant(name) || *name == self.chosen).collect();
        let place = names.iter().position(|name| *name == self.chosen).unwrap_or(0);
        self.chosen = names[(place + 1) % names.len()].to_owned();
        self.resolve();
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|theme| theme.name == name)
    }

    /// Finds what the chosen name comes to on this ground.
    fn resolve(&mut self) {
        let found = match (self.chosen.as_str(), self.ground) {
            (AUTO, Ground::Dark) => self.place("dark"),
            (AUTO, Ground::Light) => self.place("light"),
            (name, Ground::Light) => self.place(&format!("{name}{LIGHT}")).or_else(|| self.place(name)),
            (name, Ground::Dark) => self.place(name),
        };
        self.current = found.unwrap_or(self.current);
    }
}

/// The themes that need no file. One that could not be read would be without any style; a test reads them all.
fn built_in() -> Vec<Theme> {
    let blank = Theme { name: String::new(), styles: [Style::new(); Slot::ALL.len()] };
    let read = |(name, text): (&str, &str)| {
        Theme::parse(name, &format!("themes/{name}.toml"), text, &blank).unwrap_or_else(|_| blank.clone())
    };
    BUILT_IN.map(read).into()
}

/// The names of all themes there are, those of a folder behind the built-in ones; no file is read.
pub fn names(folder: Option<&Path>) -> Vec<String> {
    let mut names = vec![AUTO.to_owned()];
    names.extend(BUILT_IN.map(|(name, _)| name.to_owned()));
    for path in folder.and_then(|folder| theme_files(folder).ok()).unwrap_or_default() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The theme files of a folder by name; none where there is no folder.
fn theme_files(folder: &Path) -> Result<Vec<std::path::PathBuf>, ThemeError> {
    let unreadable =
        |error: std::io::Error| ThemeError::Unreadable { file: folder.display().to_string(), text: error.to_string() };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod luminance;
#[cfg(test)]
mod tests;
