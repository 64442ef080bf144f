//! Jenkins: a job is built with parameters; its place in the queue becomes a build, which is followed.
//!
//! Facts: Jenkins core. An API token needs no crumb. 201 and 303 both name the place in the queue, which is
//! forgotten some five minutes after the build has begun; a build remembers its place (`queueId`).

mod config;

pub(in crate::systems) use config::CI;
pub use config::JenkinsSpec;

use crate::clock::Clock;
use crate::net::client::{Client, Unread};
use crate::net::fields::{link, text};
use crate::net::http::{Reply, RetryHint, authorization};
use crate::rollback::action::{Build, CiAction};
use crate::rollback::variables::quoted;
use crate::rollback::{Answer, Blocked, Check, CheckKind, Refusal, Run};
use crate::systems::shared::ci::PURPOSE;
use crate::systems::shared::ci::planner::{Draft, JobPlanner, Prepared};
use crate::systems::shared::ci::trace::Trace;
use crate::systems::shared::ci::words::{listed, options};
use crate::template::Template;
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::RequestBuilder;
use serde_json::Value;

/// What is read of a build.
const BUILD: &str = "number,url,building,result,queueId,description,actions[parameters[name,value]]";

/// Jenkins' API.
pub(in crate::systems) struct Jenkins {
    client: Client,
    job: String,
    parameters: Vec<(String, String)>,
}

impl Jenkins {
    pub(in crate::systems) fn new(spec: &JenkinsSpec, clock: Clock) -> Result<Self, Blocked> {
        let JenkinsSpec { endpoint, auth, job, parameters, .. } = spec.clone();
        let headers = authorization(&auth).map_err(|error| PURPOSE.unusable("Jenkins", &error))?;
        let client = Client::new("Jenkins", PURPOSE, &endpoint, headers, RetryHint::RetryAfter, clock)?;
        Ok(Self { client, job, parameters })
    }

    fn get(&self, path: &[&str], tree: &str) -> RequestBuilder {
        let mut path = path.to_vec();
        path.extend(["api", "json"]);
        self.client.http.get(&path).query(&[("tree", tree)])
    }

    async fn try_prepare(&self, draft: &Draft) -> Result<Prepared, Refusal> {
        let values = &draft.values;
        let job = values.fill(&self.job)?;
        let parameters = values.fill_pairs(&self.parameters)?;
        let tree = "url,buildable,inQueue,lastBuild[number,url,building],lastSuccessfulBuild[duration],\
                    property[parameterDefinitions[name]]";
        let about =
            self.client.read_lately(self.get(&below(&job), tree)).await.map_err(|unread| unseen(unread, &job))?;
        let declared = declared(&about);
        let mut checks = vec![buildable(&about, &job)?, fit(&parameters, declared.as_deref(), &job)?];
        checks.push(in_progress(&about, &job));
        let marked = self.parameters.iter().any(|(_, value)| Template::ours(value).mentions("id"));
        if !marked {
            checks.push(Check::warning(
                CheckKind::BuildName,
                "no parameter identifies the rollback: after a lost response its build cannot be found",
                Some("give the job a parameter and set it to $id in this environment's rollback.ci".to_owned()),
            ));
        }
        let fields = options("--data-urlencode", &parameters);
        let with = if parameters.is_empty() { String::new() } else { format!(" with {}", listed(&parameters)) };
        let takes_parameters = declared.is_some();
        let address = self.client.http.link(&build_path(&job, takes_parameters));
        let texts = std::iter::once(&self.job).chain(self.parameters.iter().map(|(_, value)| value));
        let texts: Vec<&str> = texts.map(String::as_str).collect();
        Ok(Prepared {
            subject: format!("job {job}{}", values.distinction(&texts)),
            place: self.client.place(),
            does: format!("build job {job}{with}"),
            manual_command: format!("curl -X POST -u USER:TOKEN {}{fields}", quoted(&address)),
            checks,
            took: about["lastSuccessfulBuild"]["duration"].as_i64().filter(|ms| *ms > 0).map(TimeDelta::milliseconds),
            action: CiAction::Build(Build {
                job,
                parameters,
                takes_parameters,
                marker: marked.then(|| values.id.clone()),
            }),
        })
    }

