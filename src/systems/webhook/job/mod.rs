//! Any address that takes a POST: what it does is its own affair, and how it goes on is told at another address.

mod config;

pub(in crate::systems) use config::CI;
pub use config::WebhookSpec;

use crate::clock::Clock;
use crate::net::address::{self, NoAddress};
use crate::net::client::Client;
use crate::net::fields::{link, text};
use crate::net::http::{Reply, RetryHint, authorization, signature};
use crate::rollback::action::{CiAction, Post};
use crate::rollback::variables::quoted;
use crate::rollback::{Answer, Blocked, Check, CheckKind, Refusal, Run};
use crate::secret::Secret;
use crate::systems::shared::ci::PURPOSE;
use crate::systems::shared::ci::planner::{Draft, JobPlanner, Prepared};
use crate::systems::shared::ci::trace::Trace;
use crate::template::Template;
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

/// The body where none is configured.
const BODY: &str = r#"{"event":"rollback","service":"$service","environment":"$environment","namespace":"$namespace","workload":"$workload","from":"$from","to":"$to","reason":"$reason","actor":"$actor","idempotency_key":"$id"}"#;

/// What is asked of it, with variables.
struct Told {
    pub(in crate::systems) signing_key: Option<Secret>,
    pub(in crate::systems) body: Option<String>,
    pub(in crate::systems) status_url: Option<String>,
}

/// The address.
pub(in crate::systems) struct Webhook {
    client: Client,
    told: Told,
}

impl Webhook {
    pub(in crate::systems) fn new(spec: &WebhookSpec, clock: Clock) -> Result<Self, Blocked> {
        let WebhookSpec { endpoint, auth, signing_key, body, status_url, .. } = spec.clone();
        let told = Told { signing_key, body, status_url };
        let headers = authorization(&auth).map_err(|error| PURPOSE.unusable("the webhook", &error))?;
        let client = Client::new("the webhook", PURPOSE, &endpoint, headers, RetryHint::RetryAfter, clock)?;
        Ok(Self { client, told })
    }

    fn try_prepare(&self, draft: &Draft) -> Result<Prepared, Refusal> {
        let values = &draft.values;
        let template = self.told.body.as_deref().unwrap_or(BODY);
        let body = values.fill_json(template)?;
        serde_json::from_str::<Value>(&body).map_err(|error| Blocked {
            reason: format!("the webhook's body is not JSON once filled in: {error}"),
            way_out: "fix body in this environment's rollback.ci".to_owned(),
        })?;
        let mut checks = vec![Check::ok(CheckKind::Webhook, "not tried: known only when it is called")];
        match &self.told.status_url {
            None => checks.push(Check::warning(
                CheckKind::Progress,
                "no status url: only the pods will show progress",
                Some("set status_url in this environment's rollback.ci".to_owned()),
            )),
            Some(url) => {
                // Tried here, so that a mistake in it is known before it is needed.
                status_address(url, &values.id, Some("1"))?;
                checks.push(Check::ok(CheckKind::Progress, "progress is read from the status url"));
            }
        }
        let host = self.client.http.host();
        let distinction = values.distinction(&[template]);
        Ok(Prepared {
            subject: format!("webhook {host}{distinction}"),
            place: host.clone(),
            does: format!("send {host} {body}"),
            manual_command: format!("curl -X POST -H 'Content-Type: application/json' -d {} URL", quoted(&body)),
            checks,
            took: None,
            action: CiAction::Post(Post { body, idempotency_key: values.id.clone() }),
        })
    }

    /// Asks the status url.
    async fn status(&self, key: &str, run: Option<&str>) -> Result<Value, (u16, String)> {
        let Some(url) = &self.told.status_url else { return Err((0, "no status url".to_owned())) };
        let url = status_address(url, key, run).map_err(|blocked| (0, blocked.reason))?;
        let answer = self.client.read(self.client.http.get_at(url)).await;
        answer.map_err(|unread| (unread.status, format!("the status url {}", unread.text)))
    }
}

impl JobPlanner for Webhook {
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>> {
        async move { self.try_prepare(draft) }.boxed()
    }
}

impl Webhook {
    /// Posts the body, once.
    pub(in crate::systems) async fn send(&self, Post { body, idempotency_key }: &Post) -> Answer {
        let mut request = self.client.http.post_itself().header(CONTENT_TYPE, "application/json");
        request = request.header("idempotency-key", idempotency_key);
        if let Some(signing_key) = &self.told.signing_key {
            request = request.header("x-signature-256", signature(signing_key, body));
        }
        let reply = match self.client.order(request.body(body.clone()), refused).await {
            Ok(reply) => reply,
            Err(why) => return why.into(),
        };
        let run = ["run", "run_id", "id"].iter().map(|name| text(&reply.body[*name])).find(|run| run != "?");
        match &self.told.status_url {
            // Where it does not name its run, nothing can be asked: the pods tell.
            None => Answer::Accepted,
            Some(url) if Template::ours(url).mentions("run") && run.is_none() => Answer::Accepted,
            Some(_) => Answer::Running(Run {
                id: run.unwrap_or_default(),
                state: "accepted".to_owned(),
                link: link_of(&reply.body),
                ended: false,
            }),
        }
    }

    /// How the run goes on, where there is an address to ask.
    pub(in crate::systems) async fn follow(&self, Post { idempotency_key, .. }: &Post, id: &str) -> Answer {
        match self.status(idempotency_key, Some(id)).await {
            Ok(status) => state_of(&status, id),
            Err((_, why)) => Answer::Unknown(why),
        }
    }

