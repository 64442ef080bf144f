//! Alert rules as Prometheus' API tells them, and Grafana, Mimir and vmalert after it: which of them are ours, what
//! they do, and whether anybody evaluates them.

use super::series::remark;
use super::silences::{SUPPRESSED, Silences};
use crate::deploy::Time;
use crate::net::http::{BODY_LIMIT, Http, short};
use crate::poll::{Alert, AlertState, Muted, Poll, SourceError};
use crate::signal::{Sample, SignalId};
use crate::systems::questions::AlertQuery;
use crate::text::size;
use chrono::{DateTime, Datelike, TimeDelta};
use reqwest::RequestBuilder;
use serde::Deserialize;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Label matchers: all of them must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter(Vec<Matcher>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Matcher {
    label: String,
    value: String,
    equal: bool,
}

impl Filter {
    /// Reads `service=app, env!=staging`; braces and quotes as in `PromQL` are allowed.
    fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let matchers = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
        let matcher = |part: &str| {
            let (label, value) = part.split_once('=')?;
            let (label, equal) = label.strip_suffix('!').map_or((label, true), |label| (label, false));
            let (label, value) = (label.trim(), value.trim());
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            let named = !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            (named && !value.starts_with('~')).then(|| Matcher {
                label: label.to_owned(),
                value: value.to_owned(),
                equal,
            })
        };
        let parsed = matchers.map(|part| {
            matcher(part).ok_or_else(|| {
                SourceError::BadQuery(format!("alert filter `{part}`: expected label=value or label!=value"))
            })
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }

    /// As Prometheus has it, a label that is missing is an empty one.
    fn holds(&self, labels: &HashMap<String, String>) -> bool {
        let value = |matcher: &Matcher| labels.get(&matcher.label).map_or("", String::as_str) == matcher.value;
        self.0.iter().all(|matcher| value(matcher) == matcher.equal)
    }
}

/// The answer of `GET …/api/v1/rules`.
#[derive(Deserialize)]
struct RulesAnswer {
    data: Groups,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    #[serde(default)]
    groups: Vec<Group>,
    /// There are more groups, for whoever asks with this.
    #[serde(default)]
    group_next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(default)]
    name: String,
    #[serde(default)]
    file: String,
    /// Seconds between two evaluations.
    #[serde(default)]
    interval: f64,
    #[serde(default)]
    last_evaluation: Option<String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    health: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    is_paused: bool,
    #[serde(default)]
    active_at: Option<String>,
    #[serde(default)]
    last_evaluation: Option<String>,
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    alerts: Option<Vec<Instance>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    active_at: Option<String>,
}

/// What the rules say of one signal.
#[derive(Debug, Clone, Default)]
struct Matched {
    /// Rules that the filter lets through. None: nothing is guarded, or the token may not see the folder;
    /// Grafana does not tell these apart.
    rules: usize,
    /// Those that are not quiet, at most [`MOST_ALERTS`]: those that notify somebody first, and of those the latest.
    alerts: Vec<Alert>,
    /// How many of all of them notify somebody.
    firing: usize,
    /// How many are not quiet and not among `alerts`.
    left_out: usize,
}

/// More alerts of one signal than this nobody reads, and the count is that of all of them.
const MOST_ALERTS: usize = 200;

impl Matched {
    /// Keeps those that are worth reading.
    fn settled(mut self) -> Self {
        let calls = |alert: &Alert| alert.state == AlertState::Firing && alert.muted.is_none();
        self.firing = self.alerts.iter().filter(|alert| calls(alert)).count();
        self.left_out = self.alerts.len().saturating_sub(MOST_ALERTS);
        if self.left_out > 0 {
            self.alerts.sort_by_key(|alert| (!calls(alert), std::cmp::Reverse(alert.since)));
            self.alerts.truncate(MOST_ALERTS);
        }
        self
    }
}

/// What is asked of an answer: whose rules, which of them, and what silences there are.
struct Wanted<'a, L> {
    /// The signal whose count the rules are.
    signal: SignalId,
    /// Which rules.
    filter: &'a Filter,
    /// The suppressed alerts.
    silences: &'a Silences,
    /// Makes an address of a rule's uid.
    link: L,
    /// When the rules were told.
    now: Time,
}

