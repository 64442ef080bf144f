//! What a Loki may answer to metric queries: matrices, lines, parts, and reasons in plain text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::net::Auth;
use redflag::secret::Secret;
use redflag::systems::loki::{Loki, LokiSpec};
use redflag_fuzz::{TOKEN, ask, endpoint, queries};

fuzz_target!(|data: &[u8]| {
    let spec = LokiSpec {
        endpoint: endpoint(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        tenant: Some("example".to_owned()),
        queries: queries(),
    };
    ask(&Loki::new(spec).expect("the specification is right"), data);
});
