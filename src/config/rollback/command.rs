//! A program that rolls a deploy back, checked: words, never a shell's line.

use super::run_time;
use crate::config::at::At;
use crate::config::checked::{each, optional};
use crate::config::problem::{Problem, Problems};
use crate::config::schema::rollback as schema;
use crate::config::secrets::is_variable;
use crate::config::texts;
use crate::rollback::spec::{CommandSpec, VARIABLES};
use crate::template::Template;
use std::path::Path;
use std::time::Duration;

/// How long it may run when nothing is said: the guide's two minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// Programs that read an argument as a script of their own.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "fish"];

pub(super) fn check(raw: &schema::Command, problems: &mut Problems) -> Option<CommandSpec> {
    let argv = words(&raw.run, problems);
    let dry_run = optional(raw.dry_run.as_ref(), |written| words(written, problems));
    let timeout = run_time(raw.timeout.as_ref(), DEFAULT_TIMEOUT, problems);
    let inherit = each(raw.inherit.iter().flatten(), |name| variable(name, problems));
    Some(CommandSpec { argv: argv?, dry_run: dry_run?, inherit: inherit?, timeout: timeout? })
}

fn words(written: &At<Vec<At<String>>>, problems: &mut Problems) -> Option<Vec<String>> {
    const WAY_OUT: &str = "write the program and each argument by itself: [\"./rollback.sh\", \"$service\", \"$to\"]";
    let Some(program) = written.first() else {
        problems.push(Problem::new(&written.span, "there is no program to run").way_out(WAY_OUT));
        return None;
    };
    if written.len() == 1 && program.trim().contains(char::is_whitespace) {
        problems.push(Problem::new(&program.span, "no shell splits this into words").way_out(WAY_OUT));
        return None;
    }
    if let Some(script) = script(written).filter(|script| mentions_plan(script)) {
        problems.push(
            Problem::new(&script.span, "the shell would read what stands in these variables as commands")
                .way_out("give them as arguments: [\"sh\", \"-c\", \"./rollback.sh \\\"$1\\\"\", \"sh\", \"$to\"]"),
        );
        return None;
    }
    each(written.iter(), |word| texts::check(word, &VARIABLES, problems))
}

/// Whether a text would have something of the plan filled in.
fn mentions_plan(text: &str) -> bool {
    Template::ours(text).variables().any(|name| VARIABLES.contains(&name))
}

/// The argument that a shell reads as its script: the one behind `-c`.
fn script(words: &[At<String>]) -> Option<&At<String>> {
    let program = Path::new(&words.first()?.value).file_name()?.to_str()?;
    let is_switch = |word: &At<String>| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
    let switch = words.iter().position(is_switch).filter(|_| SHELLS.contains(&program))?;
    words.get(switch + 1)
}

fn variable(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let fine = is_variable(written);
    if !fine {
        problems.push(
            Problem::new(&written.span, "this is not the name of an environment variable")
                .label("expected its name alone, such as AWS_PROFILE"),
        );
    }
    fine.then(|| written.value.clone())
}
