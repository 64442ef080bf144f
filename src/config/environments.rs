//! Environments, checked: their cluster, services, workloads and signals.

mod names;

use super::address::{self, Tail};
use super::at::{At, Span};
use super::depends;
use super::flags::{self, Flags};
use super::presets::{self, Loaded, Presets};
use super::problem::{Part, Problem, Problems, Whole, list};
use super::rollback::{self, Rollback};
use super::schema;
use super::signals::{self, Signal};
use super::sources::{self, Source, Sources};
use crate::deploy::{ServiceId, WorkloadRef};
use crate::settings::access::Access;
use crate::setup::{Confirm, Workload};
use chrono::TimeDelta;
use names::{is_label, plain_name, reference};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// How long a deploy may be watched.
const WINDOWS: RangeInclusive<TimeDelta> = TimeDelta::minutes(1)..=TimeDelta::hours(24);
/// How much of the past may be compared with: less than five minutes says nothing.
const BASELINES: RangeInclusive<TimeDelta> = TimeDelta::minutes(5)..=TimeDelta::hours(24);

/// How long a rollout may stand still: as long as a Deployment's own `progressDeadlineSeconds`, unless told otherwise.
const DEADLINE: TimeDelta = TimeDelta::minutes(10);
const DEADLINES: RangeInclusive<TimeDelta> = TimeDelta::minutes(1)..=TimeDelta::hours(6);
/// The least and the most of the window that may be wanted to be known, in percent: less than half is no proof.
const COVERAGES: RangeInclusive<u8> = 50..=100;
/// What is wanted where nothing is said.
const COVERAGE: u8 = 90;

/// An environment, ready to be watched but for its secrets.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) name: String,
    pub(super) default: bool,
    pub(super) window: TimeDelta,
    pub(super) baseline: TimeDelta,
    pub(super) coverage: u8,
    pub(super) rollout_deadline: TimeDelta,
    pub(super) confirm: Confirm,
    pub(super) read_only: bool,
    /// Index of its cluster among the sources.
    pub(super) cluster: usize,
    pub(super) context: Option<String>,
    pub(super) services: Vec<String>,
    /// The services that each of them calls, in the same order.
    pub(super) calls: Vec<Vec<ServiceId>>,
    pub(super) workloads: Vec<Workload>,
    pub(super) signals: Vec<Signal>,
    pub(super) rollback: Rollback,
    pub(super) flags: Vec<Flags>,
}

/// The presets that an environment may name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Those that the file names.
    pub(super) loaded: &'a Loaded,
    /// All that there are.
    pub(super) all: &'a Presets,
}

/// What was found of an environment.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) default: bool,
    /// Whether nothing of its own table was refused.
    pub(super) whole: bool,
    /// The sources that it reads, as far as that is known.
    pub(super) reads: BTreeSet<usize>,
    /// `None` where something is wrong with it.
    pub(super) environment: Option<Environment>,
}

/// Checks every environment, and reports what is wrong with them.
pub(super) fn check(
    raw: Vec<schema::Named<Option<schema::Parsed<schema::Environment>>>>,
    sources: &Sources,
    presets: &Known<'_>,
    problems: &mut Problems,
) -> Vec<Checked> {
    let mut default: Option<String> = None;
    for schema::Named { name, value } in &raw {
        let chosen = value.as_ref().and_then(|parsed| parsed.value.default.as_ref());
        let Some(chosen) = chosen.filter(|at| at.value) else { continue };
        match &default {
            None => default = Some(name.value.clone()),
            Some(first) => problems.push(
                Problem::new(&chosen.span, format!("`{first}` is the default already"))
                    .way_out("leave `default` to one environment"),
            ),
        }
    }
    raw.into_iter()
        .map(|schema::Named { name, value }| {
            let mut reads = BTreeSet::new();
            let default = value.as_ref().and_then(|parsed| parsed.value.default.as_ref()).is_some_and(|at| at.value);
            let whole = value.as_ref().is_some_and(|parsed| parsed.whole);
            let environment = value.and_then(|parsed| {
                problems.of_table(Whole { table: whole, environment: whole }, |problems| {
                    environment(&name, &parsed, sources, presets, &mut reads, problems)
                })
            });
            Checked { name: name.value, default, whole, reads, environment }
        })
        .collect()
}

