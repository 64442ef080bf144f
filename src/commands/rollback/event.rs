//! What a rollback tells a program: the plan as data, what happened, and how it ended, a JSON object a line. The lines for
//! people are made of the same.

use crate::deploy::Time;
use crate::outcome::Outcome;
use crate::output;
use crate::rollback::{Check, CheckOutcome, Covered, Plan, Readiness, Refusal, Step};
use crate::watch::Watch;
use chrono::SecondsFormat;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// The version of the lines. It grows when a field changes its meaning or goes; a new one may come at any time.
const VERSION: u8 = 1;

/// One line of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "A line of `redflag rollback --output json`")]
pub(super) struct Line {
    /// The version of these lines: 1.
    version: u8,
    /// When, RFC 3339 in UTC.
    at: String,
    #[serde(flatten)]
    event: Event,
}

/// What it tells.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Event {
    /// What would be done, and what cannot be.
    Plan(Planned),
    /// There is nothing to do.
    Nothing {
        /// Why, a sentence each.
        why: Vec<String>,
    },
    /// Something of the rollback happened.
    Progress {
        /// In words.
        text: String,
    },
    /// The last line.
    End {
        /// The exit status.
        status: u8,
        /// Whether nothing was asked of anybody: a dry run, a refusal, an answer that was no.
        unchanged: bool,
    },
}

/// A plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Planned {
    /// The environment.
    environment: String,
    /// Whether anything would be done.
    would_work: bool,
    /// Whether the environment's name has to be typed, or given with `--confirm`.
    needs_typing: bool,
    /// How long it should take, in seconds.
    expected_seconds: i64,
    /// The steps by stage: those of a stage side by side, the next stage when all pods of the one before are ready.
    stages: Vec<Vec<PlannedStep>>,
    /// What is left alone, and why.
    left_out: Vec<LeftOut>,
    /// What cannot be rolled back, and why.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlannedStep {
    /// What is acted on.
    subject: String,
    /// The system that is asked.
    place: String,
    /// The workloads that it rolls back.
    covers: Vec<PlannedWorkload>,
    /// What it does, thing by thing.
    does: Vec<String>,
    /// What was checked.
    checks: Vec<Checked>,
    /// What going back does not bring back.
    not_reverted: Vec<String>,
    /// How long it should take, in seconds.
    expected_seconds: i64,
    /// The nearest thing to it on a command line.
    manual_command: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlannedWorkload {
    /// Kind and name: `deployment/app`.
    workload: String,
    /// Its namespace.
    namespace: String,
    /// What runs now.
    from: String,
    /// What would run.
    to: String,
    /// The revision that it goes to.
    revision: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Checked {
    /// What was checked.
    check: String,
    /// How it came out; `typed` wants the environment's name.
    #[schemars(schema_with = "outcomes")]
    outcome: CheckOutcome,
    /// In words.
    sentence: String,
    /// What can be done about it.
    way_out: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LeftOut {
    /// Kind and name.
    workload: String,
    /// Why.
    why: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Refused {
    /// Kind and name.
    workload: String,
    /// Why.
    reason: String,
    /// What to do instead.
    way_out: String,
    /// What was checked.
    checks: Vec<Checked>,
}

fn outcomes(_: &mut SchemaGenerator) -> Schema {
    let all = [CheckOutcome::Ok, CheckOutcome::Warning, CheckOutcome::Typed, CheckOutcome::Blocked];
    json_schema!({ "type": "string", "enum": all })
}

impl Checked {
    fn of(check: &Check) -> Self {
        let (name, sentence) = (check.name().to_owned(), check.sentence.clone());
        Self { check: name, outcome: check.outcome, sentence, way_out: check.way_out.clone() }
    }
}

impl PlannedStep {
    fn of(step: &Step) -> Self {
        let covered = |covered: &Covered| PlannedWorkload {
            workload: covered.reference.to_string(),
            namespace: covered.reference.namespace.clone(),
            from: covered.from.label().to_owned(),
            to: covered.to.label().to_owned(),
            revision: covered.to.revision,
        };
        Self {
            subject: step.subject.clone(),
            place: step.place.clone(),
            covers: step.covers.iter().map(covered).collect(),
            does: step.does.clone(),
            checks: step.checks.iter().map(Checked::of).collect(),
            not_reverted: step.not_reverted.clone(),
            expected_seconds: step.expected.num_seconds(),
            manual_command: step.manual_command.clone(),
        }
    }
}

impl Event {
    /// The plan, and of what it leaves out the reasons.
    pub(super) fn plan(watch: &Watch, plan: &Plan) -> Self {
        let refused = watch.workloads().iter().zip(&watch.setup().workloads).filter_map(|(state, workload)| {
            let Readiness::Blocked(Refusal { reason, way_out, checks }) = &state.readiness else { return None };
            let (reason, way_out) = (reason.clone(), way_out.clone());
            let checks = checks.iter().map(Checked::of).collect();
            Some(Refused { workload: workload.reference.to_string(), reason, way_out, checks })
        });
        let stage = |stage: &Vec<std::sync::Arc<Step>>| stage.iter().map(|step| PlannedStep::of(step)).collect();
        let left_out =
            plan.left_out.iter().map(|left| LeftOut { workload: left.reference.to_string(), why: left.why.clone() });
        Self::Plan(Planned {
            environment: watch.setup().environment.clone(),
            would_work: !plan.is_empty(),
            needs_typing: plan.needs_typing(),
            expected_seconds: plan.expected().num_seconds(),
            stages: plan.stages.iter().map(stage).collect(),
            left_out: left_out.collect(),
            refused: refused.collect(),
        })
    }

    /// The end.
    pub(super) fn end(watch: &Watch, outcome: Outcome) -> Self {
        Self::End { status: outcome.status(), unchanged: watch.last_executed().execution().is_none() }
    }

    /// As a line of text.
    pub(super) fn line(self, at: Time) -> serde_json::Result<String> {
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        serde_json::to_string(&Line { version: VERSION, at, event: self })
    }
}

/// The JSON schema of the lines.
pub(super) fn schema() -> String {
    output::schema::<Line>()
}
