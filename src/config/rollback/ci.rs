//! The CI system and its job that rolls a deploy back, checked.

use crate::config::address::{self, Tail};
use crate::config::at::At;
use crate::config::checked::{each, optional};
use crate::config::duration::HumanDuration;
use crate::config::problem::{Problem, Problems};
use crate::config::schema::rollback as schema;
use crate::config::secrets::SecretRef;
use crate::config::sources::{self, Auth, TIMEOUTS};
use crate::config::texts;
use crate::rollback::spec::VARIABLES;
use crate::template::Template;
use chrono::TimeDelta;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long a run may take.
const RUNS: RangeInclusive<TimeDelta> = TimeDelta::seconds(10)..=TimeDelta::hours(2);

/// GitHub's most inputs of a workflow that is started by hand.
const MOST_INPUTS: usize = 25;

/// A CI system without its secrets.
#[derive(Debug)]
pub(in crate::config) struct Ci {
    pub(in crate::config) url: String,
    pub(in crate::config) timeout: Duration,
    pub(in crate::config) run_timeout: Duration,
    pub(in crate::config) system: CiSystem,
}

/// What is asked of it.
#[derive(Debug)]
pub(in crate::config) enum CiSystem {
    GitHub {
        token: At<SecretRef>,
        repository: String,
        workflow: String,
        git_ref: String,
        inputs: Vec<(String, String)>,
    },
    GitLab {
        token: At<SecretRef>,
        project: String,
        environment: String,
        job: Option<String>,
    },
    Jenkins {
        user: String,
        token: At<SecretRef>,
        job: String,
        parameters: Vec<(String, String)>,
    },
    Webhook {
        auth: Auth,
        signing_key: Option<At<SecretRef>>,
        body: Option<String>,
        status_url: Option<String>,
    },
}

impl CiSystem {
    /// Its name in the file.
    pub(in crate::config) fn name(&self) -> &'static str {
        match self {
            Self::GitHub { .. } => "github",
            Self::GitLab { .. } => "gitlab",
            Self::Jenkins { .. } => "jenkins",
            Self::Webhook { .. } => "webhook",
        }
    }
}

pub(super) fn check(raw: &schema::Ci, environment: &str, problems: &mut Problems) -> Option<Ci> {
    let (url, system, timeout, run_timeout) = match raw {
        schema::Ci::GitHub(raw) => (
            address::or_usual(raw.url.as_ref(), "https://api.github.com", problems),
            github(raw, problems),
            &raw.timeout,
            &raw.run_timeout,
        ),
        schema::Ci::GitLab(raw) => (
            address::or_usual(raw.url.as_ref(), "https://gitlab.com", problems),
            gitlab(raw, environment, problems),
            &raw.timeout,
            &raw.run_timeout,
        ),
        schema::Ci::Jenkins(raw) => {
            (address::check(&raw.url, Tail::None, problems), jenkins(raw, problems), &raw.timeout, &raw.run_timeout)
        }
        schema::Ci::Webhook(raw) => {
            (address::check_as_written(&raw.url, problems), webhook(raw, problems), &raw.timeout, &raw.run_timeout)
        }
    };
    let (timeout, run_timeout) = timeouts(timeout.as_ref(), run_timeout.as_ref(), problems)?;
    Some(Ci { url: url?, timeout, run_timeout, system: system? })
}

/// How long an answer and a run may take.
fn timeouts(
    timeout: Option<&At<HumanDuration>>,
    run_timeout: Option<&At<HumanDuration>>,
    problems: &mut Problems,
) -> Option<(Duration, Duration)> {
    let timeout = sources::duration("timeout", timeout, TimeDelta::seconds(10), &TIMEOUTS, problems);
    let run = sources::duration("run_timeout", run_timeout, TimeDelta::minutes(15), &RUNS, problems);
    Some((timeout?.to_std().ok()?, run?.to_std().ok()?))
}

