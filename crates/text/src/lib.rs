//! Foreign text, made fit for people: the one cleaner that every adapter, face, log and panic goes through.
//!
//! What a peer says may be megabytes long, may steer the terminal, may turn the reading direction around, and may
//! repeat the secret that it was sent. [`clean`] is for what is taken in: one line, bounded. [`visible`] is for what is
//! put out: the layout stays. Both leave out every secret that was ever read (see [`crate::secret::scrub`]). Whatever
//! is cut is cut first: the cost of a text is that of its beginning.

pub mod secret;

use secret::{dangling, scrub};
use std::borrow::Cow;
use std::collections::HashSet;

/// The most that a cleaned text holds, in bytes.
pub const LONGEST: usize = 2_000;

/// Of an untrusted text, no more than this is looked at, in bytes: white space and control characters fall away, so more
/// is read than is kept.
const READ: usize = 8 * LONGEST;

/// Of a list of untrusted texts, this many are kept.
pub const MOST: usize = 20;

/// Signs that nobody sees and that change how others are seen: they reorder, join or hide what stands around them.
const fn is_unseen(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}' // soft hyphen
            | '\u{61c}' // Arabic letter mark
            | '\u{180e}' // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{202a}'..='\u{202e}' // direction embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, direction isolates, deprecated shapes
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // annotations between lines
            | '\u{1d173}'..='\u{1d17a}' // musical beams
            | '\u{e0000}'..='\u{e007f}' // tags
    )
}

/// An untrusted text on one line, at most [`LONGEST`] bytes: no control characters, nothing unseen, no runs of white
/// space, no secret.
pub fn clean(text: &str) -> String {
    let head = beginning(text, READ);
    let cut = head.len() < text.len();
    let line = one_line(&without_secrets(head, cut));
    // Taking the unseen away may have put a secret together again.
    let line = scrub(&line);
    if !cut && line.len() <= LONGEST {
        return line.into_owned();
    }
    let kept = beginning(&line, LONGEST - '…'.len_utf8());
    format!("{}…", kept.trim_end_matches(['…', ' ']))
}

/// The same for bytes, which need not be text.
pub fn clean_bytes(bytes: &[u8]) -> String {
    // One more than is read, so that what was cut is known to be.
    clean(&String::from_utf8_lossy(&bytes[..bytes.len().min(READ + 1)]))
}

/// A text as it may reach a terminal or a file: its line breaks and its layout stay, what could steer the terminal or
/// hide in it does not, and no secret is in it.
pub fn visible(text: &str) -> Cow<'_, str> {
    let kept = |sign: char| sign == '\n' || !(sign.is_control() || is_unseen(sign));
    let is_plain = |byte: u8| matches!(byte, b'\n' | b' '..=b'~');
    if text.bytes().all(is_plain) || text.chars().all(kept) {
        return scrub(text);
    }
    let signs = scrub(text)
        .chars()
        .filter(|sign| !is_unseen(*sign))
        .map(|sign| if kept(sign) { sign } else { ' ' })
        .collect::<String>();
    Cow::Owned(scrub(&signs).into_owned())
}

/// JSON with everything unseen escaped: it reads the same and is as it may reach a terminal.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for sign in json.chars() {
        if sign.is_control() || is_unseen(sign) {
            sign.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(sign);
        }
    }
    out
}

/// The beginning of a text, with an ellipsis where it had to be cut: at most so many bytes.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}…", beginning(text, limit).trim_end())
}

/// A list of untrusted texts as it may be kept: at most [`MOST`] different ones, each cleaned, and a last one that says
/// how many were left out.
pub fn bounded(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let mut left_out = 0_usize;
    for text in texts {
        // What is beyond the limit is counted and not read: a flood of notices costs its length and no more.
        if kept.len() == MOST {
            left_out += 1;
            continue;
        }
        let text = clean(&text);
        if !text.is_empty() && seen.insert(text.clone()) {
            kept.push(text);
        }
    }
    if left_out > 0 {
        kept.push(format!("and {left_out} more"));
    }
    kept
}

/// A number of bytes in words: `64 KiB`, `3.2 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut scale, mut unit) = (1_u64, 0);
    while bytes / scale >= 1024 && unit + 1 < UNITS.len() {
        (scale, unit) = (scale * 1024, unit + 1);
    }
    if bytes.is_multiple_of(scale) {
        return format!("{} {}", bytes / scale, UNITS[unit]);
    }
    format!("{:.1} {}", bytes as f64 / scale as f64, UNITS[unit])
}

