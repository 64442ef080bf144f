//! GitHub Actions: a workflow is dispatched, its run is found and followed.
//!
//! Facts: REST API description of 2022-11-28. A dispatch answers 204 without a word about its run, or 200 with
//! the run's number where `return_run_details` is known; an Enterprise Server (`…/api/v3`) may refuse that.

mod access;
mod config;
mod file;
mod run;

pub(in crate::systems) use config::CI;
pub use config::GitHubSpec;

use crate::clock::Clock;
use crate::deploy::Time;
use crate::net::Auth;
use crate::net::client::{Client, LATELY, Unread};
use crate::net::fields::{link, moment, text};
use crate::net::http::{Lost, Reply, RetryHint, authorization};
use crate::net::recent::Recent;
use crate::rollback::action::{CiAction, Dispatch};
use crate::rollback::{Answer, Blocked, Check, CheckKind, Refusal, Run};
use crate::systems::shared::ci::PURPOSE;
use crate::systems::shared::ci::planner::{Draft, JobPlanner, Prepared};
use crate::systems::shared::ci::trace::Trace;
use crate::systems::shared::ci::words::{listed, middle, options};
use chrono::{SecondsFormat, TimeDelta};
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// What GitHub takes at most.
const MOST_INPUTS: usize = 25;
/// How far its clock and ours may be apart when a run that has begun is looked for by its time.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// The same where a mistake would say that nothing has begun.
const WIDE_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What is asked of it, with variables.
struct Told {
    pub(in crate::systems) repository: String,
    pub(in crate::systems) workflow: String,
    pub(in crate::systems) git_ref: String,
    pub(in crate::systems) inputs: Vec<(String, String)>,
}

impl Told {
    fn texts(&self) -> Vec<&str> {
        let own = [&self.repository, &self.workflow, &self.git_ref];
        own.into_iter().chain(self.inputs.iter().map(|(_, value)| value)).map(String::as_str).collect()
    }
}

/// GitHub's API.
pub(in crate::systems) struct GitHub {
    client: Client,
    told: Told,
    names_runs: bool,
    files: Recent<(u16, String)>,
    access: Recent<Option<(Value, Option<String>)>>,
}

impl GitHub {
    pub(in crate::systems) fn new(spec: &GitHubSpec, clock: Clock) -> Result<Self, Blocked> {
        let GitHubSpec { endpoint, token, repository, workflow, git_ref, inputs, .. } = spec.clone();
        let told = Told { repository, workflow, git_ref, inputs };
        let auth = Auth::Bearer(token);
        let mut headers = authorization(&auth).map_err(|error| PURPOSE.unusable("GitHub", &error))?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
        let client = Client::new("GitHub", PURPOSE, &endpoint, headers, RetryHint::GitHubReset, clock)?;
        let names_runs = !endpoint.url.trim_end_matches('/').ends_with("/api/v3");
        Ok(Self { client, told, names_runs, files: Recent::new(LATELY), access: Recent::new(LATELY) })
    }

    /// A GET below the repository.
    fn get(&self, repository: &str, path: &[&str]) -> RequestBuilder {
        self.client.http.get(&below(repository, path))
    }

