//! What people write instead of TOML.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::problem::Document;
use proptest::prelude::*;

/// What is said of a text that is not TOML, without the line that shows it.
fn said(text: &str) -> String {
    let error = DeTable::parse(text).unwrap_err();
    let problem = problem(text, &error.span().unwrap_or(0..0), error.message());
    let told = Document::new("f", text, Vec::new()).diagnose(problem).to_string();
    let lines: Vec<&str> = told.lines().collect();
    let way_out = lines.last().unwrap().trim().trim_end_matches("; the rest is checked once this is TOML");
    format!("{} {way_out}", lines[0])
}

#[test]
fn what_people_write_instead_is_named() {
    const STRAIGHT: &str = "= write straight ones, \"…\" or '…': an editor or a chat has replaced them";
    for (text, told) in [
        ("theme = “dark”", format!("f:1:9: “ is a typographic quote, and no quote to TOML {STRAIGHT}")),
        ("theme = ‘dark’", format!("f:1:9: ‘ is a typographic quote, and no quote to TOML {STRAIGHT}")),
        (
            "theme\u{a0}= 'dark'",
            "f:1:6: there is an invisible character, U+00A0 = write an ordinary space: it came with a copy from a page"
                .to_owned(),
        ),
        (
            "a = 1\nquery = \"sum(x{code=\"500\"})\"",
            "f:2:21: this double quote ends the text = write the whole in single quotes: query = 'x{code=\"500\"}'"
                .to_owned(),
        ),
        (
            "query = 'sum(x{code='500'})'",
            "f:1:21: this single quote ends the text = write the whole in three of them: query = '''…'''".to_owned(),
        ),
        ("[a]\nwindow = 30m", "f:2:10: strings need quotes = write it in quotes: key = \"…\"".to_owned()),
        ("default = True", "f:1:11: this is neither true nor false = write true".to_owned()),
        ("default = no # really", "f:1:11: this is neither true nor false = write false".to_owned()),
        ("url = https://example.com", "f:1:7: strings need quotes = write it in quotes: key = \"…\"".to_owned()),
        ("a = null", "f:1:5: TOML has no null = leave the line out".to_owned()),
        ("[sources.g]\nkind: grafana", "f:2:1: this is a line of YAML = in TOML it is key = \"value\"".to_owned()),
    ] {
        assert_eq!(said(text), told, "{text}");
    }
    for yaml in ["# mine\nsources:\n  grafana:\n    kind: grafana\n", "---\na: b\n", "- a\n- b\n", "theme: dark"] {
        assert!(said(yaml).contains("this is YAML, and the configuration is TOML = in TOML a table is ["), "{yaml}");
    }
    assert!(said("{\n  \"sources\": {}\n}").contains("this is JSON"));
    assert!(said("<!doctype html>\n<title>Sign in</title>").contains("this is HTML"));
    assert!(said("a = 1\rb = 2\r").contains("a line ends with a carriage return alone"));
    assert!(said("a = 1\na = 2").contains("this is not TOML: duplicate key"));
}

#[test]
fn quotes_within_texts_and_comments_are_no_mistake() {
    for fine in
        ["a = '“x”' # ‘y’", "a = \"x\" # \"y\"", "a = [\"x\", \"y\"]", "a = \"\\\"x\\\"\"", "a\t=\t1\r\nb = 2\r\n"]
    {
        assert!(DeTable::parse(fine).is_ok(), "{fine}");
    }
}

proptest! {
    /// Whatever the text is, and wherever the parser stopped: an answer with a place in it.
    #[test]
    fn any_text_has_an_answer(text in "[a-z=:'\"“’\\[\\]{}#\r\n\t\u{a0}\u{0}é0-9 .-]{0,60}", from in 0_usize..70) {
        let told = problem(&text, &(from..from + 1), "no");
        let shown = Document::new("f", &text, Vec::new()).diagnose(told).to_string();
        prop_assert!(shown.contains("once this is TOML"), "{shown}");
    }
}
