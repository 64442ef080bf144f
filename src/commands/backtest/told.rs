//! What a back-test tells: data first, a table or JSON made of it last.

use crate::backtest::case::{Case, Origin, TakenBack};
use crate::backtest::figures::{Came, Figures};
use crate::backtest::play::{Flag, Played};
use crate::deploy::{Time, brief};
use crate::output;
use chrono::{Local, SecondsFormat, TimeDelta};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the lines. It grows when a field changes its meaning or goes; a new one may come at any time.
const VERSION: u8 = 1;

/// What came of it by one configuration.
pub(super) struct Side {
    /// The name of its file.
    pub(super) configuration: String,
    pub(super) environment: String,
    /// Each deploy, and what a watch of it would have come to; the oldest first.
    pub(super) played: Vec<(Case, Played)>,
    /// How many deploys were left out because their window is not over.
    pub(super) too_young: usize,
}

/// One line of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "A line of `redflag backtest --output json`")]
pub(super) struct Line {
    /// The version of these lines: 1.
    version: u8,
    #[serde(flatten)]
    event: Event,
}

/// What it tells.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    /// What came of a deploy.
    Deploy(Box<Row>),
    /// What came of all.
    Summary {
        /// The name of the configuration's file.
        configuration: String,
        /// The environment.
        environment: String,
        /// The figures.
        figures: Figures,
        /// The same in words.
        sentence: String,
        /// The signals that no source keeps a past of: they were not waited for.
        untold: Vec<String>,
        /// How many deploys were left out because their window is not over.
        too_young: usize,
    },
    /// A deploy that two configurations judge differently.
    Difference {
        /// When it was deployed, RFC 3339 in UTC.
        at: String,
        /// Its version.
        to: String,
        /// By the first configuration.
        first: Judged,
        /// By the second.
        second: Judged,
    },
    /// A deploy that one of two configurations judges and the other does not.
    OneOnly {
        /// When it was deployed, RFC 3339 in UTC.
        at: String,
        /// Its version.
        to: String,
        /// By the one that judges it.
        judged: Judged,
    },
}

/// What a configuration says of a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Judged {
    /// The name of its file.
    configuration: String,
    /// What came of it.
    came: Came,
    /// How many seconds after the deploy, where anything rose.
    after_seconds: Option<i64>,
}

