//! `redflag presets`: the presets that a configuration may name, a line each; or one of them as its file has it.

use super::{CommandError, print};
use crate::cli::{Output, PresetsArgs};
use crate::config;
use crate::config::presets::{Preset, PresetSignal, Presets};
use crate::outcome::Outcome;
use crate::output;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is told of a preset.
#[derive(Debug, Serialize)]
struct Row<'a> {
    preset: &'a str,
    about: &'a str,
    origin: &'a [String],
    /// Its file; `None` where it is built in.
    file: Option<&'a Path>,
    layer: &'static str,
    covers: &'a [String],
    recognised: Vec<String>,
    #[serde(rename = "match")]
    matchers: &'a [String],
    version_labels: &'a [String],
    signals: Vec<SignalRow<'a>>,
}

#[derive(Debug, Serialize)]
struct SignalRow<'a> {
    name: &'a str,
    kind: &'static str,
    variant: Option<&'a str>,
    unit: Option<&'static str>,
    queries: Vec<&'a str>,
}

pub(super) fn run(args: &PresetsArgs) -> Result<Outcome, CommandError> {
    let presets = Presets::with_folder(folder().as_deref());
    match (&args.name, args.output) {
        (None, output) => list(&presets, output),
        (Some(name), Output::Text) => print(presets.text(name).ok_or_else(|| presets.unknown(name))??),
        (Some(name), Output::Json) => {
            let preset = presets.named(name)?;
            print(&(json(&preset, presets.path(name))? + "\n"))
        }
    }
}

/// Where a person's own presets are.
fn folder() -> Option<PathBuf> {
    config::folder().map(|folder| folder.join("presets"))
}

fn list(presets: &Presets, as_what: Output) -> Result<Outcome, CommandError> {
    let mut out = output::stdout();
    let mut outcome = Outcome::Done;
    for name in presets.names() {
        match presets.named(name) {
            Ok(preset) => match as_what {
                Output::Text => out.line(&line(&preset)),
                Output::Json => out.line(&json(&preset, presets.path(name))?),
            },
            // The others are told all the same.
            Err(error) => {
                output::stderr().line(&format!("redflag: {error}"));
                outcome = Outcome::Misused;
            }
        }
    }
    out.end()?;
    Ok(outcome)
}

/// `istio  Requests as Istio's proxies count them: mesh errors, mesh p95, mesh requests`
fn line(preset: &Preset) -> String {
    let mut names: Vec<&str> = Vec::new();
    for signal in &preset.signals {
        if !names.contains(&signal.name.as_str()) {
            names.push(&signal.name);
        }
    }
    format!("{:<15} {}: {}", preset.name, preset.about, names.join(", "))
}

fn json(preset: &Preset, file: Option<&Path>) -> Result<String, CommandError> {
    let row = Row {
        preset: &preset.name,
        about: &preset.about,
        origin: &preset.origin,
        file,
        layer: preset.layer.as_str(),
        covers: &preset.covers,
        recognised: preset.recognised.iter().map(ToString::to_string).collect(),
        matchers: &preset.matchers,
        version_labels: &preset.version_labels,
        signals: preset.signals.iter().map(signal_row).collect(),
    };
    Ok(serde_json::to_string(&row).map_err(std::io::Error::other)?)
}

fn signal_row(signal: &PresetSignal) -> SignalRow<'_> {
    SignalRow {
        name: &signal.name,
        kind: signal.kind.as_str(),
        variant: signal.variant.as_deref(),
        unit: signal.unit(),
        queries: signal.queries(),
    }
}
