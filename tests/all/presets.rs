//! Presets: what each finds in what its family exports, which of two that tell the same is taken, and how a configuration
//! names, changes and replaces them.

mod cases;
mod configured;
mod told;

use cases::series;
use proptest::prelude::*;
use redflag::config::presets::{Because, Decision, Found, FoundSignal, Preset, Presets, Series, Whose, recognise};
use redflag::config::{AssembleOptions, Assembly, Config, SystemSecrets};
use redflag::deploy::{Time, WorkloadKind, WorkloadRef};
use redflag::systems::prometheus::PrometheusSpec;
use redflag::systems::questions::Expr;
use std::collections::BTreeSet;

const PROMETHEUS: &str = "kind = \"prometheus\"\nurl = \"https://prometheus.example.com\"";
const GRAFANA: &str = "kind = \"grafana\"\nurl = \"https://grafana.example.com\"\ndatasource = \"prometheus\"";

fn all() -> Vec<Preset> {
    let presets = Presets::built_in();
    let read = |name: &str| presets.named(name).unwrap_or_else(|error| panic!("{error}"));
    presets.names().map(read).collect()
}

fn assembled(text: &str) -> Assembly {
    let config = Config::parse(text, "redflag.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let options = AssembleOptions::beginning(Time::UNIX_EPOCH);
    config.assemble(None, &options, &SystemSecrets::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The queries that are asked of a Prometheus, with the names of their signals.
fn queries(assembly: &Assembly) -> Vec<(String, String)> {
    let specs = assembly.sources.iter().filter_map(|source| source.told::<PrometheusSpec>());
    let asked = specs.flat_map(|spec| &spec.queries).flat_map(|query| {
        let name = assembly.setup.signal(query.signal).name.clone();
        let texts = match &query.expr {
            Expr::Value(text) => vec![text.clone()],
            Expr::Counts { errors, requests } => vec![errors.clone(), requests.clone()],
        };
        texts.into_iter().map(move |text| (name.clone(), text))
    });
    asked.collect()
}

#[test]
fn every_file_is_built_in_and_has_cases_beside_it() {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(cases::folder()).unwrap() {
        files.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    let built_in = Presets::built_in();
    let expected: BTreeSet<String> =
        built_in.names().flat_map(|name| [format!("{name}.toml"), format!("{name}.test.toml")]).collect();
    assert_eq!(files, expected, "presets/*.toml, and src/config/presets/builtin.rs");
}

#[test]
fn every_signal_of_every_preset_is_found_in_what_its_family_exports() {
    for preset in all() {
        let mut tried: BTreeSet<(String, Option<String>)> = BTreeSet::new();
        for case in cases::of(&preset.name) {
            let what = format!("{}, {}", preset.name, case.name);
            let found = case.recognised(std::slice::from_ref(&preset), "shop");
            let [found] = found.as_slice() else { panic!("{what}: it is not recognised") };
            let of = |wanted: fn(&Decision) -> bool| {
                let signals = found.signals.iter().filter(move |signal| wanted(&signal.decision));
                signals.map(|signal| signal.name.clone()).collect::<BTreeSet<_>>()
            };
            assert_eq!(of(Decision::is_taken), case.expected.keys().cloned().collect(), "{what}: {found:#?}");
            for signal in &found.signals {
                if let Decision::Lacks(lack) = &signal.decision {
                    let why = case.left_out.get(&signal.name).map(String::as_str);
                    assert_eq!(why, Some(lack.to_string().as_str()), "{what}: {}", signal.name);
                } else {
                    tried.insert((signal.name.clone(), signal.variant.clone()));
                }
            }
            assert_eq!(found.version_label.is_some(), case.version().is_some(), "{what}: {found:?}");
        }
        let has = preset.signals.iter().map(|signal| (signal.name.clone(), signal.variant.clone())).collect();
        assert_eq!(tried, has, "{}: each variant of each signal has a case", preset.name);
        let usual = preset.signals.iter().filter(|signal| signal.variant.is_none());
        assert!(usual.count() > 0, "{}: one that is named alone has signals", preset.name);
    }
}

#[test]
fn what_one_family_exports_is_taken_for_no_other() {
    let presets = all();
    for preset in &presets {
        for case in cases::of(&preset.name) {
            let found = case.recognised(&presets, "shop");
            let others = found.iter().filter(|found| found.preset != preset.name && found.matchers.is_some());
            let others: Vec<&str> = others.map(|found| found.preset.as_str()).collect();
            assert_eq!(others, case.also, "{}, {}", preset.name, case.name);
        }
    }
}

#[test]
fn every_query_is_promql_for_every_source_that_speaks_it() {
    for preset in all() {
        for case in cases::of(&preset.name) {
            let found = &case.recognised(std::slice::from_ref(&preset), "shop")[0];
            let used = found.written(std::slice::from_ref(&preset));
            for source in [PROMETHEUS, GRAFANA] {
                let assembly = assembled(&cases::configuration(&used, source, "shop"));
                let names: BTreeSet<&str> = assembly
                    .setup
                    .signals
                    .iter()
                    .map(|signal| signal.name.as_str())
                    .filter(|name| *name != "rollout")
                    .collect();
                let expected = case.expected.keys().map(String::as_str);
                assert!(expected.clone().all(|name| names.contains(name)), "{used}: {names:?}");
                for (name, query) in queries(&assembly) {
                    let filled = query.replace("$__rate_interval", "2m").replace("$__interval", "30s");
                    let parsed = promql_parser::parser::parse(&filled);
                    assert!(parsed.is_ok(), "{}, {name}: {query}: {parsed:?}", preset.name);
                    let left = filled.replace("$version", "");
                    assert!(!left.contains('$'), "{}, {name}: {left}", preset.name);
                }
            }
        }
    }
}

/// What becomes of a signal.
#[track_caller]
fn decision<'a>(found: &'a [Found], preset: &str, signal: &str) -> &'a Decision {
    let found = found.iter().find(|found| found.preset == preset).unwrap_or_else(|| panic!("{preset}: {found:#?}"));
    let named = |known: &&FoundSignal| known.name == signal;
    &found.signals.iter().find(named).unwrap_or_else(|| panic!("{signal}: {found:#?}")).decision
}

fn app() -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Deployment, namespace: "shop".to_owned(), name: "app".to_owned() }
}

