//! The tab key, as bash hears it: the script that packages install, and what it makes of a line.

use chrono::TimeDelta;
use redflag::clock::Clock;
use redflag::demo::{Company, Fault, Options, Peer, Scenario, TOKEN};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Calls what bash would call for this line with the cursor at its end.
const PRESS_TAB: &str = r#"
source "$SCRIPT"
COMP_LINE=$1; COMP_POINT=${#1}; COMP_TYPE=9; COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
registered=$(complete -p redflag)
function=${registered##*-F }
"${function% redflag}" redflag "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// Somebody's machine: a working folder and a home.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, file: &str, text: &str) -> Self {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// What bash offers, sorted; nothing may be said on error output.
    fn offers(&self, line: &str) -> Vec<String> {
        self.offers_with(line, &[])
    }

    /// The same, with variables of the shell.
    fn offers_with(&self, line: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let program = Path::new(env!("CARGO_BIN_EXE_redflag"));
        let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions/redflag.bash");
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .args(["--norc", "--noprofile", "-c", PRESS_TAB, "bash", line])
            .env_clear()
            .envs([("PATH", path.as_str()), ("HOME", self.0.path().to_str().unwrap())])
            .env("SCRIPT", packaged)
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
        let offered = String::from_utf8(output.stdout).unwrap();
        let words = offered.lines().map(|word| word.trim_end().to_owned()).filter(|word| !word.is_empty());
        let mut words: Vec<String> = words.filter(|word| !word.starts_with('-')).collect();
        words.sort();
        words
    }
}

const TWO: &str = "[environments.production]\nnamespace = \"shop\"\n[environments.staging]\n";

#[test]
fn a_watch_offers_the_environments_of_the_configuration_in_place() {
    let machine = Machine::new().with("redflag.toml", TWO).with("other.toml", "[environments.lab]\n");
    for command in ["watch", "check", "rollback"] {
        assert_eq!(machine.offers(&format!("redflag {command} ")), ["production", "staging"]);
        assert_eq!(machine.offers(&format!("redflag {command} pro")), ["production"]);
    }
    assert_eq!(machine.offers("redflag --config other.toml watch "), ["lab"]);
}

#[test]
fn a_configuration_that_is_missing_or_broken_is_no_news_to_somebody_who_types() {
    assert_eq!(Machine::new().offers("redflag watch "), [""; 0]);
    assert_eq!(Machine::new().with("redflag.toml", "[environments").offers("redflag watch "), [""; 0]);
    let mistaken = format!("colour = 1\n{TWO}[environments.\"$(touch pwned)\"]\n");
    let machine = Machine::new().with("redflag.toml", &mistaken);
    assert_eq!(machine.offers("redflag watch "), ["production", "staging"]);
    assert!(!machine.0.path().join("pwned").exists());
}

#[test]
fn scenarios_and_themes_are_offered_where_they_are_taken() {
    let machine = Machine::new();
    assert_eq!(machine.offers("redflag demo --scenario mem"), ["memory-leak"]);
    assert_eq!(
        machine.offers("redflag demo --theme "),
        ["auto", "colorblind", "colorblind-light", "dark", "light", "mono"]
    );
    assert_eq!(machine.offers("redflag comp"), ["completions"]);
}

#[cfg(target_os = "linux")]
#[test]
fn themes_and_versions_of_this_machine_are_offered_too() {
    let line = |environment: &str, version: &str| {
        format!(
            r#"{{"environment":"{environment}","namespace":"shop","workload":"deployment/app","hash":"{version}","images":["shop/app:{version}"],"standing":"good","at":"2026-01-01T00:00:00Z"}}"#
        )
    };
    let remembered = [line("production", "1.8.3"), line("staging", "1.9.0"), "{\"half".to_owned()].join("\n");
    let machine = Machine::new()
        .with("redflag.toml", TWO)
        .with(".config/redflag/themes/house.toml", "")
        .with(".local/state/redflag/versions.jsonl", &remembered);
    assert_eq!(machine.offers("redflag watch --theme h"), ["house"]);
    assert_eq!(machine.offers("redflag watch --from "), ["1.8.3", "1.9.0"]);
    assert_eq!(machine.offers("redflag watch production --to "), ["1.8.3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_are_asked_of_the_cluster_and_nothing_is_said_where_that_cannot_be() {
    let options = Options { age: TimeDelta::minutes(2), ..Options::of(Scenario::Healthy, Clock::real()) };
    let company = Company::start_with(options).await.unwrap();
    let token = company.secret(TOKEN).unwrap();
    let machine = Machine::new().with("redflag.toml", &company.config());
    let of_a_program =
        company.config().replace(&format!("{{ env = \"{TOKEN}\" }}"), "{ command = [\"touch\", \"ran\"] }");
    let machine = machine.with("program.toml", &of_a_program);
    let offers = |line: &str, token: &str| machine.offers_with(line, &[(TOKEN, token)]);

    assert_eq!(offers("redflag rollback production --to ", &token), ["1", "2", "3"], "4 is what runs");
    assert_eq!(offers("redflag rollback --to ", &token), [""; 0], "of no environment");
    assert_eq!(offers("redflag rollback production --to ", "wrong"), [""; 0]);
    assert_eq!(machine.offers("redflag rollback production --to "), [""; 0], "without the token");
    assert_eq!(offers("redflag --config program.toml rollback production --to ", &token), [""; 0]);
    assert!(!machine.0.path().join("ran").exists(), "no program is run for a secret");
    company.faults().set(Peer::Kubernetes, Fault::Hang);
    assert_eq!(offers("redflag rollback production --to ", &token), [""; 0], "nobody waits for it");
}

#[test]
fn the_name_that_is_typed_against_harm_is_never_typed_by_the_shell() {
    let machine = Machine::new().with("redflag.toml", TWO);
    assert_eq!(machine.offers("redflag rollback production --yes --confirm "), [""; 0]);
}
