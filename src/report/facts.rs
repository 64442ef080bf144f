//! The facts of a report: what was deployed, what was said of it when, what was done and how long that took, and what was
//! not known.

use super::schema;
use crate::deploy::{Time, Version};
use crate::headline;
use crate::hindsight::{Became, Ending, Flag, Hindsight, Said, Undertaking};
use crate::net::fields::is_web;
use crate::records::Kept;
use crate::rollback::Goal;
use crate::signal::{Kind, Signal, SignalId, Unit};
use crate::store::Series;
use crate::text::clean;
use crate::timeline::{Entry, Mark};
use crate::verdict::{Level, Verdict};
use crate::watch::Watch;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the JSON. It grows when a field changes its meaning or goes; a new one may come at any time.
pub(super) const VERSION: u8 = 1;

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "redflag report --format json")]
pub struct Report {
    /// The version of this JSON: 1.
    pub version: u8,
    /// The name of the record that it was made of.
    pub record: String,
    /// The program that wrote the record, with its commit.
    pub program: String,
    /// Where it was deployed to.
    pub environment: String,
    /// The services that were watched.
    pub services: Vec<String>,
    /// When the watch began.
    #[schemars(schema_with = "schema::time")]
    pub began: Time,
    /// When it ended: its last message.
    #[schemars(schema_with = "schema::time")]
    pub ended: Time,
    /// What was deployed.
    pub deploys: Vec<Deployed>,
    /// What was said of the deploy: as it was rolled back, else at the end.
    pub said: SaidTold,
    /// What was said at the end: after a rollback it is of the version that was rolled back to.
    pub at_the_end: SaidTold,
    /// From the first deploy to the first red flag, in seconds.
    pub seconds_to_detect: Option<i64>,
    /// From the first red flag until nothing was red any more, in seconds.
    pub seconds_to_restore: Option<i64>,
    /// Each warning and red flag, in the order in which they rose.
    pub flags: Vec<FlagTold>,
    /// Each rollback that was confirmed, oldest first.
    pub rollbacks: Vec<RollbackTold>,
    /// What people wrote down.
    pub notes: Vec<Moment>,
    /// What was not known, and when.
    pub not_known: Vec<String>,
    /// All that happened, oldest first.
    pub timeline: Vec<Moment>,
    /// Each signal as it was at the end, with its readings.
    pub signals: Vec<SignalTold>,
}

/// What the whole said at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SaidTold {
    /// When.
    #[schemars(schema_with = "schema::time")]
    pub at: Time,
    /// The verdict.
    #[schemars(schema_with = "schema::verdicts")]
    pub verdict: Verdict,
    /// The same in one sentence, the likely cause first.
    pub sentence: String,
    /// What stands below it: counts, since when, how sure.
    pub facts: Vec<String>,
}

/// A deploy of one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deployed {
    /// Kind and name: `deployment/app`.
    pub workload: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The version before, where it is known.
    pub from: Option<String>,
    /// The new version.
    pub to: String,
    /// Who deployed, where the cluster says so.
    pub by: Option<String>,
    /// When it was made.
    #[schemars(schema_with = "schema::time")]
    pub at: Time,
    /// When its rollout had finished; `null` where it had not.
    #[schemars(schema_with = "schema::time_or_null")]
    pub finished: Option<Time>,
}

/// A warning or a red flag, from when to when.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FlagTold {
    /// Its service.
    pub service: String,
    /// Its signal.
    pub signal: String,
    /// `warning` or `red_flag`.
    #[schemars(schema_with = "schema::levels")]
    pub level: Level,
    /// When it rose.
    #[schemars(schema_with = "schema::time")]
    pub rose: Time,
    /// When it ended; `null` where it was up at the end.
    #[schemars(schema_with = "schema::time_or_null")]
    pub ended: Option<Time>,
    /// What it became.
    pub became: Option<Became>,
    /// For how long it was up, in seconds: until the end of the record where it did not end.
    pub seconds: i64,
    /// What was said of it as it rose.
    pub sentence: String,
    /// Whether the signal changed with the deploy, beyond chance.
    pub blames_deploy: bool,
}

