//! One way to run a program: an argument list and never a shell, nothing on its input, its output bounded, and
//! its whole process group ended when its time is up.

use crate::secret;
use crate::text::{clean, size};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Of each output, this much of its end is kept, in bytes.
const OUTPUT_LIMIT: usize = 1 << 20;

/// Of a line that is told to a person, this many characters are kept.
const LINE_LIMIT: usize = 300;

/// What every program inherits, whatever else it is denied: without these few hardly any works.
const ALWAYS: [&str; 10] =
    ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"];

/// How long a program that was asked to end may take before it is made to: git removes its locks meanwhile.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the output of a program that has ended is still read. Something that it left in the background may
/// hold it open for ever.
const AFTERMATH: Duration = Duration::from_millis(500);

/// A program to be run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program<'a> {
    /// The program and its arguments; a name without a slash is looked for on the path.
    pub(crate) argv: &'a [OsString],
    /// What it inherits of our own environment.
    pub(crate) inherits: Inherits<'a>,
    /// Variables that are set over what it inherits.
    pub(crate) environment: &'a [(String, String)],
    /// Where it runs; `None` for where we do.
    pub(crate) folder: Option<&'a Path>,
    /// How long it may run.
    pub(crate) timeout: Duration,
}

/// What a program inherits of our own environment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Inherits<'a> {
    /// All of it, but the variables that the configuration reads secrets from: for programs that find credentials
    /// of their own there, as helm does. No token of Grafana's is any business of theirs.
    Everything,
    /// The path, the home and the locale, and these.
    Only(&'a [String]),
}

/// What became of a program that ran to its end.
#[derive(Debug)]
pub(crate) struct Output {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to its standard output: as it came, at most the last mebibyte.
    pub(crate) stdout: String,
    /// What it wrote to its standard error output, likewise.
    pub(crate) stderr: String,
    /// How much it wrote to its standard output, in bytes: more than is kept of it, perhaps.
    pub(crate) wrote: u64,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no such program: nothing was done.
    #[error("program {0} not found")]
    NotFound(String),
    /// It could not be started: nothing was done.
    #[error("cannot start {program}: {reason}")]
    NotStarted {
        /// Its name.
        program: String,
        /// What the system says.
        reason: String,
    },
    /// It was ended when its time was up: it may have done a part.
    #[error("{program} did not finish within {} s and was stopped{}", .after.as_secs(), told(.said))]
    TimedOut {
        /// Its name.
        program: String,
        /// How long it had.
        after: Duration,
        /// Its last line, fit for a screen; empty when it had said nothing.
        said: String,
    },
    /// It ran, and how it ended cannot be told.
    #[error("unknown how {program} ended: {reason}")]
    Lost {
        /// Its name.
        program: String,
        /// What the system says.
        reason: String,
    },
}

/// A program wrote more than is read of it, so that it is not known what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its output of {} is over the limit of {}", size(*.wrote), size(*.limit as u64))]
pub(crate) struct TooMuch {
    /// How much, in bytes.
    wrote: u64,
    /// How much is read.
    limit: usize,
}

impl Failure {
    /// Whether it certainly did nothing.
    pub(crate) fn did_nothing(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::NotStarted { .. })
    }
}

impl Output {
    /// What it wrote to its standard output, where all of it was kept: the end of a list is not the list, and the
    /// worst may have stood at the beginning.
    pub(crate) fn whole(&self) -> Result<&str, TooMuch> {
        let kept = self.wrote <= OUTPUT_LIMIT as u64;
        if kept { Ok(&self.stdout) } else { Err(TooMuch { wrote: self.wrote, limit: OUTPUT_LIMIT }) }
    }

    /// Its last line, fit for a screen: of its error output, else of its output, else how it ended.
    pub(crate) fn said(&self) -> String {
        let said = [&self.stderr, &self.stdout].into_iter().map(|text| last_line(text)).find(|line| !line.is_empty());
        said.unwrap_or_else(|| self.status.to_string())
    }
}

