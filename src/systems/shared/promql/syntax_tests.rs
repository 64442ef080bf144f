//! What is refused of a query, and what is not.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

/// What is said of a query, and of which part.
fn said(query: &str) -> Option<(String, String)> {
    of_promql(query).map(|mistake| {
        let way_out = mistake.way_out.map(|way_out| format!("; {way_out}")).unwrap_or_default();
        (query[mistake.at].to_owned(), mistake.what + &way_out)
    })
}

#[test]
fn what_every_server_refuses_is_told_with_its_place() {
    for (query, at, what) in [
        ("sum(rate(x[5m])", "(", "this ( is never closed"),
        ("sum(rate(x[5m])))", ")", "this ) closes nothing"),
        ("sum(rate(x{a=\"b\"[5m]))", ")", "this ) closes no (: the last open bracket is {"),
        ("rate(x{code=\"500}[5m])", "\"", "this \" has no second one"),
        ("rate(x{code=500}[5m])", "500", "label values need quotes; write \"500\""),
        ("rate(x{code==\"500\"}[5m])", "==", "labels have no ==; write = for a label"),
        ("rate(x{code=~”5..”}[5m])", "”", "” is a typographic quote; write \" or '"),
        ("rate(x[5min])", "5min", "unknown unit `min`; did you mean `m`?"),
        ("rate(x[])", "[]", "this range is empty; write how far it goes back: [5m]"),
        ("rat(x[5m])", "rat", "there is no function `rat`; did you mean `rate`?"),
        (
            "histogram_quantil(0.9, rate(x[5m]))",
            "histogram_quantil",
            "there is no function `histogram_quantil`; did you mean `histogram_quantile`?",
        ),
        ("sum(rate(x[5m])) /", "/", "nothing follows `/`"),
        ("sum(rate(x[5m])) sum(y)", "sum(rate(x[5m])) sum(y)", "this is not PromQL"),
        ("up\u{a0}+ 1", "\u{a0}", "there is an invisible character, U+00A0; write an ordinary space, or none"),
    ] {
        let (part, sentence) = said(query).unwrap_or_else(|| panic!("{query} is taken"));
        assert_eq!((part.as_str(), sentence.as_str()), (at, what), "{query}");
    }
}

#[test]
fn what_some_server_takes_is_not_refused() {
    for query in [
        "up",
        "1 - sum(rate(x{a=\"b\",c=~'5..$'}[$__rate_interval])) / sum(rate(y[1h30m:5m] offset 5m))",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")",
        "sum by (and) (up) # a comment with ) and “quotes”",
        "sum(up) by (le)",
        "{\"my.metric\", job=`a\\`}",
        "x{job=\"$service\"} @ end()",
        // VictoriaMetrics.
        "rate(x)",
        "sum(rate(x[5i])) default 0",
        "WITH (f = {a=\"b\"}) sum(rate(x{f}[5m]))",
        "x{a=\"b\" or c=\"d\"}",
        "rate(x[5m]) keep_metric_names",
        "median_over_time(x[5m])",
        "tmax_over_time(x[5m])",
        // Newer than the parser may be.
        "rate(x[5m*2])",
        "rate(x[300])",
        "something_of_tomorrow(x[5m])",
    ] {
        assert_eq!(said(query), None, "{query}");
    }
}

#[test]
fn logs_have_pipes_and_grafana_has_other_languages() {
    let logs = "sum(count_over_time({app=\"x\"} |~ \"(?i)error\" | json | line_format `{{.m}}` [$__interval]))";
    assert_eq!(of_logql(logs), None);
    assert_eq!(of_grafana(logs), None);
    assert!(of_logql("count_over_time({app=\"x\" [5m])").is_some());
    assert!(of_grafana("sum(rate(x[5m])").is_some());
    for other in [
        "SELECT count(*) FROM t WHERE a = 'it''s' AND b[1] = 'x",
        "alias(servers.{web01,web02}.cpu, 'x')",
        "from(bucket: \"b\") |> range(start: -1h) |> filter(fn: (r) => r[\"a\"] == \"b\")",
        "age:[1 TO 5}",
    ] {
        assert_eq!(of_grafana(other), None, "{other}");
    }
}

#[test]
fn a_metric_may_have_the_name_of_an_operator() {
    for query in ["rate(x[5m]) + or", "x == bool unless", "sum(and)", "or", "x and or"] {
        assert!(parse(query).is_ok(), "{query}");
        assert_eq!(of_promql(query), None, "{query}");
    }
    for query in ["x or", "rate(x[5m]) +", "sum(x and)"] {
        assert!(of_promql(query).is_some_and(|mistake| mistake.what.starts_with("nothing follows")), "{query}");
    }
}

proptest! {
    /// Whatever is written: an answer, and the place is one of the query.
    #[test]
    fn any_text_is_looked_at(query in "[a-z(){}\\[\\]\"'`$ =~!<>#0-9.,“é\u{a0}|/-]{0,60}") {
        for look in [of_promql, of_logql, of_grafana] {
            if let Some(mistake) = look(&query) {
                prop_assert!(query.get(mistake.at.clone()).is_some(), "{mistake:?}");
            }
        }
    }

    /// Whatever the parser reads is not refused.
    #[test]
    fn no_query_that_can_be_read_is_refused(
        name in "[a-z]{1,8}", label in "[a-z]{1,5}", value in "[a-z.*$5]{0,6}", range in "[1-9][0-9]?[smh]",
        function in prop::sample::select(vec!["rate", "increase", "max_over_time", "delta"]),
        operator in prop::sample::select(vec!["+", "-", "/", "*", ">", "==", "and", "or", "unless"]),
    ) {
        let query = format!("sum by ({label}) ({function}({name}{{{label}=~\"{value}\"}}[{range}])) {operator} {name}");
        prop_assume!(parse(&query).is_ok());
        prop_assert_eq!(of_promql(&query), None);
    }
}
