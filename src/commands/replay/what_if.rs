//! The same readings by other limits, as lines: what differs first.

use crate::commands::CommandError;
use crate::commands::records::name;
use crate::config::{AssembleOptions, Config, Secrets};
use crate::deploy::{Time, brief};
use crate::outcome::Outcome;
use crate::output;
use crate::records::Kept;
use crate::replay::{Changed, Comparison, Course, Matched, Unmatched, compare};
use crate::secret::Secret;
use crate::setup::Automatic;
use chrono::Local;
use std::path::Path;

pub(super) fn run(kept: &Kept, file: &Path) -> Result<Outcome, CommandError> {
    let setup = &kept.record.header.setup;
    let config = Config::load(&crate::config::locate(Some(file))?)?;
    let options = AssembleOptions::beginning(setup.started);
    let other = config.assemble(Some(&setup.environment), &options, &NoSecrets)?.setup;
    let comparison = compare(&kept.record, &other);
    let mut out = output::stdout();
    out.line(&text(&name(&kept.folder), &file.display().to_string(), &comparison));
    out.end()?;
    Ok(Outcome::of_verdict(comparison.other.verdict))
}

/// Nobody is asked anything, so nothing is told to anybody: each secret is empty.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn env(&self, _: &str) -> Result<Secret, String> {
        Ok(Secret::new(""))
    }

    fn file(&self, _: &Path) -> Result<Secret, String> {
        Ok(Secret::new(""))
    }

    fn command(&self, _: &[String]) -> Result<Secret, String> {
        Ok(Secret::new(""))
    }
}

fn text(record: &str, file: &str, comparison: &Comparison) -> String {
    let mut text = format!("{record}: as recorded → by {file}\n");
    let (same, differing): (Vec<&Matched>, Vec<&Matched>) = comparison.signals.iter().partition(|it| it.is_same());
    let whole = whole(&comparison.recorded, &comparison.other);
    let whole_differs = whole.iter().any(|(_, change)| !change.is_same());
    if differing.is_empty() && !whole_differs {
        text += "\nnothing would have been different\n";
    } else {
        text += "\ndifferent\n";
        for (what, change) in whole.iter().filter(|(_, change)| !change.is_same()) {
            text += &line(what, &format!("{} → {}", change.recorded, change.other));
        }
        for signal in differing {
            text += &line(&signal.name, &both(signal));
        }
    }
    text += "\nthe same\n";
    for (what, change) in whole.iter().filter(|(_, change)| change.is_same()) {
        text += &line(what, &change.recorded);
    }
    for signal in same {
        text += &line(&signal.name, &both(signal));
    }
    if !comparison.unmatched.is_empty() {
        text += "\nnot compared\n";
        for unmatched in &comparison.unmatched {
            text += &format!("  {}\n", why(unmatched));
        }
    }
    if let Some(at) = comparison.rolled_back {
        let at = clock(at);
        text +=
            &format!("\nrolled back at {at}: later readings are those of the previous version, by whichever limits\n");
    }
    text.truncate(text.trim_end().len());
    text
}

fn line(what: &str, says: &str) -> String {
    format!("  {what:<18}  {says}\n")
}

