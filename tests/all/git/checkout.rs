//! The person's own checkout is never touched: not by what works, not by what fails.

use crate::git::company::{Company, ask, git, refusal, step};
use redflag::rollback::Answer;

/// Ana is in the midst of something else.
fn busy(company: &Company) {
    company.git(&["switch", "--quiet", "--create", "ana/work", "1.8.3"]);
    company.write("README", "stashed\n");
    company.git(&["stash", "--quiet"]);
    company.write("README", "not staged\n");
    company.write("new", "staged\n");
    company.git(&["add", "new"]);
    company.write("untracked", "x\n");
}

#[tokio::test]
async fn a_revert_leaves_the_checkout_as_it_was() {
    let company = Company::new();
    company.deploy_1_9_0();
    busy(&company);
    company.ben_pushes("README", "more\n", "news that Ana has not fetched");
    let (before, tracked) = (company.fingerprint(), company.tracked());
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(company.fingerprint(), before, "after the attempt");
    assert_eq!(company.tracked(), tracked, "only a push, as any push of hers, moves what she knows of the remote");
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(company.fingerprint(), before, "after the push");
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);
    assert_eq!(company.fingerprint(), before, "after reading back");
}

#[tokio::test]
async fn a_conflict_leaves_the_checkout_as_it_was_but_for_the_worktree_that_it_names() {
    let company = Company::new();
    company.deploy_1_9_0();
    busy(&company);
    company.ben_pushes("shop.py", "carts = 7\ntotals = 7\nnames = 1\n", "sevens");
    let before = company.fingerprint();
    let found = refusal(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    let folder = found.way_out.strip_prefix("resolve it in ").and_then(|rest| rest.split(',').next()).unwrap();
    git(&company.clone(), &["worktree", "remove", "--force", folder]);
    assert_eq!(company.fingerprint(), before);
}

#[tokio::test]
async fn hooks_of_the_person_do_not_run() {
    let company = Company::new();
    company.deploy_1_9_0();
    let mark = company.clone().join(".git/ran");
    for hook in ["pre-push", "pre-commit", "commit-msg", "post-checkout", "prepare-commit-msg", "reference-transaction"]
    {
        company.own_hook(hook, &format!("echo {hook} >> {}\nexit 1", mark.display()));
    }
    let strategy = company.strategy();
    let step = step(&strategy, &ask("1.9.0", "1.8.3")).await;
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert!(!mark.exists(), "{:?}", std::fs::read_to_string(&mark));
}

#[tokio::test]
async fn a_tag_that_was_moved_at_the_remote_does_not_stop_anything_and_counts() {
    let company = Company::new();
    company.deploy_1_9_0();
    // Ana's own 1.9.0 is another commit than the remote's.
    company.git(&["tag", "--force", "1.9.0", "1.8.3"]);
    let before = company.fingerprint();
    let step = step(&company.strategy(), &ask("1.9.0", "1.8.3")).await;
    assert_eq!(step.does.len(), 4, "{:?}", step.does);
    assert_eq!(company.fingerprint(), before);
}
