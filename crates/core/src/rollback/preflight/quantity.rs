//! Kubernetes' quantities: `250m`, `512Mi`, `1.5`, `2e3`.

use serde_json::Value;

/// Suffixes and what they stand for; the longer ones first.
const SUFFIXES: [(&str, f64); 14] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
];

/// The number that a quantity stands for; `None` for anything else.
pub(super) fn read(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let scaled = SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number: f64 = text.strip_suffix(suffix)?.parse().ok()?;
        Some(number * factor)
    });
    scaled
        .or_else(|| text.strip_suffix('E').and_then(|number| Some(number.parse::<f64>().ok()? * 1e18)))
        .or_else(|| text.parse().ok())
        .filter(|number: &f64| number.is_finite())
}

/// `1.5 CPU`, `512 MiB`, `3 pods`: the resource tells the unit.
pub(super) fn write(resource: &str, amount: f64) -> String {
    if resource.ends_with("memory") || resource.ends_with("ephemeral-storage") {
        format!("{} MiB", trimmed(amount / 1_048_576.0))
    } else if resource.ends_with("cpu") {
        format!("{} CPU", trimmed(amount))
    } else {
        let unit = if (amount - 1.0).abs() < f64::EPSILON { "pod" } else { "pods" };
        format!("{} {unit}", trimmed(amount))
    }
}

fn trimmed(amount: f64) -> String {
    let text = format!("{amount:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    use serde_json::json;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let cases = [
            (json!("250m"), Some(0.25)),
            (json!("512Mi"), Some(536_870_912.0)),
            (json!("1.5"), Some(1.5)),
            (json!(2), Some(2.0)),
            (json!("2e3"), Some(2000.0)),
            (json!("1G"), Some(1e9)),
            (json!("1E"), Some(1e18)),
            (json!("many"), None),
            (json!("infinity"), None),
            (json!(null), None),
        ];
        for (written, number) in cases {
            assert_eq!(read(&written), number, "{written}");
        }
    }

    #[test]
    fn amounts_are_written_with_their_unit() {
        assert_eq!(write("requests.cpu", 0.25), "0.25 CPU");
        assert_eq!(write("limits.memory", 536_870_912.0), "512 MiB");
        assert_eq!((write("pods", 1.0), write("count/pods", 20.0)), ("1 pod".to_owned(), "20 pods".to_owned()));
    }
}
