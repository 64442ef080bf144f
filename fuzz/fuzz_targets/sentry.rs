//! What a Sentry may answer: issues, counts of the newer and of the older API, sessions, releases and projects.
#![no_main]

use chrono::TimeDelta;
use libfuzzer_sys::fuzz_target;
use redflag::deploy::ServiceId;
use redflag::secret::Secret;
use redflag::signal::SignalId;
use redflag::systems::questions::{ReleaseQuery, ReleaseWant};
use redflag::systems::sentry::Sentry;
use redflag::systems::sentry::SentrySpec;
use redflag_fuzz::{TOKEN, ask, endpoint};

fuzz_target!(|data: &[u8]| {
    let wants = [ReleaseWant::NewIssues, ReleaseWant::ErrorCount, ReleaseWant::CrashFree];
    let query = |(want, signal): (ReleaseWant, u16)| ReleaseQuery {
        signal: SignalId(signal),
        service: ServiceId(0),
        projects: vec!["app".to_owned()],
        release: "app@$version".to_owned(),
        want,
        filter: None,
        step: TimeDelta::seconds(60),
    };
    let spec = SentrySpec {
        endpoint: endpoint(),
        token: Secret::new(TOKEN),
        organization: "shop".to_owned(),
        environment: Some("prod".to_owned()),
        queries: wants.into_iter().zip(0..).map(query).collect(),
    };
    ask(&Sentry::new(spec).expect("the specification is right"), data);
});
