//! What a Grafana may answer: frames of its data sources, their settings, and its alert rules.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::net::Auth;
use redflag::secret::Secret;
use redflag::systems::grafana::Grafana;
use redflag::systems::grafana::GrafanaSpec;
use redflag_fuzz::{TOKEN, alerts, ask, endpoint, queries};

fuzz_target!(|data: &[u8]| {
    let spec = GrafanaSpec {
        endpoint: endpoint(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        organization: None,
        datasources: vec![("prom-1".to_owned(), queries())],
        alerts: alerts("service=app, env=production"),
    };
    ask(&Grafana::new(spec).expect("the specification is right"), data);
});
