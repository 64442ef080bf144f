//! From a checked environment to what a watch needs: its sources with their secrets, its signals with their indexes.

use super::actor::Actor;
use super::environments::Environment;
use super::problem::{list, nearest};
use super::resolve::{self, Resolver};
use super::secrets::Secrets;
use super::signals::{self, Read, index};
use super::sources::Source;
use super::{Config, ConfigError};
use crate::deploy::Time;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::net::Endpoint;
use crate::setup::{Delivery, FlagSystemInfo, RollbackPolicy, Service, Setup, SourceInfo, Told};
use crate::signal::{Signal, SignalId, SourceId};
use crate::systems::api::SourceSpec;
use crate::systems::api::strategy::RollbackSpec;
use crate::systems::questions::{AlertQuery, Expr, Meaning, Question, ReleaseQuery, SeriesQuery};
use crate::systems::registry;
use crate::template::Template;
use chrono::TimeDelta;

/// How long keys are ignored after the plan opened, in milliseconds of real time.
const GRACE: f64 = 300.0;

/// What the command line and the clock add to the configuration of an environment.
#[derive(Debug, Clone)]
pub struct AssembleOptions {
    /// What is said of the deploy.
    pub told: Told,
    /// Refuse every change, whatever the environment allows.
    pub read_only: bool,
    /// When the watch begins, by its own clock.
    pub started: Time,
    /// How many times as fast as real time that clock runs; 1 but in the demo.
    pub clock_speed: f64,
    /// The actor.
    pub actor: Actor,
}

impl AssembleOptions {
    /// Nothing but when the watch begins: in real time, by nobody in particular.
    pub fn beginning(started: Time) -> Self {
        Self { told: Told::default(), read_only: false, started, clock_speed: 1.0, actor: Actor::default() }
    }
}

/// All inputs of a watch.
#[derive(Debug)]
pub struct Assembly {
    /// For the core.
    pub setup: Setup,
    /// Where each signal is written, as `redflag.toml:12`, in the order of [`Setup::signals`]; `None` for those that are
    /// made without being written.
    pub written: Vec<Option<String>>,
    /// For the adapters, in the order of [`Setup::sources`].
    pub sources: Vec<SourceSpec>,
    /// For the strategy.
    pub rollback: RollbackSpec,
    /// For the systems of feature flags, in the file's order.
    pub feature_flags: Vec<FeatureFlagsSpec>,
}

impl Config {
    /// Everything for a watch of an environment: the one that is named, else the only one, else the default.
    /// Secrets are fetched here, and only those that the environment needs.
    pub fn assemble(
        &self,
        environment: Option<&str>,
        options: &AssembleOptions,
        secrets: &dyn Secrets,
    ) -> Result<Assembly, ConfigError> {
        let environment = self.choose(environment)?;
        let used = used(environment, self.sources.len());
        let (mut sources, rollback, feature_flags) = self.resolve(environment, &used, secrets)?;
        let mut infos: Vec<SourceInfo> = used.iter().map(|&place| info(&self.sources[place])).collect();
        let mut signals = Vec::with_capacity(environment.signals.len());
        for (place, planned) in environment.signals.iter().enumerate() {
            let id = SignalId(index(place));
            let source = if let Read::Probe { url, status, timeout } = &planned.read {
                let name = probe_name(environment, planned);
                let endpoint = Endpoint { name: name.clone(), url: url.clone(), timeout: *timeout };
                sources.push(registry::probe(endpoint, id, *status));
                infos.push(SourceInfo { name, delivery: Delivery::Polled, interval: planned.step });
                sources.len() - 1
            } else {
                let read = planned.read.source().unwrap_or(environment.cluster);
                used.iter().position(|&place| place == read).unwrap_or_default()
            };
            if let (SourceSpec::Polled(source), Some(question)) = (&mut sources[source], question(id, planned)) {
                source.ask(question);
            }
            signals.push(signal(planned, SourceId(index(source))));
        }
        let setup = Setup {
            environment: environment.name.clone(),
            services: services(environment),
            workloads: environment.workloads.clone(),
            signals,
            sources: infos,
            window: environment.window,
            baseline: environment.baseline,
            coverage: environment.coverage,
            rollout_deadline: environment.rollout_deadline,
            confirm: environment.confirm,
            confirm_grace: TimeDelta::milliseconds((GRACE * options.clock_speed) as i64),
            read_only: environment.read_only || options.read_only,
            rollback: policy(environment, &rollback, &options.actor),
            feature_flags: feature_flags.iter().map(flag_system).collect(),
            told: options.told.clone(),
            started: options.started,
        };
        let place = |signal: &signals::Signal| signal.written.as_ref().map(|span| self.document.line_of(span));
        let written = environment.signals.iter().map(place).collect();
        Ok(Assembly { setup, written, sources, rollback, feature_flags })
    }

