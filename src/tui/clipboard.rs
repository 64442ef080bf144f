//! Where a person can paste a text from, and what is true of it: a program cannot see whether a terminal took it.

use super::terminal;
use crossterm::Command as _;
use crossterm::clipboard::CopyToClipboard;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long tmux may take. Whoever is inside of one that hangs sees nothing of us either.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where a text went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// To the terminal (OSC 52), which works over SSH. Terminals that do not know or allow it ignore it.
    Terminal,
    /// Into tmux's own buffer, and on to the terminal where tmux may.
    Tmux,
    /// Into tmux's own buffer alone: it is older than 3.2.
    TmuxAlone,
    /// Nowhere.
    Nowhere(String),
}

impl Copied {
    /// What is true of it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Terminal => "copied to the clipboard, where the terminal allows it".to_owned(),
            Self::Tmux => "copied to tmux's buffer, and to the clipboard where the terminal allows it".to_owned(),
            Self::TmuxAlone => "copied to tmux's buffer; paste it with tmux's prefix and ]".to_owned(),
            Self::Nowhere(why) => format!("not copied: {why}"),
        }
    }
}

/// Hands a text on. Inside of tmux to tmux: by default that passes nothing on that a program sends to the terminal.
///
/// # Errors
/// The terminal's own.
pub fn copy(text: &str) -> io::Result<Copied> {
    if !terminal::is_ours() {
        return Ok(Copied::Nowhere("there is no terminal".to_owned()));
    }
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("TMUX") {
        match load_buffer("tmux", text, PATIENCE) {
            // There is no tmux to be asked: perhaps the variable came into a container, and the program did not.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => return Ok(copied.unwrap_or_else(|error| Copied::Nowhere(format!("tmux: {error}")))),
        }
    }
    let mut sequence = String::new();
    CopyToClipboard::to_clipboard_from(text).write_ansi(&mut sequence).map_err(io::Error::other)?;
    if std::env::var("TERM").is_ok_and(|term| term.starts_with("screen")) && set("STY") {
        // GNU screen swallows what it does not know, unless it is told to pass it on.
        sequence = format!("\x1bP{sequence}\x1b\\");
    }
    terminal::write_now(&sequence)?;
    Ok(Copied::Terminal)
}

/// Puts a text into tmux's buffer; with `-w` tmux passes it on to its own terminal, which tmux before 3.2 cannot.
fn load_buffer(tmux: &str, text: &str, patience: Duration) -> io::Result<Copied> {
    match run(tmux, &["load-buffer", "-w", "-"], text, patience)? {
        true => Ok(Copied::Tmux),
        false if run(tmux, &["load-buffer", "-"], text, patience)? => Ok(Copied::TmuxAlone),
        false => Ok(Copied::Nowhere("tmux refused it".to_owned())),
    }
}

/// Whether a program takes a text from its standard input and ends well.
fn run(program: &str, arguments: &[&str], text: &str, patience: Duration) -> io::Result<bool> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let (input, text) = (child.stdin.take(), text.to_owned());
    let (out, ended) = mpsc::channel();
    // A thread of its own: one that does not answer costs no key.
    std::thread::spawn(move || {
        // Whoever refuses the arguments does not read the text; its status says so.
        let _ = input.map(|mut input| input.write_all(text.as_bytes()));
        let _ = out.send(child.wait());
    });
    match ended.recv_timeout(patience) {
        Ok(status) => Ok(status?.success()),
        Err(_) => Err(io::Error::other("no answer")),
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Long enough never to end a test that passes.
    const LONG: Duration = Duration::from_secs(60);

    /// A tmux that knows `-w` or not, and keeps what it was given.
    fn tmux(folder: &std::path::Path, script: &str) -> String {
        let path = folder.join("tmux");
        std::fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    }

    #[test]
    fn tmux_gets_the_text_and_the_sentence_says_what_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let kept = || std::fs::read_to_string(folder.path().join("kept")).unwrap();
        let new = tmux(folder.path(), "[ \"$*\" = 'load-buffer -w -' ] && cat > kept");
        assert_eq!(load_buffer(&new, "https://example.com/1", LONG).unwrap(), Copied::Tmux);
        assert_eq!(kept(), "https://example.com/1");
        let old = tmux(folder.path(), "[ \"$*\" = 'load-buffer -' ] && cat > kept");
        assert_eq!(load_buffer(&old, "https://example.com/2", LONG).unwrap(), Copied::TmuxAlone);
        assert_eq!(kept(), "https://example.com/2");
        let neither = tmux(folder.path(), "exit 1");
        let copied = load_buffer(&neither, "x", LONG).unwrap();
        assert_eq!(copied.sentence(), "not copied: tmux refused it");
    }

    #[test]
    fn a_tmux_that_hangs_or_is_not_there_is_no_success() {
        let folder = tempfile::tempdir().unwrap();
        let hangs = tmux(folder.path(), "exec sleep 5");
        assert_eq!(load_buffer(&hangs, "x", Duration::ZERO).unwrap_err().to_string(), "no answer");
        let error = load_buffer("redflag-has-no-such-tmux", "x", LONG).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn without_a_terminal_nothing_is_copied() {
        assert_eq!(copy("x").unwrap().sentence(), "not copied: there is no terminal");
    }
}
