//! Presets in a configuration: they stand for their signals, each of which can be changed or replaced by its name.

use super::*;
use redflag::config::Draft;
use redflag::signal::{Kind, Signal, Unit};

/// A configuration with these lines in its environment.
fn text(environment: &str) -> String {
    format!(
        "[sources.kubernetes]\nkind = \"kubernetes\"\n[sources.prometheus]\n{PROMETHEUS}\n\
         [environments.production]\nnamespace = \"shop\"\nworkloads = [\"deployment/app\"]\n{environment}\n"
    )
}

/// What is wrong with such a configuration.
fn refused(environment: &str) -> String {
    Config::parse(&text(environment), "f").expect_err("it is refused").to_string()
}

fn signal<'a>(assembly: &'a Assembly, name: &str) -> &'a Signal {
    assembly.setup.signals.iter().find(|signal| signal.name == name).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn a_preset_stands_for_its_signals() {
    let assembly = assembled(&text("preset = \"otel-http\""));
    let names: Vec<&str> = assembly.setup.signals.iter().map(|signal| signal.name.as_str()).collect();
    assert_eq!(names, ["rollout", "error rate", "p95", "requests"]);
    let p95 = signal(&assembly, "p95");
    assert_eq!((p95.kind, p95.unit, p95.limits), (Kind::Latency, Unit::Milliseconds, Kind::Latency.limits()));
    let (_, query) = queries(&assembly).into_iter().find(|(name, _)| name == "p95").unwrap();
    assert_eq!(
        query,
        "histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{namespace=\"shop\",\
         pod=~\"app-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\"}[$__rate_interval])))"
    );
    assert_eq!(assembly.written[2].as_deref(), Some("redflag.toml:9"), "where the preset is named");
}

#[test]
fn several_presets_and_what_is_special_of_them_here() {
    let assembly = assembled(&text(
        "preset = [\"cadvisor\", { name = \"otel-http\", match = 'job=\"$service\"', version_label = \"service_version\", \
         variants = [\"old\"] }]",
    ));
    let asked = queries(&assembly);
    let of = |wanted: &str| asked.iter().find(|(name, _)| name == wanted).map(|(_, query)| query.as_str()).unwrap();
    assert!(of("p95").contains("http_server_duration_milliseconds_bucket{job=\"app\",service_version=\"$version\"}"));
    assert!(of("requests").contains("_count{job=\"app\"}"), "traffic is that of all versions: {}", of("requests"));
    assert!(signal(&assembly, "p95").of_version && !signal(&assembly, "requests").of_version);
    assert!(of("cpu").contains("namespace=\"shop\",pod=~\"app-"));
}

#[test]
fn a_signal_without_a_kind_changes_that_of_its_name() {
    let assembly = assembled(&text(
        "preset = \"otel-http\"\n[[environments.production.signals]]\nname = \"p95\"\nred_flag = 800\nrequired = false",
    ));
    let p95 = signal(&assembly, "p95");
    assert_eq!((p95.limits.red_flag, p95.limits.warning, p95.required), (Some(800.0), Some(500.0), false));
    assert_eq!(p95.unit, Unit::Milliseconds);
    assert_eq!(assembly.setup.signals.iter().filter(|signal| signal.name == "p95").count(), 1);
    let mine = assembled(&text(
        "preset = \"otel-http\"\n[[environments.production.signals]]\nname = \"p95\"\nquery = 'max(own_p95_ms)'",
    ));
    assert!(queries(&mine).contains(&("p95".to_owned(), "max(own_p95_ms)".to_owned())));
}

#[test]
fn a_signal_with_a_kind_takes_the_place_of_that_of_its_name() {
    let assembly = assembled(&text(
        "preset = \"otel-http\"\n[[environments.production.signals]]\nkind = \"latency\"\nname = \"p95\"\nquery = 'max(own_p95_ms)'",
    ));
    let of_p95: Vec<_> = queries(&assembly).into_iter().filter(|(name, _)| name == "p95").collect();
    assert_eq!(of_p95, [("p95".to_owned(), "max(own_p95_ms)".to_owned())]);
    let unnamed =
        "preset = \"otel-http\"\n[[environments.production.signals]]\nkind = \"latency\"\nquery = 'max(own_p95_ms)'";
    assert_eq!(queries(&assembled(&text(unnamed))).iter().filter(|(name, _)| name == "p95").count(), 1);
}

