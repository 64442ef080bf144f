//! Checked settings with their secrets: what the adapters are told.

mod rollback;

use super::ConfigError;
use super::at::At;
use super::environments::Environment;
use super::problem::{Document, Problem, Problems};
use super::secrets::{SecretRef, Secrets};
use super::signals::index;
use super::sources::{self, Access, Source, System};
use crate::deploy::{ServiceId, WorkloadId};
use crate::secret::Secret;
use crate::source::spec::{
    Auth, ClusterAccess, ClusterSpec, DatadogSpec, Endpoint, GrafanaSpec, MainContainer, PrometheusSpec, SentrySpec,
    SourceSpec,
};
use std::path::{Path, PathBuf};

/// Fetches secrets, and complains of those that cannot be had where the file asks for them.
pub(super) struct Fetch<'a> {
    secrets: &'a dyn Secrets,
    folder: Option<&'a Path>,
    problems: Problems,
}

impl<'a> Fetch<'a> {
    /// From where they are kept; relative paths begin at the file's folder.
    pub(super) fn new(secrets: &'a dyn Secrets, folder: Option<&'a Path>) -> Self {
        Self { secrets, folder, problems: Problems::default() }
    }

    /// All that could not be had, where the file asks for it; fine when nothing is missing.
    pub(super) fn into_result(self, document: &Document) -> Result<(), ConfigError> {
        self.problems.into_result(document)
    }

    pub(super) fn source(&mut self, source: &Source, environment: &Environment) -> Option<SourceSpec> {
        let endpoint = |url: &String| Endpoint { name: source.name.clone(), url: url.clone(), timeout: source.timeout };
        Some(match &source.system {
            System::Kubernetes(access) => SourceSpec::Kubernetes(ClusterSpec {
                name: source.name.clone(),
                access: self.access(access, environment.context.as_ref())?,
                timeout: source.timeout,
                workloads: environment
                    .workloads
                    .iter()
                    .enumerate()
                    .map(|(place, workload)| (WorkloadId(index(place)), workload.reference.clone()))
                    .collect(),
                containers: containers(environment),
            }),
            System::Grafana { url, auth, organization, datasource: _, scrape: _ } => SourceSpec::Grafana(GrafanaSpec {
                endpoint: endpoint(url),
                auth: self.auth(auth)?,
                organization: *organization,
                datasources: Vec::new(),
                alerts: Vec::new(),
            }),
            System::Prometheus { url, auth, tenant, alertmanager, scrape: _ } => {
                SourceSpec::Prometheus(PrometheusSpec {
                    endpoint: endpoint(url),
                    auth: self.auth(auth)?,
                    tenant: tenant.clone(),
                    queries: Vec::new(),
                    alerts: Vec::new(),
                    alertmanager: alertmanager.clone(),
                })
            }
            System::Sentry { url, token, organization, environment: named } => SourceSpec::Sentry(SentrySpec {
                endpoint: endpoint(url),
                token: self.secret(token)?,
                organization: organization.clone(),
                environment: Some(named.as_ref().unwrap_or(&environment.name).clone()),
                queries: Vec::new(),
            }),
            System::Datadog { url, api_key, application_key } => {
                // Both are tried, so that both can be complained of.
                let (api_key, application_key) = (self.secret(api_key), self.secret(application_key));
                SourceSpec::Datadog(DatadogSpec {
                    endpoint: endpoint(url),
                    api_key: api_key?,
                    application_key: application_key?,
                    queries: Vec::new(),
                    monitors: Vec::new(),
                })
            }
        })
    }

    fn access(&mut self, access: &Access, context: Option<&String>) -> Option<ClusterAccess> {
        Some(match access {
            Access::Kubeconfig { path, context: own } => ClusterAccess::Kubeconfig {
                path: path.as_ref().map(|path| self.place(path)),
                context: context.or(own.as_ref()).cloned(),
            },
            Access::Direct { url, token } => ClusterAccess::Direct {
                url: url.clone(),
                token: match token {
                    Some(token) => Some(self.secret(token)?),
                    None => None,
                },
            },
        })
    }

    fn auth(&mut self, auth: &sources::Auth) -> Option<Auth> {
        Some(match auth {
            sources::Auth::None => Auth::None,
            sources::Auth::Bearer(token) => Auth::Bearer(self.secret(token)?),
            sources::Auth::Basic { user, password } => {
                Auth::Basic { user: user.clone(), password: self.secret(password)? }
            }
        })
    }

    fn secret(&mut self, written: &At<SecretRef>) -> Option<Secret> {
        let found = match &written.value {
            SecretRef::Env(name) => self.secrets.env(name),
            SecretRef::File(path) => self.secrets.file(&self.place(path)),
            SecretRef::Command(words) => self.secrets.command(words),
        };
        found.map_err(|why| self.problems.push(Problem::new(&written.span, why))).ok()
    }

    /// A path in the file: `~/` is the home folder, and other relative paths begin at the file's own folder.
    fn place(&self, path: &Path) -> PathBuf {
        let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
        if let Ok(rest) = path.strip_prefix("~")
            && let Some(home) = home()
        {
            return home.join(rest);
        }
        self.folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
}

/// The main containers that are named, one for each service.
fn containers(environment: &Environment) -> Vec<MainContainer> {
    let mut found: Vec<(ServiceId, MainContainer)> = Vec::new();
    for (place, workload) in environment.workloads.iter().enumerate() {
        let (Some(name), id) = (&workload.container, WorkloadId(index(place))) else { continue };
        match found.iter_mut().find(|(service, _)| *service == workload.service) {
            Some((_, known)) => known.workloads.push(id),
            None => found.push((workload.service, MainContainer { name: name.clone(), workloads: vec![id] })),
        }
    }
    found.into_iter().map(|(_, container)| container).collect()
}
