//! Sentry: issues, event counts, sessions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Sentry, SentrySpec};
use crate::deploy::ServiceId;
use crate::poll::{Novelty, SourceError};
use crate::secret::Secret;
use crate::signal::{Sample, SignalId};
use crate::systems::api::Source;
use crate::systems::questions::{ReleaseQuery, ReleaseWant};
use crate::systems::shared::peer::*;
use chrono::TimeDelta;

const NEW: &str = include_str!("recorded/new.json");
const REGRESSED: &str = include_str!("recorded/regressed.json");
const TIMESERIES: &str = include_str!("recorded/timeseries.json");
const SESSIONS: &str = include_str!("recorded/sessions.json");
const HOURS: &str = include_str!("recorded/sessions_hours.json");

fn query(want: ReleaseWant, step: i64) -> ReleaseQuery {
    ReleaseQuery {
        signal: SignalId(0),
        service: ServiceId(0),
        projects: vec!["app".to_owned(), "web".to_owned()],
        release: "app@$version".to_owned(),
        want,
        filter: None,
        step: TimeDelta::seconds(step),
    }
}

fn sentry(peer: &Peer, queries: Vec<ReleaseQuery>) -> Sentry {
    let spec = SentrySpec {
        endpoint: peer.endpoint(),
        token: Secret::new(TOKEN),
        organization: "shop".to_owned(),
        environment: Some("prod".to_owned()),
        queries,
    };
    Sentry::new(spec).unwrap()
}

/// Sentry knows the release.
fn known() -> Reply {
    reply("/releases/app@1.9.0/", 200, r#"{"version":"app@1.9.0"}"#)
}

#[tokio::test]
async fn new_and_regressed_issues_are_listed_and_their_events_counted() {
    let replies = vec![
        reply("firstRelease", 200, NEW),
        reply("is:regressed", 200, REGRESSED),
        reply("events-timeseries", 200, TIMESERIES),
    ];
    let peer = Peer::start(replies).await;
    let poll = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]).poll(&request_until(180)).await.unwrap();

    let issues = poll.issues.as_deref().unwrap();
    let told: Vec<_> =
        issues.iter().map(|issue| (issue.id.as_str(), issue.novelty, issue.fatal, issue.count, issue.users)).collect();
    assert_eq!(told, [("41", Novelty::New, true, 1204, 311), ("17", Novelty::Regressed, false, 31, 4)]);
    assert_eq!(issues[0].title, "TypeError: cart.total is None");
    assert_eq!(issues[0].link.as_deref(), Some("https://sentry.example.com/issues/41/"));
    assert_eq!((issues[0].first_seen, issues[1].culprit.as_deref()), (Some(at(30)), None));
    // 5 events in 30 s; a null is no zero; the bucket that Sentry calls incomplete is left for later.
    assert_eq!(points(&poll, 0), [number(0, 10.0), (at(30), Sample::Empty), number(60, 0.0)]);

    let asked = peer.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].headers["authorization"], format!("Bearer {TOKEN}"));
    let list = &asked[0].target;
    assert!(list.starts_with("/api/0/organizations/shop/issues/?"), "{list}");
    for part in [
        "start=2023-11-14T22:14:00&end=2023-11-14T22:17:00",
        "project=app&project=web",
        "environment=prod",
        "query=firstRelease:\"app@1.9.0\" is:unresolved",
        "sort=new",
        "groupStatsPeriod=&collapse=lifetime&collapse=filtered",
    ] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    assert!(asked[1].target.contains("query=is:regressed release:\"app@1.9.0\""));
    let series = &asked[2].target;
    assert!(
        series.contains("query=issue.id:[41,17] release:\"app@1.9.0\"&dataset=errors&yAxis=count()&interval=30"),
        "{series}"
    );
}

#[tokio::test]
async fn no_new_issue_of_a_release_that_sentry_knows_is_zero_events() {
    let peer = Peer::start(vec![reply("/issues/", 200, "[]"), known()]).await;
    let sentry = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]);
    let poll = sentry.poll(&request_until(180)).await.unwrap();
    // Only what Sentry itself would call complete: 90 s old.
    assert_eq!(points(&poll, 0), [number(0, 0.0), number(30, 0.0), number(60, 0.0)]);
    assert_eq!(poll.issues, Some(vec![]));
    assert_eq!(peer.asked().len(), 3);
    assert_eq!(peer.targets("/releases/").len(), 1);
    sentry.poll(&request_until(180)).await.unwrap();
    assert_eq!(peer.targets("/releases/").len(), 1, "what it knows it goes on knowing");
}

