//! GitLab: the job of an earlier deployment is run again, as the Rollback button does; or a manual job is started.
//!
//! Facts: API v4. Deployments come oldest first unless told otherwise; a job that is run again is a new job with
//! a new number in the same pipeline, and takes the old one's place in the pipeline's list.

mod checks;
mod config;

pub(in crate::systems) use config::CI;
pub use config::GitLabSpec;

use crate::clock::Clock;
use crate::deploy::Version;
use crate::net::Auth;
use crate::net::client::{Client, Freshness, Pages, Unread};
use crate::net::fields::{link, moment, text};
use crate::net::http::{Reply, RetryHint, authorization};
use crate::rollback::action::{CiAction, GitLabJob};
use crate::rollback::{Answer, Blocked, Check, CheckKind, Refusal, Run};
use crate::systems::shared::ci::PURPOSE;
use crate::systems::shared::ci::planner::{Draft, JobPlanner, Prepared};
use crate::systems::shared::ci::trace::Trace;
use checks::{in_progress, role, settings};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::RequestBuilder;
use serde_json::Value;

/// What is asked of it, with variables.
struct Told {
    pub(in crate::systems) project: String,
    pub(in crate::systems) environment: String,
    pub(in crate::systems) job: Option<String>,
}

impl Told {
    fn texts(&self) -> Vec<&str> {
        [Some(&self.project), Some(&self.environment), self.job.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }
}

/// GitLab's API.
pub(in crate::systems) struct GitLab {
    client: Client,
    told: Told,
}

/// The deployment that is gone back to, and why that one.
struct Earlier<'a> {
    deployment: &'a Value,
    check: Check,
}

impl GitLab {
    pub(in crate::systems) fn new(spec: &GitLabSpec, clock: Clock) -> Result<Self, Blocked> {
        let GitLabSpec { endpoint, token, project, environment, job, .. } = spec.clone();
        let told = Told { project, environment, job };
        // Personal, project and group tokens are all taken as bearers.
        let auth = Auth::Bearer(token);
        let headers = authorization(&auth).map_err(|error| PURPOSE.unusable("GitLab", &error))?;
        let client = Client::new("GitLab", PURPOSE, &endpoint, headers, RetryHint::GitLabReset, clock)?;
        Ok(Self { client, told })
    }

    /// A GET below the project.
    fn get(&self, project: &str, path: &[&str]) -> RequestBuilder {
        self.client.http.get(&below(project, path))
    }

    async fn try_prepare(&self, draft: &Draft) -> Result<Prepared, Refusal> {
        let values = &draft.values;
        let project = values.fill(&self.told.project)?;
        let environment = values.fill(&self.told.environment)?;
        let job = self.told.job.as_ref().map(|job| values.fill(job)).transpose()?;
        let newest = |more: &[(&str, &str)]| {
            let query = [("environment", environment.as_str()), ("order_by", "id"), ("sort", "desc")];
            self.get(&project, &["deployments"]).query(&query).query(more)
        };
        let successful = newest(&[("status", "success")]);
        // Later pages matter only where no deployment of the newer ones names the version.
        let names_it = |read: &[Value]| named(read, draft).is_some();
        let (about, good, latest) = tokio::join!(
            self.client.read_lately(self.get(&project, &[])),
            self.client.pages(successful, "", Freshness::Lately, &names_it),
            self.client.read_lately(newest(&[("per_page", "20")])),
        );
        let unseen = |unread: Unread| unseen(unread, &project);
        let about = about.map_err(unseen)?;
        let (good, latest) = (good.map_err(unseen)?, latest.map_err(unseen)?);
        let mut checks = vec![settings(&about, &project, job.is_none())?];
        checks.extend(role(&about, &project));
        checks.extend(in_progress(&latest, &environment));
        let earlier = choose(&good, draft, &environment)?;
        checks.push(earlier.check);
        let (action, did) = match job {
            None => (CiAction::RetryJob(retried(earlier.deployment, &project)?), "rerun"),
            Some(name) => self.manual(earlier.deployment, &project, &name).await?,
        };
        let (CiAction::RetryJob(job) | CiAction::PlayJob(job)) = &action else { return Err(no_job(&project).into()) };
        let (sha, name) = (short(&job.sha), &job.name);
        let verb = if matches!(action, CiAction::PlayJob(_)) { "play" } else { "retry" };
        Ok(Prepared {
            subject: format!("job {name} {} of {project}{}", job.id, values.distinction(&self.told.texts())),
            place: self.client.place(),
            does: format!(
                "{did} job {name} of pipeline {} of {project}: it deploys {sha} to {environment}",
                job.pipeline
            ),
            manual_command: format!(
                "glab api --method POST projects/{}/jobs/{}/{verb}",
                project.replace('/', "%2F"),
                job.id
            ),
            checks,
            took: duration(&earlier.deployment["deployable"]),
            action,
        })
    }

