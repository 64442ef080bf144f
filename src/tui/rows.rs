//! What stands in each pane, in its order: one answer for the cursor and for the drawing.

use super::keymap::Pane;
use super::standings::Standings;
use super::ui::{Board, Order};
use crate::deploy::{ServiceId, WorkloadId};
use crate::rollback::{Execution, Run, StepState};
use crate::rollout::{Progress, Rollout};
use crate::signal::{Kind, SignalId, SourceId};
use crate::store::Health;
use crate::timeline::{Entry, Mark};
use crate::verdict::says::Why;
use crate::verdict::{Level, Says};
use crate::watch::Watch;

/// One row of a pane, by what it is and not by its place: rows move, and a key must mean what is pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// A signal, in the flags or the signals pane.
    Signal(SignalId),
    /// A service on the board.
    Service(ServiceId),
    /// A workload.
    Workload(WorkloadId),
    /// An issue, by its place among [`Watch::issues`].
    Issue(usize),
    /// An alert, by its place among [`Watch::alerts`].
    Alert(usize),
    /// An entry of the timeline, by its place.
    Entry(usize),
    /// A source.
    Source(SourceId),
    /// A line of what is told of the only workload's rollback, by its place.
    Line(usize),
}

/// Whether the signals pane is a board: more than one service, and none of them entered.
pub(super) fn is_board(watch: &Watch, service: Option<ServiceId>) -> bool {
    service.is_none() && watch.setup().services.len() > 1
}

/// The rows of a pane, from the top.
pub(super) fn of(pane: Pane, watch: &Watch, service: Option<ServiceId>, board: &Board) -> Vec<Row> {
    match pane {
        Pane::Flags => flags(watch, service).into_iter().map(|flag| Row::Signal(flag[0])).collect(),
        Pane::Signals if is_board(watch, service) => services(watch, board).into_iter().map(Row::Service).collect(),
        Pane::Signals => series(watch, service).map(Row::Signal).collect(),
        Pane::Rollout => {
            let mut ids: Vec<WorkloadId> = workloads(watch, service).collect();
            ids.sort_by_key(|id| attention(watch.workload(*id).rollout.as_ref()));
            ids.into_iter().map(Row::Workload).collect()
        }
        Pane::Errors => {
            let issues =
                (0..watch.issues().len()).filter(|index| belongs(watch, watch.issues()[*index].signal, service));
            let alerts =
                (0..watch.alerts().len()).filter(|index| belongs(watch, watch.alerts()[*index].signal, service));
            issues.map(Row::Issue).chain(alerts.map(Row::Alert)).collect()
        }
        Pane::Timeline => entries(watch, service).map(|(place, _)| Row::Entry(place)).collect(),
        Pane::Sources => sources(watch).into_iter().map(Row::Source).collect(),
        Pane::Rollback => Standings::of(watch, service, board).rows(),
    }
}

fn belongs(watch: &Watch, signal: SignalId, service: Option<ServiceId>) -> bool {
    service.is_none_or(|service| watch.setup().signal(signal).service == service)
}

/// Every signal of the scope with its number.
pub(super) fn signals(watch: &Watch, service: Option<ServiceId>) -> impl Iterator<Item = SignalId> + '_ {
    (0..watch.setup().signals.len() as u16).map(SignalId).filter(move |id| belongs(watch, *id, service))
}

/// The signals that have numbers to draw.
pub(super) fn series(watch: &Watch, service: Option<ServiceId>) -> impl Iterator<Item = SignalId> + '_ {
    signals(watch, service).filter(|id| watch.setup().signal(*id).kind != Kind::Rollout)
}

/// The workloads of the scope.
pub(super) fn workloads(watch: &Watch, service: Option<ServiceId>) -> impl Iterator<Item = WorkloadId> + '_ {
    let all = watch.setup().workloads.iter().enumerate();
    all.filter(move |(_, workload)| service.is_none_or(|service| workload.service == service))
        .map(|(index, _)| WorkloadId(index as u16))
}

/// What the rollback key is for: a service's workloads inside it, on the board those of the marked ones, otherwise what is
/// red and what calls it; the whole push is said by naming none.
pub(super) fn scope(watch: &Watch, service: Option<ServiceId>, board: &Board) -> Vec<WorkloadId> {
    let is_marked = |id: &WorkloadId| board.marked.contains(&watch.setup().workload(*id).service);
    match service {
        Some(_) => workloads(watch, service).collect(),
        None if board.marked.is_empty() => watch.usual_scope(),
        None => workloads(watch, None).filter(is_marked).collect(),
    }
}

/// What happened, oldest first, each with its place: inside a service what is about it, and what people did.
pub(super) fn entries(watch: &Watch, service: Option<ServiceId>) -> impl DoubleEndedIterator<Item = (usize, &Entry)> {
    let own = move |entry: &Entry| match (service, entry.about) {
        (None, _) => true,
        (Some(service), Some(about)) => about == service,
        (Some(_), None) => matches!(entry.mark, Mark::Note | Mark::Rollback),
    };
    watch.timeline().entries().enumerate().filter(move |(_, entry)| own(entry))
}

