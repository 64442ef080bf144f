//! Which presets a service's series are of, which of their signals can be read, and which of two that tell the same is
//! taken. Pure: the series are handed in, whoever listed them.

use super::file::{Layer, Preset, PresetSignal, Sign};
use super::selectors::{Selector, matchers};
use crate::deploy::WorkloadRef;
use crate::settings::variables::{Variables, pods, workloads};
use crate::signal::Kind;
use promql_parser::label::{MatchOp, Matcher};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// One series, as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its labels without that.
    pub labels: BTreeMap<String, String>,
}

impl Series {
    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    fn fits(&self, matchers: &[Matcher]) -> bool {
        matchers.iter().all(|matcher| matcher.is_match(self.label(&matcher.name)))
    }
}

/// Whose signals are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The environment's.
    pub environment: &'a str,
    /// Where its workloads are.
    pub namespace: &'a str,
    /// Its workloads.
    pub workloads: &'a [WorkloadRef],
    /// The versions that serve now, as `$version` stands for them.
    pub versions: &'a [&'a str],
}

/// A preset whose series are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub preset: String,
    /// The names of series by which it was recognised.
    pub seen: Vec<String>,
    /// The label matchers by which the service's own are told apart, as they are written in the preset; `None` where
    /// none of the series is the service's.
    pub matchers: Option<String>,
    /// The label that says the version, where one does.
    pub version_label: Option<String>,
    /// Each of its signals once, and what became of it.
    pub signals: Vec<FoundSignal>,
}

/// A signal of a preset that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSignal {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// Which variant of it can be read; of one that cannot, the usual one.
    pub variant: Option<String>,
    /// Whether it is taken.
    pub decision: Decision,
}

/// Whether a signal is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing else tells it.
    Taken,
    /// It is taken, and these presets, which tell the same, are not.
    Preferred {
        /// Their names.
        over: Vec<String>,
    },
    /// Another preset tells the same.
    ToldBy {
        /// Its name.
        preset: String,
        /// Why that one.
        because: Because,
    },
    /// Something that it needs is not there.
    Lacks(Lack),
}

impl Decision {
    /// Whether it is taken.
    pub const fn is_taken(&self) -> bool {
        matches!(self, Self::Taken | Self::Preferred { .. })
    }
}

/// Why one of two that tell the same is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Its series say which version they are of.
    Versions,
    /// It counts requests that the service never answered, too.
    Unanswered,
    /// It counts all requests, and not only those from outside.
    AllRequests,
    /// It sees what Kubernetes limits, and not the process alone.
    Container,
    /// More of its signals can be read.
    More,
}

/// What is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// No series has this name.
    Name(String),
    /// Series have this name, and none of them is the service's.
    OfService {
        /// The name.
        series: String,
        /// The matchers that none of them fits.
        matchers: String,
    },
    /// No series of this name has this label.
    Label {
        /// The name of the series.
        series: String,
        /// The label.
        label: String,
    },
    /// No series of this name fits a condition on a label.
    Value {
        /// The name of the series.
        series: String,
        /// The condition: `resource="cpu"`.
        condition: String,
    },
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Versions => "its series say the version",
            Self::Unanswered => "it also counts requests without an answer",
            Self::AllRequests => "it counts all requests, not only those from outside",
            Self::Container => "it sees what Kubernetes limits, not the process alone",
            Self::More => "more of its signals can be read",
        })
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "no series {name}"),
            Self::OfService { series, matchers } => write!(f, "no series {series} of this service: {{{matchers}}}"),
            Self::Label { series, label } => write!(f, "{series} has no label {label}"),
            Self::Value { series, condition } => write!(f, "no series {series}{{{condition}}}"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::Preferred { over } => write!(f, "taken over {}", over.join(", ")),
            Self::ToldBy { preset, because } => write!(f, "told by {preset}: {because}"),
            Self::Lacks(lack) => write!(f, "left out: {lack}"),
        }
    }
}

impl Found {
    /// The preset as a configuration names it, with what was found of it: `{ name = "istio", match = '…' }`.
    pub fn written(&self, presets: &[Preset]) -> String {
        let preset = presets.iter().find(|preset| preset.name == self.preset);
        let mut parts = vec![format!("name = \"{}\"", self.preset)];
        let usual = preset.and_then(|preset| preset.matchers.first());
        if let Some(matchers) = self.matchers.as_ref().filter(|matchers| usual != Some(matchers)) {
            parts.push(format!("match = '{matchers}'"));
        }
        if let Some(label) = &self.version_label {
            parts.push(format!("version_label = \"{label}\""));
        }
        let taken = self.signals.iter().filter(|signal| signal.decision.is_taken());
        let mut variants: Vec<&str> = taken.filter_map(|signal| signal.variant.as_deref()).collect();
        variants.sort_unstable();
        variants.dedup();
        if !variants.is_empty() {
            let quoted: Vec<String> = variants.iter().map(|variant| format!("\"{variant}\"")).collect();
            parts.push(format!("variants = [{}]", quoted.join(", ")));
        }
        format!("{{ {} }}", parts.join(", "))
    }
}