    async fn try_prepare(&self, draft: &Draft) -> Result<Prepared, Refusal> {
        let values = &draft.values;
        let repository = values.fill(&self.told.repository)?;
        let workflow = values.fill(&self.told.workflow)?;
        let git_ref = values.fill(&self.told.git_ref)?;
        let inputs = values.fill_pairs(&self.told.inputs)?;
        if inputs.len() > MOST_INPUTS {
            return Err(Refusal::from(Blocked {
                reason: format!("the workflow gets {} inputs, and GitHub allows {MOST_INPUTS}", inputs.len()),
                way_out: "remove some of the inputs in this environment's rollback.ci".to_owned(),
            }));
        }
        let path = ["actions", "workflows", workflow.as_str()];
        let runs = ["actions", "workflows", workflow.as_str(), "runs"];
        let (access, about, runs) = tokio::join!(
            self.access(&repository),
            self.client.read_lately(self.get(&repository, &path)),
            self.client.read_lately(self.get(&repository, &runs).query(&[("per_page", "100")])),
        );
        let about = about.map_err(|unread| unseen(unread, &workflow, &repository))?;
        let mut checks = vec![active(&about, &workflow, &repository)?];
        checks.extend(access);
        let file = about["path"].as_str().unwrap_or_default();
        checks.extend(self.declared(&repository, file, &git_ref).await);
        let runs = runs.map_err(|unread| unseen(unread, &workflow, &repository))?;
        checks.push(in_progress(&runs, &workflow));

        let fields = options("-f", &inputs);
        let with = if inputs.is_empty() { String::new() } else { format!(" with {}", listed(&inputs)) };
        let subject = format!("workflow {workflow} of {repository}{}", values.distinction(&self.told.texts()));
        Ok(Prepared {
            subject,
            place: self.client.place(),
            does: format!("run workflow {workflow} of {repository} on {git_ref}{with}"),
            manual_command: format!("gh workflow run {workflow} --repo {repository} --ref {git_ref}{fields}"),
            checks,
            took: middle(
                runs_of(&runs).iter().filter(|run| run["conclusion"] == "success").filter_map(length).collect(),
            ),
            action: CiAction::Dispatch(Dispatch {
                repository,
                workflow,
                git_ref,
                inputs,
                names_run: self.names_runs,
                marker: values.id.clone(),
                prepared: self.client.now(),
            }),
        })
    }

    /// Whether the token may start workflows, as far as GitHub tells before it is asked to: by its owner's role in the
    /// repository, and by the scopes of a classic token. What a fine-grained token may is told only by a refusal.
    async fn access(&self, repository: &str) -> Option<Check> {
        let now = self.client.now();
        // What cannot be read here is told by what is read beside it.
        let ask = async {
            let reply = self.client.ask(self.get(repository, &[])).await?;
            let scopes = reply.headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
            Ok::<_, Lost>(reply.is_success().then(|| (reply.body, scopes.map(str::to_owned))))
        };
        let (body, scopes) = self.access.get(repository, now, ask).await.ok()??;
        access::check(repository, &body, scopes.as_deref())
    }

    /// What the workflow's own file says of its trigger and inputs: what a dispatch would be refused for.
    async fn declared(&self, repository: &str, file: &str, git_ref: &str) -> Vec<Check> {
        let name = CheckKind::Trigger;
        let mut path = vec!["contents"];
        path.extend(file.split('/').filter(|part| !part.is_empty()));
        let mut raw = HeaderMap::new();
        raw.insert(ACCEPT, HeaderValue::from_static("application/vnd.github.raw+json"));
        let request = self.get(repository, &path).query(&[("ref", git_ref)]).headers(raw);
        let unknown = |why: &str| {
            vec![Check::ok(
                name,
                format!("{why}: whether it has workflow_dispatch and these inputs is only known when it is started"),
            )]
        };
        if file.is_empty() {
            return unknown("its file name is not reported");
        }
        let key = format!("{repository} {file} {git_ref}");
        match self.files.get(&key, self.client.now(), self.client.raw(request)).await {
            Ok((200, file)) => file::declares(&file, &self.told.inputs),
            Ok((status, _)) => unknown(&format!("cannot read its file on {git_ref} (status {status})")),
            Err(_) => unknown("cannot read its file"),
        }
    }

    /// The run of a dispatch whose number is not known: by its marker, else by its time if only one fits.
    async fn look_for(&self, dispatch: &Dispatch, since: Time) -> Result<Found, Unread> {
        let Dispatch { repository, workflow, marker, .. } = dispatch;
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = ["actions", "workflows", workflow, "runs"];
        let query = [("event", "workflow_dispatch"), ("created", &format!(">={since}")), ("per_page", "100")];
        let answer = self.client.read(self.get(repository, &path).query(&query)).await?;
        let runs = runs_of(&answer);
        let shows = |run: &&Value| {
            ["display_title", "name"]
                .iter()
                .any(|key| run[*key].as_str().is_some_and(|name| name.contains(marker.as_str())))
        };
        if let Some(run) = runs.iter().find(shows) {
            return Ok(Found::Ours(run.clone()));
        }
        // Runs whose names show other markers are other people's.
        let nameless: Vec<&Value> = runs.iter().filter(|run| !shows_a_marker(run)).collect();
        // Runs that were not listed may be ours.
        let unlisted = answer["total_count"].as_u64().map_or(0, |total| total as usize).saturating_sub(runs.len());
        Ok(match nameless.as_slice() {
            _ if unlisted > 0 => Found::Several(nameless.len() + unlisted),
            [] => Found::None,
            [only] => Found::Perhaps((*only).clone()),
            several => Found::Several(several.len()),
        })
    }

