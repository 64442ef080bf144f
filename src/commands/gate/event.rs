//! What a gate tells: data first, a JSON object or a line for people made of it last.

use crate::headline::{self, Headline};
use crate::outcome::Outcome;
use crate::output;
use crate::signal::{SignalId, Unit};
use crate::verdict::{Level, Verdict};
use crate::watch::Watch;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::fmt;

/// The version of the lines. It grows when a field changes its meaning or goes; a new one may come at any time.
pub(super) const VERSION: u8 = 1;

/// One line of `--output json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "A line of `redflag gate --output json`")]
pub(super) struct Line {
    /// The version of these lines: 1.
    pub(super) version: u8,
    /// When, RFC 3339 in UTC.
    pub(super) at: String,
    /// What happened.
    #[serde(flatten)]
    pub(super) event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Event {
    /// A deploy was found.
    Deploy {
        /// Kind and name: `deployment/app`.
        workload: String,
        /// The version before, where it is known.
        from: Option<String>,
        /// The new version.
        to: String,
    },
    /// What is said of a signal turned.
    Finding(Box<SignalSays>),
    /// What the whole says turned.
    Verdict(WatchSays),
    /// A step of a rollback.
    Rollback {
        /// In words.
        text: String,
    },
    /// It cannot be told yet.
    Wait {
        /// So many seconds more until the window is over; 0 while its last readings come in, `null` before the rollout has
        /// finished.
        seconds: Option<i64>,
        /// About how many requests are seen in them, where the traffic is known.
        requests: Option<u64>,
    },
    /// The gate is left; the last line.
    End {
        /// The exit status.
        status: u8,
        /// What the whole said.
        #[serde(flatten)]
        says: WatchSays,
    },
}

/// What is said of a signal.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct SignalSays {
    /// Its service.
    service: String,
    /// Its name.
    signal: String,
    /// How bad, or how unknown.
    #[schemars(schema_with = "levels")]
    level: Level,
    /// What it was before.
    #[schemars(schema_with = "level_before")]
    was: Option<Level>,
    /// In words: value, limit, evidence.
    sentence: String,
    /// The newest value, in the signal's unit.
    value: Option<f64>,
    /// Where a red flag begins, else where a warning does.
    limit: Option<f64>,
    /// The unit of value and limit.
    #[schemars(schema_with = "units")]
    unit: Unit,
    /// Whether it changed with this deploy.
    blames_deploy: bool,
    /// Where a person can look at it.
    link: Option<String>,
}

/// What the whole says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct WatchSays {
    /// The verdict.
    #[schemars(schema_with = "verdicts")]
    verdict: Verdict,
    /// In one sentence, the likely cause first.
    sentence: String,
    /// What stands below it: counts, since when, how sure.
    facts: Vec<String>,
    /// The required signals of which nothing is known, and why.
    missing: Vec<String>,
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Level::ALL })
}

fn level_before(_: &mut SchemaGenerator) -> Schema {
    let levels = Level::ALL.into_iter().map(Some).chain([None]);
    json_schema!({ "type": ["string", "null"], "enum": levels.collect::<Vec<_>>() })
}

fn verdicts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Verdict::ALL })
}

fn units(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Unit::ALL })
}

/// The JSON schema of the lines.
pub(super) fn schema() -> String {
    output::schema::<Line>()
}

impl SignalSays {
    pub(super) fn of(watch: &Watch, id: SignalId, was: Option<Level>) -> Self {
        let (signal, finding) = (watch.setup().signal(id), watch.finding(id));
        let series = watch.store().series(id);
        Self {
            service: watch.setup().service(signal.service).name.clone(),
            signal: signal.name.clone(),
            level: finding.level,
            was,
            sentence: finding.sentence(),
            value: series.last().and_then(|reading| reading.sample.value()),
            limit: headline::limit(signal, series),
            unit: signal.unit,
            blames_deploy: finding.blames_deploy,
            link: signal.link.clone(),
        }
    }

    /// Whether whoever reads a pipeline's log must see it.
    pub(super) const fn is_bad(&self) -> bool {
        matches!(self.level, Level::RedFlag)
    }

    /// Which signal, where there are several services.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.service, self.signal)
    }

    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl WatchSays {
    pub(super) fn of(watch: &Watch) -> Self {
        let headline = Headline::of(watch, None);
        let setup = watch.setup();
        let signals = setup.signals.iter().zip(watch.findings());
        let unknown = signals.filter(|(signal, finding)| signal.required && finding.level.is_unknown());
        Self {
            verdict: watch.verdict(),
            sentence: headline.to_string(),
            facts: headline.facts(),
            missing: unknown.map(|(signal, finding)| format!("{}: {}", signal.name, finding.sentence())).collect(),
        }
    }

    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }

    pub(super) fn facts(&self) -> &[String] {
        &self.facts
    }

    pub(super) fn missing(&self) -> &[String] {
        &self.missing
    }

    pub(super) const fn label(&self) -> &'static str {
        self.verdict.label()
    }
}

impl Event {
    /// Whether whoever reads a log must see it: nothing that goes well, and no waiting.
    pub(super) fn is_news(&self) -> bool {
        match self {
            Self::Finding(says) => says.is_bad(),
            Self::Verdict(_) | Self::Rollback { .. } | Self::End { .. } => true,
            Self::Deploy { .. } | Self::Wait { .. } => false,
        }
    }

    /// The end, with its exit status.
    pub(super) fn end(watch: &Watch, outcome: Outcome) -> Self {
        Self::End { status: outcome.status(), says: WatchSays::of(watch) }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy { workload, from: Some(from), to } => write!(f, "{workload}: {from} → {to}"),
            Self::Deploy { workload, from: None, to } => write!(f, "{workload}: {to}"),
            Self::Finding(says) => write!(f, "{}  {}: {}", says.level.label(), says.name(), says.sentence),
            Self::Verdict(says) => write!(f, "{}  {}", says.label(), says.sentence),
            Self::Rollback { text } => write!(f, "rollback  {text}"),
            Self::Wait { seconds: None, .. } => f.write_str("not yet: the rollout has not finished"),
            Self::Wait { seconds: Some(0), .. } => f.write_str("not yet: waiting for the last readings of the window"),
            Self::Wait { seconds: Some(seconds), requests } => {
                let left = crate::rollback::describe::span(chrono::TimeDelta::seconds(*seconds));
                write!(f, "not yet: {left} more")?;
                match requests {
                    Some(requests) => write!(f, " at this traffic (about {requests} requests)"),
                    None => Ok(()),
                }
            }
            Self::End { status, says } => {
                write!(f, "{}  {}", says.label(), says.sentence)?;
                if !says.facts.is_empty() {
                    write!(f, "; {}", says.facts.join(" · "))?;
                }
                for missing in &says.missing {
                    write!(f, "\n          unknown: {missing}")?;
                }
                write!(f, "\n          exit status {status}")
            }
        }
    }
}
