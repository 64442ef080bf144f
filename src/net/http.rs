//! HTTP as every polled source needs it: timeouts, limits, redaction, errors.
//!
//! Nothing is retried here: a source is asked again at its next interval, and the caller owns the back-off.

mod answer;
mod failure;
mod reply;
mod signature;
mod text;

pub(crate) use crate::text::clean;
pub(crate) use answer::Answer;
pub(crate) use answer::decode;
pub(crate) use reply::Reply;
pub(crate) use signature::signature;
pub(crate) use text::{message_in, said_by, short};

use crate::deploy::Time;
use crate::net::{Auth, Endpoint};
use crate::poll::SourceError;
use crate::poll::connection::Reason;
use crate::secret::{self, Secret};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::OnceCell;

/// A name that does not resolve or a host that does not answer is known this soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// So many questions of one poll are in progress at a time, at most: a slow server is not asked for longer than it takes
/// a reading to grow old, and a busy one not for more than a person's dashboard does.
pub(crate) const AT_ONCE: usize = 6;

/// A longer field of a question goes into the body.
const LONGEST_ADDRESS: usize = 2_000;

/// The most of an answer that is read, in bytes, after decompression.
pub(crate) const BODY_LIMIT: usize = 8 << 20;

/// No vendor asks for a longer back-off than this; a header that says so is not believed.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// Where a vendor writes, in an answer 429, when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryHint {
    /// `Retry-After`: seconds or an HTTP date. Proxies in front of anything use it.
    RetryAfter,
    /// `X-Sentry-Rate-Limit-Reset`: epoch seconds.
    SentryReset,
    /// `X-RateLimit-Reset`: seconds remaining.
    DatadogReset,
    /// `Retry-After`, else `X-RateLimit-Reset`: epoch seconds. The reset is that of the hour and is on every
    /// answer, so the shorter word comes first.
    GitHubReset,
    /// `RateLimit-Reset`: epoch seconds; `Retry-After` is sometimes missing.
    GitLabReset,
    /// `X-RateLimit-Reset`: epoch milliseconds; `Retry-After` comes only with limits by address.
    LaunchDarklyReset,
}

/// Why a request that changes something got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It never left: it cannot have done anything.
    NotSent(SourceError),
    /// It may have arrived.
    Unknown(SourceError),
}

/// The HTTP client of one system: base address, credentials, timeout.
pub(crate) struct Http {
    client: Client,
    base: Url,
    headers: HeaderMap,
    timeout: Duration,
    hint: RetryHint,
    /// Whether a base address in plain HTTP speaks TLS; tried once, when it would not speak HTTP.
    speaks_tls: OnceCell<bool>,
}

