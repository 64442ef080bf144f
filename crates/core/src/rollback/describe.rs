//! The text of a plan and its checks: the same lines on the screen and on the command line. Pure.

use super::version_history::{self, Known, VersionStatus};
use super::{Check, CheckOutcome, Covered, Goal, LeftOut, Plan, Refusal, Step};
use crate::deploy::change::{beside_the_image, beside_the_name};
use crate::deploy::{Deploy, Version, brief};
use crate::setup::Setup;
use chrono::TimeDelta;

/// A rollback that takes longer than this is worth a warning: within two minutes the previous version should
/// serve again.
pub const PROMISED: TimeDelta = TimeDelta::minutes(2);

/// One line of a plan, before it is broken to anybody's width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What stands before it, where it says how something came out.
    pub sign: Option<Sign>,
    /// A word or two: `takes`, or the check's name. Empty where the line belongs to the one above.
    pub label: String,
    /// What there is to say.
    pub text: String,
    /// How loud it is said.
    pub weight: Weight,
}

/// How what a line tells of came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A check.
    Check(CheckOutcome),
    /// Something that is waited for.
    Awaited,
}

/// How loud a line is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Begins a part.
    Heading,
    /// As it is.
    Plain,
    /// Worth less than the others.
    Quiet,
    /// To be read before a key is struck.
    Warning,
    /// The same, and red.
    Alarm,
}

impl Line {
    /// A line that is no check.
    pub fn new(weight: Weight, label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { sign: None, label: label.into(), text: text.into(), weight }
    }

    /// A line that says how something came out.
    pub fn signed(sign: Sign, label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { sign: Some(sign), label: label.into(), text: text.into(), weight: Weight::Plain }
    }

    fn plain(label: &str, text: impl Into<String>) -> Self {
        Self::new(Weight::Plain, label, text)
    }

    fn check(outcome: CheckOutcome, label: &str, text: impl Into<String>) -> Self {
        Self::signed(Sign::Check(outcome), label, text)
    }

    fn way_out(way_out: &str) -> Self {
        Self::new(Weight::Quiet, "", format!("→ {way_out}"))
    }
}

/// All that a plan says of itself. `why` tells why a workload goes where it goes.
pub fn plan(setup: &Setup, plan: &Plan, why: impl Fn(&Covered) -> String) -> Vec<Line> {
    let mut lines = Vec::new();
    let one_place = place(plan);
    let strategy = &setup.rollback.strategy;
    lines.push(Line::plain("strategy", one_place.map_or(strategy.clone(), |place| format!("{strategy} at {place}"))));
    let covered = || plan.steps().flat_map(|step| &step.covers);
    let one_namespace = same(covered().map(|covered| covered.reference.namespace.as_str()));
    lines.extend(one_namespace.map(|namespace| Line::plain("namespace", namespace)));
    if plan.without_red_flag {
        let text = "No red flag: you are rolling back a healthy deploy.";
        lines.push(Line::new(Weight::Warning, "why", text));
    }
    if plan.beside > 0 {
        let (planned, all) = (covered().count(), covered().count() + plan.beside);
        let text = format!("{planned} of {all} workloads: the red ones and their callers. A rolls back all {all}");
        lines.push(Line::plain("scope", text));
    }
    if !plan.is_empty() {
        lines.push(eta(plan.expected()));
    }
    lines.extend(order(plan));
    let many = plan.step_count() > 1;
    if let (Some(only), None) = (covered().next(), covered().nth(1)) {
        lines.push(Line::plain("target", why(only)));
    }
    let mut number = 0;
    for (index, stage) in plan.stages.iter().enumerate() {
        for step in stage {
            lines.push(Line::plain("", ""));
            let stages = plan.stages.len();
            if stages > 1 && std::mem::replace(&mut number, index + 1) != index + 1 {
                lines.push(Line::plain(&format!("stage {} of {stages}", index + 1), ""));
            }
            if one_place.is_none() {
                lines.push(Line::plain("at", step.place.clone()));
            }
            lines.extend(self::step(step, many, one_namespace.is_none()));
        }
    }
    lines.extend(left_out(&plan.left_out, plan.is_empty()));
    lines
}

/// The system that all steps are asked of; `None` where there are several.
pub fn place(plan: &Plan) -> Option<&str> {
    same(plan.steps().map(|step| step.place.as_str()))
}

/// What all of them are; `None` where they differ, or where there are none.
fn same<'a>(mut all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// How long it takes, loud where that is too long.
pub fn eta(expected: TimeDelta) -> Line {
    let about = format!("~{} (all pods ready)", span(expected));
    if expected <= PROMISED {
        return Line::plain("ETA", about);
    }
    Line::new(Weight::Alarm, "ETA", format!("{about}, over the {} target", span(PROMISED)))
}

/// A span to the second, where minutes alone would hide that it is too long.
pub fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match (seconds / 60, seconds % 60) {
        (2..60, 1..) => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => brief(span),
    }
}

