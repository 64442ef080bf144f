//! All that is known of what is under the cursor: a signal with what it is judged by, pods by their nodes, an issue, an
//! alert, a source with its last error, an entry of the timeline whole.
//!
//! ```text
//! ┏ deployment/app ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ pods            12 of 12 new, 12 ready, 0 old                         ┃
//! ┃ worker-3                                                              ┃
//! ┃ ✖ app-5f6d-x2   1.9.0, CrashLoopBackOff, 4 restarts, 3 min old        ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::dialog::open;
use super::lines::{self, LABEL, lay};
use super::text::hour_minute_second;
use super::{Brush, View};
use crate::deploy::{Time, WorkloadId, brief};
use crate::headline::limit;
use crate::poll::{Alert, AlertState, Issue, Novelty};
use crate::rollback::CheckOutcome;
use crate::rollback::describe::{Line, Sign, Weight};
use crate::rollout::{Pod, PodPhase};
use crate::setup::Delivery;
use crate::signal::{SignalId, SourceId};
use crate::store::Health;
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// The widest it gets.
const WIDEST: u16 = 110;
/// So many pods are listed, the worst first; more are counted.
const MOST_PODS: usize = 60;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, row: Row, scroll: u16) {
    let (title, mut told) = tell(view, row);
    let columns = area.width.saturating_sub(4).clamp(1, WIDEST);
    let wide = columns.saturating_sub(4).max(LABEL + 1);
    let link = rows::link(row, view.watch);
    let before = lay(view, &told, wide).len();
    if let Some(link) = link {
        let open = view.keymap.label(crate::tui::keymap::Action::Open);
        let key = open.map_or_else(String::new, |key| format!("   ({key} copies it)"));
        told.push(Line::new(Weight::Quiet, "link", format!("{link}{key}")));
    }
    let laid = lay(view, &told, wide);
    let inner = open(buffer, view, area, &title, (columns, laid.len() as u16 + 4), Slot::BorderFocus);
    let room = inner.height.saturating_sub(2);
    let scroll = scroll.min((laid.len() as u16).saturating_sub(room));
    let body = Rect { height: room, ..inner };
    for (y, (index, part)) in laid.iter().enumerate().skip(usize::from(scroll)).take(usize::from(room)).enumerate() {
        lines::draw(buffer, view, body, y as u16, part);
        if index >= before {
            view.link(buffer, body, (y as u16, 1), row);
        }
    }
    let hint = if laid.len() as u16 > room { "↑ ↓ scroll, any other key closes" } else { "any key closes" };
    Brush::new(buffer, view, inner, inner.height.saturating_sub(1)).put(hint, Slot::Muted);
}

/// The title, and what there is to say.
fn tell(view: &View<'_>, row: Row) -> (String, Vec<Line>) {
    let watch = view.watch;
    match row {
        Row::Signal(id) => (view.name(id), signal(view, id)),
        Row::Workload(id) => (watch.setup().workload(id).reference.to_string(), workload(view, id)),
        Row::Service(id) => {
            let workloads = rows::workloads(watch, Some(id)).flat_map(|id| {
                let heading = Line::new(Weight::Heading, "", watch.setup().workload(id).reference.to_string());
                std::iter::once(heading).chain(workload(view, id))
            });
            let mut told = dependencies(view, id);
            told.extend(workloads);
            (watch.setup().service(id).name.clone(), told)
        }
        Row::Issue(index) => watch.issues().get(index).map_or_else(gone, |it| ("issue".to_owned(), issue(view, it))),
        Row::Alert(index) => watch.alerts().get(index).map_or_else(gone, |it| ("alert".to_owned(), alert(view, it))),
        Row::Source(id) => (watch.setup().source(id).name.clone(), source(view, id)),
        Row::Entry(index) => watch.timeline().entries().nth(index).map_or_else(gone, |entry| {
            let when = hour_minute_second(entry.at, view.zone);
            (format!("timeline {when}"), vec![Line::new(Weight::Plain, "", entry.text.clone())])
        }),
        Row::Line(_) => gone(),
    }
}

fn gone() -> (String, Vec<Line>) {
    ("details".to_owned(), vec![plain("", "no more details")])
}

fn plain(label: &str, text: impl Into<String>) -> Line {
    Line::new(Weight::Plain, label, text)
}

/// A level as the sign of a line.
const fn sign(level: Level) -> Sign {
    match level {
        Level::Clear => Sign::Check(CheckOutcome::Ok),
        Level::Warning => Sign::Check(CheckOutcome::Warning),
        Level::RedFlag => Sign::Check(CheckOutcome::Blocked),
        Level::Insufficient | Level::NoData | Level::Stale => Sign::Awaited,
    }
}

