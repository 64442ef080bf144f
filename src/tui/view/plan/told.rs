//! What a plan tells below its versions: why, what is not ok, how, what stays; what came out well is counted.

use crate::deploy::ServiceId;
use crate::headline::limit;
use crate::rollback::describe::{self, Line, Sign, Weight};
use crate::rollback::{Check, CheckOutcome, Goal, LeftOut, Plan, Step};
use crate::signal::SignalId;
use crate::tui::rows;
use crate::tui::view::{View, lines};
use crate::verdict::Level;
use std::sync::Arc;

/// So many flags are named as the reason; more are counted.
const MOST_FLAGS: usize = 4;
/// Of more steps than these what each does is told with the details alone.
const MOST_STEPS: usize = 3;
/// So many workloads are named that are left alone for one reason; more are counted.
const MOST_NAMES: usize = 4;

/// All of it, the most important first.
pub(super) fn lines(view: &View<'_>, plan: &Plan) -> Vec<Line> {
    let details = view.ui.plan_details;
    let mut lines = why(view, plan);
    lines.extend(scope(plan));
    if plan.expected() > describe::PROMISED {
        lines.push(describe::eta(plan.expected()));
    }
    lines.extend(skipped(plan));
    let many = plan.step_count() > 1;
    if many {
        each_of_many(&mut lines, plan, details);
    } else if let Some(step) = plan.steps().next() {
        lines.extend(describe::checks(&step.checks, |outcome| outcome > CheckOutcome::Ok));
        lines.extend(how(step));
        lines.extend(target(view, plan));
        lines.extend(describe::differences(step, false));
        lines.extend(stays([step].into_iter(), true));
    }
    lines.extend(at(plan));
    lines.extend(passed(plan, details));
    lines.extend(manual_command(plan, details));
    lines
}

/// What calls for it: the causes, and the flags with their numbers; or that nothing does.
fn why(view: &View<'_>, plan: &Plan) -> Vec<Line> {
    if plan.goal == Goal::Undo {
        return Vec::new();
    }
    let setup = view.live.setup();
    if plan.without_red_flag {
        let text =
            format!("NO RED FLAG: all {} signals are ok. You are rolling back a healthy deploy.", setup.signals.len());
        return vec![Line {
            sign: Some(Sign::Check(CheckOutcome::Warning)),
            ..Line::new(Weight::Warning, "why", text)
        }];
    }
    let services: Vec<ServiceId> =
        plan.steps().flat_map(|step| &step.covers).map(|covered| setup.workload(covered.workload).service).collect();
    let mut bad: Vec<SignalId> = rows::signals(view.live, None)
        .filter(|id| services.contains(&setup.signal(*id).service))
        .filter(|id| view.live.finding(*id).level >= Level::Warning)
        .collect();
    bad.sort_by_key(|id| std::cmp::Reverse(view.live.finding(*id).level));
    let red = bad.iter().any(|id| view.live.finding(*id).level == Level::RedFlag);
    let mut lines: Vec<Line> = Vec::new();
    if !red {
        let text =
            if bad.is_empty() { "no red flag, and not everything is known" } else { "no red flag, only warnings" };
        lines.push(Line::new(Weight::Warning, "why", text));
    }
    let headlines = view.headlines.iter().filter(|headline| headline.level() == Level::RedFlag);
    lines.extend(headlines.map(|headline| Line::new(Weight::Plain, "", headline.to_string())));
    let mut flags: Vec<String> = bad.iter().take(MOST_FLAGS).map(|id| flag(view, *id)).collect();
    if bad.len() > MOST_FLAGS {
        flags.push(format!("{} more", bad.len() - MOST_FLAGS));
    }
    if !flags.is_empty() {
        lines.push(Line::new(Weight::Plain, "", flags.join("   ")));
    }
    if let Some(first) = lines.first_mut() {
        "why".clone_into(&mut first.label);
    }
    lines
}

/// `✖ error rate 3.4 % (limit 1 %)`.
fn flag(view: &View<'_>, id: SignalId) -> String {
    let (signal, series) = (view.live.setup().signal(id), view.live.store().series(id));
    let finding = view.live.finding(id);
    let value = finding.says.measured().map(|measured| measured.value).or(series.last_value().map(|(_, value)| value));
    // A new issue that is not seen again is one all the same.
    let value = value.filter(|value| *value != 0.0);
    let value = value.map_or_else(String::new, |value| format!(" {}", signal.unit.format(value)));
    let beyond = limit(signal, series).filter(|_| finding.level == Level::RedFlag);
    let beyond = beyond.map_or_else(String::new, |limit| format!(" (limit {})", signal.unit.format(limit)));
    let text = format!("{} {}{value}{beyond}", view.glyphs.level(finding.level), view.name(id));
    // A line is broken between flags only.
    text.replace(' ', lines::UNBROKEN)
}

/// How much of the push it is for, where that is not all of it.
fn scope(plan: &Plan) -> Option<Line> {
    let planned = plan.steps().map(|step| step.covers.len()).sum::<usize>();
    (plan.beside > 0).then(|| {
        let text = format!("{planned} of {} workloads of the push; the others stay as they are", planned + plan.beside);
        Line::new(Weight::Plain, "scope", text)
    })
}

