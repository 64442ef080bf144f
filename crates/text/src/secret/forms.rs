//! The ways in which a peer repeats a secret: as it was, in base64, in an address, in JSON, in a page; and the looks of
//! a credential that nobody told us of.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;

/// What an address may hold as it is beside letters and digits (RFC 3986, 2.3) is left alone; all else is escaped.
pub const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Shorter than this, in bytes, nothing is looked for: it would blot out ordinary words, and is no secret.
pub(super) const SHORTEST: usize = 6;

/// How the makers of tokens mark theirs.
const MARKS: [&str; 17] = [
    "glsa_",
    "glc_",
    "sntrys_",
    "sntryu_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "eyJ",
    "xoxb-",
    "xoxp-",
    "ya29.",
    "k8s-aws-v1.",
    "AKIA",
];

/// A marked word shorter than this is a word.
const SHORTEST_MARKED: usize = 20;

/// The names of schemes after which a credential follows in a header.
const SCHEMES: [&str; 2] = ["bearer", "basic"];

/// Words in a name that call its value a secret, in configurations and in addresses.
const SECRET: [&str; 8] = ["token", "password", "passwd", "secret", "api_key", "apikey", "signature", "auth"];

/// Whether a name calls its value a secret: `token`, `api_key`, `X-Signature`; or is one of the usual short ones.
pub fn names_one(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET.iter().any(|word| name.contains(word))
        || ["key", "sig", "code", "pass", "pwd"].contains(&name.as_str())
        || name.ends_with("_key")
}

/// Every form in which a secret may come back.
pub(super) fn of(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    // Without padding: a form is found whatever stands behind it.
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.insert(engine.encode(secret));
        forms.extend((0..3).map(|before| inside_base64(secret.as_bytes(), before, &engine)));
    }
    let upper = utf8_percent_encode(secret, ESCAPED).to_string();
    forms.insert(lower_escapes(&upper));
    forms.insert(upper.replace("%20", "+"));
    forms.insert(upper);
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    forms.insert(json.replace('/', "\\/"));
    forms.insert(json.to_owned());
    forms.insert(secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"));
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// What of the base64 of a longer text (`user:password`) tells of these bytes alone, `before` bytes after a group's
/// beginning.
fn inside_base64(bytes: &[u8], before: usize, engine: &GeneralPurpose) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
    let digits = engine.encode(&padded);
    // The first digit that holds no bit of what stands before, and the last that holds none of what follows.
    let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    digits.get(start..end).unwrap_or_default().to_owned()
}

fn lower_escapes(text: &str) -> String {
    let mut left = 0_u8;
    text.chars()
        .map(|sign| {
            let sign = if left > 0 { sign.to_ascii_lowercase() } else { sign };
            left = if sign == '%' { 2 } else { left.saturating_sub(1) };
            sign
        })
        .collect()
}

/// Whether a text begins as the makers of tokens mark theirs.
pub fn is_marked(text: &str) -> bool {
    MARKS.iter().any(|mark| text.starts_with(mark))
}

/// How many bytes of a text, from `at` on, look like a credential, though nobody told us of it: a marked word, or what
/// follows the name of a scheme. An exec plugin's token is known to nobody but the client and the server.
pub(super) fn looks_like_one(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/');
    if !in_word(bytes[at]) || (at > 0 && in_word(bytes[at - 1])) {
        return None;
    }
    let length = bytes[at..].iter().take_while(|byte| in_word(**byte) || **byte == b'=').count();
    let word = &text[at..at + length];
    let marked = length >= SHORTEST_MARKED && is_marked(word);
    (marked || (is_credential(word) && follows_scheme(&text[..at]))).then_some(length)
}

/// A word of any language is no credential: `Bearer authentication`.
fn is_credential(word: &str) -> bool {
    word.len() >= SHORTEST && !word.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn follows_scheme(before: &str) -> bool {
    let before = before.as_bytes();
    let gap = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b':' | b'"' | b'\'')).count();
    let before = &before[..before.len() - gap];
    gap > 0
        && SCHEMES.iter().any(|scheme| {
            before
                .len()
                .checked_sub(scheme.len())
                .is_some_and(|start| before[start..].eq_ignore_ascii_case(scheme.as_bytes()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_in_the_base64_of_any_user_before_it() {
        let forms = of("open sesame");
        // RFC 7617: Aladdin:open sesame.
        let inside = |text: &str| forms.iter().any(|form| text.contains(form.as_str()));
        for basic in
            ["QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "YTpvcGVuIHNlc2FtZTo=", "YWI6b3BlbiBzZXNhbWU=", "b3BlbiBzZXNhbWU="]
        {
            assert!(inside(basic), "{basic}: {forms:?}");
        }
        assert!(!inside("QWxhZGRpbjpjbG9zZSBzZXNhbWU"));
    }

    #[test]
    fn a_secret_is_known_in_an_address_and_in_json() {
        let forms = of("p&s/w\"d x");
        for form in ["p%26s%2Fw%22d%20x", "p%26s%2fw%22d%20x", "p%26s%2Fw%22d+x", "p&s/w\\\"d x", "p&amp;s/w&quot;d x"]
        {
            assert!(forms.contains(form), "{form}: {forms:?}");
        }
    }

    #[test]
    fn what_looks_like_a_credential_is_one_and_words_are_not() {
        let found = |text: &str| {
            (0..text.len())
                .filter_map(|at| looks_like_one(text, at).map(|n| text[at..at + n].to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(found("Authorization: Bearer abc.DEF-123"), ["abc.DEF-123"]);
        assert_eq!(found("{'authorization': 'BASIC QWxhZGRpbg=='}"), ["QWxhZGRpbg=="]);
        assert_eq!(found("token eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.e30.x"), ["eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.e30.x"]);
        for words in ["Bearer authentication is required", "basic auth", "a Bearer token.", "no bearer", "eyJ is short"]
        {
            assert!(found(words).is_empty(), "{words}");
        }
    }
}
