//! What a revert says of itself before it is done, and when it would not work.

use crate::git::company::{Company, ask, git, refusal, step, with_git};
use redflag::rollback::action::{Action, Revert};
use redflag::rollback::{Answer, CheckOutcome, Goal, Step};
use redflag::systems::git::{GitSpec, Reverts};
use std::time::Duration;

fn check<'a>(step: &'a Step, name: &str) -> (CheckOutcome, &'a str) {
    let check = step.checks.iter().find(|check| check.name() == name).unwrap();
    (check.outcome, &check.sentence)
}

#[tokio::test]
async fn a_deploy_is_told_commit_by_commit() {
    let company = Company::new();
    company.deploy_1_9_0();
    let step = step(&company.strategy(), &ask("1.9.0", "1.8.3")).await;

    assert_eq!(step.target(), "1.8.3");
    let [first, second, pushes, deploys] = step.does.as_slice() else { panic!("{:?}", step.does) };
    assert!(first.starts_with("revert ") && first.ends_with("“new totals” by Ana"), "{first}");
    assert!(second.ends_with("“faster carts” by Ana"), "{second}");
    assert_eq!(pushes, "push one commit to main of origin: one file changed");
    assert_eq!(deploys, "wait for the pipeline of main to deploy it");

    assert_eq!(check(&step, "revert").0, CheckOutcome::Ok);
    let permission = "origin accepts your login; branch protection of main is only checked at the push";
    assert_eq!(check(&step, "permission"), (CheckOutcome::Ok, permission));
    assert_eq!(check(&step, "branch").0, CheckOutcome::Ok);
    assert_eq!(check(&step, "duration").0, CheckOutcome::Warning);
    assert!(step.manual_command.contains("git revert --no-edit"), "{}", step.manual_command);
    assert!(step.place.starts_with("origin (file://"), "{}", step.place);
}

#[tokio::test]
async fn being_asked_again_gives_the_very_same_step() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy();
    let ask = ask("1.9.0", "1.8.3");
    assert_eq!(step(&strategy, &ask).await, step(&strategy, &ask).await);
}

#[tokio::test]
async fn workloads_of_the_same_commits_are_one_push() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy();
    let one = ask("1.9.0", "1.8.3");
    let mut other = one.clone();
    other.reference.name = "worker".to_owned();
    assert_eq!(step(&strategy, &one).await.subject, step(&strategy, &other).await.subject);
}

#[tokio::test]
async fn what_came_after_the_deploy_ships_along_and_its_authors_are_named() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.ben_pushes("README", "the new shop\n", "a better readme");
    let step = step(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    let (outcome, sentence) = check(&step, "branch");
    assert_eq!(outcome, CheckOutcome::Warning);
    assert!(sentence.starts_with("newer commits on main ship with the revert: "), "{sentence}");
    assert!(sentence.ends_with("“a better readme” by Ben"), "{sentence}");
}

