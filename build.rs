//! Tells the program which commit it is built from and when that was made, so that `redflag --version` can say it.
//!
//! Only a release is told: what a developer builds is seldom what was committed, and would be recompiled with
//! every commit. Nothing that is missing here is an error, neither git nor a repository.

use std::process::Command;
use std::{env, fs};

/// What `cargo package` leaves in a crate about where it comes from.
const PACKAGED: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let (commit, committed) = packaged().map(|commit| (commit, None)).or_else(checked_out).unzip();
    // <https://reproducible-builds.org/specs/source-date-epoch/>
    let seconds = env::var("SOURCE_DATE_EPOCH").ok().or(committed.flatten());
    for (name, value) in [("REDFLAG_COMMIT", commit), ("REDFLAG_COMMITTED", seconds)] {
        if let Some(value) = value {
            println!("cargo::rustc-env={name}={value}");
        }
    }
}

/// The commit that a published crate was made from.
fn packaged() -> Option<String> {
    let text = fs::read_to_string(PACKAGED).ok()?;
    println!("cargo::rerun-if-changed={PACKAGED}");
    let (_, behind) = text.split_once("\"sha1\"")?;
    let commit: String =
        behind.chars().skip_while(|c| !c.is_ascii_hexdigit()).take_while(char::is_ascii_hexdigit).collect();
    (commit.len() >= 40).then_some(commit)
}

/// The commit of this checkout and when it was made, in seconds since 1970. Sources that were unpacked inside another
/// repository are none of its commits.
fn checked_out() -> Option<(String, Option<String>)> {
    let is_root = git(&["rev-parse", "--show-prefix"])?.is_empty();
    if !is_root {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        // A file that is not there would count as changed at each build.
        if let Some(path) = git(&["rev-parse", "--git-path", file]).filter(|path| fs::exists(path).unwrap_or(false)) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let said = git(&["log", "-1", "--no-show-signature", "--format=%H %ct"])?;
    let (commit, seconds) = said.split_once(' ')?;
    Some((commit.to_owned(), Some(seconds.to_owned())))
}

/// What git answers; `None` without git, without a repository, and in one that git refuses to read.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
