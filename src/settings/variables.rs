//! `$service` and its like. What redflag does not know is left alone: Grafana and Prometheus have their own.

use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::template::Template;
use std::borrow::Cow;

/// The letters of the names that Kubernetes makes up: `rand.SafeEncodeString` of k8s.io/apimachinery.
const LETTERS: &str = "[bcdfghjklmnpqrstvwxz2456789]";

/// What the variables stand for in one service of one environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub(crate) service: &'a str,
    pub(crate) environment: &'a str,
    pub(crate) namespace: &'a str,
    /// A regular expression of the names of its pods.
    pub(crate) pods: &'a str,
    /// One of the names of its workloads.
    pub(crate) workloads: &'a str,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "service" => Some(self.service),
            "environment" => Some(self.environment),
            "namespace" => Some(self.namespace),
            "pods" => Some(self.pods),
            "workloads" => Some(self.workloads),
            _ => None,
        }
    }

    /// The text with them filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        Template::foreign(text).fill_known(|name| self.value(name).map(Cow::Borrowed))
    }
}

/// A regular expression of the names of the pods of workloads, for a query's text in double quotes.
///
/// A Deployment's pods are `NAME-HASH-xxxxx`, a `DaemonSet`'s `NAME-xxxxx`, a `StatefulSet`'s `NAME-0`; so `app` is never
/// taken for `app-worker`, nor for a `DaemonSet` `app-db`: a hash of a template is a number of 32 bits in other letters,
/// and has fewer than six of them once in 40 000 times. Kubernetes cuts names of more than 46 characters short, and those
/// are not found this way.
pub(crate) fn pods<'a>(workloads: impl Iterator<Item = &'a WorkloadRef>) -> String {
    let pods = workloads.map(|workload| {
        let name = escaped(&workload.name);
        match workload.kind {
            WorkloadKind::Deployment | WorkloadKind::Rollout => format!("{name}-{LETTERS}{{6,10}}-{LETTERS}{{5}}"),
            WorkloadKind::StatefulSet => format!("{name}-[0-9]+"),
            WorkloadKind::DaemonSet => format!("{name}-{LETTERS}{{5}}"),
        }
    });
    pods.collect::<Vec<_>>().join("|")
}

/// A regular expression of the names of workloads, for the same.
pub(crate) fn workloads<'a>(workloads: impl Iterator<Item = &'a WorkloadRef>) -> String {
    workloads.map(|workload| escaped(&workload.name)).collect::<Vec<_>>().join("|")
}

/// A Kubernetes name has no other sign that means something in a regular expression.
fn escaped(name: &str) -> String {
    name.replace('.', "[.]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: Variables<'_> = Variables {
        service: "cart",
        environment: "production",
        namespace: "shop",
        pods: "cart-[0-9]+",
        workloads: "cart|queue",
    };

    #[test]
    fn redflags_own_variables_are_filled_in() {
        let filled = CART.fill("up{app=\"$service\",env=\"${environment}\",ns=~\"$namespace-.*\"}");
        assert_eq!(filled, "up{app=\"cart\",env=\"production\",ns=~\"shop-.*\"}");
        let filled = CART.fill("up{pod=~\"$pods\",workload=~\"$workloads\"}");
        assert_eq!(filled, "up{pod=~\"cart-[0-9]+\",workload=~\"cart|queue\"}");
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