    async fn follow_run(&self, repository: &str, number: u64) -> Answer {
        let id = number.to_string();
        match self.client.read(self.get(repository, &["actions", "runs", &id])).await {
            Ok(run) => self.state_of(repository, &run).await,
            Err(unread) => Answer::Unknown(unread.to_string()),
        }
    }
}

impl JobPlanner for GitHub {
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>> {
        self.try_prepare(draft).boxed()
    }
}

impl GitHub {
    /// Dispatches the workflow, once.
    pub(in crate::systems) async fn send(&self, dispatch: &Dispatch) -> Answer {
        let Dispatch { repository, workflow, git_ref, inputs, names_run, marker, .. } = dispatch;
        let inputs: serde_json::Map<String, Value> =
            inputs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut body = json!({"ref": git_ref, "inputs": inputs});
        if *names_run {
            body["return_run_details"] = json!(true);
        }
        let path = ["actions", "workflows", workflow, "dispatches"];
        let request = self.client.http.post(&below(repository, &path)).json(&body);
        let reply = match self.client.order(request, |reply| refused(reply, dispatch)).await {
            Ok(reply) => reply,
            Err(why) => return why.into(),
        };
        let number = reply.body["workflow_run_id"].as_u64();
        Answer::Running(Run {
            id: number.map_or_else(|| marker.to_owned(), |number| number.to_string()),
            state: "started".to_owned(),
            link: link(&reply.body["html_url"]),
            ended: false,
        })
    }

    /// How its run goes on: by its number, or by its marker while that is not known.
    pub(in crate::systems) async fn follow(&self, dispatch: &Dispatch, id: &str, since: Time) -> Answer {
        if let Ok(number) = id.parse() {
            return self.follow_run(&dispatch.repository, number).await;
        }
        let sought = |state: String| {
            let link = None;
            Answer::Running(Run { id: id.to_owned(), state, link, ended: false })
        };
        match self.look_for(dispatch, since - SKEW).await {
            Ok(Found::Ours(run) | Found::Perhaps(run)) => self.state_of(&dispatch.repository, &run).await,
            Ok(Found::None) => sought("started; its run is not listed yet".to_owned()),
            Ok(Found::Several(count)) => sought(format!(
                "started; {count} runs began since, and none of them can be identified: check the Actions page"
            )),
            Err(unread) => Answer::Unknown(unread.to_string()),
        }
    }

    /// What there is to be seen of a dispatch whose answer was lost.
    pub(in crate::systems) async fn read_back(&self, dispatch: &Dispatch) -> Trace {
        let workflow = &dispatch.workflow;
        match self.look_for(dispatch, dispatch.prepared - WIDE_SKEW).await {
            Ok(Found::Ours(run)) => Trace::Found(self.state_of(&dispatch.repository, &run).await),
            Ok(Found::None) => Trace::Nothing(format!("no run of {workflow} has started")),
            // By its time alone it may be somebody else's.
            Ok(Found::Perhaps(run)) => Trace::Unclear(format!(
                "a run of {workflow} has started since, and its name does not identify it: {}",
                link(&run["html_url"]).unwrap_or_else(|| text(&run["id"]))
            )),
            Ok(Found::Several(count)) => Trace::Unclear(format!(
                "{count} runs of {workflow} have started since, and their names do not identify them: check the \
                 Actions page of {}",
                dispatch.repository
            )),
            Err(unread) => Trace::Unclear(format!("GitHub {}", unread.text)),
        }
    }
}

