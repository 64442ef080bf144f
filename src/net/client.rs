//! One system's end of HTTP, of those that are ordered to do things: what it answered, what that means, and never a
//! secret in the words.

use super::Endpoint;
use super::http::{Http, Lost, Reply, RetryHint, clean};
use super::recent::Recent;
use crate::clock::Clock;
use crate::deploy::Time;
use crate::feature_flags;
use crate::rollback::{self, Blocked};
use chrono::TimeDelta;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

/// The most items that GitHub and GitLab put on one page.
const PAGE: usize = 100;

/// So many pages of a list are read; that there are more is said.
const MOST_PAGES: usize = 5;

/// How long something read counts as recent. Well below the minute after which plans are recomputed.
pub(crate) const LATELY: TimeDelta = TimeDelta::seconds(20);

/// How fresh an answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// What was read a moment ago will do.
    Lately,
    /// Only what is read now.
    Now,
}

/// Items of a list.
pub(crate) struct Pages {
    pub(crate) items: Vec<Value>,
    /// Whether nothing that matters can be on a later page.
    pub(crate) is_whole: bool,
}

/// What a system is spoken to for, in the words of its ways out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    /// The table of an environment that names it: `rollback.ci`.
    pub(crate) table: &'static str,
    /// What is wanted of it: `do it`.
    pub(crate) deed: &'static str,
}

impl Purpose {
    /// Why a system cannot be spoken to at all: an address, or a credential that cannot be sent.
    pub(crate) fn unusable(self, name: &str, why: &impl fmt::Display) -> Blocked {
        Blocked {
            reason: format!("cannot query {name}: {why}"),
            way_out: format!("fix this environment's {}", self.table),
        }
    }
}

/// Talks to one system.
pub(crate) struct Client {
    pub(crate) http: Http,
    /// `GitHub`.
    name: &'static str,
    purpose: Purpose,
    clock: Clock,
    recent: Recent<Value>,
}

/// Why something could not be read. As text it is a sentence.
#[derive(Debug)]
pub(crate) struct Unread {
    name: &'static str,
    /// The HTTP status; 0 without an answer.
    pub(crate) status: u16,
    /// What was said, or why nothing was: `answered 502: bad gateway`.
    pub(crate) text: String,
    /// What to do, where that is the same whatever was asked for.
    way_out: Option<String>,
}

impl Unread {
    /// Why a preparation ends here; `way_out` for what only the caller knows.
    pub(crate) fn blocked(self, way_out: &str) -> Blocked {
        Blocked { reason: self.to_string(), way_out: self.way_out.unwrap_or_else(|| way_out.to_owned()) }
    }

    /// The sentence for a place without a way out beside it.
    pub(crate) fn alone(&self) -> String {
        let hint = if (200..=299).contains(&self.status) { ": check its url" } else { "" };
        format!("{self}{hint}")
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.text)
    }
}

/// Why what was ordered is not known to be in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// It certainly did nothing.
    Refused(Blocked),
    /// It may have been done.
    Unknown(String),
}

