//! `strategy = "command"`: its table, that table validated, and what the strategy is told. Words, never a shell's line.

use super::{Command, Programs};
use crate::rollback::Blocked;
use crate::rollback::variables::VARIABLES;
use crate::settings::at::At;
use crate::settings::checked::{each, optional};
use crate::settings::duration::HumanDuration;
use crate::settings::problem::{Problem, Problems};
use crate::settings::program::run_time;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::is_variable;
use crate::settings::texts;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, RollbackTable, StrategyKind, Written};
use crate::template::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long it may run when nothing is said: the guide's two minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// Programs that read an argument as a script of their own.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "fish"];

/// What is run.
static TABLE: RollbackTable = RollbackTable::of::<Table>("command", "For the strategy `command`.");

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind =
    StrategyKind { name: "command", about: "A program.", tables: &[&TABLE], needs: &["command"], check };

/// A program that rolls a deploy back. It is never given to a shell.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Command")]
#[serde(deny_unknown_fields)]
struct Table {
    /// The program and its arguments, with variables.
    run: At<Vec<At<String>>>,
    /// A program that tries it without doing it.
    dry_run: Option<At<Vec<At<String>>>>,
    /// Environment variables that it inherits, beside `PATH`, `HOME` and the locale.
    inherit: Option<Vec<At<String>>>,
    /// How long it may run; default `120s`.
    timeout: Option<At<HumanDuration>>,
}

fn check(written: &Written<'_>, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
    let with = "run = [\"./rollback.sh\", \"$service\", \"$to\"]";
    let table: &Table = written.needed(&TABLE, with, problems)?;
    let argv = words(&table.run, problems);
    let dry_run = optional(table.dry_run.as_ref(), |written| words(written, problems));
    let timeout = run_time(table.timeout.as_ref(), DEFAULT_TIMEOUT, problems);
    let inherit = each(table.inherit.iter().flatten(), |name| variable(name, problems));
    Some(Box::new(CommandSpec { argv: argv?, dry_run: dry_run?, inherit: inherit?, timeout: timeout? }))
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

/// A program that takes a deploy back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The program and its arguments. They may hold the variables of a rollback.
    pub argv: Vec<String>,
    /// A program that tries it without doing it: its exit status and last line are a preflight check.
    pub dry_run: Option<Vec<String>>,
    /// Variables of our own environment that it inherits, beside `PATH`, `HOME` and the locale.
    pub inherit: Vec<String>,
    /// How long it may run before its process group is ended.
    pub timeout: Duration,
}

impl RollbackSettings for CommandSpec {
    fn resolve(&self, _: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(Self {
            argv: resolver.words(&self.argv),
            dry_run: self.dry_run.as_ref().map(|words| resolver.words(words)),
            ..self.clone()
        }))
    }
}

impl StrategySpec for CommandSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let programs = Arc::new(Programs::new(self));
        let command = Command::new(self.clone(), Arc::clone(&programs), to.clock.clone());
        let command = command.with_commits(Arc::clone(&to.commits));
        Ok(Connected { names_commits: true, ..Connected::by(command, programs) })
    }
}
