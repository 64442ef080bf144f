//! Whether Sentry knows a release at all: an empty list of issues is what it answers to any name.

use super::{Asked, Sentry};
use crate::deploy::Time;
use crate::net::http::short;
use crate::poll::SourceError;
use crate::signal::Point;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The releases that Sentry has shown to know: it forgets none of them while we watch.
#[derive(Default)]
pub(super) struct Known(Mutex<HashSet<String>>);

impl Known {
    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        // A panic elsewhere cannot leave a set half changed in a way that matters.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    version: String,
}

impl Sentry {
    /// The readings, where they are known to be about this release: something was counted, or Sentry knows the name.
    pub(super) async fn proven(
        &self,
        asked: &Asked<'_>,
        points: Vec<Point>,
        now: Time,
    ) -> Result<Vec<Point>, SourceError> {
        let counted = points.iter().any(|(_, sample)| sample.value().is_some_and(|value| value > 0.0));
        if counted {
            self.know(&asked.release);
        } else {
            self.must_know(asked, now).await?;
        }
        Ok(points)
    }

    /// Notes that Sentry knows a release.
    pub(super) fn know(&self, release: &str) {
        if !self.known.names().contains(release) {
            self.known.names().insert(release.to_owned());
        }
    }

    /// Fails where Sentry does not know the release, or may not say.
    async fn must_know(&self, asked: &Asked<'_>, now: Time) -> Result<(), SourceError> {
        if self.known.names().contains(&asked.release) {
            return Ok(());
        }
        let path = ["api", "0", "organizations", &self.organization, "releases", &asked.release, ""];
        match self.http.ask(self.http.get(&path), now).await {
            Ok(_) => {
                self.know(&asked.release);
                Ok(())
            }
            Err(SourceError::NotFound(_)) => {
                let newest = self.newest_release(asked, now).await;
                let newest = newest.map_or_else(String::new, |newest| format!("; newest is {newest}"));
                Err(SourceError::Unproven(format!("Sentry knows no release {}{newest}", asked.release)))
            }
            Err(SourceError::Forbidden(_)) => Err(SourceError::Unproven(format!(
                "no events of {}, and the token may not read whether Sentry knows that release (scope project:read)",
                asked.release
            ))),
            Err(error) => Err(error),
        }
    }

    /// The release that was made last in these projects, for whoever looks for the right name.
    async fn newest_release(&self, asked: &Asked<'_>, now: Time) -> Option<String> {
        let mut fields = self.scope(asked);
        fields.push(("per_page", "1".to_owned()));
        let answer = self.get("releases", &fields, now).await.ok()?;
        let releases: Vec<Release> = answer.json().ok()?;
        releases.first().map(|release| short(&release.version)).filter(|version| !version.is_empty())
    }
}