impl From<NotTaken> for rollback::Answer {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Refused(blocked) => Self::Refused(blocked),
            NotTaken::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl From<NotTaken> for feature_flags::Answer {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Refused(blocked) => Self::Refused(blocked),
            NotTaken::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl Client {
    /// Connects to nothing yet. `headers` are what it is known by.
    pub(crate) fn new(
        name: &'static str,
        purpose: Purpose,
        endpoint: &Endpoint,
        headers: HeaderMap,
        hint: RetryHint,
        clock: Clock,
    ) -> Result<Self, Blocked> {
        let http = Http::new(endpoint, headers, hint).map_err(|error| purpose.unusable(name, &error))?;
        Ok(Self { http, name, purpose, clock, recent: Recent::new(LATELY) })
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// `GitHub`.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The system as a person knows it: `GitHub (https://api.github.com)`.
    pub(crate) fn place(&self) -> String {
        format!("{} ({})", self.name, self.http.host())
    }

    /// Sends, once, and takes any answer.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Reply, Lost> {
        self.http.reply(request, self.now()).await
    }

    /// Sends what changes something, once. `own` knows the refusals that only this system has.
    pub(crate) async fn order(
        &self,
        request: RequestBuilder,
        own: impl FnOnce(&Reply) -> Option<Blocked>,
    ) -> Result<Reply, NotTaken> {
        let reply = self.send(request).await?;
        if reply.is_success() { Ok(reply) } else { Err(self.refusal(&reply, own)) }
    }

    /// The same for whoever looks at any answer before it is taken for a refusal.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Reply, NotTaken> {
        self.ask(request).await.map_err(|lost| match lost {
            Lost::NotSent(error) => NotTaken::Refused(Blocked {
                reason: format!("cannot reach {}: {error}", self.place()),
                way_out: "check the network and the proxy, then retry: nothing was sent".to_owned(),
            }),
            Lost::Unknown(error) => NotTaken::Unknown(format!("{}: {error}", self.name)),
        })
    }

    /// Reads JSON; changes nothing.
    pub(crate) async fn read(&self, request: RequestBuilder) -> Result<Value, Unread> {
        let reply = self.ask(request).await.map_err(|lost| {
            let (Lost::NotSent(error) | Lost::Unknown(error)) = lost;
            let way_out = "check its url, the network and the proxy; then the plan is recomputed".to_owned();
            self.unread(0, format!("does not answer: {error}"), Some(way_out))
        })?;
        self.misread(&reply).map_or(Ok(reply.body), Err)
    }

    /// The same as `T`. Why it cannot be read may repeat a part of the body, and is cleaned as that is.
    pub(crate) async fn read_as<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, String> {
        let body = self.read(request).await.map_err(|unread| unread.alone())?;
        let name = self.name;
        serde_json::from_value(body)
            .map_err(|error| format!("cannot parse the response of {name}: {}", clean(&error.to_string())))
    }

    /// Reads a list page by page until it has ended, or `enough` says that what matters is among it, or after
    /// [`MOST_PAGES`]. `list` is the field that holds it, or empty where the answer itself does.
    pub(crate) async fn pages(
        &self,
        request: RequestBuilder,
        list: &str,
        freshness: Freshness,
        enough: &(dyn Fn(&[Value]) -> bool + Send + Sync),
    ) -> Result<Pages, Unread> {
        let mut all = Vec::new();
        for number in 1..=MOST_PAGES {
            // A request without a body can always be made again.
            let Some(page) = request.try_clone() else { break };
            let page = page.query(&[("per_page", PAGE), ("page", number)]);
            let answer = match freshness {
                Freshness::Now => self.read(page).await?,
                Freshness::Lately => self.read_lately(page).await?,
            };
            let items = if list.is_empty() { &answer } else { &answer[list] };
            let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
            all.extend_from_slice(items);
            if items.len() < PAGE || enough(&all) {
                return Ok(Pages { items: all, is_whole: true });
            }
        }
        Ok(Pages { items: all, is_whole: false })
    }

    /// The same as [`Self::read`], unless it was read a moment ago: for preparations.
    pub(crate) async fn read_lately(&self, request: RequestBuilder) -> Result<Value, Unread> {
        let key = request.try_clone().and_then(|request| Some(request.build().ok()?.url().to_string()));
        match key {
            Some(key) => self.recent.get(&key, self.now(), self.read(request)).await,
            None => self.read(request).await,
        }
    }

    /// Reads a text that is not JSON, with its status; changes nothing.
    pub(crate) async fn raw(&self, request: RequestBuilder) -> Result<(u16, String), Lost> {
        let answer = self.http.exchange(request).await?;
        Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// What is wrong with an answer that should have been JSON.
    pub(crate) fn misread(&self, reply: &Reply) -> Option<Unread> {
        if reply.is_success() && !reply.body.is_null() {
            return None;
        }
        let (status, name) = (reply.status, self.name);
        let (text, way_out) = match status {
            _ if is_rate_limited(reply) => (reply.too_many(), Some(self.wait_for(reply))),
            200..=299 => ("returned something other than JSON".to_owned(), Some(self.check_url())),
            300..=399 => (format!("answered {status}: {}", reply.said), Some(self.check_url())),
            401 => (
                format!("rejected the token: {}", reply.said),
                Some(format!("create a new token in {name} and set it in this environment's {}", self.purpose.table)),
            ),
            _ => (format!("answered {status}: {}", reply.said), None),
        };
        Some(self.unread(status, text, way_out))
    }

    /// What an answer means to a request that changes something, where it does not say that it was taken.
    pub(crate) fn refusal(&self, reply: &Reply, own: impl FnOnce(&Reply) -> Option<Blocked>) -> NotTaken {
        let (status, name, Purpose { table, deed }) = (reply.status, self.name, self.purpose);
        if (300..=399).contains(&status) && reply.location().is_some_and(is_sign_in) {
            return NotTaken::Refused(Blocked {
                reason: format!("{name} redirects to a sign-in page"),
                way_out: format!("set a valid token in this environment's {table}, and a url without a sign-in page"),
            });
        }
        // A proxy may give up while the system behind it goes on; and a redirect may follow what was done.
        if matches!(status, 302 | 303 | 408 | 500..) {
            return NotTaken::Unknown(format!("{name} answered {status}: {}", reply.said));
        }
        if is_rate_limited(reply) {
            let reason = format!("{name} {}", reply.too_many());
            return NotTaken::Refused(Blocked { reason, way_out: self.wait_for(reply) });
        }
        let usual = || match self.misread(reply) {
            Some(unread) => unread.blocked(&format!("read what {name} says, or {deed} there manually")),
            None => Blocked {
                reason: format!("{name} answered {status}: {}", reply.said),
                way_out: format!("check {name} for the result"),
            },
        };
        NotTaken::Refused(own(reply).unwrap_or_else(usual))
    }

    fn unread(&self, status: u16, text: String, way_out: Option<String>) -> Unread {
        Unread { name: self.name, status, text, way_out }
    }

    fn wait_for(&self, reply: &Reply) -> String {
        let Purpose { deed, .. } = self.purpose;
        format!("wait {} and retry, or {deed} in {} manually", reply.describe_wait(), self.name)
    }

    fn check_url(&self) -> String {
        format!("fix the url of {} in this environment's {}", self.name, self.purpose.table)
    }
}

/// Whether it was sent away for asking too often. GitHub says so with a 403, too.
fn is_rate_limited(reply: &Reply) -> bool {
    let is_empty = || reply.headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    reply.status == 429 || (reply.status == 403 && (reply.headers.contains_key("retry-after") || is_empty()))
}

/// Whether an address is one where people sign in.
fn is_sign_in(location: &str) -> bool {
    let location = location.to_ascii_lowercase();
    ["login", "signin", "sign_in", "sign-in", "sso", "oauth", "saml", "securityrealm"]
        .iter()
        .any(|word| location.contains(word))
}
