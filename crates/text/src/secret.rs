//! A secret that no log, error or screen can show: it has no `Display`, and whatever is put out anywhere is looked
//! through for it (see [`scrub`]).

mod forms;
mod known;

pub use forms::{ESCAPED, is_marked, names_one};
pub use known::{dangling, hidden_variables, hide, hide_variable, scrub};

use std::fmt;

/// A token, key or password. `Debug` shows nothing of it and there is no `Display`. From the moment that it is made,
/// the text of every peer is looked through for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret; white space around it (a file's last newline) is not part of it.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        hide(text);
        Self(text.to_owned())
    }

    /// Wraps a secret that was read from outside.
    ///
    /// # Errors
    /// A sentence without the secret where it is more than a line, or has characters that no header can carry: a
    /// library further on would refuse it less kindly, or panic.
    pub fn read(text: &str) -> Result<Self, String> {
        // Known before it is judged: what is refused stays a secret.
        let secret = Self::new(text);
        let lines = secret.0.lines().count();
        if lines > 1 {
            secret.0.lines().for_each(|line| hide(line.trim()));
            return Err(format!("a secret is one line, and this has {lines}"));
        }
        match secret.0.chars().position(char::is_control) {
            Some(place) => {
                Err(format!("a secret has no control characters, and character {} of this is one", place + 1))
            }
            None => Ok(secret),
        }
    }

    /// The secret itself, for the header it belongs in and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_two_lines_is_refused_without_being_shown() {
        let why = Secret::read("tOKEn-oNe\ntOKEn-tWo\n").unwrap_err();
        assert_eq!(why, "a secret is one line, and this has 2");
        assert_eq!(scrub("the peer says tOKEn-tWo"), "the peer says …", "what is refused stays a secret");
        let why = Secret::read("tOKEn\u{1b}tHRee").unwrap_err();
        assert_eq!(why, "a secret has no control characters, and character 6 of this is one");
        assert_eq!(Secret::read(" tOKEn-fOUr\r\n").unwrap().expose(), "tOKEn-fOUr");
    }
}
