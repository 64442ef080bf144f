//! Versions that hold the hash of their commit.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn a_hash_is_found_where_versions_have_one() {
    for (label, hash) in [
        ("1a2b3c4", Some("1a2b3c4")),
        ("1.9.0-12-g1a2b3c4", Some("1a2b3c4")),
        ("main-1a2b3c4d5e", Some("1a2b3c4d5e")),
        ("sha-1a2b3c4", Some("1a2b3c4")),
        ("1.9.0.1a2b3c4", Some("1a2b3c4")),
        ("0123456789012345678901234567890123456789", Some("0123456789012345678901234567890123456789")),
        ("1.9.0", None),
        ("latest", None),
        ("1.9.0-rc1", None),
        ("sha256:0123456", None),
        ("", None),
    ] {
        assert_eq!(hash_in(label), hash, "{label}");
    }
}
