//! Queries as people write them, and what their texts say.

use super::*;
use crate::poll::doubt::Measure::{self, Bytes, Cores, Fraction, Milliseconds, Percent, Seconds};
use proptest::prelude::*;

fn hint(query: &str) -> Option<UnitHint> {
    look(query).and_then(|text| text.unit_hint)
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside what may be nothing")]
fn certain(measure: Measure) -> Option<UnitHint> {
    Some(UnitHint::Certain(measure))
}

#[test]
fn the_unit_is_in_the_names_the_divisions_and_the_constants() {
    let errors = r#"sum(rate(http_requests_total{status=~"5.."}[$__rate_interval]))"#;
    let requests = "sum(rate(http_requests_total[$__rate_interval]))";
    let quantile = "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))";
    let memory = "container_memory_working_set_bytes";
    let cores = "sum(rate(container_cpu_usage_seconds_total[1m]))";
    for (query, expected) in [
        (format!("{errors} / {requests}"), certain(Fraction)),
        (format!("100 * {errors} / {requests}"), certain(Percent)),
        (format!("({errors} / {requests}) * 100"), certain(Percent)),
        (format!("{errors} * 100 / {requests}"), certain(Percent)),
        (format!("{errors} / ({requests} / 100)"), certain(Percent)),
        (format!("1 - {errors} / {requests}"), certain(Fraction)),
        (format!("100 * (1 - {errors} / {requests})"), certain(Percent)),
        (format!("({errors} or vector(0)) / {requests}"), certain(Fraction)),
        (format!("clamp_max({errors} / {requests}, 1) > 0.01"), certain(Fraction)),
        (format!("{errors} > bool {requests}"), None),
        (errors.to_owned(), None),
        (quantile.to_owned(), certain(Seconds)),
        (format!("1000 * {quantile}"), certain(Milliseconds)),
        (format!("{quantile} * 1e3"), certain(Milliseconds)),
        ("histogram_quantile(0.95, sum(rate(http_request_duration_seconds[5m])))".to_owned(), certain(Seconds)),
        ("histogram_quantile(0.9, sum by (le) (rate(latency_ms_bucket[5m])))".to_owned(), certain(Milliseconds)),
        ("histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))".to_owned(), None),
        ("sum(rate(x_seconds_sum[5m])) / sum(rate(x_seconds_count[5m]))".to_owned(), certain(Seconds)),
        ("1000 * sum(rate(x_seconds_sum[5m])) / sum(rate(x_seconds_count[5m]))".to_owned(), certain(Milliseconds)),
        (format!("max({memory})"), certain(Bytes)),
        (format!("max({memory} / container_spec_memory_limit_bytes)"), certain(Fraction)),
        (format!("{memory} / on(pod) kube_pod_container_resource_limits{{resource=\"memory\"}}"), certain(Fraction)),
        (cores.to_owned(), certain(Cores)),
        (format!("{cores} / sum(kube_pod_container_resource_limits{{resource=\"cpu\"}})"), certain(Fraction)),
        (format!("{cores} / sum(some_limit)"), Some(UnitHint::Likely(Fraction))),
        ("max(db_pool_connections_in_use / db_pool_connections_max)".to_owned(), Some(UnitHint::Likely(Fraction))),
        ("100 * max(in_use / most)".to_owned(), Some(UnitHint::Likely(Percent))),
        ("job:request_errors:ratio_rate5m".to_owned(), certain(Fraction)),
        ("job:request_errors_percent:rate5m".to_owned(), certain(Percent)),
        ("service:http_request_duration_seconds:p95".to_owned(), certain(Seconds)),
        ("service:http_request_duration_seconds:rate5m".to_owned(), None),
        ("service:latency:p95".to_owned(), None),
        (r#"sum(rate({app="x"} |= "error" [5m]))"#.to_owned(), None),
    ] {
        assert_eq!(hint(&query), expected, "{query}");
    }
}

#[test]
fn what_grows_with_its_range_is_known_from_what_does_not() {
    let growth = |query: &str| look(query).map(|text| (text.growth, text.counts_over_interval));
    for (query, expected) in [
        ("sum(increase(x_total[$__interval]))", (1, true)),
        ("sum(increase(x_total[${__interval}])) or vector(0)", (1, true)),
        ("sum(rate(x_total[$__interval]))", (0, true)),
        ("sum(increase(a_total[$__interval])) / sum(increase(b_total[$__interval]))", (0, true)),
        ("sum(histogram_count(increase(x[$__interval])))", (1, true)),
        ("histogram_sum(sum(increase(x_seconds[$__interval])))", (1, true)),
        ("sum(histogram_count(rate(x[$__interval])))", (0, true)),
        ("sum(increase(x_total[30s]))", (0, false)),
        ("sum(increase(x_total[$__rate_interval]))", (0, false)),
        ("histogram_quantile(0.9, sum by (le) (increase(x_bucket[$__interval])))", (0, true)),
        ("avg_over_time(x[$__interval])", (0, false)),
        ("sum(count_over_time(x[$__interval]))", (1, false)),
        // Loki's: nothing of a counter is in it.
        (r#"sum(count_over_time({app="x"}[$__interval]))"#, (1, false)),
        (r#"sum(rate({app="x"}[$__interval]))"#, (0, false)),
    ] {
        assert_eq!(growth(query), Some(expected), "{query}");
    }
    assert_eq!(growth(r#"sum(count_over_time({app="x"} |~ "(?i)error" [$__interval]))"#), None);
}

#[test]
fn the_counters_are_named_as_they_are_asked_for() {
    let query = r#"sum(increase(a_total{s="x",v="$version"}[$__interval] offset 5m)) / sum(rate(b_total[5m]))"#;
    let counters = look(query).map(|text| text.counters);
    let counter = |name: &str, selector: &str| Counter { name: name.to_owned(), selector: selector.to_owned() };
    assert_eq!(
        counters,
        Some(vec![counter("a_total", r#"a_total{s="x",v="$version"}"#), counter("b_total", "b_total")])
    );
}

#[test]
fn a_written_range_is_held_against_the_scrapes() {
    let seconds = TimeDelta::seconds;
    assert_eq!(too_short("sum(rate(x_total[1m])) / sum(rate(y_total[5m]))", seconds(60)), Some(seconds(60)));
    assert_eq!(too_short("sum(rate(x_total[2m]))", seconds(60)), None);
    assert_eq!(too_short("max_over_time(x[30s])", seconds(60)), None);
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_look_at(query in "[a-z0-9(){}\\[\\]$_/*+ \",.=~-]{0,60}") {
        let _ = look(&query);
        let _ = too_short(&query, TimeDelta::seconds(15));
    }

    #[test]
    fn a_constant_moves_the_unit_and_nothing_else(factor in prop::sample::select(vec![1.0, 10.0, 100.0, 1000.0])) {
        let query = format!("{factor} * sum(rate(a_total[5m])) / sum(rate(b_total[5m]))");
        let expected = match factor {
            1.0 => certain(Fraction),
            100.0 => certain(Percent),
            _ => None,
        };
        prop_assert_eq!(hint(&query), expected);
    }
}