fn found(series: &[Series], versions: &[&str]) -> Vec<Found> {
    let workloads = [app()];
    let whose = Whose { service: "app", environment: "production", namespace: "shop", workloads: &workloads, versions };
    recognise(&all(), series, &whose)
}

/// The series of the first case of these presets.
fn together(presets: &[&str]) -> Vec<Series> {
    let of = |name: &&str| cases::of(name).remove(0).scraped("shop").into_iter().map(|scraped| scraped.series);
    presets.iter().flat_map(of).collect()
}

#[test]
fn of_two_that_tell_the_same_one_is_taken_and_the_reason_is_told() {
    let found = found(&together(&["otel-http", "istio", "ingress-nginx", "cadvisor", "process"]), &[]);
    let told_by = |preset: &str, because| Decision::ToldBy { preset: preset.to_owned(), because };
    let over = |others: &[&str]| Decision::Preferred { over: others.iter().map(|&name| name.to_owned()).collect() };
    assert_eq!(*decision(&found, "istio", "mesh errors"), over(&["otel-http", "ingress-nginx"]));
    assert_eq!(*decision(&found, "otel-http", "error rate"), told_by("istio", Because::Unanswered));
    assert_eq!(*decision(&found, "ingress-nginx", "ingress p95"), told_by("istio", Because::Unanswered));
    assert_eq!(*decision(&found, "process", "process memory"), told_by("cadvisor", Because::Container));
    let sentence = decision(&found, "otel-http", "p95").to_string();
    assert_eq!(sentence, "told by istio: it also counts requests without an answer");
    assert_eq!(decision(&found, "cadvisor", "memory").to_string(), "taken over process");
}

#[test]
fn whoever_tells_versions_apart_goes_first() {
    let mut series = together(&["otel-http", "istio"]);
    for one in series.iter_mut().filter(|one| one.name.starts_with("http_")) {
        one.labels.insert("service_version".to_owned(), "1.9.0".to_owned());
    }
    for one in series.iter_mut().filter(|one| one.name.starts_with("istio_")) {
        one.labels.insert("destination_version".to_owned(), "v1".to_owned());
    }
    let found = found(&series, &["1.9.0", "1.8.3"]);
    let expected = Decision::ToldBy { preset: "otel-http".to_owned(), because: Because::Versions };
    assert_eq!(*decision(&found, "istio", "mesh errors"), expected);
    let otel = found.iter().find(|found| found.preset == "otel-http").unwrap();
    assert_eq!(otel.version_label.as_deref(), Some("service_version"));
    assert_eq!(otel.written(&all()), "{ name = \"otel-http\", version_label = \"service_version\" }");
}