impl RulesAnswer {
    /// Whether anything that a filter lets through fires.
    fn any_fires(&self, filter: &Filter) -> bool {
        let rules = self.data.groups.iter().flat_map(|group| &group.rules);
        rules
            .filter(|rule| rule.guards())
            .any(|rule| rule.ours(filter).any(|(state, ..)| state == Some(AlertState::Firing)))
    }

    /// Picks a signal's rules: by the rule's own labels, else by those of its instances, which a query's
    /// grouping adds.
    fn matching<L: Fn(&str) -> String>(&self, wanted: &Wanted<'_, L>) -> Matched {
        let mut matched = Matched::default();
        for group in &self.data.groups {
            for rule in group.rules.iter().filter(|rule| rule.guards()) {
                let Some(seen) = rule.seen_through(wanted.filter, wanted.silences) else { continue };
                matched.rules += 1;
                let state = match seen.state {
                    // A rule that is no longer evaluated is not quiet, whatever its last state.
                    None if !group.evaluates(rule, wanted.now) => Some(AlertState::Unknown),
                    other => other,
                };
                let Some(state) = state else { continue };
                matched.alerts.push(Alert {
                    id: rule.uid.clone().unwrap_or_else(|| format!("{}/{}/{}", group.file, group.name, rule.name)),
                    signal: wanted.signal,
                    name: short(&rule.name),
                    state,
                    since: seen.since,
                    muted: seen.muted,
                    link: rule.uid.as_deref().map(&wanted.link),
                });
            }
        }
        matched
    }
}

/// The part of a rule that is ours.
struct Seen {
    state: Option<AlertState>,
    since: Option<Time>,
    muted: Option<Muted>,
}

impl Group {
    /// Whether a rule was evaluated a few intervals ago at the most. Go's zero time is never.
    fn evaluates(&self, rule: &Rule, now: Time) -> bool {
        /// So many intervals without an evaluation, and nobody evaluates it.
        const INTERVALS: f64 = 4.0;
        let Some(told) = rule.last_evaluation.as_deref().or(self.last_evaluation.as_deref()) else {
            // Each of the systems tells it; one that does not says nothing about it, either.
            return true;
        };
        let allowed = (INTERVALS * self.interval).clamp(120.0, 86_400.0);
        moment(Some(told)).is_some_and(|at| now - at <= TimeDelta::seconds(allowed as i64))
    }
}

impl Rule {
    /// Whether it is an alert rule that somebody means to be evaluated.
    fn guards(&self) -> bool {
        self.kind != "recording" && !self.is_paused
    }

    /// The instances that a filter lets through; all where it lets the rule itself through.
    fn ours<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = (Option<AlertState>, &'a Instance)> {
        let whole = filter.holds(&self.labels);
        let instances = self.alerts.iter().flatten();
        instances.filter(move |instance| whole || filter.holds(&instance.labels)).map(|one| (one.state(), one))
    }

    /// What is ours of the rule; `None` when no part is.
    fn seen_through(&self, filter: &Filter, silences: &Silences) -> Option<Seen> {
        let whole = filter.holds(&self.labels);
        let silence = |instance: &Instance| silences.of(&instance.labels);
        // The most severe that notifies somebody first: a silence over one instance silences no other.
        let loudest = self.ours(filter).min_by_key(|(state, instance)| (severity(*state), silence(instance).is_some()));
        let Some((state, instance)) = loudest else {
            return whole.then(|| Seen { state: self.state(), since: moment(self.active_at.as_deref()), muted: None });
        };
        let muted = silence(instance);
        if !whole {
            return Some(Seen { state, since: moment(instance.active_at.as_deref()), muted });
        }
        let first = self.ours(filter).filter_map(|(_, instance)| moment(instance.active_at.as_deref())).min();
        let since = moment(self.active_at.as_deref()).or(first);
        Some(Seen { state: self.state(), since, muted: muted.filter(|_| state == self.state()) })
    }