/// `14:02:11, 3 min ago`.
fn ago(view: &View<'_>, at: Time) -> String {
    format!("{}, {} ago", hour_minute_second(at, view.zone), brief(view.watch.now() - at))
}

fn signal(view: &View<'_>, id: SignalId) -> Vec<Line> {
    let (setup, finding) = (view.watch.setup(), view.watch.finding(id));
    let (signal, series) = (setup.signal(id), view.watch.store().series(id));
    let number = |value| signal.unit.format(value);
    let mut told = vec![
        Line {
            sign: Some(sign(finding.level)),
            ..plain("", format!("{}: {}", finding.level.label(), finding.sentence()))
        },
        plain("since", ago(view, finding.since)),
    ];
    if let Some((at, value)) = series.last_value() {
        told.push(plain("now", format!("{} at {}", number(value), ago(view, at))));
    }
    if let Some(baseline) = series.baseline() {
        told.push(plain("before", format!("{}, the median before the deploy", number(baseline.median))));
    }
    let mut limits: Vec<String> = Vec::new();
    limits.extend(signal.limits.warning.map(|limit| format!("warning at {}", number(limit))));
    limits.extend(signal.limits.red_flag.map(|limit| format!("red flag at {}", number(limit))));
    limits.extend(signal.limits.increase.map(|percent| format!("red flag at +{percent} %")));
    if let Some(shown) = limit(signal, series).filter(|_| signal.limits.red_flag.is_none()) {
        limits.push(format!("now that is {}", number(shown)));
    }
    if !limits.is_empty() {
        told.push(plain("limits", format!("{}, {} readings in a row", limits.join("; "), signal.limits.hold)));
    }
    let state = view.watch.store().source(signal.source);
    let source = &setup.source(signal.source).name;
    told.push(plain("source", format!("{source}, one reading every {}{}", brief(signal.step), health(&state.health))));
    let labels: &[&str] = if signal.queries.len() == 2 { &["errors", "requests"] } else { &["query"] };
    told.extend(labels.iter().zip(&signal.queries).map(|(label, query)| plain(label, query.clone())));
    told.push(plain(
        "verdict",
        if signal.required { "waits for this signal" } else { "does not wait for this signal" },
    ));
    told
}

fn health(health: &Health) -> String {
    match health {
        Health::Up => String::new(),
        Health::Waiting => ", no answer yet".to_owned(),
        Health::Partial(count, error) => format!(", {count} of its queries fail: {error}"),
        Health::Down(error) => format!(", which fails: {error}"),
    }
}

fn dependencies(view: &View<'_>, id: crate::deploy::ServiceId) -> Vec<Line> {
    let setup = view.watch.setup();
    let name = |id: &crate::deploy::ServiceId| setup.service(*id).name.as_str();
    let calls: Vec<&str> = setup.service(id).depends_on.iter().map(name).collect();
    let callers = setup.services.iter().filter(|it| it.depends_on.contains(&id)).map(|it| it.name.as_str());
    let callers: Vec<&str> = callers.collect();
    let line = |label: &str, names: &[&str]| (!names.is_empty()).then(|| plain(label, names.join(", ")));
    line("calls", &calls).into_iter().chain(line("called by", &callers)).collect()
}

/// Its pods by the zone and the node that runs them, the worst first, each with the last words of a container that ended.
fn workload(view: &View<'_>, id: WorkloadId) -> Vec<Line> {
    let state = view.watch.workload(id);
    let mut told = Vec::new();
    if let Some(deploy) = &state.deploy {
        let from = deploy.from.as_ref().map_or("?", |version| version.label());
        let by = deploy.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        told.push(plain("deploy", format!("{from} → {}{by}, {}", deploy.to.label(), ago(view, deploy.at))));
    }
    let Some(rollout) = &state.rollout else {
        told.push(plain("", "not reported by the cluster yet"));
        return told;
    };
    for trouble in &rollout.troubles {
        let level = if trouble.kind.is_red_flag() { Level::RedFlag } else { Level::Warning };
        told.push(Line { sign: Some(sign(level)), ..plain("", trouble.sentence.clone()) });
    }
    let mut nodes: BTreeMap<(Option<&str>, &str), Vec<&Pod>> = BTreeMap::new();
    let mut pods: Vec<&Pod> = rollout.pods.iter().collect();
    pods.sort_by_key(|pod| pod.phase);
    for pod in pods.iter().take(MOST_PODS) {
        let place = (pod.zone.as_deref(), pod.node.as_deref().unwrap_or("no node"));
        nodes.entry(place).or_default().push(pod);
    }
    for ((zone, node), pods) in nodes {
        let place = zone.map_or_else(|| node.to_owned(), |zone| format!("zone {zone}, {node}"));
        told.push(Line::new(Weight::Heading, "", place));
        for pod in pods {
            told.push(self::pod(view, pod, state.deploy.as_ref()));
            let ended = pod.last_words.as_ref().map(|words| format!("  last ended with {words}"));
            told.extend(ended.map(|text| Line::new(Weight::Quiet, "", text)));
        }
    }
    if rollout.pods.len() > MOST_PODS {
        told.push(plain("", format!("{} more pods", rollout.pods.len() - MOST_PODS)));
    }
    told
}

