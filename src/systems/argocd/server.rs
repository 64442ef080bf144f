//! Argo CD's API server: the few requests that a rollback is made of, and what its refusals mean.
//!
//! Paths, bodies and the names of the fields are those of Argo CD's `assets/swagger.json` (`/api/v1`).

use super::ArgoCdSpec;
use super::application::Application;
use crate::net::Auth;
use crate::net::http::{Answer, Http, Lost, RetryHint, authorization, message_in};
use crate::poll::SourceError;
use crate::rollback::Blocked;
use crate::rollback::owner;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// Argo CD, with our token.
pub struct Server {
    http: Http,
}

/// Which application is meant: its name, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    /// Where it is not Argo CD's own.
    pub(super) namespace: Option<&'a str>,
    /// Where it is known.
    pub(super) project: Option<&'a str>,
}

/// What came of a request that changes something.
pub(super) enum Changed {
    /// It was done; this is the application now.
    Done(Box<Application>),
    /// It was refused, and nothing was done; in Argo CD's words.
    Refused(Blocked),
    /// It may have been done.
    Unknown(String),
}

/// What an answer with this status means to the person.
fn refusal(named: Named<'_>, status: u16, said: &str) -> Blocked {
    let name = named.full();
    match status {
        300..400 => Blocked {
            reason: "Argo CD's address returns a redirect: there is a sign-in page in front, or it is not the final \
                     address"
                .to_owned(),
            way_out: "set the address of its API server in the configuration".to_owned(),
        },
        401 => Blocked {
            reason: "Argo CD rejected the token (401): wrong or expired".to_owned(),
            way_out: "create a new token: argocd account generate-token, or argocd proj role create-token".to_owned(),
        },
        // One answer for both, so that nobody learns which applications there are.
        403 | 404 => Blocked {
            reason: format!("Argo CD has no application {name}, or this token cannot access it: {said}"),
            way_out: format!(
                "check the name, or ask for: p, ROLE, applications, get and sync, PROJECT/{}, allow",
                named.name
            ),
        },
        400 if said.contains("auto-sync is enabled") => Blocked {
            reason: format!("Argo CD refused it: auto-sync of {name} is on"),
            way_out: "something turned it on again since the plan was made; reopen the plan".to_owned(),
        },
        400 if said.contains("another operation is already in progress") => Blocked {
            reason: format!("another rollback or sync of {name} is in progress"),
            way_out: format!("wait until it finishes, or stop it: argocd app terminate-op {name}"),
        },
        429 => Blocked { reason: "Argo CD is too busy".to_owned(), way_out: "retry in a few seconds".to_owned() },
        _ => Blocked {
            reason: format!("Argo CD refused it, status {status}: {said}"),
            way_out: format!("check {name} in Argo CD: argocd app get {name}"),
        },
    }
}

impl Server {
    pub(super) fn new(spec: &ArgoCdSpec) -> Result<Self, SourceError> {
        let headers = authorization(&Auth::Bearer(spec.token.clone()))?;
        Ok(Self { http: Http::new(&spec.endpoint, headers, RetryHint::RetryAfter)? })
    }

    /// Scheme and host.
    pub(super) fn place(&self) -> String {
        format!("Argo CD ({})", self.http.host())
    }

    /// The application's page, for a person.
    pub(super) fn page(&self, named: Named<'_>, application: Option<&Application>) -> String {
        match named.namespace.or_else(|| application?.namespace()) {
            Some(namespace) => self.http.link(&["applications", namespace, named.name]),
            None => self.http.link(&["applications", named.name]),
        }
    }

