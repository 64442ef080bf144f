//! Tools of several systems, none of which is named here: series and their units, what scrapes make of queries, alert
//! rules, when to stop asking, lines of `redflag check`.

pub(in crate::systems) mod check;
pub(in crate::systems) mod ci;
pub(in crate::systems) mod fail_fast;
pub(in crate::systems) mod flags;
pub(in crate::systems) mod matrix;
pub(in crate::systems) mod promql;
pub(in crate::systems) mod rules;
pub(in crate::systems) mod scrape;
pub(in crate::systems) mod series;
pub(in crate::systems) mod silences;
pub(in crate::systems) mod tenant;
pub(in crate::systems) mod units;
pub(in crate::systems) mod variables;

#[cfg(test)]
pub(in crate::systems) mod peer;