fn environment(
    name: &At<String>,
    schema::Parsed { value: raw, whole }: &schema::Parsed<schema::Environment>,
    sources: &Sources,
    presets: &Known<'_>,
    reads: &mut BTreeSet<usize>,
    problems: &mut Problems,
) -> Option<Environment> {
    let named = plain_name(name, "an environment", problems);
    let window = sources::duration("window", raw.window.as_ref(), TimeDelta::minutes(30), &WINDOWS, problems);
    let baseline = sources::duration("baseline", raw.baseline.as_ref(), TimeDelta::minutes(60), &BASELINES, problems);
    let coverage = coverage(raw.coverage.as_ref(), problems);
    let deadline = raw.rollout_deadline.as_ref();
    let rollout_deadline = sources::duration("rollout_deadline", deadline, DEADLINE, &DEADLINES, problems);
    let url = match &raw.url {
        Some(url) => address::check(url, Tail::None, problems).map(Some),
        None => Some(None),
    };
    let cluster = cluster(raw, sources, problems);
    reads.extend(cluster);
    let rollback = rollback(name, raw, cluster.map(|place| &sources.all[place]), problems);
    let namespace = namespace(raw.namespace.as_ref(), problems);
    // Signals are checked whatever is wrong with what they are checked against: against the nearest to it.
    let namespaced = namespace.as_deref().unwrap_or("default");
    let Found { services, workloads, fine, .. } = services(raw, namespaced, problems);
    let calls = depends::check(&services, raw.services.as_deref().unwrap_or_default(), problems);
    let known = *whole && fine;
    let flags = flags::check(raw.flags.as_deref().unwrap_or_default(), name, &services, known, problems);
    let place = signals::Place {
        environment: name,
        url: url.clone().flatten(),
        namespace: namespaced,
        services: &services,
        workloads: &workloads,
        window: window.unwrap_or(*WINDOWS.end()),
        baseline: baseline.unwrap_or(*BASELINES.end()),
        sources,
        whole: known && url.is_some(),
    };
    let written = presets::expand(raw, presets.loaded, presets.all, problems);
    let signals = signals::check(&written, &place, reads, problems);
    namespace?;
    (named && fine).then_some(())?;
    Some(Environment {
        name: name.value.clone(),
        default: raw.default.as_ref().is_some_and(|at| at.value),
        window: window?,
        baseline: baseline?,
        coverage: coverage?,
        rollout_deadline: rollout_deadline?,
        confirm: raw.confirm.map_or(Confirm::Key, Confirm::from),
        read_only: raw.read_only.unwrap_or(false),
        cluster: cluster?,
        context: raw.context.as_ref().map(|at| at.value.clone()),
        services,
        calls: calls?,
        workloads,
        signals,
        rollback: rollback?,
        flags,
    })
}

fn coverage(written: Option<&At<u8>>, problems: &mut Problems) -> Option<u8> {
    let Some(written) = written else { return Some(COVERAGE) };
    if !COVERAGES.contains(&written.value) {
        let (least, most) = (COVERAGES.start(), COVERAGES.end());
        problems.push(
            Problem::new(&written.span, format!("`coverage` must be from {least} to {most}"))
                .label("how much of the window a signal must have been known for, in percent"),
        );
        return None;
    }
    Some(written.value)
}

fn rollback(
    environment: &str,
    raw: &schema::Environment,
    cluster: Option<&Source>,
    problems: &mut Problems,
) -> Option<Rollback> {
    let place = rollback::Place {
        environment,
        read_only: raw.read_only.unwrap_or(false),
        by_address: cluster
            .filter(|source| matches!(source.settings.access(), Some(Access::Direct { .. })))
            .map(|source| source.name.as_str()),
    };
    match &raw.rollback {
        Some(schema::Parsed { value, whole }) => {
            let whole = Whole { table: *whole, environment: true };
            problems.of_table(whole, |problems| rollback::check(value, &place, problems))
        }
        None => rollback::check(&schema::rollback::Rollback::default(), &place, problems),
    }
}

/// The kubernetes source of an environment.
fn cluster(raw: &schema::Environment, sources: &Sources, problems: &mut Problems) -> Option<usize> {
    let clusters: Vec<(usize, &Source)> =
        sources.all.iter().enumerate().filter(|(_, source)| source.system.is_cluster()).collect();
    let names: Vec<&str> = clusters.iter().map(|(_, source)| source.name.as_str()).collect();
    let found = match &raw.cluster {
        Some(wanted) => clusters.iter().find(|(_, source)| source.name == wanted.value),
        None => clusters.first().filter(|_| clusters.len() == 1),
    };
    let Some(&(index, source)) = found else {
        // What is meant may be one of those of which nothing is known.
        let unknown = match &raw.cluster {
            Some(wanted) => sources.unknown.contains(&wanted.value),
            None => clusters.is_empty() && !sources.unknown.is_empty(),
        };
        if unknown {
            return None;
        }
        problems.push(match &raw.cluster {
            Some(wanted) => Problem::new(&wanted.span, format!("there is no kubernetes source `{}`", wanted.value))
                .names(wanted, &names, "kubernetes sources"),
            None if names.is_empty() => Problem::new(&raw.header, "this environment has no cluster")
                .way_out("add a source: [sources.kubernetes] with kind = \"kubernetes\""),
            None => Problem::new(&raw.header, "`cluster` is missing, and there are several")
                .way_out(format!("add cluster = \"…\", one of {}", list(&names)))
                .needs(Part::Table),
        });
        return None;
    };
    if let (Some(context), Some(Access::Direct { .. })) = (&raw.context, source.settings.access()) {
        problems.push(
            Problem::new(&context.span, format!("`{}` is found by its url and has no contexts", source.name))
                .way_out("leave `context` out"),
        );
        return None;
    }
    Some(index)
}