#[tokio::test]
async fn an_empty_list_of_a_release_that_sentry_does_not_know_is_no_zero() {
    let newest = r#"[{"id":7,"version":"v1.9.0","shortVersion":"v1.9.0"}]"#;
    for want in [ReleaseWant::NewIssues, ReleaseWant::ErrorCount, ReleaseWant::CrashFree] {
        let peer = Peer::start(vec![
            reply("/releases/?", 200, newest),
            reply("/issues/", 200, "[]"),
            reply(
                "events-timeseries",
                200,
                r#"{"timeSeries":[{"meta":{"interval":60000},"values":[{"timestamp":{BASE+0}000,"value":0}]}]}"#,
            ),
            reply("sessions", 200, r#"{"groups":[],"intervals":[],"query":""}"#),
        ])
        .await;
        let poll = sentry(&peer, vec![query(want, 60)]).poll(&request_until(600)).await.unwrap();
        assert_eq!(failure(&poll, 0).to_string(), "Sentry knows no release app@1.9.0; newest is v1.9.0", "{want:?}");
        assert_eq!((poll.points.len(), poll.issues), (0, None), "{want:?}");
        let asked = peer.targets("/releases/?").concat();
        assert!(asked.contains("environment=prod") && asked.contains("project=app"), "{asked}");
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_releases_proves_nothing_and_says_what_it_lacks() {
    let peer = Peer::start(vec![reply("/issues/", 200, "[]"), reply("/releases/", 403, r#"{"detail":"no"}"#)]).await;
    let poll = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]).poll(&request_until(180)).await.unwrap();
    assert!(failure(&poll, 0).to_string().ends_with("(scope project:read)"), "{:?}", failure(&poll, 0));
}

#[tokio::test]
async fn what_is_listed_stays_listed_whatever_becomes_of_its_count() {
    let empty = r#"{"meta":{},"timeSeries":[{"yAxis":"count()","meta":{"interval":60000},"values":[]}]}"#;
    let missing = r#"{"detail":"The requested resource does not exist"}"#;
    for (status, body) in [(429, "{}"), (500, "<html>"), (404, missing), (200, empty)] {
        let peer = Peer::start(vec![
            reply("firstRelease", 200, NEW),
            reply("is:regressed", 200, "[]"),
            reply("/events-", status, body),
        ])
        .await;
        let poll = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]).poll(&request_until(180)).await.unwrap();
        assert_eq!(poll.issues.as_ref().map(Vec::len), Some(1), "status {status}");
        // 1 204 events in the three minutes since the deploy.
        assert_eq!(points(&poll, 0), [number(180, 1204.0 / 3.0)]);
        assert!(poll.warnings[0].contains("their average since the deploy"), "{:?}", poll.warnings);
    }
}

#[tokio::test]
async fn an_older_sentry_counts_by_events_stats() {
    let stats =
        r#"{"data":[[{BASE+0},[{"count":5}]],[{BASE+30},[{"count":0}]],[{BASE+150},[{"count":9}]]],"start":0,"end":0}"#;
    let peer = Peer::start(vec![
        reply("firstRelease", 200, NEW),
        reply("is:regressed", 200, "[]"),
        reply("events-stats", 200, stats),
    ])
    .await;
    let sentry = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]);
    let poll = sentry.poll(&request_until(180)).await.unwrap();
    assert_eq!(points(&poll, 0), [number(0, 10.0), number(30, 0.0)], "the last bucket may still be filled");
    sentry.poll(&request_until(180)).await.unwrap();
    assert_eq!(peer.targets("events-timeseries").len(), 1, "it is not asked for what it does not have");
}

#[tokio::test]
async fn a_sentry_that_takes_no_slugs_is_given_ids() {
    let refused = r#"{"detail":"Invalid project parameter. Values must be numbers."}"#;
    let next =
        r#"<x>; rel="previous"; results="false"; cursor="0:0:1", <y>; rel="next"; results="true"; cursor="0:100:0""#;
    let peer = Peer::start(vec![
        reply("cursor=0:100:0", 200, r#"[{"id":"12","slug":"web"}]"#),
        reply("/projects/", 200, r#"[{"id":"11","slug":"app"}]"#).header("Link", next),
        reply("project=app", 400, refused),
        reply("/issues/", 200, "[]"),
        known(),
    ])
    .await;
    let sentry = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]);
    for _ in 0..2 {
        let poll = sentry.poll(&request_until(180)).await.unwrap();
        assert_eq!(points(&poll, 0).len(), 3);
    }
    assert_eq!(peer.targets("project=app").len(), 1);
    assert_eq!(peer.targets("project=11&project=12").len(), 4);
    assert_eq!(peer.targets("/projects/").len(), 2);

    let peer = Peer::start(vec![reply("/projects/", 200, "[]"), reply("/issues/", 400, refused)]).await;
    let error = sentry_of(&peer).poll(&request_until(180)).await.unwrap_err();
    assert!(error.to_string().contains("the project app, among those"), "{error}");
}

