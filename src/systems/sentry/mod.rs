//! Sentry: issues that are new or back in this version, error counts, crash-free sessions.
//!
//! One request at a time, and few: a signal of new issues takes two (new, regressed) and a third only while
//! there are any; error counts and sessions take one each. Where nothing is counted one more asks, once, whether
//! Sentry knows the release at all.

mod config;
mod issues;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;
mod projects;
mod releases;
mod sessions;
mod timeseries;

pub(crate) use config::SYSTEM;
pub use config::SentrySpec;

use crate::deploy::Time;
use crate::net::Auth;
use crate::net::http::{Http, RetryHint, authorization};
use crate::poll::{Issue, Novelty, Poll, PollRequest, SourceError};
use crate::signal::{Point, Sample};
use crate::systems::api::{CheckLine, Early, Source};
use crate::systems::questions::{ReleaseQuery, ReleaseWant};
use crate::systems::shared::check::{answer_for, broken, fine, queried, unasked};
use crate::systems::shared::fail_fast::{FailFast, conclude};
use crate::systems::shared::series::floor;
use crate::systems::shared::variables::fill_version;
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use issues::{Item, Seen};
use releases::Known;
use sessions::SessionsAnswer;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use timeseries::{StatsAnswer, TimeseriesAnswer};

/// Issues read of each list: the newest. More than these in one release need no exact count to be bad.
const LIST_LIMIT: usize = 100;

/// A bucket is marked incomplete for this long; we hold our own zeros back as long.
const SETTLES: TimeDelta = TimeDelta::seconds(90);

/// No series may have more points.
const MOST_POINTS: i64 = 10_000;

/// Buckets below an hour are given for at most this long a time, after rounding outward to whole hours.
const FINE_SESSIONS: TimeDelta = TimeDelta::hours(4);

/// Reads Sentry.
pub struct Sentry {
    http: Http,
    name: String,
    organization: String,
    environment: Option<String>,
    queries: Vec<ReleaseQuery>,
    /// Whether this Sentry refused session buckets below an hour.
    coarse_sessions: AtomicBool,
    /// Whether this Sentry is older than `events-timeseries`.
    old_counts: AtomicBool,
    /// The projects' ids by slug, where this Sentry takes no slugs.
    ids: OnceLock<HashMap<String, String>>,
    known: Known,
    /// Issues of this version that were ever listed: the search index forgets and remembers.
    seen: Mutex<Seen>,
}

/// One query with its release filled in.
struct Asked<'a> {
    query: &'a ReleaseQuery,
    release: String,
}

