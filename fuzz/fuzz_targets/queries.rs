//! Queries as people write them, of which redflag reads the windows, the counters and the unit: with the variables in
//! them, or with no sense at all. `%% query` is one, `%% errors` and `%% requests` are two; the rest answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::net::Auth;
use redflag::secret::Secret;
use redflag::signal::Unit;
use redflag::systems::prometheus::Prometheus;
use redflag::systems::prometheus::PrometheusSpec;
use redflag::systems::questions::{Expr, SeriesQuery};
use redflag_fuzz::{Script, TOKEN, ask, endpoint, query};

const UNITS: [(Unit, f64); 6] = [
    (Unit::Percent, 1.0),
    (Unit::Percent, 100.0),
    (Unit::Milliseconds, 1000.0),
    (Unit::PerSecond, 1.0),
    (Unit::PerMinute, 1.0),
    (Unit::Bytes, 1.0),
];

fn asked(script: &Script) -> Vec<SeriesQuery> {
    let counts = || Some(Expr::Counts { errors: script.body("errors")?, requests: script.body("requests")? });
    let value = script.body("query").map(Expr::Value);
    let values = UNITS.iter().filter_map(|unit| Some((value.clone()?, *unit)));
    let all = values.chain(counts().map(|counts| (counts, UNITS[0])));
    all.zip(0..).map(|((expr, (unit, scale)), signal)| query(signal, expr, unit, scale)).collect()
}

fuzz_target!(|data: &[u8]| {
    let queries = asked(&Script::read(data));
    let auth = Auth::Bearer(Secret::new(TOKEN));
    let spec =
        PrometheusSpec { endpoint: endpoint(), auth, tenant: None, queries, alerts: Vec::new(), alertmanager: None };
    ask(&Prometheus::new(spec).expect("the specification is right"), data);
});