/// The refusals that only GitHub has.
fn refused(reply: &Reply, dispatch: &Dispatch) -> Option<Blocked> {
    let Dispatch { repository, workflow, git_ref, .. } = dispatch;
    let said = &reply.said;
    Some(match reply.status {
        403 => Blocked {
            reason: format!("the token may not start workflows of {repository}: {said}"),
            way_out: "give it the permission Actions: read and write, or the scope repo".to_owned(),
        },
        404 => not_there(workflow, repository),
        422 if said.contains("workflow_dispatch") => Blocked {
            reason: format!("{workflow} has no workflow_dispatch trigger: {said}"),
            way_out: format!("add `on: workflow_dispatch` to {workflow} on the default branch of {repository}"),
        },
        422 if said.contains("No ref found") => Blocked {
            reason: format!("{repository} has no branch or tag {git_ref}: {said}"),
            way_out: "fix ref in this environment's rollback.ci".to_owned(),
        },
        422 => Blocked {
            reason: format!("GitHub rejected the inputs of {workflow}: {said}"),
            way_out: format!("compare the inputs in this environment's rollback.ci with those in {workflow}"),
        },
        _ => return None,
    })
}

/// What was found of a dispatch.
enum Found {
    Ours(Value),
    /// The only one since then; nothing says that it is not ours.
    Perhaps(Value),
    Several(usize),
    None,
}

fn below<'a>(repository: &'a str, path: &[&'a str]) -> Vec<&'a str> {
    let mut whole = vec!["repos"];
    whole.extend(repository.split('/'));
    whole.extend(path);
    whole
}

fn runs_of(answer: &Value) -> &[Value] {
    answer["workflow_runs"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn shows_a_marker(run: &Value) -> bool {
    run["display_title"].as_str().is_some_and(|title| title.contains("redflag-"))
}

fn length(run: &Value) -> Option<TimeDelta> {
    Some(moment(&run["updated_at"])? - moment(&run["run_started_at"])?)
}

fn not_there(workflow: &str, repository: &str) -> Blocked {
    Blocked {
        reason: format!("no workflow {workflow} in {repository}, or the token cannot see it"),
        way_out: "fix repository and workflow in this environment's rollback.ci; a private repository needs a \
                  token with access to it"
            .to_owned(),
    }
}

fn unseen(unread: Unread, workflow: &str, repository: &str) -> Blocked {
    match unread.status {
        404 => not_there(workflow, repository),
        403 => unread.blocked("give the token the permission Actions: read and write, or the scope repo"),
        _ => unread.blocked("read what GitHub says; githubstatus.com tells whether it is in trouble"),
    }
}

fn active(about: &Value, workflow: &str, repository: &str) -> Result<Check, Blocked> {
    match about["state"].as_str() {
        Some("active") => Ok(Check::ok(
            CheckKind::Workflow,
            format!(
                "{workflow} of {repository} exists and is \
              active"
            ),
        )),
        state => Err(Blocked {
            reason: format!(
                "{workflow} of {repository} is {}",
                text(&json!(state.unwrap_or("not active"))).replace('_', " ")
            ),
            way_out: format!("enable it: gh workflow enable {workflow} --repo {repository}"),
        }),
    }
}

/// Somebody's run that has not ended.
fn in_progress(runs: &Value, workflow: &str) -> Check {
    let name = CheckKind::InProgress;
    let open = runs_of(runs).iter().find(|run| run["status"].as_str().is_some_and(|status| status != "completed"));
    let Some(run) = open else { return Check::ok(name, format!("no run of {workflow} in progress")) };
    let by = run["triggering_actor"]["login"]
        .as_str()
        .map_or_else(String::new, |login| format!(" of {}", text(&json!(login))));
    let look = link(&run["html_url"]).unwrap_or_else(|| text(&run["id"]));
    let status = text(&run["status"]).replace('_', " ");
    Check::warning(
        name,
        format!("a run of {workflow}{by} is {status}: this one may wait for it, or overwrite it"),
        Some(format!("check it first: {look}")),
    )
}
