//! What GitHub tells of a token before it is asked to start anything.

use crate::net::http::clean;
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

/// `body` is the repository as `GET /repos/{owner}/{repo}` gives it, `scopes` the header `X-OAuth-Scopes`, which only
/// answers to classic tokens have. A workflow is started by who may write to the repository.
pub(super) fn check(repository: &str, body: &Value, scopes: Option<&str>) -> Option<Check> {
    let name = CheckKind::Permission;
    if body["archived"] == true {
        return Some(Check::typed(
            name,
            format!("{repository} is archived: GitHub does not run its workflows"),
            "unarchive it, or roll back another way",
        ));
    }
    let wanted: &[&str] = if body["private"] == false { &["repo", "public_repo"] } else { &["repo"] };
    if let Some(scopes) = scopes
        && !scopes.split(',').any(|scope| wanted.contains(&scope.trim()))
    {
        let has = if scopes.trim().is_empty() {
            "no scope".to_owned()
        } else {
            format!("only the scopes {}", listed(scopes))
        };
        return Some(Check::typed(
            name,
            format!("the token has {has}: GitHub will probably not let it start workflows of {repository}"),
            format!("give it the scope {}", wanted.join(" or ")),
        ));
    }
    // An app's own token has no role: GitHub then tells of none, or of none that counts.
    let role = body["permissions"].as_object()?;
    if ["push", "maintain", "admin"].iter().any(|right| role.get(*right).is_some_and(|given| given == true)) {
        return Some(Check::ok(
            name,
            format!("the token's owner has write access to {repository}, so may start its workflows"),
        ));
    }
    Some(Check::typed(
        name,
        format!(
            "the token's owner only has read access to {repository}: GitHub will probably not let it start \
                 workflows"
        ),
        "give its owner the Write role there, or use a token that has it",
    ))
}

/// Scopes for a sentence, the first few.
fn listed(scopes: &str) -> String {
    let scopes: Vec<String> = scopes.split(',').take(6).map(clean).collect();
    scopes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::CheckOutcome;
    use serde_json::json;

    fn told(body: &Value, scopes: Option<&str>) -> Option<(CheckOutcome, String)> {
        check("example/shop", body, scopes).map(|check| (check.outcome, check.sentence))
    }

    #[test]
    fn who_may_write_may_start_workflows() {
        let role = |push: bool| json!({"private": true, "permissions": {"admin": false, "push": push, "pull": true}});
        assert_eq!(told(&role(true), None).map(|told| told.0), Some(CheckOutcome::Ok));
        let reader = told(&role(false), None);
        let sentence =
            "the token's owner only has read access to example/shop: GitHub will probably not let it start workflows";
        assert_eq!(reader, Some((CheckOutcome::Typed, sentence.to_owned())));
        assert_eq!(told(&json!({"private": true}), None), None, "an app's token is told of no role");
    }

    #[test]
    fn a_classic_token_needs_its_scope() {
        let of = |private: bool, scopes: &str| {
            let body = json!({"private": private, "permissions": {"push": true}});
            told(&body, Some(scopes)).map(|told| told.0)
        };
        assert_eq!(of(true, "repo, workflow"), Some(CheckOutcome::Ok));
        assert_eq!(of(false, "public_repo"), Some(CheckOutcome::Ok));
        assert_eq!(of(true, "public_repo"), Some(CheckOutcome::Typed));
        assert_eq!(of(true, ""), Some(CheckOutcome::Typed));
        let body = json!({"private": true, "permissions": {"push": true}});
        let sentence = told(&body, Some("read:org,gist")).map(|told| told.1);
        let wanted = "the token has only the scopes read:org, gist: GitHub will probably not let it start workflows \
                      of example/shop";
        assert_eq!(sentence.as_deref(), Some(wanted));
    }
}
