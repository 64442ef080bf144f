//! Variables in queries: `$name` and `${name}`.

use std::borrow::Cow;

/// Replaces each variable that `value` knows; all others, and every other `$`, stay as they are.
pub(in crate::systems) fn fill<'a>(text: &str, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        let (whole, name) = variable(tail);
        match name.and_then(&value) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&tail[..whole]),
        }
        rest = &tail[whole..];
    }
    out.push_str(rest);
    out
}

/// Fills `$version` in; `None` where it is needed and not known yet.
pub(in crate::systems) fn fill_version(text: &str, version: Option<&str>) -> Option<String> {
    let missing = std::cell::Cell::new(false);
    let filled = fill(text, |name| {
        if name != "version" {
            return None;
        }
        missing.set(missing.get() || version.is_none());
        version.map(Cow::Borrowed)
    });
    (!missing.get()).then_some(filled)
}

/// The length of what stands at a `$`, and the variable's name if it is one.
fn variable(text: &str) -> (usize, Option<&str>) {
    let inner = &text[1..];
    if let Some(braced) = inner.strip_prefix('{') {
        let length = name_length(braced);
        if length > 0 && braced[length..].starts_with('}') {
            return (length + 3, Some(&braced[..length]));
        }
        return (1, None);
    }
    let length = name_length(inner);
    (length + 1, (length > 0).then(|| &inner[..length]))
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_variables_are_replaced() {
        let fill = |text| fill_version(text, Some("1.9.0")).unwrap_or_default();
        assert_eq!(fill(r#"x{v="$version"}"#), r#"x{v="1.9.0"}"#);
        assert_eq!(
            fill("a@${version}+b $versions ${version:x} $__interval"),
            "a@1.9.0+b $versions ${version:x} $__interval"
        );
        assert_eq!(fill(r#"x{status=~"5..$"} $1 $"#), r#"x{status=~"5..$"} $1 $"#);
    }

    #[test]
    fn a_query_waits_until_its_version_is_known() {
        assert_eq!(fill_version("release:$version", None), None);
        assert_eq!(fill_version("no variable", None).as_deref(), Some("no variable"));
    }
}
