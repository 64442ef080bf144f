//! Words: what each strategy is told. Configuration writes them, strategies read them.

use crate::net::{Auth, Endpoint};
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// How an environment is rolled back.
#[derive(Debug, Clone, PartialEq)]
pub struct RollbackSpec {
    /// By which way.
    pub strategy: StrategySpec,
    /// A local clone of what is deployed: for the `git` strategy, and to find the migrations that shipped.
    pub repository: Option<RepositorySpec>,
}

impl Default for RollbackSpec {
    fn default() -> Self {
        Self { strategy: StrategySpec::Owner(OwnerSpec::default()), repository: None }
    }
}

/// One strategy and what it needs to know.
#[derive(Debug, Clone, PartialEq)]
pub enum StrategySpec {
    /// Whoever owns the workload rolls it back: Kubernetes itself, unless Flux, Argo CD, Argo Rollouts or Helm
    /// keep it.
    Owner(OwnerSpec),
    /// Kubernetes' own undo.
    Kubernetes,
    /// Abort or undo of an Argo Rollout.
    ArgoRollouts,
    /// Argo CD's own rollback.
    ArgoCd(ArgoCdSpec),
    /// The `helm` on the path.
    Helm(HelmSpec),
    /// Suspend Flux, then Kubernetes' undo.
    Flux,
    /// A CI system.
    Ci(CiSpec),
    /// `git revert` and push, in the repository.
    Git(GitSpec),
    /// A program.
    Command(CommandSpec),
}

impl StrategySpec {
    /// Its name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Owner(_) => "owner",
            Self::Kubernetes => "kubernetes",
            Self::ArgoRollouts => "argo-rollouts",
            Self::ArgoCd(_) => "argocd",
            Self::Helm(_) => "helm",
            Self::Flux => "flux",
            Self::Ci(_) => "ci",
            Self::Git(_) => "git",
            Self::Command(_) => "command",
        }
    }
}

/// What the owners' own ways need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnerSpec {
    /// An Argo CD server; without one, what Argo CD manages is blocked, with its own rollback as the way out.
    pub argocd: Option<ArgoCdSpec>,
    /// The program; `None` where the cluster is found by its address: helm goes by kubeconfigs, and would act on
    /// whatever cluster the usual one names.
    pub helm: Option<HelmSpec>,
}

/// Argo CD's API server.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgoCdSpec {
    /// Where: everything before `/api/v1`.
    pub endpoint: Endpoint,
    /// An account's or a project's token.
    pub token: Secret,
    /// The application; default: the one that the workload's tracking mark names. May hold `$service` and
    /// `$environment`.
    pub application: Option<String>,
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

/// The variables that texts of a CI system or a command may hold, in the order in which errors list them.
pub const VARIABLES: [&str; 11] = [
    "service",
    "environment",
    "namespace",
    "workload",
    "from",
    "to",
    "from_commit",
    "to_commit",
    "actor",
    "reason",
    "id",
];

/// A CI system and the job there that takes a deploy back. Texts may hold the variables `$service`,
/// `$environment`, `$namespace`, `$workload` (`deployment/app`), `$from`, `$to`, `$from_commit`, `$to_commit`
/// (where a repository or the version itself tells them), `$actor`, `$reason` and `$id` (one for each
/// rollback); `$$` is a dollar.
#[derive(Debug, Clone, PartialEq)]
pub struct CiSpec {
    /// Where its API is.
    pub endpoint: Endpoint,
    /// Which system, and what to ask of it.
    pub system: CiSystem,
    /// How long a run may take before it counts as failed to answer.
    pub run_timeout: Duration,
}

/// The CI systems.
#[derive(Debug, Clone, PartialEq)]
pub enum CiSystem {
    /// GitHub Actions. The endpoint is `https://api.github.com`, or `https://HOST/api/v3`.
    GitHub {
        /// Token that may write actions.
        token: Secret,
        /// `example/shop`.
        repository: String,
        /// File or id of the workflow.
        workflow: String,
        /// Branch or tag it runs on.
        git_ref: String,
        /// Its inputs, 25 at most. One of them should hold `$id`, and the workflow's `run-name` show it: that
        /// is how a run is found whose number was not answered.
        inputs: Vec<(String, String)>,
    },
    /// GitLab. The endpoint is everything before `/api/v4`.
    GitLab {
        /// Token with the scope `api`.
        token: Secret,
        /// Id or path of the project.
        project: String,
        /// GitLab's own name of the environment.
        environment: String,
        /// Name of a manual job to start, instead of running the earlier deployment's job again. It is looked
        /// for in the pipeline of the deployment that is gone back to.
        job: Option<String>,
    },
    /// Jenkins. The endpoint is everything before `/job/`.
    Jenkins {
        /// User and API token.
        auth: Auth,
        /// `shop/rollback`, its folders with slashes.
        job: String,
        /// Its parameters. One of them should hold `$id`: that is how a build is found whose answer was lost.
        parameters: Vec<(String, String)>,
    },
    /// Any address that takes a POST. The endpoint is the address itself.
    Webhook {
        /// How it knows us.
        auth: Auth,
        /// Signs the body: `X-Signature-256: sha256=…`.
        signing_key: Option<Secret>,
        /// The body, JSON; by default one with the event, service, environment, versions, reason and actor.
        body: Option<String>,
        /// Where to ask how it goes on: JSON with `status` or `state`. `$id` and `$run` may be in it, the `run`,
        /// `run_id` or `id` of the answer; with `$id` alone it is asked for a lost answer, too.
        status_url: Option<String>,
    },
}

/// A local clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySpec {
    /// Where it is.
    pub path: PathBuf,
    /// The remote that is fetched from and pushed to.
    pub remote: String,
    /// How a version names its commit, tried in order: `$version`, `v$version`; a full or short hash as the
    /// version works without any.
    pub tags: Vec<String>,
    /// Where migrations are, beside the known places: paths with `*` and `**`.
    pub migrations: Vec<String>,
}

/// How a deploy is reverted in Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSpec {
    /// The branch that is deployed.
    pub branch: String,
    /// How long one call of git may take.
    pub timeout: Duration,
}

/// A program that takes a deploy back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The program and its arguments. They may hold the variables of [`CiSpec`].
    pub argv: Vec<String>,
    /// A program that tries it without doing it: its exit status and last line are a preflight check.
    pub dry_run: Option<Vec<String>>,
    /// Variables of our own environment that it inherits, beside `PATH`, `HOME` and the locale.
    pub inherit: Vec<String>,
    /// How long it may run before its process group is ended.
    pub timeout: Duration,
}
