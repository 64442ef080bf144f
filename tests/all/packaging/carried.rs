//! Man pages, completion scripts and help texts: kept in the repository, so that whoever packages redflag for another
//! machine need not run it. `INSTA_UPDATE=always cargo test --test all packaging::` writes them again.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use redflag::cli::{self, Cli};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Compares a folder of the repository with what should be in it, or writes it.
fn holds(folder: &str, files: &BTreeMap<String, String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let there = || fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    if std::env::var("INSTA_UPDATE").is_ok_and(|mode| mode == "always") {
        for stale in there().filter(|name| !files.contains_key(name)) {
            fs::remove_file(folder.join(stale)).unwrap();
        }
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let mut names: Vec<String> = there().collect();
    names.sort();
    assert!(names.iter().eq(files.keys()), "{}: {names:?}", folder.display());
    for (name, text) in files {
        // A checkout on Windows may have other line ends.
        let kept = fs::read_to_string(folder.join(name)).unwrap().replace("\r\n", "\n");
        assert!(
            kept == *text,
            "{name} is not what the commands say: INSTA_UPDATE=always cargo test --test all packaging::"
        );
    }
}

/// Every command with its whole name: `redflag-config-path`.
fn commands() -> Vec<(String, Command)> {
    fn add(name: String, command: Command, found: &mut Vec<(String, Command)>) {
        for below in command.get_subcommands() {
            add(format!("{name}-{}", below.get_name()), below.clone(), found);
        }
        found.push((name, command));
    }
    // Which build it is stands in no manual.
    let mut root = Cli::command().long_version(None).disable_help_subcommand(true).bin_name("redflag");
    root.build();
    let mut found = Vec::new();
    add("redflag".to_owned(), root, &mut found);
    found
}

/// A page whose examples and exit statuses stay lines of their own, however wide the terminal is.
fn laid_out(page: &str) -> String {
    let Some((before, behind)) = page.split_once(".SH EXTRA\n") else { return page.to_owned() };
    let (notes, rest) = behind.find("\n.SH ").map_or((behind, ""), |end| behind.split_at(end + 1));
    let mut text = format!("{before}.SH NOTES\n");
    let mut filled = true;
    for line in notes.lines() {
        if filled == line.starts_with("  ") {
            filled = !filled;
            text += if filled { ".fi\n" } else { ".nf\n" };
        }
        text += line;
        text.push('\n');
    }
    if !filled {
        text += ".fi\n";
    }
    text + rest
}

#[test]
fn every_command_has_its_manual() {
    let pages = commands().into_iter().map(|(name, command)| {
        let mut page = Vec::new();
        let source = concat!("redflag ", env!("CARGO_PKG_VERSION"));
        Man::new(command).source(source).manual("redflag").render(&mut page).unwrap();
        (format!("{name}.1"), laid_out(&String::from_utf8(page).unwrap()))
    });
    holds("packaging/man", &pages.collect());
}

#[test]
fn every_shell_has_its_completions() {
    let shells = [(Shell::Bash, "redflag.bash"), (Shell::Zsh, "_redflag"), (Shell::Fish, "redflag.fish")];
    let scripts = shells.map(|(shell, name)| (name.to_owned(), cli::script(shell).unwrap()));
    holds("packaging/completions", &scripts.into());
}

#[test]
fn the_help_of_every_command() {
    let helps = commands()
        .into_iter()
        .map(|(name, mut command)| format!("$ {} --help\n{}", name.replace('-', " "), command.render_long_help()));
    insta::assert_snapshot!(helps.collect::<Vec<_>>().join("\n"));
}