/// The presets that a service's series are of, in the order of their names, and what becomes of their signals.
pub fn recognise(presets: &[Preset], series: &[Series], whose: &Whose<'_>) -> Vec<Found> {
    let by_name = by_name(series);
    let (pods, workloads) = (pods(whose.workloads.iter()), workloads(whose.workloads.iter()));
    let variables = Variables {
        service: whose.service,
        environment: whose.environment,
        namespace: whose.namespace,
        pods: &pods,
        workloads: &workloads,
    };
    let seen = Seen { by_name: &by_name, variables, versions: whose.versions };
    let mut found: Vec<(&Preset, Found)> =
        presets.iter().filter_map(|preset| Some((preset, seen.preset(preset)?))).collect();
    decide(&mut found);
    found.into_iter().map(|(_, found)| found).collect()
}

type ByName<'a> = BTreeMap<&'a str, Vec<&'a Series>>;

fn by_name(series: &[Series]) -> ByName<'_> {
    let mut by_name = ByName::new();
    for one in series {
        by_name.entry(&one.name).or_default().push(one);
    }
    by_name
}

/// What a selector needs.
struct Needs<'a> {
    selector: &'a Selector,
    /// Whether it selects failures, of which there may be none yet.
    of_failures: bool,
    /// Series and labels that may be missing.
    late: &'a [String],
}

/// The series that are there, and whose are looked for.
struct Seen<'a> {
    by_name: &'a ByName<'a>,
    variables: Variables<'a>,
    versions: &'a [&'a str],
}

impl Seen<'_> {
    fn of(&self, name: &str) -> &[&Series] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    fn has(&self, sign: &Sign) -> bool {
        self.of(&sign.name).iter().any(|series| sign.labels.iter().all(|label| series.labels.contains_key(label)))
    }

    /// A preset, if any of its series is there.
    fn preset(&self, preset: &Preset) -> Option<Found> {
        let signs: Vec<&Sign> = preset.recognised.iter().filter(|sign| self.has(sign)).collect();
        if signs.is_empty() {
            return None;
        }
        let of_service = preset.matchers.iter().find_map(|written| {
            let matchers = self.filled(written);
            let fit = signs.iter().any(|sign| self.of(&sign.name).iter().any(|series| series.fits(&matchers)));
            fit.then_some((written, matchers))
        });
        let version_label = of_service.as_ref().and_then(|(_, matchers)| self.version_label(preset, &signs, matchers));
        let usual = || preset.matchers.first().cloned().unwrap_or_default();
        let mut signals: Vec<FoundSignal> = Vec::new();
        for signal in &preset.signals {
            if signals.iter().any(|known| known.name == signal.name) {
                continue;
            }
            let variants = || preset.signals.iter().filter(|other| other.name == signal.name);
            let decide = |signal: &PresetSignal| match &of_service {
                Some((written, matchers)) => self.lack(signal, written, matchers),
                None => Some(Lack::OfService { series: signs[0].name.clone(), matchers: usual() }),
            };
            let readable = variants().find(|variant| decide(variant).is_none());
            signals.push(FoundSignal {
                name: signal.name.clone(),
                kind: signal.kind,
                variant: readable.unwrap_or(signal).variant.clone(),
                decision: match readable {
                    Some(_) => Decision::Taken,
                    None => decide(signal).map_or(Decision::Taken, Decision::Lacks),
                },
            });
        }
        Some(Found {
            preset: preset.name.clone(),
            seen: signs.iter().map(|sign| sign.name.clone()).collect(),
            matchers: of_service.map(|(written, _)| written.clone()),
            version_label,
            signals,
        })
    }

    /// The matchers with the service's names in place. Those of a preset were read with its file.
    fn filled(&self, written: &str) -> Vec<Matcher> {
        // What cannot be read fits nothing.
        let nothing = || vec![Matcher::new(MatchOp::Equal, "__name__", "")];
        matchers(&self.variables.fill(written)).unwrap_or_else(|_| nothing())
    }

    /// The label of the service's series that holds one of the versions.
    fn version_label(&self, preset: &Preset, signs: &[&Sign], matchers: &[Matcher]) -> Option<String> {
        let says = |label: &str| {
            let of_signs = signs.iter().flat_map(|sign| self.of(&sign.name));
            of_signs.filter(|series| series.fits(matchers)).any(|series| self.versions.contains(&series.label(label)))
        };
        preset.version_labels.iter().find(|label| says(label)).cloned()
    }

    /// What a signal needs that is not there, if anything.
    fn lack(&self, signal: &PresetSignal, written: &str, of_service: &[Matcher]) -> Option<Lack> {
        signal.selectors().find_map(|(selector, of_failures)| {
            let is_late = signal.late.contains(&selector.name) && self.of(&selector.name).is_empty();
            let needs = Needs { selector, of_failures, late: &signal.late };
            if is_late { None } else { self.missing(&needs, written, of_service) }
        })
    }

    /// What keeps a selector from selecting anything. Of one that selects failures there may be no series yet: it is
    /// enough that its labels are known.
    fn missing(&self, needs: &Needs<'_>, written: &str, of_service: &[Matcher]) -> Option<Lack> {
        let Needs { selector, of_failures, late } = *needs;
        let series = || selector.name.clone();
        let named = self.of(&selector.name);
        if named.is_empty() {
            return Some(Lack::Name(series()));
        }
        let own: Vec<&&Series> = named.iter().filter(|one| !selector.is_of_service || one.fits(of_service)).collect();
        if own.is_empty() {
            return Some(Lack::OfService { series: series(), matchers: written.to_owned() });
        }
        let labels = selector.matchers.iter().filter(|matcher| !matcher.is_match("") && !late.contains(&matcher.name));
        for matcher in labels {
            if !own.iter().any(|one| one.labels.contains_key(&matcher.name)) {
                return Some(Lack::Label { series: series(), label: matcher.name.clone() });
            }
        }
        if of_failures || own.iter().any(|one| one.fits(&selector.matchers)) {
            return None;
        }
        let condition = selector.matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        Some(Lack::Value { series: series(), condition })
    }
}