fn order(plan: &Plan) -> Option<Line> {
    let text = match (plan.step_count(), plan.stages.len()) {
        (0 | 1, _) => return None,
        (steps, 1) => format!("{steps} requests in parallel"),
        (steps, stages) => {
            format!("{steps} requests in {stages} stages; each stage waits for all pods of the one before")
        }
    };
    Some(Line::plain("order", text))
}

/// One step. Of many, only what is not well is worth a line of its own.
fn step(step: &Step, many: bool, with_namespace: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = step.covers.iter().map(|covered| heading(step.goal, covered, with_namespace)).collect();
    // What may do harm comes before anything that would push it out of sight.
    lines.extend(checks(&step.checks, |outcome| outcome > CheckOutcome::Ok));
    lines.extend(does(step));
    lines.extend(differences(step, many));
    lines.extend(not_reverted(step));
    if many {
        let passed = step.checks.iter().filter(|check| check.outcome == CheckOutcome::Ok).count();
        let text = format!("{passed} of {} passed", step.checks.len());
        lines.push(Line::check(CheckOutcome::Ok, "checks", text));
    } else {
        lines.extend(checks(&step.checks, |outcome| outcome == CheckOutcome::Ok));
    }
    lines.push(manual_command(step));
    lines
}

/// What it does, numbered in its order.
pub fn does(step: &Step) -> impl Iterator<Item = Line> {
    step.does
        .iter()
        .enumerate()
        .map(|(index, thing)| Line::plain(if index == 0 { "will" } else { "" }, format!("{}. {thing}", index + 1)))
}

/// What it does not bring back.
pub fn not_reverted(step: &Step) -> impl Iterator<Item = Line> {
    step.not_reverted.iter().map(|thing| Line::plain("not reverted", thing.clone()))
}

/// How it is done without this program.
pub fn manual_command(step: &Step) -> Line {
    Line::new(Weight::Quiet, "manual command", step.manual_command.clone())
}

fn heading(goal: Goal, covered: &Covered, with_namespace: bool) -> Line {
    let Covered { reference, from, to, .. } = covered;
    let label = match goal {
        Goal::RollBack => "roll back",
        Goal::Undo => "undo rollback",
    };
    let namespace = if with_namespace { format!(" in {}", reference.namespace) } else { String::new() };
    // Where there is no cluster history to go by, there are no numbers in it either.
    let revisions = if from.revision > 0 && to.revision > 0 {
        format!("   (revision {} → {})", from.revision, to.revision)
    } else {
        String::new()
    };
    let text = format!("{reference}{namespace}   {} → {}{revisions}", from.label(), to.label());
    Line::new(Weight::Heading, label, text)
}

/// What the versions differ in beside their names; of many, only what their images do not tell.
pub fn differences(step: &Step, many: bool) -> Vec<Line> {
    if many {
        return step.covers.iter().filter_map(|covered| changes(covered, beside_the_name)).collect();
    }
    let changed = step.covers.iter().filter_map(|covered| changes(covered, beside_the_image));
    step.covers.iter().flat_map(images).chain(changed).collect()
}

fn images(covered: &Covered) -> impl Iterator<Item = Line> {
    let Covered { from, to, .. } = covered;
    let image = |images: &[String], index: usize| images.get(index).cloned().unwrap_or_else(|| "none".to_owned());
    (0..from.images.len().max(to.images.len())).map(move |index| {
        Line::plain("image", format!("{} → {}", image(&from.images, index), image(&to.images, index)))
    })
}

/// In what the version that comes back differs beside its name or its image, as far as its template is known.
fn changes(covered: &Covered, told: impl Fn(&Version, &Version) -> Option<String>) -> Option<Line> {
    told(&covered.from, &covered.to).map(|text| Line::plain("changes", text))
}

/// Checks that came out as wanted, the worst first, each that is not well with its way out.
pub fn checks(checks: &[Check], wanted: impl Fn(CheckOutcome) -> bool) -> Vec<Line> {
    let mut sorted: Vec<&Check> = checks.iter().filter(|check| wanted(check.outcome)).collect();
    sorted.sort_by_key(|check| std::cmp::Reverse(check.outcome));
    let told = sorted.into_iter().flat_map(|check| {
        let line = Line::check(check.outcome, check.name(), check.sentence.clone());
        std::iter::once(line).chain(check.way_out.as_deref().map(Line::way_out))
    });
    told.collect()
}

/// Why it is blocked: the blocked checks, or the reason where it did not come to checking; then the others.
pub fn refusal(refusal: &Refusal) -> Vec<Line> {
    let is_told = |check: &Check| check.outcome == CheckOutcome::Blocked && check.sentence == refusal.reason;
    let mut lines = Vec::new();
    if !refusal.checks.iter().any(is_told) {
        lines.push(Line::check(CheckOutcome::Blocked, "rollback", refusal.reason.clone()));
        lines.push(Line::way_out(&refusal.way_out));
    }
    lines.extend(checks(&refusal.checks, |_| true));
    lines
}

fn left_out(left_out: &[LeftOut], is_empty: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    if !left_out.is_empty() {
        lines.push(Line::plain("", ""));
    }
    for left in left_out {
        let weight = if left.belongs { Weight::Warning } else { Weight::Quiet };
        lines.push(Line::new(weight, "skipped", format!("{}: {}", left.reference, left.why)));
    }
    if !is_empty && left_out.iter().any(|left| left.belongs) {
        lines.push(Line::new(Weight::Warning, "", "only part of the push: type the environment's name to confirm"));
    }
    lines
}

