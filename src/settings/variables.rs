//! `$service` and its like. What redflag does not know is left alone: Grafana and Prometheus have their own.

use crate::template::Template;
use std::borrow::Cow;

/// What the variables stand for in one service of one environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub(crate) service: &'a str,
    pub(crate) environment: &'a str,
    pub(crate) namespace: &'a str,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "service" => Some(self.service),
            "environment" => Some(self.environment),
            "namespace" => Some(self.namespace),
            _ => None,
        }
    }

    /// The text with them filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        Template::foreign(text).fill_known(|name| self.value(name).map(Cow::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: Variables<'_> = Variables { service: "cart", environment: "production", namespace: "shop" };

    #[test]
    fn redflags_own_variables_are_filled_in() {
        let filled = CART.fill("up{app=\"$service\",env=\"${environment}\",ns=~\"$namespace-.*\"}");
        assert_eq!(filled, "up{app=\"cart\",env=\"production\",ns=~\"shop-.*\"}");
    }

    #[test]
    fn all_others_are_left_alone() {
        for text in
            ["$__interval", "${__range}", "$version", "$service_name", "${service:raw}", "a$", "$", "${", "5 $ 6"]
        {
            assert_eq!(CART.fill(text), text);
        }
        assert_eq!(CART.fill("[$__interval]$service"), "[$__interval]cart");
        assert_eq!(CART.fill("ü$service ü"), "ücart ü");
    }
}
