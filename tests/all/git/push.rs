//! The push: what it brings, what it never overwrites, and what is made of each end it can come to.

use crate::git::company::{Company, ask, step};
use redflag::rollback::Answer;

#[tokio::test]
async fn one_push_brings_the_earlier_version_back() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    let before = company.tip();
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);

    assert_eq!(company.at_remote(&["rev-parse", "main^"]).trim(), before, "one commit on top of what was there");
    assert_eq!(company.at_remote(&["diff", "1.8.3", "main"]), "");
    let message = company.at_remote(&["log", "-1", "--format=%an <%ae>%n%B", "main"]);
    assert!(message.starts_with("Ana <ana@example.com>\nRevert deploy of shop 1.9.0\n"), "{message}");
    assert!(message.contains("Rolls back deployment/shop of production to 1.8.3."), "{message}");
    assert!(message.contains("Because of: error rate 2.4 %."), "{message}");
    assert!(message.contains("Redflag-Actor: ana@laptop"), "{message}");
    assert_eq!(message.matches("This reverts commit ").count(), 2, "{message}");
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn a_merge_is_reverted_against_its_first_parent() {
    let company = Company::new();
    company.git(&["switch", "--quiet", "--create", "feature"]);
    company.write("shop.py", "carts = 1\ntotals = 9\nnames = 1\n");
    company.commit("nine totals");
    company.write("feature.py", "x = 1\n");
    company.commit("a feature");
    company.git(&["switch", "--quiet", "main"]);
    company.write("README", "the shop, quietly\n");
    company.commit("words");
    company.deploy("1.8.4");
    company.git(&["merge", "--quiet", "--no-ff", "--message", "Merge feature", "feature"]);
    company.deploy("1.9.0");

    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.4")).await;
    assert_eq!(step.does.len(), 3, "the merge is one thing: {:?}", step.does);
    assert!(step.does[0].starts_with("revert the merge "), "{:?}", step.does);
    assert!(step.manual_command.contains("git revert --no-edit -m 1 "), "{}", step.manual_command);
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(company.at_remote(&["diff", "1.8.4", "main"]), "", "main's own side of the merge stays");
}

#[tokio::test]
async fn what_came_after_the_deploy_stays() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.ben_pushes("README", "the new shop\n", "a better readme");
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(company.served("README"), "the new shop\n");
    assert_eq!(company.served("shop.py"), "carts = 1\ntotals = 1\nnames = 1\n");
}

#[tokio::test]
async fn a_branch_that_moved_on_is_never_overwritten_and_who_moved_it_is_told() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    company.ben_pushes("README", "a fix\n", "fix the totals");
    let tip = company.tip();
    let Answer::ChangedUnderUs(text) = strategy.performer.perform(&step).await else { panic!() };
    assert!(text.starts_with("main moved on: ") && text.ends_with("“fix the totals” by Ben"), "{text}");
    assert_eq!(company.tip(), tip);
    assert!(matches!(strategy.performer.read_back(&step).await, Answer::ChangedUnderUs(_)));
}

#[tokio::test]
async fn the_same_revert_sent_twice_is_pushed_once() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    let tip = company.tip();
    // Another day, another committer: the same step makes another commit.
    company.git(&["config", "user.name", "Cleo"]);
    let again = strategy.performer.perform(&step).await;
    assert_eq!(again, Answer::ChangedUnderUs("this revert is already on main".to_owned()));
    assert_eq!(company.tip(), tip);
}

#[tokio::test]
async fn a_protected_branch_refuses_and_the_revert_can_be_offered_for_review() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.remote_hook(
        "pre-receive",
        "while read _ _ ref; do [ \"$ref\" != refs/heads/main ] || {\n\
         echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1; }; done",
    );
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    let tip = company.tip();
    let Answer::Refused(blocked) = strategy.performer.perform(&step).await else { panic!() };
    let reason = "origin refused the push to main: pre-receive hook declined: GH006: Protected branch update failed \
                  for refs/heads/main.";
    assert_eq!(blocked.reason, reason);
    assert_eq!(company.tip(), tip);

    let (_, command) = blocked.way_out.split_once(": git -C ").unwrap();
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    company.git(&arguments);
    let branch = arguments.last().unwrap().split_once(':').unwrap().1;
    assert_eq!(company.at_remote(&["diff", "1.8.3", branch]), "", "the way out works as it is written");
}

#[tokio::test]
async fn a_branch_that_takes_only_signed_commits_leads_to_signing_and_not_to_the_same_refusal() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.remote_hook(
        "pre-receive",
        "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2\n\
         echo '- Commits must have verified signatures.' >&2\nexit 1",
    );
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    let Answer::Refused(blocked) = strategy.performer.perform(&step).await else { panic!() };
    assert!(blocked.reason.contains("Commits must have verified signatures"), "{}", blocked.reason);
    assert!(blocked.way_out.starts_with("set up signing here, then reopen the plan: git -C "), "{}", blocked.way_out);
    assert!(!blocked.way_out.contains(" push "), "{}", blocked.way_out);
}

#[cfg(unix)]
#[tokio::test]
async fn a_push_that_broke_off_before_it_was_taken_is_unknown_and_then_known_not_to_have_arrived() {
    let company = Company::new();
    company.deploy_1_9_0();
    company.remote_hook("pre-receive", "kill -9 $PPID");
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    let tip = company.tip();
    let answer = strategy.performer.perform(&step).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    assert_eq!(company.tip(), tip);
    let Answer::Refused(blocked) = strategy.performer.read_back(&step).await else { panic!() };
    assert_eq!(blocked.reason, "the push to main did not arrive");
}

#[cfg(unix)]
#[tokio::test]
async fn a_push_whose_answer_was_lost_is_unknown_and_then_found_on_the_branch() {
    let company = Company::new();
    company.deploy_1_9_0();
    // The branch has moved when this runs, and whoever pushed has not heard of it.
    company.remote_hook("reference-transaction", "[ \"$1\" != committed ] || kill -9 $PPID");
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    let answer = strategy.performer.perform(&step).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    assert_eq!(company.served("shop.py"), "carts = 1\ntotals = 1\nnames = 1\n");
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn a_remote_that_is_gone_was_sent_nothing() {
    let company = Company::new();
    company.deploy_1_9_0();
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    std::fs::rename(company.remote(), company.remote().with_extension("away")).unwrap();
    let answer = strategy.performer.perform(&step).await;
    assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    assert!(matches!(strategy.performer.read_back(&step).await, Answer::Unknown(_)));
}