#[test]
fn each_service_has_its_own_and_one_may_have_another() {
    let services = "[sources.kubernetes]\nkind = \"kubernetes\"\n[sources.prometheus]\n".to_owned()
        + PROMETHEUS
        + "\n[environments.production]\nnamespace = \"shop\"\npreset = [\"otel-http\", { name = \"sidekiq\", service = \"worker\" }]\n\
           [[environments.production.services]]\nname = \"app\"\n\
           [[environments.production.services]]\nname = \"worker\"\nworkloads = [\"deployment/worker\", \"statefulset/queue\"]\n\
           [[environments.production.signals]]\nname = \"p95\"\nservice = \"worker\"\nred_flag = 900\n";
    let assembly = assembled(&services);
    let of = |name: &str| {
        let signals = assembly.setup.signals.iter().filter(move |signal| signal.name == name);
        let mut told: Vec<(u16, Option<f64>)> =
            signals.map(|signal| (signal.service.0, signal.limits.red_flag)).collect();
        told.sort_by_key(|(service, _)| *service);
        told
    };
    assert_eq!(of("p95"), [(0, None), (1, Some(900.0))]);
    assert_eq!(of("job queue"), [(1, None)]);
    let asked = queries(&assembly);
    let queue = asked.iter().find(|(name, _)| name == "job queue").map(|(_, query)| query.as_str());
    assert!(queue.is_some_and(|query| query.contains("[bcdfghjklmnpqrstvwxz2456789]{5}|queue-[0-9]+\"")), "{queue:?}");
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let told = refused("preset = \"otel-htp\"");
    assert!(told.starts_with("f:9:10: there is no preset `otel-htp`"), "{told}");
    assert!(told.contains("did you mean `otel-http`?") && told.contains("presets: aspnet, cadvisor,"), "{told}");

    let told = refused("preset = [{ name = \"otel-http\", variants = [\"natve\"] }]");
    assert!(told.starts_with("f:9:45: `otel-http` has no variant `natve`"), "{told}");
    assert!(told.contains("did you mean `native`?") && told.contains("variants: native, old"), "{told}");

    let told = refused("preset = [{ name = \"otel-http\", match = '{job=\"app\"}' }]");
    assert!(told.starts_with("f:9:41: these are no label matchers"), "{told}");

    let told = refused("preset = [{ name = \"otel-http\", mtach = 'job=\"app\"' }]");
    assert!(told.contains("unknown key `mtach`") && told.contains("did you mean `match`?"), "{told}");

    let told = refused("preset = 5");
    assert!(told.starts_with("f:9:10: a preset is named by a text in quotes"), "{told}");

    let told = refused("preset = \"otel-http\"\n[[environments.production.signals]]\nname = \"p59\"\nhold = 2");
    assert!(told.starts_with("f:11:8: no preset here has a signal `p59`"), "{told}");
    assert!(told.contains("did you mean `p95`?") && told.contains("signals of its presets: error rate, p95, requests"));

    let told = refused("[[environments.production.signals]]\nname = \"p95\"\nhold = 2");
    assert!(told.contains("`kind` is missing"), "{told}");

    let told = refused("preset = [\"otel-http\", \"micrometer\"]");
    assert_eq!(told.matches("f:9:").count(), 1, "once for all of them: {told}");
    assert!(told.contains("`micrometer` has signals of the same names as `otel-http`, for `app`"), "{told}");
}

#[test]
fn one_mistake_is_told_once_for_all_signals_of_a_preset() {
    let two = format!("[sources.other]\n{PROMETHEUS}\n{}", text("preset = \"otel-http\""));
    let told = Config::parse(&two, "f").unwrap_err().to_string();
    assert_eq!(told.matches("`source` is missing").count(), 1, "{told}");
    let named = two.replace("\"otel-http\"", "[{ name = \"otel-http\", source = \"other\" }]");
    assert_eq!(assembled(&named).setup.signals.len(), 4);
}

#[test]
fn a_source_that_speaks_no_promql_is_none_for_a_preset() {
    let datadog =
        "[sources.datadog]\nkind = \"datadog\"\napi_key = { env = \"A\" }\napplication_key = { env = \"B\" }\n";
    assert_eq!(assembled(&format!("{datadog}{}", text("preset = \"cadvisor\""))).setup.signals.len(), 4);
}

