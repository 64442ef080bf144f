//! A program of the team's own.

use crate::ci::stage::{ask, ask_of, check, failed, quiet, refused, start, unknown};
use redflag::clock::Clock;
use redflag::rollback::action::{self, Action};
use redflag::rollback::client::Clients;
use redflag::rollback::request::PlanRequest;
use redflag::rollback::{Answer, CheckOutcome, Goal, Plan, Readiness, Refusal, Step};
use redflag::systems::command::{Command, CommandSpec, Programs};
use redflag::systems::registry::perform::Performer;
use redflag::systems::registry::strategies::Strategy;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A script in a folder of its own, and the strategy that runs it.
struct Stage {
    folder: TempDir,
    spec: CommandSpec,
}

impl Stage {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spec = CommandSpec {
            argv: shell(folder.path(), "rollback.sh", script, &["$service", "$to; x"]),
            dry_run: None,
            inherit: Vec::new(),
            timeout: Duration::from_secs(20),
        };
        Self { folder, spec }
    }

    fn command(&self) -> Strategy {
        let programs = Arc::new(Programs::new(&self.spec));
        let planner = Command::new(self.spec.clone(), Arc::clone(&programs), Clock::manual(start()));
        let performer = Performer { clients: Clients::default().with(programs), ..Performer::default() };
        Strategy { planner: Arc::new(planner), performer }
    }

    async fn step_for(&self, ask: &PlanRequest) -> Arc<Step> {
        match self.command().planner.prepare(ask).await {
            Readiness::Ready(step) => step,
            other => panic!("{other:?}"),
        }
    }

    async fn step(&self) -> Arc<Step> {
        self.step_for(&ask()).await
    }

    async fn refusal(&self) -> Refusal {
        match self.command().planner.prepare(&ask()).await {
            Readiness::Blocked(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    async fn send(&self, step: &Step) -> Answer {
        let answer = self.command().performer.perform(step).await;
        quiet(&answer);
        answer
    }

    /// What the script wrote into a file beside itself.
    fn written(&self) -> String {
        fs::read_to_string(self.folder.path().join("out")).unwrap_or_default()
    }
}

/// A script and its arguments. The shell is run, not the file: one that was just written may count as busy.
fn shell(folder: &Path, name: &str, script: &str, arguments: &[&str]) -> Vec<String> {
    let path = folder.join(name);
    fs::write(&path, format!("cd \"$(dirname \"$0\")\"\n{script}\n")).unwrap();
    let words = ["/bin/sh", path.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
    words.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_program_gets_its_arguments_whole_and_the_plan_in_its_environment() {
    let stage =
        Stage::new("echo \"$#|$1|$2\" >> out; env | grep ^REDFLAG_ | sort >> out; env | grep -c CARGO >> out; true");
    let step = stage.step().await;
    assert!(step.subject.ends_with("command /bin/sh (cart, to 1.8.3)"), "{}", step.subject);
    assert!(step.manual_command.ends_with("rollback.sh cart '1.8.3; x'"), "{}", step.manual_command);
    assert_eq!(check(&step, "dry run").outcome, CheckOutcome::Warning);
    assert_eq!(stage.written(), "", "preparing runs nothing");

    assert_eq!(stage.send(&step).await, Answer::Accepted);
    let Action::Command(action::Command { environment, .. }) = &step.action else { panic!() };
    let id = &environment.iter().find(|(name, _)| name == "REDFLAG_ID").unwrap().1;
    let expected = format!(
        "2|cart|1.8.3; x\nREDFLAG_ACTOR=ana@laptop\nREDFLAG_ENVIRONMENT=production\nREDFLAG_FROM=1.9.0\n\
         REDFLAG_GOAL=back\nREDFLAG_ID={id}\nREDFLAG_NAMESPACE=shop\nREDFLAG_REASON=error rate 2.4 %, \"bad\"\n\
         REDFLAG_SERVICE=cart\nREDFLAG_TO=1.8.3\nREDFLAG_WORKLOADS=shop/deployment/app\n0\n"
    );
    assert_eq!(stage.written(), expected);
}

#[tokio::test]
async fn workloads_of_one_service_are_one_run_and_services_are_runs_of_their_own() {
    let stage = Stage::new("echo \"$REDFLAG_WORKLOADS\" >> out");
    let mut plan = Plan::empty(Goal::RollBack);
    for ask in [ask(), ask_of("cart", "worker"), ask_of("mail", "mail")] {
        plan.add(0, &stage.step_for(&ask).await);
    }
    assert_eq!(plan.step_count(), 2);
    for step in plan.steps() {
        assert_eq!(stage.send(step).await, Answer::Accepted);
    }
    assert_eq!(stage.written(), "shop/deployment/app shop/deployment/worker\nshop/deployment/mail\n");
}

#[tokio::test]
async fn a_program_that_fails_may_have_done_a_part() {
    let stage = Stage::new("echo began; echo 'no such release: cart' >&2; exit 3");
    let blocked = failed(stage.send(&*stage.step().await).await);
    assert!(
        blocked.reason.ends_with("/bin/sh exited with exit status: 3: no such release: cart"),
        "{}",
        blocked.reason
    );
    assert!(blocked.way_out.starts_with("it may have partly run; check what it did"), "{}", blocked.way_out);
}

#[tokio::test]
async fn a_program_that_says_nothing_has_only_its_status() {
    let stage = Stage::new("exit 7");
    let blocked = failed(stage.send(&*stage.step().await).await);
    assert_eq!(blocked.reason, "/bin/sh exited with exit status: 7");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_and_may_have_done_a_part() {
    let mut stage = Stage::new("echo half way; sleep 60");
    stage.spec.timeout = Duration::from_millis(200);
    let blocked = failed(stage.send(&*stage.step().await).await);
    assert!(blocked.reason.starts_with("sh did not finish within 0 s and was stopped"), "{}", blocked.reason);
    assert!(blocked.way_out.starts_with("it may have partly run"), "{}", blocked.way_out);
}

#[tokio::test]
async fn a_program_that_is_not_there_did_nothing() {
    let mut stage = Stage::new("true");
    let step = stage.step().await;
    let Action::Command(action::Command { environment, .. }) = step.action.clone() else { panic!() };
    let gone = Action::Command(action::Command { argv: vec!["/gone/since/rollback".to_owned()], environment });
    let blocked = refused(stage.send(&Step { action: gone, ..(*step).clone() }).await);
    assert_eq!(blocked.reason, "program rollback not found");
    stage.spec.argv = vec!["/gone/before/rollback".to_owned()];
    assert_eq!(stage.refusal().await.reason, "program /gone/before/rollback not found");
    stage.spec.argv = vec!["no-such-program-as-this".to_owned()];
    assert_eq!(stage.refusal().await.reason, "program no-such-program-as-this not found");
    stage.spec.argv = Vec::new();
    assert_eq!(stage.refusal().await.reason, "no rollback command is set");
}

#[tokio::test]
async fn a_dry_run_is_a_check() {
    let mut stage = Stage::new("echo done >> out");
    let script = shell(
        stage.folder.path(),
        "try.sh",
        "[ \"$REDFLAG_DRY_RUN\" = 1 ] || exit 9; [ \"$1\" = 1.8.3 ] || { echo bad version >&2; exit 4; }; echo would work",
        &["$to"],
    );
    stage.spec.dry_run = Some(script.clone());
    let step = stage.step().await;
    let dry_run = check(&step, "dry run");
    assert_eq!((dry_run.outcome, dry_run.sentence.as_str()), (CheckOutcome::Ok, "its dry run passed: would work"));
    stage.spec.dry_run = Some(script[..2].iter().cloned().chain(["$from".to_owned()]).collect());
    let blocked = stage.refusal().await;
    assert_eq!(blocked.reason, "its dry run exited with exit status: 4: bad version");
    assert_eq!(blocked.checks.last().unwrap().outcome, CheckOutcome::Blocked);
    assert_eq!(stage.written(), "", "the program itself did not run");
}

#[tokio::test]
async fn nothing_is_inherited_but_what_is_allowed() {
    // Whatever is there that neither a program always inherits nor a shell sets by itself.
    const USUAL: [&str; 14] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "TZ",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LC_MESSAGES",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let ours = std::env::vars().find(|(name, value)| !USUAL.contains(&name.as_str()) && is_plain(value));
    let (name, value) = ours.expect("the tests run in an environment");

    let mut stage = Stage::new(&format!("printenv {name} >> out || echo none >> out"));
    assert_eq!(stage.send(&*stage.step().await).await, Answer::Accepted);
    stage.spec.inherit = vec![name];
    assert_eq!(stage.send(&*stage.step().await).await, Answer::Accepted);
    assert_eq!(stage.written(), format!("none\n{value}\n"));
}

#[tokio::test]
async fn a_program_cannot_be_asked_afterwards() {
    let stage = Stage::new("true");
    let step = stage.step().await;
    let reason = unknown(stage.command().performer.read_back(&step).await);
    assert!(reason.ends_with("what it did: check the pods"), "{reason}");
}

#[tokio::test]
async fn a_target_of_the_name_that_runs_blocks() {
    let stage = Stage::new("exit 0");
    let mut ask = ask();
    let seen = ask.wanted.seen.as_mut().unwrap();
    seen.revisions[1].images = seen.running.images.clone();
    let Readiness::Blocked(refusal) = stage.command().planner.prepare(&ask).await else { panic!() };
    assert_eq!(refusal.reason, "$from and $to are both 1.9.0: it would deploy what is already running");
}