impl Sentry {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: SentrySpec) -> Result<Self, SourceError> {
        let headers = authorization(&Auth::Bearer(spec.token))?;
        Ok(Self {
            http: Http::new(&spec.endpoint, headers, RetryHint::SentryReset)?,
            name: spec.endpoint.name,
            organization: spec.organization,
            environment: spec.environment,
            queries: spec.queries,
            coarse_sessions: AtomicBool::new(false),
            old_counts: AtomicBool::new(false),
            ids: OnceLock::new(),
            known: Known::default(),
            seen: Mutex::default(),
        })
    }

    async fn ask_all(&self, request: &PollRequest) -> Poll {
        let mut poll = Poll::default();
        let fail_fast = FailFast::new();
        let mut issues = Vec::new();
        let mut listed = false;
        for query in &self.queries {
            let Some(release) = fill_version(&query.release, request.version(query.service)) else { continue };
            let asked = Asked { query, release };
            let points = fail_fast.ask(self.ask_one(&asked, request, &mut poll.warnings)).await;
            if query.want == ReleaseWant::NewIssues {
                // What another signal could not list now is still what it was.
                issues.extend(self.remember(&asked, Vec::new()));
                listed |= points.is_ok();
            }
            match points {
                Ok(points) => poll.points.push((query.signal, points)),
                Err(error) => poll.failed.push((query.signal, error)),
            }
        }
        poll.issues = listed.then_some(issues);
        poll
    }

    async fn ask_one(
        &self,
        asked: &Asked<'_>,
        request: &PollRequest,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Point>, SourceError> {
        match asked.query.want {
            ReleaseWant::NewIssues => self.new_issues(asked, request, warnings).await,
            ReleaseWant::ErrorCount => {
                let from = request.since(asked.query.signal);
                let points = self.events(asked, &asked.term("release"), from, request.to).await?;
                self.proven(asked, points, request.to).await
            }
            ReleaseWant::CrashFree => {
                let points = self.sessions(asked, request).await?;
                self.proven(asked, points, request.to).await
            }
        }
    }

    /// Issues first seen in the release, or back in it, and how many events of them came a minute.
    ///
    /// The rate is Sentry's own series of exactly these issues, since the deploy: that is exact, backfills,
    /// and needs no memory of earlier counts. Without any issue it is zero and not asked for.
    async fn new_issues(
        &self,
        asked: &Asked<'_>,
        request: &PollRequest,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Point>, SourceError> {
        let since = request.deployed_at.unwrap_or(request.from).min(request.to - asked.query.step);
        let release = asked.term("release");
        let first = format!("{} is:unresolved", asked.term("firstRelease"));
        let back = format!("is:regressed {release}");
        let mut fresh = Vec::new();
        for (search, sort, novelty) in [(first, "new", Novelty::New), (back, "date", Novelty::Regressed)] {
            let (items, all) = self.list(asked, &search, sort, since, request.to).await?;
            if all > items.len() {
                let (read, novelty) = (items.len(), novelty_word(novelty));
                warnings.push(format!("{all} {novelty} issues, of which the latest {read} were read"));
            }
            fresh.extend(items.into_iter().map(|item| item.into_issue(asked.query.signal, novelty)));
        }
        let known = self.remember(asked, fresh);
        if known.is_empty() {
            return self.proven(asked, zeros(since, request.to, asked.query.step), request.to).await;
        }
        self.know(&asked.release);
        let ids: Vec<&str> = known.iter().map(|issue| issue.id.as_str()).collect();
        let search = format!("issue.id:[{}] {release}", ids.join(","));
        // What is listed stays listed, whatever becomes of the count over time: then it is their own count since the
        // deploy, spread over that time.
        let why = match self.events(asked, &search, since, request.to).await {
            Ok(points) if !points.is_empty() => return Ok(points),
            Ok(_) => "no counts came back".to_owned(),
            Err(error) => error.to_string(),
        };
        warnings.push(format!("how often the new issues come is their average since the deploy: {why}"));
        let minutes = (request.to - since).num_seconds().max(60) as f64 / 60.0;
        let count: f64 = known.iter().map(|issue| issue.count as f64).sum();
        Ok(vec![(request.to, Sample::from_number(count / minutes))])
    }

    fn remember(&self, asked: &Asked<'_>, fresh: Vec<Issue>) -> Vec<Issue> {
        // A panic elsewhere cannot leave the set half changed in a way that matters.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remember(asked.query.signal, &asked.release, fresh)
    }

    async fn list(
        &self,
        asked: &Asked<'_>,
        search: &str,
        sort: &str,
        from: Time,
        to: Time,
    ) -> Result<(Vec<Item>, usize), SourceError> {
        let mut fields = self.common(asked, search, from, to);
        let limit = LIST_LIMIT.to_string();
        // No series with each issue, no all-time counts: what is left is what the errors pane shows.
        let own = [
            ("sort", sort),
            ("limit", &limit),
            ("groupStatsPeriod", ""),
            ("collapse", "lifetime"),
            ("collapse", "filtered"),
        ];
        fields.extend(own.map(|(name, value)| (name, value.to_owned())));
        let answer = self.get("issues", &fields, to).await?;
        let items: Vec<Item> = answer.json()?;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let more = projects::next_page(header("link").unwrap_or_default()).is_some();
        // How many there are, though no more than a number of Sentry's own; one more than these where it does not say.
        let hits = header("x-hits").and_then(|hits| hits.parse().ok()).unwrap_or(items.len() + usize::from(more));
        let all = if more { hits.max(items.len() + 1) } else { items.len() };
        Ok((items, all))
    }

    /// Events a minute.
    async fn events(&self, asked: &Asked<'_>, search: &str, from: Time, to: Time) -> Result<Vec<Point>, SourceError> {
        let shortest = TimeDelta::milliseconds((to - from).num_milliseconds() / (MOST_POINTS - 1));
        let step = TimeDelta::seconds(asked.query.step.max(shortest).num_seconds().max(1));
        // An interval larger than the window is refused.
        let from = floor(from.min(to - step), step);
        let mut fields = self.common(asked, search, from, to);
        let interval = step.num_seconds().to_string();
        let own = [("dataset", "errors"), ("yAxis", "count()"), ("interval", interval.as_str())];
        fields.extend(own.map(|(name, value)| (name, value.to_owned())));
        if !self.old_counts.load(Ordering::Relaxed) {
            match self.get("events-timeseries", &fields, to).await {
                Err(SourceError::NotFound(_)) => {}
                answer => return answer?.json::<TimeseriesAnswer>()?.per_minute(to),
            }
        }
        let answer = self.get("events-stats", &fields, to).await?;
        let points = answer.json::<StatsAnswer>()?.per_minute(step, to - SETTLES);
        self.old_counts.store(true, Ordering::Relaxed);
        Ok(points)
    }

    /// Crash-free sessions. Buckets below an hour are not given by every Sentry: the first refusal settles it.
    async fn sessions(&self, asked: &Asked<'_>, request: &PollRequest) -> Result<Vec<Point>, SourceError> {
        let fine = sessions::interval(asked.query.step);
        if let Some(minutes) = fine.filter(|_| !self.coarse_sessions.load(Ordering::Relaxed)) {
            let step = TimeDelta::minutes(minutes);
            let since = request.since(asked.query.signal);
            let from = since.max(request.to - FINE_SESSIONS).min(request.to - step);
            let answer = self.ask_sessions(asked, &format!("{minutes}m"), floor(from, step), request.to).await;
            match answer {
                Err(SourceError::BadQuery(text)) if text.contains("interval") => {
                    self.coarse_sessions.store(true, Ordering::Relaxed);
                }
                other => return Ok(other?.points(step, request.to)),
            }
        }
        let hour = TimeDelta::hours(1);
        let from = floor(request.from.min(request.to - hour), hour);
        Ok(self.ask_sessions(asked, "1h", from, request.to).await?.hours(request.to))
    }

    async fn ask_sessions(
        &self,
        asked: &Asked<'_>,
        interval: &str,
        from: Time,
        to: Time,
    ) -> Result<SessionsAnswer, SourceError> {
        // The range is rounded outward to whole hours; the release keeps the old version out of it. Other
        // search terms are not known here.
        let mut fields = self.window(asked, from, to);
        let own = [
            ("query", asked.term("release")),
            ("field", "sum(session)".to_owned()),
            ("field", "crash_free_rate(session)".to_owned()),
            ("interval", interval.to_owned()),
            ("includeTotals", "0".to_owned()),
        ];
        fields.extend(own);
        self.get("sessions", &fields, to).await?.json()
    }

    fn common(&self, asked: &Asked<'_>, search: &str, from: Time, to: Time) -> Vec<(&'static str, String)> {
        let mut fields = self.window(asked, from, to);
        let search =
            asked.query.filter.as_ref().map_or_else(|| search.to_owned(), |filter| format!("{search} {filter}"));
        fields.push(("query", search));
        fields
    }

    /// Times without an offset are UTC; giving one of the two alone is an error.
    fn window(&self, asked: &Asked<'_>, from: Time, to: Time) -> Vec<(&'static str, String)> {
        let moment = |at: Time| at.format("%Y-%m-%dT%H:%M:%S").to_string();
        let mut fields = vec![("start", moment(from)), ("end", moment(to)), ("utc", "true".to_owned())];
        fields.extend(self.scope(asked));
        fields
    }

    /// The projects and the environment that are meant.
    fn scope(&self, asked: &Asked<'_>) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        if asked.query.projects.is_empty() {
            fields.push(("project", "-1".to_owned()));
        }
        fields.extend(asked.query.projects.iter().map(|project| ("project", project.clone())));
        fields.extend(self.environment.iter().map(|environment| ("environment", environment.clone())));
        fields
    }

    async fn get(
        &self,
        what: &str,
        fields: &[(&'static str, String)],
        now: Time,
    ) -> Result<crate::net::http::Answer, SourceError> {
        // The last, empty segment is the trailing slash that every path of Sentry ends in.
        let path = ["api", "0", "organizations", &self.organization, what, ""];
        let ask =
            async |fields: &[(&'static str, String)]| self.http.ask(self.http.get(&path).query(fields), now).await;
        // Once it was found to take no slugs it is not tried with them again.
        let first = if self.ids.get().is_some() { None } else { Some(ask(fields).await) };
        let answer = match first {
            Some(Err(SourceError::BadQuery(text))) => match self.with_ids(fields, now).await {
                Some(fields) => ask(&fields?).await,
                None => Err(SourceError::BadQuery(text)),
            },
            Some(answer) => answer,
            None => match self.with_ids(fields, now).await {
                Some(fields) => ask(&fields?).await,
                None => ask(fields).await,
            },
        };
        answer.map_err(|error| self.named(error, fields))
    }

    /// Sentry says of nothing that it does not exist but that: what was asked for has to be told beside it.
    fn named(&self, error: SourceError, fields: &[(&'static str, String)]) -> SourceError {
        let SourceError::NotFound(said) = error else { return error };
        let of = |wanted: &str| {
            let values: Vec<&str> =
                fields.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| value.as_str()).collect();
            (!values.is_empty() && values != ["-1"]).then(|| format!("{wanted} {}", values.join(", ")))
        };
        let asked: Vec<String> =
            [Some(format!("organization {}", self.organization)), of("environment"), of("project")]
                .into_iter()
                .flatten()
                .collect();
        SourceError::NotFound(format!("{said} ({})", asked.join("; ")))
    }

    async fn check_all(&self, request: &PollRequest) -> Vec<CheckLine> {
        let name = &self.name;
        let what = format!("{name}: token and organization {}", self.organization);
        let path = ["api", "0", "organizations", &self.organization, ""];
        if let Err(error) = self.http.ask(self.http.get(&path), request.to).await {
            return vec![broken(what, &error, self.way_out(&error, "org:read"))];
        }
        let mut lines = vec![fine(what, "accepted")];
        let poll = self.ask_all(request).await;
        for query in &self.queries {
            let (word, scope) = match query.want {
                ReleaseWant::NewIssues => ("new issues", "event:read and project:read"),
                ReleaseWant::ErrorCount => ("error count", "org:read"),
                ReleaseWant::CrashFree => ("crash-free sessions", "org:read"),
            };
            let what = format!("{name}: {word} of {}", query.release);
            lines.push(match answer_for(&poll.points, &poll.failed, query.signal) {
                Some(answer) => queried(what, query.signal, answer, |error| self.way_out(error, scope)),
                None => unasked(what, query.signal),
            });
            lines.extend(self.check_counts(query, request, &poll).await);
        }
        lines
    }

    /// How often new issues come is asked only once there are any; whether it can be asked is tried before.
    async fn check_counts(&self, query: &ReleaseQuery, request: &PollRequest, poll: &Poll) -> Option<CheckLine> {
        let none_yet =
            poll.issues.as_ref().is_some_and(|issues| issues.iter().all(|issue| issue.signal != query.signal));
        let release = fill_version(&query.release, request.version(query.service))?;
        if query.want != ReleaseWant::NewIssues || !none_yet {
            return None;
        }
        let asked = Asked { query, release };
        let what = format!("{}: events of {}", self.name, query.release);
        Some(match self.events(&asked, &asked.term("release"), request.from, request.to).await {
            Ok(_) => fine(what, "can be counted"),
            Err(error) => broken(what, &error, self.way_out(&error, "org:read")),
        })
    }

    fn way_out(&self, error: &SourceError, scope: &str) -> Option<String> {
        let name = &self.name;
        Some(match error {
            SourceError::Unauthorized(_) => format!("give `{name}` a token of an internal integration or of a user"),
            SourceError::Forbidden(_) => format!(
                "give the token of `{name}` the scope {scope}; an organization token made for CI has only org:ci"
            ),
            SourceError::NotFound(_) => match &self.environment {
                Some(environment) => format!(
                    "set `environment` of `{name}` to Sentry's own name for {environment}, or correct the organization or the projects"
                ),
                None => format!(
                    "correct the organization or the projects of `{name}`, or let its token see them; the url may be another region's"
                ),
            },
            SourceError::Unproven(_) => {
                "set the signal's `release` to the name that the SDK reports: \"v$version\", for instance".to_owned()
            }
            _ => return None,
        })
    }
}

impl Asked<'_> {
    /// A search term for the release; quoted, for the `@` and `+` in it.
    fn term(&self, name: &str) -> String {
        format!("{name}:\"{}\"", self.release.replace('"', "\\\""))
    }
}

fn novelty_word(novelty: Novelty) -> &'static str {
    match novelty {
        Novelty::New => "new",
        Novelty::Regressed => "regressed",
    }
}

/// No issue, no events: a zero for each bin that Sentry itself would call complete, for as many as it would give: a
/// deploy may be months old.
fn zeros(from: Time, to: Time, step: TimeDelta) -> Vec<Point> {
    let mut points = Vec::new();
    let step = step.max(TimeDelta::seconds(1));
    let longest = TimeDelta::seconds(step.num_seconds().saturating_mul(MOST_POINTS));
    let mut at = floor(from.max(to - longest), step);
    while at + step + SETTLES <= to {
        points.push((at, Sample::Value(0.0)));
        at += step;
    }
    points
}

impl Source for Sentry {
    fn poll_early<'a>(
        &'a self,
        request: &'a PollRequest,
        _early: &'a Early,
    ) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move { conclude(self.ask_all(request).await) })
    }

    fn check<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(self.check_all(request))
    }
}

#[cfg(test)]
mod tests;
