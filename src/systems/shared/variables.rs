//! `$version` in queries.

use crate::template::Template;
use std::borrow::Cow;

/// Fills `$version` in; `None` where it is needed and not known yet.
pub(in crate::systems) fn fill_version(text: &str, version: Option<&str>) -> Option<String> {
    let template = Template::foreign(text);
    if version.is_none() && template.mentions("version") {
        return None;
    }
    Some(template.fill_known(|name| version.filter(|_| name == "version").map(Cow::Borrowed)))
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