    /// What there is to be seen of a request whose answer was lost.
    pub(in crate::systems) async fn read_back(&self, Post { idempotency_key, .. }: &Post) -> Trace {
        let status_url = Template::ours(self.told.status_url.as_deref().unwrap_or_default());
        if !status_url.mentions("id") || status_url.mentions("run") {
            return Trace::Unclear(format!(
                "cannot ask {} whether {idempotency_key} arrived: check there, and the pods",
                self.client.http.host()
            ));
        }
        match self.status(idempotency_key, None).await {
            Ok(status) => Trace::Found(state_of(&status, "")),
            Err((404, _)) => Trace::Nothing(format!("the status url does not know {idempotency_key}")),
            Err((_, why)) => Trace::Unclear(why),
        }
    }
}

/// The status url with `$id` and `$run` filled in; neither can change more than its own place in it.
fn status_address(template: &str, id: &str, run: Option<&str>) -> Result<Url, Blocked> {
    let value = |name: &str| match name {
        "id" => Some(id),
        "run" => Some(run.unwrap_or_default()),
        _ => None,
    };
    address::filled(template, value).map_err(|error| match error {
        NoAddress::Unknown(other) => Blocked {
            reason: format!("${other} is not a variable in the status url"),
            way_out: "use $id, or $run for the number in the webhook's response".to_owned(),
        },
        NoAddress::NotHttp => Blocked {
            reason: "the status url is not an http or https url once $id and $run are filled in".to_owned(),
            way_out: "fix status_url in this environment's rollback.ci".to_owned(),
        },
    })
}

fn link_of(body: &Value) -> Option<String> {
    ["html_url", "web_url", "url", "link"].iter().find_map(|name| link(&body[*name]))
}

/// What a status says, in the words that CI systems use.
fn state_of(status: &Value, id: &str) -> Answer {
    let link = link_of(status);
    let word = ["status", "state"].iter().map(|name| text(&status[*name])).find(|word| word != "?");
    let Some(word) = word else {
        return Answer::Unknown("the status url's response has neither status nor state".to_owned());
    };
    let said = ["message", "description", "reason"]
        .iter()
        .find_map(|name| status[*name].as_str())
        .map(|said| text(&said.into()));
    let run = |state: &str, ended| {
        Answer::Running(Run { id: id.to_owned(), state: state.to_owned(), link: link.clone(), ended })
    };
    let failed = |what: String| {
        let why = said.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        let look = link.clone().unwrap_or_else(|| "the system behind the webhook".to_owned());
        Answer::Failed(Blocked {
            reason: format!("{what}{why}"),
            way_out: format!("read its log, it may have partly run: {look}"),
        })
    };
    match word.to_ascii_lowercase().as_str() {
        "success" | "succeeded" | "successful" | "passed" | "done" | "completed" | "complete" | "finished" | "ok" => {
            run("succeeded", true)
        }
        "failure" | "failed" | "error" | "errored" | "timed_out" | "timeout" => failed("the run failed".to_owned()),
        "cancelled" | "canceled" | "aborted" | "rejected" | "skipped" => failed(format!("the run was {word}")),
        "queued" | "pending" | "accepted" | "created" | "scheduled" => run("queued", false),
        "running" | "in_progress" | "started" | "processing" => run("in progress", false),
        "waiting" | "blocked" | "on_hold" | "manual" => run("waiting for approval", false),
        _ => run(&word, false),
    }
}

/// The refusals that only a webhook has.
fn refused(reply: &Reply) -> Option<Blocked> {
    let said = &reply.said;
    Some(match reply.status {
        401 | 403 => Blocked {
            reason: format!("the webhook rejected the request: {said}"),
            way_out: "fix the token or signing_key in this environment's rollback.ci".to_owned(),
        },
        404 | 410 => Blocked {
            reason: "no webhook at this address".to_owned(),
            way_out: "fix url in this environment's rollback.ci".to_owned(),
        },
        400 | 415 | 422 => Blocked {
            reason: format!("the webhook rejected the body: {said}"),
            way_out: "fix body in this environment's rollback.ci".to_owned(),
        },
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_cannot_lead_the_status_url_elsewhere() {
        let address = |run| status_address("https://ci.example/runs/$run?key=${id}", "redflag-1", Some(run)).unwrap();
        assert_eq!(address("17").as_str(), "https://ci.example/runs/17?key=redflag-1");
        assert_eq!(address("../x@evil?").as_str(), "https://ci.example/runs/..%2Fx%40evil%3F?key=redflag-1");
        assert!(status_address("ftp://ci.example/$id", "redflag-1", None).is_err());
        assert!(status_address("https://ci.example/$who", "redflag-1", None).is_err());
    }

    #[test]
    fn the_words_of_many_systems_are_known() {
        let state = |word: &str| match state_of(&serde_json::json!({"status": word, "url": "https://ci/1"}), "1") {
            Answer::Running(run) => format!("{}{}", run.state, if run.ended { "!" } else { "" }),
            Answer::Failed(blocked) => blocked.reason,
            other => format!("{other:?}"),
        };
        assert_eq!(state("SUCCESS"), "succeeded!");
        assert_eq!(state("in_progress"), "in progress");
        assert_eq!(state("failed"), "the run failed");
        assert_eq!(state("canceled"), "the run was canceled");
        assert_eq!(state("reticulating splines"), "reticulating splines");
        assert!(matches!(state_of(&serde_json::json!({"ok": true}), "1"), Answer::Unknown(_)));
    }
}
