//! Marker secrets and escape sequences from every peer: on no screen, line, log or record.
//!
//! The peers answer as proxies, collectors and debug pages do: with what they were sent, in the body of an error. And
//! they try to steer the terminal.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::pty::OnPty;
use chrono::TimeDelta;
use futures_util::future::join_all;
use redflag::clock::Clock;
use redflag::demo::{Company, Options, Peer, Scenario, TOKEN};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// What no face may let through: the clipboard (OSC 52), a cleared screen, a title, C1, directions, tags.
const STEERING: &str =
    "\u{1b}]52;c;bWFya2Vy\u{7}\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{e0041}";

/// Every secret of these configurations, by the variable it is kept in.
const SECRETS: [(&str, &str); 6] = [
    ("MARK_CLUSTER", "mARKEr-CLUSTEr-0001"),
    ("MARK_BEARER", "mARKEr-BEAREr-0002"),
    ("MARK_PASSWORD", "mARKEr-p&s\"w+d-0003"),
    ("MARK_API", "mARKEr-APi-0004"),
    ("MARK_APPLICATION", "mARKEr-APPLICATIOn-0005"),
    ("MARK_SIGNING", "mARKEr-SIGNINg-0006"),
];

/// Where a peer of this kind answers.
async fn echo(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, status));
        }
    });
    url
}

/// Reads one request and answers with all of it, in every place where some vendor has its words.
async fn answer(mut stream: TcpStream, status: u16) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(length @ 1..) => request.extend_from_slice(&piece[..length]),
            _ => return,
        }
    }
    let said = format!("{STEERING}upstream said: {}", String::from_utf8_lossy(&request));
    let body = serde_json::json!({
        "message": said, "error": said, "detail": said, "errors": [said], "reason": said, "name": said, "status": said,
        "kind": "Status", "apiVersion": "v1", "code": status, "warnings": [said], "version": said, "results": { "A": { "error": said } },
    });
    // One that answers well has the wrong shape, and one that answers 502 is no JSON.
    let body = if status == 502 { said } else { body.to_string() };
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Every source and every flag system at one address.
fn sources(url: &str) -> String {
    format!(
        r#"
sources.cluster = {{ kind = "kubernetes", url = "{url}", token = {{ env = "MARK_CLUSTER" }} }}
sources.grafana = {{ kind = "grafana", url = "{url}", token = {{ env = "MARK_BEARER" }}, datasource = "x" }}
sources.prometheus = {{ kind = "prometheus", url = "{url}", user = "ana", password = {{ env = "MARK_PASSWORD" }} }}
sources.sentry = {{ kind = "sentry", url = "{url}", token = {{ env = "MARK_BEARER" }}, organization = "example" }}
sources.datadog = {{ kind = "datadog", url = "{url}", api_key = {{ env = "MARK_API" }}, application_key = {{ env = "MARK_APPLICATION" }} }}
[environments.production]
url = "{url}"
workloads = ["deployment/app"]
[[environments.production.signals]]
kind = "latency"
source = "grafana"
query = "x"
[[environments.production.signals]]
kind = "traffic"
source = "prometheus"
query = "x"
[[environments.production.signals]]
kind = "new_issues"
[[environments.production.signals]]
kind = "crash_free"
[[environments.production.signals]]
kind = "connections"
source = "datadog"
query = "avg:x{{*}}"
[[environments.production.signals]]
kind = "alerts"
name = "rules"
source = "grafana"
filter = "service=app"
[[environments.production.signals]]
kind = "alerts"
name = "monitors"
source = "datadog"
filter = "service:app"
[[environments.production.signals]]
kind = "probe"
[[environments.production.flags]]
provider = "unleash"
url = "{url}"
token = {{ env = "MARK_BEARER" }}
project = "shop"
[[environments.production.flags]]
provider = "launchdarkly"
url = "{url}"
token = {{ env = "MARK_API" }}
project = "shop"
[[environments.production.flags]]
provider = "webhook"
off_url = "{url}/off/$feature?token=mARKEr-PARAMETEr-0007"
state_url = "{url}/state/$feature?token=mARKEr-PARAMETEr-0007"
signing_key = {{ env = "MARK_SIGNING" }}
user = "ana"
password = {{ env = "MARK_PASSWORD" }}
features = ["checkout"]
"#
    )
}

/// The program in a home of its own.
struct Program(tempfile::TempDir);

impl Program {
    fn with(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("redflag.toml"), config).unwrap();
        Self(home)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// All that it writes on its outputs and into its log.
    async fn lines(&self, company: Option<&Company>, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redflag"));
        command.args(["--config", &self.path("redflag.toml"), "--log-file", &self.path("log")]).args(arguments);
        command.env("HOME", self.0.path()).env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").envs(SECRETS);
        command.env(TOKEN, company.and_then(|company| company.secret(TOKEN)).unwrap_or_default());
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }
}