/// A rollback that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RollbackTold {
    /// `roll_back`, or `undo` of a rollback.
    #[schemars(schema_with = "schema::goals")]
    pub goal: Goal,
    /// The version that it went to; of several, how many.
    pub target: String,
    /// The workloads.
    pub workloads: Vec<String>,
    /// Whether the automation did it.
    pub automatic: bool,
    /// Who was at the keys, or whose automation it was.
    pub by: String,
    /// When the key was struck, or the automation acted.
    #[schemars(schema_with = "schema::time")]
    pub confirmed: Time,
    /// How long each part took.
    pub took: Took,
    /// What came of it.
    pub ending: Ending,
    /// Why it failed, or why nobody knows.
    pub why: Option<String>,
}

/// How long the parts of a rollback took, in seconds since the key; `null` for what did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Took {
    /// Until the last request was accepted.
    pub accepted: Option<i64>,
    /// Until all pods of the previous version were ready.
    pub ready: Option<i64>,
    /// Until all flags were clear.
    pub clear: Option<i64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Moment {
    /// When.
    #[schemars(schema_with = "schema::time")]
    pub at: Time,
    /// What kind of thing.
    #[schemars(schema_with = "schema::kinds_of_moments")]
    #[serde(serialize_with = "mark_name")]
    pub kind: Mark,
    /// In words.
    pub text: String,
}

/// A signal as it was at the end.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SignalTold {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// What it measures.
    #[schemars(schema_with = "schema::kinds")]
    pub kind: Kind,
    /// The unit of its readings and limits.
    #[schemars(schema_with = "schema::units")]
    pub unit: Unit,
    /// Whether the verdict waits for it.
    pub required: bool,
    /// How bad, or how unknown.
    #[schemars(schema_with = "schema::levels")]
    pub level: Level,
    /// In words: value, limit, evidence.
    pub sentence: String,
    /// Above this is a warning.
    pub warning: Option<f64>,
    /// Where a red flag begins, else where a warning does: an increase over what was usual is reckoned from that.
    pub limit: Option<f64>,
    /// What was usual before the deploy: 90 % of the readings lie between these two.
    pub usual: Option<(f64, f64)>,
    /// How far apart its readings are, in seconds.
    pub step_seconds: i64,
    /// Its readings: seconds since the beginning of the watch, which are negative before it, and the value; `null` where
    /// nothing was known.
    pub readings: Vec<(i64, Option<f64>)>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

impl Report {
    /// The report of a record.
    pub fn of(kept: &Kept) -> Self {
        let hindsight = Hindsight::of(&kept.record);
        let watch = &hindsight.watch;
        let setup = watch.setup();
        let red = hindsight.first_red().map(|flag| flag.rose);
        let between = |from: Option<Time>, to: Option<Time>| {
            from.zip(to).map(|(from, to)| (to - from).max(TimeDelta::zero()).num_seconds())
        };
        let name = kept.folder.file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            version: VERSION,
            record: clean(&name.unwrap_or_default()),
            program: clean(&kept.record.header.program),
            environment: clean(&setup.environment),
            services: setup.services.iter().map(|service| clean(&service.name)).collect(),
            began: setup.started,
            ended: watch.now(),
            deploys: deploys(watch),
            said: said_told(&hindsight.said()),
            at_the_end: said_told(&Said::of(watch)),
            seconds_to_detect: between(hindsight.deployed_at(), red),
            seconds_to_restore: between(red, hindsight.restored_at()),
            flags: hindsight.flags.iter().map(|flag| flag_told(flag, watch)).collect(),
            rollbacks: hindsight.rollbacks.iter().map(rollback_told).collect(),
            notes: watch.timeline().entries().filter(|entry| entry.mark == Mark::Note).map(moment).collect(),
            not_known: not_known(&hindsight, kept),
            timeline: watch.timeline().entries().map(moment).collect(),
            signals: signals(watch),
        }
    }
}

fn said_told(said: &Said) -> SaidTold {
    SaidTold {
        at: said.at,
        verdict: said.verdict,
        sentence: clean(&said.headline.to_string()),
        facts: said.headline.facts().iter().map(|fact| clean(fact)).collect(),
    }
}

fn deploys(watch: &Watch) -> Vec<Deployed> {
    let workloads = watch.setup().workloads.iter().zip(watch.workloads());
    let deploys = workloads.filter_map(|(workload, state)| {
        let deploy = state.deploy.as_ref()?;
        Some(Deployed {
            workload: clean(&workload.reference.to_string()),
            namespace: clean(&workload.reference.namespace),
            name: clean(&workload.reference.name),
            from: deploy.from.as_ref().map(Version::label).map(clean),
            to: clean(deploy.to.label()),
            by: deploy.by.as_deref().map(clean),
            at: deploy.at,
            finished: deploy.finished,
        })
    });
    deploys.collect()
}

