//! What Datadog may answer: series of several queries, monitors and their groups.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::secret::Secret;
use redflag::systems::datadog::Datadog;
use redflag::systems::datadog::DatadogSpec;
use redflag_fuzz::{TOKEN, alerts, ask, endpoint, queries};

fuzz_target!(|data: &[u8]| {
    let spec = DatadogSpec {
        endpoint: endpoint(),
        api_key: Secret::new(TOKEN),
        application_key: Secret::new("other-hush-hush"),
        queries: queries(),
        monitors: alerts("service:app env:production"),
    };
    ask(&Datadog::new(spec).expect("the specification is right"), data);
});