/// What it leaves alone, and why: together what is left alone for one reason.
fn skipped(plan: &Plan) -> Vec<Line> {
    let mut reasons: Vec<(&LeftOut, Vec<String>)> = Vec::new();
    for left in &plan.left_out {
        let same = reasons.iter_mut().find(|(first, _)| first.why == left.why && first.belongs == left.belongs);
        match same {
            Some((_, names)) => names.push(left.reference.to_string()),
            None => reasons.push((left, vec![left.reference.to_string()])),
        }
    }
    let line = |(first, names): (&LeftOut, Vec<String>)| {
        let weight = if first.belongs { Weight::Warning } else { Weight::Quiet };
        let who = match names.as_slice() {
            [one] => one.clone(),
            many => format!("{} workloads ({})", many.len(), some_of(many)),
        };
        Line::new(weight, "skipped", format!("{who}: {}", first.why))
    };
    reasons.into_iter().map(line).collect()
}

/// The first few, and how many more there are.
fn some_of(names: &[String]) -> String {
    match names.len().checked_sub(MOST_NAMES) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MOST_NAMES].join(", ")),
    }
}

/// Several steps: each with its versions and what of it is not ok, in their order.
fn each_of_many(lines: &mut Vec<Line>, plan: &Plan, details: bool) {
    let stages = plan.stages.len();
    for (index, stage) in plan.stages.iter().enumerate() {
        if stages > 1 {
            let text = if index == 0 { "" } else { "when all pods of the stage before are ready" };
            lines.push(Line::new(Weight::Quiet, format!("stage {} of {stages}", index + 1), text));
        }
        for step in stage {
            for covered in &step.covers {
                let text = format!("{}   {} → {}", covered.reference, covered.from.label(), covered.to.label());
                lines.push(Line::new(Weight::Heading, "", text));
            }
            lines.extend(describe::checks(&step.checks, |outcome| outcome > CheckOutcome::Ok));
            if details || plan.step_count() <= MOST_STEPS {
                lines.extend(how(step));
                lines.extend(describe::differences(step, true));
            }
        }
    }
    lines.extend(stays(plan.steps(), details));
}

/// What it does, in its order; numbered where it is more than one thing.
fn how(step: &Step) -> impl Iterator<Item = Line> {
    let many = step.does.len() > 1;
    step.does.iter().enumerate().map(move |(index, thing)| {
        let text = if many { format!("{}. {thing}", index + 1) } else { thing.clone() };
        Line::new(Weight::Plain, if index == 0 { "how" } else { "" }, text)
    })
}

/// Why it goes to that version.
fn target(view: &View<'_>, plan: &Plan) -> Option<Line> {
    let mut all = plan.steps().flat_map(|step| &step.covers);
    let only = all.next().filter(|_| all.next().is_none())?;
    let text = match plan.goal {
        Goal::Undo => "it was rolled back in this watch".to_owned(),
        Goal::RollBack => describe::why(view.live.setup(), only, view.live.workload(only.workload).deploy.as_ref()),
    };
    Some(Line::new(Weight::Plain, "target", text))
}

/// What it does not bring back, each thing once; of much only the first of it, where not all is asked for.
fn stays<'a>(steps: impl Iterator<Item = &'a Arc<Step>>, all: bool) -> Vec<Line> {
    let mut things: Vec<&String> = Vec::new();
    for thing in steps.flat_map(|step| &step.not_reverted) {
        if !things.contains(&thing) {
            things.push(thing);
        }
    }
    let label = |index| if index == 0 { "stays" } else { "" };
    let shown = if all { things.len() } else { things.len().min(MOST_STEPS) };
    let line = |(index, thing): (usize, &&String)| Line::new(Weight::Plain, label(index), (*thing).clone());
    let mut lines: Vec<Line> = things[..shown].iter().enumerate().map(line).collect();
    if shown < things.len() {
        lines.push(Line::new(Weight::Plain, "", format!("{} more", things.len() - shown)));
    }
    lines
}

/// The system that is asked.
fn at(plan: &Plan) -> Option<Line> {
    let mut places: Vec<&str> = plan.steps().map(|step| step.place.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    let mut namespaces: Vec<&str> =
        plan.steps().flat_map(|step| &step.covers).map(|covered| covered.reference.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let within = match namespaces.as_slice() {
        [one] if !one.is_empty() => format!(", namespace {one}"),
        _ => String::new(),
    };
    (!places.is_empty()).then(|| Line::new(Weight::Plain, "at", format!("{}{within}", places.join(", "))))
}

/// Checks that came out well: a count with their names, or each of them.
fn passed(plan: &Plan, details: bool) -> Vec<Line> {
    let is_ok = |outcome| outcome == CheckOutcome::Ok;
    if details {
        return plan.steps().flat_map(|step| describe::checks(&step.checks, is_ok)).collect();
    }
    let all = || plan.steps().flat_map(|step| &step.checks);
    let passed = all().filter(|check| is_ok(check.outcome)).count();
    let mut names: Vec<&str> = all().filter(|check| is_ok(check.outcome)).map(Check::name).collect();
    names.dedup();
    let names = if plan.step_count() == 1 { format!(": {}", names.join(" · ")) } else { String::new() };
    let sign = Sign::Check(CheckOutcome::Ok);
    if passed == 0 {
        return Vec::new();
    }
    vec![Line::signed(sign, "checks", format!("{passed} of {} passed{names}", all().count()))]
}

/// How it is done without this program.
fn manual_command(plan: &Plan, details: bool) -> Vec<Line> {
    let all: Vec<&str> = plan.steps().map(|step| step.manual_command.as_str()).collect();
    match all.as_slice() {
        [] => Vec::new(),
        [one] => vec![Line::new(Weight::Quiet, "manual command", *one)],
        many if details => many.iter().map(|one| Line::new(Weight::Quiet, "manual command", *one)).collect(),
        many => vec![Line::new(Weight::Quiet, "manual commands", format!("{} of them", many.len()))],
    }
}