/// A deploy, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    /// The name of the configuration's file.
    configuration: String,
    /// When it was deployed, RFC 3339 in UTC.
    at: String,
    /// Who tells of it.
    origin: Origin,
    /// What was deployed.
    deploys: Vec<Part>,
    /// What came of it.
    came: Came,
    /// The first warning or red flag.
    flagged: Option<Rise>,
    /// The first red flag.
    red: Option<Rise>,
    /// When the signals' conditions of an automatic rollback first held together: what `auto = "shadow"` would have said.
    alone_at: Option<String>,
    /// Whether it was rolled back.
    rolled_back: Option<Back>,
    /// What was not known, and why.
    missing: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Part {
    /// Kind and name: `deployment/app`.
    workload: String,
    /// The version before, where it is known.
    from: Option<String>,
    /// The new version.
    to: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Rise {
    /// When, RFC 3339 in UTC.
    at: String,
    /// How many seconds after the deploy.
    after_seconds: i64,
    /// Its service.
    service: String,
    /// Its signal.
    signal: String,
    /// What was said of it.
    sentence: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Back {
    /// When, where that is known.
    at: Option<String>,
    /// Whether redflag did it by itself.
    automatic: bool,
}

fn stamp(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Rise {
    fn of(flag: &Flag) -> Self {
        Self {
            at: stamp(flag.at),
            after_seconds: flag.after.num_seconds(),
            service: flag.service.clone(),
            signal: flag.signal.clone(),
            sentence: flag.sentence.clone(),
        }
    }
}

impl Row {
    fn of(configuration: &str, case: &Case, played: &Played) -> Self {
        let part = |deployed: &crate::backtest::case::Deployed| Part {
            workload: deployed.workload.to_string(),
            from: deployed.from.as_ref().map(|version| version.label().to_owned()),
            to: deployed.to.label().to_owned(),
        };
        let back = |taken_back: TakenBack| Back { at: taken_back.at.map(stamp), automatic: taken_back.automatic };
        Self {
            configuration: configuration.to_owned(),
            at: case.at().map(stamp).unwrap_or_default(),
            origin: case.origin,
            deploys: case.deploys.iter().map(part).collect(),
            came: Came::of(played),
            flagged: played.flagged.as_ref().map(Rise::of),
            red: played.red.as_ref().map(Rise::of),
            alone_at: played.acts.map(stamp),
            rolled_back: case.taken_back.map(back),
            missing: played.missing.clone(),
        }
    }
}

/// The JSON schema of the lines.
pub(super) fn schema() -> String {
    output::schema::<Line>()
}

/// Everything, for a program.
pub(super) fn lines(sides: &[Side]) -> Vec<Line> {
    let mut events = Vec::new();
    for side in sides {
        let row = |(case, played): &(Case, Played)| Event::Deploy(Box::new(Row::of(&side.configuration, case, played)));
        events.extend(side.played.iter().map(row));
        let figures = side.figures();
        events.push(Event::Summary {
            configuration: side.configuration.clone(),
            environment: side.environment.clone(),
            sentence: figures.to_string(),
            figures,
            untold: untold(side),
            too_young: side.too_young,
        });
    }
    events.extend(differences(sides));
    events.into_iter().map(|event| Line { version: VERSION, event }).collect()
}

/// The signals that no source keeps a past of.
fn untold(side: &Side) -> Vec<String> {
    let mut names: Vec<String> = side.played.iter().flat_map(|(_, played)| played.untold.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Side {
    /// What it came to with a deploy, where that was played.
    fn of(&self, case: &Case) -> Option<&Played> {
        self.played.iter().find(|(known, _)| known == case).map(|(_, played)| played)
    }
}

/// The deploys that two configurations judge differently, and those that only one of them judges; the oldest first.
fn differences(sides: &[Side]) -> Vec<Event> {
    let [first, second] = sides else { return Vec::new() };
    let judged = |side: &Side, played: &Played| Judged {
        configuration: side.configuration.clone(),
        came: Came::of(played),
        after_seconds: played.red.as_ref().or(played.flagged.as_ref()).map(|flag| flag.after.num_seconds()),
    };
    let only_second = second.played.iter().map(|(case, _)| case).filter(|case| first.of(case).is_none());
    let mut cases: Vec<&Case> = first.played.iter().map(|(case, _)| case).chain(only_second).collect();
    cases.sort_by_key(|case| case.at());
    let difference = |case: &Case| {
        let (at, to) = (case.at().map(stamp).unwrap_or_default(), case.label().to_owned());
        let one = first.of(case).map(|played| judged(first, played));
        let another = second.of(case).map(|played| judged(second, played));
        match (one, another) {
            (Some(one), Some(another)) => {
                let is_same = (one.came, one.after_seconds) == (another.came, another.after_seconds);
                (!is_same).then_some(Event::Difference { at, to, first: one, second: another })
            }
            (Some(judged), None) | (None, Some(judged)) => Some(Event::OneOnly { at, to, judged }),
            (None, None) => None,
        }
    };
    cases.into_iter().filter_map(difference).collect()
}

/// Everything, for people.
pub(super) fn text(sides: &[Side]) -> String {
    let mut text = String::new();
    for side in sides {
        if sides.len() > 1 {
            text += &format!("{}\n", side.configuration);
        }
        let rows: Vec<[String; 5]> = side.played.iter().map(|(case, played)| row(case, played)).collect();
        for line in output::table(&rows) {
            text += &format!("{line}\n");
        }
        text += &format!("{}: {}\n", side.environment, side.figures());
        let untold = untold(side);
        if !untold.is_empty() {
            text += &format!("no past is kept of, and so not waited for: {}\n", untold.join(", "));
        }
        if side.too_young > 0 {
            text += &format!("left out, for their window is not over yet: {}\n", side.too_young);
        }
        text.push('\n');
    }
    let differences = differences(sides);
    for event in &differences {
        match event {
            Event::Difference { at, to, first, second } => {
                text += &format!("{at}  {to}: {} → {}\n", verdict(first), verdict(second));
            }
            Event::OneOnly { at, to, judged } => {
                text += &format!("{at}  {to}: {}, judged by one only\n", verdict(judged));
            }
            Event::Deploy(_) | Event::Summary { .. } => {}
        }
    }
    if sides.len() > 1 && differences.is_empty() {
        text += "both say the same of every deploy\n";
    }
    text.truncate(text.trim_end().len());
    text
}

fn verdict(judged: &Judged) -> String {
    let after = judged.after_seconds.map(|seconds| format!(" after {}", brief(TimeDelta::seconds(seconds))));
    format!("{}{} ({})", judged.came.label(), after.unwrap_or_default(), judged.configuration)
}

/// When, what, what came of it, after how long, and by what.
fn row(case: &Case, played: &Played) -> [String; 5] {
    let at = case.at().map(|at| at.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string());
    let from = case.deploys.first().and_then(|deployed| deployed.from.as_ref());
    let mut what = from.map_or_else(String::new, |from| format!("{} → ", from.label())) + case.label();
    if let Some(more) = case.deploys.len().checked_sub(1).filter(|more| *more > 0) {
        what += &format!(" and {more} more");
    }
    let flag = played.red.as_ref().or(played.flagged.as_ref());
    let after = flag.map_or_else(String::new, |flag| format!("after {}", brief(flag.after)));
    let mut by = flag.map_or_else(
        || played.missing.first().cloned().filter(|_| !played.is_known).unwrap_or_default(),
        |flag| format!("{} {}: {}", flag.service, flag.signal, flag.sentence),
    );
    if let Some(taken_back) = case.taken_back {
        by = [by, back(case, played, taken_back)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
    }
    [at.unwrap_or_default(), what, Came::of(played).label().to_owned(), after, by]
}

/// `rolled back after 9 min, 6 min after the red flag`
fn back(case: &Case, played: &Played, taken_back: TakenBack) -> String {
    let whose = if taken_back.automatic { "rolled back by itself" } else { "rolled back" };
    let Some((at, deployed)) = taken_back.at.zip(case.at()) else { return whose.to_owned() };
    let after = brief(at - deployed);
    match &played.red {
        Some(red) => format!("{whose} after {after}, {} after the red flag", brief(at - red.at)),
        None => format!("{whose} after {after}"),
    }
}