    async fn follow_queue(&self, job: &str, place: u64) -> Answer {
        let number = place.to_string();
        let tree = "why,cancelled,stuck,executable[number,url]";
        let item = match self.client.read(self.get(&["queue", "item", &number], tree)).await {
            Ok(item) => item,
            // Forgotten: the build has begun a while ago.
            Err(unread) if unread.status == 404 => return self.build_of_place(job, place).await,
            Err(unread) => return Answer::Unknown(format!("Jenkins {}", unread.text)),
        };
        if item["cancelled"] == true {
            return Answer::Failed(Blocked {
                reason: format!("the build of {job} was cancelled in the queue"),
                way_out: "ask who cancelled it; it did nothing".to_owned(),
            });
        }
        if let Some(build) = item["executable"]["number"].as_u64() {
            return Answer::Running(Run {
                id: format!("build/{build}"),
                state: "in progress".to_owned(),
                link: link(&item["executable"]["url"]),
                ended: false,
            });
        }
        let why = item["why"].as_str().map_or_else(String::new, |why| format!(": {}", text(&why.into())));
        queued(place, format!("queued{why}"))
    }

    async fn build_of_place(&self, job: &str, place: u64) -> Answer {
        match self.builds(job).await {
            Ok(builds) => match builds.iter().find(|build| build["queueId"].as_u64() == Some(place)) {
                Some(build) => state_of(build, job),
                None => {
                    Answer::Unknown(format!("Jenkins no longer has queue item {place}, and no build of {job} names it"))
                }
            },
            Err(unread) => Answer::Unknown(format!("Jenkins {}", unread.text)),
        }
    }

    /// The newest builds of a job.
    async fn builds(&self, job: &str) -> Result<Vec<Value>, Unread> {
        let about = self.client.read(self.get(&below(job), &format!("builds[{BUILD}]{{0,50}}"))).await?;
        Ok(about["builds"].as_array().cloned().unwrap_or_default())
    }

    async fn look_for(&self, job: &str, marker: Option<&str>) -> Trace {
        let Some(marker) = marker else {
            return Trace::Unclear(format!(
                "no parameter of {job} identifies the rollback: check its builds in Jenkins"
            ));
        };
        let (queue, builds) =
            tokio::join!(self.client.read(self.get(&["queue"], "items[id,why,params]")), self.builds(job),);
        let (queue, builds) = match (queue, builds) {
            (Ok(queue), Ok(builds)) => (queue, builds),
            (Err(unread), _) | (_, Err(unread)) => return Trace::Unclear(format!("Jenkins {}", unread.text)),
        };
        let has_marker = |value: &Value| value.as_str().is_some_and(|text| text.contains(marker));
        let given = |build: &Value| {
            let actions = build["actions"].as_array().into_iter().flatten();
            actions
                .flat_map(|action| action["parameters"].as_array().into_iter().flatten())
                .any(|one| has_marker(&one["value"]))
        };
        if let Some(build) = builds.iter().find(|build| given(build)) {
            return Trace::Found(state_of(build, job));
        }
        let waiting = queue["items"].as_array().into_iter().flatten().find(|item| has_marker(&item["params"]));
        match waiting.and_then(|item| item["id"].as_u64()) {
            Some(place) => Trace::Found(queued(place, "queued".to_owned())),
            None => Trace::Nothing(format!("neither the builds of {job} nor the queue have it")),
        }
    }
}

impl JobPlanner for Jenkins {
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>> {
        self.try_prepare(draft).boxed()
    }
}

impl Jenkins {
    /// Asks for the build, once.
    pub(in crate::systems) async fn send(&self, build: &Build) -> Answer {
        let Build { job, parameters, takes_parameters, .. } = build;
        // A quiet period is for commits that come in a row; a rollback does not wait for it.
        let request = self.client.http.post(&build_path(job, *takes_parameters)).query(&[("delay", "0sec")]);
        let reply = match self.client.send(request.form(parameters)).await {
            Ok(reply) => reply,
            Err(why) => return why.into(),
        };
        if let (201 | 303, Some(place)) = (reply.status, reply.location().and_then(place_in_queue)) {
            return queued(place, "queued".to_owned());
        }
        if reply.status == 201 {
            return Answer::Unknown("Jenkins accepted it, but returned no queue item".to_owned());
        }
        self.client.refusal(&reply, |reply| refused(reply, job)).into()
    }

