//! Which services call which: names become places, and circles are refused, for nothing in one could be taken back
//! before the rest.

use super::problem::{Problem, Problems};
use super::raw;
use super::signals::service_named;
use crate::deploy::ServiceId;
use std::collections::VecDeque;

/// The services that each service calls, in the services' order; nothing where something is wrong.
pub(super) fn check(names: &[String], raw: &[raw::Service], problems: &mut Problems) -> Option<Vec<Vec<ServiceId>>> {
    let mut calls: Vec<Vec<ServiceId>> = vec![Vec::new(); names.len()];
    let mut fine = true;
    for (caller, callee) in raw
        .iter()
        .enumerate()
        .flat_map(|(place, service)| service.depends_on.iter().flatten().map(move |callee| (place, callee)))
    {
        let found = if names[caller] == callee.value {
            problems.push(
                Problem::new(&callee.span, format!("`{}` cannot depend on itself", callee.value))
                    .way_out("leave it out"),
            );
            None
        } else {
            service_named(callee, names, problems)
        };
        match found {
            Some(id) if !calls[caller].contains(&id) => calls[caller].push(id),
            Some(_) => {}
            None => fine = false,
        }
    }
    let mut told = vec![false; names.len()];
    for place in 0..names.len() {
        let Some(circle) = circle(&calls, place).filter(|_| !told[place]) else { continue };
        for &place in &circle {
            told[place] = true;
        }
        fine = false;
        let shown: Vec<&str> = circle.iter().map(|&place| names[place].as_str()).collect();
        let next = &names[circle[1]];
        let span = raw[place].depends_on.iter().flatten().find(|callee| callee.value == *next).map(|at| &at.span);
        problems.push(
            Problem::new(
                span.unwrap_or(&raw[place].name.span),
                format!("services depend in a circle: {}", shown.join(" → ")),
            )
            .way_out("leave one of them out: a service is taken back before those that it calls"),
        );
    }
    fine.then_some(calls)
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
