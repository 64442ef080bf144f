//! The name the program was called by: its own, or kubectl's plugin name.

use super::Cli;
use clap::{Command, CommandFactory, FromArgMatches};
use std::ffi::OsStr;
use std::path::Path;

/// The name under which kubectl finds it on the path, for `kubectl redflag`.
const PLUGIN: &str = "kubectl-redflag";

impl Cli {
    /// What this process was asked. Prints and ends it where that is wrong, or was only a question: `--help`.
    pub fn asked() -> Self {
        let mut arguments = std::env::args_os();
        let mut command = named(arguments.next().as_deref());
        let asked = command.try_get_matches_from_mut(std::env::args_os());
        asked
            .and_then(|matches| Self::from_arg_matches(&matches))
            .unwrap_or_else(|error| error.format(&mut command).exit())
    }
}

/// The commands and flags, in help and errors under the name that was typed.
fn named(program: Option<&OsStr>) -> Command {
    let is_plugin = program.map(Path::new).and_then(Path::file_stem).is_some_and(|name| name == PLUGIN);
    let command = Cli::command();
    if is_plugin { as_plugin(command).bin_name("kubectl redflag") } else { command.bin_name("redflag") }
}

/// The examples in the help of a command, and of those below it, as kubectl takes them.
fn as_plugin(command: Command) -> Command {
    let help = command.get_after_help().map(ToString::to_string);
    let command = command.mut_subcommands(as_plugin);
    match help {
        Some(help) => command.after_help(help.replace("\n  redflag ", "\n  kubectl redflag ")),
        None => command,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn help(program: &str, line: &str) -> String {
        let mut command = named(Some(OsStr::new(program)));
        command.try_get_matches_from_mut(line.split(' ')).unwrap_err().to_string()
    }

    #[test]
    fn a_plugin_of_kubectl_speaks_of_itself_as_people_call_it() {
        for program in ["kubectl-redflag", "/home/me/.krew/bin/kubectl-redflag", "kubectl-redflag.exe"] {
            let text = help(program, "kubectl-redflag rollback --help");
            assert!(text.contains("Usage: kubectl redflag rollback [OPTIONS] <ENV>"), "{text}");
            assert!(text.contains("\n  kubectl redflag rollback production --dry-run"), "{text}");
            assert!(!text.contains("\n  redflag "), "{text}");
        }
    }

    #[test]
    fn by_any_other_name_it_is_redflag() {
        for program in ["redflag", "/usr/bin/redflag", "redflag-0.1.0"] {
            let text = help(program, "redflag-0.1.0 watch --help");
            assert!(text.contains("Usage: redflag watch [OPTIONS] [ENV]"), "{text}");
            assert!(text.contains("\n  redflag watch staging --read-only"), "{text}");
        }
    }
}