    /// A rule that cannot be evaluated is `inactive` in Grafana, and says so only in its health. A word that nobody
    /// has heard of says nothing.
    fn state(&self) -> Option<AlertState> {
        match (self.state.as_str(), self.health.as_str()) {
            // Recovering keeps firing until `keepFiringFor` is over.
            ("firing" | "alerting" | "recovering", _) => Some(AlertState::Firing),
            ("pending", "ok") => Some(AlertState::Pending),
            ("inactive" | "normal", "ok") => None,
            _ => Some(AlertState::Unknown),
        }
    }
}

impl Instance {
    /// Grafana's states carry their reason: `Alerting (Error)`, `Normal (MissingSeries)`. Prometheus' are lower-case,
    /// and it tells only those that are not quiet.
    fn state(&self) -> Option<AlertState> {
        match self.state.split(" (").next().unwrap_or_default() {
            "Alerting" | "Recovering" | "firing" => Some(AlertState::Firing),
            "Pending" | "pending" => Some(AlertState::Pending),
            "Normal" | "inactive" => None,
            _ => Some(AlertState::Unknown),
        }
    }
}

fn severity(state: Option<AlertState>) -> u8 {
    match state {
        Some(AlertState::Firing) => 0,
        Some(AlertState::Unknown) => 1,
        Some(AlertState::Pending) => 2,
        None => 3,
    }
}

/// A time, unless it is Go's zero time.
fn moment(text: Option<&str>) -> Option<Time> {
    let time = DateTime::parse_from_rfc3339(text?).ok()?.to_utc();
    (time.year() > 1).then_some(time)
}

/// All the rules that an API tells, page by page where it gives pages.
#[derive(Default)]
pub(in crate::systems) struct RuleSet {
    answers: Vec<RulesAnswer>,
    /// How much that was.
    bytes: usize,
    /// The suppressed alerts.
    silences: Silences,
    /// What could not be read beside them.
    pub(in crate::systems) remarks: Vec<String>,
}

/// More than this is not read of all pages together, in bytes.
const MOST_BYTES: usize = 2 * BODY_LIMIT;

/// More pages of rules than this are not walked through.
const MOST_PAGES: usize = 20;

impl RuleSet {
    /// Reads the rules of one API.
    pub(in crate::systems) async fn read(
        http: &Http,
        path: &[&str],
        fields: &[(&str, &str)],
        now: Time,
    ) -> Result<Self, SourceError> {
        let mut rules = Self::default();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page: Vec<(&str, &str)> = token.iter().map(|token| ("group_next_token", token.as_str())).collect();
            let answer = http.ask(http.get(path).query(fields).query(&page), now).await?;
            rules.bytes += answer.body.len();
            if rules.bytes > MOST_BYTES {
                let (read, most) = (size(rules.bytes as u64), size(MOST_BYTES as u64));
                return Err(SourceError::Partial(format!("{read} of alert rules, and no more than {most} are read")));
            }
            let answer: RulesAnswer = answer.json()?;
            token = answer.data.group_next_token.clone().filter(|token| !token.is_empty());
            rules.answers.push(answer);
            if token.is_none() {
                return Ok(rules);
            }
        }
        Err(SourceError::Partial(format!("more than {MOST_PAGES} pages of alert rules")))
    }

    /// Adds what another API tells.
    pub(in crate::systems) fn join(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.answers.extend(other.answers);
    }

    /// Reads the suppressed alerts of an Alertmanager. An alert that cannot be read as suppressed counts as firing.
    pub(in crate::systems) async fn read_silences(&mut self, http: &Http, alertmanager: RequestBuilder, now: Time) {
        let answer = http.ask(alertmanager.query(&SUPPRESSED), now).await;
        match answer.and_then(|answer| answer.json()) {
            Ok(silences) => self.silences = silences,
            Err(error) => self.remarks.push(format!("silences cannot be read: {error}")),
        }
    }
}

/// The alert rules of some signals: which, and what they last said.
pub(in crate::systems) struct AlertRules {
    wanted: Vec<(SignalId, Filter)>,
    kept: Mutex<Kept>,
}

