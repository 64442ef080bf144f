//! The keys of a replay. They go before the usual ones, and are the same for everybody: each does nothing to anybody else.

use super::keymap::Key;
use crate::replay::Transport;
use crossterm::event::{KeyCode, KeyModifiers};

/// Every one, in the order of the help: its keys, what the help says of it, and its word in the footer.
const ALL: [(Transport, &[char], &str, &str); 9] = [
    (Transport::Pause, &[' ', 'p'], "pause the replay, or go on", "pause"),
    (Transport::AheadTen, &['.'], "10 seconds ahead", "+10 s"),
    (Transport::BackTen, &[','], "10 seconds back", "-10 s"),
    (Transport::AheadMinute, &['>'], "a minute ahead", "+1 min"),
    (Transport::BackMinute, &['<'], "a minute back", "-1 min"),
    (Transport::NextFlag, &[']'], "to the next flag", "next flag"),
    (Transport::PreviousFlag, &['['], "to the flag before", "flag before"),
    (Transport::Faster, &['+', '='], "faster: up to 60 times", "faster"),
    (Transport::Slower, &['-'], "slower: down to real time", "slower"),
];

const fn key(sign: char) -> Key {
    Key { code: KeyCode::Char(sign), modifiers: KeyModifiers::NONE }
}

/// What a key does to the player, if anything.
pub(super) fn of(pressed: Key) -> Option<Transport> {
    let own = |keys: &[char]| keys.iter().any(|sign| key(*sign) == pressed);
    ALL.iter().find(|(_, keys, ..)| own(keys)).map(|(transport, ..)| *transport)
}

/// The keys and what the help says of each.
pub(super) fn help() -> impl Iterator<Item = (String, &'static str)> {
    ALL.iter().map(|(_, keys, help, _)| {
        let keys: Vec<String> = keys.iter().map(|sign| key(*sign).to_string()).collect();
        (keys.join("  "), *help)
    })
}

/// The first key of each, and its word in the footer.
pub(super) fn footer(paused: bool) -> impl Iterator<Item = (String, &'static str)> {
    ALL.iter().map(move |(transport, keys, _, word)| {
        let word = if paused && *transport == Transport::Pause { "play" } else { word };
        (keys.first().map(|sign| key(*sign).to_string()).unwrap_or_default(), word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_does_one_thing_and_each_thing_has_a_key() {
        let mut signs: Vec<char> = ALL.iter().flat_map(|(_, keys, ..)| keys.iter().copied()).collect();
        assert!(ALL.iter().all(|(transport, keys, ..)| keys.iter().all(|sign| of(key(*sign)) == Some(*transport))));
        let count = signs.len();
        signs.sort_unstable();
        signs.dedup();
        assert_eq!(signs.len(), count);
        assert_eq!(of(key('R')), None);
    }
}
