//! Configuration: what is accepted, what it becomes, and the exact words with which everything else is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod one_run;
mod rollback;
mod schema;

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::config::{self, AssembleOptions, Assembly, Config, Draft, EXAMPLE, Secrets};
use redflag::deploy::{ServiceId, WorkloadId, WorkloadKind};
use redflag::net::Auth;
use redflag::secret::Secret;
use redflag::setup::{Confirm, Delivery, Told};
use redflag::signal::{Kind, Unit};
use redflag::systems::api::SourceSpec;
use redflag::systems::datadog::DatadogSpec;
use redflag::systems::grafana::GrafanaSpec;
use redflag::systems::probe::ProbeSpec;
use redflag::systems::prometheus::PrometheusSpec;
use redflag::systems::questions::{Expr, ReleaseWant};
use redflag::systems::sentry::SentrySpec;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FLEET: &str = include_str!("config/valid/fleet.toml");
const LEAST: &str = include_str!("config/valid/least.toml");

/// Knows every secret by where it is kept, and notes what it was asked for.
#[derive(Default)]
struct Keeper {
    asked: RefCell<Vec<String>>,
    lost: Vec<&'static str>,
}

impl Keeper {
    fn hand_out(&self, place: String) -> Result<Secret, String> {
        let found = if self.lost.contains(&place.as_str()) {
            Err(format!("{place} is lost"))
        } else {
            Ok(Secret::new(&format!("secret of {place}")))
        };
        self.asked.borrow_mut().push(place);
        found
    }
}

impl Secrets for Keeper {
    fn env(&self, name: &str) -> Result<Secret, String> {
        self.hand_out(name.to_owned())
    }

    fn file(&self, path: &Path) -> Result<Secret, String> {
        self.hand_out(path.display().to_string())
    }

    fn command(&self, words: &[String]) -> Result<Secret, String> {
        self.hand_out(words.join(" "))
    }
}

fn options() -> AssembleOptions {
    AssembleOptions::beginning(DateTime::UNIX_EPOCH)
}

