//! What the bodies of errors say, in each vendor's shape.

use crate::text::{clean, clean_bytes, shorten};
use serde_json::Value;

/// The most bytes of an untrusted text that an error carries.
const EXCERPT: usize = 200;

/// At most so many errors of a list are quoted.
const COMPLAINTS: usize = 10;

/// The beginning of an untrusted text, made fit for an error. What is cut off is not looked at.
pub(crate) fn short(text: &str) -> String {
    shorten(&clean(text), EXCERPT)
}

/// The beginning of a body that is not what was expected; of an HTML page its title, which is all it says.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = clean_bytes(body);
    match html_title(&text) {
        Some(title) => format!("the page “{}”", shorten(title, EXCERPT)),
        None => shorten(&text, EXCERPT),
    }
}

fn html_title(text: &str) -> Option<&str> {
    // ASCII letters alone change case, so the places are the same in both.
    let lower = text.to_ascii_lowercase();
    let begin = lower.find("<title>")? + "<title>".len();
    let end = begin + lower[begin..].find("</title>")?;
    Some(text[begin..end].trim()).filter(|title| !title.is_empty())
}

/// What an error body says. Knows the shapes of Grafana (`message`), Prometheus (`error`), Sentry (`detail`,
/// a string or an object, or a map from field to texts), Datadog (`errors`, strings or objects) and OAuth (RFC 6750:
/// `error` is a code, `error_description` is what it says).
pub(crate) fn message_in(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(body).ok().and_then(|value| said_by(&value));
    match said.map(|said| shorten(&clean(&said), EXCERPT)) {
        Some(said) if !said.is_empty() => said,
        _ if body.trim_ascii().is_empty() => "no reason given".to_owned(),
        _ => excerpt(body),
    }
}

/// What a part of an error body says.
pub(crate) fn said_by(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let said: Vec<String> = items.iter().filter_map(said_by).take(COMPLAINTS).collect();
            (!said.is_empty()).then(|| said.join("; "))
        }
        Value::Object(fields) => {
            const NAMES: [&str; 6] = ["detail", "message", "error_description", "error", "errors", "title"];
            NAMES.iter().find_map(|name| said_by(fields.get(*name)?)).or_else(|| {
                // Sentry's field map: {"start": ["Enter a valid date."]}.
                let said = |(name, value): (&String, &Value)| {
                    value.as_array().and(Some(format!("{name}: {}", said_by(value)?)))
                };
                let said: Vec<String> = fields.iter().filter_map(said).take(COMPLAINTS).collect();
                (!said.is_empty()).then(|| said.join("; "))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_cannot_write_to_the_terminal() {
        assert_eq!(excerpt(b"<html>\n\x1b]0;title\x07</html>"), "<html> ]0;title </html>");
    }

    #[test]
    fn each_vendor_s_error_body_is_read() {
        let said = |body: &str| message_in(body.as_bytes());
        assert_eq!(said(r#"{"message":"Data source not found"}"#), "Data source not found");
        assert_eq!(said(r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#), "1:5: parse error");
        assert_eq!(said(r#"{"detail":{"code":"sso-required","message":"Must login via SSO"}}"#), "Must login via SSO");
        assert_eq!(said(r#"{"start":["Enter a valid date."]}"#), "start: Enter a valid date.");
        assert_eq!(said(r#"{"errors":["Forbidden"]}"#), "Forbidden");
        assert_eq!(
            said(r#"{"errors":[{"title":"Forbidden","status":"403"},{"title":"x","detail":"y"}]}"#),
            "Forbidden; y"
        );
        assert_eq!(
            said(r#"{"error":"invalid_token","error_description":"Token is expired."}"#),
            "Token is expired.",
            "GitLab, and whoever else follows RFC 6750"
        );
        assert_eq!(said("Bad Gateway"), "Bad Gateway");
        assert_eq!(said(""), "no reason given");
        assert_eq!(said("{}"), "{}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = message_in("é".repeat(300).as_bytes());
        assert_eq!(cut.chars().count(), 101);
        assert!(cut.ends_with('…'));
    }
}
