//! Limits, checked: the guide's own for the kind, and what the file says over them.

use super::at::At;
use super::kinds::Limit;
use super::problem::{Part, Problem, Problems};
use super::schema;
use crate::signal::{Kind, Limits, Unit};

/// The limits of a signal; `None` where one of them is impossible.
pub(super) fn check(raw: &schema::Signal, kind: Kind, unit: Unit, problems: &mut Problems) -> Option<Limits> {
    let guide = guide(kind, unit);
    let mut fine = true;
    for (name, written) in [("warning", &raw.warning), ("red_flag", &raw.red_flag)] {
        let Some(written) = written else { continue };
        if let Some(why) = written.value.number().and_then(|limit| impossible(limit, unit)) {
            fine = false;
            problems.push(Problem::new(&written.span, format!("`{name}` {why}")));
        }
    }
    if let Some(increase) = raw.increase.as_ref().filter(|at| !(at.value.is_finite() && at.value > 0.0)) {
        fine = false;
        problems.push(Problem::new(&increase.span, "`increase` must be above zero: percent over the baseline"));
    }
    if let Some(hold) = raw.hold.as_ref().filter(|at| at.value == 0) {
        fine = false;
        problems.push(
            Problem::new(&hold.span, "`hold` must be at least 1: how many readings in a row must agree")
                .way_out("1 raises a flag at the first bad reading"),
        );
    }
    let limits = Limits {
        warning: plain(raw.warning.as_ref(), guide.warning),
        red_flag: plain(raw.red_flag.as_ref(), guide.red_flag),
        increase: raw.increase.as_ref().map(|at| at.value).or(guide.increase),
        hold: raw.hold.as_ref().map_or(guide.hold, |at| at.value),
        min_requests: raw.min_requests.as_ref().map_or(guide.min_requests, |at| at.value),
    };
    if fine && let Some(problem) = upside_down(raw, kind, &limits) {
        problems.push(problem);
        return None;
    }
    fine.then_some(limits)
}

/// The guide's limits of a kind, which are in the kind's own unit: a container's bytes or cores have none.
fn guide(kind: Kind, unit: Unit) -> Limits {
    let limits = kind.limits();
    if kind == Kind::Custom || unit == kind.unit() {
        return limits;
    }
    Limits { warning: None, red_flag: None, ..limits }
}

/// The plain limit: the guide's where nothing is written, and none where a burn rate stands in its place.
fn plain(written: Option<&At<Limit>>, guide: Option<f64>) -> Option<f64> {
    written.map_or(guide, |at| at.value.number())
}

/// Why no reading could ever be on both sides of this limit.
fn impossible(limit: f64, unit: Unit) -> Option<&'static str> {
    if !limit.is_finite() {
        return Some("must be a finite number");
    }
    match unit {
        // A number of a meaning of its own may well lie below zero.
        Unit::Number => None,
        _ if limit < 0.0 => Some("must not be negative"),
        Unit::Percent if limit > 100.0 => Some("is in percent, and nothing is above 100 %"),
        _ => None,
    }
}

/// The problem with a red flag that comes before its warning.
fn upside_down(raw: &schema::Signal, kind: Kind, limits: &Limits) -> Option<Problem> {
    let (warning, red_flag) = (limits.warning?, limits.red_flag?);
    let worse = if kind.lower_is_worse() { red_flag < warning } else { red_flag > warning };
    if worse {
        return None;
    }
    // Limits that nobody wrote are the guide's, and in order.
    let written = raw.red_flag.as_ref().or(raw.warning.as_ref())?;
    let side = if kind.lower_is_worse() { "below" } else { "above" };
    let problem =
        Problem::new(&written.span, format!("the red flag at {red_flag} must lie {side} the warning at {warning}"));
    let name = kind.as_str();
    Some(match (&raw.warning, &raw.red_flag) {
        (None, _) => {
            problem.way_out(format!("the warning is the default of {name}: set `warning` too")).needs(Part::Table)
        }
        (_, None) => {
            problem.way_out(format!("the red flag is the default of {name}: set `red_flag` too")).needs(Part::Table)
        }
        _ => problem,
    })
}