fn pod(view: &View<'_>, pod: &Pod, deploy: Option<&crate::deploy::Deploy>) -> Line {
    let version = if pod.is_new { deploy.map_or("new", |deploy| deploy.to.label()) } else { "another version" };
    let mut parts = vec![version.to_owned(), pod.reason.clone().unwrap_or_else(|| pod.phase.label().to_owned())];
    match pod.restarts {
        0 => {}
        1 => parts.push("1 restart".to_owned()),
        many => parts.push(format!("{many} restarts")),
    }
    if pod.oom_killed {
        parts.push("out of memory".to_owned());
    }
    if let Some(created) = pod.created {
        parts.push(format!("{} old", brief(view.watch.now() - created)));
    }
    let level = match pod.phase {
        PodPhase::Ready => Level::Clear,
        PodPhase::Failing => Level::RedFlag,
        PodPhase::Unready => Level::Warning,
        PodPhase::Starting | PodPhase::Terminating | PodPhase::Finished => Level::Insufficient,
    };
    Line { sign: Some(sign(level)), ..plain("", format!("{}   {}", pod.name, parts.join(", "))) }
}

fn issue(view: &View<'_>, issue: &Issue) -> Vec<Line> {
    let novelty = match (issue.novelty, issue.fatal) {
        (Novelty::New, true) => "new and fatal",
        (Novelty::New, false) => "new",
        (Novelty::Regressed, _) => "regressed: was resolved before",
    };
    let mut told = vec![Line::new(Weight::Heading, "", issue.title.clone())];
    told.extend(issue.culprit.as_ref().map(|culprit| plain("in", culprit.clone())));
    told.push(plain("what", novelty));
    told.push(plain("seen", format!("{} times by {} users", issue.count, issue.users)));
    told.extend(issue.first_seen.map(|at| plain("first seen", ago(view, at))));
    told.extend(issue.last_seen.map(|at| plain("last seen", ago(view, at))));
    told.push(plain(
        "service",
        view.watch.setup().service(view.watch.setup().signal(issue.signal).service).name.clone(),
    ));
    told
}

fn alert(view: &View<'_>, alert: &Alert) -> Vec<Line> {
    let state = match alert.state {
        AlertState::Firing => "firing",
        AlertState::Pending => "pending",
        AlertState::Unknown => "unknown: its rule has no data",
    };
    let mut told = vec![Line::new(Weight::Heading, "", alert.name.clone()), plain("state", state)];
    told.extend(alert.since.map(|at| plain("since", ago(view, at))));
    if let Some(muted) = alert.muted {
        let until = muted.until.map_or_else(String::new, |at| format!(" until {}", hour_minute_second(at, view.zone)));
        told.push(plain("silenced", format!("notifies nobody{until}")));
    }
    told
}

fn source(view: &View<'_>, id: SourceId) -> Vec<Line> {
    let (info, state) = (view.watch.setup().source(id), view.watch.store().source(id));
    let (level, text) = match &state.health {
        Health::Up => (Level::Clear, "answers".to_owned()),
        Health::Waiting => (Level::Insufficient, "no answer yet".to_owned()),
        Health::Partial(count, error) => (Level::Warning, format!("{count} of its queries fail: {error}")),
        Health::Down(error) => (Level::RedFlag, error.to_string()),
    };
    let mut told = vec![Line { sign: Some(sign(level)), ..plain("", text) }, plain("since", ago(view, state.since))];
    told.push(match state.answered {
        Some(at) => plain("last answer", ago(view, at)),
        None => plain("last answer", "none"),
    });
    if info.delivery == Delivery::Polled {
        told.push(plain("latency", format!("{} ms", state.took.num_milliseconds())));
        told.push(plain("asked", format!("every {}", brief(info.interval))));
    }
    if state.failures > 0 {
        told.push(plain("failures", format!("{} in a row", state.failures)));
    }
    told.extend(state.warnings.iter().map(|warning| Line::new(Weight::Warning, "warning", warning.clone())));
    let signals = view.watch.setup().signals.iter().filter(|signal| signal.source == id);
    let names: Vec<&str> = signals.map(|signal| signal.name.as_str()).collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    if !names.is_empty() {
        told.push(plain("signals", format!("{}: {}", names.len(), once.join(", "))));
    }
    told
}
