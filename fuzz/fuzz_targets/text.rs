//! Any bytes through the cleaner: what comes out is one line that steers nothing, tells no secret, has an end, and is
//! as clean as it gets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::text::{LONGEST, MOST, bounded, clean, clean_bytes, escaped, visible};
use redflag_fuzz::{TOKEN, hold_text, know_the_token};

fuzz_target!(|data: &[u8]| {
    know_the_token();
    let text = String::from_utf8_lossy(data);
    let cleaned = clean_bytes(data);
    hold_text("a cleaned text", &cleaned);
    assert!(cleaned.len() <= LONGEST);
    assert_eq!(clean(&cleaned), cleaned, "cleaning twice is cleaning once");
    let shown = visible(&text);
    assert_eq!(visible(&shown), shown, "what was made visible stays as it is");
    assert!(!shown.contains(TOKEN));
    let listed = bounded(text.split('\n').map(str::to_owned));
    assert!(listed.len() <= MOST + 1);
    listed.iter().for_each(|line| hold_text("a line of a list", line));
    let json = serde_json::to_string(&text).expect("any text is JSON");
    let read: String = serde_json::from_str(&escaped(&json)).expect("escaped JSON is JSON");
    assert_eq!(read, text);
});
