//! Signals, checked and made once for each service that they speak of.

pub(super) mod keys;
mod reading;
mod texts;

use super::address::{self, Tail};
use super::at::{At, Span};
use super::limits;
use super::objective;
use super::problem::{Part, Problem, Problems, Whole};
use super::schema;
use super::sources::Sources;
use super::variables::{Variables, pods, workloads};
use crate::deploy::{ServiceId, WorkloadId};
pub(super) use crate::settings::index;
use crate::setup::Workload;
use crate::signal::{Kind, Limits, Objective, Unit};
use crate::systems::questions::{Expr, ReleaseWant};
use chrono::TimeDelta;
use reading::{Reading, STEPS};
use std::collections::BTreeSet;
use std::time::Duration;

/// More signals than this are a mistake, and beyond what a screen or a source could carry.
const MOST: usize = 1000;

/// A signal of one service.
#[derive(Debug)]
pub(super) struct Signal {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) service: ServiceId,
    pub(super) read: Read,
    pub(super) required: bool,
    pub(super) limits: Limits,
    pub(super) objective: Option<Objective>,
    pub(super) step: TimeDelta,
    pub(super) link: Option<String>,
    /// Where it is written: its question, or its kind.
    pub(super) written: Option<Span>,
    /// Whether it stands in the file itself.
    is_written: bool,
    /// The preset that brought it.
    preset: Option<String>,
}

impl Signal {
    /// Whether both would be shown by the same name.
    fn is_twin(&self, other: &Self) -> bool {
        self.service == other.service && self.name == other.name
    }
}

/// How a signal is read. Sources by their index in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Read {
    Rollout(WorkloadId),
    Series {
        source: usize,
        datasource: String,
        expr: Expr,
        scale: f64,
        unit_is_stated: bool,
        scrape: Option<TimeDelta>,
    },
    Alerts {
        source: usize,
        filter: String,
    },
    Release {
        source: usize,
        projects: Vec<String>,
        release: String,
        want: ReleaseWant,
        filter: Option<String>,
    },
    Probe {
        url: String,
        status: Option<u16>,
        timeout: Duration,
    },
}

impl Read {
    /// The place of its source in the file; probes and rollouts have none.
    pub(super) fn source(&self) -> Option<usize> {
        match self {
            Self::Series { source, .. } | Self::Alerts { source, .. } | Self::Release { source, .. } => Some(*source),
            Self::Rollout(_) | Self::Probe { .. } => None,
        }
    }
}

/// What a signal is checked against.
pub(super) struct Place<'a> {
    pub(super) environment: &'a str,
    pub(super) url: Option<String>,
    pub(super) namespace: &'a str,
    pub(super) services: &'a [String],
    pub(super) workloads: &'a [Workload],
    pub(super) window: TimeDelta,
    pub(super) baseline: TimeDelta,
    pub(super) sources: &'a Sources,
    /// Whether all of this is what the file says: nothing of the environment was refused.
    pub(super) whole: bool,
}

/// Every signal of an environment: the rollout of each workload, then what is written. Those that are wrong are left
/// out and reported. The sources that they read are added to `reads`.
pub(super) fn check(
    raw: &[schema::Parsed<schema::Signal>],
    place: &Place<'_>,
    reads: &mut BTreeSet<usize>,
    problems: &mut Problems,
) -> Vec<Signal> {
    let mut signals = rollouts(place.workloads);
    for schema::Parsed { value: raw, whole } in raw {
        // One without a kind was reported, or changed a preset's.
        let Some(kind) = &raw.kind else { continue };
        let whole = Whole { table: *whole, environment: place.whole };
        let made = problems.of_table(whole, |problems| {
            Checker { raw, kind: kind.value.0, at: &kind.span, place, reads: &mut *reads, problems }.signals()
        });
        let Some(mut made) = made else { continue };
        if !raw.is_written() {
            // Whatever is written goes before a preset's.
            made.retain(|new| !signals.iter().any(|old: &Signal| old.is_written && old.is_twin(new)));
        }
        let at = raw.name.as_ref().map_or(&kind.span, |name| &name.span);
        let taken = |new: &&Signal| signals.iter().any(|old: &Signal| old.is_twin(new));
        if let Some(twin) = made.iter().find(taken) {
            let service = &place.services[usize::from(twin.service.0)];
            let old = signals.iter().find(|old| old.is_twin(twin)).and_then(|old| old.preset.as_deref());
            problems.push(already(at, service, &twin.name, old, raw.preset.as_deref()));
            continue;
        }
        if signals.len() + made.len() > MOST {
            problems.push(Problem::new(at, format!("this environment has more than {MOST} signals")));
            break;
        }
        signals.extend(made);
    }
    // What is wrong where a preset is named is so for each of its signals.
    problems.once();
    signals
}

