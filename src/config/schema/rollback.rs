//! The shape of `[environments.NAME.rollback]`. Its tables are read one by one, so that each tells all that is wrong
//! with it; see `parse::rollback`.

use super::parsed_separately;
use crate::config::at::At;
use crate::config::duration::HumanDuration;
use crate::config::secrets::SecretRef;
use crate::setup::Automatic;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How an environment is rolled back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Rollback {
    /// By which way; default `owner`.
    pub(in crate::config) strategy: Option<At<StrategyName>>,
    /// How far it may go automatically; default `off`.
    pub(in crate::config) auto: Option<At<Auto>>,
    /// How long a countdown runs before it acts; default `60s`.
    pub(in crate::config) countdown: Option<At<HumanDuration>>,
    /// How long the flags must have been clear before a rollback counts as verified; default `30s`.
    pub(in crate::config) clear_for: Option<At<HumanDuration>>,
    /// The actor, as others see it; default: the user at this machine. `REDFLAG_ACTOR` wins over it.
    pub(in crate::config) actor: Option<At<String>>,
    /// A local clone of what is deployed: its path, or a table with more.
    #[serde(default, deserialize_with = "parsed_separately")]
    #[schemars(with = "Option<PathOrRepository>")]
    pub(in crate::config) repository: Option<At<Repository>>,
    /// Argo CD's API server, for the strategies `argocd` and `owner`.
    #[serde(default, deserialize_with = "parsed_separately")]
    pub(in crate::config) argocd: Option<At<ArgoCd>>,
    /// How helm is run, for the strategies `helm` and `owner`.
    #[serde(default, deserialize_with = "parsed_separately")]
    pub(in crate::config) helm: Option<At<Helm>>,
    /// For the strategy `git`, with `repository`.
    #[serde(default, deserialize_with = "parsed_separately")]
    pub(in crate::config) git: Option<At<Git>>,
    /// For the strategy `ci`.
    #[serde(default, deserialize_with = "parsed_separately")]
    pub(in crate::config) ci: Option<At<Ci>>,
    /// For the strategy `command`.
    #[serde(default, deserialize_with = "parsed_separately")]
    pub(in crate::config) command: Option<At<Command>>,
}

/// The ways to roll a deploy back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum StrategyName {
    /// Whatever owns the workload rolls it back: Kubernetes, unless Argo Rollouts, Argo CD, Helm or Flux keep it.
    #[default]
    Owner,
    /// Kubernetes' own undo.
    Kubernetes,
    /// Abort or undo of an Argo Rollout.
    ArgoRollouts,
    /// Argo CD's own rollback.
    #[serde(rename = "argocd")]
    ArgoCd,
    /// `helm rollback`.
    Helm,
    /// Suspend Flux, then Kubernetes' undo.
    Flux,
    /// A job of a CI system.
    Ci,
    /// `git revert` and push.
    Git,
    /// A program.
    Command,
}

impl StrategyName {
    /// Every strategy, the default last.
    pub(in crate::config) const ALL: [Self; 9] = [
        Self::Kubernetes,
        Self::ArgoRollouts,
        Self::ArgoCd,
        Self::Helm,
        Self::Flux,
        Self::Ci,
        Self::Git,
        Self::Command,
        Self::Owner,
    ];

    /// The tables that it looks at, beside what every strategy has.
    pub(in crate::config) const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["argocd", "helm"],
            Self::Kubernetes | Self::ArgoRollouts | Self::Flux => &[],
            Self::ArgoCd => &["argocd"],
            Self::Helm => &["helm"],
            Self::Ci => &["ci"],
            Self::Git => &["git"],
            Self::Command => &["command"],
        }
    }

    /// The keys without which it cannot work.
    pub(in crate::config) const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Owner | Self::Kubernetes | Self::ArgoRollouts | Self::Helm | Self::Flux => &[],
            Self::ArgoCd => &["argocd"],
            Self::Ci => &["ci"],
            Self::Git => &["git", "repository"],
            Self::Command => &["command"],
        }
    }

    /// As it is written in the file.
    pub(in crate::config) const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Kubernetes => "kubernetes",
            Self::ArgoRollouts => "argo-rollouts",
            Self::ArgoCd => "argocd",
            Self::Helm => "helm",
            Self::Flux => "flux",
            Self::Ci => "ci",
            Self::Git => "git",
            Self::Command => "command",
        }
    }
}

/// How far a rollback may go automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Auto {
    /// Not at all.
    Off,
    /// It says what it would have done, and when.
    Shadow,
    /// It counts down, with a key to stop it.
    Countdown,
    /// It acts at once.
    On,
}

impl From<Auto> for Automatic {
    fn from(written: Auto) -> Self {
        match written {
            Auto::Off => Self::Off,
            Auto::Shadow => Self::Shadow,
            Auto::Countdown => Self::Countdown,
            Auto::On => Self::On,
        }
    }
}

/// A path, or a table with more.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only the schema is made of it: the file's form is told apart in parse::rollback")]
enum PathOrRepository {
    /// Where it is.
    Path(PathBuf),
    /// Where it is, and how it is used.
    Repository(Repository),
}

/// A local clone. Nothing in its checkout is ever changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Repository {
    /// Where it is.
    pub(in crate::config) path: At<PathBuf>,
    /// The remote that is fetched from and pushed to; default `origin`.
    pub(in crate::config) remote: Option<At<String>>,
    /// How a version names its commit, tried in order; default `["$version", "v$version"]`.
    pub(in crate::config) tags: Option<Vec<At<String>>>,
    /// Where migrations are, beside the known places: paths with `*` and `**`.
    pub(in crate::config) migrations: Option<Vec<At<String>>>,
}

