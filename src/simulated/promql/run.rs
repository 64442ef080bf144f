//! The one place where queries are run.

use super::{Grid, ParseError, Series, evaluate, parse};
use crate::simulated::faults::{Flaw, flaw};
use crate::simulated::history::seconds;
use crate::simulated::state::Simulation;

/// Runs a query over a grid. In the flaky scenario some moments are missing and some are not numbers.
pub(crate) fn run(state: &Simulation, query: &str, grid: &Grid) -> Result<Vec<Series>, ParseError> {
    let node = parse(query)?;
    Ok(state.with(|world, now| {
        let mut series = evaluate(&node, &world.metrics(now), grid);
        for (place, at) in grid.0.iter().enumerate() {
            let Some(flaw) = flaw(world.scenario, at - seconds(world.start)) else { continue };
            for one in &mut series {
                one.values[place] = match flaw {
                    Flaw::Gap => None,
                    Flaw::NotANumber => one.values[place].map(|_| f64::NAN),
                };
            }
        }
        series
    }))
}
