//! What GitLab tells of a project and its deployments before a job is asked to run.

use crate::net::fields::{link, text};
use crate::rollback::{Blocked, Check, CheckKind};
use serde_json::Value;

/// `lib/gitlab/access.rb`: who may run jobs. A protected environment may ask for more.
const DEVELOPER: i64 = 30;

/// Whether the project lets an earlier deployment be run again.
pub(super) fn settings(about: &Value, project: &str, is_retry: bool) -> Result<Check, Blocked> {
    if about["archived"] == true {
        return Err(Blocked {
            reason: format!("{project} is archived: its jobs cannot run"),
            way_out: "unarchive it, or deploy the earlier version another way".to_owned(),
        });
    }
    let refuses_outdated = about["ci_forward_deployment_enabled"] == true;
    if refuses_outdated && is_retry && about["ci_forward_deployment_rollback_allowed"] == false {
        return Err(Blocked {
            reason: format!("{project} does not let earlier deployment jobs rerun"),
            way_out: "allow it in Settings, CI/CD, General pipelines: Allow job retries for rollback deployments"
                .to_owned(),
        });
    }
    if refuses_outdated && !is_retry {
        let sentence =
            "the project prevents outdated deployment jobs: GitLab may refuse a manual job of an older pipeline";
        let way_out = "leave job out of this environment's rollback.ci: a rerun job is allowed";
        return Ok(Check::warning(CheckKind::Project, sentence, Some(way_out.to_owned())));
    }
    Ok(Check::ok(CheckKind::Project, format!("{project} is readable and lets earlier deployments rerun")))
}

/// Whether the token's role is enough to run a job: a Reporter reads all that a rollback needs, and is refused when it
/// is sent. Roles of groups further up are not told, so no role at all says nothing.
pub(super) fn role(about: &Value, project: &str) -> Option<Check> {
    const NAMES: [(i64, &str); 4] = [(5, "Minimal Access"), (10, "Guest"), (15, "Planner"), (20, "Reporter")];
    let level = |of: &str| about["permissions"][of]["access_level"].as_i64();
    let level = level("project_access").max(level("group_access"))?;
    if level >= DEVELOPER {
        return Some(Check::ok(CheckKind::Permission, format!("the token's role in {project} may run jobs")));
    }
    let role = NAMES.iter().rev().find(|(least, _)| level >= *least).map_or("no role", |(_, name)| *name);
    Some(Check::typed(
        CheckKind::Permission,
        format!("the token is {role} in {project}, which may not run jobs: GitLab will probably refuse it"),
        format!("give its user at least the Developer role in {project}, or use another token"),
    ))
}

/// Somebody's deployment that has not ended.
pub(super) fn in_progress(latest: &Value, environment: &str) -> Option<Check> {
    let name = CheckKind::InProgress;
    let is_open = |one: &&Value| matches!(one["status"].as_str(), Some("running" | "blocked" | "created"));
    let Some(open) = latest.as_array()?.iter().find(is_open) else {
        return Some(Check::ok(name, format!("no deployment to {environment} in progress")));
    };
    let by = open["user"]["username"].as_str().map_or_else(String::new, |user| format!(" by {}", text(&user.into())));
    let look = link(&open["deployable"]["web_url"]).unwrap_or_else(|| format!("deployment {}", text(&open["iid"])));
    Some(Check::warning(
        name,
        format!(
            "a deployment to {environment}{by} is {}: this one may wait for it, or overwrite it",
            text(&open["status"])
        ),
        Some(format!("check it first: {look}")),
    ))
}
