//! What a terminal answers among the keys. crossterm knows no answer to OSC 11, and hands it on as it came: Alt-] and then
//! letters, which would be commands. They are held back until it is clear what they are; what turns out to be typed goes
//! on as it was typed.

use super::theme::Ground;
use crossterm::event::{Event, KeyCode, KeyModifiers};

/// How an answer begins, behind `ESC ]`.
const HEAD: &str = "11;";
/// No colour is longer.
const LONGEST: usize = 40;

/// Takes answers out of the keys.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// What may be the beginning of one.
    held: Vec<Event>,
    /// Its letters.
    text: String,
}

/// What came of an event.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// These are what they seem to be.
    Events(Vec<Event>),
    /// An answer.
    Ground(Ground),
    /// It may be an answer, or go on to be one.
    Held,
}

impl Answers {
    /// Whether something is held back, that [`Self::give_up`] lets go when nothing follows.
    pub(super) fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Nothing followed: what was held back was typed.
    pub(super) fn give_up(&mut self) -> Vec<Event> {
        self.text.clear();
        std::mem::take(&mut self.held)
    }

    pub(super) fn hear(&mut self, event: Event) -> Heard {
        let Some(key) = event.as_key_press_event() else { return Heard::Events(vec![event]) };
        let begins = key.modifiers == KeyModifiers::ALT && key.code == KeyCode::Char(']');
        if begins {
            let typed = self.give_up();
            self.held.push(event);
            return if typed.is_empty() { Heard::Held } else { Heard::Events(typed) };
        }
        if self.held.is_empty() {
            return Heard::Events(vec![event]);
        }
        // BEL is Ctrl-G, ST is Alt-\.
        let ends = (key.modifiers == KeyModifiers::CONTROL && key.code == KeyCode::Char('g'))
            || (key.modifiers == KeyModifiers::ALT && key.code == KeyCode::Char('\\'));
        if ends && let Some(ground) = self.text.strip_prefix(HEAD).and_then(Ground::parse) {
            self.give_up();
            return Heard::Ground(ground);
        }
        self.held.push(event);
        match key.code {
            KeyCode::Char(sign) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => {
                self.text.push(sign);
                if self.may_go_on() { Heard::Held } else { Heard::Events(self.give_up()) }
            }
            _ => Heard::Events(self.give_up()),
        }
    }

    /// Whether the letters so far are how an answer begins.
    fn may_go_on(&self) -> bool {
        match self.text.strip_prefix(HEAD) {
            None => HEAD.starts_with(&self.text),
            Some(color) => {
                let is_part = |sign: char| sign.is_ascii_hexdigit() || "rgba:/".contains(sign);
                ("rgba:".starts_with(color) || color.starts_with("rgb"))
                    && color.chars().all(is_part)
                    && color.len() <= LONGEST
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crossterm::event::KeyEvent;
    use proptest::prelude::*;

    fn key(sign: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(sign), modifiers))
    }

    fn letters(text: &str) -> Vec<Event> {
        text.chars().map(|sign| key(sign, KeyModifiers::NONE)).collect()
    }

    fn answer(color: &str, end: Event) -> Vec<Event> {
        let mut events = vec![key(']', KeyModifiers::ALT)];
        events.extend(letters(&format!("11;{color}")));
        events.push(end);
        events
    }

    fn bel() -> Event {
        key('g', KeyModifiers::CONTROL)
    }

    /// What goes on, and what was answered.
    fn heard(events: Vec<Event>) -> (Vec<Event>, Vec<Ground>) {
        let (mut answers, mut typed, mut grounds) = (Answers::default(), Vec::new(), Vec::new());
        for event in events {
            match answers.hear(event) {
                Heard::Events(events) => typed.extend(events),
                Heard::Ground(ground) => grounds.push(ground),
                Heard::Held => {}
            }
        }
        typed.extend(answers.give_up());
        (typed, grounds)
    }

    #[test]
    fn an_answer_is_taken_out_of_the_keys_around_it() {
        for end in [bel(), key('\\', KeyModifiers::ALT)] {
            let mut events = letters("jR");
            events.extend(answer("rgb:ffff/ffff/ffff", end));
            events.extend(letters("y"));
            assert_eq!(heard(events), (letters("jRy"), vec![Ground::Light]));
        }
    }

    #[test]
    fn what_only_begins_like_one_is_typed() {
        for text in ["", "1", "11;rgb:00", "11;rgx", "12;rgb:0/0/0", "R", "11;rgb:0/0/0R"] {
            let mut events = vec![key(']', KeyModifiers::ALT)];
            events.extend(letters(text));
            assert_eq!(heard(events.clone()), (events, vec![]), "{text}");
        }
        let twice = vec![key(']', KeyModifiers::ALT), key(']', KeyModifiers::ALT)];
        assert_eq!(heard(twice.clone()), (twice, vec![]));
        let resized = vec![key(']', KeyModifiers::ALT), Event::Resize(80, 24)];
        assert_eq!(heard(resized).0.len(), 2);
    }

    proptest! {
        #[test]
        fn no_key_is_lost_and_none_is_made_up(text in "[]1;rgb:/0-9a-fRyg]{0,30}", alt in proptest::collection::vec(any::<bool>(), 30)) {
            let events: Vec<Event> = text
                .chars()
                .zip(alt)
                .map(|(sign, alt)| key(sign, if alt && sign == ']' { KeyModifiers::ALT } else { KeyModifiers::NONE }))
                .collect();
            // Without an end there is no answer: all of it comes out, in its order.
            prop_assert_eq!(heard(events.clone()), (events, vec![]));
        }
    }
}
