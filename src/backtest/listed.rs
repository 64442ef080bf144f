//! Deploys that whoever calls lists: a line each, a time and perhaps the version: `2026-02-03T14:02:00Z 1.9.0`.

use super::case::{Case, Deployed, MOST, Origin, named};
use crate::deploy::{Time, WorkloadRef};
use crate::lines::{BoundedLines, Line};
use crate::text::clean;
use chrono::DateTime;
use std::io::{self, BufRead};

/// A line longer than this, in bytes, is none.
const LONGEST_LINE: usize = 4096;

/// Reads a list; empty lines and those that begin with `#` say nothing.
///
/// # Errors
/// With the number of the line that cannot be read, what was expected, or the system's error.
pub fn read(input: impl BufRead, workloads: &[WorkloadRef]) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (number, line) in (1_usize..).zip(BoundedLines::new(input, LONGEST_LINE)) {
        let wrong = |what: &str| format!("line {number}: {what}");
        let line = match line.map_err(|error: io::Error| wrong(&error.to_string()))? {
            Line::Whole(line) => String::from_utf8_lossy(&line).into_owned(),
            Line::TooLong => return Err(wrong("longer than a time and a version are")),
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if cases.len() == MOST {
            return Err(wrong(&format!("more than {MOST} deploys: leave the oldest out")));
        }
        let (time, version) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let at = DateTime::parse_from_rfc3339(time)
            .map_err(|_| wrong(&format!("`{}` is no time such as 2026-02-03T14:02:00Z", clean(time))))?;
        let version = clean(version.trim());
        cases.push(case(
            at.to_utc(),
            Some(version.as_str()).filter(|name| !name.is_empty()),
            Origin::Listed,
            workloads,
        ));
    }
    Ok(cases)
}

/// A deploy of every workload, of which only the time is known.
pub fn at(at: Time, workloads: &[WorkloadRef]) -> Case {
    case(at, None, Origin::Listed, workloads)
}

/// A deploy of every workload.
pub(super) fn case(at: Time, version: Option<&str>, origin: Origin, workloads: &[WorkloadRef]) -> Case {
    let deploys = workloads.iter().map(|workload| Deployed {
        workload: workload.clone(),
        at,
        finished: None,
        from: None,
        to: named(workload, version),
    });
    Case { origin, deploys: deploys.collect(), taken_back: None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::backtest::case::tests::workload;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_a_time_and_perhaps_a_version() {
        let text = "# last week\n\n2026-02-03T14:02:00Z 1.9.0\n2026-02-04T15:02:00+01:00\n";
        let cases = read(text.as_bytes(), &[workload("app")]).unwrap();
        let told: Vec<_> = cases.iter().map(|case| (case.at().unwrap().to_rfc3339(), case.label())).collect();
        assert_eq!(
            told,
            [("2026-02-03T14:02:00+00:00".to_owned(), "1.9.0"), ("2026-02-04T14:02:00+00:00".to_owned(), "?")]
        );
    }

    #[test]
    fn what_is_no_time_is_named_with_its_line() {
        let error = read(&b"2026-02-03T14:02:00Z\nyesterday\n"[..], &[workload("app")]).unwrap_err();
        assert_eq!(error, "line 2: `yesterday` is no time such as 2026-02-03T14:02:00Z");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_an_error_with_a_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            match read(bytes.as_slice(), &[workload("app")]) {
                Ok(cases) => prop_assert!(cases.len() <= MOST),
                Err(error) => prop_assert!(error.starts_with("line "), "{}", error),
            }
        }
    }
}