    /// The manual job of this name in the pipeline of the deployment that is gone back to.
    async fn manual(&self, earlier: &Value, project: &str, name: &str) -> Result<(CiAction, &'static str), Blocked> {
        let pipeline = earlier["deployable"]["pipeline"]["id"].as_u64().ok_or_else(|| no_job(project))?;
        let jobs = self.jobs(project, pipeline).await.map_err(|unread| unseen(unread, project))?;
        let job = jobs.iter().find(|job| job["name"] == name).ok_or_else(|| Blocked {
            reason: format!("pipeline {pipeline} of {project} has no job {name}"),
            way_out: "fix job in this environment's rollback.ci, or leave it out to rerun the deployment's own job"
                .to_owned(),
        })?;
        let found = GitLabJob {
            project: project.to_owned(),
            pipeline,
            id: job["id"].as_u64().ok_or_else(|| no_job(project))?,
            name: name.to_owned(),
            sha: text(&earlier["sha"]),
        };
        match job["status"].as_str().unwrap_or_default() {
            "manual" | "scheduled" => Ok((CiAction::PlayJob(found), "start")),
            "success" | "failed" | "canceled" => Ok((CiAction::RetryJob(found), "rerun")),
            other => Err(Blocked {
                reason: format!("job {name} of pipeline {pipeline} is {}", other.replace('_', " ")),
                way_out: format!("look at it: {}", link(&job["web_url"]).unwrap_or_else(|| found.id.to_string())),
            }),
        }
    }

    /// The jobs of a pipeline, read now. A pipeline may have hundreds.
    async fn jobs(&self, project: &str, pipeline: u64) -> Result<Vec<Value>, Unread> {
        let pipeline = pipeline.to_string();
        let path = ["pipelines", &pipeline, "jobs"];
        Ok(self.client.pages(self.get(project, &path), "", Freshness::Now, &|_| false).await?.items)
    }

    async fn order(&self, job: &GitLabJob, verb: &str) -> Answer {
        let id = job.id.to_string();
        let request = self.client.http.post(&below(&job.project, &["jobs", &id, verb]));
        let reply = match self.client.order(request, |reply| refused(reply, job)).await {
            Ok(reply) => reply,
            Err(why) => return why.into(),
        };
        match state_of(&reply.body) {
            Some(answer) => answer,
            None => Answer::Unknown("GitLab accepted it, but its response does not name the job".to_owned()),
        }
    }
}

impl JobPlanner for GitLab {
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>> {
        self.try_prepare(draft).boxed()
    }
}

impl GitLab {
    /// Runs the job of an earlier deployment again, once.
    pub(in crate::systems) async fn retry(&self, job: &GitLabJob) -> Answer {
        self.order(job, "retry").await
    }

    /// Starts a manual job, once.
    pub(in crate::systems) async fn play(&self, job: &GitLabJob) -> Answer {
        self.order(job, "play").await
    }

    /// How a job goes on.
    pub(in crate::systems) async fn follow(&self, job: &GitLabJob, id: &str) -> Answer {
        match self.client.read(self.get(&job.project, &["jobs", id])).await {
            Ok(job) => state_of(&job).unwrap_or_else(|| Answer::Unknown("GitLab's response names no job".to_owned())),
            Err(unread) => Answer::Unknown(format!("GitLab {}", unread.text)),
        }
    }

    /// What there is to be seen of a job that was to run again: it has another number then.
    pub(in crate::systems) async fn find_retried(&self, job: &GitLabJob) -> Trace {
        self.find(job, |now| now["id"].as_u64() > Some(job.id)).await
    }