fn github(raw: &schema::GitHub, problems: &mut Problems) -> Option<CiSystem> {
    let repository = texts::check(&raw.repository, &VARIABLES, problems).and_then(|text| {
        let parts: Vec<&str> = text.split('/').collect();
        if matches!(parts.as_slice(), [owner, name] if !owner.is_empty() && !name.is_empty()) {
            return Some(text);
        }
        problems.push(
            Problem::new(&raw.repository.span, format!("`{text}` is not a repository of GitHub"))
                .label("expected owner and name, such as \"example/shop\""),
        );
        None
    });
    let workflow = texts::check(&raw.workflow, &VARIABLES, problems);
    let git_ref = optional(raw.git_ref.as_ref(), |text| texts::check(text, &VARIABLES, problems));
    let inputs = pairs(raw.inputs.as_ref(), problems);
    if let Some(written) = raw.inputs.as_ref().filter(|written| written.len() > MOST_INPUTS) {
        problems.push(
            Problem::new(
                &written.span,
                format!("GitHub takes {MOST_INPUTS} inputs at most, and these are {}", written.len()),
            )
            .way_out("leave some out, or put several into one as JSON"),
        );
        return None;
    }
    Some(CiSystem::GitHub {
        token: raw.token.clone(),
        repository: repository?,
        workflow: workflow?,
        git_ref: git_ref?.unwrap_or_else(|| "main".to_owned()),
        inputs: inputs?,
    })
}

fn gitlab(raw: &schema::GitLab, environment: &str, problems: &mut Problems) -> Option<CiSystem> {
    let project = texts::check(&raw.project, &VARIABLES, problems);
    let named = optional(raw.environment.as_ref(), |text| texts::check(text, &VARIABLES, problems));
    let job = optional(raw.job.as_ref(), |text| texts::check(text, &VARIABLES, problems));
    Some(CiSystem::GitLab {
        token: raw.token.clone(),
        project: project?,
        environment: named?.unwrap_or_else(|| environment.to_owned()),
        job: job?,
    })
}

fn jenkins(raw: &schema::Jenkins, problems: &mut Problems) -> Option<CiSystem> {
    let job = texts::check(&raw.job, &VARIABLES, problems);
    let parameters = pairs(raw.parameters.as_ref(), problems);
    Some(CiSystem::Jenkins {
        user: raw.user.value.clone(),
        token: raw.token.clone(),
        job: job?,
        parameters: parameters?,
    })
}

fn webhook(raw: &schema::Webhook, problems: &mut Problems) -> Option<CiSystem> {
    let name = At::new("webhook".to_owned(), raw.url.span.clone());
    let auth = sources::auth::check(&name, raw.token.clone(), raw.user.clone(), raw.password.clone(), problems);
    let body = optional(raw.body.as_ref(), |text| body(text, problems));
    let status_url = optional(raw.status_url.as_ref(), |url| {
        let known = texts::check(url, &texts::of_a_run(), problems);
        address::check_as_written(url, problems).filter(|_| known.is_some())
    });
    Some(CiSystem::Webhook { auth: auth?, signing_key: raw.signing_key.clone(), body: body?, status_url: status_url? })
}

/// A body is JSON whatever its variables hold: a digit may stand within quotes and without.
fn body(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let text = texts::check(written, &VARIABLES, problems)?;
    let digit = |name: &str| VARIABLES.contains(&name).then_some(Cow::Borrowed("0"));
    let filled = Template::ours(&text).fill_known(digit);
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled) else { return Some(text) };
    problems.push(
        Problem::new(&written.span, format!("this body is not JSON: {error}"))
            .way_out("variables stand in quotes: '{ \"service\": \"$service\", \"version\": \"$to\" }'"),
    );
    None
}

fn pairs(written: Option<&At<BTreeMap<String, At<String>>>>, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    let Some(written) = written else { return Some(Vec::new()) };
    each(written.iter(), |(name, text)| {
        // An empty input is an input all the same.
        let text = if text.is_empty() { String::new() } else { texts::check(text, &VARIABLES, problems)? };
        Some((name.clone(), text))
    })
}
