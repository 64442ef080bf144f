//! `redflag judge`: recorded deploys in as JSON lines, verdicts out, through the same rules as a watch.

mod case;
mod units;

use super::CommandError;
use crate::lines::{BoundedLines, Line};
use crate::outcome::Outcome;
use crate::output;
use case::Case;
use std::io::{self, Write};

/// A case longer than this, in bytes, is none: half an hour in steps of a second takes a hundredth of it.
const LONGEST_LINE: usize = 16 << 20;
/// What some writers put before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Judges every line of standard input as it comes. Where any of them could not be read, the input was wrong.
pub(super) fn run() -> Result<Outcome, CommandError> {
    let mut out = output::stdout();
    let mut outcome = Outcome::Done;
    for (number, line) in (1_u64..).zip(BoundedLines::new(io::stdin().lock(), LONGEST_LINE)) {
        let verdict = match line? {
            Line::Whole(line) => {
                let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| number == 1).unwrap_or(&line);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                Case::read(line).and_then(|case| case.told())
            }
            Line::TooLong => Err(format!("longer than {} MiB", LONGEST_LINE >> 20)),
        };
        match verdict {
            Ok(verdict) => {
                writeln!(out, "{verdict}")?;
                // Whoever feeds it line by line waits for the verdict before the next.
                out.flush()?;
            }
            Err(error) => {
                output::stderr().line(&format!("redflag: line {number}: {error}"));
                outcome = Outcome::Misused;
            }
        }
        // Nobody reads on (`| head`): what was asked for is done.
        if out.is_lost() {
            break;
        }
    }
    out.end()?;
    Ok(outcome)
}