/// What is not clear, worst first; of equals the one that nobody has seen, then the earlier one. Signals that are
/// unknown for the very same reason are one flag: a source that is down is one thing, not eight. None is empty.
pub(super) fn flags(watch: &Watch, service: Option<ServiceId>) -> Vec<Vec<SignalId>> {
    let mut ids: Vec<SignalId> =
        signals(watch, service).filter(|id| watch.finding(*id).level != Level::Clear && !is_gone(watch, *id)).collect();
    ids.sort_by_key(|id| {
        let finding = watch.finding(*id);
        (std::cmp::Reverse(finding.level), finding.acknowledged, finding.since, *id)
    });
    let mut flags: Vec<Vec<SignalId>> = Vec::new();
    for id in ids {
        let finding = watch.finding(id);
        let same = flags.iter_mut().find(|flag| {
            let other = watch.finding(flag[0]);
            finding.level.is_unknown() && other.level == finding.level && is_same_reason(&other.says, &finding.says)
        });
        match same {
            Some(flag) => flag.push(id),
            None => flags.push(vec![id]),
        }
    }
    flags
}

/// Whether it speaks of a version that was rolled back: that is no longer judged.
fn is_gone(watch: &Watch, id: SignalId) -> bool {
    matches!(watch.finding(id).says.why_unknown(), Some(Why::RolledBack { .. }))
}

/// Whether two are unknown for the same reason, whatever was known of them last.
fn is_same_reason(one: &Says, other: &Says) -> bool {
    one.why_unknown().map_or_else(|| one == other, |why| other.why_unknown() == Some(why))
}

/// The worst level among a service's signals.
pub(super) fn worst(watch: &Watch, service: Option<ServiceId>) -> Level {
    signals(watch, service).map(|id| watch.finding(id).level).max().unwrap_or(Level::NoData)
}

/// The services that the board shows, in its order; of equals in the configuration's.
pub(super) fn services(watch: &Watch, board: &Board) -> Vec<ServiceId> {
    let filter = board.filter.to_lowercase();
    let all = watch.setup().services.iter().zip(0..).filter(|(it, _)| it.name.to_lowercase().contains(&filter));
    let mut ids: Vec<ServiceId> = all.map(|(_, index)| ServiceId(index)).collect();
    match board.order {
        // What calls one that is red comes before what has nothing to do with it.
        Order::Worst => {
            ids.sort_by_cached_key(|id| {
                (std::cmp::Reverse(worst(watch, Some(*id))), red_callees(watch, *id).is_empty())
            });
        }
        Order::Name => ids.sort_by_key(|id| &watch.setup().service(*id).name),
        Order::Errors => sort_by_value(&mut ids, watch, Kind::ErrorRate),
        Order::Latency => sort_by_value(&mut ids, watch, Kind::Latency),
    }
    ids
}

/// The highest newest value of a kind first; services without one last.
fn sort_by_value(ids: &mut [ServiceId], watch: &Watch, kind: Kind) {
    let value = |id: &ServiceId| {
        let of_kind = signals(watch, Some(*id)).filter(|id| watch.setup().signal(*id).kind == kind);
        let values = of_kind.filter_map(|id| watch.store().series(id).last_value());
        values.map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max)
    };
    ids.sort_by(|one, other| value(other).total_cmp(&value(one)));
}

/// The services that are red, in the configuration's order.
pub(super) fn red_services(watch: &Watch) -> Vec<ServiceId> {
    let all = (0..watch.setup().services.len() as u16).map(ServiceId);
    all.filter(|id| worst(watch, Some(*id)) == Level::RedFlag).collect()
}

/// The services that this one calls and that are red.
pub(super) fn red_callees(watch: &Watch, id: ServiceId) -> Vec<&str> {
    let callees = watch.setup().service(id).depends_on.iter();
    let red = callees.filter(|callee| worst(watch, Some(**callee)) == Level::RedFlag);
    red.map(|callee| watch.setup().service(*callee).name.as_str()).collect()
}

/// How much a rollout needs to be looked at, most first.
fn attention(rollout: Option<&Rollout>) -> u8 {
    match rollout.map(|rollout| (&rollout.progress, rollout.troubles.is_empty())) {
        Some((Progress::Failed(_) | Progress::Gone, _)) => 0,
        Some((_, false)) => 1,
        Some((Progress::Waiting(_), true)) => 2,
        None => 3,
        Some((Progress::Complete, true)) => 4,
    }
}

/// The sources, those that do not answer first.
fn sources(watch: &Watch) -> Vec<SourceId> {
    let mut ids: Vec<SourceId> = (0..watch.setup().sources.len() as u16).map(SourceId).collect();
    ids.sort_by_key(|id| match watch.store().source(*id).health {
        Health::Down(_) => 0,
        Health::Partial(..) => 1,
        Health::Waiting | Health::Up => 2,
    });
    ids
}

/// Where a person can look at what carries a rollback out: a run that goes on before one that has ended.
pub(super) fn run_link(done: &Execution) -> Option<&str> {
    let runs = || {
        done.steps.iter().filter_map(|state| match state {
            StepState::Accepted { run, .. } => run.as_ref(),
            _ => None,
        })
    };
    let link = |run: &'_ &Run| run.link.is_some();
    let best = runs().filter(link).find(|run| !run.ended).or_else(|| runs().find(link));
    best.and_then(|run| run.link.as_deref())
}

/// Where a person can look at a row.
pub(super) fn link(row: Row, watch: &Watch) -> Option<&str> {
    match row {
        Row::Signal(id) => watch.setup().signal(id).link.as_deref(),
        Row::Issue(index) => watch.issues().get(index)?.link.as_deref(),
        Row::Alert(index) => watch.alerts().get(index)?.link.as_deref(),
        Row::Service(_) | Row::Workload(_) | Row::Entry(_) | Row::Source(_) | Row::Line(_) => None,
    }
}
