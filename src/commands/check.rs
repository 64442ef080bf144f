//! `redflag check`: every source, credential and permission tried, one line each.

use super::{CommandError, block_on, load, print};
use crate::cli::{CheckArgs, Global};
use crate::config::{AssembleOptions, Assembly, SystemSecrets};
use crate::poll::PollRequest;
use crate::setup::Told;
use crate::source::spec::SourceSpec;
use crate::source::{self, CheckFailure, CheckLine};
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;

/// How far back the queries are tried: far enough for a service that is asked once a minute.
const SPAN: TimeDelta = TimeDelta::minutes(30);

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<u8, CommandError> {
    let config = load(global)?;
    let now = Utc::now();
    let options = AssembleOptions { told: Told::default(), read_only: true, started: now, clock_speed: 1.0 };
    let Assembly { setup, sources } =
        config.assemble(args.environment.as_deref(), &options, &SystemSecrets::default())?;
    let request = PollRequest {
        from: now - SPAN,
        to: now,
        deployed_at: None,
        versions: setup.services.iter().map(|_| None).collect(),
    };
    let lines = block_on(async { Ok(join_all(sources.iter().map(|spec| check(spec, &request))).await) })?;
    let lines: Vec<CheckLine> = lines.into_iter().flatten().collect();
    let mut text = format!("environment {}\n", setup.environment);
    for line in &lines {
        text += &shown(line);
    }
    let failed = lines.iter().filter(|line| line.result.is_err()).count();
    text += &match failed {
        0 => format!("all {} checks passed\n", lines.len()),
        failed => format!("{failed} of {} checks failed\n", lines.len()),
    };
    print(text.as_bytes())?;
    Ok(u8::from(failed > 0))
}

async fn check(spec: &SourceSpec, request: &PollRequest) -> Vec<CheckLine> {
    if let SourceSpec::Kubernetes(spec) = spec {
        return source::kubernetes::check(spec).await;
    }
    match source::build(spec) {
        Ok(Some(source)) => source.check(request).await,
        Ok(None) => Vec::new(),
        Err(error) => vec![CheckLine {
            what: "client".to_owned(),
            result: Err(CheckFailure {
                reason: error.to_string(),
                way_out: "mend the source's settings in the configuration".to_owned(),
            }),
        }],
    }
}

fn shown(line: &CheckLine) -> String {
    match &line.result {
        Ok(remark) => format!("ok    {}: {remark}\n", line.what),
        Err(failure) => format!("FAIL  {}: {}; {}\n", line.what, failure.reason, failure.way_out),
    }
}
