//! The sentence and the line below it. The only place that makes words of a headline.

use super::{Cause, Elsewhere, Headline, Quiet, Sureness, Symptom, Trouble};
use crate::deploy::brief;
use crate::poll::Ago;
use crate::rollout::TroubleKind;
use crate::signal::{Kind, grouped};
use crate::verdict::Level;
use crate::verdict::says::Spending;
use std::fmt::{self, Display, Formatter};

/// So many consequences are told in the sentence.
const TOLD: usize = 2;

impl Display for Headline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trouble(trouble) => trouble.fmt(f),
            Self::Quiet(quiet) => quiet.fmt(f),
        }
    }
}

impl Headline {
    /// What stands below the sentence, fact by fact.
    pub fn facts(&self) -> Vec<String> {
        match self {
            Self::Trouble(trouble) => trouble.facts(),
            Self::Quiet(quiet) => quiet.facts(),
        }
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let who = self.who();
        match &self.cause {
            Cause::Pods { kind: TroubleKind::OomKilled, sentence } => {
                write!(f, "{who} runs out of memory: {sentence}")
            }
            Cause::Pods { sentence, .. } => write!(f, "{who} does not come up: {sentence}"),
            Cause::Rollout { sentence } if self.level == Level::RedFlag => {
                write!(f, "{who} does not roll out: {sentence}")
            }
            Cause::Rollout { sentence } => write!(f, "{who}: {sentence}"),
            Cause::Pool => {
                write!(f, "{who} exhausts its database pool")?;
                self.worst.value.map_or(Ok(()), |value| write!(f, " ({})", self.worst.unit.format(value)))?;
                self.consequences(f, ": ")
            }
            Cause::Memory => {
                write!(f, "{who} uses more and more memory")?;
                self.worst.value.map_or(Ok(()), |value| write!(f, " ({})", self.worst.unit.format(value)))?;
                self.consequences(f, ": ")
            }
            Cause::Issue { title, culprit } => {
                match self.worst.kind {
                    Kind::NewIssues => write!(f, "{who} has a new issue")?,
                    _ => self.symptom(f, who)?,
                }
                write!(f, ": {title}")?;
                culprit.as_ref().map_or(Ok(()), |culprit| write!(f, " ({culprit})"))
            }
            Cause::Signal(_) => {
                self.symptom(f, who)?;
                self.consequences(f, "; ")
            }
        }
    }
}

impl Trouble {
    /// Whom the sentence is about: the version where the deploy is to blame, else the service. Nobody is accused without a
    /// reason.
    pub fn who(&self) -> &str {
        match &self.version {
            Some(version) if self.sureness > Sureness::LimitOnly => version,
            _ => &self.service,
        }
    }

    /// What the worst signal says of it.
    fn symptom(&self, f: &mut Formatter<'_>, who: &str) -> fmt::Result {
        let Symptom { kind, name, unit, value, before, .. } = &self.worst;
        let shown = value.map(|value| unit.format(value));
        match (kind, shown) {
            (Kind::ErrorRate, Some(value)) => write!(f, "{who} fails {value} of requests"),
            (Kind::ServerErrors, Some(value)) => write!(f, "{who} returns server errors (5xx): {value}"),
            (Kind::Latency, Some(value)) => {
                let verb = if before.zip(self.worst.value).is_some_and(|(before, now)| now < before) {
                    "is faster than it should be"
                } else {
                    "is slower"
                };
                write!(f, "{who} {verb}: {name} {value}{}", change(&self.worst))
            }
            (Kind::Traffic, Some(value)) => write!(f, "{who} gets {value} requests{}", change(&self.worst)),
            (Kind::CrashFree, Some(value)) => write!(f, "{who} crashes: {value} of sessions are crash-free"),
            (Kind::Probe, _) => write!(f, "{who} does not answer its probe"),
            (Kind::Alerts, _) => write!(f, "{who} has alerts firing"),
            (Kind::NewIssues, _) => write!(f, "{who} has new issues"),
            (_, Some(value)) => write!(f, "{who}: {name} {value}{}", change(&self.worst)),
            (_, None) => write!(f, "{who}: {name}"),
        }
    }

    /// What follows from it, behind a colon where it is the cause of that, else behind a semicolon.
    fn consequences(&self, f: &mut Formatter<'_>, joined: &str) -> fmt::Result {
        let told: Vec<String> = self.consequences.iter().filter_map(short).take(TOLD).collect();
        if told.is_empty() { Ok(()) } else { write!(f, "{joined}{}", told.join(", ")) }
    }

