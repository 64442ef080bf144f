//! Who is at the keys: others see this name in the cluster's lease, in chats and in logs.

use crate::files;
use std::path::Path;

/// The longest name that is passed on, in characters.
const LONGEST: usize = 100;

/// What the machine says of whoever is at the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// `REDFLAG_ACTOR`: wins over the file.
    pub named: Option<String>,
    /// `ana@laptop`, where neither that nor the file says anything.
    pub login: Option<String>,
}

impl Person {
    /// Whoever sits here, by the environment's variables and the machine's name.
    pub fn here() -> Self {
        let host = || files::read(Path::new("/proc/sys/kernel/hostname"), LONGEST * 4).ok();
        Self::of(|name| std::env::var(name).ok(), host)
    }

    fn of(variable: impl Fn(&str) -> Option<String>, machine: impl FnOnce() -> Option<String>) -> Self {
        let variable = |name: &&str| variable(name).and_then(|text| tidy(&text));
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(variable);
        let host = ["HOSTNAME", "HOST", "COMPUTERNAME"].iter().find_map(variable);
        let host = host.or_else(|| machine().and_then(|text| tidy(&text)));
        Self {
            named: variable(&"REDFLAG_ACTOR"),
            login: match (user, host) {
                (Some(user), Some(host)) => Some(format!("{user}@{host}")),
                (user, host) => user.or(host),
            },
        }
    }

    /// The name that is passed on, with what the file says.
    pub(super) fn actor(&self, written: Option<&str>) -> String {
        self.named.as_deref().or(written).or(self.login.as_deref()).unwrap_or("redflag").to_owned()
    }
}

/// One line without control characters, not too long; nothing if nothing is left.
fn tidy(text: &str) -> Option<String> {
    let tidy: String = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    (!tidy.is_empty()).then_some(tidy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(variables: &[(&str, &str)], host: Option<&str>) -> Person {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        Person::of(find, || host.map(ToOwned::to_owned))
    }

    #[test]
    fn the_variable_wins_over_the_file_and_the_file_over_the_login() {
        let ana = person(&[("USER", "ana"), ("HOSTNAME", "laptop"), ("REDFLAG_ACTOR", "on-call 2")], None);
        assert_eq!(ana.actor(Some("team shop")), "on-call 2");
        let ana = Person { named: None, ..ana };
        assert_eq!(ana.actor(Some("team shop")), "team shop");
        assert_eq!(ana.actor(None), "ana@laptop");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(person(&[("LOGNAME", "ana"), ("USER", " ")], Some("laptop\n")).actor(None), "ana@laptop");
        assert_eq!(person(&[("USER", "ana")], None).actor(None), "ana");
        assert_eq!(person(&[], None).actor(None), "redflag");
    }

    #[test]
    fn a_name_is_one_line_however_it_comes() {
        let odd = person(&[("REDFLAG_ACTOR", "ana\u{1b}[2J\nbob")], None);
        assert_eq!(odd.actor(None), "ana[2Jbob");
    }
}
