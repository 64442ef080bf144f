//! What a shell offers at the tab key that only this machine knows: environments, themes and versions.
//!
//! Whoever presses it is typing: nothing here says that something is wrong, runs a program for a secret, or, but for
//! [`revisions()`], asks the network. A configuration with a mistake still offers its environments.

mod revisions;

pub(super) use revisions::revisions;

use super::Cli;
use crate::config::presets::Presets;
#[cfg(feature = "demo")]
use crate::demo::Scenario;
use crate::memory::Memory;
use crate::records::Records;
use crate::rollback::version_history::VersionStatus;
use crate::tui::theme;
use crate::{config, text};
use clap::CommandFactory;
use clap_complete::{CompleteEnv, CompletionCandidate, Shell, env::Shells};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

/// The variable by which a shell asks what could stand at the cursor.
const VARIABLE: &str = "REDFLAG_COMPLETE";

/// Answers a shell that asks what could stand at the cursor, and ends the process then.
pub fn answer() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).completer("redflag").complete();
}

/// Loaded from a folder in `fpath`, zsh takes the whole script for the function that completes, also the first time.
const ZSH_LOADED: &str = "\
if [ \"$funcstack[1]\" = \"_redflag\" ]; then
    _clap_dynamic_completer_redflag \"$@\"
fi
";

/// The script that makes a shell ask.
///
/// # Errors
/// For a shell that cannot ask.
pub fn script(shell: Shell) -> io::Result<String> {
    let name = shell.to_string();
    let asks = Shells::builtins();
    let asking = asks.completer(&name).ok_or_else(|| io::Error::other(format!("{name} has no completions")))?;
    let mut script = Vec::new();
    asking.write_registration(VARIABLE, "redflag", "redflag", "redflag", &mut script)?;
    let mut script = String::from_utf8(script).map_err(io::Error::other)?;
    if shell == Shell::Zsh {
        script.push_str(ZSH_LOADED);
    }
    Ok(script)
}

/// The environments of the configuration that would be used, each with its namespace.
pub(super) fn environments() -> Vec<CompletionCandidate> {
    let named = Words::here().config();
    let Ok(path) = config::locate(named.as_deref()) else { return Vec::new() };
    let environments = config::outline(&path).into_iter();
    environments.filter_map(|one| candidate(&one.name, &one.namespace.unwrap_or_default())).collect()
}

/// The scenarios of the demo, each with what happens in it.
#[cfg(feature = "demo")]
pub(super) fn scenarios() -> Vec<CompletionCandidate> {
    Scenario::ALL.into_iter().filter_map(|scenario| candidate(scenario.name(), scenario.description())).collect()
}

/// The themes that are built in and those in the configuration folder.
pub(super) fn themes() -> Vec<CompletionCandidate> {
    let folder = config::folder().map(|folder| folder.join("themes"));
    theme::names(folder.as_deref()).iter().filter_map(|name| candidate(name, "")).collect()
}

/// The presets that are built in and those in the configuration folder, each with what it is.
pub(super) fn presets() -> Vec<CompletionCandidate> {
    let folder = config::folder().map(|folder| folder.join("presets"));
    let all = Presets::with_folder(folder.as_deref()).all();
    all.iter().filter_map(|preset| candidate(&preset.name, &preset.about)).collect()
}

/// The versions that earlier watches remember of the environment on the line, else of all; the newest first, each with
/// what was found of it.
pub(super) fn versions() -> Vec<CompletionCandidate> {
    let Some(remembered) = Memory::usual().and_then(|memory| memory.versions().ok()) else { return Vec::new() };
    let words = Words::here();
    let on_the_line = remembered.iter().any(|version| words.has(&version.environment));
    let wanted = remembered.iter().filter(|version| !on_the_line || words.has(&version.environment));
    let mut seen = BTreeSet::new();
    let newest = wanted.rev().filter(|version| seen.insert(&version.label));
    newest
        .enumerate()
        .filter_map(|(place, version)| {
            let day = version.at.format("%Y-%m-%d");
            let help = format!("{}, {} of {day}", standing(version.standing), version.environment);
            Some(candidate(&version.label, &help)?.display_order(Some(place)))
        })
        .collect()
}

/// The records that are kept, the newest first.
pub(super) fn records() -> Vec<CompletionCandidate> {
    let kept = Records::usual().and_then(|records| records.all().ok()).unwrap_or_default();
    let names = kept.iter().rev().filter_map(|folder| folder.file_name()?.to_str());
    names.enumerate().filter_map(|(place, name)| Some(candidate(name, "")?.display_order(Some(place)))).collect()
}

const fn standing(standing: VersionStatus) -> &'static str {
    match standing {
        VersionStatus::Good => "good",
        VersionStatus::Bad => "bad",
        VersionStatus::RolledBack => "rolled back manually",
        VersionStatus::Unproven => "not proven",
    }
}

/// One word to offer. A name that a shell would take apart, or that holds what no terminal should see, is not offered.
fn candidate(name: &str, help: &str) -> Option<CompletionCandidate> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let is_plain = !name.is_empty() && !name.starts_with('-') && name.chars().all(plain);
    let help = (!help.is_empty()).then(|| text::visible(help).into_owned().into());
    is_plain.then(|| CompletionCandidate::new(name).help(help))
}

/// The words that were typed so far: a shell gives them behind `--`.
struct Words(Vec<String>);

impl Words {
    fn here() -> Self {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
        Self(words.map(|word| word.to_string_lossy().into_owned()).collect())
    }

    fn has(&self, word: &str) -> bool {
        self.0.iter().any(|typed| typed == word)
    }

    /// The file that `--config` names. Bash takes words apart at `=`, and gives `~` as it was typed.
    fn config(&self) -> Option<PathBuf> {
        let at = self.0.iter().position(|word| word == "--config" || word.starts_with("--config="))?;
        let named = match self.0[at].split_once('=') {
            Some((_, file)) => file,
            None => self.0[at + 1..].iter().map(String::as_str).find(|word| *word != "=")?,
        };
        let home = || Some(directories::BaseDirs::new()?.home_dir().to_owned());
        match named.strip_prefix("~/") {
            Some(below) => Some(home()?.join(below)),
            None => Some(PathBuf::from(named)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Words {
        Words(line.split(' ').map(ToOwned::to_owned).collect())
    }

    #[test]
    fn the_configuration_that_is_named_on_the_line_is_the_one_that_is_read() {
        for line in
            ["redflag --config a.toml watch ", "redflag watch  --config=a.toml", "redflag --config = a.toml check "]
        {
            assert_eq!(words(line).config(), Some(PathBuf::from("a.toml")), "{line}");
        }
        assert_eq!(words("redflag watch --config").config(), None);
        assert_eq!(words("redflag watch ").config(), None);
    }

    #[test]
    fn what_a_shell_would_take_apart_or_a_terminal_obey_is_not_offered() {
        for name in ["", "-rf", "a b", "$(reboot)", "a;b", "a\u{1b}[2J", "it's", "a\nb"] {
            assert!(candidate(name, "").is_none(), "{name:?}");
        }
        assert!(candidate("eu-west.production_2", "").is_some());
    }
}
