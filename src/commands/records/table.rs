//! What is kept, as a table for people: a line a record, and the figures of each environment below.

use super::{Row, span};
use crate::hindsight::Figures;
use crate::output;
use crate::text;
use chrono::{Local, TimeDelta};

/// The heads of the columns.
const HEADS: [&str; 7] = ["started", "environment", "deploy", "verdict", "length", "size", "record"];

/// All lines.
pub(super) fn lines(rows: &[Row], figures: &[Figures]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let cells: Vec<[String; 7]> = std::iter::once(HEADS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let mut lines = output::table(&cells);
    lines.push(String::new());
    lines.extend(figures.iter().map(told));
    lines
}

fn cells(row: &Row) -> [String; 7] {
    let mut deploys = row.deploys.iter().map(|deploy| {
        let from = deploy.from.as_deref().map(|from| format!("{from} → ")).unwrap_or_default();
        format!("{} {from}{}", deploy.workload, deploy.to)
    });
    let deploy = match (deploys.next(), deploys.count()) {
        (None, _) => "no deploy found".to_owned(),
        (Some(only), 0) => only,
        (Some(first), more) => format!("{first} and {more} more"),
    };
    let came_of_it =
        row.goal.zip(row.rollback).map(|(goal, ending)| format!(", {}", ending.label(goal))).unwrap_or_default();
    let length = span(TimeDelta::seconds(row.seconds));
    [
        row.started.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string(),
        row.environment.clone(),
        deploy,
        format!("{}{came_of_it}", row.verdict.label().to_lowercase()),
        if row.ended { length } else { format!("{length}, not ended") },
        text::size(row.bytes),
        row.record.clone(),
    ]
}

/// `production: 12 deploys in 30 days; 2 failed (17 %), detected after 8 min, restored after 12 min (medians)`.
fn told(figures: &Figures) -> String {
    let days = figures.days.map(|days| match days.round() as i64 {
        ..=1 => " in a day".to_owned(),
        days => format!(" in {days} days"),
    });
    let deploys = match figures.deploys {
        1 => "1 deploy".to_owned(),
        many => format!("{many} deploys"),
    };
    let mut told = format!("{}: {deploys}{}", figures.environment, days.unwrap_or_default());
    if let Some(rate) = figures.change_failure_rate {
        told += &format!("; {} failed ({rate:.0} %)", figures.failed);
    }
    if figures.failed > 0 {
        let known = |seconds: Option<i64>| {
            seconds.map_or_else(|| "not known".to_owned(), |seconds| span(TimeDelta::seconds(seconds)))
        };
        told += &format!(
            "; time to detect {}, time to restore {}",
            known(figures.time_to_detect),
            known(figures.time_to_restore)
        );
        if figures.restored < figures.failed {
            told += &format!(" ({} of {} seen to recover)", figures.restored, figures.failed);
        }
    }
    if figures.recovered_alone > 0 {
        told += &format!("; {} red and recovered without a rollback", figures.recovered_alone);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::records::Deployed;
    use crate::hindsight::Ending;
    use crate::rollback::Goal;
    use crate::verdict::Verdict;
    use chrono::DateTime;
    use unicode_width::UnicodeWidthStr;

    fn row(environment: &str, rollback: Option<(Goal, Ending)>, ended: bool) -> Row {
        let deployed = |workload: &str, from: Option<&str>| Deployed {
            workload: workload.to_owned(),
            from: from.map(str::to_owned),
            to: "1.9.0".to_owned(),
        };
        Row {
            record: "2026-09-21T1320Z-production-app-1.9.0".to_owned(),
            environment: environment.to_owned(),
            deploys: vec![deployed("deployment/app", Some("1.8.3")), deployed("deployment/web", None)],
            started: DateTime::default(),
            seconds: 1860,
            verdict: Verdict::Faulty,
            goal: rollback.map(|(goal, _)| goal),
            rollback: rollback.map(|(_, ending)| ending),
            bytes: 84 << 10,
            ended,
        }
    }

    #[test]
    fn an_undone_rollback_is_not_told_as_one_and_a_failed_undo_not_as_undone() {
        let told = |ending| cells(&row("production", Some((Goal::Undo, ending)), true))[3].clone();
        assert_eq!(told(Ending::Verified), "faulty, rollback undone");
        assert_eq!(told(Ending::Failed), "faulty, undo of the rollback failed");
        assert_eq!(told(Ending::Unknown), "faulty, outcome of the undo unknown");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let figures = Figures {
            environment: "production".to_owned(),
            deploys: 12,
            days: Some(29.6),
            failed: 2,
            recovered_alone: 1,
            change_failure_rate: Some(16.7),
            time_to_detect: Some(489),
            time_to_restore: None,
            restored: 0,
        };
        let rows = [row("production", Some((Goal::RollBack, Ending::Verified)), true), row("qa", None, false)];
        let lines = lines(&rows, &[figures]);
        let place = |line: &str| line.find("2026-09-21").map(|bytes| line[..bytes].width());
        assert_eq!((place(&lines[1]), lines[0].find("record")), (place(&lines[2]), place(&lines[1])), "{lines:#?}");
        assert!(lines[1].contains("deployment/app 1.8.3 → 1.9.0 and 1 more  faulty, rolled back"), "{lines:#?}");
        assert!(lines[2].contains("31 min, not ended"), "{lines:#?}");
        assert_eq!(
            lines[4],
            "production: 12 deploys in 30 days; 2 failed (17 %); time to detect 8 min 9 s, time to restore not known \
             (0 of 2 seen to recover); 1 red and recovered without a rollback"
        );
    }
}
