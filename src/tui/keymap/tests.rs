//! Which key does what, and what is refused.
#![allow(clippy::unwrap_used)]

use super::*;

fn action(keymap: &Keymap, key: &str) -> Option<Action> {
    keymap.action(key.parse().unwrap())
}

fn refusal(settings: &[(&str, &[&str])]) -> (String, String) {
    let [error] =
        Keymap::new(settings.iter().map(|(name, keys)| (*name, keys.to_vec()))).unwrap_err().try_into().unwrap();
    (error.action, error.text)
}

#[test]
fn the_default_keys_do_not_conflict() {
    assert_eq!(Keymap::default().conflicts(&[]), []);
    assert_eq!(action(&Keymap::default(), "R"), Some(Action::Rollback));
    assert_eq!(action(&Keymap::default(), "r"), None);
}

#[test]
fn a_key_that_is_set_replaces_the_default_ones() {
    let keymap = Keymap::new([("rollback", vec!["ctrl-r", "f9"]), ("note", vec![])]).unwrap();
    assert_eq!(action(&keymap, "f9"), Some(Action::Rollback));
    assert_eq!(action(&keymap, "R"), None);
    assert_eq!(action(&keymap, "n"), None);
    assert_eq!(keymap.label(Action::Note), None);
}

#[test]
fn two_actions_may_swap_their_keys() {
    let keymap = Keymap::new([("note", vec!["a"]), ("acknowledge", vec!["n"])]).unwrap();
    assert_eq!(action(&keymap, "n"), Some(Action::Acknowledge));
}

#[test]
fn control_c_quits_whatever_the_configuration_says() {
    let keymap = Keymap::new([("quit", vec!["Q"])]).unwrap();
    assert_eq!(action(&keymap, "ctrl-c"), Some(Action::Quit));
    assert_eq!(action(&keymap, "q"), None);
    let (blamed, text) = refusal(&[("note", &["ctrl-c"])]);
    assert_eq!(blamed, "note");
    assert_eq!(text, "`Ctrl-C` cannot be `note`: it is `quit`; give one of them another key");
}

#[test]
fn conflicts_and_unknown_names_are_refused_in_one_sentence() {
    assert_eq!(
        refusal(&[("confirm", &["R"])]),
        ("confirm".to_owned(), "`R` cannot be `confirm`: it is `rollback`; give one of them another key".to_owned())
    );
    assert_eq!(refusal(&[("rolback", &["R"])]).1, "there is no action `rolback`; did you mean `rollback`?");
    assert_eq!(
        refusal(&[("rollback", &["ctrl+r"])]).1,
        "`ctrl+r` is not a key; keys are written like R, ctrl-r, alt-x, f5, enter, esc, tab, space, up, page-down"
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let settings = [("quit", vec!["Q", "ctrl+q"]), ("rolback", vec!["R"]), ("note", vec!["R"])];
    let told: Vec<String> = Keymap::new(settings).unwrap_err().into_iter().map(|error| error.action).collect();
    assert_eq!(told, ["quit", "rolback", "note"]);
}
