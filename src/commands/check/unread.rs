//! The sources that the environment does not read: whoever configured one wants to know whether it works.

use super::report::Report;
use crate::config::Unread;
use crate::poll::PollRequest;
use crate::systems::api::CheckLine;

/// What comes of trying one. A secret that cannot be had is no failure: nobody needs it here.
pub(super) async fn check(source: &Unread, request: &PollRequest) -> Report {
    let mut report = Report::default();
    match &source.spec {
        Ok(spec) => {
            for line in super::check(spec, request).await {
                let result = line.result.map(|remark| format!("{remark}; not read by this environment"));
                report.line(CheckLine { result, ..line }.into());
            }
        }
        Err(why) => report.untried(format!("{} ({})", source.name, why.join(", "))),
    }
    report
}