    fn facts(&self) -> Vec<String> {
        let mut facts = Vec::new();
        if let Some(counted) = self.worst.counted {
            let was = self.worst.before.map(|before| format!(", was {}", self.worst.unit.format(before)));
            facts.push(format!("{counted}{}", was.unwrap_or_default()));
        } else if let Some(before) = self.worst.before {
            facts.push(format!("was {}", self.worst.unit.format(before)));
        }
        facts.extend(self.costs.as_ref().map(Spending::priced));
        match self.users {
            0 => {}
            1 => facts.push("1 user".to_owned()),
            users => facts.push(format!("{} users", grouped(users as f64))),
        }
        let is_late = self.elsewhere.iter().any(|elsewhere| matches!(elsewhere, Elsewhere::BeganLate(_)));
        if let Some(after) = self.after_deploy.filter(|_| !is_late) {
            facts.push(format!("began {} after the deploy", brief(after)));
        }
        facts.extend(self.elsewhere.iter().map(ToString::to_string));
        facts.push(self.sureness.to_string());
        if !self.beside.is_empty() {
            let names: Vec<&str> = self.beside.iter().map(|symptom| symptom.name.as_str()).take(TOLD + 1).collect();
            facts.push(format!("also {}", names.join(", ")));
        }
        facts
    }
}

/// A consequence in as few words as there are.
fn short(symptom: &Symptom) -> Option<String> {
    let value = symptom.unit.format(symptom.value?);
    Some(match symptom.kind {
        Kind::ErrorRate => format!("{value} errors"),
        _ => format!("{} {value}", symptom.name),
    })
}

/// By how much it changed: ` (+44 %)`.
fn change(symptom: &Symptom) -> String {
    symptom.change.map_or_else(String::new, |percent| {
        let sign = if percent < 0.0 { "−" } else { "+" };
        format!(" ({sign}{:.0} %)", percent.abs())
    })
}

impl Display for Sureness {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LimitOnly => f.write_str("not shown to be the deploy"),
            Self::Significant => f.write_str("significant"),
            Self::Several(signals) => write!(f, "significant in {signals} signals"),
            Self::Certain => f.write_str("seen in the new pods"),
        }
    }
}

impl Display for Elsewhere {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsBefore => f.write_str("already so before the deploy"),
            Self::VersionBeforeToo => f.write_str("the previous version fails as often"),
            Self::BeganLate(after) => write!(f, "began {} after the rollout", brief(*after)),
            Self::Ago(Ago::Day) => f.write_str("as yesterday at this time"),
            Self::Ago(Ago::Week) => f.write_str("as a week ago at this time"),
            Self::Neighbours(names) => write!(f, "{}, not deployed, as well", names.join(" and ")),
            Self::NoNewIssue => f.write_str("no new issue in the code"),
        }
    }
}

impl Display for Quiet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (ok, signals) = (self.ok, self.signals);
        if !self.deployed {
            return write!(f, "No deploy found yet; {ok} of {signals} signals ok");
        }
        if self.required_unknown > 0 {
            let what = if ok == 0 { "Nothing is known yet" } else { "No red flag seen" };
            let verb = if self.required_unknown == 1 { "is" } else { "are" };
            return write!(f, "{what}: {} of {signals} signals {verb} unknown", self.required_unknown);
        }
        let what = if self.over { "Healthy" } else { "No red flags" };
        write!(f, "{what}.  {ok} of {signals} signals ok")?;
        self.lasting.map_or(Ok(()), |lasting| write!(f, " for {}", brief(lasting)))?;
        match (self.requests, &self.version) {
            (Some(requests), Some(version)) => write!(f, " · {} requests on {version}", grouped(requests)),
            (Some(requests), None) => write!(f, " · {} requests", grouped(requests)),
            (None, _) => Ok(()),
        }
    }
}

impl Quiet {
    fn facts(&self) -> Vec<String> {
        let mut facts = Vec::new();
        if self.deployed && !self.rolled_out {
            facts.push("rolling out".to_owned());
        }
        if self.required_unknown > 0 {
            let unnamed = (self.signals - self.ok).saturating_sub(self.unknown.len());
            let more = if unnamed > 0 { format!(", {unnamed} more") } else { String::new() };
            facts.push(format!("unknown: {}{more}", self.unknown.join(", ")));
        }
        if let Some(nearest) = &self.nearest {
            let (value, limit) = (nearest.unit.format(nearest.value), nearest.unit.format(nearest.limit));
            facts.push(format!("closest to a limit: {} {value} (limit {limit})", nearest.name));
        }
        facts
    }
}
