//! What a gate came to as a JUnit file, which GitLab, Jenkins and others show beside the tests: a test case for each signal.
//!
//! Of the elements those that all of them read: GitLab shows the text of a failure and passes over its `message`, Jenkins
//! shows both. <https://docs.gitlab.com/ci/testing/unit_test_reports>

use crate::headline::Headline;
use crate::outcome::Outcome;
use crate::verdict::{Level, Verdict};
use crate::watch::Watch;
use std::fmt::Write as _;

/// The file's text.
pub(super) fn text(watch: &Watch, outcome: Outcome) -> String {
    let setup = watch.setup();
    let seconds = (watch.now() - setup.started).num_seconds().max(0);
    let signals = setup.signals.iter().zip(watch.findings()).map(|(signal, finding)| Case {
        class: setup.service(signal.service).name.clone(),
        name: signal.name.clone(),
        came: match finding.level {
            Level::Clear | Level::Warning => Came::Passed,
            Level::RedFlag => Came::Failed(Failure::RedFlag),
            Level::Insufficient | Level::NoData | Level::Stale if signal.required => Came::Failed(Failure::NotKnown),
            Level::Insufficient | Level::NoData | Level::Stale => Came::Skipped,
        },
        says: finding.sentence(),
    });
    // What nobody knows yet is no failure of a signal while less than the window is waited for: the status decides.
    let is_passed = outcome.status() == 0;
    let verdict = Case {
        class: setup.environment.clone(),
        name: "verdict".to_owned(),
        came: match (is_passed, watch.verdict()) {
            (true, _) => Came::Passed,
            (false, verdict) => Came::Failed(Failure::Verdict(verdict)),
        },
        says: format!("{} (exit status {})", Headline::of(watch, None), outcome.status()),
    };
    let cases: Vec<Case> = [verdict].into_iter().chain(signals.map(|case| case.under(is_passed))).collect();
    suite(&setup.environment, seconds, &cases)
}

/// One test case.
struct Case {
    class: String,
    name: String,
    came: Came,
    says: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Passed,
    Failed(Failure),
    Skipped,
}

/// Why it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// Its signal has a red flag.
    RedFlag,
    /// Nothing is known of a required signal.
    NotKnown,
    /// The whole did not pass.
    Verdict(Verdict),
}

impl Failure {
    /// The `type` of the failure in the file.
    const fn kind(self) -> &'static str {
        match self {
            Self::RedFlag => "red flag",
            Self::NotKnown => "not known",
            Self::Verdict(Verdict::Watching) => "left early",
            Self::Verdict(Verdict::Healthy) => "healthy",
            Self::Verdict(Verdict::Degraded) => "degraded",
            Self::Verdict(Verdict::Faulty) => "faulty",
            Self::Verdict(Verdict::Inconclusive) => "inconclusive",
        }
    }
}

impl Case {
    /// Where the whole passed, what is not known is not waited for any more.
    fn under(self, is_passed: bool) -> Self {
        let came = match self.came {
            Came::Failed(Failure::NotKnown) if is_passed => Came::Skipped,
            came => came,
        };
        Self { came, ..self }
    }
}

fn suite(environment: &str, seconds: i64, cases: &[Case]) -> String {
    let count = |is: fn(&Came) -> bool| cases.iter().filter(|case| is(&case.came)).count();
    let failures = count(|came| matches!(came, Came::Failed(_)));
    let skipped = count(|came| *came == Came::Skipped);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"redflag gate {}\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds}\">\n",
        escaped(environment),
        cases.len()
    );
    for case in cases {
        let (class, name, says) = (escaped(&case.class), escaped(&case.name), escaped(&case.says));
        // Writing to a text cannot fail.
        let _ = write!(text, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\">");
        let _ = match case.came {
            Came::Failed(failure) => {
                let kind = failure.kind();
                write!(text, "<failure message=\"{says}\" type=\"{kind}\">{says}</failure>")
            }
            Came::Skipped => write!(text, "<skipped message=\"{says}\"/>"),
            Came::Passed => write!(text, "<system-out>{says}</system-out>"),
        };
        text += "</testcase>\n";
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// A text between marks: cleaned, and without what XML 1.0 has no sign for.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in crate::text::clean(text).chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            sign if sign < ' ' => out.push(' '),
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn case(came: Came, says: &str) -> Case {
        Case { class: "app".to_owned(), name: "p95".to_owned(), came, says: says.to_owned() }
    }

    #[test]
    fn a_signal_is_a_test_case_with_its_sentence() {
        let cases = [
            case(Came::Passed, "461 ms"),
            case(Came::Failed(Failure::RedFlag), "“<b>” & more"),
            case(Came::Skipped, "no data"),
        ];
        assert_eq!(
            suite("production", 300, &cases),
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites>
  <testsuite name=\"redflag gate production\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"300\">
    <testcase classname=\"app\" name=\"p95\" time=\"0\"><system-out>461 ms</system-out></testcase>
    <testcase classname=\"app\" name=\"p95\" time=\"0\"><failure message=\"“&lt;b&gt;” &amp; more\" type=\"red flag\">“&lt;b&gt;” &amp; more</failure></testcase>
    <testcase classname=\"app\" name=\"p95\" time=\"0\"><skipped message=\"no data\"/></testcase>
  </testsuite>
</testsuites>
"
        );
    }

    #[test]
    fn what_is_not_known_fails_only_where_the_whole_did() {
        let under = |failure, is_passed| case(Came::Failed(failure), "no data").under(is_passed).came;
        assert_eq!(under(Failure::NotKnown, true), Came::Skipped);
        assert_eq!(under(Failure::NotKnown, false), Came::Failed(Failure::NotKnown));
        assert_eq!(under(Failure::RedFlag, true), Came::Failed(Failure::RedFlag));
    }

    proptest! {
        #[test]
        fn no_text_is_a_mark_or_no_sign_of_xml(text in ".{0,80}") {
            let escaped = escaped(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let is_sign = |sign: char| sign >= ' ' && !matches!(sign, '\u{fffe}' | '\u{ffff}');
            prop_assert!(escaped.chars().all(is_sign), "{:?}", escaped);
        }
    }
}
