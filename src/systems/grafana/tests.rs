//! Grafana: frames, partial answers, alert rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Grafana, GrafanaSpec};
use crate::net::Auth;
use crate::poll::{AlertState, Poll, PollRequest, SourceError};
use crate::secret::Secret;
use crate::signal::{Sample, SignalId};
use crate::systems::api::Source;
use crate::systems::questions::{AlertQuery, SeriesQuery};
use crate::systems::shared::peer::*;

const TWO_AXES: &str = include_str!("recorded/two_axes.json");
const PARTIAL: &str = include_str!("recorded/partial.json");
const RULES: &str = include_str!("recorded/rules.json");
const DATASOURCES: &str = include_str!("recorded/datasources.json");

fn grafana(peer: &Peer, queries: Vec<SeriesQuery>, filters: &[&str]) -> Grafana {
    let alert = |(index, filter): (usize, &&str)| AlertQuery {
        signal: SignalId(10 + index as u16),
        filter: (*filter).to_owned(),
    };
    Grafana::new(GrafanaSpec {
        endpoint: peer.endpoint(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        organization: Some(7),
        datasources: if queries.is_empty() { vec![] } else { vec![("prom-1".to_owned(), queries)] },
        alerts: filters.iter().enumerate().map(alert).collect(),
    })
    .unwrap()
}

fn four() -> Vec<SeriesQuery> {
    vec![value(0, "up"), value(1, "b"), value(2, "c"), value(3, "d")]
}

async fn polled(status: u16, body: &str, queries: Vec<SeriesQuery>) -> Result<Poll, SourceError> {
    let peer = Peer::start(vec![reply("/api/ds/query", status, body)]).await;
    grafana(&peer, queries, &[]).poll(&request()).await
}

#[tokio::test]
async fn all_signals_of_a_data_source_are_one_request() {
    let peer = Peer::start(vec![reply("/api/ds/query", 200, TWO_AXES)]).await;
    let queries =
        vec![value(0, r#"up{v="$version"}[$__rate_interval]"#), counts(1, "e", "r"), value(2, "c"), value(3, "d")];
    grafana(&peer, queries, &[]).poll(&request()).await.unwrap();
    let asked = peer.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(asked[0].headers["x-grafana-org-id"], "7");
    assert_eq!(asked[0].headers["user-agent"], concat!("redflag/", env!("CARGO_PKG_VERSION")));
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    // Epoch milliseconds, as strings.
    assert_eq!(body["from"], format!("{BASE}000"));
    assert_eq!(body["to"], format!("{}000", BASE + 110));
    let queries = body["queries"].as_array().unwrap();
    let refs: Vec<&str> = queries.iter().map(|query| query["refId"].as_str().unwrap()).collect();
    assert_eq!(refs, ["A0", "A1", "B1", "A2", "A3"]);
    // Our variable is filled in, Grafana's is left to Grafana.
    assert_eq!(queries[0]["expr"], r#"up{v="1.9.0"}[$__rate_interval]"#);
    assert_eq!(queries[0].get("interval"), None, "Grafana would take a minimum for the scrape interval");
    assert_eq!(queries[0]["intervalMs"], 15_000);
    assert_eq!(queries[0]["datasource"]["uid"], "prom-1");
    assert_eq!((&queries[0]["range"], &queries[0]["instant"]), (&true.into(), &false.into()));
}

#[tokio::test]
async fn each_frame_has_its_own_times_and_nan_is_beside_the_nulls() {
    let queries = vec![value(0, "up"), counts(1, "e", "r"), value(2, "c"), value(3, "d")];
    let poll = polled(200, TWO_AXES, queries).await.unwrap();
    // The point at 105 s is younger than a scrape: it comes with the next poll.
    assert_eq!(
        points(&poll, 0),
        [number(0, 0.5), (at(15), Sample::NotANumber), (at(30), Sample::NotANumber), number(45, 2.0)]
    );
    let count = |second, errors, requests| (at(second), Sample::Counts { errors, requests });
    assert_eq!(points(&poll, 1), [count(0, 0.0, 100.0), count(30, 3.0, 150.0), count(45, 0.0, 0.0)]);
    // No frame, or a frame without rows: asked, and there is nothing.
    assert_eq!((points(&poll, 2), points(&poll, 3)), (vec![], vec![]));
    assert_eq!(poll.warnings, ["metric might not be a counter"], "a hint takes nothing away");
    assert!(poll.failed.is_empty());
}

#[tokio::test]
async fn a_refused_query_does_not_take_the_good_ones_with_it() {
    for status in [200, 207, 400, 500] {
        let poll = polled(status, PARTIAL, four()).await.unwrap();
        assert_eq!(points(&poll, 1), [number(15, 0.25)], "status {status}");
        assert_eq!(
            failure(&poll, 0),
            SourceError::BadQuery("bad_data: 1:5: parse error: unexpected identifier".to_owned())
        );
        // The data source's credentials are not ours.
        assert!(matches!(failure(&poll, 2), SourceError::Forbidden(text) if text.contains("Grafana's own")));
        assert!(matches!(failure(&poll, 3), SourceError::BadQuery(text) if text.contains("2 series")));
    }
}

/// A frame with one value and these notices.
fn noticed(reference: &str, notices: &str) -> String {
    format!(
        r#""{reference}":{{"status":200,"frames":[{{"schema":{{"meta":{{"notices":{notices}}},"fields":[{{"type":"time"}},{{"type":"number"}}]}},"data":{{"values":[[{{BASE+15}}000],[0.25]]}}}}]}}"#
    )
}

#[tokio::test]
async fn a_frame_with_a_warning_is_a_part_and_the_others_are_whole() {
    let warned = noticed("A0", r#"[{"text":"a hint"},{"severity":"warning","text":"one of 3 stores did not answer"}]"#);
    let unheard_of = noticed("A1", r#"[{"severity":"grave","text":"who knows"}]"#);
    let (hinted, silent) = (noticed("A2", r#"[{"severity":"info","text":"a hint"}]"#), noticed("A3", "null"));
    let body = format!(r#"{{"results":{{{warned},{unheard_of},{hinted},{silent}}}}}"#);
    for status in [200, 207] {
        let poll = polled(status, &body, four()).await.unwrap();
        assert_eq!(failure(&poll, 0), SourceError::Partial("one of 3 stores did not answer".to_owned()));
        assert_eq!(failure(&poll, 1), SourceError::Partial("who knows".to_owned()));
        assert_eq!((points(&poll, 2), points(&poll, 3)), (vec![number(15, 0.25)], vec![number(15, 0.25)]));
        assert_eq!(poll.warnings, ["a hint"]);
    }
}

#[tokio::test]
async fn a_flood_of_notices_is_passed_over_and_a_warning_at_its_end_is_not() {
    let hint = format!(r#"{{"severity":"info","text":"{}"}}"#, "long ".repeat(10));
    let mut notices = vec![hint; 60_000];
    let body =
        |notices: &[String]| format!(r#"{{"results":{{{}}}}}"#, noticed("A0", &format!("[{}]", notices.join(","))));
    let poll = polled(200, &body(&notices), vec![value(0, "up")]).await.unwrap();
    assert_eq!(points(&poll, 0), [number(15, 0.25)]);
    assert_eq!(poll.warnings.len(), 1);
    notices.push(r#"{"severity":"error","text":"half of it"}"#.to_owned());
    let poll = polled(200, &body(&notices), vec![value(0, "up")]).await.unwrap();
    assert_eq!(failure(&poll, 0), SourceError::Partial("half of it".to_owned()));

    let different: Vec<String> =
        (0..1000).map(|index| format!(r#"{{"text":"hint {index} {}"}}"#, "x".repeat(3000))).collect();
    let poll = polled(200, &body(&different), vec![value(0, "up")]).await.unwrap();
    assert!(poll.warnings.len() <= 20 && poll.warnings.iter().all(|warning| warning.len() < 250));
}

#[tokio::test]
async fn a_frame_of_a_hundred_thousand_columns_is_read_in_one_pass() {
    let columns = 100_000;
    let fields = vec![r#"{"type":"number"}"#; columns].join(",");
    let values = vec!["[1]"; columns].join(",");
    let body = format!(
        r#"{{"results":{{"A0":{{"frames":[{{"schema":{{"fields":[{fields},{{"type":"time"}}]}},"data":{{"values":[{values},[{}]]}}}}]}}}}}}"#,
        1_700_000_015_000_i64
    );
    let begun = std::time::Instant::now();
    let poll = polled(200, &body, vec![value(0, "up")]).await.unwrap();
    let said = format!("{columns} series came back where one is needed: aggregate them, with sum or max for instance");
    assert_eq!(failure(&poll, 0), SourceError::BadQuery(said));
    // Searched again for each column it takes minutes.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_status_without_a_reason_is_no_empty_answer() {
    let error =
        polled(207, r#"{"results":{"A0":{"status":502,"frames":[]}}}"#, vec![value(0, "up")]).await.unwrap_err();
    assert!(matches!(error, SourceError::Server { status: 502, .. }));
}

/// How many queries each request to Grafana held, in the order in which they came.
fn sizes(peer: &Peer) -> Vec<usize> {
    let size = |asked: &Asked| {
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        body["queries"].as_array().unwrap().len()
    };
    peer.asked().iter().map(size).collect()
}

#[tokio::test]
async fn a_hundred_signals_are_a_few_requests_and_halves_of_them_where_those_take_too_long() {
    let queries = || (0..100).map(|signal| value(signal, "up")).collect::<Vec<_>>();
    let peer = Peer::start(vec![reply("/api/ds/query", 500, r#"{"message":"broken"}"#)]).await;
    grafana(&peer, queries(), &[]).poll(&request()).await.unwrap_err();
    assert_eq!(sizes(&peer), [24, 24, 24, 24, 4]);

    // A time-out of Grafana's own, for whatever holds more than ten queries or so.
    let many = r#""refId":"A12""#;
    let peer = Peer::start(vec![reply(many, 408, ""), reply("/api/ds/query", 200, r#"{"results":{}}"#)]).await;
    let grafana = grafana(&peer, queries()[..48].to_vec(), &[]);
    grafana.poll(&request()).await.unwrap_err();
    assert_eq!(sizes(&peer), [24, 24, 12, 12, 12, 12], "each half is asked once");
    grafana.poll(&request()).await.unwrap_err();
    assert_eq!(sizes(&peer)[6..], [12; 4], "and no more than that from then on");
}

#[tokio::test]
async fn signals_with_different_gaps_do_not_share_a_span() {
    let peer = Peer::start(vec![]).await;
    let request =
        PollRequest { since: vec![(SignalId(0), at(0)), (SignalId(1), at(60)), (SignalId(2), at(60))], ..request() };
    grafana(&peer, four()[..3].to_vec(), &[]).poll(&request).await.unwrap_err();
    let spans: Vec<(String, usize)> = peer
        .asked()
        .iter()
        .map(|asked| serde_json::from_str::<serde_json::Value>(&asked.body).unwrap())
        .map(|body| (body["from"].as_str().unwrap().to_owned(), body["queries"].as_array().unwrap().len()))
        .collect();
    assert_eq!(spans, [(format!("{BASE}000"), 1), (format!("{}000", BASE + 60), 2)]);
}

#[tokio::test]
async fn a_query_that_grafana_forgets_is_not_empty() {
    let poll =
        polled(200, PARTIAL, vec![value(0, "a"), value(1, "b"), value(2, "c"), value(3, "d"), value(4, "e")]).await;
    assert!(matches!(failure(&poll.unwrap(), 4), SourceError::BadAnswer(_)));
}

#[tokio::test]
async fn an_answer_that_is_an_error_as_a_whole_says_why() {
    let denied = r#"{"accessErrorId":"ACE1","message":"You'll need additional permissions to perform this action. Permissions needed: datasources:query","title":"Access denied"}"#;
    let error = polled(403, denied, four()).await.unwrap_err();
    assert_eq!(error.to_string(), "not allowed: permission missing: datasources:query");
    let invalid =
        r#"{"extra":null,"message":"Invalid API key","messageId":"api-key.invalid","statusCode":401,"traceID":""}"#;
    assert_eq!(polled(401, invalid, four()).await, Err(SourceError::Unauthorized("Invalid API key".to_owned())));
    let missing = polled(404, r#"{"message":"Data source not found"}"#, four()).await;
    assert_eq!(missing, Err(SourceError::NotFound("Data source not found".to_owned())));
    let broken = polled(500, r#"{"message":"Query data error"}"#, four()).await;
    assert_eq!(broken, Err(SourceError::Server { status: 500, text: "Query data error".to_owned() }));
    assert!(matches!(polled(200, "{}", four()).await, Err(SourceError::BadAnswer(_))));
}

#[tokio::test]
async fn a_signal_whose_version_is_not_known_yet_is_left_out() {
    let mut unknown = value(0, "up{v=\"${version}\"}");
    unknown.service = crate::deploy::ServiceId(1);
    let peer = Peer::start(vec![]).await;
    assert_eq!(grafana(&peer, vec![unknown], &[]).poll(&request()).await, Ok(Poll::default()));
    assert!(peer.asked().is_empty());
}

#[tokio::test]
async fn alert_rules_are_ours_by_their_labels_or_their_instances() {
    let peer = Peer::start(vec![reply("/api/prometheus/grafana/api/v1/rules", 200, RULES)]).await;
    let filters = ["service=app, env=production", "{service=\"cart\"}", "service=docs"];
    let poll = grafana(&peer, vec![], &filters).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 10), [number(110, 1.0)]);
    assert_eq!(points(&poll, 11), [number(110, 1.0)]);
    // Only a paused and a recording rule carry this label: nothing guards the service.
    assert_eq!(points(&poll, 12), []);
    let alerts = poll.alerts.unwrap();
    let told: Vec<_> = alerts.iter().map(|alert| (alert.signal.0, alert.name.as_str(), alert.state)).collect();
    assert_eq!(
        told,
        [
            (10, "High 5xx", AlertState::Firing),
            (10, "Slow", AlertState::Pending),
            (10, "Blind", AlertState::Unknown),
            (11, "By instance", AlertState::Firing),
        ]
    );
    assert_eq!((alerts[0].since, alerts[1].since, alerts[3].since), (Some(at(60)), None, Some(at(30))));
    assert_eq!(alerts[0].link, Some(format!("{}/alerting/grafana/abc/view", peer.url)));
}

/// The answer of a rules API with one group of one rule.
fn one_rule(group: &str, rule: &str) -> String {
    format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","file":"f","interval":60,{group}"rules":[{{"name":"r","type":"alerting","labels":{{"service":"app"}},{rule}}}]}}]}}}}"#
    )
}

/// What Grafana's rules say of one that carries our labels.
async fn rule_told(group: &str, rule: &str) -> Vec<(AlertState, bool)> {
    let peer = Peer::start(vec![reply("/grafana/api/v1/rules", 200, &one_rule(group, rule))]).await;
    let poll = grafana(&peer, vec![], &["service=app"]).poll(&request()).await.unwrap();
    poll.alerts.unwrap().iter().map(|alert| (alert.state, alert.muted.is_some())).collect()
}

#[tokio::test]
async fn a_rule_that_nobody_evaluates_or_in_words_that_nobody_knows_is_not_quiet() {
    let unknown = [(AlertState::Unknown, false)];
    let recent = r#""lastEvaluation":"2023-11-14T22:15:00Z","#;
    assert_eq!(rule_told(recent, r#""state":"inactive","health":"ok""#).await, []);
    for evaluated in ["0001-01-01T00:00:00Z", "2023-11-14T20:00:00Z"] {
        let rule = format!(r#""state":"inactive","health":"ok","lastEvaluation":"{evaluated}""#);
        assert_eq!(rule_told("", &rule).await, unknown, "{evaluated}");
        assert_eq!(
            rule_told(&format!(r#""lastEvaluation":"{evaluated}","#), r#""state":"inactive","health":"ok""#).await,
            unknown
        );
    }
    for words in [
        r#""state":"brand_new","health":"ok""#,
        r#""state":"nodata","health":"ok""#,
        r#""state":"inactive","health":"unknown""#,
        r#""state":"inactive","health":"err""#,
        r#""state":"inactive""#,
    ] {
        assert_eq!(rule_told(recent, words).await, unknown, "{words}");
    }
    let firing = r#""state":"firing","health":"unknown","lastEvaluation":"0001-01-01T00:00:00Z""#;
    assert_eq!(rule_told("", firing).await, [(AlertState::Firing, false)], "what fires, fires");
}

#[tokio::test]
async fn rules_come_page_by_page_and_from_the_data_sources_too() {
    let second = one_rule("", r#""state":"firing","health":"ok""#);
    let first = second
        .replace(r#""data":{"#, r#""data":{"groupNextToken":"more","#)
        .replace(r#""name":"r""#, r#""name":"first""#);
    let theirs = second.replace(r#""name":"r""#, r#""name":"theirs""#);
    let peer = Peer::start(vec![
        reply("group_next_token=more", 200, &second),
        reply("/prometheus/grafana/api/v1/rules", 200, &first),
        reply("/prometheus/prom-1/api/v1/rules?type=alert", 200, &theirs),
        reply("/api/ds/query", 200, TWO_AXES),
    ])
    .await;
    let poll = grafana(&peer, vec![value(0, "up")], &["service=app"]).poll(&request()).await.unwrap();
    let names: Vec<String> = poll.alerts.unwrap().into_iter().map(|alert| alert.name).collect();
    assert_eq!(names, ["first", "r", "theirs"]);
}

#[tokio::test]
async fn whoever_is_silenced_calls_nobody() {
    let instances = |states: [&str; 2]| {
        let instance = |(pod, state): (&str, &str)| {
            format!(r#"{{"labels":{{"alertname":"r","service":"app","pod":"{pod}"}},"state":"{state}"}}"#)
        };
        let both = [("a", states[0]), ("b", states[1])].map(instance).join(",");
        one_rule("", &format!(r#""state":"firing","health":"ok","alerts":[{both}]"#))
    };
    let silenced = r#"[{"labels":{"alertname":"r","service":"app","pod":"a","grafana_folder":"Shop"},"status":{"state":"suppressed","silencedBy":["x"]}}]"#;
    let told = async |rules: &str| {
        let peer = Peer::start(vec![reply("/rules", 200, rules), reply("/api/v2/alerts", 200, silenced)]).await;
        let poll = grafana(&peer, vec![], &["service=app"]).poll(&request()).await.unwrap();
        (poll.alerts.as_ref().unwrap()[0].muted.is_some(), points(&poll, 10), peer.targets("alertmanager").concat())
    };
    let (muted, firing, asked) = told(&instances(["Alerting", "Normal"])).await;
    assert_eq!((muted, firing), (true, vec![number(110, 0.0)]));
    assert!(asked.contains("active=false&silenced=true"), "{asked}");
    let (muted, firing, _) = told(&instances(["Alerting", "Alerting"])).await;
    assert_eq!((muted, firing), (false, vec![number(110, 1.0)]), "a silence over one instance silences no other");
}

#[tokio::test]
async fn megabytes_of_rules_are_not_read_every_quarter_of_a_minute() {
    let padding = format!(r#""state":"firing","health":"ok","query":"{}""#, "x".repeat(3 << 20));
    let peer = Peer::start(vec![reply("/rules", 200, &one_rule("", &padding))]).await;
    let grafana = grafana(&peer, vec![], &["service=app"]);
    let first = grafana.poll(&request_until(110)).await.unwrap();
    let again = grafana.poll(&request_until(140)).await.unwrap();
    assert_eq!((points(&again, 10), again.alerts), (vec![number(110, 1.0)], first.alerts), "as it was then");
    assert_eq!(peer.targets("/grafana/api/v1/rules").len(), 1);
    grafana.poll(&request_until(200)).await.unwrap();
    assert_eq!(peer.targets("/grafana/api/v1/rules").len(), 2);
}

#[tokio::test]
async fn rules_that_are_refused_leave_the_series_alone() {
    let replies = vec![
        reply("/api/ds/query", 400, PARTIAL),
        reply("/rules", 403, r#"{"message":"Permissions needed: alert.rules:read"}"#),
    ];
    let peer = Peer::start(replies).await;
    let poll = grafana(&peer, four(), &["service=app"]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 1).len(), 1);
    assert_eq!(failure(&poll, 10).to_string(), "not allowed: permission missing: alert.rules:read");
    assert_eq!(poll.alerts, None);
}

#[tokio::test]
async fn who_is_not_signed_in_does_not_ask_again_in_this_poll() {
    let peer = Peer::start(vec![reply("/api/ds/query", 401, r#"{"message":"Unauthorized"}"#)]).await;
    let error = grafana(&peer, four(), &["service=app"]).poll(&request()).await.unwrap_err();
    assert_eq!(error, SourceError::Unauthorized("Unauthorized".to_owned()));
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_before_anything_is_asked() {
    let peer = Peer::start(vec![]).await;
    let spec = GrafanaSpec {
        endpoint: peer.endpoint(),
        auth: Auth::None,
        organization: None,
        datasources: vec![],
        alerts: vec![AlertQuery { signal: SignalId(0), filter: "service=~app.*".to_owned() }],
    };
    let error = Grafana::new(spec).err().unwrap();
    assert_eq!(error.to_string(), "query refused: alert filter `service=~app.*`: expected label=value or label!=value");
}

#[tokio::test]
async fn check_names_what_is_wrong_and_the_way_out() {
    let replies = vec![
        reply("/api/health", 200, r#"{"commit":"x","database":"ok","version":"11.2.0"}"#),
        reply("/api/datasources", 200, DATASOURCES),
        reply("/api/ds/query", 400, PARTIAL),
        reply("/rules", 200, RULES),
    ];
    let peer = Peer::start(replies).await;
    let spec = GrafanaSpec {
        endpoint: peer.endpoint(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        organization: None,
        datasources: vec![("promm".to_owned(), four())],
        alerts: vec![AlertQuery { signal: SignalId(10), filter: "service=nobody".to_owned() }],
    };
    let lines = Grafana::new(spec).unwrap().check(&request()).await;
    let told: Vec<String> = lines
        .iter()
        .map(|line| match &line.result {
            Ok(remark) => format!("{}: {remark}", line.what),
            Err(failure) => format!("{}: {}; {}", line.what, failure.reason, failure.way_out),
        })
        .collect();
    assert_eq!(
        told,
        [
            "peer: reachable: Grafana 11.2.0",
            "peer: token: accepted; sees 2 data sources",
            "peer: data source promm: not found: no data source has the uid promm; use one of these uids: prom-1 (Prometheus EU), loki-1 (Loki)",
            "peer: up: query refused: bad_data: 1:5: parse error: unexpected identifier; correct the query",
            "peer: b: 1 of 7 points",
            "peer: c: not allowed: the data source refuses Grafana's own credentials: client: 401 Unauthorized; correct the credentials in the data source's own settings in Grafana",
            "peer: d: query refused: 2 series came back where one is needed: aggregate them, with sum or max for instance; correct the query",
            "peer: alert rules: not found: no alert rule carries these labels; correct the filter, or let the token read the rules' folder (alert.rules:read)",
        ]
    );
}

#[tokio::test]
async fn check_says_which_credential_is_wrong() {
    let replies =
        vec![reply("/api/health", 200, "{}"), reply("/api/datasources", 401, r#"{"message":"Invalid API key"}"#)];
    let peer = Peer::start(replies).await;
    let lines = grafana(&peer, four(), &[]).check(&request()).await;
    assert_eq!(lines.len(), 2);
    let failure = lines[1].result.clone().unwrap_err();
    assert_eq!(failure.reason, "not signed in: Invalid API key");
    assert!(failure.way_out.contains("service account") && failure.way_out.contains("`peer`"), "{failure:?}");
}

#[tokio::test]
async fn of_an_earlier_day_the_wanted_series_alone_are_asked_for_in_one_request() {
    let peer = Peer::start(vec![reply("/api/ds/query", 200, TWO_AXES), reply("rules", 500, "")]).await;
    let day = chrono::TimeDelta::days(1);
    let since = vec![(SignalId(0), at(0) - day), (SignalId(2), at(0) - day)];
    let then = PollRequest { from: at(0) - day, to: at(110) - day, since, ..request() };
    grafana(&peer, four(), &["service=app"]).past(&then).await.unwrap();
    let asked = peer.asked();
    assert_eq!(asked.len(), 1, "no alert rules: {asked:?}");
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    let texts: Vec<&str> =
        body["queries"].as_array().unwrap().iter().filter_map(|query| query["expr"].as_str()).collect();
    assert_eq!(texts, ["up", "c"]);
    assert_eq!(body["from"], format!("{}000", BASE - 86_400));
    assert_eq!(body["to"], format!("{}000", BASE + 110 - 86_400));
}
