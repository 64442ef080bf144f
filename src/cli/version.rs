//! What `--version` says.

use chrono::DateTime;
use std::sync::LazyLock;

/// The version, and in a release the commit that it is built from and the day, in UTC: of `SOURCE_DATE_EPOCH` where the
/// build had one, else of the commit. What is not known is left out.
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let built = if cfg!(debug_assertions) { Built::ForDevelopment } else { Built::here() };
        built.says(env!("CARGO_PKG_VERSION"))
    });
    &LONG
}

/// What this program was built from.
enum Built<'a> {
    /// Whatever was in the checkout.
    ForDevelopment,
    /// A commit, in hexadecimal digits, and seconds since 1970, as far as the build knew them.
    From { commit: Option<&'a str>, seconds: Option<&'a str> },
}

impl Built<'_> {
    const fn here() -> Self {
        Self::From { commit: option_env!("REDFLAG_COMMIT"), seconds: option_env!("REDFLAG_COMMITTED") }
    }

    fn says(&self, version: &str) -> String {
        let Self::From { commit, seconds } = self else { return format!("{version} (development build)") };
        let commit = commit.map(|commit| commit.chars().take(9).collect());
        let day = seconds.and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0));
        let known: Vec<String> = commit.into_iter().chain(day.map(|day| day.format("%Y-%m-%d").to_string())).collect();
        if known.is_empty() { version.to_owned() } else { format!("{version} ({})", known.join(" ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_known_of_the_build_and_no_more() {
        let commit = Some("d79a8e7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f");
        for (commit, seconds, said) in [
            (commit, Some("1795865399"), "0.1.0 (d79a8e7b1 2026-11-28)"),
            (commit, None, "0.1.0 (d79a8e7b1)"),
            (None, Some("0"), "0.1.0 (1970-01-01)"),
            (commit, Some("yesterday"), "0.1.0 (d79a8e7b1)"),
            (None, None, "0.1.0"),
        ] {
            assert_eq!(Built::From { commit, seconds }.says("0.1.0"), said);
        }
        assert_eq!(Built::ForDevelopment.says("0.1.0"), "0.1.0 (development build)");
    }
}
