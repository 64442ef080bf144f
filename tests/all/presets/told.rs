//! `redflag presets`: what it lists, and what it prints of one.

use redflag::config::presets::Presets;
use std::path::Path;
use std::process::{Command, Output};

fn presets(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redflag"));
    command.arg("presets").args(arguments).env_clear().env("HOME", home).env("XDG_CONFIG_HOME", home);
    command.output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_preset_is_listed_with_what_it_is_and_its_signals() {
    let home = tempfile::tempdir().unwrap();
    let output = presets(home.path(), &[]);
    let told = text(output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{told}");
    let line = told.lines().find(|line| line.starts_with("istio ")).unwrap();
    assert_eq!(line, "istio           Requests as Istio's proxies count them: mesh errors, mesh p95, mesh requests");
    assert_eq!(told.lines().count(), Presets::built_in().names().count());
}

#[test]
fn one_preset_is_its_file() {
    let home = tempfile::tempdir().unwrap();
    let output = presets(home.path(), &["otel-http"]);
    assert_eq!(text(output.stdout), include_str!("../../../presets/otel-http.toml"));
    let output = presets(home.path(), &["otel-htp"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(output.stderr);
    assert!(told.contains("there is no preset `otel-htp`; did you mean `otel-http`?"), "{told}");
}

#[test]
fn for_programs_each_is_an_object() {
    let home = tempfile::tempdir().unwrap();
    let output = presets(home.path(), &["--output", "json"]);
    let told = text(output.stdout);
    let rows: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = rows.iter().find(|row| row["preset"] == "cadvisor").unwrap();
    assert_eq!(row["layer"], "node");
    assert_eq!(row["recognised"][0], "container_cpu_usage_seconds_total");
    assert_eq!(row["file"], serde_json::Value::Null);
    let cpu = &row["signals"][0];
    assert_eq!((&cpu["name"], &cpu["kind"], &cpu["unit"]), (&"cpu".into(), &"cpu".into(), &"fraction".into()));
    assert_eq!(row["signals"][1]["variant"], "no-limits");
    let one = text(presets(home.path(), &["cadvisor", "--output", "json"]).stdout);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&one).unwrap(), *row);
}

#[cfg(target_os = "linux")]
#[test]
fn those_of_the_configuration_folder_are_listed_and_what_is_wrong_with_them_is_told() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("redflag/presets");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ours.toml"), "about = 5").unwrap();
    std::fs::write(folder.join("go.toml"), include_str!("../../../presets/go.toml").replace("Go's runtime", "Ours"))
        .unwrap();
    let output = presets(home.path(), &[]);
    let (told, wrong) = (text(output.stdout), text(output.stderr));
    assert!(told.lines().any(|line| line.starts_with("go ") && line.contains("Ours")), "{told}");
    assert!(wrong.contains("ours.toml:1:9: expected a string"), "{wrong}");
    assert_eq!(output.status.code(), Some(2));
}
