//! Where a signal is read and what is asked there: the keys that its kind and its source want, and no others.

use super::super::at::Span;
use super::super::kinds::InputUnit;
use super::super::problem::{Part, Problem, list};
use super::super::sources::{self, Source};
use super::{Checker, Read, keys, span};
use crate::signal::{Kind, Unit};
use crate::systems::declaration::{Form, System};
use crate::systems::questions::{Expr, ReleaseWant};
use crate::systems::registry;
use crate::template::Template;
use chrono::TimeDelta;
use std::ops::RangeInclusive;

/// How far apart readings may be.
pub(super) const STEPS: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::minutes(15);

/// How far apart readings are where nothing is said.
const STEP: TimeDelta = TimeDelta::seconds(30);

/// What a signal reads, before its variables are filled in.
pub(super) struct Reading {
    pub(super) read: Read,
    pub(super) unit: Unit,
    pub(super) step: TimeDelta,
}

impl Checker<'_> {
    /// What the signal reads, `None` where something is wrong with it; and which system is asked, where that is known.
    pub(super) fn reading(&mut self) -> (Option<Reading>, Option<&'static System>) {
        if self.kind == Kind::Probe {
            let alone = self.raw.source.is_none();
            if let Some(source) = &self.raw.source {
                self.push(Problem::new(&source.span, "a probe has no source").way_out("leave `source` out"));
            }
            return (self.probe().filter(|_| alone), None);
        }
        let Some(source) = self.source() else { return (None, None) };
        self.reads.insert(source);
        let found = &self.place.sources.all[source];
        let reading = match (found.system.answers)(self.kind, self.raw.want.is_some()) {
            Some(Form::Release) => self.release(source, found),
            Some(Form::Alerts) => self.alerts(source, found),
            Some(Form::Series) => self.series(source, found),
            None => None,
        };
        (reading, Some(found.system))
    }

    /// The source that is named, or the only one that can answer.
    fn source(&mut self) -> Option<usize> {
        let (kind, wants) = (self.kind.as_str(), self.raw.want.is_some());
        let able: Vec<(usize, &str)> = self
            .place
            .sources
            .all
            .iter()
            .enumerate()
            .filter(|(_, source)| (source.system.answers)(self.kind, wants).is_some())
            // A preset is in PromQL.
            .filter(|(_, source)| self.raw.preset.is_none() || source.system.speaks_promql())
            .map(|(place, source)| (place, source.name.as_str()))
            .collect();
        let names: Vec<&str> = able.iter().map(|(_, name)| *name).collect();
        // What is meant may be a source of which nothing is known.
        let unknown = &self.place.sources.unknown;
        let is_unknown = match &self.raw.source {
            Some(wanted) => unknown.contains(&wanted.value),
            None => able.is_empty() && !unknown.is_empty(),
        };
        if is_unknown {
            return None;
        }
        let problem = match (&self.raw.source, able.as_slice()) {
            (Some(wanted), _) => match self.place.sources.all.iter().position(|source| source.name == wanted.value) {
                Some(place) if able.iter().any(|(able, _)| *able == place) => return Some(place),
                Some(place) => {
                    let abilities = self.place.sources.all[place].system.abilities;
                    Problem::new(&wanted.span, format!("`{}` cannot answer {kind}", wanted.value))
                        .label(format!("sources that can: {}", list(&names)))
                        .way_out(abilities)
                        .needs(Part::Table)
                }
                None => {
                    let problem = Problem::new(&wanted.span, format!("there is no source `{}`", wanted.value));
                    let all: Vec<&str> = self.place.sources.all.iter().map(|source| source.name.as_str()).collect();
                    problem.names(wanted, &all, "sources")
                }
            },
            (None, [(only, _)]) => return Some(*only),
            (None, []) => Problem::new(self.at, format!("no source can answer {kind}"))
                .way_out(format!("add a source of the kind {}", able_kinds(self.kind, wants)))
                .needs(Part::Table),
            (None, _) => Problem::new(self.at, "`source` is missing, and several can answer this")
                .way_out(format!("add source = \"…\", one of {}", list(&names)))
                .needs(Part::Table),
        };
        self.push(problem);
        None
    }

    fn series(&mut self, source: usize, found: &Source) -> Option<Reading> {
        let fine = self.only(&found.system.keys(self.kind, Form::Series), found.system.name);
        let expr = self.expr();
        let unit = self.unit(matches!(expr, Some(Expr::Counts { .. })));
        let scrape = self.scrape(found);
        let step = self.step(scrape.map_or(STEP, |scrape| scrape.max(STEP)));
        let datasource = self.datasource(found);
        let ((unit, scale), expr, datasource) = (unit?, expr?, datasource?);
        let read = Read::Series { source, datasource, expr, scale, unit_is_stated: self.raw.unit.is_some(), scrape };
        fine.then_some(Reading { read, unit, step: step? })
    }

    /// How far apart the samples are, where that is said here or of the source.
    fn scrape(&mut self, found: &Source) -> Option<TimeDelta> {
        match &self.raw.scrape {
            None => found.settings.scrape(),
            written => sources::scrape(written.as_ref(), self.problems),
        }
    }

    /// The data source, of systems that have several behind them; empty for the others.
    fn datasource(&mut self, found: &Source) -> Option<String> {
        let written = self.raw.datasource.as_ref().map(|at| at.value.as_str());
        found.settings.datasource(written, self.at).map_err(|problem| self.push(problem)).ok()
    }

    fn expr(&mut self) -> Option<Expr> {
        const COUNTS: &str =
            "add errors = \"…\" and requests = \"…\", so that thin traffic can be told from health, or one `query`";
        let raw = self.raw;
        let written = [&raw.query, &raw.errors, &raw.requests].into_iter().flatten();
        if let Some(blank) = written.clone().find(|at| at.trim().is_empty()) {
            self.push(
                Problem::new(&blank.span, "this query is empty").way_out("write what it asks, or leave the key out"),
            );
            return None;
        }
        let problem = match (&raw.query, &raw.errors, &raw.requests) {
            (Some(query), None, None) => return Some(Expr::Value(query.value.clone())),
            (None, None, None) if self.kind == Kind::ErrorRate => {
                Problem::new(self.at, "this signal has no query").way_out(COUNTS).needs(Part::Table)
            }
            (None, None, None) => {
                Problem::new(self.at, "`query` is missing").way_out("add query = \"…\"").needs(Part::Table)
            }
            (_, Some(at), _) | (_, None, Some(at)) if self.kind != Kind::ErrorRate => {
                Problem::new(&at.span, format!("only an error_rate is made of counts, {} is not", self.kind.as_str()))
                    .way_out("give one `query`")
            }
            (Some(query), ..) => Problem::new(&query.span, "an error rate has a `query`, or `errors` and `requests`")
                .way_out("leave one of them out; the counts tell more"),
            (None, Some(errors), Some(requests)) => {
                return Some(Expr::Counts { errors: errors.value.clone(), requests: requests.value.clone() });
            }
            (None, Some(at), None) => {
                Problem::new(&at.span, "`errors` alone make no rate").way_out("add requests = \"…\"").needs(Part::Table)
            }
            (None, None, Some(at)) => {
                Problem::new(&at.span, "`requests` alone make no rate").way_out("add errors = \"…\"").needs(Part::Table)
            }
        };
        self.push(problem);
        None
    }

    fn unit(&mut self, counts: bool) -> Option<(Unit, f64)> {
        let Some(written) = &self.raw.unit else { return Some((self.kind.unit(), 1.0)) };
        if counts {
            self.push(Problem::new(&written.span, "counts have no unit").way_out("leave `unit` out"));
            return None;
        }
        let found = written.for_kind(self.kind);
        if found.is_none() {
            let right = InputUnit::names_for(self.kind);
            self.push(
                Problem::new(&written.span, format!("{} cannot be in {}", self.kind.as_str(), written.as_str()))
                    .label(format!("expected one of: {}", list(&right)))
                    .way_out("a signal of the kind custom may have any unit"),
            );
        }
        found
    }

    fn alerts(&mut self, source: usize, found: &Source) -> Option<Reading> {
        let fine = self.only(&found.system.keys(self.kind, Form::Alerts), found.system.name);
        let Some(filter) = &self.raw.filter else {
            let way_out = "add filter = \"service=$service\": label matchers for Grafana and Prometheus, a monitor search for Datadog";
            let problem = Problem::new(self.at, "`filter` is missing").way_out(way_out);
            self.push(problem.needs(Part::Table));
            return None;
        };
        let read = Read::Alerts { source, filter: filter.value.clone() };
        fine.then_some(Reading { read, unit: self.kind.unit(), step: found.interval })
    }

    fn release(&mut self, source: usize, found: &Source) -> Option<Reading> {
        let fine = self.only(&found.system.keys(self.kind, Form::Release), found.system.name);
        let (want, unit) = match self.kind {
            Kind::NewIssues => (ReleaseWant::NewIssues, self.kind.unit()),
            Kind::CrashFree => (ReleaseWant::CrashFree, self.kind.unit()),
            // `want` has one value so far, and a custom signal speaks of a release only with it.
            _ => (ReleaseWant::ErrorCount, Unit::PerMinute),
        };
        let step = self.step(TimeDelta::seconds(60));
        let release = match &self.raw.release {
            None => "$service@$version".to_owned(),
            Some(release) if Template::foreign(release).mentions("version") => release.value.clone(),
            Some(release) => {
                self.push(
                    Problem::new(&release.span, "this release is the same for every version")
                        .way_out("write $version where the version stands: \"$service@$version\""),
                );
                return None;
            }
        };
        let projects = self.raw.projects.as_ref().map(|at| at.value.clone()).unwrap_or_default();
        let filter = self.raw.filter.as_ref().map(|at| at.value.clone());
        fine.then_some(Reading { read: Read::Release { source, projects, release, want, filter }, unit, step: step? })
    }

    fn probe(&mut self) -> Option<Reading> {
        let fine = self.only(&keys::OF_A_PROBE, "probe");
        let interval = &self.raw.interval;
        let interval = sources::duration(
            "interval",
            interval.as_ref(),
            TimeDelta::seconds(10),
            &sources::INTERVALS,
            self.problems,
        );
        let timeout = &self.raw.timeout;
        let timeout =
            sources::duration("timeout", timeout.as_ref(), TimeDelta::seconds(5), &sources::TIMEOUTS, self.problems);
        let status = match &self.raw.status {
            Some(status) if !(100..=599).contains(&status.value) => {
                self.push(Problem::new(&status.span, "this is no HTTP status").label("expected 100 to 599"));
                None
            }
            status => Some(status.as_ref().map(|at| at.value)),
        };
        let url = self.probe_url();
        let (status, url) = (status?, url?);
        let timeout = timeout?.to_std().ok()?;
        fine.then_some(Reading { read: Read::Probe { url, status, timeout }, unit: self.kind.unit(), step: interval? })
    }

    fn probe_url(&mut self) -> Option<String> {
        let raw = self.raw;
        let problem = match (&raw.url, &raw.path, &self.place.url) {
            (Some(url), None, _) => return Some(url.value.clone()),
            (None, None, Some(base)) => return Some(base.clone()),
            (None, Some(path), Some(base)) if path.starts_with('/') => return Some(format!("{base}{}", path.value)),
            (None, Some(path), Some(_)) => Problem::new(&path.span, "a path begins with /"),
            (Some(_), Some(path), _) => Problem::new(&path.span, "this probe has an address of its own")
                .way_out("leave `path` out and write it at the end of `url`"),
            (None, _, None) => Problem::new(self.at, "this probe has no address")
                .way_out("add url = \"https://…\" to the environment, or here")
                .needs(Part::Table)
                .needs(Part::Environment),
        };
        self.push(problem);
        None
    }

    fn step(&mut self, default: TimeDelta) -> Option<TimeDelta> {
        let step = sources::duration("step", self.raw.step.as_ref(), default, &STEPS, self.problems)?;
        if step > self.place.window {
            let span = self.raw.step.as_ref().map_or(self.at, |at| &at.span);
            self.problems.push(Problem::new(span, "the window is shorter than one step of this signal"));
            return None;
        }
        Some(step)
    }

    /// Whether no key is given that means nothing here; reports those that are.
    fn only(&mut self, may: &[&str], from: &str) -> bool {
        let raw = self.raw;
        let given: [(&str, Option<&Span>); 15] = [
            ("query", span(raw.query.as_ref())),
            ("errors", span(raw.errors.as_ref())),
            ("requests", span(raw.requests.as_ref())),
            ("datasource", span(raw.datasource.as_ref())),
            ("unit", span(raw.unit.as_ref())),
            ("step", span(raw.step.as_ref())),
            ("scrape", span(raw.scrape.as_ref())),
            ("projects", span(raw.projects.as_ref())),
            ("release", span(raw.release.as_ref())),
            ("filter", span(raw.filter.as_ref())),
            ("want", span(raw.want.as_ref())),
            ("path", span(raw.path.as_ref())),
            ("url", span(raw.url.as_ref())),
            ("status", span(raw.status.as_ref())),
            ("interval", span(raw.interval.as_ref())),
        ];
        let timeout = ("timeout", span(raw.timeout.as_ref()));
        let mut fine = true;
        for (key, at) in given.into_iter().chain([timeout]) {
            let Some(at) = at.filter(|_| !may.contains(&key)) else { continue };
            fine = false;
            let reader =
                if from == "probe" { "a probe".to_owned() } else { format!("{} of {from}", self.kind.as_str()) };
            self.problems.push(
                Problem::new(at, format!("`{key}` does not apply to {reader}")).way_out(format!("keys: {}", list(may))),
            );
        }
        fine
    }
}

/// The kinds of source that could answer, for people.
fn able_kinds(kind: Kind, wants: bool) -> String {
    let able = registry::SYSTEMS.iter().filter(|system| (system.answers)(kind, wants).is_some());
    match able.map(|system| system.name).collect::<Vec<_>>().as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", list(others)),
        names => list(names),
    }
}
