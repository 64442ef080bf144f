//! `kind = "kubernetes"`: its table, that table validated, and what the stream is configured with.

use super::{check, stream};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::spec::{ClusterSpec, MainContainer};
use crate::deploy::{ServiceId, WorkloadId};
use crate::message::Message;
use crate::settings::access::Access;
use crate::settings::address::{self, Tail};
use crate::settings::at::At;
use crate::settings::duration::HumanDuration;
use crate::settings::index;
use crate::settings::problem::{Part, Problem, Problems};
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::setup::{Delivery, Workload};
use crate::signal::SourceId;
use crate::systems::api::{CheckLine, SourceSpec, Streamed};
use crate::systems::declaration::{self, Place, Shape, System};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The declaration of the system for the configuration.
pub(crate) static SYSTEM: System = System {
    name: "kubernetes",
    about: "A Kubernetes cluster.",
    delivery: Delivery::Streamed,
    interval: TimeDelta::seconds(15),
    timeout: TimeDelta::seconds(10),
    answers: |_, _| None,
    series_keys: &[],
    variables: &[],
    macros: false,
    mistake: |_| None,
    abilities: "a kubernetes source answers rollouts alone, which are always watched",
    example: include_str!("example.toml"),
    table: Shape::<dyn declaration::Table>::of::<Table>(),
};

/// A Kubernetes cluster. Without any key: the current context of the usual kubeconfig.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The kubeconfig's context; an environment may name another.
    context: Option<At<String>>,
    /// A kubeconfig; default: `KUBECONFIG` and the usual places.
    kubeconfig: Option<At<PathBuf>>,
    /// The API server's address, instead of a kubeconfig: `http://127.0.0.1:8001` for `kubectl proxy`.
    url: Option<At<String>>,
    /// Bearer token, only with `url`.
    token: Option<At<SecretRef>>,
    /// How long it may say nothing before it counts as silent; default `15s`.
    interval: Option<At<HumanDuration>>,
    /// How long a call may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
}

impl declaration::Table for Table {
    fn timing(&self) -> (Option<&At<HumanDuration>>, Option<&At<HumanDuration>>) {
        (self.interval.as_ref(), self.timeout.as_ref())
    }

    fn check(self: Box<Self>, _: &At<String>, problems: &mut Problems) -> Option<Box<dyn declaration::Settings>> {
        let Some(url) = &self.url else {
            if let Some(token) = &self.token {
                problems.push(
                    Problem::new(&token.span, "a kubeconfig brings its own credentials")
                        .way_out("leave `token` out, or give the API server's `url`")
                        .needs(Part::Table),
                );
                return None;
            }
            return Some(Box::new(Settings(Access::Kubeconfig {
                path: self.kubeconfig.as_ref().map(|at| at.value.clone()),
                context: self.context.as_ref().map(|at| at.value.clone()),
            })));
        };
        let second = self.context.as_ref().map(|at| &at.span).or(self.kubeconfig.as_ref().map(|at| &at.span));
        if let Some(second) = second {
            problems.push(
                Problem::new(second, "a cluster is found by its `url` or in a kubeconfig, not by both")
                    .way_out("leave out `url`, or `context` and `kubeconfig`"),
            );
            return None;
        }
        let url = address::check(url, Tail::None, problems)?;
        Some(Box::new(Settings(Access::Direct { url, token: self.token.clone() })))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings(Access);

impl declaration::Settings for Settings {
    fn access(&self) -> Option<&Access> {
        Some(&self.0)
    }

    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec> {
        let workload = |(place, workload): (usize, &Workload)| (WorkloadId(index(place)), workload.reference.clone());
        Some(SourceSpec::Streamed(Arc::new(ClusterSpec {
            name: place.name.to_owned(),
            access: resolver.access(&self.0, place.context)?,
            timeout: place.timeout,
            workloads: place.workloads.iter().enumerate().map(workload).collect(),
            containers: containers(place.workloads),
        })))
    }
}

/// The main containers that are named, one for each service.
fn containers(all: &[Workload]) -> Vec<MainContainer> {
    let mut found: Vec<(ServiceId, MainContainer)> = Vec::new();
    for (place, workload) in all.iter().enumerate() {
        let (Some(name), id) = (&workload.container, WorkloadId(index(place))) else { continue };
        match found.iter_mut().find(|(service, _)| *service == workload.service) {
            Some((_, known)) => known.workloads.push(id),
            None => found.push((workload.service, MainContainer { name: name.clone(), workloads: vec![id] })),
        }
    }
    found.into_iter().map(|(_, container)| container).collect()
}

impl Streamed for ClusterSpec {
    fn cluster(&self) -> &ClusterSpec {
        self
    }

    fn stream(
        &self,
        source: SourceId,
        cluster: Cluster,
        clock: Clock,
        out: mpsc::Sender<Message>,
    ) -> BoxFuture<'static, ()> {
        Box::pin(stream(source, self.clone(), cluster, clock, out))
    }

    fn check(&self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(check(self))
    }
}