fn namespace(written: Option<&At<String>>, problems: &mut Problems) -> Option<String> {
    let Some(written) = written else { return Some("default".to_owned()) };
    if is_label(written) {
        return Some(written.value.clone());
    }
    problems.push(
        Problem::new(&written.span, format!("`{}` cannot be a namespace", written.value))
            .label("expected lower-case letters, digits and -"),
    );
    None
}

/// Services and workloads of an environment, in either form.
fn services<'a>(raw: &schema::Environment, namespace: &'a str, problems: &mut Problems) -> Found<'a> {
    const WAY_OUT: &str = "add workloads = [\"deployment/app\"], or [[environments.NAME.services]] with a name each";
    let mut found = Found { namespace, services: Vec::new(), workloads: Vec::new(), container: None, fine: true };
    match (&raw.workloads, &raw.services) {
        (Some(workloads), Some(_)) => {
            problems.push(
                Problem::new(&workloads.span, "an environment has `workloads` or `services`, not both")
                    .way_out("give each service its own `workloads`"),
            );
            found.fine = false;
        }
        (None, None) => {
            let problem = Problem::new(&raw.header, "this environment has nothing to watch").way_out(WAY_OUT);
            problems.push(problem.needs(Part::Table));
            found.fine = false;
        }
        (None, Some(services)) if services.is_empty() => {
            let problem = Problem::new(&raw.header, "`services` is empty").way_out(WAY_OUT);
            problems.push(problem.needs(Part::Table));
            found.fine = false;
        }
        (None, Some(_)) if raw.container.is_some() => {
            let span = raw.container.as_ref().map_or(0..0, |container| container.span.clone());
            problems.push(
                Problem::new(&span, "`container` goes next to `workloads`, or into a service")
                    .way_out("write it in the [[environments.NAME.services]] whose containers have that name")
                    .needs(Part::Table),
            );
            found.fine = false;
        }
        (Some(workloads), None) => {
            // The service is named after its first workload, so that is read first.
            let first = workloads.first().and_then(|first| first.rsplit('/').next()).unwrap_or_default();
            found.services.push(first.to_owned());
            found.main_container(raw.container.as_ref(), problems);
            found.workloads(workloads, problems);
        }
        (None, Some(services)) => {
            for service in services {
                found.service(service, problems);
            }
        }
    }
    found
}

/// What was found so far of an environment's services.
struct Found<'a> {
    namespace: &'a str,
    services: Vec<String>,
    workloads: Vec<Workload>,
    /// The main container of the newest service, where it is named.
    container: Option<String>,
    fine: bool,
}

impl Found<'_> {
    fn service(&mut self, raw: &schema::Service, problems: &mut Problems) {
        // Its name is kept in any case, so that the services have the file's order.
        let twin = self.services.contains(&raw.name.value);
        self.services.push(raw.name.value.clone());
        if !plain_name(&raw.name, "a service", problems) {
            self.fine = false;
            return;
        }
        if twin {
            self.refuse(&raw.name.span, format!("there is a service `{}` already", raw.name.value), None, problems);
            return;
        }
        self.main_container(raw.container.as_ref(), problems);
        match &raw.workloads {
            Some(workloads) => self.workloads(workloads, problems),
            None => self.workload(&format!("deployment/{}", raw.name.value), &raw.name.span, problems),
        }
    }

    /// What the newest service says of its main container.
    fn main_container(&mut self, written: Option<&At<String>>, problems: &mut Problems) {
        self.container = written.map(|written| written.value.clone());
        if let Some(written) = written.filter(|written| !is_label(written)) {
            self.fine = false;
            problems.push(
                Problem::new(&written.span, format!("`{}` cannot be a container's name", written.value))
                    .label("expected lower-case letters, digits and -"),
            );
        }
    }

    fn workloads(&mut self, workloads: &At<Vec<At<String>>>, problems: &mut Problems) {
        if workloads.is_empty() {
            let way_out = Some("name at least one: [\"deployment/app\"]");
            self.refuse(&workloads.span, "`workloads` is empty".to_owned(), way_out, problems);
        }
        for workload in workloads.iter() {
            self.workload(workload, &workload.span, problems);
        }
    }

    /// A workload of the newest service.
    fn workload(&mut self, text: &str, span: &Span, problems: &mut Problems) {
        let (kind, name) = match reference(text, span) {
            Ok(found) => found,
            Err(problem) => {
                self.fine = false;
                problems.push(problem);
                return;
            }
        };
        let reference = WorkloadRef { kind, namespace: self.namespace.to_owned(), name: name.to_owned() };
        if self.workloads.iter().any(|known| known.reference == reference) {
            let way_out = Some("a workload belongs to one service");
            self.refuse(span, format!("`{reference}` is watched already"), way_out, problems);
        }
        let service = ServiceId(signals::index(self.services.len().saturating_sub(1)));
        self.workloads.push(Workload { reference, service, container: self.container.clone() });
    }

    fn refuse(&mut self, span: &Span, message: String, way_out: Option<&str>, problems: &mut Problems) {
        self.fine = false;
        let problem = Problem::new(span, message);
        problems.push(match way_out {
            Some(text) => problem.way_out(text),
            None => problem,
        });
    }
}
