//! Addresses with variables in them.

use crate::secret::ESCAPED;
use crate::template::Template;
use percent_encoding::utf8_percent_encode;
use reqwest::Url;
use std::borrow::Cow;

/// Why an address cannot be asked once its variables are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// This variable has no value.
    Unknown(String),
    /// What comes out is no http or https address.
    NotHttp,
}

/// The address with each variable filled in. A value cannot change more than its own place in it.
pub(crate) fn filled<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> Result<Url, NoAddress> {
    let text = Template::ours(template).fill(|name| match value(name) {
        Some(value) => Ok(Cow::<str>::from(utf8_percent_encode(value, ESCAPED))),
        None => Err(NoAddress::Unknown(name.to_owned())),
    })?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or(NoAddress::NotHttp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(value: &'static str) -> impl Fn(&str) -> Option<&'static str> {
        move |name| (name == "key").then_some(value)
    }

    #[test]
    fn a_value_stays_in_its_place() {
        let at = |value| filled("https://a.example/$key/off?by=${key}", with(value)).map(String::from);
        assert_eq!(at("new-cart"), Ok("https://a.example/new-cart/off?by=new-cart".to_owned()));
        assert_eq!(at("../x@evil?"), Ok("https://a.example/..%2Fx%40evil%3F/off?by=..%2Fx%40evil%3F".to_owned()));
    }

    #[test]
    fn what_is_no_address_is_told_from_an_unknown_variable() {
        assert_eq!(filled("https://a.example/$who", with("")), Err(NoAddress::Unknown("who".to_owned())));
        assert_eq!(filled("ftp://a.example/$key", with("1")), Err(NoAddress::NotHttp));
        assert_eq!(filled("$key", with("https://a.example")), Err(NoAddress::NotHttp));
    }

    proptest! {
        #[test]
        fn no_value_leads_elsewhere(value in ".{0,30}") {
            let url = filled("https://user@a.example:8443/x/$key?y=$key#z", |_| Some(value.as_str()));
            let url = url.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
            prop_assert_eq!(url.origin().ascii_serialization(), "https://a.example:8443");
            prop_assert_eq!((url.username(), url.fragment()), ("user", Some("z")));
            prop_assert_eq!(url.query_pairs().collect::<Vec<_>>(), vec![("y".into(), value.as_str().into())]);
        }
    }
}