/// What makes it take the environment's name, typed: each reason in one sentence.
pub fn harm(plan: &Plan) -> Vec<String> {
    let typed = plan.steps().flat_map(|step| &step.checks).filter(|check| check.outcome == CheckOutcome::Typed);
    let mut harm: Vec<String> = typed.map(|check| check.sentence.clone()).collect();
    let left: Vec<String> =
        plan.left_out.iter().filter(|left| left.belongs).map(|left| left.reference.to_string()).collect();
    if !left.is_empty() {
        harm.push(format!("only part of the push is rolled back, without {}", left.join(", ")));
    }
    harm
}

/// From which versions to which a plan goes: `1.8.3 → 1.9.0`, or how many versions.
pub fn versions(plan: &Plan) -> String {
    let from = same(plan.steps().flat_map(|step| &step.covers).map(|covered| covered.from.label()));
    from.map_or_else(|| plan.target(), |from| format!("{from} → {}", plan.target()))
}

/// What earlier watches found of the version that a workload goes to.
pub fn standing(setup: &Setup, covered: &Covered) -> Option<VersionStatus> {
    found(setup, covered).map(|known| known.standing)
}

fn found<'a>(setup: &'a Setup, covered: &Covered) -> Option<&'a Known> {
    version_history::newest(setup.rollback.known.get(usize::from(covered.workload.0))?, &covered.to)
}

/// Why a rollback goes to that version and no other, in one sentence. `deploy` is the one that is watched.
pub fn why(setup: &Setup, covered: &Covered, deploy: Option<&Deploy>) -> String {
    if let Some(revision) = setup.told.rollback_to {
        return format!("revision {revision}, as requested");
    }
    let standing = standing(setup, covered);
    match deploy.and_then(|deploy| deploy.from.as_ref()) {
        Some(before) if before.hash != covered.to.hash && is_bad(setup, covered, before) => {
            let newest =
                if standing == Some(VersionStatus::Good) { "passed its watch" } else { "is not known to be bad" };
            format!("{} was the previous version but was bad; this is the newest that {newest}", before.label())
        }
        before => {
            let served = before.is_some_and(|before| before.hash == covered.to.hash);
            let place = if served { "the previous version" } else { "the newest version before this deploy" };
            let by = found(setup, covered).map_or_else(String::new, Known::by_whom);
            match standing {
                Some(VersionStatus::Good) => format!("{place}, last known good{by}"),
                Some(VersionStatus::Bad) => format!("{place}, but its watch found it bad{by}"),
                Some(VersionStatus::RolledBack) => format!("{place}, but was once rolled back{by}"),
                Some(VersionStatus::Unproven) | None => format!("{place}, never watched to the end"),
            }
        }
    }
}

fn is_bad(setup: &Setup, covered: &Covered, version: &Version) -> bool {
    let known = setup.rollback.known.get(usize::from(covered.workload.0));
    known
        .and_then(|known| version_history::newest(known, version))
        .is_some_and(|known| known.standing == VersionStatus::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::CheckKind;

    #[test]
    fn a_span_over_the_promise_is_told_to_the_second() {
        let told = |seconds| span(TimeDelta::seconds(seconds));
        assert_eq!(told(70), "70 s");
        assert_eq!(told(120), "2 min");
        assert_eq!(told(121), "2 min 1 s");
        assert_eq!(told(3661), "1 h 1 min");
        assert_eq!(eta(TimeDelta::seconds(120)).weight, Weight::Plain);
        assert_eq!(eta(TimeDelta::seconds(121)).weight, Weight::Alarm);
    }

    #[test]
    fn the_worst_check_comes_first_and_each_that_is_not_well_has_its_way_out() {
        let all = [
            Check::ok(CheckKind::Permission, "may"),
            Check::warning(CheckKind::Image, "moves", Some("deploy by digest".to_owned())),
            Check::typed(CheckKind::Migration, "drops a column", "restore it first"),
        ];
        let texts: Vec<String> = checks(&all, |_| true).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["drops a column", "→ restore it first", "moves", "→ deploy by digest", "may"]);
        assert_eq!(checks(&all, |outcome| outcome == CheckOutcome::Ok).len(), 1);
    }

    #[test]
    fn a_refusal_tells_its_reason_once() {
        let refused =
            Refusal { reason: "no earlier revision".to_owned(), way_out: "redeploy it".to_owned(), checks: Vec::new() };
        let texts = |refused: &Refusal| refusal(refused).into_iter().map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(texts(&refused), ["no earlier revision", "→ redeploy it"]);
        let blocked = super::super::Blocked { reason: refused.reason.clone(), way_out: refused.way_out.clone() };
        let checked = Refusal { checks: vec![Check::blocked(CheckKind::Target, blocked)], ..refused };
        assert_eq!(texts(&checked), ["no earlier revision", "→ redeploy it"]);
    }
}