fn flag_told(flag: &Flag, watch: &Watch) -> FlagTold {
    let setup = watch.setup();
    let signal = setup.signal(flag.signal);
    let until = flag.ended.map_or(watch.now(), |(at, _)| at);
    FlagTold {
        service: clean(&setup.service(signal.service).name),
        signal: clean(&signal.name),
        level: flag.level,
        rose: flag.rose,
        ended: flag.ended.map(|(at, _)| at),
        became: flag.ended.map(|(_, became)| became),
        seconds: (until - flag.rose).max(TimeDelta::zero()).num_seconds(),
        sentence: clean(&flag.said),
        blames_deploy: flag.blames_deploy,
    }
}

fn rollback_told(done: &Undertaking) -> RollbackTold {
    let since = |at: Option<Time>| at.map(|at| (at - done.confirmed).num_seconds());
    RollbackTold {
        goal: done.goal,
        target: clean(&done.target),
        workloads: done.workloads.iter().map(|workload| clean(workload)).collect(),
        automatic: done.automatic,
        by: clean(&done.by),
        confirmed: done.confirmed,
        took: Took { accepted: since(done.accepted), ready: since(done.ready), clear: since(done.clear) },
        ending: done.ending,
        why: done.why.as_deref().map(clean),
    }
}

fn moment(entry: &Entry) -> Moment {
    Moment { at: entry.at, kind: entry.mark, text: clean(&entry.text) }
}

/// What nobody knows: at the end, in between, and of the record itself.
fn not_known(hindsight: &Hindsight, kept: &Kept) -> Vec<String> {
    let watch = &hindsight.watch;
    let mut told: Vec<String> = watch.unknown_flags().iter().map(|why| clean(&format!("at the end: {why}"))).collect();
    for quiet in &hindsight.quiet {
        let signal = watch.setup().signal(quiet.signal);
        let until = quiet.to.unwrap_or(watch.now());
        let long = super::words::span((until - quiet.from).num_seconds());
        let name = &signal.name;
        told.push(clean(&format!("{name}: for {long}, from {} on: {}", utc(quiet.from), quiet.said)));
    }
    if watch.workloads().iter().all(|state| state.deploy.is_none()) {
        told.push("no deploy was found".to_owned());
    }
    if kept.record.torn.is_some() {
        told.push("the last line of the record was not written whole: one message is missing".to_owned());
    }
    if !kept.is_closed {
        told.push("the record was not ended: the watch still runs, or was killed".to_owned());
    }
    told
}

fn utc(at: Time) -> String {
    at.format("%H:%M:%S UTC").to_string()
}

fn signals(watch: &Watch) -> Vec<SignalTold> {
    let signals = watch.setup().signals.iter().zip((0..).map(SignalId));
    signals.map(|(signal, id)| signal_told(signal, id, watch)).collect()
}

fn signal_told(signal: &Signal, id: SignalId, watch: &Watch) -> SignalTold {
    let (series, finding, started): (&Series, _, Time) =
        (watch.store().series(id), watch.finding(id), watch.setup().started);
    let readings = series.readings().iter();
    SignalTold {
        service: clean(&watch.setup().service(signal.service).name),
        name: clean(&signal.name),
        kind: signal.kind,
        unit: signal.unit,
        required: signal.required,
        level: finding.level,
        sentence: clean(&finding.sentence()),
        warning: signal.limits.warning,
        limit: headline::limit(signal, series),
        usual: series.baseline().map(|baseline| (baseline.low, baseline.high)),
        step_seconds: signal.step.num_seconds(),
        readings: readings.map(|reading| ((reading.at - started).num_seconds(), reading.sample.value())).collect(),
        link: signal.link.as_deref().map(clean).filter(|link| is_web(link)),
    }
}

impl Moment {
    /// The name of its kind in JSON.
    pub(super) const fn kind_name(mark: Mark) -> &'static str {
        match mark {
            Mark::Deploy => "deploy",
            Mark::RedFlag => "red_flag",
            Mark::Warning => "warning",
            Mark::Clear => "ok",
            Mark::Unknown => "unknown",
            Mark::Rollback => "rollback",
            Mark::Event => "event",
            Mark::Note => "note",
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's own signature
fn mark_name<S: serde::Serializer>(mark: &Mark, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(Moment::kind_name(*mark))
}