/// No secret, in no form that it may come back in.
#[track_caller]
fn tells_no_secret(face: &str, text: &str) {
    assert!(!text.to_lowercase().contains("marker-"), "{face}: {text}");
    // ana:mARKEr-…, in base64, and as it stands in an address.
    for form in ["bUFSS0Vy", "1BUktFc", "tQVJLRX", "p%26s", "p&amp;s"] {
        assert!(!text.contains(form), "{face} tells {form}: {text}");
    }
}

#[track_caller]
fn is_harmless(face: &str, text: &str) {
    tells_no_secret(face, text);
    let steers = |sign: &char| *sign != '\n' && (sign.is_control() || STEERING.contains(*sign) && !sign.is_ascii());
    assert_eq!(text.chars().find(steers), None, "{face}: {text:?}");
}

#[tokio::test]
async fn no_answer_of_any_source_or_flag_system_gets_through_check() {
    // Side by side: each waits for its cluster.
    join_all([200, 400, 401, 403, 404, 429, 500, 502].map(|status| async move {
        let url = echo(status).await;
        let program = Program::with(&sources(&url));
        let text = program.lines(None, &["check"]).await;
        for system in ["cluster", "grafana", "prometheus", "sentry", "datadog", "Unleash", "LaunchDarkly"] {
            let told = text.lines().any(|line| line.starts_with("FAIL") && line.contains(system));
            assert!(told || status == 200, "{system} at {status}: {text}");
        }
        assert!(text.contains("upstream said") || [200, 429].contains(&status), "{status}: {text}");
        is_harmless(&format!("check at {status}"), &text);
        is_harmless(&format!("the log at {status}"), &program.log());
    }))
    .await;
}

#[tokio::test]
async fn no_answer_gets_onto_the_screen_or_into_its_log() {
    let program = Program::with(&sources(&echo(500).await));
    // The terminal is read and waited for on a thread of its own, while the peers answer on this one.
    tokio::task::spawn_blocking(move || seen_by_a_person(&program)).await.unwrap();
}

fn seen_by_a_person(program: &Program) {
    let (config, log, home) = (program.path("redflag.toml"), program.path("log"), program.path(""));
    let variables: Vec<(&str, &str)> = SECRETS.into_iter().chain([("HOME", home.as_str())]).collect();
    let arguments = ["--config", &config, "--log-file", &log, "watch"];
    let mut screen = OnPty::start(env!("CARGO_BIN_EXE_redflag"), &arguments, &variables);
    screen.until("server error 500");
    // Every pane, the link under the cursor, the feature flags, and the help.
    for keys in ["2", "3", "4", "5", "6", "7", "8", "9", "1", "\r", "o", "x", "f"] {
        screen.press(keys);
    }
    // By now each source has been asked.
    let failed = |text: &str, source: &str| {
        text.lines().any(|line| line.contains(" WARN ") && line.contains(&format!("source=\"{source}\"")))
    };
    let all = ["cluster", "prometheus", "grafana", "datadog", "probe"];
    while !std::fs::read_to_string(&log).is_ok_and(|text| all.iter().all(|source| failed(&text, source))) {
        std::thread::yield_now();
    }
    screen.until("upstream said");
    screen.press("\x03");
    screen.until("redflag: production");
    assert_eq!(screen.ended(), Some(130));
    tells_no_secret("the screen", &screen.written);
    for sequence in ["\x1b]52", "\x1b]0;", "\u{9b}", "\u{202e}", "\u{2066}", "\u{200b}", "\u{e0041}"] {
        assert!(!screen.written.contains(sequence), "the screen lets {sequence:?} through");
    }
    is_harmless("the log of a watch", &program.log());
}

/// A company half an hour after its deploy, whose cluster is a real one to redflag.
async fn company() -> Company {
    let options = Options { age: TimeDelta::minutes(30), ..Options::of(Scenario::Healthy, Clock::real()) };
    Company::start_with(options).await.unwrap()
}

/// Only the company's cluster, and this way to roll back.
fn rolled_back_by(company: &Company, rollback: &str) -> String {
    format!(
        "[sources.cluster]\nkind = \"kubernetes\"\nurl = \"{}\"\ntoken = {{ env = \"{TOKEN}\" }}\n\
         [environments.production]\nnamespace = \"production\"\nworkloads = [\"deployment/app\"]\n{rollback}\n",
        company.url(Peer::Kubernetes)
    )
}

