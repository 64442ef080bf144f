//! What the tests of all systems of feature flags share: a switch at a peer, an order, and what is made of answers.

use crate::ci::peer::{Peer, breaks, nobody, reply};
use chrono::{DateTime, TimeDelta};
use redflag::clock::Clock;
use redflag::deploy::Time;
use redflag::feature_flags::provider::FlagProvider;
use redflag::feature_flags::spec::{FeatureFlagsSpec, ProviderSpec};
use redflag::feature_flags::{Answer, FlagState, FlagStatus, Order};
use redflag::net::Endpoint;
use redflag::rollback::Blocked;
use std::sync::Arc;

/// What must never be seen.
pub(crate) const TOKEN: &str = "hush-hush-token";

pub(crate) fn now() -> Time {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub(crate) fn spec(endpoint: Endpoint, provider: impl ProviderSpec, features: &[&str]) -> FeatureFlagsSpec {
    FeatureFlagsSpec {
        endpoint,
        provider: Arc::new(provider),
        environment: "live".to_owned(),
        features: features.iter().map(|&key| key.to_owned()).collect(),
        service: None,
        link: None,
    }
}

pub(crate) fn on(spec: &FeatureFlagsSpec) -> Box<dyn FlagProvider> {
    spec.build(&Clock::manual(now())).unwrap()
}

pub(crate) fn order(key: &str) -> Order {
    Order {
        key: key.to_owned(),
        actor: "ana@laptop".to_owned(),
        reason: "error rate 2.4 %, \"bad\"".to_owned(),
        at: now() + TimeDelta::seconds(1),
    }
}

pub(crate) fn told(state: FlagState) -> FlagStatus {
    match state {
        FlagState::Told(standing) => standing,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn unread(state: FlagState) -> String {
    match state {
        FlagState::Unread(why) => why,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn refused(answer: Answer) -> Blocked {
    match answer {
        Answer::Refused(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn unknown(answer: Answer) -> String {
    match answer {
        Answer::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

/// What every system's adapter makes of trouble on the way, with a `method` that turns a flag off. Nothing is sent
/// a second time, whatever came back.
pub(crate) async fn trouble(method: &str, switch_at: impl Fn(Endpoint) -> FeatureFlagsSpec) {
    for (status, is_refusal) in
        [(400, true), (401, true), (404, true), (429, true), (302, false), (408, false), (500, false), (502, false)]
    {
        let said = format!("no: you sent {TOKEN}");
        let peer = Peer::start(vec![reply("", status, serde_json::json!({ "message": said }))]).await;
        let system = on(&switch_at(peer.endpoint("/flags")));
        let answer = system.turn_off(&order("checkout-v2")).await;
        assert_eq!(matches!(answer, Answer::Refused(_)), is_refusal, "{status}: {answer:?}");
        assert!(!format!("{answer:?}").contains(TOKEN), "{answer:?}");
        assert_eq!(peer.asked("").len(), 1, "{status}");
        assert_eq!(peer.asked(method).len(), 1, "{status}");

        let state = system.read_one("checkout-v2").await;
        assert!(matches!(state, FlagState::Unread(_)), "{status}: {state:?}");
        assert!(!format!("{state:?}").contains(TOKEN), "{state:?}");
    }

    let signed_out = reply("", 302, "").header("location", "https://sso.example.com/login?to=flags");
    let system = on(&switch_at(Peer::start(vec![signed_out]).await.endpoint("/flags")));
    let blocked = refused(system.turn_off(&order("checkout-v2")).await);
    assert!(blocked.reason.ends_with("redirects to a sign-in page"), "it never came to the flags: {blocked:?}");

    let hurried = reply("", 403, serde_json::json!({ "message": "slow down" })).header("retry-after", "40");
    let system = on(&switch_at(Peer::start(vec![hurried]).await.endpoint("/flags")));
    let blocked = refused(system.turn_off(&order("checkout-v2")).await);
    assert!(blocked.reason.ends_with("takes no more requests for 40 s"), "{blocked:?}");
    assert!(blocked.way_out.starts_with("wait 40 s and retry, or turn it off in"), "{blocked:?}");

    let peer = Peer::start(vec![breaks("")]).await;
    let system = on(&switch_at(peer.endpoint("/flags")));
    unknown(system.turn_off(&order("checkout-v2")).await);
    assert_eq!(peer.asked("").len(), 1, "an answer that was lost is not asked for again");

    let system = on(&switch_at(nobody().await));
    let blocked = refused(system.turn_off(&order("checkout-v2")).await);
    assert!(blocked.way_out.ends_with("nothing was sent"), "{blocked:?}");
}
