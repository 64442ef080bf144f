//! The floors of the house: reads the sources and holds that each uses only what is below it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules by floor, lowest first. `rollback` is judgement but for what
/// is remembered of versions (words) and for its strategies (adapters); so are the kill switches but for their systems.
const FLOORS: [&[&str]; 6] = [
    &["deploy", "rollout", "signal", "poll", "setup", "secret", "text", "rollback/known"],
    &["store", "verdict", "rollback", "timeline", "kill_switch"],
    &["message", "watch"],
    &[
        "source",
        "cluster",
        "config",
        "clock",
        "fuzzing",
        "memory",
        "files",
        "lines",
        "output",
        "panics",
        "repository",
        "kill_switch/spec",
        "kill_switch/system",
        "rollback/strategy",
        "rollback/spec",
    ],
    &["runtime", "outcome", "tui", "demo"],
    &["cli", "commands", "main", "lib"],
];

/// What floors 1 to 3 may not name: everything that waits, draws, connects or tells the time.
const IMPURE: [&str; 10] =
    ["tokio", "reqwest", "kube", "ratatui", "crossterm", "axum", "std::fs", "std::net", "Utc::now", "Instant::now"];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().with_extension("");
                let name = name.to_str().unwrap().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 30, "the sources were not found under {}", root.display());
    found
}

/// The floor of a module path such as `rollback/strategy/kubernetes`; the longest match wins.
fn floor(module: &str) -> usize {
    let is_in = |name: &&str| module == *name || module.starts_with(&format!("{name}/"));
    let places = FLOORS.iter().enumerate().flat_map(|(floor, names)| names.iter().map(move |name| (floor, name)));
    let found = places.filter(|(_, name)| is_in(name)).max_by_key(|(_, name)| name.len());
    found.unwrap_or_else(|| panic!("src/{module}.rs has no floor yet: add it to tests/floors.rs and to lib.rs")).0
}

/// Code without comments and without the tests at the end of a file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_floor_uses_only_what_is_below_it() {
    let mut wrong = Vec::new();
    for (module, text) in sources() {
        if module == "lib" {
            continue;
        }
        let own = floor(&module);
        for used in code(&text).split("crate::").skip(1) {
            let path: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            let target = path.trim_end_matches(':').replace("::", "/");
            if target.is_empty() {
                continue;
            }
            let below = floor(&target);
            if below > own {
                wrong.push(format!("src/{module}.rs (floor {}) uses crate::{path} (floor {})", own + 1, below + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn adapters_know_the_words_and_never_each_other() {
    const ADAPTERS: [&str; 7] = ["grafana", "prometheus", "sentry", "datadog", "probe", "kubernetes", "loki"];
    let mut wrong = Vec::new();
    for (module, text) in sources() {
        let Some(own) = module.strip_prefix("source/").map(|rest| rest.split('/').next().unwrap()) else { continue };
        if !ADAPTERS.contains(&own) {
            continue;
        }
        for other in ADAPTERS.iter().filter(|other| **other != own) {
            for path in [format!("super::{other}::"), format!("source::{other}::")] {
                if code(&text).contains(&path) {
                    wrong.push(format!("src/{module}.rs names {path}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_words_the_judgement_and_the_core_are_pure() {
    let mut wrong = Vec::new();
    for (module, text) in sources() {
        if module == "lib" || floor(&module) > 2 {
            continue;
        }
        let text = code(&text);
        for impure in IMPURE {
            let named = [format!("use {impure}"), format!("{impure}::"), format!(" {impure}(")];
            if named.iter().any(|name| text.contains(name.as_str())) {
                wrong.push(format!("src/{module}.rs names {impure}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_cleaner_and_the_screen_write_to_the_terminal() {
    /// What writes there; whether it is a terminal may be asked by anybody.
    const WAYS: [&str; 6] = ["println!(", "print!(", "dbg!(", "io::stdout()", "io::stderr()", "::set_hook("];
    const WRITERS: [(&str, &str); 3] = [
        ("output", "every line, through the cleaner"),
        ("tui/terminal", "the screen, whose brush cleans"),
        ("panics", "through `output`"),
    ];
    let mut wrong = Vec::new();
    for (module, text) in sources() {
        if WRITERS.iter().any(|(writer, _)| *writer == module) {
            continue;
        }
        let code = code(&text).replace("io::stdout().is_terminal()", "");
        let used = WAYS.iter().filter(|way| code.contains(**way));
        wrong.extend(used.map(|way| format!("src/{module}.rs writes by {way}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(module, _)| module).collect();
    assert!(silent.is_empty(), "no `//!` line at the top of {silent:?}");
}