#[tokio::test]
async fn a_conflict_names_its_files_and_leaves_a_worktree_to_resolve_it_in() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.ben_pushes("shop.py", "carts = 2\ntotals = 3\nnames = 1\n", "totals again");
    let strategy = company.strategy_that_fetches_each_time();
    let found = refusal(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert!(
        found.reason.contains("“new totals” by Ana conflicts with what came after it: shop.py"),
        "{}",
        found.reason
    );

    let folder = found.way_out.strip_prefix("resolve it in ").and_then(|rest| rest.split(',').next()).unwrap();
    let folder = std::path::PathBuf::from(folder);
    let text = std::fs::read_to_string(folder.join("shop.py")).unwrap();
    assert!(text.contains("<<<<<<<") && text.contains("totals = 3"), "{text}");
    assert!(found.way_out.contains(", then git revert --no-edit "), "{}", found.way_out);

    let again = refusal(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(again, found, "one worktree is enough");

    company.ben_pushes("README", "x\n", "the branch moves on");
    let anew = refusal(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_ne!(anew.way_out, found.way_out);
    assert!(!folder.exists(), "a worktree for a tip that is gone is no use to anybody");
    let folder = anew.way_out.strip_prefix("resolve it in ").and_then(|rest| rest.split(',').next()).unwrap();
    git(&company.clone(), &["worktree", "remove", "--force", folder]);
}

#[tokio::test]
async fn a_deploy_that_is_reverted_already_is_not_reverted_again() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.ben_pushes("shop.py", "carts = 1\ntotals = 1\nnames = 1\n", "back to the roots");
    let found = refusal(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.starts_with("all of 1.9.0 is already reverted on main ("), "{}", found.reason);
}

#[tokio::test]
async fn each_thing_that_is_in_the_way_is_said_with_a_way_out() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.git(&["switch", "--quiet", "--create", "other", "1.8.3"]);
    company.write("other", "x");
    company.commit("elsewhere");
    company.git(&["tag", "1.9.0-other"]);
    company.git(&["tag", "1.9.0-again", "1.9.0"]);
    company.git(&["push", "--quiet", "--tags"]);

    let strategy = company.strategy();
    for (running, earlier, reason) in [
        ("1.9.0-other", "1.8.3", "1.9.0-other ("),
        ("1.9.0", "1.9.0-other", "1.9.0 ("),
        ("1.9.0-again", "1.9.0", "1.9.0-again and 1.9.0 are the same commit, "),
        ("1.9.1", "1.9.0", "cannot find the commit of 1.9.1 (tried the tags 1.9.1, v1.9.1)"),
    ] {
        let found = refusal(&strategy, &ask(running, earlier)).await;
        assert!(found.reason.starts_with(reason), "{running}: {}", found.reason);
        assert!(!found.way_out.is_empty());
    }
}

#[tokio::test]
async fn a_clone_a_remote_and_a_branch_must_be_there() {
    let company = Company::new();
    company.deploy_1_9_0();
    let told = GitSpec { branch: "main".to_owned(), timeout: Duration::from_secs(60) };
    let mut nowhere = company.repository();
    nowhere.path = company.clone().join("missing");
    let found = refusal(&with_git(Reverts::new(&told, nowhere)), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.contains("is not a git repository: no folder"), "{}", found.reason);

    let mut no_clone = company.repository();
    let folder = tempfile::tempdir().unwrap();
    no_clone.path = folder.path().to_owned();
    let found = refusal(&with_git(Reverts::new(&told, no_clone)), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.contains("not a git repository"), "{}", found.reason);

    let mut no_remote = company.repository();
    no_remote.remote = "upstream".to_owned();
    let found = refusal(&with_git(Reverts::new(&told, no_remote)), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.ends_with("has no remote upstream"), "{}", found.reason);

    let other = GitSpec { branch: "production".to_owned(), ..told.clone() };
    let found = refusal(&with_git(Reverts::new(&other, company.repository())), &ask("1.9.0", "1.8.3")).await;
    assert_eq!(found.reason, "no branch production on origin");

    std::fs::rename(company.remote(), company.remote().with_extension("away")).unwrap();
    let found = refusal(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.starts_with("the remote origin does not answer: "), "{}", found.reason);
}

#[tokio::test]
async fn a_missing_name_shows_before_the_key_and_not_at_it() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.git(&["config", "user.name", ""]);
    let found = refusal(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.starts_with("git cannot create the commit: "), "{}", found.reason);
    assert!(found.way_out.contains(" config user.name NAME && git -C "), "{}", found.way_out);
}

#[tokio::test]
async fn a_signing_key_that_fails_is_told_with_a_command_that_signs_too() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.git(&["config", "commit.gpgSign", "true"]);
    company.git(&["config", "gpg.program", "redflag-has-no-such-gpg"]);
    let found = refusal(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.starts_with("git cannot create the commit: "), "{}", found.reason);
    assert!(found.way_out.starts_with("commits are signed here: unlock the key"), "{}", found.way_out);
    assert!(found.way_out.contains(" commit-tree -S 'HEAD^{tree}' "), "{}", found.way_out);
}

