//! `[environments.NAME.rollback]`, checked: the strategy has the tables it needs and no others.

mod repository;

use super::at::At;
use super::checked::optional;
use super::problem::{Part, Problem, Problems, list};
use super::schema::rollback::{self as schema, Auto};
use super::sources;
use crate::repository::RepositorySpec;
use crate::setup::Automatic;
use crate::systems::declaration::strategy::{RollbackSettings, StrategyKind, Written};
use crate::systems::registry::{DEFAULT_STRATEGY, STRATEGIES};
use chrono::TimeDelta;
use std::ops::RangeInclusive;

/// How long a countdown may run: time enough to reach for a key, and not so long that nobody waits for it.
const COUNTDOWNS: RangeInclusive<TimeDelta> = TimeDelta::seconds(5)..=TimeDelta::minutes(10);
/// How long flags may have to be clear.
const CLEAR: RangeInclusive<TimeDelta> = TimeDelta::zero()..=TimeDelta::minutes(10);
/// The longest actor's name, in characters.
const ACTOR: usize = 100;

/// How an environment is rolled back, without secrets; paths as they are written.
#[derive(Debug)]
pub(super) struct Rollback {
    pub(super) automatic: Automatic,
    pub(super) countdown: TimeDelta,
    pub(super) clear_for: TimeDelta,
    pub(super) actor: Option<String>,
    pub(super) shared: bool,
    pub(super) repository: Option<RepositorySpec>,
    pub(super) strategy: Strategy,
}

/// One strategy and what it is told.
#[derive(Debug)]
pub(super) struct Strategy {
    /// As the file names it.
    pub(super) name: &'static str,
    pub(super) settings: Box<dyn RollbackSettings>,
}

/// What a rollback is checked against.
pub(super) struct Place<'a> {
    pub(super) environment: &'a str,
    pub(super) read_only: bool,
    /// The cluster's name, where it is found by its address.
    pub(super) by_address: Option<&'a str>,
}

/// Checks how an environment is rolled back; nothing where something is wrong.
pub(super) fn check(raw: &schema::Rollback, place: &Place<'_>, problems: &mut Problems) -> Option<Rollback> {
    let automatic = automatic(raw.common.auto.as_ref(), place, problems);
    let minute = TimeDelta::seconds(60);
    let countdown = sources::duration("countdown", raw.common.countdown.as_ref(), minute, &COUNTDOWNS, problems);
    let clear_for =
        sources::duration("clear_for", raw.common.clear_for.as_ref(), TimeDelta::seconds(30), &CLEAR, problems);
    let actor = optional(raw.common.actor.as_ref(), |name| actor(name, problems));
    let repository = optional(raw.repository.as_ref(), |table| repository::check(table, problems));
    let all_used = only_used(raw, problems);
    let strategy = strategy(raw, place, problems);
    unused(raw, place, problems);
    all_used.then_some(())?;
    Some(Rollback {
        automatic: automatic?,
        countdown: countdown?,
        clear_for: clear_for?,
        actor: actor?,
        shared: raw.common.shared.unwrap_or(false),
        repository: repository?,
        strategy: strategy?,
    })
}

fn automatic(written: Option<&At<Auto>>, place: &Place<'_>, problems: &mut Problems) -> Option<Automatic> {
    let Some(written) = written else { return Some(Automatic::Off) };
    if place.read_only && matches!(written.value, Auto::Countdown | Auto::On) {
        problems.push(
            Problem::new(
                &written.span,
                format!("`{}` is read-only: nothing there is rolled back automatically", place.environment),
            )
            .way_out("auto = \"shadow\" says what would have been done; or leave `read_only` out"),
        );
        return None;
    }
    Some(written.value.into())
}

/// Others read this name in the cluster, in chats and in logs.
fn actor(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let fine = !written.trim().is_empty() && written.chars().count() <= ACTOR && !written.contains(char::is_control);
    if !fine {
        problems.push(
            Problem::new(&written.span, "this cannot be the name of the person who rolls back")
                .label(format!("expected one line of at most {ACTOR} characters"))
                .way_out("leave it out for the user at this machine"),
        );
    }
    fine.then(|| written.trim().to_owned())
}

/// Refuses tables that the strategy would never look at: whoever wrote one expects it to matter.
fn only_used(raw: &schema::Rollback, problems: &mut Problems) -> bool {
    let written = raw.common.strategy.as_ref();
    let chosen = written.map(|at| at.value).unwrap_or_default().0;
    let uses = |kind: &StrategyKind, key: &str| kind.tables.iter().any(|table| table.key == key);
    let mut fine = true;
    for (table, place) in raw.tables.keys().filter(|(table, _)| !uses(chosen, table)) {
        fine = false;
        let default = if written.is_none() { ", the default," } else { "" };
        let names: Vec<&str> = default_last().filter(|kind| uses(kind, table)).map(|kind| kind.name).collect();
        let problem = Problem::new(place, format!("the strategy {}{default} does not use `{table}`", chosen.name))
            .way_out(format!("choose a strategy that does ({}), or leave the table out", list(&names)));
        // A strategy that was refused is not the default.
        problems.push(if written.is_none() { problem.needs(Part::Table) } else { problem });
    }
    fine
}

/// Checks the tables that the strategy does not look at, too: it may be the strategy that is wrong. Each is called like the
/// strategy that it is for.
fn unused(raw: &schema::Rollback, place: &Place<'_>, problems: &mut Problems) {
    let chosen = raw.common.strategy.as_ref().map(|at| at.value).unwrap_or_default().0;
    let is_used = |key: &str| chosen.tables.iter().any(|table| table.key == key);
    for (key, span) in raw.tables.keys().filter(|(key, _)| !is_used(key)) {
        let Some(kind) = STRATEGIES.iter().find(|kind| kind.name == key) else { continue };
        let written = Written {
            tables: &raw.tables,
            named: span.clone(),
            // What the strategy would need beside its table is another question.
            has_repository: true,
            environment: place.environment,
            by_address: None,
        };
        (kind.check)(&written, problems);
    }
}

/// The ways to roll back; the default is named last, where others are offered.
pub(super) fn default_last() -> impl Iterator<Item = &'static StrategyKind> {
    let (default, others): (Vec<&StrategyKind>, Vec<&StrategyKind>) =
        STRATEGIES.iter().copied().partition(|kind| kind.name == DEFAULT_STRATEGY.name);
    others.into_iter().chain(default)
}

/// What the strategy makes of the file.
fn strategy(raw: &schema::Rollback, place: &Place<'_>, problems: &mut Problems) -> Option<Strategy> {
    let named = raw.common.strategy.as_ref();
    let kind = named.map(|at| at.value).unwrap_or_default().0;
    let written = Written {
        tables: &raw.tables,
        named: named.map(|at| at.span.clone()).unwrap_or_default(),
        has_repository: raw.repository.is_some(),
        environment: place.environment,
        by_address: place.by_address,
    };
    Some(Strategy { name: kind.name, settings: (kind.check)(&written, problems)? })
}
