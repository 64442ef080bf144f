//! Samples, and what is filled in for them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::deploy::ServiceId;
use crate::systems::questions::{Expr, Meaning};
use chrono::DateTime;
use proptest::prelude::*;

fn at(second: i64) -> Time {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

fn query(expr: Expr, step: i64, scrape: Option<i64>) -> SeriesQuery {
    SeriesQuery {
        signal: SignalId(0),
        service: ServiceId(0),
        expr,
        step: seconds(step),
        scale: 1.0,
        meaning: Meaning::default(),
        scrape: scrape.map(seconds),
    }
}

fn request() -> PollRequest {
    PollRequest {
        from: at(0),
        to: at(3600),
        since: Vec::new(),
        deployed_at: None,
        versions: vec![None],
        older: Vec::new(),
    }
}

/// What is sent for a text, with scrapes and an engine.
fn filled(text: &str, step: i64, scrape: i64, engine: Engine) -> (String, f64) {
    let query = query(Expr::Value(text.to_owned()), step, Some(scrape));
    let scrapes = Scrapes::of(std::slice::from_ref(&query), false);
    scrapes.learned().engine = Some(engine);
    let asked = crate::systems::shared::series::askable(std::slice::from_ref(&query), &request());
    let Filled { text, share } = scrapes.fill_all(&asked[0], 0, seconds(3600));
    (text, share)
}

/// The counts of samples that lie `scrape` apart, as [`Question::Scrape`] asks for them, of a counter that was born at
/// `born`.
fn counts(scrape: i64, offset: i64, born: i64) -> Bins {
    let count = |at: i64| (born..=at).filter(|t| t.rem_euclid(scrape) == offset && *t > at - 299).count();
    let times = (0..=97).map(|place| place * 37);
    times.filter(|at| count(*at) > 0).map(|second| (at(second), Some(count(second) as f64))).collect()
}

#[test]
fn a_count_is_taken_over_a_step_and_a_scrape_and_a_rate_over_four_scrapes() {
    let count = "sum(increase(x_total[$__interval]))";
    for (step, scrape, range, share) in [(30, 15, "45s", 30.0 / 45.0), (30, 30, "60s", 0.5), (30, 60, "120s", 0.25)] {
        let (text, of) = filled(count, step, scrape, Engine::Extrapolates);
        assert_eq!((text, of), (format!("sum(increase(x_total[{range}]))"), share), "scrapes of {scrape} s");
    }
    let rate = filled("sum(rate(x_total[$__rate_interval]))", 30, 60, Engine::Extrapolates);
    assert_eq!(rate, ("sum(rate(x_total[240s]))".to_owned(), 1.0));
    let rate = filled("sum(rate(x_total[$__interval]))", 30, 60, Engine::Extrapolates);
    assert_eq!(rate, ("sum(rate(x_total[120s]))".to_owned(), 1.0));
    // VictoriaMetrics takes the sample before the range, too.
    assert_eq!(filled(count, 30, 15, Engine::FromBefore).0, "sum(increase(x_total[30s]))");
    assert_eq!(filled(count, 30, 60, Engine::FromBefore), ("sum(increase(x_total[60s]))".to_owned(), 0.5));
    // Nothing of a counter: left as it is.
    let gauge = filled("avg_over_time(x[$__interval])", 30, 15, Engine::Extrapolates);
    assert_eq!(gauge, ("avg_over_time(x[30s])".to_owned(), 1.0));
}

#[test]
fn what_grafana_knows_better_is_left_to_grafana() {
    let text = "sum(increase(x_total[$__interval])) / sum(rate(x_total[$__rate_interval])) + $__range_s";
    let fill = |scrape: Option<i64>| {
        let query = query(Expr::Value(text.to_owned()), 30, scrape);
        let scrapes = Scrapes::of(std::slice::from_ref(&query), true);
        let asked = crate::systems::shared::series::askable(std::slice::from_ref(&query), &request());
        scrapes.fill_for_grafana(&asked[0], 0).text
    };
    assert_eq!(fill(None), text.replace("$__interval", "45s"), "the usual scrapes, until the samples tell");
    assert_eq!(fill(Some(60)), text.replace("$__interval", "120s").replace("$__rate_interval", "240s"));
    let logs = r#"sum(count_over_time({app="x"}[$__interval]))"#;
    let query = query(Expr::Value(logs.to_owned()), 30, None);
    let scrapes = Scrapes::of(std::slice::from_ref(&query), true);
    let asked = crate::systems::shared::series::askable(std::slice::from_ref(&query), &request());
    assert_eq!(scrapes.fill_for_grafana(&asked[0], 0), Filled { text: logs.to_owned(), share: 1.0 });
    assert_eq!(scrapes.questions(std::slice::from_ref(&query), &request()), [], "logs are not scraped");
}

#[test]
fn samples_tell_how_far_apart_they_are() {
    for scrape in [1, 5, 10, 15, 20, 30, 60, 120] {
        for offset in [0, scrape / 2, scrape - 1] {
            assert_eq!(scrape_of(&counts(scrape, offset, -3600)), Some(seconds(scrape)), "{scrape} s, at {offset}");
        }
    }
    assert_eq!(scrape_of(&counts(15, 7, 3400)), Some(seconds(15)), "a counter that is three minutes old");
    assert_eq!(scrape_of(&counts(60, 7, 3400)), None, "too few samples to tell");
    assert_eq!(scrape_of(&Vec::new()), None);
    assert_eq!(scrape_of(&vec![(at(0), Some(0.02)), (at(37), Some(0.03))]), None, "these are no counts");
    assert_eq!(scrape_of(&vec![(at(0), Some(f64::NAN))]), None);
}

#[test]
fn each_counter_is_asked_about_once_and_what_is_not_known_again_a_minute_later() {
    let counts = Expr::Counts {
        errors: r#"sum(increase(x_total{status=~"5.."}[$__interval]))"#.to_owned(),
        requests: "sum(increase(x_total[$__interval]))".to_owned(),
    };
    let queries = [query(counts, 30, None)];
    let scrapes = Scrapes::of(&queries, false);
    let mut request = request();
    let asked = scrapes.questions(&queries, &request);
    let of_x = Question::Scrape { counter: "x_total".to_owned(), selector: "x_total".to_owned() };
    assert_eq!(asked, [Question::Engine, of_x.clone()], "the one with the fewest conditions");
    assert_eq!(of_x.text(), "max(count_over_time(x_total[299s]))");
    assert_eq!(scrapes.questions(&queries, &request), []);
    scrapes.learn(Question::Engine, &Ok(vec![(at(0), Some(f64::NAN))]));
    scrapes.learn(of_x.clone(), &Err(SourceError::Timeout(5)));
    request.to = at(3661);
    assert_eq!(scrapes.questions(&queries, &request), std::slice::from_ref(&of_x));
    scrapes.learn(of_x, &Ok(self::counts(60, 7, -3600)));
    request.to = at(9999);
    assert_eq!(scrapes.questions(&queries, &request), []);
    assert_eq!((scrapes.engine(), scrapes.known(&queries[0], 0)), (Engine::Extrapolates, Some(seconds(60))));
}

#[test]
fn a_range_that_is_written_out_and_too_short_is_named() {
    let short = |text: &str, by_grafana, said: Said| {
        let query = query(Expr::Value(text.to_owned()), 30, None);
        let scrapes = Scrapes::of(std::slice::from_ref(&query), by_grafana);
        scrapes.learned().scrapes.insert("x_total".to_owned(), seconds(60));
        scrapes.learned().said = said;
        scrapes.too_short(&query).map(|short| short.range.num_seconds())
    };
    let ours = |text| short(text, false, Said::Unseen);
    assert_eq!(ours("sum(rate(x_total[1m]))"), Some(60));
    assert_eq!(ours("sum(rate(x_total[$__rate_interval]))"), None);
    let rates = |said| short("sum(rate(x_total[$__rate_interval]))", true, said);
    assert_eq!(rates(Said::Nothing), Some(60), "Grafana takes 15 s where its settings say nothing");
    assert_eq!(rates(Said::Every(seconds(60))), None);
    assert_eq!(rates(Said::Unseen), None, "nobody knows what Grafana fills in");
    assert_eq!(short("sum(increase(x_total[$__interval]))", true, Said::Nothing), None);
}

proptest! {
    /// As Prometheus computes an increase: first to last sample in the range, stretched by at most half a scrape
    /// beyond what is usual; of a counter that is far from zero.
    #[test]
    fn each_event_counts_once_whatever_the_scrapes(
        bursts in prop::collection::vec((600_i64..3000, 1_u32..200), 1..12),
        scrape in prop::sample::select(vec![5_i64, 10, 15, 30, 60]),
        steps in prop::sample::select(vec![15_i64, 30, 60]),
        offset in 1_i64..5,
    ) {
        let counter = |t: i64| 1e6 + bursts.iter().filter(|(at, _)| *at <= t).map(|(_, count)| f64::from(*count)).sum::<f64>();
        let (range, share) = {
            let engine = Engine::Extrapolates;
            let range = engine.range(seconds(steps), seconds(scrape)).num_seconds();
            (range, steps as f64 / range as f64)
        };
        let increase = |t: i64| {
            let samples: Vec<i64> = (t - range + 1..=t).filter(|t| t.rem_euclid(scrape) == offset).collect();
            let (first, last) = (*samples.first().unwrap(), *samples.last().unwrap());
            (counter(last) - counter(first)) * range as f64 / (last - first) as f64
        };
        let counted: f64 = (0..=4200 / steps).map(|bin| increase(bin * steps) * share).sum();
        let happened = counter(9999) - 1e6;
        prop_assert!((counted - happened).abs() <= happened * if steps % scrape == 0 || scrape % steps == 0 { 1e-9 } else { 0.5 }, "{counted} of {happened}");
    }
}
