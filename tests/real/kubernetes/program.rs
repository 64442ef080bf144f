//! What pods run in these stories: images that a real kubelet treats as our fake one does.

use serde_json::{Value, json};

/// The one container's name.
pub(crate) const CONTAINER: &str = "app";

/// A path that is in no image.
const NOWHERE: &str = "/no-such-program";

/// What a pod runs and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Version 3.9: becomes ready.
    Good,
    /// Version 3.10: becomes ready too.
    Better,
    /// Version 3.10, which starts and dies over and over.
    Crashing,
    /// Version no-such-tag, an image that cannot be pulled.
    Missing,
    /// Version 3.10, which never gets ready.
    Deaf,
}

impl Program {
    /// The label of the version.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Good => "3.9",
            Self::Better | Self::Crashing | Self::Deaf => "3.10",
            Self::Missing => "no-such-tag",
        }
    }

    /// The container, written out in full: a merge patch must undo what an earlier one set.
    pub(crate) fn container(self) -> Value {
        let mut container = json!({"name": CONTAINER, "image": format!("registry.k8s.io/pause:{}", self.version())});
        match self {
            Self::Crashing => container["command"] = json!([NOWHERE]),
            Self::Deaf => {
                container["readinessProbe"] = json!({"exec": {"command": [NOWHERE]}, "periodSeconds": 1});
            }
            Self::Good | Self::Better | Self::Missing => {}
        }
        container
    }

    /// What a pod's container runs.
    pub(crate) fn of(container: &Value) -> Self {
        let image = container["image"].as_str().unwrap_or_default();
        if image.ends_with(Self::Missing.version()) {
            Self::Missing
        } else if container["command"][0] == NOWHERE {
            Self::Crashing
        } else if container["readinessProbe"].is_object() {
            Self::Deaf
        } else if image.ends_with(Self::Good.version()) {
            Self::Good
        } else {
            Self::Better
        }
    }
}