/// Argo CD's API server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ArgoCd {
    /// Everything before `/api/v1`.
    pub(in crate::config) url: At<String>,
    /// An account's or a project's token.
    pub(in crate::config) token: At<SecretRef>,
    /// The application; default: the one that the workload is marked with. May hold `$service` and `$environment`.
    pub(in crate::config) application: Option<At<String>>,
    /// How long an answer may take; default `10s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}

/// How helm is run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Helm {
    /// The program; default: `helm` on the path.
    pub(in crate::config) program: Option<At<PathBuf>>,
    /// The release; default: the one that the workload is marked with. May hold `$service`.
    pub(in crate::config) release: Option<At<String>>,
    /// How long one run may take; default `60s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}

/// How a deploy is reverted in Git.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Git {
    /// The branch that is deployed.
    pub(in crate::config) branch: At<String>,
    /// How long one call of git may take; default `60s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}

/// A program that rolls a deploy back. It is never given to a shell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Command {
    /// The program and its arguments, with variables.
    pub(in crate::config) run: At<Vec<At<String>>>,
    /// A program that tries it without doing it.
    pub(in crate::config) dry_run: Option<At<Vec<At<String>>>>,
    /// Environment variables that it inherits, beside `PATH`, `HOME` and the locale.
    pub(in crate::config) inherit: Option<Vec<At<String>>>,
    /// How long it may run; default `120s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}

/// A CI system and the job there that rolls a deploy back. Texts may hold `$service`, `$environment`, `$namespace`,
/// `$workload`, `$from`, `$to`, `$from_commit`, `$to_commit`, `$actor`, `$reason` and `$id`; `$$` is a dollar.
#[derive(Debug, JsonSchema)]
#[schemars(tag = "system", rename_all = "lowercase")]
pub(in crate::config) enum Ci {
    /// A workflow of GitHub Actions.
    GitHub(GitHub),
    /// A job of GitLab.
    GitLab(GitLab),
    /// A build of Jenkins.
    Jenkins(Jenkins),
    /// Any address that takes a POST.
    Webhook(Webhook),
}

/// A workflow of GitHub Actions, with `on: workflow_dispatch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct GitHub {
    /// Its API; default `https://api.github.com`, for an Enterprise server `https://HOST/api/v3`.
    pub(in crate::config) url: Option<At<String>>,
    /// Token that may write actions.
    pub(in crate::config) token: At<SecretRef>,
    /// `example/shop`.
    pub(in crate::config) repository: At<String>,
    /// File or id of the workflow.
    pub(in crate::config) workflow: At<String>,
    /// Branch or tag it runs on; default `main`.
    #[serde(rename = "ref")]
    pub(in crate::config) git_ref: Option<At<String>>,
    /// Its inputs, 25 at most; one with `$id` lets its run be found again.
    pub(in crate::config) inputs: Option<At<BTreeMap<String, At<String>>>>,
    /// How long an answer may take; default `10s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
    /// How long the run may take; default `15m`.
    pub(in crate::config) run_timeout: Option<At<HumanDuration>>,
}

/// The job of an earlier deployment of GitLab, run again; or a manual job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct GitLab {
    /// Everything before `/api/v4`; default `https://gitlab.com`.
    pub(in crate::config) url: Option<At<String>>,
    /// Token with the scope `api`.
    pub(in crate::config) token: At<SecretRef>,
    /// Id or path of the project.
    pub(in crate::config) project: At<String>,
    /// GitLab's name of the environment; default: the environment's own.
    pub(in crate::config) environment: Option<At<String>>,
    /// A manual job to start, instead of running the earlier deployment's job again.
    pub(in crate::config) job: Option<At<String>>,
    /// How long an answer may take; default `10s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
    /// How long the job may take; default `15m`.
    pub(in crate::config) run_timeout: Option<At<HumanDuration>>,
}

/// A parametrised build of Jenkins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Jenkins {
    /// Everything before `/job/`.
    pub(in crate::config) url: At<String>,
    /// The user whose token it is.
    pub(in crate::config) user: At<String>,
    /// API token of the user.
    pub(in crate::config) token: At<SecretRef>,
    /// `shop/rollback`, its folders with slashes.
    pub(in crate::config) job: At<String>,
    /// Its parameters.
    pub(in crate::config) parameters: Option<At<BTreeMap<String, At<String>>>>,
    /// How long an answer may take; default `10s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
    /// How long the build may take; default `15m`.
    pub(in crate::config) run_timeout: Option<At<HumanDuration>>,
}

/// Any address that takes a POST.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Webhook {
    /// The address.
    pub(in crate::config) url: At<String>,
    /// Bearer token.
    pub(in crate::config) token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    pub(in crate::config) user: Option<At<String>>,
    /// Password of `user`.
    pub(in crate::config) password: Option<At<SecretRef>>,
    /// Signs the body: `X-Signature-256: sha256=…`.
    pub(in crate::config) signing_key: Option<At<SecretRef>>,
    /// The body, JSON; default: one with the service, environment, versions, reason and actor.
    pub(in crate::config) body: Option<At<String>>,
    /// Where to ask how it goes on; may hold `$run` too, from the answer.
    pub(in crate::config) status_url: Option<At<String>>,
    /// How long an answer may take; default `10s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
    /// How long it may take; default `15m`.
    pub(in crate::config) run_timeout: Option<At<HumanDuration>>,
}
