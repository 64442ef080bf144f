//! What a Prometheus, or whatever speaks its API, may answer: ranges, rules, and the silences of its Alertmanager.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::net::Auth;
use redflag::secret::Secret;
use redflag::systems::prometheus::Prometheus;
use redflag::systems::prometheus::PrometheusSpec;
use redflag_fuzz::{TOKEN, alerts, ask, endpoint, queries};

fuzz_target!(|data: &[u8]| {
    let spec = PrometheusSpec {
        endpoint: endpoint(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        tenant: None,
        queries: queries(),
        alerts: alerts("service=app"),
        alertmanager: Some("https://alertmanager.example.com".to_owned()),
    };
    ask(&Prometheus::new(spec).expect("the specification is right"), data);
});