    /// What there is to be seen of a job that was to be started manually.
    pub(in crate::systems) async fn find_played(&self, job: &GitLabJob) -> Trace {
        self.find(job, |now| !matches!(now["status"].as_str(), Some("manual" | "scheduled"))).await
    }

    async fn find(&self, job: &GitLabJob, has_begun: impl Fn(&Value) -> bool) -> Trace {
        let jobs = match self.jobs(&job.project, job.pipeline).await {
            Ok(jobs) => jobs,
            Err(unread) => return Trace::Unclear(format!("GitLab {}", unread.text)),
        };
        let same = |candidate: &&Value| candidate["name"] == job.name.as_str();
        let Some(now) = jobs.iter().filter(same).max_by_key(|job| job["id"].as_u64()) else {
            return Trace::Unclear(format!("pipeline {} no longer has job {}", job.pipeline, job.name));
        };
        match state_of(now) {
            Some(answer) if has_begun(now) => Trace::Found(answer),
            _ => Trace::Nothing(format!("job {} of pipeline {} has not been started", job.name, job.pipeline)),
        }
    }
}

fn below<'a>(project: &'a str, path: &[&'a str]) -> Vec<&'a str> {
    let mut whole = vec!["api", "v4", "projects", project];
    whole.extend(path);
    whole
}

fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}

fn duration(job: &Value) -> Option<TimeDelta> {
    let told = job["duration"].as_f64().and_then(|seconds| TimeDelta::try_seconds(seconds as i64));
    told.or_else(|| Some(moment(&job["finished_at"])? - moment(&job["started_at"])?))
}

/// Where a job stands; `None` where the answer is no job.
fn state_of(job: &Value) -> Option<Answer> {
    let id = job["id"].as_u64()?.to_string();
    let link = link(&job["web_url"]);
    let name = text(&job["name"]);
    let look = link.clone().unwrap_or_else(|| format!("job {id}"));
    let status = job["status"].as_str()?;
    let state = match status {
        "success" => return Some(Answer::Running(Run { id, state: "succeeded".to_owned(), link, ended: true })),
        "failed" => {
            let why =
                job["failure_reason"].as_str().map_or_else(String::new, |why| format!(" ({})", why.replace('_', " ")));
            return Some(Answer::Failed(Blocked {
                reason: format!("job {name} failed{why}"),
                way_out: format!("read its log, it may have partly run: {look}"),
            }));
        }
        "canceled" | "canceling" | "skipped" => {
            return Some(Answer::Failed(Blocked {
                reason: format!("job {name} was {}", if status == "skipped" { "skipped" } else { "cancelled" }),
                way_out: format!("ask who did that, and check how far it got: {look}"),
            }));
        }
        "manual" => "waiting for approval or a manual start".to_owned(),
        "waiting_for_resource" => "waiting for another deployment".to_owned(),
        "created" | "pending" | "preparing" => "queued".to_owned(),
        "running" => "in progress".to_owned(),
        other => text(&other.into()).replace('_', " "),
    };
    Some(Answer::Running(Run { id, state, link, ended: false }))
}

/// Picks the deployment of the version that is gone back to, newest first: by what names the version, else the
/// one before the one that runs.
fn choose<'a>(good: &'a Pages, draft: &Draft, environment: &str) -> Result<Earlier<'a>, Blocked> {
    let name = CheckKind::Deployment;
    let deployments = good.items.as_slice();
    let described = |deployment: &Value| {
        let at = moment(&deployment["created_at"])
            .map_or_else(String::new, |at| format!(" of {}", at.format("%m-%d %H:%M UTC")));
        format!("{} ({}){at}", text(&deployment["ref"]), short(&text(&deployment["sha"])))
    };
    if deployments.is_empty() {
        return Err(Blocked {
            reason: format!("GitLab has no successful deployment to {environment}"),
            way_out: "fix environment in this environment's rollback.ci: it is GitLab's name for it".to_owned(),
        });
    }
    if let Some(deployment) = named(deployments, draft) {
        let sentence = format!("{} was deployed as {}", draft.to.label(), described(deployment));
        return Ok(Earlier { deployment, check: Check::ok(name, sentence) });
    }
    let running = deployments.iter().position(|deployment| is_running(deployment, draft));
    let now = &deployments[running.unwrap_or(0)];
    let earlier = deployments.iter().skip(running.unwrap_or(0)).find(|deployment| deployment["sha"] != now["sha"]);
    let deployment = earlier.ok_or_else(|| Blocked {
        reason: format!("GitLab has no deployment to {environment} before the one of {}", described(now)),
        way_out: "redeploy the earlier version".to_owned(),
    })?;
    let of = if good.is_whole {
        "no deployment".to_owned()
    } else {
        format!("none of the newest {} deployments", deployments.len())
    };
    let sentence =
        format!("{of} names {}; using the one before the newest: {}", draft.to.label(), described(deployment));
    let way_out = "check that this is the right one; with a repository configured, versions map to commits";
    Ok(Earlier { deployment, check: Check::warning(name, sentence, Some(way_out.to_owned())) })
}

