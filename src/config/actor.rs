//! The actor: the name under which others see who rolls back, in the cluster's lease, in chats and in logs.

use crate::files;
use std::path::Path;

/// The longest name that is passed on, in characters.
const LONGEST: usize = 100;

/// What this machine says of the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// `REDFLAG_ACTOR`, which overrides the file.
    pub override_name: Option<String>,
    /// `ana@laptop`, where neither that nor the file says anything.
    pub login: Option<String>,
}

impl Actor {
    /// The user of this process, from its environment variables and the host name.
    pub fn from_environment() -> Self {
        let host = || files::read(Path::new("/proc/sys/kernel/hostname"), LONGEST * 4).ok();
        Self::from_variables(|name| std::env::var(name).ok(), host)
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>, machine: impl FnOnce() -> Option<String>) -> Self {
        let variable = |name: &&str| variable(name).and_then(|text| single_line(&text));
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(variable);
        let host = ["HOSTNAME", "HOST", "COMPUTERNAME"].iter().find_map(variable);
        let host = host.or_else(|| machine().and_then(|text| single_line(&text)));
        Self {
            override_name: variable(&"REDFLAG_ACTOR"),
            login: match (user, host) {
                (Some(user), Some(host)) => Some(format!("{user}@{host}")),
                (user, host) => user.or(host),
            },
        }
    }

    /// The actor's name: `REDFLAG_ACTOR`, else what the file says (`written`), else the login.
    pub(super) fn name(&self, written: Option<&str>) -> String {
        self.override_name.as_deref().or(written).or(self.login.as_deref()).unwrap_or("redflag").to_owned()
    }
}

/// The text trimmed, without control characters and at most [`LONGEST`] characters long; `None` if that leaves nothing.
fn single_line(text: &str) -> Option<String> {
    let line: String = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(variables: &[(&str, &str)], host: Option<&str>) -> Actor {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        Actor::from_variables(find, || host.map(ToOwned::to_owned))
    }

    #[test]
    fn the_variable_wins_over_the_file_and_the_file_over_the_login() {
        let ana = actor(&[("USER", "ana"), ("HOSTNAME", "laptop"), ("REDFLAG_ACTOR", "on-call 2")], None);
        assert_eq!(ana.name(Some("team shop")), "on-call 2");
        let ana = Actor { override_name: None, ..ana };
        assert_eq!(ana.name(Some("team shop")), "team shop");
        assert_eq!(ana.name(None), "ana@laptop");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(actor(&[("LOGNAME", "ana"), ("USER", " ")], Some("laptop\n")).name(None), "ana@laptop");
        assert_eq!(actor(&[("USER", "ana")], None).name(None), "ana");
        assert_eq!(actor(&[], None).name(None), "redflag");
    }

    #[test]
    fn a_name_is_one_line_however_it_comes() {
        let odd = actor(&[("REDFLAG_ACTOR", "ana\u{1b}[2J\nbob")], None);
        assert_eq!(odd.name(None), "ana[2Jbob");
    }
}
