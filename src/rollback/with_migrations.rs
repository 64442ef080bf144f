//! Any planner, and what may not survive going back: the migrations that shipped with the version are looked for
//! beside its own preparation, and told with its checks.

use super::{choose_version, workload};
use crate::cluster::Cluster;
use crate::deploy::Version;
use crate::repository::Repository;
use crate::rollback::destination::text::items;
use crate::rollback::migrations::{self, Files, InCluster, Shipped};
use crate::rollback::planner::Planner;
use crate::rollback::request::PlanRequest;
use crate::rollback::{Blocked, Check, Goal, Readiness};
use futures_util::future::{BoxFuture, FutureExt, Shared};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a preparation waits for the repository: a rollback that works must not seem unready because a server for
/// code does not answer. What comes later is there at the next preparation.
const PATIENCE: Duration = Duration::from_secs(3);

/// A planner with the checks of migrations.
pub struct WithMigrations {
    inner: Arc<dyn Planner>,
    cluster: Cluster,
    repository: Option<Arc<Repository>>,
    repository_first: bool,
    memory: Mutex<Vec<Remembered>>,
    /// What was last judged, and how: it is the same at nearly every preparation.
    judged: Mutex<Option<(Shipped, Vec<Check>)>>,
}

/// What the repository tells of two versions, or will.
#[derive(Clone)]
struct Remembered {
    from: Vec<String>,
    to: Vec<String>,
    files: Shared<BoxFuture<'static, Files>>,
}

impl WithMigrations {
    /// That planner, with what the cluster and the repository tell of migrations.
    pub fn new(inner: Arc<dyn Planner>, cluster: Cluster, repository: Option<Arc<Repository>>) -> Self {
        Self { inner, cluster, repository, repository_first: false, memory: Mutex::default(), judged: Mutex::default() }
    }

    /// The same, for a planner that wants to name the commits of the versions: the repository is read before it is
    /// asked.
    #[must_use]
    pub fn with_repository_first(self) -> Self {
        Self { repository_first: true, ..self }
    }

    async fn prepared(&self, request: &PlanRequest) -> Readiness {
        if request.goal == Goal::Undo {
            // The database is as the version that comes back left it.
            return self.inner.prepare(request).await;
        }
        // What the planner will choose is nearly always what the watch would: looked at meanwhile.
        let guess = choose_version::choose_version(request).ok().map(|aim| (aim.covered.from, aim.covered.to));
        let guessed = async {
            if let Some((from, to)) = &guess {
                self.files(from, to).await;
            }
        };
        let inner = async {
            if self.repository_first {
                guessed.await;
                self.inner.prepare(request).await
            } else {
                tokio::join!(guessed, self.inner.prepare(request)).1
            }
        };
        let (mut readiness, in_cluster) = tokio::join!(inner, self.in_cluster(request));
        let chosen = match &readiness {
            Readiness::Ready(step) => step.covered(request.workload).map(|it| (it.from.clone(), it.to.clone())),
            Readiness::Preparing | Readiness::Blocked(_) => None,
        };
        let Some((from, to)) = chosen.or(guess) else { return readiness };
        let files = self.files(&from, &to).await;
        let (from, to) = (from.label().to_owned(), to.label().to_owned());
        add(&mut readiness, self.judge(Shipped { from, to, cluster: in_cluster, files }));
        readiness
    }

    /// The checks of all that was looked at.
    fn judge(&self, shipped: Shipped) -> Vec<Check> {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        match &*judged {
            Some((known, checks)) if *known == shipped => checks.clone(),
            _ => {
                let checks = migrations::checks(&shipped);
                *judged = Some((shipped, checks.clone()));
                checks
            }
        }
    }

    /// What the repository tells of two versions. It is asked once, in the background; what it could not tell is
    /// asked again.
    async fn files(&self, from: &Version, to: &Version) -> Files {
        let Some(repository) = &self.repository else { return Files::NoRepository };
        let asked = {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.retain(|known| !matches!(known.files.peek(), Some(Files::Unread(_))));
            let known = memory.iter().find(|known| known.from == from.images && known.to == to.images);
            if let Some(known) = known {
                known.files.clone()
            } else {
                let files = read(Arc::clone(repository), from.clone(), to.clone()).boxed().shared();
                tokio::spawn(files.clone());
                let (from, to) = (from.images.clone(), to.images.clone());
                memory.push(Remembered { from, to, files: files.clone() });
                files
            }
        };
        let late = || Files::Unread("the repository is still being read".to_owned());
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| late())
    }

    /// What the workload and its namespace's jobs tell: two small requests in parallel, or what others just asked.
    async fn in_cluster(&self, request: &PlanRequest) -> InCluster {
        let of = &request.reference;
        let (workload, jobs) =
            tokio::join!(workload::read_workload(&self.cluster, of), workload::jobs(&self.cluster, &of.namespace));
        let workload = match workload {
            Ok(workload) => workload,
            Err(Blocked { reason, .. }) => return InCluster { unread: Some(reason), ..InCluster::default() },
        };
        let deployed = request.wanted.seen.as_ref().map(|seen| seen.deployed);
        let unread = jobs.as_ref().err().map(|why| format!("cannot read jobs: {why}"));
        let jobs = jobs.as_ref().map(|reply| items(&reply.body["items"])).unwrap_or_default();
        InCluster { unread, ..migrations::in_cluster(&workload, jobs, deployed) }
    }
}

/// Reads the migrations between two versions; failures are told in one sentence.
async fn read(repository: Arc<Repository>, from: Version, to: Version) -> Files {
    let commits = async { Ok((repository.commit_of(&to).await?, repository.commit_of(&from).await?)) };
    let commits: Result<_, Blocked> = commits.await;
    match commits {
        Ok((old, new)) => {
            let files = repository.migrations(&old, &new).await;
            files.unwrap_or_else(|trouble| Files::Unread(repository.unreadable(&trouble).reason))
        }
        Err(blocked) => Files::Unread(blocked.reason),
    }
}

fn add(readiness: &mut Readiness, checks: Vec<Check>) {
    match readiness {
        Readiness::Ready(step) => Arc::make_mut(step).checks.extend(checks),
        Readiness::Blocked(refusal) => refusal.checks.extend(checks),
        Readiness::Preparing => {}
    }
}

impl Planner for WithMigrations {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        self.prepared(request).boxed()
    }
}
