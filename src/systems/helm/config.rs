//! `strategy = "helm"`: its table, that table validated, and what the strategy is told.

use super::{Helm, Releases};
use crate::rollback::Blocked;
use crate::settings::access::Access;
use crate::settings::at::At;
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::{Problem, Problems};
use crate::settings::program::{path, run_time};
use crate::settings::resolve::Resolver;
use crate::settings::texts;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, RollbackTable, StrategyKind, Written};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How it is run.
pub(in crate::systems) static TABLE: RollbackTable =
    RollbackTable::of::<Table>("helm", "How helm is run, for the strategies `helm` and `owner`.");

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind =
    StrategyKind { name: "helm", about: "`helm rollback`.", tables: &[&TABLE], needs: &[], check: check_alone };

/// How helm is run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "Helm")]
#[serde(deny_unknown_fields)]
struct Table {
    /// The program; default: `helm` on the path.
    program: Option<At<PathBuf>>,
    /// The release; default: the one that the workload is marked with. May hold `$service`.
    release: Option<At<String>>,
    /// How long one run may take; default `60s`.
    timeout: Option<At<HumanDuration>>,
}

impl Table {
    fn check(&self, problems: &mut Problems) -> Option<Settings> {
        let usual = HelmSpec::default();
        let timeout = run_time(self.timeout.as_ref(), usual.timeout, problems);
        let release = optional(self.release.as_ref(), |text| texts::check(text, &["service"], problems));
        let program = optional(self.program.as_ref(), |program| path(program, problems));
        Some(Settings { program: program?.unwrap_or(usual.program), release: release?, timeout: timeout? })
    }
}

fn check_alone(written: &Written<'_>, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
    if let Some(cluster) = written.by_address {
        let message = format!("helm goes by kubeconfigs, and `{cluster}` is found by its url");
        problems.push(
            Problem::new(&written.named, message)
                .way_out("give that source `context` or `kubeconfig` in place of `url`"),
        );
        return None;
    }
    Some(Box::new(check(written, problems)?))
}

/// How a file has helm run, for whoever can use it.
pub(in crate::systems) fn check(written: &Written<'_>, problems: &mut Problems) -> Option<Settings> {
    match written.table::<Table>(&TABLE) {
        Some(table) => table.check(problems),
        None => Table::default().check(problems),
    }
}

/// Its table, checked; kubeconfig and context are the cluster's, and come with it.
#[derive(Debug)]
pub(in crate::systems) struct Settings {
    program: PathBuf,
    release: Option<String>,
    timeout: Duration,
}

impl Settings {
    /// Helm uses the kubeconfig that the cluster is reached with. A cluster reached by its address has none,
    /// and helm would act on whatever cluster the usual kubeconfig names: then there is no helm either.
    pub(in crate::systems) fn spec(&self, place: &InCluster<'_>, resolver: &Resolver<'_>) -> Option<HelmSpec> {
        let Access::Kubeconfig { path, context } = place.access else { return None };
        Some(HelmSpec {
            program: resolver.program(&self.program),
            release: self.release.clone(),
            kubeconfig: path.as_ref().map(|path| resolver.place(path)),
            context: place.context.or(context.as_ref()).cloned(),
            timeout: self.timeout,
        })
    }
}

impl RollbackSettings for Settings {
    fn resolve(&self, place: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(self.spec(place, resolver)?))
    }
}

/// How helm is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmSpec {
    /// The program; `helm` on the path.
    pub program: PathBuf,
    /// The release; default: the one that the workload's annotation names. May hold `$service`.
    pub release: Option<String>,
    /// The kubeconfig and its context, as the environment's cluster has them.
    pub kubeconfig: Option<PathBuf>,
    /// See `kubeconfig`.
    pub context: Option<String>,
    /// How long one run may take.
    pub timeout: Duration,
}

impl Default for HelmSpec {
    fn default() -> Self {
        Self {
            program: PathBuf::from("helm"),
            release: None,
            kubeconfig: None,
            context: None,
            timeout: Duration::from_secs(60),
        }
    }
}

impl StrategySpec for HelmSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let releases = Arc::new(Releases::new(self.clone()));
        let helm = Helm::new(Arc::clone(&releases), to.cluster.clone(), to.clock.clone());
        Ok(Connected::by(helm, releases))
    }
}