impl Http {
    /// Builds the client; connects to nothing.
    pub(crate) fn new(endpoint: &Endpoint, headers: HeaderMap, hint: RetryHint) -> Result<Self, SourceError> {
        let base = Url::parse(&endpoint.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                SourceError::unreachable(format!("the url of {} is not an http or https address", endpoint.name))
            })?;
        hide_parameters(&base);
        let (timeout, speaks_tls) = (endpoint.timeout, OnceCell::new());
        Ok(Self { client: shared_client()?, base, headers, timeout, hint, speaks_tls })
    }

    /// How long one exchange may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A GET below the base address; each segment is escaped. A last empty segment makes a trailing slash.
    pub(crate) fn get(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A GET of the base address itself, as a visitor's program would ask.
    pub(crate) fn get_itself(&self) -> RequestBuilder {
        self.client.get(self.base.clone()).headers(self.headers.clone()).timeout(self.timeout)
    }

    /// A POST to the base address itself.
    pub(crate) fn post_itself(&self) -> RequestBuilder {
        self.client.post(self.base.clone()).headers(self.headers.clone()).timeout(self.timeout)
    }

    /// A GET of another address. What identifies us goes along only where it is the same host as ever.
    pub(crate) fn get_at(&self, url: Url) -> RequestBuilder {
        self.request_at(Method::GET, url)
    }

    /// A POST to another address, in the same way.
    pub(crate) fn post_at(&self, url: Url) -> RequestBuilder {
        self.request_at(Method::POST, url)
    }

    fn request_at(&self, method: Method, url: Url) -> RequestBuilder {
        hide_parameters(&url);
        let known = url.origin() == self.base.origin();
        let request = self.client.request(method, url).header(ACCEPT, "application/json").timeout(self.timeout);
        if known { request.headers(self.headers.clone()) } else { request }
    }

    /// A POST below the base address.
    pub(crate) fn post(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// A PATCH below the base address.
    pub(crate) fn patch(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.client
            .request(method, join(&self.base, path))
            .header(ACCEPT, "application/json")
            .headers(self.headers.clone())
            .timeout(self.timeout)
    }

    /// An address below the base for a user to open: without whatever secret it may hold.
    pub(crate) fn link(&self, path: &[&str]) -> String {
        let mut url = join(&self.base, path);
        // Both fail only on addresses without a host, and `new` lets none of those in.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.into()
    }

    /// A question below the base address, with its fields in the address or, where one of them is long, in the body:
    /// addresses have limits in proxies. Short ones use GET, which read-only proxies let through.
    pub(crate) fn question(&self, path: &[&str], fields: &[(&str, &str)]) -> RequestBuilder {
        if fields.iter().any(|(_, text)| text.len() > LONGEST_ADDRESS) {
            self.post(path).form(fields)
        } else {
            self.get(path).query(fields)
        }
    }

    /// Scheme and host, for a user to read: the rest of an address may be a secret.
    pub(crate) fn host(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Sends what changes something, once, and reads the answer whatever its status, redirects included. What
    /// did not come back is told from what never left.
    pub(crate) async fn exchange(&self, request: RequestBuilder) -> Result<Answer, Lost> {
        let response = match sent(request).await {
            Ok(response) => response,
            Err(error) => {
                let never_left = error.is_connect() || error.is_builder();
                let error = self.failure(error).await;
                return Err(if never_left { Lost::NotSent(error) } else { Lost::Unknown(error) });
            }
        };
        let answer = self.read(response, BODY_LIMIT).await.map_err(Lost::Unknown)?;
        // Whoever says so has not looked at what was asked.
        self.misdirected(&answer).map_or(Ok(answer), |error| Err(Lost::NotSent(error)))
    }

    /// How long to back off, where the answer says so.
    fn wait(&self, answer: &Answer, now: Time) -> Option<TimeDelta> {
        self.hint.read(&answer.headers, now)
    }

    /// Sends, and reads the answer whatever its status; only a redirect counts as not answered.
    ///
    /// Redirects are never followed: reqwest would carry `DD-API-KEY` and the like to wherever they point.
    /// What redirects an API is a sign-in page in front of it, or an address that is not the final one.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, SourceError> {
        let response = match sent(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.failure(error).await),
        };
        if response.status().is_redirection() {
            if self.base.scheme() == "http" && failure::is_upgrade(&response) {
                return Err(self.no_connection(Reason::SpeaksHttps));
            }
            let to = redirect_host(&response);
            return Err(SourceError::Unauthorized(format!(
                "redirected to {to}: a sign-in page stands in front, or the url is not the final one"
            )));
        }
        let answer = self.read(response, BODY_LIMIT).await?;
        self.misdirected(&answer).map_or(Ok(answer), Err)
    }

    /// Sends, and refuses every status but 2xx. `now` is what reset times are held against.
    pub(crate) async fn ask(&self, request: RequestBuilder, now: Time) -> Result<Answer, SourceError> {
        let answer = self.send(request).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refusal(&answer, now)) }
    }

    /// What a status other than 2xx means, in the words of the body.
    pub(crate) fn refusal(&self, answer: &Answer, now: Time) -> SourceError {
        let status = answer.status.as_u16();
        let said = message_in(&answer.body);
        match status {
            401 => SourceError::Unauthorized(said),
            403 => SourceError::Forbidden(said),
            404 => SourceError::NotFound(said),
            408 => SourceError::Timeout(self.seconds()),
            429 => SourceError::RateLimited { retry_after: self.hint.read(&answer.headers, now) },
            400 | 413 | 414 | 422 => SourceError::BadQuery(said),
            500.. => SourceError::Server { status, text: said },
            _ => SourceError::BadAnswer(format!("status {status}: {said}")),
        }
    }

    /// Reads at most `limit` bytes of the body, piece by piece: a source that never ends cannot fill memory.
    pub(crate) async fn read(&self, mut response: Response, limit: usize) -> Result<Answer, SourceError> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let size = response.content_length().filter(|size| *size > limit as u64);
        if size.is_some() {
            return Err(SourceError::TooLarge { size, limit });
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.transport(error))? {
            if body.len() + piece.len() > limit {
                return Err(SourceError::TooLarge { size: None, limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, headers, body })
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.timeout.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
    }
}