impl Program<'_> {
    /// Runs it to its end, or for as long as it may.
    ///
    /// Whoever stops waiting (drops the future) ends the program too.
    pub(crate) async fn run(&self) -> Result<Output, Failure> {
        #[cfg(all(feature = "fuzzing", unix))]
        if let Some(output) = crate::fuzzing::ran(self.argv) {
            return Ok(output);
        }
        let name = self.name();
        let mut child = self.command().spawn().map_err(|error| not_started(name.clone(), &error))?;
        let group = Group::of(&child);
        let (mut stdout, mut stderr) = (Tail::default(), Tail::default());
        let ended = timeout(self.timeout, attend(&mut child, &mut stdout, &mut stderr)).await;
        let status = match ended {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Err(Failure::Lost { program: name, reason: clean(&error.to_string()) }),
            Err(_) => {
                group.end(&mut child).await;
                let said = [stderr.text(), stdout.text()].iter().map(|text| last_line(text)).find(|s| !s.is_empty());
                return Err(Failure::TimedOut { program: name, after: self.timeout, said: said.unwrap_or_default() });
            }
        };
        group.has_ended();
        Ok(Output { status, wrote: stdout.read, stdout: stdout.text(), stderr: stderr.text() })
    }

    /// The program's name without its folder, fit for a screen.
    fn name(&self) -> String {
        let name = self.argv.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
        clean(&name.to_string_lossy())
    }

    fn command(&self) -> Command {
        let (program, arguments) = self.argv.split_first().map_or((OsStr::new(""), &[][..]), |(p, a)| (p, a));
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        match self.inherits {
            Inherits::Everything => secret::hidden_variables().iter().for_each(|name| {
                command.env_remove(name);
            }),
            Inherits::Only(names) => {
                command.env_clear();
                let names = ALWAYS.into_iter().chain(names.iter().map(String::as_str));
                command.envs(names.filter_map(|name| Some((name, std::env::var_os(name)?))));
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        #[cfg(unix)]
        command.process_group(0);
        command
    }
}

fn not_started(program: String, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::NotFound(program),
        _ => Failure::NotStarted { program, reason: clean(&error.to_string()) },
    }
}

/// Reads what it writes until it ends.
async fn attend(child: &mut Child, stdout: &mut Tail, stderr: &mut Tail) -> io::Result<ExitStatus> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(stdout.read(out), stderr.read(err)) };
    tokio::pin!(reading);
    tokio::select! {
        status = child.wait() => {
            let _ = timeout(AFTERMATH, &mut reading).await;
            status
        }
        _ = &mut reading => child.wait().await,
    }
}

/// The end of an output.
#[derive(Default)]
struct Tail {
    kept: Vec<u8>,
    /// How much there was of it, in bytes.
    read: u64,
}

impl Tail {
    /// Reads to the end; what is more than anybody keeps is read anyway, so that the writer can go on.
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut piece = vec![0; 8 << 10];
        // An error is the end too: nothing more comes.
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            self.kept.extend_from_slice(&piece[..length]);
            self.read += length as u64;
            if self.kept.len() > 2 * OUTPUT_LIMIT {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        let excess = self.kept.len().saturating_sub(OUTPUT_LIMIT);
        self.kept.drain(..excess);
    }

    fn text(&mut self) -> String {
        self.cut();
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

/// The last line with anything on it, fit for a screen.
fn last_line(text: &str) -> String {
    let line = text.lines().rev().map(clean).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(LINE_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn told(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("; it said: {said}") }
}

/// The process group of a running program. Ended when dropped before the program has.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    /// The leader was waited for: its number may soon be another's.
    fn has_ended(mut self) {
        self.leader = None;
    }

    /// Asks the whole group to end, then makes it.
    async fn end(self, child: &mut Child) {
        self.signal(rustix::process::Signal::TERM);
        let _ = timeout(FAREWELL, child.wait()).await;
        // The number stays the group's own for as long as any of its programs runs.
        self.signal(rustix::process::Signal::KILL);
        let _ = child.wait().await;
        self.has_ended();
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.leader {
            // It fails when there is nobody left, which is what is wanted.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
impl Group {
    fn of(_child: &Child) -> Self {
        Self {}
    }

    fn has_ended(self) {}

    /// There are no process groups here: the program itself is ended, and what it started is not.
    async fn end(self, child: &mut Child) {
        let _ = child.kill().await;
    }
}

#[cfg(all(test, unix))]
#[path = "program/tests.rs"]
mod tests;
