//! A configuration, a theme, a length of time: whatever is written, it is read or refused with a reason that has an
//! end; and a secret that somebody wrote into the file is in no complaint, however broken the rest of it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::config::{Config, parse_duration};
use redflag::tui::theme::{ColorDepth, Theme, Themes};
use std::sync::LazyLock;

const LITERAL: &str = "hunter2hunter2hunter2";

static DARK: LazyLock<Theme> =
    LazyLock::new(|| Themes::load("dark", None, ColorDepth::True).expect("a theme of ours").current().clone());

fn complaint(text: &str) -> Option<String> {
    let said = Config::parse(text, "redflag.toml").err()?.to_string();
    assert!(!said.trim().is_empty());
    assert!(said.len() <= 10_000 + 1000 * text.len(), "{} bytes of complaints of {}", said.len(), text.len());
    Some(said)
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if complaint(&text).is_none() {
        assert!(text.parse::<toml::Table>().is_ok(), "what is no TOML was taken");
    }
    if !text.contains("hunter") {
        let said = complaint(&format!("{text}\n[sources.zz]\nkind = \"grafana\"\ntoken = \"{LITERAL}\"\n"));
        assert!(said.is_some_and(|said| !said.contains(LITERAL)), "a secret in the file was taken or told");
    }
    if let Err(error) = Theme::parse("mine", "mine.toml", &text, &DARK) {
        assert!(!error.to_string().is_empty());
    }
    for word in text.split_whitespace().take(64) {
        if let Ok(length) = parse_duration(word) {
            assert!(length.num_days() <= 30 && length >= chrono::TimeDelta::zero(), "{word} is {length}");
        }
    }
});