#[test]
fn the_configuration_folders_presets_take_the_place_of_those_that_are_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let own = "about = \"ours\"\norigin = [\"us\"]\nlayer = \"service\"\nrecognised = [\"own_total\"]\n\
               [[signals]]\nname = \"own\"\nkind = \"traffic\"\nquery = 'sum(rate(own_total{$match}[$__rate_interval]))'\n";
    std::fs::write(folder.path().join("otel-http.toml"), own).unwrap();
    std::fs::write(folder.path().join("ours.toml"), own).unwrap();
    std::fs::write(folder.path().join("ours.test.toml"), "not a preset").unwrap();
    std::fs::write(folder.path().join("wrong.toml"), own.replace("$match", "$mtach").replace("traffic", "probe"))
        .unwrap();
    let presets = Presets::with_folder(Some(folder.path()));
    assert!(presets.names().any(|name| name == "ours") && presets.path("cadvisor").is_none());
    for name in ["otel-http", "ours"] {
        let draft = Draft::parse_with(&text(&format!("preset = \"{name}\"")), "f", &presets).unwrap();
        let assembly = draft.finish().unwrap().assemble(
            None,
            &AssembleOptions::beginning(Time::UNIX_EPOCH),
            &SystemSecrets::default(),
        );
        assert_eq!(assembly.unwrap().setup.signals[1].name, "own");
    }
    let draft = Draft::parse_with(&text("preset = \"wrong\""), "f", &presets).unwrap();
    let told = draft.finish().unwrap_err().to_string();
    assert!(told.contains("wrong.toml:7:8: probe has no query"), "{told}");
}

#[test]
fn every_thing_that_is_wrong_with_a_preset_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let told = |text: &str| {
        std::fs::write(folder.path().join("x.toml"), text).unwrap();
        let error = Presets::with_folder(Some(folder.path())).named("x").expect_err("it is refused").to_string();
        error.replace(&folder.path().display().to_string(), "")
    };
    let head = "about = \"a\"\norigin = []\nlayer = \"service\"\nrecognised = [\"a_total\"]\n";
    let signal = |rest: &str| format!("{head}[[signals]]\nname = \"a\"\n{rest}\n");
    for (text, expected) in [
        ("about = ".to_owned(), "/x.toml:1:9: this is not TOML"),
        (format!("{head}lyer = 1"), "unknown key `lyer`"),
        (head.replace("service", "sevice"), "unknown value `sevice`"),
        (head.to_owned(), "a preset has at least one of [[signals]]"),
        (head.replace("a_total", "a-total"), "/x.toml:4:15: this is no name of a series"),
        (head.replace("[\"a_total\"]", "[]"), "a preset is recognised by at least one name of a series"),
        (format!("{head}match = ['a=b']"), "/x.toml:5:10: these are no label matchers"),
        (signal("kind = \"traffic\""), "this signal does not say what it asks"),
        (signal("kind = \"traffic\"\nquery = 'sum('"), "/x.toml:8:9: this query cannot be read"),
        (signal("kind = \"traffic\"\nquery = 'a{$mtach}'"), "unknown variable `$mtach`"),
        (signal("kind = \"traffic\"\nquery = 'a'\nunit = \"bytes\""), "traffic cannot be in bytes"),
        (
            signal("kind = \"traffic\"\nquery = 'a'\n[[signals]]\nname = \"a\"\nkind = \"custom\"\nquery = 'a'"),
            "a signal `a` already",
        ),
    ] {
        let error = told(&text);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(told("x").contains("/x.toml:1:"));
}

#[test]
fn every_form_of_naming_them_is_taken() {
    let text = include_str!("../config/valid/presets.toml").replace("token = { env = \"GRAFANA_TOKEN\" }\n", "");
    let assembly = assembled(&text);
    let told: Vec<(u16, &str)> =
        assembly.setup.signals.iter().map(|signal| (signal.service.0, signal.name.as_str())).collect();
    for expected in [(0, "cpu"), (1, "cpu"), (1, "memory"), (0, "error rate"), (0, "p95"), (0, "requests")] {
        assert_eq!(told.iter().filter(|one| **one == expected).count(), 1, "{expected:?}: {told:?}");
    }
    assert!(!told.contains(&(1, "p95")), "{told:?}");
}