/// That there is a signal of this name already, and which of the two may have another.
fn already(at: &Span, service: &str, name: &str, old: Option<&str>, new: Option<&str>) -> Problem {
    match (old, new) {
        // One sentence for all that they have in common.
        (Some(old), Some(new)) => {
            let message = format!("`{new}` has signals of the same names as `{old}`, for `{service}`");
            Problem::new(at, message)
                .way_out("leave one of the presets out, or say whose each is: { name = \"…\", service = \"…\" }")
        }
        _ => Problem::new(at, format!("`{service}` has a signal called `{name}` already"))
            .way_out("give this one another name = \"…\""),
    }
}

/// The signals that need no writing: the rollout of each workload.
fn rollouts(workloads: &[Workload]) -> Vec<Signal> {
    let alone = |service| workloads.iter().filter(|workload| workload.service == service).count() == 1;
    let label = Kind::Rollout.label();
    workloads
        .iter()
        .enumerate()
        .map(|(place, Workload { reference, service, .. })| Signal {
            name: if alone(*service) { label.to_owned() } else { format!("{label} {reference}") },
            kind: Kind::Rollout,
            unit: Kind::Rollout.unit(),
            service: *service,
            read: Read::Rollout(WorkloadId(index(place))),
            required: true,
            limits: Kind::Rollout.limits(),
            objective: None,
            // It is told at each change and has no bins; this is how often the cluster is heard of at least.
            step: TimeDelta::seconds(10),
            link: None,
            written: None,
            is_written: true,
            preset: None,
        })
        .collect()
}

/// One written signal, and all that it is checked against.
struct Checker<'a> {
    raw: &'a schema::Signal,
    kind: Kind,
    /// Where it is named.
    at: &'a Span,
    place: &'a Place<'a>,
    /// The sources that are read.
    reads: &'a mut BTreeSet<usize>,
    problems: &'a mut Problems,
}

