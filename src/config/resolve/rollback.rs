//! The specifications of strategies and feature flag systems, with their secrets and absolute paths.

use super::Resolver;
use crate::config::checked::optional;
use crate::config::environments::Environment;
use crate::config::flags::{Flags, Provider};
use crate::config::rollback::{ArgoCd, Ci, CiSystem, Strategy};
use crate::feature_flags::spec::{FeatureFlagsSpec, FlagSystemSpec};
use crate::net::{Auth, Endpoint};
use crate::rollback::spec::{
    self, ArgoCdSpec, CiSpec, CommandSpec, HelmSpec, OwnerSpec, RepositorySpec, RollbackSpec, StrategySpec,
};
use crate::settings::access::Access;
use std::path::{Path, PathBuf};

impl Resolver<'_> {
    /// How an environment is rolled back; its cluster is reached by `access`.
    pub(in crate::config) fn rollback(&mut self, environment: &Environment, access: &Access) -> Option<RollbackSpec> {
        let written = &environment.rollback;
        let repository = written
            .repository
            .as_ref()
            .map(|repository| RepositorySpec { path: self.place(&repository.path), ..repository.clone() });
        let strategy = match &written.strategy {
            Strategy::Owner { argocd, helm } => {
                let argocd = optional(argocd.as_ref(), |argocd| self.argocd(argocd))?;
                StrategySpec::Owner(OwnerSpec { argocd, helm: self.helm(helm, environment, access) })
            }
            Strategy::Kubernetes => StrategySpec::Kubernetes,
            Strategy::ArgoRollouts => StrategySpec::ArgoRollouts,
            Strategy::ArgoCd(argocd) => StrategySpec::ArgoCd(self.argocd(argocd)?),
            Strategy::Helm(helm) => StrategySpec::Helm(self.helm(helm, environment, access)?),
            Strategy::Flux => StrategySpec::Flux,
            Strategy::Ci(ci) => StrategySpec::Ci(self.ci(ci)?),
            Strategy::Git(git) => StrategySpec::Git(git.clone()),
            Strategy::Command(command) => StrategySpec::Command(CommandSpec {
                argv: self.words(&command.argv),
                dry_run: command.dry_run.as_ref().map(|words| self.words(words)),
                ..command.clone()
            }),
        };
        Some(RollbackSpec { strategy, repository })
    }

    fn argocd(&mut self, written: &ArgoCd) -> Option<ArgoCdSpec> {
        Some(ArgoCdSpec {
            endpoint: endpoint("argocd", &written.url, written.timeout),
            token: self.secret(&written.token)?,
            application: written.application.clone(),
        })
    }

    /// Helm uses the kubeconfig that the cluster is reached with. A cluster reached by its address has none,
    /// and helm would act on whatever cluster the usual kubeconfig names: then there is no helm either.
    fn helm(&self, written: &HelmSpec, environment: &Environment, access: &Access) -> Option<HelmSpec> {
        let Access::Kubeconfig { path, context } = access else { return None };
        Some(HelmSpec {
            program: self.program(&written.program),
            kubeconfig: path.as_ref().map(|path| self.place(path)),
            context: environment.context.as_ref().or(context.as_ref()).cloned(),
            ..written.clone()
        })
    }

    fn ci(&mut self, written: &Ci) -> Option<CiSpec> {
        let system = match &written.system {
            CiSystem::GitHub { token, repository, workflow, git_ref, inputs } => spec::CiSystem::GitHub {
                token: self.secret(token)?,
                repository: repository.clone(),
                workflow: workflow.clone(),
                git_ref: git_ref.clone(),
                inputs: inputs.clone(),
            },
            CiSystem::GitLab { token, project, environment, job } => spec::CiSystem::GitLab {
                token: self.secret(token)?,
                project: project.clone(),
                environment: environment.clone(),
                job: job.clone(),
            },
            CiSystem::Jenkins { user, token, job, parameters } => spec::CiSystem::Jenkins {
                auth: Auth::Basic { user: user.clone(), password: self.secret(token)? },
                job: job.clone(),
                parameters: parameters.clone(),
            },
            CiSystem::Webhook { auth, signing_key, body, status_url } => {
                // Both are tried, so that both can be reported.
                let (auth, signing_key) = (self.auth(auth), optional(signing_key.as_ref(), |key| self.secret(key)));
                spec::CiSystem::Webhook {
                    auth: auth?,
                    signing_key: signing_key?,
                    body: body.clone(),
                    status_url: status_url.clone(),
                }
            }
        };
        let endpoint = endpoint(written.system.name(), &written.url, written.timeout);
        Some(CiSpec { endpoint, system, run_timeout: written.run_timeout })
    }

    /// The flags of one system.
    pub(in crate::config) fn flag_system(&mut self, written: &Flags) -> Option<FeatureFlagsSpec> {
        let provider = match &written.provider {
            Provider::Unleash { token, project } => {
                FlagSystemSpec::Unleash { token: self.secret(token)?, project: project.clone() }
            }
            Provider::LaunchDarkly { token, project } => {
                FlagSystemSpec::LaunchDarkly { token: self.secret(token)?, project: project.clone() }
            }
            Provider::Webhook { auth, signing_key, state_url } => {
                let (auth, signing_key) = (self.auth(auth), optional(signing_key.as_ref(), |key| self.secret(key)));
                FlagSystemSpec::Webhook { auth: auth?, signing_key: signing_key?, state_url: state_url.clone() }
            }
        };
        Some(FeatureFlagsSpec {
            endpoint: endpoint(written.provider.name(), &written.url, written.timeout),
            provider,
            environment: written.environment.clone(),
            features: written.features.clone(),
            service: written.service,
            link: written.link.clone(),
        })
    }

    /// A program and its arguments.
    fn words(&self, written: &[String]) -> Vec<String> {
        let mut words = written.to_vec();
        if let Some(program) = words.first_mut() {
            *program = self.program(Path::new(program)).display().to_string();
        }
        words
    }

    /// A program is looked for on the path, unless it is written as a path: then it is a path in the file.
    fn program(&self, written: &Path) -> PathBuf {
        let is_path = written.components().count() > 1;
        if is_path { self.place(written) } else { written.to_owned() }
    }
}

fn endpoint(name: &str, url: &str, timeout: std::time::Duration) -> Endpoint {
    Endpoint { name: name.to_owned(), url: url.to_owned(), timeout }
}