/// The newest deployment that names the version that is gone back to.
fn named<'a>(deployments: &'a [Value], draft: &Draft) -> Option<&'a Value> {
    let commit = draft.values.to_commit.as_deref();
    deployments.iter().find(|deployment| is_of(deployment, &draft.to, commit) && !is_running(deployment, draft))
}

fn is_running(deployment: &Value, draft: &Draft) -> bool {
    is_of(deployment, &draft.from, draft.values.from_commit.as_deref())
}

/// Whether a deployment is of this version: its Git tag is named like it, or its commit is.
fn is_of(deployment: &Value, version: &Version, commit: Option<&str>) -> bool {
    let label = version.label();
    let tag = deployment["ref"].as_str().filter(|_| deployment["deployable"]["tag"] == true);
    let named = tag.is_some_and(|tag| tag == label || tag.strip_prefix('v') == Some(label));
    let sha = deployment["sha"].as_str().unwrap_or_default();
    named || commit.is_some_and(|commit| sha.starts_with(commit) || (sha.len() >= 7 && commit.starts_with(sha)))
}

fn retried(deployment: &Value, project: &str) -> Result<GitLabJob, Blocked> {
    let job = &deployment["deployable"];
    let (Some(id), Some(pipeline)) = (job["id"].as_u64(), job["pipeline"]["id"].as_u64()) else {
        return Err(no_job(project));
    };
    let (name, sha) = (text(&job["name"]), text(&deployment["sha"]));
    Ok(GitLabJob { project: project.to_owned(), pipeline, id, name, sha })
}

fn no_job(project: &str) -> Blocked {
    Blocked {
        reason: format!("the earlier deployment of {project} has no job to rerun"),
        way_out: "set a manual job in this environment's rollback.ci, or redeploy the earlier version".to_owned(),
    }
}

fn unseen(unread: Unread, project: &str) -> Blocked {
    match unread.status {
        404 => Blocked {
            reason: format!("no project {project}, or the token cannot see it"),
            way_out: "fix project in this environment's rollback.ci, or give the token access to it".to_owned(),
        },
        403 => unread.blocked("give the token the scope api, and its user at least the role Developer"),
        _ => unread.blocked("read what GitLab says, or do it there: Operate, Environments, Rollback"),
    }
}

/// The refusals that only GitLab has.
fn refused(reply: &Reply, job: &GitLabJob) -> Option<Blocked> {
    let said = &reply.said;
    let GitLabJob { project, name, .. } = job;
    Some(match reply.status {
        403 if said.contains("not retryable") || said.contains("not playable") || said.contains("Unplayable") => {
            Blocked {
                reason: format!("cannot rerun job {name}: {said}"),
                way_out: "it is archived, erased, or was rerun since: reopen the plan, or redeploy".to_owned(),
            }
        }
        400 if said.contains("layable") => Blocked {
            reason: format!("cannot start job {name}: {said}"),
            way_out: "it is already running, or outdated: check the pipeline in GitLab".to_owned(),
        },
        403 => Blocked {
            reason: format!("the token may not deploy {project}: {said}"),
            way_out: "a protected environment only lets its listed users deploy: use the token of one of them"
                .to_owned(),
        },
        404 => Blocked {
            reason: format!("no job {name} of {project}, or the token may not run it: {said}"),
            way_out: "reopen the plan; a protected environment answers this to users not on its list".to_owned(),
        },
        _ => return None,
    })
}
