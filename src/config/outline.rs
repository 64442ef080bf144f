//! Which environments a file has, without a word on what is wrong with it: for shells that complete.

use crate::files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// An environment as it is written, checked for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlined {
    /// Its name.
    pub name: String,
    /// Its namespace, where it has one that is a text.
    pub namespace: Option<String>,
}

/// The environments of a file by name. A file that cannot be read, or is no TOML, has none.
pub fn outline(path: &Path) -> Vec<Outlined> {
    files::read(path, files::SETTINGS).map(|text| of(&text)).unwrap_or_default()
}

fn of(text: &str) -> Vec<Outlined> {
    #[derive(Deserialize)]
    struct Outline {
        #[serde(default)]
        environments: BTreeMap<String, toml::Value>,
    }
    let Ok(Outline { environments }) = toml::from_str(text) else { return Vec::new() };
    let namespace = |value: &toml::Value| Some(value.get("namespace")?.as_str()?.to_owned());
    environments.into_iter().map(|(name, value)| Outlined { namespace: namespace(&value), name }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        of(text).into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn every_environment_of_the_example_is_there() {
        let checked = crate::config::Config::parse(&crate::config::EXAMPLE, "example").unwrap();
        let mut environments: Vec<&str> = checked.environments().collect();
        environments.sort_unstable();
        assert_eq!(names(&crate::config::EXAMPLE), environments);
    }

    #[test]
    fn mistakes_in_a_configuration_hide_no_environment() {
        let text = "colour = 1\n[environments.staging]\nnamespace = 7\nworkload = []\n[environments.production]\nnamespace = \"shop\"\n";
        assert!(crate::config::Config::parse(text, "it").is_err());
        let named = |name: &str, namespace: Option<&str>| Outlined {
            name: name.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
        };
        assert_eq!(of(text), [named("production", Some("shop")), named("staging", None)]);
    }

    #[test]
    fn what_is_no_configuration_has_no_environments() {
        for text in ["", "environments = 3", "[environments", "\u{0}", "<html>"] {
            assert_eq!(of(text), [], "{text}");
        }
        assert_eq!(outline(Path::new("/nowhere/redflag.toml")), []);
    }
}
