//! Where a run stands, with the job that failed or the environment that has to approve it.

use super::GitHub;
use crate::net::client::Freshness;
use crate::net::fields::{link, text};
use crate::rollback::{Answer, Blocked, Run};
use serde_json::{Value, json};

impl GitHub {
    /// Reads what GitHub says of a run.
    pub(super) async fn state_of(&self, repository: &str, run: &Value) -> Answer {
        let id = text(&run["id"]);
        let link = link(&run["html_url"]);
        let running = |state: String| Answer::Running(Run { id: id.clone(), state, link: link.clone(), ended: false });
        match run["status"].as_str().unwrap_or_default() {
            "completed" => {}
            "waiting" => return running(self.awaited_approval(repository, &id).await),
            "in_progress" => return running("in progress".to_owned()),
            "queued" | "requested" | "pending" => return running("queued".to_owned()),
            other => return running(text(&json!(other))),
        }
        let conclusion = text(&run["conclusion"]);
        if matches!(conclusion.as_str(), "success" | "neutral") {
            return Answer::Running(Run { id, state: "succeeded".to_owned(), link, ended: true });
        }
        let at = self.failed_job(repository, &id).await.map_or_else(String::new, |job| format!(" in {job}"));
        let look = link.unwrap_or_else(|| format!("the runs of {repository}"));
        Answer::Failed(match conclusion.as_str() {
            "cancelled" => Blocked {
                reason: "the run was cancelled".to_owned(),
                way_out: format!("ask who cancelled it, and check how far it got: {look}"),
            },
            "skipped" => Blocked {
                reason: "the run was skipped by a condition in the workflow".to_owned(),
                way_out: format!("read the conditions in the workflow: {look}"),
            },
            "action_required" => Blocked {
                reason: "the run needs approval before it can start".to_owned(),
                way_out: format!("approve it, then check the pods: {look}"),
            },
            "startup_failure" => Blocked {
                reason: "the run could not start: the workflow file is invalid".to_owned(),
                way_out: format!("read what GitHub says about it: {look}"),
            },
            _ => Blocked {
                reason: format!("the run ended with {}{at}", conclusion.replace('_', " ")),
                way_out: format!("read its log, it may have partly run: {look}"),
            },
        })
    }

    async fn awaited_approval(&self, repository: &str, id: &str) -> String {
        let pending = self.client.read(self.get(repository, &["actions", "runs", id, "pending_deployments"])).await;
        let pending = pending.unwrap_or_default();
        let names: Vec<String> =
            pending.as_array().into_iter().flatten().map(|one| text(&one["environment"]["name"])).collect();
        match names.as_slice() {
            [] => "waiting for approval".to_owned(),
            names => format!("waiting for approval of {}", names.join(", ")),
        }
    }

    async fn failed_job(&self, repository: &str, id: &str) -> Option<String> {
        let has_failed = |of: &&Value| matches!(of["conclusion"].as_str(), Some("failure" | "timed_out"));
        let found = |read: &[Value]| read.iter().any(|job| has_failed(&job));
        let request = self.get(repository, &["actions", "runs", id, "jobs"]);
        let pages = self.client.pages(request, "jobs", Freshness::Now, &found).await.ok()?;
        let Some(job) = pages.items.iter().find(has_failed) else {
            let unread = format!("none of the first {} jobs; the rest were not read", pages.items.len());
            return (!pages.is_whole).then_some(unread);
        };
        let step = job["steps"].as_array().and_then(|steps| steps.iter().find(has_failed));
        let step = step.map_or_else(String::new, |step| format!(", step “{}”", text(&step["name"])));
        Some(format!("job “{}”{step}", text(&job["name"])))
    }
}