    pub(super) fn choose(&self, wanted: Option<&str>) -> Result<&Environment, ConfigError> {
        let known: Vec<(&str, bool)> = self.environments.iter().map(|one| (one.name.as_str(), one.default)).collect();
        choose(&known, wanted).map(|place| &self.environments[place])
    }

    /// The cluster of an environment with what runs there, for whoever asks nothing else: no other secret is fetched.
    pub(crate) fn cluster(&self, environment: &str, secrets: &dyn Secrets) -> Result<Option<SourceSpec>, ConfigError> {
        let environment = self.choose(Some(environment))?;
        let mut resolver = Resolver::new(secrets, self.folder.as_deref());
        let cluster = resolve::source(&mut resolver, &self.sources[environment.cluster], environment);
        resolver.into_result(&self.document)?;
        Ok(cluster)
    }

    /// The sources that are read, still without queries, the strategy and the feature flag systems, with their secrets.
    fn resolve(
        &self,
        environment: &Environment,
        used: &[usize],
        secrets: &dyn Secrets,
    ) -> Result<(Vec<SourceSpec>, RollbackSpec, Vec<FeatureFlagsSpec>), ConfigError> {
        let mut resolver = Resolver::new(secrets, self.folder.as_deref());
        // All are tried before any is reported: where one variable is missing there are often several.
        let sources: Vec<Option<SourceSpec>> =
            used.iter().map(|&place| resolve::source(&mut resolver, &self.sources[place], environment)).collect();
        let access = self.sources[environment.cluster].settings.access();
        let rollback = access.and_then(|access| resolver.rollback(environment, access));
        let feature_flags: Vec<Option<FeatureFlagsSpec>> =
            environment.flags.iter().map(|flags| resolver.flag_system(flags)).collect();
        resolver.into_result(&self.document)?;
        let sources = sources.into_iter().flatten().collect();
        Ok((sources, rollback.unwrap_or_default(), feature_flags.into_iter().flatten().collect()))
    }
}

/// The place of the environment that is meant, among all by their names and whether each is the default: the one that is
/// named, else the only one, else the default.
pub(super) fn choose(known: &[(&str, bool)], wanted: Option<&str>) -> Result<usize, ConfigError> {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    match (wanted, known) {
        (Some(name), _) => names.iter().position(|known| *known == name).ok_or_else(|| {
            let near = nearest(name, &names).map(ToOwned::to_owned);
            ConfigError::UnknownEnvironment { name: name.to_owned(), near, names: list(&names) }
        }),
        (None, [_]) => Ok(0),
        (None, _) => {
            known.iter().position(|(_, default)| *default).ok_or_else(|| ConfigError::NoDefault { names: list(&names) })
        }
    }
}

fn services(environment: &Environment) -> Vec<Service> {
    let named = environment.services.iter().zip(&environment.calls);
    named.map(|(name, calls)| Service { name: name.clone(), depends_on: calls.clone() }).collect()
}