/// What the two came to, in words.
fn whole(recorded: &Course, other: &Course) -> [(&'static str, Changed<String>); 4] {
    let of = |say: fn(&Course) -> String| Changed { recorded: say(recorded), other: say(other) };
    [
        ("verdict at the end", of(|course| course.verdict.label().to_lowercase())),
        ("flagged", of(|course| when(course.flagged))),
        ("red", of(|course| when(course.red))),
        ("auto-rollback", of(automatic)),
    ]
}

/// When it would have rolled back by itself.
fn automatic(course: &Course) -> String {
    let mode = match course.mode {
        Automatic::Off => return "off".to_owned(),
        Automatic::Shadow => "shadow: would have, ",
        Automatic::Countdown => "countdown from ",
        Automatic::On => "",
    };
    course.automatic.map_or_else(|| "never".to_owned(), |at| format!("{mode}{}", clock(at)))
}

fn both(signal: &Matched) -> String {
    format!("flagged {}, red {}", change(&signal.flagged), change(&signal.red))
}

/// `14:10:20`, or `14:10:20 → 14:12:50 (2 min later)`.
fn change(change: &Changed<Option<Time>>) -> String {
    if change.is_same() {
        return when(change.recorded);
    }
    let by = change.recorded.zip(change.other).map(|(recorded, other)| match other - recorded {
        later if later.num_milliseconds() > 0 => format!(" ({} later)", brief(later)),
        sooner => format!(" ({} sooner)", brief(-sooner)),
    });
    format!("{} → {}{}", when(change.recorded), when(change.other), by.unwrap_or_default())
}

fn when(at: Option<Time>) -> String {
    at.map_or_else(|| "never".to_owned(), clock)
}

fn clock(at: Time) -> String {
    at.with_timezone(&Local).format("%H:%M:%S").to_string()
}

fn why(unmatched: &Unmatched) -> String {
    match unmatched {
        Unmatched::OnlyRecorded(name) => format!("{name}: the other file has no such signal; left out there"),
        Unmatched::OnlyOther(name) => format!("{name}: not in the record; nobody read it then"),
        Unmatched::OtherMeaning(name, recorded, other) if recorded != other => {
            format!("{name}: it was {}, the other file makes it {}; left out there", recorded.as_str(), other.as_str())
        }
        Unmatched::OtherMeaning(name, ..) => format!("{name}: the other file has it in another unit; left out there"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    fn at(second: i64) -> Option<Time> {
        Time::from_timestamp(1_790_000_000 + second, 0)
    }

    fn course(red: Option<Time>, mode: Automatic, verdict: Verdict) -> Course {
        Course { flagged: at(0), red, automatic: red, mode, verdict }
    }

    fn matched(name: &str, red: Changed<Option<Time>>) -> Matched {
        Matched { name: name.to_owned(), flagged: Changed { recorded: at(0), other: at(0) }, red }
    }

    #[test]
    fn what_differs_comes_first_and_nothing_is_said_to_be_nothing() {
        let same = Comparison {
            recorded: course(at(60), Automatic::Off, Verdict::Faulty),
            other: course(at(60), Automatic::Off, Verdict::Faulty),
            signals: vec![matched("p95", Changed { recorded: None, other: None })],
            unmatched: Vec::new(),
            rolled_back: None,
        };
        let told = text("r", "other.toml", &same);
        assert!(told.starts_with("r: as recorded → by other.toml\n\nnothing would have been different\n\nthe same\n"));
        assert!(told.contains("  auto-rollback       off\n"), "{told}");

        let different = Comparison {
            other: course(at(210), Automatic::Countdown, Verdict::Degraded),
            signals: vec![
                matched("p95", Changed { recorded: None, other: None }),
                matched("error rate", Changed { recorded: at(60), other: at(210) }),
                matched("memory", Changed { recorded: at(60), other: at(30) }),
                matched("cpu", Changed { recorded: at(60), other: None }),
            ],
            unmatched: vec![Unmatched::OnlyOther("queue".to_owned())],
            rolled_back: at(400),
            ..same
        };
        let told = text("r", "other.toml", &different);
        let (first, rest) = told.split_once("\nthe same\n").unwrap();
        let changes = ["faulty → degraded", "(2 min later)", "(30 s sooner)", "→ never", "off → countdown from "];
        for change in changes {
            assert!(first.contains(change), "{change}: {told}");
        }
        assert!(!first.contains("p95") && rest.contains("p95"), "{told}");
        assert!(rest.contains("queue: not in the record; nobody read it then"), "{told}");
        assert!(rest.contains("later readings are those of the previous version"), "{told}");
    }
}
