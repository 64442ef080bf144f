//! What the company's Prometheus knows: a small but honest `PromQL` over the model. What it does not know, it refuses
//! in Prometheus' own words.

mod eval;
mod parse;
mod run;
mod series;

pub(crate) use eval::{Grid, Series, evaluate};
pub(crate) use parse::{ParseError, duration, parse};
pub(crate) use run::run;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::history::History;
    use super::super::metrics::Metrics;
    use super::super::scenario::Scenario;
    use super::*;

    const NOW: f64 = 1_790_000_000.0;

    fn ask(query: &str) -> Vec<Series> {
        let services = Scenario::Healthy.services();
        let mut history = History::new(1);
        for pod in ["app-a", "app-b"] {
            history.note_start(0, pod, false, NOW - 9000.0);
        }
        let metrics = Metrics { services: &services, seed: 1, history: &history, start: NOW - 3600.0, now: NOW };
        evaluate(&parse(query).unwrap(), &metrics, &Grid::range(NOW - 300.0, NOW, 30.0))
    }

    fn values(query: &str) -> Vec<f64> {
        let series = ask(query);
        assert_eq!(series.len(), 1, "{query}");
        series[0].values.iter().map(|value| value.unwrap()).collect()
    }

    #[test]
    fn counts_rates_and_quantiles_come_out_as_the_model_has_them() {
        assert!(
            values("sum(increase(http_requests_total{service=\"app\"}[30s]))")
                .iter()
                .all(|n| (1050.0..1350.0).contains(n))
        );
        assert!(values("sum(rate(http_requests_total{status!~\"5..\"}[1m]))").iter().all(|n| (35.0..45.0).contains(n)));
        let p95 =
            values("1000 * histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))");
        assert!(p95.iter().all(|ms| (430.0..490.0).contains(ms)), "{p95:?}");
        let memory = values("100 * max(container_memory_working_set_bytes / container_spec_memory_limit_bytes)");
        assert!(memory.iter().all(|share| (38.0..44.0).contains(share)));
        let cpu = values(
            "100 * sum(rate(container_cpu_usage_seconds_total[1m])) / sum(kube_pod_container_resource_limits{resource=\"cpu\"})",
        );
        assert!(cpu.iter().all(|share| (30.0..45.0).contains(share)));
        assert_eq!(values("sum(up) * 2 + -3 - 1"), [-2.0; 11]);
    }

    #[test]
    fn unknown_metrics_are_no_error_and_no_data() {
        assert!(ask("sum(nobody_has_this)").is_empty());
        assert_eq!(values("sum(nobody_has_this) or vector(0)"), [0.0; 11]);
        assert_eq!(ask("http_requests_total{status=~\"5..\"}").len(), 2);
    }

    #[test]
    fn a_range_holds_samples_and_an_increase_needs_two_of_them() {
        assert!(ask("sum(increase(http_requests_total[15s]))").is_empty(), "one scrape is no difference");
        assert_eq!(values("max(count_over_time(http_requests_total{service=\"app\"}[5m]))"), [20.0; 11]);
        assert!(values("vector(NaN)").iter().all(|value| value.is_nan()));
        // A step and a scrape hold what a step counts, stretched: each pair of samples lies in one of them.
        let bins = values("sum(increase(http_requests_total{service=\"app\"}[45s])) * 30 / 45");
        let whole = values("sum(increase(http_requests_total{service=\"app\"}[315s])) * 300 / 315");
        let (bins, whole): (f64, f64) = (bins[1..].iter().sum(), whole[10]);
        assert!((bins / whole - 1.0).abs() < 1e-9, "{bins} in bins, {whole} in all");
    }

    #[test]
    fn nothing_over_nothing_is_not_a_number() {
        assert!(values("sum(up) * 0 / 0").iter().all(|value| value.is_nan()));
    }

    #[test]
    fn what_is_not_promql_is_refused_with_its_place() {
        let refused = |query: &str| parse(query).unwrap_err().to_string();
        assert_eq!(refused("sum(rate(x[5m])"), "1:16: parse error: unclosed left parenthesis");
        assert_eq!(refused("nope(x)"), "1:1: parse error: unknown function with name \"nope\"");
        assert_eq!(refused(""), "1:1: parse error: unexpected end of input");
        assert_eq!(refused("x{a=5}"), "1:5: parse error: unexpected character in label matching: '5', expected string");
        assert_eq!(
            refused("rate(x)"),
            "1:1: parse error: expected type range vector in call to function \"rate\", got instant vector"
        );
    }
}
