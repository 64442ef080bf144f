//! Whether the old template still means the old image: tags can be mutable.

use super::warning;
use crate::deploy::{WorkloadRef, version_label};
use crate::rollback::destination::Target;
use crate::rollback::{Check, CheckKind};

/// Tags that people move from image to image, so that the same name brings another program.
const MOVING_TAGS: [&str; 14] = [
    "latest",
    "stable",
    "main",
    "master",
    "edge",
    "dev",
    "develop",
    "nightly",
    "production",
    "prod",
    "staging",
    "canary",
    "release",
    "current",
];

const NAME: CheckKind = CheckKind::Image;

pub(super) fn check(reference: &WorkloadRef, target: &Target) -> Check {
    let (from, to) = (&target.from.images, &target.entry.version.images);
    let moving: Vec<&str> = to.iter().map(String::as_str).filter(|image| is_moving(image)).collect();
    let moving = moving.join(", ");
    match (moving.is_empty(), from == to) {
        (true, false) => Check::ok(NAME, format!("{} looks immutable", to.join(", "))),
        (true, true) => warning(
            NAME,
            "both revisions run the same image: only other settings change",
            format!(
                "check the differences first: kubectl rollout history {reference} -n {} --revision={}",
                reference.namespace, target.entry.version.revision
            ),
        ),
        (false, true) => warning(
            NAME,
            format!("both revisions run {moving}, so the rollback may change nothing"),
            "deploy the earlier image by digest instead: name@sha256:…",
        ),
        (false, false) => warning(
            NAME,
            format!("mutable tag {moving}: it may not point to what ran before"),
            "check where the tag points now, or deploy the earlier image by digest",
        ),
    }
}

/// Whether the same reference may bring another program tomorrow. Only a digest is sure not to; a tag is
/// trusted unless its name says that it moves.
fn is_moving(image: &str) -> bool {
    !image.contains('@') && MOVING_TAGS.contains(&version_label(image))
}
