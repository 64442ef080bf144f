//! From when to when a signal was bad, and from when to when nothing was known of it.

use crate::deploy::Time;
use crate::signal::SignalId;
use crate::verdict::Level;
use crate::watch::Watch;
use schemars::JsonSchema;
use serde::Serialize;

/// A signal that was a warning or a red flag, from when to when.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// The signal.
    pub signal: SignalId,
    /// [`Level::Warning`] or [`Level::RedFlag`].
    pub level: Level,
    /// When it rose.
    pub rose: Time,
    /// When it ended, and what it became; `None` where it was up at the end of the record.
    pub ended: Option<(Time, Became)>,
    /// What was said of it as it rose.
    pub said: String,
    /// Whether the signal changed with the deploy, beyond chance, as far as was known last.
    pub blames_deploy: bool,
}

impl Flag {
    /// Whether it calls for a rollback.
    pub fn is_red(&self) -> bool {
        self.level == Level::RedFlag
    }
}

/// What a flag became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// Within its limits, on enough evidence.
    Clear,
    /// A warning, after a red flag.
    Warning,
    /// A red flag, after a warning.
    RedFlag,
    /// Not known any more.
    Unknown,
}

impl From<Level> for Became {
    fn from(level: Level) -> Self {
        match level {
            Level::Clear => Self::Clear,
            Level::Warning => Self::Warning,
            Level::RedFlag => Self::RedFlag,
            Level::Insufficient | Level::NoData | Level::Stale => Self::Unknown,
        }
    }
}

/// A required signal of which nothing was known, from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// The signal.
    pub signal: SignalId,
    /// Since when.
    pub from: Time,
    /// Until when; `None` where that was so at the end of the record.
    pub to: Option<Time>,
    /// What was said of it as that began.
    pub said: String,
}

/// The spans so far, and what each signal was when it was last looked at.
#[derive(Debug)]
pub(super) struct Spans {
    levels: Vec<Level>,
    flags: Vec<Flag>,
    /// By signal, which flag of it is up.
    up: Vec<Option<usize>>,
    quiet: Vec<Quiet>,
    /// By signal, which silence of it lasts.
    lasting: Vec<Option<usize>>,
    /// Whether it was ever known: before a signal is known for the first time it is not yet missed.
    known: Vec<bool>,
}

impl Spans {
    pub(super) fn new(watch: &Watch) -> Self {
        let count = watch.findings().len();
        Self {
            levels: watch.findings().iter().map(|finding| finding.level).collect(),
            flags: Vec::new(),
            up: vec![None; count],
            quiet: Vec::new(),
            lasting: vec![None; count],
            known: vec![false; count],
        }
    }

    pub(super) fn look(&mut self, watch: &Watch) {
        for (place, finding) in watch.findings().iter().enumerate() {
            if let Some(flag) = self.up[place] {
                self.flags[flag].blames_deploy |= finding.blames_deploy;
            }
            let level = finding.level;
            if std::mem::replace(&mut self.levels[place], level) == level {
                continue;
            }
            let (signal, now) = (SignalId(place as u16), watch.now());
            if let Some(flag) = self.up[place].take() {
                self.flags[flag].ended = Some((now, level.into()));
            }
            if level >= Level::Warning {
                self.up[place] = Some(self.flags.len());
                let (said, blames_deploy) = (finding.sentence(), finding.blames_deploy);
                self.flags.push(Flag { signal, level, rose: now, ended: None, said, blames_deploy });
            }
            let is_missed = self.known[place] && watch.setup().signal(signal).required && is_silent(level);
            self.known[place] |= !level.is_unknown();
            match self.lasting[place] {
                Some(_) if is_missed => {}
                Some(silence) => {
                    self.quiet[silence].to = Some(now);
                    self.lasting[place] = None;
                }
                None if is_missed => {
                    self.lasting[place] = Some(self.quiet.len());
                    self.quiet.push(Quiet { signal, from: now, to: None, said: finding.sentence() });
                }
                None => {}
            }
        }
    }

    pub(super) fn closed(self) -> (Vec<Flag>, Vec<Quiet>) {
        (self.flags, self.quiet)
    }
}

/// Whether a source told nothing: that there were too few requests is something that it told.
const fn is_silent(level: Level) -> bool {
    matches!(level, Level::NoData | Level::Stale)
}