#[tokio::test]
async fn a_shallow_clone_is_named_with_the_command_that_completes_it() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.shallow(1);
    for (running, earlier) in [("1.9.0", "1.8.3"), ("1.9.1", "1.9.0")] {
        let found = refusal(&company.strategy(), &ask(running, earlier)).await;
        assert!(found.reason.contains(" is a shallow clone without the earlier commits: "), "{}", found.reason);
        let command = found.way_out.strip_suffix(", or set a full clone").unwrap();
        assert!(command.ends_with(" fetch --unshallow origin"), "{command}");
    }
    company.git(&["fetch", "--quiet", "--unshallow", "origin"]);
    step(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
}

#[tokio::test]
async fn a_lock_that_another_git_left_is_named() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy_that_fetches_each_time();
    step(&strategy, &ask("1.9.0", "1.8.3")).await;
    company.ben_pushes("README", "x\n", "another");
    let lock = company.clone().join(".git/refs/redflag/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let found = refusal(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert!(found.reason.starts_with("another git is running in "), "{}", found.reason);
    assert!(found.way_out.contains("if no git is running there: rm "), "{}", found.way_out);
    std::fs::remove_file(&lock).unwrap();
    step(&strategy, &ask("1.9.0", "1.8.3")).await;
}

#[tokio::test]
async fn large_files_stay_pointers_and_need_no_git_lfs() {
    let company = Company::new();
    company.git(&["config", "filter.lfs.smudge", "redflag-has-no-such-lfs smudge -- %f"]);
    company.git(&["config", "filter.lfs.clean", "cat"]);
    company.git(&["config", "filter.lfs.required", "true"]);
    company.write(".gitattributes", "*.bin filter=lfs\n");
    company.write("model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n");
    company.commit("a model");
    company.deploy("1.9.0");
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(company.at_remote(&["diff", "1.8.3", "main"]), "");
}

#[tokio::test]
async fn commits_of_another_service_in_the_same_repository_are_named() {
    let company = Company::new();
    company.write("services/shop/main.py", "1\n");
    company.commit("the shop");
    company.write("services/stock/main.py", "1\n");
    company.commit("the stock, by another team");
    company.deploy("1.9.0");
    let step = step(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    let (outcome, sentence) = check(&step, "commits");
    assert_eq!(outcome, CheckOutcome::Warning);
    assert!(
        sentence.starts_with("1 of 2 commits change nothing in shop/ and are rolled back too: ")
            && sentence.ends_with("“the stock, by another team” by Ana"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_deploy_of_several_people_says_whose_commits_go() {
    let company = Company::new();
    company.ben_pushes("README", "the new shop\n", "a better readme");
    company.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
    company.write("shop.py", "carts = 2\ntotals = 1\nnames = 1\n");
    company.commit("faster carts");
    company.deploy("1.9.0");
    let two = step(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    assert_eq!(check(&two, "commits"), (CheckOutcome::Warning, "it rolls back commits of 2 people: Ana, Ben"));
}

#[tokio::test]
async fn the_way_forward_reverts_the_revert() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy_that_fetches_each_time();
    let mut forward = ask("1.8.4", "1.9.0");
    forward.goal = Goal::Undo;
    let found = refusal(&strategy, &forward).await;
    assert_eq!(found.reason, "no revert of 1.9.0 on main");

    let back = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(strategy.performer.perform(&back).await, Answer::Accepted);
    assert_eq!(company.served("shop.py"), "carts = 1\ntotals = 1\nnames = 1\n");

    let step = step(&strategy, &forward).await;
    let Action::Revert(Revert { commits, message, .. }) = &step.action else { panic!() };
    assert_eq!(*commits, [company.tip()]);
    assert!(message.starts_with("Reapply deploy of shop 1.9.0\n"), "{message}");
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(company.served("shop.py"), "carts = 2\ntotals = 2\nnames = 1\n");
}
