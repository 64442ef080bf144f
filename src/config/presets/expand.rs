//! From the presets that an environment names to its signals: as if they were written there.

use super::Presets;
use super::file::{Asks, Preset, PresetSignal, SignalTable};
use super::selectors::{matchers, with_matchers};
use crate::config::ConfigError;
use crate::config::kinds::SignalKind;
use crate::config::problem::{Problem, Problems};
use crate::config::schema::presets::Use;
use crate::config::schema::{self, Parsed, Signal};
use crate::settings::at::{At, Span};
use std::collections::BTreeMap;

/// The presets that are named in a file, read once each; `None` where a preset's own file is wrong.
pub(in crate::config) type Loaded = BTreeMap<String, Option<Preset>>;

/// Reads each preset that an environment names. What is wrong with their files is handed back.
pub(in crate::config) fn named<'a>(
    presets: &Presets,
    uses: impl Iterator<Item = &'a Use>,
) -> (Loaded, Vec<ConfigError>) {
    let (mut loaded, mut wrong) = (Loaded::new(), Vec::new());
    for name in uses.map(|used| &used.name.value) {
        if loaded.contains_key(name) {
            continue;
        }
        let preset = match presets.get(name) {
            None => continue,
            Some(Ok(preset)) => Some(preset),
            Some(Err(error)) => {
                wrong.push(error);
                None
            }
        };
        loaded.insert(name.clone(), preset);
    }
    (loaded, wrong)
}

/// Every signal of an environment: what is written, then what its presets add to that.
pub(in crate::config) fn expand(
    environment: &schema::Environment,
    loaded: &Loaded,
    presets: &Presets,
    problems: &mut Problems,
) -> Vec<Parsed<Signal>> {
    let written = environment.signals.as_deref().unwrap_or_default();
    let uses = environment.preset.as_deref().unwrap_or_default();
    let mut whole = true;
    let mut of_presets: Vec<Signal> = Vec::new();
    for Parsed { value: used, whole: used_whole } in uses {
        whole &= used_whole;
        match loaded.get(&used.name.value) {
            Some(Some(preset)) => {
                let signals = signals_of(preset, used, problems);
                whole &= signals.is_some();
                of_presets.extend(signals.unwrap_or_default());
            }
            // Reported with its own file.
            Some(None) => whole = false,
            None => {
                whole = false;
                let names: Vec<&str> = presets.names().collect();
                let problem = Problem::new(&used.name.span, format!("there is no preset `{}`", used.name.value));
                problems.push(problem.names(&used.name, &names, "presets"));
            }
        }
    }
    let mut signals = Vec::with_capacity(written.len() + of_presets.len());
    for Parsed { value, whole: value_whole } in written {
        if value.kind.is_some() {
            signals.push(Parsed { value: value.clone(), whole: *value_whole });
            continue;
        }
        let Some(name) = &value.name else { continue };
        match of_presets.iter().find(|signal| signal.name.as_ref().is_some_and(|known| known.value == name.value)) {
            Some(signal) => signals.push(Parsed { value: changed(signal, value), whole: *value_whole }),
            // It may be of one that could not be read.
            None if !whole => {}
            None => {
                let mut names: Vec<&str> =
                    of_presets.iter().filter_map(|one| Some(one.name.as_ref()?.as_str())).collect();
                names.sort_unstable();
                names.dedup();
                let problem = Problem::new(&name.span, format!("no preset here has a signal `{}`", name.value));
                problems.push(problem.names(name, &names, "signals of its presets"));
            }
        }
    }
    signals.extend(of_presets.into_iter().map(|value| Parsed { value, whole: true }));
    signals
}