/// What was last read, and when it is asked for again: large rule sets are not read every 15 s.
#[derive(Default)]
struct Kept {
    asked: Option<Time>,
    wait: TimeDelta,
    told: Vec<(SignalId, Matched)>,
}

impl Kept {
    /// For every so many bytes the next request waits 15 s longer.
    const BYTES: usize = 128 << 10;
    /// Rules are asked for at least this often, however large they are.
    const LONGEST: TimeDelta = TimeDelta::seconds(90);

    fn is_fresh(&self, now: Time) -> bool {
        self.asked.is_some_and(|asked| asked <= now && now - asked < self.wait)
    }

    /// Adds what is kept to a poll, with the time at which it was true. A signal whose filter lets no rule through has
    /// no data: nothing guards it, so nothing can be clear.
    fn tell(&self, poll: &mut Poll) {
        let Some(asked) = self.asked else { return };
        let mut alerts = Vec::new();
        for (signal, matched) in &self.told {
            let point = (asked, Sample::Value(matched.firing as f64));
            poll.points.push((*signal, if matched.rules == 0 { Vec::new() } else { vec![point] }));
            alerts.extend(matched.alerts.iter().cloned());
            if matched.left_out > 0 {
                poll.unread.push((*signal, matched.left_out));
            }
        }
        poll.alerts = Some(alerts);
    }
}

impl AlertRules {
    /// Reads the filters; asks for nothing.
    pub(in crate::systems) fn new(queries: Vec<AlertQuery>) -> Result<Self, SourceError> {
        let filter = |query: AlertQuery| Ok((query.signal, Filter::parse(&query.filter)?));
        Ok(Self { wanted: queries.into_iter().map(filter).collect::<Result<_, _>>()?, kept: Mutex::default() })
    }

    /// The signals that are counted.
    pub(in crate::systems) fn signals(&self) -> impl Iterator<Item = SignalId> {
        self.wanted.iter().map(|(signal, _)| *signal)
    }

    /// Whether any of ours fires: only then do silences matter.
    pub(in crate::systems) fn any_fires(&self, rules: &RuleSet) -> bool {
        rules.answers.iter().any(|answer| self.wanted.iter().any(|(_, filter)| answer.any_fires(filter)))
    }

    /// Adds what the rules say to a poll: as `read` tells them now or, where they are large, as it did a little
    /// before. `link` makes an address of a rule's uid.
    pub(in crate::systems) async fn ask(
        &self,
        read: impl Future<Output = Result<RuleSet, SourceError>>,
        link: impl Fn(&str) -> String,
        now: Time,
        poll: &mut Poll,
    ) {
        if self.wanted.is_empty() {
            return;
        }
        if !self.kept().is_fresh(now) {
            match read.await {
                Ok(rules) => self.keep(&rules, &link, now, poll),
                Err(error) => {
                    poll.failed.extend(self.signals().map(|signal| (signal, error.clone())));
                    return;
                }
            }
        }
        self.kept().tell(poll);
    }

    fn keep(&self, rules: &RuleSet, link: &impl Fn(&str) -> String, now: Time, poll: &mut Poll) {
        rules.remarks.iter().for_each(|text| remark(&mut poll.warnings, text));
        let of_signal = |(signal, filter): &(SignalId, Filter)| {
            let wanted = Wanted { signal: *signal, filter, silences: &rules.silences, link, now };
            let mut all = Matched::default();
            for matched in rules.answers.iter().map(|answer| answer.matching(&wanted)) {
                all.rules += matched.rules;
                all.alerts.extend(matched.alerts);
            }
            (*signal, all.settled())
        };
        let told_of = self.wanted.iter().map(of_signal).collect();
        let wait = TimeDelta::seconds(15) * i32::try_from(rules.bytes / Kept::BYTES).unwrap_or(i32::MAX);
        *self.kept() = Kept { asked: Some(now), wait: wait.min(Kept::LONGEST), told: told_of };
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere cannot leave it half written: it is replaced as a whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
