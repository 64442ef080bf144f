//! Automatic rollback: its conditions, and what is done once all are met.

use super::{Watch, name_of};
use crate::deploy::{Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::automatic::{Condition, ConditionKind};
use crate::rollback::version_history::{Known, VersionStatus, newest};
use crate::rollback::{Check, CheckKind, CheckOutcome, Goal, Plan, Rollback, Step};
use crate::setup::Automatic;
use crate::signal::{Kind, Reading, Sample, SignalId};
use crate::store::Health;
use chrono::TimeDelta;
use std::sync::Arc;

/// A flag that is not certain by itself must have been red this long.
const RED_FOR: TimeDelta = TimeDelta::seconds(60);
/// What is older than this is no ground to act on.
const FRESH: TimeDelta = TimeDelta::seconds(90);
/// So many times the limit, on so many failures, needs no second signal.
const OVERWHELMING: f64 = 10.0;
const OVERWHELMING_FAILURES: f64 = 20.0;
/// How long the answer of the lease is waited for.
const LEASE_PATIENCE: TimeDelta = TimeDelta::seconds(10);
/// A red flag as the automation sees it.
struct Red {
    id: SignalId,
    kind: Kind,
    /// What the cluster or the probe says needs no second look.
    is_certain: bool,
    is_overwhelming: bool,
    age: Option<TimeDelta>,
    held: TimeDelta,
}

impl Watch {
    /// Looks whether every condition holds, and acts as far as the environment lets it.
    pub(super) fn follow_automation(&mut self, effects: &mut Vec<Effect>) {
        let mode = self.setup.rollback.automatic;
        if mode == Automatic::Off {
            return;
        }
        // What is too old is no ground to act on, nor does it keep what is young from being one.
        let (reds, stale): (Vec<Red>, Vec<Red>) =
            self.reds().into_iter().partition(|red| red.age.is_some_and(|age| age < FRESH));
        let scope = self.scope_of(&reds);
        let plan = self.plan(Goal::RollBack, &scope);
        let conditions = self.conditions(&reds, stale.len(), &scope, &plan);
        if self.automation.note(conditions) {
            self.journal.changed();
        }
        if let Rollback::Countdown { fires, plan, .. } = self.desk.rollback() {
            let (fires, plan) = (*fires, Arc::clone(plan));
            return self.count_down(fires, &plan, effects);
        }
        if !self.arming().is_armed() || !matches!(self.desk.rollback(), Rollback::Idle) {
            return;
        }
        match mode {
            Automatic::Off => {}
            Automatic::Shadow => {
                self.automation.act(self.now);
                let names: Vec<String> = reds.iter().map(|red| name_of(&self.setup, red.id)).collect();
                self.tell(format!("shadow: would roll back to {} now, because of {}", plan.target(), names.join(", ")));
            }
            Automatic::Countdown | Automatic::On => {
                let wait = if mode == Automatic::On { TimeDelta::zero() } else { self.setup.rollback.countdown };
                let target = plan.target();
                if mode == Automatic::Countdown {
                    self.tell(format!("auto-rollback to {target} in {}", brief(wait)));
                    effects.push(Effect::Bell);
                }
                self.desk.count_down(plan, self.now, self.now + wait);
                self.lease.take(format!("auto-rollback to {target}"), self.now, effects);
            }
        }
    }

    /// Acts when the time has come; calls it off when a condition no longer holds.
    fn count_down(&mut self, fires: Time, plan: &Plan, effects: &mut Vec<Effect>) {
        if let Some(missing) = self.arming().conditions.iter().find(|condition| !condition.met) {
            let text = format!("auto-rollback to {} cancelled: {}", plan.target(), missing.sentence);
            self.desk.call_off();
            self.lease.release(effects);
            self.tell(text);
            return;
        }
        if self.now < fires {
            return;
        }
        // Without a lease of ours nobody knows whether a person is rolling back at this moment.
        if self.lease.is_ours(self.now) {
            self.automation.act(self.now);
            self.start(true, effects);
        } else if self.now - fires >= LEASE_PATIENCE {
            self.lease.lose("no response to the lease request".to_owned(), self.now);
            self.follow_automation(effects);
        }
    }

    fn reds(&self) -> Vec<Red> {
        // What happened where there was no such deploy is nothing to go back for.
        let is_its_own = |id: &SignalId| self.finding(*id).says.likewise().is_none();
        self.judging
            .red()
            .filter(is_its_own)
            .map(|id| {
                let (finding, signal) = (self.finding(id), self.setup.signal(id));
                let newest = self.store().series(id).readings().last();
                let is_certain = matches!(signal.kind, Kind::Rollout | Kind::Probe);
                Red {
                    id,
                    kind: signal.kind,
                    is_certain,
                    is_overwhelming: is_certain
                        || newest.zip(signal.limits.red_flag).is_some_and(|(newest, limit)| is_flood(newest, limit)),
                    age: match newest {
                        Some(newest) => Some(self.now - newest.at),
                        None => self.store().source(signal.source).age(self.now),
                    },
                    held: self.now - finding.since,
                }
            })
            .collect()
    }

    /// The workloads of the services that are red: those are rolled back, not the whole push.
    fn scope_of(&self, reds: &[Red]) -> Vec<WorkloadId> {
        let services: Vec<_> = reds.iter().map(|red| self.setup.signal(red.id).service).collect();
        let workloads = self.setup.workloads.iter().zip(0..);
        workloads.filter(|(it, _)| services.contains(&it.service)).map(|(_, index)| WorkloadId(index)).collect()
    }

    fn conditions(&self, reds: &[Red], stale: usize, scope: &[WorkloadId], plan: &Plan) -> Vec<Condition> {
        vec![
            red_for_a_minute(reds),
            two_signals(reds),
            fresh(reds.len(), stale),
            self.several_sources(),
            plan_is_clean(scope, plan),
            no_migration(plan),
            self.target_is_good(plan),
            self.nobody_else(plan),
            self.first_in_this_watch(),
        ]
    }

    /// A dead monitoring system rolls nothing back.
    fn several_sources(&self) -> Condition {
        let answers = |index: usize| {
            let state = self.store().source(crate::signal::SourceId(index as u16));
            matches!(state.health, Health::Up | Health::Partial(..))
                && state.age(self.now).is_some_and(|age| age < FRESH)
        };
        let all = self.setup.sources.len();
        let answering = (0..all).filter(|&index| answers(index)).count();
        condition(
            ConditionKind::Sources,
            answering > 1,
            format!(
                "{answering} of {all} sources answer; at least 2 \
         are needed"
            ),
        )
    }

    fn target_is_good(&self, plan: &Plan) -> Condition {
        let doubtful = plan.steps().flat_map(|step| &step.covers).find(|covered| {
            let known = self.setup.rollback.known.get(usize::from(covered.workload.0));
            let standing = known.and_then(|known| newest(known, &covered.to)).map(|entry| entry.standing);
            standing != Some(VersionStatus::Good)
        });
        match doubtful {
            Some(covered) => {
                condition(ConditionKind::Target, false, format!("{} has not passed a watch yet", covered.to.label()))
            }
            None if plan.is_empty() => condition(ConditionKind::Target, false, "no target".to_owned()),
            None => {
                let by = plan.steps().flat_map(|step| &step.covers).find_map(|covered| {
                    let known = self.setup.rollback.known.get(usize::from(covered.workload.0))?;
                    newest(known, &covered.to).filter(|known| known.by.is_some()).map(Known::by_whom)
                });
                let by = by.unwrap_or_default();
                condition(ConditionKind::Target, true, format!("{} passed its watch{by}", plan.target()))
            }
        }
    }

    fn nobody_else(&self, plan: &Plan) -> Condition {
        let name = ConditionKind::NobodyElse;
        if let Some((at, holder)) = self.lease.somebody_else(self.now) {
            let ago = brief(self.now - *at);
            return condition(name, false, format!("{} held the lease {ago} ago: {}", holder.who, holder.what));
        }
        if let Some(why) = self.lease.lost(self.now) {
            return condition(name, false, format!("unknown whether somebody else is rolling back: {why}"));
        }
        match looked_at(plan, CheckKind::is_about_others) {
            Looked::Tells(check) => condition(name, false, check.sentence.clone()),
            Looked::Missing(step) => {
                let sentence = format!("not checked whether somebody else is rolling back {}", step.subject);
                condition(name, false, sentence)
            }
            Looked::NoPlan => condition(name, false, "no plan yet".to_owned()),
            Looked::Well => condition(name, true, "no other rollback in the last 30 min".to_owned()),
        }
    }

    fn first_in_this_watch(&self) -> Condition {
        let name = ConditionKind::First;
        if self.setup.read_only {
            return condition(name, false, "read-only mode".to_owned());
        }
        if let Some(at) = self.arming().vetoed {
            return condition(name, false, format!("cancelled by a person {} ago", brief(self.now - at)));
        }
        let before = self.arming().acted.is_some() || self.desk.has_acted();
        let sentence = if before { "already rolled back once in this watch" } else { "no rollback in this watch yet" };
        condition(name, !before, sentence.to_owned())
    }
}

fn condition(kind: ConditionKind, met: bool, sentence: String) -> Condition {
    Condition::new(kind, met, sentence)
}

/// What a plan's checks of some kinds come to.
enum Looked<'a> {
    /// There is nothing to look at.
    NoPlan,
    /// Nobody looked, for this step.
    Missing(&'a Step),
    /// One of them did not come out well.
    Tells(&'a Check),
    /// Each step has one, and all of them came out well.
    Well,
}

/// Nobody who looked is not the same as nobody who is there: each step needs a check of such a kind.
fn looked_at(plan: &Plan, is_wanted: impl Fn(CheckKind) -> bool) -> Looked<'_> {
    let of = |step: &&Step| -> bool { step.checks.iter().any(|check| is_wanted(check.kind)) };
    let mut wanted = plan.steps().flat_map(|step| &step.checks).filter(|check| is_wanted(check.kind));
    if plan.is_empty() {
        Looked::NoPlan
    } else if let Some(told) = wanted.find(|check| check.outcome > CheckOutcome::Ok) {
        Looked::Tells(told)
    } else if let Some(step) = plan.steps().map(AsRef::as_ref).find(|step| !of(step)) {
        Looked::Missing(step)
    } else {
        Looked::Well
    }
}

/// Far beyond its limit, on enough failures to be no accident.
fn is_flood(newest: &Reading, limit: f64) -> bool {
    match newest.sample {
        Sample::Counts { errors, requests } if requests > 0.0 => {
            errors >= OVERWHELMING_FAILURES && 100.0 * errors / requests >= OVERWHELMING * limit
        }
        _ => false,
    }
}

fn red_for_a_minute(reds: &[Red]) -> Condition {
    let longest = reds.iter().map(|red| red.held).max();
    let certain = reds.iter().any(|red| red.is_certain);
    let sentence = match longest {
        None => "no red flag".to_owned(),
        Some(_) if certain => "the rollout or the probe fails: no waiting time".to_owned(),
        Some(held) => format!("red for {} (needs {})", brief(held), brief(RED_FOR)),
    };
    condition(ConditionKind::Red, certain || longest.is_some_and(|held| held >= RED_FOR), sentence)
}

/// Two signals that measure different things, or one that leaves no doubt. Failed requests and 5xx responses
/// are the same thing counted twice.
fn two_signals(reds: &[Red]) -> Condition {
    let mut families: Vec<Kind> =
        reds.iter().map(|red| if red.kind == Kind::ServerErrors { Kind::ErrorRate } else { red.kind }).collect();
    families.sort_unstable();
    families.dedup();
    let overwhelming = reds.iter().any(|red| red.is_overwhelming);
    let sentence = match families.len() {
        0 => "no red flag".to_owned(),
        _ if overwhelming => "overwhelming evidence".to_owned(),
        1 => "1 signal is red; a second, independent one is needed".to_owned(),
        many => format!("{many} independent signals are red"),
    };
    condition(ConditionKind::TwoSignals, families.len() > 1 || overwhelming, sentence)
}

fn fresh(young: usize, stale: usize) -> Condition {
    let sentence = match (young, stale) {
        (0, 0) => "no red flag".to_owned(),
        (0, _) => format!("no red flag has data younger than {}", brief(FRESH)),
        (_, 0) => format!("the data of every red flag is younger than {}", brief(FRESH)),
        (young, stale) => {
            format!("{young} of {} red flags have data younger than {}; only those count", young + stale, brief(FRESH))
        }
    };
    condition(ConditionKind::Fresh, young > 0, sentence)
}

/// Nothing is blocked, left out of what is red, or wants to be typed.
fn plan_is_clean(scope: &[WorkloadId], plan: &Plan) -> Condition {
    let name = ConditionKind::Checks;
    if scope.is_empty() || plan.is_empty() {
        let why = plan.left_out.first().map_or("nothing to roll back", |left| left.why.as_str());
        return condition(name, false, why.to_owned());
    }
    if let Some(left) = plan.left_out.iter().find(|left| left.belongs) {
        return condition(name, false, format!("{}: {}", left.reference, left.why));
    }
    if let Some(step) = plan.steps().find(|step| step.checks.is_empty()) {
        return condition(name, false, format!("no checks were run for {}", step.subject));
    }
    let typed = plan.steps().flat_map(|step| &step.checks).find(|check| check.outcome >= CheckOutcome::Typed);
    match typed {
        Some(check) => condition(name, false, check.sentence.clone()),
        None => condition(name, true, "no check is blocked".to_owned()),
    }
}

/// What is not known to have no migration may have one: each step needs a look at it, and every look must be fine.
fn no_migration(plan: &Plan) -> Condition {
    let name = ConditionKind::Migration;
    match looked_at(plan, |kind| kind == CheckKind::Migration) {
        Looked::Tells(check) => condition(name, false, check.sentence.clone()),
        Looked::Missing(step) => condition(name, false, format!("migrations of {} were not checked", step.subject)),
        Looked::NoPlan => condition(name, false, "no plan yet".to_owned()),
        Looked::Well => condition(name, true, "no migration shipped with this version".to_owned()),
    }
}
