//! Addresses: http or https, with a host, and never with a password in them.

use super::at::At;
use super::problem::{Problem, Problems};
use reqwest::Url;

/// What an address may carry behind its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing: paths are joined to it.
    None,
    /// Parameters and a fragment.
    Any,
}

/// The address without a trailing slash; reports what is wrong with it.
pub(crate) fn check(written: &At<String>, tail: Tail, problems: &mut Problems) -> Option<String> {
    match refuse(written, tail) {
        Ok(()) => Some(written.trim_end_matches('/').to_owned()),
        Err((message, way_out)) => {
            problems.push(Problem::new(&written.span, message).way_out(way_out));
            None
        }
    }
}

/// The same for an address that may be left out where a system has a usual one.
pub(crate) fn or_usual(written: Option<&At<String>>, usual: &str, problems: &mut Problems) -> Option<String> {
    match written {
        Some(written) => check(written, Tail::None, problems),
        None => Some(usual.to_owned()),
    }
}

/// The same for an address to which nothing is joined: its trailing slash may matter to the server.
pub(crate) fn check_as_written(written: &At<String>, problems: &mut Problems) -> Option<String> {
    check(written, Tail::Any, problems).map(|_| written.value.clone())
}

fn refuse(text: &str, tail: Tail) -> Result<(), (String, &'static str)> {
    const LIKE: &str = "write it like \"https://www.example.com\"";
    // The parser's reasons never quote the text, which may hold a password.
    let url = Url::parse(text).map_err(|error| (format!("invalid url: {error}"), LIKE))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(("a url begins with http:// or https://".to_owned(), LIKE));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err((
            "a url must not contain a user or a password: files are shared, and urls are shown".to_owned(),
            "leave out what stands before the @; a source may have user = \"…\" and password = { env = \"NAME\" }",
        ));
    }
    if tail == Tail::None && (url.query().is_some() || url.fragment().is_some()) {
        return Err(("paths are appended to this url, so it cannot have ? or #".to_owned(), LIKE));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn written(text: &str) -> At<String> {
        At::new(text.to_owned(), 0..text.len())
    }

    #[test]
    fn an_address_loses_its_trailing_slash_and_keeps_its_path() {
        let mut problems = Problems::default();
        let checked = check(&written("https://example.com/grafana/"), Tail::None, &mut problems);
        assert_eq!(checked.as_deref(), Some("https://example.com/grafana"));
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_repeating_it() {
        let (message, way_out) = refuse("https://me:hunter2@example.com", Tail::Any).unwrap_err();
        assert!(message.starts_with("a url must not contain a user"), "{message}");
        assert!(!format!("{message}{way_out}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, why) in [
            ("example.com", "invalid url: relative URL without a base"),
            ("ftp://example.com", "a url begins with http:// or https://"),
            ("https://", "invalid url: empty host"),
            ("https://example.com/?a=b", "paths are appended to this url, so it cannot have ? or #"),
        ] {
            assert_eq!(refuse(text, Tail::None).unwrap_err().0, why, "{text}");
        }
        assert!(refuse("https://example.com/d/1?var=a#b", Tail::Any).is_ok());
    }
}