/// Of signals that tell the same, takes that of the preset which goes first.
fn decide(found: &mut [(&Preset, Found)]) {
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by_key(|place| rank(&found[*place]));
    for (after, &loser) in order.iter().enumerate() {
        for place in 0..found[loser].1.signals.len() {
            let lost = &found[loser].1.signals[place];
            if !lost.decision.is_taken() {
                continue;
            }
            let kind = lost.kind;
            let wins = |winner: &&usize| {
                let (preset, found_there) = &found[**winner];
                let shares = preset.covers.iter().any(|what| found[loser].0.covers.contains(what));
                shares && found_there.signals.iter().any(|signal| signal.kind == kind && signal.decision.is_taken())
            };
            let Some(&winner) = order[..after].iter().find(wins) else { continue };
            let because = because(&found[winner], &found[loser]);
            let (won, lost) = (found[winner].0.name.clone(), found[loser].0.name.clone());
            found[loser].1.signals[place].decision = Decision::ToldBy { preset: won, because };
            let of_winner = found[winner].1.signals.iter_mut();
            for signal in of_winner.filter(|signal| signal.kind == kind && signal.decision.is_taken()) {
                match &mut signal.decision {
                    Decision::Preferred { over } if over.contains(&lost) => {}
                    Decision::Preferred { over } => over.push(lost.clone()),
                    decision => *decision = Decision::Preferred { over: vec![lost.clone()] },
                }
            }
        }
    }
}

/// What goes first: whoever tells versions apart, then by who measures, then whoever has more, then by name.
fn rank((preset, found): &(&Preset, Found)) -> (bool, Layer, Reverse<usize>, String) {
    (found.version_label.is_none(), preset.layer, Reverse(readable(found)), preset.name.clone())
}

/// How many of a preset's signals can be read.
fn readable(found: &Found) -> usize {
    found.signals.iter().filter(|signal| !matches!(signal.decision, Decision::Lacks(_))).count()
}

/// Why the first of two goes first.
fn because(winner: &(&Preset, Found), loser: &(&Preset, Found)) -> Because {
    if winner.1.version_label.is_some() != loser.1.version_label.is_some() {
        return Because::Versions;
    }
    if winner.0.layer == loser.0.layer {
        return Because::More;
    }
    match winner.0.layer {
        Layer::Mesh => Because::Unanswered,
        Layer::Service | Layer::Ingress | Layer::Dependency => Because::AllRequests,
        Layer::Node | Layer::Process => Because::Container,
    }
}