fn sentry_of(peer: &Peer) -> Sentry {
    sentry(peer, vec![query(ReleaseWant::NewIssues, 30)])
}

#[tokio::test]
async fn what_was_not_found_is_named() {
    let missing = r#"{"detail":"The requested resource does not exist"}"#;
    let peer =
        Peer::start(vec![reply("environment=prod", 404, missing), reply("/organizations/shop/", 200, "{}")]).await;
    let lines = sentry_of(&peer).check(&request()).await;
    let failure = lines[1].result.clone().unwrap_err();
    assert!(failure.reason.ends_with("(organization shop; environment prod; project app, web)"), "{}", failure.reason);
    assert!(failure.way_out.contains("`environment`"), "{}", failure.way_out);
}

#[tokio::test]
async fn more_issues_than_are_read_are_counted_aloud() {
    let next = r#"<y>; rel="next"; results="true"; cursor="0:100:0""#;
    let peer = Peer::start(vec![
        reply("firstRelease", 200, NEW).header("Link", next).header("X-Hits", "230"),
        reply("is:regressed", 200, "[]"),
        reply("events-timeseries", 200, TIMESERIES),
    ])
    .await;
    let poll = sentry_of(&peer).poll(&request_until(180)).await.unwrap();
    assert_eq!(poll.warnings, ["230 new issues, of which the latest 1 were read"]);
}

#[tokio::test]
async fn check_tries_the_counts_before_there_is_anything_to_count() {
    let peer = Peer::start(vec![
        reply("events-", 403, r#"{"detail":"You do not have permission to perform this action."}"#),
        reply("/issues/", 200, "[]"),
        known(),
        reply("/organizations/shop/", 200, "{}"),
    ])
    .await;
    let lines = sentry_of(&peer).check(&request_until(600)).await;
    assert!(lines[1].result.is_ok(), "{lines:?}");
    assert_eq!(lines[2].what, "peer: events of app@$version");
    assert!(lines[2].result.clone().unwrap_err().way_out.contains("org:read"));
}

#[tokio::test]
async fn a_list_that_fails_is_not_an_empty_list() {
    let peer = Peer::start(vec![
        reply("firstRelease", 200, NEW),
        reply("is:regressed", 500, "<html>oops</html>"),
        reply("sessions", 200, SESSIONS),
    ])
    .await;
    let mut sessions = query(ReleaseWant::CrashFree, 600);
    sessions.signal = SignalId(1);
    let poll = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30), sessions]).poll(&request()).await.unwrap();
    assert!(matches!(failure(&poll, 0), SourceError::Server { status: 500, .. }));
    assert_eq!(poll.issues, None);
    assert!(!points(&poll, 1).is_empty());
}

#[tokio::test]
async fn error_events_of_the_release_are_counted_by_the_minute() {
    let peer = Peer::start(vec![reply("events-timeseries", 200, TIMESERIES)]).await;
    let mut errors = query(ReleaseWant::ErrorCount, 30);
    errors.filter = Some("!level:info".to_owned());
    errors.projects.clear();
    let poll = sentry(&peer, vec![errors]).poll(&request_until(80)).await.unwrap();
    // The bin from 60 s on is not over at 80 s, whatever Sentry says.
    assert_eq!(points(&poll, 0), [number(0, 10.0), (at(30), Sample::Empty)]);
    let target = &peer.asked()[0].target;
    assert!(target.contains("query=release:\"app@1.9.0\" !level:info&"), "{target}");
    assert!(target.contains("project=-1"), "{target}");
}

#[tokio::test]
async fn an_interval_without_sense_gives_no_readings() {
    for (interval, fine) in [("1e300", true), ("9223372036854775807", true), ("0", false), ("-5", false)] {
        let odd = TIMESERIES.replace("\"interval\":30000", &format!("\"interval\":{interval}"));
        let peer = Peer::start(vec![reply("events-timeseries", 200, &odd), known()]).await;
        let poll = sentry(&peer, vec![query(ReleaseWant::ErrorCount, 30)]).poll(&request_until(180)).await;
        assert_eq!(poll.map(|poll| points(&poll, 0)).ok(), fine.then(Vec::new), "{interval}");
    }
}

