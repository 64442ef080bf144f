//! Colours by meaning: a theme gives each semantic slot a style, and knows how to do with fewer colours.

mod color;
mod ground;
mod style;

pub use color::ColorDepth;
pub use ground::Ground;

use crate::files;
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
    #[error("there is no theme `{name}`; there are {known}")]
    UnknownTheme {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
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
    pub fn parse(name: &str, file: &str, text: &str, base: &Self) -> Result<Self, ThemeError> {
        let invalid = |at: usize, message: String| ThemeError::Invalid {
            file: file.to_owned(),
            line: 1 + text[..at.min(text.len())].matches('\n').count(),
            text: message,
        };
        let slots: BTreeMap<Spanned<String>, Spanned<String>> = toml::from_str(text)
            .map_err(|error| invalid(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let mut theme = Self { name: name.to_owned(), styles: base.styles };
        for (key, value) in slots {
            let Some(slot) = Slot::named(key.get_ref()) else {
                let nearest = nearest(key.get_ref(), Slot::ALL.iter().map(|(_, name)| *name));
                return Err(invalid(key.span().start, format!("unknown slot `{}`{nearest}", key.get_ref())));
            };
            theme.styles[slot as usize] =
                style::parse(value.get_ref()).map_err(|message| invalid(value.span().start, message))?;
        }
        Ok(theme)
    }
}

/// `; did you mean …?`, where something is near enough.
fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
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
    /// A file in the folder that cannot be read or is invalid, or a name that is not there.
    pub fn load(chosen: &str, folder: Option<&Path>, depth: ColorDepth) -> Result<Self, ThemeError> {
        let blank = Theme { name: String::new(), styles: [Style::new(); Slot::ALL.len()] };
        let mut all = Vec::with_capacity(BUILT_IN.len());
        for (name, text) in BUILT_IN {
            all.push(Theme::parse(name, &format!("themes/{name}.toml"), text, &blank)?);
        }
        for path in folder.map(theme_files).transpose()?.unwrap_or_default() {
            let file = path.display().to_string();
            let text = files::read_regular(&path, files::SETTINGS)
                .map_err(|error| ThemeError::Unreadable { file: file.clone(), text: error.to_string() })?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            match all.iter().position(|theme| theme.name == name) {
                Some(index) => all[index] = Theme::parse(&name, &file, &text, &all[index])?,
                None => {
                    let base = usize::from(name.ends_with(LIGHT));
                    all.push(Theme::parse(&name, &file, &text, &all[base])?);
                }
            }
        }
        if chosen != AUTO && !all.iter().any(|theme| theme.name == chosen) {
            let known: Vec<&str> = std::iter::once(AUTO).chain(all.iter().map(Theme::name)).collect();
            return Err(ThemeError::UnknownTheme { name: chosen.to_owned(), known: known.join(", ") });
        }
        let all = all.iter().map(|theme| theme.reduced(depth)).collect();
        let mut themes = Self { all, chosen: chosen.to_owned(), ground: Ground::default(), current: 0 };
        themes.resolve();
        Ok(themes)
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ratatui::style::{Color, Modifier};

    fn themes(depth: ColorDepth) -> Themes {
        Themes::load("dark", None, depth).unwrap()
    }

    #[test]
    fn the_slots_names_stand_where_their_numbers_say() {
        for (index, (slot, _)) in Slot::ALL.into_iter().enumerate() {
            assert_eq!(slot as usize, index);
        }
    }

    #[test]
    fn every_built_in_theme_fills_every_slot_by_itself() {
        for (name, text) in BUILT_IN {
            let table: toml::Table = text.parse().unwrap();
            assert_eq!(table.len(), Slot::ALL.len(), "{name}");
        }
    }

    #[test]
    fn the_key_goes_through_all_themes_and_back_to_the_first() {
        let mut themes = themes(ColorDepth::True);
        let mut labels = |ground: Ground| {
            themes.set_ground(ground);
            let step = |_| {
                themes.advance();
                themes.label()
            };
            (0..5).map(step).collect::<Vec<String>>()
        };
        assert_eq!(labels(Ground::Dark), ["light", "colorblind", "mono", "auto (dark)", "dark"]);
        let light = ["light", "colorblind (colorblind-light)", "mono", "auto (light)", "dark"];
        assert_eq!(labels(Ground::Light), light);
    }

    #[test]
    fn the_theme_goes_by_the_terminal_s_ground_unless_one_is_named() {
        let on_light = |chosen: &str| {
            let mut themes = Themes::load(chosen, None, ColorDepth::True).unwrap();
            let is_another = themes.set_ground(Ground::Light);
            (themes.current().name().to_owned(), is_another)
        };
        assert_eq!(on_light("auto"), ("light".to_owned(), true));
        assert_eq!(on_light("colorblind"), ("colorblind-light".to_owned(), true));
        assert_eq!(on_light("dark"), ("dark".to_owned(), false), "who names it wants it");
        assert_eq!(on_light("mono"), ("mono".to_owned(), false));
        assert_eq!(Themes::load("auto", None, ColorDepth::True).unwrap().current().name(), "dark");
    }

    #[test]
    fn a_theme_without_colours_has_none() {
        let mut themes = themes(ColorDepth::None);
        for _ in 0..5 {
            themes.advance();
            let theme = themes.current();
            for (slot, name) in Slot::ALL {
                let style = theme.style(slot);
                assert!(style.fg.is_none() && style.bg.is_none(), "{} {name}", theme.name());
            }
            assert!(theme.style(Slot::Alarm).add_modifier.contains(Modifier::REVERSED), "{}", theme.name());
        }
    }

    #[test]
    fn a_file_named_like_a_built_in_theme_changes_only_what_it_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dark.toml"), "clear = \"bold #00ff00\"\n").unwrap();
        std::fs::write(folder.path().join("house.toml"), "clear = \"cyan\"\n").unwrap();
        let themes = Themes::load("house", Some(folder.path()), ColorDepth::True).unwrap();
        assert_eq!(themes.current().style(Slot::Clear).fg, Some(Color::Cyan));
        assert_eq!(
            names(Some(folder.path())),
            ["auto", "dark", "light", "colorblind", "colorblind-light", "mono", "house"]
        );
        assert_eq!(themes.all[0].style(Slot::Clear).fg, Some(Color::Rgb(0, 255, 0)));
        assert_eq!(themes.all[0].style(Slot::Unknown), self::themes(ColorDepth::True).current().style(Slot::Unknown));
    }

    #[test]
    fn a_file_that_is_larger_than_any_theme_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join("house.toml")).unwrap().set_len(3 << 30).unwrap();
        let error = Themes::load("dark", Some(folder.path()), ColorDepth::True).unwrap_err().to_string();
        assert!(error.contains("it has 3 GiB, and no more than 1 MiB is read: is it the right file?"), "{error}");
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_the_nearest_right_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("house.toml");
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let error = Themes::load("dark", Some(folder.path()), ColorDepth::True).unwrap_err();
            error.to_string().replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(
            error("clear = \"green\"\nred_flags = \"red\"\n"),
            "house.toml:2: unknown slot `red_flags`; did you mean `red_flag`?"
        );
        assert_eq!(
            error("clear = \"grene\"\n"),
            "house.toml:1: `grene` is neither a colour (a name, #rrggbb, 0 to 255) nor one of bold, dim, italic, \
             underline, reverse; did you mean `green`?"
        );
        assert!(error("\nclear = 3\n").starts_with("house.toml:2: "), "{}", error("\nclear = 3\n"));
    }

    #[test]
    fn a_theme_that_is_not_there_is_refused_with_those_that_are() {
        let error = Themes::load("solarized", None, ColorDepth::True).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no theme `solarized`; there are auto, dark, light, colorblind, colorblind-light, mono"
        );
    }

    /// The relative luminance of WCAG 2.
    fn luminance(color: Color) -> f64 {
        let Color::Rgb(red, green, blue) = color else { panic!("{color:?} is what the terminal makes of it") };
        let part = |value: u8| {
            let share = f64::from(value) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Black, what most dark terminals have, and the lightest that are still called dark.
    const DARK: [u32; 4] = [0x0000_0000, 0x001e_1e1e, 0x0028_2a36, 0x002e_3440];
    /// White, and paper.
    const PALE: [u32; 3] = [0x00ff_ffff, 0x00fd_f6e3, 0x00ef_f1f5];

    /// Lines and areas: what nobody reads.
    const DRAWN: [Slot; 5] = [Slot::Border, Slot::BorderAlarm, Slot::Baseline, Slot::Band, Slot::Chart];

    #[test]
    fn text_can_be_read_on_the_ground_that_a_theme_is_for() {
        let themes = [("dark", &DARK[..]), ("colorblind", &DARK), ("light", &PALE), ("colorblind-light", &PALE)];
        for (name, grounds) in themes {
            let themes = Themes::load(name, None, ColorDepth::True).unwrap();
            let theme = themes.current();
            let row = theme.style(Slot::Selection).bg.unwrap();
            let grounds: Vec<Color> = grounds.iter().copied().map(Color::from_u32).chain([row]).collect();
            for (slot, word) in Slot::ALL.into_iter().filter(|(slot, _)| !DRAWN.contains(slot)) {
                let style = theme.style(slot);
                let Some(ink @ Color::Rgb(..)) = style.fg else { continue };
                for ground in style.bg.map_or(grounds.clone(), |own| vec![own]) {
                    let found = contrast(ink, ground);
                    assert!(found >= 4.5, "{name}: {word} has {found:.2} on {ground:?}");
                }
            }
        }
    }

    #[test]
    fn with_256_colours_it_can_be_read_as_well() {
        let themes =
            [("dark", &DARK[..2]), ("colorblind", &DARK[..2]), ("light", &PALE[..1]), ("colorblind-light", &PALE[..1])];
        for (name, grounds) in themes {
            let themes = Themes::load(name, None, ColorDepth::Indexed256).unwrap();
            let rgb = |color: Color| match color {
                Color::Indexed(index) => color::rgb(index),
                other => other,
            };
            for (slot, word) in Slot::ALL.into_iter().filter(|(slot, _)| !DRAWN.contains(slot)) {
                let style = themes.current().style(slot);
                let Some(ink @ Color::Indexed(_)) = style.fg else { continue };
                let own = style.bg.map(rgb);
                for ground in own.map_or(grounds.iter().copied().map(Color::from_u32).collect(), |own| vec![own]) {
                    let found = contrast(rgb(ink), ground);
                    assert!(found >= 4.5, "{name}: {word} has {found:.2} on {ground:?}");
                }
            }
        }
    }
}
