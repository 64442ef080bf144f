//! What names this repository, its version or its files from outside Cargo's sight.

use std::fs;
use std::path::{Path, PathBuf};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn everything_that_names_the_repository_names_the_one_in_cargo_toml() {
    let repository = env!("CARGO_PKG_REPOSITORY").strip_prefix("https://github.com/").unwrap();
    for (file, names) in [
        ("packaging/action/install", format!("${{REDFLAG_REPOSITORY:-{repository}}}")),
        ("docs/installing.md", format!("uses: {repository}@v{}", env!("CARGO_PKG_VERSION"))),
        ("docs/installing.md", format!("brew install {repository}/redflag")),
        ("docs/installing.md", format!("https://github.com/{repository}/releases/latest/download/redflag.yaml")),
        ("docs/installing.md", format!("ghcr.io/{repository}:")),
    ] {
        assert!(read(file).contains(&names), "{file} does not say {names}");
    }
}

#[test]
fn all_packages_of_the_workspace_have_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    let own = format!("version = \"{version}\"");
    let members: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates"))
        .unwrap()
        .map(|member| member.unwrap().path())
        .collect();
    assert!(members.len() >= 2, "{members:?}");
    for member in members {
        let manifest = fs::read_to_string(member.join("Cargo.toml")).unwrap();
        assert!(manifest.lines().any(|line| line == own), "{}: not {version}", member.display());
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"');
        let asked = format!("{name} = {{ path = \"crates/{}\", {own} }}", name.trim_start_matches("redflag-"));
        assert!(read("Cargo.toml").contains(&asked), "Cargo.toml: {asked}");
    }
}

/// The targets in `@SHA256 TARGET@` marks.
fn marked(text: &str) -> Vec<&str> {
    text.split("@SHA256 ").skip(1).map(|behind| behind.split('@').next().unwrap()).collect()
}

#[test]
fn what_is_asked_for_at_a_release_is_built_by_it() {
    let workflow = read(".github/workflows/release.yml");
    let built: Vec<&str> =
        workflow.lines().filter_map(|line| line.trim().strip_prefix("- { target: ")?.split(',').next()).collect();
    assert_eq!(built.len(), 7, "{built:?}");
    for file in ["packaging/homebrew/redflag.rb", "packaging/krew/redflag.yaml"] {
        let text = read(file);
        let asked = marked(&text);
        assert!(asked.len() >= 4, "{file}: {asked:?}");
        for target in asked {
            assert!(built.contains(&target), "{file}: nobody builds {target}");
            assert!(text.contains(&format!("/redflag-@VERSION@-{target}.")), "{file}: no archive of {target}");
        }
    }
    let install = read("packaging/action/install");
    for target in install.split("target=").skip(1).filter_map(|behind| behind.split(' ').next()) {
        assert!(target.starts_with('$') || built.contains(&target.trim()), "the action: nobody builds {target}");
    }
}

#[test]
fn every_action_that_a_release_uses_is_pinned_to_a_commit() {
    let workflow = read(".github/workflows/release.yml");
    let uses = workflow.lines().filter_map(|line| line.split_once("uses: ").map(|(_, used)| used));
    let (own, others): (Vec<&str>, Vec<&str>) = uses.partition(|used| used.starts_with("./"));
    assert_eq!(own, ["./.github/workflows/ci.yml"]);
    for used in others {
        let (commit, version) = used.split_once('@').unwrap().1.split_once(" # v").unwrap_or_else(|| panic!("{used}"));
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{used}");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{used}");
    }
}
