//! Which services call which: names become indexes, and cycles are refused, for nothing in one could be rolled back
//! before the rest.

use super::checked::each;
use super::problem::{Problem, Problems};
use super::schema;
use super::signals::service_named;
use crate::deploy::ServiceId;
use std::collections::VecDeque;

/// The services that each service calls, in the services' order; nothing where something is wrong.
pub(super) fn check(names: &[String], raw: &[schema::Service], problems: &mut Problems) -> Option<Vec<Vec<ServiceId>>> {
    let calls = each(raw, |caller| callees(caller, names, problems))?;
    // Without tables there is one service, which calls nobody.
    if calls.is_empty() {
        return Some(vec![Vec::new(); names.len()]);
    }
    let mut in_circles = vec![false; names.len()];
    for start in 0..names.len() {
        if in_circles[start] {
            continue;
        }
        let Some(circle) = circle(&calls, start) else { continue };
        for &place in &circle {
            in_circles[place] = true;
        }
        let shown: Vec<&str> = circle.iter().map(|&place| names[place].as_str()).collect();
        let message = format!("services depend in a circle: {}", shown.join(" → "));
        let written = raw[start].depends_on.iter().flatten().find(|callee| callee.value == names[circle[1]]);
        problems.push(
            Problem::new(written.map_or(&raw[start].name.span, |callee| &callee.span), message)
                .way_out("leave one of them out: a service is rolled back before those that it calls"),
        );
    }
    (!in_circles.contains(&true)).then_some(calls)
}

fn callees(caller: &schema::Service, names: &[String], problems: &mut Problems) -> Option<Vec<ServiceId>> {
    let mut found = each(caller.depends_on.iter().flatten(), |callee| {
        if callee.value != caller.name.value {
            return service_named(callee, names, problems);
        }
        let message = format!("`{}` cannot depend on itself", callee.value);
        problems.push(Problem::new(&callee.span, message).way_out("leave it out"));
        None
    })?;
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// The shortest way from a service back to itself, both ends included.
fn circle(calls: &[Vec<ServiceId>], start: usize) -> Option<Vec<usize>> {
    let mut came_from: Vec<Option<usize>> = vec![None; calls.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(place) = queue.pop_front() {
        for next in calls[place].iter().map(|id| usize::from(id.0)) {
            if next == start {
                let mut way = vec![start, place];
                while let Some(before) = came_from[way[way.len() - 1]] {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if came_from[next].is_none() {
                came_from[next] = Some(place);
                queue.push_back(next);
            }
        }
    }
    None
}
