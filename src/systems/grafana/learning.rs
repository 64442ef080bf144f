//! How far apart a data source's samples are: by the samples themselves, and by what its settings say.

use super::queries::{body, one_query};
use super::{DataSource, Grafana, explain};
use crate::deploy::Time;
use crate::poll::{PollRequest, SourceError};
use crate::systems::shared::fail_fast::FailFast;
use crate::systems::shared::scrape::Question;
use chrono::TimeDelta;
use serde::Deserialize;

/// A data source by its uid. `timeInterval` is what its page calls the scrape interval.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(default)]
    json_data: Option<JsonData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonData {
    #[serde(default)]
    time_interval: Option<String>,
}

impl Grafana {
    /// Asks what the queries have to be filled in with, where that is not known yet. What fails is not known, and the
    /// queries themselves tell why.
    pub(super) async fn learn(&self, request: &PollRequest, fail_fast: &FailFast) {
        for of in &self.datasources {
            let questions = of.scrapes.questions(&of.queries, request);
            if questions.is_empty() {
                continue;
            }
            // Nothing is known, then, and it is asked again later.
            let _ = fail_fast.ask(self.ask_samples(of, questions, request.to)).await;
            if !of.scrapes.has_said()
                && let Ok(scrape) = fail_fast.ask(self.ask_settings(&of.uid, request.to)).await
            {
                of.scrapes.said(scrape);
            }
        }
    }

    async fn ask_samples(&self, of: &DataSource, questions: Vec<Question>, now: Time) -> Result<(), SourceError> {
        let name = |place: usize| format!("L{place}");
        let spans = questions.iter().map(|question| question.span(now));
        let from = spans.clone().map(|(from, _)| from).min().unwrap_or(now);
        let queries = questions.iter().zip(spans).enumerate();
        let queries =
            queries.map(|(place, (question, (_, step)))| one_query(&of.uid, &name(place), &question.text(), step));
        let queries: Vec<_> = queries.collect();
        let answer = self.send(&body(from, now, &queries)).await?;
        let answer = self.partial(&answer, now)?;
        for (place, question) in questions.into_iter().enumerate() {
            of.scrapes.learn(question, &answer.bins(&name(place)));
        }
        Ok(())
    }

    /// What the data source's settings say. A token for queries alone may not see them.
    async fn ask_settings(&self, uid: &str, now: Time) -> Result<Option<TimeDelta>, SourceError> {
        let path = ["api", "datasources", "uid", uid];
        let settings: Settings = self.http.ask(self.http.get(&path), now).await.map_err(explain)?.json()?;
        Ok(settings.json_data.and_then(|data| data.time_interval).and_then(|written| length(&written)))
    }
}

/// A duration as Grafana writes it: `30s`, `1m`; bare numbers are seconds.
fn length(written: &str) -> Option<TimeDelta> {
    let written = written.trim();
    let (number, unit) =
        written.split_at(written.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(written.len()));
    let number: i64 = number.parse().ok()?;
    let length = match unit {
        "ms" => TimeDelta::try_milliseconds(number),
        "s" | "" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        _ => None,
    };
    length.filter(|length| *length > TimeDelta::zero() && *length <= TimeDelta::hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_write_a_length_as_people_do() {
        let read = |written| length(written).map(|length| length.num_milliseconds());
        assert_eq!(["30s", "1m", " 15 ", "500ms"].map(read), [Some(30_000), Some(60_000), Some(15_000), Some(500)]);
        assert_eq!(["", "0s", "$x", "1m30s", "9999h"].map(read), [None; 5]);
    }
}