/// Sends a request; the fuzz targets answer it themselves.
async fn sent(request: RequestBuilder) -> reqwest::Result<Response> {
    #[cfg(all(feature = "fuzzing", unix))]
    if let Some(answer) = crate::fuzzing::answered(&request) {
        return Ok(answer);
    }
    request.send().await
}

fn join(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // Only an address that cannot be a base has no segments, and `Http::new` lets none of those in.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

impl RetryHint {
    /// How long to back off; `Retry-After` counts for everyone, for the proxies in front.
    fn read(self, headers: &HeaderMap, now: Time) -> Option<TimeDelta> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
        let until = |name: &str| number(name).map(|epoch| epoch - now.timestamp() as f64);
        let own = match self {
            Self::RetryAfter => None,
            Self::SentryReset => until("x-sentry-rate-limit-reset"),
            Self::DatadogReset => number("x-ratelimit-reset"),
            Self::GitHubReset => number("retry-after").or_else(|| until("x-ratelimit-reset")),
            Self::GitLabReset => number("retry-after").or_else(|| until("ratelimit-reset")),
            Self::LaunchDarklyReset => number("retry-after")
                .or_else(|| number("x-ratelimit-reset").map(|epoch| (epoch - now.timestamp_millis() as f64) / 1000.0)),
        };
        let seconds = own.or_else(|| number("retry-after")).or_else(|| {
            let date = DateTime::parse_from_rfc2822(headers.get("retry-after")?.to_str().ok()?).ok()?;
            Some((date.to_utc() - now).num_seconds() as f64)
        })?;
        // A reset that has just passed still means: not in this very second.
        let longest = LONGEST_WAIT.num_seconds() as f64;
        seconds.is_finite().then(|| TimeDelta::seconds(seconds.clamp(1.0, longest).ceil() as i64))
    }
}

/// The host a redirect points at; the rest of a `Location` may hold a ticket.
fn redirect_host(response: &Response) -> String {
    let location = response.headers().get("location").and_then(|location| location.to_str().ok());
    let url = location.and_then(|location| response.url().join(location).ok());
    url.and_then(|url| Some(clean(&format!("{}://{}", url.scheme(), url.host_str()?))))
        .unwrap_or_else(|| "another address".to_owned())
}

/// The headers that authenticate redflag to a source.
pub(crate) fn authorization(auth: &Auth) -> Result<HeaderMap, SourceError> {
    let mut headers = HeaderMap::new();
    match auth {
        Auth::None => {}
        Auth::Bearer(token) => {
            let value = format!("Bearer {}", token.expose());
            headers.insert(AUTHORIZATION, secret_header(&value, "token")?);
        }
        Auth::Basic { user, password } => {
            let both = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
            secret::hide(&both);
            let value = format!("Basic {both}");
            headers.insert(AUTHORIZATION, secret_header(&value, "password")?);
        }
    }
    Ok(headers)
}

/// A header that holds a secret, marked so that nobody prints it or keeps it in a compression table.
pub(crate) fn insert_secret(
    headers: &mut HeaderMap,
    name: &'static str,
    secret: &Secret,
    setting: &str,
) -> Result<(), SourceError> {
    headers.insert(HeaderName::from_static(name), secret_header(secret.expose(), setting)?);
    Ok(())
}

fn secret_header(value: &str, setting: &str) -> Result<HeaderValue, SourceError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| SourceError::Unauthorized(format!("the {setting} holds a character that no header may hold")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The program's one client: all sources share its pool and its trust store.
pub(crate) fn shared_client() -> Result<Client, SourceError> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    // reqwest brings no TLS of its own and panics without any; whoever installed one before us is right.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .user_agent(concat!("redflag/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(AT_ONCE)
        .build()
        .map_err(|error| SourceError::unreachable(clean(&error.without_url().to_string())))?;
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// What an address carries behind its path is often a key: no peer's words may repeat it.
fn hide_parameters(url: &Url) {
    url.query_pairs().filter(|(name, _)| secret::names_one(name)).for_each(|(_, value)| secret::hide(&value));
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
