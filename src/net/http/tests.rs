//! The parts of HTTP that need no peer: headers in, headers out.
#![allow(clippy::unwrap_used)]

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

#[test]
fn each_vendor_says_in_its_own_way_when_to_come_back() {
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let wait = |hint: RetryHint, pairs: &[_]| hint.read(&headers(pairs), now).map(|wait| wait.num_seconds());
    assert_eq!(wait(RetryHint::RetryAfter, &[("retry-after", "40")]), Some(40));
    assert_eq!(wait(RetryHint::RetryAfter, &[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")]), Some(60));
    assert_eq!(wait(RetryHint::SentryReset, &[("x-sentry-rate-limit-reset", "1700000030")]), Some(30));
    assert_eq!(wait(RetryHint::DatadogReset, &[("x-ratelimit-reset", "12")]), Some(12));
    assert_eq!(wait(RetryHint::DatadogReset, &[("retry-after", "7")]), Some(7));
    let hour = ("x-ratelimit-reset", "1700000090");
    assert_eq!(wait(RetryHint::GitHubReset, &[hour]), Some(90));
    assert_eq!(wait(RetryHint::GitHubReset, &[hour, ("retry-after", "40")]), Some(40));
    assert_eq!(wait(RetryHint::GitLabReset, &[("ratelimit-reset", "1700000020")]), Some(20));
    assert_eq!(wait(RetryHint::RetryAfter, &[("retry-after", "soon")]), None);
    assert_eq!(wait(RetryHint::SentryReset, &[]), None);
}

#[test]
fn a_reset_that_is_past_or_absurd_is_bounded() {
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let wait = |value| RetryHint::SentryReset.read(&headers(&[("x-sentry-rate-limit-reset", value)]), now);
    assert_eq!(wait("1600000000"), Some(TimeDelta::seconds(1)));
    assert_eq!(wait("9e99"), Some(TimeDelta::hours(1)));
}

#[test]
fn user_and_password_are_one_header() {
    let auth = Auth::Basic { user: "Aladdin".into(), password: Secret::new("open sesame") };
    let headers = authorization(&auth).unwrap();
    assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(headers["authorization"].is_sensitive());
}

#[test]
fn a_token_that_no_header_can_hold_is_refused_without_being_shown() {
    let error = authorization(&Auth::Bearer(Secret::new("glsa_\nhush"))).unwrap_err();
    assert_eq!(error.to_string(), "not signed in: the token holds a character that no header may hold");
}

#[test]
fn paths_are_joined_to_whatever_the_base_has() {
    let http = |url: &str| {
        let endpoint = Endpoint { name: "grafana".into(), url: url.into(), timeout: Duration::from_secs(1) };
        Http::new(&endpoint, HeaderMap::new(), RetryHint::RetryAfter)
    };
    let link = |url| http(url).unwrap().link(&["api", "a@1/2", ""]);
    assert_eq!(link("https://host/sub/path"), "https://host/sub/path/api/a@1%2F2/");
    assert_eq!(link("https://user:hush@host/?key=hush"), "https://host/api/a@1%2F2/");
    let refused = |url| http(url).err().unwrap().to_string();
    assert_eq!(refused("not a url"), "cannot connect: the url of grafana is not an http or https address");
    assert_eq!(refused("file:///etc/passwd"), refused("not a url"));
}