#[test]
fn a_signal_that_the_better_one_lacks_is_taken_from_the_next() {
    let mut series = together(&["otel-http", "istio"]);
    series.retain(|one| !one.name.starts_with("istio_request_duration"));
    let found = found(&series, &[]);
    assert!(decision(&found, "istio", "mesh errors").is_taken());
    let lacks = "left out: no series istio_request_duration_milliseconds_bucket";
    assert_eq!(decision(&found, "istio", "mesh p95").to_string(), lacks);
    assert_eq!(*decision(&found, "otel-http", "p95"), Decision::Taken);
}

#[test]
fn calls_of_another_kind_are_not_the_same() {
    let found = found(&together(&["otel-http", "grpc"]), &[]);
    for (preset, signal) in [("otel-http", "error rate"), ("grpc", "grpc errors")] {
        assert_eq!(*decision(&found, preset, signal), Decision::Taken);
    }
}

#[test]
fn series_of_others_are_not_the_services() {
    let of = |pod: &str| series(&format!("go_goroutines{{namespace=\"shop\",pod=\"{pod}\"}}"));
    for pod in ["app-worker-7c9d8b5f4d-x2x8k", "my-app-7c9d8b5f4d-x2x8k", "app-0", "app"] {
        let found = found(&[of(pod)], &[]);
        let why = decision(&found, "go", "goroutines").to_string();
        let expected = "left out: no series go_goroutines of this service: {namespace=\"$namespace\",pod=~\"$pods\"}";
        assert_eq!(why, expected, "{pod}");
    }
    assert!(decision(&found(&[of("app-7c9d8b5f4d-x2x8k")], &[]), "go", "goroutines").is_taken());
}

#[test]
fn by_whatever_labels_a_scrape_names_the_pod_it_is_found() {
    for (labels, matchers) in [
        ("namespace=\"shop\",pod=\"app-7c9d8b5f4d-x2x8k\"", "namespace=\"$namespace\",pod=~\"$pods\""),
        (
            "kubernetes_namespace=\"shop\",kubernetes_pod_name=\"app-7c9d8b5f4d-x2x8k\"",
            "kubernetes_namespace=\"$namespace\",kubernetes_pod_name=~\"$pods\"",
        ),
        (
            "k8s_namespace_name=\"shop\",k8s_pod_name=\"app-7c9d8b5f4d-x2x8k\"",
            "k8s_namespace_name=\"$namespace\",k8s_pod_name=~\"$pods\"",
        ),
        ("job=\"shop/app\"", "job=~\"(.+/)?$service\""),
    ] {
        let found = found(&[series(&format!("go_goroutines{{{labels}}}"))], &[]);
        assert_eq!(found[0].matchers.as_deref(), Some(matchers));
    }
}

fn arbitrary_series() -> impl Strategy<Value = Series> {
    let presets = all();
    let names: Vec<String> =
        presets.iter().flat_map(|preset| &preset.recognised).map(|sign| sign.name.clone()).collect();
    let labels = prop::sample::select(vec![
        "namespace",
        "pod",
        "status",
        "code",
        "le",
        "quantile",
        "destination_workload",
        "version",
        "job",
    ]);
    let values =
        prop::sample::select(vec!["shop", "app", "app-7c9d8b5f4d-x2x8k", "500", "", "1.9.0", "ü\u{1b}[31m\"\\"]);
    let labels = prop::collection::btree_map(labels, values, 0..6);
    (prop::sample::select(names), labels).prop_map(|(name, labels)| Series {
        name,
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever there is, of what covers the same one is taken, and everything else has its reason.
    #[test]
    fn of_each_kind_at_most_one_is_taken(series in prop::collection::vec(arbitrary_series(), 0..30)) {
        let presets = all();
        let found = found(&series, &["1.9.0"]);
        for one in &found {
            let preset = presets.iter().find(|preset| preset.name == one.preset).unwrap();
            for signal in &one.signals {
                prop_assert!(!signal.decision.to_string().is_empty());
                if let Decision::ToldBy { preset: winner, .. } = &signal.decision {
                    let winner = found.iter().find(|found| found.preset == *winner).unwrap();
                    let tells = |known: &FoundSignal| known.kind == signal.kind && known.decision.is_taken();
                    prop_assert!(winner.signals.iter().any(tells));
                }
                if signal.decision.is_taken() {
                    prop_assert!(one.matchers.is_some());
                    let rival = |other: &&Found| {
                        let covers = &presets.iter().find(|known| known.name == other.preset).unwrap().covers;
                        other.preset != one.preset && covers.iter().any(|what| preset.covers.contains(what))
                    };
                    let also = found.iter().filter(rival).flat_map(|other| &other.signals);
                    prop_assert!(!also.into_iter().any(|other| other.kind == signal.kind && other.decision.is_taken()));
                }
            }
        }
    }
}