fn parse(text: &str) -> Config {
    Config::parse(text, "redflag.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn assemble(text: &str, environment: Option<&str>) -> Assembly {
    parse(text).assemble(environment, &options(), &Keeper::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The files of a folder beside this one, by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/config").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

/// Each `invalid/NAME.toml` has its exact complaint beside it in `NAME.txt`. To write those again after a change of
/// words, run with `REDFLAG_ACCEPT=1`, and read what changed.
#[test]
fn each_bad_file_is_refused_in_its_own_words() {
    let mut wrong = Vec::new();
    for path in files("invalid") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let said = match Config::parse(&text, name) {
            Ok(_) => "accepted\n".to_owned(),
            Err(error) => format!("{error}\n"),
        };
        assert!(!said.contains("hunter2"), "{name} shows a secret:\n{said}");
        let words = path.with_extension("txt");
        if std::env::var_os("REDFLAG_ACCEPT").is_some() {
            std::fs::write(&words, &said).unwrap();
        }
        let expected = std::fs::read_to_string(words).unwrap_or_default();
        if said != expected {
            wrong.push(format!("── {name} says\n{said}\n── and should say\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_example_is_the_guides_company() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let written = std::fs::read_to_string(file).unwrap().replace("\r\n", "\n");
    assert!(written == **EXAMPLE, "it is another: cargo run -- config example > config.example.toml");
    let config = parse(&EXAMPLE);
    assert_eq!(config.environments().collect::<Vec<_>>(), ["production", "staging", "development"]);
    let Assembly { setup, sources, .. } = assemble(&EXAMPLE, None);
    assert_eq!(setup.environment, "production", "it is marked default");
    assert_eq!(setup.workloads[0].reference.to_string(), "deployment/app");
    assert_eq!(setup.workloads[0].reference.namespace, "production");
    assert_eq!((setup.window, setup.baseline), (TimeDelta::minutes(30), TimeDelta::minutes(60)));
    let names: Vec<&str> = setup.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["kubernetes", "grafana", "sentry", "datadog", "probe"]);
    assert_eq!(sources.len(), setup.sources.len());
    let kinds: Vec<Kind> = setup.signals.iter().map(|signal| signal.kind).collect();
    for kind in Kind::ALL {
        let shown = kinds.contains(&kind) || kind == Kind::CrashFree;
        assert!(shown, "{} is missing in the example", kind.as_str());
    }
    for environment in ["staging", "development"] {
        assemble(&EXAMPLE, Some(environment));
    }
}

#[test]
fn the_least_configuration_watches_the_rollout() {
    let Assembly { setup, sources, .. } = assemble(LEAST, None);
    assert_eq!(setup.services[0].name, "app");
    let [rollout] = setup.signals.as_slice() else { panic!("{:?}", setup.signals) };
    assert_eq!(
        (rollout.name.as_str(), rollout.kind, rollout.workload),
        ("rollout", Kind::Rollout, Some(WorkloadId(0)))
    );
    assert!(rollout.required);
    assert_eq!(sources.len(), 1, "{sources:?}");
    let cluster: &ClusterSpec = sources[0].told().unwrap();
    assert_eq!(cluster.access, ClusterAccess::Kubeconfig { path: None, context: None });
    assert_eq!(cluster.workloads[0].1.namespace, "default");
    assert_eq!(setup.sources[0].delivery, Delivery::Streamed);
    assert_eq!(setup.confirm, Confirm::Key);
    assert!(!setup.read_only);
}

#[test]
fn an_argo_rollout_is_named_as_kubectl_names_it() {
    for name in ["rollout/app", "rollouts/app", "ro/app"] {
        let text = LEAST.replace("deployment/app", name);
        assert_ne!(text, LEAST);
        let Assembly { setup, .. } = assemble(&text, None);
        let reference = &setup.workloads[0].reference;
        assert_eq!((reference.kind, reference.to_string().as_str()), (WorkloadKind::Rollout, "rollout/app"));
    }
}

#[test]
fn a_signal_is_made_once_for_each_service_it_speaks_of() {
    let Assembly { setup, .. } = assemble(FLEET, None);
    let of = |service: u16| -> Vec<&str> {
        setup
            .signals
            .iter()
            .filter(|signal| signal.service == ServiceId(service))
            .map(|signal| signal.name.as_str())
            .collect()
    };
    let both = ["error rate", "p95", "requests", "new issues", "exceptions", "alerts", "probe"];
    let cart = ["rollout statefulset/cart", "rollout daemonset/cart-agent", "heap"];
    for name in both.iter().chain(&cart) {
        assert!(of(0).contains(name), "cart lacks {name}");
    }
    assert_eq!(of(0).len(), both.len() + cart.len());
    assert_eq!(of(1).len(), both.len() + 1, "checkout has a rollout of its own and no heap");
    assert!(of(1).contains(&"rollout"));
}

#[test]
fn the_main_container_is_that_of_all_workloads_of_its_service() {
    let Assembly { setup, sources, .. } = assemble(FLEET, None);
    let named: Vec<_> = setup.workloads.iter().map(|workload| workload.container.as_deref()).collect();
    assert_eq!(named, [Some("cart"), Some("cart"), None]);
    let cluster: &ClusterSpec = sources[0].told().unwrap();
    assert_eq!(cluster.containers.len(), 1, "one for the service");
    assert_eq!((cluster.container(WorkloadId(1)), cluster.container(WorkloadId(2))), (Some("cart"), None));
    let single = LEAST.replace("workloads =", "container = \"main\"\nworkloads =");
    assert_eq!(assemble(&single, None).setup.workloads[0].container.as_deref(), Some("main"));
}

#[test]
fn variables_are_filled_in_but_for_the_version() {
    let Assembly { sources, .. } = assemble(FLEET, None);
    let grafana: &GrafanaSpec = sources[1].told().unwrap();
    let (uid, queries) = &grafana.datasources[0];
    assert_eq!(uid, "metrics-production");
    assert_eq!(queries.len(), 2, "one for each service");
    let Expr::Counts { errors, requests } = &queries[1].expr else { panic!("{queries:?}") };
    assert_eq!(errors, r#"errors{ns="shop",app="checkout"}[$__interval]"#);
    assert_eq!(requests, r#"requests{app="checkout",version="$version"}"#);
    let sentry: &SentrySpec = sources[3].told().unwrap();
    assert_eq!(sentry.queries[0].release, "cart@$version");
    assert_eq!(sentry.queries[0].projects, ["cart"]);
    assert_eq!(sentry.environment.as_deref(), Some("prod"));
}

#[test]
fn units_become_the_kinds_own() {
    let Assembly { setup, sources, .. } = assemble(FLEET, None);
    let grafana: &GrafanaSpec = sources[1].told().unwrap();
    let latency = &grafana.datasources[1].1[0];
    assert!((latency.scale - 1000.0).abs() < f64::EPSILON, "seconds are shown in milliseconds");
    assert_eq!(setup.signal(latency.signal).unit, Unit::Milliseconds);
    let prometheus: &PrometheusSpec = sources[2].told().unwrap();
    assert!((prometheus.queries[0].scale - 1.0 / 60.0).abs() < f64::EPSILON, "minutes are shown in seconds");
    let datadog: &DatadogSpec = sources[4].told().unwrap();
    assert!((datadog.queries[0].scale - 100.0).abs() < f64::EPSILON, "a fraction is shown in percent");
}

#[test]
fn the_files_limits_lie_over_the_guides() {
    let Assembly { setup, .. } = assemble(FLEET, None);
    let find = |name: &str| setup.signals.iter().find(|signal| signal.name == name).unwrap();
    let latency = find("p95").limits;
    assert_eq!((latency.warning, latency.red_flag, latency.increase, latency.hold), (Some(300.0), None, Some(20.0), 5));
    let errors = find("error rate");
    assert_eq!(errors.limits, Kind::ErrorRate.limits());
    assert!(errors.required);
    assert!(find("new issues").required, "what is written is meant");
    assert!(!find("requests").required, "unless the file says otherwise");
    assert_eq!(setup.coverage, 90);
    assert_eq!(find("heap").link.as_deref(), Some("https://app.datadoghq.com/cart"));
}

#[test]
fn every_source_gets_its_place_its_pace_and_its_credentials() {
    let keeper = Keeper::default();
    let Assembly { setup, sources, .. } = parse(FLEET).assemble(None, &options(), &keeper).unwrap();
    let secret = |place: &str| Secret::new(&format!("secret of {place}"));
    let cluster: &ClusterSpec = sources[0].told().unwrap();
    let direct = ClusterAccess::Direct { url: "http://127.0.0.1:8001".into(), token: Some(secret("CLUSTER_TOKEN")) };
    assert_eq!(cluster.access, direct);
    let grafana: &GrafanaSpec = sources[1].told().unwrap();
    assert_eq!(grafana.endpoint.url, "https://example.com/grafana");
    assert_eq!(grafana.endpoint.timeout, Duration::from_secs(2));
    assert_eq!(grafana.auth, Auth::Basic { user: "me".into(), password: secret("grafana.password") });
    assert_eq!(grafana.organization, Some(3));
    let prometheus: &PrometheusSpec = sources[2].told().unwrap();
    assert_eq!(prometheus.auth, Auth::Bearer(secret("op read op://ops/prometheus")));
    let sentry: &SentrySpec = sources[3].told().unwrap();
    assert_eq!(sentry.endpoint.url, "https://sentry.io");
    assert_eq!(sentry.queries[2].want, ReleaseWant::ErrorCount);
    let datadog: &DatadogSpec = sources[4].told().unwrap();
    assert_eq!(datadog.endpoint.url, "https://api.datadoghq.com");
    assert_eq!(datadog.monitors[1].filter, "service:checkout");
    let intervals: Vec<i64> = setup.sources.iter().map(|source| source.interval.num_seconds()).collect();
    assert_eq!(intervals, [15, 15, 20, 60, 30, 5, 5]);
}

#[test]
fn each_probe_is_a_source_of_its_own() {
    let Assembly { setup, sources, .. } = assemble(FLEET, None);
    let probes: Vec<_> = sources.iter().filter_map(SourceSpec::told::<ProbeSpec>).collect();
    let urls: Vec<&str> = probes.iter().map(|probe| probe.endpoint.url.as_str()).collect();
    assert_eq!(urls, ["https://www.example.com/cart/", "https://www.example.com/checkout/"]);
    for probe in probes {
        let signal = setup.signal(probe.signal);
        assert_eq!(setup.source(signal.source).name, probe.endpoint.name);
        assert_eq!((probe.status, signal.step), (Some(204), TimeDelta::seconds(5)));
    }
    assert_eq!(setup.sources[5].name, "probe cart");
}

#[test]
fn only_the_secrets_that_are_needed_are_fetched() {
    let keeper = Keeper::default();
    parse(&EXAMPLE).assemble(Some("staging"), &options(), &keeper).unwrap();
    assert_eq!(*keeper.asked.borrow(), ["GRAFANA_TOKEN", "SENTRY_TOKEN", "GITHUB_TOKEN"], "staging reads no Datadog");
}

#[test]
fn all_missing_secrets_are_told_at_once_where_the_file_asks_for_them() {
    let keeper = Keeper { lost: vec!["CLUSTER_TOKEN", "DD_API_KEY", "DD_APP_KEY"], ..Keeper::default() };
    let error = parse(FLEET).assemble(None, &options(), &keeper).unwrap_err().to_string();
    assert_eq!(
        error,
        "redflag.toml:10:9: CLUSTER_TOKEN is lost
    |
 10 | token = { env = \"CLUSTER_TOKEN\" }
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^

redflag.toml:36:11: DD_API_KEY is lost
    |
 36 | api_key = { env = \"DD_API_KEY\" }
    |           ^^^^^^^^^^^^^^^^^^^^^^

redflag.toml:37:19: DD_APP_KEY is lost
    |
 37 | application_key = { env = \"DD_APP_KEY\" }
    |                   ^^^^^^^^^^^^^^^^^^^^^^"
    );
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redflag.toml");
    std::fs::write(&path, FLEET).unwrap();
    let keeper = Keeper::default();
    Config::load(&path).unwrap().assemble(None, &options(), &keeper).unwrap();
    let expected = folder.path().join("grafana.password").display().to_string();
    assert!(keeper.asked.borrow().contains(&expected), "{:?}", keeper.asked);
}

#[test]
fn the_environment_is_named_or_the_only_one_or_the_default() {
    let choose = |text: &str, name: Option<&str>| {
        parse(text)
            .assemble(name, &options(), &Keeper::default())
            .map(|made| made.setup.environment)
            .map_err(|error| error.to_string())
    };
    assert_eq!(choose(LEAST, None).unwrap(), "production");
    assert_eq!(choose(&EXAMPLE, None).unwrap(), "production");
    assert_eq!(choose(&EXAMPLE, Some("staging")).unwrap(), "staging");
    assert_eq!(
        choose(&EXAMPLE, Some("stagign")).unwrap_err(),
        "there is no environment `stagign`; did you mean `staging`?\nenvironments: production, staging, development"
    );
    assert_eq!(
        choose(&EXAMPLE.replace("default = true", ""), None).unwrap_err(),
        "say which environment: production, staging, development\n\
         or mark one in the configuration with default = true"
    );
}

#[test]
fn the_command_line_adds_to_the_file() {
    let told = Told { from: Some("1.8.3".into()), to: Some("1.9.0".into()), ..Told::default() };
    let options = AssembleOptions { told: told.clone(), read_only: true, clock_speed: 20.0, ..options() };
    let setup = parse(FLEET).assemble(None, &options, &Keeper::default()).unwrap().setup;
    assert!(setup.read_only);
    assert_eq!(setup.confirm, Confirm::Type);
    assert_eq!(setup.confirm_grace, TimeDelta::seconds(6), "300 ms of a person's time");
    assert_eq!((setup.told, setup.started), (told, DateTime::UNIX_EPOCH));
}

#[test]
fn keys_and_theme_are_handed_on_and_complained_of_where_they_stand() {
    let mut draft = Draft::parse(FLEET, "redflag.toml").unwrap();
    assert_eq!(draft.theme(), Some("mono"));
    let keys: Vec<(&str, usize)> = draft.keys().iter().map(|set| (set.action.as_str(), set.keys.len())).collect();
    assert_eq!(keys, [("rollback", 1), ("quit", 2)]);
    draft.refuse_key("quit", "`x` is taken");
    draft.refuse_theme("there is no theme `mono`");
    assert_eq!(
        draft.finish().unwrap_err().to_string(),
        "redflag.toml:1:9: there is no theme `mono`\n   |\n 1 | theme = \"mono\"\n   |         ^^^^^^\n\n\
         redflag.toml:5:1: `x` is taken\n   |\n 5 | quit = [\"q\", \"x\"]\n   | ^^^^"
    );
}

#[test]
fn the_schema_knows_what_the_example_says() {
    let schema: serde_json::Value = serde_json::from_str(&config::json_schema()).unwrap();
    assert!(!config::json_schema().contains("null"), "TOML has no null");
    let properties = |name: &str| schema["$defs"][name]["properties"].as_object().unwrap().clone();
    let example: toml::Table = EXAMPLE.parse().unwrap();
    for environment in example["environments"].as_table().unwrap().values() {
        let environment = environment.as_table().unwrap();
        assert!(environment.keys().all(|key| properties("Environment").contains_key(key)));
        let rollback = environment.get("rollback").and_then(toml::Value::as_table);
        assert!(rollback.into_iter().flatten().all(|(key, _)| properties("RollbackKeys").contains_key(key)));
        for signal in environment["signals"].as_array().unwrap() {
            assert!(
                signal.as_table().unwrap().keys().all(|key| properties("SignalKeys").contains_key(key)),
                "{signal:?}"
            );
        }
    }
    assert!(!properties("Environment").contains_key("header"), "the place in the file is not part of the format");
    let kinds = properties("SignalKeys")["kind"]["enum"].as_array().unwrap().len();
    assert_eq!(kinds, Kind::ALL.len() - 1, "all but the rollout");
}

/// The schema is made from the forms, and each is read by its name: both have to know the same names.
#[test]
fn every_form_that_the_schema_names_is_read() {
    let schema: serde_json::Value = serde_json::from_str(&config::json_schema()).unwrap();
    for (definition, tag, table) in [
        ("Source", "kind", "sources.a"),
        ("Ci", "system", "environments.a.rollback.ci"),
        ("Flags", "provider", "[environments.a.flags]"),
    ] {
        let forms = schema["$defs"][definition]["oneOf"].as_array().unwrap();
        assert!(forms.len() >= 3, "{definition} has lost its forms");
        for form in forms {
            let name = form["properties"][tag]["const"].as_str().unwrap();
            let said = match Config::parse(&format!("[{table}]\n{tag} = \"{name}\""), "f") {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            };
            assert!(!said.contains(&format!("`{name}`")), "{tag} = {name}: {said}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let error = Config::load(Path::new("no/such/redflag.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read no/such/redflag.toml: "), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever slips into a file with a secret in it: there is an answer, and the secret is not in it.
    #[test]
    fn no_slip_of_the_fingers_shows_a_secret(cuts in prop::collection::vec((0usize..8000, 0usize..12), 1..4)) {
        let mut text = EXAMPLE
            .replace("\ntoken = { env = \"GRAFANA_TOKEN\" }", "\ntoken = \"hunter2\"")
            .replace("{ env = \"DD_API_KEY\" }", "{ env = \"DD_API_KEY\", value = \"hunter2\" }")
            .replace("{ env = \"SENTRY_TOKEN\" }", "'''\nhunter2\n'''");
        for (start, length) in cuts {
            let start = start % text.len();
            let part: Vec<char> = text.chars().collect();
            let end = (start + length).min(part.len());
            if start < end {
                text = part[..start].iter().chain(&part[end..]).collect();
            }
        }
        if let Err(error) = Config::parse(&text, "redflag.toml") {
            prop_assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
        }
    }
}

#[test]
fn a_file_that_is_larger_than_any_configuration_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redflag.toml");
    std::fs::File::create(&path).unwrap().set_len(5 << 30).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("5 GiB is over the limit of 1 MiB: is it the right file?"), "{error}");
}