impl Checker<'_> {
    /// The signal for each service that it speaks of; `None` where something is wrong with it.
    fn signals(mut self) -> Option<Vec<Signal>> {
        let services = self.services();
        let (reading, system) = self.reading();
        let texts = self.texts(system);
        let written = || self.raw.unit.as_ref().and_then(|unit| unit.for_kind(self.kind)).map(|(unit, _)| unit);
        let unit = reading.as_ref().map(|reading| reading.unit).or_else(written).unwrap_or(self.kind.unit());
        let limits = limits::check(self.raw, self.kind, unit, self.problems);
        // Where the reading was refused, its step is not known: with the longest the watch knows the most.
        let step = reading.as_ref().map_or(*STEPS.end(), |reading| reading.step);
        let known = objective::Known { baseline: self.place.baseline, window: self.place.window, step };
        let objective = objective::check(self.raw, self.kind, &known, self.problems);
        let (services, Reading { read, unit, step }) = (services?, reading?);
        let (limits, objective) = (limits?, objective?);
        texts.then_some(())?;
        let mut signals = Vec::with_capacity(services.len());
        for service in services {
            let own = || {
                let own = self.place.workloads.iter().filter(|workload| workload.service == service);
                own.map(|workload| &workload.reference)
            };
            let variables = Variables {
                service: &self.place.services[usize::from(service.0)],
                environment: self.place.environment,
                namespace: self.place.namespace,
                pods: &pods(own()),
                workloads: &workloads(own()),
            };
            signals.push(Signal {
                name: self.raw.name.as_ref().map_or_else(|| self.kind.label().to_owned(), |name| name.value.clone()),
                kind: self.kind,
                unit,
                service,
                read: self.fill(&read, &variables)?,
                // Required by default; a signal that is not says so.
                required: self.raw.required.unwrap_or(true),
                limits,
                objective,
                step,
                written: Some(self.written().clone()),
                is_written: self.raw.is_written(),
                preset: self.raw.preset.clone(),
                link: match &self.raw.link {
                    Some(link) => Some(self.link(link, &variables)?),
                    None => None,
                },
            });
        }
        // Twenty services must not all show one series that may belong to any of them.
        if let [one, other, ..] = signals.as_slice()
            && one.read == other.read
        {
            self.push(
                Problem::new(self.at, format!("each of the {} services would read the very same here", signals.len()))
                    .way_out("use $service in it, or say whose it is: service = \"…\""),
            );
            return None;
        }
        Some(signals)
    }

    fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Where it says what it asks.
    fn written(&self) -> &Span {
        let raw = self.raw;
        let texts = [&raw.query, &raw.errors, &raw.filter, &raw.release, &raw.url, &raw.path];
        texts.into_iter().flatten().next().map_or(self.at, |text| &text.span)
    }

    fn services(&mut self) -> Option<Vec<ServiceId>> {
        let all = || (0..self.place.services.len()).map(|place| ServiceId(index(place)));
        let Some(wanted) = &self.raw.service else { return Some(all().collect()) };
        service_named(wanted, self.place.services, self.problems).map(|id| vec![id])
    }

    fn link(&mut self, link: &At<String>, variables: &Variables<'_>) -> Option<String> {
        let filled = At::new(variables.fill(link), link.span.clone());
        address::check(&filled, Tail::Any, self.problems)
    }

    /// What is read, for one service.
    fn fill(&mut self, read: &Read, variables: &Variables<'_>) -> Option<Read> {
        let fill = |text: &String| variables.fill(text);
        Some(match read {
            Read::Rollout(workload) => Read::Rollout(*workload),
            Read::Series { source, datasource, expr, scale, unit_is_stated, scrape } => Read::Series {
                source: *source,
                datasource: fill(datasource),
                expr: match expr {
                    Expr::Value(query) => Expr::Value(fill(query)),
                    Expr::Counts { errors, requests } => {
                        Expr::Counts { errors: fill(errors), requests: fill(requests) }
                    }
                },
                scale: *scale,
                unit_is_stated: *unit_is_stated,
                scrape: *scrape,
            },
            Read::Alerts { source, filter } => Read::Alerts { source: *source, filter: fill(filter) },
            Read::Release { source, projects, release, want, filter } => Read::Release {
                source: *source,
                projects: projects.iter().map(fill).collect(),
                release: fill(release),
                want: *want,
                filter: filter.as_ref().map(fill),
            },
            Read::Probe { url, status, timeout } => {
                let span = span(self.raw.url.as_ref()).or(span(self.raw.path.as_ref())).unwrap_or(self.at);
                let filled = At::new(fill(url), span.clone());
                let url = address::check_as_written(&filled, self.problems)?;
                Read::Probe { url, status: *status, timeout: *timeout }
            }
        })
    }
}

/// The service of an environment that is meant by its name.
pub(super) fn service_named(wanted: &At<String>, services: &[String], problems: &mut Problems) -> Option<ServiceId> {
    let found = services.iter().position(|name| *name == wanted.value);
    if found.is_none() {
        let problem = Problem::new(&wanted.span, format!("this environment has no service `{}`", wanted.value));
        problems.push(problem.names(wanted, services, "services").needs(Part::Environment));
    }
    found.map(|place| ServiceId(index(place)))
}

fn span<T>(written: Option<&At<T>>) -> Option<&Span> {
    written.map(|at| &at.span)
}