    /// The application as it is.
    pub(super) async fn get(&self, named: Named<'_>) -> Result<Application, Blocked> {
        let request = named.with_query(self.http.get(&["api", "v1", "applications", named.name]));
        let answer = self.http.send(request).await.map_err(|error| self.unreachable(&error))?;
        if !answer.status.is_success() {
            return Err(refusal(named, answer.status.as_u16(), &message_in(&answer.body)));
        }
        match answer.json::<Value>() {
            Ok(value) if value["metadata"].is_object() => Ok(Application(value)),
            Ok(_) => Err(self.unreachable(&SourceError::BadAnswer("no application in it".to_owned()))),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// Whether this token may do that. Servers that do not know the action are asked for `instead`.
    pub(super) async fn may(&self, named: Named<'_>, action: &str, instead: Option<&str>) -> Result<bool, SourceError> {
        let answer = self.can_i(named, action).await?;
        let answer = match instead {
            Some(instead) if answer.status.as_u16() == 400 => self.can_i(named, instead).await?,
            _ => answer,
        };
        if !answer.status.is_success() {
            return Err(SourceError::BadAnswer(message_in(&answer.body)));
        }
        Ok(answer.json::<Value>()?["value"] == "yes")
    }

    async fn can_i(&self, named: Named<'_>, action: &str) -> Result<Answer, SourceError> {
        let mut path = vec!["api", "v1", "account", "can-i", "applications", action];
        path.extend(named.project);
        path.extend(named.namespace);
        path.push(named.name);
        self.http.send(self.http.get(&path)).await
    }

    /// Whether it knows `spec.syncPolicy.automated.enabled`: 3.1 and newer do. `GET /api/version` asks for no token.
    pub(super) async fn knows_enabled(&self) -> bool {
        let Ok(answer) = self.http.send(self.http.get(&["api", "version"])).await else { return false };
        let version = answer.json::<Value>().unwrap_or_default();
        version["Version"].as_str().and_then(release).is_some_and(|release| release >= (3, 1))
    }

    /// Pauses auto-sync.
    pub(super) async fn pause(&self, named: Named<'_>, off: &Value) -> Changed {
        // The patch is a text in the body, not an object.
        let body = named.with_place(json!({"name": named.name, "patch": off.to_string(), "patchType": "merge"}));
        self.change(named, self.http.patch(&["api", "v1", "applications", named.name]).json(&body)).await
    }

    /// Rolls back to an entry of the history. What the entry does not know is not pruned.
    pub(super) async fn ask_to_roll_back(&self, named: Named<'_>, id: i64) -> Changed {
        let body = named.with_place(json!({"name": named.name, "id": id, "dryRun": false, "prune": false}));
        self.change(named, self.http.post(&["api", "v1", "applications", named.name, "rollback"]).json(&body)).await
    }

    async fn change(&self, named: Named<'_>, request: RequestBuilder) -> Changed {
        let answer = match self.http.exchange(request).await {
            Ok(answer) => answer,
            Err(Lost::NotSent(error)) => return Changed::Refused(self.unreachable(&error)),
            Err(Lost::Unknown(error)) => return Changed::Unknown(error.to_string()),
        };
        let (status, said) = (answer.status.as_u16(), message_in(&answer.body));
        match status {
            200..300 => match answer.json::<Value>() {
                Ok(value) if value["metadata"].is_object() => Changed::Done(Box::new(Application(value))),
                // A page in place of an application: whoever wrote it need not be Argo CD.
                _ => Changed::Unknown(format!("the response is not an application: {said}")),
            },
            // The write may have happened before the server or a proxy in front gave up on it.
            408 | 500.. => Changed::Unknown(format!("Argo CD answered {status}: {said}")),
            _ => Changed::Refused(refusal(named, status, &said)),
        }
    }

    fn unreachable(&self, error: &SourceError) -> Blocked {
        Blocked {
            reason: format!("{} does not answer: {error}", self.place()),
            way_out: "check the address, network and VPN: argocd version".to_owned(),
        }
    }
}

/// The first two numbers of `v3.1.0+1d3b2b1`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

impl Named<'_> {
    /// As Argo CD's command line writes it.
    pub(super) fn full(self) -> String {
        let namespace = self.namespace.map(str::to_owned);
        owner::Application { namespace, name: self.name.to_owned() }.to_string()
    }

    fn with_query(self, request: RequestBuilder) -> RequestBuilder {
        let query = [("appNamespace", self.namespace), ("project", self.project)];
        let query: Vec<(&str, &str)> = query.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        if query.is_empty() { request } else { request.query(&query) }
    }

    fn with_place(self, mut body: Value) -> Value {
        for (key, value) in [("appNamespace", self.namespace), ("project", self.project)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_its_version() {
        assert_eq!(release("v3.1.0+1d3b2b1"), Some((3, 1)));
        assert_eq!(release("v2.14.11"), Some((2, 14)));
        assert_eq!(release("v3.2.0-rc1+x"), Some((3, 2)));
        assert_eq!(release("latest"), None);
    }
}