/// A program that says all this, on both outputs, and fails.
fn chatterbox(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let said = folder.join("said");
    let secrets = SECRETS.iter().filter(|(name, _)| ["MARK_BEARER", "MARK_PASSWORD", "MARK_SIGNING"].contains(name));
    let secrets: Vec<_> = secrets.collect();
    std::fs::write(&said, format!("{STEERING}upstream said: {secrets:?}\n")).unwrap();
    let path = folder.join("chatterbox");
    let script = format!("#!/bin/sh\ncat {0}\ncat {0} >&2\nenv >&2\ncat {0} >&2\nexit 3\n", said.display());
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn no_answer_of_a_way_to_roll_back_gets_through() {
    let company = company().await;
    let folder = tempfile::tempdir().unwrap();
    let program = chatterbox(folder.path());
    let token = "{ env = \"MARK_BEARER\" }";
    // What names the secrets makes them known, as in any configuration that has them.
    let flags = "[[environments.production.flags]]\nprovider = \"webhook\"\noff_url = \"http://127.0.0.1:9\"\n\
                 features = [\"x\"]\nuser = \"ana\"\npassword = { env = \"MARK_PASSWORD\" }\nsigning_key = { env = \"MARK_SIGNING\" }\n\
                 [[environments.production.flags]]\nprovider = \"webhook\"\noff_url = \"http://127.0.0.1:9\"\n\
                 features = [\"y\"]\ntoken = { env = \"MARK_BEARER\" }\n";
    for status in [403, 500, 502] {
        let url = echo(status).await;
        let ci = |system: &str| format!("strategy = \"ci\"\nci = {{ url = \"{url}\", {system} }}");
        let strategies = [
            ci(&format!(
                "system = \"github\", token = {token}, repository = \"a/b\", workflow = \"r.yml\", ref = \"main\""
            )),
            ci(&format!("system = \"gitlab\", token = {token}, project = \"a/b\", environment = \"production\"")),
            ci("system = \"jenkins\", user = \"ana\", token = { env = \"MARK_PASSWORD\" }, job = \"a/b\""),
            ci(&format!(
                "system = \"webhook\", token = {token}, status_url = \"{url}/$run?key=mARKEr-PARAMETEr-0008\""
            )),
            format!("strategy = \"argocd\"\nargocd = {{ url = \"{url}\", token = {token}, application = \"app\" }}"),
            format!(
                "strategy = \"command\"\ncommand = {{ run = [\"{program}\"], dry_run = [\"{program}\"], inherit = [\"MARK_BEARER\"] }}"
            ),
        ];
        for strategy in strategies {
            let strategy = format!("[environments.production.rollback]\n{strategy}\n{flags}");
            let redflag = Program::with(&rolled_back_by(&company, &strategy));
            let check = redflag.lines(Some(&company), &["check"]).await;
            assert!(check.contains("rollback: deployment/app: "), "{strategy}: {check}");
            is_harmless(&strategy, &check);
            let plan = redflag.lines(Some(&company), &["rollback", "production", "--dry-run"]).await;
            assert!(plan.contains("rollback of production"), "{strategy}: {plan}");
            is_harmless(&strategy, &plan);
            is_harmless(&strategy, &redflag.log());
        }
    }
}

#[tokio::test]
async fn what_stands_in_an_address_is_not_quoted() {
    let config = "[sources.g]\nkind = \"grafana\"\nurl = \"https://example.com/?token=mARKEr-PARAMETEr-0009\"\n\
                  [environments.production]\n";
    let text = Program::with(config).lines(None, &["check"]).await;
    assert!(text.contains("redflag.toml:3:7: "), "{text}");
    is_harmless("a complaint", &text);
}

#[tokio::test]
async fn a_secret_of_two_lines_is_refused_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "mARKEr-FIRSt-line\nmARKEr-SECONd-line\n").unwrap();
    let config = format!(
        "[sources.cluster]\nkind = \"kubernetes\"\nurl = \"http://127.0.0.1:9\"\ntoken = {{ file = \"{}\" }}\n\
         [environments.production]\nworkloads = [\"deployment/app\"]\n",
        path.display()
    );
    let text = Program::with(&config).lines(None, &["check"]).await;
    assert!(text.contains("redflag.toml:4:") && text.contains("a secret is one line, and this has 2"), "{text}");
    is_harmless("a refusal", &text);
}

/// A plugin that signs in to the cluster prints this as its token.
fn kubeconfig(folder: &Path, server: &str, token: &str) -> String {
    let credential = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": token },
    });
    std::fs::write(folder.join("credential"), credential.to_string()).unwrap();
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "users": [{ "name": "u", "user": { "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "/bin/sh",
            "args": ["-c", format!("env > {0}/env; cat {0}/credential", folder.display())],
        } } }],
    });
    let path = folder.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn a_plugin_s_token_is_told_by_nobody_and_panics_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let url = echo(500).await;
    for token in ["mARKEr-PLUGIn-0010", "mARKEr-\u{1b}[2J-0011\n"] {
        let kubeconfig = kubeconfig(folder.path(), &url, token);
        let config = format!(
            "[sources.cluster]\nkind = \"kubernetes\"\nkubeconfig = \"{kubeconfig}\"\n\
             [sources.grafana]\nkind = \"grafana\"\nurl = \"{url}\"\ntoken = {{ env = \"MARK_BEARER\" }}\ndatasource = \"x\"\n\
             [environments.production]\nworkloads = [\"deployment/app\"]\n\
             [[environments.production.signals]]\nkind = \"traffic\"\nquery = \"x\"\n"
        );
        let program = Program::with(&config);
        let text = program.lines(None, &["check"]).await;
        assert!(text.contains("FAIL  cluster"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        is_harmless("a sign-in", &text);
        is_harmless("its log", &program.log());
        let inherited = std::fs::read_to_string(folder.path().join("env")).unwrap();
        assert!(inherited.contains("PATH=") && !inherited.contains("MARK_BEARER"), "{inherited}");
    }
}
