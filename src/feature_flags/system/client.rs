//! One flag system's end of HTTP: what it answered, what that means, and never a secret in the words.

use crate::clock::Clock;
use crate::deploy::Time;
use crate::feature_flags::{Answer, Permission};
use crate::net::Endpoint;
use crate::net::http::{Http, Lost, Reply, RetryHint, clean};
use crate::rollback::Blocked;
use crate::rollback::strategy::variables::{percent_encoded, substitute};
use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use tokio::sync::Mutex;

/// How long an answer about our permission holds.
const RECENT: TimeDelta = TimeDelta::minutes(5);

/// Talks to one flag system.
pub(super) struct Client {
    pub(super) http: Http,
    /// What it said of our permission, and when.
    permission: Mutex<Option<(Time, Permission)>>,
    /// `Unleash`.
    name: &'static str,
    clock: Clock,
}

impl Client {
    /// Connects to nothing yet. `headers` are what it is known by.
    pub(super) fn new(
        name: &'static str,
        endpoint: &Endpoint,
        headers: HeaderMap,
        hint: RetryHint,
        clock: Clock,
    ) -> Result<Self, String> {
        let http = Http::new(endpoint, headers, hint).map_err(|error| format!("cannot query {name}: {error}"))?;
        Ok(Self { http, permission: Mutex::default(), name, clock })
    }

    /// Reads JSON; changes nothing. The error is a sentence.
    pub(super) async fn read(&self, request: RequestBuilder) -> Result<Value, String> {
        let name = self.name;
        let reply = self.ask(request).await.map_err(|lost| {
            let (Lost::NotSent(error) | Lost::Unknown(error)) = lost;
            format!("{name} does not answer: {error}")
        })?;
        match reply.status {
            200..=299 if !reply.body.is_null() => Ok(reply.body),
            200..=299 => Err(format!("{name} returned something other than JSON: check its url")),
            _ => Err(self.told(&reply)),
        }
    }

    /// The same as `T`. Why it cannot be read may repeat a part of the body, and is cleaned as that is.
    pub(super) async fn read_as<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, String> {
        let body = self.read(request).await?;
        let name = self.name;
        serde_json::from_value(body)
            .map_err(|error| format!("cannot parse the response of {name}: {}", clean(&error.to_string())))
    }

    /// What it said of our permission a moment ago, else what `ask` hears now: flags are read every few seconds, and
    /// rights change when somebody changes them.
    pub(super) async fn permission_lately(&self, ask: impl Future<Output = Permission>) -> Permission {
        let mut known = self.permission.lock().await;
        let now = self.clock.now();
        match &*known {
            Some((at, permission)) if *at <= now && now - *at < RECENT => permission.clone(),
            _ => {
                let permission = ask.await;
                *known = Some((now, permission.clone()));
                permission
            }
        }
    }

    /// Sends what only tries, and says whether the real one would be taken. `own` as with [`Self::order`].
    pub(super) async fn try_order(
        &self,
        request: RequestBuilder,
        own: impl FnOnce(&Reply) -> Option<Blocked>,
    ) -> Permission {
        let reply = match self.ask(request).await {
            Ok(reply) => reply,
            Err(Lost::NotSent(error) | Lost::Unknown(error)) => return Permission::Untold(error.to_string()),
        };
        match reply.status {
            200..=299 => Permission::Given,
            401 | 403 | 405 => Permission::Denied(own(&reply).unwrap_or_else(|| self.refusal(&reply))),
            _ => Permission::Untold(self.told(&reply)),
        }
    }

    /// Sends what turns a flag off, once. `own` knows the refusals that only this system has.
    pub(super) async fn order(&self, request: RequestBuilder, own: impl FnOnce(&Reply) -> Option<Blocked>) -> Answer {
        let name = self.name;
        let reply = match self.ask(request).await {
            Ok(reply) => reply,
            Err(Lost::NotSent(error)) => {
                return Answer::Refused(Blocked {
                    reason: format!("cannot reach {name} ({}): {error}", self.http.host()),
                    way_out: "check the network and the proxy, then retry: nothing was sent".to_owned(),
                });
            }
            Err(Lost::Unknown(error)) => return Answer::Unknown(format!("{name}: {error}")),
        };
        match reply.status {
            200..=299 => Answer::Accepted,
            // A proxy may give up while the system behind it goes on; and a redirect may follow what was done.
            302 | 303 | 408 | 500.. => Answer::Unknown(self.told(&reply)),
            _ => Answer::Refused(own(&reply).unwrap_or_else(|| self.refusal(&reply))),
        }
    }

    /// What the refusals that all of them have mean.
    fn refusal(&self, reply: &Reply) -> Blocked {
        let name = self.name;
        let way_out = match reply.status {
            300..=399 => format!("fix the url of {name} in this environment's flags"),
            401 => format!("create a new token in {name} and set it in this environment's flags"),
            403 => format!("give the token the right to change flags, or turn it off in {name} manually"),
            404 => "compare its key, project and environment with this environment's flags".to_owned(),
            429 => format!("wait {} and retry, or turn it off in {name} manually", reply.describe_wait()),
            _ => format!("turn it off in {name} manually"),
        };
        Blocked { reason: self.told(reply), way_out }
    }

    /// An answer that is no success, in a sentence.
    fn told(&self, reply: &Reply) -> String {
        let (name, said) = (self.name, &reply.said);
        match reply.status {
            401 => format!("{name} rejected the token: {said}"),
            429 => format!("{name} {}", reply.too_many()),
            status => format!("{name} answered {status}: {said}"),
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Reply, Lost> {
        self.http.reply(request, self.clock.now()).await
    }
}

/// An address with `$feature` and `$environment` filled in; neither can change more than its own place in it.
pub(super) fn address(template: &str, key: &str, environment: &str) -> Result<Url, String> {
    let filled = substitute(template, |name| match name {
        "feature" => Ok(Cow::Owned(percent_encoded(key))),
        "environment" => Ok(Cow::Owned(percent_encoded(environment))),
        other => Err(Blocked {
            reason: format!("${other} is not a variable in a flag url"),
            way_out: "use $feature and $environment".to_owned(),
        }),
    })
    .map_err(|blocked| blocked.reason)?;
    let url = Url::parse(&filled).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "it is not an http or https url once $feature and $environment are filled in".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_s_key_cannot_lead_an_address_elsewhere() {
        let off = |key| address("https://flags.example.com/$environment/${feature}/off?by=$feature", key, "live");
        assert_eq!(off("new-cart").unwrap().as_str(), "https://flags.example.com/live/new-cart/off?by=new-cart");
        assert_eq!(
            off("../x@evil?").unwrap().as_str(),
            "https://flags.example.com/live/..%2Fx%40evil%3F/off?by=..%2Fx%40evil%3F"
        );
        assert!(address("https://flags.example.com/$who", "a", "b").is_err());
    }
}