/// The signals of a preset as it is used here; `None` where something is wrong with how it is.
fn signals_of(preset: &Preset, used: &Use, problems: &mut Problems) -> Option<Vec<Signal>> {
    let written = match &used.matchers {
        None => preset.matchers.first().cloned().unwrap_or_default(),
        Some(own) => {
            if let Err(why) = matchers(own) {
                let why = why.trim().lines().next().unwrap_or_default().to_owned();
                problems.push(
                    Problem::new(&own.span, format!("these are no label matchers: {why}"))
                        .way_out("write them as between { and }: 'namespace=\"$namespace\",job=\"$service\"'"),
                );
                return None;
            }
            own.value.trim().trim_end_matches(',').to_owned()
        }
    };
    let wanted: &[At<String>] = used.variants.as_ref().map_or(&[], |at| at.value.as_slice());
    let mut known: Vec<&str> = preset.signals.iter().filter_map(|signal| signal.variant.as_deref()).collect();
    known.sort_unstable();
    known.dedup();
    let unknown = wanted.iter().find(|variant| !known.contains(&variant.as_str()));
    if let Some(unknown) = unknown {
        let problem = Problem::new(&unknown.span, format!("`{}` has no variant `{}`", preset.name, unknown.value));
        problems.push(problem.names(unknown, &known, "variants"));
        return None;
    }
    let is_wanted =
        |signal: &&PresetSignal| signal.variant.as_ref().is_some_and(|own| wanted.iter().any(|one| one.value == *own));
    let mut names: Vec<&str> = Vec::new();
    let mut signals = Vec::new();
    for signal in &preset.signals {
        if names.contains(&signal.name.as_str()) {
            continue;
        }
        names.push(&signal.name);
        let variants = || preset.signals.iter().filter(|other| other.name == signal.name);
        let usual = || variants().find(|variant| variant.variant.is_none());
        if let Some(chosen) = variants().find(is_wanted).or_else(usual) {
            signals.push(made(preset, chosen, used, &written));
        }
    }
    Some(signals)
}

/// A signal as it would be written, at the place where its preset is named.
fn made(preset: &Preset, signal: &PresetSignal, used: &Use, matchers: &str) -> Signal {
    let span = &used.name.span;
    let here = |text: String| At::new(text, span.clone());
    let matchers = match &used.version_label {
        Some(label) if signal.kind.compares_versions() => format!("{matchers},{}=\"$version\"", label.value),
        _ => matchers.to_owned(),
    };
    let query = |text: &str| Some(here(with_matchers(text, &matchers)));
    let (value, errors, requests) = match &signal.asks {
        Asks::Value(asked) => (query(&asked.text), None, None),
        Asks::Counts(errors, requests) => (None, query(&errors.text), query(&requests.text)),
    };
    let SignalTable { unit, required, warning, red_flag, increase, hold, min_requests, .. } = &signal.table;
    Signal {
        kind: Some(At::new(SignalKind(signal.kind), span.clone())),
        name: Some(here(signal.name.clone())),
        source: used.source.clone(),
        datasource: used.datasource.clone(),
        service: used.service.clone(),
        query: value,
        errors,
        requests,
        unit: moved(unit.as_ref(), span),
        required: *required,
        warning: moved(warning.as_ref(), span),
        red_flag: moved(red_flag.as_ref(), span),
        increase: moved(increase.as_ref(), span),
        hold: moved(hold.as_ref(), span),
        min_requests: moved(min_requests.as_ref(), span),
        preset: Some(preset.name.clone()),
        is_brought: true,
        ..Signal::default()
    }
}

/// What a preset's file says, at the place where the preset is named.
fn moved<T: Copy>(written: Option<&At<T>>, span: &Span) -> Option<At<T>> {
    written.map(|at| At::new(at.value, span.clone()))
}

/// A preset's signal with what is written of it in place of the preset's own.
fn changed(signal: &Signal, change: &Signal) -> Signal {
    /// Whichever is written here.
    fn over<T: Clone>(change: Option<&T>, own: Option<&T>) -> Option<T> {
        change.or(own).cloned()
    }
    let asks = change.query.is_some() || change.errors.is_some() || change.requests.is_some();
    let own = |text: &Option<At<String>>| text.clone().filter(|_| !asks);
    Signal {
        kind: signal.kind.clone(),
        name: change.name.clone(),
        source: over(change.source.as_ref(), signal.source.as_ref()),
        service: over(change.service.as_ref(), signal.service.as_ref()),
        query: change.query.clone().or_else(|| own(&signal.query)),
        errors: change.errors.clone().or_else(|| own(&signal.errors)),
        requests: change.requests.clone().or_else(|| own(&signal.requests)),
        datasource: over(change.datasource.as_ref(), signal.datasource.as_ref()),
        // A query of its own is in a unit of its own.
        unit: change.unit.clone().or_else(|| signal.unit.clone().filter(|_| !asks)),
        required: change.required.or(signal.required),
        warning: over(change.warning.as_ref(), signal.warning.as_ref()),
        red_flag: over(change.red_flag.as_ref(), signal.red_flag.as_ref()),
        increase: over(change.increase.as_ref(), signal.increase.as_ref()),
        hold: over(change.hold.as_ref(), signal.hold.as_ref()),
        min_requests: over(change.min_requests.as_ref(), signal.min_requests.as_ref()),
        preset: signal.preset.clone(),
        ..change.clone()
    }
}