/// A text without secrets; where it was cut, without the beginning of one that the cut may have left at its end.
fn without_secrets(text: &str, cut: bool) -> Cow<'_, str> {
    let end = if cut { text.len() - dangling(text) } else { text.len() };
    scrub(&text[..end])
}

/// At most so many bytes of a text, between characters.
fn beginning(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(256));
    for word in text.split(|sign: char| sign.is_whitespace() || sign.is_control()) {
        let mut fresh = true;
        for sign in word.chars().filter(|sign| !is_unseen(*sign)) {
            if fresh && !out.is_empty() {
                out.push(' ');
            }
            fresh = false;
            out.push(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use proptest::prelude::*;

    #[test]
    fn a_foreign_text_is_one_line_that_steers_nothing() {
        assert_eq!(clean("a\u{1b}[31mred\u{7}\r\n  b\u{202e}c"), "a [31mred bc");
        assert_eq!(clean("\u{1b}]52;c;cm0=\u{7}x\u{9b}2Jy\u{2028}z\u{61c}\u{e0041}"), "]52;c;cm0= x 2Jy z");
    }

    #[test]
    fn what_is_put_out_keeps_its_layout() {
        assert_eq!(visible("a\x1b[2Jb\nc\u{202e}d   e"), "a [2Jb\ncd   e");
        assert!(matches!(visible("p95 → 612 ms\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_is_in_neither_however_it_is_hidden() {
        let _secret = Secret::new("tEXt-hUSh-1");
        assert_eq!(clean("you sent tEXt-\u{200b}hUSh-1, did you?"), "you sent …, did you?");
        assert_eq!(visible("authorization: tEXt-hUSh-1\n"), "authorization: …\n");
        assert_eq!(visible("authorization: tEXt-\u{202e}hUSh-1\n"), "authorization: …\n");
    }

    #[test]
    fn a_cut_leaves_no_half_of_a_secret() {
        let _secret = Secret::new("tEXt-cUt-abcdefghijkl");
        let spaces = " ".repeat(READ - 10);
        let text = clean(&format!("said{spaces}tEXt-cUt-abcdefghijkl and more"));
        assert_eq!(text, "said…");
        let text = clean(&format!("{} tEXt-cUt-abcdefghijkl", "x".repeat(LONGEST - 8)));
        assert!(!text.contains("tEXt"), "{}", &text[LONGEST - 20..]);
    }

    #[test]
    fn json_says_the_same_when_it_is_escaped() {
        let json = serde_json::json!({"name": "a\u{202e}b\u{e0041}\u{1b}"}).to_string();
        let escaped = escaped(&json);
        assert_eq!(escaped, r#"{"name":"a\u202eb\udb40\udc41\u001b"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).ok(), serde_json::from_str(&json).ok());
    }

    #[test]
    fn a_flood_of_notices_is_a_few_lines() {
        let flood = (0..60_000).map(|number| format!("notice {number} {}", "x".repeat(10)));
        let kept = bounded(flood);
        assert_eq!((kept.len(), kept[MOST].as_str()), (MOST + 1, "and 59980 more"));
        assert_eq!(bounded(["same".to_owned(), "same ".to_owned(), String::new()]), ["same"]);
    }

    #[test]
    fn sizes_are_told_in_words() {
        let told: Vec<String> = [0, 1023, 1 << 16, 3 << 30, 1_600_000].into_iter().map(size).collect();
        assert_eq!(told, ["0 bytes", "1023 bytes", "64 KiB", "3 GiB", "1.5 MiB"]);
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }

    proptest! {
        #[test]
        fn nothing_of_any_text_steers_a_terminal(text in any::<String>()) {
            let (one, many) = (clean(&text), visible(&text).into_owned());
            prop_assert!(!one.chars().any(|sign| sign.is_control() || is_unseen(sign)));
            prop_assert!(!many.chars().any(|sign| sign != '\n' && (sign.is_control() || is_unseen(sign))));
            prop_assert!(one.len() <= LONGEST + '…'.len_utf8());
            prop_assert_eq!(clean(&one), one, "cleaning twice is cleaning once");
        }

        #[test]
        fn a_secret_anywhere_in_any_text_is_found(before in any::<String>(), after in any::<String>()) {
            const SECRET: &str = "tEXt-aNYwHERe-\"&/+%-1";
            let secret = Secret::new(SECRET);
            let form = serde_json::to_string(secret.expose()).unwrap_or_default();
            for said in [SECRET, form.trim_matches('"'), "tEXt-aNYwHERe-%22%26%2F%2B%25-1"] {
                let text = format!("{before}{said}{after}");
                prop_assert!(!clean(&text).contains(said));
                prop_assert!(!visible(&text).contains(said));
            }
        }
    }
}
