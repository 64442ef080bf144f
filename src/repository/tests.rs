//! Versions that hold a hash, and what git says of a push.

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

fn push(said: &str) -> Pushed {
    what_push_said(Trouble::Refused { said: said.to_owned() })
}

#[test]
fn a_push_that_was_refused_is_told_from_one_that_was_overtaken() {
    let line = |summary: &str| format!("To /x\n!\tabc:refs/heads/main\t{summary}\nDone");
    assert_eq!(push(&line("[rejected] (fetch first)")), Pushed::Overtaken);
    assert_eq!(push(&line("[rejected] (non-fast-forward)")), Pushed::Overtaken);
    assert_eq!(push(&line("[remote rejected] (cannot lock ref 'refs/heads/main')")), Pushed::Overtaken);
    let protected = format!(
        "remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: \nremote: - Changes must be \
         made through a pull request.\n{}",
        line("[remote rejected] (protected branch hook declined)")
    );
    let text = "protected branch hook declined: GH006: Protected branch update failed for refs/heads/main. - Changes \
                must be made through a pull request.";
    assert_eq!(push(&protected), Pushed::Refused(text.to_owned()));
}

#[test]
fn what_was_never_sent_is_told_from_what_may_have_arrived() {
    for said in [
        "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.",
        "git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.",
        "fatal: unable to access 'https://x/': Could not resolve host: x",
        "fatal: Authentication failed for 'https://x/'",
        "fatal: '/x' does not appear to be a git repository",
        "remote: Not here\nfatal: repository 'https://x/' not found",
    ] {
        assert!(matches!(push(said), Pushed::Refused(_)), "{said}");
    }
    for said in [
        "fatal: the remote end hung up unexpectedly",
        "error: RPC failed; curl 56 Recv failure: Connection reset by peer",
        "send-pack: unexpected disconnect while reading sideband packet\nfatal: the remote end hung up unexpectedly",
        "!\tabc:refs/heads/main\t[remote failure] (remote failed to report status)",
        "something new",
        "",
    ] {
        assert!(matches!(push(said), Pushed::Unknown(_)), "{said}");
    }
    assert!(matches!(what_push_said(Trouble::Lost("ended".to_owned())), Pushed::Unknown(_)));
    assert!(matches!(what_push_said(Trouble::NotStarted("no git".to_owned())), Pushed::Refused(_)));
}