fn policy(environment: &Environment, spec: &RollbackSpec, actor: &Actor) -> RollbackPolicy {
    let written = &environment.rollback;
    RollbackPolicy {
        strategy: spec.name.to_owned(),
        automatic: written.automatic,
        countdown: written.countdown,
        clear_for: written.clear_for,
        actor: actor.name(written.actor.as_deref()),
        // What earlier watches found is in the memory, not in the file.
        known: Vec::new(),
        shared: written.shared,
    }
}

fn flag_system(spec: &FeatureFlagsSpec) -> FlagSystemInfo {
    FlagSystemInfo {
        system: spec.provider.system(),
        environment: spec.environment.clone(),
        features: spec.features.clone(),
        service: spec.service,
    }
}

/// The sources that an environment reads, in the file's order, by their place there.
pub(super) fn used(environment: &Environment, sources: usize) -> Vec<usize> {
    let reads = |place: usize| environment.signals.iter().any(|signal| signal.read.source() == Some(place));
    (0..sources).filter(|&place| place == environment.cluster || reads(place)).collect()
}

fn info(source: &Source) -> SourceInfo {
    SourceInfo { name: source.name.clone(), delivery: source.system.delivery, interval: source.interval }
}

/// What a probe is called among the sources: its signal's name, with the service's where several share it.
fn probe_name(environment: &Environment, probe: &signals::Signal) -> String {
    let namesakes = environment.signals.iter().filter(|signal| signal.name == probe.name).count();
    if namesakes == 1 {
        return probe.name.clone();
    }
    format!("{} {}", probe.name, environment.services[usize::from(probe.service.0)])
}

fn signal(planned: &signals::Signal, source: SourceId) -> Signal {
    Signal {
        name: planned.name.clone(),
        kind: planned.kind,
        unit: planned.unit,
        service: planned.service,
        workload: match planned.read {
            Read::Rollout(workload) => Some(workload),
            _ => None,
        },
        source,
        of_version: match &planned.read {
            Read::Release { .. } => true,
            Read::Series { expr: Expr::Value(query), .. } => Template::foreign(query).mentions("version"),
            Read::Series { expr: Expr::Counts { errors, requests }, .. } => {
                [errors, requests].into_iter().any(|text| Template::foreign(text).mentions("version"))
            }
            Read::Alerts { .. } | Read::Probe { .. } | Read::Rollout(_) => false,
        },
        required: planned.required,
        limits: planned.limits,
        objective: planned.objective,
        step: planned.step,
        link: planned.link.clone(),
        queries: match &planned.read {
            Read::Series { expr: Expr::Value(query), .. } => vec![query.clone()],
            Read::Series { expr: Expr::Counts { errors, requests }, .. } => vec![errors.clone(), requests.clone()],
            Read::Alerts { filter, .. } => vec![filter.clone()],
            Read::Release { filter, .. } => filter.iter().cloned().collect(),
            Read::Probe { .. } | Read::Rollout(_) => Vec::new(),
        },
    }
}

/// What a signal asks of its source. Probes and rollouts are told what to read when they are made.
fn question(id: SignalId, planned: &signals::Signal) -> Option<Question> {
    let (service, step) = (planned.service, planned.step);
    Some(match &planned.read {
        Read::Series { datasource, expr, scale, unit_is_stated, scrape, .. } => {
            let (unit, required) = (planned.unit, planned.required);
            let meaning = Meaning { unit, unit_is_stated: *unit_is_stated, required };
            let (expr, scale, scrape) = (expr.clone(), *scale, *scrape);
            let query = SeriesQuery { signal: id, service, expr, step, scale, meaning, scrape };
            Question::Series { datasource: datasource.clone(), query }
        }
        Read::Alerts { filter, .. } => Question::Alerts(AlertQuery { signal: id, filter: filter.clone() }),
        Read::Release { projects, release, want, filter, .. } => Question::Release(ReleaseQuery {
            signal: id,
            service,
            projects: projects.clone(),
            release: release.clone(),
            want: *want,
            filter: filter.clone(),
            step,
        }),
        Read::Probe { .. } | Read::Rollout(_) => return None,
    })
}
