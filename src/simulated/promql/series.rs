//! The series that the company's Prometheus scrapes, and their values.

use super::parse::Matcher;
use crate::simulated::history::{PodTrace, Seconds};
use crate::simulated::metrics::{BUCKETS, CPU_LIMIT, MEMORY_LIMIT, Metrics, POOL_SIZE, STATUSES};
use std::collections::BTreeMap;

/// A series' labels.
pub(crate) type Labels = BTreeMap<String, String>;

/// One series of the model.
pub(super) struct Source<'a> {
    pub(super) labels: Labels,
    kind: Kind<'a>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Requests(usize, &'static str),
    Bucket(usize, f64),
    Memory(&'a PodTrace),
    MemoryLimit(&'a PodTrace),
    Cpu(&'a PodTrace),
    CpuLimit(&'a PodTrace),
    PoolInUse(usize),
    PoolSize,
    Up,
}

/// After this long without a sample a series is gone.
const LOOKBACK: Seconds = 300.0;
/// Counters are counted from this long before they are asked for: as if the services had been restarted then.
const COUNTED: Seconds = 3600.0;

impl Source<'_> {
    /// The value that was scraped last.
    pub(super) fn at(&self, metrics: &Metrics<'_>, at: Seconds) -> Option<f64> {
        if at - metrics.now > LOOKBACK {
            return None;
        }
        let at = at.min(metrics.now);
        match self.kind {
            Kind::Memory(pod) => metrics.memory(pod, at).map(|share| (share * MEMORY_LIMIT).floor()),
            Kind::MemoryLimit(pod) => pod.started(at).map(|_| MEMORY_LIMIT),
            Kind::CpuLimit(pod) => pod.started(at).map(|_| CPU_LIMIT),
            Kind::PoolInUse(service) => Some((metrics.pool(service, at) * POOL_SIZE).round()),
            Kind::PoolSize => Some(POOL_SIZE),
            Kind::Up => Some(1.0),
            Kind::Cpu(pod) => {
                pod.started(at)?;
                self.increase(metrics, at - COUNTED, at)
            }
            Kind::Requests(..) | Kind::Bucket(..) => self.increase(metrics, at - COUNTED, at),
        }
    }

    /// Whether there is a sample of this moment.
    pub(super) fn is_scraped(&self, metrics: &Metrics<'_>, at: Seconds) -> bool {
        at <= metrics.now
            && match self.kind {
                Kind::Memory(pod) | Kind::MemoryLimit(pod) | Kind::Cpu(pod) | Kind::CpuLimit(pod) => {
                    pod.started(at).is_some()
                }
                Kind::Requests(..) | Kind::Bucket(..) | Kind::PoolInUse(_) | Kind::PoolSize | Kind::Up => true,
            }
    }

    /// By how much a counter grew in a window; `None` when the window lies in the future or nothing is counted.
    pub(super) fn increase(&self, metrics: &Metrics<'_>, from: Seconds, to: Seconds) -> Option<f64> {
        if from >= metrics.now {
            return None;
        }
        match self.kind {
            Kind::Requests(service, status) => Some(metrics.requests(service, from, to).with_status(status)),
            Kind::Bucket(service, bound) => Some(metrics.requests_within(service, bound, from, to)),
            Kind::Cpu(pod) => {
                let lived =
                    pod.starts.front().is_some_and(|start| *start < to) && pod.until.is_none_or(|until| until > from);
                lived.then(|| metrics.cpu_seconds(pod, from, to))
            }
            _ => Some(0.0),
        }
    }
}

/// The series of a name that the matchers let through.
pub(super) fn find<'a>(metrics: &Metrics<'a>, name: &str, matchers: &[Matcher]) -> Vec<Source<'a>> {
    let mut found = Vec::new();
    for (index, service) in metrics.services.iter().enumerate() {
        let mut add = |extra: &[(&str, &str)], kind: Kind<'a>| {
            let mut labels = Labels::from([
                ("__name__".to_owned(), name.to_owned()),
                ("namespace".to_owned(), "production".to_owned()),
                ("service".to_owned(), service.name.clone()),
            ]);
            labels.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            if matchers.iter().all(|matcher| matches(matcher, &labels)) {
                found.push(Source { labels, kind });
            }
        };
        match name {
            "http_requests_total" => {
                for status in STATUSES {
                    add(&[("status", status)], Kind::Requests(index, status));
                }
            }
            "http_request_duration_seconds_bucket" => {
                for bound in BUCKETS {
                    let le = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
                    add(&[("le", &le)], Kind::Bucket(index, bound));
                }
            }
            "http_request_duration_seconds_count" => add(&[], Kind::Bucket(index, f64::INFINITY)),
            "db_pool_connections_in_use" => add(&[], Kind::PoolInUse(index)),
            "db_pool_connections_max" => add(&[], Kind::PoolSize),
            "up" => add(&[("job", &service.name)], Kind::Up),
            _ => {
                let pods: Vec<&'a PodTrace> = metrics.history.pods(index).collect();
                for pod in pods {
                    let container = [("pod", pod.name.as_str()), ("container", "app")];
                    let limit = |resource| [container[0], container[1], ("resource", resource)];
                    match name {
                        "container_memory_working_set_bytes" => add(&container, Kind::Memory(pod)),
                        "container_spec_memory_limit_bytes" => add(&container, Kind::MemoryLimit(pod)),
                        "container_cpu_usage_seconds_total" => add(&container, Kind::Cpu(pod)),
                        "kube_pod_container_resource_limits" => {
                            add(&limit("cpu"), Kind::CpuLimit(pod));
                            add(&limit("memory"), Kind::MemoryLimit(pod));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn matches(matcher: &Matcher, labels: &Labels) -> bool {
    let value = labels.get(&matcher.label).map_or("", String::as_str);
    let holds = if matcher.is_pattern { is_like(value, &matcher.value) } else { value == matcher.value };
    holds != matcher.negated
}

/// Whether a whole text is like a pattern: alternatives, `.`, and `*`, `+`, `?` after a letter or dot.
fn is_like(text: &str, pattern: &str) -> bool {
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    pattern.split('|').any(|one| is_like_one(text.as_bytes(), one.trim_matches(['(', ')']).as_bytes()))
}

fn is_like_one(text: &[u8], pattern: &[u8]) -> bool {
    let Some((first, mut rest)) = pattern.split_first() else { return text.is_empty() };
    let mut wanted = *first;
    let mut any = wanted == b'.';
    if wanted == b'\\'
        && let Some((escaped, after)) = rest.split_first()
    {
        (wanted, any, rest) = (*escaped, false, after);
    }
    let fits = |letter: &u8| any || *letter == wanted;
    let (least, most, rest) = match rest.split_first() {
        Some((b'*', rest)) => (0, usize::MAX, rest),
        Some((b'+', rest)) => (1, usize::MAX, rest),
        Some((b'?', rest)) => (0, 1, rest),
        _ => (1, 1, rest),
    };
    let run = text.iter().take_while(|letter| fits(letter)).count().min(most);
    (least..=run).rev().any(|taken| is_like_one(&text[taken..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_values() {
        assert!(is_like("503", "5.."));
        assert!(!is_like("5033", "5.."));
        assert!(is_like("app-7d4-x", "app-.*"));
        assert!(is_like("cart", "checkout|cart"));
        assert!(is_like("", ".*") && !is_like("", ".+"));
        assert!(is_like("a.b", "a\\.b") && !is_like("axb", "a\\.b"));
    }
}