    /// How a place in the queue, or a build, goes on.
    pub(in crate::systems) async fn follow(&self, Build { job, .. }: &Build, id: &str) -> Answer {
        match id.split_once('/').map(|(kind, number)| (kind, number.parse::<u64>())) {
            Some(("queue", Ok(place))) => self.follow_queue(job, place).await,
            Some(("build", Ok(number))) => {
                let number = number.to_string();
                let mut path = below(job);
                path.push(&number);
                match self.client.read(self.get(&path, BUILD)).await {
                    Ok(build) => state_of(&build, job),
                    Err(unread) => Answer::Unknown(format!("Jenkins {}", unread.text)),
                }
            }
            _ => Answer::Unknown(format!("Jenkins has no run {id}")),
        }
    }

    /// What there is to be seen of a build whose answer was lost.
    pub(in crate::systems) async fn read_back(&self, Build { job, marker, .. }: &Build) -> Trace {
        self.look_for(job, marker.as_deref()).await
    }
}

/// `shop/rollback` is `/job/shop/job/rollback`.
fn below(job: &str) -> Vec<&str> {
    job.split('/').filter(|part| !part.is_empty()).flat_map(|part| ["job", part]).collect()
}

fn build_path(job: &str, takes_parameters: bool) -> Vec<&str> {
    let mut path = below(job);
    path.push(if takes_parameters { "buildWithParameters" } else { "build" });
    path
}

/// The number in `https://ci/queue/item/17/`. The host is not looked at: Jenkins may know itself by another name.
fn place_in_queue(location: &str) -> Option<u64> {
    let (_, rest) = location.rsplit_once("/queue/item/")?;
    rest.split('/').next()?.parse().ok()
}

fn queued(place: u64, state: String) -> Answer {
    Answer::Running(Run { id: format!("queue/{place}"), state, link: None, ended: false })
}

/// Where a build stands.
fn state_of(build: &Value, job: &str) -> Answer {
    let Some(number) = build["number"].as_u64() else {
        return Answer::Unknown("Jenkins' response names no build".to_owned());
    };
    let link = link(&build["url"]);
    let run =
        |state: &str, ended| Run { id: format!("build/{number}"), state: state.to_owned(), link: link.clone(), ended };
    let look = link.clone().unwrap_or_else(|| format!("build {number} of {job}"));
    match build["result"].as_str() {
        _ if build["building"] == true => Answer::Running(run("in progress", false)),
        None => Answer::Running(run("in progress", false)),
        Some("SUCCESS") => Answer::Running(run("succeeded", true)),
        // All of it ran; what it thinks of it is for the pods to prove.
        Some("UNSTABLE") => Answer::Running(run("finished, unstable", true)),
        Some("ABORTED") => Answer::Failed(Blocked {
            reason: format!("build {number} of {job} was aborted"),
            way_out: format!("ask who aborted it, and check how far it got: {look}"),
        }),
        Some("NOT_BUILT") => Answer::Failed(Blocked {
            reason: format!("build {number} of {job} was not built"),
            way_out: format!("read why: {look}"),
        }),
        Some(_) => Answer::Failed(Blocked {
            reason: format!("build {number} of {job} failed"),
            way_out: format!("read its log, it may have partly run: {look}"),
        }),
    }
}

/// The names of a job's parameters; `None` where it takes none.
fn declared(about: &Value) -> Option<Vec<String>> {
    let properties = about["property"].as_array()?;
    let definitions = properties.iter().find_map(|property| property["parameterDefinitions"].as_array())?;
    Some(definitions.iter().map(|definition| text(&definition["name"])).collect())
}

fn buildable(about: &Value, job: &str) -> Result<Check, Blocked> {
    if about["buildable"] == true {
        return Ok(Check::ok(
            CheckKind::Job,
            format!("{job} exists and is buildable; whether you may build it is only known when it is requested"),
        ));
    }
    Err(Blocked {
        reason: format!("{job} is disabled, or is a folder"),
        way_out: "enable it in Jenkins, or fix job in this environment's rollback.ci".to_owned(),
    })
}