#[tokio::test]
async fn crash_free_sessions_are_percent_and_need_sessions() {
    let peer = Peer::start(vec![reply("sessions", 200, SESSIONS)]).await;
    let poll = sentry(&peer, vec![query(ReleaseWant::CrashFree, 600)]).poll(&request_until(600)).await.unwrap();
    // 22:00 and 22:10 are over at 22:24; at 22:10 there is a rate and no session.
    assert_eq!(points(&poll, 0), [number(-840, 99.42), (at(-240), Sample::Empty)]);
    let target = &peer.asked()[0].target;
    assert!(target.contains("interval=10m") && target.contains("query=release:\"app@1.9.0\""), "{target}");
}

#[tokio::test]
async fn a_sentry_that_knows_only_hours_is_asked_for_hours_from_then_on() {
    let refused = r#"{"detail":"The interval has to be a multiple of the minimum interval of one hour."}"#;
    let peer = Peer::start(vec![reply("interval=10m", 400, refused), reply("interval=1h", 200, HOURS)]).await;
    let sentry = sentry(&peer, vec![query(ReleaseWant::CrashFree, 600)]);
    for _ in 0..2 {
        let poll = sentry.poll(&request_until(600)).await.unwrap();
        // The running hour is this release's running total, true at the time it was read.
        assert_eq!(points(&poll, 0), [(at(-240 - 70 * 60), Sample::Empty), number(600, 98.5)]);
    }
    assert_eq!(peer.targets("interval=10m").len(), 1);
    assert_eq!(peer.targets("interval=1h").len(), 2);
}

#[tokio::test]
async fn no_session_at_all_is_no_data() {
    let none = SESSIONS.replace("[1000,0,50]", "[0,0,0]");
    let peer = Peer::start(vec![reply("sessions", 200, &none), known()]).await;
    let poll = sentry(&peer, vec![query(ReleaseWant::CrashFree, 600)]).poll(&request_until(600)).await.unwrap();
    assert!(points(&poll, 0).iter().all(|(_, sample)| *sample == Sample::Empty));
}

#[tokio::test]
async fn too_many_requests_ends_the_poll_and_says_until_when() {
    let limited = reply("/issues/", 429, r#"{"detail":"You are attempting to use this endpoint too frequently."}"#)
        .header("X-Sentry-Rate-Limit-Reset", &(BASE + 150).to_string());
    let peer = Peer::start(vec![limited]).await;
    let queries = vec![query(ReleaseWant::NewIssues, 30), query(ReleaseWant::ErrorCount, 30)];
    let error = sentry(&peer, queries).poll(&request()).await.unwrap_err();
    assert_eq!(error, SourceError::RateLimited { retry_after: Some(TimeDelta::seconds(40)) });
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_version_that_is_not_known_yet_is_not_asked_for() {
    let peer = Peer::start(vec![]).await;
    let mut waiting = query(ReleaseWant::NewIssues, 30);
    waiting.service = ServiceId(1);
    let poll = sentry(&peer, vec![waiting]).poll(&request()).await.unwrap();
    assert!(poll.points.is_empty() && poll.failed.is_empty() && poll.issues.is_none());
}

#[tokio::test]
async fn check_names_the_scope_that_is_missing() {
    let peer = Peer::start(vec![
        reply("/issues/", 403, r#"{"detail":"You do not have permission to perform this action."}"#),
        reply("/organizations/shop/", 200, "{}"),
    ])
    .await;
    let lines = sentry(&peer, vec![query(ReleaseWant::NewIssues, 30)]).check(&request()).await;
    assert_eq!(lines[0].what, "peer: token and organization shop");
    let failure = lines[1].result.clone().unwrap_err();
    assert!(failure.way_out.contains("event:read") && failure.way_out.contains("org:ci"), "{failure:?}");

    let sso = r#"{"detail":{"code":"sso-required","message":"Must login via SSO","extra":{}}}"#;
    let peer = Peer::start(vec![reply("/organizations/shop/", 403, sso)]).await;
    let lines = sentry(&peer, vec![]).check(&request()).await;
    assert_eq!(lines[0].result.clone().unwrap_err().reason, "not allowed: Must login via SSO");
}

mod properties {
    use super::super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn zeros_are_bounded_however_old_the_deploy_is(age in 0_i64..=4_000_000_000, step in 0_i64..=86_400) {
            let to = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            let (from, step) = (to - TimeDelta::seconds(age), TimeDelta::seconds(step));
            let points = zeros(from, to, step);
            prop_assert!(points.len() <= usize::try_from(MOST_POINTS).unwrap() + 1);
            let step = step.max(TimeDelta::seconds(1));
            prop_assert!(points.last().is_none_or(|(at, _)| to - *at < step * 2 + SETTLES), "the newest are kept");
            prop_assert!(points.first().is_none_or(|(at, _)| *at > from - step));
        }
    }
}
