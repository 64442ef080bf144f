//! One CI system's end of HTTP: what it answered, what that means, and never a secret in the words.

use super::recent::Recent;
use crate::clock::Clock;
use crate::deploy::Time;
use crate::net::Endpoint;
use crate::net::http::{Http, Lost, Reply, RetryHint, clean};
use crate::rollback::{Answer, Blocked};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The most items that GitHub and GitLab put on one page.
const PAGE: usize = 100;

/// So many pages of a list are read; that there are more is said.
const MOST_PAGES: usize = 5;

/// How fresh an answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// What was read a moment ago will do.
    Lately,
    /// Only what is read now.
    Now,
}

/// Items of a list.
pub(super) struct Pages {
    pub(super) items: Vec<Value>,
    /// Whether nothing that matters can be on a later page.
    pub(super) is_whole: bool,
}

/// Talks to one CI system.
pub(super) struct Client {
    pub(super) http: Http,
    /// `GitHub`.
    pub(super) name: &'static str,
    clock: Clock,
    recent: Recent<Value>,
}

/// Whether it was sent away for asking too often. GitHub says so with a 403, too.
fn is_rate_limited(reply: &Reply) -> bool {
    let is_empty = || reply.headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    reply.status == 429 || (reply.status == 403 && (reply.headers.contains_key("retry-after") || is_empty()))
}

/// Why something could not be read.
pub(super) struct Unread {
    /// The HTTP status; 0 without an answer.
    pub(super) status: u16,
    /// What was said, or why nothing was: `answered 502: bad gateway`.
    pub(super) text: String,
    /// What to do, where that is the same whatever was asked for.
    way_out: Option<String>,
}

impl Unread {
    /// Why a preparation ends here; `way_out` for what only the caller knows.
    pub(super) fn blocked(self, name: &str, way_out: &str) -> Blocked {
        Blocked { reason: format!("{name} {}", self.text), way_out: self.way_out.unwrap_or_else(|| way_out.to_owned()) }
    }
}

impl Client {
    /// Connects to nothing yet. `headers` are what it is known by.
    pub(super) fn new(
        name: &'static str,
        endpoint: &Endpoint,
        headers: HeaderMap,
        hint: RetryHint,
        clock: Clock,
    ) -> Result<Self, Blocked> {
        let http = Http::new(endpoint, headers, hint).map_err(|error| unusable(name, &error.to_string()))?;
        Ok(Self { http, name, clock, recent: Recent::default() })
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// The system as a person knows it: `GitHub (https://api.github.com)`.
    pub(super) fn place(&self) -> String {
        format!("{} ({})", self.name, self.http.host())
    }

    /// Sends, once, and takes any answer.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Reply, Lost> {
        self.http.reply(request, self.now()).await
    }

    /// Reads JSON; changes nothing.
    pub(super) async fn read(&self, request: RequestBuilder) -> Result<Value, Unread> {
        let reply = self.ask(request).await.map_err(|lost| {
            let (Lost::NotSent(error) | Lost::Unknown(error)) = lost;
            let way_out = "check its url, the network and the proxy; then the plan is recomputed".to_owned();
            Unread { status: 0, text: format!("does not answer: {error}"), way_out: Some(way_out) }
        })?;
        self.unread(&reply).map_or(Ok(reply.body), Err)
    }

    /// Reads a list page by page until it has ended, or `enough` says that what matters is among it, or after
    /// [`MOST_PAGES`]. `list` is the field that holds it, or empty where the answer itself does.
    pub(super) async fn pages(
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
    pub(super) async fn read_lately(&self, request: RequestBuilder) -> Result<Value, Unread> {
        let key = request.try_clone().and_then(|request| Some(request.build().ok()?.url().to_string()));
        match key {
            Some(key) => self.recent.get(&key, self.now(), self.read(request)).await,
            None => self.read(request).await,
        }
    }

    /// Reads a text that is not JSON, with its status; changes nothing.
    pub(super) async fn raw(&self, request: RequestBuilder) -> Result<(u16, String), Lost> {
        let answer = self.http.exchange(request).await?;
        Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// What is wrong with an answer that should have been JSON.
    fn unread(&self, reply: &Reply) -> Option<Unread> {
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
                Some(format!("create a new token in {name} and set it in this environment's rollback.ci")),
            ),
            _ => (format!("answered {status}: {}", reply.said), None),
        };
        Some(Unread { status, text, way_out })
    }

    /// What an answer means to a request that changes something, where it is no success. `own` knows the
    /// refusals that only this system has.
    pub(super) fn refusal(&self, reply: &Reply, own: impl FnOnce(&Reply) -> Option<Blocked>) -> Answer {
        let status = reply.status;
        if (300..=399).contains(&status) && reply.location().is_some_and(is_sign_in) {
            return Answer::Refused(Blocked {
                reason: format!("{} redirects to a sign-in page", self.name),
                way_out: "set a valid token in this environment's rollback.ci, and a url without a sign-in page"
                    .to_owned(),
            });
        }
        // A proxy may give up while the system behind it goes on; and a redirect may follow what was done.
        if matches!(status, 302 | 303 | 408 | 500..) {
            return Answer::Unknown(format!("{} answered {status}: {}", self.name, reply.said));
        }
        if is_rate_limited(reply) {
            let reason = format!("{} {}", self.name, reply.too_many());
            return Answer::Refused(Blocked { reason, way_out: self.wait_for(reply) });
        }
        let usual = || match self.unread(reply) {
            Some(unread) => {
                unread.blocked(self.name, &format!("read what {} says, or do it there manually", self.name))
            }
            None => Blocked {
                reason: format!("{} answered {status}: {}", self.name, reply.said),
                way_out: format!("check {} for the result", self.name),
            },
        };
        Answer::Refused(own(reply).unwrap_or_else(usual))
    }

    /// What it means that no answer came to a request that changes something.
    pub(super) fn lost(&self, lost: Lost) -> Answer {
        match lost {
            Lost::NotSent(error) => Answer::Refused(Blocked {
                reason: format!("cannot reach {}: {error}", self.place()),
                way_out: "check the network and the proxy, then retry: nothing was sent".to_owned(),
            }),
            Lost::Unknown(error) => Answer::Unknown(format!("{}: {error}", self.name)),
        }
    }

    fn wait_for(&self, reply: &Reply) -> String {
        format!("wait {} and retry, or do it in {} manually", reply.describe_wait(), self.name)
    }

    fn check_url(&self) -> String {
        format!("fix the url of {} in this environment's rollback.ci", self.name)
    }
}

/// Whether an address is one where people sign in.
fn is_sign_in(location: &str) -> bool {
    let location = location.to_ascii_lowercase();
    ["login", "signin", "sign_in", "sign-in", "sso", "oauth", "saml", "securityrealm"]
        .iter()
        .any(|word| location.contains(word))
}

/// What this header is made of cannot be sent, or the address is none.
pub(super) fn unusable(name: &str, why: &str) -> Blocked {
    Blocked { reason: format!("cannot query {name}: {why}"), way_out: "fix this environment's rollback.ci".to_owned() }
}

/// A foreign text of a JSON body, fit for a screen; `?` where it is missing.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        _ => "?".to_owned(),
    }
}

/// An address that a person can open; anything else than the web is left out.
pub(super) fn link(value: &Value) -> Option<String> {
    let link = clean(value.as_str()?);
    (link.starts_with("https://") || link.starts_with("http://")).then_some(link)
}

/// A moment as GitHub and GitLab write it.
pub(super) fn moment(value: &Value) -> Option<Time> {
    chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}