/// Jenkins drops parameters that a job does not declare without a word, and would deploy its defaults.
fn fit(parameters: &[(String, String)], declared: Option<&[String]>, job: &str) -> Result<Check, Blocked> {
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let Some(declared) = declared else {
        return match names.as_slice() {
            [] => Ok(Check::ok(CheckKind::Parameters, format!("{job} takes no parameters"))),
            names => Err(Blocked {
                reason: format!("{job} takes no parameters, but gets {}", names.join(", ")),
                way_out: "add the parameters to it in Jenkins, or remove the parameters from rollback.ci".to_owned(),
            }),
        };
    };
    let missing: Vec<&str> = names.iter().copied().filter(|name| !declared.iter().any(|known| known == name)).collect();
    if !missing.is_empty() {
        return Err(Blocked {
            reason: format!("{job} has no parameter {}: Jenkins would drop it silently", missing.join(", ")),
            way_out: format!("use the ones it has: {}", declared.join(", ")),
        });
    }
    Ok(Check::ok(CheckKind::Parameters, format!("{job} accepts these parameters")))
}

/// Somebody's build that has not ended.
fn in_progress(about: &Value, job: &str) -> Check {
    let name = CheckKind::InProgress;
    let way_out = |look: String| Some(format!("check it first: {look}"));
    if about["lastBuild"]["building"] == true {
        let number = text(&about["lastBuild"]["number"]);
        let look = link(&about["lastBuild"]["url"]).unwrap_or_else(|| format!("build {number}"));
        let sentence = format!("build {number} of {job} is in progress: this one may wait for it, or overwrite it");
        return Check::warning(name, sentence, way_out(look));
    }
    if about["inQueue"] == true {
        let look = link(&about["url"]).unwrap_or_else(|| job.to_owned());
        return Check::warning(name, format!("a build of {job} is already queued"), way_out(look));
    }
    Check::ok(name, format!("no build of {job} in progress"))
}

fn unseen(unread: Unread, job: &str) -> Blocked {
    match unread.status {
        404 => Blocked {
            reason: format!("no job {job}, or the user cannot see it"),
            way_out: "fix job in this environment's rollback.ci (folders with slashes), or give the user Job/Read"
                .to_owned(),
        },
        403 => unread.blocked("give the user the permission Job/Read"),
        _ => unread.blocked("read what Jenkins says, or build the job there manually"),
    }
}

/// The refusals that only Jenkins has.
fn refused(reply: &Reply, job: &str) -> Option<Blocked> {
    let said = &reply.said;
    Some(match reply.status {
        403 if said.contains("crumb") => Blocked {
            reason: format!("Jenkins requires a crumb: {said}"),
            way_out: "use an API token instead of a password: it needs none".to_owned(),
        },
        403 => Blocked {
            reason: format!("the user may not build {job}: {said}"),
            way_out: "give the user the permission Job/Build".to_owned(),
        },
        404 => Blocked {
            reason: format!("no job {job} that this user may build"),
            way_out: "give the user the permissions Job/Read and Job/Build, or fix job".to_owned(),
        },
        400 => Blocked {
            reason: format!("{job} cannot be built this way: {said}"),
            way_out: "reopen the plan: whether the job takes parameters is checked again".to_owned(),
        },
        409 => Blocked { reason: format!("{job} is disabled: {said}"), way_out: "enable it in Jenkins".to_owned() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_become_the_path_of_a_job() {
        assert_eq!(below("shop/rollback"), ["job", "shop", "job", "rollback"]);
        assert_eq!(build_path("rollback", true), ["job", "rollback", "buildWithParameters"]);
    }

    #[test]
    fn the_place_in_the_queue_is_read_from_any_host() {
        assert_eq!(place_in_queue("http://jenkins.internal:8080/ci/queue/item/17/"), Some(17));
        assert_eq!(place_in_queue("https://ci/queue/item/17"), Some(17));
        assert_eq!(place_in_queue("https://ci/job/shop/"), None);
    }
}
