//! Vocabulary: feature flags, what their providers report, and the result of turning one off without a rollback.

use crate::deploy::Time;
use crate::rollback::Blocked;
use crate::setup::{FlagSystem, FlagSystemId};
use serde::{Deserialize, Serialize};

/// Which flag: its key means something only in the system that keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlagId {
    /// Where it is kept.
    pub system: FlagSystemId,
    /// Its key there.
    pub key: String,
}

/// One flag, as its system told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureFlag {
    /// Its key.
    pub key: String,
    /// Whether it is on.
    pub state: FlagState,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// What is known of a flag's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagState {
    /// Its system told.
    Told(FlagStatus),
    /// It could not be read this time: why.
    Unread(String),
    /// Its system has no way of telling: why.
    Untold(String),
}

impl FlagState {
    /// Whether it is on; `None` where nobody knows.
    pub const fn is_on(&self) -> Option<bool> {
        match self {
            Self::Told(standing) => Some(standing.on),
            Self::Unread(_) | Self::Untold(_) => None,
        }
    }
}

/// A flag's state in one environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FlagStatus {
    /// Whether it is on at all.
    pub on: bool,
    /// For whom, where the system tells.
    pub rollout: Option<Rollout>,
    /// When it was last changed, where the system tells.
    pub changed: Option<Time>,
    /// By whom, where the system tells.
    pub changed_by: Option<String>,
}

/// For whom a flag is on while it is on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// So many percent of everybody, from 0 to 100.
    pub percent: f64,
    /// Whether rules, targets or constraints decide for some people besides.
    pub has_rules: bool,
}

impl Rollout {
    /// The same for a flag that is on only for those in this share, too: at most the smaller of the two, for nobody
    /// tells how they overlap. `None`: a share that is not known.
    #[must_use]
    pub fn within(self, share: Option<Self>) -> Self {
        match share {
            Some(share) => Self {
                percent: self.percent.min(share.percent.clamp(0.0, 100.0)),
                has_rules: self.has_rules || share.has_rules,
            },
            None => Self { has_rules: true, ..self },
        }
    }
}

/// All flags that a system of feature flags has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// In the configuration's order; where it names none, those first that are on, and then by key.
    pub flags: Vec<FeatureFlag>,
    /// How many more the project has than are listed.
    pub unlisted: usize,
    /// Why its system would not let us turn any of them off, where it says so in advance.
    pub denied: Option<Blocked>,
}

impl Listing {
    /// All flags of a project, of which so many at most are listed: those that are on before any that is off.
    pub fn of_project(mut flags: Vec<FeatureFlag>, unread: usize, most: usize) -> Self {
        flags.sort_by(|one, other| {
            let rank = |flag: &FeatureFlag| flag.state.is_on() != Some(true);
            rank(one).cmp(&rank(other)).then_with(|| one.key.cmp(&other.key))
        });
        let unlisted = flags.len().saturating_sub(most) + unread;
        flags.truncate(most);
        Self { flags, unlisted, denied: None }
    }
}

impl Permission {
    /// Why we certainly may not.
    pub fn denied(self) -> Option<Blocked> {
        match self {
            Self::Denied(blocked) => Some(blocked),
            Self::Given | Self::Untold(_) => None,
        }
    }
}

/// Whether we may turn flags off, as their system says it in advance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// We may.
    Given,
    /// We may not, and what would help.
    Denied(Blocked),
    /// It does not say: why.
    Untold(String),
}

/// A request to turn a flag off. It is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The flag's key.
    pub key: String,
    /// Who wants it: `ana@laptop`.
    pub actor: String,
    /// Why: what the red flags say; empty where none is up.
    pub reason: String,
    /// When it was confirmed.
    pub at: Time,
}

/// What came back to an [`Order`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was taken. Whether the flag is off has to be read.
    Accepted,
    /// It was not taken, and nothing was changed.
    Refused(Blocked),
    /// Nobody knows whether it was taken: why.
    Unknown(String),
}

/// Something to be done about a system of feature flags.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// Read all flags; comes back as [`News::Read`].
    Read,
    /// Turn a flag off, once; comes back as [`News::Answered`].
    TurnOff(Order),
    /// Read whether this flag is off now; comes back as [`News::ReadBack`].
    ReadBack(String),
}

/// What a system of feature flags said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// All its flags, or why they could not be read.
    Read(Result<Listing, String>),
    /// To the order for the flag with this key.
    Answered(String, Answer),
    /// The state of the flag with this key.
    ReadBack(String, FlagState),
}

/// When programs hear of a flag that was turned off: each SDK takes its time.
pub const fn when_programs_hear(system: FlagSystem) -> &'static str {
    match system {
        FlagSystem::Unleash => "clients poll Unleash about every 15 s: some serve the feature until then",
        FlagSystem::LaunchDarkly => "streaming clients see it within seconds, polling clients at their next poll",
        FlagSystem::Webhook => "clients see it when their SDK next polls",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_on_are_listed_before_any_that_is_off() {
        let flag = |number: usize| {
            let on = [150, 180, 220, 235].contains(&number);
            let state = FlagState::Told(FlagStatus { on, ..FlagStatus::default() });
            FeatureFlag { key: format!("flag-{number:03}"), state, link: None }
        };
        let listing = Listing::of_project((0..236).map(flag).collect(), 10, 200);
        let on: Vec<&str> =
            listing.flags.iter().take_while(|flag| flag.state.is_on() == Some(true)).map(|flag| &*flag.key).collect();
        assert_eq!(on, ["flag-150", "flag-180", "flag-220", "flag-235"]);
        assert_eq!((listing.flags.len(), listing.unlisted), (200, 46));
    }
}
