//! Which commit a version is.

use crate::git::company::{Company, version};
use redflag::repository::{Repository, RepositorySpec};
use std::time::Duration;

#[tokio::test]
async fn a_version_is_found_by_its_tag_or_by_the_hash_that_it_ends_in() {
    let company = Company::new();
    company.deploy_1_9_0();
    let hash = company.tip();
    company.git(&["tag", "--annotate", "--message", "x", "v2.0"]);
    company.push();
    let repository = Repository::new(company.repository(), Duration::from_secs(60));
    let [seven, twelve] = [&hash[..7], &hash[..12]];
    for label in [
        "1.9.0".to_owned(),
        "2.0".to_owned(),
        hash.clone(),
        seven.to_owned(),
        format!("1.9.0-3-g{seven}"),
        format!("main-{twelve}"),
        format!("sha-{seven}"),
    ] {
        assert_eq!(repository.commit_of(&version(1, &label)).await.unwrap(), hash, "{label}");
    }
}

#[tokio::test]
async fn a_tag_that_is_new_at_the_remote_is_fetched() {
    let company = Company::new();
    company.at_remote(&["tag", "1.9.9", "main"]);
    let repository = Repository::new(company.repository(), Duration::from_secs(60));
    let version = version(1, "1.9.9");
    assert_eq!(repository.commit_here(&version).await.unwrap(), None);
    assert_eq!(repository.commit_of(&version).await.unwrap(), company.tip());
    assert_eq!(company.git(&["tag", "--list", "1.9.9"]), "", "Ana's tags stay hers");
}

#[tokio::test]
async fn a_branch_that_looks_like_a_hash_is_no_commit() {
    let company = Company::new();
    company.git(&["branch", "abcdef1"]);
    let repository = Repository::new(company.repository(), Duration::from_secs(60));
    assert_eq!(repository.commit_here(&version(1, "abcdef1")).await.unwrap(), None);
    let unknown = repository.commit_of(&version(1, "abcdef1")).await.unwrap_err();
    assert_eq!(unknown.reason, "cannot find the commit of abcdef1 (tried the tags abcdef1, vabcdef1)");
    let spec =
        RepositorySpec { tags: vec!["shop-${version}".to_owned(), "$versions".to_owned()], ..company.repository() };
    let unknown = Repository::new(spec, Duration::from_secs(60)).commit_of(&version(1, "abcdef1")).await.unwrap_err();
    assert_eq!(unknown.reason, "cannot find the commit of abcdef1 (tried the tags shop-abcdef1, $versions)");
}
